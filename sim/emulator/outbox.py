"""What waits to be sent on one WebSocket: frames, in order, with the faults that streams meet."""

from collections import Counter
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Final, Protocol

from market.units import SECOND, Nanos
from sim.emulator.faults import Faults

_MOST_WAITING: Final = 20_000  # frames; a client that reads slower than that is cut off, as venues do
NEVER: Final[Nanos] = 1 << 62
_TEXT, _BINARY = 0x81, 0x82  # whole messages


class SentLog(Protocol):
    """Takes what was sent, for who compares."""

    def write(self, venue: str, topic: str, payload: bytes, now: Nanos) -> None: ...


class Tally:
    """What was sent and asked, counted: messages and bytes by venue and topic, requests by venue and name."""

    def __init__(self, sent_log: SentLog | None = None) -> None:
        self.messages: Counter[tuple[str, str]] = Counter()
        self.n_bytes: Counter[str] = Counter()
        self.requests: Counter[tuple[str, str]] = Counter()
        self.sent_log = sent_log

    @property
    def n_messages(self) -> int:
        return sum(self.messages.values())


class Outbox:
    """One socket's frames.

    Args:
        where: `public`, `private` or `trade`.
        wake: called when there is something to send.

    Attributes:
        is_closing: the socket is to be closed in order when all is sent.
        is_broken: the socket is to be reset now.
        reason: of an orderly close.
    """

    def __init__(self, venue: str, where: str, faults: Faults, tally: Tally, wake: Callable[[], None]) -> None:
        self.venue = venue
        self.where = where
        self.is_closing = False
        self.is_broken = False
        self.reason = ""
        self._faults = faults
        self._tally = tally
        self._wake = wake
        self._waiting: list[tuple[Nanos, int, bytes]] = []  # a heap, by when each may leave
        self._n_put = 0
        self._held: tuple[str, bytes, bytes] | None = None  # overtaken by the next one
        self._due: Nanos = 0  # nothing leaves before

    def answer(self, payload: bytes, delay: Nanos = 0, now: Nanos = 0) -> None:
        """Send a reply to this client; one that is delayed is overtaken by what comes later."""
        self._put(text_frame(payload), max(self._due, now + delay) if delay else self._due)
        self._wake()

    def publish(self, topic: str, payload: bytes, now: Nanos, frame: bytes = b"") -> None:
        """Send a message of a stream; `frame`, if it is made already, is that of `payload`."""
        message = topic, payload, frame or text_frame(payload)
        fault = self._faults.of_message(self.venue, self.where, topic)
        kind = "" if fault is None else fault.kind
        if kind == "lose":
            return
        if kind == "late":
            assert fault is not None
            self._due = max(self._due, now + round(fault.seconds * SECOND))
        if kind == "reorder" and self._held is None:
            self._held = message
            return
        for _ in range(2 if kind == "duplicate" else 1):
            self._send(*message, now)
        if self._held is not None:
            self._send(*self._held, now)
            self._held = None
        self._wake()

    def _send(self, topic: str, payload: bytes, frame: bytes, now: Nanos) -> None:
        self._put(frame, self._due)
        tally = self._tally
        tally.messages[self.venue, topic] += 1
        tally.n_bytes[self.venue] += len(frame)
        if tally.sent_log is not None:
            tally.sent_log.write(self.venue, topic, payload, now)

    def control(self, frame: bytes) -> None:
        """Send a control frame, which no fault holds up."""
        self._put(frame, 0)
        self._wake()

    def close(self, reason: str) -> None:
        """Close the socket in order, when what waits has been sent."""
        self.is_closing = True
        self.reason = self.reason or reason
        self._wake()

    def reset(self) -> None:
        """Break the socket at once."""
        self.is_broken = True
        self._wake()

    def take(self, now: Nanos) -> bytes:
        """Return what may leave now, as one piece."""
        waiting = self._waiting
        if not waiting or waiting[0][0] > now:
            return b""
        ready = []
        while waiting and waiting[0][0] <= now:
            ready.append(heappop(waiting)[2])
        return b"".join(ready)

    def next_due(self) -> Nanos:
        """Return when the first frame may leave; far away if none waits."""
        return self._waiting[0][0] if self._waiting else NEVER

    def __len__(self) -> int:
        return len(self._waiting)

    def _put(self, frame: bytes, due: Nanos) -> None:
        if len(self._waiting) >= _MOST_WAITING:
            self.reset()
            return
        self._n_put += 1
        heappush(self._waiting, (due, self._n_put, frame))


def text_frame(payload: bytes) -> bytes:
    """Return an unmasked, unfragmented text frame of RFC 6455, as a server sends it."""
    return _frame(_TEXT, payload)


def binary_frame(payload: bytes) -> bytes:
    """Return an unmasked, unfragmented binary frame."""
    return _frame(_BINARY, payload)


def _frame(kind: int, payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        return bytes((kind, size)) + payload
    if size < 65_536:
        return bytes((kind, 0x7E)) + size.to_bytes(2, "big") + payload
    return bytes((kind, 0x7F)) + size.to_bytes(8, "big") + payload


def ping_frame(payload: bytes) -> bytes:
    """Return a ping frame of a server."""
    return bytes((0x89, len(payload))) + payload
