"""WOO X's endpoints of an account: questions, settings, the key of the private socket, the dead man's switch."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from market.units import MS, Nanos
from sim.emulator.account import Account
from sim.emulator.amounts import is_number, plain
from sim.emulator.desk import Desk
from sim.emulator.outbox import NEVER
from sim.emulator.times import ms
from sim.emulator.woox import codes
from sim.emulator.woox.codes import VenueError
from sim.emulator.woox.entry import OrderEntry
from sim.emulator.woox.rows import fill_row, order_row, payment_row, position_row, status_of
from sim.emulator.woox.sockets import ListenKeys

Fields = Mapping[str, Any]
Handler = Callable[[Account, Fields, Nanos], Any]
_MOST_SIZE: Final = 500
_USUAL_SIZE: Final = 25
_MOST_COUNTDOWN: Final = 900_000
_MAX_LEVERAGE: Final = 50
_BUNDLES: Final = {
    "INCOMPLETE": ("NEW", "PARTIAL_FILLED"),
    "COMPLETED": ("FILLED", "CANCELLED", "REJECTED"),
}
_BPS: Final = 10_000


class AccountRest:
    """Handlers by method and path."""

    def __init__(self, desk: Desk, entry: OrderEntry, keys: ListenKeys) -> None:
        self._desk, self._entry, self._keys = desk, entry, keys
        self._countdowns: dict[str, Nanos] = {}
        self.routes: Mapping[tuple[str, str], Handler] = {
            ("GET", "/v3/trade/order"): self._order,
            ("GET", "/v3/trade/orders"): self._orders,
            ("GET", "/v3/trade/transactionHistory"): self._fills,
            ("GET", "/v3/trade/tradingFee"): self._fee,
            ("POST", "/v3/trade/cancelAllAfter"): self._cancel_all_after,
            ("GET", "/v3/account/info"): self._info,
            ("GET", "/v3/account/credentials"): self._credentials,
            ("POST", "/v3/account/listenKey"): self._listen_key,
            ("GET", "/v3/asset/balances"): self._balances,
            ("GET", "/v3/futures/positions"): self._positions,
            ("GET", "/v3/futures/fundingFee/history"): self._payments,
            ("PUT", "/v3/futures/leverage"): self._set_leverage,
        }

    # --- the dead man's switch ---------------------------------------------------------------------------------------

    def next_due(self) -> Nanos:
        return min(self._countdowns.values(), default=NEVER)

    def on_due(self, now: Nanos) -> None:
        """Cancel everything of the accounts whose countdown has run out."""
        for key, until in list(self._countdowns.items()):
            if until <= now:
                del self._countdowns[key]
                self._entry.cancel_all(self._desk.accounts[key], {}, now)

    def _cancel_all_after(self, account: Account, fields: Fields, now: Nanos) -> Any:
        after = fields.get("triggerAfter")
        if not account.section.is_vip:
            raise VenueError(codes.BAD_KEY, "cancelAllAfter is for VIP accounts; ask the support")
        if not isinstance(after, int) or isinstance(after, bool) or not 0 <= after <= _MOST_COUNTDOWN:
            raise VenueError(codes.COUNTDOWN_RANGE)
        self._countdowns.pop(account.section.key, None)
        if after:
            self._countdowns[account.section.key] = now + after * MS
        return {"expectedTriggerTime": ms(now) + after if after else 0}

    # --- questions ---------------------------------------------------------------------------------------------------

    def _order(self, account: Account, fields: Fields, now: Nanos) -> Any:
        order = self._entry.find(account, fields)
        return order_row(order, self._desk.views[order.instrument.symbol])

    def _orders(self, account: Account, fields: Fields, now: Nanos) -> Any:
        wanted = _BUNDLES.get(str(fields.get("status") or ""), (str(fields.get("status") or ""),))
        symbol = str(fields.get("symbol") or "")
        begin, end = _window(fields)
        found = [
            order
            for order in (*account.ended, *account.orders.values())
            if (wanted == ("",) or status_of(order) in wanted)
            and symbol in ("", order.instrument.symbol)
            and begin <= order.created < end
        ]
        found.sort(key=lambda order: -order.number)
        rows, meta = _page(found, fields)
        return {"rows": [order_row(o, self._desk.views[o.instrument.symbol]) for o in rows], "meta": meta}

    def _fills(self, account: Account, fields: Fields, now: Nanos) -> Any:
        symbol = str(fields.get("symbol") or "")
        begin, end = _window(fields)
        found = [
            execution
            for execution in reversed(account.executions)
            if symbol in ("", execution.order.instrument.symbol) and begin <= execution.ts < end
        ]
        most = min(_number(fields, "limit", 100), _MOST_SIZE)
        views = self._desk.views
        return {"rows": [fill_row(e, views[e.order.instrument.symbol]) for e in found[:most]]}

    def _payments(self, account: Account, fields: Fields, now: Nanos) -> Any:
        symbol = str(fields.get("symbol") or "")
        begin, end = _window(fields)
        found = [
            payment
            for payment in reversed(account.payments)
            if symbol in ("", payment.instrument.symbol) and begin <= payment.ts < end
        ]
        rows, meta = _page(found, fields)
        return {"rows": [payment_row(p, self._desk.views[p.instrument.symbol]) for p in rows], "meta": meta}

    def _positions(self, account: Account, fields: Fields, now: Nanos) -> Any:
        symbol = str(fields.get("symbol") or "")
        views = self._desk.views
        held = [h for h in account.holdings.values() if symbol in ("", h.instrument.symbol) and h.updated]
        return {"positions": [position_row(h, views[h.instrument.symbol]) for h in held]}

    def _balances(self, account: Account, fields: Fields, now: Nanos) -> Any:
        row = {
            "token": "USDT",
            "holding": plain(account.wallet, 12),
            "frozen": plain(account.order_margin),
            "staked": "0",
            "unbonding": "0",
            "vault": "0",
            "interest": "0",
            "pendingShortQty": "0",
            "pendingLongQty": "0",
            "availableBalance": plain(account.available),
            "averageOpenPrice": "0",
            "markPrice": "1",
            "updatedTime": ms(account.updated),
        }
        return {"holding": [row]}

    def _info(self, account: Account, fields: Fields, now: Nanos) -> Any:
        value = plain(account.wallet + account.unrealised)
        return {
            "applicationId": f"application-{account.place}",
            "account": account.section.name,
            "alias": account.section.name,
            "otpauth": True,
            "accountMode": "FUTURES",
            "positionMode": "ONE_WAY",
            "leverage": 10,
            "marginRatio": "10",
            "openMarginRatio": "10",
            "initialMarginRatio": "10",
            "maintenanceMarginRatio": "0.03",
            "totalCollateral": value,
            "freeCollateral": plain(account.available),
            "totalAccountValue": value,
            "totalTradingValue": value,
            "accountType": "Main",
        }

    def _credentials(self, account: Account, fields: Fields, now: Nanos) -> Any:
        section = account.section
        may = {"READ": True, "TRADE": not section.is_read_only, "WITHDRAWAL": section.can_withdraw}
        row = {
            "accountName": section.name,
            "userId": account.place + 1,
            "apiKey": section.key,
            "permissions": [name for name, is_allowed in may.items() if is_allowed],
        }
        return {"rows": [row], "meta": {"total": 1, "recordsPerPage": _USUAL_SIZE, "currentPage": 1}}

    def _fee(self, account: Account, fields: Fields, now: Nanos) -> Any:
        instrument = self._entry.view(fields).instrument
        return {
            "symbol": instrument.symbol,
            "takerFee": plain(instrument.taker_fee * _BPS),
            "makerFee": plain(instrument.maker_fee * _BPS),
        }

    # --- settings ----------------------------------------------------------------------------------------------------

    def _listen_key(self, account: Account, fields: Fields, now: Nanos) -> Any:
        if fields.get("type") != "WEBSOCKET":
            raise VenueError(codes.WRONG_FORMAT, "type must be WEBSOCKET")
        key, ends = self._keys.make(account, now)
        return {"authKey": key, "expiredTime": ms(ends)}

    def _set_leverage(self, account: Account, fields: Fields, now: Nanos) -> Any:
        holding = account.holdings[self._entry.view(fields).instrument.id]
        text = str(fields.get("leverage"))
        wanted = Decimal(text) if is_number(text) else Decimal(0)
        if not 1 <= wanted <= _MAX_LEVERAGE:
            raise VenueError(codes.WRONG_FORMAT, f"leverage must be 1 to {_MAX_LEVERAGE}")
        holding.leverage = wanted
        return {}


def _number(fields: Fields, name: str, usual: int) -> int:
    text = str(fields.get(name) or usual)
    if not (text.isascii() and text.isdigit() and len(text) < 16 and int(text)):
        raise VenueError(codes.WRONG_FORMAT, f"{name} must be a number above 0")
    return int(text)


def _window(fields: Fields) -> tuple[Nanos, Nanos]:
    """Return the window that is asked for, ns, to the end of its last millisecond."""
    begin, end = (_number(fields, name, 1) for name in ("startTime", "endTime"))
    return begin * MS, (end + 1) * MS if fields.get("endTime") else NEVER


def _page(found: list[Any], fields: Fields) -> tuple[list[Any], dict[str, int]]:
    size, page = min(_number(fields, "size", _USUAL_SIZE), _MOST_SIZE), _number(fields, "page", 1)
    meta = {"total": len(found), "recordsPerPage": size, "currentPage": page}
    return found[(page - 1) * size : page * size], meta
