"""Bybit's private REST besides orders: what an account has, did, and how it is set."""

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote, unquote

from market.units import DAY, MS, Nanos
from sim.emulator.account import Account
from sim.emulator.amounts import is_number, plain
from sim.emulator.bybit import codes
from sim.emulator.bybit.account_rows import position_row, wallet_row
from sim.emulator.bybit.codes import PARAMETER, VenueError
from sim.emulator.bybit.entry import OrderEntry
from sim.emulator.bybit.market_rows import MAX_LEVERAGE
from sim.emulator.bybit.order_rows import execution_row, funding_row, order_row
from sim.emulator.desk import Desk
from sim.emulator.orders import Execution, Order, Payment
from sim.emulator.times import ms

Fields = Mapping[str, Any]
Result = dict[str, Any]
Handler = Callable[[Account, Fields, Nanos], Result]
_WEEK: Final = 7 * DAY
_RECENT: Final = 500  # ended orders that `realtime` still knows


class AccountRest:
    """Queries and settings of one desk's accounts; all handlers take (account, fields, now)."""

    def __init__(self, desk: Desk, entry: OrderEntry) -> None:
        self._desk = desk
        self._entry = entry
        self.queries: dict[str, Handler] = {
            "/v5/order/realtime": self._open_orders,
            "/v5/order/history": self._history,
            "/v5/execution/list": self._executions,
            "/v5/position/list": self._positions,
            "/v5/account/wallet-balance": self._wallet,
            "/v5/account/info": self._info,
            "/v5/account/fee-rate": self._fee_rate,
            "/v5/account/user-setting-config": self._settings,
            "/v5/account/transaction-log": self._ledger,
            "/v5/account/query-dcp-info": self._dcp,
            "/v5/user/query-api": self._key,
            "/v5/asset/coin/query-info": self._coins,
        }
        self.setters: dict[str, Handler] = {
            "/v5/position/switch-mode": self._switch_mode,
            "/v5/position/set-leverage": self._set_leverage,
            "/v5/account/set-margin-mode": self._set_margin_mode,
            "/v5/account/set-limit-px-action": self._set_limit_action,
            "/v5/order/disconnected-cancel-all": self._no_dcp,
        }

    # --- orders and executions ----------------------------------------------------------------------------------------

    def _open_orders(self, account: Account, fields: Fields, now: Nanos) -> Result:
        if fields.get("orderId") or fields.get("orderLinkId"):
            found = self._entry.find(account, fields)
            return self._orders([found] if found is not None else [], fields)
        wanted = {i.id for i in self._entry.instruments_of(fields)}
        closed = str(fields.get("openOnly", "0")) == "1"
        every = list(account.ended)[-_RECENT:] if closed else list(account.orders.values())
        return self._orders([o for o in reversed(every) if o.instrument.id in wanted], fields)

    def _history(self, account: Account, fields: Fields, now: Nanos) -> Result:
        if fields.get("orderId") or fields.get("orderLinkId"):
            found = self._entry.find(account, fields)
            return self._orders([found] if found is not None and not found.is_open else [], fields)
        begin, end = _window(fields, now)
        symbol = fields.get("symbol", "")
        every = [o for o in reversed(account.ended) if begin <= o.created <= end]
        return self._orders([o for o in every if symbol in ("", o.instrument.symbol)], fields)

    def _orders(self, found: list[Order], fields: Fields) -> Result:
        status = fields.get("orderStatus")
        page, cursor = _page(found, lambda o: o.number, fields, 20, 50)
        rows = [order_row(o, self._desk.views[o.instrument.symbol]) for o in page]
        for row in rows:
            row.pop("category")
        return {
            "list": [row for row in rows if status in (None, "", row["orderStatus"])],
            "nextPageCursor": cursor,
            "category": "linear",
        }

    def _executions(self, account: Account, fields: Fields, now: Nanos) -> Result:
        begin, end = _window(fields, now)
        kind, symbol = fields.get("execType", ""), fields.get("symbol", "")
        every: list[Execution | Payment] = []
        if kind in ("", "Trade"):
            every += account.executions
        if kind in ("", "Funding") and not (fields.get("orderId") or fields.get("orderLinkId")):
            every += account.payments
        wanted = self._entry.find(account, fields) if fields.get("orderId") or fields.get("orderLinkId") else None
        found = [e for e in every if begin <= e.ts <= end and symbol in ("", _symbol(e))]
        if fields.get("orderId") or fields.get("orderLinkId"):
            found = [e for e in found if isinstance(e, Execution) and e.order is wanted]
        found.sort(key=_number, reverse=True)
        page, cursor = _page(found, _number, fields, 50, 100)
        rows = []
        for e in page:
            view = self._desk.views[_symbol(e)]
            if isinstance(e, Execution):
                rows.append(execution_row(e, e.order, view, is_stream=False))
            else:
                rows.append(funding_row(e, view, is_stream=False))
        return {"nextPageCursor": cursor, "category": "linear", "list": rows}

    # --- what it has --------------------------------------------------------------------------------------------------

    def _positions(self, account: Account, fields: Fields, now: Nanos) -> Result:
        instruments = self._entry.instruments_of(fields)
        rows = [
            position_row(account.holdings[i.id], self._desk.views[i.symbol], is_stream=False)
            for i in instruments
            if fields.get("symbol") or account.holdings[i.id].lots
        ]
        return {"list": rows, "nextPageCursor": "", "category": "linear"}

    def _wallet(self, account: Account, fields: Fields, now: Nanos) -> Result:
        if fields.get("accountType") != "UNIFIED":
            raise VenueError(PARAMETER, "accountType only support UNIFIED.")
        return {"list": [wallet_row(account)]}

    def _info(self, account: Account, fields: Fields, now: Nanos) -> Result:
        return {
            "marginMode": "REGULAR_MARGIN",
            "updatedTime": str(ms(now)),
            "unifiedMarginStatus": 6,
            "dcpStatus": "OFF",
            "timeWindow": 10,
            "smpGroup": 0,
            "isMasterTrader": False,
            "spotHedgingStatus": "OFF",
        }

    def _fee_rate(self, account: Account, fields: Fields, now: Nanos) -> Result:
        rows = [
            {
                "symbol": view.instrument.symbol,
                "takerFeeRate": plain(view.instrument.taker_fee),
                "makerFeeRate": plain(view.instrument.maker_fee),
                "baseCoin": "",
            }
            for symbol, view in self._desk.views.items()
            if fields.get("symbol", "") in ("", symbol)
        ]
        return {"list": rows}

    def _settings(self, account: Account, fields: Fields, now: Nanos) -> Result:
        rejects = self._entry.rejects_far_prices.get(account.section.key, False)
        return {"lpaSpot": False, "lpaPerp": rejects}

    def _ledger(self, account: Account, fields: Fields, now: Nanos) -> Result:
        begin, end = _window(fields, now)
        every: list[Execution | Payment] = [*account.executions, *account.payments]
        found = sorted((e for e in every if begin <= e.ts <= end), key=_number, reverse=True)
        page, cursor = _page(found, _number, fields, 20, 50)
        return {"list": [_ledger_row(e) for e in page], "nextPageCursor": cursor}

    def _dcp(self, account: Account, fields: Fields, now: Nanos) -> Result:
        return {"dcpInfos": []}

    def _key(self, account: Account, fields: Fields, now: Nanos) -> Result:
        section = account.section
        trade = [] if section.is_read_only else ["Order", "Position"]
        return {
            "id": str(1000 + account.place),
            "note": section.name,
            "apiKey": section.key,
            "readOnly": int(section.is_read_only),
            "secret": "",
            "permissions": {
                "ContractTrade": trade,
                "Spot": [],
                "Wallet": ["AccountTransfer", "Withdraw"] if section.can_withdraw else [],
                "Options": [],
                "Derivatives": ["DerivativesTrade"] if trade else [],
                "CopyTrading": [],
                "BlockTrade": [],
                "Exchange": [],
                "NFT": [],
                "Affiliate": [],
            },
            "ips": ["*"],
            "type": 1,
            "deadlineDay": 90,
            "expiredAt": "2099-01-01T00:00:00Z",
            "createdAt": "2025-01-01T00:00:00Z",
            "unified": 0,
            "uta": 1,
            "userID": 1_000_000 + account.place,
            "inviterID": 0,
            "vipLevel": "No VIP",
            "mktMakerLevel": "0",
            "affiliateID": 0,
            "rsaPublicKey": "",
            "isMaster": True,
            "parentUid": "0",
            "kycLevel": "LEVEL_DEFAULT",
            "kycRegion": "",
        }

    def _coins(self, account: Account, fields: Fields, now: Nanos) -> Result:
        return {"rows": []}

    # --- settings -----------------------------------------------------------------------------------------------------

    def _switch_mode(self, account: Account, fields: Fields, now: Nanos) -> Result:
        if fields.get("mode") in (0, "0"):
            raise VenueError(codes.MODE_AS_IT_WAS)
        raise VenueError(codes.MODE_BLOCKED, "only the one-way mode is emulated")

    def _set_leverage(self, account: Account, fields: Fields, now: Nanos) -> Result:
        view = self._desk.views.get(str(fields.get("symbol", "")))
        wanted = str(fields.get("buyLeverage", ""))
        if view is None or wanted != str(fields.get("sellLeverage", "")) or not is_number(wanted):
            raise VenueError(PARAMETER, "symbol, and buyLeverage equal to sellLeverage, are required")
        holding = account.holdings[view.instrument.id]
        leverage = type(holding.leverage)(wanted)
        if not 1 <= leverage <= MAX_LEVERAGE:
            raise VenueError(PARAMETER, f"leverage must be 1 to {MAX_LEVERAGE}")
        if leverage == holding.leverage:
            raise VenueError(codes.LEVERAGE_AS_IT_WAS)
        holding.leverage = leverage
        return {}

    def _set_margin_mode(self, account: Account, fields: Fields, now: Nanos) -> Result:
        if fields.get("setMarginMode") != "REGULAR_MARGIN":
            raise VenueError(PARAMETER, "only REGULAR_MARGIN is emulated")
        return {"reasons": []}

    def _set_limit_action(self, account: Account, fields: Fields, now: Nanos) -> Result:
        moves = fields.get("modifyEnable")
        if fields.get("category") != "linear" or not isinstance(moves, bool):
            raise VenueError(PARAMETER, "category linear and a boolean modifyEnable are required")
        self._entry.rejects_far_prices[account.section.key] = not moves
        return {}

    def _no_dcp(self, account: Account, fields: Fields, now: Nanos) -> Result:
        raise VenueError(codes.NO_PERMISSION, "DCP is switched on for institutional accounts only")


def _window(fields: Fields, now: Nanos) -> tuple[Nanos, Nanos]:
    """Return the window that is asked for, ns, to the end of its last millisecond."""
    texts = [str(fields.get(name) or "") for name in ("startTime", "endTime")]
    if any(text and not text.isdecimal() for text in texts):
        raise VenueError(PARAMETER, "startTime and endTime must be ms")
    begin = int(texts[0]) * MS if texts[0] else None
    end = int(texts[1]) * MS + MS - 1 if texts[1] else None
    if begin is None:
        begin = (now if end is None else end) - _WEEK
    if end is None:
        end = begin + _WEEK
    if end - begin > _WEEK + MS:
        raise VenueError(PARAMETER, "The time range between startTime and endTime cannot exceed 7 days")
    return begin, end


def _page(
    found: list[Any], number: Callable[[Any], int], fields: Fields, usual: int, most: int
) -> tuple[list[Any], str]:
    """Return the page after the cursor, and the next cursor: it comes percent-encoded, as the venue's does."""
    text = str(fields.get("limit") or usual)
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise VenueError(PARAMETER, f"limit must be 1 to {most}")
    size = int(text)
    cursor = unquote(str(fields.get("cursor") or ""))
    if cursor:
        last, _, check = cursor.partition(":")
        if not last.isdecimal() or check != "next":
            raise VenueError(PARAMETER, "cursor invalid")
        found = [one for one in found if number(one) < int(last)]
    page = found[:size]
    return page, quote(f"{number(page[-1])}:next", safe="") if len(found) > size else ""


def _number(e: Execution | Payment) -> int:
    return e.trade_id if isinstance(e, Execution) else e.payment_id


def _symbol(e: Execution | Payment) -> str:
    return e.order.instrument.symbol if isinstance(e, Execution) else e.instrument.symbol


def _ledger_row(e: Execution | Payment) -> Result:
    is_trade = isinstance(e, Execution)
    return {
        "id": str(_number(e)),
        "symbol": _symbol(e),
        "category": "linear",
        "transactionTime": str(ms(e.ts)),
        "type": "TRADE" if is_trade else "SETTLEMENT",
        "currency": "USDT",
        "funding": "" if isinstance(e, Execution) else plain(e.amount),
        "fee": plain(e.fee) if isinstance(e, Execution) else "0",
        "cashFlow": plain(e.realised) if isinstance(e, Execution) else "0",
        "change": plain(e.realised - e.fee if isinstance(e, Execution) else e.amount),
    }
