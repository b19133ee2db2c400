"""What a replay takes from an archive."""

import re
from decimal import Decimal
from pathlib import Path

import attrs
import pytest

from market.archive.data import ArchiveData
from market.archive.window import Window
from market.archive.writer import ArchiveWriter
from market.columns import FundingColumns
from market.units import HOUR, MS
from tests.market.archive.samples import BTC, T0, Message, book_columns, messages_of, rows_of, trade_columns

FEED: list[Message] = [(T0, T0 + i, int(i == 0), ((100 + i, 1),), ((200, 1),)) for i in range(5)]
WINDOW = Window(T0, T0 + HOUR)
SPOT = attrs.evolve(BTC, id=1, venue="binance")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for kind, columns in (("delta", book_columns(FEED)), ("trades", trade_columns([T0, T0 + 3]))):
        with ArchiveWriter(tmp_path, BTC, kind) as writer:  # type: ignore[arg-type]
            writer.append(columns)
    with ArchiveWriter(tmp_path, BTC, "funding") as writer:
        writer.append(FundingColumns([T0 + HOUR], [T0 + 4], [100], [1000]))
    with ArchiveWriter(tmp_path, SPOT, "book") as writer:
        writer.append(book_columns(FEED[:1]))
    return tmp_path


@pytest.mark.parametrize("chunk_rows", [1, 2, 3, 1000])
def test_streams_are_the_feeds_whatever_the_chunks(root: Path, chunk_rows: int) -> None:
    data = ArchiveData(root, WINDOW, [BTC, SPOT], chunk_rows=chunk_rows)
    book, trades, funding, spot = data.streams()
    assert [(each.instrument, each.kind) for each in (book, trades, funding, spot)] == [
        (0, "book"),
        (0, "trades"),
        (0, "funding"),
        (1, "book"),
    ]
    assert messages_of(book.chunks) == FEED
    assert rows_of(trades.chunks) == rows_of([trade_columns([T0, T0 + 3])])
    assert rows_of(funding.chunks) == [(T0 + HOUR, T0 + 4, 100, 1000)]
    assert messages_of(spot.chunks) == FEED[:1]


def test_streams_can_be_had_again(root: Path) -> None:
    data = ArchiveData(root, WINDOW, [BTC])
    assert messages_of(data.streams()[0].chunks) == messages_of(data.streams()[0].chunks)


def test_a_book_that_is_not_there(root: Path) -> None:
    says = f"no book of binance:BTCUSDT from 2024-08-08:23 to 2024-08-08:23 in the archive {root}"
    with pytest.raises(FileNotFoundError, match=f"^{re.escape(says)}$"):
        ArchiveData(root, Window(T0 + HOUR, T0 + 2 * HOUR), [SPOT])


def test_ints_that_mean_something_else(root: Path) -> None:
    path = root / "binance-futures" / "BTCUSDT" / "delta" / "2024-08-08" / "22.parquet"
    says = (
        f"{path} was recorded with (tick, lot, multiplier, inverse) = (0.1, 0.001, 1, false); "
        "binance-futures:BTCUSDT has (0.1, 0.01, 1, false)"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(says)}$"):
        ArchiveData(root, WINDOW, [attrs.evolve(BTC, lot=Decimal("0.01"))])


def test_a_shift_of_an_unknown_clock(root: Path) -> None:
    with pytest.raises(ValueError, match=r"^a clock shift for venue 'bybit'; allowed: binance-futures, binance$"):
        ArchiveData(root, WINDOW, [BTC, SPOT], clock_shifts={"bybit": 1})


def test_shifts_are_measured_or_given(root: Path) -> None:
    # the first message of each feed was stamped when it was received, and must have taken a millisecond
    assert ArchiveData(root, WINDOW, [BTC, SPOT]).clock_shifts == {"binance-futures": -MS, "binance": -MS}
    given = ArchiveData(root, WINDOW, [BTC, SPOT], clock_shifts={"binance": 5})
    assert given.clock_shifts == {"binance-futures": -MS, "binance": 5}
    assert list(given.describe()["clock_estimates"]) == ["binance-futures"]


def test_description_does_not_depend_on_the_place(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    copy = tmp_path_factory.mktemp("elsewhere") / "copy"
    root.rename(copy)
    told = ArchiveData(copy, WINDOW, [BTC]).describe()
    copy.rename(root)
    assert told == ArchiveData(root, WINDOW, [BTC]).describe()
    assert told["window"] == {"start": "2024-08-08:22", "end": "2024-08-08:22"}
    assert told["instruments"][0]["tick"] == "0.1"
    assert sorted(told["files"]) == [
        f"binance-futures/BTCUSDT/{kind}/2024-08-08/22.parquet" for kind in ("delta", "funding", "trades")
    ]
