"""The optional table of deliveries: all of them, and nothing else of the run is changed by it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actors.runtime.planned_crash import PlannedCrash
from actors.runtime.wiring import MANAGER, connector_name
from research.run_data import Run
from sim.config import make_config
from sim.market_data import open_market
from sim.simulation import Simulation


def run(out: Path, section: dict[str, Any], crashes: tuple[PlannedCrash, ...] = ()) -> tuple[dict[str, Any], Run]:
    out.mkdir()
    config = make_config({"run": section, "data": {"seconds": 20.0}})
    simulation = Simulation(config, open_market(config, Path()), out)
    simulation.plan_crashes(crashes)
    result = simulation.finish(simulation.run(), 0.0)
    return result, Run.load(out)


@pytest.mark.slow
@pytest.mark.parametrize("deliver", ["mirrors", "all"])
def test_every_delivery_has_a_row_and_nothing_else_changes(tmp_path: Path, deliver: str) -> None:
    plain, without = run(tmp_path / "plain", {"deliver": deliver})
    told, found = run(tmp_path / "told", {"deliver": deliver, "deliveries": True})
    assert told["digest"] == plain["digest"]
    if deliver == "all":  # by mirrors there are fewer messages, and not the same timers
        assert told["n_messages"] == plain["n_messages"]
    assert not (without.path / "deliveries.parquet").exists()
    assert without.table("deliveries")["number"].size == 0
    rows = found.table("deliveries")
    assert rows["number"].tolist() == list(range(1, told["n_messages"] + 1))
    assert (np.diff(rows["ts"]) >= 0).all()
    assert (rows["generation"] == 0).all()
    first = {actor: rows["kind"][rows["actor"] == actor][0] for actor in dict.fromkeys(rows["actor"].tolist())}
    assert set(first.values()) == {"Started"}
    assert all(edge.endswith(f" -> {actor}") for edge, actor in zip(rows["edge"], rows["actor"], strict=True))
    # an order that is placed is a message to the connector, at the time that the table of orders has
    placed = (rows["actor"] == connector_name("bybit")) & (rows["kind"] == "PlaceOrder")
    orders = found.table("orders")
    assert placed.sum() > 10
    assert rows["ts"][placed].tolist() == orders["ts"][orders["kind"] == "PLACE"].tolist()


@pytest.mark.slow
def test_a_crash_shows_what_was_being_handled_and_the_next_generation(tmp_path: Path) -> None:
    _, found = run(tmp_path / "run", {"deliveries": True}, (PlannedCrash(MANAGER, at_message=9),))
    rows = found.table("deliveries")
    mine = rows["actor"] == MANAGER
    generation, kind = rows["generation"][mine], rows["kind"][mine]
    assert generation[8:10].tolist() == [0, 1]
    assert kind[9] == "Started"
    assert rows["number"].tolist() == list(range(1, rows["number"].size + 1))
