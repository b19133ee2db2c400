"""Opening a run directory, whole or not."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from research.run_data import Run
from tests.research.run_writer import BTC_INVERSE, SOL, RunWriter


def test_instruments_and_quoters(write_run: RunWriter) -> None:
    run = write_run(
        instruments=(SOL, BTC_INVERSE),
        quoters=(
            {"name": "a", "strategy": "vamp", "instrument": "bybit:SOLUSDT"},
            {"instrument": "binance-delivery:BTCUSD_PERP"},
        ),
        run={"capital": 500},
    )
    assert [i.name for i in run.instruments] == ["bybit:SOLUSDT", "binance-delivery:BTCUSD_PERP"]
    assert run.instruments[1].inverse
    assert run.instruments[1].settle == "BTC"
    assert float(run.instruments[1].value(600_000, 1)) == pytest.approx(-100 / 60_000)
    assert [(q.name, q.instruments) for q in run.quoters] == [("a", (0,)), ("quoter-1", (1,))]
    assert run.venues == ("bybit", "binance-delivery")
    assert run.capital == 500.0


def test_a_quoter_of_several_instruments(tmp_path: Path, write_run: RunWriter) -> None:
    run = write_run(instruments=(SOL, BTC_INVERSE), quoters=())
    text = (run.path / "run.toml").read_text()
    text += '[[quoter]]\nname = "both"\ninstruments = ["bybit:SOLUSDT", "binance-delivery:BTCUSD_PERP"]\n'
    (run.path / "run.toml").write_text(text)
    assert Run.load(run.path).quoters[0].instruments == (0, 1)


def test_missing_tables_are_empty_and_strings_are_decoded(write_run: RunWriter) -> None:
    run = write_run(orders={"kind": ["PLACE", "CANCEL", "PLACE"], "client_id": [1, 1, 2]})
    assert run.table("fills")["is_maker"].dtype == np.bool_
    assert run.table("fills")["ts"].size == 0
    assert run.table("orders")["kind"].tolist() == ["PLACE", "CANCEL", "PLACE"]
    assert not run.is_complete
    assert run.window == (0, 0)


def test_feeds_written_one_after_the_other_come_in_order_of_time(write_run: RunWriter) -> None:
    run = write_run(touch={"ts_recv": [5, 9, 2, 5], "instrument": [0, 0, 1, 1], "bid": [1, 2, 3, 4], "ask": 10})
    assert run.table("touch")["ts_recv"].tolist() == [2, 5, 5, 9]
    assert run.table("touch")["bid"].tolist() == [3, 1, 4, 2]


def test_what_was_traded(write_run: RunWriter) -> None:
    run = write_run(
        instruments=(SOL, BTC_INVERSE),
        orders={"kind": ["PLACE", "CANCEL_ALL"], "instrument": [1, -1]},
        equity={"ts": [1, 1], "instrument": [0, 1]},
    )
    assert run.traded == {1}


def test_window_of_an_interrupted_run(write_run: RunWriter) -> None:
    planned = {"start_ns": 100, "end_ns": 900}
    stamps = {"ts": [200, 300]}
    assert write_run(folder="a", run=planned, result={"complete": True}, equity=stamps).window == (100, 900)
    assert write_run(folder="b", run=planned, result={"until_ns": 350}, equity=stamps).window == (100, 350)
    assert write_run(folder="c", run=planned, equity=stamps).window == (100, 300)
    assert write_run(folder="d", run=planned).window == (100, 900)


def test_what_cannot_be_read_is_named(tmp_path: Path, write_run: RunWriter) -> None:
    with pytest.raises(FileNotFoundError, match="not a run directory"):
        Run.load(tmp_path)
    run = write_run()
    (run.path / "fills.parquet").write_bytes(b"PAR1 cut short")
    with pytest.raises(ValueError, match=r"fills\.parquet is damaged"):
        run.table("fills")
    (run.path / "result.json").write_text("{")
    with pytest.raises(ValueError, match=r"result\.json"):
        Run.load(run.path)
    (run.path / "run.toml").write_text("[run")
    with pytest.raises(ValueError, match=r"run\.toml"):
        Run.load(run.path)
    with pytest.raises(KeyError, match="no quoter x; known: mm"):
        run.quoter("x")


def test_importing_research_is_cheap() -> None:
    program = (
        "import sys, research\n"
        "heavy = {'numpy', 'pandas', 'matplotlib', 'pyarrow', 'reportlab', 'rich', 'numba', 'trio'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "from research import statistics\n"
        "from research import statistics as again\n"
        "assert callable(statistics) and statistics is again\n"
        "heavy -= {'numpy'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
