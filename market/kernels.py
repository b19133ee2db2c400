"""What a book is worth looking at for: mid, microprice, imbalance, impact prices, VAMP, volatility.

Prices and sizes come as ints; `scale` (`Instrument.scale()`) is float64 (6,), what turns them into quote currency:
tick_num, tick_den, lot_num, lot_den, multiplier, inverse (1 or 0).

One side of a book is `levels` int64 (n, 2) of (ticks, lots), best first, of which rows [begin, end) count: so a ladder
need not be cut.  Arrays of R books are `bids`, `asks` int64 (R, depth, 2) as `book_kernels.play` leaves them: a level
with 0 lots ends the side.  Both use the same arithmetic, + - * / and sqrt only, to the same bits.  What cannot be
computed is NaN: an empty side, or one too thin for the notional.
"""

import math

import numpy as np
import numpy.typing as npt

from market.jit import njit

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


# --- one level -------------------------------------------------------------------------------------------------------


@njit
def price_of(ticks: float, scale: FloatArray) -> float:
    """Return a price in ticks as the nearest float."""
    return float(ticks * scale[0] / scale[1])


@njit
def size_of(lots: float, scale: FloatArray) -> float:
    """Return a size in lots as the nearest float."""
    return float(lots * scale[2] / scale[3])


@njit
def notional_of(ticks: float, lots: float, scale: FloatArray) -> float:
    """Return what a size at a price is worth in quote currency; for an inverse instrument the price does not matter."""
    amount = size_of(lots, scale) * scale[4]
    return amount if scale[5] != 0.0 else float(amount * price_of(ticks, scale))


@njit
def base_of(ticks: float, lots: float, scale: FloatArray) -> float:
    """Return the amount of base currency behind a size: notional / price."""
    amount = size_of(lots, scale) * scale[4]
    return float(amount / price_of(ticks, scale)) if scale[5] != 0.0 else amount


# --- the touch: ticks and lots of the best levels, 0 ticks for an empty side ------------------------------------------


@njit
def mid(bid: int, ask: int, scale: FloatArray) -> float:
    """Return the mean of the best prices."""
    if bid == 0 or ask == 0:
        return math.nan
    return float((bid + ask) * scale[0] / (2.0 * scale[1]))


@njit
def spread(bid: int, ask: int, scale: FloatArray) -> float:
    """Return best ask - best bid."""
    if bid == 0 or ask == 0:
        return math.nan
    return price_of(ask - bid, scale)


@njit
def microprice(bid: int, bid_lots: int, ask: int, ask_lots: int, scale: FloatArray) -> float:
    """Return the mean of the best prices, each weighted by the size of the other side.

    This is the "weighted mid" from which Stoikov, "The micro-price", Quantitative Finance 18 (2018), sets out; his own
    micro-price, the limit of expected mids, is fitted to data.
    """
    if bid == 0 or ask == 0:
        return math.nan
    return price_of((float(bid) * ask_lots + float(ask) * bid_lots) / (bid_lots + ask_lots), scale)


# --- one side --------------------------------------------------------------------------------------------------------


@njit
def n_levels(levels: IntArray) -> int:
    """Return how many leading rows are levels: the first with 0 lots ends them."""
    n = 0
    while n < levels.shape[0] and levels[n, 1] != 0:
        n += 1
    return n


@njit
def total_lots(levels: IntArray, begin: int, end: int) -> int:
    """Return the lots of rows [begin, end)."""
    lots = 0
    for i in range(begin, end):
        lots += levels[i, 1]
    return lots


@njit
def impact_price(levels: IntArray, begin: int, end: int, scale: FloatArray, notional: float) -> float:
    """Return the average price of taking `notional` (quote currency) from a side: sum N / sum (N / p).

    The last level is taken in part.  Of a notional of 0 it is the best price.
    """
    if not notional >= 0.0:
        return math.nan
    cost = 0.0
    base = 0.0
    for i in range(begin, end):
        value = notional_of(levels[i, 0], levels[i, 1], scale)
        if cost + value >= notional:
            price = price_of(levels[i, 0], scale)
            base += (notional - cost) / price
            return notional / base if base > 0.0 else price
        cost += value
        base += base_of(levels[i, 0], levels[i, 1], scale)
    return math.nan


@njit
def worst_price(levels: IntArray, begin: int, end: int, scale: FloatArray, size: float) -> float:
    """Return the price of the last level that taking `size` from a side reaches."""
    if not size >= 0.0:
        return math.nan
    lots = 0
    for i in range(begin, end):
        lots += levels[i, 1]
        if size_of(lots, scale) >= size:
            return price_of(levels[i, 0], scale)
    return math.nan


@njit
def cumulative(
    levels: IntArray, begin: int, end: int, scale: FloatArray, price: float, sign: int
) -> tuple[float, float]:
    """Return (size, notional) of the levels at `price` or better; `sign` is +1 for bids, -1 for asks."""
    lots = 0
    notional = 0.0
    for i in range(begin, end):
        if sign * price_of(levels[i, 0], scale) < sign * price:
            break
        lots += levels[i, 1]
        notional += notional_of(levels[i, 0], levels[i, 1], scale)
    return size_of(lots, scale), notional


# --- both sides ------------------------------------------------------------------------------------------------------


@njit
def imbalance(bid_lots: int, ask_lots: int) -> float:
    """Return (bids - asks) / (bids + asks) of displayed lots, in [-1, 1]: positive when buyers stand thicker."""
    if bid_lots + ask_lots == 0:
        return math.nan
    return (bid_lots - ask_lots) / (bid_lots + ask_lots)


@njit
def mean_ticks(levels: IntArray, begin: int, end: int) -> float:
    """Return the size-weighted mean price of rows [begin, end) in ticks."""
    total = 0.0
    for i in range(begin, end):
        total += float(levels[i, 0]) * levels[i, 1]
    return total / total_lots(levels, begin, end) if end > begin else math.nan


@njit
def weighted_mid(
    bids: IntArray, bid_begin: int, bid_end: int, asks: IntArray, ask_begin: int, ask_end: int, scale: FloatArray
) -> float:
    """Return the microprice of two sides each taken as one level: mean price and total size of its rows."""
    bid_lots = float(total_lots(bids, bid_begin, bid_end))
    ask_lots = float(total_lots(asks, ask_begin, ask_end))
    if bid_lots == 0.0 or ask_lots == 0.0:
        return math.nan
    bid = mean_ticks(bids, bid_begin, bid_end)
    ask = mean_ticks(asks, ask_begin, ask_end)
    return price_of((bid * ask_lots + ask * bid_lots) / (bid_lots + ask_lots), scale)


# --- arrays of books -------------------------------------------------------------------------------------------------


@njit
def mids(bids: IntArray, asks: IntArray, scale: FloatArray) -> FloatArray:
    """Return the (R,) mids of R books."""
    out = np.empty(bids.shape[0])
    for r in range(bids.shape[0]):
        out[r] = mid(bids[r, 0, 0], asks[r, 0, 0], scale)
    return out


@njit
def microprices(bids: IntArray, asks: IntArray, scale: FloatArray) -> FloatArray:
    """Return the (R,) microprices of R books."""
    out = np.empty(bids.shape[0])
    for r in range(bids.shape[0]):
        out[r] = microprice(bids[r, 0, 0], bids[r, 0, 1], asks[r, 0, 0], asks[r, 0, 1], scale)
    return out


@njit
def weighted_mids(bids: IntArray, asks: IntArray, scale: FloatArray, levels: int) -> FloatArray:
    """Return the (R,) weighted mids of the first `levels` levels of R books."""
    out = np.empty(bids.shape[0])
    for r in range(bids.shape[0]):
        n_bids = min(levels, n_levels(bids[r]))
        n_asks = min(levels, n_levels(asks[r]))
        out[r] = weighted_mid(bids[r], 0, n_bids, asks[r], 0, n_asks, scale)
    return out


@njit
def imbalances(bids: IntArray, asks: IntArray, levels: int) -> FloatArray:
    """Return the (R,) imbalances of the first `levels` levels of R books."""
    out = np.empty(bids.shape[0])
    for r in range(bids.shape[0]):
        n_bids = min(levels, n_levels(bids[r]))
        n_asks = min(levels, n_levels(asks[r]))
        out[r] = imbalance(total_lots(bids[r], 0, n_bids), total_lots(asks[r], 0, n_asks))
    return out


@njit
def impact_prices(sides: IntArray, scale: FloatArray, notionals: FloatArray) -> FloatArray:
    """Return the (R, K) impact prices of K notionals on R sides (R, depth, 2); one walk of a side serves all.

    Raises:
        ValueError: the notionals do not ascend.
    """
    n_notionals = notionals.shape[0]
    for k in range(1, n_notionals):
        if not notionals[k - 1] <= notionals[k]:
            raise ValueError("notionals must ascend")
    out = np.full((sides.shape[0], n_notionals), math.nan)
    first = 0
    while first < n_notionals and not notionals[first] >= 0.0:
        first += 1
    for r in range(sides.shape[0]):
        k = first
        cost = 0.0
        base = 0.0
        for i in range(n_levels(sides[r])):
            price = price_of(sides[r, i, 0], scale)
            value = notional_of(sides[r, i, 0], sides[r, i, 1], scale)
            while k < n_notionals and cost + value >= notionals[k]:
                taken = base + (notionals[k] - cost) / price
                out[r, k] = notionals[k] / taken if taken > 0.0 else price
                k += 1
            if k == n_notionals:
                break
            cost += value
            base += base_of(sides[r, i, 0], sides[r, i, 1], scale)
    return out


@njit
def vamps(bids: IntArray, asks: IntArray, scale: FloatArray, notionals: FloatArray) -> FloatArray:
    """Return the (R, K) VAMPs of R books at K ascending notionals: the means of the two impact prices."""
    below = impact_prices(bids, scale, notionals)
    above = impact_prices(asks, scale, notionals)
    for r in range(below.shape[0]):
        for k in range(below.shape[1]):
            below[r, k] = (below[r, k] + above[r, k]) / 2.0
    return below


# --- samples ---------------------------------------------------------------------------------------------------------


@njit
def volatility(values: FloatArray, is_relative: bool, is_weighted: bool) -> float:
    """Return the standard deviation of the differences of `values` (oldest first), those of zero left out.

    Args:
        is_relative: divide by the last value.
        is_weighted: the k-th newest difference weighs (1 - 2 / (m + 1))**k of m, as in an average of span m.

    Returns:
        0 when nothing moved; NaN of fewer than two values.
    """
    n = values.shape[0]
    if n < 2:
        return math.nan
    moves = np.empty(n)
    m = 0
    for i in range(n - 1, 0, -1):
        move = values[i] - values[i - 1]
        if move != 0.0:
            moves[m] = move
            m += 1
    decay = 1.0 - 2.0 / (m + 1) if is_weighted else 1.0
    mean = 0.0
    total = 0.0
    weight = 1.0
    for k in range(m):
        mean += weight * moves[k]
        total += weight
        weight *= decay
    mean = mean / total if m > 0 else 0.0
    variance = 0.0
    weight = 1.0
    for k in range(m):
        variance += weight * (moves[k] - mean) * (moves[k] - mean)
        weight *= decay
    deviation = math.sqrt(variance / total) if m > 0 else 0.0
    return float(deviation / values[n - 1]) if is_relative else deviation


@njit
def rolling_volatility(values: FloatArray, n: int, is_relative: bool, is_weighted: bool) -> FloatArray:
    """Return at each value the volatility of the last `n` values up to it; NaN at the first."""
    out = np.empty(values.shape[0])
    for i in range(values.shape[0]):
        out[i] = volatility(values[max(0, i + 1 - n) : i + 1], is_relative, is_weighted)
    return out
