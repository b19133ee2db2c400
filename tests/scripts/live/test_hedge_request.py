"""A person asks the hedge desk of a live run by its state folder."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from actors.config import QuoterConfig
from actors.guard_config import GuardConfig
from actors.runtime.live_clock import LiveClock
from actors.runtime.live_hand import HandBox
from actors.runtime.state_folder import StateFolder
from market.messages import HedgeRequested
from market.order_log import LogKind
from market.units import SECOND
from scripts import ops, replay_journal
from scripts.live.run import LiveRun
from tests.scripts.live.simulated_venues import SimulatedVenues, quiet
from tests.sim.crash_runs import market

BYBIT, BINANCE = "bybit:SOLUSDT", "binance-futures:SOLUSDT"
VAMP = QuoterConfig(
    "vamp", (BYBIT,), references=(BINANCE,), params={"spread_bps": 0.5, "skew_bps": 0.1, "notional": 800}
)
DESK = QuoterConfig("desk", (BINANCE, BYBIT), strategy="portfolio")


async def until(is_so: Callable[[], bool]) -> None:
    with trio.fail_after(60):
        while True:
            await trio.sleep(0.02)
            if is_so():
                return


async def trade(folder: Path, asks: list[list[str]], quoters: tuple[QuoterConfig, ...]) -> tuple[LiveRun, list[int]]:
    """Run a market, ask by the command one after the other as soon as something is held; return the exit codes."""
    venues = SimulatedVenues(market(7, 60))
    config = attrs.evolve(quiet(), quoter=quoters, guard=GuardConfig(max_drawdown=1e9))
    (folder / "run").mkdir()
    state = StateFolder(folder / "state")
    run = LiveRun(config, venues, folder / "run", session=3, state=state, clock=LiveClock(venues.start, 4.0))
    codes: list[int] = []

    async def ask() -> None:
        await until(lambda: any(net.net for net in run.overview.positions_by_base()))
        for arguments in asks:
            code = await trio.to_thread.run_sync(ops.main, ["hedge", str(state.path), *arguments])
            codes.append(code)
        run.nursery.request_stop()

    async with trio.open_nursery() as tasks:
        tasks.start_soon(ask)
        outcome = await run.run()
        tasks.cancel_scope.cancel()
    run.finish(outcome)
    return run, codes


@pytest.mark.realtime
def test_a_person_hedges_a_live_run_by_its_state_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--base", "SOL", "--on", "binance-futures", "--by", "margin", "--request", "mine"]
    asks = [asked, asked, ["--base", "BTC"]]
    run, codes = trio.run(partial(trade, tmp_path, asks, (VAMP, DESK)))
    assert codes == [0, 0, 1]
    said = capsys.readouterr()
    assert said.out.count("FILLED") == 2, "the same request is answered again"
    assert "no 'BTC' among what the desk trades: SOL" in said.out
    placed = [row for row in run.log.rows() if row[0] == LogKind.PLACE and row[4] >> 27 & 127 == 1]
    assert len(placed) == 1, "and carried out once"
    records = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [r["request"] for r in records if r["message"] == "hedge asked for"][:2] == ["mine", "mine"]
    assert (
        "binance-futures:SOLUSDT"
        in json.loads((tmp_path / "run" / "result.json").read_text())["positions_by_base"]["SOL"]["positions"]
    )
    assert replay_journal.main([str(tmp_path / "run")]) == replay_journal.EXIT_SAME


@pytest.mark.realtime
def test_a_run_without_a_desk_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, codes = trio.run(partial(trade, tmp_path, [[]], (VAMP,)))
    assert codes == [1]
    assert 'add a [[quoter]] with strategy = "portfolio"' in capsys.readouterr().out


def test_where_nothing_trades_the_request_is_withdrawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    StateFolder(tmp_path)
    assert ops.main(["hedge", str(tmp_path), "--wait", "0.1"]) == 1
    assert "the request is withdrawn" in capsys.readouterr().err
    assert StateFolder(tmp_path).take_hedge() is None, "nobody must find it next week"
    assert ops.main(["hedge", str(tmp_path / "none")]) == 2


def test_a_request_that_has_lain_about_is_not_carried_out(tmp_path: Path) -> None:
    emitted: list[str] = []
    folder = StateFolder(tmp_path)

    def emit(port: str, message: Any) -> bool:
        emitted.append(port)
        return True

    async def look() -> None:
        box = HandBox(folder, LiveClock(), 1, has_desk=True)
        folder.wish_hedge(HedgeRequested(box.clock.now_ns() - 31 * SECOND, "old"))
        async with trio.open_nursery() as tasks:
            tasks.start_soon(box.start().run, emit)
            await until(lambda: folder.hedge_answer() is not None)
            tasks.cancel_scope.cancel()

    trio.run(look)
    answer = folder.hedge_answer()
    assert answer is not None
    assert answer.text == "the request is 31 s old: ask again"
    assert "hedges" not in emitted
