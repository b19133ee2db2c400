"""No quote is set from a book that is too thin, whichever it is; and a run with the rule decides the same again."""

from pathlib import Path
from typing import Any

import attrs
import pytest

from market.order_log import LogKind
from sim.config import make_config
from sim.simulation import Simulation
from tests.sim.crash_runs import market
from tests.sim.crash_sweep import LATENT, SEED


def run(folder: Path, deliver: str = "mirrors", **books: Any) -> tuple[str, int, int]:
    """Return the digest, how many orders were placed, and how many cancelled."""
    folder.mkdir()
    base = make_config({"books": books, "run": {"deliver": deliver}})
    config = attrs.evolve(base, data=LATENT.data, venue=LATENT.venue)
    simulation = Simulation(config, market(SEED), folder)
    outcome = simulation.run()
    assert outcome.kind == "done"
    kinds = [row[0] for row in simulation.log.rows()]
    digest: str = simulation.finish(outcome, 0.0)["digest"]
    return digest, kinds.count(LogKind.PLACE), kinds.count(LogKind.CANCEL)


@pytest.mark.parametrize("name", ["bybit:SOLUSDT", "binance-futures:SOLUSDT"])
def test_nothing_is_quoted_from_a_book_that_is_always_too_thin(tmp_path: Path, name: str) -> None:
    digest, n_placed, _ = run(tmp_path / "thin", thin_of={name: {"min_side_notional": 1e12}})
    assert n_placed == 0
    assert digest == run(tmp_path / "again", "all", thin_of={name: {"min_side_notional": 1e12}})[0]


def test_quotes_are_pulled_while_a_book_is_too_thin_and_come_back(tmp_path: Path) -> None:
    free = run(tmp_path / "free")
    asked: dict[str, Any] = {
        "thin": {"max_spread_bps": 1.0, "settle_s": 0.5}
    }  # two ticks; the market has more at times
    thin = run(tmp_path / "thin", **asked)
    assert 0 < thin[1] < free[1]
    assert thin == run(tmp_path / "again", "all", **asked)


def test_a_rule_that_no_book_breaks_changes_nothing(tmp_path: Path) -> None:
    assert run(tmp_path / "mild", thin={"max_spread_bps": 5000.0}) == run(tmp_path / "free")
