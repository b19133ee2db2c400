"""The simulated venue: stands where a connector stands live, behind the same ports."""

from array import array
from collections.abc import Callable
from typing import ClassVar, Final

import msgspec

from actors.runtime.nursery import Shell, stands_in_the_log
from market.instrument import InstrumentTable
from market.messages import (
    AccountSnapshot,
    AmendOrder,
    BookSnapshot,
    CancelAll,
    CancelOrder,
    ConnectionUp,
    Fill,
    Margin,
    OrderState,
    OrderStatus,
    PlaceOrder,
    QueryOrder,
    RequestAccount,
    RequestSnapshot,
    Started,
)
from market.units import SECOND, ClientOrderId, Lots, Nanos, VenueId
from sim.command_kernels import ACCOUNT, SNAPSHOT, answer_payload, submit
from sim.exchange import Exchange
from sim.funding_history import FundingHistory
from sim.matching_kernels import FILL_MAKER, FILL_TAKER, PAYLOAD
from sim.state_kernels import (
    ACK_PRIVATE,
    ACK_PUBLIC,
    R_CLIENT_ID,
    R_DETAIL,
    R_INSTRUMENT,
    R_KIND,
    R_PRICE,
    R_SIDE,
    R_SIZE,
    R_TS,
    RING_ACK_PRIVATE,
    RING_ACK_PUBLIC,
)

FactRow = list[int]
KeptFill = tuple[int, ...]  # what FillHistory keeps of a fill: eight ints

_MISSED: Final[Nanos] = 600 * SECOND  # longer than any connection is down


class SimVenue(Shell):
    """Commands are taken by the exchange's kernels where they stand in the run's log; what comes out is told by the
    market source through this shell's ports.

    A crash is a lost connection: the source loses what was in flight, resting orders stay.

    Args:
        on_distrust: called when a book is asked for: its keeper does not trust the one it has.
        command: puts a command of the shell's own into the run's log, in the nursery's sight; False: it is down.
        margin: tells the margin of the account as it is now.
    """

    ports: ClassVar[tuple[str, ...]] = ("books", "trades", "facts", "fills", "connection")

    def __init__(
        self,
        name: str,
        venue: VenueId,
        exchange: Exchange,
        history: "FillHistory",
        on_distrust: Callable[[], None],
        command: Callable[[CancelAll], bool],
        margin: Callable[[VenueId], Margin | None],
    ) -> None:
        super().__init__(name)
        self.venue = venue
        self._exchange = exchange
        self._history = history
        self._on_distrust = on_distrust
        self._command = command
        self._margin = margin
        self._n_payloads = 0
        self._asked: dict[int, tuple[Nanos, int | QueryOrder]] = {}
        self._answers: dict[int, AccountSnapshot | BookSnapshot | OrderStatus] = {}
        self._proof = 0  # number of the account that shows what is left, once abandoned
        self._n_unproven = 0
        self.on = {
            **dict.fromkeys((PlaceOrder, AmendOrder, CancelOrder, CancelAll), stands_in_the_log),
            RequestAccount: self._request_account,
            QueryOrder: self._query,
            RequestSnapshot: self._request_snapshot,
            Started: self._start,
        }

    # --- requests ---------------------------------------------------------------------------------------------------

    def _request_account(self, m: RequestAccount) -> None:
        self._ask(ACCOUNT, m.fills_since)

    def _request_snapshot(self, m: RequestSnapshot) -> None:
        self._on_distrust()  # a keeper that trusts a book no more wants to hear itself what comes of it
        self._ask(SNAPSHOT, m.instrument)

    def _query(self, m: QueryOrder) -> None:
        self._ask(ACCOUNT, m)

    def _ask(self, kind: int, what: int | QueryOrder) -> None:
        self._exchange.take_commands()  # those before this one go first
        if not submit(self._exchange.state, self.now, self.venue, kind, 0, 0, 0, 0, 0, self._n_payloads + 1):
            self._exchange.grow_orders()
            self._ask(kind, what)
            return
        self._n_payloads += 1
        self._asked[self._n_payloads] = (self.now, what)

    def _start(self, started: Started) -> None:
        self.out.append(("connection", ConnectionUp(self.venue, self.now, started.generation)))

    # --- the end of a run that is given up --------------------------------------------------------------------------

    @property
    def n_unproven(self) -> int:
        """Return how many orders `abandon` has not yet seen the end of; 1 before the venue has answered."""
        return self._n_unproven

    def abandon(self) -> None:
        """Cancel every order, and ask what is left: requests are served in order, so none of ours can come later."""
        for instrument in self._exchange.instruments:
            if self._exchange.venue_of(instrument.id) == self.venue:
                self._command(CancelAll(instrument.id))
        self._ask(ACCOUNT, max(0, self.now - _MISSED))
        self._proof = self._n_payloads
        self._n_unproven = 1

    # --- what the market source calls -------------------------------------------------------------------------------

    def arrive(self, kind: int, number: int, now: Nanos) -> None:
        """Let a question arrive: its answer is what is true at this instant."""
        asked = self._asked.pop(number, None)
        if asked is None:  # of an earlier connection
            return
        ts_request, what = asked
        exchange = self._exchange
        if isinstance(what, QueryOrder):
            self._answers[number] = self._status(what, ts_request, now)
            ring, channel = RING_ACK_PRIVATE, ACK_PRIVATE
        elif kind == ACCOUNT:
            self._answers[number] = AccountSnapshot(
                self.venue,
                ts_request,
                now,
                0,
                what,
                exchange.open_orders(self.venue),
                self._history.since(what, self.venue, exchange),
                exchange.positions(self.venue),
                self._history.funding.since(what, self.venue, exchange),
                margin=self._margin(self.venue),
            )
            ring, channel = RING_ACK_PRIVATE, ACK_PRIVATE
        else:
            levels = exchange.venue_levels(what)
            if levels is None:
                return  # the venue's own book is broken by a gap of the recording; its next snapshot heals both sides
            bids, asks, seq, ts_venue = levels
            self._answers[number] = BookSnapshot(what, ts_venue, 0, seq, bids, asks)
            ring, channel = RING_ACK_PUBLIC, ACK_PUBLIC
        if not answer_payload(exchange.state, self.venue, ring, channel, PAYLOAD, number):
            exchange.grow_orders()
            answer_payload(exchange.state, self.venue, ring, channel, PAYLOAD, number)

    def _status(self, query: QueryOrder, ts_request: Nanos, now: Nanos) -> OrderStatus:
        """Return what became of an order: this venue remembers open orders and fills, and no other."""
        client_id, stamps = query.client_id, (query.client_id, query.instrument, ts_request, now, 0)
        for each in self._exchange.open_orders(self.venue):
            if each.client_id == client_id:
                return OrderStatus(*stamps, int(OrderState.OPEN), each.price, each.size, each.filled)
        filled = self._history.filled(client_id, self.venue, self._exchange)
        state = OrderState.CANCELLED if filled else OrderState.UNKNOWN
        return OrderStatus(*stamps, int(state), 0, 0, filled)

    def answer(self, number: int, now: Nanos) -> AccountSnapshot | BookSnapshot | OrderStatus | None:
        """Return an answer that reaches us now; None for one to an earlier connection."""
        answer = self._answers.pop(number, None)
        if number == self._proof and isinstance(answer, AccountSnapshot):
            self._n_unproven = len(answer.open_orders)
        return None if answer is None else msgspec.structs.replace(answer, ts_recv=now)


class FillHistory:
    """Every fill that a venue made, told or not: what an account snapshot draws on, with the `funding` paid."""

    def __init__(self, instruments: InstrumentTable, n_venues: int) -> None:
        self.funding = FundingHistory(instruments, n_venues)
        self._instruments = instruments
        self._rows = [array("q") for _ in range(n_venues)]

    def __len__(self) -> int:
        """Count the fills that were told."""
        return sum(len(rows) for rows in self._rows) // 8

    def since(self, ts: Nanos, venue: VenueId, exchange: Exchange) -> tuple[Fill, ...]:
        """Return the fills with a venue time >= `ts`, those under way included, by venue time."""
        rows = [row for row in (*self.told(venue), *self.in_flight(venue, exchange)) if row[2] >= ts]
        rows.sort(key=lambda row: (row[2], row[1], row[3]))
        return tuple(self.fill_of(row, row[2]) for row in rows)

    def told(self, venue: VenueId, after: int = 0) -> list[KeptFill]:
        """Return the fills that were told, from the `after`-th on."""
        rows = self._rows[venue]
        return [tuple(rows[at : at + 8]) for at in range(8 * after, len(rows), 8)]

    def in_flight(self, venue: VenueId, exchange: Exchange) -> list[KeptFill]:
        """Return the fills that are under way."""
        return [self._kept(row) for row in exchange.facts_in_flight(venue) if self._is_fill(row)]

    def filled(self, client_id: ClientOrderId, venue: VenueId, exchange: Exchange) -> Lots:
        """Return how much of an order was filled, told or not."""
        rows = self._rows[venue]
        told = sum(rows[at + 6] for at in range(0, len(rows), 8) if rows[at] == client_id)
        under_way = exchange.facts_in_flight(venue)
        return told + sum(row[R_SIZE] for row in under_way if self._is_fill(row) and row[R_CLIENT_ID] == client_id)

    def keep_in_flight(self, exchange: Exchange, venue: VenueId) -> None:
        """Keep the fills and payments whose news is about to be lost."""
        self.funding.keep_in_flight(exchange, venue)
        for row in self.in_flight(venue, exchange):
            self._rows[venue].extend(row)

    def fill(self, venue: VenueId, row: FactRow, now: Nanos) -> Fill:
        """Keep a fill that is delivered now, and return it as a message."""
        kept = self._kept(row)
        self._rows[venue].extend(kept)
        return self.fill_of(kept, now)

    @staticmethod
    def _is_fill(row: FactRow) -> bool:
        return row[R_KIND] in (FILL_MAKER, FILL_TAKER)

    @staticmethod
    def _kept(row: FactRow) -> KeptFill:
        return (
            row[R_CLIENT_ID],
            row[R_INSTRUMENT],
            row[R_TS],
            row[R_DETAIL],
            row[R_SIDE],
            row[R_PRICE],
            row[R_SIZE],
            row[R_KIND],
        )

    def fill_of(self, row: KeptFill, ts_recv: Nanos) -> Fill:
        """Return a fill as a message."""
        client_id, i, ts_venue, fill_id, side, price, size, kind = row
        is_maker = kind == FILL_MAKER
        fee = self._instruments[i].fee(price, size, is_maker)
        return Fill(client_id, i, ts_venue, ts_recv, fill_id, side, price, size, is_maker, round(fee * 10**12))
