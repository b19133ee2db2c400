"""The Hayashi-Yoshida sum over a grid of shifts."""

import numpy as np
import numpy.typing as npt

from market.jit import njit

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@njit
def shifted_covariances(
    first_ts: IntArray, first: FloatArray, second_ts: IntArray, second: FloatArray, shifts: IntArray
) -> FloatArray:
    """Return at each shift the sum of the products of all increments whose intervals overlap.

    The second series is looked at as if every stamp were `shift` ns earlier.  The increments of the second that overlap
    the interval (s, e] of the first follow one another, so their sum is the value at the first stamp >= e less that at
    the last stamp <= s: two places that only move forward, a walk of n + m steps instead of n * m products.

    Args:
        first_ts, second_ts: ns, strictly increasing.
    """
    out = np.zeros(shifts.shape[0])
    n = first_ts.shape[0]
    m = second_ts.shape[0]
    if n < 2 or m < 2:
        return out
    for k in range(shifts.shape[0]):
        shift = shifts[k]
        low = 0  # the last stamp of the second at or before the interval's start, or the first stamp of all
        high = 0  # the first at or after its end, or the last of all
        total = 0.0
        for i in range(1, n):
            start = first_ts[i - 1] + shift
            end = first_ts[i] + shift
            while low + 1 < m and second_ts[low + 1] <= start:
                low += 1
            while high + 1 < m and second_ts[high] < end:
                high += 1
            total += (first[i] - first[i - 1]) * (second[high] - second[low])
        out[k] = total
    return out
