"""The emulated Paradex: its REST routes, its socket, and what the channels of accounts tell."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from market.units import MINUTE, SECOND, Nanos
from sim.emulator.account import Account
from sim.emulator.desk import Desk
from sim.emulator.faults import Fault
from sim.emulator.limits import RollingLimit
from sim.emulator.orders import AccountEvent, CancelRefused, Executed, Funded, Placed, Refused
from sim.emulator.outbox import Outbox
from sim.emulator.paradex import rows
from sim.emulator.paradex.accounts import Trader, Traders
from sim.emulator.paradex.batches import cancel_batch, create_batch
from sim.emulator.paradex.binary import asked_for
from sim.emulator.paradex.codes import VenueError
from sim.emulator.paradex.entry import OrderEntry
from sim.emulator.paradex.rest import Rest
from sim.emulator.paradex.sockets import Socket
from sim.emulator.paradex.streams import PublicStreams, message
from sim.emulator.public_view import Print, PublicView
from sim.emulator.requests import JSON, HttpAnswer, HttpRequest, Session, encode

Row = dict[str, Any]
_VERSION: Final = "/v1"
# what comes of fields of other kinds than they should be
_NONSENSE: Final = (ArithmeticError, IndexError, KeyError, TypeError, ValueError)
_MALFORMED: Final = VenueError("VALIDATION_ERROR", "a field is of the wrong kind")


class ParadexVenue:
    """One emulated venue; see `sim.emulator.requests.EmulatedVenue`."""

    name = "paradex"

    def __init__(self, desk: Desk) -> None:
        section = desk.section
        self._desk = desk
        self._traders = Traders(desk.accounts, desk.seed)
        self._entry = OrderEntry(desk, self._tell)
        self._rest = Rest(desk, self._entry, self._traders)
        self._streams = PublicStreams(desk.views, throttled=section.throttled)
        self._sockets: dict[Outbox, Socket] = {}
        self._logins = RollingLimit(600, MINUTE)
        self._now: Nanos = 0

    # --- sockets -----------------------------------------------------------------------------------------------------

    def place_of(self, path: str) -> str:
        # what it is shows by who logs in there
        return "public" if path in (_VERSION, f"{_VERSION}/") else ""

    def connect(self, target: str, address: str, outbox: Outbox, now: Nanos) -> Session:
        lifetime = round(self._desk.section.lifetime_s * SECOND)
        owner = self._traders.owner
        try:
            version = asked_for(target.partition("?")[2])
        except ValueError as refusal:
            version = 0
            outbox.close(str(refusal))
        made = (outbox, lifetime, now, self._streams, owner, self._call, self._sockets, self._dropped)
        return Socket(*made, version=version)

    def next_due(self) -> Nanos:
        return self._streams.next_due()

    def on_due(self, now: Nanos) -> None:
        self._now = now
        self._streams.on_due(now)

    def on_book(self, view: PublicView, now: Nanos) -> None:
        self._streams.on_book(view, now)

    def on_trade(self, view: PublicView, printed: Print, now: Nanos) -> None:
        self._streams.on_trade(view, printed, now)

    def on_facts(self, account: int, facts: Any, now: Nanos) -> None:
        self._tell(*self._desk.take(account, facts), now)

    def _dropped(self, socket: Socket) -> None:
        """Cancel what was placed on a socket that dropped."""
        trader = socket.trader
        assert trader is not None, "a socket that nobody logged in on cancels nothing"
        for number in socket.orders:
            order = trader.account.orders.get(number)
            if order is not None:
                self._entry.cancel(trader, order, max(self._now, order.updated), "CANCEL_ON_DISCONNECT")

    # --- calls on the socket -----------------------------------------------------------------------------------------

    def _call(self, socket: Socket, told: Row, now: Nanos) -> None:
        """Carry out a call about orders."""
        fault = self._desk.faults.of_request(self.name, "private", now, is_order=True)
        kind = "" if fault is None else fault.kind
        if kind == "swallow":
            return
        self._desk.tally.requests[self.name, str(told["method"])] += 1
        self._refuse_by(fault)
        assert socket.trader is not None, "a call about orders by nobody"
        self._rest.spend(socket.trader.account.section.key, "orders", now)
        try:
            result = self._carry_out(socket, socket.trader, told, now)
        except VenueError:
            if kind in ("timeout", "unavailable"):
                return
            raise
        except _NONSENSE:
            raise _MALFORMED from None
        if kind == "timeout":
            return
        if kind == "unavailable":
            raise VenueError("INTERNAL_ERROR", "internal error", 500)
        delay = round(fault.seconds * SECOND) if fault is not None and kind == "slow" else 0
        socket.reply(told, result, delay, now)

    def _carry_out(self, socket: Socket, trader: Trader, told: Row, now: Nanos) -> Any:
        method, params = told["method"], told.get("params")
        fields = params if isinstance(params, dict) else {}
        if method == "order.create":
            row = self._entry.create(trader, fields, now)
            _remember(socket, row)
            return {"order": row}
        if method == "order.create_batch":
            # by the venue's documents the orders have a name, its SDK sends them without
            orders = params if isinstance(params, list) else fields.get("orders")
            came = create_batch(self._entry, trader, orders, now)
            for each in came:
                if not isinstance(each, VenueError):
                    _remember(socket, each)
            return {"results": [{"error": str(e)} if isinstance(e, VenueError) else {"order": e} for e in came]}
        if method == "order.modify":
            return {"order": self._entry.modify(trader, fields, now)}
        if method == "order.cancel":
            order = self._entry.named(trader, fields)
            self._entry.cancel(trader, order, now)
            return {"order_id": rows.number_text(order.number), "status": "QUEUED_FOR_CANCELLATION"}
        if method == "order.cancel_batch":
            ids = {"order_ids": fields.get("order_ids")}
            return {"results": cancel_batch(self._entry, trader, ids, now)}
        if method == "order.cancel_all":
            self._entry.cancel_all(trader, str(fields.get("market") or ""), now)
            return {"status": "ok"}
        raise VenueError("INVALID_REQUEST", f"no such method: {method}")

    def _refuse_by(self, fault: Fault | None) -> None:
        if fault is None:
            return
        if fault.kind in ("ban", "rate_limit"):
            raise VenueError("RATE_LIMIT_EXCEEDED", "rate limit exceeded", 429)
        if fault.kind == "reject":
            raise VenueError("NOT_ENOUGH_MARGIN", "not enough margin for the order")

    # --- REST --------------------------------------------------------------------------------------------------------

    def request(self, request: HttpRequest, now: Nanos) -> HttpAnswer:
        path = request.path.removeprefix(_VERSION)
        is_order = path.startswith("/orders") and request.method != "GET"
        fault = self._desk.faults.of_request(self.name, "rest", now, is_order=is_order)
        kind = "" if fault is None else fault.kind
        if kind == "swallow":
            return HttpAnswer(200, is_never=True)
        self._desk.tally.requests[self.name, f"{request.method} {path.partition('?')[0]}"] += 1
        try:
            self._refuse_by(fault)
            status, reply = self._answer(request, path, is_order, now)
        except VenueError as error:
            status, reply = error.status, error.body()
        except _NONSENSE:
            status, reply = 400, _MALFORMED.body()
        if kind == "unavailable":
            status, reply = 503, {"error": "INTERNAL_ERROR", "message": "service unavailable"}
        delay = round(fault.seconds * SECOND) if fault is not None and kind == "slow" else 0
        return HttpAnswer(status, b"" if status == 204 else encode(reply), (JSON,), delay, kind == "timeout")

    def _answer(self, request: HttpRequest, path: str, is_order: bool, now: Nanos) -> tuple[int, Any]:
        if request.method == "POST" and path.startswith(("/auth", "/onboarding")):
            return self._come_in(request, path, now)
        fields = request.parameters()
        if request.method == "GET" and not path.startswith("/orders"):
            if path in self._rest.public:
                self._rest.spend(request.address, "public", now)
                return 200, self._rest.public[path](fields, now)
            if path.startswith(("/orderbook/", "/bbo/")):
                self._rest.spend(request.address, "public", now)
                return 200, self._rest.of_market(path, fields, now)
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        trader = self._traders.owner(token, now)
        if trader.account.section.is_read_only and request.method != "GET":
            raise VenueError("UNAUTHORIZED_ERROR", "the token may only read", 401)
        self._rest.spend(trader.account.section.key, "orders" if is_order else "private", now)
        if request.method == "GET" and path in self._rest.private:
            return 200, self._rest.private[path](trader, fields, now)
        if path.startswith("/orders"):
            is_batch = (request.method, path) == ("POST", "/orders/batch")
            return self._rest.order(trader, request, path, _body(request, list if is_batch else dict), now)
        raise VenueError("NOT_FOUND", path, 404)

    def _come_in(self, request: HttpRequest, path: str, now: Nanos) -> tuple[int, Any]:
        if not self._logins.spend(now):
            raise VenueError("RATE_LIMIT_EXCEEDED", "rate limit exceeded", 429)
        if path.startswith("/onboarding"):
            self._traders.onboard(request.headers, str(_body(request).get("public_key", "")))
            return 200, {}
        return 200, {"jwt_token": self._traders.log_in(request.headers, now)}

    # --- channels of accounts ----------------------------------------------------------------------------------------

    def _tell(self, account: Account, events: list[AccountEvent], now: Nanos) -> None:
        """Publish what happened to an account."""
        hearers = [s for s in self._sockets.values() if s.trader is not None and s.trader.account is account]
        for event in events:
            if isinstance(event, Funded | CancelRefused):
                continue
            order = event.order
            view = self._desk.views[order.instrument.symbol]
            symbol = order.instrument.symbol
            if isinstance(event, Executed):
                self._publish(hearers, "fills", symbol, rows.fill_row(event.execution, view), now)
            if not (isinstance(event, Placed) and order.is_market):
                row = rows.order_row(order, view, now)
                if isinstance(event, Refused) or not order.is_open:
                    row |= {"status": "CLOSED"}
                self._publish(hearers, "orders", symbol, row, now)
            if isinstance(event, Executed):
                holding = account.holdings[order.instrument.id]
                self._publish(hearers, "positions", symbol, rows.position_row(holding, view), now)
                self._publish(hearers, "account", symbol, rows.account_row(account, now), now)

    def _publish(self, hearers: list[Socket], kind: str, market: str, data: Mapping[str, Any], now: Nanos) -> None:
        for socket in hearers:
            name = socket.hears(kind, market)
            if name:
                socket.outbox.publish(name, message(name, data), now)


def _remember(socket: Socket, row: Row) -> None:
    socket.orders[int(row["id"][2:])] = None


def _body(request: HttpRequest, kind: type = dict) -> Any:
    try:
        fields = msgspec.json.decode(request.body) if request.body else kind()
    except (msgspec.DecodeError, RecursionError):
        fields = None
    if not isinstance(fields, kind):
        raise VenueError("BINDING_ERROR", f"the body must be a JSON {'array' if kind is list else 'object'}")
    return fields
