"""Where the market may run ahead of what the kernels have done: as long as nothing in it can touch an order.

With no order open, no request and no fact under way, what comes next is known without doing it: `look_ahead` lists the
events that actors hear of, and `catch_up` lets them happen afterwards, many in one call.
"""

from market.book_kernels import is_book
from market.jit import njit
from market.order_log_kernels import LOG_N, LOG_READ
from sim.row_kernels import take_event
from sim.state_kernels import (
    AT_STREAM,
    AT_VENUE,
    BOOK,
    HEARD,
    LADDER_CAP,
    LAST_AT,
    N_TOUCH,
    N_TRADE,
    N_VENUES,
    N_WINDOW_EVENTS,
    N_WINDOW_HEADERS,
    NEVER,
    NEXT_EVENT,
    NEXT_FACT,
    NEXT_REQUEST,
    NOW,
    ROW_CAP,
    S_KIND,
    S_MODE,
    SPOKEN,
    STREAM_SIZE,
    TRADES,
    V_N_OPEN,
    VENUE_SIZE,
    IntArray,
    log_of,
)
from sim.window_kernels import (
    CLASS_DELIVERY,
    E_CLASS,
    E_ROW,
    E_STREAM,
    E_TS,
    EVENT_SIZE,
    H_N_ASKS,
    H_N_BIDS,
    H_SNAPSHOT,
    H_START,
    HEADER_SIZE,
    IS_SOUND,
)


@njit
def look_ahead(state: IntArray, window: IntArray, until: int, ahead: IntArray) -> int:
    """List the deliveries up to and including `until` that actors hear of; nothing happens.

    It stops before anything that `catch_up` could not let happen, or of which more comes than a row: an increment, a
    snapshot that is no book or finds no room, a payment of funding, a spoken feed, a full table, the window's end.

    Args:
        ahead: (A, 4) time, stream, row, event of each.

    Returns:
        How many there are; 0 also where an order, a request or a fact may be touched.
    """
    log = log_of(state)
    if state[NEXT_REQUEST] != NEVER or state[NEXT_FACT] != NEVER or log[LOG_READ] < log[LOG_N]:
        return 0
    for v in range(state[N_VENUES]):
        if state[state[AT_VENUE] + v * VENUE_SIZE + V_N_OPEN] > 0:
            return 0
    n_events = state[N_WINDOW_EVENTS]
    at_headers = n_events * EVENT_SIZE
    at_levels = at_headers + state[N_WINDOW_HEADERS] * HEADER_SIZE
    n_touch, n_trade = state[N_TOUCH], state[N_TRADE]
    n = 0
    for e in range(state[NEXT_EVENT], n_events):
        event = e * EVENT_SIZE
        stream = state[AT_STREAM] + window[event + E_STREAM] * STREAM_SIZE
        kind, mode = state[stream + S_KIND], state[stream + S_MODE]
        if window[event + E_TS] > until or kind > TRADES or mode == SPOKEN or n == ahead.shape[0]:
            break
        if kind == BOOK:
            header = at_headers + window[event + E_ROW] * HEADER_SIZE
            if window[header + H_SNAPSHOT] != IS_SOUND:
                n_bids, n_asks = window[header + H_N_BIDS], window[header + H_N_ASKS]
                if not window[header + H_SNAPSHOT] or max(n_bids, n_asks) > state[LADDER_CAP]:
                    break
                if not is_book(window, at_levels + 2 * window[header + H_START], n_bids, n_asks):
                    break
                window[header + H_SNAPSHOT] = IS_SOUND
        if window[event + E_CLASS] != CLASS_DELIVERY:
            continue
        if kind == BOOK:
            n_touch += 1
        else:
            n_trade += 1
        if n_touch > state[ROW_CAP] or n_trade > state[ROW_CAP]:
            break
        if mode == HEARD:
            ahead[n, 0] = window[event + E_TS]
            ahead[n, 1] = window[event + E_STREAM]
            ahead[n, 2] = window[event + E_ROW]
            ahead[n, 3] = e
            n += 1
    return n


@njit
def catch_up(state: IntArray, window: IntArray, to: int) -> None:
    """Let everything up to and including event `to` happen, which `look_ahead` has listed."""
    n_events = state[N_WINDOW_EVENTS]
    at_headers = n_events * EVENT_SIZE
    at_levels = at_headers + state[N_WINDOW_HEADERS] * HEADER_SIZE
    for e in range(state[NEXT_EVENT], to + 1):
        done = take_event(state, window, e, at_headers, at_levels)
        assert done == 0, "an event that was looked at could not happen"
        state[NOW] = state[LAST_AT] = window[e * EVENT_SIZE + E_TS]
