"""What a venue's clock is ahead of ours, from its own answers."""

from collections import deque
from typing import Final

from market.units import MINUTE, MS, Nanos

_KEPT: Final = 8
_UNKNOWN: Final = MINUTE


class VenueClock:
    """What the venue's clock is ahead, as if it were read halfway; of the latest answers the quickest counts.

    Args:
        resolution: to what the venue cuts its time.
        kept: so many answers are the latest.
    """

    def __init__(self, resolution: Nanos = MS, kept: int = _KEPT) -> None:
        self._resolution = resolution
        self._measured: deque[tuple[Nanos, Nanos]] = deque(maxlen=kept)

    @property
    def n_measured(self) -> int:
        """How many answers count."""
        return len(self._measured)

    @property
    def is_known(self) -> bool:
        return bool(self._measured)

    @property
    def offset(self) -> Nanos:
        """The venue's clock less ours; 0 until it is measured."""
        return min(self._measured)[1] if self._measured else 0

    @property
    def error(self) -> Nanos:
        """How far off `offset` may be."""
        return (min(self._measured)[0] + self._resolution) // 2 if self._measured else _UNKNOWN

    def at(self, now: Nanos) -> Nanos:
        """Return the venue's time of ours."""
        return now + self.offset

    def surely_past(self, now: Nanos) -> Nanos:
        """Return a time of the venue's clock that has come by now, whatever the estimate is wrong by."""
        return now + self.offset - self.error

    def measured(self, ts_venue: Nanos, ts_sent: Nanos, ts_recv: Nanos) -> None:
        """Take the time of an answer."""
        offset = ts_venue + self._resolution // 2 - (ts_sent + ts_recv) // 2
        self._measured.append((ts_recv - ts_sent, offset))

    def forget(self) -> None:
        """Trust no measure of before."""
        self._measured.clear()
