"""What a generated market is made of: moves, takers, displayed books."""

from collections.abc import Callable
from decimal import Decimal
from math import inf
from typing import Any, Final

import attrs

from market.instrument import Instrument
from market.units import HOUR, MS, SECOND, InstrumentId, Nanos

VERSION: Final = 1  # of the generator: raised whenever the same config gives other columns
STEP: Final = 10 * MS  # grid of the hidden price
FEEDS: Final = ("snapshots", "deltas")


def _within(low: float, high: float, is_low_in: bool = True, is_high_in: bool = True) -> Callable[..., None]:
    """Return a validator: a number from `low` to `high`, each limit included or not."""

    def check(instance: object, attribute: "attrs.Attribute[Any]", value: float) -> None:
        is_above = value > low or (is_low_in and value == low)
        is_below = value < high or (is_high_in and value == high)
        if not (is_above and is_below):
            limits = f"{'[' if is_low_in else '('}{low:g}, {high:g}{']' if is_high_in else ')'}"
            raise ValueError(f"{attribute.name} = {value} is not within {limits}")

    return check


_positive = _within(0, inf, is_low_in=False, is_high_in=False)
_not_negative = _within(0, inf, is_high_in=False)
_share = _within(0, 1)
_below_one = _within(0, 1, is_high_in=False)


@attrs.frozen
class Moves:
    """A market's own price: diffusion, clustered jumps, and how fast the news enters.

    Attributes:
        vol_bps: diffusion, bps per square root of a second.
        reversion_s: time constant with which the own price returns to its start.
        reveal_s: time constant with which the news that takers know enters the price.
        shown_diffusion, shown_jump: share of a move that shows at once.
        jumps_per_s: mean rate of jumps, those that jumps cause included; 0 for none.
        jump_bps: mean absolute jump; never below half of it.
        jump_branching: jumps that one jump causes, on average.
        jump_decay_s: time constant of that excitement.
    """

    vol_bps: float = attrs.field(default=1.0, validator=_not_negative)
    reversion_s: float = attrs.field(default=300.0, validator=_positive)
    reveal_s: float = attrs.field(default=3.0, validator=_positive)
    shown_diffusion: float = attrs.field(default=0.6, validator=_share)
    shown_jump: float = attrs.field(default=0.8, validator=_share)
    jumps_per_s: float = attrs.field(default=0.0, validator=_not_negative)
    jump_bps: float = attrs.field(default=6.0, validator=_not_negative)
    jump_branching: float = attrs.field(default=0.2, validator=_below_one)
    jump_decay_s: float = attrs.field(default=0.7, validator=_positive)

    def scaled(self, factor: float) -> "Moves":
        """Return the same moves `factor` times as large."""
        return attrs.evolve(self, vol_bps=self.vol_bps * factor, jump_bps=self.jump_bps * factor)


@attrs.frozen
class Flow:
    """The takers: clustered arrivals, lognormal sizes, and what they know.

    Attributes:
        orders_per_s: mean rate of ordinary orders, those that orders cause included; jumps add theirs.
        branching: orders that one order causes, on average.
        per_jump: orders that one jump causes, on average.
        decay_s: time constant of that excitement.
        median_size: of an order, base currency or contracts.
        informed: 0 to 1, how far the news that has not yet entered the price tilts the side of orders.
        gap_bps: news at which half of that tilt is reached.
    """

    orders_per_s: float = attrs.field(default=5.0, validator=_positive)
    branching: float = attrs.field(default=0.6, validator=_below_one)
    per_jump: float = attrs.field(default=4.0, validator=_not_negative)
    decay_s: float = attrs.field(default=0.8, validator=_positive)
    median_size: float = attrs.field(default=2.5, validator=_positive)
    informed: float = attrs.field(default=0.9, validator=_share)
    gap_bps: float = attrs.field(default=1.0, validator=_positive)


@attrs.frozen
class Display:
    """The published book: depth 20, as snapshots or as deltas.

    Attributes:
        feed: "snapshots": every message is the whole book; "deltas": the first one is, then changes of the 20 levels.
        interval: mean time between messages, at least 20 ms; jitter: half width of its distribution, as a share.
        level_size: median size of a level well behind the touch, base currency or contracts.
        slack_ticks: how far the price may leave the spread before the touch follows; more is stickier.
        lost: numbers (from 0) of the deltas that never reach us; the next one does not follow its predecessor.
        resync: messages from a lost delta to the snapshot that repairs the book.
    """

    feed: str = attrs.field(default="snapshots", validator=attrs.validators.in_(FEEDS))
    interval: Nanos = attrs.field(default=100 * MS, validator=_within(2 * STEP, inf, is_high_in=False))
    jitter: float = attrs.field(default=0.3, validator=_within(0, 0.5))
    level_size: float = attrs.field(default=50.0, validator=_positive)
    slack_ticks: float = attrs.field(default=0.2, validator=_not_negative)
    lost: tuple[int, ...] = ()
    resync: int = attrs.field(default=10, validator=_positive)

    def __attrs_post_init__(self) -> None:
        if self.lost and (self.feed != "deltas" or min(self.lost) < 1):
            raise ValueError(f'lost messages {self.lost}: only deltas (feed = "deltas", numbers from 1) can be lost')


@attrs.frozen
class MarketConfig:
    """One generated market.

    Attributes:
        instrument: what is traded; its lot and the step between valid prices near the first are the grid.
        price: at the start, quote currency; the hidden price moves around it.
        leader: the instrument whose path is added to the own one, `beta` times and `lead` later; None: own path only.
        lead: a multiple of 10 ms.
        latency: median time from the venue to us; lognormal, sigma 0.25, first in first out over books and trades.
        funding_interval: payments fall on its multiples since the epoch; 0 for none.
        funding_rate: median of the payments, fraction of the position's value that longs pay.
    """

    instrument: Instrument
    price: float = attrs.field(validator=_positive)
    moves: Moves = Moves()
    flow: Flow = Flow()
    display: Display = Display()
    leader: InstrumentId | None = None
    lead: Nanos = attrs.field(default=0, validator=_not_negative)
    beta: float = 1.0
    latency: Nanos = attrs.field(default=5 * MS, validator=_not_negative)
    funding_interval: Nanos = attrs.field(default=8 * HOUR, validator=_not_negative)
    funding_rate: float = 1e-4

    def __attrs_post_init__(self) -> None:
        if self.lead % STEP:
            raise ValueError(f"lead {self.lead} ns of {self.instrument.name} is not a multiple of {STEP} ns")


@attrs.frozen
class GeneratorConfig:
    """A whole generated market data set; equal configs give equal columns, whatever `slice_s` and the machine.

    Attributes:
        seed: of all draws.
        start: ns since the epoch.
        seconds: length; a multiple of 10 ms.
        markets: one per instrument; a leader stands before those that follow it.
        slice_s: length of a chunk; the data do not depend on it.
    """

    seed: int
    start: Nanos = attrs.field(validator=_not_negative)
    seconds: float = attrs.field(validator=_positive)
    markets: tuple[MarketConfig, ...] = attrs.field()
    slice_s: float = attrs.field(default=60.0, validator=_positive)

    def __attrs_post_init__(self) -> None:
        for name in ("seconds", "slice_s"):
            steps = getattr(self, name) * SECOND / STEP
            if abs(steps - round(steps)) > 1e-6 or round(steps) < 1:
                raise ValueError(f"{name} = {getattr(self, name)} is not a multiple of 0.01 s")
        seen: set[InstrumentId] = set()
        for market in self.markets:
            if market.leader is not None and market.leader not in seen:
                raise ValueError(f"leader {market.leader} of {market.instrument.name} does not stand before it")
            if market.instrument.id in seen:
                raise ValueError(f"instrument {market.instrument.id} ({market.instrument.name}) has two markets")
            seen.add(market.instrument.id)

    @property
    def n_steps(self) -> int:
        """Number of points of the hidden price."""
        return round(self.seconds * SECOND / STEP)

    @property
    def end(self) -> Nanos:
        """First ns after the data."""
        return self.start + self.n_steps * STEP

    def market(self, instrument: InstrumentId) -> MarketConfig:
        """Return the market of an instrument; KeyError where there is none."""
        for market in self.markets:
            if market.instrument.id == instrument:
                return market
        raise KeyError(instrument)


def describe(config: GeneratorConfig) -> dict[str, Any]:
    """Return everything that the columns depend on, as plain values for `result.json`."""
    found: dict[str, Any] = _plain(attrs.asdict(config, filter=_decides))
    return {"generator": VERSION} | found


def _decides(attribute: "attrs.Attribute[Any]", value: object) -> bool:
    is_derived = not attribute.init
    return not is_derived and attribute.name != "slice_s"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return str(value) if isinstance(value, Decimal) else value
