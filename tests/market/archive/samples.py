"""What the tests of the archive are made of: an instrument, feeds, CSV files, and a naive book."""

import gzip
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path

import attrs
import numpy as np
from hypothesis import strategies as st

from market.columns import BookColumns, Columns, IntArray, TradeColumns
from market.instrument import Instrument
from market.units import HOUR, MINUTE, SECOND

BTC = Instrument(
    id=0,
    venue="binance-futures",
    symbol="BTCUSDT",
    base="BTC",
    quote="USDT",
    settle="USDT",
    tick=Decimal("0.1"),
    lot=Decimal("0.001"),
)
# 2024-08-08:22
T0 = 1_723_154_400 * SECOND

Level = tuple[int, int]
Message = tuple[int, int, int, tuple[Level, ...], tuple[Level, ...]]  # venue, recv, is_snapshot, bids, asks


def book_columns(messages: Sequence[Message], first_seq: int = 1) -> BookColumns:
    """Return messages as columns, numbered from `first_seq`, each delta following the one before."""
    n_bids = np.array([len(message[3]) for message in messages], np.int64)
    n_asks = np.array([len(message[4]) for message in messages], np.int64)
    levels = [level for message in messages for side in message[3:] for level in side]
    is_snapshot = np.array([message[2] for message in messages], np.int64)
    seq = np.arange(first_seq, first_seq + len(messages))
    return BookColumns(
        ts_venue=[message[0] for message in messages],
        ts_recv=[message[1] for message in messages],
        seq=seq,
        prev_seq=np.where(is_snapshot == 1, -1, seq - 1),
        is_snapshot=is_snapshot,
        start=np.cumsum(n_bids + n_asks) - n_bids - n_asks,
        n_bids=n_bids,
        n_asks=n_asks,
        levels=np.array(levels, np.int64).reshape(-1, 2),
    )


def messages_of(chunks: Iterable[Columns]) -> list[Message]:
    """Return the messages of books in chunks."""
    found: list[Message] = []
    for book in chunks:
        assert isinstance(book, BookColumns)
        for i in range(len(book)):
            at, n_bids, n_asks = int(book.start[i]), int(book.n_bids[i]), int(book.n_asks[i])
            bids = tuple((int(p), int(s)) for p, s in book.levels[at : at + n_bids])
            asks = tuple((int(p), int(s)) for p, s in book.levels[at + n_bids : at + n_bids + n_asks])
            found.append((int(book.ts_venue[i]), int(book.ts_recv[i]), int(book.is_snapshot[i]), bids, asks))
    return found


def rows_of(chunks: Iterable[Columns]) -> list[tuple[int, ...]]:
    """Return trades or funding in chunks as rows."""
    found: list[tuple[int, ...]] = []
    for columns in chunks:
        arrays = [getattr(columns, field.name).tolist() for field in attrs.fields(type(columns))]
        found += zip(*arrays, strict=True)
    return found


def trade_columns(times: Sequence[int], first_id: int = 1) -> TradeColumns:
    n = len(times)
    ids = np.arange(first_id, first_id + n)
    return TradeColumns(np.array(times) - 1000, times, 600_000 + ids % 7, 1 + ids % 5, np.where(ids % 2, 1, -1), ids)


class DictBook:
    """The plainest book there is."""

    def __init__(self) -> None:
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}
        self.n_unknown_deletes = 0

    def apply(self, message: Message) -> None:
        if message[2]:
            self.bids, self.asks = {}, {}
        for side, levels in ((self.bids, message[3]), (self.asks, message[4])):
            for ticks, lots in levels:
                if lots:
                    side[ticks] = lots
                else:
                    self.n_unknown_deletes += ticks not in side
                    side.pop(ticks, None)

    def sides(self) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """Return bids and asks, best first."""
        return tuple(sorted(self.bids.items(), reverse=True)), tuple(sorted(self.asks.items()))


def replayed(messages: Iterable[Message]) -> DictBook:
    book = DictBook()
    for message in messages:
        book.apply(message)
    return book


@st.composite
def feeds(draw: st.DrawFn, *, longest_step: int = 40 * MINUTE, only_snapshots: bool = False) -> list[Message]:
    """Draw a feed of increments that begins with a snapshot and runs over some hours."""
    steps = draw(st.lists(st.integers(0, longest_step), min_size=1, max_size=12))
    recv = T0 + draw(st.integers(0, HOUR))
    messages: list[Message] = []
    for i, step in enumerate(steps):
        recv += step
        is_snapshot = only_snapshots or i == 0 or draw(st.integers(0, 9)) == 0
        least = 1 if is_snapshot else 0
        bids = draw(st.dictionaries(st.integers(90, 100), st.integers(least, 5), max_size=4))
        asks = draw(st.dictionaries(st.integers(101, 110), st.integers(least, 5), max_size=4))
        sides = tuple(sorted(bids.items(), reverse=True)), tuple(sorted(asks.items()))
        messages.append((recv - draw(st.integers(-SECOND, SECOND)), recv, int(is_snapshot), *sides))
    return messages


INCREMENT_HEADER = "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount"
TRADE_HEADER = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount"
TICKER_HEADER = (
    "exchange,symbol,timestamp,local_timestamp,funding_timestamp,funding_rate,"
    "predicted_funding_rate,open_interest,last_price,index_price,mark_price"
)
US0 = T0 // 1000


def increments(*rows: str) -> str:
    """Return a file of increments; a row is `timestamp local snapshot side price amount`, both stamps us after T0."""
    return _csv(INCREMENT_HEADER, rows)


def trades(*rows: str) -> str:
    """Return a file of trades; a row is `timestamp local id side price amount`, both stamps us after T0."""
    return _csv(TRADE_HEADER, rows)


def tickers(*rows: str) -> str:
    """Return a file of derivative tickers.

    A row is `timestamp local due rate interest index mark`, the three times us after T0; `-` leaves one empty.  The
    predicted rate is empty and the last price 1: nothing is made of them.
    """
    lines = []
    for row in rows:
        venue, recv, due, *stated = row.split()
        rate, interest, index, mark = ["" if text == "-" else text for text in stated]
        lines.append(f"{venue} {recv} {'' if due == '-' else US0 + int(due)},{rate},,{interest},1,{index},{mark}")
    return _csv(TICKER_HEADER, lines)


def _csv(header: str, rows: Sequence[str]) -> str:
    lines = [header]
    for row in rows:
        venue, recv, *others = row.split()
        lines.append(",".join([BTC.venue, BTC.symbol, str(US0 + int(venue)), str(US0 + int(recv)), *others]))
    return "\n".join(lines) + "\n"


def write_csv(path: Path, text: str) -> Path:
    """Write a file, compressed if its name ends in .gz."""
    data = text.encode()
    path.write_bytes(gzip.compress(data, 1) if path.suffix == ".gz" else data)
    return path


def snapshot_sides(n: int = 40) -> tuple[IntArray, IntArray]:
    """Return bids and asks of n levels around 1000 ticks."""
    steps = np.arange(n)
    return np.stack((1000 - steps, 1 + steps % 5), axis=1), np.stack((1001 + steps, 1 + steps % 3), axis=1)
