"""What became of one order, asked by its cloid or number."""

from collections.abc import Iterable
from functools import partial
from typing import Final

import msgspec

from market.instrument import Instrument
from market.messages import OrderState, OrderStatus, QueryOrder
from market.units import MS, SECOND, Lots, Nanos
from venues.hyperliquid.gate import HyperliquidGate, info
from venues.hyperliquid.order_ids import cloid_of
from venues.hyperliquid.orders import Orders
from venues.hyperliquid.private import EXPIRING, STANDING, is_cancelled, is_rejected
from venues.hyperliquid.structs import OrderAnswer
from venues.venue import NEVER, HttpAnswer, Output, Tell
from venues.wire import InstrumentGrid, RemoteProtocolError, decode

ANSWER: Final = msgspec.json.Decoder(OrderAnswer)
# an order that has not been taken 5 s after it was signed is refused; blocks may come late
ON_ITS_WAY: Final = 15 * SECOND


class OrderQueries:
    """Asks for orders by `QueryOrder`.

    That there is no such order is told only when none that was sent can still arrive.
    """

    def __init__(self, account: str, instruments: Iterable[Instrument], orders: Orders, gate: HyperliquidGate) -> None:
        self._account = account
        self._grids = {each.id: InstrumentGrid(each) for each in instruments}
        self._orders, self._gate = orders, gate
        self._born: Nanos = 0
        self._later: dict[int, tuple[Nanos, QueryOrder]] = {}

    def begin(self, now: Nanos) -> None:
        """A life begins: orders of the one before may have been sent until now."""
        self._born = now

    def ask(self, command: QueryOrder, now: Nanos) -> list[Output]:
        """Ask now, or when the limits allow it."""
        name = cloid_of(command.client_id) if command.client_id >= 0 else -command.client_id
        request = info("orderStatus", user=self._account, oid=name)
        free_at = self._gate.free_at(request, now)
        if free_at > now:
            self._later[command.client_id] = (free_at, command)
            return []
        return [self._gate.send(request, partial(self._take, command, now), now)]

    def next_deadline(self) -> Nanos:
        return min((at for at, _ in self._later.values()), default=NEVER)

    def on_deadline(self, now: Nanos) -> list[Output]:
        due = [command for at, command in self._later.values() if at <= now]
        for command in due:
            del self._later[command.client_id]
        return [output for command in due for output in self.ask(command, now)]

    def _take(self, command: QueryOrder, asked: Nanos, answer: HttpAnswer | None, now: Nanos) -> list[Output]:
        if answer is None or answer.status != 200:
            return []
        found = decode(ANSWER, answer.body, "hyperliquid order status")
        at = (asked, self._gate.at(asked), now)
        if found.order is not None:
            return self._status(found, command, at)
        if found.status != "unknownOid":
            return []  # no answer to the question
        live = self._orders.live.get(command.client_id)
        arrived_by = (self._born if live is None else live.sent) + ON_ITS_WAY
        if asked < arrived_by:
            self._later[command.client_id] = (arrived_by, command)
            return []
        self._orders.ended(command.client_id, 0)  # it never was, or is long forgotten
        status = OrderStatus(command.client_id, command.instrument, *at, int(OrderState.UNKNOWN), 0, 0, 0)
        return [Tell("fills", status)]

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
