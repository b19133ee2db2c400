"""Put the level rows of messages into the order that BookColumns has: bids then asks, each level once."""

from typing import Final

import numpy as np
import numpy.typing as npt

from market.jit import njit

IntArray = npt.NDArray[np.int64]

# places in `counts`
REPEATED_LEVELS: Final = 0
EMPTY_LEVELS: Final = 1
UNSORTED: Final = 2


@njit
def arrange(
    first_row: IntArray,
    is_snapshot: IntArray,
    side: IntArray,
    ticks: IntArray,
    lots: IntArray,
    n_bids: IntArray,
    n_asks: IntArray,
    levels: IntArray,
    counts: IntArray,
) -> int:
    """Arrange M messages.

    In a full book levels of size 0 are dropped and the sides sorted, best first.  Where a message has a level twice,
    the later row counts.  Rows of price 0 are padding.

    Args:
        first_row: (M + 1,) where the rows of each message begin; the last is where all end.
        side: of each row, 1 bid, -1 ask.
        n_bids, n_asks: (M,) filled.
        levels: (rows, 2) filled with (ticks, lots).
        counts: what was dropped or sorted is added to it.

    Returns:
        How many rows of `levels` are filled.
    """
    at = 0
    for message in range(is_snapshot.shape[0]):
        is_full = is_snapshot[message] != 0
        was_sorted = True
        for sign in (1, -1):
            begin = at
            for row in range(first_row[message], first_row[message + 1]):
                if side[row] != sign or ticks[row] == 0:
                    continue
                if is_full and lots[row] == 0:
                    counts[EMPTY_LEVELS] += 1
                    continue
                levels[at, 0] = ticks[row]
                levels[at, 1] = lots[row]
                at += 1
            if not _is_in_order(levels, begin, at, -sign) and (is_full or not _is_in_order(levels, begin, at, sign)):
                was_sorted = False
                at = _tidy(levels, begin, at, -sign, is_full, counts)
            if sign == 1:
                n_bids[message] = at - begin
            else:
                n_asks[message] = at - begin
        counts[UNSORTED] += is_full and not was_sorted
    return at


@njit
def _is_in_order(levels: IntArray, begin: int, end: int, sign: int) -> bool:
    """Tell whether prices go up (sign 1) or down (-1) from row to row."""
    n_steps = 0
    for row in range(begin + 1, end):
        n_steps += sign * levels[row, 0] > sign * levels[row - 1, 0]
    return n_steps == max(0, end - begin - 1)


@njit
def _tidy(levels: IntArray, begin: int, end: int, sign: int, is_full: bool, counts: IntArray) -> int:
    """Sort rows and keep the last of each price; return where they end.  A delta without repeats stays as it is."""
    rows = levels[begin:end].copy()
    order = np.argsort(sign * rows[:, 0], kind="mergesort")  # stable: the later row stays the later
    n_repeated = 0
    for i in range(1, order.shape[0]):
        n_repeated += rows[order[i], 0] == rows[order[i - 1], 0]
    if n_repeated == 0 and not is_full:
        return end
    counts[REPEATED_LEVELS] += n_repeated
    at = begin
    for i in range(order.shape[0]):
        if i + 1 < order.shape[0] and rows[order[i], 0] == rows[order[i + 1], 0]:
            continue
        levels[at, 0] = rows[order[i], 0]
        levels[at, 1] = rows[order[i], 1]
        at += 1
    return at
