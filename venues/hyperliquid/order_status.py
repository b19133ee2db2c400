"""What became of one order, asked by its cloid or number."""

from collections.abc import Iterable
from functools import partial
from typing import Final

import msgspec

from market.instrument import Instrument
from market.messages import OrderState, OrderStatus, QueryOrder
from market.units import MS, SECOND, ClientOrderId, Lots, Nanos
from venues.hyperliquid.gate import HyperliquidGate, info
from venues.hyperliquid.order_ids import cloid_of
from venues.hyperliquid.orders import Orders
from venues.hyperliquid.private import EXPIRING, STANDING, is_cancelled, is_rejected
from venues.hyperliquid.structs import OrderAnswer
from venues.order_queries import OrderQueries
from venues.venue import HttpAnswer, Output, Tell
from venues.wire import HttpRequest, InstrumentGrid, RemoteProtocolError, decode

ANSWER: Final = msgspec.json.Decoder(OrderAnswer)
# an order that has not been taken 5 s after it was signed is refused; blocks may come late
ON_ITS_WAY: Final = 15 * SECOND


class HyperliquidQueries(OrderQueries):
    """Asks for orders by their cloid or number."""

    def __init__(self, account: str, instruments: Iterable[Instrument], orders: Orders, gate: HyperliquidGate) -> None:
        super().__init__(ON_ITS_WAY)
        self._account = account
        self._grids = {each.id: InstrumentGrid(each) for each in instruments}
        self._orders, self._gate = orders, gate

    def _request(self, command: QueryOrder) -> HttpRequest:
        name = cloid_of(command.client_id) if command.client_id >= 0 else -command.client_id
        return info("orderStatus", user=self._account, oid=name)

    def _free_at(self, command: QueryOrder, now: Nanos) -> Nanos:
        return self._gate.free_at(self._request(command), now)

    def _ask(self, command: QueryOrder, now: Nanos) -> list[Output]:
        return [self._gate.send(self._request(command), partial(self._take, command, now), now)]

    def _sent_at(self, client_id: ClientOrderId) -> Nanos | None:
        live = self._orders.live.get(client_id)
        return live.sent if live is not None else None

    def _never_was(self, client_id: ClientOrderId) -> None:
        self._orders.ended(client_id, 0)  # or it is long forgotten

    def _take(self, command: QueryOrder, asked: Nanos, answer: HttpAnswer | None, now: Nanos) -> list[Output]:
        if answer is None or answer.status != 200:
            return []
        found = decode(ANSWER, answer.body, "hyperliquid order status")
        at = (asked, self._gate.at(asked), now)
        if found.order is not None:
            return self._status(found, command, at)
        if found.status != "unknownOid":
            return []  # no answer to the question
        return self._absent(command, *at)

    def _status(self, found: OrderAnswer, command: QueryOrder, at: tuple[Nanos, Nanos, Nanos]) -> list[Output]:
        assert found.order is not None
        grid, terms, status = self._grids[command.instrument], found.order.order, found.order.status
        if terms.coin != grid.instrument.symbol:
            raise RemoteProtocolError(
                f"hyperliquid told of an order of {terms.coin!r:.40}, asked for {grid.instrument.name}"
            )
        live = self._orders.live.get(command.client_id)
        size = grid.lots[terms.orig_sz or terms.sz]
        if live is not None and live.doubt is not None and live.oid and terms.oid != live.oid:
            self._orders.doubted(live, terms.oid, grid.ticks[terms.limit_px], size)
        base = live.base if live is not None else 0
        filled = size if status == "filled" else size - grid.lots[terms.sz]
        state = _state_of(status, live.order.flags if live is not None else 0, filled)
        if state is None:
            return []  # in a state that nobody knows: no answer
        if state is OrderState.OPEN and live is not None:
            filled = max(filled, live.filled - base)  # it is told as of the last change of state
        ts_request, ts_venue, now = at
        ts_venue = ts_venue if state is OrderState.OPEN else max(ts_venue, found.order.status_timestamp * MS)
        facts = (int(state), grid.ticks[terms.limit_px], base + size, base + filled)
        return [Tell("fills", OrderStatus(command.client_id, command.instrument, ts_request, ts_venue, now, *facts))]


def _state_of(status: str, flags: int, filled: Lots) -> OrderState | None:
    """Return where an order stands; None in a state that nobody knows."""
    if status in STANDING:
        return OrderState.OPEN
    if status == "filled":
        return OrderState.FILLED
    if flags & EXPIRING and (is_cancelled(status) or is_rejected(status)):
        return OrderState.EXPIRED
    if is_cancelled(status):
        return OrderState.CANCELLED
    return OrderState.REJECTED if is_rejected(status) and not filled else None
