"""What became of one order: asked among the open and recent ones, then in the history."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Final

import msgspec

from market.instrument import Instrument
from market.messages import OrderState, OrderStatus, QueryOrder
from market.units import MS, SECOND, Nanos
from venues.bybit.gate import BybitGate
from venues.bybit.requests import OrderRequests
from venues.bybit.structs import OrderRow, read_rows
from venues.order_queries import OrderQueries
from venues.venue import HttpAnswer, Output, Tell
from venues.wire import InstrumentGrid

_ROWS: Final = msgspec.json.Decoder(list[OrderRow])
_MARGIN: Final = 2 * SECOND
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


class BybitQueries(OrderQueries):
    """Asks for orders by either id, among those that are open and then among those of the past."""

    def __init__(
        self, instruments: Iterable[Instrument], requests: OrderRequests, gate: BybitGate, recv_window_ms: int
    ) -> None:
        super().__init__(recv_window_ms * MS + _MARGIN)
        self._grids = {each.id: InstrumentGrid(each) for each in instruments}
        self._requests, self._gate = requests, gate

    def _free_at(self, command: QueryOrder, now: Nanos) -> Nanos:
        return self._gate.free_at("read", now)

    def _ask(self, command: QueryOrder, now: Nanos) -> list[Output]:
        request = self._requests.order_query(command.client_id, command.instrument, self._gate.at(now))
        return [self._gate.send(request, partial(self._take, command, now), "read", now)]

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
        return self._absent(command, asked, self._gate.at(asked), now)

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
