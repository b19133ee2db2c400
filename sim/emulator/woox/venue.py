"""The emulated WOO X: its REST routes, its sockets, and what its streams tell."""

from collections.abc import Mapping
from itertools import count
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from market.units import HOUR, SECOND, Nanos
from sim.emulator.account import Account
from sim.emulator.desk import Desk
from sim.emulator.faults import Fault
from sim.emulator.orders import AccountEvent, AmendRefused, CancelRefused, Executed, Funded, Placed
from sim.emulator.outbox import Outbox
from sim.emulator.public_view import Print, PublicView
from sim.emulator.requests import JSON, HttpAnswer, HttpRequest, Session, encode
from sim.emulator.times import ms
from sim.emulator.woox import codes
from sim.emulator.woox.account_rest import AccountRest
from sim.emulator.woox.codes import VenueError
from sim.emulator.woox.entry import OrderEntry
from sim.emulator.woox.market_rest import MarketRest
from sim.emulator.woox.old_sockets import OldSocket
from sim.emulator.woox.public_stream import PublicStreams
from sim.emulator.woox.rates import Rates, is_order_request
from sim.emulator.woox.rows import (
    CANCEL_REFUSED,
    EDIT_REFUSED,
    NEWS,
    balance_event,
    old_report,
    position_event,
    report,
)
from sim.emulator.woox.signing import account_of
from sim.emulator.woox.sockets import ListenKeys, PrivateSocket, PublicSocket

_PLACES: Final = {"/v3/public": "public", "/v3/private": "private"}
_OLD_PUBLIC: Final = "/ws/stream"
_OLD_PRIVATE: Final = "/v2/ws/private/stream/"
# what clients read before they trade, and is empty here
_OLD_LISTS: Final = frozenset({"/v1/public/token", "/v1/public/token_network"})
_KEY_LIFE: Final = 24 * HOUR
_USUAL_KEY_S: Final = 3600.0

Message = dict[str, Any]


class WooxVenue:
    """One emulated venue; see `sim.emulator.requests.EmulatedVenue`."""

    name = "woox"

    def __init__(self, desk: Desk) -> None:
        section = desk.section
        self.accounts: Mapping[str, Account] = desk.accounts
        self._desk = desk
        self._entry = OrderEntry(desk, self._tell)
        self._streams = PublicStreams(desk.views, throttled=section.throttled, depth=section.depth)
        self._market = MarketRest(desk, self._streams)
        life = _KEY_LIFE if section.listen_key_s == _USUAL_KEY_S else round(section.listen_key_s * SECOND)
        self._keys = ListenKeys(desk.seed, life)
        self._account = AccountRest(desk, self._entry, self._keys)
        self._rates = Rates(section.order_rate, section.request_rate)
        self._private: dict[Outbox, PrivateSocket] = {}
        self._old: dict[Outbox, OldSocket] = {}
        self._versions = count(1)

    # --- sockets -----------------------------------------------------------------------------------------------------

    def place_of(self, path: str) -> str:
        if path.startswith(_OLD_PRIVATE):
            return "private"
        if path == _OLD_PUBLIC or path.startswith(f"{_OLD_PUBLIC}/"):
            return "public"
        return _PLACES.get(path, "")

    def connect(self, target: str, address: str, outbox: Outbox, now: Nanos) -> Session:
        path, _, query = target.partition("?")
        section = self._desk.section
        silence, lifetime = round(section.silence_s * SECOND), round(section.lifetime_s * SECOND)
        if path == "/v3/public":
            return PublicSocket(outbox, silence, lifetime, now, self._streams)
        if path == "/v3/private":
            account = self._keys.owner(dict(parse_qsl(query)).get("key", ""), now)
            return PrivateSocket(outbox, silence, lifetime, now, account, self._private)
        if path.startswith(_OLD_PRIVATE):
            return OldSocket(outbox, lifetime, now, self._streams, self.accounts, self._old)
        return OldSocket(outbox, lifetime, now, self._streams)

    def next_due(self) -> Nanos:
        return min(self._streams.next_due(), self._account.next_due())

    def on_due(self, now: Nanos) -> None:
        self._streams.on_due(now)
        self._account.on_due(now)

    def on_book(self, view: PublicView, now: Nanos) -> None:
        self._streams.on_book(view, now)

    def on_trade(self, view: PublicView, printed: Print, now: Nanos) -> None:
        self._streams.on_trade(view, printed, now)

    def on_facts(self, account: int, facts: Any, now: Nanos) -> None:
        self._tell(*self._desk.take(account, facts), now)

    # --- REST --------------------------------------------------------------------------------------------------------

    def request(self, request: HttpRequest, now: Nanos) -> HttpAnswer:
        is_order = is_order_request(request.method, request.path)
        fault = self._desk.faults.of_request(self.name, "rest", now, is_order=is_order)
        kind = "" if fault is None else fault.kind
        if kind == "swallow":
            return HttpAnswer(200, is_never=True)
        self._desk.tally.requests[self.name, f"{request.method} {request.path}"] += 1
        status = 200
        try:
            reply = self._answer(request, fault, now)
        except VenueError as error:
            reply, status = error.reply(), error.status
        if kind == "unavailable":  # by the gateway, whatever became of the request
            reply, status = {"code": 503, "message": "[GW] no upstream server"}, 200
        delay = round(fault.seconds * SECOND) if fault is not None and kind == "slow" else 0
        return HttpAnswer(status, encode(reply), (JSON,), delay, kind == "timeout")

    def _answer(self, request: HttpRequest, fault: Fault | None, now: Nanos) -> Message:
        if fault is not None and fault.kind == "ban":
            raise VenueError(codes.TOO_MANY)
        path = request.path
        if path in _OLD_LISTS:
            return {"success": True, "rows": []}
        if request.method == "GET" and path in self._market.routes:
            if not self._rates.spend(request.address, "GET", path, "", now):
                raise VenueError(codes.TOO_MANY)
            data, stamp = self._market.routes[path](request.parameters(), now)
            return {"success": True, "data": data, "timestamp": stamp}
        account = account_of(request, self.accounts, now)
        if fault is not None and fault.kind in ("reject", "rate_limit"):
            raise VenueError(fault.code or (codes.NO_MARGIN if fault.kind == "reject" else codes.TOO_MANY))
        data = self._private_request(account, request, now)
        return {"success": True, "data": data, "timestamp": ms(now)}

    def _private_request(self, account: Account, request: HttpRequest, now: Nanos) -> Any:
        method, path = request.method, request.path
        fields = _body(request) if method in ("POST", "PUT") else dict(request.parameters())
        orders = {
            ("POST", "/v3/trade/order"): self._entry.create,
            ("PUT", "/v3/trade/order"): self._entry.amend,
            ("DELETE", "/v3/trade/order"): self._entry.cancel,
            ("DELETE", "/v3/trade/orders"): self._entry.cancel_all,
            ("DELETE", "/v3/trade/allOrders"): self._entry.cancel_all,
        }
        handler = orders.get((method, path)) or self._account.routes.get((method, path))
        if handler is None:
            raise VenueError(codes.NOT_FOUND, f"{method} {path} is not emulated", 404)
        if account.section.is_read_only and method != "GET" and path != "/v3/account/listenKey":
            raise VenueError(codes.BAD_KEY)
        if not self._rates.spend(account.section.key, method, path, str(fields.get("symbol") or ""), now):
            raise VenueError(codes.TOO_MANY)
        self._desk.catch_up(now)
        return handler(account, fields, now)

    # --- private streams ---------------------------------------------------------------------------------------------

    def _tell(self, account: Account, events: list[AccountEvent], now: Nanos) -> None:
        """Publish what happened to an account: its orders, positions and money."""
        hearers = [s for s in self._private.values() if s.account is account]
        for event in events:
            if isinstance(event, Funded):
                continue
            order, view = event.order, self._desk.views[event.order.instrument.symbol]
            if isinstance(event, Placed) and order.is_market:
                continue
            execution = event.execution if isinstance(event, Executed) else None
            kind = {AmendRefused: EDIT_REFUSED, CancelRefused: CANCEL_REFUSED}.get(type(event), NEWS)
            self._publish(hearers, "executionreport", report(order, view, execution, kind), now)
            if kind == NEWS:
                self._publish_old(account, old_report(order, view, execution), now)
        if events:
            self._tell_money(account, hearers, events, now)

    def _tell_money(
        self, account: Account, hearers: list[PrivateSocket], events: list[AccountEvent], now: Nanos
    ) -> None:
        touched = {(e.payment if isinstance(e, Funded) else e.order).instrument.id: None for e in events}
        positions = [
            position_event(h, self._desk.views[h.instrument.symbol], next(self._versions), now)
            for h in (account.holdings[instrument] for instrument in touched)
        ]
        self._publish(hearers, "position", {"positions": positions}, now)
        if any(isinstance(event, Executed | Funded) for event in events):
            money = balance_event(account, next(self._versions), now)
            self._publish(hearers, "balance", {"balances": [money]}, now)

    def _publish(self, hearers: list[PrivateSocket], topic: str, data: Message, now: Nanos) -> None:
        payload = encode({"topic": topic, "ts": ms(now), "data": data})
        for socket in hearers:
            if topic in socket.topics:
                socket.outbox.publish(topic, payload, now)

    def _publish_old(self, account: Account, data: Message, now: Nanos) -> None:
        payload = encode({"topic": "executionreport", "ts": ms(now), "data": data})
        for socket in self._old.values():
            if socket.account is account and "executionreport" in socket.topics:
                socket.outbox.publish("executionreport", payload, now)


def _body(request: HttpRequest) -> Message:
    try:
        fields = msgspec.json.decode(request.body)
    except (msgspec.DecodeError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise VenueError(codes.WRONG_FORMAT, "the body must be a JSON object")
    return fields
