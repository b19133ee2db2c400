"""The loop: recorded events, requests and facts in the order of the design, until an actor must hear of something.

Ties at one instant go by class: 0 the venue sees a trade (or funding falls due), 1 the venue sees a book, 2 a request
arrives, 3 facts are delivered, 4 trades and books are delivered, 5 timers (the caller's); then by stream, then by row.
"""

from typing import Final

import numpy as np

from market.arithmetic_kernels import uniform
from market.book_kernels import apply, best, clear, load, size_at
from market.jit import njit
from market.tape_kernels import append_trade
from sim.matching_kernels import FUNDING_PAID, amend, cancel, cancel_all, on_book, on_print, place, tell
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
    C_CONSTANT,
    C_MODEL,
    CONSTANT,
    I_BOOK,
    I_MIRROR,
    I_N_TAKEN,
    I_PAYMENT_ID,
    I_POSITION,
    I_SEQ,
    I_TS,
    LADDER_CAP,
    LAST_WINDOW,
    N_EVENTS,
    N_FACTS,
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
    REQUEST_PRIVATE,
    REQUEST_PUBLIC,
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
    STREAM_SIZE,
    TAPE_CAP,
    TRADES,
    V_FEED_LATENCY,
    V_N_OPEN,
    IntArray,
    arrival,
    first_due,
    instrument_of,
    ladder_of,
    push,
    quantile,
    region,
    ring_end,
    ring_of,
    ring_room,
    span_of,
    venue_of,
)

# what `advance` comes back with
NEED_WINDOW: Final = 0
QUIET: Final = 1  # nothing up to `until`
HEARD_BOOK: Final = 2
HEARD_TRADE: Final = 3
SPOKEN_ROW: Final = 4
FACTS: Final = 5
PAYLOAD_REQUEST: Final = 6  # a snapshot is asked for: the caller builds it from the state as it is now
GAP: Final = 7  # a delivered delta does not follow: the caller must go over to SPOKEN for this venue
GROW: Final = 8
FLUSH: Final = 9  # the touch or trade buffer is full
BAD_BOOK: Final = 10  # a snapshot or delta that is not a book

# kinds of requests: market.order_log.LogKind for the first four
PLACE: Final = 0
AMEND: Final = 1
CANCEL: Final = 2
CANCEL_ALL: Final = 3
ACCOUNT: Final = 4
SNAPSHOT: Final = 5

# columns of a window's events and headers
E_TS: Final = 0
E_CLASS: Final = 1
E_STREAM: Final = 2
E_ROW: Final = 3
EVENT_SIZE: Final = 4

H_TS_VENUE: Final = 0
H_TS_RECV: Final = 1
H_SEQ: Final = 2  # book; price of a trade; rate of a funding payment
H_PREV_SEQ: Final = 3  # book; size of a trade; mark of a funding payment
H_SNAPSHOT: Final = 4  # book; taker of a trade
H_START: Final = 5  # book; id of a trade
H_N_BIDS: Final = 6
H_N_ASKS: Final = 7
HEADER_SIZE: Final = 8

CLASS_TRADE: Final = 0
CLASS_BOOK: Final = 1
CLASS_REQUEST: Final = 2
CLASS_FACT: Final = 3
CLASS_DELIVERY: Final = 4

TOUCH_SIZE: Final = 7
TRADE_SIZE: Final = 6


@njit
def submit(
    state: IntArray,
    now: int,
    venue: int,
    kind: int,
    client_id: int,
    instrument: int,
    side: int,
    price: int,
    size: int,
    flags: int,
) -> bool:
    """Send a request at `now`; False: no room, grow first."""
    ring = RING_REQUEST_PUBLIC if kind == SNAPSHOT else RING_REQUEST_PRIVATE
    if ring_room(state, venue, ring) == 0:
        return False
    channel = REQUEST_PUBLIC if kind == SNAPSHOT else REQUEST_PRIVATE
    due = arrival(state, venue, channel, now)
    push(state, venue, ring, due, kind, client_id, instrument, now, side, price, size, flags)
    return True


@njit
def answer_payload(state: IntArray, venue: int, ring: int, channel: int, kind: int, number: int) -> bool:
    """Send an answer whose content the caller keeps under `number`; False: no room, grow first."""
    if ring_room(state, venue, ring) == 0:
        return False
    now = state[NOW]
    push(state, venue, ring, arrival(state, venue, channel, now), kind, 0, -1, now, 0, 0, 0, number)
    return True


@njit
def put_book(state: IntArray, at_ladder: int, at_span: int, i: int, header: IntArray, levels: IntArray) -> int:
    """Put a book message into a ladder; negative: NEEDS_ROOM or INVALID."""
    ladder = ladder_of(state, at_ladder, i)
    span = span_of(state, at_span, i)
    if header[H_SNAPSHOT]:
        return load(ladder, span, levels, header[H_START], header[H_N_BIDS], header[H_N_ASKS])
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
    """Let the venue see a row; 0, or GROW or BAD_BOOK with nothing done."""
    i = stream[S_INSTRUMENT]
    instrument = instrument_of(state, i)
    needed = 2 * state[ORDER_CAP] + 2  # an order may be filled in part and then expire
    for ring in range(RING_ACK_PUBLIC, N_RINGS):
        if ring_room(state, stream[S_VENUE], ring) < needed:
            return GROW
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
    """Let an order request arrive; 0, or GROW with nothing done."""
    i = row[R_INSTRUMENT]
    needed = state[ORDER_CAP] + state[LADDER_CAP] + 2
    for ring in range(RING_ACK_PUBLIC, N_RINGS):
        if ring_room(state, venue, ring) < needed:
            return GROW
    kind = row[R_KIND]
    if kind == PLACE:
        n_open = 0
        for v in range(state[N_VENUES]):
            n_open += venue_of(state, v)[V_N_OPEN]
        if n_open >= state[ORDER_CAP]:
            return GROW
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
        stamp = region(state, AT_MIRROR_STAMP, i, 4)
        instrument = instrument_of(state, i)
        fits = follows(instrument[I_MIRROR], stamp[2], header)
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
        stamp[0] = header[H_TS_VENUE]
        stamp[1] = header[H_TS_RECV]
        stamp[2] = header[H_SEQ]
        stamp[3] += 1
        ladder = ladder_of(state, AT_MIRROR_LADDER, i)
        span = span_of(state, AT_MIRROR_SPAN, i)
        row = region(state, AT_TOUCH, n, TOUCH_SIZE)
        row[0] = header[H_TS_VENUE]
        row[1] = header[H_TS_RECV]
        row[2] = i
        row[3] = best(ladder, span, 0)
        row[4] = size_at(ladder, span, 0, row[3])
        row[5] = best(ladder, span, 1)
        row[6] = size_at(ladder, span, 1, row[5])
        state[N_TOUCH] = n + 1
    return 0


@njit
def collect_facts(state: IntArray, due: int) -> int:
    """Move the facts that are due into the hand-over region, by venue and channel; return how many.

    It has room for all that can be under way: what falls due at one instant is one event.
    """
    n = 0
    for venue in range(state[N_VENUES]):
        for ring in range(RING_ACK_PUBLIC, N_RINGS):
            ends = ring_end(state, venue, ring)
            rows = ring_of(state, venue, ring)
            while ends[0] < ends[1]:
                row = rows[ends[0] % state[RING_CAP]]
                if row[R_DUE] > due:
                    break
                region(state, AT_OUT, n, ROW_SIZE)[:] = row
                ends[0] += 1
                n += 1
    state[NEXT_FACT] = first_due(state, RING_ACK_PUBLIC, N_RINGS)
    state[N_FACTS] += n
    return n


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
        BAD_BOOK: stream, row.  FACTS: how many are in the hand-over region.  PAYLOAD_REQUEST: kind, venue, instrument.
    """
    n_events = state[N_WINDOW_EVENTS]
    at_headers = n_events * EVENT_SIZE
    at_levels = at_headers + state[N_WINDOW_HEADERS] * HEADER_SIZE
    events = window[:at_headers].reshape(-1, EVENT_SIZE)
    headers = window[at_headers:at_levels].reshape(-1, HEADER_SIZE)
    levels = window[at_levels:].reshape(-1, 2)
    while True:
        e = state[NEXT_EVENT]
        if e < n_events:
            ts = events[e, E_TS]
            what = events[e, E_CLASS]
        elif state[LAST_WINDOW]:
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
            n = collect_facts(state, ts)
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


@njit
def merge(
    venue_ts: IntArray,
    recv_ts: IntArray,
    kinds: IntArray,
    first: IntArray,
    last: IntArray,
    more: IntArray,
    venue_next: IntArray,
    recv_next: IntArray,
    venue_bound: IntArray,
    recv_bound: IntArray,
    events: IntArray,
) -> int:
    """Merge the rows of all streams, on the venue's side and on ours, as far as their order is certain.

    Args:
        venue_ts, recv_ts: (R,) times of the loaded rows, stream after stream; a venue time of -1 leaves the row out of
            the venue's side.  Both never decrease within a stream.
        kinds: (S,) BOOK, TRADES or FUNDING.  first, last: (S,) the stream's rows.
        more: (S,) 1 if the stream has rows that are not loaded.
        venue_next, recv_next: (S,) the next row to merge; moved on.
        venue_bound, recv_bound: (S,) no row that is not loaded is earlier than this.
        events: (>= 2R, 4) what is merged: time, class, stream, row.

    Returns:
        How many events were merged.
    """
    n_streams = kinds.shape[0]
    n = 0
    while True:
        best_ts = NEVER
        best_class = 9
        best_stream = -1
        best_loaded = True
        for s in range(n_streams):
            while venue_next[s] < last[s] and venue_ts[venue_next[s]] == -1:
                venue_next[s] += 1
            for side in range(2):
                what = CLASS_DELIVERY if side else (CLASS_BOOK if kinds[s] == BOOK else CLASS_TRADE)
                at = recv_next[s] if side else venue_next[s]
                loaded = at < last[s]
                if not loaded and not more[s]:
                    continue
                if loaded:
                    ts = recv_ts[at] if side else venue_ts[at]
                else:
                    ts = recv_bound[s] if side else venue_bound[s]
                if ts < best_ts or (ts == best_ts and what < best_class):
                    best_ts = ts
                    best_class = what
                    best_stream = s
                    best_loaded = loaded
        if best_stream < 0 or not best_loaded:
            return n
        cursor = recv_next if best_class == CLASS_DELIVERY else venue_next
        events[n, E_TS] = best_ts
        events[n, E_CLASS] = best_class
        events[n, E_STREAM] = best_stream
        events[n, E_ROW] = cursor[best_stream]
        cursor[best_stream] += 1
        n += 1


@njit
def stamp_rows(
    ts_venue: IntArray,
    ts_recv: IntArray,
    latencies: IntArray,
    shift: int,
    max_lateness: int,
    newest: IntArray,
    out: IntArray,
) -> tuple[int, int]:
    """Give the rows of a stream their times in the simulation.

    Args:
        ts_venue, ts_recv: (R,) as recorded.
        latencies: (R,) modelled feed latencies, or (0,) to deliver as recorded.
        shift: of the venue's clock, ns.
        max_lateness: a row that is later than this against its stream's newest is left out of the venue's side.
        newest: (2,) newest venue time and newest delivery of the stream so far; moved on.
        out: (R, 3) shifted venue time, delivery time, venue-side time (-1: left out).

    Returns:
        (rows clamped, rows left out).
    """
    n_clamped = 0
    n_late = 0
    for r in range(ts_venue.shape[0]):
        venue = ts_venue[r] + shift
        side = venue
        if venue < newest[0]:
            if newest[0] - venue > max_lateness:
                side = -1
                n_late += 1
            else:
                side = newest[0]
                n_clamped += 1
        else:
            newest[0] = venue
        recv = ts_recv[r] if latencies.shape[0] == 0 else newest[0] + latencies[r]
        newest[1] = max(newest[1], recv)
        out[r, 0] = venue
        out[r, 1] = newest[1]
        out[r, 2] = side
    return n_clamped, n_late


@njit
def feed_latencies(channel: IntArray, quantiles: IntArray, seed: int, first: int, n: int) -> IntArray:
    """Return the feed latencies of rows [first, first + n) of a stream, ns.

    A stream has random numbers of its own, by row: so they do not depend on how streams are cut into chunks.
    """
    drawn = np.empty(n, np.int64)
    for k in range(n):
        if channel[C_MODEL] == CONSTANT:
            drawn[k] = channel[C_CONSTANT]
        else:
            drawn[k] = quantile(quantiles, uniform(seed, first + k))
    return drawn
