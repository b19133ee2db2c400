"""From rows of Tardis' files to messages: one class a layout, each fed chunk by chunk.

Rules, where the files leave room:
- Rows that follow each other with the same two stamps and the same `is_snapshot` are one message.
- The files have no sequence numbers: messages are numbered from 1 in each import, each delta following the one before.
- The order of the file is the order of arrival.  A receive time that goes back is a clock that was set: it is raised to
  the last one, and counted; to sort by it would put deltas into an order in which they never came.
- Increments before the first full book belong to no book: they are dropped, and counted.
- A trade that came before (same id and venue time, among the last `WINDOW`) is dropped: Hyperliquid sends its last
  trades again to whoever subscribes again.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, Protocol

import numpy as np

from market.archive.csv_file import CsvChunk, CsvError, CsvFile, depth_of
from market.archive.layout import Kind
from market.archive.message_kernels import EMPTY_LEVELS, REPEATED_LEVELS, UNSORTED, arrange
from market.archive.quality import FeedQuality
from market.archive.stamps import Stamps
from market.archive.tardis_ticker import FundingFeed, MarkFeed
from market.columns import BookColumns, Columns, IntArray, TradeColumns

WINDOW: Final = 1 << 16
MESSAGE_ROWS: Final = 1 << 20  # more with the same stamps are no message


class Feed(Protocol):
    """Turns the rows of one feed, over all of its files, into columns."""

    def columns(self, file: CsvFile, chunk: CsvChunk) -> Iterator[Columns]:
        """Yield the messages that these rows complete."""
        ...

    def rest(self) -> Iterator[Columns]:
        """Yield what the last rows complete, there being no more."""
        ...


class IncrementFeed:
    """`incremental_book_L2`: snapshots and deltas."""

    def __init__(self, quality: FeedQuality) -> None:
        self._quality = quality
        self._stamps = Stamps(quality)
        self._seq = 0
        self._has_book = False
        # rows of the last message, which may go on: ts_venue, ts_recv, is_snapshot, side, ticks, lots
        self._open: IntArray = np.empty((6, 0), np.int64)

    def columns(self, file: CsvFile, chunk: CsvChunk) -> Iterator[Columns]:
        names = ("timestamp", "local_timestamp", "is_snapshot", "side", "price", "amount")
        rows = chunk.values[[file.columns.index(name) for name in names]]
        self._quality.rows += rows.shape[1]
        if self._open.shape[1]:
            rows = np.concatenate((self._open, rows), axis=1)
        begins = np.flatnonzero((rows[:3, 1:] != rows[:3, :-1]).any(axis=0)) + 1
        last = int(begins[-1]) if len(begins) else 0
        self._open = rows[:, last:].copy()
        if self._open.shape[1] > MESSAGE_ROWS:
            line = chunk.first_line + chunk.values.shape[1] - 1
            raise CsvError(file.path, line, f"over {MESSAGE_ROWS:,} rows with the same stamps; they are no message")
        if last:
            yield from self._messages(rows[:, :last], np.concatenate(([0], begins)))

    def rest(self) -> Iterator[Columns]:
        if n := self._open.shape[1]:
            yield from self._messages(self._open, np.array([0, n]))
            self._open = self._open[:, :0]

    def _messages(self, rows: IntArray, first_row: IntArray) -> Iterator[BookColumns]:
        if not self._has_book:
            books = np.flatnonzero(rows[2, first_row[:-1]])
            self._quality.before_snapshot += int(first_row[books[0]] if len(books) else first_row[-1])
            if not len(books):
                return
            first_row = first_row[books[0] :]
            self._has_book = True
        begins = first_row[:-1]
        is_snapshot = rows[2, begins]
        book = _book(self._quality, rows[0, begins], rows[1, begins], is_snapshot, first_row, rows[3], rows[4], rows[5])
        book.ts_recv[:] = self._stamps.received(book.ts_venue, book.ts_recv)
        book.seq[:] = np.arange(self._seq + 1, self._seq + 1 + len(book))
        book.prev_seq[:] = np.where(is_snapshot != 0, -1, book.seq - 1)
        self._seq += len(book)
        yield book


class SnapshotFeed:
    """`book_snapshot_5`, `book_snapshot_25`: a full book of some levels a row."""

    def __init__(self, quality: FeedQuality) -> None:
        self._quality = quality
        self._stamps = Stamps(quality)
        self._seq = 0

    def columns(self, file: CsvFile, chunk: CsvChunk) -> Iterator[Columns]:
        depth = depth_of(file.columns)
        n = chunk.values.shape[1]
        self._quality.rows += n

        levels = [f"{side}[{level}]" for side in ("bids", "asks") for level in range(depth)]
        ticks, lots = (
            chunk.values[[file.columns.index(f"{level}.{what}") for level in levels]].T.ravel()
            for what in ("price", "amount")
        )
        lone = np.flatnonzero((ticks == 0) & (lots != 0))
        if len(lone):
            line = chunk.first_line + int(lone[0]) // (2 * depth)
            raise CsvError(file.path, line, "a level has an amount but no price")
        ts_venue, ts_recv = (chunk.values[file.columns.index(name)] for name in ("timestamp", "local_timestamp"))
        side = np.tile(np.repeat([1, -1], depth), n)
        first_row = np.arange(n + 1) * (2 * depth)
        book = _book(self._quality, ts_venue, ts_recv, np.ones(n, np.int64), first_row, side, ticks, lots)
        book.ts_recv[:] = self._stamps.received(book.ts_venue, book.ts_recv)
        book.seq[:] = np.arange(self._seq + 1, self._seq + 1 + n)
        self._seq += n
        is_two_sided = (book.n_bids > 0) & (book.n_asks > 0)
        bids = book.levels[book.start[is_two_sided], 0]
        asks = book.levels[(book.start + book.n_bids)[is_two_sided], 0]
        self._quality.crossed += int((bids >= asks).sum())
        yield book

    def rest(self) -> Iterator[Columns]:
        return iter(())


class TradeFeed:
    """`trades`."""

    def __init__(self, quality: FeedQuality) -> None:
        self._quality = quality
        self._stamps = Stamps(quality)
        self._seen: IntArray = np.empty((2, 0), np.int64)  # trade id, ts_venue of the last WINDOW rows

    def columns(self, file: CsvFile, chunk: CsvChunk) -> Iterator[Columns]:
        names = ("timestamp", "local_timestamp", "id", "side", "price", "amount")
        rows = chunk.values[[file.columns.index(name) for name in names]]
        self._quality.rows += rows.shape[1]
        is_repeat = self._repeats(rows[2], rows[0])
        has_no_taker = ~is_repeat & (rows[3] == 0)
        has_no_size = ~is_repeat & ~has_no_taker & (rows[5] == 0)
        self._quality.duplicates += int(is_repeat.sum())
        self._quality.no_taker += int(has_no_taker.sum())
        self._quality.no_size += int(has_no_size.sum())
        ts_venue, ts_recv, trade_id, taker, ticks, lots = rows[:, ~(is_repeat | has_no_taker | has_no_size)]
        if len(ts_venue):
            yield TradeColumns(ts_venue, self._stamps.received(ts_venue, ts_recv), ticks, lots, taker, trade_id)

    def rest(self) -> Iterator[Columns]:
        return iter(())

    def _repeats(self, trade_id: IntArray, ts_venue: IntArray) -> "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]":
        """Tell which rows are trades that came among the WINDOW rows before; however the rows are cut into chunks."""
        n_seen = self._seen.shape[1]
        both = np.concatenate((self._seen, np.stack((trade_id, ts_venue))), axis=1)
        order = np.lexsort((both[1], both[0]))  # stable: rows that are equal stay in order of arrival
        later, earlier = order[1:], order[:-1]
        is_equal = (both[:, later] == both[:, earlier]).all(axis=0) & (both[0, later] != -1)
        is_repeat = np.zeros(both.shape[1], np.bool_)
        is_repeat[later[is_equal & (later - earlier <= WINDOW)]] = True
        self._seen = both[:, -WINDOW:].copy()
        return is_repeat[n_seen:]


FEEDS: Final[Mapping[Kind, Callable[[FeedQuality], Feed]]] = {
    "delta": IncrementFeed,
    "book": SnapshotFeed,
    "trades": TradeFeed,
    "funding": FundingFeed,
    "marks": MarkFeed,
}


def _book(
    quality: FeedQuality,
    ts_venue: IntArray,
    ts_recv: IntArray,
    is_snapshot: IntArray,
    first_row: IntArray,
    side: IntArray,
    ticks: IntArray,
    lots: IntArray,
) -> BookColumns:
    """Return messages whose `seq` and `prev_seq` are still -1."""
    n = len(ts_venue)
    n_bids: IntArray = np.empty(n, np.int64)
    n_asks: IntArray = np.empty(n, np.int64)
    levels: IntArray = np.empty((int(first_row[-1] - first_row[0]), 2), np.int64)
    counts = np.zeros(3, np.int64)
    n_levels = arrange(first_row, is_snapshot, side, ticks, lots, n_bids, n_asks, levels, counts)
    quality.snapshots += int((is_snapshot != 0).sum())
    quality.repeated_levels += int(counts[REPEATED_LEVELS])
    quality.empty_levels += int(counts[EMPTY_LEVELS])
    quality.unsorted += int(counts[UNSORTED])
    per_message = n_bids + n_asks
    return BookColumns(
        ts_venue=ts_venue,
        ts_recv=ts_recv.copy(),
        seq=np.full(n, -1, np.int64),
        prev_seq=np.full(n, -1, np.int64),
        is_snapshot=is_snapshot,
        start=np.cumsum(per_message) - per_message,
        n_bids=n_bids,
        n_asks=n_asks,
        levels=levels[:n_levels],
    )
