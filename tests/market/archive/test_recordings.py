"""Every recording in Tardis' layout: what the archive has is what an independent reading of the files finds."""

from collections.abc import Iterator
from pathlib import Path

import attrs
import numpy as np
import pandas as pd
import pytest
from pyarrow.csv import read_csv

from market.archive.arrow_columns import joined
from market.archive.data import ArchiveData
from market.archive.hour import read_hour
from market.archive.instruments import load_instruments
from market.archive.layout import Kind, hour_files
from market.archive.reader import holes, read_stream
from market.archive.tardis import ImportedFeed, ImportReport, import_tardis
from market.archive.window import Window, parse_window
from market.columns import BookColumns, IntArray, TradeColumns
from market.instrument import Instrument
from market.units import HOUR, MS, SECOND

pytestmark = pytest.mark.slow

SHIPPED = Path(__file__).resolve().parents[3] / "configs" / "instruments.toml"
FILES = {"delta": "incremental_book_L2", "trades": "trades", "book": "book_snapshot_25"}


@attrs.frozen
class Recordings:
    """All recordings, imported."""

    source: Path
    root: Path
    report: ImportReport
    frames: dict[str, pd.DataFrame] = attrs.field(factory=dict)

    def frame(self, feed: ImportedFeed) -> pd.DataFrame:
        """Read the files of a feed by another reader, whose floats are the nearest to what is written."""
        name = f"{feed.instrument.venue}_{FILES[feed.kind]}_*_{feed.instrument.symbol}.csv.gz"
        if name not in self.frames:
            frames = [read_csv(path).to_pandas() for path in sorted(self.source.glob(name))]
            self.frames[name] = pd.concat(frames, ignore_index=True)
        return self.frames[name]

    def columns(self, feed: ImportedFeed) -> BookColumns | TradeColumns:
        """Read a feed from the archive, all at once."""
        window = feed.record.window
        instrument = feed.instrument
        chunks = read_stream(self.root, instrument.venue, instrument.symbol, feed.kind, window.start, window.end)
        parts = [chunk for chunk in chunks if isinstance(chunk, BookColumns | TradeColumns)]
        return joined(parts)

    def feeds(self, kind: Kind) -> Iterator[ImportedFeed]:
        return (feed for feed in self.report.feeds if feed.kind == kind)


@pytest.fixture(scope="module")
def recordings(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Recordings:
    source = shared / "data" / "tardis"
    root = tmp_path_factory.mktemp("archive")
    report = import_tardis(sorted(source.glob("*.csv.gz")), root, load_instruments(SHIPPED))
    return Recordings(source, root, report)


def grid(values: pd.Series, unit: str) -> IntArray:
    """Multiples of a decimal unit, by another way than the importer's."""
    per_one = round(1 / float(unit)) if float(unit) < 1 else 1
    nearest = values.to_numpy(np.float64)
    counts: IntArray = np.rint(nearest * per_one).astype(np.int64)
    assert np.array_equal(counts / per_one, nearest)
    return counts


def ticks_and_lots(frame: pd.DataFrame, instrument: Instrument) -> tuple[IntArray, IntArray]:
    return grid(frame.price, str(instrument.tick)), grid(frame.amount, str(instrument.lot))


def test_all_of_it_was_imported(recordings: Recordings) -> None:
    assert len(list(recordings.feeds("delta"))) == 10
    assert len(list(recordings.feeds("book"))) == 3
    assert len(list(recordings.feeds("trades"))) == 13
    assert sum(feed.record.quality.rows for feed in recordings.feeds("delta")) == 2_566_457
    assert sum(feed.record.quality.rows for feed in recordings.feeds("trades")) == 96_733


def test_increments_are_those_of_the_files(recordings: Recordings) -> None:
    for feed in recordings.feeds("delta"):
        frame = recordings.frame(feed)
        book = recordings.columns(feed)
        assert isinstance(book, BookColumns)
        stamps = frame[["timestamp", "local_timestamp", "is_snapshot"]]
        begins = (stamps != stamps.shift()).any(axis=1)
        first = frame[begins]
        assert np.array_equal(book.ts_venue, first.timestamp * 1000)
        assert np.array_equal(book.ts_recv, first.local_timestamp * 1000)
        assert np.array_equal(book.is_snapshot, first.is_snapshot)
        assert np.array_equal(book.seq, np.arange(1, len(first) + 1))
        # bids before asks, each in the order of the file
        message = begins.cumsum().to_numpy()
        order = np.argsort(2 * message + (frame.side == "ask").to_numpy(), kind="stable")
        ticks, lots = ticks_and_lots(frame, feed.instrument)
        assert np.array_equal(book.levels, np.stack((ticks[order], lots[order]), axis=1))
        n_bids = (frame.side == "bid").groupby(message).sum().to_numpy()
        assert np.array_equal(book.n_bids, n_bids)
        assert feed.record.quality.crossed == 0


def test_checkpoints_are_the_last_row_of_each_level(recordings: Recordings) -> None:
    seen = 0
    for feed in recordings.feeds("delta"):
        instrument = feed.instrument
        later = hour_files(recordings.root, instrument.venue, instrument.symbol, "delta")[1:]
        if not later:
            continue
        ticks, lots = ticks_and_lots(recordings.frame(feed), instrument)
        frame = recordings.frame(feed).assign(ticks=ticks, lots=lots)
        for path in later:
            hour = read_hour(path)
            chunks = read_stream(recordings.root, instrument.venue, instrument.symbol, "delta", hour.start, hour.end)
            head = next(chunks)
            assert isinstance(head, BookColumns)
            n_bids, n = int(head.n_bids[0]), int(head.n_bids[0] + head.n_asks[0])
            before = frame[frame.local_timestamp * 1000 < hour.start]
            last = before.drop_duplicates(["side", "ticks"], keep="last")
            last = last[last.lots > 0]
            bids = last[last.side == "bid"].sort_values("ticks", ascending=False)
            asks = last[last.side == "ask"].sort_values("ticks")
            assert head.is_snapshot[0] == 1
            assert np.array_equal(head.levels[:n_bids], bids[["ticks", "lots"]])
            assert np.array_equal(head.levels[n_bids:n], asks[["ticks", "lots"]])
            seen += 1
    assert seen == 4


def test_full_books_are_those_of_the_files(recordings: Recordings) -> None:
    for feed in recordings.feeds("book"):
        frame = recordings.frame(feed)
        book = recordings.columns(feed)
        assert isinstance(book, BookColumns)
        assert np.array_equal(book.ts_venue, frame.timestamp * 1000)
        assert np.array_equal(book.ts_recv, frame.local_timestamp * 1000)
        assert (book.n_bids == 20).all()
        assert (book.n_asks == 20).all()
        levels = book.levels.reshape(len(book), 40, 2)
        for side, begin in (("bids", 0), ("asks", 20)):
            for level in range(20):
                prices, amounts = frame[f"{side}[{level}].price"], frame[f"{side}[{level}].amount"]
                assert np.array_equal(levels[:, begin + level, 0], grid(prices, str(feed.instrument.tick)))
                assert np.array_equal(levels[:, begin + level, 1], grid(amounts, str(feed.instrument.lot)))
        assert frame["bids[20].price"].isna().all()


def test_trades_are_those_of_the_files(recordings: Recordings) -> None:
    for feed in recordings.feeds("trades"):
        whole = recordings.frame(feed)
        frame = whole.drop_duplicates(["id", "timestamp"])
        tape = recordings.columns(feed)
        assert isinstance(tape, TradeColumns)
        ticks, lots = ticks_and_lots(frame, feed.instrument)
        assert np.array_equal(tape.ts_venue, frame.timestamp * 1000)
        assert np.array_equal(tape.ts_recv, frame.local_timestamp * 1000)
        assert np.array_equal(tape.ticks, ticks)
        assert np.array_equal(tape.lots, lots)
        assert np.array_equal(tape.taker, np.where(frame.side == "buy", 1, -1))
        if feed.instrument.venue == "bybit":  # its ids are no numbers
            assert len(np.unique(tape.trade_id)) == frame.id.nunique()
        else:
            assert np.array_equal(tape.trade_id, frame.id)
        assert feed.record.quality.duplicates == len(whole) - len(frame)


def test_hyperliquids_traps(recordings: Recordings) -> None:
    quality = {(feed.instrument.symbol, feed.kind): feed.record.quality for feed in recordings.report.feeds}
    assert [quality[symbol, "trades"].duplicates for symbol in ("BTC", "ETH", "SOL")] == [0, 17, 10]
    # 38, 47 and 49 trades came more than 5 s late, 17 and 10 of which were repeats
    assert [quality[symbol, "trades"].old for symbol in ("BTC", "ETH", "SOL")] == [38, 47 - 17, 49 - 10]
    window = parse_window("2025-09-04:19", "2025-09-04:20")
    found = [hole for hole in holes(recordings.root, "hyperliquid", "BTC", "book", window) if hole.reason == "silence"]
    assert [str(hole) for hole in found] == [
        "hyperliquid:BTC book 2025-09-04:19: silence from 2025-09-04 19:58:11.872 to 2025-09-04 19:58:29.797"
    ]


def test_clock_shifts_are_the_venues(recordings: Recordings) -> None:
    clocks = recordings.report.clocks
    for venue, median in (("binance", -1272), ("binance-futures", -1268), ("binance-delivery", -1258)):
        assert median * MS - 15 * MS < clocks[venue].least_latency < median * MS
        assert clocks[venue].shift == clocks[venue].least_latency - MS
    assert {venue: clocks[venue].shift for venue in ("bybit", "bybit-spot", "hyperliquid")} == {
        "bybit": 0,
        "bybit-spot": 0,
        "hyperliquid": 0,
    }
    # one constant for all symbols and kinds of a venue: hardly a message arrives before it was sent
    for feed in recordings.report.feeds:
        columns = recordings.columns(feed)
        latency = columns.ts_recv - columns.ts_venue - clocks[feed.instrument.venue].shift
        assert (latency < 0).sum() <= 1
        if feed.instrument.venue.startswith("binance"):
            assert np.median(latency) < 20 * MS


def test_a_run_gets_streams_and_knows_what_they_are(recordings: Recordings) -> None:
    known = {instrument.name: instrument for instrument in load_instruments(SHIPPED)}
    names = ("binance-futures:BTCUSDT", "binance:BTCUSDT")
    instruments = [attrs.evolve(known[name], id=i) for i, name in enumerate(names)]
    window = Window(
        parse_window("2024-08-08:23", "2024-08-08:23").start, parse_window("2024-08-09:00", "2024-08-09:00").end
    )
    data = ArchiveData(recordings.root, window, instruments)
    streams = data.streams()
    assert [(stream.instrument, stream.kind) for stream in streams] == [
        (0, "book"),
        (0, "trades"),
        (1, "book"),
        (1, "trades"),
    ]
    assert [sum(len(chunk) for chunk in stream.chunks) for stream in streams] == [6_548, 21_313, 6_494, 19_904]
    told = data.describe()
    assert told["quality"]["binance-futures:BTCUSDT/delta"]["unknown_deletes"] == 17_747
    assert told["clock_shifts_ns"] == data.clock_shifts
    assert -1_280 * MS < data.clock_shifts["binance"] < data.clock_shifts["binance-futures"] < -1_270 * MS
    assert "binance-futures:BTCUSDT delta 2024-08-09:00: missing" in told["holes"]
    assert len(told["files"]) == 6
    given = ArchiveData(recordings.root, window, instruments, clock_shifts={"binance": -SECOND})
    assert given.clock_shifts == data.clock_shifts | {"binance": -SECOND}
    assert window.end - window.start == 2 * HOUR
