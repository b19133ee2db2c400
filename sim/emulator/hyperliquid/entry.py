"""Actions as Hyperliquid carries them out: the answer to each is its result."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from market.instrument import Instrument
from market.messages import OrderFlag, Reason
from market.units import MS, Nanos, Ticks
from sim.emulator.account import Account
from sim.emulator.amounts import plain
from sim.emulator.desk import Desk, Tell
from sim.emulator.hyperliquid import codes
from sim.emulator.hyperliquid.codes import MalformedError, RefusalError
from sim.emulator.hyperliquid.rows import price_text, size_text
from sim.emulator.orders import CancelRefused, Order, Refused, Status, order_of
from sim.emulator.outbox import NEVER
from sim.emulator.public_view import PublicView
from sim.emulator.times import ms

Row = dict[str, Any]
_TIFS: Final = {"Gtc": OrderFlag.NONE, "Alo": OrderFlag.POST_ONLY, "Ioc": OrderFlag.IOC}
_FAR: Final = Decimal("0.8")
_SOONEST_SWITCH: Final = 5000  # ms
_MIN_NOTIONAL: Final = Decimal(10)


class OrderEntry:
    """Carries out the actions of a desk.

    Args:
        tell: told the events of an account, to be published.
    """

    def __init__(self, desk: Desk, tell: Tell) -> None:
        self._desk = desk
        self._tell = tell
        self._views = tuple(desk.views.values())
        self._switches: dict[str, Nanos] = {}
        self.actions: Mapping[str, Callable[[Account, Row, Nanos], Row]] = {
            "order": self._order,
            "cancel": self._cancel,
            "cancelByCloid": self._cancel_by_cloid,
            "modify": self._modify,
            "batchModify": self._batch_modify,
            "scheduleCancel": self._schedule_cancel,
            "updateLeverage": self._update_leverage,
            "noop": lambda account, action, now: {"type": "default"},
        }

    def n_items(self, action: Row) -> int:
        """Return how many actions of the account's budget it takes."""
        lists = (action.get(name) for name in ("orders", "cancels", "modifies"))
        return max(1, *(len(each) if isinstance(each, list) else 0 for each in lists))

    # --- the dead man's switch ---------------------------------------------------------------------------------------

    def next_due(self) -> Nanos:
        return min(self._switches.values(), default=NEVER)

    def on_due(self, now: Nanos) -> None:
        """Cancel everything of the accounts whose time has come."""
        for key, until in list(self._switches.items()):
            if until <= now:
                del self._switches[key]
                self._cancel_everything(self._desk.accounts[key], now)

    def _schedule_cancel(self, account: Account, action: Row, now: Nanos) -> Row:
        if not account.section.is_vip:
            raise RefusalError(codes.NO_SWITCH.format(volume=plain(_volume(account), 2)))
        time = action.get("time")
        self._switches.pop(account.section.key, None)
        if time is not None:
            if not isinstance(time, int) or time < ms(now) + _SOONEST_SWITCH:
                raise RefusalError(codes.SWITCH_TOO_SOON)
            self._switches[account.section.key] = time * MS
        return {"type": "default"}

    def _cancel_everything(self, account: Account, now: Nanos) -> None:
        self._desk.catch_up(now)
        for order in list(account.orders.values()):
            order.terms["cancelled by"] = "scheduledCancel"
        for view in self._views:
            if any(order.instrument.id == view.instrument.id for order in account.orders.values()):
                self._tell(account, account.cancel_all(view.instrument, now), now)

    # --- orders ------------------------------------------------------------------------------------------------------

    def _order(self, account: Account, action: Row, now: Nanos) -> Row:
        self._desk.catch_up(now)
        return _result("order", [self._one(self._place, account, row, now) for row in _list(action, "orders")])

    def _one(self, act: Callable[[Account, Row, Nanos], Any], account: Account, row: Row, now: Nanos) -> Any:
        try:
            return act(account, row, now)
        except RefusalError as refusal:
            return {"error": str(refusal)}
        except (KeyError, TypeError, ValueError, ArithmeticError):
            raise MalformedError from None

    def _place(self, account: Account, row: Row, now: Nanos) -> Row:
        view = self._view(row["a"])
        side = 1 if row["b"] is True else -1
        cloid = str(row.get("c") or "")
        flags = _TIFS[row["t"]["limit"]["tif"]] | (OrderFlag.REDUCE_ONLY if row["r"] is True else OrderFlag.NONE)
        price, size = _price(view, row["p"]), view.size.count(_number(row["s"]))
        if size is None or size <= 0:
            raise RefusalError(codes.WRONG_SIZE)
        if view.mark and abs(view.instrument.tick * price - view.mark) > _FAR * view.mark:
            raise RefusalError(codes.FAR_PRICE)
        if abs(view.instrument.value(price, size)) < _MIN_NOTIONAL:
            raise RefusalError(codes.BELOW_MINIMUM)
        if cloid and account.has_open(cloid):
            raise RefusalError(codes.REPEATED_CLOID)
        if not flags & OrderFlag.REDUCE_ONLY and not account.can_afford(view.instrument, side, price, size):
            raise RefusalError(codes.NO_MARGIN)
        return self._submit(account, view, (cloid, side, price, size, int(flags)), now)

    def _submit(self, account: Account, view: PublicView, terms: tuple[str, int, Ticks, int, int], now: Nanos) -> Row:
        cloid, side, price, size, flags = terms
        events = account.submit(view.instrument, cloid, side, price, size, flags, {}, now)
        order = order_of(events[0])
        if isinstance(events[0], Refused):
            self._tell(account, events, now)
            raise RefusalError(_words(order, view))
        self._tell(account, events, now)
        last = account.find(order.number)
        assert last is not None, "an order that was placed is not known"
        if last.filled and not last.is_open:
            average = plain(last.average_price, 6)
            row: Row = {"totalSz": size_text(view, last.filled), "avgPx": average, "oid": last.number}
            return {"filled": row | ({"cloid": cloid} if cloid else {})}
        if last.status is Status.EXPIRED or last.status is Status.CANCELLED:
            raise RefusalError(_words(last, view))
        return {"resting": {"oid": last.number} | ({"cloid": cloid} if cloid else {})}

    # --- amends ------------------------------------------------------------------------------------------------------

    def _modify(self, account: Account, action: Row, now: Nanos) -> Row:
        self._desk.catch_up(now)
        found = self._one(self._replace, account, action, now)
        if "error" in found:
            raise RefusalError(found["error"])
        return {"type": "default"}

    def _batch_modify(self, account: Account, action: Row, now: Nanos) -> Row:
        self._desk.catch_up(now)
        rows = _list(action, "modifies")
        return _result("order", [self._one(self._replace, account, row, now) for row in rows])

    def _replace(self, account: Account, row: Row, now: Nanos) -> Row:
        old = self._find(account, row["oid"])
        if old is None or not old.is_open:
            raise RefusalError(codes.CANNOT_MODIFY)
        view = self._view(row["order"]["a"])
        _price(view, row["order"]["p"])  # a price that is none leaves the old one alone
        events = account.cancel(old, now)
        if isinstance(events[0], CancelRefused):
            raise RefusalError(codes.CANNOT_MODIFY)
        self._tell(account, events, now)
        return self._place(account, row["order"], now)

    # --- cancels -----------------------------------------------------------------------------------------------------

    def _cancel(self, account: Account, action: Row, now: Nanos) -> Row:
        self._desk.catch_up(now)
        rows = [(row.get("a"), row.get("o")) for row in _list(action, "cancels")]
        return _result("cancel", [self._end(account, asset, oid, now) for asset, oid in rows])

    def _cancel_by_cloid(self, account: Account, action: Row, now: Nanos) -> Row:
        self._desk.catch_up(now)
        rows = [(row.get("asset"), row.get("cloid")) for row in _list(action, "cancels")]
        return _result("cancel", [self._end(account, asset, cloid, now) for asset, cloid in rows])

    def _end(self, account: Account, asset: Any, name: Any, now: Nanos) -> Any:
        instrument = self._view(asset).instrument
        order = self._find(account, name)
        if order is None or not order.is_open or order.instrument.id != instrument.id:
            return {"error": codes.NEVER_PLACED}
        events = account.cancel(order, now)
        if isinstance(events[0], CancelRefused):
            return {"error": codes.NEVER_PLACED}
        self._tell(account, events, now)
        return "success"

    # --- the rest ----------------------------------------------------------------------------------------------------

    def _update_leverage(self, account: Account, action: Row, now: Nanos) -> Row:
        leverage = action.get("leverage")
        if not isinstance(leverage, int) or not 1 <= leverage <= 50:
            raise RefusalError("Invalid leverage value")
        account.holdings[self._view(action.get("asset")).instrument.id].leverage = Decimal(leverage)
        return {"type": "default"}

    def find(self, account: Account, name: Any) -> Order | None:
        """Return an order by its number or cloid, ended ones included."""
        return self._find(account, name)

    def _find(self, account: Account, name: Any) -> Order | None:
        if isinstance(name, int):
            return account.find(name)
        return account.find(client_id=str(name).lower()) if isinstance(name, str) else None

    def _view(self, asset: Any) -> PublicView:
        if not isinstance(asset, int) or not 0 <= asset < len(self._views):
            raise MalformedError
        return self._views[asset]


def used_of(account: Account) -> Decimal:
    """Return what an account has traded, quote currency."""
    return _volume(account)


def _volume(account: Account) -> Decimal:
    return sum((execution.value for execution in account.executions), Decimal(0))


def _result(kind: str, statuses: list[Any]) -> Row:
    return {"type": kind, "data": {"statuses": statuses}}


def _list(action: Row, name: str) -> list[Row]:
    rows = action.get(name)
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise MalformedError
    return rows


def _number(text: Any) -> str:
    if not isinstance(text, str) or not text.replace(".", "", 1).isdigit():
        raise MalformedError
    return text


def _price(view: PublicView, text: Any) -> Ticks:
    price = view.price.count(_number(text))
    if price is None or not _is_valid(view.instrument, price):
        raise RefusalError(codes.WRONG_TICK)
    return price


def _is_valid(instrument: Instrument, price: Ticks) -> bool:
    return price > 0 and price % instrument.price_rule.step(price) == 0


def _words(order: Order, view: PublicView) -> str:
    reason = Reason(order.reason)
    if reason is Reason.POST_ONLY_WOULD_TAKE:
        bid, ask = (price_text(view, side[0][0]) if side else "" for side in (view.bids, view.asks))
        return codes.POST_ONLY.format(bid=bid, ask=ask)
    return codes.OF_REASON.get(reason, "Order was refused")
