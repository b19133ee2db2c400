"""Calls of JSON-RPC on one socket: subscriptions and whatever else, each under a number of its own, with a deadline."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from market.units import SECOND, Nanos
from venues.paradex.structs import Frame
from venues.venue import NEVER

PATIENCE: Final = 10 * SECOND
_encode: Final = msgspec.json.Encoder().encode

# is told the answer, or None where there will be none
Answered = Callable[[Frame | None, Nanos], list[Any]]


def frame_of(number: int, method: str, params: Mapping[str, Any]) -> bytes:
    """Return a call."""
    return _encode({"jsonrpc": "2.0", "method": method, "params": params, "id": number})


class Calls:
    """Those of one connection after another; numbers are never used twice."""

    def __init__(self) -> None:
        self._n_made = 0
        self._waiting: dict[int, tuple[Nanos, Answered]] = {}

    def new(self, answered: Answered, now: Nanos) -> int:
        """Return the number of a call that is sent now."""
        self._n_made += 1
        self._waiting[self._n_made] = (now + PATIENCE, answered)
        return self._n_made

    def call(self, method: str, params: Mapping[str, Any], answered: Answered, now: Nanos) -> bytes:
        """Return the frame of a call."""
        return frame_of(self.new(answered, now), method, params)

    def receive(self, frame: Frame, now: Nanos) -> list[Any]:
        """Take the answer to a call; one to nothing is passed over."""
        waiting = self._waiting.pop(frame.id, None) if frame.id is not None else None
        return [] if waiting is None else waiting[1](frame, now)

    def closed(self, now: Nanos) -> list[Any]:
        """The connection is gone, and the answers with it."""
        waiting, self._waiting = self._waiting, {}
        return [each for _, answered in waiting.values() for each in answered(None, now)]

    def next_deadline(self) -> Nanos:
        return min((due for due, _ in self._waiting.values()), default=NEVER)

    def on_deadline(self, now: Nanos) -> list[Any]:
        """Give up what is not answered."""
        late = [number for number, (due, _) in self._waiting.items() if due <= now]
        return [each for number in late for each in self._waiting.pop(number)[1](None, now)]
