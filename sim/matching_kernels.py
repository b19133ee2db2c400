"""The venue's side: what a print and a book do to our orders.  Each rule is one function on the state.

Displayed size is the recorded market's alone; our own orders are not in it and do not move it, except that (with
`consume = prints`) what printed or what we took is gone from the display until the next book.
"""

from typing import Final

from market.book_kernels import BID, size_at
from market.jit import njit
from sim.queue_kernels import move_up
from sim.state_kernels import (
    ACK_PRIVATE,
    AHEAD_SCALE,
    AT_TAKEN,
    AT_VENUE_LADDER,
    AT_VENUE_SPAN,
    FEED_PRIVATE,
    I_FILL_ID,
    I_N_LIVE,
    I_N_TAKEN,
    I_POSITION,
    I_VENUE,
    N_ARRIVALS,
    O_AHEAD,
    O_ARRIVAL,
    O_CLIENT_ID,
    O_FILLED,
    O_FLAGS,
    O_INSTRUMENT,
    O_PRICE,
    O_PRINTS,
    O_SHOWN,
    O_SIDE,
    O_SIZE,
    RING_ACK_PRIVATE,
    RING_FEED_PRIVATE,
    STRICT_CROSS,
    TAKEN_CAP,
    TOUCH,
    UNKNOWN_AHEAD,
    V_CONSUME,
    V_FILL_MODEL,
    V_N_OPEN,
    V_PARTIAL,
    V_POWER,
    IntArray,
    arrival,
    instrument_of,
    ladder_of,
    live_of,
    order_at,
    push,
    region,
    span_of,
    venue_of,
)

# kinds of facts: market.order_log.LogKind
ACCEPTED: Final = 4
REJECTED: Final = 5
AMENDED: Final = 6
AMEND_REJECTED: Final = 7
CANCELLED: Final = 8
CANCEL_REJECTED: Final = 9
EXPIRED: Final = 10
FILL_MAKER: Final = 11
FILL_TAKER: Final = 12
FUNDING_PAID: Final = 13
PAYLOAD: Final = 20

# flags: market.messages.OrderFlag
IOC: Final = 1
FOK: Final = 2
POST_ONLY: Final = 4
REDUCE_ONLY: Final = 8
MARKET: Final = 16

# reasons: market.messages.Reason
R_NONE: Final = 0
R_POST_ONLY_WOULD_TAKE: Final = 1
R_INVALID_PRICE: Final = 2
R_INVALID_SIZE: Final = 3
R_BELOW_MIN_SIZE: Final = 4
R_BELOW_MIN_NOTIONAL: Final = 5
R_ABOVE_MAX_SIZE: Final = 6
R_REDUCE_ONLY: Final = 7
R_UNKNOWN_ORDER: Final = 8
R_TOO_MANY_ORDERS: Final = 9
R_NO_LIQUIDITY: Final = 10
R_REMAINDER: Final = 11
R_FOK_NOT_FILLABLE: Final = 12
R_DUPLICATE_ID: Final = 13
R_CANCEL_ALL: Final = 14


# --- facts ----------------------------------------------------------------------------------------------------------


@njit
def answer(state: IntArray, ts: int, kind: int, client_id: int, i: int, price: int, size: int, detail: int) -> None:
    """Send the answer to a request, on the acknowledgement channel."""
    v = instrument_of(state, i)[I_VENUE]
    due = arrival(state, v, ACK_PRIVATE, ts)
    push(state, v, RING_ACK_PRIVATE, due, kind, client_id, i, ts, 0, price, size, detail)


@njit
def tell(state: IntArray, ts: int, kind: int, client_id: int, i: int, side: int, price: int, size: int, d: int) -> None:
    """Send a fact that no request asked for, on the private feed."""
    v = instrument_of(state, i)[I_VENUE]
    due = arrival(state, v, FEED_PRIVATE, ts)
    push(state, v, RING_FEED_PRIVATE, due, kind, client_id, i, ts, side, price, size, d)


# --- the display ----------------------------------------------------------------------------------------------------


@njit
def taken_at(state: IntArray, i: int, side: int, price: int) -> int:
    """Return the lots gone from a displayed level since the last book."""
    cap = state[TAKEN_CAP]
    rows = region(state, AT_TAKEN, i * 2 + side, 2 * cap).reshape(cap, 2)
    for k in range(instrument_of(state, i)[I_N_TAKEN + side]):
        if rows[k, 0] == price:
            return int(rows[k, 1])
    return 0


@njit
def take(state: IntArray, i: int, side: int, price: int, lots: int) -> None:
    """Take lots from a level until the next book; where nothing is displayed there is nothing to take.

    So there are never more rows than levels, and there is always room.
    """
    instrument = instrument_of(state, i)
    if not venue_of(state, instrument[I_VENUE])[V_CONSUME]:
        return
    if size_at(ladder_of(state, AT_VENUE_LADDER, i), span_of(state, AT_VENUE_SPAN, i), side, price) == 0:
        return
    cap = state[TAKEN_CAP]
    rows = region(state, AT_TAKEN, i * 2 + side, 2 * cap).reshape(cap, 2)
    n = instrument[I_N_TAKEN + side]
    for k in range(n):
        if rows[k, 0] == price:
            rows[k, 1] += lots
            return
    rows[n, 0] = price
    rows[n, 1] = lots
    instrument[I_N_TAKEN + side] = n + 1


@njit
def best_shown(state: IntArray, i: int, side: int) -> int:
    """Return the best displayed price of a side from which not all is taken; 0 if there is none."""
    ladder = ladder_of(state, AT_VENUE_LADDER, i)
    span = span_of(state, AT_VENUE_SPAN, i)
    for k in range(span[side, 0], span[side, 1]):
        if ladder[side, k, 1] > taken_at(state, i, side, ladder[side, k, 0]):
            return int(ladder[side, k, 0])
    return 0


@njit
def shown_at(state: IntArray, i: int, side: int, price: int) -> int:
    """Return the lots displayed at a price, less what was taken; -1 beyond the worst displayed price."""
    ladder = ladder_of(state, AT_VENUE_LADDER, i)
    span = span_of(state, AT_VENUE_SPAN, i)
    if span[side, 0] == span[side, 1]:
        return -1
    worst = ladder[side, span[side, 1] - 1, 0]
    if price < worst if side == BID else price > worst:
        return -1
    return max(0, size_at(ladder, span, side, price) - taken_at(state, i, side, price))


# --- our orders -----------------------------------------------------------------------------------------------------


@njit
def find_order(state: IntArray, i: int, client_id: int) -> int:
    """Return the slot of an open order; -1 if there is none."""
    live = live_of(state, i)
    for k in range(instrument_of(state, i)[I_N_LIVE]):
        if order_at(state, live[k])[O_CLIENT_ID] == client_id:
            return int(live[k])
    return -1


@njit
def remove(state: IntArray, slot: int) -> None:
    """Take an order out of its instrument's list and free its slot."""
    order = order_at(state, slot)
    instrument = instrument_of(state, order[O_INSTRUMENT])
    live = live_of(state, order[O_INSTRUMENT])
    n = instrument[I_N_LIVE]
    k = 0
    while live[k] != slot:
        k += 1
    for j in range(k, n - 1):
        live[j] = live[j + 1]
    instrument[I_N_LIVE] = n - 1
    venue_of(state, instrument[I_VENUE])[V_N_OPEN] -= 1
    order[O_CLIENT_ID] = 0


@njit
def reducible(state: IntArray, order: IntArray) -> int:
    """Return the lots that a reduce-only order may still fill."""
    position = instrument_of(state, order[O_INSTRUMENT])[I_POSITION]
    return int(max(0, -position * order[O_SIDE]))


@njit
def open_lots(state: IntArray, order: IntArray) -> int:
    """Return the lots that an order may still fill."""
    rest = order[O_SIZE] - order[O_FILLED]
    return int(min(rest, reducible(state, order)) if order[O_FLAGS] & REDUCE_ONLY else rest)


@njit
def fill(state: IntArray, slot: int, ts: int, price: int, lots: int, is_maker: bool) -> None:
    """Fill `lots` of an order; it goes when nothing is left."""
    order = order_at(state, slot)
    i = order[O_INSTRUMENT]
    instrument = instrument_of(state, i)
    order[O_FILLED] += lots
    instrument[I_POSITION] += lots * order[O_SIDE]
    instrument[I_FILL_ID] += 1
    kind = FILL_MAKER if is_maker else FILL_TAKER
    tell(state, ts, kind, order[O_CLIENT_ID], i, order[O_SIDE], price, lots, instrument[I_FILL_ID])
    if order[O_FILLED] == order[O_SIZE]:
        remove(state, slot)


@njit
def maker_fill(state: IntArray, slot: int, ts: int, lots: int) -> int:
    """Fill a resting order up to `lots` at its price; return how many: partial fills may be off, reduce-only binds."""
    order = order_at(state, slot)
    may_fill = open_lots(state, order)
    v = instrument_of(state, order[O_INSTRUMENT])[I_VENUE]
    if lots > 0 and not venue_of(state, v)[V_PARTIAL]:
        lots = may_fill
    lots = min(lots, may_fill)
    if lots > 0:
        fill(state, slot, ts, order[O_PRICE], lots, True)
    return int(lots)


@njit
def expire_reduce_only(state: IntArray, i: int, ts: int) -> None:
    """End reduce-only orders that have nothing left to reduce."""
    live = live_of(state, i)
    k = 0
    while k < instrument_of(state, i)[I_N_LIVE]:
        slot = live[k]
        order = order_at(state, slot)
        if order[O_FLAGS] & REDUCE_ONLY and reducible(state, order) == 0:
            rest = order[O_SIZE] - order[O_FILLED]
            tell(state, ts, EXPIRED, order[O_CLIENT_ID], i, order[O_SIDE], order[O_PRICE], rest, R_REDUCE_ONLY)
            remove(state, slot)
        else:
            k += 1


@njit
def enter_queue(state: IntArray, slot: int) -> None:
    """Stand an order at the end of the queue of its price."""
    order = order_at(state, slot)
    i = order[O_INSTRUMENT]
    side = 0 if order[O_SIDE] > 0 else 1
    shown = shown_at(state, i, side, order[O_PRICE])
    order[O_AHEAD] = UNKNOWN_AHEAD if shown < 0 else shown * AHEAD_SCALE
    order[O_SHOWN] = max(shown, 0)
    order[O_PRINTS] = 0
    state[N_ARRIVALS] += 1
    order[O_ARRIVAL] = state[N_ARRIVALS]


# --- market events --------------------------------------------------------------------------------------------------


@njit
def _next_passed(state: IntArray, i: int, side: int, price: int, last_price: int, last_arrival: int) -> int:
    """Return the slot of the next order of `side` strictly through `price`, best price then arrival; -1 for none."""
    live = live_of(state, i)
    found = -1
    for k in range(instrument_of(state, i)[I_N_LIVE]):
        order = order_at(state, live[k])
        if order[O_SIDE] != side or (order[O_PRICE] - price) * side <= 0:
            continue
        # in terms of `side`, a better price is a larger one
        p = order[O_PRICE] * side
        if p > last_price * side or (p == last_price * side and order[O_ARRIVAL] <= last_arrival):
            continue
        if found >= 0:
            best = order_at(state, found)
            q = best[O_PRICE] * side
            if p < q or (p == q and order[O_ARRIVAL] > best[O_ARRIVAL]):
                continue
        found = live[k]
    return found


@njit
def _pass_through(state: IntArray, i: int, ts: int, side: int, price: int, budget: int) -> int:
    """Let a print fill the orders of `side` that it went through; return what is left of `budget`."""
    last_price = (1 << 60) * side  # before any real order: prices in ticks stay far below this
    last_arrival = 0
    while budget > 0:
        slot = _next_passed(state, i, side, price, last_price, last_arrival)
        if slot < 0:
            break
        order = order_at(state, slot)
        last_price = order[O_PRICE]
        last_arrival = order[O_ARRIVAL]
        budget -= min(budget, maker_fill(state, slot, ts, budget))
    return int(budget)


@njit
def _serve(state: IntArray, i: int, ts: int, side: int, price: int, lots: int, budget: int) -> int:
    """Let a print serve the queue of `side` at its own price, by arrival; return what is left of `budget`.

    An order that the print does not finish lets nothing through to those behind it: they queue up behind each other
    too.  It is also why filled quantity is ordered by model, order by order: a model that fills an order no later than
    another does never leaves less for those behind.
    """
    instrument = instrument_of(state, i)
    model = venue_of(state, instrument[I_VENUE])[V_FILL_MODEL]
    live = live_of(state, i)
    k = 0
    while k < instrument[I_N_LIVE]:
        slot = live[k]
        order = order_at(state, slot)
        k += 1
        if order[O_SIDE] != side or order[O_PRICE] != price:
            continue
        order[O_PRINTS] += lots
        reached = 0
        if order[O_AHEAD] != UNKNOWN_AHEAD:
            past = lots * AHEAD_SCALE - order[O_AHEAD]
            order[O_AHEAD] = max(0, -past)
            reached = max(0, past) // AHEAD_SCALE
        if model == TOUCH:
            reached = lots
        elif model == STRICT_CROSS:
            reached = 0
        may_fill = open_lots(state, order)
        before = instrument[I_N_LIVE]
        filled = maker_fill(state, slot, ts, min(reached, budget))
        budget = max(0, budget - filled) if filled == may_fill else 0
        if instrument[I_N_LIVE] < before:
            k -= 1
    return int(budget)


@njit
def on_print(state: IntArray, i: int, ts: int, price: int, lots: int, taker: int) -> None:
    """Let a public trade meet our orders: those it went through, then the queue at its own price."""
    instrument = instrument_of(state, i)
    if instrument[I_N_LIVE] > 0:
        budget = _pass_through(state, i, ts, taker, price, lots)
        budget = _pass_through(state, i, ts, -taker, price, budget)
        budget = _serve(state, i, ts, -taker, price, lots, budget)
        if venue_of(state, instrument[I_VENUE])[V_FILL_MODEL] == TOUCH:
            # any print at the price; last, so that it takes nothing from those that the other models fill
            _serve(state, i, ts, taker, price, lots, budget)
        expire_reduce_only(state, i, ts)
    take(state, i, 1 if taker > 0 else 0, price, lots)


@njit
def on_book(state: IntArray, i: int, ts: int) -> None:
    """Let our orders see the venue's new book, which the state shows already."""
    instrument = instrument_of(state, i)
    instrument[I_N_TAKEN] = 0
    instrument[I_N_TAKEN + 1] = 0
    if instrument[I_N_LIVE] == 0:
        return
    venue = venue_of(state, instrument[I_VENUE])
    model = venue[V_FILL_MODEL]
    live = live_of(state, i)
    best_bid = best_shown(state, i, 0)
    best_ask = best_shown(state, i, 1)
    k = 0
    while k < instrument[I_N_LIVE]:
        slot = live[k]
        order = order_at(state, slot)
        opposite = best_ask if order[O_SIDE] > 0 else best_bid
        if model != STRICT_CROSS and opposite > 0 and (order[O_PRICE] - opposite) * order[O_SIDE] >= 0:
            before = instrument[I_N_LIVE]
            maker_fill(state, slot, ts, order[O_SIZE])
            if instrument[I_N_LIVE] < before:
                continue
        else:
            shown = shown_at(state, i, 0 if order[O_SIDE] > 0 else 1, order[O_PRICE])
            if shown >= 0:
                move_up(order, model, venue[V_POWER], shown)
        k += 1
    expire_reduce_only(state, i, ts)
