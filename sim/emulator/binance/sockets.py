"""Binance's stream sockets: public, market and private, raw or combined."""

from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from market.units import SECOND, Nanos
from sim.emulator.account import Account
from sim.emulator.binance.listen_keys import ListenKeys
from sim.emulator.binance.public_streams import PublicStreams
from sim.emulator.binance.streams import wrap
from sim.emulator.limits import RollingLimit
from sim.emulator.outbox import NEVER, Outbox, ping_frame
from sim.emulator.requests import encode
from sim.emulator.times import ms

_MOST_STREAMS: Final = 1024
_MESSAGES_A_SECOND: Final = 10

Message = dict[str, Any]


class Aged:
    """A socket that the server pings, and cuts when it is silent or old."""

    def __init__(self, outbox: Outbox, ping: Nanos, silence: Nanos, lifetime: Nanos, now: Nanos) -> None:
        self.outbox = outbox
        self._ping = ping
        self._silence = silence
        self._ping_at = now + ping
        self._heard = now
        self._ends = now + lifetime

    def ponged(self, now: Nanos) -> None:
        """Take note that the client lives."""
        self._heard = now

    def next_due(self) -> Nanos:
        return min(self._ping_at, self._ends, self._heard + self._silence)

    def on_due(self, now: Nanos) -> None:
        """Ping, or cut."""
        if min(self._ends, self._heard + self._silence) <= now:
            self._ends = self._silence = self._ping_at = NEVER
            self.outbox.close("disconnected")
        elif self._ping_at <= now:
            self._ping_at = now + self._ping
            self.outbox.control(ping_frame(str(ms(now)).encode()))


class StreamSocket(Aged):
    """`/public`, `/market`, or neither: those are `/public`'s, and the others never come.

    Args:
        route: `public` or `market`.
        is_combined: payloads have their stream's name around them.
        streams: from the path.
    """

    def __init__(
        self,
        outbox: Outbox,
        ping: Nanos,
        silence: Nanos,
        lifetime: Nanos,
        now: Nanos,
        *,
        route: str,
        is_combined: bool,
        streams: list[str],
        public: PublicStreams,
    ) -> None:
        super().__init__(outbox, ping, silence, lifetime, now)
        self.names: dict[str, None] = {}
        self._route = route
        self._is_combined = is_combined
        self._public = public
        self._rate = RollingLimit(_MESSAGES_A_SECOND, SECOND)
        for name in streams:
            self.on(name, now)

    def receive(self, text: str, now: Nanos) -> None:
        """Take a request of the client."""
        if not self._rate.spend(now):
            self.outbox.close("Too many requests")
            return
        try:
            message = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            message = None
        if not isinstance(message, dict):
            self._fail(None, 3, "Invalid JSON: expected value at line 1 column 1")
            return
        request_id, method, params = message.get("id"), message.get("method"), message.get("params")
        if isinstance(request_id, bool) or not isinstance(request_id, int | str | None):
            self._fail(None, 2, "Invalid request: request ID must be an unsigned integer")
        elif method == "LIST_SUBSCRIPTIONS":
            self.outbox.answer(encode({"result": list(self.names), "id": request_id}))
        elif method not in ("SUBSCRIBE", "UNSUBSCRIBE"):
            self._fail(request_id, 2, f"Invalid request: unknown variant `{method}`")
        elif not isinstance(params, list) or not all(isinstance(name, str) for name in params):
            self._fail(request_id, 2, "Invalid request: params must be an array of strings")
        elif method == "SUBSCRIBE" and len(self.names) + len(params) > _MOST_STREAMS:
            self._fail(request_id, 2, f"Invalid request: more than {_MOST_STREAMS} streams")
        else:
            self.outbox.answer(encode({"result": None, "id": request_id}))
            for name in params:
                self.on(name, now) if method == "SUBSCRIBE" else self.off(name)

    def on(self, name: str, now: Nanos) -> None:
        """Subscribe a stream."""
        self.names[name] = None
        self._public.subscribe(name, self._route, self.outbox, is_combined=self._is_combined, now=now)

    def off(self, name: str) -> None:
        """Unsubscribe a stream."""
        self.names.pop(name, None)
        self._public.unsubscribe(name, self.outbox)

    def closed(self) -> None:
        """The socket is gone."""
        self._public.forget(self.outbox)

    def _fail(self, request_id: Any, code: int, text: str) -> None:
        self.outbox.answer(encode({"error": {"code": code, "msg": text}, "id": request_id}))


class PrivateSocket(StreamSocket):
    """`/private`: the events of the accounts whose listenKeys it names."""

    def __init__(
        self,
        outbox: Outbox,
        ping: Nanos,
        silence: Nanos,
        lifetime: Nanos,
        now: Nanos,
        *,
        is_combined: bool,
        streams: list[str],
        events: frozenset[str],
        public: PublicStreams,
        keys: ListenKeys,
        active: dict[Outbox, "PrivateSocket"],
    ) -> None:
        self._keys = keys
        self._events = events
        self._active = active
        active[outbox] = self
        super().__init__(
            outbox,
            ping,
            silence,
            lifetime,
            now,
            route="private",
            is_combined=is_combined,
            streams=streams,
            public=public,
        )

    def tell(self, account: Account, message: Message, now: Nanos) -> None:
        """Send an event of an account, if it hears it."""
        if self._events and message["e"] not in self._events:
            return
        for name in self.names:
            if self._keys.account_of(name, now) is account:
                self._send(name, message, now)

    def expire(self, key: str, now: Nanos) -> None:
        """Tell that a listenKey has died."""
        if key in self.names:
            self._send(key, {"e": "listenKeyExpired", "E": ms(now), "listenKey": key}, now)
            del self.names[key]

    def closed(self) -> None:
        super().closed()
        self._active.pop(self.outbox, None)

    def _send(self, name: str, message: Message, now: Nanos) -> None:
        payload = encode(message)
        self.outbox.publish(message["e"], wrap(name, payload) if self._is_combined else payload, now)


def route_of(path: str) -> tuple[str, str, list[str]]:
    """Return (route, form, names) of a path: form is `ws` or `stream`, empty for a path that is none.

    A path without a route is that of old: it serves what `/public` does.
    """
    route, *rest = path.strip("/").split("/")
    if route in ("ws", "stream"):
        route, rest = "public", [route, *rest]
    if route not in ("public", "market", "private") or not rest or rest[0] not in ("ws", "stream"):
        return "", "", []
    return route, rest[0], [name for name in rest[1:] if name]


def names_of(target: str) -> tuple[str, str, list[str], frozenset[str]]:
    """Return (route, form, streams or listenKeys, events) of a socket's target."""
    path, _, query = target.partition("?")
    route, form, names = route_of(path)
    events: set[str] = set()
    for name, value in parse_qsl(query):
        if name == "streams":
            names += value.split("/")
        elif name == "listenKey":
            names.append(value)
        elif name == "events":
            events.update(value.split("/"))
    return route, form, names, frozenset(events)
