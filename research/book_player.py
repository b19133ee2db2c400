"""A recorded feed of one book, played into arrays part by part, as a replay would show it."""

import numpy as np

from market.book_kernels import INVALID, NEEDS_ROOM, play, regrow
from market.columns import BookColumns
from market.instrument import Instrument
from market.units import Nanos
from research.market_arrays import BookArrays
from research.prices import BoolArray


class BookPlayer:
    """The book of one instrument between two parts of its feed.

    A delta before the first snapshot, or from one that does not follow to the next snapshot, is passed over: of these
    rows there is no book, neither here nor in a replay by events.

    Attributes:
        holes: (after, before), ns: when the book was unknown since deltas did not follow, so far; the last may be open.
    """

    def __init__(self, instrument: Instrument, depth: int, capacity: int = 64) -> None:
        """Begin empty, with room for `capacity` levels a side; it grows when they do not fit."""
        self.instrument = instrument
        self.holes: list[tuple[Nanos, Nanos]] = []
        self._depth = depth
        self._ladder = np.zeros((2, capacity, 2), np.int64)
        self._span = np.full((2, 2), capacity // 2, np.int64)
        self._is_known = False
        self._seq = 0
        self._last: Nanos = 0  # ts_recv of the last book
        self._lost: Nanos | None = None  # after when messages were lost

    def play(self, rows: BookColumns) -> BookArrays:
        """Return the books after each of the feed's next messages that change it.

        Raises:
            ValueError: a message is not a book.
        """
        keep = self._shown(rows)
        self._note_holes(rows, keep)
        kept = np.flatnonzero(keep)
        bids, asks = (np.zeros((kept.size, self._depth, 2), np.int64) for _ in range(2))
        heads = rows.is_snapshot[kept], rows.start[kept], rows.n_bids[kept], rows.n_asks[kept]
        done = 0
        while done < kept.size:
            ladder, span = self._ladder, self._span
            n = kept.size
            done, answer = play(ladder, span, *heads, rows.levels, done, n, bids[done:], asks[done:])
            if answer == NEEDS_ROOM:
                self._grow()
            elif answer == INVALID:
                at = int(rows.ts_recv[kept[done]])
                name = self.instrument.name
                raise ValueError(
                    f"a book message of {name} at {at} ns is not a book: levels must be sorted and above 0"
                )
        return BookArrays(self.instrument, rows.ts_venue[kept], rows.ts_recv[kept], bids, asks)

    def _shown(self, rows: BookColumns) -> BoolArray:
        """Tell which rows change the book."""
        is_snapshot = rows.is_snapshot != 0
        before = np.concatenate(([self._seq], rows.seq[:-1]))
        breaks = ~is_snapshot & (rows.prev_seq != -1) & (rows.prev_seq != before)
        n_breaks = np.cumsum(breaks)
        # breaks up to the last snapshot do not matter any more
        healed = np.maximum.accumulate(np.where(is_snapshot, n_breaks, 0))
        has_begun = np.logical_or.accumulate(is_snapshot) | self._is_known
        shown: BoolArray = has_begun & (n_breaks == healed)
        return shown

    def _note_holes(self, rows: BookColumns, keep: BoolArray) -> None:
        """Note when the book came to be unknown and known again; carry what the next part needs."""
        if not keep.size:
            return
        was = np.concatenate(([self._is_known], keep[:-1]))
        for place in np.flatnonzero(was != keep).tolist():
            if keep[place] and self._lost is not None:
                self.holes.append((self._lost, int(rows.ts_recv[place])))
                self._lost = None
            elif not keep[place]:
                self._lost = int(rows.ts_recv[place - 1]) if place else self._last
        self._is_known, self._seq, self._last = bool(keep[-1]), int(rows.seq[-1]), int(rows.ts_recv[-1])

    def _grow(self) -> None:
        capacity = 2 * self._ladder.shape[1]
        ladder, span = np.zeros((2, capacity, 2), np.int64), np.zeros((2, 2), np.int64)
        regrow(self._ladder, self._span, ladder, span)
        self._ladder, self._span = ladder, span
