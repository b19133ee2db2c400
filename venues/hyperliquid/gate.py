"""Requests by HTTP on their way: counted by weight, answered to whoever asked; and the venue's clock.

The venue tells its time nowhere but in the state of an account, which anybody may read: that of the zero address where
there is no key.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from market.messages import ClockOffset
from market.units import MS, SECOND, Nanos, VenueId
from venues.clock_offset import VenueClock
from venues.hyperliquid.limits import RESERVED, WEIGHT
from venues.hyperliquid.structs import AccountState
from venues.rate_window import RateWindow
from venues.venue import HttpAnswer, Output, Questions, Tell
from venues.wire import HttpRequest, RemoteProtocolError, decode

Answered = Callable[[HttpAnswer | None, Nanos], list[Output]]

NOBODY: Final = "0x" + 40 * "0"
_JSON: Final = (("Content-Type", "application/json"),)
_STATE: Final = msgspec.json.Decoder(AccountState)
_encode: Final = msgspec.json.Encoder().encode
_WEIGHTS: Final[Mapping[str, int]] = {
    **dict.fromkeys(("l2Book", "allMids", "clearinghouseState", "orderStatus", "exchangeStatus"), 2),
    "userRole": 60,
}
_OTHER_WEIGHT: Final = 20
_FIRST_SAMPLES: Final = 3
_SOON: Final = 2 * SECOND
_LATER: Final = 30 * SECOND
_PAUSE: Final = 10 * SECOND  # after a 429, which does not say for how long


def info(kind: str, **fields: Any) -> HttpRequest:
    """Return a question to `/info`."""
    return HttpRequest("POST", "/info", "", _JSON, _encode({"type": kind, **fields}), _WEIGHTS.get(kind, _OTHER_WEIGHT))


def exchange(body: bytes, n_items: int = 1) -> HttpRequest:
    """Return an action, signed, as a request."""
    return HttpRequest("POST", "/exchange", "", _JSON, body, 1 + n_items // 40)


def time_of_state(answer: HttpAnswer) -> Nanos:
    """Return the venue's time by the state of an account.

    Raises:
        RemoteProtocolError: it is not told.
    """
    if answer.status != 200:
        raise RemoteProtocolError(f"hyperliquid answers the state of an account with status {answer.status}")
    time = decode(_STATE, answer.body, "hyperliquid account state").time
    if time <= 0:
        raise RemoteProtocolError("hyperliquid told the state of an account without saying when")
    return time * MS


class Gate:
    """What all parts of the venue share: tokens, the weight of REST, the venue's clock.

    Args:
        account: whose state tells the time.
        weight: of REST that may be spent a minute.

    Attributes:
        due: when to ask for the time next.
    """

    def __init__(self, venue: VenueId, account: str = NOBODY, weight: int = WEIGHT) -> None:
        self.clock = VenueClock()
        self.weight = RateWindow(weight)
        self.due: Nanos = 0
        self._venue, self._account = venue, account
        self._questions: Questions[Answered] = Questions()
        self._n_samples = 0
        self._is_asking = False

    def at(self, now: Nanos) -> Nanos:
        """Return the venue's time of ours."""
        return now + self.clock.offset

    def surely_past(self, now: Nanos) -> Nanos:
        """Return a time of the venue's clock that has come by now, whatever the estimate is wrong by."""
        return now + self.clock.offset - self.clock.error

    def free_at(self, request: HttpRequest, now: Nanos, *, is_urgent: bool = False) -> Nanos:
        """Return from when on a request may be sent; some weight is kept for what is urgent."""
        return self.weight.free_at(request.weight, now, 0 if is_urgent else RESERVED)

    def send(self, request: HttpRequest, answered: Answered, now: Nanos, lane: str = "") -> Output:
        """Count a request, and return what sends it; `answered` is called with its answer."""
        self.weight.spend(request.weight, now)

        def watch(answer: HttpAnswer | None, at: Nanos) -> list[Output]:
            if answer is not None and answer.status == 429:
                self.weight.refused(at, _PAUSE)
            return answered(answer, at)

        return self._questions.ask(request, watch, lane)

    def answered(self, token: int, answer: HttpAnswer | None, now: Nanos) -> list[Output]:
        """Give an answer to whoever asked."""
        return self._questions.answered(token)(answer, now)

    # --- the venue's clock -------------------------------------------------------------------------------------------

    def ask(self, now: Nanos) -> list[Output]:
        """Ask for the time if that is due."""
        if self._is_asking or now < self.due:
            return []
        request = info("clearinghouseState", user=self._account)
        free_at = self.free_at(request, now)
        if free_at > now:
            self.due = free_at
            return []
        self._is_asking = True
        return [self.send(request, self._take, now)]

    def next_deadline(self) -> Nanos | None:
        return None if self._is_asking else self.due

    def _take(self, answer: HttpAnswer | None, now: Nanos) -> list[Output]:
        self._is_asking = False
        self.due = now + _SOON
        if answer is None:
            return []
        self.clock.measured(time_of_state(answer), answer.ts_sent, answer.ts_recv)
        self._n_samples += 1
        if self._n_samples >= _FIRST_SAMPLES:
            self.due = now + _LATER
        return [Tell("clock", ClockOffset(self._venue, now, self.clock.offset, self.clock.error))]
