"""The tape: a ring of the last trades on plain arrays, and what is measured on it.

`rows` is int64 (CAP, 5) of (ts_venue, ts_recv, ticks, lots, taker), `count` int64 (1,) how many were ever put in: the
newest stands at `(count - 1) % CAP`.  A whole recording is a tape too: R rows and a count of R.  `n` below is the
number of newest trades looked at, cut to those that are kept; `scale` as in market.kernels.
"""

import math

import numpy as np
import numpy.typing as npt

from market.jit import njit
from market.kernels import base_of, notional_of, price_of, size_of

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@njit
def append_trade(
    rows: IntArray, count: IntArray, ts_venue: int, ts_recv: int, ticks: int, lots: int, taker: int
) -> None:
    """Put a trade into the ring."""
    place = count[0] % rows.shape[0]
    rows[place, 0] = ts_venue
    rows[place, 1] = ts_recv
    rows[place, 2] = ticks
    rows[place, 3] = lots
    rows[place, 4] = taker
    count[0] += 1


@njit
def kept(rows: IntArray, count: IntArray, n: int) -> int:
    """Return `n`, cut to the number of trades that the ring holds."""
    return max(0, min(n, int(count[0]), int(rows.shape[0])))


@njit
def n_since(rows: IntArray, count: IntArray, since: int) -> int:
    """Return how many kept trades reached us after `since` (`ts_recv` never decreases)."""
    low = 0
    high = kept(rows, count, rows.shape[0])
    while low < high:  # the first `low` newest are after it, those past `high` are not
        middle = (low + high) >> 1
        if rows[(count[0] - 1 - middle) % rows.shape[0], 1] > since:
            low = middle + 1
        else:
            high = middle
    return low


@njit
def tape_rows(rows: IntArray, count: IntArray, n: int) -> IntArray:
    """Return the last `n` trades as new rows, oldest first."""
    n = kept(rows, count, n)
    out = np.empty((n, 5), dtype=np.int64)
    for i in range(n):
        place = (count[0] - n + i) % rows.shape[0]
        for column in range(5):  # a slice here takes numba 3 s to compile
            out[i, column] = rows[place, column]
    return out


@njit
def tape_sample(rows: IntArray, count: IntArray, n: int, scale: FloatArray) -> FloatArray:
    """Return the last `n` trades as new rows (ts_recv, price, size, taker), oldest first."""
    n = kept(rows, count, n)
    out = np.empty((n, 4))
    for i in range(n):
        place = (count[0] - n + i) % rows.shape[0]
        out[i, 0] = rows[place, 1]
        out[i, 1] = price_of(rows[place, 2], scale)
        out[i, 2] = size_of(rows[place, 3], scale)
        out[i, 3] = rows[place, 4]
    return out


@njit
def tape_notional(rows: IntArray, count: IntArray, n: int, scale: FloatArray) -> float:
    """Return the notional of the last `n` trades, 0 if there are none."""
    n = kept(rows, count, n)
    total = 0.0
    for i in range(n):
        place = (count[0] - n + i) % rows.shape[0]
        total += notional_of(rows[place, 2], rows[place, 3], scale)
    return total


@njit
def tape_imbalance(rows: IntArray, count: IntArray, n: int, decay: float) -> float:
    """Return sum(w * taker * lots) / sum(w * lots) over the last `n` trades; NaN if there are none.

    A trade's weight is `decay` to the number of distinct venue times after its own, so that the fills of one taker
    order share a weight.  A NaN decay stands for 1 - 2 / (m + 1) of m distinct times, as in an average of span m.
    """
    n = kept(rows, count, n)
    if decay != decay:
        m = 0
        for k in range(n):
            m += k == 0 or rows[(count[0] - 1 - k) % rows.shape[0], 0] != rows[(count[0] - k) % rows.shape[0], 0]
        decay = 1.0 - 2.0 / (m + 1)
    signed = 0.0
    total = 0.0
    weight = 1.0
    for k in range(n):
        place = (count[0] - 1 - k) % rows.shape[0]
        if k > 0 and rows[place, 0] != rows[(count[0] - k) % rows.shape[0], 0]:
            weight *= decay
        signed += weight * rows[place, 4] * rows[place, 3]
        total += weight * rows[place, 3]
    return signed / total if n > 0 else math.nan


@njit
def flow_pnl_path(rows: IntArray, count: IntArray, n: int, scale: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the running profit of a zero-fee counterparty to each of the last `n` trades, and the volume, both (n,).

    After each trade its inventory is marked at that trade's price.  Both are in quote currency (an inverse
    instrument's profit, made in base, is valued at the same price).
    """
    n = kept(rows, count, n)
    pnl = np.empty(n)
    volume = np.empty(n)
    is_inverse = scale[5] != 0.0
    held = 0.0  # by the counterparty: base currency, or contracts * multiplier of an inverse instrument
    profit = 0.0  # in the settle asset
    traded = 0.0
    last = math.nan
    for i in range(n):
        place = (count[0] - n + i) % rows.shape[0]
        price = price_of(rows[place, 2], scale)
        if i > 0:
            profit += held * ((1.0 / last - 1.0 / price) if is_inverse else (price - last))
        last = price
        amount = notional_of(rows[place, 2], rows[place, 3], scale)
        held -= rows[place, 4] * (amount if is_inverse else base_of(rows[place, 2], rows[place, 3], scale))
        traded += amount
        pnl[i] = profit * price if is_inverse else profit
        volume[i] = traded
    return pnl, volume


@njit
def tape_flow_pnl(rows: IntArray, count: IntArray, n: int, scale: FloatArray) -> tuple[float, float]:
    """Return the last (profit, volume) of `flow_pnl_path`; (0, 0) if there are no trades."""
    pnl, volume = flow_pnl_path(rows, count, n, scale)
    return (pnl[-1], volume[-1]) if len(pnl) > 0 else (0.0, 0.0)
