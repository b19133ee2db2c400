"""Order commands as requests: by REST, or as frames of the WebSocket API, which has no cancel-all and no batches.

An amend must name the side of its order, and an order that is not ours has no id but the venue's: `OrderIndex` knows.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from market.instrument import Instrument
from market.messages import AmendOrder, CancelAll, CancelOrder, OrderFlag, PlaceOrder, QueryOrder
from market.units import MS, InstrumentId, Nanos
from venues.binance.client_ids import id_text
from venues.binance.order_index import OrderIndex
from venues.binance.signing import Credentials, Value
from venues.wire import HttpRequest, InstrumentGrid

OrderCommand = PlaceOrder | AmendOrder | CancelOrder

MAX_BATCH: Final = 5
MAX_BATCH_CANCELS: Final = 10

_ORDER: Final = "/fapi/v1/order"
_BATCH: Final = "/fapi/v1/batchOrders"
# command -> (REST method, WebSocket method, request weight: placing counts as an order instead)
_WAYS: Final[Mapping[type, tuple[str, str, int]]] = {
    PlaceOrder: ("POST", "order.place", 0),
    AmendOrder: ("PUT", "order.modify", 0),
    CancelOrder: ("DELETE", "order.cancel", 1),
}
_SIDES: Final = {1: "BUY", -1: "SELL"}
# plain ints: with flags of an enum the whole frame takes a quarter longer
_IOC, _FOK, _POST_ONLY = int(OrderFlag.IOC), int(OrderFlag.FOK), int(OrderFlag.POST_ONLY)
_REDUCE_ONLY, _MARKET = int(OrderFlag.REDUCE_ONLY), int(OrderFlag.MARKET)
_TERMS: Final = _IOC | _FOK | _POST_ONLY
_TIMES_IN_FORCE: Final = {0: "GTC", _IOC: "IOC", _FOK: "FOK", _POST_ONLY: "GTX"}


class OrderRequests:
    """Makes requests of order commands.

    Args:
        recv_window_ms: a request that reaches the matching engine later than this after its time is refused there.
    """

    def __init__(
        self,
        instruments: Iterable[Instrument],
        credentials: Credentials,
        orders: OrderIndex,
        recv_window_ms: int = 5000,
    ) -> None:
        self._grids: dict[InstrumentId, InstrumentGrid] = {each.id: InstrumentGrid(each) for each in instruments}
        self._credentials = credentials
        self._orders = orders
        self._recv_window_ms = recv_window_ms

    def request(self, command: OrderCommand, venue_time: Nanos) -> HttpRequest:
        """Return a command as a REST request, signed for a time of the venue's clock.

        Raises:
            ValueError: the venue has no such order, or the command is about an order that we do not know.
        """
        method, _, weight = _WAYS[type(command)]
        return self._signed(method, _ORDER, self._params(command), venue_time, weight)

    def frame(self, command: OrderCommand, request_id: int, venue_time: Nanos) -> bytes:
        """Return a command as a frame of the WebSocket API; its answer carries the text of `request_id`.

        Raises:
            ValueError: as `request`.
        """
        params = self._credentials.signed_params(self._timed(self._params(command), venue_time))
        return msgspec.json.encode({"id": str(request_id), "method": _WAYS[type(command)][1], "params": params})

    def batch(self, commands: Sequence[PlaceOrder] | Sequence[AmendOrder], venue_time: Nanos) -> HttpRequest:
        """Return up to five commands of a kind as one request; the answers stand in their order.

        Raises:
            ValueError: there are none or more than five, or as `request`.
        """
        if not 1 <= len(commands) <= MAX_BATCH:
            raise ValueError(f"a batch of {len(commands)} orders: must be 1 to {MAX_BATCH}")
        items = msgspec.json.encode([self._params(each) for each in commands]).decode()
        method = _WAYS[type(commands[0])][0]
        return self._signed(method, _BATCH, {"batchOrders": items}, venue_time, 5)

    def cancel_batch(self, commands: Sequence[CancelOrder], venue_time: Nanos) -> HttpRequest:
        """Return up to ten cancels of orders of ours, of one instrument, as one request.

        Raises:
            ValueError: there are none or more than ten, an order is not ours, or they are of several instruments.
        """
        if not 1 <= len(commands) <= MAX_BATCH_CANCELS:
            raise ValueError(f"a batch of {len(commands)} cancels: must be 1 to {MAX_BATCH_CANCELS}")
        instrument = commands[0].instrument
        if any(each.instrument != instrument for each in commands):
            raise ValueError("a batch of cancels is for one instrument, this is for several")
        ids = msgspec.json.encode([id_text(each.client_id) for each in commands]).decode()
        params = {"symbol": self._symbol(instrument), "origClientOrderIdList": ids}
        return self._signed("DELETE", _BATCH, params, venue_time, 1)

    def cancel_all(self, command: CancelAll, venue_time: Nanos) -> HttpRequest:
        """Return the request that cancels every order of an instrument; the answer names none of them."""
        params = {"symbol": self._symbol(command.instrument)}
        return self._signed("DELETE", "/fapi/v1/allOpenOrders", params, venue_time, 1)

    def countdown(self, instrument: InstrumentId, countdown_ms: int, venue_time: Nanos) -> HttpRequest:
        """Return the dead man's switch: cancel all of an instrument after so long without another; 0: never."""
        params: dict[str, Value] = {"symbol": self._symbol(instrument), "countdownTime": countdown_ms}
        return self._signed("POST", "/fapi/v1/countdownCancelAll", params, venue_time, 10)

    def query(self, command: OrderCommand | QueryOrder, venue_time: Nanos) -> HttpRequest:
        """Return the question what became of the order of a command that went without an answer."""
        params = self._named(command.instrument, command.client_id)
        return self._signed("GET", _ORDER, params, venue_time, 1)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _params(self, command: OrderCommand) -> dict[str, Value]:
        if isinstance(command, PlaceOrder):
            return self._place(command)
        params = self._named(command.instrument, command.client_id)
        if isinstance(command, CancelOrder):
            return params
        side = self._orders.side_of(command.client_id)
        if side is None:
            raise ValueError(f"amend of order {command.client_id}: its side is not known; it was not placed from here")
        grid = self._grids[command.instrument]
        params["side"] = _SIDES[side]
        params["quantity"] = grid.size_text(command.size)
        params["price"] = grid.price_text(command.price)
        return params

    def _place(self, command: PlaceOrder) -> dict[str, Value]:
        grid, flags = self._grids[command.instrument], int(command.flags)
        kind = _TIMES_IN_FORCE.get(flags & _TERMS)
        is_market = bool(flags & _MARKET)
        if kind is None or (is_market and flags & (_FOK | _POST_ONLY)):
            raise ValueError(
                f"order {command.client_id} asks for {OrderFlag(flags)!r}: Binance has one of IOC, FOK and POST_ONLY"
                " at a time, and none with MARKET"
            )
        params: dict[str, Value] = {"symbol": grid.instrument.symbol, "side": _SIDES[command.side]}
        if is_market and command.price == 0:
            params["type"] = "MARKET"
        else:
            # a market order has no worst price here; one that takes at once up to a price is the same
            params["type"] = "LIMIT"
            params["timeInForce"] = "IOC" if is_market else kind
            params["price"] = grid.price_text(command.price)
        params["quantity"] = grid.size_text(command.size)
        if flags & _REDUCE_ONLY:
            params["reduceOnly"] = "true"
        params["newClientOrderId"] = id_text(command.client_id)
        self._orders.note_side(command.client_id, command.side)
        return params

    def _named(self, instrument: InstrumentId, client_id: int) -> dict[str, Value]:
        params: dict[str, Value] = {"symbol": self._symbol(instrument)}
        if client_id < 0:
            params["orderId"] = -client_id
        else:
            params["origClientOrderId"] = id_text(client_id)
        return params

    def _symbol(self, instrument: InstrumentId) -> str:
        return self._grids[instrument].instrument.symbol

    def _timed(self, params: Mapping[str, Value], venue_time: Nanos) -> dict[str, Value]:
        return {**params, "recvWindow": self._recv_window_ms, "timestamp": venue_time // MS}

    def _signed(
        self, method: str, path: str, params: Mapping[str, Value], venue_time: Nanos, weight: int
    ) -> HttpRequest:
        query = self._credentials.signed_query(self._timed(params, venue_time))
        return HttpRequest(method, path, query, (("X-MBX-APIKEY", self._credentials.api_key),), weight=weight)
