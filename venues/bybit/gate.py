"""Requests by HTTP on their way: counted against the limits, answered to whoever asked, with the venue's time."""

from collections.abc import Callable
from typing import Final

from market.messages import ClockOffset, TradingState
from market.units import SECOND, Nanos, VenueId
from venues.bybit.errors import Advice, verdict_on, verdict_on_status
from venues.bybit.limits import HTTP, RateLimits
from venues.bybit.server_clock import TIME, ServerClock
from venues.bybit.structs import NAME, read_reply
from venues.ports import ask_for_person
from venues.venue import HttpAnswer, Output, Questions, Tell
from venues.wire import HttpRequest, RemoteProtocolError

Answered = Callable[[HttpAnswer | None, Nanos], list[Output]]

# kept of the HTTP limit for cancels and the account, when orders go by HTTP
RESERVE: Final = 120
_BANNED: Final = 403
_PATIENT: Final = 2  # reads in a row that may be refused as of a key that is none, before a person is asked for
_LONGEST_REFUSAL: Final = 2000  # bytes; what is longer brings what was asked for
_FIRST_SAMPLES: Final = 3
_SOON: Final = 2 * SECOND
_LATER: Final = 30 * SECOND


class Gate:
    """What all parts of a venue share: tokens, limits, the venue's clock.

    Attributes:
        clock_due: when to ask the venue's time next.
    """

    def __init__(self, venue: VenueId) -> None:
        self.limits = RateLimits()
        self._venue = venue
        self._clock = ServerClock()
        self._questions: Questions[Answered] = Questions()
        self._n_samples = 0
        self._n_refused = 0
        self._refused_at: Nanos = 0
        self._is_asking = False
        self.clock_due: Nanos = 0

    @property
    def offset(self) -> Nanos:
        """What the venue's clock is ahead."""
        return self._clock.offset

    @property
    def is_measured(self) -> bool:
        """The venue's clock is known: what is signed is stamped with its time."""
        return self._clock.error is not None

    def at(self, now: Nanos) -> Nanos:
        """Return the venue's time of ours."""
        return now + self._clock.offset

    def free_at(self, bucket: str, now: Nanos, weight: int = 1, reserve: int = 0) -> Nanos:
        """Return from when on a request by HTTP may be sent which counts in a bucket besides."""
        return max(self.limits.free_at(bucket, weight, now), self.limits.free_at(HTTP, 1 + reserve, now))

    def send(self, request: HttpRequest, answered: Answered, bucket: str, now: Nanos, lane: str = "") -> Output:
        """Count a request, and return what sends it; `answered` is called with its answer."""
        self.limits.spend(HTTP, 1, now)
        if bucket != HTTP:
            self.limits.spend(bucket, 1, now)
        return self._questions.ask(request, answered, lane)

    def answered(self, token: int, answer: HttpAnswer | None, now: Nanos) -> list[Output]:
        """Give an answer to whoever asked."""
        asked = self._questions.answered(token)
        if answer is None:
            return asked(answer, now)
        if answer.status == _BANNED:
            self.limits.banned(now)
            words = "HTTP status 403: this address sent too much, or comes from where the venue does not serve"
            return [*asked(answer, now), *ask_for_person(NAME, TradingState.HALTED, words, now)]
        halts = [] if asked == self._on_time else self._look_at_key(answer, now)
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

    # --- the venue's clock -------------------------------------------------------------------------------------------

    def doubt_clock(self, now: Nanos) -> None:
        """Something was refused for its time: measure anew, and trust no measure of before."""
        self._clock = ServerClock() if self._n_samples > _FIRST_SAMPLES else self._clock
        self._n_samples = 0
        self.clock_due = now

    def ask_time(self, now: Nanos) -> list[Output]:
        """Ask the venue's time if that is due."""
        if self._is_asking or now < self.clock_due:
            return []
        free_at = self.limits.free_at(HTTP, 1, now)
        if free_at > now:
            self.clock_due = free_at
            return []
        self._is_asking = True
        return [self.send(TIME, self._on_time, HTTP, now)]

    def next_deadline(self) -> Nanos | None:
        return None if self._is_asking else self.clock_due

    def _on_time(self, answer: HttpAnswer | None, now: Nanos) -> list[Output]:
        self._is_asking = False
        self.clock_due = now + _SOON
        if answer is None or answer.status != 200:
            return []
        self._clock.measured(answer.body, answer.ts_sent, answer.ts_recv)
        self._n_samples += 1
        if self._n_samples >= _FIRST_SAMPLES:
            self.clock_due = now + _LATER
        error = self._clock.error
        assert error is not None, "a clock that was measured has an error"
        return [Tell("clock", ClockOffset(self._venue, now, self._clock.offset, error))]


def _refusal(answer: HttpAnswer) -> str:
    """Return what an answer says that asks for a person; empty: nothing."""
    verdict = verdict_on_status(answer.status)
    if verdict is not None:
        return f"HTTP status {answer.status}: {verdict.advice.value}" if verdict.advice is Advice.HALT else ""
    if len(answer.body) > _LONGEST_REFUSAL:
        return ""
    try:
        reply = read_reply(answer.body)
    except RemoteProtocolError:
        return ""
    advice = verdict_on(reply.ret_code, reply.ret_msg).advice
    return f"{reply.ret_code} {reply.ret_msg:.200}" if advice is Advice.HALT else ""
