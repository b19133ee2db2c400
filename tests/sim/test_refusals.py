"""Orders that our own side held back: a table, counts by reason, and nothing in the digest."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from market.messages import Reason
from research.run_data import Run
from research.run_statistics import statistics
from scripts.run import main
from sim.config import make_config
from sim.market_data import open_market
from sim.simulation import Simulation

LIMITED: dict[str, Any] = {
    "data": {"preset": "crash", "seconds": 20.0},
    "orders": {"limits_of": {"bybit:SOLUSDT": {"max_position": 3.0}}},
}


@pytest.mark.parametrize("deliver", ["mirrors", "all"])
def test_what_limits_held_back_stands_in_a_table(tmp_path: Path, deliver: str) -> None:
    config = make_config({**LIMITED, "run": {"deliver": deliver}})
    simulation = Simulation(config, open_market(config, Path()), tmp_path)
    result = simulation.finish(simulation.run(), 0.0)
    run = Run.load(tmp_path)
    table = run.table("refusals")
    counts = Counter(table["reason"].tolist())
    assert counts["LIMIT_POSITION"] > 0
    assert set(counts) <= set(Reason.__members__)
    assert set(table["instrument"].tolist()) == {run.instruments.find("bybit", "SOLUSDT").id}
    assert (table["size"] > 0).all()
    assert (table["price"] > 0).all()
    assert set(table["side"].tolist()) <= {1, -1}
    assert not table["client_id"].any(), "they were never sent"
    assert result["refusals"] == {"vamp": dict(counts)}
    figures = statistics(run)["quoter"]["vamp"]
    assert figures is not None
    assert (figures["n_refusals"], figures["refusal_reasons"]) == (counts.total(), dict(counts))


def test_the_screen_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "tight.toml"
    file.write_text('[data]\npreset = "crash"\nseconds = 2\n[orders.limits]\nmax_order_notional = 50\n')
    assert main(["--config", str(file), "--out", str(tmp_path / "out"), "--no-report"]) == 0
    said = capsys.readouterr()
    assert "refused  vamp: " in said.out
    assert " LIMIT_ORDER_NOTIONAL" in said.out
    assert "no order was placed" in said.err
