"""The emulated Binance USD-M: its REST routes, its sockets, and what its streams tell."""

import hashlib
from collections.abc import Callable, Mapping
from decimal import Decimal
from itertools import count
from typing import Any, Final

import msgspec

from market.units import MS, SECOND, Nanos
from sim.emulator.account import Account
from sim.emulator.binance import codes
from sim.emulator.binance.account_rest import AccountRest
from sim.emulator.binance.account_rows import account_update
from sim.emulator.binance.codes import VenueError
from sim.emulator.binance.entry import OrderEntry, missing
from sim.emulator.binance.listen_keys import ListenKeys
from sim.emulator.binance.market_rest import MarketRest
from sim.emulator.binance.order_rows import order_update, trade_lite
from sim.emulator.binance.public_streams import PublicStreams
from sim.emulator.binance.rates import Rates
from sim.emulator.binance.signing import account_of_key, check_request, params_of
from sim.emulator.binance.sockets import PrivateSocket, StreamSocket, names_of, route_of
from sim.emulator.binance.ws_api import ApiSocket, meet_fault
from sim.emulator.desk import Desk
from sim.emulator.faults import Fault
from sim.emulator.orders import (
    AccountEvent,
    Amended,
    AmendRefused,
    CancelRefused,
    Ended,
    Executed,
    Funded,
    Holding,
    Placed,
    Status,
)
from sim.emulator.outbox import NEVER, Outbox
from sim.emulator.public_view import Print, PublicView
from sim.emulator.requests import JSON, HttpAnswer, HttpRequest, Session, encode
from sim.emulator.times import ms

_API: Final = "/ws-fapi/v1"
_MOST_PLACED, _MOST_CANCELLED = 5, 10

Params = Mapping[str, Any]
Signed = Callable[[Account, Params, Nanos], Any]


class BinanceVenue:
    """One emulated venue; see `sim.emulator.requests.EmulatedVenue`."""

    name = "binance-futures"

    def __init__(self, desk: Desk) -> None:
        section = desk.section
        self.accounts: Mapping[str, Account] = desk.accounts
        self.rates = Rates(section.order_rate, section.request_rate)
        self._desk = desk
        self._ids = count(1)
        self._entry = OrderEntry(desk, self._tell, self._new_client_id)
        self._streams = PublicStreams(desk.views, throttled=section.throttled)
        self._market = MarketRest(desk, self._entry, self.rates)
        self._account = AccountRest(desk, self._entry, self.rates, self._config_changed)
        self._keys = ListenKeys(desk.seed, round(section.listen_key_s * SECOND))
        self._private: dict[Outbox, PrivateSocket] = {}
        self._countdowns: dict[tuple[str, str], Nanos] = {}
        self._orders: dict[tuple[str, str], Signed] = {
            ("POST", "/fapi/v1/order"): self._place,
            ("POST", "/fapi/v1/order/test"): self._test,
            ("PUT", "/fapi/v1/order"): self._amend,
            ("DELETE", "/fapi/v1/order"): self._entry.cancel,
            ("DELETE", "/fapi/v1/allOpenOrders"): self._entry.cancel_all,
            ("POST", "/fapi/v1/batchOrders"): self._place_batch,
            ("PUT", "/fapi/v1/batchOrders"): self._amend_batch,
            ("DELETE", "/fapi/v1/batchOrders"): self._cancel_batch,
            ("POST", "/fapi/v1/countdownCancelAll"): self._count_down,
        }
        self._weights = {
            ("POST", "/fapi/v1/order"): 0,
            ("PUT", "/fapi/v1/order"): 0,
            ("POST", "/fapi/v1/batchOrders"): 5,
            ("PUT", "/fapi/v1/batchOrders"): 5,
            ("POST", "/fapi/v1/countdownCancelAll"): 10,
        }
        self.public_methods: Mapping[str, Callable[[Params, Nanos], Any]] = {
            "ping": lambda params, now: {},
            "time": lambda params, now: {"serverTime": ms(now)},
            "depth": self._market.depth,
        }
        self.key_methods: Mapping[str, Signed] = {
            "userDataStream.start": lambda account, params, now: {"listenKey": self._keys.start(account, now)},
            "userDataStream.ping": lambda account, params, now: {"listenKey": self._keys.renew(account, now)},
            "userDataStream.stop": lambda account, params, now: self._stop_key(account),
        }
        self.signed_methods: Mapping[str, tuple[Signed, int]] = {
            "order.place": (self._place, 0),
            "order.modify": (self._amend, 0),
            "order.cancel": (self._entry.cancel, 1),
            "order.status": (self._account.order, 1),
            "account.balance": (self._account.balance, 5),
            "v2/account.balance": (self._account.balance, 5),
            "account.position": (self._account.positions, 5),
            "v2/account.position": (self._account.positions, 5),
            "account.status": (self._account.account, 5),
            "v2/account.status": (self._account.account, 5),
        }

    # --- sockets ------------------------------------------------------------------------------------------------------

    def place_of(self, path: str) -> str:
        if path == _API:
            return "trade"
        route = route_of(path)[0]
        return {"public": "public", "market": "public", "private": "private"}.get(route, "")

    def connect(self, target: str, address: str, outbox: Outbox, now: Nanos) -> Session:
        section = self._desk.section
        ping, silence, lifetime = (round(s * SECOND) for s in (section.ping_s, section.silence_s, section.lifetime_s))
        if target.partition("?")[0] == _API:
            return ApiSocket(outbox, ping, silence, lifetime, now, target=target, address=address, venue=self)
        route, form, names, events = names_of(target)
        if route != "private":
            return StreamSocket(
                outbox,
                ping,
                silence,
                lifetime,
                now,
                route=route,
                is_combined=form == "stream",
                streams=names,
                public=self._streams,
            )
        return PrivateSocket(
            outbox,
            ping,
            silence,
            lifetime,
            now,
            is_combined=form == "stream",
            streams=names,
            events=events,
            public=self._streams,
            keys=self._keys,
            active=self._private,
        )

    def next_due(self) -> Nanos:
        countdown = min(self._countdowns.values(), default=NEVER)
        return min(self._streams.next_due(), self._keys.next_due(), countdown)

    def on_due(self, now: Nanos) -> None:
        self._streams.on_due(now)
        if self._keys.next_due() <= now:
            for key in self._keys.take_expired(now):
                for socket in tuple(self._private.values()):
                    socket.expire(key, now)
        for (key, symbol), due in tuple(self._countdowns.items()):
            if due <= now:
                del self._countdowns[key, symbol]
                self._entry.cancel_all(self.accounts[key], {"symbol": symbol}, now)

    def on_book(self, view: PublicView, now: Nanos) -> None:
        self._streams.on_book(view, now)

    def on_trade(self, view: PublicView, printed: Print, now: Nanos) -> None:
        self._streams.on_trade(view, printed, now)

    def on_facts(self, account: int, facts: Any, now: Nanos) -> None:
        self._tell(*self._desk.take(account, facts), now)

    # --- what both ways of asking do ----------------------------------------------------------------------------------

    def fault(self, now: Nanos, *, is_order: bool) -> Fault | None:
        return self._desk.faults.of_request(self.name, "trade", now, is_order=is_order)

    def counted(self, method: str) -> None:
        self._desk.tally.requests[self.name, method] += 1

    def _place(self, account: Account, params: Params, now: Nanos) -> Any:
        self._may_trade(account)
        self.rates.spend_orders(account.section.key, 1, 1, now)
        return self._entry.place(account, params, now)

    def _test(self, account: Account, params: Params, now: Nanos) -> Any:
        self._may_trade(account)
        return self._entry.place(account, params, now, is_test=True)

    def _amend(self, account: Account, params: Params, now: Nanos) -> Any:
        self._may_trade(account)
        self.rates.spend_orders(account.section.key, 1, 1, now)
        return self._entry.amend(account, params, now)

    def _place_batch(self, account: Account, params: Params, now: Nanos) -> Any:
        return self._batch(self._entry.place, account, params, now)

    def _amend_batch(self, account: Account, params: Params, now: Nanos) -> Any:
        return self._batch(self._entry.amend, account, params, now)

    def _batch(self, one: Signed, account: Account, params: Params, now: Nanos) -> Any:
        self._may_trade(account)
        items = _list(params, "batchOrders", _MOST_PLACED)
        self.rates.spend_orders(account.section.key, len(items), 1, now)
        return self._entry.batch(one, account, items, now)

    def _cancel_batch(self, account: Account, params: Params, now: Nanos) -> Any:
        name = "orderIdList" if params.get("orderIdList") else "origClientOrderIdList"
        items = _list(params, name, _MOST_CANCELLED)
        key = "orderId" if name == "orderIdList" else "origClientOrderId"
        named = [{"symbol": params.get("symbol", ""), key: item} for item in items]
        return self._entry.batch(self._entry.cancel, account, named, now)

    def _count_down(self, account: Account, params: Params, now: Nanos) -> Any:
        symbol = self._entry.view(params).instrument.symbol
        text = str(params.get("countdownTime", ""))
        if not text.isdecimal():
            raise missing("countdownTime")
        if text == "0":
            self._countdowns.pop((account.section.key, symbol), None)
        else:
            self._countdowns[account.section.key, symbol] = now + int(text) * MS
        return {"symbol": symbol, "countdownTime": text}

    def _may_trade(self, account: Account) -> None:
        if account.section.is_read_only:
            raise VenueError(codes.BAD_KEY, status=401)

    def _stop_key(self, account: Account) -> Any:
        self._keys.stop(account)
        return {}

    def _new_client_id(self) -> str:
        return hashlib.sha256(f"client id/{next(self._ids)}".encode()).hexdigest()[:22]

    # --- REST ---------------------------------------------------------------------------------------------------------

    def request(self, request: HttpRequest, now: Nanos) -> HttpAnswer:
        route = request.method, request.path
        is_order = route in self._orders
        fault = self._desk.faults.of_request(self.name, "rest", now, is_order=is_order)
        kind = "" if fault is None else fault.kind
        if kind == "swallow":
            return HttpAnswer(200, is_never=True)
        self._desk.tally.requests[self.name, f"{request.method} {request.path}"] += 1
        key = request.headers.get("x-mbx-apikey", "")
        headers: list[tuple[str, str]] = [JSON]
        try:
            if fault is not None:
                meet_fault(fault, self.rates, request.address, now)
            reply, status = self._answer(request, key, now), 200
            if kind == "unavailable":
                text = "Unknown error, please check your request or try again later."
                raise VenueError(codes.UNKNOWN_OUTCOME, text, 503)
        except VenueError as error:
            reply, status = {"code": error.code, "msg": error.text}, error.status
            if status in (418, 429):
                headers.append(("Retry-After", str(self.rates.retry_after(request.address, now))))
        counts_orders = is_order and request.method in ("POST", "PUT") and key in self.accounts
        headers += self.rates.headers(request.address, key if counts_orders else "", now)
        delay = round(fault.seconds * SECOND) if fault is not None and kind == "slow" else 0
        return HttpAnswer(status, encode(reply), tuple(headers), delay, kind == "timeout")

    def _answer(self, request: HttpRequest, key: str, now: Nanos) -> Any:
        method, path = request.method, request.path
        params = params_of(request)
        if method == "GET" and path in self._market.routes:
            handler, weight = self._market.routes[path]
            self.rates.spend(request.address, weight(params), now)
            return handler(params, now)
        if path == "/fapi/v1/listenKey":
            self.rates.spend(request.address, 1, now)
            return self._listen_key(method, account_of_key(key, self.accounts), now)
        signed = self._signed(method, path)
        if signed is None:
            raise VenueError(-5000, f"Path {path}, Method {method} is invalid", 404)
        weight_of, act = signed
        self.rates.spend(request.address, weight_of(params), now)
        account = account_of_key(key, self.accounts)
        check_request(request, account, params, now)
        self._desk.catch_up(now)
        return act(account, params, now)

    def _signed(self, method: str, path: str) -> tuple[Callable[[Params], int], Signed] | None:
        if (method, path) in self._orders:
            weight = self._weights.get((method, path), 1)
            return lambda params: weight, self._orders[method, path]
        if method == "GET" and path in self._account.queries:
            return lambda params: self._account.weight(path, params), self._account.queries[path][0]
        if method == "POST" and path in self._account.setters:
            handler, cost = self._account.setters[path]
            return lambda params: cost, handler
        return None

    def _listen_key(self, method: str, account: Account, now: Nanos) -> Any:
        if method == "POST":
            return {"listenKey": self._keys.start(account, now)}
        if method == "PUT":
            return {"listenKey": self._keys.renew(account, now)}
        if method == "DELETE":
            return self._stop_key(account)
        raise VenueError(-5000, f"Path /fapi/v1/listenKey, Method {method} is invalid", 404)

    # --- the private stream -------------------------------------------------------------------------------------------

    def _tell(self, account: Account, events: list[AccountEvent], now: Nanos) -> None:
        """Publish what happened to an account, in the order of events: fills in short first, then the account."""
        for event in events:
            if isinstance(event, Funded):
                payment = event.payment
                update = account_update(account, "FUNDING_FEE", [], payment.amount, payment.ts, now)
                self._send(account, update, now)
                continue
            if isinstance(event, AmendRefused | CancelRefused):
                continue
            order, execution = event.order, None
            view = self._desk.views[order.instrument.symbol]
            if isinstance(event, Executed):
                execution = event.execution
                self._send(account, trade_lite(order, execution, view, now), now)
                holding = account.holdings[order.instrument.id]
                self._send(account, account_update(account, "ORDER", [holding], Decimal(0), execution.ts, now), now)
            self._send(account, order_update(order, _kind(event), execution, view, now), now)

    def _config_changed(self, account: Account, holding: Holding, now: Nanos) -> None:
        change = {"s": holding.instrument.symbol, "l": int(holding.leverage)}
        self._send(account, {"e": "ACCOUNT_CONFIG_UPDATE", "E": ms(now), "T": ms(now), "ac": change}, now)

    def _send(self, account: Account, message: dict[str, Any], now: Nanos) -> None:
        for socket in tuple(self._private.values()):
            socket.tell(account, message, now)


def _kind(event: AccountEvent) -> str:
    match event:
        case Placed():
            return "NEW"
        case Amended():
            return "AMENDMENT"
        case Executed():
            return "TRADE"
        case Ended(order):
            return "CANCELED" if order.status is Status.CANCELLED else "EXPIRED"
    raise AssertionError(f"{event!r} is no event of the stream")


def _list(params: Params, name: str, most: int) -> list[Any]:
    text = params.get(name)
    if not text:
        raise missing(name)
    try:
        items = msgspec.json.decode(text) if isinstance(text, str) else text
    except (msgspec.DecodeError, RecursionError):
        items = None
    if not isinstance(items, list) or not 1 <= len(items) <= most:
        raise VenueError(codes.BAD_PARAMETER, f"Data sent for parameter '{name}' is not valid: 1 to {most} items.")
    return items
