"""Speed of the replay on the reference workload, beside a bare asyncio loop timed in the same run.

    python tests/bench/replay.py [--hours 4] [--repeat 3] [--keep DIR]

Prints one JSON line.  Ours is the whole run through the actors, from the open archive to the closed run directory; the
peer's figure is its `run_s`, which leaves out loading and sorting.  The two take turns, and the ratio is that of the
medians.  `first_event_s` is from the start of the process, with warm caches; `first_event_cpu_s` the processor time
until then; `after_a_clone` both with no kernel compiled.  `real_deltas` is the line of real_deltas.py.  Where the
reference workload is not there, it says so and exits 0.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
PROJECT = HERE.parents[2]


def main() -> int:
    """Run the benchmark; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=4.0)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--keep", type=Path, help="folder for the workload, reused if it is there")
    parser.add_argument("--child", choices=["strategy", "noop", "first"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(options.child, options.keep, options.latency_ms)))
        return 0
    bench = Path(os.environ.get("LOCKSTEP_SHARED", PROJECT.parent / "shared")) / "bench"
    if not (bench / "generate.py").is_file():
        print(json.dumps({"skipped": f"the reference workload is not there: no {bench / 'generate.py'}"}))
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        figures: dict[str, Any] = {"hours": options.hours, "latency_ms": options.latency_ms}
        for hours in sorted({1.0, options.hours}):
            prepare(bench, folder / f"{hours:g}h", hours)
        short, whole = folder / "1h", folder / f"{options.hours:g}h"
        for mode in ("strategy", "noop"):
            ours, peers = [], []
            for _ in range(options.repeat):
                ours.append(run_child(mode, whole, options.latency_ms))
                peers.append(run_peer(bench, mode, whole, options.latency_ms))
            figures[mode] = summary(ours, peers)
        hour = run_child("strategy", short, options.latency_ms)
        figures["peak_mb_above_1h"] = round(figures["strategy"]["peak_mb"] - hour["peak_mb"], 1)
        # Python's own cache of modules is one of those that are warm
        firsts = [
            run_child("first", whole, options.latency_ms, PYTHONDONTWRITEBYTECODE="") for _ in range(options.repeat + 1)
        ][1:]
        figures.update({key: statistics.median(first[key] for first in firsts) for key in firsts[0]})
        empty = {"LOCKSTEP_CACHE": f"{scratch}/kernels", "PYTHONPYCACHEPREFIX": f"{scratch}/modules"}
        figures["after_a_clone"] = run_child("first", whole, options.latency_ms, **empty)
        figures["real_deltas"] = real_deltas(options.repeat)
        print(json.dumps(figures))
    return 0


def summary(ours: list[dict[str, Any]], peers: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the medians of both, and the ratio of speeds."""

    def median(runs: list[dict[str, Any]], key: str) -> float:
        return float(statistics.median(run[key] for run in runs))

    last = ours[-1]
    return {
        "events_per_s": round(median(ours, "events_per_s")),
        "messages_per_s": round(median(ours, "messages_per_s")),
        "peer_events_per_s": round(median(peers, "events_per_s")),
        "ratio": round(median(ours, "events_per_s") / median(peers, "events_per_s"), 3),
        "peak_mb": median(ours, "peak_mb"),
        **{key: last[key] for key in ("events", "heard", "messages", "orders", "cancels", "fills", "volume", "pnl")},
        "digest": last["digest"],
    }


def prepare(bench: Path, folder: Path, hours: float) -> None:
    """Generate the workload and make an archive of it, unless they are there."""
    if (folder / "archive").is_dir():
        return
    folder.mkdir(parents=True, exist_ok=True)
    generate = [sys.executable, str(bench / "generate.py"), "--out", str(folder), "--seconds", f"{hours * 3600:g}"]
    subprocess.run(generate, check=True, stdout=subprocess.DEVNULL)
    from market.archive.instruments import write_instruments
    from market.archive.writer import ArchiveWriter
    from tests.bench.reference_workload import load

    instruments, feeds = load(folder)
    part = folder / "archive.part"
    for place, kind, columns in feeds:
        writer = ArchiveWriter(part, instruments[place], "trades" if kind == "trades" else "book")
        for begin in range(0, len(columns), 16_384):
            writer.append(columns.rows(begin, begin + 16_384))
        writer.close()
    for instrument in instruments:
        write_instruments(part, [instrument])
    part.rename(folder / "archive")


def run_child(mode: str, folder: Path, latency_ms: float, **variables: str) -> dict[str, Any]:
    """Run ours in a process of its own, with these environment variables."""
    command = [sys.executable, str(HERE), "--child", mode, "--keep", str(folder), "--latency-ms", f"{latency_ms:g}"]
    env = {**os.environ, **variables, "PYTHONPATH": str(PROJECT), "LOCKSTEP_BENCH_BEGAN": repr(time.time())}
    answer = subprocess.run(command, check=True, capture_output=True, text=True, env=env, cwd=PROJECT)
    result: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    return result


def run_peer(bench: Path, mode: str, folder: Path, latency_ms: float) -> dict[str, Any]:
    """Run the asyncio loop in a process of its own."""
    command = [sys.executable, bench / "peer_asyncio.py", "--data", folder, "--mode", mode, "--repeat", "1"]
    answer = subprocess.run(
        [*map(str, command), "--latency-ms", f"{latency_ms:g}"], check=True, capture_output=True, text=True
    )
    result: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    return result


def real_deltas(repeat: int) -> dict[str, Any]:
    """Run the benchmark of recorded increments; where the recording is absent, its reason is returned."""
    command = [sys.executable, str(HERE.with_name("real_deltas.py")), "--repeat", str(repeat)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, cwd=PROJECT)
    result: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    return result


def measure(mode: str, folder: Path, latency_ms: float) -> dict[str, Any]:
    """Run once, in this process; return the figures.

    `first` ends with the first event that an actor hears of.  The other modes run a second of another market first, so
    that loading the compiled kernels, which `first` counts, is not counted again.  Their time is that of `run_once`;
    what is read back from the tables, for the line, comes after it.
    """
    from sim.config import make_config

    config = make_config(workload_config(mode, folder, latency_ms))
    if mode == "first":
        return first_event(config, folder)
    with tempfile.TemporaryDirectory() as out:
        run_once(make_config({"data": {"preset": "crash", "seconds": 1.0}}), folder, Path(out))
    with tempfile.TemporaryDirectory() as out:
        began = time.perf_counter()
        result, simulation = run_once(config, folder, Path(out))
        total_s = time.perf_counter() - began
        peak_mb = peak_memory_mb()
        tables = table_figures(Path(out), simulation.figures().pnl)
    from actors.runtime.wiring import quoter_name

    quoter = simulation.nursery.cell(quoter_name("maker")).actor
    heard = quoter.n_heard if mode == "noop" else result["n_events"]
    return {
        "events": result["n_events"],
        "heard": heard,
        "events_per_s": heard / total_s,
        "messages": result["n_messages"],
        "messages_per_s": result["n_messages"] / total_s,
        "total_s": round(total_s, 3),
        "peak_mb": peak_mb,
        "digest": result["digest"],
        **tables,
    }


def peak_memory_mb() -> float:
    """Return the most memory that this process has held.

    Not what getrusage says: a child's count begins with what its parent held when it was started.
    """
    with Path("/proc/self/status").open() as status:
        kb = next(line.split()[1] for line in status if line.startswith("VmHWM:"))
    return round(int(kb) / 1024, 1)


def workload_config(mode: str, folder: Path, latency_ms: float) -> dict[str, Any]:
    """Return the config of a run on the workload's archive in `folder`."""
    hours = sorted(
        f"{path.parent.name}:{path.stem}" for path in (folder / "archive").glob("bybit/SOLUSDT/book/*/*.parquet")
    )
    quoter: dict[str, Any] = {
        "name": "maker",
        "instruments": ["bybit:SOLUSDT"],
        "references": ["binance-futures:SOLUSDT"],
    }
    if mode == "noop":
        quoter["strategy"] = "tests.bench.quoters:NoopQuoter"
    private = {f"{way}_private": latency_ms for way in ("request", "ack", "feed")}
    return {
        "data": {"source": "archive", "root": "archive", "start": hours[0], "end": hours[-1]},
        "venue": [{"name": "bybit", "latency": private}],
        "quoter": [quoter],
    }


def run_once(config: Any, folder: Path, out: Path) -> tuple[dict[str, Any], Any]:
    """Run a config into an empty directory; return its result and the simulation."""
    from sim.market_data import open_market
    from sim.simulation import Simulation

    simulation = Simulation(config, open_market(config, folder), out, folder=PROJECT, progress_every=1 << 40)
    return simulation.finish(simulation.run(), 0.0), simulation


def first_event(config: Any, folder: Path) -> dict[str, Any]:
    """Run to the first event that an actor hears of; return how long that took since this process was asked for."""
    from sim.market_data import open_market
    from sim.simulation import Simulation

    took: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as out:
        simulation = Simulation(config, open_market(config, folder), Path(out), folder=PROJECT, progress_every=1 << 40)
        advance = simulation.source.advance

        def once(until: int) -> int | None:
            simulation.nursery.stop_requested = True
            event = advance(until)
            if not took and event is not None:
                took["first_event_s"] = round(time.time() - float(os.environ["LOCKSTEP_BENCH_BEGAN"]), 3)
                took["first_event_cpu_s"] = round(time.process_time(), 3)
            return event

        simulation.source.advance = once  # type: ignore[method-assign]
        simulation.finish(simulation.run(), 0.0)
    return took


def table_figures(out: Path, pnl: float) -> dict[str, Any]:
    """Return counts of a run's tables."""
    import pyarrow.parquet as pq

    kinds = pq.read_table(out / "orders.parquet", columns=["kind"])["kind"].to_pylist()
    fills = pq.read_table(out / "fills.parquet", columns=["price", "size"])
    tick_lots = int((fills["price"].to_numpy() * fills["size"].to_numpy()).sum())
    return {
        "orders": kinds.count("PLACE"),
        "cancels": kinds.count("CANCEL"),
        "fills": fills.num_rows,
        "volume": round(tick_lots * 0.01 * 0.1, 1),
        "pnl": round(pnl, 4),
    }


if __name__ == "__main__":
    sys.exit(main())
