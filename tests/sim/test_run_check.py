"""Whole runs, of every rule and latency, under the independent checker."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import attrs
import numpy as np
import pytest

from actors.runtime.planned_crash import PlannedCrash
from market.columns import FundingColumns
from market.units import MS
from research.fill_check import check_run
from research.run_data import Run
from research.violation import Violation
from sim.config import make_config
from sim.fill_model import FillModel
from sim.generator_presets import default_market
from sim.market_data import ColumnData
from sim.simulation import Simulation
from tests.sim.generated import read

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 40.0
SHIFTS = {"bybit": -3 * MS, "binance-futures": 2 * MS}
SLOW = {
    "request_private": {"model": "lognormal", "median_ms": 8.0, "sigma": 0.7},
    "ack_private": {"model": "uniform", "low_ms": 1.0, "high_ms": 20.0},
    "feed_private": {"model": "exponential", "mean_ms": 6.0, "base_ms": 1.0},
    "feed_public": {"model": "lognormal", "median_ms": 5.0, "sigma": 0.5},
}


def market(seed: int) -> ColumnData:
    """Return a generated market with funding every 7 s and clocks that are off."""
    instruments, config = default_market(seed, SECONDS)
    feeds = read(config)
    columns: list[Any] = []
    for i, book in feeds.books.items():
        shift = SHIFTS[instruments[i].venue]
        columns.append((i, "book", attrs.evolve(book, ts_venue=book.ts_venue - shift)))
        trades = feeds.trades[i]
        columns.append((i, "trades", attrs.evolve(trades, ts_venue=trades.ts_venue - shift)))
        due = np.arange(book.ts_venue[0], book.ts_venue[-1], 7_000 * MS)
        rates = np.where(np.arange(len(due)) % 2, 10**8, -(10**8))
        columns.append((i, "funding", FundingColumns(due - shift, due, rates, np.full(len(due), book.levels[0, 0]))))
    return ColumnData(instruments, columns, SHIFTS, chunk_rows=100)


def run(folder: Path, venue: dict[str, Any], *, seed: int = 5, crash: str = "", **run_section: Any) -> ColumnData:
    """Let the restless quoter run on a generated market, with an actor's crash; return the market."""
    data = market(seed)
    quoter = {
        "name": "restless",
        "strategy": "tests.sim.restless_quoter:RestlessQuoter",
        "instruments": ["bybit:SOLUSDT"],
        "references": ["binance-futures:SOLUSDT"],
        "params": {"seed": seed},
    }
    config = make_config({"run": run_section, "venue": [{"name": "bybit", **venue}], "quoter": [quoter]})
    folder.mkdir()
    simulation = Simulation(config, data, folder, folder=ROOT)
    if crash:
        simulation.plan_crashes([PlannedCrash(crash, at_message=150)])
    simulation.finish(simulation.run(), 1.0)
    return data


def checked(venue: dict[str, Any], **section: Any) -> list[Violation]:
    with TemporaryDirectory() as scratch:
        folder = Path(scratch) / "run"
        data = run(folder, venue, **section)
        found = Run.load(folder)
        fills = found.table("fills")
        assert fills["is_maker"].any()
        assert not fills["is_maker"].all()
        return check_run(found, data.streams(), data.clock_shifts, instruments=data.instruments)


@pytest.mark.parametrize("latency", [{}, SLOW], ids=["at-once", "slow"])
@pytest.mark.parametrize("model", list(FillModel))
def test_every_fill_model_obeys_the_market(model: FillModel, latency: dict[str, Any]) -> None:
    assert checked({"fill_model": model.value, "latency": latency}) == []


@pytest.mark.parametrize(
    "rules", [{"partial_fills": False}, {"consume": False}, {"partial_fills": False, "consume": False}]
)
def test_every_switch_obeys_the_market(rules: dict[str, Any]) -> None:
    assert checked({**rules, "latency": SLOW}) == []


def test_a_run_with_service_times_obeys_the_market() -> None:
    assert checked({"latency": SLOW}, service_us={"tracker": 300_000.0, "manager": 200.0, "quoter": 500.0}) == []


@pytest.mark.parametrize("actor", ["venue:bybit", "manager", "tracker", "keeper:bybit", "quoter:restless"])
def test_a_run_with_a_crash_obeys_the_market(actor: str) -> None:
    assert checked({"latency": SLOW}, crash=actor) == []


def test_a_run_held_against_another_market_is_caught() -> None:
    """The data of another seed is not what the run traded on."""
    with TemporaryDirectory() as scratch:
        folder = Path(scratch) / "run"
        data = run(folder, {})
        other = market(6)
        found = check_run(folder, other.streams(), data.clock_shifts)
    assert {violation.rule for violation in found} >= {"maker", "taker"}
