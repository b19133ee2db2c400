"""The account as one snapshot, from several questions by REST.

Open orders and positions are asked for first and fills after them, so that no fill is in a position and not among the
fills.  All of it is true at the venue time at which the first question left, or later; facts after that time win.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final, Literal
from urllib.parse import quote

import attrs
import msgspec

from market.instrument import Instrument
from market.messages import AccountSnapshot, FundingPayment, Margin, OpenOrder, OrderFlag, RequestAccount
from market.units import DAY, MS, InstrumentId, Lots, Nanos
from venues.margin import margin_of
from venues.paradex.market_data import SIDES
from venues.paradex.order_ids import OrderIds
from venues.paradex.private import OPEN, PrivateData
from venues.paradex.structs import (
    AccountMoney,
    FillRow,
    FillRows,
    OrderRow,
    OrderRows,
    PaymentRow,
    PaymentRows,
    PositionRows,
    time_of,
)
from venues.wire import InstrumentGrid, RemoteProtocolError, decode, money_e12, number_of

_HISTORY: Final = 700 * DAY
_PAGE: Final = 1000
_MOST_PAGES: Final = 200
_ORDERS: Final = msgspec.json.Decoder(OrderRows)
_POSITIONS: Final = msgspec.json.Decoder(PositionRows)
_FILLS: Final = msgspec.json.Decoder(FillRows)
_PAYMENTS: Final = msgspec.json.Decoder(PaymentRows)
_MONEY: Final = msgspec.json.Decoder(AccountMoney)
_FLAGS: Final = {"POST_ONLY": OrderFlag.POST_ONLY, "IOC": OrderFlag.IOC}

Kind = Literal["orders", "positions", "fills", "payments", "margin"]


@attrs.frozen
class Question:
    """A request of the snapshot, as path and query."""

    kind: Kind
    path: str
    query: str = ""


class AccountReader:
    """Puts one snapshot together: send what `start` and then `take` return until `snapshot` is there.

    Args:
        now, venue_time: when the first question leaves, by our clock and by the venue's, which surely has come.
    """

    def __init__(
        self,
        ask: RequestAccount,
        instruments: Iterable[Instrument],
        ids: OrderIds,
        private: PrivateData,
        now: Nanos,
        venue_time: Nanos,
    ) -> None:
        self.snapshot: AccountSnapshot | None = None
        self._ask, self._ids, self._private = ask, ids, private
        self._grids = {each.symbol: InstrumentGrid(each) for each in instruments}
        self._ts_request, self._venue_time = now, venue_time
        self._open: dict[int, OpenOrder] = {}
        self._positions: dict[InstrumentId, Lots] = {}
        self._fills: dict[tuple[str, str], FillRow] = {}
        self._payments: dict[str, PaymentRow] = {}
        self._margin: Margin | None = None
        self._n_asked = self._n_waiting = 0
        self._is_second_half = False
        self._on: dict[Kind, Callable[[Question, bytes], list[Question]]] = {
            "orders": self._on_orders,
            "positions": self._on_positions,
            "fills": self._on_fills,
            "payments": self._on_payments,
            "margin": self._on_margin,
        }

    def start(self) -> list[Question]:
        """Return the first questions."""
        return self._asked([Question("orders", "/v1/orders"), Question("positions", "/v1/positions")])

    def take(self, question: Question, body: bytes, now: Nanos) -> list[Question]:
        """Take an answer of status 200, and return what is to be asked next.

        Raises:
            RemoteProtocolError: it is malformed: the reading is lost, begin a new one.
        """
        self._n_waiting -= 1
        more = self._asked(self._on[question.kind](question, body))
        if self._n_waiting == 0 and not self._is_second_half:
            self._is_second_half = True
            more = self._asked(self._history())
        if self._n_waiting == 0:
            self.snapshot = self._whole(now)
        return more

    def _asked(self, questions: list[Question]) -> list[Question]:
        self._n_waiting += len(questions)
        self._n_asked += len(questions)
        if self._n_asked > _MOST_PAGES:
            raise RemoteProtocolError(f"paradex's account has not ended after {_MOST_PAGES} pages")
        return questions

    def _history(self) -> list[Question]:
        since = f"start_at={max(self._ask.fills_since, self._venue_time - _HISTORY) // MS}&page_size={_PAGE}"
        payments = [Question("payments", "/v1/funding/payments", f"market={each}&{since}") for each in self._grids]
        return [Question("fills", "/v1/fills", since), *payments, Question("margin", "/v1/account")]

    def _next(self, question: Question, cursor: str | None, *, is_full: bool) -> list[Question]:
        """Pages go on while the venue names a next one that may hold something."""
        if not cursor or not is_full:
            return []
        first = question.query.partition("&cursor=")[0]
        return [attrs.evolve(question, query=f"{first}&cursor={quote(cursor, safe='')}")]

    # --- answers -----------------------------------------------------------------------------------------------------

    def _on_orders(self, question: Question, body: bytes) -> list[Question]:
        page = decode(_ORDERS, body, "paradex open orders")
        for row in page.results:
            grid = self._grids.get(row.market)
            # one that has only come is not decided: it counts as on its way
            if grid is not None and row.status in OPEN:
                order = self._open_order(row, grid)
                self._open[order.client_id] = order
        return self._next(question, page.next, is_full=bool(page.results))

    def _on_positions(self, question: Question, body: bytes) -> list[Question]:
        for row in decode(_POSITIONS, body, "paradex positions").results:
            grid = self._grids.get(row.market)
            if grid is not None and row.status != "CLOSED":
                self._positions[grid.instrument.id] = grid.lots.signed(row.size)
        return []

    def _on_fills(self, question: Question, body: bytes) -> list[Question]:
        page = decode(_FILLS, body, "paradex fills")
        n_before = len(self._fills)
        self._fills.update({(row.fill_type, row.id): row for row in page.results})
        return self._next(question, page.next, is_full=len(self._fills) > n_before)

    def _on_payments(self, question: Question, body: bytes) -> list[Question]:
        page = decode(_PAYMENTS, body, "paradex funding")
        n_before = len(self._payments)
        self._payments.update({row.id: row for row in page.results})
        return self._next(question, page.next, is_full=len(self._payments) > n_before)

    def _on_margin(self, question: Question, body: bytes) -> list[Question]:
        """Take what stands behind the positions; an account without that is none the less whole."""
        try:
            told = decode(_MONEY, body, "paradex account")
            self._margin = margin_of(
                told.account_value, told.free_collateral, told.initial_margin_requirement, "paradex"
            )
        except RemoteProtocolError:
            self._private.skipped["margin that makes no sense"] += 1
        return []

    # --- the whole ---------------------------------------------------------------------------------------------------

    def _open_order(self, row: OrderRow, grid: InstrumentGrid) -> OpenOrder:
        client_id = self._private.heard(row)
        flags = _FLAGS.get(row.instruction, OrderFlag.NONE)
        if "REDUCE_ONLY" in (row.flags or ()):
            flags |= OrderFlag.REDUCE_ONLY
        size, left = grid.lots[row.size], grid.lots[row.remaining_size]
        return OpenOrder(
            client_id, grid.instrument.id, SIDES[row.side], grid.ticks[row.price], size, size - left, int(flags)
        )

    def _whole(self, now: Nanos) -> AccountSnapshot:
        lots: dict[InstrumentId, Lots] = {grid.instrument.id: 0 for grid in self._grids.values()}
        lots.update(self._positions)
        since = self._ask.fills_since
        fills = [
            self._private.fill(row, self._ids.note(row.order_id or f"none-{row.id}", row.client_id), grid, now)
            for row in self._fills.values()
            if (grid := self._grids.get(row.market)) is not None
        ]
        payments = [
            self._payment(row, grid, now)
            for row in self._payments.values()
            if (grid := self._grids.get(row.market)) is not None
        ]
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
            margin=self._margin,
        )

    def _payment(self, row: PaymentRow, grid: InstrumentGrid, now: Nanos) -> FundingPayment:
        amount = money_e12(row.payment, "payment", grid.instrument.name)
        ts_venue = time_of(row.created_at, "created_at")
        return FundingPayment(grid.instrument.id, ts_venue, now, number_of(row.id), amount)


def _by_time(each: Any) -> tuple[Nanos, InstrumentId, int]:
    return each.ts_venue, each.instrument, getattr(each, "fill_id", 0) or getattr(each, "payment_id", 0)
