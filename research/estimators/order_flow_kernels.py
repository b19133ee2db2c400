"""Order flow between two books, level by level."""

import numpy as np
import numpy.typing as npt

from market.jit import njit

IntArray = npt.NDArray[np.int64]


@njit
def _flow(sign: int, before: int, lots_before: int, after: int, lots_after: int) -> int:
    """Return what came to a level of a side in lots, less what left; `sign` is +1 for bids, -1 for asks.

    A better price brings the whole new queue, a worse one takes the old queue away.  A level that is not there (0 lots)
    is worse than any.
    """
    if lots_before == 0 or lots_after == 0:
        return lots_after - lots_before
    if sign * after > sign * before:
        return lots_after
    if sign * after < sign * before:
        return -lots_before
    return lots_after - lots_before


@njit
def flow_between(bids_before: IntArray, asks_before: IntArray, bids: IntArray, asks: IntArray, out: IntArray) -> None:
    """Fill `out` (levels,) with the order flow from one book to the next, in lots, positive when buyers came.

    The books are (levels, 2) of (ticks, lots), 0 lots where there is no level.
    """
    for i in range(out.shape[0]):
        bought = _flow(1, bids_before[i, 0], bids_before[i, 1], bids[i, 0], bids[i, 1])
        sold = _flow(-1, asks_before[i, 0], asks_before[i, 1], asks[i, 0], asks[i, 1])
        out[i] = bought - sold


@njit
def flows(bids: IntArray, asks: IntArray, out: IntArray) -> None:
    """Fill `out` (R, levels) with the order flow into each of R books from the one before; 0 for the first."""
    for i in range(out.shape[1]):
        out[0, i] = 0
    for r in range(1, out.shape[0]):
        flow_between(bids[r - 1], asks[r - 1], bids[r], asks[r], out[r])
