"""The merge of all feeds: one order, wherever they are cut, and no more memory than that takes."""

from collections.abc import Iterator, Sequence
from itertools import cycle, pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.columns import BookColumns, Columns, FundingColumns, TradeColumns
from market.stream import Stream
from market.units import SECOND
from sim.latency import ConstantLatency, Latency, RecordedLatency, UniformLatency, model_code, quantiles
from sim.state_kernels import C_CONSTANT, C_MODEL, CHANNEL_SIZE
from sim.windows import MAX_LATENESS, FeedTiming, Merger

KINDS = ("trades", "book", "funding")


class Feed(NamedTuple):
    """A stream of rows of (ts_venue, ts_recv), and how its venue's clock and channel are."""

    kind: str
    times: list[tuple[int, int]]
    shift: int = 0
    latency: Latency = RecordedLatency()


class Event(NamedTuple):
    """What a merged event is, by content: the row's own number stands in it."""

    ts: int
    what: int
    stream: int
    row: int
    ts_venue: int
    ts_recv: int
    levels: tuple[tuple[int, ...], ...]


def columns(feed: Feed) -> Columns:
    """Return rows that carry their number, and books levels that tell whose they are."""
    rows = np.arange(len(feed.times))
    ts_venue, ts_recv = np.array(feed.times, np.int64).reshape(-1, 2).T
    if feed.kind == "funding":
        return FundingColumns(ts_venue, ts_recv, rows, rows)
    if feed.kind == "trades":
        return TradeColumns(ts_venue, ts_recv, rows, rows + 1, np.ones_like(rows), rows)
    n_bids, n_asks = rows % 3, (rows + 1) % 2
    start = np.cumsum(n_bids + n_asks) - n_bids - n_asks
    levels = [level for row in rows.tolist() for level in levels_of(row)]
    flat = np.array(levels, np.int64).reshape(-1, 2)
    return BookColumns(ts_venue, ts_recv, rows, rows - 1, rows % 2, start, n_bids, n_asks, flat)


def levels_of(row: int) -> tuple[tuple[int, ...], ...]:
    return tuple((row, k) for k in range(row % 3 + (row + 1) % 2))


def cut(whole: Columns, sizes: Sequence[int]) -> Iterator[Columns]:
    begin = 0
    for size in cycle(sizes):
        if begin >= len(whole):
            return
        yield whole.rows(begin, min(begin + size, len(whole)))
        begin += size


def merger(feeds: Sequence[Feed], sizes: Sequence[int]) -> Merger:
    streams = [Stream(i, feed.kind, cut(columns(feed), sizes)) for i, feed in enumerate(feeds)]
    return Merger(streams, [timing(feed, 100 + i) for i, feed in enumerate(feeds)])


def timing(feed: Feed, seed: int) -> FeedTiming:
    channel = np.zeros(CHANNEL_SIZE, np.int64)
    channel[C_MODEL] = model_code(feed.latency)
    if isinstance(feed.latency, ConstantLatency):
        channel[C_CONSTANT] = round(feed.latency.ms * 1_000_000)
    return FeedTiming(feed.shift, channel, quantiles(feed.latency), seed)


def merged(merger: Merger, feeds: Sequence[Feed]) -> list[Event]:
    """Return all events of all windows."""
    found = []
    for window in merger:
        for ts, what, stream, row in window.events.tolist():
            header = window.headers[row].tolist()
            levels: tuple[tuple[int, ...], ...] = ()
            number = header[2]
            if feeds[stream].kind == "book":
                own = window.levels[header[5] : header[5] + header[6] + header[7]]
                levels = tuple(tuple(level) for level in own.tolist())
            found.append(Event(ts, what, stream, number, header[0], header[1], levels))
    return found


def naive(feeds: Sequence[Feed]) -> tuple[list[Event], list[dict[str, int]]]:
    """Return what the merge must give for feeds that are delivered as recorded, and the counts."""
    events = []
    counts = []
    for s, feed in enumerate(feeds):
        newest = delivered = 0
        n_late = n_clamped = 0
        for row, (ts_venue, ts_recv) in enumerate(feed.times):
            own = ts_venue + feed.shift
            delivered = max(delivered, ts_recv)
            levels = levels_of(row) if feed.kind == "book" else ()
            rest = (s, row, own, delivered, levels)
            events.append(Event(delivered, 4, *rest))
            if own >= newest - MAX_LATENESS:
                events.append(Event(max(own, newest), 1 if feed.kind == "book" else 0, *rest))
                n_clamped += own < newest
            else:
                n_late += 1
            newest = max(newest, own)
        counts.append({"rows": len(feed.times), "clamped": n_clamped, "late": n_late})
    return sorted(events, key=lambda event: event[:4]), counts


@st.composite
def feeds(draw: st.DrawFn) -> list[Feed]:
    """Draw streams on a clock of whole and half seconds, so that ties, late and clamped rows are common."""
    found = []
    for kind in draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=4)):
        step = st.sampled_from([0, 0, 1, 2, 5])
        ahead = st.sampled_from([0, 0, 0, 1, 2, -1, -3, -9, -11, -14])  # half seconds against the row's own time
        now = 40
        times = []
        for wait, offset in draw(st.lists(st.tuples(step, ahead), max_size=25)):
            now += wait
            times.append(((now + offset) * SECOND // 2, (now + 1) * SECOND // 2))
        found.append(Feed(kind, times, draw(st.sampled_from([0, 0, SECOND, -SECOND]))))
    return found


CHUNKS = st.sampled_from([(1,), (2,), (3,), (1000,), (1, 3, 2), (2, 7, 1, 1)])


@settings(max_examples=120, deadline=None)
@given(feeds(), CHUNKS)
def test_events_are_those_of_a_sort_wherever_the_feeds_are_cut(feeds: list[Feed], sizes: Sequence[int]) -> None:
    own = merger(feeds, sizes)
    expected, counts = naive(feeds)
    assert merged(own, feeds) == expected
    assert own.counts() == counts


@settings(max_examples=60, deadline=None)
@given(feeds(), CHUNKS)
def test_modelled_latencies_do_not_depend_on_the_cuts(feeds: list[Feed], sizes: Sequence[int]) -> None:
    feeds = [feed._replace(latency=UniformLatency(0.0, 3000.0)) for feed in feeds]
    whole = merged(merger(feeds, (1000,)), feeds)
    assert merged(merger(feeds, sizes), feeds) == whole
    assert all(a[:3] <= b[:3] for a, b in pairwise(whole))
    for s in range(len(feeds)):
        deliveries = [event for event in whole if event.stream == s and event.what == 4]
        assert [event.row for event in deliveries] == list(range(len(feeds[s].times)))  # first in, first out


def test_modelled_latency_counts_from_the_venues_newest_time() -> None:
    times = [(10 * SECOND, 0), (9 * SECOND, 0), (12 * SECOND, 0), (3 * SECOND, 0)]
    feeds = [Feed("trades", times, shift=SECOND, latency=ConstantLatency(250.0))]
    quarter = SECOND // 4
    deliveries = [event.ts_recv for event in merged(merger(feeds, (1,)), feeds) if event.what == 4]
    assert deliveries == [11 * SECOND + quarter, 11 * SECOND + quarter, 13 * SECOND + quarter, 13 * SECOND + quarter]


def test_streams_of_one_venue_draw_latencies_of_their_own() -> None:
    times = [(n * 10 * SECOND, 0) for n in range(1, 20)]
    feeds = [Feed("trades", times, latency=UniformLatency(0.0, 9_000.0)) for _ in range(2)]
    drawn = [[e.ts_recv - e.ts_venue for e in merged(merger(feeds, (4,)), feeds) if e.stream == s] for s in (0, 1)]
    assert drawn[0] != drawn[1]
    assert all(0 <= latency <= 9 * SECOND for latency in drawn[0])


def test_rows_up_to_max_lateness_are_clamped_and_later_ones_left_out() -> None:
    newest = 100 * SECOND
    times = [(newest, newest), (newest - MAX_LATENESS, newest), (newest - MAX_LATENESS - 1, newest)]
    feeds = [Feed("trades", times)]
    own = merger(feeds, (1,))
    assert [(e.ts, e.what, e.row) for e in merged(own, feeds)] == [
        (newest, 0, 0),
        (newest, 0, 1),
        (newest, 4, 0),
        (newest, 4, 1),
        (newest, 4, 2),  # still delivered
    ]
    assert own.counts() == [{"rows": 3, "clamped": 1, "late": 1}]


def test_empty_streams_and_chunks_are_passed_over() -> None:
    feeds = [Feed("book", []), Feed("trades", [(SECOND, SECOND)])]
    trades = columns(feeds[1])
    streams = [
        Stream(0, "book", iter([])),
        Stream(1, "trades", iter([trades.rows(0, 0), trades, trades.rows(0, 0)])),
    ]
    own = Merger(streams, [timing(feed, 1) for feed in feeds])
    assert [(event.what, event.stream) for event in merged(own, feeds)] == [(0, 1), (4, 1)]


@pytest.mark.parametrize("n_rows", [2_000, 20_000])
def test_rows_in_memory_do_not_grow_with_the_run(n_rows: int) -> None:
    """A busy and a quiet stream, delivered 20 rows later than the venue saw them, in chunks of 50."""
    busy = [(n * 10, n * 10 + 200) for n in range(n_rows)]
    quiet = [(n * 400, n * 400 + 5) for n in range(n_rows // 40)]
    feeds = [Feed("book", busy), Feed("trades", quiet)]
    most = n_windows = n_events = 0
    levels = 0
    for window in merger(feeds, (50,)):
        most = max(most, len(window.headers))
        levels = max(levels, len(window.levels))
        n_windows += 1
        n_events += len(window.events)
    assert n_events == 2 * (len(busy) + len(quiet))
    assert n_windows >= n_rows / 50
    assert most <= 4 * 50
    assert levels <= 3 * most


def test_last_window_says_so_and_no_other_does() -> None:
    feeds = [Feed("trades", [(n, n) for n in range(10)]), Feed("book", [(n, n) for n in range(3)])]
    ends: list[Any] = [window.is_last for window in merger(feeds, (3,))]
    assert ends[-1] is True
    assert not any(ends[:-1])
