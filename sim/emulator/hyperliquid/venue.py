"""The emulated Hyperliquid: `/info`, `/exchange`, its WebSocket, and what the streams of accounts tell."""

from typing import Any, Final

import msgspec

from market.units import SECOND, Nanos
from sim.emulator.account import Account
from sim.emulator.desk import Desk
from sim.emulator.faults import Fault
from sim.emulator.hyperliquid import codes, rows
from sim.emulator.hyperliquid.codes import MalformedError, RefusalError
from sim.emulator.hyperliquid.entry import OrderEntry, used_of
from sim.emulator.hyperliquid.info import Info
from sim.emulator.hyperliquid.rates import Budgets, Nonces, Rates, weight_of
from sim.emulator.hyperliquid.signing import signer_of, wallet_of
from sim.emulator.hyperliquid.sockets import Socket
from sim.emulator.hyperliquid.streams import PublicStreams
from sim.emulator.orders import AccountEvent, Amended, AmendRefused, CancelRefused, Executed, Funded, Status
from sim.emulator.outbox import Outbox
from sim.emulator.public_view import Print, PublicView
from sim.emulator.requests import HttpAnswer, HttpRequest, Session, encode
from sim.emulator.times import ms

Row = dict[str, Any]
_CANCELS: Final = ("cancel", "cancelByCloid")
_RECENT_FILLS: Final = 100


class HyperliquidVenue:
    """One emulated venue; see `sim.emulator.requests.EmulatedVenue`."""

    name = "hyperliquid"

    def __init__(self, desk: Desk) -> None:
        section = desk.section
        self._desk = desk
        self._starts: dict[int, int] = {}
        self._wallets = {}
        for account in desk.accounts.values():
            wallet = wallet_of(account.section)
            self._wallets[wallet.address] = (account, wallet)
        self._of_signer = {wallet.signer: (account, wallet) for account, wallet in self._wallets.values()}
        self._address_of = {account.section.key: wallet.address for account, wallet in self._wallets.values()}
        self._entry = OrderEntry(desk, self._tell)
        self._budgets = Budgets(section.order_rate and 60 * section.order_rate)
        self._info = Info(desk, self._entry, self._budgets, self._wallets, self._starts)
        self._rates = Rates(section.request_rate)
        self._nonces = Nonces()
        self._streams = PublicStreams(desk.views, throttled=section.throttled)
        self._sockets: dict[Outbox, Socket] = {}

    # --- sockets -----------------------------------------------------------------------------------------------------

    def place_of(self, path: str) -> str:
        # what it is shows by what is subscribed there
        return "public" if path == "/ws" else ""

    def connect(self, target: str, address: str, outbox: Outbox, now: Nanos) -> Session:
        section = self._desk.section
        silence, lifetime = round(section.silence_s * SECOND), round(section.lifetime_s * SECOND)

        def post(message: Row, to: Outbox, at: Nanos) -> None:
            self._post(message, address, to, at)

        return Socket(outbox, silence, lifetime, now, self._streams, self._recent_fills, post, self._sockets)

    def next_due(self) -> Nanos:
        return min(self._streams.next_due(), self._entry.next_due())

    def on_due(self, now: Nanos) -> None:
        self._streams.on_due(now)
        self._entry.on_due(now)

    def on_book(self, view: PublicView, now: Nanos) -> None:
        self._streams.on_book(view, now)

    def on_trade(self, view: PublicView, printed: Print, now: Nanos) -> None:
        self._streams.on_trade(view, printed, now)

    def on_facts(self, account: int, facts: Any, now: Nanos) -> None:
        self._tell(*self._desk.take(account, facts), now)

    # --- requests ----------------------------------------------------------------------------------------------------

    def request(self, request: HttpRequest, now: Nanos) -> HttpAnswer:
        is_action = request.path == "/exchange"
        fault = self._desk.faults.of_request(self.name, "rest", now, is_order=is_action)
        kind = "" if fault is None else fault.kind
        if kind == "swallow":
            return HttpAnswer(200, is_never=True)
        status, reply = self._reply(request, fault, now)
        if kind == "unavailable":  # whatever became of the request
            status, reply = 502, "Bad Gateway"
        delay = round(fault.seconds * SECOND) if fault is not None and kind == "slow" else 0
        return HttpAnswer(status, encode(reply), delay=delay, is_never=kind == "timeout")

    def _reply(self, request: HttpRequest, fault: Fault | None, now: Nanos) -> tuple[int, Any]:
        body = _body(request.body)
        kind = str(body.get("type", "")) if body is not None else ""
        self._desk.tally.requests[self.name, f"{request.path} {kind}".strip()] += 1
        if fault is not None and fault.kind in ("ban", "rate_limit"):
            return 429, None
        if request.method != "POST" or request.path not in ("/info", "/exchange"):
            return 404, None
        if not self._rates.spend(request.address, weight_of(kind) if request.path == "/info" else 1, now):
            return 429, None
        if body is None:
            return 422, codes.MALFORMED
        try:
            if request.path == "/info":
                return 200, self._info.types[kind](body, now)
            return 200, self._action(body, fault, now)
        except (MalformedError, KeyError):
            return 422, codes.MALFORMED

    def _post(self, message: Row, address: str, outbox: Outbox, now: Nanos) -> None:
        """Carry out a request that came by the socket."""
        request = message["request"]
        is_action = request.get("type") == "action"
        fault = self._desk.faults.of_request(self.name, "private", now, is_order=is_action)
        kind = "" if fault is None else fault.kind
        if kind == "swallow":
            return
        if kind in ("ban", "rate_limit") or not self._rates.message(address, now):
            response: Row = {"type": "error", "payload": "429 Too Many Requests"}
        else:
            response = self._posted(request, fault, now)
        if kind == "timeout":
            return
        if kind == "unavailable":
            response = {"type": "error", "payload": "502 Bad Gateway"}
        delay = round(fault.seconds * SECOND) if fault is not None and kind == "slow" else 0
        answer = {"channel": "post", "data": {"id": message["id"], "response": response}}
        outbox.answer(encode(answer), delay, now)

    def _posted(self, request: Row, fault: Fault | None, now: Nanos) -> Row:
        body = request.get("payload")
        kind = request.get("type")
        try:
            if not isinstance(body, dict):
                raise MalformedError
            if kind == "action":
                return {"type": "action", "payload": self._action(body, fault, now)}
            name = str(body.get("type", ""))
            return {"type": "info", "payload": {"type": name, "data": self._info.types[name](body, now)}}
        except (MalformedError, KeyError):
            return {"type": "error", "payload": f"422 {codes.MALFORMED}"}

    def _action(self, body: Row, fault: Fault | None, now: Nanos) -> Row:
        action, nonce = body.get("action"), body.get("nonce")
        if not isinstance(action, dict) or not isinstance(nonce, int) or action.get("type") not in self._entry.actions:
            raise MalformedError
        if fault is not None and fault.kind == "reject":
            return _refused(codes.NO_MARGIN)
        try:
            signer = signer_of(body)
        except ValueError:
            raise MalformedError from None
        try:
            account = self._trader(signer, body.get("vaultAddress"))
            kind = str(action["type"])
            if account.section.is_read_only:
                raise RefusalError(codes.UNKNOWN_USER.format(address=signer))
            if not self._nonces.take(signer, nonce, ms(now)):
                raise RefusalError(codes.BAD_NONCE.format(nonce=nonce))
            n_items = self._entry.n_items(action)
            if not self._budgets.spend(account, n_items, now, is_cancel=kind in _CANCELS):
                used, cap = self._budgets.of(account)
                raise RefusalError(codes.NO_BUDGET.format(used=used + n_items, cap=cap, volume=used_of(account)))
            expires = body.get("expiresAfter")
            if isinstance(expires, int) and expires < ms(now):
                raise RefusalError(codes.EXPIRED)
            return {"status": "ok", "response": self._entry.actions[kind](account, action, now)}
        except RefusalError as refusal:
            return _refused(str(refusal))

    def _trader(self, signer: str, vault: Any) -> Account:
        known = self._of_signer.get(signer)
        if known is None or (vault and str(vault).lower() != known[1].address):
            raise RefusalError(codes.UNKNOWN_USER.format(address=signer))
        return known[0]

    # --- streams of accounts -----------------------------------------------------------------------------------------

    def _recent_fills(self, address: str) -> list[Row]:
        known = self._wallets.get(address)
        executions = list(known[0].executions)[-_RECENT_FILLS:] if known is not None else []
        return [self._info.fill(execution) for execution in executions]

    def _tell(self, account: Account, events: list[AccountEvent], now: Nanos) -> None:
        """Publish what happened to an account."""
        address = self._address_of[account.section.key]
        for event in events:
            if isinstance(event, Funded | AmendRefused | CancelRefused | Amended):
                continue
            order = event.order
            view = self._desk.views[order.instrument.symbol]
            if isinstance(event, Executed):
                execution = event.execution
                held = account.holdings[order.instrument.id].lots
                self._starts[execution.trade_id] = held - order.side * execution.size
                row = self._info.fill(execution)
                self._publish(address, "userFills", "userFills", {"user": address, "fills": [row]}, now)
                self._publish(address, "userEvents", "user", {"fills": [row]}, now)
                if order.status is not Status.FILLED:
                    continue
            self._publish(address, "orderUpdates", "orderUpdates", [rows.news(order, view)], now)

    def _publish(self, address: str, subscribed: str, channel: str, data: Any, now: Nanos) -> None:
        payload = encode({"channel": channel, "data": data})
        for socket in self._sockets.values():
            if (subscribed, address) in socket.users:
                socket.outbox.publish(subscribed, payload, now)


def _body(body: bytes) -> Row | None:
    try:
        fields = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def _refused(text: str) -> Row:
    return {"status": "err", "response": text}
