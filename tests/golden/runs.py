"""Golden runs: a config, and what it must come to.  `python tests/golden/runs.py` writes what it comes to now."""

import json
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import attrs
import numpy as np

from actors.runtime.planned_crash import PlannedCrash
from market.order_log import ROW_INTS, LogKind
from market.units import SECOND
from sim.config import load_config
from sim.market_data import MarketData, open_market
from sim.simulation import Simulation

FOLDER = Path(__file__).resolve().parent
NAMES = ("default", "deltas", "service", "pair", "keeper-crash", "hedged")
CRASHES = {"keeper-crash": (("keeper:bybit", 20),)}


def run_golden(
    name: str,
    *,
    deliver: Literal["mirrors", "all"] | None = None,
    market: MarketData | None = None,
    out: Path | None = None,
) -> dict[str, Any]:
    """Run a golden's config; return its digest, counts and the hash of its data."""
    config = load_config(FOLDER / f"{name}.toml")
    if deliver:
        config = attrs.evolve(config, run=attrs.evolve(config.run, deliver=deliver))
    with tempfile.TemporaryDirectory() as scratch:
        folder = out or Path(scratch)
        simulation = Simulation(config, market or open_market(config, FOLDER), folder)
        plans = [
            PlannedCrash(actor, at_ns=simulation.start + second * SECOND) for actor, second in CRASHES.get(name, ())
        ]
        simulation.plan_crashes(plans)
        outcome = simulation.run()
        result = simulation.finish(outcome, 0.0)
        return summary(folder, result, simulation.figures().pnl)


def summary(folder: Path, result: dict[str, Any], pnl: float) -> dict[str, Any]:
    """Return what a golden keeps of a run."""
    rows = np.fromfile(folder / "orders.log", "<i8").reshape(-1, ROW_INTS)
    kinds = rows[:, 0]
    fills = rows[(kinds == LogKind.FILL_MAKER) | (kinds == LogKind.FILL_TAKER)]
    return {
        "digest": result["digest"],
        "data": result["data"]["content_hash"],
        "outcome": result["outcome"]["kind"],
        "n_events": result["n_events"],
        "orders": int((kinds == LogKind.PLACE).sum()),
        "cancels": int((kinds == LogKind.CANCEL).sum()),
        "facts": int(((kinds >= LogKind.ACCEPTED) & (kinds <= LogKind.EXPIRED)).sum()),
        "fills": len(fills),
        "tick_lots": int((fills[:, 6] * fills[:, 7]).sum()),
        "pnl": round(pnl, 6),
    }


def expected(name: str) -> dict[str, Any]:
    """Return what a golden's run must come to."""
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return found


def main(names: Iterable[str]) -> None:
    """Write the goldens anew."""
    for name in names or NAMES:
        text = json.dumps(run_golden(name), indent=2) + "\n"
        (FOLDER / f"{name}.json").write_text(text, encoding="utf-8")
        print(name, text)


if __name__ == "__main__":
    main(sys.argv[1:])
