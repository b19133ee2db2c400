"""What is measured on a tape of trades, at every trade of a recording: over the last ones up to it.

`rows` is int64 (R, 5) of (ts_venue, ts_recv, ticks, lots, taker): a recording is a ring that is just full, and the
trades up to the r-th are the ring with a count of r + 1.  So each figure comes out of the tape's own kernel.
"""

import math

import numpy as np
import numpy.typing as npt

from market.jit import njit
from market.tape_kernels import n_since, tape_flow_pnl, tape_imbalance

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@njit
def _sample(rows: IntArray, count: IntArray, n: int, window: int) -> int:
    """Return how many of the newest trades are looked at: the last `n` (-1: any), no older than `window` ns (-1)."""
    found = int(count[0]) if n < 0 else min(n, int(count[0]))
    if window >= 0:
        found = min(found, n_since(rows, count, rows[count[0] - 1, 1] - window))
    return found


@njit
def rolling_imbalance(
    rows: IntArray, n: int, window: int, decay: float, min_n: int, default: float, out: FloatArray
) -> None:
    """Fill `out` (R,) with the imbalance of the sample up to each trade; `default` for fewer than `min_n` trades."""
    count = np.zeros(1, dtype=np.int64)
    for r in range(rows.shape[0]):
        count[0] = r + 1
        found = _sample(rows, count, n, window)
        out[r] = default if found < max(min_n, 1) else tape_imbalance(rows, count, found, decay)


@njit
def rolling_flow_pnl(
    rows: IntArray,
    scale: FloatArray,
    n: int,
    window: int,
    min_n: int,
    default: float,
    norm_volume: bool,
    norm_variance: bool,
    out: FloatArray,
) -> None:
    """Fill `out` (R,) with the flow PnL of the sample up to each trade, as `market.Tape.flow_pnl` defines it."""
    count = np.zeros(1, dtype=np.int64)
    for r in range(rows.shape[0]):
        count[0] = r + 1
        found = _sample(rows, count, n, window)
        if found < max(min_n, 1):
            out[r] = default
            continue
        pnl, volume = tape_flow_pnl(rows, count, found, scale)
        if norm_volume:
            pnl /= volume
        out[r] = pnl / math.sqrt(found) if norm_variance else pnl
