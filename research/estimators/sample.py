"""Which rows a figure looks back on: the last so many, or those of the last so many ns."""

import numpy as np
import numpy.typing as npt

from research.market_arrays import TradeArrays

IntArray = npt.NDArray[np.int64]

ANY = -1  # for the kernels: no limit by this measure


def limits(n: int | None, window: int | None) -> tuple[int, int]:
    """Return (n, window) as the kernels take them.

    Raises:
        ValueError: neither is given, or one is below 1.
    """
    if n is None and window is None:
        raise ValueError("a sample needs a limit: n (rows) or window (ns), or both")
    for name, value in (("n", n), ("window", window)):
        if value is not None and value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    return ANY if n is None else int(n), ANY if window is None else int(window)


def first_rows(ts: IntArray, at: IntArray, end: IntArray, n: int | None, window: int | None) -> IntArray:
    """Return (R,) the first row of each sample that ends before row `end[r]` and is taken at `at[r]`.

    Args:
        ts: (M,) stamps of the rows, never decreasing.
        window: a row counts while it is later than `at - window`.
    """
    most, age = limits(n, window)
    begin = np.zeros(len(end), dtype=np.int64) if most == ANY else np.maximum(end - most, 0)
    if age != ANY:
        begin = np.maximum(begin, np.searchsorted(ts, at - age, side="right"))
    return np.minimum(begin, end)


def tape_rows(trades: TradeArrays) -> IntArray:
    """Return trades as the rows of a tape, int64 (R, 5)."""
    return np.column_stack([trades.ts_venue, trades.ts_recv, trades.ticks, trades.lots, trades.taker])
