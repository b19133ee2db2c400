"""The same run under the pessimistic and the optimistic fill rule: how much of a result hangs on the rule."""

import json
import tempfile
from pathlib import Path
from typing import Any, Final

import attrs

from research.run_data import Run
from research.run_statistics import statistics
from sim.config import RunConfig
from sim.fill_model import FillModel
from sim.market_data import open_market
from sim.simulation import Simulation

BOUNDS: Final = {"pessimistic": FillModel.STRICT_CROSS, "optimistic": FillModel.TOUCH}


def add_bounds(config: RunConfig, folder: Path, chosen: Simulation) -> None:
    """Run both bounds of a simulation that is done, and put all three side by side into its `result.json`.

    Args:
        folder: that the config's paths are relative to.
    """
    file = chosen.out / "result.json"
    result = json.loads(file.read_text(encoding="utf-8"))
    models = sorted(set(result["fill_model"].values()))
    found = {
        "pessimistic": _run(config, folder, chosen, BOUNDS["pessimistic"]),
        "chosen": {
            "fill_model": ", ".join(models),
            "digest": result["digest"],
            "statistics": statistics(Run.load(chosen.out)),
        },
        "optimistic": _run(config, folder, chosen, BOUNDS["optimistic"]),
    }
    file.write_text(json.dumps({**result, "bounds": found}, indent=2) + "\n", encoding="utf-8")


def _run(config: RunConfig, folder: Path, chosen: Simulation, rule: FillModel) -> dict[str, Any]:
    venues = tuple(attrs.evolve(model, fill_model=rule) for model in chosen.exchange.venues)
    bound = attrs.evolve(config, venue=venues)
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch)
        simulation = Simulation(bound, open_market(bound, folder), out, folder=folder)
        result = simulation.finish(simulation.run(), 0.0)
        return {"fill_model": rule.value, "digest": result["digest"], "statistics": statistics(Run.load(out))}
