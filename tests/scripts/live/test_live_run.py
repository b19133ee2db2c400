"""A live run over the simulated market: what it leaves, what it tells, and what cannot stop it."""

import json
import socket
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs
import httpx
import numpy as np
import pandas as pd
import pytest
import trio
from prometheus_client.parser import text_string_to_metric_families

from actors.order_manager import OrderManager
from actors.runtime.planned_crash import PlannedCrash
from market.order_log import LogKind
from market.tables import TABLES
from market.units import SECOND
from research.run_data import Run
from scripts import ops, replay_journal, report, verify_report
from scripts.live.run import LiveRun
from tests.market.archive.full_disk import full_disk
from tests.scripts.live.simulated_venues import Ended, quiet, trade

pytestmark = pytest.mark.realtime

ROOT = Path(__file__).resolve().parents[3]
CRASHES = (PlannedCrash("keeper:bybit", at_message=150), PlannedCrash("quoter:vamp", at_message=600))
ALERT = "import sys; open(sys.argv[1], 'a').write(sys.stdin.read() + '\\n')"


def records(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def agrees_with_the_manager(run: LiveRun) -> bool:
    """Tell whether the overview was compared: what is shown is what the order manager believes."""
    if run.nursery.cells["venue:bybit"].line or run.nursery.cells["manager"].line:
        return False  # a command is not sent yet, or a fact not heard
    run.look()
    manager = run.nursery.cells["manager"].actor
    assert isinstance(manager, OrderManager)
    shown = {each.client_id: (each.price, each.size, each.filled) for each in run.overview.orders}
    assert shown == {i: (order.price, order.size, order.filled) for i, order in manager.ledger.live.items()}
    return bool(shown)


@attrs.define
class Observed:
    """A run, and what was seen of it while it went on."""

    folder: Path
    ended: Ended
    n_compared: int = 0
    answers: dict[str, httpx.Response] = attrs.field(factory=dict)


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Observed:
    """A minute of trading with crashes, alerts and metrics, looked at from outside while it goes on."""
    folder = tmp_path_factory.mktemp("live")
    answers: dict[str, httpx.Response] = {}
    compared: list[bool] = []

    async def look(run: LiveRun) -> None:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{run.config.live.metrics_port}") as client:
            while True:
                await trio.sleep(0.05)
                compared.append(agrees_with_the_manager(run))
                with suppress(httpx.TransportError):  # not there yet, or no more
                    for path in ("/metrics", "/other"):
                        answers[path] = await client.get(path)

    alert = (sys.executable, "-c", ALERT, str(folder / "alerts"))
    config = quiet(folder / "archive", alert=alert, metrics_port=free_port(), sync_s=0.05)
    ended = trade(folder / "run", config, scale=10.0, crashes=CRASHES, meanwhile=look)
    return Observed(folder, ended, sum(compared), answers)


def test_it_ends_well_and_says_what_it_was(observed: Observed) -> None:
    result = json.loads((observed.folder / "run" / "result.json").read_text())
    assert result == observed.ended.result
    assert (result["mode"], result["complete"], result["faults"]) == ("live", True, [])
    assert result["outcome"] == {"kind": "done", "unproven": 0, "reason": ""}
    assert result["session"] == 3
    assert result["versions"]["trio"]
    assert not list((observed.folder / "run").glob("*.ahead"))
    assert not list((observed.folder / "run").glob("*.part"))


def test_its_tables_hold_what_actors_were_told(observed: Observed) -> None:
    run = Run.load(observed.folder / "run")
    for name in ("orders", "fills", "equity", "touch", "trades", "declarations", "refusals"):
        assert list(run.table(name)) == list(TABLES[name])
    fills, equity = run.table("fills"), run.table("equity")
    assert len(fills["ts"]) > 0
    assert len(fills["ts"]) == len(observed.ended.venues.world.source.history)
    assert int((fills["side"] * fills["size"]).sum()) == equity["position"][-1]
    assert set(run.table("touch")["instrument"]) == {0, 1}
    assert (run.table("touch")["bid"] < run.table("touch")["ask"]).all()
    assert len(run.table("trades")["ts_recv"]) > 20
    assert (np.diff(np.unique(equity["ts"])) < 60 * SECOND).all()  # of the market, which runs twenty times as fast
    assert run.window == (observed.ended.result["start_ns"], observed.ended.result["until_ns"])


def test_every_order_action_stands_in_the_log(observed: Observed) -> None:
    told = Counter(record["message"] for record in records(observed.folder / "run"))
    rows = Counter(LogKind(kind) for kind in np.fromfile(observed.folder / "run" / "orders.log", "<i8")[::10])
    assert told["order sent"] == rows[LogKind.PLACE] > 20
    assert told["order accepted"] == rows[LogKind.ACCEPTED]
    assert told["cancel sent"] == rows[LogKind.CANCEL]
    assert told["order cancelled"] == rows[LogKind.CANCELLED]
    assert told["order filled"] == rows[LogKind.FILL_MAKER] + rows[LogKind.FILL_TAKER]
    assert told["connection up"] >= 2
    assert told["book stale"] >= 1
    assert told["book fresh"] == told["book stale"]
    assert told["child crashed"] == 2
    sent = next(record for record in records(observed.folder / "run") if record["message"] == "order sent")
    assert (sent["venue"], sent["instrument"], sent["quoter"]) == ("bybit", "SOLUSDT", "vamp")
    assert float(sent["price"]) > 100
    assert sent["flags"] == ["POST_ONLY"]
    assert sent["side"] in ("buy", "sell")


def test_what_is_shown_is_what_the_order_manager_believes(observed: Observed) -> None:
    assert observed.n_compared > 0


def test_its_journal_is_followed_to_the_same_digest(observed: Observed, capsys: pytest.CaptureFixture[str]) -> None:
    assert replay_journal.main([str(observed.folder / "run")]) == replay_journal.EXIT_SAME
    said = capsys.readouterr().out
    assert f"digest   the same: {observed.ended.result['digest']}" in said
    n_deliveries = observed.ended.result["n_messages"]
    assert f"followed {n_deliveries:,} deliveries" in said


def test_metrics_are_those_of_the_run(observed: Observed) -> None:
    answer = observed.answers["/metrics"]
    assert answer.status_code == 200
    assert observed.answers["/other"].status_code == 404
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    counted = {sample.labels["kind"]: sample.value for sample in families["lockstep_order_events"].samples}
    result = Run.load(observed.folder / "run")
    n_placed = int((result.table("orders")["kind"] == "PLACE").sum())
    assert 0.5 * n_placed < counted["place"] <= n_placed
    names = {(s.labels["venue"], s.labels["instrument"]) for s in families["lockstep_books"].samples}
    assert names == {("binance-futures", "SOLUSDT"), ("bybit", "SOLUSDT")}
    restarted = {sample.labels["child"]: sample.value for sample in families["lockstep_restarts"].samples}
    assert restarted == {"keeper:bybit": 1, "quoter:vamp": 1}
    assert families["lockstep_trading_state"].samples[0].value == 0
    assert {sample.labels["quantile"] for sample in families["lockstep_order_latency_seconds"].samples} == {
        "0.5",
        "0.99",
    }
    assert families["lockstep_process_resident_memory_bytes"].samples if "x" in families else True


def test_restarts_are_told_to_the_command(observed: Observed) -> None:
    alerts = [json.loads(line) for line in (observed.folder / "alerts").read_text().splitlines()]
    told = sorted((alert["kind"], alert["child"]) for alert in alerts)
    assert told == [("restart", "keeper:bybit"), ("restart", "quoter:vamp")]
    assert alerts[0]["run"] == str(observed.folder / "run")
    assert {"t_ns", "message", "level", "session", "backoff_s", "n_before"} <= set(alerts[0])


def test_a_report_is_made_of_it_and_says_that_it_was_live(
    observed: Observed, capsys: pytest.CaptureFixture[str]
) -> None:
    out = observed.folder / "run"
    assert report.main([str(out)]) == 0
    page = (out / "report.html").read_text()
    assert "Live report" in page
    assert "Simulation report" not in page
    assert verify_report.main([str(out / "report.pdf")]) == verify_report.EXIT_UNCHECKED
    assert "replay_journal" in capsys.readouterr().out


def test_ops_reads_it(observed: Observed, capsys: pytest.CaptureFixture[str]) -> None:
    out = observed.folder / "run"
    assert ops.main(["restarts", str(out)]) == 0
    assert "keeper:bybit" in capsys.readouterr().out
    assert ops.main(["show", str(out)]) == 0
    shown = capsys.readouterr().out
    n_fills = len(Run.load(out).table("fills")["ts"])
    for words in ("it has ended: done, cancels proven", f"fills {n_fills}", "restarts: ", "child crashed"):
        assert words in shown
    assert f"PnL {observed.ended.run.overview.pnl:+,.2f}" in shown


def test_the_market_is_recorded_beside_it(observed: Observed) -> None:
    recorded = observed.ended.result["recorded"]
    assert (recorded["n_lost"], recorded["problems"]) == (0, [])
    fills = pd.concat(pd.read_parquet(path) for path in (observed.folder / "archive").glob("bybit/*/fills/*/*.parquet"))
    assert len(fills) == len(Run.load(observed.folder / "run").table("fills")["ts"])


# --- what must not stop it -------------------------------------------------------------------------------------------


def test_a_full_disk_stops_nothing_and_costs_nothing_once_there_is_room(tmp_path: Path) -> None:
    async def fill_disk(run: LiveRun) -> None:
        await trio.sleep(0.3)
        with full_disk(3_000):
            for file in (run.log.file, run.tables.files[0]):
                while True:
                    await trio.sleep(0.01)
                    if file is not None and file.error is not None:
                        break

    ended = trade(tmp_path / "run", quiet(sync_s=0.05), seconds=40, meanwhile=fill_disk)
    assert ended.result["complete"] is True
    told = [(record["message"], record.get("file")) for record in records(tmp_path / "run")]
    assert ("file is not written", "orders.log") in told
    assert ("file is written again", "orders.log") in told
    run = Run.load(tmp_path / "run")
    assert len(run.table("touch")["ts_recv"]) > 50
    assert (np.diff(run.table("touch")["ts_recv"]) < 5 * SECOND).all()
    assert replay_journal.main([str(tmp_path / "run")]) == replay_journal.EXIT_SAME


def test_a_disk_that_stays_full_is_a_fault_of_the_result(tmp_path: Path) -> None:
    async def fill_disk(run: LiveRun) -> None:
        await trio.sleep(0.3)
        with full_disk(20_000):
            await trio.sleep_forever()

    ended = trade(tmp_path / "run", quiet(sync_s=0.05), seconds=20, meanwhile=fill_disk)
    assert (ended.outcome.kind, ended.outcome.unproven) == ("done", 0), "orders are cancelled all the same"
    assert ended.result["complete"] is False
    assert any(fault.startswith("journal: ") for fault in ended.result["faults"])


def test_after_a_kill_everything_can_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Tables, report, log and journal of a run that was killed under way have what was on the disk by then."""
    out = tmp_path / "run"
    command = [sys.executable, "-m", "tests.scripts.live.live_process", str(out), "600"]
    with subprocess.Popen(command, cwd=ROOT) as process:
        while not (out / "orders.log").exists() or (out / "orders.log").stat().st_size < 20_000:
            assert process.poll() is None
            time.sleep(0.05)
        process.kill()
    run = Run.load(out)
    assert run.result["complete"] is False
    assert len(run.table("orders")["ts"]) > 100
    assert len(run.table("touch")["ts_recv"]) > 50
    assert len(run.table("equity")["ts"]) > 1
    assert report.main([str(out)]) == 0
    assert "partial run" in (out / "report.html").read_text()
    assert ops.main(["tail", str(out), "-n", "5"]) == 0
    assert ops.main(["show", str(out)]) == 0
    assert "it goes on, or was killed" in capsys.readouterr().out
    assert replay_journal.main([str(out)]) == replay_journal.EXIT_SAME
    assert "the journal has no end" in capsys.readouterr().out
    assert json.loads((out / "result.json").read_text())["complete"] is False


def test_what_works_beside_it_may_fail(tmp_path: Path) -> None:
    """The metrics' port is taken, and the command of the alerts fails: both are told, and nothing else happens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        config = quiet(alert=("false",), metrics_port=taken.getsockname()[1])
        ended = trade(tmp_path / "run", config, seconds=20, crashes=[PlannedCrash("quoter:vamp", at_message=50)])
    assert ended.result["complete"] is True
    told = {record["message"]: record for record in records(tmp_path / "run")}
    assert told["stopped working beside the run"]["task"] == "metrics"
    assert told["alert failed"]["error"] == "exit code 1: "
