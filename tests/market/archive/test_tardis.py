"""Each trap of recorded data on a file of a few lines, and imports that are whole or nothing."""

import re
from decimal import Decimal
from pathlib import Path

import attrs
import pytest

from market.archive.csv_file import BLOCK_BYTES, CsvError
from market.archive.gaps import read_gaps
from market.archive.hour import read_hour
from market.archive.instruments import read_instruments
from market.archive.layout import Kind, hour_files
from market.archive.quality import FeedQuality, quality_counts, read_records
from market.archive.reader import read_stream
from market.archive.tardis import ImportReport, import_tardis
from market.archive.tardis_feeds import WINDOW
from market.archive.window import Window
from market.columns import BookColumns, TradeColumns
from market.instrument import Instrument
from market.units import HOUR, SECOND, US
from tests.market.archive.samples import (
    BTC,
    INCREMENT_HEADER,
    T0,
    TRADE_HEADER,
    US0,
    Message,
    increments,
    messages_of,
    rows_of,
    trades,
    write_csv,
)

BLOCKS = (60, 200, BLOCK_BYTES)
AN_HOUR = 3_600_000_000  # us


def take(
    folder: Path,
    *texts: str,
    archive: str = "archive",
    replace: bool = False,
    block_bytes: int = BLOCK_BYTES,
    instrument: Instrument = BTC,
) -> ImportReport:
    paths = [write_csv(folder / f"{archive}-{i}.csv", text) for i, text in enumerate(texts)]
    return import_tardis(paths, folder / archive, [instrument], replace=replace, block_bytes=block_bytes)


def messages(folder: Path, kind: Kind = "delta", archive: str = "archive") -> list[Message]:
    return messages_of(read_stream(folder / archive, BTC.venue, BTC.symbol, kind, T0, T0 + 24 * HOUR))


def tape(folder: Path, archive: str = "archive") -> list[tuple[int, ...]]:
    return rows_of(read_stream(folder / archive, BTC.venue, BTC.symbol, "trades", T0, T0 + 24 * HOUR))


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


BOOK = ("0 10 true bid 100 1", "0 10 true bid 99.9 2", "0 10 true ask 100.1 3")


@pytest.mark.parametrize("block_bytes", BLOCKS)
def test_rows_with_the_same_stamps_are_one_message(tmp_path: Path, block_bytes: int) -> None:
    text = increments(
        *BOOK,
        "5 20 false ask 100.2 1",
        "5 20 false bid 99.8 4",
        "5 20 false bid 100 0",
        "6 20 false bid 99.7 1",  # the venue's stamp differs: another message of the same instant
        "6 21 false bid 99.7 2",
    )
    report = take(tmp_path, text, block_bytes=block_bytes)
    assert messages(tmp_path) == [
        (T0, T0 + 10 * US, 1, ((1000, 1000), (999, 2000)), ((1001, 3000),)),
        (T0 + 5 * US, T0 + 20 * US, 0, ((998, 4000), (1000, 0)), ((1002, 1000),)),
        (T0 + 6 * US, T0 + 20 * US, 0, ((997, 1000),), ()),
        (T0 + 6 * US, T0 + 21 * US, 0, ((997, 2000),), ()),
    ]
    [chunk] = read_stream(tmp_path / "archive", BTC.venue, BTC.symbol, "delta", T0, T0 + HOUR)
    assert isinstance(chunk, BookColumns)
    assert (chunk.seq.tolist(), chunk.prev_seq.tolist()) == ([1, 2, 3, 4], [-1, 1, 2, 3])
    [feed] = report.feeds
    assert feed.record.quality == FeedQuality(rows=8, messages=4, snapshots=1, longest_silence=10 * US)
    assert (feed.record.first, feed.record.last) == (T0 + 10 * US, T0 + 21 * US)


@pytest.mark.parametrize("block_bytes", BLOCKS)
def test_a_day_that_begins_without_a_snapshot(tmp_path: Path, block_bytes: int) -> None:
    report = take(
        tmp_path,
        increments("0 1 false bid 5 1", "0 2 false ask 6 1", "0 2 false ask 7 1", *BOOK),
        block_bytes=block_bytes,
    )
    assert [message[1:3] for message in messages(tmp_path)] == [(T0 + 10 * US, 1)]
    assert report.feeds[0].record.quality.before_snapshot == 3


def test_a_day_without_any_snapshot_has_no_book(tmp_path: Path) -> None:
    report = take(tmp_path, increments("0 1 false bid 5 1", "0 2 false ask 6 1"), trades("0 3 1 buy 5 1"))
    assert messages(tmp_path) == []
    assert report.feeds[0].record.quality == FeedQuality(rows=2, before_snapshot=2)
    assert len(tape(tmp_path)) == 1


def test_a_snapshot_in_between_is_a_new_book(tmp_path: Path) -> None:
    take(
        tmp_path,
        increments(*BOOK, "1 11 false bid 99 1", "2 12 true bid 50 1", "2 12 true ask 51 1", "2 12 false ask 52 1"),
    )
    assert [message[2] for message in messages(tmp_path)] == [1, 0, 1, 0]
    assert messages(tmp_path)[2] == (T0 + 2 * US, T0 + 12 * US, 1, ((500, 1000),), ((510, 1000),))


def test_snapshots_are_put_in_order(tmp_path: Path) -> None:
    text = increments(
        "0 1 true ask 102 1",
        "0 1 true bid 99 1",
        "0 1 true bid 100 2",
        "0 1 true ask 101 5",
        "0 1 true ask 101 7",
        "0 1 true bid 98 0",
    )
    quality = take(tmp_path, text).feeds[0].record.quality
    assert messages(tmp_path)[0][3:] == (((1000, 2000), (990, 1000)), ((1010, 7000), (1020, 1000)))
    assert (quality.unsorted, quality.repeated_levels, quality.empty_levels) == (1, 1, 1)


def test_a_level_that_a_delta_sets_twice_has_the_later_size(tmp_path: Path) -> None:
    quality = (
        take(tmp_path, increments(*BOOK, "1 11 false bid 99 1", "1 11 false bid 98 1", "1 11 false bid 99 0"))
        .feeds[0]
        .record.quality
    )
    assert messages(tmp_path)[1][3] == ((990, 0), (980, 1000))
    assert quality.repeated_levels == 1
    assert quality.unknown_deletes == 1


def test_deletes_of_unknown_levels_and_crossed_books_are_counted(tmp_path: Path) -> None:
    text = increments(
        *BOOK,
        "1 11 false bid 77 0",  # not there
        "2 12 false bid 100.1 1",  # touches the ask
        "3 13 false bid 100.5 1",  # still crossed
        "4 14 false ask 100.1 0",  # no ask is left: not crossed
    )
    quality = take(tmp_path, text).feeds[0].record.quality
    assert (quality.unknown_deletes, quality.crossed) == (1, 2)
    assert len(messages(tmp_path)) == 5


@pytest.mark.parametrize("block_bytes", BLOCKS)
def test_receive_times_never_go_back_and_venue_times_are_kept(tmp_path: Path, block_bytes: int) -> None:
    text = trades("0 10 1 buy 5 1", "3 20 2 buy 5 1", "1 15 3 buy 5 1", "2 18 4 buy 5 1", "30 30 5 buy 5 1")
    quality = take(tmp_path, text, block_bytes=block_bytes).feeds[0].record.quality
    assert [(row[0] - T0) // US for row in tape(tmp_path)] == [0, 3, 1, 2, 30]
    assert [(row[1] - T0) // US for row in tape(tmp_path)] == [10, 20, 20, 20, 30]
    assert [row[5] for row in tape(tmp_path)] == [1, 2, 3, 4, 5]
    assert (quality.recv_back, quality.recv_back_most, quality.venue_back) == (2, 5 * US, 2)


def test_old_rows_are_counted(tmp_path: Path) -> None:
    quality = take(tmp_path, trades("0 5000000 1 buy 5 1", "0 5000001 2 buy 5 1")).feeds[0].record.quality
    assert quality.old == 1


@pytest.mark.parametrize("block_bytes", BLOCKS)
def test_trades_that_come_again_are_dropped(tmp_path: Path, block_bytes: int) -> None:
    text = trades(
        "0 10 7 buy 5 1",
        "1 11 8 sell 5 2",
        "0 12 7 buy 5 1",
        "9 13 7 buy 5 1",
        "1 14 8 sell 5 2",
        "2 15 9 unknown 5 2",
        "2 15 10 buy 5 0",
    )
    quality = take(tmp_path, text, block_bytes=block_bytes).feeds[0].record.quality
    # the same id at another time of the venue is another trade
    assert [(row[5], (row[0] - T0) // US, row[4]) for row in tape(tmp_path)] == [(7, 0, 1), (8, 1, -1), (7, 9, 1)]
    assert (quality.rows, quality.messages, quality.duplicates, quality.no_taker, quality.no_size) == (7, 3, 2, 1, 1)


@pytest.mark.parametrize("block_bytes", [100_000, BLOCK_BYTES])
def test_trades_are_remembered_for_a_while(tmp_path: Path, block_bytes: int) -> None:
    between = [f"{i} {i} {i} buy 5 1" for i in range(2, WINDOW + 1)]
    text = trades("0 0 0 buy 5 1", "1 1 1 buy 5 1", *between, "1 99999 1 buy 5 1", "0 99999 0 buy 5 1")
    quality = take(tmp_path, text, block_bytes=block_bytes).feeds[0].record.quality
    assert quality.duplicates == 1  # of 1, which was WINDOW rows ago; 0 was one more


def test_trades_without_ids_are_never_the_same(tmp_path: Path) -> None:
    text = trades("0 10 7 buy 5 1", "0 10 7 buy 5 1").replace(",7,", ",,")
    assert take(tmp_path, text).feeds[0].record.quality.duplicates == 0


SNAPSHOT_HEADER = "exchange,symbol,timestamp,local_timestamp," + ",".join(
    f"{side}[{level}].{what}" for level in range(5) for side in ("asks", "bids") for what in ("price", "amount")
)


def snapshots(*rows: str) -> str:
    """A row is `timestamp local`, then `ask size bid size` by level; a dash is an empty column."""
    lines = [SNAPSHOT_HEADER]
    for row in rows:
        venue, recv, *others = row.split()
        others += ["-"] * (20 - len(others))
        cells = [BTC.venue, BTC.symbol, str(US0 + int(venue)), str(US0 + int(recv)), *others]
        lines.append(",".join("" if cell == "-" else cell for cell in cells))
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("block_bytes", BLOCKS)
def test_full_books_may_have_fewer_levels(tmp_path: Path, block_bytes: int) -> None:
    text = snapshots("0 10 101 1 100 2 102 3 - -", "1 20 101 1 101 2", "2 30 - - 100 2 - - 101 1 - - 99 0")
    quality = take(tmp_path, text, block_bytes=block_bytes).feeds[0].record.quality
    assert messages(tmp_path, "book") == [
        (T0, T0 + 10 * US, 1, ((1000, 2000),), ((1010, 1000), (1020, 3000))),
        (T0 + US, T0 + 20 * US, 1, ((1010, 2000),), ((1010, 1000),)),
        (T0 + 2 * US, T0 + 30 * US, 1, ((1010, 1000), (1000, 2000)), ()),
    ]
    assert (quality.crossed, quality.unsorted, quality.empty_levels, quality.snapshots) == (1, 1, 1, 3)


def test_a_level_without_a_price_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "archive-0.csv"
    with pytest.raises(CsvError, match=f"^{re.escape(f'{path}:3: a level has an amount but no price')}$"):
        take(tmp_path, snapshots("0 10 101 1 100 2", "1 11 101 1 - 2"))


def test_a_recording_goes_on_over_midnight(tmp_path: Path) -> None:
    evening = increments(
        f"{AN_HOUR * 2 - 9} {AN_HOUR * 2 - 9} true bid 100 1", f"{AN_HOUR * 2 - 8} {AN_HOUR * 2 - 1} false bid 99 1"
    )
    morning = increments(
        f"{AN_HOUR * 2 + 1} {AN_HOUR * 2} false bid 98 1", f"{AN_HOUR * 2 + 1} {AN_HOUR * 2 + 9} false bid 97 1"
    )
    report = take(tmp_path, morning, evening)  # the order of the files does not matter
    [feed] = report.feeds
    assert feed.record.files == ("archive-1.csv", "archive-0.csv")
    assert feed.record.quality.before_snapshot == 0
    assert [message[3] for message in messages(tmp_path)] == [
        ((1000, 1000),),
        ((990, 1000),),
        ((980, 1000),),
        ((970, 1000),),
    ]
    before, after = (read_hour(path) for path in hour_files(tmp_path / "archive", BTC.venue, BTC.symbol, "delta"))
    assert (before.covered_to, after.covered_from) == (after.start, after.start)
    assert after.n_rows == 3  # a checkpoint stands before the two
    midnight = T0 + 2 * HOUR
    [first, *_] = messages_of(
        read_stream(tmp_path / "archive", BTC.venue, BTC.symbol, "delta", midnight, midnight + HOUR)
    )
    assert first[1:] == (midnight, 1, ((1000, 1000), (990, 1000)), ())


def test_overlapping_files_are_refused(tmp_path: Path) -> None:
    says = (
        f"{tmp_path / 'archive-1.csv'} begins 0.000005 s before {tmp_path / 'archive-0.csv'} ends; "
        "recordings of binance-futures:BTCUSDT that overlap cannot be joined"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(says)}$"):
        take(tmp_path, trades("0 10 1 buy 5 1", "0 20 2 buy 5 1"), trades("0 15 3 buy 5 1"))
    assert tree(tmp_path / "archive") == {".lock": b""}


def test_silence_is_a_gap_of_the_book_and_not_of_the_trades(tmp_path: Path) -> None:
    late = 30_000_000
    report = take(
        tmp_path,
        increments(*BOOK, f"0 {late} false bid 99 1"),
        trades("0 15 1 buy 5 1", f"0 {late + 5} 2 buy 5 1"),
    )
    book, tape_ = report.feeds
    assert (book.record.quality.gaps, tape_.record.quality.gaps) == (1, 0)
    [gap] = read_gaps(tmp_path / "archive", BTC.venue, BTC.symbol)
    assert (gap.ts_from, gap.ts_to, gap.kind, gap.reason) == (T0 + 10 * US, T0 + 30 * SECOND, "delta", "silence")
    # the trades were listened to while the book was
    [hour] = (read_hour(path) for path in hour_files(tmp_path / "archive", BTC.venue, BTC.symbol, "trades"))
    assert (hour.covered_from, hour.covered_to) == (T0 + 10 * US, T0 + (late + 5) * US)


def test_a_clock_that_is_behind_is_measured(tmp_path: Path) -> None:
    report = take(tmp_path, trades("2000000 1000000 1 buy 5 1", "2500000 1600000 2 buy 5 1"))
    assert report.clocks[BTC.venue].shift == -1_001_000_000
    # what is stored is as it was recorded
    assert [row[0] for row in tape(tmp_path)] == [T0 + 2 * SECOND, T0 + 2 * SECOND + SECOND // 2]


def test_files_without_rows_are_named(tmp_path: Path) -> None:
    report = take(tmp_path, TRADE_HEADER + "\n", increments(*BOOK), INCREMENT_HEADER)
    assert report.empty == (tmp_path / "archive-0.csv", tmp_path / "archive-2.csv")
    assert len(report.feeds) == 1


# --- whole or nothing ------------------------------------------------------------------------------------------------


def test_a_fault_in_the_last_file_leaves_the_archive_as_it_was(tmp_path: Path) -> None:
    take(tmp_path, trades("0 10 1 buy 5 1"))
    before = tree(tmp_path / "archive")
    with pytest.raises(CsvError, match=r"archive-1.csv:3: 1 columns, wanted 8: 'oops'$"):
        take(tmp_path, increments(*BOOK), trades(f"0 {AN_HOUR} 1 buy 5 1") + "oops\n")
    assert tree(tmp_path / "archive") == before


def test_hours_are_replaced_only_when_asked(tmp_path: Path) -> None:
    take(tmp_path, trades("0 10 1 buy 5 1"))
    before = tree(tmp_path / "archive")
    with pytest.raises(
        FileExistsError, match=r"22\.parquet: in the archive already, and .*archive-0\.csv begins in this hour$"
    ):
        take(tmp_path, trades("0 20 2 buy 5 1"))
    assert tree(tmp_path / "archive") == before
    # an hour that only turns up later in the file is seen before anything is moved
    take(tmp_path, trades(f"0 {2 * AN_HOUR} 5 buy 5 1"))
    before = tree(tmp_path / "archive")
    with pytest.raises(FileExistsError, match=r"2024-08-09/00\.parquet: in the archive already$"):
        take(tmp_path, trades(f"0 {AN_HOUR} 3 buy 5 1", f"0 {2 * AN_HOUR} 4 buy 5 1"))
    assert tree(tmp_path / "archive") == before
    take(tmp_path, trades("0 20 2 buy 5 1"), replace=True)
    assert [row[5] for row in tape(tmp_path)] == [2, 5]
    assert [record.quality.messages for record in read_records(tmp_path / "archive", BTC.venue, BTC.symbol)] == [1, 1]


def test_imports_of_several_days_stand_beside_each_other(tmp_path: Path) -> None:
    take(tmp_path, increments(*BOOK, "0 20000000 false bid 99 1"))
    take(tmp_path, trades("0 10 1 buy 5 1"))
    take(tmp_path, increments(f"0 {AN_HOUR} true bid 100 1", f"0 {AN_HOUR + 1} false bid 99 1"))
    assert [message[2] for message in messages(tmp_path)] == [1, 0, 1, 0]
    assert [gap.kind for gap in read_gaps(tmp_path / "archive", BTC.venue, BTC.symbol)] == ["delta"]
    root = tmp_path / "archive"
    assert [record.kind for record in read_records(root, BTC.venue, BTC.symbol)] == ["delta", "delta", "trades"]
    whole = quality_counts(root, BTC.venue, BTC.symbol, "delta", Window(T0, T0 + 2 * HOUR))
    first = quality_counts(root, BTC.venue, BTC.symbol, "delta", Window(T0, T0 + HOUR))
    assert (whole["messages"], whole["gaps"], first["messages"]) == (4, 1, 2)
    assert first["longest_silence"] == whole["longest_silence"] == 20 * SECOND - 10 * US


def test_replacing_an_hour_takes_its_gaps_away(tmp_path: Path) -> None:
    take(tmp_path, increments(*BOOK, "0 20000000 false bid 99 1"))
    take(tmp_path, increments(*BOOK), replace=True)
    assert read_gaps(tmp_path / "archive", BTC.venue, BTC.symbol) == []


def test_an_archive_keeps_to_its_grid(tmp_path: Path) -> None:
    take(tmp_path, trades("0 10 1 buy 5 1"))
    finer = attrs.evolve(BTC, tick=Decimal("0.01"))
    says = (
        f"the archive {tmp_path / 'archive'} has binance-futures:BTCUSDT with (tick, lot, multiplier, inverse) = "
        "(0.1, 0.001, 1, false), not (0.01, 0.001, 1, false); if the rules changed, give the new ones a valid_from"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(says)}$"):
        take(tmp_path, trades(f"0 {AN_HOUR} 1 buy 5 1"), instrument=finer)
    take(tmp_path, trades(f"0 {AN_HOUR} 1 buy 5 1"), instrument=attrs.evolve(finer, valid_from=T0 + HOUR))
    known = read_instruments(tmp_path / "archive", BTC.venue, BTC.symbol)
    assert [str(each.tick) for each in known] == ["0.1", "0.01"]


def test_an_unknown_instrument_is_named(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "x.csv", trades("0 10 1 buy 5 1").replace("BTCUSDT", "XRPUSDT"))
    says = f"{path}:2: no specification of binance-futures:XRPUSDT; there are: binance-futures:BTCUSDT"
    with pytest.raises(CsvError, match=f"^{re.escape(says)}$"):
        import_tardis([path], tmp_path / "archive", [BTC])


def test_the_tape_of_an_import_is_ints(tmp_path: Path) -> None:
    take(tmp_path, trades("1 10 77 sell 61800.2 9e-3"))
    [chunk] = read_stream(tmp_path / "archive", BTC.venue, BTC.symbol, "trades", T0, T0 + HOUR)
    assert isinstance(chunk, TradeColumns)
    assert rows_of([chunk]) == [(T0 + US, T0 + 10 * US, 618_002, 9, -1, 77)]


@pytest.mark.parametrize("block_bytes", BLOCKS)
def test_a_message_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block_bytes: int) -> None:
    # else a file whose stamps stand still would fill the memory
    monkeypatch.setattr("market.archive.tardis_feeds.MESSAGE_ROWS", 5)
    with pytest.raises(CsvError, match=r"archive-0\.csv:\d+: over 5 rows with the same stamps; they are no message$"):
        take(tmp_path, increments(*("0 10 true bid 100 1",) * 9))
