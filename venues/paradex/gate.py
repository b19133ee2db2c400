"""Requests by HTTP on their way: counted, answered to whoever asked; the venue's clock and its state.

The venue says in which state it is: `ok`, `post_only`, `cancel_only` or `maintenance`, one after another at its daily
release.
"""

from collections.abc import Mapping
from functools import partial
from typing import ClassVar, Final

import msgspec

from market.units import SECOND, Nanos, VenueId
from venues.gate import SOON, Gate
from venues.paradex.structs import NAME, SystemState, SystemTime, time_of
from venues.rate_window import RateWindow
from venues.venue import Answered, HttpAnswer, Output
from venues.wire import HttpRequest, RemoteProtocolError, decode

TIME: Final = HttpRequest("GET", "/v1/system/time")
STATE: Final = HttpRequest("GET", "/v1/system/state")
PUBLIC: Final = "public"
PRIVATE: Final = "private"
ORDERS: Final = "orders"
# requests, in how long
LIMITS: Final[Mapping[str, tuple[tuple[int, Nanos], ...]]] = {
    PUBLIC: ((1500, 60 * SECOND),),
    PRIVATE: ((120, SECOND), (600, 60 * SECOND)),
    ORDERS: ((800, SECOND), (17_250, 60 * SECOND)),
}
_TIME: Final = msgspec.json.Decoder(SystemTime)
_STATE: Final = msgspec.json.Decoder(SystemState)
_STATE_EVERY: Final = 10 * SECOND
_STATE_GOOD_FOR: Final = 30 * SECOND
_PAUSE: Final = 2 * SECOND  # after a 429: the buckets fill up all the time
OK: Final = "ok"
UNTOLD: Final = "untold"
_QUOTABLE: Final = frozenset({OK, "post_only"})


def read_time(answer: HttpAnswer) -> Nanos:
    """Return the venue's time.

    Raises:
        RemoteProtocolError: it is not told.
    """
    if answer.status != 200:
        raise RemoteProtocolError(f"paradex answers its time with status {answer.status}")
    return time_of(decode(_TIME, answer.body, "paradex time").server_time, "server_time")


def read_state(answer: HttpAnswer) -> str:
    """Return the state that the venue is in.

    Raises:
        RemoteProtocolError: it is not told.
    """
    if answer.status != 200:
        raise RemoteProtocolError(f"paradex answers its state with status {answer.status}")
    return decode(_STATE, answer.body, "paradex state").status.lower()


class ParadexGate(Gate):
    """Counts requests of each kind, and asks the venue's state.

    Attributes:
        state: of the venue; `UNTOLD` where it has not said for a while.
    """

    name: ClassVar[str] = NAME

    def __init__(self, venue: VenueId) -> None:
        super().__init__(venue)
        self.state = UNTOLD
        self._limits = {kind: [RateWindow(*each) for each in limits] for kind, limits in LIMITS.items()}
        self._state_at: Nanos = 0
        self._told_at: Nanos = 0

    @property
    def obstacle(self) -> str:
        return "" if self.state in _QUOTABLE else f"the venue is in state {self.state}"

    def used(self, now: Nanos) -> Mapping[str, tuple[int, int]]:
        """Return (used, limit) of each kind of request, in its longest window."""
        return {kind: (windows[-1].used(now), windows[-1].limit) for kind, windows in self._limits.items()}

    def free_at(self, kind: str, now: Nanos) -> Nanos:
        """Return from when on a request may be sent."""
        return max(window.free_at(1, now) for window in self._limits[kind])

    def spend(self, kind: str, now: Nanos) -> None:
        """Count what is sent, by whichever way."""
        for window in self._limits[kind]:
            window.spend(1, now)

    def refused(self, kind: str, now: Nanos) -> None:
        """The venue counts more than we do."""
        for window in self._limits[kind]:
            window.refused(now, _PAUSE)

    def send(self, request: HttpRequest, answered: Answered, kind: str, now: Nanos, lane: str = "") -> Output:
        """Count a request, and return what sends it; `answered` is called with its answer."""
        self.spend(kind, now)
        return self._send(request, answered, lane, partial(self.refused, kind))

    # --- the venue itself --------------------------------------------------------------------------------------------

    def begin(self, now: Nanos) -> list[Output]:
        """Ask for time and state at once."""
        self._state_at = now
        return super().begin(now)

    def doubt_state(self, now: Nanos) -> None:
        """Something was refused for the venue's state."""
        self._state_at = min(self._state_at, now)

    def next_deadline(self) -> Nanos:
        """Return when `on_deadline` is to be called."""
        return min(super().next_deadline(), self._state_at)

    def on_deadline(self, now: Nanos) -> list[Output]:
        """Ask for time and state if that is due."""
        outputs = super().on_deadline(now)
        if now >= self._told_at + _STATE_GOOD_FOR:
            self.state = UNTOLD
        if now >= self._state_at:
            free_at = self.free_at(PUBLIC, now)
            self._state_at = free_at if free_at > now else now + _STATE_EVERY
            if free_at <= now:
                outputs.append(self.send(STATE, self._take_state, PUBLIC, now))
        return outputs

    def _take_state(self, answer: HttpAnswer | None, now: Nanos) -> list[Output]:
        self._state_at = min(self._state_at, now + SOON)  # unless all is well
        if answer is not None:
            self.state = read_state(answer)
            self._told_at = now
            if self.state == OK:
                self._state_at = now + _STATE_EVERY
        return []

    def _time_free_at(self, now: Nanos) -> Nanos:
        return self.free_at(PUBLIC, now)

    def _ask_time(self, answered: Answered, now: Nanos) -> Output:
        return self.send(TIME, answered, PUBLIC, now)

    def _read_time(self, answer: HttpAnswer) -> Nanos:
        return read_time(answer)
