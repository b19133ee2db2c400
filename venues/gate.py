"""Requests by HTTP on their way, answered to whoever asked; the venue's clock, and whether it refuses the key."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import ClassVar, Final

import attrs

from market.messages import ClockOffset, TradingState
from market.units import MS, SECOND, Nanos, VenueId
from venues.clock_offset import VenueClock
from venues.ports import ask_for_person
from venues.venue import NEVER, Answered, HttpAnswer, Output, Questions, Tell
from venues.wire import HttpRequest, RemoteProtocolError

FIRST_SAMPLES: Final = 3  # of the venue's time, one soon after another
SOON: Final = 2 * SECOND
LATER: Final = 30 * SECOND
_TOO_MANY: Final = 429
_PATIENT: Final = 2  # answers in a row that refuse the key, before a person is asked for


@attrs.frozen
class _Asked:
    answered: Answered
    is_signed: bool
    limited: Callable[[Nanos], None]


def _pass_over(at: Nanos) -> None:
    """Nobody wants to hear of a limit that was met."""


class Gate(ABC):
    """What all parts of a venue share: tokens of requests, limits, the venue's clock.

    A venue says how its time is asked for and read, and what its limits have been used by.

    Attributes:
        name: of the venue.
        clock: what its clock is ahead.
        due: when to ask for its time next.
    """

    name: ClassVar[str]

    def __init__(self, venue: VenueId, resolution: Nanos = MS) -> None:
        self.clock = VenueClock(resolution)
        self.due: Nanos = 0
        self._venue = venue
        self._questions: Questions[_Asked] = Questions()
        self._n_samples = 0
        self._is_asking = False
        self._n_refused = 0
        self._refused_at: Nanos = 0

    # --- what a venue says -------------------------------------------------------------------------------------------

    @abstractmethod
    def used(self, now: Nanos) -> Mapping[str, tuple[int, int]]:
        """Return what the limits have been used by, and what they allow, by name."""

    @abstractmethod
    def _time_free_at(self, now: Nanos) -> Nanos:
        """Return from when on the time may be asked for."""

    @abstractmethod
    def _ask_time(self, answered: Answered, now: Nanos) -> Output:
        """Return what asks for the time."""

    @abstractmethod
    def _read_time(self, answer: HttpAnswer) -> Nanos:
        """Return the venue's time.

        Raises:
            RemoteProtocolError: it is not told.
        """

    def _refusal(self, answer: HttpAnswer) -> str:
        """Return what the answer to a signed request says that asks for a person; empty: nothing."""
        return ""

    @property
    def obstacle(self) -> str:
        """Why the venue does not trade at present; empty: nothing is known of that kind."""
        return ""

    # --- requests ----------------------------------------------------------------------------------------------------

    def _send(
        self, request: HttpRequest, answered: Answered, lane: str, limited: Callable[[Nanos], None] = _pass_over
    ) -> Output:
        """Return what sends a request; `answered` is called with its answer, and `limited` first if it was too many."""
        return self._questions.ask(request, _Asked(answered, bool(request.headers), limited), lane)

    def answered(self, token: int, answer: HttpAnswer | None, now: Nanos) -> list[Output]:
        """Give an answer to whoever asked.

        Raises:
            RemoteProtocolError: it makes no sense.
        """
        asked = self._questions.answered(token)
        if answer is None:
            return asked.answered(None, now)
        if answer.status == _TOO_MANY:
            asked.limited(now)
        halts = self._look(answer, now) if asked.is_signed else []
        try:
            return [*asked.answered(answer, now), *halts]
        except RemoteProtocolError:
            if halts:  # they say what was wrong
                return halts
            raise

    def _look(self, answer: HttpAnswer, now: Nanos) -> list[Output]:
        """A key that has died is seen by what is read, too, where no order is sent."""
        words = self._refusal(answer)
        if not words:
            self._n_refused = 0
            return []
        if now - self._refused_at < SECOND:  # what was asked side by side is refused side by side
            return []
        self._n_refused += 1
        self._refused_at = now
        return ask_for_person(self.name, TradingState.HALTED, words, now) if self._n_refused > _PATIENT else []

    # --- the venue's clock -------------------------------------------------------------------------------------------

    def at(self, now: Nanos) -> Nanos:
        """Return the venue's time of ours."""
        return self.clock.at(now)

    def surely_past(self, now: Nanos) -> Nanos:
        """Return a time of the venue's clock that has come by now, whatever the estimate is wrong by."""
        return self.clock.surely_past(now)

    def doubt_clock(self, now: Nanos) -> None:
        """Something was refused for its time: measure anew, and trust no measure of before."""
        if self._n_samples > FIRST_SAMPLES:
            self.clock.forget()
            self._n_samples = 0
        self.look(now)

    def look(self, now: Nanos) -> None:
        """Ask for the time soon."""
        self.due = min(self.due, now)

    def begin(self, now: Nanos) -> list[Output]:
        """Ask for the time at once."""
        self.due = now
        return self.on_deadline(now)

    def next_deadline(self) -> Nanos:
        """Return when `on_deadline` is to be called."""
        return NEVER if self._is_asking else self.due

    def on_deadline(self, now: Nanos) -> list[Output]:
        """Ask for the time if that is due."""
        if self._is_asking or now < self.due:
            return []
        free_at = self._time_free_at(now)
        if free_at > now:
            self.due = free_at
            return []
        self._is_asking = True
        return [self._ask_time(self._take_time, now)]

    def _take_time(self, answer: HttpAnswer | None, now: Nanos) -> list[Output]:
        self._is_asking = False
        self.due = now + SOON
        if answer is None:
            return []
        self.clock.measured(self._read_time(answer), answer.ts_sent, answer.ts_recv)
        self._n_samples += 1
        self.due = now + self._pause()
        return [Tell("clock", ClockOffset(self._venue, now, self.clock.offset, self.clock.error))]

    def _pause(self) -> Nanos:
        """Return for how long the time need not be asked for after an answer."""
        return SOON if self._n_samples < FIRST_SAMPLES else LATER
