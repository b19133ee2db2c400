"""How fast recordings are imported and read: one line of JSON.

    python tests/bench/archive.py --csv FILE... [--workload DIR]

FILE: recordings in Tardis' layouts, of instruments in configs/instruments.toml.  DIR: where the reference workload's
`generate.py --out` wrote its arrays; they are written as an archive first, outside of the timing.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from market.archive.data import ArchiveData  # noqa: E402
from market.archive.instruments import load_instruments  # noqa: E402
from market.archive.tardis import import_tardis  # noqa: E402
from market.archive.window import Window, hour_of  # noqa: E402
from market.archive.writer import ArchiveWriter  # noqa: E402
from market.units import HOUR  # noqa: E402
from tests.bench.reference_workload import load  # noqa: E402

REPEATS: Final = 3


def main() -> int:
    parser = argparse.ArgumentParser(description="Time the archive.")
    parser.add_argument("--csv", nargs="+", type=Path, default=[], metavar="FILE")
    parser.add_argument("--workload", type=Path, metavar="DIR")
    options = parser.parse_args()
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as scratch:
        if options.csv:
            figures |= time_import(options.csv, Path(scratch))
        if options.workload:
            figures |= time_reading(options.workload, Path(scratch) / "workload")
    print(json.dumps(figures))
    return 0


def time_import(files: list[Path], scratch: Path) -> dict[str, float]:
    instruments = load_instruments(ROOT / "configs" / "instruments.toml")
    best = float("inf")
    for i in range(REPEATS):
        start = time.perf_counter()
        report = import_tardis(files, scratch / f"import-{i}", instruments)
        best = min(best, time.perf_counter() - start)
    n_rows = sum(feed.record.quality.rows for feed in report.feeds)
    return {"import_rows": n_rows, "import_s": round(best, 3), "import_rows_per_s": round(n_rows / best)}


def time_reading(workload: Path, root: Path) -> dict[str, float]:
    instruments, feeds = load(workload)
    for instrument, kind, columns in feeds:
        with ArchiveWriter(root, instruments[instrument], "book" if kind == "book" else "trades") as writer:
            writer.append(columns)
    first = min(int(columns.ts_recv[0]) for _, _, columns in feeds)
    last = max(int(columns.ts_recv[-1]) for _, _, columns in feeds)
    window = Window(hour_of(first), hour_of(last) + HOUR)
    best = float("inf")
    for _ in range(REPEATS):
        start = time.perf_counter()
        n = sum(len(chunk) for stream in ArchiveData(root, window, instruments).streams() for chunk in stream.chunks)
        best = min(best, time.perf_counter() - start)
    return {"read_events": n, "read_s": round(best, 3), "read_events_per_s": round(n / best)}


if __name__ == "__main__":
    sys.exit(main())
