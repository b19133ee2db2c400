"""What a venue's clock is ahead of ours, from its own answers."""

from collections import deque
from typing import Final

from market.units import MINUTE, MS, Nanos

_KEPT: Final = 8
_UNKNOWN: Final = MINUTE


class VenueClock:
    """What the venue's clock is ahead, as if it were read halfway; of the latest answers the quickest counts."""

    def __init__(self) -> None:
        self._measured: deque[tuple[Nanos, Nanos]] = deque(maxlen=_KEPT)

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
        return min(self._measured)[0] // 2 + MS if self._measured else _UNKNOWN

    def measured(self, ts_venue: Nanos, ts_sent: Nanos, ts_recv: Nanos) -> None:
        """Take the time of an answer, which is cut to whole ms."""
        self._measured.append((ts_recv - ts_sent, ts_venue + MS // 2 - (ts_sent + ts_recv) // 2))
