"""What a request does at the venue when it arrives: a new order, a change, a cancel."""

from market.jit import njit
from sim.matching_kernels import (
    ACCEPTED,
    AMEND_REJECTED,
    AMENDED,
    CANCEL_REJECTED,
    CANCELLED,
    EXPIRED,
    FOK,
    IOC,
    MARKET,
    POST_ONLY,
    R_ABOVE_MAX_SIZE,
    R_BELOW_MIN_NOTIONAL,
    R_BELOW_MIN_SIZE,
    R_CANCEL_ALL,
    R_DUPLICATE_ID,
    R_FOK_NOT_FILLABLE,
    R_INVALID_PRICE,
    R_INVALID_SIZE,
    R_NO_LIQUIDITY,
    R_NONE,
    R_POST_ONLY_WOULD_TAKE,
    R_REDUCE_ONLY,
    R_REMAINDER,
    R_TOO_MANY_ORDERS,
    R_UNKNOWN_ORDER,
    REDUCE_ONLY,
    REJECTED,
    answer,
    best_shown,
    enter_queue,
    expire_reduce_only,
    fill,
    find_order,
    reducible,
    remove,
    take,
    taken_at,
    tell,
)
from sim.state_kernels import (
    AT_VENUE_LADDER,
    AT_VENUE_SPAN,
    I_FIGURES,
    I_INVERSE,
    I_MAX_SIZE,
    I_MIN_SIZE,
    I_MIN_UNITS,
    I_N_LIVE,
    I_POSITION,
    I_STEP,
    I_UNIT,
    I_VENUE,
    O_CLIENT_ID,
    O_FILLED,
    O_FLAGS,
    O_INSTRUMENT,
    O_PRICE,
    O_SIDE,
    O_SIZE,
    V_MAX_ORDERS,
    V_N_OPEN,
    IntArray,
    instrument_of,
    ladder_of,
    live_of,
    order_at,
    span_of,
    venue_of,
)


@njit
def price_step(instrument: IntArray, price: int) -> int:
    """Return the distance between valid prices near `price`, ticks."""
    if instrument[I_STEP] > 0:
        return int(instrument[I_STEP])
    step = 1
    digits = 0
    rest = price
    while rest > 0:
        rest //= 10
        digits += 1
    for _ in range(digits - instrument[I_FIGURES]):
        step *= 10
    return int(min(step, instrument[I_UNIT]))


@njit
def refusal(state: IntArray, i: int, client_id: int, price: int, size: int, flags: int) -> int:
    """Return the reason for which the venue refuses a new order by its rules; R_NONE if it does not."""
    instrument = instrument_of(state, i)
    venue = venue_of(state, instrument[I_VENUE])
    if find_order(state, i, client_id) >= 0:
        return R_DUPLICATE_ID
    if size <= 0:
        return R_INVALID_SIZE
    if not (flags & MARKET and price == 0) and (price <= 0 or price % price_step(instrument, price) != 0):
        return R_INVALID_PRICE
    if size < instrument[I_MIN_SIZE]:
        return R_BELOW_MIN_SIZE
    if instrument[I_MAX_SIZE] > 0 and size > instrument[I_MAX_SIZE]:
        return R_ABOVE_MAX_SIZE
    units = size if instrument[I_INVERSE] else size * price
    if not flags & (REDUCE_ONLY | MARKET) and units < instrument[I_MIN_UNITS]:
        return R_BELOW_MIN_NOTIONAL
    if venue[V_N_OPEN] >= venue[V_MAX_ORDERS]:
        return R_TOO_MANY_ORDERS
    return R_NONE


@njit
def crosses(state: IntArray, i: int, side: int, price: int) -> bool:
    """Tell whether a limit at `price` (0: any price) would take from the display."""
    opposite = best_shown(state, i, 1 if side > 0 else 0)
    return opposite > 0 and (price == 0 or (price - opposite) * side >= 0)


@njit
def takeable(state: IntArray, i: int, side: int, limit: int, size: int) -> int:
    """Return how many of `size` lots the display would fill at `limit` (0: at any price)."""
    ladder = ladder_of(state, AT_VENUE_LADDER, i)
    span = span_of(state, AT_VENUE_SPAN, i)
    other = 1 if side > 0 else 0
    found = 0
    for k in range(span[other, 0], span[other, 1]):
        price = ladder[other, k, 0]
        if found >= size or (limit > 0 and (limit - price) * side < 0):
            break
        found += max(0, ladder[other, k, 1] - taken_at(state, i, other, price))
    return int(min(found, size))


@njit
def walk(state: IntArray, slot: int, ts: int, limit: int, size: int) -> None:
    """Take up to `size` lots from the display at `limit` or better (0: any price), level by level."""
    order = order_at(state, slot)
    i = order[O_INSTRUMENT]
    side = order[O_SIDE]
    ladder = ladder_of(state, AT_VENUE_LADDER, i)
    span = span_of(state, AT_VENUE_SPAN, i)
    other = 1 if side > 0 else 0
    rest = size
    for k in range(span[other, 0], span[other, 1]):
        price = ladder[other, k, 0]
        if rest == 0 or (limit > 0 and (limit - price) * side < 0):
            break
        lots = min(rest, ladder[other, k, 1] - taken_at(state, i, other, price))
        if lots > 0:
            take(state, i, other, price, lots)
            rest -= lots
            fill(state, slot, ts, price, lots, False)


@njit
def place(state: IntArray, i: int, ts: int, client_id: int, side: int, price: int, size: int, flags: int) -> None:
    """Let a new order arrive."""
    instrument = instrument_of(state, i)
    reason = refusal(state, i, client_id, price, size, flags)
    may_take = size
    if reason == R_NONE and flags & REDUCE_ONLY:
        may_take = min(size, max(0, -instrument[I_POSITION] * side))
        if may_take == 0:
            reason = R_REDUCE_ONLY
    if reason == R_NONE and flags & POST_ONLY and crosses(state, i, side, price):
        reason = R_POST_ONLY_WOULD_TAKE
    if reason == R_NONE and flags & FOK and takeable(state, i, side, price, may_take) < size:
        reason = R_FOK_NOT_FILLABLE
    if reason != R_NONE:
        answer(state, ts, REJECTED, client_id, i, 0, 0, reason)
        return
    slot = 0
    while order_at(state, slot)[O_CLIENT_ID] != 0:
        slot += 1
    live_of(state, i)[instrument[I_N_LIVE]] = slot
    instrument[I_N_LIVE] += 1
    venue_of(state, instrument[I_VENUE])[V_N_OPEN] += 1
    order = order_at(state, slot)
    order[O_CLIENT_ID] = client_id
    order[O_INSTRUMENT] = i
    order[O_SIDE] = side
    order[O_PRICE] = price
    order[O_SIZE] = size
    order[O_FILLED] = 0
    order[O_FLAGS] = flags
    answer(state, ts, ACCEPTED, client_id, i, 0, 0, 0)
    walk(state, slot, ts, price, may_take)
    if order[O_CLIENT_ID] != client_id:
        expire_reduce_only(state, i, ts)
        return
    if flags & (IOC | FOK | MARKET):
        reason = R_REMAINDER if order[O_FILLED] > 0 else R_NO_LIQUIDITY
        tell(state, ts, EXPIRED, client_id, i, side, price, size - order[O_FILLED], reason)
        remove(state, slot)
    else:
        enter_queue(state, slot)
    expire_reduce_only(state, i, ts)


@njit
def cancel(state: IntArray, i: int, ts: int, client_id: int) -> None:
    """Let a cancel arrive."""
    slot = find_order(state, i, client_id)
    if slot < 0:
        answer(state, ts, CANCEL_REJECTED, client_id, i, 0, 0, R_UNKNOWN_ORDER)
        return
    order = order_at(state, slot)
    answer(state, ts, CANCELLED, client_id, i, order[O_PRICE], order[O_SIZE] - order[O_FILLED], R_NONE)
    remove(state, slot)


@njit
def cancel_all(state: IntArray, i: int, ts: int) -> None:
    """Let a cancel of all orders of an instrument arrive."""
    live = live_of(state, i)
    while instrument_of(state, i)[I_N_LIVE] > 0:
        order = order_at(state, live[0])
        rest = order[O_SIZE] - order[O_FILLED]
        answer(state, ts, CANCELLED, order[O_CLIENT_ID], i, order[O_PRICE], rest, R_CANCEL_ALL)
        remove(state, live[0])


@njit
def amend(state: IntArray, i: int, ts: int, client_id: int, price: int, size: int) -> None:
    """Let a change of price or total size arrive: only less size at the same price keeps the place in the queue."""
    instrument = instrument_of(state, i)
    slot = find_order(state, i, client_id)
    reason = R_NONE
    if slot < 0:
        reason = R_UNKNOWN_ORDER
    else:
        order = order_at(state, slot)
        units = size if instrument[I_INVERSE] else size * price
        if size <= order[O_FILLED]:
            reason = R_INVALID_SIZE
        elif size < instrument[I_MIN_SIZE]:
            reason = R_BELOW_MIN_SIZE
        elif instrument[I_MAX_SIZE] > 0 and size > instrument[I_MAX_SIZE]:
            reason = R_ABOVE_MAX_SIZE
        elif price <= 0 or price % price_step(instrument, price) != 0:
            reason = R_INVALID_PRICE
        elif not order[O_FLAGS] & REDUCE_ONLY and units < instrument[I_MIN_UNITS]:
            reason = R_BELOW_MIN_NOTIONAL
        elif order[O_FLAGS] & POST_ONLY and crosses(state, i, order[O_SIDE], price):
            reason = R_POST_ONLY_WOULD_TAKE
    if reason != R_NONE:
        answer(state, ts, AMEND_REJECTED, client_id, i, price, size, reason)
        return
    order = order_at(state, slot)
    keeps_place = price == order[O_PRICE] and size <= order[O_SIZE]
    order[O_PRICE] = price
    order[O_SIZE] = size
    answer(state, ts, AMENDED, client_id, i, price, size, R_NONE)
    if keeps_place:
        return
    rest = size - order[O_FILLED]
    if order[O_FLAGS] & REDUCE_ONLY:
        rest = min(rest, reducible(state, order))
    walk(state, slot, ts, price, rest)
    if order[O_CLIENT_ID] == client_id:
        # last in arrival: the list of live orders is kept in that order
        live = live_of(state, i)
        n = instrument[I_N_LIVE]
        k = 0
        while live[k] != slot:
            k += 1
        for j in range(k, n - 1):
            live[j] = live[j + 1]
        live[n - 1] = slot
        enter_queue(state, slot)
    expire_reduce_only(state, i, ts)
