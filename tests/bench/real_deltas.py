"""Speed of the replay on real increments: USD-M BTCUSDT through the full actors.

    python tests/bench/real_deltas.py [--repeat 5] [--profile]

Imports the recording into a scratch archive, outside the timing, and replays it: reading, the venue's book, the book
that the actors see, the quoter on every update of it, orders, tables, digest.  Prints one JSON line with level rows a
second (every row of the recorded increments counts once).  Where the recording is absent it says so and exits 0.
"""

import argparse
import cProfile
import json
import os
import pstats
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
PROJECT = HERE.parents[2]
GOAL = 1_000_000  # level rows a second


def main() -> int:
    """Run the benchmark; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--profile", action="store_true", help="print where the time goes, to stderr")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(options.child, options.repeat, options.profile)))
        return 0
    recordings = Path(os.environ.get("LOCKSTEP_SHARED", PROJECT.parent / "shared")) / "data" / "tardis"
    files = sorted(recordings.glob("binance-futures_*_BTCUSDT.csv.gz"))
    if not files:
        print(json.dumps({"skipped": f"the recording is not there: no binance-futures BTCUSDT in {recordings}"}))
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        env = {**os.environ, "PYTHONPATH": str(PROJECT)}
        fill = ["-m", "scripts.import_tardis", *map(str, files), "--archive", f"{scratch}/archive"]
        subprocess.run([sys.executable, *fill], check=True, stdout=subprocess.DEVNULL, env=env, cwd=PROJECT)
        child = [str(HERE), "--child", scratch, "--repeat", str(options.repeat)]
        child += ["--profile"] if options.profile else []
        answer = subprocess.run(
            [sys.executable, *child], check=True, stdout=subprocess.PIPE, text=True, env=env, cwd=PROJECT
        )
        print(answer.stdout.splitlines()[-1])
    return 0


def measure(folder: Path, repeat: int, is_profiled: bool) -> dict[str, Any]:
    """Replay `repeat` times in this process, and once before so that the kernels are loaded; return the figures."""
    from sim.config import make_config

    config = make_config(
        {
            "data": {"source": "archive", "root": "archive", "start": "2024-08-08:23", "end": "2024-08-08:23"},
            "quoter": [
                {
                    "name": "maker",
                    "instruments": ["binance-futures:BTCUSDT"],
                    "references": ["binance-futures:BTCUSDT"],
                }
            ],
        }
    )
    run_once(config, folder)
    if is_profiled:
        profile = cProfile.Profile()
        profile.runcall(run_once, config, folder)
        pstats.Stats(profile, stream=sys.stderr).sort_stats("tottime").print_stats(30)
    runs = [run_once(config, folder) for _ in range(repeat)]
    digests = {run["digest"] for run in runs}
    assert len(digests) == 1, "the same run came to two digests"
    speeds = [run["levels"] / run["total_s"] for run in runs]
    last = runs[-1]
    return {
        "level_rows_per_s": round(statistics.median(speeds)),
        "best": round(max(speeds)),
        "level_rows_per_cpu_s": round(statistics.median(run["levels"] / run["cpu_s"] for run in runs)),
        "goal": GOAL,
        "level_rows": last["levels"],
        "events_per_s": round(last["events"] / statistics.median(run["total_s"] for run in runs)),
        "total_s": round(statistics.median(run["total_s"] for run in runs), 4),
        "set_up_s": round(statistics.median(run["set_up_s"] for run in runs), 4),
        "run_s": round(statistics.median(run["run_s"] for run in runs), 4),
        "finish_s": round(statistics.median(run["finish_s"] for run in runs), 4),
        **{key: last[key] for key in ("events", "messages", "fills", "digest")},
    }


def run_once(config: Any, folder: Path) -> dict[str, Any]:
    """Run the config into a scratch directory; return its figures.  The time counts everything from the open archive
    to the closed run directory."""
    from sim.market_data import open_market
    from sim.simulation import Simulation

    with tempfile.TemporaryDirectory() as out:
        began, cpu_began = time.perf_counter(), time.process_time()
        market = open_market(config, folder)
        simulation = Simulation(config, market, Path(out), progress_every=1 << 40)
        ready = time.perf_counter()
        outcome = simulation.run()
        done = time.perf_counter()
        result = simulation.finish(outcome, done - ready)
        closed = time.perf_counter()
        assert result["complete"]
        return {
            "levels": result["data"]["quality"]["binance-futures:BTCUSDT/delta"]["rows"],
            "events": result["n_events"],
            "messages": result["n_messages"],
            "fills": simulation.figures().n_fills,
            "digest": result["digest"],
            "set_up_s": ready - began,
            "run_s": done - ready,
            "finish_s": closed - done,
            "total_s": closed - began,
            "cpu_s": time.process_time() - cpu_began,
        }


if __name__ == "__main__":
    sys.exit(main())
