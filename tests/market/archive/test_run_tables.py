"""What is written is what is read back, by a reader that shares nothing with the writer."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from actors.runtime.run_log import RunLog
from market.archive.run_tables import RunTables
from market.messages import (
    Declaration,
    EquityStamp,
    Fill,
    OrderAccepted,
    OrderFlag,
    OrderRefused,
    OrderRejected,
    PlaceOrder,
    Reason,
    first_client_id,
)
from market.order_log import PACK
from market.tables import TABLES


def _write(folder: Path) -> None:
    tables = RunTables(folder, deliveries=True)
    tables.deliver((1, 5, "manager", 0, "nursery.orders -> manager", "Started"))
    tables.deliver((2, 6, "keeper", 1, "nursery.timers -> keeper", "TimerFired"))
    tables.take(np.array([[1, 2, 0, 100, 5, 101, 6], [3, 4, 1, 99, 7, 102, 8]], np.int64), np.zeros((0, 6), np.int64))
    tables.take(np.zeros((0, 7), np.int64), np.array([[1, 2, 0, 100, 5, -1]], np.int64))
    tables.stamp(EquityStamp(10, 0, -3, float("nan"), 1.5, 0.25, 0.0, 100.5, -2.0))
    for key, group in (("fair", "a"), ("held", ""), ("fair", "a")):
        tables.declare(Declaration(11, key, 2.5, 0, group, 1))
    log = RunLog(folder / "orders.log")
    first = first_client_id(0, 0, 1)
    for message in (
        PlaceOrder(first + 1, 0, 1, 100, 5, int(OrderFlag.POST_ONLY)),
        OrderAccepted(first + 1, 0, 20, 21),
        Fill(first + 1, 0, 22, 23, 77, 1, 100, 2, True, -30_000_000_000),
        Fill(first + 1, 0, 24, 25, 78, 1, 100, 3, False, 5_000_000_000),
        OrderRejected(first + 2, 0, 26, 27, int(Reason.BELOW_MIN_SIZE)),
    ):
        log.append(PACK[type(message)](message, 30))
    log.close()
    tables.close(folder / "orders.log")


def test_every_table_has_its_columns_and_types(tmp_path: Path) -> None:
    _write(tmp_path)
    assert sorted(path.name for path in tmp_path.glob("*.parquet*")) == sorted(f"{name}.parquet" for name in TABLES)
    for name, columns in TABLES.items():
        frame = pd.read_parquet(tmp_path / f"{name}.parquet")
        assert {column: str(dtype) for column, dtype in frame.dtypes.items()} == columns


def test_rows_come_back_as_they_went_in(tmp_path: Path) -> None:
    _write(tmp_path)
    read = {name: pd.read_parquet(tmp_path / f"{name}.parquet") for name in TABLES}
    assert read["touch"].to_numpy().tolist() == [[1, 2, 0, 100, 5, 101, 6], [3, 4, 1, 99, 7, 102, 8]]
    assert read["deliveries"].to_numpy().tolist() == [
        [1, 5, "manager", 0, "nursery.orders -> manager", "Started"],
        [2, 6, "keeper", 1, "nursery.timers -> keeper", "TimerFired"],
    ]
    assert read["trades"].to_numpy().tolist() == [[1, 2, 0, 100, 5, -1]]
    assert read["declarations"]["key"].tolist() == ["fair", "held", "fair"]
    assert read["declarations"]["group"].tolist() == ["a", "", "a"]
    equity = read["equity"].iloc[0]
    assert np.isnan(equity["average_entry"])
    assert equity["pnl"] == -2.0
    orders, fills = read["orders"], read["fills"]
    assert orders["kind"].tolist() == ["PLACE", "ACCEPTED", "REJECTED"]
    assert orders["detail"].tolist() == [4, 0, 4]
    assert orders["quoter"].tolist() == [1, 1, 1]
    assert fills["fill_id"].tolist() == [77, 78]
    assert fills["is_maker"].tolist() == [True, False]
    assert fills["fee"].tolist() == pytest.approx([-0.03, 0.005], abs=1e-15)


def test_nothing_has_its_final_name_before_it_is_whole(tmp_path: Path) -> None:
    tables = RunTables(tmp_path)
    tables.take(np.ones((3, 7), np.int64), np.ones((2, 6), np.int64))
    assert list(tmp_path.glob("*.parquet")) == []


def test_what_no_column_holds_does_not_cost_the_other_rows(tmp_path: Path) -> None:
    RunLog(tmp_path / "orders.log").close()
    tables = RunTables(tmp_path)
    for size in (7, 2**70, -(2**70)):
        tables.refuse(OrderRefused(1, 0, 0, 3, 0, 1, 100, size, int(Reason.INVALID_SIZE)))
    tables.close(tmp_path / "orders.log")
    assert pd.read_parquet(tmp_path / "refusals.parquet")["size"].tolist() == [7, 2**63 - 1, 1 - 2**63]


def test_writing_does_not_load_pandas(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib, importlib.util;"
        f"spec = importlib.util.spec_from_file_location('t', {str(Path(__file__))!r});"
        "text = pathlib.Path(spec.origin).read_text().replace('import pandas as pd', '').replace('import pytest', '');"
        "space = {'__name__': 't', '__file__': spec.origin}; exec(compile(text, spec.origin, 'exec'), space);"
        f"space['_write'](pathlib.Path({str(tmp_path)!r})); sys.exit('pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
