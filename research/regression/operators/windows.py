"""Functions of the last n rows, computed window by window.

Each window is summed afresh (n times the work of a running sum): a running variance of prices loses its digits over a
day, and one NaN would stay in it for good.
"""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from research.prices import FloatArray

CHUNK: Final = 1 << 21  # cells at a time, so that memory does not grow with n
OnWindows = Callable[[Sequence[FloatArray]], FloatArray]


def over_windows(compute: OnWindows, arrays: Sequence[FloatArray], n: int) -> FloatArray:
    """Return a function of the last n rows, the present one included.

    Args:
        compute: one (W, n) array per input, oldest first -> (W,).
        arrays: each (R,).
        n: rows in a window, >= 1.

    Returns:
        (R,); NaN for the first n - 1 rows, where a row of the window is NaN, and where the value is not finite.
    """
    size = arrays[0].size
    found = np.full(size, np.nan)
    if n > size:
        return found
    views = [sliding_window_view(a, n) for a in arrays]
    step = max(1, CHUNK // n)
    with np.errstate(all="ignore"):
        for start in range(0, size - n + 1, step):
            parts = [v[start : start + step] for v in views]
            values = np.asarray(compute(parts), dtype=np.float64)
            # an argmax or a rank of NaN is a number
            unknown = np.logical_or.reduce([np.isnan(p).any(axis=1) for p in parts])
            values = np.where(unknown | ~np.isfinite(values), np.nan, values)
            found[start + n - 1 : start + n - 1 + values.size] = values
    return found


def deviations(windows: FloatArray) -> FloatArray:
    """Return (W, n) differences from each window's mean; exactly 0 where a window holds one value only."""
    constant = (windows == windows[:, :1]).all(axis=1, keepdims=True)
    return np.where(constant, 0.0, windows - windows.mean(axis=1, keepdims=True))
