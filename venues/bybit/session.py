"""What is said on a connection besides its messages: sign-on, subscriptions, heartbeats, and when it counts as dead."""

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Final

import msgspec

from market.units import MS, SECOND, Nanos
from venues.actions import Action, Reconnect, SendFrame
from venues.bybit.signing import Signer
from venues.bybit.structs import Envelope
from venues.wire import RemoteProtocolError

MAX_TOPICS: Final = 10  # in one request: the limit of spot, which futures do not have
MAX_CHARACTERS: Final = 21_000  # of all topics of a connection
PING_EVERY: Final = 20 * SECOND
PATIENCE: Final = 10 * SECOND  # for a pong, a sign-on, a subscription
_AUTH_GOOD_FOR_MS: Final = 5000
_encode: Final = msgspec.json.Encoder().encode


class Channel(Enum):
    """The venue's sockets, by the path of their address."""

    PUBLIC = "/v5/public/linear"
    PRIVATE = "/v5/private"
    TRADE = "/v5/trade"


class Session:
    """One kind of socket, one connection after another; holds no socket and no clock.

    Call `opened` after each connect and send what it returns; give every frame without a topic to `receive`, and call
    `on_deadline` when `deadline` has come.  All times are ours; `offset` is what the venue's clock is ahead.

    Attributes:
        is_ready: signed on, and every topic confirmed.
        offset: set it when the venue's clock was measured.
    """

    def __init__(self, channel: Channel, topics: Iterable[str] = (), signer: Signer | None = None) -> None:
        """Raises ValueError if the topics are too many for a connection, or nobody is there to sign on."""
        self._topics = tuple(dict.fromkeys(topics))
        n_characters = len(_encode(self._topics))
        if n_characters > MAX_CHARACTERS:
            raise ValueError(f"topics of {n_characters} characters; a connection takes {MAX_CHARACTERS}: use several")
        if channel is not Channel.PUBLIC and signer is None:
            raise ValueError(f"the {channel.name.lower()} socket needs a key to sign on with")
        self._channel = channel
        self._signer = None if channel is Channel.PUBLIC else signer
        self.is_ready = False
        self.offset: Nanos = 0
        self._n_requests = 0
        self._ping_at: Nanos = 0
        self._clear()

    @property
    def deadline(self) -> Nanos | None:
        """When to call `on_deadline`; None while not connected."""
        if not self._is_open:
            return None
        if not self._awaited:  # nearly always, and it is asked after every frame
            return self._ping_at
        return min(self._ping_at, *(due for due, _ in self._awaited.values()))

    def opened(self, now: Nanos) -> list[Action]:
        """Begin a connection."""
        self._clear()
        self._is_open = True
        self._ping_at = now + PING_EVERY
        if self._signer is None:
            return self._subscribe(now)
        self._awaited["auth"] = (now + PATIENCE, "sign-on")
        expires = (now + self.offset) // MS + _AUTH_GOOD_FOR_MS
        return [SendFrame(_encode({"op": "auth", "args": self._signer.sign_on(expires)}))]

    def closed(self) -> None:
        """End the connection: nothing is awaited any more."""
        self._clear()

    def receive(self, frame: Envelope, now: Nanos) -> list[Action]:
        """Take a frame that is no message of a topic and no answer to an order.

        Raises:
            RemoteProtocolError: the sign-on or a topic was refused.
        """
        is_refused = frame.success is False or bool(frame.code)
        words = frame.ret_msg or frame.message
        if frame.op == "pong" or (frame.op == "ping" and words == "pong"):
            self._awaited.pop("ping", None)
            return []
        if frame.op == "auth":
            if is_refused:
                raise RemoteProtocolError(f"bybit refused the sign-on: {frame.code or ''} {words or 'no reason given'}")
            if self._awaited.pop("auth", None) is None:
                return []  # told again
            return self._subscribe(now)
        if frame.op in ("subscribe", "unsubscribe"):
            return self._confirmed(frame, words, is_refused=is_refused)
        return []

    def resubscribe(self, topics: Sequence[str], now: Nanos) -> list[Action]:
        """Ask for a snapshot of these topics by leaving and joining them; one asked for already is not asked again."""
        wanted = [topic for topic in topics if topic not in self._rejoining]
        if not (self.is_ready and wanted):
            return []
        actions: list[Action] = []
        for begin in range(0, len(wanted), MAX_TOPICS):
            part = wanted[begin : begin + MAX_TOPICS]
            actions.append(self._request("unsubscribe", part, now))
            actions.append(self._request("subscribe", part, now))
            self._rejoining.update(dict.fromkeys(part, self._last_id))
        return actions

    def on_deadline(self, now: Nanos) -> list[Action]:
        """Ping when it is time; give the connection up when an answer is overdue."""
        overdue = [what for due, what in self._awaited.values() if due <= now]
        if overdue:
            return [Reconnect(f"no answer to {overdue[0]} within {PATIENCE // SECOND} s")]
        if not self._is_open or now < self._ping_at:
            return []
        self._ping_at = now + PING_EVERY
        self._awaited["ping"] = (now + PATIENCE, "a ping")
        return [SendFrame(_encode({"op": "ping", "req_id": self._next_id()}))]

    # --- what is in flight -----------------------------------------------------------------------------------------

    def _clear(self) -> None:
        self.is_ready = self._is_open = False
        self._ping_at = 0
        self._awaited: dict[str, tuple[Nanos, str]] = {}  # request -> due, and what it is
        self._rejoining: dict[str, str] = {}  # topic -> request
        self._last_id = ""

    def _subscribe(self, now: Nanos) -> list[Action]:
        parts = [self._topics[begin : begin + MAX_TOPICS] for begin in range(0, len(self._topics), MAX_TOPICS)]
        self.is_ready = not parts
        return [self._request("subscribe", part, now) for part in parts]

    def _request(self, op: str, topics: Sequence[str], now: Nanos) -> SendFrame:
        self._last_id = self._next_id()
        self._awaited[self._last_id] = (now + PATIENCE, f"{op} {', '.join(topics)}")
        return SendFrame(_encode({"req_id": self._last_id, "op": op, "args": topics}))

    def _confirmed(self, frame: Envelope, words: str, *, is_refused: bool) -> list[Action]:
        # refusals were seen without an id: then it is the oldest of its kind that waits
        of_kind = (each for each, (_, what) in self._awaited.items() if what.startswith(f"{frame.op} "))
        request = frame.req_id or frame.request or next(of_kind, "")
        if is_refused and frame.op == "subscribe":
            _, what = self._awaited.get(request, (0, "subscribe"))
            raise RemoteProtocolError(f"bybit refused to {what}: {words or 'no reason given'}")
        self._awaited.pop(request, None)
        self._rejoining = {topic: by for topic, by in self._rejoining.items() if by != request}
        if not any(what.startswith("subscribe") for _, what in self._awaited.values()):
            self.is_ready = True
        return []

    def _next_id(self) -> str:
        self._n_requests += 1
        return f"s{self._n_requests}"
