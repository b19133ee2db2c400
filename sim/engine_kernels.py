"""The loop: recorded events, requests and facts in the order of the design, until an actor must hear of something.

Ties at one instant go by class: 0 the venue sees a trade (or funding falls due), 1 the venue sees a book, 2 a request
arrives, 3 facts are delivered, 4 trades and books are delivered, 5 timers (the caller's); then by stream, then by row.
"""

from typing import Final

from market.book_kernels import ASK, BID, apply, clear, copy, load, nth
from market.jit import njit
from market.order_log_kernels import log_room
from market.tape_kernels import append_trade
from sim.command_kernels import ACCOUNT, AMEND, CANCEL, PLACE, take_commands
from sim.fact_kernels import collect_facts, log_facts
from sim.matching_kernels import FUNDING_PAID, on_book, on_print, tell
from sim.quoting_kernels import take_facts
from sim.request_kernels import amend, cancel, cancel_all, place
from sim.state_kernels import (
    AT_MIRROR_LADDER,
    AT_MIRROR_SPAN,
    AT_MIRROR_STAMP,
    AT_OUT,
    AT_STREAM,
    AT_TAPE,
    AT_TAPE_COUNT,
    AT_TOUCH,
    AT_TRADE,
    AT_VENUE_LADDER,
    AT_VENUE_SPAN,
    BOOK,
    I_BOOK,
    I_MIRROR,
    I_N_LIVE,
    I_N_TAKEN,
    I_PAYMENT_ID,
    I_POSITION,
    I_SEQ,
    I_TS,
    IS_OVER,
    LAST_AT,
    LAST_WINDOW,
    LOGS_FACTS,
    M_ASK,
    M_BID,
    M_SEQ,
    M_TS_RECV,
    M_TS_VENUE,
    M_VERSION,
    N_EVENTS,
    N_RINGS,
    N_TOUCH,
    N_TRADE,
    N_UNKNOWN_DELETES,
    N_VENUE_GAPS,
    N_VENUES,
    N_WINDOW_EVENTS,
    N_WINDOW_HEADERS,
    NEVER,
    NEXT_EVENT,
    NEXT_FACT,
    NEXT_REQUEST,
    NOW,
    ORDER_CAP,
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
    ROW_CAP,
    ROW_SIZE,
    S_INSTRUMENT,
    S_KIND,
    S_MODE,
    S_VENUE,
    SILENT,
    SPOKEN,
    STAMP_SIZE,
    STREAM_SIZE,
    TAPE_CAP,
    TRADES,
    V_FEED_LATENCY,
    V_N_OPEN,
    IntArray,
    first_due,
    instrument_of,
    ladder_of,
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
    H_N_ASKS,
    H_N_BIDS,
    H_PREV_SEQ,
    H_SEQ,
    H_SNAPSHOT,
    H_START,
    H_TS_RECV,
    H_TS_VENUE,
    HEADER_SIZE,
    IS_SOUND,
)

# what `advance` comes back with; the first three are what an actor hears of
HEARD_BOOK: Final = 0
HEARD_TRADE: Final = 1
FACTS: Final = 2
SPOKEN_ROW: Final = 3
QUIET: Final = 4  # nothing up to `until`
NEED_WINDOW: Final = 5
PAYLOAD_REQUEST: Final = 6  # a snapshot is asked for: the caller builds it from the state as it is now
GAP: Final = 7  # a delivered delta does not follow: the caller must go over to SPOKEN for this venue
GROW: Final = 8  # there is no room for the levels of a book
FLUSH: Final = 9  # the touch or trade buffer is full
BAD_BOOK: Final = 10  # a snapshot or delta that is not a book
LOG_FULL: Final = 11  # the run's log has no room for the facts that are due
GROW_ORDERS: Final = 13  # there is no room for orders, requests or facts
OVER: Final = 12  # the last event is past, and all that came at its instant: told once

TOUCH_SIZE: Final = 7
TRADE_SIZE: Final = 6


@njit
def put_book(state: IntArray, at_ladder: int, at_span: int, i: int, header: IntArray, levels: IntArray) -> int:
    """Put a book message into a ladder; negative: NEEDS_ROOM or INVALID."""
    ladder = ladder_of(state, at_ladder, i)
    span = span_of(state, at_span, i)
    if header[H_SNAPSHOT] == IS_SOUND:
        copy(ladder, span, levels, header[H_START], header[H_N_BIDS], header[H_N_ASKS])
        return 0
    if header[H_SNAPSHOT]:
        done = load(ladder, span, levels, header[H_START], header[H_N_BIDS], header[H_N_ASKS])
        if done == 0:
            header[H_SNAPSHOT] = IS_SOUND
        return done
    return apply(ladder, span, levels, header[H_START], header[H_N_BIDS], header[H_N_ASKS])


@njit
def follows(book: int, seq: int, header: IntArray) -> int:
    """Return 1 if a message can be put on a book (see I_BOOK), 0 if it must be passed over, -1 if it shows a gap."""
    if header[H_SNAPSHOT]:
        return 1
    if book != 1:
        return 0
    if header[H_PREV_SEQ] != -1 and header[H_PREV_SEQ] != seq:
        return -1
    return 1


@njit
def on_venue_row(state: IntArray, stream: IntArray, header: IntArray, levels: IntArray, ts: int) -> int:
    """Let the venue see a row; 0, or GROW, GROW_ORDERS or BAD_BOOK with nothing done."""
    i = stream[S_INSTRUMENT]
    instrument = instrument_of(state, i)
    if instrument[I_N_LIVE] > 0 or stream[S_KIND] > TRADES:  # else there is nothing to tell
        needed = 2 * state[ORDER_CAP] + 2  # an order may be filled in part and then expire
        for ring in range(RING_ACK_PUBLIC, N_RINGS):
            if ring_room(state, stream[S_VENUE], ring) < needed:
                return GROW_ORDERS
    if stream[S_KIND] == TRADES:
        on_print(state, i, ts, header[H_SEQ], header[H_PREV_SEQ], header[H_SNAPSHOT])
    elif stream[S_KIND] == BOOK:
        fits = follows(instrument[I_BOOK], instrument[I_SEQ], header)
        if fits < 0:
            # until the next snapshot nobody knows what is displayed: nothing to take, queues as they were
            instrument[I_BOOK] = 2
            instrument[I_N_TAKEN] = 0
            instrument[I_N_TAKEN + 1] = 0
            clear(ladder_of(state, AT_VENUE_LADDER, i), span_of(state, AT_VENUE_SPAN, i))
            state[N_VENUE_GAPS] += 1
        if fits <= 0:
            return 0
        done = put_book(state, AT_VENUE_LADDER, AT_VENUE_SPAN, i, header, levels)
        if done < 0:
            return GROW if done == -1 else BAD_BOOK
        state[N_UNKNOWN_DELETES] += done
        instrument[I_BOOK] = 1
        instrument[I_SEQ] = header[H_SEQ]
        instrument[I_TS] = ts
        on_book(state, i, ts)
    elif instrument[I_POSITION] != 0:
        # the payment's number, the rate and the mark; the caller knows what they come to in money
        instrument[I_PAYMENT_ID] += 1
        position = instrument[I_POSITION]
        tell(state, ts, FUNDING_PAID, header[H_SEQ], i, 0, header[H_PREV_SEQ], position, instrument[I_PAYMENT_ID])
    return 0


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
def mirror_row(state: IntArray, stream: IntArray, header: IntArray, levels: IntArray) -> int:
    """Show a delivered row in the mirror and note it for the run's tables; 0, GAP, GROW, FLUSH or BAD_BOOK."""
    i = stream[S_INSTRUMENT]
    if stream[S_KIND] == TRADES:
        n = state[N_TRADE]
        if n >= state[ROW_CAP]:
            return FLUSH
        tape = region(state, AT_TAPE, i, state[TAPE_CAP] * 5).reshape(state[TAPE_CAP], 5)
        count = region(state, AT_TAPE_COUNT, i, 1)
        append_trade(
            tape, count, header[H_TS_VENUE], header[H_TS_RECV], header[H_SEQ], header[H_PREV_SEQ], header[H_SNAPSHOT]
        )
        row = region(state, AT_TRADE, n, TRADE_SIZE)
        row[0] = header[H_TS_VENUE]
        row[1] = header[H_TS_RECV]
        row[2] = i
        row[3] = header[H_SEQ]
        row[4] = header[H_PREV_SEQ]
        row[5] = header[H_SNAPSHOT]
        state[N_TRADE] = n + 1
    elif stream[S_KIND] == BOOK:
        n = state[N_TOUCH]
        if n >= state[ROW_CAP]:
            return FLUSH
        stamp = region(state, AT_MIRROR_STAMP, i, STAMP_SIZE)
        instrument = instrument_of(state, i)
        fits = follows(instrument[I_MIRROR], stamp[M_SEQ], header)
        if fits < 0:
            if stream[S_MODE] != SPOKEN:
                return GAP
            instrument[I_MIRROR] = 2
        if fits <= 0:
            return 0
        done = put_book(state, AT_MIRROR_LADDER, AT_MIRROR_SPAN, i, header, levels)
        if done < 0:
            return GROW if done == -1 else BAD_BOOK
        instrument[I_MIRROR] = 1
        stamp[M_TS_VENUE] = header[H_TS_VENUE]
        stamp[M_TS_RECV] = header[H_TS_RECV]
        stamp[M_SEQ] = header[H_SEQ]
        stamp[M_VERSION] += 1
        ladder = ladder_of(state, AT_MIRROR_LADDER, i)
        span = span_of(state, AT_MIRROR_SPAN, i)
        row = region(state, AT_TOUCH, n, TOUCH_SIZE)
        row[0] = header[H_TS_VENUE]
        row[1] = header[H_TS_RECV]
        row[2] = i
        row[3], row[4] = nth(ladder, span, BID, 0)
        row[5], row[6] = nth(ladder, span, ASK, 0)
        stamp[M_BID] = row[3]
        stamp[M_ASK] = row[5]
        state[N_TOUCH] = n + 1
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
    events = window[:at_headers].reshape(-1, EVENT_SIZE)
    headers = window[at_headers:at_levels].reshape(-1, HEADER_SIZE)
    levels = window[at_levels:].reshape(-1, 2)
    if not take_commands(state):
        return GROW_ORDERS, state[NOW], 0, 0, 0
    while True:
        e = state[NEXT_EVENT]
        if e < n_events:
            ts = events[e, E_TS]
            what = events[e, E_CLASS]
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
        s = events[e, E_STREAM]
        r = events[e, E_ROW]
        stream = region(state, AT_STREAM, s, STREAM_SIZE)
        if what < CLASS_REQUEST:
            done = on_venue_row(state, stream, headers[r], levels, ts)
            if done != 0:
                return done, ts, s, r, 0
            state[NEXT_EVENT] = e + 1
            continue
        done = mirror_row(state, stream, headers[r], levels)
        if done != 0:
            return done, ts, s, r, 0
        state[NEXT_EVENT] = e + 1
        state[N_EVENTS] += 1
        if stream[S_KIND] > TRADES:
            continue
        # clocks may disagree; nothing arrives before it was sent
        venue_of(state, stream[S_VENUE])[V_FEED_LATENCY] = max(0, headers[r, H_TS_RECV] - headers[r, H_TS_VENUE])
        mode = stream[S_MODE]
        if mode == SILENT:
            continue
        if mode == SPOKEN:
            return SPOKEN_ROW, ts, s, r, 0
        if stream[S_KIND] == BOOK:
            return HEARD_BOOK, ts, s, headers[r, H_TS_VENUE], headers[r, H_SEQ]
        return HEARD_TRADE, ts, s, r, 0
