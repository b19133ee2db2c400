"""The two times of an emulated market: the clients' wall clock, and the market's own, which may run faster."""

import attrs

from market.units import Nanos


@attrs.frozen
class TimeMap:
    """Turns one time into the other; both go forward together.

    Attributes:
        wall_start, market_start: the same instant in both, ns since the epoch.
        speed: seconds of the market in a second of the wall clock.
    """

    wall_start: Nanos
    market_start: Nanos
    speed: float = attrs.field(default=1.0, validator=attrs.validators.gt(0))

    def market(self, wall: Nanos) -> Nanos:
        """Return the market's time at a wall time."""
        return self.market_start + round((wall - self.wall_start) * self.speed)

    def wall(self, market: Nanos) -> Nanos:
        """Return when, on the wall clock, a market time is reached: what the venue stamps."""
        return self.wall_start + round((market - self.market_start) / self.speed)


def ms(time: Nanos) -> int:
    """Return whole milliseconds since the epoch, as venues stamp."""
    return time // 1_000_000
