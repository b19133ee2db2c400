"""Paradex's REST interface."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from market.units import MINUTE, SECOND, Nanos
from sim.emulator.amounts import plain
from sim.emulator.desk import Desk
from sim.emulator.limits import RollingLimit
from sim.emulator.orders import Order
from sim.emulator.paradex import rows
from sim.emulator.paradex.accounts import Trader, Traders
from sim.emulator.paradex.batches import cancel_batch, create_batch
from sim.emulator.paradex.codes import VenueError
from sim.emulator.paradex.entry import OrderEntry, earliest
from sim.emulator.paradex.stark import CHAIN
from sim.emulator.public_view import PublicView
from sim.emulator.requests import HttpRequest
from sim.emulator.times import ms

Fields = Mapping[str, str]
_MOST: Final = 5000
_USUAL: Final = 100
# a client makes its own account's address and keys of chain and hashes; the rest is of a chain that is not emulated
_NOWHERE: Final = "0x1"
_CONFIG: Final = {
    "starknet_chain_id": CHAIN,
    "starknet_gateway_url": "https://gateway.invalid",
    "starknet_fullnode_rpc_url": "https://node.invalid/rpc/v0_8",
    "starknet_fullnode_rpc_base_url": "https://node.invalid",
    "block_explorer_url": "https://explorer.invalid",
    "l1_chain_id": "11155111",
    "l1_core_contract_address": _NOWHERE,
    "l1_operator_address": _NOWHERE,
    "oracle_address": _NOWHERE,
    "bridged_tokens": [],
    "liquidation_fee": "0.2",
    "paraclear_address": _NOWHERE,
    "paraclear_decimals": 8,
    "paraclear_account_proxy_hash": "0x3530cc4759d78042f1b543bf797f5f3d647cde0388c33734cf91b7f7b9314a9",
    "paraclear_account_hash": "0x41cb0280ebadaa75f996d8d92c6f265f6d040bb3ba442e5f86a554f1765244e",
}


class Rest:
    """Answers by path."""

    def __init__(self, desk: Desk, entry: OrderEntry, traders: Traders) -> None:
        self._desk, self._entry, self._traders = desk, entry, traders
        section = desk.section
        self._public, self._private = section.request_rate or 1500, section.request_rate or 120
        self._orders = section.order_rate or 800
        self._limits: dict[tuple[str, str], RollingLimit] = {}
        self.public: Mapping[str, Callable[[Fields, Nanos], Any]] = {
            "/system/config": lambda fields, now: _CONFIG,
            "/system/state": lambda fields, now: {"status": "ok"},
            "/system/time": lambda fields, now: {"server_time": str(ms(now))},
            "/markets": self._markets,
            "/markets/summary": self._summaries,
            "/trades": self._trades,
        }
        self.private: Mapping[str, Callable[[Trader, Fields, Nanos], Any]] = {
            "/account": lambda trader, fields, now: rows.account_row(trader.account, now),
            "/balance": self._balance,
            "/positions": self._positions,
            "/orders": self._open_orders,
            "/orders-history": self._history,
            "/fills": self._fills,
            "/funding/payments": self._payments,
        }

    def spend(self, who: str, kind: str, now: Nanos) -> None:
        """Take one from a limit.

        Raises:
            VenueError: there was none left.
        """
        most, window = {
            "public": (self._public, MINUTE),
            "private": (self._private, SECOND),
            "orders": (self._orders, SECOND),
        }[kind]
        if not self._limits.setdefault((who, kind), RollingLimit(most, window)).spend(now):
            raise VenueError("RATE_LIMIT_EXCEEDED", "rate limit exceeded", 429)

    # --- the market --------------------------------------------------------------------------------------------------

    def of_market(self, path: str, fields: Fields, now: Nanos) -> Any:
        """Answer what is asked of a market by its path.

        Raises:
            VenueError: there is nothing at this path.
        """
        kind, _, symbol = path.strip("/").partition("/")
        view = self._view(symbol)
        self._desk.catch_up(now)
        if kind == "orderbook":
            depth = int(fields.get("depth", "20"))
            sides = {
                name: [[view.price.text(p), view.size.text(q)] for p, q in levels[:depth]]
                for name, levels in (("asks", view.asks), ("bids", view.bids))
            }
            return {"market": symbol, "seq_no": view.version, "last_updated_at": ms(view.ts), **sides}
        if kind == "bbo":
            bid, ask = view.bids[0], view.asks[0]
            touch = {"bid": view.price.text(bid[0]), "bid_size": view.size.text(bid[1])}
            touch |= {"ask": view.price.text(ask[0]), "ask_size": view.size.text(ask[1])}
            return {"market": symbol, "seq_no": view.version, "last_updated_at": ms(view.ts), **touch}
        raise VenueError("NOT_FOUND", path, 404)

    def _markets(self, fields: Fields, now: Nanos) -> Any:
        return {"results": [rows.market_row(view) for view in self._views(fields)]}

    def _summaries(self, fields: Fields, now: Nanos) -> Any:
        return {"results": [rows.summary_row(view, now) for view in self._views(fields)]}

    def _trades(self, fields: Fields, now: Nanos) -> Any:
        (view,) = self._views(fields)
        found = [rows.trade_row(view, printed) for printed in reversed(view.trades)]
        return {"results": found[: _size(fields)], "next": None, "prev": None}

    def _views(self, fields: Fields) -> list[PublicView]:
        symbol = fields.get("market", "")
        return [self._view(symbol)] if symbol not in ("", "ALL") else list(self._desk.views.values())

    def _view(self, symbol: str) -> PublicView:
        return self._entry.view({"market": symbol})

    # --- accounts ----------------------------------------------------------------------------------------------------

    def _balance(self, trader: Trader, fields: Fields, now: Nanos) -> Any:
        row = {"token": "USDC", "size": plain(trader.account.wallet), "last_updated_at": ms(now)}
        return {"results": [row]}

    def _positions(self, trader: Trader, fields: Fields, now: Nanos) -> Any:
        self._desk.catch_up(now)
        held = [holding for holding in trader.account.holdings.values() if holding.updated]
        return {"results": [rows.position_row(each, self._of(each)) for each in held]}

    def _open_orders(self, trader: Trader, fields: Fields, now: Nanos) -> Any:
        self._desk.catch_up(now)
        market = fields.get("market", "")
        found = [o for o in trader.account.orders.values() if market in ("", o.instrument.symbol)]
        return {"results": [self._row(order, now) for order in found]}

    def _history(self, trader: Trader, fields: Fields, now: Nanos) -> Any:
        self._desk.catch_up(now)
        client_id, market = fields.get("client_id", ""), fields.get("market", "")
        found = [
            order
            for order in (*trader.account.ended, *trader.account.orders.values())
            if client_id in ("", order.client_id) and market in ("", order.instrument.symbol)
        ]
        return self._page([self._row(order, now) for order in reversed(found)], fields)

    def _fills(self, trader: Trader, fields: Fields, now: Nanos) -> Any:
        self._desk.catch_up(now)
        since, market = earliest(fields, "start_at"), fields.get("market", "")
        found = [
            rows.fill_row(each, self._desk.views[each.order.instrument.symbol])
            for each in reversed(trader.account.executions)
            if ms(each.ts) >= ms(since) and market in ("", each.order.instrument.symbol)
        ]
        return self._page(found, fields)

    def _payments(self, trader: Trader, fields: Fields, now: Nanos) -> Any:
        since, market = earliest(fields, "start_at"), fields.get("market", "")
        found = [
            rows.payment_row(each)
            for each in reversed(trader.account.payments)
            if ms(each.ts) >= ms(since) and market in ("", each.instrument.symbol)
        ]
        return self._page(found, fields)

    def _page(self, found: list[Any], fields: Fields) -> Any:
        size, begin = _size(fields), int(fields.get("cursor") or 0)
        end = begin + size
        return {"results": found[begin:end], "next": str(end) if end < len(found) else None, "prev": None}

    def _row(self, order: Order, now: Nanos) -> Any:
        return rows.order_row(order, self._desk.views[order.instrument.symbol], now)

    def _of(self, holding: Any) -> PublicView:
        return self._desk.views[holding.instrument.symbol]

    # --- orders ------------------------------------------------------------------------------------------------------

    def order(self, trader: Trader, request: HttpRequest, path: str, body: Any, now: Nanos) -> tuple[int, Any]:
        """Carry out what is asked of orders by method and path; return status and answer.

        Raises:
            VenueError: it is refused, or there is no such thing.
        """
        fields, method = request.parameters(), request.method
        where = path.removeprefix("/orders").strip("/")
        if method == "POST" and not where:
            return 201, self._entry.create(trader, body, now)
        if method == "DELETE" and not where:
            self._entry.cancel_all(trader, fields.get("market", ""), now)
            return 200, {}
        if method == "POST" and where == "batch":
            came = create_batch(self._entry, trader, body, now)
            orders = [each for each in came if not isinstance(each, VenueError)]
            errors = [each for each in came if isinstance(each, VenueError)]
            return 201, {"orders": orders, "errors": [each.body() for each in errors]}
        if method == "DELETE" and where == "batch":
            return 200, {"results": cancel_batch(self._entry, trader, body, now)}
        if where.startswith("by_client_id/"):
            order = self._entry.by_client_id(trader, where.removeprefix("by_client_id/"))
        else:
            order = self._entry.by_id(trader, where)
        if method == "GET":
            return 200, self._row(order, now)
        if method == "PUT":
            return 200, self._entry.modify(trader, {**body, "id": where}, now)
        if method == "DELETE":
            self._entry.cancel(trader, order, now)
            return 204, None
        raise VenueError("NOT_FOUND", path, 404)


def _size(fields: Fields) -> int:
    text = fields.get("page_size", "")
    return min(int(text), _MOST) if text.isdigit() and int(text) else _USUAL
