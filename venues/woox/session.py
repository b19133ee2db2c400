"""What is said on a socket besides its messages: subscriptions, pings, and when it counts as dead."""

from collections.abc import Iterable
from typing import Final

import msgspec

from market.units import HOUR, MS, SECOND, Nanos
from venues.venue import NEVER
from venues.wire import RemoteProtocolError, decode
from venues.woox.structs import Envelope

PER_REQUEST: Final = 10  # topics; more are refused whole, in spite of the documents' 20
MAX_TOPICS: Final = 100  # of a connection
PING_EVERY: Final = 15 * SECOND  # a client that says nothing for 60 s is cut off
PATIENCE: Final = 10 * SECOND
LIFE: Final = 23 * HOUR  # the venue ends a connection at 24 h
_encode: Final = msgspec.json.Encoder().encode
_TOPICS: Final[msgspec.json.Decoder[list[str]]] = msgspec.json.Decoder(list[str])


class Session:
    """One kind of socket, one connection after another; holds no socket and no clock.

    A topic that is unknown or that is subscribed twice is granted like the others, and then left out of the list: what
    is granted is held against what was asked for.

    Attributes:
        is_ready: every topic is granted.
        failure: why the connection is of no use; empty: it is.
        pong: the venue's time of the last PONG of this connection; 0: none.
    """

    def __init__(self, topics: Iterable[str]) -> None:
        """Raises ValueError if the topics are too many for a connection."""
        self._topics = tuple(dict.fromkeys(topics))
        if len(self._topics) > MAX_TOPICS:
            raise ValueError(f"{len(self._topics)} topics; a woox connection takes {MAX_TOPICS}: fewer instruments")
        self._n_requests = 0
        self.pong: Nanos = 0
        self._clear()

    def opened(self, now: Nanos) -> list[bytes]:
        """Begin a connection; return the frames to send."""
        self._clear()
        self._ping_at, self._ends_at = now + PING_EVERY, now + LIFE
        frames = []
        for begin in range(0, len(self._topics), PER_REQUEST):
            part = self._topics[begin : begin + PER_REQUEST]
            self._n_requests += 1
            self._awaited[str(self._n_requests)] = (now + PATIENCE, part)
            frames.append(_encode({"id": str(self._n_requests), "cmd": "SUBSCRIBE", "params": part}))
        self.is_ready = not frames
        return frames

    def closed(self) -> None:
        """End the connection: nothing is awaited any more."""
        self._clear()

    def receive(self, frame: Envelope, now: Nanos) -> None:
        """Take a frame that is no message of a topic.

        Raises:
            RemoteProtocolError: a topic was not granted, or the frame is none of these.
        """
        if frame.cmd == "PONG":
            self.pong = frame.time * MS
            self._pong_by = NEVER
            return
        asked = self._awaited.pop(str(frame.id), None)
        if frame.success is not True:
            what = f"to subscribe {', '.join(asked[1])}" if asked else f"what was asked ({frame.cmd[:30]})"
            raise RemoteProtocolError(f"woox refused {what}: {bytes(frame.data)[:200].decode(errors='replace')}")
        if asked is None:
            return
        granted = decode(_TOPICS, frame.data, "woox subscription")
        missing = [topic for topic in asked[1] if topic not in granted]
        if missing:
            raise RemoteProtocolError(
                f"woox does not grant {', '.join(missing)}; are they traded, and subscribed once?"
            )
        self.is_ready = not self._awaited

    def next_deadline(self) -> Nanos:
        return min(self._ping_at, self._pong_by, self._ends_at, *(due for due, _ in self._awaited.values()))

    def on_deadline(self, now: Nanos) -> list[bytes]:
        """Return the ping that is due; set `failure` when the connection is to be given up."""
        overdue = [topics for due, topics in self._awaited.values() if due <= now]
        if overdue:
            self.failure = f"no answer to the subscription of {overdue[0][0]} within {PATIENCE // SECOND} s"
        elif now >= self._pong_by:
            self.failure = f"a ping was not answered within {PATIENCE // SECOND} s"
        elif now >= self._ends_at:
            self.failure = "the connection is nearly a day old"
        if self.failure:
            self._clear(self.failure)
            return []
        if now < self._ping_at:
            return []
        self._ping_at = now + PING_EVERY
        self._pong_by = min(self._pong_by, now + PATIENCE)
        return [_encode({"cmd": "PING", "ts": now // MS})]

    def _clear(self, failure: str = "") -> None:
        self.is_ready = False
        self.failure = failure
        self.pong = 0
        self._ping_at = self._pong_by = self._ends_at = NEVER
        self._awaited: dict[str, tuple[Nanos, tuple[str, ...]]] = {}
