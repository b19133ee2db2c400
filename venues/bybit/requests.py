"""Order commands as the venue reads them: frames of the trade socket, or signed HTTP requests."""

from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import urlencode

import msgspec

from market import Instrument
from market.messages import AmendOrder, CancelAll, CancelOrder, OrderFlag, PlaceOrder
from market.units import MS, ClientOrderId, InstrumentId, Nanos
from venues.bybit.order_ids import OrderIds, link_of
from venues.bybit.signing import Signer
from venues.wire import HttpRequest, InstrumentGrid

OrderCommand = PlaceOrder | AmendOrder | CancelOrder | CancelAll

MAX_BATCH: Final = 10  # commands of a frame; the pages of the documentation differ between 10 and 20
_OPS: Final = {PlaceOrder: "order.create", AmendOrder: "order.amend", CancelOrder: "order.cancel"}
_CANCEL_ALL: Final = "order.cancel-all"
_JSON: Final = ("Content-Type", "application/json")
_TIME_IN_FORCE: Final = {
    OrderFlag.NONE: "GTC",
    OrderFlag.POST_ONLY: "PostOnly",
    OrderFlag.IOC: "IOC",
    OrderFlag.FOK: "FOK",
}
_HOW_LONG: Final = OrderFlag.POST_ONLY | OrderFlag.IOC | OrderFlag.FOK
_UNSET: Final = msgspec.UNSET


class OrderArgs(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """One order, amend or cancel; what is unset is not sent."""

    symbol: str
    category: str | msgspec.UnsetType = _UNSET  # stands once above a batch
    side: str | msgspec.UnsetType = _UNSET
    order_type: str | msgspec.UnsetType = _UNSET
    qty: str | msgspec.UnsetType = _UNSET
    price: str | msgspec.UnsetType = _UNSET
    time_in_force: str | msgspec.UnsetType = _UNSET
    position_idx: int | msgspec.UnsetType = _UNSET
    order_link_id: str | msgspec.UnsetType = _UNSET
    order_id: str | msgspec.UnsetType = _UNSET
    reduce_only: bool | msgspec.UnsetType = _UNSET


class OrderRequests:
    """Makes requests of commands; knows the grids of prices and sizes, and everybody's ids."""

    def __init__(self, instruments: Iterable[Instrument], ids: OrderIds, signer: Signer) -> None:
        self._grids = {each.id: InstrumentGrid(each) for each in instruments}
        self._ids = ids
        self._signer = signer
        self._encode = msgspec.json.Encoder().encode

    def frame(self, commands: Sequence[OrderCommand], request_id: str, now: Nanos) -> bytes:
        """Return the frame for the trade socket that carries 1 to 10 commands of one kind.

        `request_id` has at most 36 characters and is never used again; `now` is the venue's time.

        Raises:
            ValueError: the commands cannot be sent so: several kinds, too many, or CancelAll, which goes by HTTP.
        """
        op = bucket_of(commands)
        if op == _CANCEL_ALL:
            raise ValueError("the trade socket cannot cancel all; send it by HTTP")
        header = {"X-BAPI-TIMESTAMP": str(now // MS), "X-BAPI-RECV-WINDOW": str(self._signer.recv_window_ms)}
        return self._encode({"reqId": request_id, "header": header, "op": op, "args": [self._body(commands)]})

    def http(self, commands: Sequence[OrderCommand], now: Nanos) -> HttpRequest:
        """Return the signed POST that carries 1 to 10 commands of one kind.

        Raises:
            ValueError: the commands are of several kinds, or too many.
        """
        path = f"/v5/{bucket_of(commands).replace('.', '/')}"
        body = self._encode(self._body(commands))
        return self.post(path, body, now, len(commands))

    def post(self, path: str, body: bytes, now: Nanos, weight: int = 1) -> HttpRequest:
        """Return any signed POST."""
        return HttpRequest("POST", path, "", (_JSON, *self._signer.headers(body.decode(), now)), body, weight)

    def get(self, path: str, query: dict[str, str], now: Nanos) -> HttpRequest:
        """Return any signed GET; a cursor in the query is percent-encoded already, as the venue gave it."""
        text = urlencode(query, safe="%")
        return HttpRequest("GET", path, text, self._signer.headers(text, now))

    def order_query(self, client_id: ClientOrderId, instrument: InstrumentId, now: Nanos) -> HttpRequest:
        """Return the question what became of an order: it finds open and recently ended ones.

        Raises:
            ValueError: the order is neither ours nor known.
        """
        return self.get("/v5/order/realtime", self._order(client_id, instrument), now)

    def order_history(self, client_id: ClientOrderId, instrument: InstrumentId, now: Nanos) -> HttpRequest:
        """Return the question for an order that ended longer ago.

        Raises:
            ValueError: the order is neither ours nor known.
        """
        return self.get("/v5/order/history", self._order(client_id, instrument), now)

    def _order(self, client_id: ClientOrderId, instrument: InstrumentId) -> dict[str, str]:
        field, text = self._ids.name(client_id)
        return {"category": "linear", "symbol": self._grids[instrument].instrument.symbol, field: text}

    def _body(self, commands: Sequence[OrderCommand]) -> object:
        if len(commands) == 1:
            return self._args(commands[0], "linear")
        return {"category": "linear", "request": [self._args(each, _UNSET) for each in commands]}

    def _args(self, command: OrderCommand, category: str | msgspec.UnsetType) -> OrderArgs:
        grid = self._grids[command.instrument]
        symbol = grid.instrument.symbol
        if isinstance(command, CancelAll):
            return OrderArgs(symbol, category)
        if isinstance(command, PlaceOrder):
            return self._place(command, grid, category)
        field, text = self._ids.name(command.client_id)
        link, order_id = (text, _UNSET) if field == "orderLinkId" else (_UNSET, text)
        if isinstance(command, CancelOrder):
            return OrderArgs(symbol, category, order_link_id=link, order_id=order_id)
        price, qty = grid.price_text(command.price), grid.size_text(command.size)
        return OrderArgs(symbol, category, qty=qty, price=price, order_link_id=link, order_id=order_id)

    def _place(self, order: PlaceOrder, grid: InstrumentGrid, category: str | msgspec.UnsetType) -> OrderArgs:
        flags = OrderFlag(order.flags)
        is_market = bool(flags & OrderFlag.MARKET)
        how_long = flags & _HOW_LONG
        if is_market:
            how_long = how_long or OrderFlag.IOC
        if how_long not in _TIME_IN_FORCE or (is_market and how_long == OrderFlag.POST_ONLY):
            raise ValueError(f"order {order.client_id} of {grid.instrument.name}: {flags!r} contradict each other")
        # the venue ignores the price of a market order; one with a worst price is an IOC limit there
        has_price = order.price > 0 or not is_market
        return OrderArgs(
            grid.instrument.symbol,
            category,
            "Buy" if order.side > 0 else "Sell",
            "Limit" if has_price else "Market",
            grid.size_text(order.size),
            grid.price_text(order.price) if has_price else _UNSET,
            _TIME_IN_FORCE[how_long],
            0,
            link_of(order.client_id),
            reduce_only=bool(flags & OrderFlag.REDUCE_ONLY),
        )


def bucket_of(commands: Sequence[OrderCommand]) -> str:
    """Return the operation that carries these commands, which is also the name of its rate limit.

    Raises:
        ValueError: there is none: several kinds, too many, or several CancelAll.
    """
    kinds = {type(each) for each in commands}
    if len(kinds) != 1 or len(commands) > MAX_BATCH:
        raise ValueError(f"{len(commands)} commands of {len(kinds)} kinds; a request has 1 to {MAX_BATCH} of one")
    (kind,) = kinds
    if kind is CancelAll:
        if len(commands) > 1:
            raise ValueError("a request cancels all orders of one instrument; send one each")
        return _CANCEL_ALL
    return _OPS[kind] if len(commands) == 1 else f"{_OPS[kind]}-batch"
