"""Bybit's WebSockets that subscribe: public topics, private topics, the venue's status."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from market.units import MINUTE, SECOND, Nanos
from sim.emulator.account import Account
from sim.emulator.bybit.codes import VenueError
from sim.emulator.bybit.public_stream import PublicStreams
from sim.emulator.bybit.signing import account_of_socket
from sim.emulator.mortal_socket import MortalSocket
from sim.emulator.outbox import Outbox
from sim.emulator.requests import encode
from sim.emulator.times import ms

PRIVATE_TOPICS: Final = ("order", "execution", "execution.fast", "position", "wallet", "greeks", "dcp.future")
_MOST_ARGS: Final = 21_000  # characters of `args` of a connection

Message = dict[str, Any]


class BybitSocket(MortalSocket, ABC):
    """What the three have in common: envelopes, pings, cuts."""

    def __init__(self, outbox: Outbox, conn_id: str, silence: Nanos, lifetime: Nanos, now: Nanos) -> None:
        super().__init__(outbox, silence, lifetime, now)
        self.conn_id = conn_id

    def receive(self, text: str, now: Nanos) -> None:
        """Take a text message of the client."""
        try:
            message = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            message = None
        if not isinstance(message, dict):
            self.fail({}, "error:not a JSON object")
            return
        if message.get("op") == "ping":
            self._heard_at = now
            self.outbox.answer(encode(self.pong(message, now)))
        else:
            self.act(message, now)

    def ponged(self, now: Nanos) -> None:
        """Protocol pings are no substitute for those of the client: nothing changes."""

    @abstractmethod
    def pong(self, message: Message, now: Nanos) -> Message: ...

    @abstractmethod
    def act(self, message: Message, now: Nanos) -> None: ...

    def fail(self, message: Message, text: str) -> None:
        """Answer that a request is refused."""
        self._envelope(message, text, is_success=False)

    def _envelope(self, message: Message, text: str, *, is_success: bool) -> None:
        reply = {
            "success": is_success,
            "ret_msg": text,
            "conn_id": self.conn_id,
            "req_id": message.get("req_id", ""),
            "op": message.get("op", ""),
        }
        self.outbox.answer(encode(reply))


class _Topics(BybitSocket):
    """A socket that subscribes."""

    def __init__(self, outbox: Outbox, conn_id: str, silence: Nanos, lifetime: Nanos, now: Nanos) -> None:
        super().__init__(outbox, conn_id, silence, lifetime, now)
        self.topics: dict[str, None] = {}

    def act(self, message: Message, now: Nanos) -> None:
        op, args = message.get("op"), message.get("args")
        if op not in ("subscribe", "unsubscribe"):
            self.fail(message, f"error:request is unknown, op {op}")
            return
        if not isinstance(args, list) or not args or not all(isinstance(arg, str) for arg in args):
            self.fail(message, "error:args must list topics")
            return
        complaint = self._complaint(args) if op == "subscribe" else ""
        if complaint:
            self.fail(message, complaint)
            return
        self._envelope(message, "", is_success=True)
        for topic in args:
            if op == "unsubscribe":
                if topic in self.topics:
                    del self.topics[topic]
                    self.off(topic)
            else:
                self.topics[topic] = None
                self.on(topic, now)

    def _complaint(self, args: list[str]) -> str:
        for topic in args:
            if topic in self.topics:
                return f"error:already subscribed,topic:{topic}"
            if not self.knows(topic):
                return f"error:handler not found,topic:{topic}"
        if sum(map(len, [*self.topics, *args])) > _MOST_ARGS:
            return f"error:args of a connection may have {_MOST_ARGS} characters"
        return ""

    @abstractmethod
    def knows(self, topic: str) -> bool: ...

    @abstractmethod
    def on(self, topic: str, now: Nanos) -> None: ...

    @abstractmethod
    def off(self, topic: str) -> None: ...


class PublicSocket(_Topics):
    """`/v5/public/linear`."""

    def __init__(
        self, outbox: Outbox, conn_id: str, silence: Nanos, lifetime: Nanos, now: Nanos, streams: PublicStreams
    ) -> None:
        super().__init__(outbox, conn_id, silence, lifetime, now)
        self._streams = streams

    def pong(self, message: Message, now: Nanos) -> Message:
        return {
            "success": True,
            "ret_msg": "pong",
            "conn_id": self.conn_id,
            "req_id": message.get("req_id", ""),
            "op": "ping",
        }

    def knows(self, topic: str) -> bool:
        return self._streams.knows(topic)

    def on(self, topic: str, now: Nanos) -> None:
        self._streams.subscribe(topic, self.outbox, now)

    def off(self, topic: str) -> None:
        self._streams.unsubscribe(topic, self.outbox)

    def closed(self) -> None:
        self._streams.forget(self.outbox)


class StatusSocket(_Topics):
    """`/v5/public/misc/status`: there is never anything to tell."""

    pong = PublicSocket.pong

    def knows(self, topic: str) -> bool:
        return topic == "system.status"

    def on(self, topic: str, now: Nanos) -> None: ...

    def off(self, topic: str) -> None: ...


class PrivateSocket(_Topics):
    """`/v5/private`: an account's own events; `active` is told of who hears."""

    def __init__(
        self,
        outbox: Outbox,
        conn_id: str,
        silence: Nanos,
        lifetime: Nanos,
        now: Nanos,
        accounts: Mapping[str, Account],
        active: dict[Outbox, "PrivateSocket"],
    ) -> None:
        super().__init__(outbox, conn_id, silence, lifetime, now)
        self.account: Account | None = None
        self._accounts = accounts
        self._active = active

    def pong(self, message: Message, now: Nanos) -> Message:
        return {
            "req_id": message.get("req_id", ""),
            "op": "pong",
            "args": [str(ms(now))],
            "conn_id": self.conn_id,
        }

    def act(self, message: Message, now: Nanos) -> None:
        if message.get("op") == "auth":
            self._sign_on(message, now)
        elif self.account is None:
            self.fail(message, "Request not authorized")
        else:
            super().act(message, now)

    def _sign_on(self, message: Message, now: Nanos) -> None:
        if self.account is not None:
            self.fail(message, "Repeat auth")
            return
        try:
            self.account = account_of_socket(message.get("args"), self._accounts, now)
        except VenueError as failure:
            self.fail(message, failure.text)
            return
        self._active[self.outbox] = self
        self._envelope(message, "", is_success=True)

    def knows(self, topic: str) -> bool:
        return topic.removesuffix(".linear") in PRIVATE_TOPICS and topic != "wallet.linear"

    def on(self, topic: str, now: Nanos) -> None:
        """There is no snapshot: the first event is the first message."""

    def off(self, topic: str) -> None: ...

    def hears(self, topic: str) -> str:
        """Return the name under which it subscribed a topic; empty if it did not."""
        for name in (topic, f"{topic}.linear"):
            if name in self.topics:
                return name
        return ""

    def closed(self) -> None:
        self._active.pop(self.outbox, None)


def silence_of(target: str, usual: Nanos) -> Nanos:
    """Return how long a client may be silent: `max_active_time` of the path, such as 30s or 1m, else the usual."""
    query = dict(parse_qsl(target.partition("?")[2]))
    text = query.get("max_active_time", "")
    unit = {"s": SECOND, "m": MINUTE}.get(text[-1:], 0)
    return int(text[:-1]) * unit if unit and text[:-1].isdecimal() else usual
