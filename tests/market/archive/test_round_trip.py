"""What is written is read again, however it is cut; and nothing half-written is ever seen."""

import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.archive import hour_file
from market.archive.content import content_hash, file_hash
from market.archive.hour import read_hour
from market.archive.layout import Kind, hour_files, hour_path
from market.archive.reader import CHUNK_ROWS, read_stream
from market.archive.window import Window, hour_of, parse_window
from market.archive.writer import ArchiveWriter
from market.columns import BookColumns, Columns, FundingColumns
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


def write(root: Path, kind: Kind, columns: Columns, cuts: Sequence[int] = ()) -> None:
    edges = [0, *sorted(min(cut, len(columns)) for cut in cuts), len(columns)]
    with ArchiveWriter(root, BTC, kind) as writer:
        for begin, end in pairwise(edges):
            writer.append(columns.rows(begin, end))


def read(root: Path, kind: Kind, window: Window = DAY, chunk_rows: int = CHUNK_ROWS) -> list[Columns]:
    return list(read_stream(root, BTC.venue, BTC.symbol, kind, window.start, window.end, chunk_rows))


@settings(max_examples=40, deadline=None)
@given(feeds(), st.lists(st.integers(0, 12), max_size=3), st.sampled_from([1, 2, 3, 1000]))
def test_increments_come_back_as_they_went(feed: list[Message], cuts: list[int], chunk_rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), "delta", book_columns(feed), cuts)
        chunks = read(Path(folder), "delta", chunk_rows=chunk_rows)
        is_whole = all(int(after) - int(before) < HOUR for before, after in pairwise([m[1] for m in feed]))
        if is_whole:  # no hour was skipped, so no checkpoint takes part
            assert messages_of(chunks) == feed
            seqs = [int(seq) for chunk in chunks if isinstance(chunk, BookColumns) for seq in chunk.seq]
            assert seqs == list(range(1, len(feed) + 1))
        assert all(len(chunk) <= chunk_rows for chunk in chunks)
        assert replayed(messages_of(chunks)).sides() == replayed(feed).sides()


@settings(max_examples=40, deadline=None)
@given(feeds())
def test_any_hour_can_be_read_by_itself(feed: list[Message]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), "delta", book_columns(feed))
        for hour in sorted({hour_of(message[1]) for message in feed}):
            messages = messages_of(read(Path(folder), "delta", Window(hour, hour + HOUR)))
            before = [message for message in feed if message[1] < hour]
            inside = [message for message in feed if hour <= message[1] < hour + HOUR]
            if inside[0][2]:
                assert messages == inside
                continue
            checkpoint, *rest = messages
            assert rest == inside
            assert checkpoint[2] == 1
            assert checkpoint[3:] == replayed(before).sides()
            assert hour <= checkpoint[1] <= inside[0][1]


@settings(max_examples=20, deadline=None)
@given(feeds(only_snapshots=True), st.sampled_from([1, 2, 3, 1000]))
def test_snapshots_come_back_as_they_went(feed: list[Message], chunk_rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), "book", book_columns(feed))
        assert messages_of(read(Path(folder), "book", chunk_rows=chunk_rows)) == feed


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 50 * MINUTE), min_size=1, max_size=10), st.sampled_from([1, 2, 3, 1000]))
def test_trades_come_back_as_they_went(steps: list[int], chunk_rows: int) -> None:
    trades = trade_columns((T0 + np.cumsum(steps)).tolist())
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), "trades", trades)
        assert rows_of(read(Path(folder), "trades", chunk_rows=chunk_rows)) == rows_of([trades])


def test_funding_comes_back_as_it_went(tmp_path: Path) -> None:
    funding = FundingColumns([T0 + HOUR, T0 + 9 * HOUR], [T0, T0 + 8 * HOUR], [100_000_000, -5], [600_000, 600_001])
    write(tmp_path, "funding", funding)
    assert rows_of(read(tmp_path, "funding")) == rows_of([funding])


def test_row_groups_do_not_depend_on_how_rows_arrive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hour_file, "GROUP_ROWS", 5)
    monkeypatch.setattr(hour_file, "GROUP_LEVELS", 7)
    feed: list[Message] = [(T0, T0 + i, int(i == 0), ((100 + i % 3, 1), (90, 2)), ((200, i),)) for i in range(1, 30)]
    feed[0] = (T0, T0, 1, ((100, 1),), ((200, 1),))
    hashes = []
    for name, cuts in (("whole", []), ("single", list(range(29))), ("odd", [3, 4, 17])):
        write(tmp_path / name, "delta", book_columns(feed), cuts)
        [path] = hour_files(tmp_path / name, BTC.venue, BTC.symbol, "delta")
        hashes.append(file_hash(path))
        assert messages_of(read(tmp_path / name, "delta")) == feed
    assert len(dict.fromkeys(hashes)) == 1


def test_levels_may_stand_anywhere_in_the_columns_that_are_written(tmp_path: Path) -> None:
    book = BookColumns(
        [T0, T0], [T0, T0], [1, 2], [-1, 1], [1, 0], [3, 0], [1, 1], [1, 1], [[9, 1], [11, 2], [7, 7], [8, 3], [12, 4]]
    )
    with ArchiveWriter(tmp_path, BTC, "delta") as writer:
        writer.append(book)
    assert messages_of(read(tmp_path, "delta")) == [
        (T0, T0, 1, ((8, 3),), ((12, 4),)),
        (T0, T0, 0, ((9, 1),), ((11, 2),)),
    ]


def test_checkpoint_serves_again_after_a_missing_hour(tmp_path: Path) -> None:
    feed: list[Message] = [(T0, T0 + i * 20 * MINUTE, int(i == 0), ((100 + i, 1),), ((200, 1),)) for i in range(9)]
    write(tmp_path, "delta", book_columns(feed))
    hour_path(tmp_path, BTC.venue, BTC.symbol, "delta", T0 + HOUR).unlink()
    messages = messages_of(read(tmp_path, "delta"))
    assert messages[:3] == feed[:3]
    assert messages[3][2:] == (1, *replayed(feed[:6]).sides())
    assert messages[4:] == feed[6:]


def test_checkpoint_serves_where_another_recording_goes_on(tmp_path: Path) -> None:
    first: list[Message] = [(T0, T0 + i, int(i == 0), ((100 + i, 1),), ()) for i in range(3)]
    other: list[Message] = [(T0, T0 + 30 * MINUTE * i, int(i == 0), ((50 + i, 1),), ()) for i in range(4)]
    write(tmp_path, "delta", book_columns(other, first_seq=1))
    with ArchiveWriter(tmp_path, BTC, "delta", replace=True) as writer:
        writer.append(book_columns(first, first_seq=1000))
    messages = messages_of(read(tmp_path, "delta"))
    assert messages[:3] == first
    assert messages[3][2:] == (1, *replayed(other[:2]).sides())


@pytest.mark.parametrize("kind", ["book", "delta"])
def test_a_writer_that_fails_leaves_no_file(tmp_path: Path, kind: Kind) -> None:
    feed: list[Message] = [(T0, T0, 1, ((100, 1),), ((101, 1),))]

    def record() -> None:
        with ArchiveWriter(tmp_path, BTC, kind) as writer:
            writer.append(book_columns(feed))
            raise RuntimeError("the power fails")

    with pytest.raises(RuntimeError):
        record()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_hours_before_a_failure_are_whole(tmp_path: Path) -> None:
    def record() -> None:
        with ArchiveWriter(tmp_path, BTC, "trades") as writer:
            writer.append(trade_columns([T0, T0 + MINUTE, T0 + HOUR]))
            raise RuntimeError("the power fails")

    with pytest.raises(RuntimeError):
        record()
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["22.parquet"]
    assert len(rows_of(read(tmp_path, "trades"))) == 2


def test_an_hour_has_no_name_while_it_is_written(tmp_path: Path) -> None:
    with ArchiveWriter(tmp_path, BTC, "trades") as writer:
        writer.append(trade_columns([T0]))
        assert hour_files(tmp_path, BTC.venue, BTC.symbol, "trades") == []
    assert len(hour_files(tmp_path, BTC.venue, BTC.symbol, "trades")) == 1


def test_hours_that_are_there_are_not_overwritten_unasked(tmp_path: Path) -> None:
    write(tmp_path, "trades", trade_columns([T0]))
    path = hour_path(tmp_path, BTC.venue, BTC.symbol, "trades", T0)
    with pytest.raises(FileExistsError, match=f"^{path}: this hour is in the archive already$"):
        write(tmp_path, "trades", trade_columns([T0 + 1]))
    assert rows_of(read(tmp_path, "trades")) == rows_of([trade_columns([T0])])
    with ArchiveWriter(tmp_path, BTC, "trades", replace=True) as writer:
        writer.append(trade_columns([T0 + 1]))
    assert rows_of(read(tmp_path, "trades")) == rows_of([trade_columns([T0 + 1])])


def test_what_a_writer_refuses(tmp_path: Path) -> None:
    kinds = "book, delta, trades, funding, marks, orders, fills, raw"
    with pytest.raises(ValueError, match=rf"^kind 'books' must be one of {kinds}$"):
        ArchiveWriter(tmp_path, BTC, "books")  # type: ignore[arg-type]
    with ArchiveWriter(tmp_path, BTC, "delta") as writer:
        with pytest.raises(ValueError, match=r"^TradeColumns are no delta; wanted BookColumns$"):
            writer.append(trade_columns([T0]))
        with pytest.raises(ValueError, match=r"^a feed of increments must begin with a snapshot$"):
            writer.append(book_columns([(T0, T0, 0, ((1, 1),), ())]))
        writer.abort()
        with pytest.raises(ValueError, match=r"^append\(\) to a closed archive writer$"):
            writer.append(book_columns([(T0, T0, 1, ((1, 1),), ())]))
    with ArchiveWriter(tmp_path, BTC, "trades") as writer:
        writer.append(trade_columns([T0 + 5]))
        with pytest.raises(ValueError, match=rf"^ts_recv goes back by 2 ns to {T0 + 3} ns; it must never decrease$"):
            writer.append(trade_columns([T0 + 3]))


def test_what_a_reader_refuses(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^chunk_rows must be at least 1, got 0$"):
        read(tmp_path, "trades", chunk_rows=0)
    with pytest.raises(ValueError, match="a window is made of whole hours"):
        read_stream(tmp_path, BTC.venue, BTC.symbol, "trades", T0 + 1, T0 + HOUR)


def test_arrays_can_be_written_to(tmp_path: Path) -> None:
    # a kernel is compiled once more for read-only arrays: seconds, at the start of every run
    write(tmp_path, "delta", book_columns([(T0, T0, 1, ((1, 1),), ())]))
    [book] = read(tmp_path, "delta")
    assert isinstance(book, BookColumns)
    for array in (book.ts_recv, book.seq, book.is_snapshot, book.start, book.n_bids, book.levels):
        assert array.flags.writeable
        assert array.flags.c_contiguous


def test_content_hash_is_of_the_content_not_of_the_place(tmp_path: Path) -> None:
    for name, at in (("a", T0), ("b", T0), ("c", T0 + SECOND)):
        write(tmp_path / name, "trades", trade_columns([at]))
    combined = {}
    for name in "abc":
        files = hour_files(tmp_path / name, BTC.venue, BTC.symbol, "trades")
        combined[name], each = content_hash(tmp_path / name, files)
        assert each == {"binance-futures/BTCUSDT/trades/2024-08-08/22.parquet": file_hash(files[0])}
    assert combined["a"] == combined["b"] != combined["c"]


def test_windows_select_hours(tmp_path: Path) -> None:
    write(tmp_path, "trades", trade_columns([T0, T0 + HOUR, T0 + 2 * HOUR]))
    window = parse_window("2024-08-08:23", "2024-08-09:00")
    assert [row[1] for row in rows_of(read(tmp_path, "trades", window))] == [T0 + HOUR, T0 + 2 * HOUR]


def test_file_says_what_it_is(tmp_path: Path) -> None:
    write(tmp_path, "trades", trade_columns([T0, T0 + HOUR]))
    hour = read_hour(hour_path(tmp_path, BTC.venue, BTC.symbol, "trades", T0 + HOUR))
    assert (hour.kind, hour.start, hour.n_rows, hour.instrument) == ("trades", T0 + HOUR, 1, BTC)


def test_a_book_may_be_deep(tmp_path: Path) -> None:
    bids = tuple((100_000 - i, i + 1) for i in range(9000))
    asks = tuple((100_001 + i, i + 1) for i in range(100))
    feed: list[Message] = [(T0, T0, 1, bids, asks), (T0, T0 + 1, 0, ((90_999, 7), (91_001, 0)), ())]
    feed += [(T0, T0 + HOUR, 0, (), tuple((200_000 + i, 1) for i in range(9000)))]
    feed += [(T0, T0 + 2 * HOUR, 0, ((1, 1),), ())]
    with ArchiveWriter(tmp_path, BTC, "delta", max_silence=24 * HOUR) as writer:
        writer.append(book_columns(feed))
    assert messages_of(read(tmp_path, "delta")) == feed
    [checkpoint, last] = messages_of(read(tmp_path, "delta", Window(T0 + 2 * HOUR, T0 + 3 * HOUR)))
    assert checkpoint[3:] == replayed(feed[:3]).sides()
    assert last == feed[3]
