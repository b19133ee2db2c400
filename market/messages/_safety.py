"""What keeps a run within bounds: the trading state, who asks for it, and what shows that it is obeyed."""

from enum import IntEnum

import msgspec

from market.units import InstrumentId, Lots, Nanos, VenueId


class TradingState(IntEnum):
    """What may be traded, from most to least."""

    ACTIVE = 0
    REDUCING = 1  # only what makes a position smaller, at the worst
    HALTED = 2  # nothing; all orders are cancelled


class HaltCause(IntEnum):
    """Why the trading state is not `ACTIVE`."""

    NONE = 0
    DRAWDOWN = 1
    POSITION = 2
    STALE_DATA = 3
    REJECTS = 4
    CLOCK_SKEW = 5
    CRASHES = 6
    PERSON = 7
    VENUE = 8
    EARLIER_RUN = 9
    WALLET = 10


class HaltRequested(msgspec.Struct, frozen=True, gc=False):
    """Somebody wants less to be traded (a person's hand, a connector's port `halts` -> guard); obeyed at once.

    A connector sends it where a person must look: a key that is refused or banned (HALTED), no margin (REDUCING).

    Attributes:
        state: the `TradingState` that is wanted; one that allows more than the present is passed over.
        cause: a `HaltCause`.  text: for people, without secrets.
    """

    ts: Nanos
    state: int
    cause: int
    text: str


class HaltCleared(msgspec.Struct, frozen=True, gc=False):
    """A person has cleared the halt (hand -> guard): all may be traded, and what is counted begins anew."""

    ts: Nanos
    text: str


class TradingStateChanged(msgspec.Struct, frozen=True, gc=False):
    """The guard's verdict (guard -> order manager, hand, the nursery, which tells whoever is restarted).

    Attributes:
        state: a `TradingState`.  cause: a `HaltCause`.
    """

    ts: Nanos
    state: int
    cause: int
    text: str


class NothingOpen(msgspec.Struct, frozen=True, gc=False):
    """Halted: an account snapshot asked for after the last cancel shows no open order (order manager -> the log)."""

    ts: Nanos
    venue: VenueId


class Flattened(msgspec.Struct, frozen=True, gc=False):
    """Halted: no more is done to close a position; `lots`, signed, are left of it (order manager -> the log)."""

    ts: Nanos
    instrument: InstrumentId
    lots: Lots
    text: str


class VenueRefused(msgspec.Struct, frozen=True, gc=False):
    """A venue refused what it should have taken, or did not answer in time (order manager -> guard)."""

    ts: Nanos
    instrument: InstrumentId
    reason: int


class GuardMemory(msgspec.Struct, frozen=True, gc=False):
    """What the guard has read so far (to the nursery, which tells it to the guard's next life).

    Attributes:
        peak, start: PnL, report currency; NaN never.
        wanted: state, cause and text of what a person or a venue wants.
        refused, crashed: when, as far as it still counts.
    """

    ts: Nanos
    peak: float
    start: float
    wanted: tuple[int, int, str]
    refused: tuple[Nanos, ...]
    crashed: tuple[Nanos, ...]


class ClockOffset(msgspec.Struct, frozen=True, gc=False):
    """A venue's clock was measured, by a connector's port `clock`: it is `offset_ns` ahead, give or take."""

    venue: VenueId
    ts: Nanos
    offset_ns: Nanos
    uncertainty_ns: Nanos


class LimitsUsed(msgspec.Struct, frozen=True, gc=False):
    """What a venue's limits have been used by, by a connector's port `limits`: rows of (name, used, allowed)."""

    venue: VenueId
    ts: Nanos
    used: tuple[tuple[str, int, int], ...]


class HeartbeatAsked(msgspec.Struct, frozen=True, gc=False):
    """Are you there?  It goes from the hand by the guard to the order manager, which answers by `Heartbeat`."""

    number: int


class Heartbeat(msgspec.Struct, frozen=True, gc=False):
    """The order manager has answered: it and all who stand on the way are alive.

    Attributes:
        generation: of the order manager.
        state: the `TradingState` that it enforces.
        n_live: orders whose end is not known.
    """

    number: int
    generation: int
    state: int
    n_live: int
