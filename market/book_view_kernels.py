"""The analytics of market.kernels, asked of a ladder: one call each, so that a quoter pays one crossing into a kernel.

`depth` is how many levels of a side are shown, `side` 0 for bids and 1 for asks as in market.book_kernels.
"""

import numpy as np
import numpy.typing as npt

from market.book_kernels import ASK, BID
from market.jit import njit
from market.kernels import (
    cumulative,
    imbalance,
    impact_price,
    price_of,
    size_of,
    total_lots,
    weighted_mid,
    worst_price,
)

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@njit
def shown(span: IntArray, side: int, depth: int) -> tuple[int, int]:
    """Return the places [begin, end) of the first `depth` levels of a side; none for a negative depth."""
    begin = int(span[side, 0])
    return begin, max(begin, min(begin + depth, int(span[side, 1])))


@njit
def book_vamp(
    ladder: IntArray, span: IntArray, scale: FloatArray, depth: int, bid_notional: float, ask_notional: float
) -> float:
    """Return the mean of the two sides' impact prices."""
    begin, end = shown(span, BID, depth)
    below = impact_price(ladder[BID], begin, end, scale, bid_notional)
    begin, end = shown(span, ASK, depth)
    return (below + impact_price(ladder[ASK], begin, end, scale, ask_notional)) / 2.0


@njit
def book_impact_price(
    ladder: IntArray, span: IntArray, scale: FloatArray, depth: int, side: int, notional: float
) -> float:
    """Return the average price of taking `notional` from a side."""
    begin, end = shown(span, side, depth)
    return impact_price(ladder[side], begin, end, scale, notional)


@njit
def book_worst_price(ladder: IntArray, span: IntArray, scale: FloatArray, depth: int, side: int, size: float) -> float:
    """Return the last price that taking `size` from a side reaches."""
    begin, end = shown(span, side, depth)
    return worst_price(ladder[side], begin, end, scale, size)


@njit
def book_cumulative(
    ladder: IntArray, span: IntArray, scale: FloatArray, depth: int, side: int, price: float
) -> tuple[float, float]:
    """Return (size, notional) of a side at `price` or better."""
    begin, end = shown(span, side, depth)
    return cumulative(ladder[side], begin, end, scale, price, 1 if side == BID else -1)


@njit
def book_imbalance(ladder: IntArray, span: IntArray, levels: int) -> float:
    """Return the imbalance of the first `levels` levels."""
    begin, end = shown(span, BID, levels)
    bid_lots = total_lots(ladder[BID], begin, end)
    begin, end = shown(span, ASK, levels)
    return imbalance(bid_lots, total_lots(ladder[ASK], begin, end))


@njit
def book_weighted_mid(ladder: IntArray, span: IntArray, scale: FloatArray, levels: int) -> float:
    """Return the weighted mid of the first `levels` levels."""
    bid_begin, bid_end = shown(span, BID, levels)
    ask_begin, ask_end = shown(span, ASK, levels)
    return weighted_mid(ladder[BID], bid_begin, bid_end, ladder[ASK], ask_begin, ask_end, scale)


@njit
def book_prices(ladder: IntArray, span: IntArray, scale: FloatArray, depth: int, side: int) -> FloatArray:
    """Return the shown levels of a side as new (n, 2) rows of (price, size)."""
    begin, end = shown(span, side, depth)
    out = np.empty((end - begin, 2))
    for i in range(begin, end):
        out[i - begin, 0] = price_of(ladder[side, i, 0], scale)
        out[i - begin, 1] = size_of(ladder[side, i, 1], scale)
    return out
