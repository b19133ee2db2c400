"""The takers of a generated market, and its clock: from a hidden price to books and trades.

Takers come between two books and meet exactly what the last one displayed, less what was taken since: every print lies
inside the book that it follows.  A jump of the hidden price comes as one order that takes what stands between the old
price and the new; the other orders excite each other (Hawkes, exponential kernel) and lean to the side of the news.
"""

import numpy as np

from market.arithmetic_kernels import exp_, norm_ppf, uniform
from market.jit import njit
from sim.generator_book_kernels import (
    ARRIVAL,
    DEPTH,
    N_BOOKS,
    N_ORDERS,
    N_PRINTS,
    NEXT_BOOK,
    ORDER,
    RING,
    T_ID,
    T_LOTS,
    T_RECV,
    T_TAKER,
    T_TICKS,
    T_VENUE,
    TRADES,
    Buffers,
    MarketSpec,
    MarketState,
    publish,
    received,
)
from sim.generator_path_kernels import GAP, JUMP, SHOWN, FloatArray, IntArray

STEP = 10_000_000  # ns between two points of the hidden price
SWEEP_SPAN = 100_000  # ns at the start of a step, kept for the trade that makes a jump
PROMPT = 1_000_000  # ns from a jump to its book, and up to five times that
ORDER_SIGMA = 1.5


@njit
def _take(
    spec: MarketSpec,
    seeds: IntArray,
    state: MarketState,
    ts: int,
    taker: int,
    want: int,
    limit: int,
    out: Buffers,
) -> None:
    """Walk the displayed book with one taker's order, a print a level."""
    trades = out.trades
    side = 1 if taker > 0 else 0
    number = state.marks[N_ORDERS]
    recv = 0
    for j in range(DEPTH):
        tick = state.shown[side, j, 0]
        if want <= 0 or taker * (tick - limit) > 0:
            break
        place = tick & (RING - 1)
        lots = min(want, state.sizes[side, place])
        if lots <= 0:
            continue
        if recv == 0:
            recv = received(spec, seeds, state, ts, 2 * number + 1)
        state.sizes[side, place] -= lots
        state.hit[side, place] = state.marks[N_BOOKS]
        want -= lots
        state.marks[N_PRINTS] += 1
        row = out.ends[TRADES]
        trades[T_VENUE, row] = ts
        trades[T_RECV, row] = recv
        trades[T_TICKS, row] = tick
        trades[T_LOTS, row] = lots
        trades[T_TAKER, row] = taker
        trades[T_ID, row] = state.marks[N_PRINTS]
        out.ends[TRADES] = row + 1
    state.marks[N_ORDERS] = number + 1


@njit
def _ordinary_order(
    spec: MarketSpec,
    seeds: IntArray,
    state: MarketState,
    ts: int,
    gap: float,
    out: Buffers,
) -> None:
    """Send one taker's order of a random size, to the side that the gap makes likely."""
    number = state.marks[N_ORDERS]
    tilt = spec.informed * gap / (spec.gap_scale + abs(gap))
    taker = 1 if uniform(seeds[ORDER], 2 * number) < 0.5 + 0.5 * tilt else -1
    want = 1 + int(spec.order_lots * exp_(ORDER_SIGMA * norm_ppf(uniform(seeds[ORDER], 2 * number + 1))))
    limit = state.shown[1, DEPTH - 1, 0] if taker > 0 else state.shown[0, DEPTH - 1, 0]
    _take(spec, seeds, state, ts, taker, want, limit, out)


@njit
def advance_market(
    start: int,
    first: int,
    spec: MarketSpec,
    seeds: IntArray,
    lost: IntArray,
    path: FloatArray,
    state: MarketState,
    out: Buffers,
) -> None:
    """Write the books and trades of steps [first, first + n).

    Within a step a jump comes first, as one order that takes what stands between the old price and the new; then the
    books that are due and at most one ordinary order, by time.

    Args:
        start: time of step 0, ns.
        first: number of the first step.
        spec: the market.
        seeds: (5,) one per stream of draws.
        lost: numbers of the book messages that never reach us.
        path: (3, n) the hidden price, see `generator_path_kernels.advance_path`.
        state: carried from slice to slice.
        out: what is written, from its start.
    """
    out.ends[:] = 0
    everything = int(np.int64(1 << 62))
    for k in range(path.shape[1]):
        begin = start + (first + k) * STEP
        end = begin + STEP
        price = spec.price * exp_(path[SHOWN, k])
        jump = path[JUMP, k]
        state.heat[0] -= state.heat[0] * spec.cooling
        u = uniform(seeds[ARRIVAL], 2 * (first + k))
        place = uniform(seeds[ARRIVAL], 2 * (first + k) + 1)
        if jump != 0.0 and state.marks[N_BOOKS] > 0:
            ts = begin + int(place * SWEEP_SPAN)
            taker = 1 if jump > 0.0 else -1
            # all that is better than the new price, whatever it costs: who knows the news has milliseconds
            _take(spec, seeds, state, ts, taker, everything, int(price) + (taker < 0), out)
            state.heat[0] += spec.jump_kick
            # a large move is published at once, not at the next beat
            state.marks[NEXT_BOOK] = min(state.marks[NEXT_BOOK], ts + PROMPT + int(4.0 * PROMPT * u))
        order_ts = end
        if u < spec.order_base + state.heat[0]:
            order_ts = begin + SWEEP_SPAN + int(place * (STEP - SWEEP_SPAN))
            state.heat[0] += spec.order_kick
        while state.marks[NEXT_BOOK] < end:
            ts = max(state.marks[NEXT_BOOK], begin + SWEEP_SPAN)
            if order_ts <= ts:
                if state.marks[N_BOOKS] > 0:
                    _ordinary_order(spec, seeds, state, order_ts, path[GAP, k], out)
                order_ts = end
            publish(spec, seeds, state, lost, ts, price, out)
        if order_ts < end and state.marks[N_BOOKS] > 0:
            _ordinary_order(spec, seeds, state, order_ts, path[GAP, k], out)
