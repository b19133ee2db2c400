"""Bars out of trades, one trade at a time.

The open bar is `open_ints` int64 (8,): start, end, open, high, low, close (ticks), lots, trades; and `open_floats`
float64 (2,): notional, base amount.  No trades: no bar is open.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from market.jit import njit
from market.kernels import base_of, notional_of

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

TIME: Final = 0  # what `limit` counts: ns, trades, lots, quote currency
TICK: Final = 1
VOLUME: Final = 2
DOLLAR: Final = 3

START: Final = 0
END: Final = 1
OPEN: Final = 2
HIGH: Final = 3
LOW: Final = 4
CLOSE: Final = 5
LOTS: Final = 6
TRADES: Final = 7


@njit
def add_trade(
    ts: int,
    ticks: int,
    lots: int,
    kind: int,
    limit: float,
    scale: FloatArray,
    open_ints: IntArray,
    open_floats: FloatArray,
    out_ints: IntArray,
    out_floats: FloatArray,
) -> bool:
    """Put a trade into the open bar; True if a bar was closed, which is then in `out_ints`, `out_floats`."""
    is_closed = False
    start = ts
    if kind == TIME:
        start = ts - ts % int(limit)
        if open_ints[TRADES] > 0 and start != open_ints[START]:
            close(open_ints, open_floats, out_ints, out_floats)
            is_closed = True
    if open_ints[TRADES] == 0:
        open_ints[START] = start
        open_ints[OPEN] = ticks
        open_ints[HIGH] = ticks
        open_ints[LOW] = ticks
        open_ints[LOTS] = 0
        open_floats[0] = 0.0
        open_floats[1] = 0.0
    open_ints[END] = start + int(limit) if kind == TIME else ts
    open_ints[HIGH] = max(open_ints[HIGH], ticks)
    open_ints[LOW] = min(open_ints[LOW], ticks)
    open_ints[CLOSE] = ticks
    open_ints[LOTS] += lots
    open_ints[TRADES] += 1
    open_floats[0] += notional_of(ticks, lots, scale)
    open_floats[1] += base_of(ticks, lots, scale)
    is_full = (
        (kind == TICK and open_ints[TRADES] >= limit)
        or (kind == VOLUME and open_ints[LOTS] >= limit)
        or (kind == DOLLAR and open_floats[0] >= limit)
    )
    if is_full:
        close(open_ints, open_floats, out_ints, out_floats)
        is_closed = True
    return is_closed


@njit
def close(open_ints: IntArray, open_floats: FloatArray, out_ints: IntArray, out_floats: FloatArray) -> None:
    """Move the open bar into `out_ints`, `out_floats`."""
    for i in range(open_ints.shape[0]):
        out_ints[i] = open_ints[i]
    out_floats[0] = open_floats[0]
    out_floats[1] = open_floats[1]
    open_ints[TRADES] = 0


@njit
def bars_of(
    ts: IntArray, ticks: IntArray, lots: IntArray, kind: int, limit: float, scale: FloatArray
) -> tuple[IntArray, FloatArray]:
    """Return the closed bars of R trades, int64 (B, 8) and float64 (B, 2); one that is still open is left out."""
    n_trades = ts.shape[0]
    ints = np.empty((n_trades, 8), dtype=np.int64)
    floats = np.empty((n_trades, 2))
    open_ints = np.zeros(8, dtype=np.int64)
    open_floats = np.zeros(2)
    n = 0
    for r in range(n_trades):
        if add_trade(ts[r], ticks[r], lots[r], kind, limit, scale, open_ints, open_floats, ints[n], floats[n]):
            n += 1
    return ints[:n].copy(), floats[:n].copy()
