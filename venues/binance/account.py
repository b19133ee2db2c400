"""The account as one snapshot, from several questions by REST.

Open orders and positions are asked for first and fills after them, so that no fill is in a position and not among the
fills.  All of it is true at the venue time at which the first question left, or later; facts after that time win.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

import attrs
import msgspec

from market.instrument import Instrument
from market.messages import AccountSnapshot, Fill, FundingPayment, Margin, OpenOrder, OrderFlag, RequestAccount
from market.units import DAY, MS, InstrumentId, Lots, Nanos
from venues.binance.account_checks import balances, margin
from venues.binance.account_structs import AccountTrade, Income, OrderAnswer, PositionAnswer
from venues.binance.answers import refusal_of_body
from venues.binance.client_ids import client_id_of
from venues.binance.errors import Refusal
from venues.binance.fills import Symbols, payment_id, side_of
from venues.binance.order_index import OrderIndex
from venues.binance.queries import MAX_TRADES, AccountQueries
from venues.wallet import wallet_of
from venues.wire import HttpRequest, InstrumentGrid, RemoteProtocolError, decode, money_e12

_ORDERS: Final = msgspec.json.Decoder(list[OrderAnswer])
_ORDER: Final = msgspec.json.Decoder(OrderAnswer)
_POSITIONS: Final = msgspec.json.Decoder(list[PositionAnswer])
_TRADES: Final = msgspec.json.Decoder(list[AccountTrade])
_INCOME: Final = msgspec.json.Decoder(list[Income])
_WINDOW: Final = 7 * DAY  # the most that one question by time covers
_HISTORY: Final = 88 * DAY  # the venue remembers three months, of which the shortest have 89 days
_NO_SUCH_ORDER: Final = -2013
_TERMS: Final = {"IOC": OrderFlag.IOC, "FOK": OrderFlag.FOK, "GTX": OrderFlag.POST_ONLY}

Kind = Literal["open", "positions", "trades", "order", "funding", "balances", "margin"]
_MONEY: Final = ("balances", "margin")  # without them an account is none the less whole


@attrs.frozen
class Question:
    """A request of the snapshot: what it is about, and the request."""

    kind: Kind
    request: HttpRequest
    instrument: InstrumentId = -1
    since: Nanos = 0
    order_id: int = 0


class AccountReader:
    """Puts one snapshot together.

    The shell sends what `start` and then `take` return and gives each answer to `take`, until `snapshot` is there or
    `failed` says why there will be none.

    Args:
        ts_request: when the first question leaves, our clock.
        venue_time: the same by the venue's clock, which must not be behind ours by more than the estimate's error.
    """

    def __init__(
        self,
        ask: RequestAccount,
        instruments: Iterable[Instrument],
        queries: AccountQueries,
        orders: OrderIndex,
        ts_request: Nanos,
        venue_time: Nanos,
    ) -> None:
        self.symbols = Symbols(instruments)
        self.failed: Refusal | None = None
        self.snapshot: AccountSnapshot | None = None
        self._ask, self._queries, self._orders = ask, queries, orders
        self._ts_request, self._venue_time = ts_request, venue_time
        self._open: dict[tuple[InstrumentId, int], OpenOrder] = {}  # by the venue's number
        self._positions: dict[tuple[InstrumentId, str], Lots] = {}  # by side: in hedge mode there are two
        self._trades: dict[tuple[InstrumentId, int], AccountTrade] = {}
        self._strangers: dict[tuple[InstrumentId, int], None] = {}  # orders of fills, asked for
        self._income: dict[tuple[str, str], Income] = {}
        self._balances: tuple[tuple[str, int], ...] = ()
        self._margin: Margin | None = None
        self._n_waiting = 0
        self._is_second_half = False

    def start(self) -> list[Question]:
        """Return the first questions."""
        questions = [
            Question("open", self._queries.open_orders(self._venue_time, grid.instrument), grid.instrument.id)
            for grid in self.symbols.by_id.values()
        ]
        questions.append(Question("positions", self._queries.positions(self._venue_time)))
        return self._asked(questions)

    def take(self, question: Question, status: int, body: bytes, ts_recv: Nanos, venue_time: Nanos) -> list[Question]:
        """Take an answer, and return what is to be asked next.

        Raises:
            RemoteProtocolError: the answer is not what was asked for.
        """
        if self.failed is not None:
            return []
        self._n_waiting -= 1
        more: list[Question] = []
        if 200 <= status < 300:
            more = self._on(question, body, venue_time)
        else:
            refusal = refusal_of_body(status, body)
            if question.kind == "order" and refusal.code == _NO_SUCH_ORDER:
                # it is too old for the venue to know; so it is not one that we placed lately
                self._orders.note_id(question.instrument, question.order_id, -question.order_id)
            elif question.kind not in _MONEY:
                self.failed = refusal
                return []
        self._asked(more)
        if self._n_waiting == 0 and not self._is_second_half:
            self._is_second_half = True
            more = self._asked(self._history(venue_time))
        if self._n_waiting == 0:
            self.snapshot = self._whole(ts_recv)
        return more

    # --- questions ---------------------------------------------------------------------------------------------------

    def _history(self, venue_time: Nanos) -> list[Question]:
        since = max(self._ask.fills_since, venue_time - _HISTORY)
        questions = [self._trades_since(grid.instrument, since, venue_time) for grid in self.symbols.by_id.values()]
        funding = Question("funding", self._queries.funding_since(since, venue_time), since=since)
        money = [
            Question("balances", self._queries.balances(venue_time)),
            Question("margin", self._queries.account(venue_time)),
        ]
        return [*questions, funding, *money]

    def _trades_since(self, instrument: Instrument, since: Nanos, venue_time: Nanos) -> Question:
        request = self._queries.trades_since(instrument, since, venue_time)
        return Question("trades", request, instrument.id, since)

    def _asked(self, questions: list[Question]) -> list[Question]:
        self._n_waiting += len(questions)
        return questions

    # --- answers -----------------------------------------------------------------------------------------------------

    def _on(self, question: Question, body: bytes, venue_time: Nanos) -> list[Question]:
        handlers: Mapping[Kind, Any] = {
            "open": self._on_open,
            "positions": self._on_positions,
            "trades": self._on_trades,
            "order": self._on_order,
            "funding": self._on_funding,
            "balances": self._on_balances,
            "margin": self._on_margin,
        }
        found: list[Question] | None = handlers[question.kind](question, body, venue_time)
        return found or []

    def _on_open(self, question: Question, body: bytes, venue_time: Nanos) -> None:
        grid = self.symbols.by_id[question.instrument]
        where = f"the open orders of {grid.instrument.name}"
        for order in decode(_ORDERS, body, where):
            client_id = client_id_of(order.client_id, order.order_id)
            side = side_of(order.side, where)
            self._orders.note_id(question.instrument, order.order_id, client_id)
            self._orders.note_side(client_id, side)
            if order.type != "LIMIT":
                self.symbols.seen[f"open order of type {order.type}"] += 1
                continue  # the price it would have is not known
            flags = int(_TERMS.get(order.time_in_force, OrderFlag.NONE))
            flags |= int(OrderFlag.REDUCE_ONLY) if order.is_reduce_only else 0
            price, size = grid.ticks[order.price], grid.lots[order.quantity]
            filled = grid.lots[order.filled]
            found = OpenOrder(client_id, question.instrument, side, price, size, filled, flags)
            self._open[question.instrument, order.order_id] = found

    def _on_positions(self, question: Question, body: bytes, venue_time: Nanos) -> None:
        for position in decode(_POSITIONS, body, "the positions of Binance"):
            grid = self.symbols.grid(position.symbol)
            if grid is not None:
                self._positions[grid.instrument.id, position.side] = grid.lots.signed(position.amount)

    def _on_trades(self, question: Question, body: bytes, venue_time: Nanos) -> list[Question]:
        grid = self.symbols.by_id[question.instrument]
        trades = decode(_TRADES, body, f"the fills of {grid.instrument.name}")
        more = []
        for trade in trades:
            self._trades[question.instrument, trade.trade_id] = trade
            key = (question.instrument, trade.order_id)
            if self._orders.id_of(*key) is None and key not in self._strangers:
                self._strangers[key] = None
                request = self._queries.order(grid.instrument, trade.order_id, venue_time)
                more.append(Question("order", request, question.instrument, order_id=trade.order_id))
        if len(trades) >= MAX_TRADES:
            last = max(trade.trade_id for trade in trades)
            request = self._queries.trades_from(grid.instrument, last + 1, venue_time)
            # by id there is no window, so that nothing is left to ask by time
            more.append(Question("trades", request, question.instrument, since=venue_time))
        elif question.since + _WINDOW < venue_time:
            more.append(self._trades_since(grid.instrument, question.since + _WINDOW, venue_time))
        return more

    def _on_order(self, question: Question, body: bytes, venue_time: Nanos) -> None:
        grid = self.symbols.by_id[question.instrument]
        order = decode(_ORDER, body, f"order {question.order_id} of {grid.instrument.name}")
        client_id = client_id_of(order.client_id, question.order_id)
        self._orders.note_id(question.instrument, question.order_id, client_id)

    def _on_balances(self, question: Question, body: bytes, venue_time: Nanos) -> None:
        try:
            self._balances = wallet_of((asset, each.total) for asset, each in balances(body).items())
        except RemoteProtocolError:
            self.symbols.seen["balances that make no sense"] += 1

    def _on_margin(self, question: Question, body: bytes, venue_time: Nanos) -> None:
        try:
            self._margin = margin(body)
        except RemoteProtocolError:
            self.symbols.seen["margin that makes no sense"] += 1

    def _on_funding(self, question: Question, body: bytes, venue_time: Nanos) -> list[Question]:
        rows = decode(_INCOME, body, "the funding of Binance")
        n_before = len(self._income)
        self._income.update({(row.symbol, str(row.transfer_id)): row for row in rows})
        if len(rows) < MAX_TRADES:
            return []
        # the last time may have more; where it fills an answer alone, the next ms goes on
        last = max(row.ts for row in rows) * MS
        since = last if len(self._income) > n_before and last > question.since else question.since + MS
        return [Question("funding", self._queries.funding_since(since, venue_time), since=since)]

    # --- the whole ---------------------------------------------------------------------------------------------------

    def _whole(self, ts_recv: Nanos) -> AccountSnapshot:
        lots = dict.fromkeys(self.symbols.by_id, 0)
        for (instrument, _), held in self._positions.items():
            lots[instrument] += held  # of long and short the sum is what we hold
        fills = [
            self._fill(self.symbols.by_id[instrument], trade, ts_recv)
            for (instrument, _), trade in self._trades.items()
        ]
        return AccountSnapshot(
            self._ask.venue,
            self._ts_request,
            self._venue_time,
            ts_recv,
            self._ask.fills_since,
            tuple(self._open.values()),
            tuple(sorted(fills, key=lambda each: (each.ts_venue, each.instrument, each.fill_id))),
            tuple(lots.items()),
            self._payments(ts_recv),
            self._balances,
            self._margin,
        )

    def _fill(self, grid: InstrumentGrid, trade: AccountTrade, ts_recv: Nanos) -> Fill:
        instrument = grid.instrument
        client_id = self._orders.id_of(instrument.id, trade.order_id)
        fill = Fill(
            -trade.order_id if client_id is None else client_id,
            instrument.id,
            trade.ts_trade * MS,
            ts_recv,
            trade.trade_id,
            side_of(trade.side, f"fill {trade.trade_id} of {instrument.name}"),
            grid.ticks[trade.price],
            grid.lots[trade.quantity],
            trade.is_maker,
            0,
        )
        fee = self.symbols.fee_e12(grid, trade.fee, trade.fee_asset, fill)
        return msgspec.structs.replace(fill, fee_e12=fee)

    def _payments(self, ts_recv: Nanos) -> tuple[FundingPayment, ...]:
        """Return one payment per instrument and hour: in hedge mode long and short are paid apart."""
        found: dict[tuple[InstrumentId, int], FundingPayment] = {}
        for row in sorted(self._income.values(), key=lambda each: each.ts):
            grid = self.symbols.grid(row.symbol)
            if grid is None:
                continue
            instrument = grid.instrument.id
            key = (instrument, payment_id(row.ts))
            amount = money_e12(row.amount, "funding", grid.instrument.name)
            if key in found:
                amount += found[key].amount_e12
            found[key] = FundingPayment(instrument, row.ts * MS, ts_recv, key[1], amount)
        return tuple(found.values())
