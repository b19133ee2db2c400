"""The WebSockets of WOO X's older API, which clients still use: public of v1, private of v2."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from market.units import SECOND, Nanos
from sim.emulator.account import Account
from sim.emulator.outbox import NEVER, Outbox
from sim.emulator.requests import encode
from sim.emulator.times import ms
from sim.emulator.woox.codes import VenueError
from sim.emulator.woox.public_stream import PublicStreams
from sim.emulator.woox.signing import account_of_socket

_TOPICS: Final = ("executionreport", "position", "balance")
_PING_EVERY: Final = 10 * SECOND
_MOST_MISSED: Final = 10

Message = dict[str, Any]


class OldSocket:
    """Events with names: subscribe, unsubscribe, ping, pong, auth.  The server pings, and cuts who does not answer.

    Args:
        accounts: None on the public socket.
        active: private sockets that hear, by their outbox.
    """

    def __init__(
        self,
        outbox: Outbox,
        lifetime: Nanos,
        now: Nanos,
        streams: PublicStreams,
        accounts: Mapping[str, Account] | None = None,
        active: "dict[Outbox, OldSocket] | None" = None,
    ) -> None:
        self.outbox = outbox
        self.account: Account | None = None
        self.topics: dict[str, None] = {}
        self._streams, self._accounts, self._active = streams, accounts, active
        self._ping_at = now + _PING_EVERY
        self._ends = now + lifetime
        self._n_missed = 0

    def receive(self, text: str, now: Nanos) -> None:
        """Take a text message of the client."""
        try:
            message = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            message = None
        if not isinstance(message, dict):
            self._reply({"event": "error"}, now, error="invalid request")
            return
        event = message.get("event")
        if event == "ping":
            self.outbox.answer(encode({"event": "pong", "ts": ms(now)}))
        elif event == "pong":
            self._n_missed = 0
        elif event == "auth":
            self._sign_on(message, now)
        elif event in ("subscribe", "unsubscribe"):
            self._subscribe(message, now)
        else:
            self._reply(message, now, error="event is invalid")

    def ponged(self, now: Nanos) -> None:
        """Protocol pings are no substitute for events."""

    def next_due(self) -> Nanos:
        return min(self._ping_at, self._ends)

    def on_due(self, now: Nanos) -> None:
        """Ping; cut who has not answered ten, or a socket that is too old."""
        if now >= self._ends or self._n_missed >= _MOST_MISSED:
            self._ends = self._ping_at = NEVER
            self.outbox.close("no pong")
        elif now >= self._ping_at:
            self._ping_at = now + _PING_EVERY
            self._n_missed += 1
            self.outbox.answer(encode({"event": "ping", "ts": ms(now)}))

    def closed(self) -> None:
        """The socket is gone."""
        self._streams.forget(self.outbox)
        if self._active is not None:
            self._active.pop(self.outbox, None)

    def _sign_on(self, message: Message, now: Nanos) -> None:
        if self._accounts is None or self._active is None:
            self._reply(message, now, error="event is invalid")
            return
        try:
            self.account = account_of_socket(message.get("params"), self._accounts, now)
        except VenueError as failure:
            self._reply(message, now, error=failure.text)
            return
        self._active[self.outbox] = self
        self._reply(message, now)

    def _subscribe(self, message: Message, now: Nanos) -> None:
        topic = message.get("topic")
        is_private = self._accounts is not None
        if is_private and self.account is None:
            self._reply(message, now, error="Auth is needed.")
            return
        known = topic in _TOPICS if is_private else isinstance(topic, str) and self._streams.knows(topic)
        if not isinstance(topic, str) or not known:
            self._reply(message, now, error="topic is invalid")
            return
        self._reply(message, now, data=topic)
        if message.get("event") == "subscribe":
            self.topics[topic] = None
            if not is_private:
                self._streams.subscribe(topic, self.outbox, now)
        else:
            self.topics.pop(topic, None)
            if not is_private:
                self._streams.unsubscribe(topic, self.outbox)

    def _reply(self, message: Message, now: Nanos, data: str = "", error: str = "") -> None:
        reply: Message = {"id": str(message.get("id", "")), "event": message.get("event"), "success": not error}
        reply |= {"ts": ms(now)} | ({"data": data} if data else {}) | ({"errorMsg": error} if error else {})
        self.outbox.answer(encode(reply))
