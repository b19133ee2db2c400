"""What a book and a tape cost: `python -m tests.bench.book`, one JSON line.

Processor time, the best of many repeats: us for each call a strategy makes, and level rows per second into the ladder
from a random walk of 2,000 levels a side.
"""

import json
import time
import timeit
from decimal import Decimal

import numpy as np

from market.book import Book
from market.book_kernels import play
from market.instrument import Instrument
from market.tape import Tape
from market.units import Side

MARKET = Instrument(0, "binance-futures", "SOLUSDT", "SOL", "USDT", "USDT", tick=Decimal("0.01"), lot=Decimal("0.1"))
CALLS = (
    "book.mid",
    "changed_mid()",
    "book.level(BUY, 1)",
    "book.price(BUY, 1)",
    "book.vamp(20000.0)",
    "book.imbalance(5)",
    "book.impact_price(BUY, 20000.0)",
    "book.cumulative(BUY, 150.05)",
    "book.bids",
    "changed_bids()",
    "book.load(bids, asks, 1, 2, 3)",
    "book.apply(bids[:2], asks[:2], 1, 2, -1, 3)",
    "tape.notional(15)",
    "tape.sample(15)",
    "tape.imbalance(50)",
    "tape.append(1, 1, 15000, 3, 1)",
)


def us_per_call() -> dict[str, float]:
    """Return the processor time of each call in us."""
    book, tape, steps = Book(MARKET), Tape(MARKET), np.arange(20)
    bids = np.column_stack([15000 - steps, 100 + steps])
    asks = np.column_stack([15001 + steps, 100 + steps])
    book.load(bids, asks, 1, 2, 3)
    for k in range(2000):
        tape.append(k, k, 15000 + k % 7, 5 + k % 3, 1 if k % 2 else -1)
    mirror = Book.attached(MARKET, 20, book._ladder, book._span, stamp := np.zeros(4, dtype=np.int64))

    def changed_mid() -> float:
        stamp[3] += 1
        return mirror.mid

    def changed_bids() -> object:
        stamp[3] += 1
        return mirror.bids

    names = {**locals(), "BUY": Side.BUY}
    out = {}
    for call in CALLS:
        timer = timeit.Timer(call, globals=names, timer=time.process_time)
        timer.timeit(1)
        out[call] = round(min(timer.repeat(repeat=25, number=5000)) / 5000 * 1e6, 3)
    return out


def rows_per_s(n_messages: int = 4000, n_rows: int = 60, n_levels: int = 2000) -> float:
    """Return how many level rows a second go into a ladder."""
    rng = np.random.default_rng(7)
    side = np.arange(n_levels)
    lots = np.full(n_levels, 50)
    snapshot = np.concatenate([np.column_stack([100_000 - side, lots]), np.column_stack([100_001 + side, lots])])
    distance = rng.integers(0, n_levels, (n_messages, n_rows))
    half = n_rows // 2
    ticks = np.concatenate([100_000 - distance[:, :half], 100_001 + distance[:, half:]], axis=1)
    rows = np.stack([ticks, rng.integers(0, 3, (n_messages, n_rows))], axis=2).reshape(-1, 2)
    start = np.concatenate([[0], len(snapshot) + n_rows * np.arange(n_messages)])
    count = np.concatenate([[n_levels], np.full(n_messages, half)])
    is_snapshot = (np.arange(n_messages + 1) == 0).astype(np.int64)
    levels = np.concatenate([snapshot, rows])
    tops = [np.zeros((n_messages + 1, 1, 2), dtype=np.int64) for _ in range(2)]
    best = np.inf
    for _ in range(5):
        ladder, span = np.zeros((2, 8192, 2), dtype=np.int64), np.zeros((2, 2), dtype=np.int64)
        begin = time.process_time()
        done, _ = play(ladder, span, is_snapshot, start, count, count, levels, 0, len(start), tops[0], tops[1])
        best = min(best, time.process_time() - begin)
        assert done == len(start)
    return float(len(levels) / best)


if __name__ == "__main__":
    print(json.dumps({"bench": "book", "rows_per_s": round(rows_per_s()), "us": us_per_call()}))
