"""The shift between a venue's clock and ours, from the data.

What we receive left the venue before: `ts_recv - ts_venue` is a latency, and above zero.  Where it is not, the clocks
differ, and the shift moves the venue's stamps so that the least latency becomes `LEAST`.  Stored stamps are never
changed; the replay adds the shift on the venue's side.  A latency that is merely long is believed: that of a clock
behind the venue's cannot be told from a long way.

The least latency is the right measure, as it bounds them all: with a quantile, many messages would still arrive before
they were sent.  But one wrong stamp must not move a venue.  So each file keeps its `KEPT` least latencies, and of those
of all files together one in `PER_GLITCH` is passed over.  (On the recordings of Binance, whose collector ran 1.27 s
behind, that moves the shift by 0.1 to 0.3 ms; the clocks drift by 2 ms in 10 minutes.)
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import attrs
import numpy as np

from market.archive.hour import read_hour
from market.archive.layout import venue_files
from market.archive.window import Window
from market.columns import IntArray
from market.units import MS, Nanos

LEAST: Final = 1 * MS
KEPT: Final = 64
PER_GLITCH: Final = 10_000


@attrs.frozen
class ClockShift:
    """What to add to a venue's stamps, and what it rests on.

    Attributes:
        shift: ns, never above 0.
        least_latency: least believable ts_recv - ts_venue of the stamps as recorded, ns; 0 without data.
        n_messages: how many were measured, over all symbols and kinds of the venue.
        n_passed_over: how many had a smaller latency than that and were taken for glitches.
    """

    shift: Nanos
    least_latency: Nanos
    n_messages: int
    n_passed_over: int


class LeastLatencies:
    """Keeps the least of all latencies it is shown."""

    def __init__(self) -> None:
        self.n = 0
        self._least: IntArray = np.empty(0, np.int64)

    def add(self, latencies: IntArray) -> None:
        self.n += len(latencies)
        both = np.concatenate((self._least, latencies))
        if len(both) > KEPT:
            both = np.partition(both, KEPT - 1)[:KEPT]
        self._least = np.sort(both)

    def values(self) -> tuple[Nanos, ...]:
        return tuple(self._least.tolist())


def estimate_clock_shift(root: Path, venue: str, window: Window | None = None) -> ClockShift:
    """Return the shift of a venue's clock, shared by all its symbols and kinds, from what its files say."""
    return clock_shift_of(venue_files(root, venue, window))


def clock_shift_of(files: Iterable[Path]) -> ClockShift:
    """Return the shift of the clock that stamped these files."""
    n = 0
    least = LeastLatencies()
    for path in files:
        hour = read_hour(path)
        n += hour.n_latencies
        least.add(np.array(hour.least_latencies, np.int64))
    if n == 0:
        return ClockShift(0, 0, 0, 0)
    passed_over = min(n // PER_GLITCH, KEPT - 1)
    latency = least.values()[passed_over]
    return ClockShift(min(0, latency - LEAST), latency, n, passed_over)
