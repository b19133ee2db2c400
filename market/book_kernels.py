"""The ladder: the one representation of a book, on plain arrays.

`ladder` is int64 (2, CAP, 2): side (0 bid, 1 ask), place, (ticks, lots).  `span` is int64 (2, 2): the live levels of a
side stand at `ladder[side, span[side, 0]:span[side, 1]]`, best first, none of them with 0 lots.  They are kept away
from both ends: most changes are near the touch, so a level goes in or out by moving the shorter part of its side.

A writer that answers `NEEDS_ROOM` or `INVALID` has changed nothing.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from market.jit import njit

IntArray = npt.NDArray[np.int64]

BID: Final = 0
ASK: Final = 1
NEEDS_ROOM: Final = -1  # the side does not fit into CAP levels
INVALID: Final = -2  # a price below 1 tick, a negative size; in a snapshot also a zero size or a side out of order

_ONE: Final = np.uint64(1)
_LEVEL: Final = np.uint64(2)  # words of a level


@njit
def clear(ladder: IntArray, span: IntArray) -> None:
    """Take all levels out."""
    span[:] = ladder.shape[1] // 2


@njit
def load(ladder: IntArray, span: IntArray, levels: IntArray, start: int, n_bids: int, n_asks: int) -> int:
    """Replace the book by a snapshot: rows `levels[start:]` of (ticks, lots), its bids then its asks, best first.

    Returns:
        0, NEEDS_ROOM or INVALID.
    """
    if max(n_bids, n_asks) > ladder.shape[1]:
        return NEEDS_ROOM
    words = levels.reshape(-1)
    if not is_book(words, 2 * start, n_bids, n_asks):
        return INVALID
    put(ladder.reshape(-1), 0, span.reshape(-1), 0, ladder.shape[1], words, 2 * start, n_bids, n_asks)
    return 0


# The two halves of `load` on flat arrays, for who has ladders, spans and levels lie in larger ones: a view of an array
# costs 10 ns in a kernel (its owner is counted), and most of a replay is snapshots.


@njit
def is_book(words: IntArray, at: int, n_bids: int, n_asks: int) -> bool:
    """Tell whether the words from `at` on are a snapshot: (ticks, lots) of bids then asks, each best first."""
    here = np.uint64(at)
    is_sound = True
    for side in range(2):
        n = n_bids if side == BID else n_asks
        sign = 1 if side == BID else -1
        before = np.iinfo(np.int64).max
        for _ in range(n):
            better = sign * words[here]
            is_sound &= (words[here] > 0) & (words[here + _ONE] > 0) & (better < before)
            before = better
            here += _LEVEL
    return is_sound


@njit
def put(
    ladders: IntArray,
    at_ladder: int,
    spans: IntArray,
    at_span: int,
    capacity: int,
    words: IntArray,
    at: int,
    n_bids: int,
    n_asks: int,
) -> None:
    """Replace the book at these places by a snapshot that is known to be sound, and for which there is room."""
    source = np.uint64(at)
    for side in range(2):
        n = n_bids if side == BID else n_asks
        place = (capacity - n) // 2
        spans[at_span + 2 * side] = place
        spans[at_span + 2 * side + 1] = place + n
        target = np.uint64(at_ladder + 2 * (side * capacity + place))
        n_words = np.uint64(2 * n)
        for i in range(n_words):
            ladders[target + i] = words[source + i]
        source += n_words


@njit
def apply(ladder: IntArray, span: IntArray, levels: IntArray, start: int, n_bids: int, n_asks: int) -> int:
    """Change the book by a delta: rows `levels[start:]` of (ticks, new lots), its bids then its asks, in any order.

    Returns:
        How many rows deleted (0 lots) a level that is not there, which changes nothing; or NEEDS_ROOM or INVALID.
    """
    capacity = ladder.shape[1]
    for side in range(2):
        begin = start if side == BID else start + n_bids
        end = begin + (n_bids if side == BID else n_asks)
        n_set = 0
        for i in range(begin, end):
            if levels[i, 0] < 1 or levels[i, 1] < 0:
                return INVALID
            n_set += levels[i, 1] > 0
        room = capacity - (span[side, 1] - span[side, 0])
        # every set may be a new level; only when that does not fit are those that are there told apart
        if n_set > room and _new_levels(ladder, span, side, levels, begin, end) > room:
            return NEEDS_ROOM
    n_unknown = 0
    for side in range(2):
        begin = start if side == BID else start + n_bids
        end = begin + (n_bids if side == BID else n_asks)
        for i in range(begin, end):
            if not _set_level(ladder, span, side, levels[i, 0], levels[i, 1]):
                n_unknown += 1
    return n_unknown


@njit
def _new_levels(ladder: IntArray, span: IntArray, side: int, levels: IntArray, begin: int, end: int) -> int:
    n = 0
    for i in range(begin, end):
        n += levels[i, 1] > 0 and size_at(ladder, span, side, levels[i, 0]) == 0
    return n


@njit
def place_of(ladder: IntArray, span: IntArray, side: int, ticks: int) -> int:
    """Return the place of the level at `ticks`, or where it would be put: the first that is no better than it."""
    sign = -1 if side == BID else 1
    wanted = sign * ticks
    row = ladder[side]
    # halving without a branch that the CPU would have to guess; unsigned as below
    place = np.uint64(span[side, 0])
    n = np.uint64(span[side, 1]) - place
    while n > _ONE:
        half = n >> _ONE
        place = place + half if sign * row[place + half - _ONE, 0] < wanted else place
        n -= half
    if n == _ONE and sign * row[place, 0] < wanted:
        place += _ONE
    return int(np.int64(place))


# Moving by a constant step with unsigned indices (no negative ones to wrap) lets the compiler move many words at once:
# 0.1 us for 365 levels, against 0.9 by the plain loop and 2.9 by slices.


@njit
def _move_up(ladder: IntArray, side: int, begin: int, end: int) -> None:
    """Move places [begin, end) one place towards the front."""
    flat = ladder[side].reshape(-1)
    for i in range(np.uint64(2 * begin), np.uint64(2 * end)):
        flat[i - _LEVEL] = flat[i]


@njit
def _move_down(ladder: IntArray, side: int, begin: int, end: int) -> None:
    """Move places [begin, end) one place towards the back."""
    flat = ladder[side].reshape(-1)
    last = np.uint64(2 * end - 1)
    for i in range(np.uint64(2 * (end - begin))):
        flat[last - i + _LEVEL] = flat[last - i]


@njit
def _slide(ladder: IntArray, side: int, begin: int, end: int, by: int) -> None:
    """Move places [begin, end) by `by` places; they may overlap."""
    step = 1 if by < 0 else -1
    i = begin if by < 0 else end - 1
    for _ in range(end - begin):
        ladder[side, i + by, 0] = ladder[side, i, 0]
        ladder[side, i + by, 1] = ladder[side, i, 1]
        i += step


@njit
def _set_level(ladder: IntArray, span: IntArray, side: int, ticks: int, lots: int) -> bool:
    """Set one level, for which there is room; False: it was to be deleted and is not there."""
    place = place_of(ladder, span, side, ticks)
    begin = span[side, 0]
    end = span[side, 1]
    is_there = place < end and ladder[side, place, 0] == ticks
    is_near_front = place - begin < end - place
    if lots == 0:
        if not is_there:
            return False
        if is_near_front:
            _move_down(ladder, side, begin, place)
            span[side, 0] = begin + 1
        else:
            _move_up(ladder, side, place + 1, end)
            span[side, 1] = end - 1
        return True
    if not is_there:
        capacity = ladder.shape[1]
        if (begin == 0 and is_near_front) or (end == capacity and not is_near_front):
            # no room on the near side: put all into the middle, so that this is rare
            by = (capacity - (end - begin)) // 2 - begin
            _slide(ladder, side, begin, end, by)
            begin += by
            end += by
            place += by
            if begin == 0:  # the one free place is at the end
                is_near_front = False
        if is_near_front:
            _move_up(ladder, side, begin, place)
            begin -= 1
            place -= 1
        else:
            _move_down(ladder, side, place, end)
            end += 1
        span[side, 0] = begin
        span[side, 1] = end
        ladder[side, place, 0] = ticks
    ladder[side, place, 1] = lots
    return True


@njit
def size_at(ladder: IntArray, span: IntArray, side: int, ticks: int) -> int:
    """Return the lots displayed at a price, 0 if none."""
    place = place_of(ladder, span, side, ticks)
    if place < span[side, 1] and ladder[side, place, 0] == ticks:
        return int(ladder[side, place, 1])
    return 0


@njit
def best(ladder: IntArray, span: IntArray, side: int) -> int:
    """Return the best price of a side in ticks, 0 if it is empty."""
    if span[side, 0] == span[side, 1]:
        return 0
    return int(ladder[side, span[side, 0], 0])


@njit
def nth(ladder: IntArray, span: IntArray, side: int, n: int) -> tuple[int, int]:
    """Return (ticks, lots) of the n-th level of a side, 0 the best; (0, 0) if there are not so many."""
    place = span[side, 0] + n
    if place >= span[side, 1]:
        return 0, 0
    return ladder[side, place, 0], ladder[side, place, 1]


@njit
def is_crossed(ladder: IntArray, span: IntArray) -> bool:
    """Tell whether the best bid is at or above the best ask."""
    bid = best(ladder, span, BID)
    ask = best(ladder, span, ASK)
    return bid != 0 and ask != 0 and bid >= ask


@njit
def top(ladder: IntArray, span: IntArray, out_bids: IntArray, out_asks: IntArray) -> None:
    """Copy the best levels into `out_bids`, `out_asks` (depth, 2); rows without a level become (0, 0)."""
    for side in range(2):
        out = out_bids if side == BID else out_asks
        for i in range(out.shape[0]):
            place = span[side, 0] + i
            is_level = place < span[side, 1]
            out[i, 0] = ladder[side, place, 0] if is_level else 0
            out[i, 1] = ladder[side, place, 1] if is_level else 0


@njit
def play(
    ladder: IntArray,
    span: IntArray,
    is_snapshot: IntArray,
    start: IntArray,
    n_bids: IntArray,
    n_asks: IntArray,
    levels: IntArray,
    first: int,
    last: int,
    out_bids: IntArray,
    out_asks: IntArray,
) -> tuple[int, int]:
    """Put messages [first, last) of a recording (market.columns.BookColumns) into the book, and note it after each.

    Sequence numbers are not looked at.

    Args:
        out_bids, out_asks: (last - first, depth, 2), filled like `top` does.

    Returns:
        (message, answer): `last` and the number of deletes of unknown levels, or the message that did not go in and
        NEEDS_ROOM or INVALID; one may grow the ladder and go on from there.
    """
    n_unknown = 0
    for i in range(first, last):
        if is_snapshot[i]:
            answer = load(ladder, span, levels, start[i], n_bids[i], n_asks[i])
        else:
            answer = apply(ladder, span, levels, start[i], n_bids[i], n_asks[i])
        if answer < 0:
            return i, answer
        n_unknown += answer
        top(ladder, span, out_bids[i - first], out_asks[i - first])
    return last, n_unknown


@njit
def regrow(ladder: IntArray, span: IntArray, out_ladder: IntArray, out_span: IntArray) -> int:
    """Copy a book into arrays of another capacity; 0 or NEEDS_ROOM."""
    capacity = out_ladder.shape[1]
    for side in range(2):
        if span[side, 1] - span[side, 0] > capacity:
            return NEEDS_ROOM
    for side in range(2):
        n = span[side, 1] - span[side, 0]
        place = (capacity - n) // 2
        out_span[side, 0] = place
        out_span[side, 1] = place + n
        for i in range(n):
            out_ladder[side, place + i, 0] = ladder[side, span[side, 0] + i, 0]
            out_ladder[side, place + i, 1] = ladder[side, span[side, 0] + i, 1]
    return 0
