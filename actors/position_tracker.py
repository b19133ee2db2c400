"""Owns what we hold: positions, average entries and cash, from fills, funding and account snapshots."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar, Final

from actors.book_mirror import follow
from actors.holding import Holding, twice_mid
from actors.position_doubts import PositionDoubts
from actors.runtime.actor import Actor
from actors.wallet_check import WalletCheck
from market.book import Book
from market.instrument import InstrumentTable
from market.messages import (
    AccountSnapshot,
    ActorUp,
    Adjustment,
    AmendOrder,
    AmendRejected,
    BookUpdate,
    CancelAll,
    CancelOrder,
    CancelRejected,
    EquityStamp,
    Fill,
    Fresh,
    FundingPayment,
    LogReplayed,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderExpired,
    OrderRejected,
    OrderStatus,
    PlaceOrder,
    Position,
    PositionInDoubt,
    PositionsCompared,
    Stale,
    Started,
    Stop,
    TimerFired,
)
from market.units import SECOND, InstrumentId, Lots, Nanos, Ticks

STAMP: Final = 1  # timer token
_RECENT: Final = 600 * SECOND  # longer than any account snapshot is under way

# what stands in the run's own log besides, and says nothing of positions
_NOT_OURS: Final = (
    PlaceOrder,
    AmendOrder,
    CancelOrder,
    CancelAll,
    OrderAccepted,
    OrderRejected,
    OrderAmended,
    AmendRejected,
    OrderCancelled,
    CancelRejected,
    OrderExpired,
)


class PositionTracker(Actor):
    """In: fills, funding, account snapshots, books.  Out: `Position`, `EquityStamp`, `Adjustment`, doubts, wallets.

    Args:
        traded: the instruments that get a row of equity at every multiple of `stamp_s` (UTC) and at the end.

    Attributes:
        books: mirrors of the traded instruments' books, for the mark.
        stamp_ns: between two rows of equity.
    """

    ports: ClassVar[tuple[str, ...]] = ("positions", "equity", "adjustments", "doubts", "wallets")

    def __init__(
        self,
        name: str,
        instruments: InstrumentTable,
        traded: Sequence[InstrumentId],
        stamp_s: float = 1.0,
        depth: int = 20,
    ) -> None:
        super().__init__(name)
        if not 0.001 <= stamp_s < float("inf"):
            raise ValueError(f"stamp_s must be at least 0.001 and finite, got {stamp_s}")
        self._traded = tuple(sorted(set(traded)))
        self.books: dict[InstrumentId, Book] = {i: Book(instruments[i], depth) for i in self._traded}
        self._holdings = [Holding(instrument) for instrument in instruments]
        self._recent: deque[Fill] = deque()
        self._doubts = PositionDoubts(set())
        self._wallets = WalletCheck(self._holdings, {venue: n for n, venue in enumerate(instruments.venues)})
        self.stamp_ns = round(stamp_s * SECOND)
        self._stamped: tuple[Nanos, int] = (-1, 0)
        self._is_replaying = False
        self.on = {
            Fill: self._on_fill,
            FundingPayment: self._on_funding,
            AccountSnapshot: self._on_account,
            Adjustment: self._on_logged_adjustment,
            BookUpdate: lambda m: follow(self.books, m),
            TimerFired: self._on_timer,
            # a stale book still gives the best mark there is
            Stale: lambda m: None,
            Fresh: lambda m: None,
            ActorUp: self._on_actor_up,
            OrderStatus: lambda m: None,  # it comes by the way of the snapshots
            Started: self._on_started,
            LogReplayed: self._on_log_replayed,
            Stop: lambda m: self._stamp(),
            **dict.fromkeys(_NOT_OURS, self._pass_over),
        }

    def holding(self, instrument: InstrumentId) -> Holding:
        """Return what we hold of an instrument."""
        return self._holdings[instrument]

    # --- what changes positions --------------------------------------------------------------------------------------

    def _on_fill(self, fill: Fill) -> None:
        holding = self._holdings[fill.instrument]
        if not holding.fill(fill):
            return
        recent = self._recent
        recent.append(fill)
        while recent[0].ts_venue < fill.ts_venue - _RECENT:
            recent.popleft()
        if self._is_replaying:
            return
        if fill.ts_venue <= holding.adjusted_to:
            reason = f"fill {fill.fill_id} was in the account already that our position was adjusted to"
            self._adjust(holding, -fill.side * fill.size, holding.adjusted_to, holding.adjustment_price, reason)
        self._tell(holding)

    def _on_funding(self, payment: FundingPayment) -> None:
        self._holdings[payment.instrument].fund(payment)

    def _on_account(self, snapshot: AccountSnapshot) -> None:
        """Count fills and funding that we missed; what they do not explain, twice, is adjusted, and said so."""
        for payment in snapshot.payments:
            self._on_funding(payment)
        for fill in snapshot.fills:
            self._on_fill(fill)
        counted = {(fill.instrument, fill.fill_id) for fill in snapshot.fills}
        for instrument, lots in snapshot.positions:
            later = sum(
                fill.side * fill.size for fill in self._recent if fill.instrument == instrument
                and _is_later(fill, snapshot.ts_venue, counted)
            )  # fmt: skip
            self._compare(snapshot, instrument, lots, self._holdings[instrument].lots - later)
        self.out.append(("doubts", PositionsCompared(snapshot.venue, snapshot.ts_request)))
        self.out += (("wallets", each) for each in self._wallets.compare(snapshot, self.now))

    def _compare(self, snapshot: AccountSnapshot, instrument: InstrumentId, theirs: Lots, ours: Lots) -> None:
        holding, doubts, lots = self._holdings[instrument], self._doubts, theirs - ours
        if lots and not doubts.confirms(instrument, lots, holding.n_fills, snapshot.ts_request, self.now):
            self.out.append(("doubts", PositionInDoubt(instrument, self.now, lots)))
            return
        if lots:
            reason = f"the account holds {theirs} lots, the fills make {ours}"
            price = holding.price_at(self.books.get(instrument))
            self._adjust(holding, lots, snapshot.ts_venue, price, reason)
            self._tell(holding)
        if doubts.settle(instrument):
            self.out.append(("doubts", PositionInDoubt(instrument, self.now, 0)))  # after what ended it

    def _adjust(self, holding: Holding, lots: Lots, ts_venue: Nanos, price: Ticks, reason: str) -> None:
        instrument, number = holding.instrument.id, holding.next_adjustment
        adjustment = Adjustment(instrument, self.now, ts_venue, number, lots, price, reason)
        holding.adjust(adjustment)
        self.out.append(("adjustments", adjustment))

    def _on_logged_adjustment(self, adjustment: Adjustment) -> None:
        self._holdings[adjustment.instrument].adjust(adjustment)

    # --- what is told ------------------------------------------------------------------------------------------------

    def _tell(self, holding: Holding) -> None:
        position = Position(holding.instrument.id, self.now, holding.lots, holding.average_entry)
        self.out.append(("positions", position))

    def _tell_all(self) -> None:
        for holding in self._holdings:
            if holding.n_changes:
                self._tell(holding)

    def _on_timer(self, message: TimerFired) -> None:
        self._stamp()
        self._set_stamp_timer()

    def _stamp(self) -> None:
        n_changes = sum(holding.n_changes for holding in self._holdings)
        if (self.now, n_changes) == self._stamped:
            return
        self._stamped = (self.now, n_changes)
        for instrument in self._traded:
            stamp = self._holdings[instrument].stamp(self.now, twice_mid(self.books[instrument]))
            self.out.append(("equity", stamp))

    def _set_stamp_timer(self) -> None:
        self.set_timer(self.now - self.now % self.stamp_ns + self.stamp_ns, STAMP)

    def stamps(self, times: Iterable[Nanos], marks: Iterable[Sequence[Ticks]]) -> Iterator[EquityStamp]:
        """Give what its timer would bring about at these times, and ask for the next one.

        Args:
            marks: at each time, twice the mid of every instrument by id, 0 where it is not known.
        """
        traded = [(i, self._holdings[i]) for i in self._traded]
        n_changes = sum(holding.n_changes for holding in self._holdings)
        for now, twice in zip(times, marks, strict=True):
            self.now = now
            for i, holding in traded:
                yield holding.stamp(now, twice[i])
        self._stamped = (self.now, n_changes)
        self._set_stamp_timer()

    def _on_actor_up(self, message: ActorUp) -> None:
        # a quoter begins anew, and knows of nothing
        if message.kind == "quoter":
            self._tell_all()
        elif message.kind == "manager":
            for instrument, lots in self._doubts.lots().items():
                self.out.append(("doubts", PositionInDoubt(instrument, self.now, lots)))

    # --- life --------------------------------------------------------------------------------------------------------

    def _on_started(self, message: Started) -> None:
        self._is_replaying = message.generation > 0
        if message.generation > 0:
            self._doubts = PositionDoubts(set(range(len(self._holdings))))
        self._set_stamp_timer()

    def _pass_over(self, message: object) -> None:
        # commands and order facts come from the run's own log only: this is a replay, also at a first start
        self._is_replaying = True

    def _on_log_replayed(self, message: LogReplayed) -> None:
        self._is_replaying = False
        self._tell_all()


def _is_later(fill: Fill, ts_venue: Nanos, counted: set[tuple[InstrumentId, int]]) -> bool:
    """Tell whether a fill happened after the snapshot; of those at its very instant it counts what it lists."""
    if fill.ts_venue != ts_venue:
        return fill.ts_venue > ts_venue
    return (fill.instrument, fill.fill_id) not in counted
