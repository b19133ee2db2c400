"""What a recorded row does: at the venue, to whose book our orders stand; and in the mirrors, when it is delivered.

Everything is reached by its place in the two flat arrays: a view of an array costs 10 ns, a row some 300 in all.
"""

from market.book_kernels import INVALID, NEEDS_ROOM, apply, clear, is_book, put
from market.jit import njit
from sim.matching_kernels import FUNDING_PAID, on_book, on_print, tell
from sim.state_kernels import (
    AT_INSTRUMENT,
    AT_MIRROR_LADDER,
    AT_MIRROR_SPAN,
    AT_MIRROR_STAMP,
    AT_STREAM,
    AT_TAPE,
    AT_TAPE_COUNT,
    AT_TOUCH,
    AT_TRADE,
    AT_VENUE,
    AT_VENUE_LADDER,
    AT_VENUE_SPAN,
    BAD_BOOK,
    BOOK,
    FLUSH,
    GAP,
    GROW,
    GROW_ORDERS,
    I_BOOK,
    I_MIRROR,
    I_N_LIVE,
    I_N_TAKEN,
    I_PAYMENT_ID,
    I_POSITION,
    I_SEQ,
    I_TS,
    INSTRUMENT_SIZE,
    LADDER_CAP,
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
    NEXT_EVENT,
    ORDER_CAP,
    RING_ACK_PUBLIC,
    ROW_CAP,
    S_INSTRUMENT,
    S_KIND,
    S_MODE,
    S_VENUE,
    SPOKEN,
    STAMP_SIZE,
    STREAM_SIZE,
    TAPE_CAP,
    TOUCH_SIZE,
    TRADE_SIZE,
    TRADES,
    V_FEED_LATENCY,
    VENUE_SIZE,
    IntArray,
    ladder_of,
    ring_room,
    span_of,
)
from sim.window_kernels import (
    CLASS_DELIVERY,
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

_TAPE_ROW = 5


@njit
def take_event(state: IntArray, window: IntArray, e: int, at_headers: int, at_levels: int) -> int:
    """Let event `e` of the window happen, the next one; 0, or what must be seen to, with nothing done.

    Args:
        at_headers, at_levels: where the window's headers and levels begin.
    """
    event = e * EVENT_SIZE
    stream = state[AT_STREAM] + window[event + E_STREAM] * STREAM_SIZE
    header = at_headers + window[event + E_ROW] * HEADER_SIZE
    if window[event + E_CLASS] < CLASS_REQUEST:
        done = on_venue_row(state, stream, window, header, at_levels, window[event + E_TS])
    else:
        done = mirror_row(state, stream, window, header, at_levels)
    if done != 0:
        return done
    state[NEXT_EVENT] = e + 1
    if window[event + E_CLASS] == CLASS_DELIVERY:
        count_delivery(state, stream, window, header)
    return 0


@njit
def count_delivery(state: IntArray, stream: int, window: IntArray, header: int) -> None:
    """Count a delivered row, and keep how long it took."""
    state[N_EVENTS] += 1
    if state[stream + S_KIND] <= TRADES:
        # clocks may disagree; nothing arrives before it was sent
        venue = state[AT_VENUE] + state[stream + S_VENUE] * VENUE_SIZE
        state[venue + V_FEED_LATENCY] = max(0, window[header + H_TS_RECV] - window[header + H_TS_VENUE])


@njit
def put_book(
    state: IntArray, at_ladders: int, at_spans: int, i: int, window: IntArray, header: int, at_levels: int
) -> int:
    """Put a book message into the ladder of instrument `i`; negative: NEEDS_ROOM or INVALID, with nothing done."""
    capacity = state[LADDER_CAP]
    n_bids = window[header + H_N_BIDS]
    n_asks = window[header + H_N_ASKS]
    start = window[header + H_START]
    kind = window[header + H_SNAPSHOT]
    if not kind:
        levels = window[at_levels:].reshape(-1, 2)
        return apply(ladder_of(state, at_ladders, i), span_of(state, at_spans, i), levels, start, n_bids, n_asks)
    at = at_levels + 2 * start
    if kind != IS_SOUND:  # each is looked through once
        if max(n_bids, n_asks) > capacity:
            return NEEDS_ROOM
        if not is_book(window, at, n_bids, n_asks):
            return INVALID
        window[header + H_SNAPSHOT] = IS_SOUND
    at_ladder = state[at_ladders] + i * 4 * capacity
    put(state, at_ladder, state, state[at_spans] + i * 4, capacity, window, at, n_bids, n_asks)
    return 0


@njit
def follows(book: int, seq: int, window: IntArray, header: int) -> int:
    """Return 1 if a message can be put on a book (see I_BOOK), 0 if it must be passed over, -1 if it shows a gap."""
    if window[header + H_SNAPSHOT]:
        return 1
    if book != 1:
        return 0
    if window[header + H_PREV_SEQ] != -1 and window[header + H_PREV_SEQ] != seq:
        return -1
    return 1


@njit
def on_venue_row(state: IntArray, stream: int, window: IntArray, header: int, at_levels: int, ts: int) -> int:
    """Let the venue see a row; 0, or GROW, GROW_ORDERS or BAD_BOOK with nothing done.

    Args:
        stream: where the stream's row of the state begins.  header: where the row's header does in the window.
        at_levels: where the window's levels begin.
    """
    i = state[stream + S_INSTRUMENT]
    kind = state[stream + S_KIND]
    instrument = state[AT_INSTRUMENT] + i * INSTRUMENT_SIZE
    if state[instrument + I_N_LIVE] > 0 or kind > TRADES:  # else there is nothing to tell
        needed = 2 * state[ORDER_CAP] + 2  # an order may be filled in part and then expire
        for ring in range(RING_ACK_PUBLIC, N_RINGS):
            if ring_room(state, state[stream + S_VENUE], ring) < needed:
                return GROW_ORDERS
    if kind == TRADES:
        on_print(state, i, ts, window[header + H_SEQ], window[header + H_PREV_SEQ], window[header + H_SNAPSHOT])
    elif kind == BOOK:
        fits = follows(state[instrument + I_BOOK], state[instrument + I_SEQ], window, header)
        if fits < 0:
            # until the next snapshot nobody knows what is displayed: nothing to take, queues as they were
            state[instrument + I_BOOK] = 2
            state[instrument + I_N_TAKEN] = 0
            state[instrument + I_N_TAKEN + 1] = 0
            clear(ladder_of(state, AT_VENUE_LADDER, i), span_of(state, AT_VENUE_SPAN, i))
            state[N_VENUE_GAPS] += 1
        if fits <= 0:
            return 0
        done = put_book(state, AT_VENUE_LADDER, AT_VENUE_SPAN, i, window, header, at_levels)
        if done < 0:
            return GROW if done == NEEDS_ROOM else BAD_BOOK
        state[N_UNKNOWN_DELETES] += done
        state[instrument + I_BOOK] = 1
        state[instrument + I_SEQ] = window[header + H_SEQ]
        state[instrument + I_TS] = ts
        on_book(state, i, ts)
    elif state[instrument + I_POSITION] != 0:
        # the payment's number, the rate and the mark; the caller knows what they come to in money
        state[instrument + I_PAYMENT_ID] += 1
        rate, mark = window[header + H_SEQ], window[header + H_PREV_SEQ]
        tell(
            state, ts, FUNDING_PAID, rate, i, 0, mark, state[instrument + I_POSITION], state[instrument + I_PAYMENT_ID]
        )
    return 0


@njit
def mirror_row(state: IntArray, stream: int, window: IntArray, header: int, at_levels: int) -> int:
    """Show a delivered row in the mirror and note it for the run's tables; 0, GAP, GROW, FLUSH or BAD_BOOK.

    Args: as of `on_venue_row`.
    """
    kind = state[stream + S_KIND]
    if kind == TRADES:
        return _mirror_trade(state, state[stream + S_INSTRUMENT], window, header)
    if kind == BOOK:
        return _mirror_book(state, stream, window, header, at_levels)
    return 0


@njit
def _mirror_trade(state: IntArray, i: int, window: IntArray, header: int) -> int:
    n = state[N_TRADE]
    if n >= state[ROW_CAP]:
        return FLUSH
    count = state[AT_TAPE_COUNT] + i
    place = state[AT_TAPE] + (i * state[TAPE_CAP] + state[count] % state[TAPE_CAP]) * _TAPE_ROW
    for k in range(_TAPE_ROW):  # ts_venue, ts_recv, ticks, lots, taker: as the header begins
        state[place + k] = window[header + k]
    state[count] += 1
    row = state[AT_TRADE] + n * TRADE_SIZE
    state[row] = window[header + H_TS_VENUE]
    state[row + 1] = window[header + H_TS_RECV]
    state[row + 2] = i
    state[row + 3] = window[header + H_SEQ]
    state[row + 4] = window[header + H_PREV_SEQ]
    state[row + 5] = window[header + H_SNAPSHOT]
    state[N_TRADE] = n + 1
    return 0


@njit
def _mirror_book(state: IntArray, stream: int, window: IntArray, header: int, at_levels: int) -> int:
    if state[N_TOUCH] >= state[ROW_CAP]:
        return FLUSH
    i = state[stream + S_INSTRUMENT]
    instrument = state[AT_INSTRUMENT] + i * INSTRUMENT_SIZE
    stamp = state[AT_MIRROR_STAMP] + i * STAMP_SIZE
    fits = follows(state[instrument + I_MIRROR], state[stamp + M_SEQ], window, header)
    if fits < 0:
        if state[stream + S_MODE] != SPOKEN:
            return GAP
        state[instrument + I_MIRROR] = 2
    if fits <= 0:
        return 0
    done = put_book(state, AT_MIRROR_LADDER, AT_MIRROR_SPAN, i, window, header, at_levels)
    if done < 0:
        return GROW if done == NEEDS_ROOM else BAD_BOOK
    state[instrument + I_MIRROR] = 1
    state[stamp + M_TS_VENUE] = window[header + H_TS_VENUE]
    state[stamp + M_TS_RECV] = window[header + H_TS_RECV]
    state[stamp + M_SEQ] = window[header + H_SEQ]
    state[stamp + M_VERSION] += 1
    span = state[AT_MIRROR_SPAN] + i * 4
    bids = state[AT_MIRROR_LADDER] + i * 4 * state[LADDER_CAP]
    asks = bids + 2 * state[LADDER_CAP]
    n_bids, n_asks = state[span + 1] - state[span], state[span + 3] - state[span + 2]
    row = note_touch(
        state, i, window, header, state, bids + 2 * state[span], n_bids, asks + 2 * state[span + 2], n_asks
    )
    state[stamp + M_BID] = state[row + 3]
    state[stamp + M_ASK] = state[row + 5]
    return 0


@njit
def pass_book_by(state: IntArray, stream: int, window: IntArray, header: int, at_levels: int) -> None:
    """Note a delivered snapshot that another follows before anybody can look at the mirror; it is not put there.

    Args: as of `on_venue_row`; there is room in the table.
    """
    i = state[stream + S_INSTRUMENT]
    bids = at_levels + 2 * window[header + H_START]
    n_bids = window[header + H_N_BIDS]
    note_touch(state, i, window, header, window, bids, n_bids, bids + 2 * n_bids, window[header + H_N_ASKS])
    state[state[AT_MIRROR_STAMP] + i * STAMP_SIZE + M_VERSION] += 1
    count_delivery(state, stream, window, header)


@njit
def note_touch(
    state: IntArray,
    i: int,
    window: IntArray,
    header: int,
    words: IntArray,
    at_bid: int,
    n_bids: int,
    at_ask: int,
    n_asks: int,
) -> int:
    """Add a row to the `touch` table, in which there is room; return where it begins.

    Args:
        words: where the best levels stand, at `at_bid` and `at_ask`.
        n_bids, n_asks: 0: that side is empty.
    """
    row: int = state[AT_TOUCH] + state[N_TOUCH] * TOUCH_SIZE
    state[row] = window[header + H_TS_VENUE]
    state[row + 1] = window[header + H_TS_RECV]
    state[row + 2] = i
    state[row + 3] = words[at_bid] if n_bids > 0 else 0
    state[row + 4] = words[at_bid + 1] if n_bids > 0 else 0
    state[row + 5] = words[at_ask] if n_asks > 0 else 0
    state[row + 6] = words[at_ask + 1] if n_asks > 0 else 0
    state[N_TOUCH] += 1
    return row
