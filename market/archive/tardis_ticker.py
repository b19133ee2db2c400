"""From rows of Tardis' `derivative_ticker` to payments of funding and to statements of marks.

A row repeats all that the venue has last stated.  What is paid at a funding is nowhere said; it is taken to be this:
- Rate and mark price are those of the last row before it is due, by the venue's clock; a later row already speaks of
  the next one.
- It is paid when a row has come from that time or later.  A due time that is moved before it is reached is no payment.
- A payment belongs to the recording that ran for `EDGE` before it.  So a recording that ends just before midnight has
  the payment of midnight, that of the next day has not, and both together have it once.
- `ts_recv` is when that last row came: before it is due, as far as the clocks agree.
"""

from collections.abc import Iterator

import numpy as np

from market.archive.csv_file import CsvChunk, CsvFile
from market.archive.hour import EDGE
from market.archive.quality import FeedQuality
from market.archive.stamps import Stamps
from market.columns import NOT_STATED, Columns, FundingColumns, IntArray, MarkColumns
from market.units import Nanos

_TICK = 1_000_000  # in the units of MarkColumns.mark_e6


class FundingFeed:
    """Payments of funding."""

    def __init__(self, quality: FeedQuality) -> None:
        self._quality = quality
        self._stamps = Stamps(quality)
        self._earliest: Nanos = 0  # due time that belongs to this recording
        self._latest: Nanos = 0  # the newest venue time
        self._mark = NOT_STATED
        # the row that pays unless a later one does, at most one: ts_venue, ts_recv, due, rate, mark
        self._open: IntArray = np.empty((5, 0), np.int64)

    def columns(self, file: CsvFile, chunk: CsvChunk) -> Iterator[Columns]:
        names = ("timestamp", "local_timestamp", "funding_timestamp", "funding_rate", "mark_price")
        rows = chunk.values[[file.columns.index(name) for name in names]]
        n = rows.shape[1]
        self._quality.rows += n
        self._quality.no_due += int(((rows[2] == NOT_STATED) & (rows[3] != NOT_STATED)).sum())
        if n and not self._earliest:
            self._earliest = int(rows[0, 0]) + EDGE
        rows[4] = self._known_mark(rows[4])
        rows = np.concatenate((self._open, rows), axis=1)
        latest = np.maximum.accumulate(np.maximum(rows[0], self._latest))
        states = np.flatnonzero((rows[2] != NOT_STATED) & (rows[3] != NOT_STATED) & (latest < rows[2]))
        dues = rows[2, states]
        is_last = np.append(dues[1:] != dues[:-1], np.ones(min(1, len(dues)), np.bool_))
        last = states[is_last]
        # until the next due time is stated, or the end of what there is
        seen = np.append(latest[states[np.flatnonzero(is_last)[:-1] + 1]], latest[-1:])[: len(last)]
        is_paid = seen >= rows[2, last]
        self._open = rows[:, last[-1:][~is_paid[-1:]]].copy()
        self._latest = int(latest.max(initial=self._latest))
        yield from self._payments(rows[:, last[is_paid]])

    def rest(self) -> Iterator[Columns]:
        if self._open.shape[1] and int(self._open[2, 0]) - self._latest <= EDGE:
            yield from self._payments(self._open)
        self._open = self._open[:, :0]

    def _payments(self, rows: IntArray) -> Iterator[FundingColumns]:
        rows = rows[:, rows[2] >= self._earliest]
        has_mark = rows[4] != NOT_STATED
        self._quality.no_mark += int((~has_mark).sum())
        _, ts_recv, due, rate, mark = rows[:, has_mark]
        if len(due):
            received = self._stamps.received(due, ts_recv)
            yield FundingColumns(due, received, rate, (mark + _TICK // 2) // _TICK)

    def _known_mark(self, mark: IntArray) -> IntArray:
        """Return the last mark price that was stated, for each row."""
        known = np.concatenate(([self._mark], mark))
        place = np.maximum.accumulate(np.where(known != NOT_STATED, np.arange(len(known)), 0))
        self._mark = int(known[place[-1]])
        return known[place][1:]


class MarkFeed:
    """Statements that say something new; a ticker has a row for every trade."""

    def __init__(self, quality: FeedQuality) -> None:
        self._quality = quality
        self._stamps = Stamps(quality)
        self._last: IntArray = np.full((5, 1), NOT_STATED)

    def columns(self, file: CsvFile, chunk: CsvChunk) -> Iterator[Columns]:
        names = ("mark_price", "index_price", "funding_rate", "funding_timestamp", "open_interest")
        rows = chunk.values[[file.columns.index(name) for name in names]]
        n = rows.shape[1]
        self._quality.rows += n
        with_last = np.concatenate((self._last, rows), axis=1)
        is_new = (with_last[:, 1:] != with_last[:, :-1]).any(axis=0)
        self._last = with_last[:, -1:].copy()
        self._quality.unchanged += int(n - is_new.sum())
        ts_venue, ts_recv = (
            chunk.values[file.columns.index(name)][is_new] for name in ("timestamp", "local_timestamp")
        )
        if len(ts_venue):
            received = self._stamps.received(ts_venue, ts_recv)
            mark, index, rate, due, interest = rows[:, is_new]
            yield MarkColumns(ts_venue, received, mark, index, rate, due, interest)

    def rest(self) -> Iterator[Columns]:
        return iter(())
