"""The volatility of many samples of one series."""

import numpy as np
import numpy.typing as npt

from market.jit import njit
from market.kernels import volatility

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@njit
def volatilities(
    values: FloatArray, begin: IntArray, end: IntArray, is_relative: bool, is_weighted: bool
) -> FloatArray:
    """Return the (R,) volatilities of `values[begin[r]:end[r]]`, see market.kernels; NaN for fewer than two values."""
    out = np.empty(begin.shape[0])
    for r in range(begin.shape[0]):
        out[r] = volatility(values[begin[r] : end[r]], is_relative, is_weighted)
    return out
