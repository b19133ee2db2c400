"""What a venue's refusals may mean for an order, and what should be done about them.

Each venue has a table of its codes or words.  Only what is known to mean so says that a request was refused; anything
else leaves the fate of an order unknown.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Final

import attrs

from market.messages import Reason, TradingState
from market.units import Nanos
from venues.ports import ask_for_person
from venues.venue import Output


class Fate(Enum):
    """What became of a request."""

    DONE = "taken, or it was so already"
    REFUSED = "nothing has changed at the venue"
    UNKNOWN = "it may have taken effect: ask"


class Advice(Enum):
    """What should be done besides."""

    NONE = "nothing"
    QUERY = "ask what became of the order"
    RETRY = "try again once after a short wait"
    SLOW_DOWN = "send less for a while"
    PAUSE_HTTP = "send nothing by HTTP for ten minutes"
    NO_BUDGET = "the account has no actions left: trade more, or reserve some"
    LOG_IN = "sign on anew"
    RESYNC_CLOCK = "measure the venue's clock"
    RECONNECT = "open a new connection"
    LOOK_AT_SYSTEM = "ask what state the venue is in"
    RELOAD_INSTRUMENTS = "read the instruments again: a rule has changed, or the request is wrong"
    STOP_OPENING = "open nothing more: there is no margin for it, or only reducing is allowed"
    HALT_SYMBOL = "only cancel and reduce on this symbol"
    HALT = "stop: a person is needed"


@attrs.frozen
class Verdict:
    """The meaning of a code.  `reason` is what is told of a refusal."""

    fate: Fate
    reason: Reason = Reason.NONE
    advice: Advice = Advice.NONE


OK: Final = Verdict(Fate.DONE)
UNKNOWN: Final = Verdict(Fate.UNKNOWN)
_STATES: Final[Mapping[Advice, TradingState]] = {
    Advice.HALT: TradingState.HALTED,
    Advice.PAUSE_HTTP: TradingState.HALTED,
    Advice.HALT_SYMBOL: TradingState.REDUCING,
    Advice.STOP_OPENING: TradingState.REDUCING,
}


def refused(reason: Reason = Reason.VENUE_OTHER, advice: Advice = Advice.NONE) -> Verdict:
    """Return the verdict that nothing has changed at the venue."""
    return Verdict(Fate.REFUSED, reason, advice)


def person_for(venue: str, advice: Advice, words: str, now: Nanos) -> list[Output]:
    """Ask for a person where an advice needs one, in the venue's words."""
    state = _STATES.get(advice)
    return [] if state is None else ask_for_person(venue, state, f"{advice.value} ({words})", now)
