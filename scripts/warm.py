"""Compile the kernels into numba's cache, so that the first run starts as fast as the second.

    python -m scripts.warm

A kernel is compiled when it is first called with arguments of a type; so what is compiled here is what `WARMUPS` call.
"""

import importlib
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from market.jit import kernel_sources

ROOT: Final = Path(__file__).resolve().parent.parent


def warm_replay() -> None:
    """Replay a second of snapshots, and one of deltas with latencies, by mirrors and by messages."""
    from sim.config import make_config
    from sim.market_data import open_market
    from sim.simulation import Simulation

    latency = {"request_private": {"model": "uniform", "low_ms": 1, "high_ms": 2}}
    for preset, deliver in (("crash", "mirrors"), ("deltas", "all")):
        config = make_config(
            {
                "run": {"deliver": deliver},
                "data": {"preset": preset, "seconds": 20.0},
                "venue": [{"name": "bybit", "fill_model": "probabilistic_log", "latency": latency}],
            }
        )
        with tempfile.TemporaryDirectory() as out:
            simulation = Simulation(config, open_market(config, Path()), Path(out))
            simulation.finish(simulation.run(), 0.0)


# each runs something small that calls its kernels with the types of a real run
WARMUPS: Final[tuple[Callable[[], None], ...]] = (warm_replay,)


def import_kernels() -> list[str]:
    """Import every module of kernels and return their names: a kernel that cannot be imported fails the install."""
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in kernel_sources(ROOT)]
    for name in names:
        importlib.import_module(name)
    return names


def main() -> int:
    import_kernels()
    for warm in WARMUPS:
        warm()
    return 0


if __name__ == "__main__":
    sys.exit(main())
