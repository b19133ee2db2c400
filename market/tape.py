"""The tape of trades as an actor holds it: its own ring, or a mirror of one that the simulation's engine fills."""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from market.instrument import Instrument
from market.kernels import volatility
from market.tape_kernels import (
    append_trade,
    n_since,
    tape_flow_pnl,
    tape_imbalance,
    tape_notional,
    tape_rows,
    tape_sample,
)
from market.units import Lots, Nanos, Ticks

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


class Tape:
    """The last trades of one instrument.

    A sample is the last `n` trades, or those that reached us after `since` (ns), or all that are kept; oldest first.
    """

    __slots__ = ("_count", "_notional", "_rows", "_scale", "instrument", "is_attached", "late")

    def __init__(self, instrument: Instrument, capacity: int = 1024) -> None:
        if capacity < 1:
            raise ValueError(f"capacity must be at least 1, got {capacity}")
        self.instrument = instrument
        self._scale = instrument.scale()
        self._rows = np.zeros((capacity, 5), dtype=np.int64)
        self._count = np.zeros(1, dtype=np.int64)
        self.late: Callable[[], None] | None = None  # a writer that is behind: whatever is read calls it first
        self._notional = (-1, 0, 0.0)  # trades ever, how many were asked for, and what they came to
        self.is_attached = False

    @classmethod
    def attached(cls, instrument: Instrument, rows: IntArray, count: IntArray) -> "Tape":
        """Return a mirror of another owner's ring, laid out as market.tape_kernels says."""
        tape = cls(instrument, 1)
        tape.attach(rows, count)
        return tape

    def attach(self, rows: IntArray, count: IntArray) -> None:
        """Mirror this ring of another owner from now on."""
        self._rows, self._count = rows, count
        self.is_attached = True

    def detach(self) -> None:
        """Take a private copy of the ring: it stands still until it is written by `append`."""
        self._rows, self._count = self._rows.copy(), self._count.copy()
        self.is_attached = False

    def append(self, ts_venue: Nanos, ts_recv: Nanos, ticks: Ticks, lots: Lots, taker: int) -> None:
        """Put a trade in; `taker` is +1 if the aggressor bought, -1 if it sold.

        Raises:
            ValueError: the tape is attached.
        """
        if self.is_attached:
            raise ValueError(f"the tape of {self.instrument.name} shows a ring of another owner; detach it to write it")
        append_trade(self._rows, self._count, ts_venue, ts_recv, ticks, lots, int(taker))

    def __len__(self) -> int:
        return min(self.n_total, len(self._rows))

    @property
    def n_total(self) -> int:
        """How many trades were ever put in, those that have left the ring included."""
        if self.late is not None:
            self.late()
        return self._count.item(0)

    def _n(self, n: int | None, since: Nanos | None) -> int:
        n_kept = len(self)
        if n is not None:
            n_kept = min(int(n), n_kept)
        if since is not None:
            n_kept = min(n_since(self._rows, self._count, int(since)), n_kept)
        return max(n_kept, 0)

    def rows(self, n: int | None = None, since: Nanos | None = None) -> IntArray:
        """Return a sample as read-only int64 (n, 5): ts_venue, ts_recv, ticks, lots, taker."""
        rows = tape_rows(self._rows, self._count, self._n(n, since))
        rows.flags.writeable = False
        return rows

    def sample(self, n: int | None = None, since: Nanos | None = None) -> FloatArray:
        """Return a sample as read-only float64 (n, 4): ts_recv (to about 256 ns), price, size, taker sign."""
        rows = tape_sample(self._rows, self._count, self._n(n, since), self._scale)
        rows.flags.writeable = False
        return rows

    def notional(self, n: int) -> float:
        """Return the sum of the notionals of the last `n` trades, quote currency; 0 if there are none."""
        if self.late is not None:
            self.late()
        n_total, n_asked, notional = self._notional
        if self._count.item(0) != n_total or n != n_asked:  # a quoter asks again with each book, trades are rarer
            notional = tape_notional(self._rows, self._count, n, self._scale)
            self._notional = (self._count.item(0), n, notional)
        return notional

    def imbalance(
        self,
        n: int | None = None,
        since: Nanos | None = None,
        decay: float | None = None,
        min_n: int = 10,
        default: float = 0.0,
    ) -> float:
        """Return the share of volume that buyers took less that which sellers took, in [-1, 1].

        Args:
            decay: a trade weighs `decay` to the number of distinct venue times after its own (the fills of one taker
                order share a weight); 1 for equal weights; None for 1 - 2 / (m + 1) of m distinct times.
            min_n: with fewer trades in the sample, the answer is `default`.
        """
        if decay is not None and not 0.0 <= decay <= 1.0:
            raise ValueError(f"decay must be between 0 and 1, got {decay}")
        n_sample = self._n(n, since)
        if n_sample < max(min_n, 1):
            return default
        return tape_imbalance(self._rows, self._count, n_sample, math.nan if decay is None else float(decay))

    def flow_pnl(
        self,
        n: int | None = None,
        since: Nanos | None = None,
        min_n: int = 10,
        default: float = 0.0,
        norm_volume: bool = True,
        norm_variance: bool = False,
    ) -> float:
        """Return what a zero-fee counterparty to every trade of the sample made, marked at its last price.

        Args:
            min_n: with fewer trades in the sample, the answer is `default`.
            norm_volume: divide by the notional traded: a fraction; else quote currency.
            norm_variance: divide by the square root of the number of trades.
        """
        n_sample = self._n(n, since)
        if n_sample < max(min_n, 1):
            return default
        pnl, volume = tape_flow_pnl(self._rows, self._count, n_sample, self._scale)
        if norm_volume:
            pnl /= volume
        return pnl / math.sqrt(n_sample) if norm_variance else pnl

    def volatility(
        self, n: int | None = None, since: Nanos | None = None, relative: bool = False, weighted: bool = False
    ) -> float:
        """Return the standard deviation of the trade prices' differences, those of zero left out.

        `relative`: divided by the last price; `weighted`: exponential weights, see `market.kernels.volatility`.  NaN
        for fewer than two trades.
        """
        prices = tape_sample(self._rows, self._count, self._n(n, since), self._scale)[:, 1].copy()
        return volatility(prices, bool(relative), bool(weighted))
