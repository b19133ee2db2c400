"""Answers every question that a command leads to."""

from collections.abc import Callable
from typing import Any, Final

from market.units import Nanos
from venues.venue import HttpAnswer, SendRequest, Venue
from venues.wire import HttpRequest

_MOST: Final = 40  # pages that name a next one for ever


def answer_all(
    venue: Venue, command: Any, reply: Callable[[HttpRequest], bytes], now: Nanos, status: int = 200
) -> None:
    """Give a command; raises RemoteProtocolError where an answer makes no sense."""
    outputs = list(venue.command(command, now))
    for each in outputs:
        if isinstance(each, SendRequest) and len(outputs) < _MOST:
            answer = HttpAnswer(status, {}, reply(each.request), now, now)
            outputs += venue.answered(each.token, answer, now)
    venue.next_deadline()
