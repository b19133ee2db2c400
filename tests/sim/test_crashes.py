"""Whoever crashes, whenever: the run goes on, and ends with orders and positions as the venues have them."""

from pathlib import Path

import attrs
import pytest

from actors.runtime.child_spec import Strategy
from actors.runtime.log_reader import LogReader
from actors.runtime.nursery import Outcome
from actors.runtime.outages import outages
from actors.runtime.planned_crash import PlannedCrash
from market.order_log import LogKind
from market.units import MS, SECOND
from scripts.ops import main as ops
from sim.config import DataSection, RunConfig
from sim.market_data import GeneratedData
from sim.simulation import Simulation
from tests.sim.crash_runs import CrashRun, market
from tests.sim.crash_sweep import INSTANT, LATENT, SEED, cases, complaints

EVERY = 199  # of the sweep's cases; all of them: tests/sim/crash_sweep.py
ACTORS = ("venue:bybit", "venue:binance-futures", "keeper:bybit", "tracker", "manager", "quoter:vamp", "recorder")


@pytest.mark.slow
@pytest.mark.parametrize("config", [INSTANT, LATENT], ids=["instant", "latent"])
def test_after_any_crash_orders_and_positions_agree_with_the_venue(config: RunConfig) -> None:
    tried = list(cases(config, EVERY))
    assert len({case.crash.actor for case in tried}) == 8
    wrong = {str(case): found for case in tried if (found := complaints(case, config))}
    assert not wrong


@pytest.mark.parametrize("n_crashes", [2, 3])
@pytest.mark.parametrize("actor", ACTORS[:-1])
def test_who_crashes_again_while_it_recovers_still_comes_back(actor: str, n_crashes: int) -> None:
    plans = [PlannedCrash(actor, at_message=at) for at in range(100, 100 + n_crashes)]
    if actor == "venue:binance-futures":  # nothing is sent to it
        plans = [PlannedCrash(actor, at_message=at) for at in range(1, 1 + n_crashes)]
    run = CrashRun(plans, config=LATENT, data=market(SEED)).run()
    assert run.complaints() == []
    assert run.nursery.cells[actor].generation == n_crashes


@pytest.mark.parametrize("actor", ["tracker", "manager"])
def test_a_crash_loop_gives_up_in_order_with_everything_cancelled(actor: str) -> None:
    plans = [PlannedCrash(actor, at_message=at) for at in range(12, 2000)]
    run = CrashRun(plans, config=LATENT, data=market(SEED)).run()
    assert (run.outcome.kind, run.outcome.unproven) == ("gave up", 0)
    assert run.outcome.reason.startswith(f"PlannedCrashError: {actor}, before its message")
    assert run.open_orders() == []
    assert run.about_fills() == []


def test_a_recorder_that_cannot_go_on_is_left_down_and_trading_goes_on(tmp_path: Path) -> None:
    results = []
    for name, first_crash in (("whole", 2000), ("crashing", 8)):
        (tmp_path / name).mkdir()
        simulation = Simulation(INSTANT, GeneratedData(INSTANT.data), tmp_path / name)
        simulation.plan_crashes([PlannedCrash("recorder", at_message=at) for at in range(first_crash, 2000)])
        results.append(simulation.finish(simulation.run(), 0.0))
    whole, crashing = results
    assert crashing["outcome"] == {"kind": "done", "unproven": 0, "reason": ""}
    assert (crashing["complete"], crashing["left_down"]) == (False, ["recorder"])
    assert (whole["complete"], whole["left_down"]) == (True, [])
    assert crashing["digest"] == whole["digest"], "the same orders and fills"
    assert '"left down"' in (tmp_path / "crashing" / "log.jsonl").read_text()


def test_a_run_whose_cancels_are_not_proven_is_not_complete(tmp_path: Path) -> None:
    for n_unproven in (0, 1, -1):
        out = tmp_path / str(n_unproven)
        out.mkdir()
        simulation = Simulation(INSTANT, GeneratedData(INSTANT.data), out)
        simulation.source.speak()
        assert simulation.finish(Outcome("done", n_unproven), 0.0)["complete"] is (n_unproven == 0)


def test_a_connector_that_is_down_when_the_run_ends_is_opened_once_more_to_cancel() -> None:
    calm = CrashRun(config=LATENT, data=market(SEED)).run()
    # its backoff is longer than the drain
    late = PlannedCrash("venue:bybit", at_ns=calm.world.source.end - 50 * MS)
    run = CrashRun([late], config=LATENT, data=market(SEED), drain_ns=105 * MS)
    orders: list[int] = []
    run.nursery.agenda.schedule(calm.world.source.end, lambda: orders.append(len(run.open_orders())))
    run.run()
    assert orders[0] > 0, "orders stood at the venue when nobody could reach it"
    assert run.outcome == Outcome("done", 0)
    assert run.open_orders() == []
    assert run.about_fills() == []


CRASHES_OF_ONE_RUN = {
    "keeper": (("keeper:bybit", 5.0),),
    "reference keeper": (("keeper:binance-futures", 5.0),),
    "quoter": (("quoter:vamp", 5.0),),
    "connector": (("venue:bybit", 5.0),),
    "tracker": (("tracker", 5.0),),
    "manager": (("manager", 5.0),),
    "several": (("quoter:vamp", 3.0), ("venue:binance-futures", 7.0), ("manager", 11.0), ("keeper:bybit", 11.1)),
}


def run_to_digest(folder: Path, config: RunConfig, name: str) -> tuple[str, dict[str, int]]:
    folder.mkdir()
    simulation = Simulation(config, GeneratedData(config.data), folder)
    plans = [
        PlannedCrash(actor, at_ns=simulation.start + round(second * SECOND))
        for actor, second in CRASHES_OF_ONE_RUN[name]
    ]
    simulation.plan_crashes(plans)
    result = simulation.finish(simulation.run(), 0.0)
    assert result["outcome"] == {"kind": "done", "unproven": 0, "reason": ""}
    return result["digest"], {name: cell.generation for name, cell in simulation.nursery.cells.items()}


@pytest.mark.parametrize("name", CRASHES_OF_ONE_RUN)
@pytest.mark.parametrize("preset", ["crash", "deltas"])
def test_a_crash_comes_to_the_same_by_mirrors_and_by_messages(tmp_path: Path, preset: str, name: str) -> None:
    base = attrs.evolve(LATENT, data=DataSection(preset=preset, seconds=20.0, seed=SEED))
    spoken = attrs.evolve(base, run=attrs.evolve(base.run, deliver="all"))
    fast, slow = run_to_digest(tmp_path / "fast", base, name), run_to_digest(tmp_path / "slow", spoken, name)
    assert fast == slow
    assert all(fast[1][actor] > 0 for actor, _ in CRASHES_OF_ONE_RUN[name])


def test_the_log_tells_how_long_there_were_no_quotes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_to_digest(tmp_path / "run", INSTANT, "quoter")
    assert ops(["restarts", str(tmp_path / "run")]) == 0
    shown = capsys.readouterr().out
    assert "quoter:vamp" in shown
    assert "none pulled" not in shown
    (outage,) = outages(LogReader(tmp_path / "run" / "log.jsonl").records())
    assert outage.child == "quoter:vamp"
    (gap,) = outage.gaps
    assert gap.quoter == "quoter:vamp"
    assert outage.up is not None
    assert gap.end is not None
    assert gap.start == outage.down
    assert outage.up <= gap.end <= outage.up + SECOND


def test_a_manager_that_begins_anew_knows_which_keeper_is_not_back_yet() -> None:
    """Its last life was told of the fall; the quoter, which was not restarted, goes on with the book that it has."""
    start = CrashRun(config=LATENT, data=market(SEED)).world.start
    falls = [PlannedCrash("keeper:binance-futures", at_ns=start + ms * MS) for ms in (5_000, 5_300, 5_900)]
    crashes = [*falls, PlannedCrash("manager", at_ns=start + 5_910 * MS)]
    run = CrashRun(crashes, Strategy.ONE_FOR_ONE, LATENT, market(SEED))
    manager, keeper = (run.nursery.cells[name] for name in ("manager", "keeper:binance-futures"))
    blind: list[int] = []

    def look() -> None:
        if manager.generation == 1 and manager.is_up and not keeper.is_up:
            blind.append(run.nursery.now)

    for ms in range(5_910, 7_000, 10):
        run.nursery.agenda.schedule(start + ms * MS, look)
    run.run()
    assert blind[-1] - blind[0] > 200 * MS, "the manager was up, and the keeper was not"
    placed = [row[1] for row in run.log.rows() if row[0] == LogKind.PLACE]
    assert [ts for ts in placed if blind[0] <= ts <= blind[-1]] == []
    assert placed[-1] > blind[-1]
    assert run.complaints() == []
