"""Small recorded markets at random: snapshots, deltas, trades at few instants, with gaps and early deltas."""

import random
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from market.columns import BookColumns, TradeColumns
from market.instrument import Instrument
from sim.market_data import ColumnData

Levels = dict[int, int]


class Row(NamedTuple):
    """One book message or trade of a feed; `seq` of a trade is its price, `prev_seq` its size."""

    ts: int
    seq: int
    prev_seq: int
    is_snapshot: bool
    bids: tuple[tuple[int, int], ...] = ()
    asks: tuple[tuple[int, int], ...] = ()


class Shown(NamedTuple):
    """What an observer hears of: a book as it then is, or a trade."""

    ts: int
    stream: int
    bids: tuple[tuple[int, int], ...] = ()
    asks: tuple[tuple[int, int], ...] = ()
    trade: tuple[int, int] = (0, 0)


class SmallMarket(NamedTuple):
    """Feeds in the order of the data: instrument 0's book, its trades, instrument 1's book, and so on."""

    feeds: tuple[tuple[Row, ...], ...]

    def data(self, chunk_rows: int = 4) -> ColumnData:
        """Return the feeds as market data."""
        instruments = [
            Instrument(i, "v", f"S{i}", "S", "USD", "USD", tick=Decimal("0.5"), lot=Decimal("0.1"))
            for i in range(len(self.feeds) // 2)
        ]
        columns = [(s // 2, ("book", "trades")[s % 2], _columns(s, rows)) for s, rows in enumerate(self.feeds)]
        return ColumnData(instruments, columns, chunk_rows=chunk_rows)

    def shown(self) -> list[Shown]:
        """Return, slowly and plainly, what is heard of and in which order."""
        return [shown for shown in self._events() if shown is not None]

    def _events(self) -> Iterator[Shown | None]:
        rows = [(row.ts, s, r, row) for s, feed in enumerate(self.feeds) for r, row in enumerate(feed)]
        books: dict[int, tuple[Levels, Levels, int]] = {}
        for ts, s, _, row in sorted(rows, key=lambda each: each[:3]):
            if s % 2:
                yield Shown(ts, s, trade=(row.seq, row.prev_seq))
                continue
            if row.is_snapshot:
                books[s] = dict(row.bids), dict(row.asks), row.seq
            elif s not in books or row.prev_seq not in (-1, books[s][2]):
                books.pop(s, None)  # before the first snapshot, or from a gap to the next
                continue
            else:
                bids, asks, _ = books[s]
                for side, changes in ((bids, row.bids), (asks, row.asks)):
                    side.update(changes)
                    for price in [price for price, lots in side.items() if lots == 0]:
                        del side[price]
                books[s] = bids, asks, row.seq
            bids, asks, _ = books[s]
            yield Shown(ts, s, tuple(sorted(bids.items(), reverse=True)), tuple(sorted(asks.items())))


def small_markets(n_instruments: int = 2) -> st.SearchStrategy[SmallMarket]:
    """Return a strategy; hypothesis draws seed and length, and so shrinks to the shortest market that fails."""

    def make(seed: int, n_rows: int) -> SmallMarket:
        rng = random.Random(seed)
        feeds = [(_books, _trades)[s % 2](rng, n_rows) for s in range(2 * n_instruments)]
        return SmallMarket(tuple(feeds))

    return st.builds(make, st.integers(0, 1 << 30), st.integers(0, 25))


def _books(rng: random.Random, n_rows: int) -> tuple[Row, ...]:
    rows = []
    ts, seq = 100, 10
    for _ in range(n_rows):
        ts += rng.choice((0, 0, 1, 2))
        prev_seq = rng.choice((*[seq] * 12, -1, seq - 1))
        seq += 1
        is_snapshot = rng.random() < 0.25
        middle = rng.choice((100, 100, 100, 101))
        bids = [(price, rng.randint(is_snapshot, 12)) for price in rng.sample(range(94, middle), rng.randint(0, 4))]
        asks = [(price, rng.randint(is_snapshot, 12)) for price in rng.sample(range(middle, 107), rng.randint(0, 4))]
        bids.sort(reverse=True)
        rows.append(Row(ts, seq, prev_seq, is_snapshot, tuple(bids), tuple(sorted(asks))))
    return tuple(rows)


def _trades(rng: random.Random, n_rows: int) -> tuple[Row, ...]:
    rows = []
    ts = 100
    for _ in range(n_rows):
        ts += rng.choice((0, 1, 1, 3))
        rows.append(Row(ts, rng.randint(95, 106), rng.randint(1, 9), is_snapshot=False))
    return tuple(rows)


def _columns(stream: int, rows: tuple[Row, ...]) -> BookColumns | TradeColumns:
    ts = np.array([row.ts for row in rows], np.int64)
    seq, prev_seq = np.array([row.seq for row in rows], np.int64), np.array([row.prev_seq for row in rows], np.int64)
    if stream % 2:
        return TradeColumns(ts - 7, ts, seq, prev_seq, np.where(seq % 2, 1, -1), np.arange(len(rows)))
    n_bids, n_asks = (np.array([len(side) for side in sides], np.int64) for sides in _sides(rows))
    levels = np.array([level for row in rows for level in (*row.bids, *row.asks)], np.int64).reshape(-1, 2)
    start = np.cumsum(n_bids + n_asks) - n_bids - n_asks
    is_snapshot = [row.is_snapshot for row in rows]
    return BookColumns(ts - 7, ts, seq, prev_seq, is_snapshot, start, n_bids, n_asks, levels)


def _sides(rows: tuple[Row, ...]) -> tuple[list[tuple[tuple[int, int], ...]], list[tuple[tuple[int, int], ...]]]:
    return [row.bids for row in rows], [row.asks for row in rows]
