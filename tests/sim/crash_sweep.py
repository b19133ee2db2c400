"""Crashes of every actor, at every message, before and after its handler, under every strategy.

`python tests/sim/crash_sweep.py` tries all on 20 s of market (26,000 runs, half an hour); `--every 50` one in fifty
of them, `--sample 3000` so many drawn by chance (`--seed`).  `--latency` does it with requests and facts under way for
tens of milliseconds.
"""

import argparse
import gc
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from random import Random
from typing import Any, Final

import attrs

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from actors.runtime.child_spec import Strategy
from actors.runtime.planned_crash import PlannedCrash
from sim.config import RunConfig, make_config
from tests.sim.crash_runs import CrashRun, market

STRATEGIES: Final = (None, *Strategy)  # None: each supervisor its own, as wired
_DATA: Final = {"preset": "crash", "seconds": 20.0}
_LATENCY: Final[dict[str, Any]] = {
    "request_private": {"model": "lognormal", "median_ms": 20, "sigma": 0.5},
    "ack_private": 30,
    "feed_private": {"model": "uniform", "low_ms": 5, "high_ms": 60},
    "request_public": 20,
    "ack_public": 40,
}
INSTANT: Final = make_config({"data": _DATA})
LATENT: Final = make_config({"data": _DATA, "venue": [{"name": "bybit", "latency": _LATENCY}]})
SEED: Final = 1  # it ends with a position, last filled long before the end: who was not told does not learn of it


@attrs.frozen
class Case:
    """One run with one crash."""

    crash: PlannedCrash
    strategy: Strategy | None


def cases(config: RunConfig, every: int = 1) -> Iterator[Case]:
    """Yield one of `every` cases in a fixed order: no actor, position or strategy is left out by the stride."""
    probes = [PlannedCrash(name, at_message=1 << 40) for name in CrashRun().nursery.cells]
    counts = CrashRun(probes, config=config, data=market(SEED)).run().n_messages()
    for strategy, (actor, n_messages), after in product(STRATEGIES, counts.items(), (False, True)):
        # a first message at each of them in turn, so that the strides do not all meet the same
        begin = (7 * STRATEGIES.index(strategy) + 3 * after) % min(every, n_messages) + 1
        for message in range(begin, n_messages + 1, every):
            yield Case(PlannedCrash(actor, at_message=message, after_handler=after), strategy)


def complaints(case: Case, config: RunConfig) -> list[str]:
    """Return what is wrong after a case."""
    run = CrashRun([case.crash], case.strategy, config, market(SEED)).run()
    found = run.complaints()
    if not run.has_crashed():
        found.append("nobody crashed")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Try them, and say how many are not well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="try one case of so many (default 1: all)")
    parser.add_argument("--sample", type=int, help="try so many of them, drawn by chance")
    parser.add_argument("--seed", type=int, default=1, help="of that chance")
    parser.add_argument("--latency", action="store_true", help="requests and facts take tens of milliseconds")
    chosen = parser.parse_args(arguments)
    config = LATENT if chosen.latency else INSTANT
    began, n_cases, n_bad = time.perf_counter(), 0, 0
    tried = list(cases(config, chosen.every))
    if chosen.sample is not None:
        tried = Random(chosen.seed).sample(tried, min(chosen.sample, len(tried)))
    for case in tried:
        n_cases += 1
        if n_cases % 200 == 0:
            gc.collect()  # a run is a web of few objects with large arrays: the collector sees no hurry
        found = complaints(case, config)
        if found:
            n_bad += 1
            print(case, *found, sep="\n  ", flush=True)
    print(f"{n_cases} crashes tried in {time.perf_counter() - began:.0f} s, {n_bad} not well")
    return 1 if n_bad else 0


if __name__ == "__main__":
    sys.exit(main())
