"""The emulated Bybit: its REST routes, its sockets, and what its streams tell."""

from collections.abc import Mapping
from itertools import count
from typing import Any, Final

import msgspec

from market.units import SECOND, Nanos
from sim.emulator.account import Account
from sim.emulator.bybit import codes
from sim.emulator.bybit.account_rest import AccountRest
from sim.emulator.bybit.account_rows import position_row, wallet_row
from sim.emulator.bybit.codes import VenueError
from sim.emulator.bybit.entry import OrderEntry
from sim.emulator.bybit.market_rest import MarketRest
from sim.emulator.bybit.order_rows import execution_row, fast_execution_row, funding_row, order_row, uuid
from sim.emulator.bybit.public_stream import PublicStreams
from sim.emulator.bybit.rates import OPS, Rates, is_order_path
from sim.emulator.bybit.signing import account_of
from sim.emulator.bybit.sockets import PrivateSocket, PublicSocket, StatusSocket, silence_of
from sim.emulator.bybit.trade_socket import TradeSocket, refusal_of
from sim.emulator.desk import Desk
from sim.emulator.faults import Fault
from sim.emulator.limits import RollingLimit
from sim.emulator.orders import AccountEvent, AmendRefused, CancelRefused, Executed, Funded, Placed
from sim.emulator.outbox import Outbox
from sim.emulator.public_view import Print, PublicView
from sim.emulator.requests import JSON, HttpAnswer, HttpRequest, Session, encode
from sim.emulator.times import ms

_PLACES: Final = {
    "/v5/public/linear": "public",
    "/v5/public/misc/status": "public",
    "/v5/private": "private",
    "/v5/trade": "trade",
}
_ADDRESS_RATE: Final = 600
_ADDRESS_WINDOW: Final = 5 * SECOND
_LEAST_SILENCE: Final = 30 * SECOND

Message = dict[str, Any]


class BybitVenue:
    """One emulated venue; see `sim.emulator.requests.EmulatedVenue`."""

    name = "bybit"

    def __init__(self, desk: Desk) -> None:
        section = desk.section
        self.accounts: Mapping[str, Account] = desk.accounts
        self._desk = desk
        self._entry = OrderEntry(desk, self._tell)
        self._streams = PublicStreams(desk.views, self._entry.band, throttled=section.throttled, depth=section.depth)
        self._market = MarketRest(desk, self._entry)
        self._account = AccountRest(desk, self._entry)
        self._rates = Rates(section.order_rate)
        self._by_address: dict[str, RollingLimit] = {}
        self._private: dict[Outbox, PrivateSocket] = {}
        self._counter = count(1)

    # --- sockets ------------------------------------------------------------------------------------------------------

    def place_of(self, path: str) -> str:
        return _PLACES.get(path, "")

    def connect(self, target: str, address: str, outbox: Outbox, now: Nanos) -> Session:
        path = target.partition("?")[0]
        section = self._desk.section
        usual = round(section.silence_s * SECOND)
        lifetime = round(section.lifetime_s * SECOND)
        conn_id = uuid(f"connection/{now}", next(self._counter))
        if path == "/v5/public/linear":
            return PublicSocket(outbox, conn_id, usual, lifetime, now, self._streams)
        if path == "/v5/public/misc/status":
            return StatusSocket(outbox, conn_id, usual, lifetime, now)
        silence = max(_LEAST_SILENCE, silence_of(target, usual)) if "?" in target else usual
        if path == "/v5/private":
            return PrivateSocket(outbox, conn_id, silence, lifetime, now, self.accounts, self._private)
        return TradeSocket(outbox, conn_id, silence, lifetime, now, self)

    def next_due(self) -> Nanos:
        return self._streams.next_due()

    def on_due(self, now: Nanos) -> None:
        self._streams.on_due(now)

    def on_book(self, view: PublicView, now: Nanos) -> None:
        self._streams.on_book(view, now)

    def on_trade(self, view: PublicView, printed: Print, now: Nanos) -> None:
        self._streams.on_trade(view, printed, now)

    def on_facts(self, account: int, facts: Any, now: Nanos) -> None:
        self._tell(*self._desk.take(account, facts), now)

    # --- the trade socket's desk --------------------------------------------------------------------------------------

    def fault(self, now: Nanos) -> Fault | None:
        return self._desk.faults.of_request(self.name, "trade", now, is_order=True)

    def trade(self, account: Account, op: str, args: Any, now: Nanos) -> tuple[Message, Message]:
        path = OPS.get(op)
        if path is None:
            raise VenueError(codes.NO_SUCH_ROUTE)
        self._desk.tally.requests[self.name, op] += 1
        if not isinstance(args, list) or len(args) != 1 or not isinstance(args[0], dict):
            raise VenueError(codes.PARAMETER, "args must hold one object")
        return self._order_request(account, path, args[0], now)

    def rate_header(self, account: Account, op: str, now: Nanos) -> Message:
        return dict(self._rates.header(account.section.key, OPS.get(op, op), now))

    def _order_request(self, account: Account, path: str, fields: Message, now: Nanos) -> tuple[Message, Message]:
        key, act = account.section.key, path.rpartition("/")[2]
        if account.section.is_read_only:
            raise VenueError(codes.NO_PERMISSION)
        if act.endswith("-batch"):
            items = fields.get("request")
            allowed = self._rates.spend(key, path, now, len(items) if isinstance(items, list) else 1)
            return self._entry.batch(account, act.removesuffix("-batch"), fields, now, allowed)
        if not self._rates.spend(key, path, now):
            raise VenueError(codes.TOO_MANY_REQUESTS)
        one = {
            "create": self._entry.create,
            "amend": self._entry.amend,
            "cancel": self._entry.cancel,
            "cancel-all": self._entry.cancel_all,
        }[act]
        return one(account, fields, now), {}

    # --- REST ---------------------------------------------------------------------------------------------------------

    def request(self, request: HttpRequest, now: Nanos) -> HttpAnswer:
        limit = self._by_address.setdefault(
            request.address, RollingLimit(self._desk.section.request_rate or _ADDRESS_RATE, _ADDRESS_WINDOW)
        )
        is_order = is_order_path(request.path)
        fault = self._desk.faults.of_request(self.name, "rest", now, is_order=is_order)
        kind = "" if fault is None else fault.kind
        if kind == "swallow":
            return HttpAnswer(200, is_never=True)
        if kind == "ban" or not limit.spend(now) or (request.method == "GET" and request.body):
            return HttpAnswer(403, b"access too frequent", (("Content-Type", "text/plain"),))
        self._desk.tally.requests[self.name, request.path] += 1
        reply: Message = {"retCode": 0, "retMsg": "OK", "result": {}, "retExtInfo": {}, "time": ms(now)}
        status = 200
        try:
            reply["result"], reply["retExtInfo"] = self._answer(request, fault, now)
        except VenueError as error:
            reply |= {"retCode": error.code, "retMsg": error.text}
            status = error.status
        delay = round(fault.seconds * SECOND) if fault is not None and kind == "slow" else 0
        headers = (JSON, ("Timenow", str(ms(now))), *self._rate_headers(request, now))
        return HttpAnswer(status, encode(reply), headers, delay, kind == "timeout")

    def _answer(self, request: HttpRequest, fault: Fault | None, now: Nanos) -> tuple[Message, Message]:
        if request.path in self._market.routes:
            return self._market.routes[request.path](request.parameters(), now), {}
        account = account_of(request, self.accounts, now)
        if fault is not None and fault.kind in ("reject", "rate_limit"):
            raise refusal_of(fault)
        answer = self._private_request(account, request, now)
        if fault is not None and fault.kind == "unavailable":
            raise VenueError(codes.UNKNOWN_OUTCOME)
        return answer

    def _private_request(self, account: Account, request: HttpRequest, now: Nanos) -> tuple[Message, Message]:
        path = request.path
        is_post = request.method == "POST"
        fields = _body(request) if is_post else dict(request.parameters())
        if is_post and is_order_path(path):
            return self._order_request(account, path, fields, now)
        handler = (self._account.setters if is_post else self._account.queries).get(path)
        if handler is None:
            raise VenueError(codes.NO_SUCH_ROUTE, f"{request.method} {path} is not emulated", 404)
        if is_post and account.section.is_read_only:
            raise VenueError(codes.NO_PERMISSION)
        if not self._rates.spend(account.section.key, path, now):
            raise VenueError(codes.TOO_MANY_REQUESTS)
        self._desk.catch_up(now)
        return handler(account, fields, now), {}

    def _rate_headers(self, request: HttpRequest, now: Nanos) -> tuple[tuple[str, str], ...]:
        key = request.headers.get("x-bapi-api-key", "")
        if key not in self.accounts or request.path in self._market.routes:
            return ()
        return tuple(self._rates.header(key, request.path, now).items())

    # --- private streams ----------------------------------------------------------------------------------------------

    def _tell(self, account: Account, events: list[AccountEvent], now: Nanos) -> None:
        """Publish what happened to an account: its orders, executions, positions and money."""
        hearers = [s for s in self._private.values() if s.account is account]
        if not hearers or not events:
            return
        rows: dict[str, list[Message]] = {"order": [], "execution": [], "execution.fast": [], "position": []}
        touched: dict[str, None] = {}
        for event in events:
            self._row(event, rows)
            instrument = event.payment.instrument if isinstance(event, Funded) else event.order.instrument
            touched[instrument.symbol] = None
        for symbol in touched:
            view = self._desk.views[symbol]
            rows["position"].append(position_row(account.holdings[view.instrument.id], view, is_stream=True))
        if any(isinstance(event, Executed | Funded) for event in events):
            rows["wallet"] = [wallet_row(account)]
        for socket in hearers:
            for topic, found in rows.items():
                name = socket.hears(topic) if found else ""
                if name:
                    socket.outbox.publish(name, encode(self._message(name, found, now)), now)

    def _row(self, event: AccountEvent, rows: dict[str, list[Message]]) -> None:
        if isinstance(event, Funded):
            view = self._desk.views[event.payment.instrument.symbol]
            rows["execution"].append(funding_row(event.payment, view, is_stream=True))
            return
        order = event.order
        view = self._desk.views[order.instrument.symbol]
        if isinstance(event, Executed):
            rows["execution"].append(execution_row(event.execution, order, view, is_stream=True))
            rows["execution.fast"].append(fast_execution_row(event.execution, order, view))
        if isinstance(event, AmendRefused | CancelRefused) or (isinstance(event, Placed) and order.is_market):
            return
        rows["order"].append(order_row(order, view))

    def _message(self, topic: str, rows: list[Message], now: Nanos) -> Message:
        message: Message = {"topic": topic, "creationTime": ms(now), "data": rows}
        if not topic.startswith("execution.fast"):
            message["id"] = uuid(f"message/{now}", next(self._counter))
        return message


def _body(request: HttpRequest) -> Message:
    try:
        fields = msgspec.json.decode(request.body)
    except (msgspec.DecodeError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise VenueError(codes.PARAMETER, "the body must be a JSON object")
    return fields
