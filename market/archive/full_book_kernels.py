"""Follow a recording with a full book, counting what is odd in it."""

from typing import Final

import numpy as np
import numpy.typing as npt

from market.book_kernels import ASK, BID, apply, is_crossed, load
from market.jit import njit

IntArray = npt.NDArray[np.int64]

# places in `counts`
UNKNOWN_DELETES: Final = 0
CROSSED: Final = 1


@njit
def follow(
    ladder: IntArray,
    span: IntArray,
    is_snapshot: IntArray,
    start: IntArray,
    n_bids: IntArray,
    n_asks: IntArray,
    levels: IntArray,
    first: int,
    counts: IntArray,
) -> tuple[int, int]:
    """Put messages from `first` on into the book (market.book_kernels), adding to `counts`.

    Returns:
        (message, answer): their number and 0, or the message that did not go in and NEEDS_ROOM or INVALID.
    """
    for i in range(first, is_snapshot.shape[0]):
        if is_snapshot[i] != 0:
            answer = load(ladder, span, levels, start[i], n_bids[i], n_asks[i])
        else:
            answer = apply(ladder, span, levels, start[i], n_bids[i], n_asks[i])
        if answer < 0:
            return i, answer
        counts[UNKNOWN_DELETES] += answer
        counts[CROSSED] += is_crossed(ladder, span)
    return is_snapshot.shape[0], 0


@njit
def copy_out(ladder: IntArray, span: IntArray, levels: IntArray) -> None:
    """Write all levels to `levels`, (bids + asks, 2): bids then asks, best first."""
    row = 0
    for side in (BID, ASK):
        for place in range(span[side, 0], span[side, 1]):
            levels[row, 0] = ladder[side, place, 0]
            levels[row, 1] = ladder[side, place, 1]
            row += 1
