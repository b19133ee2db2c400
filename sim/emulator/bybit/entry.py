"""Orders as Bybit takes them, over REST and the trade socket alike: an acknowledgement, then events on the streams."""

import re
from collections.abc import Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR
from typing import Any, Final

from market.instrument import Instrument
from market.messages import OrderFlag, Reason
from market.units import Lots, Nanos, Ticks
from sim.emulator.account import Account
from sim.emulator.amounts import Grid
from sim.emulator.bybit import codes
from sim.emulator.bybit.codes import ANSWERED, PARAMETER, VenueError
from sim.emulator.bybit.market_rows import PRICE_BAND
from sim.emulator.bybit.order_rows import uuid
from sim.emulator.desk import Desk, Tell
from sim.emulator.orders import AmendRefused, CancelRefused, Order, Refused, order_of
from sim.emulator.public_view import PublicView
from sim.emulator.times import ms

Fields = Mapping[str, Any]
_SIDES: Final = {"Buy": 1, "Sell": -1}
_TIMES_IN_FORCE: Final = {
    "": OrderFlag.NONE,
    "GTC": OrderFlag.NONE,
    "PostOnly": OrderFlag.POST_ONLY,
    "IOC": OrderFlag.IOC,
    "FOK": OrderFlag.FOK,
}
_LINK_ID: Final = re.compile(r"[A-Za-z0-9_-]{0,36}")
_NOT_EMULATED: Final = ("triggerPrice", "takeProfit", "stopLoss", "bboSideType", "trailingStop", "tpslMode")
MOST_IN_A_BATCH: Final = 20


class OrderEntry:
    """Takes, changes and cancels orders of a desk.

    Args:
        tell: told the events of an account, to be published.

    Attributes:
        rejects_far_prices: by key: limits outside the band are refused instead of moved to its edge.
    """

    def __init__(self, desk: Desk, tell: Tell) -> None:
        self.rejects_far_prices: dict[str, bool] = {}
        self._desk = desk
        self._tell = tell
        self._numbers: dict[str, int] = {}  # by the id that clients see

    # --- one order ----------------------------------------------------------------------------------------------------

    def create(self, account: Account, fields: Fields, now: Nanos) -> dict[str, Any]:
        """Take a new order; return its ids.

        Raises:
            VenueError: it is refused.
        """
        self._desk.catch_up(now)
        view = self._view(fields)
        instrument = view.instrument
        self._check_terms(fields)
        side = _SIDES.get(_text(fields, "side"))
        if side is None:
            raise VenueError(PARAMETER, "Side invalid")
        link_id = _text(fields, "orderLinkId")
        if not _LINK_ID.fullmatch(link_id):
            raise VenueError(PARAMETER, "OrderLinkId invalid: at most 36 of A-Z a-z 0-9 _ -")
        if account.find(client_id=link_id) is not None:
            raise VenueError(codes.REPEATED_LINK_ID)
        flags = self._flags(fields)
        closes = flags & OrderFlag.REDUCE_ONLY and _text(fields, "qty") == "0"
        size = abs(account.holdings[instrument.id].lots) if closes else _count(view.size, fields, "qty", "Qty invalid")
        if closes and size == 0:
            raise VenueError(codes.REDUCE_ONLY)
        price = self._limit(account, view, fields, side, flags)
        if not flags & OrderFlag.REDUCE_ONLY and not account.can_afford(instrument, side, price, size):
            raise VenueError(codes.NO_MARGIN)
        terms = {name: fields[name] for name in ("smpType", "closeOnTrigger") if name in fields}
        terms["last_price"] = view.price.text(view.last_price)
        events = account.submit(instrument, link_id, side, price, size, int(flags), terms, now)
        first = events[0]
        order = order_of(first)
        if isinstance(first, Refused) and order.reason in ANSWERED:
            account.forget(order.number)
            raise VenueError(*ANSWERED[Reason(order.reason)])
        self._numbers[uuid("order", order.number)] = order.number
        self._tell(account, events, now)
        return {"orderId": uuid("order", order.number), "orderLinkId": link_id}

    def amend(self, account: Account, fields: Fields, now: Nanos) -> dict[str, Any]:
        """Change an open order's price or total size; return its ids.

        Raises:
            VenueError: it is refused.
        """
        self._desk.catch_up(now)
        view = self._view(fields)
        order = self._open_order(account, fields)
        price, size = order.price, order.size
        if _text(fields, "qty"):
            size = _count(view.size, fields, "qty", "Qty invalid")
        if _text(fields, "price"):
            price = _count(view.price, fields, "price", "Price invalid")
        if (price, size) == (order.price, order.size):
            raise VenueError(
                PARAMETER, "The order remains unchanged as the parameters entered match the existing ones."
            )
        if size <= order.filled:
            raise VenueError(codes.FILLED_MORE)
        price = self._in_band(account, view, order.side, price)
        events = account.amend(order, price, size, now)
        first = events[0]
        if isinstance(first, AmendRefused):
            if first.reason != Reason.POST_ONLY_WOULD_TAKE:
                raise VenueError(*ANSWERED[Reason(first.reason)])
            # taken, and then the order ends as one that would have taken on arrival
            events = account.cancel(order, now)
            order.reason = order_of(events[0]).reason = Reason.POST_ONLY_WOULD_TAKE
        self._tell(account, events, now)
        return {"orderId": uuid("order", order.number), "orderLinkId": order.client_id}

    def cancel(self, account: Account, fields: Fields, now: Nanos) -> dict[str, Any]:
        """Cancel an open order; return its ids.

        Raises:
            VenueError: there is none.
        """
        self._desk.catch_up(now)
        self._view(fields)
        order = self._open_order(account, fields)
        events = account.cancel(order, now)
        if isinstance(events[0], CancelRefused):
            raise VenueError(codes.NO_SUCH_ORDER)
        self._tell(account, events, now)
        return {"orderId": uuid("order", order.number), "orderLinkId": order.client_id}

    def cancel_all(self, account: Account, fields: Fields, now: Nanos) -> dict[str, Any]:
        """Cancel all orders of a symbol, a base or a settle coin; return their ids.

        Raises:
            VenueError: none of the three is named.
        """
        self._desk.catch_up(now)
        instruments = self.instruments_of(fields)
        found = []
        for instrument in instruments if _text(fields, "orderFilter") in ("", "Order") else ():
            mine = [o for o in account.orders.values() if o.instrument.id == instrument.id]
            if mine:
                found += [{"orderId": uuid("order", o.number), "orderLinkId": o.client_id} for o in mine]
                self._tell(account, account.cancel_all(instrument, now), now)
        return {"list": found, "success": "1"}

    def batch(
        self, account: Account, act: str, fields: Fields, now: Nanos, n_allowed: int
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Do one of `create`, `amend`, `cancel` to each of `request`; return results and codes, in its order.

        Args:
            n_allowed: that many items are within the rate; the others fail.

        Raises:
            VenueError: there are no items, or too many.
        """
        items = fields.get("request")
        if not isinstance(items, list) or not 1 <= len(items) <= MOST_IN_A_BATCH:
            raise VenueError(PARAMETER, f"request must list 1 to {MOST_IN_A_BATCH} orders")
        one = {"create": self.create, "amend": self.amend, "cancel": self.cancel}[act]
        rows, ends = [], []
        for place, item in enumerate(items):
            named = {"category": fields.get("category", ""), **item} if isinstance(item, dict) else {}
            row = {"category": "linear", "symbol": _text(named, "symbol")}
            try:
                if place >= n_allowed:
                    raise VenueError(codes.TOO_MANY_REQUESTS)
                row |= one(account, named, now)
                ends.append({"code": 0, "msg": "OK"})
            except VenueError as failure:
                row |= {"orderId": "", "orderLinkId": _text(named, "orderLinkId")}
                ends.append({"code": failure.code, "msg": failure.text})
            if act == "create":
                row["createAt"] = str(ms(now)) if row["orderId"] else ""
            rows.append(row)
        return {"list": rows}, {"list": ends}

    # --- whose and which ----------------------------------------------------------------------------------------------

    def number(self, order_id: str) -> int:
        """Return the number behind an order id; -1 for none of ours."""
        return self._numbers.get(order_id, -1)

    def find(self, account: Account, fields: Fields) -> Order | None:
        """Return the order that `orderId`, else `orderLinkId`, names, ended ones included."""
        order_id = _text(fields, "orderId")
        if order_id:
            return account.find(self.number(order_id))
        return account.find(client_id=_text(fields, "orderLinkId"))

    def instruments_of(self, fields: Fields) -> list[Instrument]:
        """Return what `symbol`, `baseCoin` or `settleCoin` names.

        Raises:
            VenueError: none of them is given, or there is no such symbol.
        """
        if _text(fields, "symbol"):
            return [self._view(fields).instrument]
        base, settle = _text(fields, "baseCoin"), _text(fields, "settleCoin")
        if not base and not settle:
            raise VenueError(PARAMETER, "one of symbol, settleCoin, baseCoin must be filled in")
        every = [view.instrument for view in self._desk.views.values()]
        return [i for i in every if base in ("", i.base) and settle in ("", i.settle)]

    def band(self, view: PublicView) -> tuple[Ticks, Ticks]:
        """Return the highest bid and the lowest offer that are allowed."""
        return self._edge(view, 1), self._edge(view, -1)

    def _view(self, fields: Fields) -> PublicView:
        if _text(fields, "category") != "linear":
            raise VenueError(PARAMETER, f"category {_text(fields, 'category')!r} is not emulated, only linear")
        view = self._desk.views.get(_text(fields, "symbol"))
        if view is None:
            raise VenueError(PARAMETER, "params error: symbol invalid")
        return view

    def _open_order(self, account: Account, fields: Fields) -> Order:
        if not _text(fields, "orderId") and not _text(fields, "orderLinkId"):
            raise VenueError(PARAMETER, "orderId or orderLinkId is required")
        order = self.find(account, fields)
        if order is None or not order.is_open or order.instrument.symbol != _text(fields, "symbol"):
            raise VenueError(codes.NO_SUCH_ORDER)
        return order

    # --- terms --------------------------------------------------------------------------------------------------------

    def _check_terms(self, fields: Fields) -> None:
        for name in _NOT_EMULATED:
            if _text(fields, name):
                raise VenueError(PARAMETER, f"{name} is not emulated")
        if fields.get("positionIdx", 0) not in (0, "0"):
            raise VenueError(PARAMETER, "position idx not match position mode")
        if _text(fields, "timeInForce") == "RPI":
            raise VenueError(110119, "RPI orders are for approved market makers only")

    def _flags(self, fields: Fields) -> OrderFlag:
        flags = _TIMES_IN_FORCE.get(_text(fields, "timeInForce"))
        if flags is None:
            raise VenueError(PARAMETER, "TimeInForce invalid")
        kind = _text(fields, "orderType")
        if kind == "Market":
            flags = OrderFlag.MARKET
        elif kind != "Limit":
            raise VenueError(PARAMETER, "OrderType invalid")
        return flags | OrderFlag.REDUCE_ONLY if fields.get("reduceOnly") in (True, "true") else flags

    def _limit(self, account: Account, view: PublicView, fields: Fields, side: int, flags: int) -> Ticks:
        if flags & OrderFlag.MARKET:  # the engine makes a bounded IOC of it
            return self._edge(view, side)
        price = _count(view.price, fields, "price", "Price invalid")
        return self._in_band(account, view, side, price)

    def _in_band(self, account: Account, view: PublicView, side: int, price: Ticks) -> Ticks:
        edge = self._edge(view, side)
        if (price - edge) * side <= 0:
            return price
        if self.rejects_far_prices.get(account.section.key):
            raise VenueError(codes.PRICE_OUTSIDE)
        return edge

    def _edge(self, view: PublicView, side: int) -> Ticks:
        """Return the worst price that an order may have: away from the mark by the band."""
        edge = view.mark * (1 + PRICE_BAND * side) / view.instrument.tick
        step = view.instrument.price_rule.step(max(1, int(edge)))
        whole = (edge / step).to_integral_value(ROUND_FLOOR if side > 0 else ROUND_CEILING)
        return max(step, int(whole) * step)


def _text(fields: Fields, name: str) -> str:
    value = fields.get(name)
    return "" if value is None else str(value)


def _count(grid: Grid, fields: Fields, name: str, complaint: str) -> Ticks | Lots:
    value = fields.get(name)
    count = grid.count(value) if isinstance(value, str) else None
    if count is None or count <= 0:
        raise VenueError(PARAMETER, complaint)
    return count
