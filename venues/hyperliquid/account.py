"""The account as one snapshot, from several questions by REST.

Open orders and positions are asked for first and fills after them, so that no fill is in a position and not among the
fills.  All of it is true at the venue time at which the first question left, or later; facts after that time win.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final, Literal

import attrs
import msgspec

from market.instrument import Instrument
from market.messages import AccountSnapshot, FundingPayment, Margin, OpenOrder, OrderFlag, RequestAccount
from market.units import DAY, MS, InstrumentId, Lots, Nanos
from venues.hyperliquid.gate import info
from venues.hyperliquid.market_data import SIDES
from venues.hyperliquid.order_ids import client_id_of
from venues.hyperliquid.order_status import ANSWER
from venues.hyperliquid.orders import Orders
from venues.hyperliquid.private import PrivateData
from venues.hyperliquid.structs import AccountMoney, AccountState, FillRow, FundingRow, OrderTerms
from venues.margin import margin_of
from venues.wire import HttpRequest, InstrumentGrid, RemoteProtocolError, decode, money_e12

_HISTORY: Final = 700 * DAY  # more than the venue keeps of an active account: its last 10,000 fills
_MOST_PAGES: Final = 200
_FULL_PAGE: Final = {"fills": 2000, "payments": 500}
_ORDERS: Final = msgspec.json.Decoder(list[OrderTerms])
_STATE: Final = msgspec.json.Decoder(AccountState)
_MONEY: Final = msgspec.json.Decoder(AccountMoney)
_FILLS: Final = msgspec.json.Decoder(list[FillRow])
_PAYMENTS: Final = msgspec.json.Decoder(list[FundingRow])
_TIFS: Final = {"Alo": OrderFlag.POST_ONLY, "Ioc": OrderFlag.IOC}

Kind = Literal["orders", "positions", "fills", "payments", "order"]


@attrs.frozen
class Question:
    """A request of the snapshot."""

    kind: Kind
    request: HttpRequest
    since: int = 0  # ms
    order_id: int = 0


class AccountReader:
    """Puts one snapshot together: send what `start` and then `take` return until `snapshot` is there.

    Args:
        account: whose it is, an address.
        now, venue_time: when the first question leaves, by our clock and by the venue's, which surely has come.
        has_payments: funding is asked for, too; else a later snapshot tells of it.
    """

    def __init__(
        self,
        account: str,
        ask: RequestAccount,
        instruments: Iterable[Instrument],
        orders: Orders,
        private: PrivateData,
        now: Nanos,
        venue_time: Nanos,
        *,
        has_payments: bool = True,
    ) -> None:
        self.snapshot: AccountSnapshot | None = None
        self._account, self._ask, self._orders, self._private = account, ask, orders, private
        self._grids = {each.symbol: InstrumentGrid(each) for each in instruments}
        self._ts_request, self._venue_time = now, venue_time
        self._has_payments = has_payments
        self._open: dict[int, OpenOrder] = {}
        self._positions: dict[InstrumentId, Lots] = {}
        self._fills: dict[tuple[int, int], FillRow] = {}
        self._payments: dict[tuple[str, int], FundingRow] = {}
        self._owners: dict[int, int] = {}
        self._margin: Margin | None = None
        self._n_asked = self._n_waiting = 0
        self._is_second_half = False
        self._on: dict[Kind, Callable[[Question, bytes], list[Question]]] = {
            "orders": self._on_orders,
            "positions": self._on_positions,
            "fills": self._on_fills,
            "payments": self._on_payments,
            "order": self._on_order,
        }

    def start(self) -> list[Question]:
        """Return the first questions."""
        return self._asked(
            [
                Question("orders", info("frontendOpenOrders", user=self._account)),
                Question("positions", info("clearinghouseState", user=self._account)),
            ]
        )

    def take(self, question: Question, body: bytes, now: Nanos) -> list[Question]:
        """Take an answer of status 200, and return what is to be asked next.

        Raises:
            RemoteProtocolError: it is malformed: the reading is lost, begin a new one.
        """
        self._n_waiting -= 1
        more = self._asked(self._on[question.kind](question, body))
        if self._n_waiting == 0 and not self._is_second_half:
            self._is_second_half = True
            since = max(self._ask.fills_since, self._venue_time - _HISTORY) // MS
            payments = [self._page("payments", since)] if self._has_payments else []
            more = self._asked([self._page("fills", since), *payments])
        if self._n_waiting == 0:
            self.snapshot = self._whole(now)
        return more

    # --- questions ---------------------------------------------------------------------------------------------------

    def _page(self, kind: Literal["fills", "payments"], since: int) -> Question:
        name = "userFillsByTime" if kind == "fills" else "userFunding"
        return Question(kind, info(name, user=self._account, startTime=since), since)

    def _asked(self, questions: list[Question]) -> list[Question]:
        self._n_waiting += len(questions)
        self._n_asked += len(questions)
        if self._n_asked > _MOST_PAGES:
            raise RemoteProtocolError(f"hyperliquid's account has not ended after {_MOST_PAGES} pages")
        return questions

    def _next_page(self, kind: Literal["fills", "payments"], question: Question, times: list[int]) -> list[Question]:
        """A page that is full goes on at the time of its last row, whose others come once more."""
        if len(times) < _FULL_PAGE[kind]:
            return []
        latest = max(times)
        if latest <= question.since:
            raise RemoteProtocolError(f"hyperliquid has more {kind} within one ms than it tells at a time")
        return [self._page(kind, latest)]

    # --- answers -----------------------------------------------------------------------------------------------------

    def _on_orders(self, question: Question, body: bytes) -> list[Question]:
        for row in decode(_ORDERS, body, "hyperliquid open orders"):
            grid = self._grids.get(row.coin)
            if grid is not None:
                order = self._open_order(row, grid)
                self._open[order.client_id] = order
        return []

    def _on_positions(self, question: Question, body: bytes) -> list[Question]:
        self._margin = self._read_margin(body)
        for row in decode(_STATE, body, "hyperliquid account state").asset_positions:
            grid = self._grids.get(row.position.coin)
            if grid is not None:
                self._positions[grid.instrument.id] = grid.lots.signed(row.position.szi)
        return []

    def _read_margin(self, body: bytes) -> Margin | None:
        """Return what stands behind the positions; an account without that is none the less whole."""
        try:
            told = decode(_MONEY, body, "hyperliquid account money")
            total = told.margin_summary
            return margin_of(total.account_value, told.withdrawable, total.total_margin_used, "hyperliquid")
        except RemoteProtocolError:
            self._private.skipped["margin that makes no sense"] += 1
            return None

    def _on_fills(self, question: Question, body: bytes) -> list[Question]:
        rows = decode(_FILLS, body, "hyperliquid fills")
        more = []
        for row in rows:
            self._fills[row.oid, row.tid] = row
            if row.coin not in self._grids or row.oid in self._owners:
                continue
            owner = client_id_of(row.cloid, row.oid) if row.cloid else self._orders.find(row.oid)
            if owner is None:
                owner = -row.oid
                more.append(Question("order", info("orderStatus", user=self._account, oid=row.oid), 0, row.oid))
            self._owners[row.oid] = owner
        return [*more, *self._next_page("fills", question, [row.time for row in rows])]

    def _on_payments(self, question: Question, body: bytes) -> list[Question]:
        rows = decode(_PAYMENTS, body, "hyperliquid funding")
        self._payments.update({(row.delta.coin, row.time): row for row in rows})
        return self._next_page("payments", question, [row.time for row in rows])

    def _on_order(self, question: Question, body: bytes) -> list[Question]:
        found = decode(ANSWER, body, "hyperliquid order status").order
        # one that is too old for the venue to know is none that we placed lately
        if found is not None:
            self._owners[question.order_id] = client_id_of(found.order.cloid, question.order_id)
            self._orders.note(question.order_id, self._owners[question.order_id])
        return []

    # --- the whole ---------------------------------------------------------------------------------------------------

    def _open_order(self, row: OrderTerms, grid: InstrumentGrid) -> OpenOrder:
        side = SIDES.get(row.side)
        if side is None:
            raise RemoteProtocolError(f"order {row.oid} of {grid.instrument.name}: side {row.side!r:.20} is no side")
        client_id = client_id_of(row.cloid, row.oid)
        self._orders.note(row.oid, client_id)
        live = self._orders.live.get(client_id)
        size, left = grid.lots[row.orig_sz or row.sz], grid.lots[row.sz]
        if live is not None and live.doubt is not None and live.oid != row.oid:
            self._orders.doubted(live, row.oid, grid.ticks[row.limit_px], size)
        base = live.base if live is not None and live.oid == row.oid else 0
        flags = _TIFS.get(row.tif or "", OrderFlag.NONE)
        if row.reduce_only:
            flags |= OrderFlag.REDUCE_ONLY
        price = grid.ticks[row.limit_px]
        return OpenOrder(client_id, grid.instrument.id, side, price, base + size, base + size - left, int(flags))

    def _whole(self, now: Nanos) -> AccountSnapshot:
        lots: dict[InstrumentId, Lots] = {grid.instrument.id: 0 for grid in self._grids.values()}
        lots.update(self._positions)
        since = self._ask.fills_since
        fills = [
            self._private.fill(row, self._owners[row.oid], grid, now)
            for row in self._fills.values()
            if (grid := self._grids.get(row.coin)) is not None
        ]
        for fill in fills:
            live = self._orders.live.get(fill.client_id)
            if live is not None:
                live.count(fill.fill_id, fill.size)  # an amend asks for what is left
        payments = [
            self._payment(row, grid, now)
            for row in self._payments.values()
            if (grid := self._grids.get(row.delta.coin)) is not None
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

    def _payment(self, row: FundingRow, grid: InstrumentGrid, now: Nanos) -> FundingPayment:
        amount = money_e12(row.delta.usdc, "funding", grid.instrument.name)
        # it is paid once an hour, so that its time is its number
        return FundingPayment(grid.instrument.id, row.time * MS, now, row.time, amount)


def _by_time(each: Any) -> tuple[Nanos, InstrumentId, int]:
    return each.ts_venue, each.instrument, getattr(each, "fill_id", 0) or getattr(each, "payment_id", 0)
