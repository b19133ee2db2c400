"""An hour that is not complete says so, and what a window lacks is named."""

from pathlib import Path

from market.archive.gaps import Gap, by_hour, read_gaps, write_gaps
from market.archive.hour import read_hour
from market.archive.layout import Kind, hour_files, hour_path
from market.archive.reader import book_kind, holes
from market.archive.window import Window
from market.archive.writer import ArchiveWriter
from market.units import HOUR, MINUTE, SECOND
from tests.market.archive.samples import BTC, T0, Message, book_columns, trade_columns

DAY = Window(T0, T0 + 4 * HOUR)


def books(*times: int) -> list[Message]:
    return [(at, at, int(i == 0), ((100, 1),), ((101, 1),)) for i, at in enumerate(times)]


def every(step: int, begin: int, end: int) -> list[int]:
    return list(range(begin, end, step))


def said(root: Path, kind: Kind = "delta", window: Window = DAY) -> list[str]:
    return [str(hole).partition(" ")[2] for hole in holes(root, BTC.venue, BTC.symbol, kind, window)]


def test_a_recording_that_begins_and_ends_within_an_hour(tmp_path: Path) -> None:
    with ArchiveWriter(tmp_path, BTC, "delta") as writer:
        writer.append(book_columns(books(*every(5 * SECOND, T0 + 54 * MINUTE, T0 + HOUR + 6 * MINUTE))))
    first, second = (read_hour(path) for path in hour_files(tmp_path, BTC.venue, BTC.symbol, "delta"))
    assert (first.complete, first.covered_from, first.covered_to) == (False, T0 + 54 * MINUTE, T0 + HOUR)
    assert (second.complete, second.covered_from) == (False, T0 + HOUR)
    assert second.covered_to == T0 + HOUR + 6 * MINUTE - 5 * SECOND
    assert said(tmp_path) == [
        "delta 2024-08-08:22: not covered from 2024-08-08 22:00:00.000 to 2024-08-08 22:54:00.000",
        "delta 2024-08-08:23: not covered from 2024-08-08 23:05:55.000 to 2024-08-09 00:00:00.000",
        "delta 2024-08-09:00: missing",
        "delta 2024-08-09:01: missing",
    ]


def test_a_full_hour_is_complete(tmp_path: Path) -> None:
    with ArchiveWriter(tmp_path, BTC, "delta") as writer:
        writer.append(book_columns(books(*every(5 * SECOND, T0 + SECOND, T0 + HOUR))))
    assert said(tmp_path, window=Window(T0, T0 + HOUR)) == []


def test_silence_of_a_book_is_a_gap(tmp_path: Path) -> None:
    times = [*every(5 * SECOND, T0, T0 + MINUTE), *every(5 * SECOND, T0 + 2 * MINUTE, T0 + HOUR)]
    with ArchiveWriter(tmp_path, BTC, "delta") as writer:
        writer.append(book_columns(books(*times)))
    gap = Gap(T0 + 55 * SECOND, T0 + 2 * MINUTE, "delta", "silence")
    assert writer.gaps == [gap]
    assert writer.longest_silence == 65 * SECOND
    write_gaps(tmp_path, BTC.venue, BTC.symbol, T0, writer.gaps)
    assert said(tmp_path, window=Window(T0, T0 + HOUR)) == [
        "delta 2024-08-08:22: silence from 2024-08-08 22:00:55.000 to 2024-08-08 22:02:00.000"
    ]
    assert read_gaps(tmp_path, BTC.venue, BTC.symbol) == [gap]


def test_hours_of_silence_are_missing(tmp_path: Path) -> None:
    times = [*every(5 * SECOND, T0, T0 + 30 * MINUTE), *every(5 * SECOND, T0 + 3 * HOUR - MINUTE, T0 + 4 * HOUR)]
    with ArchiveWriter(tmp_path, BTC, "delta") as writer:
        writer.append(book_columns(books(*times)))
    assert [path.stem for path in hour_files(tmp_path, BTC.venue, BTC.symbol, "delta")] == ["22", "00", "01"]
    assert said(tmp_path) == [
        "delta 2024-08-08:22: not covered from 2024-08-08 22:29:55.000 to 2024-08-08 23:00:00.000",
        "delta 2024-08-08:23: missing",
        "delta 2024-08-09:00: not covered from 2024-08-09 00:00:00.000 to 2024-08-09 00:59:00.000",
    ]


def test_trades_may_be_silent(tmp_path: Path) -> None:
    with ArchiveWriter(tmp_path, BTC, "trades", covered_from=T0) as writer:
        writer.append(trade_columns([T0 + HOUR + MINUTE]))
        writer.close(covered_to=T0 + 4 * HOUR)
    assert [read_hour(path).n_rows for path in hour_files(tmp_path, BTC.venue, BTC.symbol, "trades")] == [0, 1, 0, 0]
    assert said(tmp_path, "trades") == []


def test_a_feed_that_never_spoke_was_listened_to(tmp_path: Path) -> None:
    with ArchiveWriter(tmp_path, BTC, "trades", covered_from=T0 + MINUTE) as writer:
        writer.close(covered_to=T0 + 2 * HOUR)
    assert said(tmp_path, "trades", Window(T0, T0 + 2 * HOUR)) == [
        "trades 2024-08-08:22: not covered from 2024-08-08 22:00:00.000 to 2024-08-08 22:01:00.000"
    ]


def test_gaps_are_cut_at_hours_and_put_together_again(tmp_path: Path) -> None:
    gaps = [
        Gap(T0 + 5, T0 + 2 * HOUR + 7, "delta", "silence"),
        Gap(T0 + 10, T0 + 20, "trades", "lost"),
        Gap(T0 + 2 * HOUR + 8, T0 + 2 * HOUR + 9, "delta", "silence"),
    ]
    pieces = by_hour(gaps)
    assert sorted(pieces) == [T0, T0 + HOUR, T0 + 2 * HOUR]
    for hour, inside in pieces.items():
        assert all(hour <= gap.ts_from < gap.ts_to <= hour + HOUR for gap in inside)
        write_gaps(tmp_path, BTC.venue, BTC.symbol, hour, inside)
    assert read_gaps(tmp_path, BTC.venue, BTC.symbol) == gaps
    only = read_gaps(tmp_path, BTC.venue, BTC.symbol, Window(T0 + HOUR, T0 + 2 * HOUR))
    assert only == [Gap(T0 + HOUR, T0 + 2 * HOUR, "delta", "silence")]


def test_increments_are_preferred_to_snapshots(tmp_path: Path) -> None:
    assert book_kind(tmp_path, BTC.venue, BTC.symbol, DAY) is None
    for kind, begin in (("book", T0), ("delta", T0 + HOUR)):
        with ArchiveWriter(tmp_path, BTC, kind) as writer:  # type: ignore[arg-type]
            writer.append(book_columns(books(begin)))
    assert book_kind(tmp_path, BTC.venue, BTC.symbol, DAY) == "delta"
    assert book_kind(tmp_path, BTC.venue, BTC.symbol, Window(T0, T0 + HOUR)) == "book"


def test_symbols_with_a_slash_have_a_folder(tmp_path: Path) -> None:
    path = hour_path(tmp_path, "hyperliquid", "PURR/USDC", "trades", T0)
    assert path == tmp_path / "hyperliquid" / "PURR%2FUSDC" / "trades" / "2024-08-08" / "22.parquet"
