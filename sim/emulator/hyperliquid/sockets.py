"""Hyperliquid's one WebSocket: public channels, an account's own by its address, and posts."""

from collections.abc import Callable
from typing import Any, ClassVar, Final

import msgspec

from market.units import SECOND, Nanos
from sim.emulator.hyperliquid.streams import PublicStreams
from sim.emulator.mortal_socket import MortalSocket
from sim.emulator.outbox import Outbox
from sim.emulator.requests import encode

USER_CHANNELS: Final = ("orderUpdates", "userFills", "userEvents")
_SILENCE: Final = 60 * SECOND

Message = dict[str, Any]
Post = Callable[[Message, Outbox, Nanos], None]


class Socket(MortalSocket):
    """One client.

    Args:
        snapshot: returns the fills of late of an address.
        post: carries out a request that came as a post, and answers it.

    Attributes:
        users: what it hears of accounts: (channel, address in lower case).
    """

    cut_reason: ClassVar[str] = "Inactive"

    def __init__(
        self,
        outbox: Outbox,
        silence: Nanos,
        lifetime: Nanos,
        now: Nanos,
        streams: PublicStreams,
        snapshot: Callable[[str], list[Message]],
        post: Post,
        sockets: dict[Outbox, "Socket"],
    ) -> None:
        super().__init__(outbox, min(silence, _SILENCE), lifetime, now)
        self.users: dict[tuple[str, str], None] = {}
        self._public: dict[tuple[str, str], None] = {}
        self._streams, self._snapshot, self._post, self._sockets = streams, snapshot, post, sockets
        sockets[outbox] = self

    def receive(self, text: str, now: Nanos) -> None:
        """Take a text message of the client."""
        self._heard_at = now
        try:
            message = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            message = None
        if not isinstance(message, dict):
            self._error(f"Error parsing JSON into valid websocket request: {text[:100]}")
            return
        method = message.get("method")
        if method == "ping":
            self.outbox.answer(encode({"channel": "pong"}))
        elif method in ("subscribe", "unsubscribe") and isinstance(message.get("subscription"), dict):
            self._subscription(str(method), message["subscription"], now)
        elif method == "post" and isinstance(message.get("id"), int) and isinstance(message.get("request"), dict):
            self.outbox.where = "private"
            self._post(message, self.outbox, now)
        else:
            self._error(f"Error parsing JSON into valid websocket request: {text[:100]}")

    def _subscription(self, method: str, subscription: Message, now: Nanos) -> None:
        kind, coin, user = (str(subscription.get(each, "")) for each in ("type", "coin", "user"))
        is_public = self._streams.knows(kind, coin)
        if not is_public and not (kind in USER_CHANNELS and user.startswith("0x")):
            self._error(f"Invalid subscription {encode(subscription).decode()}")
            return
        key = (kind, coin if is_public else user.lower())
        known = self._public if is_public else self.users
        if (key in known) == (method == "subscribe"):
            what = "Already subscribed" if method == "subscribe" else "Already unsubscribed"
            self._error(f"{what}: {encode(subscription).decode()}")
            return
        answer = {"channel": "subscriptionResponse", "data": {"method": method, "subscription": subscription}}
        self.outbox.answer(encode(answer))
        if method == "unsubscribe":
            del known[key]
            if is_public:
                self._streams.unsubscribe(kind, coin, self.outbox)
            return
        known[key] = None
        if is_public:
            self._streams.subscribe(kind, coin, self.outbox, now)
            return
        self.outbox.where = "private"
        if kind == "userFills":
            data = {"isSnapshot": True, "user": user.lower(), "fills": self._snapshot(user.lower())}
            self.outbox.publish(kind, encode({"channel": kind, "data": data}), now)

    def _error(self, text: str) -> None:
        self.outbox.answer(encode({"channel": "error", "data": text}))

    def closed(self) -> None:
        self._streams.forget(self.outbox)
        self._sockets.pop(self.outbox, None)
