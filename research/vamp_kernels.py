"""VAMP of many books at several notionals, in one walk of each side.

The figures are those of `market.kernels.vamps` to the bit, in two thirds of its time: the divisions that turn ticks and
lots into prices and sizes are made for a whole book at once, where the CPU does four of them together.
"""

import math

import numpy as np
import numpy.typing as npt

from market.jit import njit

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@njit
def vamps(bids: IntArray, asks: IntArray, scale: FloatArray, notionals: FloatArray) -> FloatArray:
    """Return the (R, K) VAMPs of R books at K ascending notionals; NaN where a side is too thin.

    Args:
        bids, asks: (R, depth, 2) of (ticks, lots), best first; a level with 0 lots ends the side.
        scale: see market.kernels.

    Raises:
        ValueError: the notionals do not ascend.
    """
    n_notionals = notionals.shape[0]
    for k in range(1, n_notionals):
        if not notionals[k - 1] <= notionals[k]:
            raise ValueError("notionals must ascend")
    first = 0
    while first < n_notionals and not notionals[first] >= 0.0:
        first += 1
    n_books = bids.shape[0]
    depth = bids.shape[1]
    num = np.empty(2 * depth)
    den = np.empty(2 * depth)
    multiplier = np.ones(2 * depth)
    for i in range(depth):
        num[2 * i] = scale[0]
        den[2 * i] = scale[1]
        num[2 * i + 1] = scale[2]
        den[2 * i + 1] = scale[3]
        multiplier[2 * i + 1] = scale[4]
    flat_bids = bids.reshape(n_books * depth * 2)
    flat_asks = asks.reshape(n_books * depth * 2)
    side = np.empty(2 * depth)
    below = np.empty(n_notionals)
    above = np.empty(n_notionals)
    out = np.full((n_books, n_notionals), math.nan)
    width = np.uint64(2 * depth)  # an unsigned index needs no look at whether it is negative
    for r in range(n_books):
        place = np.uint64(r) * width
        for i in range(width):
            side[i] = flat_bids[place + i] * num[i] / den[i] * multiplier[i]
        end = _walk(side, scale[5] != 0.0, notionals, first, below)
        for i in range(width):
            side[i] = flat_asks[place + i] * num[i] / den[i] * multiplier[i]
        end = min(end, _walk(side, scale[5] != 0.0, notionals, first, above))
        for k in range(first, end):
            out[r, k] = (below[k] + above[k]) / 2.0
    return out


@njit
def _walk(side: FloatArray, is_inverse: bool, notionals: FloatArray, first: int, out: FloatArray) -> int:
    """Put the impact prices of `notionals[first:]` into `out`; return the place of the first that was not reached.

    `side` holds price and amount (size * multiplier) of each level in turn.
    """
    k = first
    cost = 0.0
    base = 0.0
    for i in range(side.shape[0] // 2):
        price = side[2 * i]
        amount = side[2 * i + 1]
        if amount == 0.0:
            break
        value = amount if is_inverse else amount * price
        while k < notionals.shape[0] and cost + value >= notionals[k]:
            taken = base + (notionals[k] - cost) / price
            out[k] = notionals[k] / taken if taken > 0.0 else price
            k += 1
        if k == notionals.shape[0]:
            break
        cost += value
        base += amount / price if is_inverse else amount
    return k
