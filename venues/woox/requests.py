"""Requests of an account as the venue reads them: a JSON body or a query, signed as it is sent."""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from market.instrument import Instrument
from market.messages import AmendOrder, CancelAll, CancelOrder, OrderFlag, PlaceOrder, QueryOrder
from market.units import Nanos
from venues.wire import HttpRequest, InstrumentGrid
from venues.woox.limits import AMEND, CANCEL, CANCEL_ALL, PLACE, Bucket
from venues.woox.order_ids import name_of
from venues.woox.signing import Signer

OrderCommand = PlaceOrder | AmendOrder | CancelOrder | CancelAll

ORDER: Final = "/v3/trade/order"
_JSON: Final = ("Content-Type", "application/json")
_HOW_LONG: Final = OrderFlag.POST_ONLY | OrderFlag.IOC | OrderFlag.FOK
_TYPES: Final = {
    OrderFlag.NONE: "LIMIT",
    OrderFlag.POST_ONLY: "POST_ONLY",
    OrderFlag.IOC: "IOC",
    OrderFlag.FOK: "FOK",
}
_SIDES: Final = {1: "BUY", -1: "SELL"}


class OrderRequests:
    """Makes requests; knows the grids of prices and sizes.  All times are the venue's."""

    def __init__(self, instruments: Iterable[Instrument], signer: Signer) -> None:
        self._grids = {each.id: InstrumentGrid(each) for each in instruments}
        self._signer = signer
        self._encode = msgspec.json.Encoder().encode

    def bucket_of(self, command: OrderCommand) -> Bucket:
        """Return which limit a command counts in."""
        if isinstance(command, PlaceOrder):
            return PLACE, self._symbol(command)
        if isinstance(command, AmendOrder):
            return AMEND, ""
        return (CANCEL, "") if isinstance(command, CancelOrder) else (CANCEL_ALL, "")

    def of(self, command: OrderCommand, now: Nanos) -> HttpRequest:
        """Return the request of a command.

        Raises:
            ValueError: there is no such order here: flags that contradict each other, an id that is none.
        """
        if isinstance(command, PlaceOrder):
            return self.send("POST", ORDER, self._terms(command), now)
        if isinstance(command, AmendOrder):
            grid = self._grids[command.instrument]
            field, number = name_of(command.client_id)
            price, size = grid.price_text(command.price), grid.size_text(command.size)
            return self.send("PUT", ORDER, {field: number, "price": price, "quantity": size}, now)
        symbol = {"symbol": self._symbol(command)}
        if isinstance(command, CancelAll):
            return self.ask("DELETE", "/v3/trade/orders", symbol, now)
        field, number = name_of(command.client_id)
        return self.ask("DELETE", ORDER, symbol | {field: str(number)}, now)

    def query(self, command: QueryOrder, now: Nanos) -> HttpRequest:
        """Return the question what became of an order.

        Raises:
            ValueError: its id is none.
        """
        field, number = name_of(command.client_id)
        return self.ask("GET", ORDER, {field: str(number)}, now)

    def send(self, method: str, path: str, fields: Mapping[str, Any], now: Nanos) -> HttpRequest:
        """Return a signed request whose fields stand in its body."""
        body = self._encode(fields)
        return HttpRequest(method, path, "", (_JSON, *self._signer.headers(method, path, body, now)), body)

    def ask(self, method: str, path: str, fields: Mapping[str, str], now: Nanos) -> HttpRequest:
        """Return a signed request whose fields stand in its query."""
        query = urlencode(fields)
        target = f"{path}?{query}" if query else path
        return HttpRequest(method, path, query, self._signer.headers(method, target, b"", now))

    def _symbol(self, command: OrderCommand) -> str:
        return self._grids[command.instrument].instrument.symbol

    def _terms(self, order: PlaceOrder) -> dict[str, Any]:
        grid = self._grids[order.instrument]
        field, number = name_of(order.client_id)
        flags = OrderFlag(order.flags)
        how_long, is_market = flags & _HOW_LONG, bool(flags & OrderFlag.MARKET)
        if how_long not in _TYPES or (is_market and how_long == OrderFlag.POST_ONLY) or field != "clientOrderId":
            raise ValueError(f"order {order.client_id} of {grid.instrument.name}: {flags!r} is no order at woox")
        kind = _TYPES[how_long]
        if is_market:
            # the venue ignores the price of a market order; one with a worst price is an IOC there
            kind = "IOC" if order.price else "MARKET"
        terms: dict[str, Any] = {
            "symbol": grid.instrument.symbol,
            "clientOrderId": number,
            "side": _SIDES[order.side],
            "type": kind,
        }
        if kind != "MARKET":
            terms["price"] = grid.price_text(order.price)
        terms["quantity"] = grid.size_text(order.size)
        if flags & OrderFlag.REDUCE_ONLY:
            terms["reduceOnly"] = True
        return terms
