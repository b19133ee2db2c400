"""A ring of mids, for volatility by count or by time."""

import numpy as np
import numpy.typing as npt

from market.kernels import volatility
from market.units import Nanos

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


class MidSamples:
    """The last mids of one book, put in by whoever samples it: at each change, or by a timer.

    A sample is the last `n` mids, or those later than `since` (ns), or all that are kept; oldest first.
    """

    __slots__ = ("_mids", "_times", "n_total")

    def __init__(self, capacity: int = 1024) -> None:
        if capacity < 1:
            raise ValueError(f"capacity must be at least 1, got {capacity}")
        # each value is written twice, a capacity apart, so that any sample is one slice
        self._times: IntArray = np.zeros(2 * capacity, dtype=np.int64)
        self._mids: FloatArray = np.zeros(2 * capacity)
        self.n_total = 0

    def append(self, ts: Nanos, mid: float) -> None:
        """Put in the mid at `ts`, which never decreases; a NaN (a book with an empty side) is left out."""
        if mid != mid:
            return
        capacity = len(self._mids) // 2
        place = self.n_total % capacity
        self._times[place] = self._times[place + capacity] = ts
        self._mids[place] = self._mids[place + capacity] = mid
        self.n_total += 1

    def __len__(self) -> int:
        return min(self.n_total, len(self._mids) // 2)

    def _slice(self, n: int | None, since: Nanos | None) -> slice:
        n_kept = len(self)
        end = self.n_total % (len(self._mids) // 2) + n_kept if self.n_total > n_kept else n_kept
        begin = end - (n_kept if n is None else max(0, min(n, n_kept)))
        if since is not None:
            begin += int(np.searchsorted(self._times[begin:end], since, side="right"))
        return slice(begin, end)

    def sample(self, n: int | None = None, since: Nanos | None = None) -> FloatArray:
        """Return a copy of a sample's mids, (n,)."""
        return self._mids[self._slice(n, since)].copy()

    def times(self, n: int | None = None, since: Nanos | None = None) -> IntArray:
        """Return a copy of a sample's times, (n,)."""
        return self._times[self._slice(n, since)].copy()

    def volatility(
        self, n: int | None = None, since: Nanos | None = None, relative: bool = False, weighted: bool = False
    ) -> float:
        """Return the standard deviation of the mids' differences, those of zero left out.

        `relative`: divided by the last mid; `weighted`: exponential weights, see `market.kernels.volatility`.  0 when
        nothing moved; NaN for fewer than two mids.
        """
        return volatility(self._mids[self._slice(n, since)], bool(relative), bool(weighted))
