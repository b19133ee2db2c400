"""Hyperliquid's questions, all at `/info`, by their type."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from market.units import MS, Nanos
from sim.emulator.account import Account
from sim.emulator.amounts import plain
from sim.emulator.desk import Desk
from sim.emulator.hyperliquid import rows
from sim.emulator.hyperliquid.codes import MalformedError
from sim.emulator.hyperliquid.entry import OrderEntry, used_of
from sim.emulator.hyperliquid.rates import Budgets
from sim.emulator.hyperliquid.signing import Wallet
from sim.emulator.orders import Execution
from sim.emulator.public_view import PublicView
from sim.emulator.times import ms

Row = dict[str, Any]
_DEPTH: Final = 20
_FILLS: Final = 2000
_PAYMENTS: Final = 500
_NOBODY: Final = {"accountValue": "0.0", "totalNtlPos": "0.0", "totalRawUsd": "0.0", "totalMarginUsed": "0.0"}


class Info:
    """Answers by type.

    Args:
        wallets: by address of the account.
        starts: the position before each execution, lots, by its number.
    """

    def __init__(
        self,
        desk: Desk,
        entry: OrderEntry,
        budgets: Budgets,
        wallets: Mapping[str, tuple[Account, Wallet]],
        starts: Mapping[int, int],
    ) -> None:
        self._desk, self._entry, self._budgets, self._wallets, self._starts = desk, entry, budgets, wallets, starts
        self._signers = {wallet.signer: wallet for _, wallet in wallets.values()}
        self.types: Mapping[str, Callable[[Row, Nanos], Any]] = {
            "meta": self._meta,
            "metaAndAssetCtxs": lambda body, now: [self._meta(body, now), self._contexts(now)],
            "spotMeta": lambda body, now: {"tokens": [], "universe": []},
            "spotClearinghouseState": lambda body, now: {"balances": []},
            "perpDexs": lambda body, now: [None],
            "allMids": self._mids,
            "l2Book": self._book,
            "recentTrades": self._trades,
            "clearinghouseState": self._state,
            "openOrders": self._orders,
            "frontendOpenOrders": self._orders,
            "orderStatus": self._order_status,
            "historicalOrders": self._history,
            "userFills": self._fills,
            "userFillsByTime": self._fills_by_time,
            "userFunding": self._funding,
            "userFees": self._fees,
            "userRateLimit": self._rate_limit,
            "userRole": self._role,
            "exchangeStatus": lambda body, now: {"time": ms(now), "specialStatuses": None},
        }

    # --- the market --------------------------------------------------------------------------------------------------

    def _meta(self, body: Row, now: Nanos) -> Row:
        return {
            "universe": [
                {"name": symbol, "szDecimals": view.size.places, "maxLeverage": 50, "marginTableId": 50}
                for symbol, view in self._desk.views.items()
            ],
            "marginTables": [],
            "collateralToken": 0,
        }

    def _contexts(self, now: Nanos) -> list[Row]:
        return [rows.context(view, now) for view in self._desk.views.values()]

    def _mids(self, body: Row, now: Nanos) -> Row:
        return {symbol: plain(view.mark) for symbol, view in self._desk.views.items()}

    def _book(self, body: Row, now: Nanos) -> Row:
        self._desk.catch_up(now)
        view = self._view(body)
        return rows.book(view, _DEPTH, ms(view.ts))

    def _trades(self, body: Row, now: Nanos) -> list[Row]:
        view = self._view(body)
        return [rows.trade(view, printed) for printed in reversed(list(view.trades)[-10:])]

    def _view(self, body: Row) -> PublicView:
        view = self._desk.views.get(str(body.get("coin")))
        if view is None:
            raise MalformedError
        return view

    # --- accounts: anybody may ask about anybody ---------------------------------------------------------------------

    def account(self, body: Row) -> Account | None:
        """Return whose address is asked about; None of a stranger's or an agent's."""
        address = body.get("user")
        if not isinstance(address, str):
            raise MalformedError
        found = self._wallets.get(address.lower())
        return None if found is None else found[0]

    def _of(self, instrument_symbol: str) -> PublicView:
        return self._desk.views[instrument_symbol]

    def _state(self, body: Row, now: Nanos) -> Row:
        self._desk.catch_up(now)
        account = self.account(body)
        held = [] if account is None else [h for h in account.holdings.values() if h.lots]
        margin = _NOBODY if account is None else rows.margin_row(account)
        return {
            "assetPositions": [rows.position_row(h, self._of(h.instrument.symbol)) for h in held],
            "marginSummary": margin,
            "crossMarginSummary": margin,
            "crossMaintenanceMarginUsed": "0.0",
            "withdrawable": "0.0" if account is None else plain(account.available),
            "time": ms(now),
        }

    def _orders(self, body: Row, now: Nanos) -> list[Row]:
        self._desk.catch_up(now)
        account = self.account(body)
        found = [] if account is None else account.orders.values()
        return [rows.order_row(order, self._of(order.instrument.symbol), is_whole=True) for order in found]

    def _order_status(self, body: Row, now: Nanos) -> Row:
        self._desk.catch_up(now)
        account = self.account(body)
        order = None if account is None else self._entry.find(account, body.get("oid"))
        if order is None:
            return {"status": "unknownOid"}
        view = self._of(order.instrument.symbol)
        news = rows.news(order, view) | {"order": rows.order_row(order, view, is_whole=True)}
        return {"status": "order", "order": news}

    def _history(self, body: Row, now: Nanos) -> list[Row]:
        account = self.account(body)
        found = [] if account is None else [*account.ended, *account.orders.values()]
        return [rows.news(order, self._of(order.instrument.symbol)) for order in reversed(found[-2000:])]

    def _fills(self, body: Row, now: Nanos) -> list[Row]:
        account = self.account(body)
        found = [] if account is None else list(account.executions)[-_FILLS:]
        return [self.fill(execution) for execution in reversed(found)]

    def _fills_by_time(self, body: Row, now: Nanos) -> list[Row]:
        self._desk.catch_up(now)
        account, (begin, end) = self.account(body), _window(body)
        found = [] if account is None else [e for e in account.executions if begin <= ms(e.ts) <= end]
        return [self.fill(execution) for execution in found[:_FILLS]]

    def fill(self, execution: Execution) -> Row:
        """Return an execution as lists and streams tell it."""
        view = self._of(execution.order.instrument.symbol)
        return rows.fill_row(execution, view, self._starts.get(execution.trade_id, 0))

    def _funding(self, body: Row, now: Nanos) -> list[Row]:
        account, (begin, end) = self.account(body), _window(body)
        found = [] if account is None else [p for p in account.payments if begin <= ms(p.ts) <= end]
        return [rows.payment_row(p, self._of(p.instrument.symbol)) for p in found[:_PAYMENTS]]

    def _fees(self, body: Row, now: Nanos) -> Row:
        instrument = next(iter(self._desk.views.values())).instrument
        return {"userCrossRate": plain(instrument.taker_fee), "userAddRate": plain(instrument.maker_fee)}

    def _rate_limit(self, body: Row, now: Nanos) -> Row:
        account = self.account(body)
        if account is None:
            return {"cumVlm": "0.0", "nRequestsUsed": 0, "nRequestsCap": 10_000, "nRequestsSurplus": 0}
        used, cap = self._budgets.of(account)
        volume = plain(used_of(account), 2)
        return {"cumVlm": volume, "nRequestsUsed": used, "nRequestsCap": cap, "nRequestsSurplus": 0}

    def _role(self, body: Row, now: Nanos) -> Row:
        account = self.account(body)
        if account is not None:
            return {"role": "user"}
        wallet = self._signers.get(str(body.get("user")).lower())
        if wallet is None:
            return {"role": "missing"}
        return {"role": "agent", "data": {"user": wallet.address}}


def _window(body: Row) -> tuple[int, int]:
    begin, end = body.get("startTime", 0), body.get("endTime")
    if not isinstance(begin, int) or not (end is None or isinstance(end, int)):
        raise MalformedError
    return begin, (1 << 62) // MS if end is None else end
