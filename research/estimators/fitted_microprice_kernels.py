"""The states of Stoikov's micro-price and what is looked up in them.

A state is the touch's (spread bucket, imbalance bucket), numbered `spread * n_imbalances + imbalance`; -1 for a book
that is crossed or has an empty side.  `shape` is int64 (3,): spread buckets, imbalance buckets, ticks in a bucket.
"""

import math

import numpy as np
import numpy.typing as npt

from market.jit import njit
from market.kernels import price_of

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@njit
def state_of(bid: int, bid_lots: int, ask: int, ask_lots: int, shape: IntArray) -> int:
    """Return the state of a touch."""
    if bid == 0 or ask == 0 or bid >= ask:
        return -1
    spread = min((ask - bid - 1) // shape[2], shape[0] - 1)
    imbalance = min(bid_lots * shape[1] // (bid_lots + ask_lots), shape[1] - 1)
    return int(spread * shape[1] + imbalance)


@njit
def fitted(
    bid: int, bid_lots: int, ask: int, ask_lots: int, shape: IntArray, scale: FloatArray, adjustment: FloatArray
) -> float:
    """Return the mid plus its state's adjustment (ticks), as a price."""
    state = state_of(bid, bid_lots, ask, ask_lots, shape)
    if state < 0:
        return math.nan
    return price_of((bid + ask) / 2.0 + adjustment[state], scale)


@njit
def fitted_prices(
    bids: IntArray, asks: IntArray, shape: IntArray, scale: FloatArray, adjustment: FloatArray
) -> FloatArray:
    """Return the (R,) fitted micro-prices of R books (R, depth, 2)."""
    out = np.empty(bids.shape[0])
    for r in range(out.shape[0]):
        out[r] = fitted(bids[r, 0, 0], bids[r, 0, 1], asks[r, 0, 0], asks[r, 0, 1], shape, scale, adjustment)
    return out


@njit
def count_steps(
    bids: IntArray, asks: IntArray, shape: IntArray, quiet: IntArray, moved: IntArray, drift: IntArray
) -> None:
    """Count the steps from each book to the next, and each step's mirror image with bids and asks exchanged.

    Args:
        quiet, moved: (S, S) steps from state to state with the mid unchanged, and with it changed.
        drift: (S,) sum of the changes of the mid in the steps from a state, half ticks.
    """
    before = -1
    mid_before = 0
    for r in range(bids.shape[0]):
        state = state_of(bids[r, 0, 0], bids[r, 0, 1], asks[r, 0, 0], asks[r, 0, 1], shape)
        mid = bids[r, 0, 0] + asks[r, 0, 0]
        if before >= 0 and state >= 0:
            move = mid - mid_before
            mirror_before = mirrored(before, shape)
            mirror = mirrored(state, shape)
            if move == 0:
                quiet[before, state] += 1
                quiet[mirror_before, mirror] += 1
            else:
                moved[before, state] += 1
                moved[mirror_before, mirror] += 1
                drift[before] += move
                drift[mirror_before] -= move
        before = state
        mid_before = mid


@njit
def mirrored(state: int, shape: IntArray) -> int:
    """Return the state with bids and asks exchanged."""
    return int(state + shape[1] - 1 - 2 * (state % shape[1]))
