"""The account as one snapshot, from several questions by REST.

Open orders and positions are asked for first and fills after them, so that no fill is in a position and not among the
fills.  All of it is true at the venue time at which the first question left, or later; facts after that time win.

How fills are paged is documented thinly: pages are asked for, each from the edge of the last, until nothing is new.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Final, Literal

import attrs
import msgspec

from market.instrument import Instrument
from market.messages import AccountSnapshot, Fill, FundingPayment, Margin, OpenOrder, OrderFlag, Reason, RequestAccount
from market.units import DAY, MS, InstrumentId, Lots, Nanos
from venues.margin import margin_of
from venues.wallet import wallet_of
from venues.wire import HttpRequest, InstrumentGrid, RemoteProtocolError, decode, money_e12
from venues.woox.errors import verdict_on
from venues.woox.limits import BALANCES, FILLS, INFO, ORDERS, PAYMENTS, POSITIONS, Bucket
from venues.woox.limits import ORDER as ONE_ORDER
from venues.woox.market_data import SIDES
from venues.woox.order_ids import fill_id_of
from venues.woox.order_index import OrderIndex
from venues.woox.order_status import ROW
from venues.woox.private import STANDING, PrivateData
from venues.woox.requests import ORDER, OrderRequests
from venues.woox.structs import (
    AccountMoney,
    BalanceRows,
    FillRow,
    FillRows,
    OrderRow,
    OrderRows,
    PaymentRow,
    PaymentRows,
    PositionRows,
    decoder,
    read_data,
    read_reply,
    time_of,
)

_ORDERS: Final = "/v3/trade/orders"
_POSITIONS: Final = "/v3/futures/positions"
_FILLS: Final = "/v3/trade/transactionHistory"
_PAYMENTS: Final = "/v3/futures/fundingFee/history"
_BALANCES: Final = "/v3/asset/balances"
_ACCOUNT: Final = "/v3/account/info"
_PAGE: Final = 500
_SURELY_WHOLE: Final = 25  # the venue has no smaller page: fewer rows than that are all there are
_MOST_PAGES: Final = 400
_WINDOW: Final = 30 * DAY
_HISTORY: Final = 700 * DAY  # of fills, kept for two years
_FLAGS: Final = {"POST_ONLY": OrderFlag.POST_ONLY, "IOC": OrderFlag.IOC, "FOK": OrderFlag.FOK}
_ORDER_ROWS: Final = decoder(OrderRows)
_POSITION_ROWS: Final = decoder(PositionRows)
_FILL_ROWS: Final = decoder(FillRows)
_PAYMENT_ROWS: Final = decoder(PaymentRows)
_BALANCE_ROWS: Final = decoder(BalanceRows)
_MONEY: Final = decoder(AccountMoney)
_PAYS: Final = {"pay": -1, "receive": 1}

Kind = Literal["orders", "positions", "fills", "payments", "order", "balances", "margin"]


@attrs.frozen
class Question:
    """A request of the snapshot, and which limit it counts in."""

    kind: Kind
    request: HttpRequest
    bucket: Bucket
    fields: dict[str, str] = attrs.field(factory=dict)
    order_id: int = 0


class AccountReader:
    """Puts one snapshot together: send what `start` and then `take` return until `snapshot` is there.

    Args:
        now, venue_time: when the first question leaves, by our clock and by the venue's, which surely has come.
        has_payments: funding is asked for, too; else a later snapshot tells of it.
        has_margin: margin is asked for, too.
    """

    def __init__(
        self,
        ask: RequestAccount,
        instruments: Iterable[Instrument],
        requests: OrderRequests,
        orders: OrderIndex,
        private: PrivateData,
        now: Nanos,
        venue_time: Nanos,
        *,
        has_payments: bool = True,
        has_margin: bool = True,
    ) -> None:
        self.snapshot: AccountSnapshot | None = None
        self._ask, self._requests, self._orders, self._private = ask, requests, orders, private
        self._grids = {each.symbol: InstrumentGrid(each) for each in instruments}
        self._ts_request, self._venue_time = now, venue_time
        self._has_payments, self._has_margin = has_payments, has_margin
        self._open: dict[int, OpenOrder] = {}
        self._n_orders = 0
        self._positions: dict[tuple[InstrumentId, str], Lots] = {}
        self._fills: dict[tuple[int, int], FillRow] = {}
        self._payments: dict[int, PaymentRow] = {}
        self._strangers: dict[int, None] = {}
        self._balances: tuple[tuple[str, int], ...] = ()
        self._margin: Margin | None = None
        self._n_asked = self._n_waiting = 0
        self._is_second_half = False
        self._on: dict[Kind, Callable[[Question, bytes, Nanos], list[Question]]] = {
            "orders": self._on_orders,
            "positions": self._on_positions,
            "fills": self._on_fills,
            "payments": self._on_payments,
        }

    def start(self, venue_now: Nanos) -> list[Question]:
        """Return the first questions."""
        first = {"status": "INCOMPLETE", "size": str(_PAGE), "page": "1"}
        return self._asked(
            [
                self._question("orders", _ORDERS, first, venue_now),
                self._question("positions", _POSITIONS, {}, venue_now),
            ]
        )

    def take(self, question: Question, status: int, body: bytes, now: Nanos, venue_now: Nanos) -> list[Question]:
        """Take an answer, and return what is to be asked next.

        Raises:
            RemoteProtocolError: it failed or is malformed: the reading is lost, begin a new one.
        """
        self._n_waiting -= 1
        more: list[Question] = []
        if question.kind == "order":
            self._on_order(question, status, body)
        elif question.kind == "balances":
            self._on_balances(body)
        elif question.kind == "margin":
            self._on_margin(body)
        else:
            more = self._asked(self._on[question.kind](question, body, venue_now))
        if self._n_waiting == 0 and not self._is_second_half:
            self._is_second_half = True
            more = self._asked(self._history(venue_now))
        if self._n_waiting == 0:
            self.snapshot = self._whole(now)
        return more

    # --- questions ---------------------------------------------------------------------------------------------------

    def _question(self, kind: Kind, path: str, fields: dict[str, str], venue_now: Nanos, order_id: int = 0) -> Question:
        buckets: dict[Kind, Bucket] = {
            "orders": (ORDERS, ""),
            "positions": (POSITIONS, ""),
            "fills": (FILLS, ""),
            "payments": (PAYMENTS, ""),
            "order": (ONE_ORDER, ""),
            "balances": (BALANCES, ""),
            "margin": (INFO, ""),
        }
        return Question(kind, self._requests.ask("GET", path, fields, venue_now), buckets[kind], fields, order_id)

    def _asked(self, questions: list[Question]) -> list[Question]:
        self._n_waiting += len(questions)
        self._n_asked += len(questions)
        if self._n_asked > _MOST_PAGES:
            raise RemoteProtocolError(f"woox's account has not ended after {_MOST_PAGES} pages")
        return questions

    def _history(self, venue_now: Nanos) -> list[Question]:
        begin = max(self._ask.fills_since, venue_now - _HISTORY)
        questions = [self._question("balances", _BALANCES, {}, venue_now)]
        if self._has_margin:
            questions.append(self._question("margin", _ACCOUNT, {}, venue_now))
        while True:
            end = min(begin + _WINDOW, venue_now + DAY)  # the venue's own clock, whatever it is
            window = {"startTime": str(begin // MS), "endTime": str(end // MS)}
            questions.append(self._question("fills", _FILLS, window | {"limit": str(_PAGE)}, venue_now))
            if self._has_payments:
                paged = window | {"size": str(_PAGE), "page": "1"}
                questions.append(self._question("payments", _PAYMENTS, paged, venue_now))
            if end > venue_now:
                return questions
            begin = end

    # --- answers -----------------------------------------------------------------------------------------------------

    def _on_orders(self, question: Question, body: bytes, venue_now: Nanos) -> list[Question]:
        page, _ = read_data(body, _ORDER_ROWS, "open orders")
        self._n_orders += len(page.rows)
        for row in page.rows:
            grid = self._grids.get(row.symbol)
            if grid is None or row.status not in STANDING:
                continue
            if not row.price.strip("0."):  # at whatever price the book has: somebody else's, by hand
                self._private.skipped[f"open order of type {row.type[:20]} without a price"] += 1
            else:
                order = self._open_order(row, grid)
                self._open[order.client_id] = order
        if not page.rows or self._n_orders >= page.meta.total:
            return []
        fields = question.fields | {"page": str(int(question.fields["page"]) + 1)}
        return [self._question("orders", _ORDERS, fields, venue_now)]

    def _on_positions(self, question: Question, body: bytes, venue_now: Nanos) -> list[Question]:
        rows, _ = read_data(body, _POSITION_ROWS, "positions")
        for row in rows.positions:
            grid = self._grids.get(row.symbol)
            if grid is not None:
                self._positions[grid.instrument.id, row.position_side] = grid.lots.signed(row.holding)
        return []

    def _on_fills(self, question: Question, body: bytes, venue_now: Nanos) -> list[Question]:
        page, _ = read_data(body, _FILL_ROWS, "fills")
        n_before = len(self._fills)
        more = []
        for row in page.rows:
            self._fills[row.order_id, row.id] = row
            is_ours = row.symbol in self._grids
            if is_ours and self._orders.find(row.order_id) is None and row.order_id not in self._strangers:
                self._strangers[row.order_id] = None
                named = {"orderId": str(row.order_id)}
                more.append(self._question("order", ORDER, named, venue_now, row.order_id))
        if len(page.rows) >= _SURELY_WHOLE and len(self._fills) == n_before:
            # all at its edge: what lies beyond cannot be reached, and the position will show whether there is any
            self._private.skipped["page of fills of one ms"] += 1
        elif len(page.rows) >= _SURELY_WHOLE:
            times = [time_of(row.executed_timestamp, "executedTimestamp", "a fill of woox") // MS for row in page.rows]
            # newest first or oldest first: it goes on at the end of the page, whose rows come once more
            edge = {"endTime": str(times[-1] + 1)} if times[0] > times[-1] else {"startTime": str(times[-1])}
            more.append(self._question("fills", _FILLS, question.fields | edge, venue_now))
        return more

    def _on_payments(self, question: Question, body: bytes, venue_now: Nanos) -> list[Question]:
        page, _ = read_data(body, _PAYMENT_ROWS, "funding")
        n_before = len(self._payments)
        self._payments.update({row.id: row for row in page.rows})
        if len(page.rows) < _SURELY_WHOLE or len(self._payments) == n_before:
            return []
        fields = question.fields | {"page": str(int(question.fields["page"]) + 1)}
        return [self._question("payments", _PAYMENTS, fields, venue_now)]

    def _on_order(self, question: Question, status: int, body: bytes) -> None:
        reply = read_reply(body)
        if reply.success:
            row = decode(ROW, bytes(reply.data), "woox order")
            self._orders.note(question.order_id, row.client_order_id)
        elif verdict_on(status, reply.code).reason is Reason.UNKNOWN_ORDER:
            # it is too old for the venue to know; so it is not one that we placed lately
            self._orders.note(question.order_id, 0)
        else:
            raise RemoteProtocolError(f"woox order {question.order_id}: error {reply.code}, {reply.message:.200}")

    def _on_balances(self, body: bytes) -> None:
        """Take what the wallet holds; an account without that is none the less whole."""
        try:
            rows, _ = read_data(body, _BALANCE_ROWS, "balances")
            self._balances = wallet_of((row.token, _amount(row.holding)) for row in rows.holding)
        except RemoteProtocolError:
            self._private.skipped["balances that make no sense"] += 1

    def _on_margin(self, body: bytes) -> None:
        """Take what stands behind the positions; an account without that is none the less whole."""
        try:
            told, _ = read_data(body, _MONEY, "account info")
            self._margin = _margin(told)
        except RemoteProtocolError:
            self._private.skipped["margin that makes no sense"] += 1

    # --- the whole ---------------------------------------------------------------------------------------------------

    def _open_order(self, row: OrderRow, grid: InstrumentGrid) -> OpenOrder:
        name = grid.instrument.name
        side = SIDES.get(row.side)
        if side is None:
            raise RemoteProtocolError(f"order {row.order_id} of {name}: side {row.side!r:.20} is no side")
        client_id = self._orders.note(row.order_id, row.client_order_id)
        flags = _FLAGS.get(row.type, OrderFlag.NONE) | (OrderFlag.REDUCE_ONLY if row.reduce_only else OrderFlag.NONE)
        price, size, filled = grid.ticks[row.price], grid.lots[row.quantity], grid.lots[row.executed or "0"]
        return OpenOrder(client_id, grid.instrument.id, side, price, size, filled, int(flags))

    def _whole(self, now: Nanos) -> AccountSnapshot:
        lots: dict[InstrumentId, Lots] = {grid.instrument.id: 0 for grid in self._grids.values()}
        for (instrument, _), held in self._positions.items():
            lots[instrument] += held
        fills = [
            self._fill(row, grid, now)
            for row in self._fills.values()
            if (grid := self._grids.get(row.symbol)) is not None
        ]
        payments = [
            self._payment(row, grid, now)
            for row in self._payments.values()
            if (grid := self._grids.get(row.symbol)) is not None
        ]
        since = self._ask.fills_since
        return AccountSnapshot(
            self._ask.venue,
            self._ts_request,
            self._venue_time,
            now,
            since,
            tuple(self._open.values()),
            tuple(sorted((f for f in fills if f.ts_venue >= since), key=_by_time)),
            tuple(lots.items()),
            tuple(sorted((p for p in payments if p.ts_venue >= since), key=_by_time)),
            self._balances,
            self._margin,
        )

    def _fill(self, row: FillRow, grid: InstrumentGrid, now: Nanos) -> Fill:
        where = f"fill {row.id} of {grid.instrument.name}"
        side = SIDES.get(row.side)
        client_id = self._orders.find(row.order_id)
        if side is None or client_id is None:
            raise RemoteProtocolError(f"{where}: order {row.order_id}, side {row.side!r:.20} are none")
        return Fill(
            client_id,
            grid.instrument.id,
            time_of(row.executed_timestamp, "executedTimestamp", where),
            now,
            fill_id_of(row.order_id, row.id),
            side,
            grid.ticks[row.executed_price],
            grid.lots[row.executed_quantity],
            row.is_maker,
            self._private.fee_e12(row.fee, row.fee_asset, grid),
        )

    def _payment(self, row: PaymentRow, grid: InstrumentGrid, now: Nanos) -> FundingPayment:
        where = f"funding {row.id} of {grid.instrument.name}"
        sign = _PAYS.get(row.payment_type.lower())
        if sign is None:
            raise RemoteProtocolError(f"{where}: {row.payment_type!r:.20} is neither Pay nor Receive")
        amount = sign * abs(money_e12(row.funding_fee, "fundingFee", where))
        ts_venue = time_of(row.created_time, "createdTime", where)
        return FundingPayment(grid.instrument.id, ts_venue, now, row.id, amount)


def _amount(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except ArithmeticError:
        amount = Decimal("NaN")
    if not amount.is_finite():
        raise RemoteProtocolError(f"holding {text!r:.60} at woox is not a number")
    return amount


def _margin(told: AccountMoney) -> Margin | None:
    """What is used is what the collateral is short of: the venue does not tell it by itself."""
    value, free, total = told.total_account_value, told.free_collateral, told.total_collateral
    used = margin_of(total, free, None, "woox") if total and free else None
    margin = margin_of(value, free, None, "woox")
    if margin is None or used is None or used.equity_e6 is None or used.available_e6 is None:
        return margin
    return msgspec.structs.replace(margin, used_e6=used.equity_e6 - used.available_e6)


def _by_time(each: Any) -> tuple[Nanos, InstrumentId, int]:
    return each.ts_venue, each.instrument, getattr(each, "fill_id", 0) or getattr(each, "payment_id", 0)
