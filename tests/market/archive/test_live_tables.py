"""The tables of a live run: what was written outlives a kill, wherever it strikes, and becomes the same parquet."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from actors.runtime.run_log import RunLog
from market.archive.live_tables import NAMES, LiveTables, read_unfinished
from market.messages import BookUpdate, Declaration, EquityStamp, Fill, OrderRefused, PlaceOrder, Reason, Trade
from market.order_log import PACK
from market.tables import TABLES
from research.run_data import Run
from tests.market.archive.full_disk import full_disk

LEVELS = np.array([[100, 5], [99, 7]], np.int64)
EMPTY = np.zeros((0, 2), np.int64)


def tell(tables: LiveTables, first: int, n: int) -> None:
    """Tell as many rows of each table."""
    for i in range(first, first + n):
        tables.book(BookUpdate(i % 3, i, i + 1, i, LEVELS + i, LEVELS if i % 2 else EMPTY))
        tables.trade(Trade(i % 3, i, i + 1, 100, 5, -1, i))
        tables.stamp(EquityStamp(i, 0, -3, float("nan"), 1.5, 0.25, 0.0, 100.5, -2.0))
        tables.declare(Declaration(i, f"key {i % 4}", 2.5, 0, "a" if i % 2 else "", 1))
        tables.refuse(OrderRefused(i, 0, 0, 3, 0, 1, 100, 2**70, int(Reason(20 + i % 3))))


def write_log(folder: Path, n: int) -> None:
    log = RunLog(folder / "orders.log")
    for i in range(n):
        log.append(PACK[PlaceOrder](PlaceOrder(i, 0, 1, 100, 5, 0), i))
        log.append(PACK[Fill](Fill(i, 0, 22, 23, i, 1, 100, 2, True, -30_000_000_000), i))
    log.close()


def test_tables_are_the_same_while_they_are_written_and_when_they_are_whole(tmp_path: Path) -> None:
    tables = LiveTables(tmp_path)
    for first in range(0, 30, 10):
        tell(tables, first, 10)
        tables.write_now()
    write_log(tmp_path, 7)
    unfinished = {name: read_unfinished(tmp_path, name) for name in (*NAMES, "orders", "fills")}
    tables.close()
    for name, before in unfinished.items():
        frame = pd.read_parquet(tmp_path / f"{name}.parquet")
        assert {column: str(dtype) for column, dtype in frame.dtypes.items()} == TABLES[name]
        assert before is not None
        pd.testing.assert_frame_equal(before.to_pandas(), frame, check_categorical=False)
        assert len(frame) == (7 if name in ("orders", "fills") else 30)
    touch = pd.read_parquet(tmp_path / "touch.parquet")
    assert touch.iloc[4].tolist() == [4, 5, 1, 104, 9, 0, 0]
    assert touch.iloc[5].tolist() == [5, 6, 2, 105, 10, 100, 5]
    declared = pd.read_parquet(tmp_path / "declarations.parquet")
    assert declared["key"].tolist() == [f"key {i % 4}" for i in range(30)]
    assert not list(tmp_path.glob("*.ahead"))


def test_a_kill_anywhere_leaves_whole_rows(tmp_path: Path) -> None:
    tables = LiveTables(tmp_path)
    sizes = [0]
    for first in range(0, 50, 10):
        tell(tables, first, 10)
        tables.write_now()
        sizes.append(tables.files[0].size)
    path = tmp_path / "touch.ahead"
    whole = path.read_bytes()
    for cut in range(0, len(whole) + 1, 37):
        path.write_bytes(whole[:cut])
        found = read_unfinished(tmp_path, "touch")
        assert found is not None
        assert found.column("ts_venue").to_pylist() == list(range(10 * sum(size <= cut for size in sizes[1:])))
    path.write_bytes(whole[: sizes[2] + 20] + b"\0" * 500)  # a page that a power cut has kept from the disk
    assert len(Run(tmp_path, {}, {}).table("touch")["ts_venue"]) == 20
    path.write_bytes(whole)
    write_log(tmp_path, 0)
    tables.close()
    assert len(Run(tmp_path, {}, {}).table("touch")["ts_venue"]) == 50


def test_a_disk_that_does_not_take_the_end_leaves_what_was_there(tmp_path: Path) -> None:
    tables = LiveTables(tmp_path)
    tell(tables, 0, 10)
    tables.write_now()
    with full_disk(100):
        tell(tables, 10, 10)
        tables.write_now()
        assert all(file.error is not None for file in tables.files)
        assert len(Run(tmp_path, {}, {}).table("trades")["ts_venue"]) == 10
        with pytest.raises(OSError, match="too large"):
            tables.close()
        assert len(Run(tmp_path, {}, {}).table("trades")["ts_venue"]) == 10


def test_what_the_disk_does_not_take_comes_later_in_order(tmp_path: Path) -> None:
    tables = LiveTables(tmp_path)
    tell(tables, 0, 10)
    with full_disk(100):
        tables.write_now()
    tell(tables, 10, 10)
    tables.write_now()
    assert Run(tmp_path, {}, {}).table("trades")["ts_venue"].tolist() == list(range(20))
    assert not tables.n_lost


def test_rows_beyond_what_may_wait_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("market.archive.live_tables._MOST_ROWS", 7)
    tables = LiveTables(tmp_path)
    tell(tables, 0, 10)
    assert tables.n_lost == dict.fromkeys(NAMES, 3)
    tables.write_now()
    assert tables.n_rows == dict.fromkeys(NAMES, 7)
    assert tables.refusals(0) == {"LIMIT_ORDER_SIZE": 4, "LIMIT_ORDER_NOTIONAL": 3, "LIMIT_POSITION": 3}
