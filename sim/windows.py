"""Feeds of many instruments, merged in order, a window at a time: memory does not grow with the length of the run."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import attrs
import numpy as np

from market.columns import BookColumns, Columns, FundingColumns, IntArray, TradeColumns
from market.stream import Stream
from market.units import SECOND, Nanos
from sim.state_kernels import BOOK, C_MODEL, FUNDING, RECORDED, TRADES
from sim.window_kernels import (
    E_ROW,
    E_STREAM,
    EVENT_SIZE,
    H_N_ASKS,
    H_N_BIDS,
    H_START,
    HEADER_SIZE,
    feed_latencies,
    merge,
    stamp_rows,
)

KINDS = {"book": BOOK, "trades": TRADES, "funding": FUNDING}
MAX_LATENESS: Nanos = 5 * SECOND


@attrs.frozen(eq=False)
class Window:
    """What `sim.engine_kernels.advance` runs through, as one array and by its parts.

    Attributes:
        flat: (4 E + 8 R + 2 L,) the events, the headers, the levels.
        events: (E, 4).  headers: (R, 8).  levels: (L, 2): views of it.
    """

    flat: IntArray
    events: IntArray
    headers: IntArray
    levels: IntArray
    is_last: bool

    @classmethod
    def empty(cls, *, is_last: bool = False) -> "Window":
        """Return a window of nothing."""
        flat = np.zeros(0, np.int64)
        return cls(flat, flat.reshape(0, 4), flat.reshape(0, 8), flat.reshape(0, 2), is_last)


@attrs.frozen(eq=False)
class FeedTiming:
    """How a stream's rows get their times.

    Attributes:
        shift: added to the venue's clock, ns.
        channel: the venue's public feed channel (a row of the state); `recorded` delivers as recorded.
        quantiles: of its latency distribution.
        seed: of the stream's own random numbers.
    """

    shift: Nanos
    channel: IntArray
    quantiles: IntArray
    seed: int


_Part: TypeAlias = tuple[IntArray, IntArray, int]


class _Loaded:
    """The rows of one stream that are loaded and not yet merged on both sides."""

    def __init__(self, stream: Stream, timing: FeedTiming) -> None:
        self.kind = KINDS[stream.kind]
        self.more = True
        self.headers = np.zeros((0, HEADER_SIZE), np.int64)
        self.times = np.zeros((0, 3), np.int64)
        self.levels = np.zeros((0, 2), np.int64)
        self.venue_next = 0
        self.recv_next = 0
        self.newest = np.zeros(2, np.int64)
        self.n_rows = 0
        self.n_clamped = 0
        self.n_late = 0
        self._chunks: Iterator[Columns] = iter(stream.chunks)
        self._timing = timing

    def load(self) -> None:
        """Drop what is merged, and load the next chunk that has rows."""
        done = min(self.venue_next, self.recv_next)
        kept_headers, kept_times = self.headers[done:], self.times[done:]
        kept_levels = self.levels
        if self.kind == BOOK and done:
            first = int(kept_headers[0, 5]) if len(kept_headers) else len(self.levels)
            kept_levels = self.levels[first:]
            kept_headers = kept_headers.copy()
            kept_headers[:, 5] -= first
        self.venue_next -= done
        self.recv_next -= done
        chunk = next(self._chunks, None)
        while chunk is not None and len(chunk) == 0:
            chunk = next(self._chunks, None)
        if chunk is None:
            self.more = False
            self.headers, self.times, self.levels = kept_headers, kept_times, kept_levels
            return
        times = self._stamp(chunk)
        headers = _headers(chunk, times)
        if isinstance(chunk, BookColumns):
            headers[:, 5] += len(kept_levels)
            self.levels = np.concatenate((kept_levels, chunk.levels)) if len(kept_levels) else chunk.levels
        self.headers = np.concatenate((kept_headers, headers)) if len(kept_headers) else headers
        self.times = np.concatenate((kept_times, times)) if len(kept_times) else times

    def part(self, begin: int, end: int) -> "_Part":
        """Return the headers of rows [begin, end), their levels if they are books, and `begin`."""
        headers = self.headers[begin:end]
        if self.kind != BOOK or begin == end:
            return headers, self.levels[:0], begin
        last = headers[-1]
        return headers, self.levels[headers[0, H_START] : last[H_START] + last[H_N_BIDS] + last[H_N_ASKS]], begin

    def _stamp(self, chunk: Columns) -> IntArray:
        timing = self._timing
        n = len(chunk)
        latencies = np.zeros(0, np.int64)
        if timing.channel[C_MODEL] != RECORDED:
            latencies = feed_latencies(timing.channel, timing.quantiles, timing.seed, self.n_rows, n)
        times = np.empty((n, 3), np.int64)
        clamped, late = stamp_rows(
            chunk.ts_venue, chunk.ts_recv, latencies, timing.shift, MAX_LATENESS, self.newest, times
        )
        self.n_rows += n
        self.n_clamped += clamped
        self.n_late += late
        return times


def _headers(chunk: Columns, times: IntArray) -> IntArray:
    """Return the (R, 8) header rows of a chunk (columns: sim.window_kernels.H_*)."""
    headers = np.zeros((len(chunk), HEADER_SIZE), np.int64)
    headers[:, :2] = times[:, :2]
    columns: tuple[IntArray, ...]
    match chunk:
        case BookColumns():
            columns = (chunk.seq, chunk.prev_seq, chunk.is_snapshot, chunk.start, chunk.n_bids, chunk.n_asks)
        case TradeColumns():
            columns = (chunk.ticks, chunk.lots, chunk.taker, chunk.trade_id)
        case FundingColumns():
            columns = (chunk.rate_e12, chunk.mark)
    for place, column in enumerate(columns, 2):
        headers[:, place] = column
    return headers


class Merger:
    """Cuts the merged feeds into windows; where they are cut changes nothing in the order of the events."""

    def __init__(self, streams: Sequence[Stream], timings: Sequence[FeedTiming]) -> None:
        self._loaded = [_Loaded(stream, timing) for stream, timing in zip(streams, timings, strict=True)]

    def __iter__(self) -> Iterator[Window]:
        loaded = self._loaded
        while True:
            for feed in loaded:
                while feed.more and min(feed.venue_next, feed.recv_next) >= len(feed.times):
                    feed.load()
                # one side may be at the end while the other is not: load on, or the merge could not go further
                if feed.more and max(feed.venue_next, feed.recv_next) >= len(feed.times):
                    feed.load()
            window = self._merge()
            yield window
            if window.is_last:
                return

    def _merge(self) -> Window:
        loaded = self._loaded
        lengths = [len(feed.times) for feed in loaded]
        last = np.cumsum(lengths, dtype=np.int64)
        first = last - lengths
        times = np.concatenate([feed.times for feed in loaded])
        venue_next = first + np.array([feed.venue_next for feed in loaded], np.int64)
        recv_next = first + np.array([feed.recv_next for feed in loaded], np.int64)
        events = np.empty((2 * len(times), EVENT_SIZE), np.int64)
        n = merge(
            np.ascontiguousarray(times[:, 2]),
            np.ascontiguousarray(times[:, 1]),
            np.array([feed.kind for feed in loaded], np.int64),
            first,
            last,
            np.array([feed.more for feed in loaded], np.int64),
            venue_next,
            recv_next,
            np.array([feed.newest[0] for feed in loaded], np.int64),
            np.array([feed.newest[1] for feed in loaded], np.int64),
            events,
        )
        parts = []
        for s, feed in enumerate(loaded):
            begin = min(feed.venue_next, feed.recv_next)
            feed.venue_next = int(venue_next[s] - first[s])
            feed.recv_next = int(recv_next[s] - first[s])
            parts.append(feed.part(begin, max(feed.venue_next, feed.recv_next)))
        is_last = all(not feed.more and min(feed.venue_next, feed.recv_next) >= len(feed.times) for feed in loaded)
        rows = np.cumsum([0, *(len(headers) for headers, _, _ in parts)], dtype=np.int64)
        moved = rows[:-1] - first - np.array([begin for _, _, begin in parts], np.int64)
        return self._window(events[:n], moved, parts, is_last)

    @staticmethod
    def _window(merged: IntArray, moved: IntArray, parts: "Sequence[_Part]", is_last: bool) -> Window:
        """Put the merged events, and the rows of all streams that they are about, into one array.

        Args:
            moved: (S,) by how much the rows of a stream stand further down in it than in the events.
        """
        n_headers = sum(len(headers) for headers, _, _ in parts)
        n_levels = sum(len(levels) for _, levels, _ in parts)
        at_headers = merged.size
        at_levels = at_headers + n_headers * HEADER_SIZE
        flat = np.empty(at_levels + n_levels * 2, np.int64)
        events = flat[:at_headers].reshape(-1, EVENT_SIZE)
        headers = flat[at_headers:at_levels].reshape(-1, HEADER_SIZE)
        levels = flat[at_levels:].reshape(-1, 2)
        events[:] = merged
        events[:, E_ROW] += moved[merged[:, E_STREAM]]
        row = level = 0
        for own_headers, own_levels, _ in parts:
            own = headers[row : row + len(own_headers)]
            own[:] = own_headers
            if len(own_levels):
                own[:, H_START] += level - own[0, H_START]
            levels[level : level + len(own_levels)] = own_levels
            row += len(own_headers)
            level += len(own_levels)
        return Window(flat, events, headers, levels, is_last)

    def counts(self) -> list[dict[str, int]]:
        """Return per stream: rows, rows whose venue time was clamped, rows left out of the venue's side."""
        return [{"rows": feed.n_rows, "clamped": feed.n_clamped, "late": feed.n_late} for feed in self._loaded]
