"""What the built-in default must show: a naive market maker that is traded against by those who know more."""

from pathlib import Path

import pytest

from research.fill_check import check_run
from research.run_data import Run
from research.run_statistics import statistics
from sim.config import RunConfig
from sim.market_data import open_market
from sim.simulation import Simulation


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    out: Path = tmp_path_factory.mktemp("default")
    config = RunConfig()
    simulation = Simulation(config, open_market(config, Path()), out)
    result = simulation.finish(simulation.run(), 0.0)
    assert result["outcome"] == {"kind": "done", "unproven": 0, "reason": ""}
    assert result["fill_model"]["bybit"] == "risk_averse"
    return Run.load(out)


@pytest.mark.slow
def test_the_tutorials_maker_is_filled_on_both_sides(run: Run) -> None:
    sides = run.table("fills")["side"]
    assert (sides > 0).sum() >= 100
    assert (sides < 0).sum() >= 100


@pytest.mark.slow
def test_the_price_goes_against_its_fills(run: Run) -> None:
    figures = statistics(run)["venue"]["bybit"]
    assert figures is not None
    markout, t = figures["markout_10s"], figures["markout_10s_t"]
    assert isinstance(markout, float)
    assert isinstance(t, float)
    assert markout < 0
    assert t < -2


@pytest.mark.slow
def test_every_fill_of_it_stands_up_to_the_raw_data(run: Run) -> None:
    assert check_run(run, open_market(RunConfig(), Path()).streams()) == []
