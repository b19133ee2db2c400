"""What became of one order: asked among the open and recent ones, then in the history."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Final

import msgspec

from market.instrument import Instrument
from market.messages import OrderState, OrderStatus, QueryOrder
from market.units import MS, SECOND, ClientOrderId, Nanos
from venues.bybit.gate import BybitGate
from venues.bybit.requests import OrderRequests
from venues.bybit.structs import OrderRow, read_rows
from venues.venue import HttpAnswer, Output, Tell
from venues.wire import InstrumentGrid

_ROWS: Final = msgspec.json.Decoder(list[OrderRow])
_MARGIN: Final = 2 * SECOND
_MAX_SENT: Final = 10_000
_STATES: Final[Mapping[str, OrderState]] = {
    "New": OrderState.OPEN,
    "PartiallyFilled": OrderState.OPEN,
    "Filled": OrderState.FILLED,
    "Rejected": OrderState.REJECTED,
    "Cancelled": OrderState.CANCELLED,
    "PartiallyFilledCanceled": OrderState.CANCELLED,
    "Deactivated": OrderState.CANCELLED,
}
_EXPIRES: Final = frozenset({"IOC", "FOK"})


class OrderQueries:
    """Asks for orders by `QueryOrder`, one question each at a time.

    That there is no such order is told only when none that was sent can still arrive.
    """

    def __init__(
        self, instruments: Iterable[Instrument], requests: OrderRequests, gate: BybitGate, recv_window_ms: int
    ) -> None:
        self._grids = {each.id: InstrumentGrid(each) for each in instruments}
        self._requests, self._gate = requests, gate
        self._on_its_way = recv_window_ms * MS + _MARGIN
        self._born: Nanos = 0
        self._sent: dict[ClientOrderId, Nanos] = {}
        self._later: dict[ClientOrderId, tuple[Nanos, QueryOrder]] = {}

    def begin(self, now: Nanos) -> None:
        """A life begins: orders of the one before may have been sent until now."""
        self._born = now

    def sent(self, client_id: ClientOrderId, now: Nanos) -> None:
        """An order is sent now."""
        self._sent[client_id] = now
        if len(self._sent) > _MAX_SENT:
            del self._sent[next(iter(self._sent))]

    def heard_of(self, client_id: ClientOrderId) -> None:
        """An order has reached the venue."""
        self._sent.pop(client_id, None)

    def ask(self, command: QueryOrder, now: Nanos) -> list[Output]:
        """Ask now, or when the limits allow it."""
        free_at = self._gate.free_at("read", now)
        if free_at > now:
            self._later[command.client_id] = (free_at, command)
            return []
        request = self._requests.order_query(command.client_id, command.instrument, self._gate.at(now))
        return [self._gate.send(request, partial(self._take, command, now), "read", now)]

    def next_deadline(self) -> Nanos | None:
        return min(at for at, _ in self._later.values()) if self._later else None

    def on_deadline(self, now: Nanos) -> list[Output]:
        due = [command for at, command in self._later.values() if at <= now]
        for command in due:
            del self._later[command.client_id]
        return [output for command in due for output in self.ask(command, now)]

    def _take(self, command: QueryOrder, asked: Nanos, answer: HttpAnswer | None, now: Nanos) -> list[Output]:
        if answer is None or answer.status != 200:
            return []
        rows, _, time = read_rows(answer.body, _ROWS, "order")
        if rows:
            return self._status(rows[0], command, asked, time * MS, now)
        if self._gate.free_at("read", now) > now:
            return []
        request = self._requests.order_history(command.client_id, command.instrument, self._gate.at(now))
        return [self._gate.send(request, partial(self._take_history, command, asked), "read", now)]

    def _take_history(self, command: QueryOrder, asked: Nanos, answer: HttpAnswer | None, now: Nanos) -> list[Output]:
        if answer is None or answer.status != 200:
            return []
        rows, _, time = read_rows(answer.body, _ROWS, "order")
        if rows:
            return self._status(rows[0], command, asked, time * MS, now)
        arrived_by = self._sent.get(command.client_id, self._born) + self._on_its_way
        if asked < arrived_by:
            self._later[command.client_id] = (arrived_by, command)
            return []
        ts_venue = self._gate.at(asked)
        return [
            Tell(
                "fills",
                OrderStatus(
                    command.client_id, command.instrument, asked, ts_venue, now, int(OrderState.UNKNOWN), 0, 0, 0
                ),
            )
        ]

    def _status(self, row: OrderRow, command: QueryOrder, asked: Nanos, ts_venue: Nanos, now: Nanos) -> list[Output]:
        state = _STATES.get(row.order_status)
        if state is None:
            return []  # on its way, or in a state that nobody knows: no answer
        grid = self._grids[command.instrument]
        filled = grid.lots[row.cum_exec_qty or "0"]
        if state is OrderState.CANCELLED and row.cancel_type != "CancelByUser":
            if row.reject_reason == "EC_PostOnlyWillTakeLiquidity" and not filled:
                state = OrderState.REJECTED
            elif row.time_in_force in _EXPIRES or row.cancel_type == "CancelByReduceOnly":
                state = OrderState.EXPIRED
        price = grid.ticks[row.price] if row.order_type == "Limit" else 0
        status = OrderStatus(
            command.client_id,
            command.instrument,
            asked,
            ts_venue,
            now,
            int(state),
            price,
            grid.lots[row.qty],
            filled,
        )
        return [Tell("fills", status)]
