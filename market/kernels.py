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
def vamps(bids: IntArray, asks: IntArray, scale: FloatArray, notionals: FloatArray) -> FloatArray:
    """Return the (R, K) VAMPs of R books at K ascending notionals; NaN where a side is too thin.

    Raises:
        ValueError: the notionals do not ascend.
    """
    # the divisions for a whole book at once, where the CPU does four of them together: two thirds of the time
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
