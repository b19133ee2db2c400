"""Orders as Binance takes them, over REST and the WebSocket API alike: the answer says what became of them."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from market.messages import OrderFlag, Reason
from market.units import Lots, Nanos, Ticks
from sim.emulator.account import Account
from sim.emulator.amounts import Grid
from sim.emulator.binance import codes
from sim.emulator.binance.codes import REFUSALS, VenueError
from sim.emulator.binance.market_rows import PRICE_BAND
from sim.emulator.binance.order_rows import order_row
from sim.emulator.desk import Desk, Tell
from sim.emulator.orders import Amended, AmendRefused, CancelRefused, Order, Refused, order_of
from sim.emulator.public_view import PublicView

Params = Mapping[str, Any]
Row = dict[str, Any]
Act = Callable[[Account, Params, Nanos], Row]
_SIDES: Final = {"BUY": 1, "SELL": -1}
_TIMES_IN_FORCE: Final = {
    "GTC": OrderFlag.NONE,
    "GTX": OrderFlag.POST_ONLY,
    "IOC": OrderFlag.IOC,
    "FOK": OrderFlag.FOK,
}
_CLIENT_ID: Final = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")
_CONDITIONAL: Final = ("STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET")
_STP: Final = ("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH")


class OrderEntry:
    """Takes, changes and cancels orders of a desk.

    Args:
        tell: told the events of an account, to be published.
        new_client_id: makes an id for an order that comes without.
    """

    def __init__(self, desk: Desk, tell: Tell, new_client_id: Callable[[], str]) -> None:
        self._desk = desk
        self._tell = tell
        self._new_client_id = new_client_id

    def place(self, account: Account, params: Params, now: Nanos, *, is_test: bool = False) -> Row:
        """Take a new order; return it, as far as `newOrderRespType` says.

        Raises:
            VenueError: it is refused.
        """
        self._desk.catch_up(now)
        view = self.view(params)
        instrument = view.instrument
        side = self._side(params)
        flags = self._flags(params)
        client_id = self._client_id(account, params)
        size = _count(view.size, params, "quantity")
        price = self._limit(view, params, side, flags)
        if not flags & OrderFlag.REDUCE_ONLY and not account.can_afford(instrument, side, price, size):
            raise VenueError(codes.NO_MARGIN)
        if is_test:
            return {}
        terms = {"stp": params.get("selfTradePreventionMode", "EXPIRE_MAKER")}
        events = account.submit(instrument, client_id, side, price, size, int(flags), terms, now)
        first = order_of(events[0])
        if isinstance(events[0], Refused):
            account.forget(first.number)
            raise VenueError(*REFUSALS[Reason(first.reason)])
        self._tell(account, events, now)
        shows_end = params.get("newOrderRespType") == "RESULT" and flags & (
            OrderFlag.MARKET | OrderFlag.IOC | OrderFlag.FOK
        )
        return order_row(order_of(events[-1]) if shows_end else first, view)

    def amend(self, account: Account, params: Params, now: Nanos) -> Row:
        """Change an open limit order's price and total size; return it.

        Raises:
            VenueError: it is refused, and stays as it was.
        """
        self._desk.catch_up(now)
        view = self.view(params)
        order = self.open_order(account, params, codes.NO_SUCH_ORDER)
        size, price = _count(view.size, params, "quantity"), _count(view.price, params, "price")
        if self._side(params) != order.side:
            raise VenueError(codes.BAD_SIDE)
        if order.is_market:
            raise VenueError(codes.BAD_TYPE)
        if (price, size) == (order.price, order.size):
            raise VenueError(codes.NOTHING_TO_AMEND)
        self._check_band(view, order.side, price)
        order.terms["modifyId"] = params.get("modifyId")
        if size <= order.filled:  # it ends, as one that would take does
            return self._cancelled(account, order, view, now)
        events = account.amend(order, price, size, now)
        first = events[0]
        if isinstance(first, AmendRefused):
            if first.reason == Reason.POST_ONLY_WOULD_TAKE:
                return self._cancelled(account, order, view, now)
            raise VenueError(*REFUSALS[Reason(first.reason)])
        assert isinstance(first, Amended), f"an amend is answered by {first!r}"
        self._tell(account, events, now)
        return order_row(first.order, view) | ({"modifyId": params["modifyId"]} if "modifyId" in params else {})

    def cancel(self, account: Account, params: Params, now: Nanos) -> Row:
        """Cancel an open order; return it.

        Raises:
            VenueError: there is none.
        """
        self._desk.catch_up(now)
        view = self.view(params)
        return self._cancelled(account, self.open_order(account, params, codes.CANCEL_REJECTED), view, now)

    def cancel_all(self, account: Account, params: Params, now: Nanos) -> Row:
        """Cancel all orders of a symbol.

        Raises:
            VenueError: there is no such symbol.
        """
        self._desk.catch_up(now)
        view = self.view(params)
        if any(o.instrument.id == view.instrument.id for o in account.orders.values()):
            self._tell(account, account.cancel_all(view.instrument, now), now)
        return {"code": 200, "msg": "The operation of cancel all open order is done."}

    def batch(
        self, one: Callable[[Account, Params, Nanos], Row], account: Account, items: Any, now: Nanos
    ) -> list[Row]:
        """Do one act to each item; an item that is refused gives its code."""
        rows = []
        for item in items:
            try:
                rows.append(one(account, item if isinstance(item, dict) else {}, now))
            except VenueError as error:
                rows.append({"code": error.code, "msg": error.text})
        return rows

    # --- which --------------------------------------------------------------------------------------------------------

    def view(self, params: Params) -> PublicView:
        """Return what `symbol` names.

        Raises:
            VenueError: there is no such symbol.
        """
        symbol = str(params.get("symbol", ""))
        if not symbol:
            raise missing("symbol")
        view = self._desk.views.get(symbol)
        if view is None:
            raise VenueError(codes.BAD_SYMBOL)
        return view

    def find(self, account: Account, params: Params) -> Order | None:
        """Return the order that `orderId`, else `origClientOrderId`, names, ended ones included."""
        number, client_id = str(params.get("orderId", "")), str(params.get("origClientOrderId", ""))
        if not number and not client_id:
            raise VenueError(codes.MISSING, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty.")
        found = account.find(int(number) if number.isdecimal() else -1) if number else account.find(client_id=client_id)
        return found if found is not None and found.instrument.symbol == params.get("symbol") else None

    def open_order(self, account: Account, params: Params, code: int) -> Order:
        """Return an open order; the code is for none."""
        order = self.find(account, params)
        if order is None or not order.is_open:
            raise VenueError(code)
        return order

    def _cancelled(self, account: Account, order: Order, view: PublicView, now: Nanos) -> Row:
        events = account.cancel(order, now)
        if isinstance(events[0], CancelRefused):
            raise VenueError(codes.CANCEL_REJECTED)
        self._tell(account, events, now)
        return order_row(order_of(events[0]), view)

    # --- terms --------------------------------------------------------------------------------------------------------

    def _side(self, params: Params) -> int:
        side = _SIDES.get(str(params.get("side", "")))
        if side is None:
            raise VenueError(codes.BAD_SIDE)
        if params.get("positionSide", "BOTH") != "BOTH":
            raise VenueError(codes.SIDE_MISMATCH)
        return side

    def _flags(self, params: Params) -> OrderFlag:
        kind = str(params.get("type", ""))
        if kind in _CONDITIONAL:
            raise VenueError(codes.WRONG_ENDPOINT)
        for name in ("priceMatch", "stopPrice", "closePosition", "goodTillDate"):
            if str(params.get(name, "")).upper() not in ("", "NONE", "FALSE", "0"):
                raise VenueError(codes.NOT_EMULATED, f"Parameter '{name}' is not emulated.")
        if params.get("selfTradePreventionMode", "NONE") not in _STP:
            raise VenueError(codes.BAD_PARAMETER, "Data sent for parameter 'selfTradePreventionMode' is not valid.")
        if kind == "MARKET":
            if "timeInForce" in params or "price" in params:
                raise VenueError(-1106, "Parameter 'timeinforce' or 'price' sent when not required.")
            flags = OrderFlag.MARKET
        elif kind == "LIMIT":
            if not params.get("timeInForce"):
                raise missing("timeInForce")
            found = _TIMES_IN_FORCE.get(str(params["timeInForce"]))
            if found is None:
                raise VenueError(codes.BAD_TIME_IN_FORCE)
            flags = found
        else:
            raise VenueError(codes.BAD_TYPE)
        return flags | OrderFlag.REDUCE_ONLY if str(params.get("reduceOnly", "")).lower() == "true" else flags

    def _client_id(self, account: Account, params: Params) -> str:
        client_id = str(params.get("newClientOrderId") or self._new_client_id())
        if not _CLIENT_ID.fullmatch(client_id):
            raise VenueError(codes.BAD_CLIENT_ID)
        if account.has_open(client_id):
            raise VenueError(codes.REPEATED_CLIENT_ID)
        return client_id

    def _limit(self, view: PublicView, params: Params, side: int, flags: int) -> Ticks:
        if flags & OrderFlag.MARKET:  # bounded against the mark, by `marketTakeBound`
            edge = int(view.mark * (1 + PRICE_BAND * side) / view.instrument.tick)
            return max(1, edge)
        price = _count(view.price, params, "price")
        self._check_band(view, side, price)
        return price

    def _check_band(self, view: PublicView, side: int, price: Ticks) -> None:
        edge = view.mark * (1 + PRICE_BAND * side)
        if (view.instrument.tick * price - edge) * side > 0:
            raise VenueError(codes.PRICE_TOO_HIGH if side > 0 else codes.PRICE_TOO_LOW)


def missing(name: str) -> VenueError:
    """Return the refusal of a request that lacks a parameter."""
    return VenueError(codes.MISSING, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def _count(grid: Grid, params: Params, name: str) -> Ticks | Lots:
    text = str(params.get(name, ""))
    if not text:
        raise missing(name)
    count = grid.count(text)
    if count is None:
        raise VenueError(codes.PRECISION) if name == "quantity" else VenueError(*REFUSALS[Reason.INVALID_PRICE])
    if count <= 0:
        reason = Reason.INVALID_SIZE if name == "quantity" else Reason.INVALID_PRICE
        raise VenueError(*REFUSALS[reason])
    return count
