"""The loop: recorded events, requests and facts in the order of the design, until an actor must hear of something.

Ties at one instant go by class: 0 the venue sees a trade (or funding falls due), 1 the venue sees a book, 2 a request
arrives, 3 facts are delivered, 4 trades and books are delivered, 5 timers (the caller's); then by stream, then by row.
"""

from market.jit import njit
from market.order_log_kernels import log_room
from sim.command_kernels import ACCOUNT, AMEND, CANCEL, PLACE, take_commands
from sim.fact_kernels import collect_facts, log_facts
from sim.quoting_kernels import take_facts
from sim.request_kernels import amend, cancel, cancel_all, place
from sim.row_kernels import take_event
from sim.state_kernels import (
    AT_OUT,
    AT_STREAM,
    AT_VENUE_SPAN,
    BOOK,
    FACTS,
    GROW_ORDERS,
    HEARD_BOOK,
    HEARD_TRADE,
    IS_OVER,
    LAST_AT,
    LAST_WINDOW,
    LOG_FULL,
    LOGS_FACTS,
    N_RINGS,
    N_VENUES,
    N_WINDOW_EVENTS,
    N_WINDOW_HEADERS,
    NEED_WINDOW,
    NEVER,
    NEXT_EVENT,
    NEXT_FACT,
    NEXT_REQUEST,
    NOW,
    ORDER_CAP,
    OVER,
    PAYLOAD_REQUEST,
    QUIET,
    R_CLIENT_ID,
    R_DETAIL,
    R_DUE,
    R_INSTRUMENT,
    R_KIND,
    R_PRICE,
    R_SIDE,
    R_SIZE,
    RING_ACK_PUBLIC,
    RING_CAP,
    RING_REQUEST_PRIVATE,
    RING_REQUEST_PUBLIC,
    ROW_SIZE,
    S_KIND,
    S_MODE,
    SILENT,
    SPOKEN,
    SPOKEN_ROW,
    STREAM_SIZE,
    TRADES,
    V_N_OPEN,
    IntArray,
    first_due,
    log_of,
    region,
    ring_end,
    ring_of,
    ring_room,
    span_of,
    venue_of,
)
from sim.window_kernels import (
    CLASS_DELIVERY,
    CLASS_FACT,
    CLASS_REQUEST,
    E_CLASS,
    E_ROW,
    E_STREAM,
    E_TS,
    EVENT_SIZE,
    H_SEQ,
    H_TS_VENUE,
    HEADER_SIZE,
)


@njit
def on_request(state: IntArray, venue: int, row: IntArray, ts: int) -> int:
    """Let an order request arrive; 0, or GROW_ORDERS with nothing done."""
    i = row[R_INSTRUMENT]
    # one that takes is filled once a level, by a lot at least
    span = span_of(state, AT_VENUE_SPAN, i)
    other = 1 if row[R_SIDE] > 0 else 0
    levels = span[other, 1] - span[other, 0]
    if row[R_KIND] == AMEND:  # its side is the order's
        levels = max(span[0, 1] - span[0, 0], span[1, 1] - span[1, 0])
    needed = state[ORDER_CAP] + min(levels, max(row[R_SIZE], 0)) + 2
    for ring in range(RING_ACK_PUBLIC, N_RINGS):
        if ring_room(state, venue, ring) < needed:
            return GROW_ORDERS
    kind = row[R_KIND]
    if kind == PLACE:
        n_open = 0
        for v in range(state[N_VENUES]):
            n_open += venue_of(state, v)[V_N_OPEN]
        if n_open >= state[ORDER_CAP]:
            return GROW_ORDERS
        place(state, i, ts, row[R_CLIENT_ID], row[R_SIDE], row[R_PRICE], row[R_SIZE], row[R_DETAIL])
    elif kind == AMEND:
        amend(state, i, ts, row[R_CLIENT_ID], row[R_PRICE], row[R_SIZE])
    elif kind == CANCEL:
        cancel(state, i, ts, row[R_CLIENT_ID])
    else:
        cancel_all(state, i, ts)
    return 0


@njit
def first_request(state: IntArray, due: int) -> tuple[int, int]:
    """Return (venue, ring) of the request that arrives at `due`."""
    for venue in range(state[N_VENUES]):
        for ring in (RING_REQUEST_PRIVATE, RING_REQUEST_PUBLIC):
            ends = ring_end(state, venue, ring)
            if ends[0] < ends[1] and ring_of(state, venue, ring)[ends[0] % state[RING_CAP], R_DUE] == due:
                return venue, ring
    return -1, -1


@njit
def advance(state: IntArray, window: IntArray, until: int) -> tuple[int, int, int, int, int]:
    """Run the market up to and including `until`, or to the first thing that somebody must see to.

    Args:
        window: flat, one array because each costs 0.1 us a call: (E, 4) the rows in order (time, class, stream, row),
            then (R, 8) their headers, then (L, 2) the books' levels; E and R stand in the state.
        until: when the next timer is due; deliveries of that instant come before it.

    Returns:
        (what, time, a, b, c).  HEARD_BOOK: stream, venue time, sequence number.  HEARD_TRADE, SPOKEN_ROW, GAP,
        BAD_BOOK: stream, row.  FACTS: how many are in the hand-over region, 1 if they are logged.  PAYLOAD_REQUEST:
        kind, venue, instrument.
    """
    n_events = state[N_WINDOW_EVENTS]
    at_headers = n_events * EVENT_SIZE
    at_levels = at_headers + state[N_WINDOW_HEADERS] * HEADER_SIZE
    if not take_commands(state):
        return GROW_ORDERS, state[NOW], 0, 0, 0
    while True:
        e = state[NEXT_EVENT]
        if e < n_events:
            ts = window[e * EVENT_SIZE + E_TS]
            what = window[e * EVENT_SIZE + E_CLASS]
        elif state[LAST_WINDOW]:
            if not state[IS_OVER] and min(state[NEXT_REQUEST], state[NEXT_FACT]) > state[LAST_AT]:
                state[IS_OVER] = 1
                return OVER, state[NOW], 0, 0, 0
            ts = NEVER
            what = CLASS_DELIVERY
        else:
            return NEED_WINDOW, state[NOW], 0, 0, 0
        if state[NEXT_REQUEST] < ts or (state[NEXT_REQUEST] == ts and what > CLASS_REQUEST):
            ts = state[NEXT_REQUEST]
            what = CLASS_REQUEST
        if state[NEXT_FACT] < ts or (state[NEXT_FACT] == ts and what > CLASS_FACT):
            ts = state[NEXT_FACT]
            what = CLASS_FACT
        if ts > until or ts == NEVER:
            return QUIET, state[NOW], 0, 0, 0
        state[NOW] = ts
        if what == CLASS_FACT:
            # room for all that can be due: each is one row of the log
            if log_room(log_of(state)) < state[RING_CAP] * N_RINGS * state[N_VENUES]:
                return LOG_FULL, ts, 0, 0, 0
            n, is_plain = collect_facts(state, ts)
            facts = region(state, AT_OUT, 0, n * ROW_SIZE).reshape(n, ROW_SIZE)
            if is_plain and state[LOGS_FACTS]:
                if take_facts(state, facts, n, ts):
                    continue
                log_facts(state, facts, n, ts)
                return FACTS, ts, n, 1, 0
            return FACTS, ts, n, 0, 0
        if what == CLASS_REQUEST:
            venue, ring = first_request(state, ts)
            ends = ring_end(state, venue, ring)
            row = ring_of(state, venue, ring)[ends[0] % state[RING_CAP]]
            if row[R_KIND] < ACCOUNT:
                done = on_request(state, venue, row, ts)
                if done != 0:
                    return done, ts, 0, 0, 0
            ends[0] += 1
            state[NEXT_REQUEST] = first_due(state, RING_REQUEST_PUBLIC, RING_ACK_PUBLIC)
            if row[R_KIND] >= ACCOUNT:
                return PAYLOAD_REQUEST, ts, row[R_KIND], venue, row[R_DETAIL]
            continue
        state[LAST_AT] = ts
        s = window[e * EVENT_SIZE + E_STREAM]
        r = window[e * EVENT_SIZE + E_ROW]
        stream = state[AT_STREAM] + s * STREAM_SIZE
        header = at_headers + r * HEADER_SIZE
        done = take_event(state, window, e, at_headers, at_levels)
        if done != 0:
            return done, ts, s, r, 0
        kind = state[stream + S_KIND]
        if what < CLASS_REQUEST or kind > TRADES:
            continue
        mode = state[stream + S_MODE]
        if mode == SILENT:
            continue
        if mode == SPOKEN:
            return SPOKEN_ROW, ts, s, r, 0
        if kind == BOOK:
            return HEARD_BOOK, ts, s, window[header + H_TS_VENUE], window[header + H_SEQ]
        return HEARD_TRADE, ts, s, r, 0
