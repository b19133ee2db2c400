"""The guard in simulated runs: it changes nothing until it must, and then the run ends with nothing open."""

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

from actors.guard_config import GuardConfig
from actors.order_manager import OrderManager
from actors.runtime.log_reader import LogReader
from actors.runtime.planned_crash import PlannedCrash
from actors.runtime.wiring import GUARD, MANAGER
from market.order_log import LogKind
from market.units import SECOND
from research.run_report import report_run
from sim.config import DataSection, RunConfig, config_dict, load_config, make_config
from sim.market_data import open_market
from sim.simulation import Simulation
from tests.golden.runs import FOLDER, expected, summary
from tests.sim.crash_runs import CrashRun, market

FAR = GuardConfig(max_drawdown=1e9)
NEAR = GuardConfig(max_drawdown=0.1, n_bad=1)


def config(guard: GuardConfig | None, seconds: float = 60.0, **run: Any) -> RunConfig:
    base = RunConfig(data=DataSection(preset="crash", seconds=seconds), guard=guard)
    return attrs.evolve(base, run=attrs.evolve(base.run, **run))


def simulate(made: RunConfig, out: Path, *crashes: PlannedCrash) -> tuple[Simulation, dict[str, Any]]:
    out.mkdir(exist_ok=True)
    simulation = Simulation(made, open_market(made, Path()), out)
    simulation.plan_crashes(crashes)
    outcome = simulation.run()
    return simulation, simulation.finish(outcome, 0.0)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["default", "pair"])
def test_a_guard_that_only_watches_changes_nothing(name: str, tmp_path: Path) -> None:
    made = attrs.evolve(load_config(FOLDER / f"{name}.toml"), guard=FAR)
    simulation, result = simulate(made, tmp_path)
    assert summary(tmp_path, result, simulation.figures().pnl) == expected(name)


def test_a_run_without_a_guard_says_nothing_of_one(tmp_path: Path) -> None:
    simulation, result = simulate(config(None, 20.0), tmp_path)
    assert GUARD not in simulation.nursery.cells
    assert not {"trading_states", "halts"} & set(result)


@pytest.fixture(scope="module")
def halted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Simulation, dict[str, Any]]:
    return simulate(config(attrs.evolve(NEAR, flatten=True)), tmp_path_factory.mktemp("runs") / "halted")


def test_a_drawdown_halts_for_good_and_is_in_result_and_log(halted: tuple[Simulation, dict[str, Any]]) -> None:
    simulation, result = halted
    assert [(each["state"], each["cause"]) for each in result["trading_states"]] == [
        ("ACTIVE", "NONE"),
        ("HALTED", "DRAWDOWN"),
    ]
    at = result["trading_states"][1]["t_ns"]
    assert at < simulation.nursery.now - 10 * SECOND, "or nothing is proven by what follows"
    rows = np.fromfile(simulation.out / "orders.log", "<i8").reshape(-1, 10).tolist()
    later = [row for row in rows if row[1] > at]
    placed = [row for row in later if row[0] == LogKind.PLACE]
    assert all(row[8] & 9 == 9 for row in placed), "only IOC, reduce-only orders that close what is held"
    assert [row for row in rows if row[0] == LogKind.CANCEL_ALL]
    records = [r for r in LogReader(simulation.out / "log.jsonl").records() if r["message"] == "trading state"]
    assert [(r["state"], r["cause"], r["level"]) for r in records][1:] == [("HALTED", "DRAWDOWN", "CRITICAL")]
    venues = {each["nothing_open"] for each in result["halts"] if "nothing_open" in each}
    assert venues == {1}, "on the other it only reads"


def test_what_was_held_is_closed(halted: tuple[Simulation, dict[str, Any]]) -> None:
    simulation, result = halted
    manager = simulation.nursery.cells[MANAGER].actor
    assert isinstance(manager, OrderManager)
    assert [guard.position for guard in manager.ledger.guards] == [0, 0]
    assert [each["lots_left"] for each in result["halts"] if "lots_left" in each] == [0]


@pytest.mark.slow
def test_a_halted_run_reports(halted: tuple[Simulation, dict[str, Any]]) -> None:
    simulation, _ = halted
    report_run(simulation.out)


def test_mirrors_and_messages_halt_alike(halted: tuple[Simulation, dict[str, Any]], tmp_path: Path) -> None:
    _, result = halted
    _, spoken = simulate(config(attrs.evolve(NEAR, flatten=True), deliver="all"), tmp_path)
    assert spoken["digest"] == result["digest"]
    assert spoken["trading_states"] == result["trading_states"]


@pytest.mark.parametrize("actor", [GUARD, MANAGER, "tracker", "keeper:bybit"])
def test_a_halt_outlives_whoever_crashes(actor: str) -> None:
    smooth = CrashRun(config=config(NEAR), data=market(7, 60)).run()
    (halt,) = [change for change in smooth.nursery.trading if change.state == 2]
    crash = PlannedCrash(actor, at_ns=halt.ts + 2 * SECOND)
    run = CrashRun([crash], config=config(NEAR), data=market(7, 60)).run()
    assert [text for text in run.complaints() if not text.startswith("quotes were pulled")] == []
    assert run.nursery.cells[actor].generation == 1
    assert {change.state for change in run.nursery.trading if change.ts >= halt.ts} == {2}
    placed = [row for row in run.log.rows() if row[0] == LogKind.PLACE and row[1] > halt.ts]
    assert placed == []


def test_a_drawdown_counts_from_the_peak_before_the_guard_fell() -> None:
    smooth = CrashRun(config=config(FAR), data=market(7, 60)).run()
    memory = smooth.nursery.guard_memory
    assert memory is not None
    assert memory.peak > 0.0
    crash = PlannedCrash(GUARD, at_ns=memory.ts + SECOND // 2)
    run = CrashRun([crash], config=config(FAR), data=market(7, 60)).run()
    guard = run.nursery.cells[GUARD]
    assert guard.generation == 1
    assert run.nursery.guard_memory is not None
    assert run.nursery.guard_memory.peak >= memory.peak
    assert len(run.nursery.guard_memory.crashed) == 1, "its own"


def test_crashes_that_come_too_often_halt() -> None:
    guard = GuardConfig(max_crashes=2, n_bad=1)
    crashes = [PlannedCrash("quoter:vamp", at_message=at) for at in (50, 100, 150)]
    run = CrashRun(crashes, config=config(guard, 20.0)).run()
    assert [(c.state, c.cause) for c in run.nursery.trading][-1] == (2, 6)
    assert run.open_orders() == []
    assert run.outcome.unproven == 0


def test_the_config_of_a_guard_goes_there_and_back() -> None:
    made = make_config({"guard": {"max_drawdown": 7, "on_stale_data": "off"}})
    assert made.guard == GuardConfig(max_drawdown=7.0, on_stale_data="off")
    assert make_config(config_dict(made)) == made
    assert "guard" not in config_dict(RunConfig())
