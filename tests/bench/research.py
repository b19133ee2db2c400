"""Speed of the research side on the reference workload's binance books: one JSON line.

    python tests/bench/research.py [--hours 4] [--repeat 5] [--keep DIR]

- `vamp`: five VAMPs of every depth-20 book by columns, in turns with the bare kernel of the reference bench, which
  works on floats and answers where a book is too thin, too; `ratio` is that of the medians.
- `forward_prices`, `fair_prices`: of 700,000 declarations, those VAMPs.
- `df_markouts`: of 100,000 fills at random instants, reading the run's tables included.
- `events`: a study of one venue that declares one VAMP in a callback at every book; by processor time, too, for a
  machine that is shared.

Where the reference workload is not there, it says so and exits 0.
"""

import argparse
import importlib.util
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

PROJECT: Final = Path(__file__).resolve().parents[2]
# ahead of this file's own folder, in which `research` would be this file
sys.path.insert(0, str(PROJECT))

import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402
import pandas as pd  # noqa: E402

from market.book import Book  # noqa: E402
from market.columns import BookColumns  # noqa: E402
from research.fair_prices import fair_prices  # noqa: E402
from research.forward_prices import forward_prices  # noqa: E402
from research.frames import df_markouts  # noqa: E402
from research.market_arrays import BookArrays  # noqa: E402
from research.prices import Mids  # noqa: E402
from research.run_data import Run  # noqa: E402
from research.study import Study  # noqa: E402
from sim import make_config  # noqa: E402
from tests.bench.reference_workload import load  # noqa: E402
from tests.bench.replay import prepare, workload_config  # noqa: E402
from tests.research.run_writer import SOL_REFERENCE, write_run  # noqa: E402

FloatArray = npt.NDArray[np.float64]

NOTIONALS: Final = (1e4, 3e4, 5e4, 1e5, 2e5)
N_DECLARATIONS: Final = 700_000
N_FILLS: Final = 100_000


def main() -> int:
    """Run the benchmark; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=4.0)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="folder for the workload, reused if it is there")
    options = parser.parse_args()
    bench = Path(os.environ.get("LOCKSTEP_SHARED", PROJECT.parent / "shared")) / "bench"
    if not (bench / "generate.py").is_file():
        print(json.dumps({"skipped": f"the reference workload is not there: no {bench / 'generate.py'}"}))
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = (options.keep or Path(scratch)) / f"{options.hours:g}h"
        prepare(bench, folder, options.hours)
        books = binance_books(folder)
        figures: dict[str, Any] = {"bench": "research", "books": len(books), "repeat": options.repeat}
        figures["vamp"] = time_vamps(books, folder, bench, options.repeat)
        figures |= time_fair_prices(books, options.repeat)
        figures["df_markouts"] = time_markouts(books, Path(scratch), options.repeat)
        figures["events"] = time_events(folder, options.repeat)
        print(json.dumps(figures))
    return 0


def binance_books(folder: Path) -> BookArrays:
    """Return the leading venue's books."""
    instruments, feeds = load(folder)
    place, _, columns = next(feed for feed in feeds if feed[1] == "book")
    assert isinstance(columns, BookColumns)
    levels = columns.levels.reshape(len(columns), -1, 2)
    depth = levels.shape[1] // 2
    return BookArrays(instruments[place], columns.ts_venue, columns.ts_recv, levels[:, :depth], levels[:, depth:])


def timed(work: Callable[[], object], repeat: int) -> float:
    """Return the median seconds of `work`."""
    found = []
    for _ in range(repeat):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return statistics.median(found)


def time_vamps(books: BookArrays, folder: Path, bench: Path, repeat: int) -> dict[str, float]:
    """Time five VAMPs of all books, ours and the bare kernel in turns."""
    spec = importlib.util.spec_from_file_location("vamp_kernels", bench / "vamp_kernels.py")
    assert spec is not None
    assert spec.loader is not None
    bare = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bare)
    with np.load(folder / "binance_book.npz") as arrays:
        sides = [np.ascontiguousarray(arrays[name]) for name in ("bid_px", "bid_sz", "ask_px", "ask_sz")]
    notionals = np.array(NOTIONALS)
    out = np.zeros((len(books), len(notionals)))

    def theirs() -> None:
        out[:] = 0.0
        bare.numba_1(*sides, notionals, out)

    theirs()
    found = books.vamps(NOTIONALS)
    is_known = ~np.isnan(found)
    np.testing.assert_allclose(found[is_known], out[is_known], rtol=1e-12)
    ours_s, bare_s = [], []
    for _ in range(max(repeat, 5)):
        bare_s.append(timed(theirs, 1))
        ours_s.append(timed(lambda: books.vamps(NOTIONALS), 1))
    ours, peer = statistics.median(ours_s), statistics.median(bare_s)
    return {
        "seconds": round(ours, 4),
        "bare_seconds": round(peer, 4),
        "ratio": round(ours / peer, 3),
        "books_per_s": round(len(books) / ours),
        "too_thin": round(float(1.0 - is_known.mean()), 4),
    }


def time_fair_prices(books: BookArrays, repeat: int) -> dict[str, dict[str, float]]:
    """Time the forward prices of the VAMPs' declarations, and the comparison of the estimators."""
    frame = declarations(books)
    mids = {(books.instrument.venue, books.instrument.symbol): mids_of(books)}
    with_prices = forward_prices(frame, mids)
    forward_s = timed(lambda: forward_prices(frame, mids), repeat)
    fair_s = timed(lambda: fair_prices(with_prices), 1)
    return {
        "forward_prices": {"seconds": round(forward_s, 3), "rows": len(frame)},
        "fair_prices": {"seconds": round(fair_s, 3), "rows": len(with_prices)},
    }


def declarations(books: BookArrays) -> pd.DataFrame:
    """Return declarations of the VAMPs in the order of time, as a study leaves them."""
    n_rows = min(len(books), N_DECLARATIONS // len(NOTIONALS))
    keys = pd.Index([f"vamp{notional / 1000:g}k" for notional in NOTIONALS])
    n_keys, instrument = len(keys), books.instrument

    def same(name: str) -> "pd.Categorical[str]":
        return pd.Categorical.from_codes(np.zeros(n_rows * n_keys, dtype=np.int8), pd.Index([name]))

    return pd.DataFrame(
        {
            "ts": np.repeat(books.ts_recv[:n_rows], n_keys),
            "key": pd.Categorical.from_codes(np.tile(np.arange(n_keys), n_rows), keys),
            "value": books.vamps(NOTIONALS)[:n_rows].reshape(-1),
            "venue": same(instrument.venue),
            "symbol": same(instrument.symbol),
            "group": same("vamp"),
        }
    )


def mids_of(books: BookArrays) -> Mids:
    """Return the mids of the books."""
    return Mids.from_touch(books.instrument, books.ts_recv, books.bids[:, 0, 0], books.asks[:, 0, 0])


def time_markouts(books: BookArrays, scratch: Path, repeat: int) -> dict[str, float]:
    """Time the markouts of a run with many fills."""
    rng = np.random.default_rng(1)
    at = np.sort(rng.integers(0, len(books), N_FILLS))
    side = rng.choice([1, -1], N_FILLS)
    run = write_run(
        scratch / "run",
        instruments=(SOL_REFERENCE,),
        quoters=({"name": "mm", "strategy": "vamp", "instrument": "binance-futures:SOLUSDT"},),
        touch={
            "ts_venue": books.ts_venue,
            "ts_recv": books.ts_recv,
            "bid": books.bids[:, 0, 0],
            "bid_size": books.bids[:, 0, 1],
            "ask": books.asks[:, 0, 0],
            "ask_size": books.asks[:, 0, 1],
        },
        fills={
            "ts": books.ts_recv[at] + 1,
            "side": side,
            "price": np.where(side > 0, books.bids[at, 0, 0], books.asks[at, 0, 0]),
            "size": np.ones(N_FILLS, dtype=np.int64),
        },
    )
    frame = df_markouts(run)
    assert len(frame) == N_FILLS
    seconds = timed(lambda: df_markouts(Run.load(run.path)), repeat)
    return {"seconds": round(seconds, 3), "fills": N_FILLS, "horizons": frame.shape[1]}


def time_events(folder: Path, repeat: int) -> dict[str, float]:
    """Time studies by events of the leading venue, reading the archive included."""
    data = workload_config("noop", folder, 0.0)["data"] | {"instruments": ["binance-futures:SOLUSDT"]}
    config = make_config({"data": data})
    vamp_study(Study.generated("crash", seconds=1.0)).declarations()  # loads the kernels
    seconds, cpu_seconds, n_books = [], [], 0
    for _ in range(repeat):
        study = vamp_study(Study(config, folder))
        began, cpu_began = time.perf_counter(), time.process_time()
        n_books = len(study.declarations())
        seconds.append(time.perf_counter() - began)
        cpu_seconds.append(time.process_time() - cpu_began)
    median = statistics.median(seconds)
    return {
        "seconds": round(median, 3),
        "books": n_books,
        "books_per_s": round(n_books / median),
        "books_per_cpu_s": round(n_books / statistics.median(cpu_seconds)),
    }


def vamp_study(study: Study) -> Study:
    """Declare one VAMP at each book of the leading venue."""

    @study.on_book("binance-futures", "SOLUSDT")
    def declare(book: Book) -> None:
        study.declare("vamp20k", book.vamp(20_000.0), group="vamp")

    return study


if __name__ == "__main__":
    sys.exit(main())
