"""Bybit's trade socket: order operations, answered by acknowledgements."""

from collections.abc import Mapping
from typing import Any, Final, Protocol

from market.units import SECOND, Nanos
from sim.emulator.account import Account
from sim.emulator.bybit import codes
from sim.emulator.bybit.codes import VenueError
from sim.emulator.bybit.signing import account_of_socket, check_time
from sim.emulator.bybit.sockets import BybitSocket
from sim.emulator.faults import Fault
from sim.emulator.outbox import Outbox
from sim.emulator.requests import encode
from sim.emulator.times import ms

_LONGEST_REQUEST_ID: Final = 36
_REQUEST_IDS_KEPT: Final = 10_000

Message = dict[str, Any]


class TradeDesk(Protocol):
    """What the trade socket needs of its venue."""

    accounts: Mapping[str, Account]

    def fault(self, now: Nanos) -> Fault | None:
        """Return the fault that an order request meets."""
        ...

    def trade(self, account: Account, op: str, args: Any, now: Nanos) -> tuple[Message, Message]:
        """Carry out an order operation; return data and extra data."""
        ...

    def rate_header(self, account: Account, op: str, now: Nanos) -> Message:
        """Return what an answer says of the rate limit."""
        ...


class TradeSocket(BybitSocket):
    """`/v5/trade`: order operations, answered by acknowledgements."""

    def __init__(
        self, outbox: Outbox, conn_id: str, silence: Nanos, lifetime: Nanos, now: Nanos, desk: TradeDesk
    ) -> None:
        super().__init__(outbox, conn_id, silence, lifetime, now)
        self._account: Account | None = None
        self._desk = desk
        self._used: dict[str, None] = {}

    def pong(self, message: Message, now: Nanos) -> Message:
        reply = {"retCode": 0, "retMsg": "OK", "op": "pong", "data": [str(ms(now))], "connId": self.conn_id}
        return reply | ({"reqId": message["reqId"]} if "reqId" in message else {})

    def act(self, message: Message, now: Nanos) -> None:
        if message.get("op") == "auth":
            self._reply(message, self._sign_on(message, now))
            return
        if self._account is None:
            self._reply(message, VenueError(codes.BAD_KEY, "Request not authorized"))
            return
        try:
            self._check(message, now)
        except VenueError as failure:
            self._reply(message, failure)
            return
        self._trade(message, self._account, now)

    def fail(self, message: Message, text: str) -> None:
        self._reply(message, VenueError(codes.PARAMETER, text))

    def _sign_on(self, message: Message, now: Nanos) -> VenueError | None:
        if self._account is not None:
            return VenueError(codes.REPEATED_AUTH)
        try:
            self._account = account_of_socket(message.get("args"), self._desk.accounts, now)
        except VenueError as failure:
            return failure
        return None

    def _check(self, message: Message, now: Nanos) -> None:
        request_id = str(message.get("reqId", ""))
        if len(request_id) > _LONGEST_REQUEST_ID:
            raise VenueError(codes.PARAMETER, f"reqId is longer than {_LONGEST_REQUEST_ID} characters")
        if request_id in self._used:
            raise VenueError(codes.REPEATED_REQUEST_ID)
        if request_id:
            self._used[request_id] = None
            if len(self._used) > _REQUEST_IDS_KEPT:
                del self._used[next(iter(self._used))]
        header = message.get("header")
        if not isinstance(header, dict):
            raise VenueError(codes.PARAMETER, "header with X-BAPI-TIMESTAMP is required")
        check_time(str(header.get("X-BAPI-TIMESTAMP", "")), str(header.get("X-BAPI-RECV-WINDOW", 5000)), now)

    def _trade(self, message: Message, account: Account, now: Nanos) -> None:
        op = str(message.get("op", ""))
        fault = self._desk.fault(now)
        kind = "" if fault is None else fault.kind
        if kind == "swallow":
            return
        data: Message = {}
        extra: Message = {}
        failure: VenueError | None = None
        try:
            if fault is not None and kind in ("reject", "rate_limit", "ban"):
                raise refusal_of(fault)
            data, extra = self._desk.trade(account, op, message.get("args"), now)
            if kind == "unavailable":
                raise VenueError(codes.UNKNOWN_OUTCOME)
        except VenueError as caught:
            failure = caught
            data, extra = {}, {}
        if kind == "timeout":
            return
        delay = round(fault.seconds * SECOND) if fault is not None and kind == "slow" else 0
        header = self._desk.rate_header(account, op, now) | {"Timenow": str(ms(now))}
        self._reply(message, failure, data, extra, header, delay, now)

    def _reply(
        self,
        message: Message,
        failure: VenueError | None,
        data: Message | None = None,
        extra: Message | None = None,
        header: Message | None = None,
        delay: Nanos = 0,
        now: Nanos = 0,
    ) -> None:
        reply: Message = {"reqId": message["reqId"]} if "reqId" in message else {}
        reply |= {
            "retCode": 0 if failure is None else failure.code,
            "retMsg": "OK" if failure is None else failure.text,
            "op": message.get("op", ""),
        }
        if header is not None:
            reply |= {"data": data or {}, "retExtInfo": extra or {}, "header": header}
        self.outbox.answer(encode(reply | {"connId": self.conn_id}), delay, now)


def refusal_of(fault: Fault) -> VenueError:
    """Return the refusal that a fault makes."""
    code = fault.code or (codes.NO_MARGIN if fault.kind == "reject" else codes.TOO_MANY_REQUESTS)
    return VenueError(code, codes.TEXTS.get(code, "refused by a fault"))
