"""One feed on its way into the write-ahead: cut by the hour, with checkpoints and gaps, as bytes of its parts."""

from collections.abc import Iterator
from itertools import groupby, pairwise
from pathlib import Path
from typing import Final, cast

import attrs
import numpy as np

from market.archive.ahead_file import AheadFile
from market.archive.ahead_format import Batch, Head, encode_batch, encode_head
from market.archive.ahead_layout import next_part
from market.archive.ahead_queue import AheadQueue
from market.archive.arrow_columns import in_order, joined
from market.archive.full_book import FullBook
from market.archive.gaps import Gap
from market.archive.layout import Kind
from market.archive.message_columns import book_columns, mark_columns, raw_columns, trade_columns
from market.archive.record_buffer import Down, Item, RawFrame, Up, entry_bytes
from market.archive.window import hour_of
from market.archive.writer import MAX_SILENCE
from market.columns import BookColumns, Columns, IntArray, TradeColumns
from market.instrument import Instrument
from market.messages import BookDelta, BookSnapshot, Mark, Trade
from market.units import HOUR, SECOND, Nanos

# an hour ends when something of the next one comes, or so long after: messages may have waited in a mailbox
LATE: Final = 5 * SECOND
# a feed that is silent says so often that it is listened to; well below what counts as an edge of an hour
HEARTBEAT: Final = 4 * SECOND
# a trade that comes again does so soon, after a reconnect
_REMEMBERED: Final = 1000


class FeedRecording:
    """Turns what came into bytes, keeps these until the disk has them, and remembers where the feed stands.

    Attributes:
        queue: what the disk is to have; call its `write` after `take` or `end`.
        n_rows: messages for the disk.
        n_clock_back: messages whose receive time went back, set to the last one's.
        n_bad: messages lost because they made no book.
        n_gaps: how often the feed broke off.
    """

    def __init__(self, root: Path, instrument: Instrument, kind: Kind, after: Nanos | None) -> None:
        """Begin; nothing is written before something comes.

        Args:
            after: until when the archive has the feed already; the time from there is a gap.
        """
        self.instrument = instrument
        self.kind = kind
        self.n_rows = self.n_clock_back = self.n_bad = self.n_gaps = 0
        self._root = root
        self.queue = AheadQueue()
        self._file: AheadFile | None = None
        self._head: Head | None = None
        self._columns: list[Columns] = []
        self._gaps: list[Gap] = []
        self._floor: Nanos = after or 0  # no receive time is below it
        self._last_recv: Nanos | None = None
        self._until: Nanos = 0
        self._down: Down | None = Down(after, "restart") if after is not None else None
        self._is_up = False
        self._book: FullBook | None = None
        self._last_seq = -1
        self._last_ids: IntArray = np.empty(0, np.int64)

    @property
    def last_recv(self) -> Nanos:
        """Receive time of the newest message; 0: none has come since the feed began or broke off."""
        return self._last_recv or 0

    @property
    def wants_book(self) -> bool:
        """Changes are lost until a full book comes."""
        return self.kind == "delta" and self._book is None

    def take(self, items: list[Item], now: Nanos) -> None:
        """Take what came until `now`."""
        n_bytes = sum(map(entry_bytes, items))
        for item in _runs(items):
            match item:
                case Down():
                    self._go_down(item)
                case Up():
                    self._go_up(max(item.ts, self._floor))
                case Gap():
                    self._gaps.append(item)
                case _:
                    self._add(item)
        settled = now - LATE
        if self._file is not None and settled >= self._hour + HOUR:
            if self._is_up:
                self._turn_to(hour_of(settled))
            else:
                self._leave_hour()
        # a full disk is not filled further by what says nothing new
        is_due = settled - self._until >= HEARTBEAT and not self.queue.is_waiting
        if self._is_up and (self._columns or self._gaps or is_due):
            self._seal(min(settled, self._hour + HOUR))
        self.queue.credit(n_bytes)

    def end(self, now: Nanos) -> None:
        """The recording ends here."""
        if self._is_up:
            self._turn_to(max(hour_of(now), self._hour))
            self._seal(now)
        self._complete()

    def close(self) -> None:
        """Let go of all files."""
        self.queue.close()
        if self._file is not None:
            self._file.close()

    @property
    def _hour(self) -> Nanos:
        assert self._head is not None
        return self._head.hour

    def _add(self, columns: Columns) -> None:
        if isinstance(columns, BookColumns):
            columns = in_order(columns)
        recv = np.maximum.accumulate(np.maximum(columns.ts_recv, self._floor))
        self.n_clock_back += int((recv != columns.ts_recv).sum())
        columns = attrs.evolve(columns, ts_recv=recv)
        hours = recv // HOUR
        cuts: list[int] = [0, *(np.flatnonzero(np.diff(hours)) + 1).tolist(), len(recv)]
        for begin, end in pairwise(cuts):
            self._put(columns.rows(begin, end))
        self._floor = max(self._floor, int(recv[-1]))

    def _put(self, columns: Columns) -> None:
        """Take messages of one hour."""
        first = int(columns.ts_recv[0])
        if self._is_up:
            has_book = isinstance(columns, BookColumns) and bool(columns.is_snapshot[0])
            self._turn_to(hour_of(first), has_book=has_book)
        if self.kind == "delta" and isinstance(columns, BookColumns):
            try:
                if self._book is None:
                    n = len(columns)
                    columns = _from_book(columns)
                    self.n_bad += n - len(columns)
                    self._book = FullBook()
                self._book.follow(columns)
            except ValueError:
                self.n_bad += len(columns)
                self._go_down(Down(first, "not a book"))
                self._book = None
                return
        self._go_up(int(columns.ts_recv[0]))
        if isinstance(columns, BookColumns):
            self._mark_breaks(columns)
        elif isinstance(columns, TradeColumns):
            self._mark_repeats(columns)
        recv = columns.ts_recv
        steps = np.diff(recv, prepend=recv[0] if self._last_recv is None else self._last_recv)
        for late in np.flatnonzero(steps > MAX_SILENCE[self.kind]).tolist():
            since = max(int(recv[late] - steps[late]), self._hour)
            self._gaps.append(Gap(since, int(recv[late]), self.kind, "silence"))
        self._last_recv = int(recv[-1])
        self._columns.append(columns)
        self.n_rows += len(columns)

    def _go_down(self, down: Down) -> None:
        if self._head is None and self._down is None:
            return  # it has not begun, and breaks off nothing
        if self._down is None:
            self.n_gaps += 1
            ts = max(down.ts, self._floor)
            if self._is_up:
                self._turn_to(max(hour_of(ts), self._hour))
                self._seal(ts)
            self._down = Down(ts, down.reason)
        self._is_up = False
        self._last_recv = None

    def _go_up(self, ts: Nanos) -> None:
        if self._is_up:
            return
        hour = hour_of(ts)
        down = self._down
        if self._file is not None and self._hour != hour:
            self._leave_hour()
        if self._file is None:
            after, reason = (None, "") if down is None else (down.ts, down.reason)
            self._begin(Head(self.kind, self.instrument, hour, ts, after, reason))
        elif down is not None:
            self._gaps.append(Gap(down.ts, ts, self.kind, down.reason))
        self._is_up = True
        self._down = None
        self._until = max(self._until, ts)
        self._floor = max(self._floor, ts)

    def _leave_hour(self) -> None:
        """Complete an hour in which the feed broke off and did not come back."""
        if self._down is not None:
            self._gaps.append(Gap(self._down.ts, self._hour + HOUR, self.kind, self._down.reason))
        self._seal(self._hour + HOUR)
        self._complete()

    def _turn_to(self, hour: Nanos, *, has_book: bool = False) -> None:
        """Go on to an hour, without a break; one that begins with a full book needs no checkpoint."""
        while self._hour < hour:
            end = self._hour + HOUR
            silent = MAX_SILENCE[self.kind]
            if self._last_recv is not None and end - self._last_recv > silent:
                self._gaps.append(Gap(max(self._last_recv, self._hour), end, self.kind, "silence"))
            self._seal(end)
            self._complete()
            self._begin(Head(self.kind, self.instrument, end, end, end, ""))
            self._floor = max(self._floor, end)
            if self._book is not None and self._book.is_known and not (has_book and end == hour):
                self._columns.append(self._book.checkpoint(end))

    def _begin(self, head: Head) -> None:
        self._head = head
        path = next_part(self._root, self.instrument.venue, self.instrument.symbol, self.kind, head.hour)
        self._file = AheadFile(path, self._root)
        self.queue.append(self._file, encode_head(head))

    def _seal(self, until: Nanos) -> None:
        """Make a batch of all that came until then, if not later."""
        assert self._head is not None
        assert self._file is not None
        until = max(until, self._until, self._last_recv or 0)
        columns = joined(self._columns) if self._columns else None
        data = encode_batch(self._head, Batch(columns, tuple(self._gaps), until))
        self.queue.append(self._file, data)
        self._columns, self._gaps = [], []
        self._until = until

    def _complete(self) -> None:
        if self._file is not None:
            self.queue.finish(self._file)
            self._file = None

    def _mark_breaks(self, book: BookColumns) -> None:
        """Mark where numbers are missing, and what came twice."""
        before = np.concatenate(([self._last_seq], book.seq[:-1]))
        sent = np.concatenate(([self._last_recv or book.ts_recv[0]], book.ts_recv[:-1]))
        is_change = (book.is_snapshot == 0) & (before >= 0)
        for at in np.flatnonzero(is_change & (book.prev_seq > before)).tolist():
            self._gaps.append(Gap(int(sent[at]), int(book.ts_recv[at]), self.kind, "sequence"))
        self._note_duplicates(book.ts_recv[is_change & (book.seq <= before)])
        self._last_seq = int(book.seq[-1])

    def _mark_repeats(self, trades: TradeColumns) -> None:
        """Mark trades that came twice, by the venue's ids."""
        ids = np.concatenate((self._last_ids, trades.trade_id))
        is_first = np.zeros(len(ids), np.bool_)
        is_first[np.unique(ids, return_index=True)[1]] = True
        is_repeat = ~is_first[len(self._last_ids) :] & (trades.trade_id != -1)
        self._note_duplicates(trades.ts_recv[is_repeat])
        self._last_ids = ids[-_REMEMBERED:]

    def _note_duplicates(self, times: IntArray) -> None:
        self._gaps += (Gap(ts, ts + 1, self.kind, "duplicate", is_hole=False) for ts in times.tolist())


def _from_book(book: BookColumns) -> BookColumns:
    """Return the messages from the first full book on.

    Raises:
        ValueError: there is none.
    """
    at = np.flatnonzero(book.is_snapshot == 1)
    if not len(at):
        raise ValueError("changes without a full book")
    return book.rows(int(at[0]), len(book))


def _runs(items: list[Item]) -> Iterator[Columns | Down | Up | Gap]:
    """Yield marks and columns as they are, and messages that follow each other as columns."""
    for kind, group in groupby(items, key=_group):
        if kind == "books":
            yield book_columns(cast(list[BookSnapshot | BookDelta], list(group)))
        elif kind == "trades":
            yield trade_columns(cast(list[Trade], list(group)))
        elif kind == "marks":
            yield mark_columns(cast(list[Mark], list(group)))
        elif kind == "frames":
            yield raw_columns(cast(list[RawFrame], list(group)))
        else:
            yield from cast(Iterator[Columns | Down | Up | Gap], group)


_GROUPS: Final[dict[type, str]] = {
    BookSnapshot: "books",
    BookDelta: "books",
    Trade: "trades",
    Mark: "marks",
    RawFrame: "frames",
}


def _group(item: Item) -> str:
    return _GROUPS.get(type(item), "as it is")
