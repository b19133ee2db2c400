"""Requests by HTTP on their way: counted against the limits, answered to whoever asked, with the venue's time.

The venue's clock is read from the time in its answers about itself; they also tell of maintenance, in which nothing is
traded and nobody need be called.
"""

from collections.abc import Callable
from typing import Final

from market.messages import ClockOffset, TradingState
from market.units import SECOND, Nanos, VenueId
from venues.clock_offset import VenueClock
from venues.ports import ask_for_person
from venues.venue import HttpAnswer, Output, Questions, Tell
from venues.wire import HttpRequest, RemoteProtocolError
from venues.woox.errors import Advice, verdict_on
from venues.woox.limits import PUBLIC, Bucket, RateLimits
from venues.woox.structs import NAME, SystemInfo, decoder, read_data, read_reply

Answered = Callable[[HttpAnswer | None, Nanos], list[Output]]

SYSTEM: Final = HttpRequest("GET", "/v3/public/systemInfo")
_SYSTEM: Final[Bucket] = (PUBLIC, "systemInfo")
_INFO: Final = decoder(SystemInfo)
_FIRST_SAMPLES: Final = 3
_SOON: Final = 2 * SECOND
_LATER: Final = 30 * SECOND
_IN_MAINTENANCE: Final = 5 * SECOND
_PATIENT: Final = 2  # answers in a row that refuse the key, before a person is asked for
_LONGEST_REFUSAL: Final = 2000  # bytes; what is longer brings what was asked for


class Gate:
    """What all parts of the venue share: tokens, limits, the venue's clock and its state.

    Attributes:
        due: when to ask the venue about itself next.
        maintenance: what it says while it does not trade; empty: it does.
    """

    def __init__(self, venue: VenueId, limits: RateLimits) -> None:
        self.limits = limits
        self.clock = VenueClock()
        self.due: Nanos = 0
        self.maintenance = ""
        self._venue = venue
        self._questions: Questions[tuple[Answered, bool]] = Questions()
        self._n_refused = 0
        self._refused_at: Nanos = 0
        self._n_samples = 0
        self._is_asking = False

    def at(self, now: Nanos) -> Nanos:
        """Return the venue's time of ours."""
        return now + self.clock.offset

    def surely_past(self, now: Nanos) -> Nanos:
        """Return a time of the venue's clock that has come by now, whatever the estimate is wrong by."""
        return now + self.clock.offset - self.clock.error

    def free_at(self, bucket: Bucket, now: Nanos) -> Nanos:
        """Return from when on a request may be sent."""
        return self.limits.free_at(bucket, now)

    def send(self, request: HttpRequest, answered: Answered, bucket: Bucket, now: Nanos, lane: str = "") -> Output:
        """Count a request, and return what sends it; `answered` is called with its answer."""
        self.limits.spend(bucket, now)
        return self._questions.ask(request, (answered, bool(request.headers)), lane)

    def answered(self, token: int, answer: HttpAnswer | None, now: Nanos) -> list[Output]:
        """Give an answer to whoever asked."""
        asked, is_signed = self._questions.answered(token)
        halts = self._look_at_key(answer, now) if is_signed and answer is not None else []
        try:
            return [*asked(answer, now), *halts]
        except RemoteProtocolError:
            if halts:  # they say what was wrong
                return halts
            raise

    def _look_at_key(self, answer: HttpAnswer, now: Nanos) -> list[Output]:
        """A key that has died is seen by what is read, too, where no order is sent."""
        words = _refusal(answer)
        if not words:
            self._n_refused = 0
            return []
        if now - self._refused_at < SECOND:  # what was asked side by side is refused side by side
            return []
        self._n_refused += 1
        self._refused_at = now
        return ask_for_person(NAME, TradingState.HALTED, words, now) if self._n_refused > _PATIENT else []

    # --- the venue itself --------------------------------------------------------------------------------------------

    def doubt_clock(self, now: Nanos) -> None:
        """Something was refused for its time: measure anew, and trust no measure of before."""
        if self._n_samples > _FIRST_SAMPLES:
            self.clock = VenueClock()
            self._n_samples = 0
        self.look(now)

    def look(self, now: Nanos) -> None:
        """Ask the venue about itself soon."""
        self.due = min(self.due, now)

    def ask(self, now: Nanos) -> list[Output]:
        """Ask the venue about itself if that is due."""
        if self._is_asking or now < self.due:
            return []
        free_at = self.free_at(_SYSTEM, now)
        if free_at > now:
            self.due = free_at
            return []
        self._is_asking = True
        return [self.send(SYSTEM, self._take, _SYSTEM, now)]

    def next_deadline(self) -> Nanos | None:
        return None if self._is_asking else self.due

    def _take(self, answer: HttpAnswer | None, now: Nanos) -> list[Output]:
        self._is_asking = False
        self.due = now + _SOON
        if answer is None:
            return []
        info, ts_venue = read_data(answer.body, _INFO, "system info")
        self.maintenance = f"maintenance: {info.message:.200}" if info.status else ""
        if not ts_venue:
            raise RemoteProtocolError("woox told of itself without saying when")
        self.clock.measured(ts_venue, answer.ts_sent, answer.ts_recv)
        self._n_samples += 1
        if self.maintenance:
            self.due = now + _IN_MAINTENANCE
        elif self._n_samples >= _FIRST_SAMPLES:
            self.due = now + _LATER
        return [Tell("clock", ClockOffset(self._venue, now, self.clock.offset, self.clock.error))]


def _refusal(answer: HttpAnswer) -> str:
    """Return what an answer says that asks for a person; empty: nothing."""
    if len(answer.body) > _LONGEST_REFUSAL:
        return ""
    try:
        reply = read_reply(answer.body)
    except RemoteProtocolError:
        return ""
    if reply.success or verdict_on(answer.status, reply.code).advice is not Advice.HALT:
        return ""
    return f"{reply.code or answer.status} {reply.message:.200}"
