"""Small feeds at random, as arrays and as the book and the tape that a replay would show after each message."""

import random
from collections.abc import Iterator
from decimal import Decimal

import numpy as np
from hypothesis import strategies as st

from market import Book, Instrument, Tape
from research.market_arrays import BookArrays, TradeArrays

LINEAR = Instrument(0, "binance-futures", "SOLUSDT", "SOL", "USDT", "USDT", tick=Decimal("0.01"), lot=Decimal("0.1"))
INVERSE = Instrument(
    1,
    "binance-delivery",
    "BTCUSD_PERP",
    "BTC",
    "USD",
    "BTC",
    tick=Decimal("0.1"),
    lot=Decimal(1),
    multiplier=Decimal(100),
    inverse=True,
)
DEPTH = 4


def book_arrays(max_size: int = 40) -> st.SearchStrategy[BookArrays]:
    """Return a strategy of books that move by few ticks, often by none, and sometimes lose a side."""
    return st.builds(_books, st.integers(0, 1 << 30), st.integers(1, max_size), st.sampled_from([LINEAR, INVERSE]))


def trade_arrays(max_size: int = 40) -> st.SearchStrategy[TradeArrays]:
    """Return a strategy of trades; several may share a stamp."""
    return st.builds(_trades, st.integers(0, 1 << 30), st.integers(0, max_size), st.sampled_from([LINEAR, INVERSE]))


def books_of(arrays: BookArrays) -> Iterator[Book]:
    """Yield one book as it stands after each row."""
    book = Book(arrays.instrument, arrays.depth)
    for r in range(len(arrays)):
        sides = [side[r][side[r, :, 1] > 0] for side in (arrays.bids, arrays.asks)]
        book.load(sides[0], sides[1], int(arrays.ts_venue[r]), int(arrays.ts_recv[r]), r)
        yield book


def tapes_of(arrays: TradeArrays) -> Iterator[Tape]:
    """Yield one tape as it stands after each row."""
    tape = Tape(arrays.instrument)
    for ts_venue, ts_recv, ticks, lots, taker in zip(
        arrays.ts_venue, arrays.ts_recv, arrays.ticks, arrays.lots, arrays.taker, strict=True
    ):
        tape.append(int(ts_venue), int(ts_recv), int(ticks), int(lots), int(taker))
        yield tape


def _books(seed: int, n: int, instrument: Instrument) -> BookArrays:
    rng = random.Random(seed)
    ts, middle = 0, 1000
    stamps, bids, asks = [], [], []
    for _ in range(n):
        ts += rng.choice([0, 1, 1, 2, 5])
        middle += rng.choice([0, 0, 0, 1, -1, 3, -3])
        stamps.append(ts)
        bids.append(_side(rng, middle, -1))
        asks.append(_side(rng, middle + rng.choice([1, 1, 2, 4]), 1))
    stamp = np.array(stamps)
    return BookArrays(instrument, stamp, stamp + 100, np.array(bids), np.array(asks))


def _side(rng: random.Random, best: int, step: int) -> list[tuple[int, int]]:
    n = rng.choice([DEPTH, DEPTH, DEPTH, DEPTH, 2, 1, 0])
    ticks = best
    levels = []
    for _ in range(n):
        levels.append((ticks, rng.randint(1, 9)))
        ticks += step * rng.choice([1, 1, 2])
    return levels + [(0, 0)] * (DEPTH - n)


def _trades(seed: int, n: int, instrument: Instrument) -> TradeArrays:
    rng = random.Random(seed)
    ts = 0
    rows = []
    for _ in range(n):
        ts += rng.choice([0, 0, 1, 2, 7])
        rows.append((ts, ts + 100, 1000 + rng.randint(-5, 5), rng.randint(1, 50), rng.choice([1, -1])))
    columns = np.array(rows, dtype=np.int64).reshape(-1, 5).T
    return TradeArrays(instrument, *columns)
