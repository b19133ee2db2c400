"""Orders as Paradex takes them: an answer that they have come, then events."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import attrs

from market.messages import OrderFlag
from market.units import MS, Nanos
from sim.emulator.desk import Desk, Tell
from sim.emulator.orders import Amended, CancelRefused, Order, order_of
from sim.emulator.paradex.accounts import Trader
from sim.emulator.paradex.codes import VenueError
from sim.emulator.paradex.rows import number_text, order_row
from sim.emulator.paradex.stark import is_signed, message_hash
from sim.emulator.public_view import PublicView
from sim.emulator.times import ms

Fields = Mapping[str, Any]
Row = dict[str, Any]
_SIDES: Final = {"BUY": 1, "SELL": -1}
_FLAGS: Final = {
    "GTC": OrderFlag.NONE,
    "POST_ONLY": OrderFlag.POST_ONLY,
    "IOC": OrderFlag.IOC,
}
_E8: Final = 10**8
_WINDOW_MS: Final = 300_000
_MARKET_BAND: Final = Decimal("0.05")


@attrs.frozen
class NewOrder:
    """What a client asks for; price in ticks, size in lots."""

    view: PublicView
    client_id: str
    side: int
    price: int
    size: int
    flags: OrderFlag
    terms: Row


class OrderEntry:
    """Takes, changes and cancels orders of a desk.

    Args:
        tell: told the events of an account, to be published.

    Attributes:
        placed_on: by number of an order, what it was placed on, for who cancels on disconnect.
    """

    def __init__(self, desk: Desk, tell: Tell) -> None:
        self._desk, self._tell = desk, tell
        self._n_requests = 0

    def create(self, trader: Trader, fields: Fields, now: Nanos) -> Row:
        """Take a new order; return it as it has come.

        Raises:
            VenueError: it is refused.
        """
        return self.submit(trader, self.read(trader, fields, now), now)

    def read(self, trader: Trader, fields: Fields, now: Nanos) -> NewOrder:
        """Return a new order that is in order by itself, signature included.

        Raises:
            VenueError: it is not.
        """
        self._desk.catch_up(now)
        view = self.view(fields)
        side, kind = _SIDES.get(_text(fields, "side")), _text(fields, "type")
        instruction = _text(fields, "instruction") or "GTC"
        if side is None or kind not in ("LIMIT", "MARKET") or instruction not in _FLAGS:
            raise VenueError("VALIDATION_ERROR", "side, type or instruction is not emulated")
        stamp = self._check(trader, "order", fields, [])
        window = fields.get("recv_window") or _WINDOW_MS
        if not isinstance(window, int) or ms(now) > stamp + window:
            raise VenueError("INVALID_TIMESTAMP", "the order came too late")
        flags = OrderFlag.MARKET if kind == "MARKET" else _FLAGS[instruction]
        if "REDUCE_ONLY" in (fields.get("flags") or []):
            flags |= OrderFlag.REDUCE_ONLY
        size = view.size.count(_decimal(fields, "size"))
        if kind == "MARKET":  # the engine makes a bounded IOC of it
            price: int | None = max(1, int(view.mark * (1 + _MARKET_BAND * side) / view.instrument.tick))
        else:
            price = view.price.count(_decimal(fields, "price"))
        if size is None or size <= 0:
            raise VenueError("INVALID_ORDER_SIZE", "size is not a multiple of the increment")
        if price is None or price <= 0:
            raise VenueError("VALIDATION_ERROR", "price is not a multiple of the tick")
        terms: Row = {"instruction": instruction, "type": kind}
        return NewOrder(view, _text(fields, "client_id"), side, price, size, flags, terms)

    def submit(self, trader: Trader, new: NewOrder, now: Nanos) -> Row:
        """Send a new order to the engine; return it as it has come.

        Raises:
            VenueError: its client id is taken, or the margin is too small.
        """
        account, instrument = trader.account, new.view.instrument
        if new.client_id and account.has_open(new.client_id):
            raise VenueError("DUPLICATED_CLIENT_ID", "order with the same client_id exists")
        reduces = new.flags & OrderFlag.REDUCE_ONLY
        if not (reduces or account.can_afford(instrument, new.side, new.price, new.size)):
            raise VenueError("NOT_ENOUGH_MARGIN", "not enough margin for the order")
        flags = int(new.flags)
        events = account.submit(instrument, new.client_id, new.side, new.price, new.size, flags, new.terms, now)
        order = order_of(events[0])
        row = order_row(order, new.view, now, "NEW") | {"remaining_size": new.view.size.text(new.size)}
        self._tell(account, events, now)
        return row

    def modify(self, trader: Trader, fields: Fields, now: Nanos) -> Row:
        """Change an open order's price or total size; an event tells what came of it.

        Raises:
            VenueError: it is refused.
        """
        self._desk.catch_up(now)
        account, order = trader.account, self.open_order(trader, _text(fields, "id"))
        view = self.view(fields)
        self._check(trader, "modify", fields, [_text(fields, "id")])
        size, price = view.size.count(_decimal(fields, "size")), view.price.count(_decimal(fields, "price"))
        if not size or size <= order.filled or not price:
            raise VenueError("VALIDATION_ERROR", "size or price")
        self._n_requests += 1
        info = {"id": str(self._n_requests), "request_type": "MODIFY_ORDER", "message": ""}
        events = account.amend(order, price, size, now)
        kept = account.find(order.number)
        assert kept is not None, "an order that was amended is not known"
        status = "SUCCESS" if isinstance(events[0], Amended) else "REJECTED"
        for event in events:
            order_of(event).terms["request_info"] = info | {"status": status}
        self._tell(account, events, now)
        kept.terms.pop("request_info", None)
        return order_row(kept, view, now) | {"request_info": info | {"status": "PENDING"}}

    def _check(self, trader: Trader, kind: str, fields: Fields, more: list[int | str]) -> int:
        stamp = fields.get("signature_timestamp")
        if not isinstance(stamp, int):
            raise VenueError("VALIDATION_ERROR", "signature_timestamp is missing")
        has_price = _text(fields, "type") != "MARKET"  # of those the price that is signed is 0
        texts = (_decimal(fields, "size"), _decimal(fields, "price") if has_price else "0")
        amounts = [int(Decimal(text) * _E8) for text in texts]
        side = 1 if _text(fields, "side") == "BUY" else 2
        signed = [stamp, _text(fields, "market"), side, _text(fields, "type"), *amounts, *more]
        message = message_hash(trader.address, kind, signed)
        if not is_signed(message, _text(fields, "signature"), trader.public_key):
            raise VenueError("INVALID_ORDER_SIGNATURE", "order signature is invalid")
        return stamp

    # --- cancels -----------------------------------------------------------------------------------------------------

    def cancel(self, trader: Trader, order: Order, now: Nanos, reason: str = "") -> None:
        """Cancel an open order.

        Raises:
            VenueError: it has ended meanwhile.
        """
        self._desk.catch_up(now)
        if not order.is_open:
            raise VenueError("ORDER_IS_CLOSED", "order is closed")
        if reason:
            order.terms["closed for"] = reason
        events = trader.account.cancel(order, now)
        if isinstance(events[0], CancelRefused):
            raise VenueError("ORDER_IS_CLOSED", "order is closed")
        self._tell(trader.account, events, now)

    def cancel_all(self, trader: Trader, market: str, now: Nanos) -> None:
        """Cancel all orders, of one market if it is named."""
        self._desk.catch_up(now)
        views = [self.view({"market": market})] if market else list(self._desk.views.values())
        for view in views:
            if any(order.instrument.id == view.instrument.id for order in trader.account.orders.values()):
                self._tell(trader.account, trader.account.cancel_all(view.instrument, now), now)

    # --- who is who --------------------------------------------------------------------------------------------------

    def find(self, trader: Trader, text: str) -> Order | None:
        """Return an order by the venue's id, ended ones included; None: there is none."""
        number = int(text[2:]) if text.isdigit() and text.startswith("17") and len(text) == 28 else -1
        order = trader.account.find(number) if number >= 0 else None
        return None if order is None or number_text(order.number) != text else order

    def by_id(self, trader: Trader, text: str) -> Order:
        """Return an order by the venue's id, ended ones included.

        Raises:
            VenueError: there is none.
        """
        order = self.find(trader, text)
        if order is None:
            raise VenueError("ORDER_ID_NOT_FOUND", "order not found", 404)
        return order

    def by_client_id(self, trader: Trader, client_id: str) -> Order:
        """Return an open order by the client's id.

        Raises:
            VenueError: there is none.
        """
        order = trader.account.find(client_id=client_id)
        if order is None or not order.is_open:
            raise VenueError("CLIENT_ORDER_ID_NOT_FOUND", "order not found", 404)
        return order

    def open_order(self, trader: Trader, text: str) -> Order:
        order = self.by_id(trader, text)
        if not order.is_open:
            raise VenueError("ORDER_IS_CLOSED", "order is closed")
        return order

    def named(self, trader: Trader, fields: Fields) -> Order:
        """Return the order that `id`, else `client_id`, names."""
        if fields.get("id"):
            return self.open_order(trader, _text(fields, "id"))
        return self.by_client_id(trader, _text(fields, "client_id"))

    def view(self, fields: Fields) -> PublicView:
        view = self._desk.views.get(_text(fields, "market"))
        if view is None:
            raise VenueError("INVALID_REQUEST_PARAMETER", "market is invalid")
        return view


def _text(fields: Fields, name: str) -> str:
    value = fields.get(name)
    return "" if value is None else str(value)


def _decimal(fields: Fields, name: str) -> str:
    text = _text(fields, name)
    if not text.replace(".", "", 1).isdigit():
        raise VenueError("VALIDATION_ERROR", f"{name} is no number")
    return text


def earliest(fields: Fields, name: str) -> Nanos:
    """Return a time that a query names, ns; 0 for none."""
    text = _text(fields, name)
    if text and not text.isdigit():
        raise VenueError("INVALID_REQUEST_PARAMETER", name)
    return int(text or 0) * MS
