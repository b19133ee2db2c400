"""How fast messages are recorded, and how large they become: one line of JSON.

    python tests/bench/recorder.py [--messages 200000] [--levels 5] [--root DIR]

Books of changes and trades, four to one, are put one by one as a live session would, at 10,000 a second of the
recorder's clock, with a flush (which waits for the disk) every half second of it.  `put` is what a trading process
spends in its own thread; `flush` and `roll` may run beside it.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import numpy as np

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from market.archive.ahead_layout import parts  # noqa: E402
from market.archive.instruments import load_instruments  # noqa: E402
from market.archive.layout import Kind  # noqa: E402
from market.archive.record_buffer import Entry  # noqa: E402
from market.archive.recorder import FLUSH_EVERY, Recorder  # noqa: E402
from market.messages import BookDelta, BookSnapshot, Trade  # noqa: E402
from market.units import HOUR, SECOND  # noqa: E402

RATE: Final = 10_000
BEGIN: Final = 1_723_154_400 * SECOND


def main() -> int:
    parser = argparse.ArgumentParser(description="Time the recorder.")
    parser.add_argument("--messages", type=int, default=200_000, metavar="N")
    parser.add_argument("--levels", type=int, default=5, metavar="N", help="changed levels a message")
    parser.add_argument("--root", type=Path, metavar="DIR", help="on which disk (default: the one of temporary files)")
    options = parser.parse_args()
    feed = messages(options.messages, options.levels)
    with tempfile.TemporaryDirectory(dir=options.root) as scratch:
        print(json.dumps(measure(Path(scratch), feed)))
    return 0


def messages(n: int, n_levels: int) -> list[tuple[Kind, Entry]]:
    """Return a random walk of books and trades, made before anything is timed."""
    rng = np.random.default_rng(7)
    mid = 600_000 + np.cumsum(rng.integers(-2, 3, n))
    n_bids = n_levels // 2
    steps = rng.integers(0, 40, (n, n_levels))
    steps[:, :n_bids] *= -1
    levels = np.stack((mid[:, None] + steps, rng.integers(0, 5000, (n, n_levels))), axis=2)
    levels[:, n_bids:, 0] += 1
    late = rng.integers(200_000, 5_000_000, n)
    found: list[tuple[Kind, Entry]] = []
    for i in range(n):
        ts = BEGIN + i * SECOND // RATE
        if i == 0:
            sides = np.array([[599_000, 1]]), np.array([[601_000, 1]])
            found.append(("delta", BookSnapshot(0, ts, ts, i, *sides)))
        elif i % 5 == 4:
            found.append(("trades", Trade(0, ts - int(late[i]), ts, int(mid[i]), 1 + i % 977, 1 - 2 * (i % 2), i)))
        else:
            sides = levels[i, :n_bids], levels[i, n_bids:]
            found.append(("delta", BookDelta(0, ts - int(late[i]), ts, -1, i, *sides)))
    return found


def measure(root: Path, feed: list[tuple[Kind, Entry]]) -> dict[str, float]:
    instrument = load_instruments(ROOT / "configs" / "instruments.toml")[0]
    recorder = Recorder(root, [(instrument, "delta"), (instrument, "trades")], BEGIN)
    per_flush = RATE * FLUSH_EVERY // SECOND
    put_s = flush_s = longest_s = 0.0
    now = BEGIN
    for at in range(0, len(feed), per_flush):
        start = time.perf_counter()
        for kind, entry in feed[at : at + per_flush]:
            recorder.put(instrument.id, kind, entry)
        between = time.perf_counter()
        now += FLUSH_EVERY
        status = recorder.flush(now)
        end = time.perf_counter()
        put_s, flush_s = put_s + between - start, flush_s + end - between
        longest_s = max(longest_s, end - between)
        assert (status.n_waiting, status.n_lost) == (0, 0), status
    recorder.close(now)
    ahead = sum(part.path.stat().st_size for part in parts(root))
    start = time.perf_counter()
    report = recorder.roll()
    roll_s = time.perf_counter() - start
    assert now < BEGIN + HOUR
    assert not report.problems, report
    n = len(feed)
    return {
        "rows": n,
        "rows_per_s": round(n / (put_s + flush_s)),
        "put_us": round(put_s / n * 1e6, 2),
        "flush_us_per_row": round(flush_s / n * 1e6, 2),
        "longest_flush_ms": round(longest_s * 1e3, 1),
        "ahead_bytes_per_row": round(ahead / n, 1),
        "roll_rows_per_s": round(n / roll_s),
        "archive_bytes_per_row": round(sum(path.stat().st_size for path in report.hours) / n, 1),
    }


if __name__ == "__main__":
    sys.exit(main())
