"""Order commands as calls on the socket, and questions by REST."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Final

from market.instrument import Instrument
from market.messages import AmendOrder, CancelAll, CancelOrder, OrderFlag, PlaceOrder
from market.units import MS, Nanos
from venues.paradex.order_ids import OrderIds, text_of
from venues.paradex.signing import Signer
from venues.wire import HttpRequest, InstrumentGrid

RECV_WINDOW_MS: Final = 5000  # an order that comes later is refused
_HOW_LONG: Final = OrderFlag.POST_ONLY | OrderFlag.IOC | OrderFlag.FOK
_INSTRUCTIONS: Final = {OrderFlag.NONE: "GTC", OrderFlag.POST_ONLY: "POST_ONLY", OrderFlag.IOC: "IOC"}
_SIDES: Final = {1: "BUY", -1: "SELL"}
_E8: Final = 10**8

# fills in the fields of a call that take long to make, and returns them
Signed = Callable[[], dict[str, Any]]


class OrderCalls:
    """Makes calls; knows the grids of prices and sizes.  All times are the venue's."""

    def __init__(self, instruments: Iterable[Instrument], signer: Signer, ids: OrderIds) -> None:
        self.grids = {each.id: InstrumentGrid(each) for each in instruments}
        self._signer, self._ids = signer, ids

    def symbol(self, command: PlaceOrder | AmendOrder | CancelOrder | CancelAll) -> str:
        return self.grids[command.instrument].instrument.symbol

    def place(self, order: PlaceOrder, now: Nanos) -> Signed:
        """Return what makes the parameters of `order.create`; to be called in a thread.

        Raises:
            ValueError: there is no such order here: fill or kill, flags that contradict each other, an id that is none.
        """
        grid = self.grids[order.instrument]
        flags = OrderFlag(order.flags)
        how_long, is_market = flags & _HOW_LONG, bool(flags & OrderFlag.MARKET)
        if how_long not in _INSTRUCTIONS or (is_market and how_long == OrderFlag.POST_ONLY):
            raise ValueError(f"order {order.client_id} of {grid.instrument.name}: {flags!r} is no order at paradex")
        kind, instruction = "LIMIT", _INSTRUCTIONS[how_long]
        if is_market:  # one with a worst price is an IOC there
            kind, instruction = ("LIMIT", "IOC") if order.price else ("MARKET", "IOC")
        price = grid.price_text(order.price) if kind == "LIMIT" else "0"
        params: dict[str, Any] = {
            "market": grid.instrument.symbol,
            "side": _SIDES[order.side],
            "type": kind,
            "size": grid.size_text(order.size),
            "price": price,
            "instruction": instruction,
            "client_id": text_of(order.client_id),
            "stp": "EXPIRE_TAKER",
            "recv_window": RECV_WINDOW_MS,
            "signature_timestamp": now // MS,
        }
        if flags & OrderFlag.REDUCE_ONLY:
            params["flags"] = ["REDUCE_ONLY"]
        signed = (now, grid.instrument.symbol, order.side, kind, _e8(params["size"]), _e8(price))
        return lambda: params | {"signature": self._signer.order(*signed)}

    def amend(self, amend: AmendOrder, order: PlaceOrder, now: Nanos) -> Signed:
        """Return what makes the parameters of `order.modify`; to be called in a thread.

        Raises:
            ValueError: the venue's id of the order is not known.
        """
        grid = self.grids[amend.instrument]
        order_id = self._ids.venue_id(amend.client_id)
        if not order_id:
            raise ValueError(f"order {amend.client_id} has no id of paradex yet")
        params: dict[str, Any] = {
            "id": order_id,
            "market": grid.instrument.symbol,
            "side": _SIDES[order.side],
            "type": "LIMIT",
            "size": grid.size_text(amend.size),
            "price": grid.price_text(amend.price),
            "signature_timestamp": now // MS,
        }
        signed = (now, grid.instrument.symbol, order.side, "LIMIT", _e8(params["size"]), _e8(params["price"]), order_id)
        return lambda: params | {"signature": self._signer.modify(*signed)}

    def cancel(self, command: CancelOrder) -> dict[str, str]:
        """Return the parameters of `order.cancel`: by the venue's id where it is known.

        Raises:
            ValueError: neither id is known to the venue.
        """
        order_id = self._ids.venue_id(command.client_id)
        if order_id:
            return {"id": order_id}
        return {"client_id": text_of(command.client_id), "market": self.symbol(command)}

    def cancel_request(self, command: CancelOrder | CancelAll, token: str) -> HttpRequest:
        """Return a cancel as a request.

        Raises:
            ValueError: neither id of the order is known to the venue.
        """
        if isinstance(command, CancelAll):
            return with_token("DELETE", "/v1/orders", f"market={self.symbol(command)}", token)
        named = self.cancel(command)
        if "id" in named:
            return with_token("DELETE", f"/v1/orders/{named['id']}", "", token)
        return with_token("DELETE", f"/v1/orders/by_client_id/{named['client_id']}", f"market={named['market']}", token)


def with_token(method: str, path: str, query: str, token: str) -> HttpRequest:
    """Return a request of an account."""
    return HttpRequest(method, path, query, (("Authorization", f"Bearer {token}"),))


def _e8(text: str) -> int:
    return int(Decimal(text) * _E8)
