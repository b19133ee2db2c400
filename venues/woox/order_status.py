"""What became of one order, asked by its id."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Final

from market.instrument import Instrument
from market.messages import OrderState, OrderStatus, QueryOrder, Reason
from market.units import SECOND, Lots, Nanos
from venues.order_queries import OrderQueries
from venues.venue import HttpAnswer, Output, Tell
from venues.wire import InstrumentGrid, RemoteProtocolError, decode
from venues.woox.errors import verdict_on
from venues.woox.gate import WooxGate
from venues.woox.limits import ORDER, Bucket
from venues.woox.order_index import OrderIndex
from venues.woox.private import EXPIRING, STANDING
from venues.woox.requests import OrderRequests
from venues.woox.structs import OrderRow, decoder, read_reply, reply_time

ROW: Final = decoder(OrderRow)
# an order is answered or given up within 5 s; one that the venue's door held for longer than this has not been seen
ON_ITS_WAY: Final = 15 * SECOND
_ENDED: Final[Mapping[str, OrderState]] = {
    "FILLED": OrderState.FILLED,
    "REJECTED": OrderState.REJECTED,
    "CANCELLED": OrderState.CANCELLED,
}


class WooxQueries(OrderQueries):
    """Asks for orders by either id."""

    def __init__(
        self, instruments: Iterable[Instrument], requests: OrderRequests, orders: OrderIndex, gate: WooxGate
    ) -> None:
        super().__init__(ON_ITS_WAY)
        self._grids = {each.id: InstrumentGrid(each) for each in instruments}
        self._requests, self._orders, self._gate = requests, orders, gate

    def _bucket(self, command: QueryOrder) -> Bucket:
        return ORDER, self._grids[command.instrument].instrument.symbol

    def _free_at(self, command: QueryOrder, now: Nanos) -> Nanos:
        return self._gate.free_at(self._bucket(command), now)

    def _ask(self, command: QueryOrder, now: Nanos) -> list[Output]:
        request = self._requests.query(command, self._gate.at(now))
        return [self._gate.send(request, partial(self._take, command, now), self._bucket(command), now)]

    def _take(self, command: QueryOrder, asked: Nanos, answer: HttpAnswer | None, now: Nanos) -> list[Output]:
        if answer is None:
            return []
        reply = read_reply(answer.body)
        if reply.success:
            row = decode(ROW, bytes(reply.data), "woox order")
            return self._status(row, command, asked, reply_time(reply) or self._gate.at(asked), now)
        if verdict_on(answer.status, reply.code).reason is not Reason.UNKNOWN_ORDER:
            return []  # no answer to the question
        return self._absent(command, asked, self._gate.at(asked), now)

    def _status(self, row: OrderRow, command: QueryOrder, asked: Nanos, ts_venue: Nanos, now: Nanos) -> list[Output]:
        grid = self._grids[command.instrument]
        if row.symbol != grid.instrument.symbol:
            raise RemoteProtocolError(f"woox told of an order of {row.symbol!r:.40}, asked for {grid.instrument.name}")
        filled = grid.lots[row.executed or "0"]
        state = state_of(row, filled)
        if state is None:
            return []  # in a state that nobody knows: no answer
        price = grid.ticks[row.price] if row.price.strip("0.") else 0
        at = (asked, ts_venue, now)
        size = grid.lots[row.quantity or "0"]
        return [Tell("fills", OrderStatus(command.client_id, command.instrument, *at, int(state), price, size, filled))]


def state_of(row: OrderRow, filled: Lots) -> OrderState | None:
    """Return where an order stands; None in a state that nobody knows."""
    if row.status in STANDING:
        return OrderState.OPEN
    state = _ENDED.get(row.status)
    if state is OrderState.CANCELLED and row.type in EXPIRING:
        return OrderState.EXPIRED
    return state
