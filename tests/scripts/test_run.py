"""The command that runs a market maker, as it is typed."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from market.tables import TABLES
from market.units import SECOND
from research.run_data import Run
from scripts.run import EXIT_INTERRUPTED, EXIT_USAGE, main
from sim.config import ConfigError, load_config

ROOT = Path(__file__).resolve().parents[2]
TABLE_NAMES = ("orders", "fills", "equity", "touch", "trades", "declarations")
MINUTE = 60


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "scripts.run", "--mode", "sim", *map(str, arguments)]


def result_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def minute(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A minute of the built-in market, report and all."""
    out = tmp_path_factory.mktemp("run") / "minute"
    arguments = command("--seconds", str(MINUTE), "--seed", "3", "--out", out)
    return out, subprocess.run(arguments, check=False, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.slow
def test_a_run_leaves_what_it_promises(minute: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    out, answer = minute
    assert answer.returncode == 0, answer.stderr
    result = result_of(out)
    for key in ("digest", "n_events", "n_messages", "wall_s", "events_per_s", "statistics", "fill_model", "versions"):
        assert result[key], key
    for key in ("command", "code", "lock", "packages", "machine"):
        assert result[key], key
    assert result["complete"] is True
    assert result["seed"] == 3
    assert result["data"]["content_hash"]
    assert result["data"]["clock_shifts_ns"] == {}
    assert abs(result["until_ns"] - result["start_ns"] - MINUTE * SECOND) < SECOND
    assert result["digest"] in answer.stdout
    assert (out / "report.pdf").read_bytes().startswith(b"%PDF")
    assert (out / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert list((out / "plots").glob("*.png"))
    assert (out / "log.jsonl").stat().st_size > 0


@pytest.mark.slow
def test_its_tables_hold_the_run(minute: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    out, _ = minute
    run = Run.load(out)
    tables = {name: run.table(name) for name in TABLE_NAMES}
    assert {name: list(table) for name, table in tables.items()} == {name: list(TABLES[name]) for name in TABLE_NAMES}
    assert {run.instruments[i].name for i in tables["touch"]["instrument"]} == {i.name for i in run.instruments}
    assert (tables["orders"]["kind"] == "PLACE").sum() > MINUTE
    fills = tables["fills"]
    assert set(fills["side"]) == {-1, 1}
    held = int((fills["side"] * fills["size"]).sum())
    equity = tables["equity"]
    assert held == equity["position"][equity["instrument"] == fills["instrument"][0]][-1]


@pytest.mark.slow
def test_its_run_toml_runs_the_same_again(
    minute: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    out, _ = minute
    assert load_config(out / "run.toml").data.seconds == MINUTE
    again = tmp_path / "again"
    assert main(["--config", str(out / "run.toml"), "--out", str(again), "--no-report"]) == 0
    assert result_of(again)["digest"] == result_of(out)["digest"]
    assert (again / "run.toml").read_text() == (out / "run.toml").read_text()


def test_a_run_without_orders_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, quoted = tmp_path / "small.toml", 'instruments = ["binance-futures:BTCUSDT"]'
    market = '[data]\npreset = "pair"\nseconds = 2\n'
    quoter = f'[[quoter]]\nname = "a"\n{quoted}\nreferences = ["bybit:BTCUSDT"]\nparams = {{ notional = 50 }}\n'
    file.write_text(market + quoter)  # the venue takes no order below 100
    assert main(["--config", str(file), "--out", str(tmp_path / "out"), "--no-report"]) == 0
    assert "no order was placed" in capsys.readouterr().err
    file.write_text(market + quoter.replace("50", "200"))
    assert main(["--config", str(file), "--out", str(tmp_path / "more"), "--no-report"]) == 0
    assert "no order was placed" not in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.realtime
def test_ctrl_c_leaves_a_partial_run(tmp_path: Path) -> None:
    out = tmp_path / "partial"
    terminal, end = pty.openpty()
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    arguments = command("--seconds", "86400", "--out", out, "--no-report")
    with subprocess.Popen(arguments, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=end) as process:
        os.close(end)
        said = ""
        for said in shown(terminal):
            if re.search(r"[1-9][\d,]* events .* fills .* PnL", said):
                break
        else:
            pytest.fail(f"no progress line: {said}")
        process.send_signal(signal.SIGINT)
        for _ in shown(terminal):  # or it would wait for its words to be read
            pass
        assert process.wait() == EXIT_INTERRUPTED
    os.close(terminal)
    result = result_of(out)
    assert result["complete"] is False
    assert result["outcome"]["kind"] == "interrupted"
    run = Run.load(out)
    assert run.window == (result["start_ns"], result["until_ns"])
    assert 0 < result["until_ns"] - result["start_ns"] < 86_400 * SECOND
    for name in TABLE_NAMES:
        stamps = run.table(name).get("ts", run.table(name).get("ts_recv"))
        assert stamps is not None
        assert not stamps.size or stamps.max() <= result["until_ns"], name
    assert run.table("touch")["ts_recv"].size > 0
    assert run.table("orders")["ts"].size > 0


@pytest.mark.slow
@pytest.mark.realtime
@pytest.mark.parametrize(
    ("options", "sign", "what"),
    [
        (["--bounds"], "the pessimistic", "the same run under the other fill rules"),
        ([], "figures, plots, report", "the report"),
    ],
)
def test_ctrl_c_after_the_run_keeps_it(tmp_path: Path, options: list[str], sign: str, what: str) -> None:
    out = tmp_path / "late"
    terminal, end = pty.openpty()
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    arguments = command("--seconds", "1800", "--out", out, *options)
    with subprocess.Popen(arguments, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=end) as process:
        os.close(end)
        if not any(sign in said for said in shown(terminal)):
            pytest.fail(f"never said {sign!r}")
        process.send_signal(signal.SIGINT)
        said = list(shown(terminal))[-1]
        assert process.wait() == EXIT_INTERRUPTED
    os.close(terminal)
    assert "Traceback" not in said
    assert f"{what} is not finished" in said
    result = result_of(out)
    assert (result["complete"], result["unfinished"]) == (False, what)
    assert result["outcome"]["kind"] == "done", "the run itself came to its end"
    assert result["digest"]


def shown(terminal: int) -> Iterator[str]:
    """Yield all that a terminal has shown so far, whenever there is more, until it is closed."""
    said = b""
    while True:
        try:
            more = os.read(terminal, 65_536)
        except OSError:  # the last writer is gone
            return
        if not more:
            return
        said += more
        yield said.decode(errors="replace")


QUOTER = '[[quoter]]\nname = "a"\ninstruments = ["bybit:SOLUSDT"]\nreferences = ["binance-futures:SOLUSDT"]\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[run]\nsede = 7\n", ["'sede'", "seed"]),
        ("[run]\nseed = -1\n", ["seed", "-1"]),
        ("[rum]\nseed = 7\n", ["'rum'", "run"]),
        ('[data]\nseconds = "long"\n', ["'long'", "seconds"]),
        ("[[instrument]]\ntick = 1\n", ["'instrument'"]),
        ('[[venue]]\nname = "bybyt"\n', ["'bybyt'", "bybit"]),
        ('[[venue]]\nname = "bybit"\nfill_model = "lucky"\n', ["'lucky'", "risk_averse"]),
        ('[[venue]]\nname = "bybit"\n[venue.latency]\nrequest = 3\n', ["'request'", "request_private"]),
        (QUOTER + 'strategy = "vump"\n', ["'vump'", "vamp"]),
        (QUOTER + 'policy = "ovrlap"\n', ["must be one of overlap, sequential, got 'ovrlap'", "quoter[0].policy"]),
        ("[run]\ndeliver = 1\n", ["must be one of mirrors, all, got 1", "run.deliver"]),
        (QUOTER + 'strategy = "nowhere.py:Maker"\n', ["nowhere.py"]),
        (QUOTER + "params = { spread = 3 }\n", ["'spread'", "spread_bps"]),
        (QUOTER + "params = { notional = -200 }\n", ["notional", "-200"]),
        (QUOTER + 'params = { notional = "much" }\n', ["notional", "'much'"]),
        (QUOTER.replace("bybit:SOL", "bybit:DOGE"), ["bybit:DOGEUSDT", "bybit:SOLUSDT"]),
        (QUOTER.replace("bybit:SOL", "bybitSOL"), ["bybitSOLUSDT", "venue:symbol"]),
        (QUOTER + QUOTER, ["'a'", "twice"]),
        ('[data]\nsource = "archive"\nroot = "nowhere"\nstart = "2024-08-08"\nend = "2024-08-08:23"\n', ["2024-08-08"]),
        ('[data]\nsource = "archive"\nroot = "nowhere"\nstart = "2024-08-08:23"\nend = "2024-08-08:23"\n', ["nowhere"]),
        ("[run\n", ["not TOML"]),
    ],
)
def test_wrong_use_is_named(text: str, words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(text)
    assert main(["--config", str(file), "--out", str(tmp_path / "out"), "--seconds", "1"]) == EXIT_USAGE
    said = capsys.readouterr().err
    assert [word for word in words if word not in said] == [], said
    assert not (tmp_path / "out" / "result.json").exists()


def test_a_directory_in_use_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "result.json").write_text("{}")
    assert main(["--out", str(tmp_path), "--seconds", "1"]) == EXIT_USAGE
    assert str(tmp_path) in capsys.readouterr().err
    assert (tmp_path / "result.json").read_text() == "{}"


def test_no_config_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--config", str(tmp_path / "none.toml")]) == EXIT_USAGE
    assert "none.toml" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--mode", "dream"], ["--seconds", "long"], ["--sede", "7"]])
def test_wrong_options(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == EXIT_USAGE
    assert arguments[-1].lstrip("-") in capsys.readouterr().err


def test_only_the_stamps_of_a_run_excuse_what_a_run_adds(tmp_path: Path) -> None:
    file = tmp_path / "half.toml"
    file.write_text("[run]\nstart_ns = 1\n")
    with pytest.raises(ConfigError, match="start_ns"):
        load_config(file)
