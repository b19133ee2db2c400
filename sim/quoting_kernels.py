"""The plain path of quoting, compiled: what `actors.order_manager` does with wanted quotes while nothing is unusual.

While orders are quotes that are placed, accepted, cancelled and nothing else, their state lies here, and neither a
message nor Python is needed between a quoter's wish and the venue's answer.  Whatever is not plain (a fill, a refusal
of ours or of the venue, a fact out of order, more than one level a side) is not touched: the caller hands the state
back to the order manager, which goes on from there as if it had seen every message.  Its rules are the reference; a
property test holds the two against each other, command by command.
"""

import math
from typing import Final

import numpy as np

from market.book_kernels import best
from market.jit import njit
from market.order_log_kernels import LOG_N, LOG_READ, log_command, log_fact, log_room
from sim.matching_kernels import ACCEPTED, CANCELLED
from sim.state_kernels import (
    AT_GUARD,
    AT_GUARD_LIMIT,
    AT_LANE,
    AT_MIRROR_LADDER,
    AT_MIRROR_SPAN,
    AT_OUR_ENDED,
    AT_OURS,
    AT_QUOTER,
    IS_QUOTING,
    N_OUR_ENDED,
    N_OURS,
    N_TAKEN,
    NEVER,
    OURS_CAP,
    OURS_ENDED_CAP,
    R_CLIENT_ID,
    R_DETAIL,
    R_KIND,
    R_TS,
    IntArray,
    ladder_of,
    log_of,
    region,
    span_of,
)

# answers of `quote`
DONE: Final = 0
NOT_PLAIN: Final = 1  # nothing is changed
NO_ROOM: Final = 2  # in the log; nothing is changed

# what is at stake on an instrument: actors.risk.Guard
G_POSITION: Final = 0
G_OPEN_BUY: Final = 1
G_OPEN_SELL: Final = 2
G_N_LIVE: Final = 3
G_DUE: Final = 4
G_BID: Final = 5
G_ASK: Final = 6
G_LOW: Final = 7
G_HIGH: Final = 8
G_LOOK_AT: Final = 9
G_STEP: Final = 10
G_MIN_LOTS: Final = 11
G_MAX_LOTS: Final = 12
G_MAX_POSITION: Final = 13
G_MAX_LIVE: Final = 14
G_INTERVAL: Final = 15
G_BURST: Final = 16
G_IS_INVERSE: Final = 17
G_LOOK_EVERY: Final = 18
GUARD_SIZE: Final = 20
GF_COLLAR: Final = 0
GF_MIN_NOTIONAL: Final = 1
GF_MAX_NOTIONAL: Final = 2
GF_MAX_POSITION_NOTIONAL: Final = 3
GF_UNIT: Final = 4
GUARD_LIMIT_SIZE: Final = 6

# one quoter on one instrument: actors.lanes.Lane; prices of 0 for what is not wanted
N_QUOTER: Final = 0
N_INSTRUMENT: Final = 1
N_FLAGS: Final = 2
N_IS_SETTLED: Final = 3
N_BID: Final = 4
N_BID_SIZE: Final = 5
N_ASK: Final = 6
N_ASK_SIZE: Final = 7
N_ENDING_BIDS: Final = 8
N_ENDING_ASKS: Final = 9
LANE_SIZE: Final = 10

U_NEXT_ID: Final = 0
U_SPOKE: Final = 1
QUOTER_SIZE: Final = 2

# an order of ours: market.orders.Order
Q_CLIENT_ID: Final = 0
Q_LANE: Final = 1
Q_SIDE: Final = 2
Q_PRICE: Final = 3
Q_SIZE: Final = 4
Q_FILLED: Final = 5
Q_STATE: Final = 6
Q_FLAGS: Final = 7
Q_TS_SENT: Final = 8
Q_TS_CANCEL: Final = 9
Q_TS_FACT: Final = 10
Q_REASON: Final = 11
Q_IS_ACCEPTED: Final = 12
Q_IS_CANCELLING: Final = 13
Q_ASKED: Final = 14  # bits of the requests that were made here: 1 the order, 2 its cancel
Q_TS_ENDED: Final = 15
OUR_SIZE: Final = 16

PENDING_NEW: Final = 0  # market.messages.OrderState
OPEN: Final = 1
PENDING_CANCEL: Final = 2
ENDED: Final = 5

ASKED_NEW: Final = 1
ASKED_CANCEL: Final = 2

_PLACE: Final = 0  # market.order_log.LogKind
_CANCEL: Final = 2


@njit
def guard_of(state: IntArray, i: int) -> IntArray:
    return region(state, AT_GUARD, i, GUARD_SIZE)


@njit
def lane_at(state: IntArray, lane: int) -> IntArray:
    return region(state, AT_LANE, lane, LANE_SIZE)


@njit
def ours_at(state: IntArray, n: int) -> IntArray:
    return region(state, AT_OURS, n, OUR_SIZE)


@njit
def look(state: IntArray, i: int, now: int) -> None:
    """Take the touch for the collar from our own book: `Guard.look`."""
    guard = guard_of(state, i)
    ladder = ladder_of(state, AT_MIRROR_LADDER, i)
    span = span_of(state, AT_MIRROR_SPAN, i)
    bid = best(ladder, span, 0)
    ask = best(ladder, span, 1)
    guard[G_BID] = bid if bid != 0 else ask
    guard[G_ASK] = ask if ask != 0 else bid
    mid2 = guard[G_BID] + guard[G_ASK]
    collar = region(state, AT_GUARD_LIMIT, i, GUARD_LIMIT_SIZE).view(np.float64)[GF_COLLAR]
    guard[G_LOW] = max(1, math.ceil((mid2 - collar * mid2) / 2.0))
    guard[G_HIGH] = math.floor((mid2 + collar * mid2) / 2.0)
    guard[G_LOOK_AT] = now + guard[G_LOOK_EVERY] if mid2 != 0 else 0


@njit
def may_place(state: IntArray, i: int, side: int, price: int, size: int, now: int, due: int, n_more: int) -> bool:
    """Tell whether a new limit order is within our limits, `n_more` orders more being live: `Guard.refusal`.

    Args:
        due: of the rate limit, as the orders before this one have left it.
    """
    guard = guard_of(state, i)
    limits = region(state, AT_GUARD_LIMIT, i, GUARD_LIMIT_SIZE).view(np.float64)
    at_stake = guard[G_OPEN_BUY] + guard[G_POSITION] if side > 0 else guard[G_OPEN_SELL] - guard[G_POSITION]
    worst = size + at_stake
    unit = limits[GF_UNIT] if guard[G_IS_INVERSE] else limits[GF_UNIT] * price
    return bool(
        guard[G_LOW] <= price <= guard[G_HIGH]
        and price % guard[G_STEP] == 0
        and guard[G_MIN_LOTS] <= size <= guard[G_MAX_LOTS]
        and limits[GF_MIN_NOTIONAL] <= size * unit <= limits[GF_MAX_NOTIONAL]
        and worst <= guard[G_MAX_POSITION]
        and worst * unit <= limits[GF_MAX_POSITION_NOTIONAL]
        and guard[G_N_LIVE] + n_more < guard[G_MAX_LIVE]
        and due - now <= guard[G_BURST]
    )


@njit
def stands(state: IntArray, lane: int, side: int, price: int) -> bool:
    """Tell whether a quote of a lane stands at a price."""
    for n in range(state[N_OURS]):
        order = ours_at(state, n)
        is_there = order[Q_LANE] == lane and order[Q_SIDE] == side and order[Q_PRICE] == price
        if is_there and order[Q_STATE] != PENDING_CANCEL:
            return True
    return False


@njit
def _put(state: IntArray, lane: int, side: int, price: int, size: int, now: int) -> None:
    """Place a quote: `OrderLedger.place`, its limits passed."""
    row = lane_at(state, lane)
    i = row[N_INSTRUMENT]
    guard = guard_of(state, i)
    quoter = region(state, AT_QUOTER, row[N_QUOTER], QUOTER_SIZE)
    guard[G_DUE] = max(guard[G_DUE], now) + guard[G_INTERVAL]
    guard[G_N_LIVE] += 1
    guard[G_OPEN_BUY if side > 0 else G_OPEN_SELL] += size
    order = ours_at(state, state[N_OURS])
    order[:] = 0
    order[Q_CLIENT_ID] = quoter[U_NEXT_ID]
    order[Q_LANE] = lane
    order[Q_SIDE] = side
    order[Q_PRICE] = price
    order[Q_SIZE] = size
    order[Q_FLAGS] = row[N_FLAGS]
    order[Q_TS_SENT] = now
    order[Q_ASKED] = ASKED_NEW
    quoter[U_NEXT_ID] += 1
    state[N_OURS] += 1
    log_command(log_of(state), _PLACE, now, i, order[Q_CLIENT_ID], side, price, size, row[N_FLAGS])


@njit
def quote(state: IntArray, lane: int, now: int, bid: int, bid_size: int, ask: int, ask_size: int) -> int:
    """Bring the quotes of a lane to one wanted level a side, price 0 for none: `OrderManager._on_wanted`.

    Returns:
        DONE, or NOT_PLAIN or NO_ROOM with nothing changed.
    """
    row = lane_at(state, lane)
    i = row[N_INSTRUMENT]
    guard = guard_of(state, i)
    spoke = region(state, AT_QUOTER, row[N_QUOTER], QUOTER_SIZE)
    if (
        row[N_IS_SETTLED]
        and row[N_BID] == bid
        and row[N_ASK] == ask
        and row[N_BID_SIZE] == bid_size
        and row[N_ASK_SIZE] == ask_size
    ):
        spoke[U_SPOKE] = now
        state[N_TAKEN] += 1
        return DONE
    puts_bid = bid != 0 and not stands(state, lane, 1, bid)
    puts_ask = ask != 0 and not stands(state, lane, -1, ask)
    n_live = state[N_OURS]
    if (puts_bid or puts_ask) and now >= guard[G_LOOK_AT]:
        look(state, i, now)
    due = guard[G_DUE]
    if puts_bid:
        if not may_place(state, i, 1, bid, bid_size, now, due, 0):
            return NOT_PLAIN
        due = max(due, now) + guard[G_INTERVAL]
    if puts_ask and not may_place(state, i, -1, ask, ask_size, now, due, int(puts_bid)):
        return NOT_PLAIN
    if n_live + 2 > OURS_CAP:
        return NOT_PLAIN
    log = log_of(state)
    if log_room(log) < n_live + 4:
        return NO_ROOM
    spoke[U_SPOKE] = now
    row[N_BID] = bid
    row[N_BID_SIZE] = bid_size
    row[N_ASK] = ask
    row[N_ASK_SIZE] = ask_size
    before = log[LOG_N]
    if puts_bid:
        _put(state, lane, 1, bid, bid_size, now)
    if puts_ask:
        _put(state, lane, -1, ask, ask_size, now)
    for side in (1, -1):
        wanted = bid if side > 0 else ask
        for n in range(n_live):
            order = ours_at(state, n)
            if order[Q_LANE] != lane or order[Q_SIDE] != side or order[Q_PRICE] == wanted:
                continue
            if order[Q_STATE] == PENDING_CANCEL:
                continue
            order[Q_STATE] = PENDING_CANCEL
            order[Q_IS_CANCELLING] = 1
            order[Q_TS_CANCEL] = now
            order[Q_ASKED] |= ASKED_CANCEL
            row[N_ENDING_BIDS if side > 0 else N_ENDING_ASKS] += 1
            log_command(log, _CANCEL, now, i, order[Q_CLIENT_ID], 0, 0, 0, 0)
    row[N_IS_SETTLED] = 1
    state[N_TAKEN] += 1 + log[LOG_N] - before
    return DONE


@njit
def oldest_request(state: IntArray) -> int:
    """Return when the oldest request was sent that has no answer, NEVER if none waits."""
    oldest = NEVER
    for n in range(state[N_OURS]):
        order = ours_at(state, n)
        if not order[Q_IS_ACCEPTED]:
            oldest = min(oldest, order[Q_TS_SENT])
        if order[Q_IS_CANCELLING]:
            oldest = min(oldest, order[Q_TS_CANCEL])
    return int(oldest)


@njit
def find_ours(state: IntArray, client_id: int) -> int:
    """Return the place of an order of ours, -1 if it is not live."""
    for n in range(state[N_OURS]):
        if ours_at(state, n)[Q_CLIENT_ID] == client_id:
            return n
    return -1


@njit
def is_plain_fact(state: IntArray, fact: IntArray, later: IntArray, n_later: int) -> bool:
    """Tell whether a fact is an acceptance, or the end that a cancel of ours asked for.

    Args:
        later: rows that fall due with it, after it.
    """
    if fact[R_KIND] != ACCEPTED and fact[R_KIND] != CANCELLED:
        return False
    n = find_ours(state, fact[R_CLIENT_ID])
    if n < 0:
        return False
    if fact[R_KIND] == ACCEPTED:
        return True
    for k in range(n_later):
        if later[k, R_CLIENT_ID] == fact[R_CLIENT_ID]:
            return False
    return bool(ours_at(state, n)[Q_IS_CANCELLING])


@njit
def take_facts(state: IntArray, facts: IntArray, n_facts: int, now: int) -> bool:
    """Take facts that fall due now, if all are plain; False: nothing is changed."""
    if not state[IS_QUOTING] or state[N_OUR_ENDED] + n_facts > OURS_ENDED_CAP:
        return False
    log = log_of(state)
    for f in range(n_facts):
        if not is_plain_fact(state, facts[f], facts[f + 1 :], n_facts - f - 1):
            return False
    for f in range(n_facts):
        fact = facts[f]
        n = find_ours(state, fact[R_CLIENT_ID])
        order = ours_at(state, n)
        row = lane_at(state, order[Q_LANE])
        i = row[N_INSTRUMENT]
        order[Q_TS_FACT] = max(order[Q_TS_FACT], fact[R_TS])
        if fact[R_KIND] == ACCEPTED:
            order[Q_IS_ACCEPTED] = 1
            if order[Q_STATE] == PENDING_NEW:
                order[Q_STATE] = OPEN
            log_fact(log, ACCEPTED, now, fact[R_TS], i, order[Q_CLIENT_ID], 0, 0, 0)
            continue
        log_fact(log, CANCELLED, now, fact[R_TS], i, order[Q_CLIENT_ID], 0, 0, fact[R_DETAIL])
        guard = guard_of(state, i)
        is_bid = order[Q_SIDE] > 0
        guard[G_N_LIVE] -= 1
        guard[G_OPEN_BUY if is_bid else G_OPEN_SELL] -= order[Q_SIZE] - order[Q_FILLED]
        row[N_ENDING_BIDS if is_bid else N_ENDING_ASKS] -= 1
        order[Q_STATE] = ENDED
        order[Q_REASON] = fact[R_DETAIL]
        order[Q_TS_ENDED] = now
        region(state, AT_OUR_ENDED, state[N_OUR_ENDED], OUR_SIZE)[:] = order
        state[N_OUR_ENDED] += 1
        for k in range(n, state[N_OURS] - 1):
            ours_at(state, k)[:] = ours_at(state, k + 1)
        state[N_OURS] -= 1
    log[LOG_READ] = log[LOG_N]
    state[N_TAKEN] += n_facts
    return True
