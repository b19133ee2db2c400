"""What became of one order, asked by its id."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Final

from market.instrument import Instrument
from market.messages import OrderState, OrderStatus, QueryOrder, Reason
from market.units import SECOND, ClientOrderId, Lots, Nanos
from venues.venue import NEVER, HttpAnswer, Output, Tell
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
_MOST_SENT: Final = 10_000
_ENDED: Final[Mapping[str, OrderState]] = {
    "FILLED": OrderState.FILLED,
    "REJECTED": OrderState.REJECTED,
    "CANCELLED": OrderState.CANCELLED,
}


class OrderQueries:
    """Asks for orders by `QueryOrder`, one question each at a time.

    That there is no such order is told only when none that was sent can still arrive.
    """

    def __init__(
        self, instruments: Iterable[Instrument], requests: OrderRequests, orders: OrderIndex, gate: WooxGate
    ) -> None:
        self._grids = {each.id: InstrumentGrid(each) for each in instruments}
        self._requests, self._orders, self._gate = requests, orders, gate
        self._born: Nanos = 0
        self._sent: dict[ClientOrderId, Nanos] = {}
        self._later: dict[ClientOrderId, tuple[Nanos, QueryOrder]] = {}

    def begin(self, now: Nanos) -> None:
        """A life begins: orders of the one before may have been sent until now."""
        self._born = now

    def sent(self, client_id: ClientOrderId, now: Nanos) -> None:
        """An order is sent now."""
        self._sent[client_id] = now
        if len(self._sent) > _MOST_SENT:
            del self._sent[next(iter(self._sent))]

    def heard_of(self, client_id: ClientOrderId) -> None:
        """An order has reached the venue."""
        self._sent.pop(client_id, None)

    def ask(self, command: QueryOrder, now: Nanos) -> list[Output]:
        """Ask now, or when the limits allow it."""
        bucket: Bucket = (ORDER, self._grids[command.instrument].instrument.symbol)
        free_at = self._gate.free_at(bucket, now)
        if free_at > now:
            self._later[command.client_id] = (free_at, command)
            return []
        request = self._requests.query(command, self._gate.at(now))
        return [self._gate.send(request, partial(self._take, command, now), bucket, now)]

    def next_deadline(self) -> Nanos:
        return min((at for at, _ in self._later.values()), default=NEVER)

    def on_deadline(self, now: Nanos) -> list[Output]:
        due = [command for at, command in self._later.values() if at <= now]
        for command in due:
            del self._later[command.client_id]
        return [output for command in due for output in self.ask(command, now)]

    def _take(self, command: QueryOrder, asked: Nanos, answer: HttpAnswer | None, now: Nanos) -> list[Output]:
        if answer is None:
            return []
        reply = read_reply(answer.body)
        if reply.success:
            row = decode(ROW, bytes(reply.data), "woox order")
            return self._status(row, command, asked, reply_time(reply) or self._gate.at(asked), now)
        if verdict_on(answer.status, reply.code).reason is not Reason.UNKNOWN_ORDER:
            return []  # no answer to the question
        arrived_by = self._sent.get(command.client_id, self._born) + ON_ITS_WAY
        if asked < arrived_by:
            self._later[command.client_id] = (arrived_by, command)
            return []
        at = (asked, self._gate.at(asked), now)
        status = OrderStatus(command.client_id, command.instrument, *at, int(OrderState.UNKNOWN), 0, 0, 0)
        return [Tell("fills", status)]

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
