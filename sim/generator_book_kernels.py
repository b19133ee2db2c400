"""The makers of a generated market, and the books that its venue publishes.

The market remembers its sizes: a level keeps its lots until a trade takes them, its maker redraws it, or the price
walks over it.  Makers act when a book is published, and a level that was traded is not redrawn before the book after
that one: the next book shows what was taken.
"""

from typing import NamedTuple

import numpy as np

from market.arithmetic_kernels import exp_, norm_ppf, uniform
from market.jit import njit
from sim.generator_path_kernels import FloatArray, IntArray

DEPTH = 20
WINDOW = 64  # ticks a side that makers fill
RING = 128  # places of the ring of sizes: at least WINDOW, a power of two
REDRAW = 0.12  # chance that a maker redraws a level between two books
HOLE = 0.16  # chance that a redrawn level stays empty
THIN = 0.4  # size of a level that has just become part of a side
SIZE_SIGMA = 0.7
LATENCY_SIGMA = 0.25

ANCHOR, NEXT_BOOK, LAST_RECV, N_BOOKS, N_ORDERS, N_PRINTS, N_DRAWS, RESYNC = 0, 1, 2, 3, 4, 5, 6, 7
N_MARKS = 8
LEVEL, ARRIVAL, ORDER, FEED, INTERVAL = 0, 1, 2, 3, 4  # streams of draws
N_MARKET_SEEDS = 5

B_VENUE, B_RECV, B_SEQ, B_PREV, B_SNAPSHOT, B_START, B_BIDS, B_ASKS = 0, 1, 2, 3, 4, 5, 6, 7
N_BOOK_ROWS = 8
T_VENUE, T_RECV, T_TICKS, T_LOTS, T_TAKER, T_ID = 0, 1, 2, 3, 4, 5
N_TRADE_ROWS = 6
BOOKS, LEVELS, TRADES = 0, 1, 2


class MarketSpec(NamedTuple):
    """One market as the kernel reads it; rates are per step.

    Attributes:
        price: start price, ticks (not whole).
        slack: ticks that the price may leave the spread by before the touch follows.
        level_lots: median size of a level six ticks or more behind the touch.
        order_lots: median size of a taker's order.
        order_base: probability of an order without excitement.
        order_kick, jump_kick: what an order, a jump adds to that probability.
        cooling: share of the excitement that is lost.
        informed: how far the gap tilts the takers, 0 to 1.
        gap_scale: gap at which half of that tilt is reached.
        interval: mean ns between two books.
        jitter: half width of the interval's uniform distribution, as a share of it.
        latency: median ns from the venue to us.
        is_delta: 1 for a feed of deltas.
        resync: messages from a lost one to the snapshot that repairs it.
    """

    price: float
    slack: float
    level_lots: float
    order_lots: float
    order_base: float
    order_kick: float
    jump_kick: float
    cooling: float
    informed: float
    gap_scale: float
    interval: int
    jitter: float
    latency: float
    is_delta: int
    resync: int


class MarketState(NamedTuple):
    """What a market carries from slice to slice; side 0 is the bids, side 1 the asks.

    Attributes:
        sizes: (2, RING) lots by price, at place `tick % RING`.
        hit: (2, RING) number of the book before which the level was last traded.
        shown: (2, DEPTH, 2) the last published book, best first, rows of (ticks, lots).
        marks: (N_MARKS,) counters and times.
        heat: (1,) excitement of the takers.
    """

    sizes: IntArray
    hit: IntArray
    shown: IntArray
    marks: IntArray
    heat: FloatArray


class Buffers(NamedTuple):
    """Room for one slice: book headers (8, R), their levels (L, 2), trades (6, T), and how far each is written (3,)."""

    books: IntArray
    levels: IntArray
    trades: IntArray
    ends: IntArray


@njit
def _draw(seeds: IntArray, state: MarketState) -> float:
    state.marks[N_DRAWS] += 1
    return uniform(seeds[LEVEL], state.marks[N_DRAWS])


@njit
def _new_size(spec: MarketSpec, seeds: IntArray, state: MarketState, behind: int, share: float) -> int:
    """Return the lots of a new level `behind` ticks from the touch."""
    shape = 0.4 + 0.1 * min(behind, 6)
    return 1 + int(share * shape * spec.level_lots * exp_(SIZE_SIGMA * norm_ppf(_draw(seeds, state))))


@njit
def _fill_span(
    spec: MarketSpec, seeds: IntArray, state: MarketState, side: int, low: int, high: int, best: int, share: float
) -> None:
    """Draw the levels of ticks [low, high]."""
    for tick in range(low, high + 1):
        is_hole = tick != best and _draw(seeds, state) < HOLE
        lots = 0 if is_hole else _new_size(spec, seeds, state, abs(tick - best), share)
        state.sizes[side, tick & (RING - 1)] = lots


@njit
def _move_touch(spec: MarketSpec, seeds: IntArray, state: MarketState, price: float) -> None:
    """Put the touch around `price` and draw the levels that this adds to either side."""
    old = state.marks[ANCHOR]
    if old - spec.slack <= price <= old + 1 + spec.slack:
        return
    bid = int(price)
    ask = bid + 1
    state.marks[ANCHOR] = bid
    share = THIN if old > 0 else 1.0
    for side in range(2):
        if side == 0 and bid > old:
            _fill_span(spec, seeds, state, side, max(old + 1, bid - WINDOW + 1), bid, bid, share)
        elif side == 0:
            _fill_span(spec, seeds, state, side, bid - WINDOW + 1, min(old - WINDOW, bid), bid, 1.0)
        elif bid > old:
            _fill_span(spec, seeds, state, side, max(old + 1 + WINDOW, ask), bid + WINDOW, ask, 1.0)
        else:
            _fill_span(spec, seeds, state, side, ask, min(old, bid + WINDOW), ask, share)


@njit
def _refresh_side(spec: MarketSpec, seeds: IntArray, state: MarketState, side: int, book: IntArray) -> None:
    """Let the makers of one side act, and write its best levels to `book` (2, DEPTH, 2)."""
    sign = 2 * side - 1
    best = state.marks[ANCHOR] + side
    found = 0
    for behind in range(WINDOW):
        place = (best + sign * behind) & (RING - 1)
        if state.hit[side, place] != state.marks[N_BOOKS]:
            u = _draw(seeds, state)
            is_needed = (behind == 0 or WINDOW - behind <= DEPTH - found) and state.sizes[side, place] == 0
            if u < REDRAW or is_needed:
                is_hole = behind > 0 and not is_needed and u < REDRAW * HOLE
                state.sizes[side, place] = 0 if is_hole else _new_size(spec, seeds, state, behind, 1.0)
        if state.sizes[side, place] > 0:
            book[side, found, 0] = best + sign * behind
            book[side, found, 1] = state.sizes[side, place]
            found += 1
            if found == DEPTH:
                return


@njit
def _copy_levels(book: IntArray, side: int, levels: IntArray, end: int) -> int:
    """Append one side to `levels`; return its new end."""
    # by hand: numba takes five seconds to compile the slice assignment
    for j in range(DEPTH):
        levels[end + j, 0] = book[side, j, 0]
        levels[end + j, 1] = book[side, j, 1]
    return end + DEPTH


@njit
def _write_changes(old: IntArray, new: IntArray, side: int, levels: IntArray, end: int) -> int:
    """Append what turns one side of `old` into that of `new` to `levels`; return its new end."""
    sign = 2 * side - 1
    i = j = 0
    while i < DEPTH or j < DEPTH:
        if j == DEPTH or (i < DEPTH and sign * old[side, i, 0] < sign * new[side, j, 0]):
            levels[end, 0] = old[side, i, 0]
            levels[end, 1] = 0
            end += 1
            i += 1
            continue
        if i < DEPTH and old[side, i, 0] == new[side, j, 0]:
            is_same = old[side, i, 1] == new[side, j, 1]
            i += 1
        else:
            is_same = False
        if not is_same:
            levels[end, 0] = new[side, j, 0]
            levels[end, 1] = new[side, j, 1]
            end += 1
        j += 1
    return end


@njit
def received(spec: MarketSpec, seeds: IntArray, state: MarketState, ts: int, message: int) -> int:
    """Return when a message of time `ts` reaches us: later by a random latency, and never before the last one."""
    latency = int(spec.latency * exp_(LATENCY_SIGMA * norm_ppf(uniform(seeds[FEED], message))))
    state.marks[LAST_RECV] = max(state.marks[LAST_RECV], ts + latency + 1)
    return int(state.marks[LAST_RECV])


@njit
def publish(
    spec: MarketSpec,
    seeds: IntArray,
    state: MarketState,
    lost: IntArray,
    ts: int,
    price: float,
    out: Buffers,
) -> None:
    """Let the makers act and write one book message."""
    number = state.marks[N_BOOKS]
    _move_touch(spec, seeds, state, price)
    book = np.zeros((2, DEPTH, 2), np.int64)
    for side in range(2):
        _refresh_side(spec, seeds, state, side, book)
    recv = received(spec, seeds, state, ts, 2 * number)
    is_snapshot = spec.is_delta == 0 or number == 0 or state.marks[RESYNC] == number
    is_lost = False
    for k in range(len(lost)):
        is_lost = is_lost or lost[k] == number
    if is_lost:
        state.marks[RESYNC] = number + spec.resync
    else:
        row = out.ends[BOOKS]
        start = out.ends[LEVELS]
        end = start
        middle = start
        for side in range(2):
            if is_snapshot:
                end = _copy_levels(book, side, out.levels, end)
            else:
                end = _write_changes(state.shown, book, side, out.levels, end)
            if side == 0:
                middle = end
        out.books[B_VENUE, row] = ts
        out.books[B_RECV, row] = recv
        out.books[B_SEQ, row] = number + 1
        out.books[B_PREV, row] = -1 if is_snapshot else number
        out.books[B_SNAPSHOT, row] = 1 if is_snapshot else 0
        out.books[B_START, row] = start
        out.books[B_BIDS, row] = middle - start
        out.books[B_ASKS, row] = end - middle
        out.ends[LEVELS] = end
        out.ends[BOOKS] = row + 1
    for side in range(2):
        _copy_levels(book, side, state.shown[side], 0)
    state.marks[N_BOOKS] = number + 1
    wait = int(spec.interval * (1.0 + spec.jitter * (2.0 * uniform(seeds[INTERVAL], number) - 1.0)))
    state.marks[NEXT_BOOK] = ts + wait
