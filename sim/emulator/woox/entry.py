"""Orders as WOO X takes them: an acknowledgement, then reports on the private stream."""

from collections.abc import Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, Final

from market.messages import OrderFlag, Reason
from market.units import Lots, Nanos, Ticks
from sim.emulator.account import Account
from sim.emulator.amounts import Grid
from sim.emulator.desk import Desk, Tell
from sim.emulator.orders import AmendRefused, CancelRefused, Order, Refused, order_of
from sim.emulator.public_view import PublicView
from sim.emulator.woox import codes
from sim.emulator.woox.codes import ANSWERED, VenueError
from sim.emulator.woox.rows import type_of

Fields = Mapping[str, Any]
PRICE_BAND: Final = Decimal("0.1")  # each side of the mark
_MARKET_BAND: Final = Decimal("0.05")
_SIDES: Final = {"BUY": 1, "SELL": -1}
_FLAGS: Final = {
    "LIMIT": OrderFlag.NONE,
    "POST_ONLY": OrderFlag.POST_ONLY,
    "IOC": OrderFlag.IOC,
    "FOK": OrderFlag.FOK,
    "MARKET": OrderFlag.MARKET,
}
_MOST_ID: Final = (1 << 63) - 1


class OrderEntry:
    """Takes, changes and cancels orders of a desk.

    Args:
        tell: told the events of an account, to be published.
    """

    def __init__(self, desk: Desk, tell: Tell) -> None:
        self._desk = desk
        self._tell = tell

    def create(self, account: Account, fields: Fields, now: Nanos) -> dict[str, Any]:
        """Take a new order; return what is acknowledged.

        Raises:
            VenueError: it is refused.
        """
        self._desk.catch_up(now)
        view = self.view(fields)
        side, flags = _SIDES.get(_text(fields, "side")), _FLAGS.get(_text(fields, "type"))
        if side is None or flags is None:
            raise VenueError(codes.WRONG_FORMAT, "side or type is not emulated")
        if _text(fields, "positionSide") not in ("", "BOTH") or _text(fields, "triggerPrice"):
            raise VenueError(codes.WRONG_FORMAT, "only one-way positions and plain orders are emulated")
        client_id = _id(fields, "clientOrderId")
        if client_id and account.has_open(str(client_id)):
            raise VenueError(codes.REPEATED_ID)
        if fields.get("reduceOnly") is True:
            flags |= OrderFlag.REDUCE_ONLY
        size = _count(view.size, fields, "quantity", codes.WRONG_STEP)
        if flags & OrderFlag.MARKET:  # the engine makes a bounded IOC of it
            price = _edge(view, side, _MARKET_BAND)
        else:
            price = self._price(view, fields, side)
        instrument = view.instrument
        if not flags & OrderFlag.REDUCE_ONLY and not account.can_afford(instrument, side, price, size):
            raise VenueError(codes.NO_MARGIN)
        events = account.submit(instrument, str(client_id or ""), side, price, size, int(flags), {}, now)
        first = events[0]
        order = order_of(first)
        if isinstance(first, Refused) and order.reason in ANSWERED:
            account.forget(order.number)
            raise VenueError(ANSWERED[Reason(order.reason)])
        self._tell(account, events, now)
        return {
            "orderId": order.number,
            "clientOrderId": client_id,
            "type": type_of(order),
            "price": None if order.is_market else float(view.price.text(order.price)),
            "quantity": float(view.size.text(order.size)),
            "amount": None,
            "bidAskLevel": None,
        }

    def amend(self, account: Account, fields: Fields, now: Nanos) -> dict[str, Any]:
        """Change an open order's price or total size; what comes of it is reported.

        Raises:
            VenueError: it is refused.
        """
        self._desk.catch_up(now)
        order = self._open_order(account, fields)
        view = self._desk.views[order.instrument.symbol]
        price, size = order.price, order.size
        if fields.get("quantity") is not None:
            size = _count(view.size, fields, "quantity", codes.WRONG_STEP)
        if fields.get("price") is not None:
            price = self._price(view, fields, order.side)
        if (price, size) == (order.price, order.size):
            raise VenueError(codes.UNCHANGED)
        if size <= order.filled:
            raise VenueError(codes.FILLED_MORE)
        events = account.amend(order, price, size, now)
        first = events[0]
        if isinstance(first, AmendRefused) and first.reason != Reason.POST_ONLY_WOULD_TAKE:
            raise VenueError(ANSWERED[Reason(first.reason)])
        self._tell(account, events, now)
        return {"status": "EDIT_SENT"}

    def cancel(self, account: Account, fields: Fields, now: Nanos) -> dict[str, Any]:
        """Cancel an open order.

        Raises:
            VenueError: there is none.
        """
        self._desk.catch_up(now)
        self.view(fields)
        order = self._open_order(account, fields)
        events = account.cancel(order, now)
        if isinstance(events[0], CancelRefused):
            raise VenueError(codes.NO_SUCH_ORDER)
        self._tell(account, events, now)
        return {"status": "CANCEL_SENT"}

    def cancel_all(self, account: Account, fields: Fields, now: Nanos) -> dict[str, Any]:
        """Cancel all orders, of one symbol if it is named."""
        self._desk.catch_up(now)
        views = [self.view(fields)] if _text(fields, "symbol") else list(self._desk.views.values())
        for view in views:
            if any(order.instrument.id == view.instrument.id for order in account.orders.values()):
                self._tell(account, account.cancel_all(view.instrument, now), now)
        return {"status": "CANCEL_ALL_SENT"}

    def find(self, account: Account, fields: Fields) -> Order:
        """Return the order that `orderId`, else `clientOrderId`, names, ended ones included.

        Raises:
            VenueError: there is none.
        """
        order_id, client_id = _id(fields, "orderId"), _id(fields, "clientOrderId")
        if not order_id and not client_id:
            raise VenueError(codes.WRONG_FORMAT, "orderId or clientOrderId is required")
        order = account.find(order_id) if order_id else account.find(client_id=str(client_id))
        if order is None:
            raise VenueError(codes.NOT_FOUND)
        return order

    def view(self, fields: Fields) -> PublicView:
        """Return what `symbol` names.

        Raises:
            VenueError: nothing that trades here.
        """
        view = self._desk.views.get(_text(fields, "symbol"))
        if view is None:
            raise VenueError(codes.WRONG_FORMAT, "symbol is invalid")
        return view

    def _open_order(self, account: Account, fields: Fields) -> Order:
        order = self.find(account, fields)
        if not order.is_open:
            raise VenueError(codes.NO_SUCH_ORDER)
        return order

    def _price(self, view: PublicView, fields: Fields, side: int) -> Ticks:
        price = _count(view.price, fields, "price", codes.WRONG_TICK)
        if (price - _edge(view, side, PRICE_BAND)) * side > 0:
            raise VenueError(codes.FAR_PRICE)
        return price


def _edge(view: PublicView, side: int, band: Decimal) -> Ticks:
    """Return the worst price that an order may have: away from the mark by a band."""
    edge = view.mark * (1 + band * side) / view.instrument.tick
    return max(1, int(edge.to_integral_value(ROUND_FLOOR if side > 0 else ROUND_CEILING)))


def _text(fields: Fields, name: str) -> str:
    value = fields.get(name)
    return "" if value is None else str(value)


def _id(fields: Fields, name: str) -> int:
    text = _text(fields, name)
    if not text:
        return 0
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or int(text) > _MOST_ID:
        raise VenueError(codes.WRONG_FORMAT, f"{name} is a number from 0 to {_MOST_ID}")
    return int(text)


def _count(grid: Grid, fields: Fields, name: str, code: int) -> Ticks | Lots:
    value = fields.get(name)
    is_number = isinstance(value, str | int | float) and not isinstance(value, bool)
    count = grid.count(str(value)) if is_number else None
    if count is None or count <= 0:
        raise VenueError(code)
    return count
