"""Random faults for a long test: a plan is a function of its seed."""

import random
from collections.abc import Iterator
from typing import Final

import attrs

from sim.emulator.faults import Fault

# how often each comes, and how long it lasts at most, seconds
_KINDS: Final = {
    "timeout": (3, 0.0),
    "swallow": (2, 0.0),
    "reject": (3, 0.0),
    "unavailable": (2, 0.0),
    "rate_limit": (2, 0.0),
    "slow": (3, 2.0),
    "lose": (4, 0.0),
    "duplicate": (3, 0.0),
    "reorder": (3, 0.0),
    "late": (2, 1.5),
    "drop": (4, 0.0),
    "close": (2, 0.0),
    "sever": (2, 0.0),
    "stall": (2, 3.0),
    "half_open": (1, 0.0),
    "restart": (1, 3.0),
}
KINDS: Final = tuple(_KINDS)
_OF_STREAMS: Final = ("lose", "duplicate", "reorder", "late")


@attrs.frozen
class FaultPlan:
    """Faults at random times.

    Attributes:
        seed: of times, kinds and places.
        seconds: how long.
        per_minute: how many, on average.
        kinds: of those that may come.
        venues: that they come at.
        quiet_s: none before this time and none after `seconds` less this: a test begins and ends in order.
    """

    seed: int
    seconds: float
    per_minute: float = attrs.field(default=6.0, validator=attrs.validators.gt(0))
    kinds: tuple[str, ...] = attrs.field(
        default=KINDS, validator=attrs.validators.deep_iterable(attrs.validators.in_(KINDS))
    )
    venues: tuple[str, ...] = ("bybit", "binance-futures")
    quiet_s: float = 5.0

    def faults(self) -> Iterator[tuple[float, Fault]]:
        """Yield (seconds from the beginning, fault), in order."""
        rng = random.Random(self.seed)
        at = self.quiet_s
        weights = [_KINDS[kind][0] for kind in self.kinds]
        while True:
            at += rng.expovariate(self.per_minute / 60)
            if at >= self.seconds - self.quiet_s:
                return
            kind = rng.choices(self.kinds, weights)[0]
            venue = rng.choice(self.venues)
            longest = _KINDS[kind][1]
            where = rng.choice(("public", "private", "trade")) if kind in (*_OF_STREAMS, "drop", "close") else ""
            if kind in _OF_STREAMS:
                # a private stream may be late; a venue does not lose or swap what it sends on it
                where = rng.choice(("public", "private")) if kind in ("late", "duplicate") else "public"
            seconds = round(rng.uniform(0.1, longest), 3) if longest else 0.0
            yield at, Fault(kind, venue, where, rng.choice((1, 1, 1, 2, 3)), seconds)
