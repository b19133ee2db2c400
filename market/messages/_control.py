"""The runtime's own: timers, lives of actors, the two phases of a stop."""

import msgspec

from market.units import Nanos


class SetTimer(msgspec.Struct, frozen=True, gc=False):
    """Ask the nursery for `TimerFired(token)` at `at`."""

    at: Nanos
    token: int


class TimerFired(msgspec.Struct, frozen=True, gc=False):
    token: int


class Started(msgspec.Struct, frozen=True, gc=False):
    """First message of every actor's life.  `generation` 0 is the first start; a higher one follows a crash."""

    generation: int


class LogReplayed(msgspec.Struct, frozen=True, gc=False):
    """The run's own log has been delivered to a restarted order manager or position tracker: ask the venue next.

    Attributes:
        first_ts: when its first row was written, our clock; 0: it is empty.
    """

    first_ts: Nanos


class ActorDown(msgspec.Struct, frozen=True, gc=False):
    """A child crashed or was stopped (nursery -> order manager): `kind` is "quoter", "keeper" or "connector"."""

    kind: str
    index: int
    reason: str


class ActorUp(msgspec.Struct, frozen=True, gc=False):
    kind: str
    index: int


class ActorCrashed(msgspec.Struct, frozen=True, gc=False):
    """A child has crashed by itself, not with another (nursery -> guard)."""

    kind: str
    index: int
    error: str


class Drain(msgspec.Struct, frozen=True, gc=False):
    """Stop, phase one: quoters fall silent, the order manager cancels all and waits for proof until `deadline`."""

    deadline: Nanos


class Drained(msgspec.Struct, frozen=True, gc=False):
    """The order manager's answer: `unproven` orders whose end it could not prove."""

    unproven: int


class Stop(msgspec.Struct, frozen=True, gc=False):
    """Stop, phase two: last message of a life.

    Attributes:
        run_goes_on: it is its supervisor's, which starts a fresh one; else the run ends, and the order manager or the
            shells have proven what they could.
    """

    run_goes_on: bool = False


class QuotesPulled(msgspec.Struct, frozen=True, gc=False):
    """The order manager cancels all orders of a quoter and takes no new ones, for a `Reason` (to the nursery's log)."""

    quoter: int
    ts: Nanos
    reason: int


class QuotesBack(msgspec.Struct, frozen=True, gc=False):
    """The cause of a `QuotesPulled` is gone, and the quoter has spoken again."""

    quoter: int
    ts: Nanos
