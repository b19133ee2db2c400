"""A recorder at full load in a process of its own, to be killed.

Reads lines `FOLDER SEED` and forks a recorder for each, which writes to FOLDER/archive until it is killed; prints its
pid.  FOLDER/ledger says what it did: rows of four int64, `what, n_changes, n_trades, clock`; FOLDER/error what went
wrong.
"""

import os
import sys
import threading
import time
from pathlib import Path
from typing import Final

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from market.archive.record_buffer import Entry
from market.archive.recorder import Recorder
from market.messages import BookDelta, BookSnapshot, Trade
from market.units import HOUR, SECOND
from tests.market.archive.samples import BTC, T0, snapshot_sides

PUTTING, SYNCED = 0, 1
# the recorder's clock runs 3/2 as fast as the real one: it turns the hour sooner, and has less time to sync
SPEED: Final = (3, 2)
BURST: Final = 100
FLUSH_S: Final = 0.1


def change(seed: int, n: int, ts_recv: int) -> Entry:
    """Return the n-th book message of a run."""
    if n == 0:
        bids, asks = snapshot_sides()
        return BookSnapshot(BTC.id, n, ts_recv, n + 1, bids, asks)
    levels = np.array([[1000 - (seed + n * step) % 50, (n + step) % 4] for step in (7, 11, 13)], np.int64)
    return BookDelta(BTC.id, n, ts_recv, n, n + 1, levels[:2], levels[2:] + np.array([60, 0]))


def trade(seed: int, n: int, ts_recv: int) -> Trade:
    """Return the n-th trade of a run."""
    return Trade(BTC.id, n, ts_recv, 1000 + (seed + n) % 7, 1 + n % 5, 1 if n % 2 else -1, n)


def record(folder: Path, seed: int) -> None:
    """Record until killed."""
    rng = np.random.default_rng(seed)
    begin = T0 + HOUR - int(rng.integers(0, 3 * SECOND // 2))
    real = time.monotonic_ns()
    ledger = os.open(folder / "ledger", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def now() -> int:
        return begin + (time.monotonic_ns() - real) * SPEED[0] // SPEED[1]

    def say(what: int, n_changes: int, n_trades: int) -> None:
        os.write(ledger, np.array([what, n_changes, n_trades, now()], np.int64).tobytes())

    recorder = Recorder(folder / "archive", [(BTC, "delta"), (BTC, "trades")], begin)
    counts = (0, 0)

    def flush() -> None:
        while True:
            before = counts
            error = recorder.flush(now()).error
            if error is not None:
                (folder / "error").write_text(error)
                return
            say(SYNCED, *before)
            time.sleep(FLUSH_S)

    def roll() -> None:
        while True:
            problems = recorder.roll().problems
            if problems:
                (folder / "error").write_text("; ".join(problems))
                return
            time.sleep(FLUSH_S / 2)

    for work in (flush, roll):
        threading.Thread(target=work, daemon=True).start()
    n_changes = n_trades = 0
    while True:
        say(PUTTING, n_changes + BURST, n_trades + BURST // 4)
        for n in range(BURST):
            assert recorder.put(BTC.id, "delta", change(seed, n_changes + n, now()))
            if n % 4 == 0:
                assert recorder.put(BTC.id, "trades", trade(seed, n_trades + n // 4, now()))
        n_changes, n_trades = n_changes + BURST, n_trades + BURST // 4
        counts = n_changes, n_trades
        time.sleep(0.005)


def main() -> None:
    for line in sys.stdin:
        folder, seed = line.split()
        pid = os.fork()
        if pid == 0:
            record(Path(folder), int(seed))
        print(pid, flush=True)
        os.waitpid(pid, 0)
        print("dead", flush=True)


if __name__ == "__main__":
    main()
