"""What runs live is what is simulated: journals of live runs are followed to the same decisions."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import attrs
import pytest
import trio

from actors.runtime.planned_crash import PlannedCrash
from market.order_log import LogKind
from sim.config import DataSection, RunConfig
from sim.journal_replay import DivergenceError
from tests.sim.crash_runs import market
from tests.sim.live_runs import Finished, replay, run_live

pytestmark = pytest.mark.realtime

SECONDS = 40
SEEDS = range(1, 21)
CRASHED = 20  # the seed whose keeper and quoter crash
CRASHES = (PlannedCrash("keeper:bybit", at_message=150), PlannedCrash("quoter:vamp", at_message=900))
AT_ONCE = 5  # each takes three seconds, and the processor for one of them


def config_of(seed: int) -> RunConfig:
    base = RunConfig()
    return attrs.evolve(
        base,
        run=attrs.evolve(base.run, seed=seed),
        data=DataSection(preset="crash", seconds=SECONDS, seed=seed),
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[int, tuple[Finished, Path]]:
    """All live runs, a few at a time."""
    folder = tmp_path_factory.mktemp("journals")
    found: dict[int, tuple[Finished, Path]] = {}

    async def one(seed: int, crashes: Sequence[PlannedCrash]) -> None:
        path = folder / f"{seed}.journal"
        found[seed] = await run_live(config_of(seed), market(seed, SECONDS), path, crashes), path

    async def some(seeds: Sequence[int]) -> None:
        async with trio.open_nursery() as tasks:
            for seed in seeds:
                tasks.start_soon(one, seed, CRASHES if seed == CRASHED else ())

    for first in range(0, len(SEEDS), AT_ONCE):
        trio.run(some, SEEDS[first : first + AT_ONCE])
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_a_live_run_is_followed_to_the_same_digest(runs: dict[int, tuple[Finished, Path]], seed: int) -> None:
    live, journal = runs[seed]
    assert (live.outcome.kind, live.outcome.unproven) == ("done", 0)
    assert live.n_rows > 500, "it must have quoted, or there is nothing to follow"
    assert replay(config_of(seed), market(seed, SECONDS), journal) == live.digest


def test_fills_are_among_what_is_followed(runs: dict[int, tuple[Finished, Path]]) -> None:
    # not in every run: on a busy machine quotes come late, and are filled less
    assert sum(len(live.world.source.history) for live, _ in runs.values()) > 0


def test_the_crashed_run_had_its_crashes(runs: dict[int, tuple[Finished, Path]]) -> None:
    cells = runs[CRASHED][0].nursery.cells
    assert cells["keeper:bybit"].generation >= 1
    assert cells["quoter:vamp"].generation >= 1


def test_a_live_run_whose_drain_fails_is_followed_through_its_cancel_all(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    live = trio.run(partial(run_live, config_of(1), market(1, SECONDS), journal, drain_ns=1))
    assert [row[0] for row in live.nursery.log.rows()].count(LogKind.CANCEL_ALL) == 2
    assert replay(config_of(1), market(1, SECONDS), journal) == live.digest


def test_one_decision_edited_is_found_at_its_delivery(runs: dict[int, tuple[Finished, Path]]) -> None:
    _, journal = runs[1]
    same = config_of(1)
    (quoter,) = same.quoter
    edited = attrs.evolve(same, quoter=(attrs.evolve(quoter, strategy="tests.sim.live_runs:OneDecisionElse"),))
    with pytest.raises(DivergenceError, match=r"(?s)delivery \d+: quoter:vamp on BookUpdate\(.* gave other messages"):
        replay(edited, market(1, SECONDS), journal)
