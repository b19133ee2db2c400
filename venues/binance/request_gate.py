"""Requests by HTTP on their way out and back: within the limits, each answer to who asked, refusals to their remedy."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from market.units import Nanos
from venues.binance.answers import refusal_of_body
from venues.binance.limits import RateLimits
from venues.binance.remedies import Remedies
from venues.binance.venue_clock import BinanceClock
from venues.venue import HttpAnswer, Output, Questions, SendRequest
from venues.wire import HttpRequest

Handler: TypeAlias = Callable[[HttpAnswer | None, Nanos], Sequence[Output]]


class RequestGate:
    """Sends what the limits allow; times are ours, the limits' windows are those of the venue's clock.

    Nothing waits in here: who finds the gate closed comes again when it opens, and signs anew.
    """

    def __init__(self, clock: BinanceClock, limits: RateLimits, remedies: Remedies) -> None:
        self.clock = clock
        self.limits = limits
        self._remedies = remedies
        self._questions: Questions[Handler] = Questions()

    def free_at(self, now: Nanos, weight: int, n_orders: int = 0, *, is_urgent: bool = False) -> Nanos:
        """Return from when on so much may be asked, `now` if at once."""
        clock = self.clock
        return max(now, self.limits.free_at(clock.at(now), weight, n_orders, is_urgent=is_urgent) - clock.offset)

    def spend(self, now: Nanos, weight: int, n_orders: int = 0) -> None:
        """Count what leaves otherwise than by HTTP."""
        self.limits.spend(self.clock.at(now), weight, n_orders)

    def send(self, request: HttpRequest, handler: Handler, now: Nanos, lane: str = "") -> SendRequest:
        """Count a request and return what sends it; `handler` is given the answer, or None."""
        self.spend(now, request.weight)
        return self._questions.ask(request, handler, lane)

    def answered(self, token: int, answer: HttpAnswer | None, now: Nanos) -> Sequence[Output]:
        """Take the answer to a request.

        Raises:
            RemoteProtocolError: it is not what the venue documents.
        """
        handler = self._questions.answered(token)
        if answer is None:
            return handler(None, now)
        self.limits.on_headers(answer.headers, self.clock.at(answer.ts_sent), self.clock.at(now))
        if 200 <= answer.status < 300:
            return handler(answer, now)
        refusal = refusal_of_body(answer.status, answer.body)
        told = self._remedies.take(refusal, answer.headers.get("retry-after"), now)
        return [*told, *handler(answer, now)]
