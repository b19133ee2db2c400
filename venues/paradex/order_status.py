"""What became of one order, asked by its client's id: among the open ones, else among those that have ended."""

from collections.abc import Iterable
from functools import partial
from typing import Final

import msgspec

from market.instrument import Instrument
from market.messages import OrderState, OrderStatus, QueryOrder
from market.units import SECOND, ClientOrderId, Lots, Nanos
from venues.order_queries import OrderQueries
from venues.paradex.errors import refusal_of, verdict_on
from venues.paradex.gate import PRIVATE, ParadexGate
from venues.paradex.login import Login
from venues.paradex.order_ids import OrderIds
from venues.paradex.private import EXPIRING, ON_ITS_WAY, OPEN, PrivateData
from venues.paradex.requests import with_token
from venues.paradex.structs import OrderRow, OrderRows, read_refusal, time_of
from venues.venue import HttpAnswer, Output, Tell
from venues.wire import HttpRequest, InstrumentGrid, RemoteProtocolError, decode

_ROW: Final = msgspec.json.Decoder(OrderRow)
_ROWS: Final = msgspec.json.Decoder(OrderRows)
_RETRY: Final = SECOND


class ParadexQueries(OrderQueries):
    """Asks for orders by either id, and for those of the past by ours."""

    def __init__(
        self, instruments: Iterable[Instrument], ids: OrderIds, private: PrivateData, login: Login, gate: ParadexGate
    ) -> None:
        super().__init__(ON_ITS_WAY)
        self._grids = {each.id: InstrumentGrid(each) for each in instruments}
        self._ids, self._private, self._login, self._gate = ids, private, login, gate

    def _free_at(self, command: QueryOrder, now: Nanos) -> Nanos:
        return self._gate.free_at(PRIVATE, now) if self._login.token else now + _RETRY

    def _sent_at(self, client_id: ClientOrderId) -> Nanos | None:
        live = self._private.live.get(client_id)
        return live.sent if live is not None else None

    def _never_was(self, client_id: ClientOrderId) -> None:
        self._private.live.pop(client_id, None)

    def _ask(self, command: QueryOrder, now: Nanos) -> list[Output]:
        order_id = self._ids.venue_id(command.client_id)
        path = f"/v1/orders/{order_id}" if order_id else f"/v1/orders/by_client_id/{command.client_id}"
        if not order_id and command.client_id < 0:
            return []
        return [self._send(self._request(path, ""), partial(self._take, command, now), now)]

    def _request(self, path: str, query: str) -> HttpRequest:
        return with_token("GET", path, query, self._login.token)

    def _send(self, request: HttpRequest, answered: "partial[list[Output]]", now: Nanos) -> Output:
        return self._gate.send(request, answered, PRIVATE, now)

    def _take(self, command: QueryOrder, asked: Nanos, answer: HttpAnswer | None, now: Nanos) -> list[Output]:
        if answer is None:
            return []
        if answer.status == 200:
            return self._status(decode(_ROW, answer.body, "paradex order"), command, asked, now)
        if not self._is_unknown(answer):
            return []  # no answer to the question
        # by the client's id the venue knows open orders alone
        query = f"client_id={command.client_id}&page_size=10"
        return [self._send(self._request("/v1/orders-history", query), partial(self._history, command, asked), now)]

    def _is_unknown(self, answer: HttpAnswer) -> bool:
        code = read_refusal(answer.body).error
        return answer.status == 404 or verdict_on(answer.status, code).reason.name == "UNKNOWN_ORDER"

    def _history(self, command: QueryOrder, asked: Nanos, answer: HttpAnswer | None, now: Nanos) -> list[Output]:
        if answer is None or answer.status != 200:
            return []
        name = str(command.client_id)
        rows = decode(_ROWS, answer.body, "paradex orders of the past").results
        found = next((row for row in rows if row.client_id == name), None)
        if found is not None:
            return self._status(found, command, asked, now)
        return self._absent(command, asked, self._gate.surely_past(asked), now)

    def _status(self, row: OrderRow, command: QueryOrder, asked: Nanos, now: Nanos) -> list[Output]:
        grid = self._grids[command.instrument]
        if row.market != grid.instrument.symbol:
            raise RemoteProtocolError(
                f"paradex told of an order of {row.market!r:.40}, asked for {grid.instrument.name}"
            )
        self._private.heard(row)
        size, left = grid.lots[row.size], grid.lots[row.remaining_size]
        live = self._private.live.get(command.client_id)
        state = _state_of(row, live.order.flags if live is not None else 0, size - left, left)
        if state is None:
            return []  # in a state that nobody knows, or not decided: no answer
        ts_venue = self._gate.surely_past(asked)
        if state is not OrderState.OPEN:
            ts_venue = max(ts_venue, time_of(row.last_updated_at, "last_updated_at"))
        price = grid.ticks[row.price] if row.price.strip("0.") else 0
        at = (asked, ts_venue, now)
        return [
            Tell("fills", OrderStatus(command.client_id, command.instrument, *at, int(state), price, size, size - left))
        ]


def _state_of(row: OrderRow, flags: int, filled: Lots, left: Lots) -> OrderState | None:
    """Return where an order stands; None in a state that nobody knows, or that is not decided yet."""
    if row.status in OPEN:
        return OrderState.OPEN
    if row.status != "CLOSED":
        return None
    reason = row.cancel_reason or ""
    if not left and not reason:
        return OrderState.FILLED
    if flags & EXPIRING:
        return OrderState.EXPIRED
    return OrderState.REJECTED if refusal_of(reason) and not filled else OrderState.CANCELLED
