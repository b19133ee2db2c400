"""Requests by HTTP on their way: counted, answered to whoever asked; the venue's clock and its state.

The venue says in which state it is: `ok`, `post_only`, `cancel_only` or `maintenance`, one after another at its daily
release.
"""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from market.messages import ClockOffset
from market.units import SECOND, Nanos, VenueId
from venues.clock_offset import VenueClock
from venues.paradex.structs import SystemState, SystemTime, time_of
from venues.rate_window import RateWindow
from venues.venue import HttpAnswer, Output, Questions, Tell
from venues.wire import HttpRequest, RemoteProtocolError, decode

Answered = Callable[[HttpAnswer | None, Nanos], list[Output]]

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
_FIRST_SAMPLES: Final = 3
_SOON: Final = 2 * SECOND
_LATER: Final = 30 * SECOND
_STATE_EVERY: Final = 10 * SECOND
_PAUSE: Final = 2 * SECOND  # after a 429: the buckets fill up all the time
OK: Final = "ok"


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


class Gate:
    """What all parts of the venue share: tokens, limits, the venue's clock and its state.

    Attributes:
        state: of the venue.
    """

    def __init__(self, venue: VenueId) -> None:
        self.clock = VenueClock()
        self.state = OK
        self._limits = {kind: [RateWindow(*each) for each in limits] for kind, limits in LIMITS.items()}
        self._venue = venue
        self._questions: Questions[Answered] = Questions()
        self._n_samples = 0
        self._time_at: Nanos = 0
        self._state_at: Nanos = 0

    def begin(self, now: Nanos) -> None:
        self._time_at = self._state_at = now

    def at(self, now: Nanos) -> Nanos:
        """Return the venue's time of ours."""
        return now + self.clock.offset

    def surely_past(self, now: Nanos) -> Nanos:
        """Return a time of the venue's clock that has come by now, whatever the estimate is wrong by."""
        return now + self.clock.offset - self.clock.error

    def used(self, now: Nanos) -> dict[str, tuple[int, int]]:
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

        def watch(answer: HttpAnswer | None, at: Nanos) -> list[Output]:
            if answer is not None and answer.status == 429:
                self.refused(kind, at)
            return answered(answer, at)

        return self._questions.ask(request, watch, lane)

    def answered(self, token: int, answer: HttpAnswer | None, now: Nanos) -> list[Output]:
        """Give an answer to whoever asked."""
        return self._questions.answered(token)(answer, now)

    # --- the venue itself --------------------------------------------------------------------------------------------

    def doubt_clock(self, now: Nanos) -> None:
        """Something was refused for its time: measure anew, and trust no measure of before."""
        if self._n_samples > _FIRST_SAMPLES:
            self.clock = VenueClock()
            self._n_samples = 0
        self._time_at = min(self._time_at, now)

    def doubt_state(self, now: Nanos) -> None:
        """Something was refused for the venue's state."""
        self._state_at = min(self._state_at, now)

    def next_deadline(self) -> Nanos:
        return min(self._time_at, self._state_at)

    def on_deadline(self, now: Nanos) -> list[Output]:
        """Ask for time and state if that is due."""
        outputs = []
        if now >= self._time_at:
            self._time_at = now + (_SOON if self._n_samples < _FIRST_SAMPLES else _LATER)
            outputs.append(self.send(TIME, self._take_time, PUBLIC, now))
        if now >= self._state_at:
            self._state_at = now + (_STATE_EVERY if self.state == OK else _SOON)
            outputs.append(self.send(STATE, self._take_state, PUBLIC, now))
        return outputs

    def _take_time(self, answer: HttpAnswer | None, now: Nanos) -> list[Output]:
        if answer is None:
            return []
        self.clock.measured(read_time(answer), answer.ts_sent, answer.ts_recv)
        self._n_samples += 1
        return [Tell("clock", ClockOffset(self._venue, now, self.clock.offset, self.clock.error))]

    def _take_state(self, answer: HttpAnswer | None, now: Nanos) -> list[Output]:
        if answer is not None:
            self.state = read_state(answer)
            if self.state != OK:
                self._state_at = min(self._state_at, now + _SOON)
        return []
