"""How windows are made: the rows of all streams get their times, and are merged in order."""

from typing import Final

import numpy as np

from market.arithmetic_kernels import uniform
from market.jit import njit
from sim.state_kernels import BOOK, C_CONSTANT, C_MODEL, CONSTANT, NEVER, IntArray, quantile

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

IS_SOUND: Final = 2  # in H_SNAPSHOT: a snapshot that was looked through, and found to be a book that there is room for

CLASS_TRADE: Final = 0
CLASS_BOOK: Final = 1
CLASS_REQUEST: Final = 2
CLASS_FACT: Final = 3
CLASS_DELIVERY: Final = 4


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
