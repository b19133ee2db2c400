"""Where the market may run ahead of what the kernels have done: as long as nothing in it can touch an order.

With no order open, no request and no fact under way, what comes next is known without doing it: `look_ahead` lists the
events that actors hear of, and `catch_up` lets them happen afterwards, many in one call.
"""

from market.book_kernels import is_book
from market.jit import njit
from market.order_log_kernels import LOG_N, LOG_READ
from sim.row_kernels import pass_book_by, take_event
from sim.state_kernels import (
    AT_INSTRUMENT,
    AT_MIRROR_STAMP,
    AT_STREAM,
    AT_VENUE,
    BOOK,
    HEARD,
    I_NEWEST_BOOK,
    I_NEWEST_SHOWN,
    INSTRUMENT_SIZE,
    LADDER_CAP,
    LAST_AT,
    M_ASK,
    M_BID,
    N_INSTRUMENTS,
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
    S_INSTRUMENT,
    S_KIND,
    S_MODE,
    SPOKEN,
    STAMP_SIZE,
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

_TRADE_FIELDS = 6  # of a trade in its header: all but the instrument


@njit
def look_ahead(
    state: IntArray,
    window: IntArray,
    until: int,
    most: int,
    beat: int,
    step: int,
    ahead: IntArray,
    trades: IntArray,
    marks: IntArray,
) -> tuple[int, int]:
    """List the deliveries up to and including `until` that actors hear of, at most `most`; nothing happens.

    It stops before anything that `catch_up` could not let happen, or of which more comes than a row: an increment, a
    snapshot that is no book or finds no room, a payment of funding, a spoken feed, a full table, the window's end.

    Args:
        beat, step: the next time at which the market is marked, and the time between two; NEVER: not at all.
        ahead: (4, A) time, stream and event of each, and how many marks come before it.
        trades: (7, A) instrument, venue time, delivery, price, size, taker and id of those that are trades.
        marks: (A, N) at each beat, twice the mid of every instrument as it is known to us; 0 where a side lacks.

    Returns:
        How many there are, and how many of them are trades; 0 also where an order, a request or a fact may be touched.
    """
    log = log_of(state)
    if state[NEXT_REQUEST] != NEVER or state[NEXT_FACT] != NEVER or log[LOG_READ] < log[LOG_N]:
        return 0, 0
    for v in range(state[N_VENUES]):
        if state[state[AT_VENUE] + v * VENUE_SIZE + V_N_OPEN] > 0:
            return 0, 0
    n_events = state[N_WINDOW_EVENTS]
    at_headers = n_events * EVENT_SIZE
    at_levels = at_headers + state[N_WINDOW_HEADERS] * HEADER_SIZE
    n_touch, n_trade = state[N_TOUCH], state[N_TRADE]
    n = n_trades = n_marks = 0
    _mark_known(state, marks[0])
    for e in range(state[NEXT_EVENT], n_events):
        event = e * EVENT_SIZE
        stream = state[AT_STREAM] + window[event + E_STREAM] * STREAM_SIZE
        kind, mode = state[stream + S_KIND], state[stream + S_MODE]
        if window[event + E_TS] > until or kind > TRADES or mode == SPOKEN or n == most:
            break
        while beat < window[event + E_TS] and n_marks < len(marks) - 1:
            marks[n_marks + 1] = marks[n_marks]
            n_marks += 1
            beat += step
        if beat < window[event + E_TS]:
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
            marks[n_marks, state[stream + S_INSTRUMENT]] = _twice_mid(
                window, at_levels + 2 * window[header + H_START], window[header + H_N_BIDS], window[header + H_N_ASKS]
            )
        else:
            n_trade += 1
        if n_touch > state[ROW_CAP] or n_trade > state[ROW_CAP]:
            break
        if mode != HEARD:
            continue
        if kind == TRADES:
            trades[0, n_trades] = state[stream + S_INSTRUMENT]
            header = at_headers + window[event + E_ROW] * HEADER_SIZE
            for k in range(_TRADE_FIELDS):
                trades[1 + k, n_trades] = window[header + k]
            n_trades += 1
        ahead[0, n] = window[event + E_TS]
        ahead[1, n] = window[event + E_STREAM]
        ahead[2, n] = e
        ahead[3, n] = n_marks
        n += 1
    return n, n_trades


@njit
def _mark_known(state: IntArray, marks: IntArray) -> None:
    for i in range(state[N_INSTRUMENTS]):
        stamp = state[AT_MIRROR_STAMP] + i * STAMP_SIZE
        bid, ask = state[stamp + M_BID], state[stamp + M_ASK]
        marks[i] = bid + ask if bid != 0 and ask != 0 else 0


@njit
def _twice_mid(window: IntArray, at: int, n_bids: int, n_asks: int) -> int:
    return window[at] + window[at + 2 * n_bids] if n_bids > 0 and n_asks > 0 else 0


@njit
def catch_up(state: IntArray, window: IntArray, to: int) -> None:
    """Let everything up to and including event `to` happen, which `look_ahead` has listed.

    What the newest book of an instrument replaces is done no more: the books before it and, at the venue, where no
    order stands, the trades.
    """
    n_events = state[N_WINDOW_EVENTS]
    at_headers = n_events * EVENT_SIZE
    at_levels = at_headers + state[N_WINDOW_HEADERS] * HEADER_SIZE
    _find_newest_books(state, window, to)
    for e in range(state[NEXT_EVENT], to + 1):
        event = e * EVENT_SIZE
        stream = state[AT_STREAM] + window[event + E_STREAM] * STREAM_SIZE
        instrument = state[AT_INSTRUMENT] + state[stream + S_INSTRUMENT] * INSTRUMENT_SIZE
        if window[event + E_CLASS] != CLASS_DELIVERY:
            if e < state[instrument + I_NEWEST_BOOK]:
                continue
        elif state[stream + S_KIND] == BOOK and e < state[instrument + I_NEWEST_SHOWN]:
            pass_book_by(state, stream, window, at_headers + window[event + E_ROW] * HEADER_SIZE, at_levels)
            continue
        done = take_event(state, window, e, at_headers, at_levels)
        assert done == 0, "an event that was looked at could not happen"
    state[NOW] = state[LAST_AT] = window[to * EVENT_SIZE + E_TS]


@njit
def _find_newest_books(state: IntArray, window: IntArray, to: int) -> None:
    """Set each instrument's I_NEWEST_BOOK and I_NEWEST_SHOWN among the events up to `to`; -1 where there is none."""
    for i in range(state[N_INSTRUMENTS]):
        instrument = state[AT_INSTRUMENT] + i * INSTRUMENT_SIZE
        state[instrument + I_NEWEST_BOOK] = state[instrument + I_NEWEST_SHOWN] = -1
    for e in range(state[NEXT_EVENT], to + 1):
        stream = state[AT_STREAM] + window[e * EVENT_SIZE + E_STREAM] * STREAM_SIZE
        if state[stream + S_KIND] == BOOK:
            instrument = state[AT_INSTRUMENT] + state[stream + S_INSTRUMENT] * INSTRUMENT_SIZE
            newest = I_NEWEST_SHOWN if window[e * EVENT_SIZE + E_CLASS] == CLASS_DELIVERY else I_NEWEST_BOOK
            state[instrument + newest] = e
