"""Our fills beside hftbacktest's, on the reference workload and on a calm one where the queue decides.

    python tests/bench/peer_check.py [--peer-python PYTHON] [--keep DIR] [--all]

Both sides run one strategy (tests.bench.peer_quoter) with zero fees, the risk-averse queue, partial fills off,
`consume = none`, post-only quotes by policy `overlap`, cancels only of orders known to be accepted, feed latency as
recorded, order latency 0 and 10 ms.  Prints a table, and the first ten orders that differ, each with the rule that
makes it; `--all` counts all of them by rule.  PYTHON is an interpreter that has hftbacktest, pyarrow and numpy.

Exit code 1 if a difference above 3 % or one of the ten orders has no explanation.  Where the workload's generator or
hftbacktest is not there, it says so and exits 0.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any, Final

import attrs

HERE: Final = Path(__file__).resolve().parent
PROJECT: Final = HERE.parents[1]
sys.path.insert(0, str(PROJECT))  # as a script, only this folder is on the path

from market.columns import BookColumns, TradeColumns  # noqa: E402
from market.units import MS  # noqa: E402
from research.run_data import Run  # noqa: E402
from sim.config import make_config  # noqa: E402
from sim.market_data import ColumnData  # noqa: E402
from sim.simulation import Simulation  # noqa: E402
from tests.bench.peer_divergence import RULES, Divergence, Workload, divergences, our_orders, peer_orders  # noqa: E402
from tests.bench.reference_workload import Feeds, load  # noqa: E402

WORKLOADS: Final = {
    "reference": (["--seconds", "14400"], "vamp"),
    "calm": (["--seconds", "1800", "--vol", "0.1"], "touch"),
}
LATENCIES_MS: Final = (0, 10)
ALLOWED: Final = 0.03


@attrs.frozen
class Figures:
    """What a run comes to; open positions at the last mid that was received."""

    fills: int
    volume: float
    pnl: float

    def differs(self, peer: "Figures") -> bool:
        """Tell whether a figure is more than 3 % off the peer's."""
        pairs = zip(attrs.astuple(self), attrs.astuple(peer), strict=True)
        return any(abs(ours - theirs) > ALLOWED * abs(theirs) for ours, theirs in pairs)

    def __str__(self) -> str:
        return f"{self.fills:,} | {self.volume:,.0f} | {self.pnl:.2f}"


def main() -> int:
    """Run the check; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", default=os.environ.get("LOCKSTEP_PEER_PYTHON", sys.executable))
    parser.add_argument("--keep", type=Path, help="folder for the workloads, reused if they are there")
    parser.add_argument("--all", action="store_true", help="count all diverging orders by rule")
    options = parser.parse_args()
    bench = Path(os.environ.get("LOCKSTEP_SHARED") or PROJECT.parent / "shared") / "bench"
    if not (bench / "generate.py").is_file():
        print(f"skipped: the reference workload is not there: no {bench / 'generate.py'}")
        return 0
    if subprocess.run([options.peer_python, "-c", "import hftbacktest"], capture_output=True, check=False).returncode:
        print(f"skipped: {options.peer_python} has no hftbacktest; name one that has by --peer-python")
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        failed = [
            name
            for name, (arguments, _) in WORKLOADS.items()
            if not check(name, bench, prepare(bench, folder / name, arguments, options.peer_python), options)
        ]
    print("\n" + "\n".join(f"{rule}: {text}" for rule, text in RULES.items()))
    return 1 if failed else 0


def prepare(bench: Path, folder: Path, arguments: list[str], python: str) -> Path:
    """Generate a workload and convert it for the peer, unless it is there."""
    if not (folder / "meta.json").is_file():
        _run(python, bench / "generate.py", "--out", folder, *arguments)
    for style in ("diff", "clear"):
        if not (folder / f"hbt_{style}_bybit.npz").is_file():
            _run(python, bench / "peer_hftbacktest.py", "convert", "--data", folder, "--style", style)
    return folder


def check(name: str, bench: Path, folder: Path, options: argparse.Namespace) -> bool:
    """Compare one workload at both latencies; print what is found and tell whether it is explained."""
    quote = WORKLOADS[name][1]
    _, feeds = load(folder)
    book, trades = feeds[2][2], feeds[3][2]
    assert isinstance(book, BookColumns)
    assert isinstance(trades, TradeColumns)
    workload = Workload(book, trades)
    is_explained = True
    for latency_ms in LATENCIES_MS:
        with tempfile.TemporaryDirectory() as scratch:
            ours, run = run_ours(folder, Path(scratch) / "run", latency_ms, quote)
            file = Path(scratch) / "orders.npz"
            anew = run_peer(bench, folder, file, latency_ms, quote, "clear", options.peer_python)
            peer = run_peer(bench, folder, file, latency_ms, quote, "diff", options.peer_python)
            mine, theirs = our_orders(run), peer_orders(file)
        found = divergences(mine, theirs, workload, latency_ms * MS)
        first = list(islice(found, 10))
        print(f"\n{name}, quotes at {quote}, {latency_ms} ms | fills | USD | PnL")
        print(f"  ours | {ours}")
        print(f"  hftbacktest, changed levels | {peer}")
        print(f"  hftbacktest, whole snapshots | {anew}")
        for each in first:
            print(f"    {_line(each)}")
        if options.all:
            counts = Counter(each.rule for each in [*first, *found])
            print(f"    {sum(counts.values())} of {len(mine.keys() | theirs.keys())} orders differ: {dict(counts)}")
        is_explained &= all(each.rule in RULES for each in first) and (bool(first) or not ours.differs(peer))
    return is_explained


def run_ours(folder: Path, out: Path, latency_ms: float, quote: str) -> tuple[Figures, Run]:
    """Run our simulation as the peer runs."""
    private = {f"{way}_private": latency_ms for way in ("request", "ack", "feed")}
    quoter = {
        "name": "peer",
        "strategy": "tests.bench.peer_quoter:PeerQuoter",
        "instruments": ["bybit:SOLUSDT"],
        "references": ["binance-futures:SOLUSDT"],
        "params": {"quote_touch": quote == "touch"},
        "cancel_pending": "next_quotes",
    }
    venue = {"name": "bybit", "partial_fills": False, "consume": False, "latency": private}
    instruments, feeds = load(folder)
    out.mkdir()
    simulation = Simulation(make_config({"venue": [venue], "quoter": [quoter]}), ColumnData(instruments, feeds), out)
    simulation.finish(simulation.run(), 0.0)
    run = Run.load(out)
    for name in ("orders", "fills"):
        run.table(name)  # they outlive the folder
    return figures(run, feeds), run


def figures(run: Run, feeds: Feeds) -> Figures:
    """Sum up the fills of a run without fees."""
    book, fills = feeds[2][2], run.table("fills")
    assert isinstance(book, BookColumns)
    best = book.levels[[book.start[-1], book.start[-1] + book.n_bids[-1]], 0]
    unit = 0.01 * 0.1
    bought = fills["side"] * fills["size"]
    pnl = unit * float(bought.sum() * best.mean() - (bought * fills["price"]).sum())
    return Figures(len(bought), unit * float((fills["price"] * fills["size"]).sum()), pnl)


def run_peer(bench: Path, folder: Path, file: Path, latency_ms: float, quote: str, style: str, python: str) -> Figures:
    """Run the peer in a process of its own; its orders go to `file`."""
    script = HERE / "peer_hftbacktest_orders.py"
    answer: dict[str, Any] = json.loads(
        _run(python, "-W", "ignore", script, bench, folder, file, latency_ms, quote, style)
    )
    return Figures(answer["fills"], answer["volume"], answer["pnl"])


def _run(*command: object) -> str:
    done = subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.splitlines()[-1]


def _line(each: Divergence) -> str:
    def told(order: Any) -> str:
        return (
            "never sent" if order is None else f"{order.price} x {order.size} {order.end} {order.ts_end or ''}".strip()
        )

    side = "bid" if each.side > 0 else "ask"
    return f"{each.rule}: {side} sent {each.ts}: ours {told(each.ours)}; peer {told(each.peer)}"


if __name__ == "__main__":
    sys.exit(main())
