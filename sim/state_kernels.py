"""Where everything of the simulated market lies: one flat int64 array, so that a kernel call costs one array argument.

The head holds dimensions and the offset of each region; a region is read as a matrix through the accessors below.  An
array argument costs about 0.1 us to unbox, and the replay makes a kernel call per event that an actor hears of.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from market.arithmetic_kernels import uniform
from market.jit import njit

IntArray = npt.NDArray[np.int64]

NEVER: Final = 2**62

# --- head: dimensions, offsets, registers ---------------------------------------------------------------------------

N_INSTRUMENTS: Final = 0
N_VENUES: Final = 1
N_STREAMS: Final = 2
LADDER_CAP: Final = 3  # levels a side
TAPE_CAP: Final = 4
ORDER_CAP: Final = 5  # open orders of ours, all venues
RING_CAP: Final = 6  # rows of each ring of requests or facts
TAKEN_CAP: Final = 7  # levels a side from which size was taken since the last book
ROW_CAP: Final = 8  # rows of the touch and trade buffers

AT_INSTRUMENT: Final = 10
AT_VENUE: Final = 11
AT_STREAM: Final = 12
AT_CHANNEL: Final = 13
AT_QUANTILE: Final = 14
AT_VENUE_LADDER: Final = 15
AT_VENUE_SPAN: Final = 16
AT_MIRROR_LADDER: Final = 17
AT_MIRROR_SPAN: Final = 18
AT_MIRROR_STAMP: Final = 19
AT_TAPE: Final = 20
AT_TAPE_COUNT: Final = 21
AT_TAKEN: Final = 22
AT_ORDER: Final = 23
AT_LIVE: Final = 24
AT_RING: Final = 25
AT_RING_END: Final = 26
AT_OUT: Final = 27
AT_TOUCH: Final = 28
AT_TRADE: Final = 29
AT_LOG: Final = 30  # the buffer of the run's own log: market.order_log_kernels

# the plain path of quoting: sim.quoting_kernels
AT_GUARD: Final = 31
AT_GUARD_LIMIT: Final = 32  # float64 bits
AT_LANE: Final = 33
AT_QUOTER: Final = 34
AT_OURS: Final = 35
AT_OUR_ENDED: Final = 36

NOW: Final = 40
NEXT_EVENT: Final = 41  # place in the window
LAST_WINDOW: Final = 42  # 1: no window follows
N_ARRIVALS: Final = 43
NEXT_REQUEST: Final = 44  # when the first request arrives; NEVER if none is under way
NEXT_FACT: Final = 45
N_EVENTS: Final = 46  # market events delivered
N_TOUCH: Final = 47
N_TRADE: Final = 48
N_UNKNOWN_DELETES: Final = 49
N_VENUE_GAPS: Final = 50
N_FACTS: Final = 51
N_WINDOW_EVENTS: Final = 52  # the window: its events, then its headers, then its levels
N_WINDOW_HEADERS: Final = 53
LOG_SIZE: Final = 54  # ints of the log's buffer
LOGS_FACTS: Final = 55  # 1: facts go into the log as they are handed over; 0: who tells them logs them
IS_QUOTING: Final = 56  # 1: the orders of ours are held here, not by the order manager
N_OURS: Final = 57
N_OUR_ENDED: Final = 58  # since they were taken over
N_TAKEN: Final = 59  # messages that were handled here instead of being delivered
LAST_AT: Final = 60  # when the newest event of the window was
IS_OVER: Final = 61  # 1: the caller was told that no event follows
HEAD_SIZE: Final = 64

LANES_CAP: Final = 64  # quoters times instruments that the plain path knows
OURS_CAP: Final = 64  # orders that the plain path holds
OURS_ENDED_CAP: Final = 1024  # ... and that ended there, until they are handed back

# --- instrument -----------------------------------------------------------------------------------------------------

I_VENUE: Final = 0
I_N_LIVE: Final = 1
I_POSITION: Final = 2
I_FILL_ID: Final = 3
I_SEQ: Final = 4  # of the venue's book
I_BOOK: Final = 5  # 0 none yet, 1 good, 2 broken by a gap
I_N_TAKEN: Final = 6  # and 7: asks
I_MIN_SIZE: Final = 8
I_MAX_SIZE: Final = 9
I_MIN_UNITS: Final = 10  # least price * size (linear) or size (inverse) that makes the minimum notional
I_INVERSE: Final = 11
I_STEP: Final = 12  # ticks between valid prices; 0: significant figures
I_FIGURES: Final = 13
I_UNIT: Final = 14  # ticks in one whole unit of price
I_MIRROR: Final = 15  # as I_BOOK, for what was delivered
I_PAYMENT_ID: Final = 16
I_TS: Final = 17  # venue time of the venue's book
I_NEWEST_BOOK: Final = 18  # where several events happen in one call: the last that is a book of it at the venue
I_NEWEST_SHOWN: Final = 19  # ... that is a book of it delivered
INSTRUMENT_SIZE: Final = 20

# --- stamp of a mirror: market.book_view ----------------------------------------------------------------------------

M_TS_VENUE: Final = 0
M_TS_RECV: Final = 1
M_SEQ: Final = 2
M_VERSION: Final = 3
M_BID: Final = 4
M_ASK: Final = 5
STAMP_SIZE: Final = 6

# --- venue ----------------------------------------------------------------------------------------------------------

V_FILL_MODEL: Final = 0
V_PARTIAL: Final = 1
V_CONSUME: Final = 2
V_POWER: Final = 3
V_FEED_LATENCY: Final = 4  # of the last row delivered: what the `recorded` latency model takes
V_MAX_ORDERS: Final = 5
V_N_OPEN: Final = 6
VENUE_SIZE: Final = 7

STRICT_CROSS: Final = 0
RISK_AVERSE: Final = 1
PROBABILISTIC_POWER: Final = 2
PROBABILISTIC_LOG: Final = 3
TOUCH: Final = 4

# --- streams --------------------------------------------------------------------------------------------------------

S_INSTRUMENT: Final = 0
S_VENUE: Final = 1
S_KIND: Final = 2
S_MODE: Final = 3
STREAM_SIZE: Final = 4

BOOK: Final = 0
TRADES: Final = 1
FUNDING: Final = 2

SILENT: Final = 0  # only the mirror is told
HEARD: Final = 1  # an actor hears of it; the mirror shows it
SPOKEN: Final = 2  # the whole message goes to the actors; the mirror is ours alone

# --- channels: six a venue ------------------------------------------------------------------------------------------

REQUEST_PUBLIC: Final = 0
REQUEST_PRIVATE: Final = 1
ACK_PUBLIC: Final = 2
ACK_PRIVATE: Final = 3
FEED_PUBLIC: Final = 4
FEED_PRIVATE: Final = 5
N_CHANNELS: Final = 6

C_MODEL: Final = 0
C_CONSTANT: Final = 1
C_QUANTILES: Final = 2  # row of the quantile table
C_SEED: Final = 3
C_COUNT: Final = 4
C_LAST: Final = 5  # arrival of the last message
CHANNEL_SIZE: Final = 6

CONSTANT: Final = 0
DISTRIBUTION: Final = 1
RECORDED: Final = 2

N_QUANTILES: Final = 1025  # of a latency distribution, at 0, 1/1024, ... 1

# --- orders ---------------------------------------------------------------------------------------------------------

O_CLIENT_ID: Final = 0  # 0: the slot is free
O_INSTRUMENT: Final = 1
O_SIDE: Final = 2
O_PRICE: Final = 3
O_SIZE: Final = 4
O_FILLED: Final = 5
O_AHEAD: Final = 6  # in AHEAD_SCALE-ths of a lot; -1 unknown
O_SHOWN: Final = 7  # lots displayed at our price by the last book (or on arrival)
O_PRINTS: Final = 8  # lots printed at our price since
O_ARRIVAL: Final = 9
O_FLAGS: Final = 10
ORDER_SIZE: Final = 12

AHEAD_SCALE: Final = 1024
UNKNOWN_AHEAD: Final = -1

# --- rings: requests (2 a venue) and facts (3 a venue), each first in, first out, by arrival ------------------------

N_RINGS: Final = 5  # a venue
# ring of a channel: its place among the venue's rings
RING_REQUEST_PUBLIC: Final = 0
RING_REQUEST_PRIVATE: Final = 1
RING_ACK_PUBLIC: Final = 2
RING_ACK_PRIVATE: Final = 3
RING_FEED_PRIVATE: Final = 4

R_DUE: Final = 0
R_KIND: Final = 1
R_CLIENT_ID: Final = 2
R_INSTRUMENT: Final = 3
R_TS: Final = 4  # a fact: when it happened; a request: when it was sent
R_SIDE: Final = 5
R_PRICE: Final = 6
R_SIZE: Final = 7
R_DETAIL: Final = 8  # flags of an order; reason or fill id of a fact; number of a payload
R_VENUE: Final = 9
ROW_SIZE: Final = 10


# what `sim.engine_kernels.advance` comes back with; the first three are what an actor hears of
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
OVER: Final = 12  # the last event is past, and all that came at its instant: told once
GROW_ORDERS: Final = 13  # there is no room for orders, requests or facts

TOUCH_SIZE: Final = 7  # rows of the run's tables
TRADE_SIZE: Final = 6


@njit
def region(state: IntArray, at: int, place: int, size: int) -> IntArray:
    """Return record `place` of a region of records of `size` ints."""
    begin = state[at] + place * size
    return state[begin : begin + size]


@njit
def log_of(state: IntArray) -> IntArray:
    return state[state[AT_LOG] : state[AT_LOG] + state[LOG_SIZE]]


@njit
def instrument_of(state: IntArray, i: int) -> IntArray:
    return region(state, AT_INSTRUMENT, i, INSTRUMENT_SIZE)


@njit
def venue_of(state: IntArray, v: int) -> IntArray:
    return region(state, AT_VENUE, v, VENUE_SIZE)


@njit
def order_at(state: IntArray, slot: int) -> IntArray:
    return region(state, AT_ORDER, slot, ORDER_SIZE)


@njit
def live_of(state: IntArray, i: int) -> IntArray:
    """Return the slots of the open orders of instrument `i`, by arrival; the first I_N_LIVE count."""
    return region(state, AT_LIVE, i, state[ORDER_CAP])


@njit
def ladder_of(state: IntArray, at: int, i: int) -> IntArray:
    cap = state[LADDER_CAP]
    return region(state, at, i, 4 * cap).reshape(2, cap, 2)


@njit
def span_of(state: IntArray, at: int, i: int) -> IntArray:
    return region(state, at, i, 4).reshape(2, 2)


@njit
def draw(state: IntArray, venue: int, channel: int) -> int:
    """Return the next latency of a channel, ns."""
    c = region(state, AT_CHANNEL, venue * N_CHANNELS + channel, CHANNEL_SIZE)
    if c[C_MODEL] == CONSTANT:
        return int(c[C_CONSTANT])
    if c[C_MODEL] == RECORDED:
        return int(venue_of(state, venue)[V_FEED_LATENCY])
    u = uniform(c[C_SEED], c[C_COUNT])
    c[C_COUNT] += 1
    return quantile(region(state, AT_QUANTILE, c[C_QUANTILES], N_QUANTILES), u)


@njit
def quantile(table: IntArray, u: float) -> int:
    """Return the value at `u` in (0, 1), linear between the table's entries."""
    at = u * (N_QUANTILES - 1)
    k = int(at)
    if k >= N_QUANTILES - 1:
        return int(table[N_QUANTILES - 1])
    return int(table[k] + int((table[k + 1] - table[k]) * (at - k)))


@njit
def arrival(state: IntArray, venue: int, channel: int, sent: int) -> int:
    """Return when what is sent now arrives: a channel is first in, first out."""
    c = region(state, AT_CHANNEL, venue * N_CHANNELS + channel, CHANNEL_SIZE)
    c[C_LAST] = max(c[C_LAST], sent + draw(state, venue, channel))
    return int(c[C_LAST])


@njit
def ring_of(state: IntArray, venue: int, ring: int) -> IntArray:
    cap = state[RING_CAP]
    return region(state, AT_RING, venue * N_RINGS + ring, cap * ROW_SIZE).reshape(cap, ROW_SIZE)


@njit
def ring_end(state: IntArray, venue: int, ring: int) -> IntArray:
    """Return (head, tail): counts of rows ever taken and ever put."""
    return region(state, AT_RING_END, venue * N_RINGS + ring, 2)


@njit
def ring_room(state: IntArray, venue: int, ring: int) -> int:
    end = ring_end(state, venue, ring)
    return int(state[RING_CAP] - (end[1] - end[0]))


@njit
def push(
    state: IntArray,
    venue: int,
    ring: int,
    due: int,
    kind: int,
    client_id: int,
    instrument: int,
    ts: int,
    side: int,
    price: int,
    size: int,
    detail: int,
) -> None:
    """Put a row; the caller has made sure of room."""
    end = ring_end(state, venue, ring)
    row = ring_of(state, venue, ring)[end[1] % state[RING_CAP]]
    row[R_DUE] = due
    row[R_KIND] = kind
    row[R_CLIENT_ID] = client_id
    row[R_INSTRUMENT] = instrument
    row[R_TS] = ts
    row[R_SIDE] = side
    row[R_PRICE] = price
    row[R_SIZE] = size
    row[R_DETAIL] = detail
    row[R_VENUE] = venue
    end[1] += 1
    register = NEXT_REQUEST if ring <= RING_REQUEST_PRIVATE else NEXT_FACT
    state[register] = min(state[register], due)


@njit
def first_due(state: IntArray, ring: int, end: int) -> int:
    """Return when the first row of rings [ring, end) of all venues is due."""
    due = NEVER
    for venue in range(state[N_VENUES]):
        for r in range(ring, end):
            ends = ring_end(state, venue, r)
            if ends[0] < ends[1]:
                due = min(due, ring_of(state, venue, r)[ends[0] % state[RING_CAP], R_DUE])
    return int(due)
