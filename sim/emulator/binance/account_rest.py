"""Binance's private REST besides orders: what an account has, did, and how it is set."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from market.units import DAY, MS, Nanos
from sim.emulator.account import Account
from sim.emulator.amounts import is_number, plain
from sim.emulator.binance import codes
from sim.emulator.binance.account_rows import asset_row, balance_row, income_row, open_notionals, position_row, totals
from sim.emulator.binance.codes import VenueError
from sim.emulator.binance.entry import OrderEntry
from sim.emulator.binance.market_rows import MAX_LEVERAGE
from sim.emulator.binance.order_rows import asked_order_row, trade_row
from sim.emulator.binance.rates import Rates
from sim.emulator.desk import Desk
from sim.emulator.orders import Execution, Holding, Order, Payment
from sim.emulator.times import ms

Params = Mapping[str, Any]
Handler = Callable[[Account, Params, Nanos], Any]
_WEEK: Final = 7 * DAY
_INCOMES: Final = ("REALIZED_PNL", "COMMISSION", "FUNDING_FEE")


class AccountRest:
    """Queries and settings of one desk's accounts; `queries` and `setters` are (handler, weight) by path.

    Args:
        config_changed: told of an account's symbol whose leverage was changed.
    """

    def __init__(
        self, desk: Desk, entry: OrderEntry, rates: Rates, config_changed: Callable[[Account, Holding, Nanos], None]
    ) -> None:
        self._desk = desk
        self._entry = entry
        self._rates = rates
        self._config_changed = config_changed
        self.queries: dict[str, tuple[Handler, int]] = {
            "/fapi/v1/order": (self.order, 1),
            "/fapi/v1/openOrder": (self._open_order, 1),
            "/fapi/v1/openOrders": (self._open_orders, 1),
            "/fapi/v1/openAlgoOrders": (_nothing, 1),
            "/fapi/v1/allOrders": (self._all_orders, 5),
            "/fapi/v1/userTrades": (self._trades, 5),
            "/fapi/v2/positionRisk": (self._positions_v2, 5),
            "/fapi/v3/positionRisk": (self.positions, 5),
            "/fapi/v2/balance": (self.balance, 5),
            "/fapi/v3/balance": (self.balance, 5),
            "/fapi/v2/account": (self._account_v2, 5),
            "/fapi/v3/account": (self.account, 5),
            "/fapi/v1/accountConfig": (self._config, 5),
            "/fapi/v1/symbolConfig": (self._symbols, 5),
            "/fapi/v1/commissionRate": (self._fees, 20),
            "/fapi/v1/income": (self._income, 30),
            "/fapi/v1/positionSide/dual": (lambda account, params, now: {"dualSidePosition": False}, 30),
            "/fapi/v1/multiAssetsMargin": (lambda account, params, now: {"multiAssetsMargin": False}, 30),
            "/fapi/v1/rateLimit/order": (lambda account, params, now: self._rates.rules()[1:], 1),
            "/fapi/v1/leverageBracket": (self._brackets, 1),
            "/fapi/v1/apiTradingStatus": (lambda account, params, now: {"indicators": {}, "updateTime": ms(now)}, 1),
            "/sapi/v1/account/apiRestrictions": (self._restrictions, 1),
            "/sapi/v1/capital/config/getall": (_nothing, 1),
        }
        self.setters: dict[str, tuple[Handler, int]] = {
            "/fapi/v1/leverage": (self._set_leverage, 1),
            "/fapi/v1/marginType": (self._set_margin_type, 1),
            "/fapi/v1/positionSide/dual": (self._set_side_mode, 1),
            "/fapi/v1/multiAssetsMargin": (self._set_asset_mode, 1),
        }

    def weight(self, path: str, params: Params) -> int:
        """Return what a query costs."""
        if path in ("/fapi/v1/openOrders", "/fapi/v1/openAlgoOrders") and not params.get("symbol"):
            return 40
        return self.queries[path][1]

    # --- orders and executions ----------------------------------------------------------------------------------------

    def order(self, account: Account, params: Params, now: Nanos) -> Any:
        """Return an order, open or ended."""
        view = self._entry.view(params)
        order = self._entry.find(account, params)
        if order is None:
            raise VenueError(codes.NO_SUCH_ORDER)
        return asked_order_row(order, view)

    def _open_order(self, account: Account, params: Params, now: Nanos) -> Any:
        view = self._entry.view(params)
        return asked_order_row(self._entry.open_order(account, params, codes.NO_SUCH_ORDER), view)

    def _open_orders(self, account: Account, params: Params, now: Nanos) -> Any:
        return [self._row(o) for o in account.orders.values() if self._is_of(o, params)]

    def _all_orders(self, account: Account, params: Params, now: Nanos) -> Any:
        self._entry.view(params)
        every = [o for o in (*account.ended, *account.orders.values()) if self._is_of(o, params)]
        every.sort(key=lambda o: o.number)
        if params.get("orderId"):
            found = [o for o in every if o.number >= _whole(params, "orderId", 0)]
        else:
            begin, end = _window(params, now)
            found = [o for o in every if begin <= o.created <= end]
        limit = _limit(params)
        return [self._row(o) for o in (found[:limit] if params.get("orderId") else found[-limit:])]

    def _trades(self, account: Account, params: Params, now: Nanos) -> Any:
        view = self._entry.view(params)
        mine = [e for e in account.executions if e.order.instrument.id == view.instrument.id]
        if params.get("orderId"):
            mine = [e for e in mine if e.order.number == _whole(params, "orderId", 0)]
        limit = _limit(params)
        if params.get("fromId"):
            if params.get("startTime") or params.get("endTime"):
                raise VenueError(codes.BAD_PARAMETER, "fromId cannot be sent with startTime or endTime.")
            found = [e for e in mine if e.trade_id >= _whole(params, "fromId", 0)][:limit]
        else:
            begin, end = _window(params, now)
            found = [e for e in mine if begin <= e.ts <= end]
            found = found[:limit] if params.get("startTime") else found[-limit:]
        return [trade_row(e, view) for e in found]

    def _row(self, order: Order) -> Any:
        return asked_order_row(order, self._desk.views[order.instrument.symbol])

    def _is_of(self, order: Order, params: Params) -> bool:
        return params.get("symbol", "") in ("", order.instrument.symbol)

    # --- what it has --------------------------------------------------------------------------------------------------

    def positions(self, account: Account, params: Params, now: Nanos) -> Any:
        """Return the positions of symbols with a position or an order."""
        return [position_row(h, account, 3) for h in self._holdings(account, params) if self._is_used(h, account)]

    def _positions_v2(self, account: Account, params: Params, now: Nanos) -> Any:
        return [position_row(h, account, 2) for h in self._holdings(account, params)]

    def _holdings(self, account: Account, params: Params) -> list[Holding]:
        wanted = params.get("symbol", "")
        return [h for h in account.holdings.values() if wanted in ("", h.instrument.symbol)]

    def _is_used(self, holding: Holding, account: Account) -> bool:
        return bool(holding.lots) or any(open_notionals(holding, account))

    def balance(self, account: Account, params: Params, now: Nanos) -> Any:
        """Return the money, by asset."""
        return [balance_row(account)]

    def account(self, account: Account, params: Params, now: Nanos) -> Any:
        """Return totals, assets and the positions in use."""
        used = [h for h in account.holdings.values() if self._is_used(h, account)]
        return totals(account) | {
            "assets": [asset_row(account)],
            "positions": [position_row(h, account, 3) for h in used],
        }

    def _account_v2(self, account: Account, params: Params, now: Nanos) -> Any:
        head = {
            "feeTier": 0,
            "canTrade": not account.section.is_read_only,
            "canDeposit": True,
            "canWithdraw": account.section.can_withdraw,
            "updateTime": 0,
            "multiAssetsMargin": False,
            "tradeGroupId": -1,
        }
        positions = []
        for h in account.holdings.values():
            row = position_row(h, account, 3)
            more = {"leverage": plain(h.leverage), "isolated": False, "maxNotional": "1000000"}
            positions.append(row | more | {"unrealizedProfit": row["unRealizedProfit"]})
        return head | totals(account) | {"assets": [asset_row(account)], "positions": positions}

    def _config(self, account: Account, params: Params, now: Nanos) -> Any:
        return {
            "feeTier": 0,
            "canTrade": not account.section.is_read_only,
            "canDeposit": True,
            "canWithdraw": account.section.can_withdraw,
            "dualSidePosition": False,
            "updateTime": 0,
            "multiAssetsMargin": False,
            "tradeGroupId": -1,
        }

    def _symbols(self, account: Account, params: Params, now: Nanos) -> Any:
        return [
            {
                "symbol": h.instrument.symbol,
                "marginType": "CROSSED",
                "isAutoAddMargin": False,
                "leverage": int(h.leverage),
                "maxNotionalValue": "1000000",
            }
            for h in self._holdings(account, params)
        ]

    def _fees(self, account: Account, params: Params, now: Nanos) -> Any:
        instrument = self._entry.view(params).instrument
        return {
            "symbol": instrument.symbol,
            "makerCommissionRate": plain(instrument.maker_fee),
            "takerCommissionRate": plain(instrument.taker_fee),
            "rpiCommissionRate": plain(instrument.maker_fee),
        }

    def _income(self, account: Account, params: Params, now: Nanos) -> Any:
        begin, end = _window(params, now)
        wanted = params.get("incomeType", "")
        every: list[Execution | Payment] = [*account.executions, *account.payments]
        rows = []
        for e in sorted(every, key=lambda e: e.ts):
            if begin <= e.ts <= end:
                kinds = _INCOMES[:2] if isinstance(e, Execution) else _INCOMES[2:]
                closes = not isinstance(e, Execution) or e.closed > 0
                rows += [income_row(e, k) for k in kinds if wanted in ("", k) and (closes or k == "COMMISSION")]
        symbol = params.get("symbol", "")
        return [row for row in rows if symbol in ("", row["symbol"])][: _limit(params, 100)]

    def _brackets(self, account: Account, params: Params, now: Nanos) -> Any:
        bracket = {
            "bracket": 1,
            "initialLeverage": MAX_LEVERAGE,
            "notionalCap": 1_000_000,
            "notionalFloor": 0,
            "maintMarginRatio": 0.005,
            "cum": 0.0,
        }
        return [{"symbol": h.instrument.symbol, "brackets": [bracket]} for h in self._holdings(account, params)]

    def _restrictions(self, account: Account, params: Params, now: Nanos) -> Any:
        section = account.section
        return {
            "ipRestrict": False,
            "createTime": 1735689600000,
            "enableReading": True,
            "enableWithdrawals": section.can_withdraw,
            "enableInternalTransfer": False,
            "enableMargin": False,
            "enableFutures": not section.is_read_only,
            "permitsUniversalTransfer": False,
            "enableVanillaOptions": False,
            "enableSpotAndMarginTrading": False,
            "enableFixApiTrade": False,
            "enableFixReadOnly": False,
            "enablePortfolioMarginTrading": False,
        }

    # --- settings -----------------------------------------------------------------------------------------------------

    def _set_leverage(self, account: Account, params: Params, now: Nanos) -> Any:
        view = self._entry.view(params)
        wanted = str(params.get("leverage", ""))
        if not wanted.isdecimal() or not is_number(wanted) or not 1 <= int(wanted) <= MAX_LEVERAGE:
            raise VenueError(codes.LEVERAGE)
        holding = account.holdings[view.instrument.id]
        holding.leverage = type(holding.leverage)(wanted)
        self._config_changed(account, holding, now)
        return {"leverage": int(wanted), "maxNotionalValue": "1000000", "symbol": view.instrument.symbol}

    def _set_margin_type(self, account: Account, params: Params, now: Nanos) -> Any:
        self._entry.view(params)
        if params.get("marginType") == "CROSSED":
            raise VenueError(codes.MARGIN_TYPE_AS_IT_WAS)
        raise VenueError(-4047, "Margin type cannot be changed: only cross margin is emulated.")

    def _set_side_mode(self, account: Account, params: Params, now: Nanos) -> Any:
        is_dual = str(params.get("dualSidePosition", "")).lower() == "true"
        raise VenueError(codes.SIDE_MODE_BLOCKED if is_dual else codes.SIDE_MODE_AS_IT_WAS)

    def _set_asset_mode(self, account: Account, params: Params, now: Nanos) -> Any:
        is_multi = str(params.get("multiAssetsMargin", "")).lower() == "true"
        if is_multi:
            raise VenueError(-4168, "Unable to adjust to Multi-Assets mode: only the single-asset mode is emulated.")
        raise VenueError(codes.ASSET_MODE_AS_IT_WAS)


def _nothing(account: Account, params: Params, now: Nanos) -> Any:
    return []


def _whole(params: Params, name: str, usual: int) -> int:
    text = str(params.get(name) or usual)
    if not text.isdecimal():
        raise VenueError(codes.BAD_PARAMETER, f"Data sent for parameter '{name}' is not valid.")
    return int(text)


def _limit(params: Params, usual: int = 500) -> int:
    return min(_whole(params, "limit", usual), 1000)


def _window(params: Params, now: Nanos) -> tuple[Nanos, Nanos]:
    """Return the window that is asked for, ns, to the end of its last millisecond."""
    begin = _whole(params, "startTime", 0) * MS
    end = _whole(params, "endTime", 0) * MS + MS - 1 if params.get("endTime") else 0
    begin, end = begin or (end or now) - _WEEK, end or (begin + _WEEK if begin else now)
    if end - begin > _WEEK + MS:
        raise VenueError(-4166, "Search window is restricted to recent 7 days only.")
    return begin, end
