"""Recording: what is put comes back from the archive, and what could not be is a gap that was counted."""

from collections.abc import Sequence
from pathlib import Path

import attrs
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from market.archive.ahead_layout import ahead_root, parts
from market.archive.arrow_columns import joined
from market.archive.gaps import Gap, read_gaps
from market.archive.hour import read_hour
from market.archive.layout import Kind, hour_files
from market.archive.reader import holes, read_stream
from market.archive.recorder import Recorder
from market.archive.window import Window, hour_of
from market.archive.writer import ArchiveWriter
from market.columns import BookColumns
from market.messages import BookDelta, BookSnapshot, Trade
from market.units import HOUR, MINUTE, SECOND
from tests.market.archive.samples import (
    BTC,
    T0,
    Message,
    book_columns,
    feeds,
    messages_of,
    replayed,
    rows_of,
    trade_columns,
)

DAY = Window(T0, T0 + 24 * HOUR)


def recorder(root: Path, now: int = T0, most_bytes: int = 1 << 28, kinds: Sequence[Kind] = ("delta",)) -> Recorder:
    return Recorder(root, [(BTC, kind) for kind in kinds], now, most_bytes)


def stored(root: Path, kind: Kind = "delta") -> list[Message]:
    return messages_of(read_stream(root, BTC.venue, BTC.symbol, kind, DAY.start, DAY.end))


def hours(root: Path, kind: Kind = "delta") -> list[Path]:
    return hour_files(root, BTC.venue, BTC.symbol, kind)


def gaps(root: Path) -> list[tuple[float, float, str, str]]:
    """Return the gaps, times in seconds after T0."""
    found = read_gaps(root, BTC.venue, BTC.symbol)
    return [((gap.ts_from - T0) / SECOND, (gap.ts_to - T0) / SECOND, gap.kind, gap.reason) for gap in found]


def snapshot(ts: int, price: int = 100) -> Message:
    return (ts, ts, 1, ((price, 1),), ((price + 1, 1),))


def change(ts: int, price: int = 99, lots: int = 3) -> Message:
    return (ts, ts, 0, ((price, lots),), ())


def as_message(message: Message, seq: int) -> BookSnapshot | BookDelta:
    ts_venue, ts_recv, is_snapshot, *sides = message
    bids, asks = (np.array(side, np.int64).reshape(-1, 2) for side in sides)
    if is_snapshot:
        return BookSnapshot(BTC.id, ts_venue, ts_recv, seq, bids, asks)
    return BookDelta(BTC.id, ts_venue, ts_recv, seq - 1, seq, bids, asks)


@settings(max_examples=25)
@example([snapshot(T0 + HOUR - 1), snapshot(T0 + HOUR)], 1, False)
@given(feeds(), st.integers(1, 5), st.booleans())
def test_a_recording_is_what_an_import_of_the_same_feed_is(
    tmp_path_factory: pytest.TempPathFactory, feed: list[Message], per_flush: int, is_live: bool
) -> None:
    imported, recorded = tmp_path_factory.mktemp("imported"), tmp_path_factory.mktemp("recorded")
    with ArchiveWriter(imported, BTC, "delta") as writer:
        writer.append(book_columns(feed))
    made = recorder(recorded)
    for at in range(0, len(feed), per_flush):
        some = feed[at : at + per_flush]
        if is_live:
            assert all(made.put(BTC.id, "delta", as_message(each, at + i + 1)) for i, each in enumerate(some))
        else:
            assert made.put(BTC.id, "delta", book_columns(some, at + 1))
        status = made.flush(some[-1][1])
        assert (status.error, status.n_waiting) == (None, 0)
    made.close(feed[-1][1])
    report = made.roll()
    assert report.problems == ()
    assert parts(recorded) == []
    assert stored(recorded) == stored(imported)
    for path in hours(imported):
        ours = read_hour(recorded / path.relative_to(imported))
        theirs = read_hour(path)
        same = ("n_latencies", "least_latencies", "first_seq", "last_seq", "n_rows", "n_levels")
        assert [getattr(ours, name) for name in same] == [getattr(theirs, name) for name in same]
        assert ours.complete <= theirs.complete
        # who imports knows how long a silence will be when the hour turns in it
        assert ours.covered_from <= theirs.covered_from


def test_hours_turn_by_the_clock_and_begin_with_the_book(tmp_path: Path) -> None:
    made = recorder(tmp_path, kinds=("delta", "trades"))
    made.put(BTC.id, "delta", as_message(snapshot(T0 + 1), 1))
    made.put(BTC.id, "trades", Trade(BTC.id, T0, T0 + 1, 100, 1, 1, 7))
    for i, second in enumerate(range(9, 3 * 3600 + 10, 9)):
        made.put(BTC.id, "delta", as_message(change(T0 + second * SECOND, lots=second), i + 2))
        if i % 20 == 0 or second > 3 * 3600:
            made.flush(T0 + second * SECOND)
    report = made.roll()
    assert sorted(path.parent.parent.name for path in report.hours) == ["delta"] * 3 + ["trades"] * 3
    assert all(read_hour(path).complete for path in report.hours)
    book = [path for path in report.hours if path.parent.parent.name == "delta"][1]
    [first, *_] = messages_of(read_stream(tmp_path, BTC.venue, BTC.symbol, "delta", T0 + HOUR, T0 + 2 * HOUR))
    assert first[1:3] == (T0 + HOUR, 1), "what comes at the turn comes after the checkpoint"
    assert first[3:] == (((100, 1), (99, 3591)), ((101, 1),))
    assert read_hour(book).start == T0 + HOUR
    assert [part.hour for part in parts(tmp_path)] == [T0 + 3 * HOUR] * 2
    made.close(T0 + 3 * HOUR + 10 * SECOND)


def test_a_second_recording_in_the_same_hour_is_joined(tmp_path: Path) -> None:
    for start, roll in ((0, True), (10, False), (20, True)):
        at = T0 + start * MINUTE
        made = recorder(tmp_path, at)
        made.put(BTC.id, "delta", book_columns([snapshot(at), change(at + SECOND)], start + 1))
        made.close(at + 2 * SECOND)
        if roll:
            assert made.roll().problems == ()
    assert [read_hour(path).n_parts for path in hours(tmp_path)] == [3]
    assert len(stored(tmp_path)) == 6
    assert gaps(tmp_path) == [
        (2, 600, "delta", "restart"),
        (602, 1200, "delta", "restart"),
        (1202, 3600, "delta", "stopped"),
    ]


def test_a_restart_at_the_turn_of_an_hour_is_a_gap_on_both_sides(tmp_path: Path) -> None:
    for start, end in ((T0 + 1, T0 + HOUR - 2 * SECOND), (T0 + HOUR + SECOND, T0 + 2 * HOUR)):
        made = recorder(tmp_path, start)
        made.put(BTC.id, "delta", book_columns([snapshot(at) for at in range(start, end, 5 * SECOND)]))
        made.close(end)
    made.roll()
    found = holes(tmp_path, BTC.venue, BTC.symbol, "delta", Window(T0, T0 + 2 * HOUR))
    assert [str(hole).partition(" ")[2] for hole in found] == [
        "delta 2024-08-08:22: not covered from 2024-08-08 22:59:58.000 to 2024-08-08 23:00:00.000",
        "delta 2024-08-08:23: not covered from 2024-08-08 23:00:00.000 to 2024-08-08 23:00:01.000",
    ]


def test_what_a_crash_left_after_the_hour_was_written_is_not_added_twice(tmp_path: Path) -> None:
    made = recorder(tmp_path)
    made.put(BTC.id, "delta", book_columns([snapshot(T0), change(T0 + 1)]))
    made.close(T0 + SECOND)
    [part] = parts(tmp_path)
    kept = part.path.read_bytes()
    made.roll()
    once = stored(tmp_path)
    part.path.parent.mkdir(parents=True, exist_ok=True)
    part.path.write_bytes(kept)
    assert made.roll().hours == ()
    assert parts(tmp_path) == []
    assert stored(tmp_path) == once


def test_a_lost_connection_is_a_gap_until_the_next_book(tmp_path: Path) -> None:
    made = recorder(tmp_path, kinds=("delta", "trades"))
    made.put(BTC.id, "delta", as_message(snapshot(T0 + SECOND), 1))
    made.put(BTC.id, "trades", trade_columns([T0 + SECOND]))
    for kind in ("delta", "trades"):
        made.mark_down(BTC.id, kind, T0 + 5 * SECOND, "reconnect")
    made.mark_up(BTC.id, "trades", T0 + 7 * SECOND)
    made.mark_up(BTC.id, "delta", T0 + 7 * SECOND)
    assert not made.put(BTC.id, "delta", as_message(change(T0 + 8 * SECOND), 5))
    assert made.status().wanting == (BTC.id,)
    assert made.put(BTC.id, "delta", as_message(snapshot(T0 + 9 * SECOND), 6))
    status = made.close(T0 + 10 * SECOND)
    made.roll()
    assert (status.wanting, status.n_unanchored, status.n_gaps, status.n_lost) == ((), 1, 2, 0)
    assert [gap for gap in gaps(tmp_path) if gap[3] != "stopped"] == [
        (5, 7, "trades", "reconnect"),
        (5, 9, "delta", "reconnect"),
    ]
    assert len(stored(tmp_path)) == 2


def test_a_connection_lost_over_the_turn_of_an_hour(tmp_path: Path) -> None:
    made = recorder(tmp_path)
    made.put(BTC.id, "delta", as_message(snapshot(T0 + HOUR - MINUTE), 1))
    made.mark_down(BTC.id, "delta", T0 + HOUR - 50 * SECOND, "reconnect")
    for second in range(120):
        made.flush(T0 + HOUR + second * SECOND)
    assert [path.stem for path in made.roll().hours] == ["22"]
    made.put(BTC.id, "delta", as_message(snapshot(T0 + HOUR + 2 * MINUTE), 9))
    made.close(T0 + HOUR + 3 * MINUTE)
    made.roll()
    assert gaps(tmp_path) == [
        (3550, 3720, "delta", "reconnect"),
        (3780, 7200, "delta", "stopped"),
    ]


def test_missing_and_repeated_numbers_are_marked(tmp_path: Path) -> None:
    made = recorder(tmp_path, kinds=("delta", "trades"))
    for seq, prev, second in ((5, -1, 1), (6, 5, 2), (8, 7, 3), (8, 7, 4), (9, 8, 5)):
        book = book_columns([snapshot(T0 + second * SECOND) if prev < 0 else change(T0 + second * SECOND)])
        made.put(BTC.id, "delta", attrs.evolve(book, seq=[seq], prev_seq=[prev]))
        made.flush(T0 + second * SECOND)
    made.note(BTC.id, Gap(T0, T0 + 1, "trades", "clock offset -12 ms", is_hole=False))
    made.mark_up(BTC.id, "trades", T0)
    made.flush(T0 + HOUR + MINUTE)
    made.roll()
    assert gaps(tmp_path)[:3] == [
        (0, 1e-9, "trades", "clock offset -12 ms"),
        (2, 3, "delta", "sequence"),
        (4, 4 + 1e-9, "delta", "duplicate"),
    ]
    assert read_hour(hours(tmp_path, "trades")[0]).complete, "a note is no hole"
    assert not read_hour(hours(tmp_path)[0]).complete
    assert len(stored(tmp_path)) == 5
    made.close(T0 + HOUR + MINUTE)


def test_a_full_buffer_loses_and_says_so(tmp_path: Path) -> None:
    made = recorder(tmp_path, most_bytes=2_000)
    taken = [
        made.put(BTC.id, "delta", as_message(m, i + 1))
        for i, m in enumerate([snapshot(T0), *(change(T0 + i * SECOND) for i in range(1, 9))])
    ]
    assert taken == [True] * 4 + [False] * 5
    status = made.flush(T0 + 9 * SECOND)
    assert (status.n_lost, status.n_unanchored, status.n_waiting, status.wanting) == (1, 4, 0, (BTC.id,))
    assert not made.put(BTC.id, "delta", as_message(change(T0 + 10 * SECOND), 11))
    assert made.put(BTC.id, "delta", as_message(snapshot(T0 + 11 * SECOND), 12))
    made.close(T0 + 12 * SECOND)
    made.roll()
    assert gaps(tmp_path)[0] == (4, 11, "delta", "buffer full")
    assert [message[1] - T0 for message in stored(tmp_path)] == [i * SECOND for i in (0, 1, 2, 3, 11)]


def test_what_is_no_book_is_a_gap_until_the_next_one(tmp_path: Path) -> None:
    made = recorder(tmp_path)
    made.put(BTC.id, "delta", as_message(snapshot(T0), 1))
    made.flush(T0)
    made.put(BTC.id, "delta", as_message(change(T0 + SECOND, price=0), 2))
    status = made.flush(T0 + SECOND)
    assert (status.n_lost, status.wanting, status.error, status.n_waiting) == (1, (BTC.id,), None, 0)
    made.put(BTC.id, "delta", as_message(change(T0 + 2 * SECOND), 3))
    made.flush(T0 + 2 * SECOND)
    made.put(BTC.id, "delta", as_message(snapshot(T0 + 3 * SECOND), 4))
    status = made.close(T0 + 4 * SECOND)
    made.roll()
    assert (status.n_lost, status.wanting) == (2, ())
    assert gaps(tmp_path)[0] == (1, 3, "delta", "not a book")
    assert len(stored(tmp_path)) == 2


def test_a_clock_that_goes_back_does_not_turn_time(tmp_path: Path) -> None:
    made = recorder(tmp_path)
    made.put(BTC.id, "delta", book_columns([snapshot(T0 + HOUR), snapshot(T0 + HOUR - SECOND)]))
    status = made.close(T0 + HOUR + SECOND)
    made.roll()
    assert status.n_clock_back == 1
    assert [message[1] for message in stored(tmp_path)] == [T0 + HOUR, T0 + HOUR]
    with pytest.raises(ValueError, match=r"has binance-futures:BTCUSDT delta until 2024-08-08 23:00:01.000, and the"):
        recorder(tmp_path, T0)


def test_one_recorder_at_a_time_and_one_meaning_of_a_tick(tmp_path: Path) -> None:
    made = recorder(tmp_path)
    with pytest.raises(BlockingIOError, match=r"a recorder is writing into this archive$"):
        recorder(tmp_path)
    made.close(T0)
    with pytest.raises(ValueError, match=r"has binance-futures:BTCUSDT with \(tick, lot, multiplier, inverse\)"):
        Recorder(tmp_path, [(attrs.evolve(BTC, tick=BTC.lot), "delta")], T0)
    recorder(tmp_path).close(T0)


@settings(max_examples=25)
@given(feeds(), st.data())
def test_a_start_cuts_what_is_torn(
    tmp_path_factory: pytest.TempPathFactory, feed: list[Message], data: st.DataObject
) -> None:
    root = tmp_path_factory.mktemp("torn")
    made = recorder(root)
    for seq, message in enumerate(feed, 1):
        made.put(BTC.id, "delta", as_message(message, seq))
        made.flush(message[1])
    before = [part.path.read_bytes() for part in parts(root)]
    made.close(feed[-1][1])
    last = parts(root)[-1]
    # as a crash leaves it: open, and cut anywhere
    cut = data.draw(st.integers(0, len(before[-1])), label="cut")
    last.path.with_name(last.path.name + ".open").write_bytes(before[-1][:cut])
    last.path.unlink()
    again = recorder(root, feed[-1][1] + MINUTE)
    assert again.roll().problems == ()
    n = len(stored(root))
    end = feed[-1][1] + 2 * MINUTE
    again.put(BTC.id, "delta", as_message(snapshot(end, 500), 1000))
    again.close(end)
    assert again.roll().problems == ()
    kept = [message for message in feed if hour_of(message[1]) < last.hour]
    found = stored(root)
    assert found[-1] == snapshot(end, 500)
    assert len(found) == n + 1
    assert replayed(found[: len(kept)]).sides() == replayed(kept).sides()
    assert not any(ahead_root(root).rglob("*.arrow*"))


def test_columns_and_messages_are_one(tmp_path: Path) -> None:
    made = recorder(tmp_path, kinds=("trades",))
    made.put(BTC.id, "trades", trade_columns([T0 + 1, T0 + 2]))
    made.put(BTC.id, "trades", Trade(BTC.id, T0, T0 + 3, 100, 5, -1, 9))
    made.close(T0 + SECOND)
    made.roll()
    chunks = list(read_stream(tmp_path, BTC.venue, BTC.symbol, "trades", DAY.start, DAY.end))
    assert rows_of(chunks) == [
        *rows_of([trade_columns([T0 + 1, T0 + 2])]),
        (T0, T0 + 3, 100, 5, -1, 9),
    ]
    assert not isinstance(joined(chunks), BookColumns)


def test_a_message_for_no_feed_is_a_fault_of_the_wiring(tmp_path: Path) -> None:
    made = recorder(tmp_path)
    with pytest.raises(ValueError, match=r"^Trade for feed 0 delta; recorded are: 0 delta$"):
        made.put(BTC.id, "delta", Trade(BTC.id, T0, T0, 1, 1, 1, 1))
    with pytest.raises(ValueError, match=r"^Trade for feed 0 trades; recorded are: 0 delta$"):
        made.put(BTC.id, "trades", Trade(BTC.id, T0, T0, 1, 1, 1, 1))
    made.close(T0)


def test_a_damaged_hour_keeps_nobody_from_recording(tmp_path: Path) -> None:
    for minute in (0, 1):
        made = recorder(tmp_path, T0 + minute * MINUTE)
        made.put(BTC.id, "delta", as_message(snapshot(T0 + minute * MINUTE), minute))
        made.close(T0 + minute * MINUTE)
        report = made.roll()
        if minute == 0:
            hours(tmp_path)[0].write_bytes(b"no parquet")
    [problem] = report.problems
    assert problem.startswith(str(hours(tmp_path)[0]))
    assert len(parts(tmp_path)) == 1, "what cannot be joined is kept"
