"""Paradex's one WebSocket, in JSON-RPC: public channels, logins, an account's own channels, and orders."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from market.units import SECOND, Nanos
from sim.emulator.outbox import NEVER, Outbox, ping_frame
from sim.emulator.paradex.accounts import Trader
from sim.emulator.paradex.codes import VenueError
from sim.emulator.paradex.streams import PublicStreams
from sim.emulator.requests import encode

PRIVATE: Final = ("orders", "fills", "positions", "account", "tradebusts", "balance_events", "funding_payments")
_PING_EVERY: Final = 55 * SECOND

Row = dict[str, Any]


class Socket:
    """One client.

    Args:
        owner: returns whose a token is.
        call: carries out a call about orders, and answers it.
        version: of the binary schema in which public channels are told; 0: in JSON, as all else is.

    Attributes:
        trader: who has logged in; None: nobody.
        channels: what it hears.
        cancels: whether its orders are cancelled when it drops.
        orders: the numbers of those that were placed on it.
    """

    def __init__(
        self,
        outbox: Outbox,
        lifetime: Nanos,
        now: Nanos,
        streams: PublicStreams,
        owner: Callable[[str, Nanos], Trader],
        call: Callable[["Socket", Row, Nanos], None],
        sockets: dict[Outbox, "Socket"],
        dropped: Callable[["Socket"], None],
        *,
        version: int = 0,
    ) -> None:
        self.outbox = outbox
        self.trader: Trader | None = None
        self.channels: dict[str, None] = {}
        self.cancels = False
        self.orders: dict[int, None] = {}
        self._streams, self._owner, self._call, self._sockets = streams, owner, call, sockets
        self._dropped = dropped
        self._version = version
        self._ends, self._ping_at = now + lifetime, now + _PING_EVERY
        sockets[outbox] = self

    def receive(self, text: str, now: Nanos) -> None:
        """Take a text message of the client."""
        try:
            message = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            message = None
        if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
            self.refuse(message if isinstance(message, dict) else {}, VenueError("INVALID_REQUEST", "invalid request"))
            return
        method, params = message.get("method"), message.get("params")
        fields = params if isinstance(params, dict) else {}
        try:
            if method == "auth":
                self.trader = self._owner(str(fields.get("bearer", "")), now)
                self.outbox.where = "private"
                self.reply(message, {"node_id": "emulated"})
            elif method in ("subscribe", "unsubscribe"):
                self._channel(str(method), str(fields.get("channel", "")), message, now)
            elif method == "order.cancel_on_disconnect":
                self._logged_in()
                self.cancels = fields.get("enabled") is True
                self.reply(message, {"enabled": self.cancels})
            elif isinstance(method, str) and method.startswith("order."):
                self._logged_in()
                self._call(self, message, now)
            else:
                self.outbox.answer(
                    encode(_envelope(message) | {"error": {"code": -32601, "message": "no such method"}})
                )
        except VenueError as error:
            self.refuse(message, error)

    def _channel(self, method: str, name: str, message: Row, now: Nanos) -> None:
        kind = name.partition(".")[0]
        if kind in PRIVATE:
            self._logged_in()
        elif not self._streams.knows(name):
            raise VenueError("INVALID_REQUEST", f"no such channel, or no parameters expected: {name}")
        if (name in self.channels) == (method == "subscribe"):
            raise VenueError("INVALID_REQUEST", f"already {method}d: {name}")
        self.reply(message, {"channel": name})
        if method == "unsubscribe":
            del self.channels[name]
            self._streams.unsubscribe(name, self.outbox)
            return
        self.channels[name] = None
        self._streams.subscribe(name, self.outbox, now, self._version)

    def _logged_in(self) -> None:
        if self.trader is None:
            raise VenueError("INVALID_TOKEN", "not authenticated", 401)

    def reply(self, message: Row, result: Any, delay: Nanos = 0, now: Nanos = 0) -> None:
        """Answer a call."""
        self.outbox.answer(encode(_envelope(message) | {"result": result}), delay, now)

    def refuse(self, message: Row, error: VenueError) -> None:
        """Refuse a call."""
        self.outbox.answer(encode(_envelope(message) | {"error": error.call()}))

    def hears(self, kind: str, market: str) -> str:
        """Return by which name it hears a private channel of a market; empty: it does not."""
        names = (f"{kind}.{market}", f"{kind}.ALL", kind)
        return next((name for name in names if name in self.channels), "")

    def ponged(self, now: Nanos) -> None:
        """It lives."""

    def next_due(self) -> Nanos:
        return min(self._ends, self._ping_at)

    def on_due(self, now: Nanos) -> None:
        """Ping, or cut a socket that is too old."""
        if self._ends <= now:
            self._ends = self._ping_at = NEVER
            self.outbox.close("too old")
        elif self._ping_at <= now:
            self._ping_at = now + _PING_EVERY
            self.outbox.control(ping_frame(b"paradex"))

    def closed(self) -> None:
        """The socket is gone."""
        self._streams.forget(self.outbox)
        self._sockets.pop(self.outbox, None)
        if self.cancels:
            self._dropped(self)


def _envelope(message: Row) -> Row:
    return {"jsonrpc": "2.0", "id": message.get("id"), "usIn": 0, "usOut": 0, "usDiff": 0}
