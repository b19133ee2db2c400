"""Binance's WebSocket API: orders and queries by frames, each signed by itself."""

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl

import msgspec

from market.units import SECOND, Nanos
from sim.emulator.account import Account
from sim.emulator.binance import codes
from sim.emulator.binance.codes import VenueError
from sim.emulator.binance.rates import Rates
from sim.emulator.binance.signing import account_of_key, check_frame
from sim.emulator.binance.sockets import Aged
from sim.emulator.faults import Fault
from sim.emulator.outbox import Outbox
from sim.emulator.requests import encode
from sim.emulator.times import ms

_HANDSHAKE_WEIGHT: Final = 5
ORDER_METHODS: Final = ("order.place", "order.modify", "order.cancel")

Params = Mapping[str, Any]


class Operations(Protocol):
    """What the WebSocket API needs of its venue."""

    accounts: Mapping[str, Account]
    rates: Rates
    public_methods: Mapping[str, Callable[[Params, Nanos], Any]]
    signed_methods: Mapping[str, tuple[Callable[[Account, Params, Nanos], Any], int]]
    key_methods: Mapping[str, Callable[[Account, Params, Nanos], Any]]

    def fault(self, now: Nanos, *, is_order: bool) -> Fault | None:
        """Return the fault that a request meets."""
        ...

    def counted(self, method: str) -> None:
        """Count a request."""
        ...


class ApiSocket(Aged):
    """`/ws-fapi/v1`."""

    def __init__(
        self,
        outbox: Outbox,
        ping: Nanos,
        silence: Nanos,
        lifetime: Nanos,
        now: Nanos,
        *,
        target: str,
        address: str,
        venue: Operations,
    ) -> None:
        super().__init__(outbox, ping, silence, lifetime, now)
        self._venue = venue
        self._address = address
        self._since = now
        query = dict(parse_qsl(target.partition("?")[2]))
        self._shows_rates = query.get("returnRateLimits", "true") != "false"
        try:
            venue.rates.spend(address, _HANDSHAKE_WEIGHT, now)
        except VenueError:
            outbox.close("too many connections")

    def closed(self) -> None:
        """The socket is gone."""

    def receive(self, text: str, now: Nanos) -> None:
        """Take a request, and answer it."""
        try:
            message = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            message = None
        if not isinstance(message, dict) or not isinstance(message.get("method"), str):
            error = VenueError(-1135, "Invalid JSON, or no method")
            self._reply({}, error, None, "", 0, now)
            return
        method, params = message["method"], message.get("params") or {}
        is_order = method in ORDER_METHODS
        fault = self._venue.fault(now, is_order=is_order)
        kind = "" if fault is None else fault.kind
        if kind == "swallow" or not isinstance(params, dict):
            return
        self._venue.counted(method)
        key = str(params.get("apiKey", "")) if is_order else ""
        result: Any = None
        failure: VenueError | None = None
        try:
            if fault is not None:
                meet_fault(fault, self._venue.rates, self._address, now)
            result = self._result(method, params, now)
            if kind == "unavailable":
                raise VenueError(codes.UNKNOWN_OUTCOME, status=503)
        except VenueError as error:
            failure = error
        if kind == "timeout":
            return
        delay = round(fault.seconds * SECOND) if fault is not None and kind == "slow" else 0
        self._reply(message, failure, result, key, delay, now)

    def _result(self, method: str, params: Params, now: Nanos) -> Any:
        venue = self._venue
        if method in venue.public_methods:
            return venue.public_methods[method](params, now)
        if method == "session.logon":  # for Ed25519 keys alone, and there are none here
            raise VenueError(codes.HMAC_KEY)
        if method in ("session.status", "session.logout"):
            return {
                "apiKey": None,
                "authorizedSince": None,
                "connectedSince": ms(self._since),
                "returnRateLimits": self._shows_rates,
                "serverTime": ms(now),
            }
        if method in venue.key_methods:
            account = account_of_key(str(params.get("apiKey", "")), venue.accounts)
            venue.rates.spend(self._address, 5, now)
            return venue.key_methods[method](account, params, now)
        if method not in venue.signed_methods:
            raise VenueError(-1000, f"Unknown method '{method}'.")
        account = account_of_key(str(params.get("apiKey", "")), venue.accounts)
        check_frame(params, account, now)
        handler, weight = venue.signed_methods[method]
        venue.rates.spend(self._address, weight, now)
        return handler(account, params, now)

    def _reply(
        self, message: Params, failure: VenueError | None, result: Any, key: str, delay: Nanos, now: Nanos
    ) -> None:
        reply: dict[str, Any] = {"id": message.get("id"), "status": 200 if failure is None else failure.status}
        if failure is None:
            reply["result"] = result
        else:
            reply["error"] = {"code": failure.code, "msg": failure.text}
        if self._shows_rates:
            reply["rateLimits"] = self._venue.rates.block(self._address, key, now)
        self.outbox.answer(encode(reply), delay, now)


def meet_fault(fault: Fault, rates: Rates, address: str, now: Nanos) -> None:
    if fault.kind == "reject":
        raise VenueError(fault.code or codes.NO_MARGIN)
    if fault.kind == "rate_limit":
        raise VenueError(fault.code or codes.TOO_MUCH_WEIGHT, status=429)
    if fault.kind == "ban":
        rates.ban(address, now + round(fault.seconds * SECOND))
        raise rates.banned(address, now)
