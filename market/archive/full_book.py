"""The whole book of one feed, kept beside a recording of increments to write checkpoints from."""

from typing import Final

import numpy as np

from market.archive.arrow_columns import CHECKPOINT
from market.archive.full_book_kernels import CROSSED, UNKNOWN_DELETES, copy_out, follow
from market.book_kernels import NEEDS_ROOM, clear, regrow
from market.columns import BookColumns, IntArray
from market.units import Nanos

_CAPACITY: Final = 4096
_MOST: Final = 1 << 24  # levels a side; beyond that the input is no book


class FullBook:
    """Every level of one book, however deep.

    Attributes:
        n_unknown_deletes: deletes of levels that were not there.
        n_crossed: messages that left the best bid at or above the best ask.
    """

    def __init__(self) -> None:
        self._counts: IntArray = np.zeros(2, np.int64)
        self._last: tuple[Nanos, int] | None = None
        self._resize(_CAPACITY)

    @property
    def n_unknown_deletes(self) -> int:
        return int(self._counts[UNKNOWN_DELETES])

    @property
    def n_crossed(self) -> int:
        return int(self._counts[CROSSED])

    @property
    def is_known(self) -> bool:
        """A snapshot has come."""
        return self._last is not None

    def follow(self, book: BookColumns) -> None:
        """Apply messages in order.

        Raises:
            ValueError: the first one ever is no snapshot, or a message is none that BookColumns may hold.
        """
        if not len(book):
            return
        if self._last is None and not book.is_snapshot[0]:
            raise ValueError("a feed of increments must begin with a snapshot")
        first = 0
        while first < len(book):
            first, answer = follow(
                self._ladder,
                self._span,
                book.is_snapshot,
                book.start,
                book.n_bids,
                book.n_asks,
                book.levels,
                first,
                self._counts,
            )
            if answer == NEEDS_ROOM:
                self._grow()
            elif answer:
                raise ValueError(
                    f"message {first} (seq {book.seq[first]}, ts_recv {book.ts_recv[first]} ns): a price below 1 tick, "
                    "a negative size, or in a snapshot a zero size or sides out of order"
                )
        self._last = (int(book.ts_venue[-1]), int(book.seq[-1]))

    def checkpoint(self, ts_recv: Nanos) -> BookColumns:
        """Return the present book as one message, with the last message's sequence number and venue time."""
        if self._last is None:
            raise ValueError("no checkpoint before the first snapshot")
        n_bids, n_asks = (int(n) for n in self._span[:, 1] - self._span[:, 0])
        levels: IntArray = np.empty((n_bids + n_asks, 2), np.int64)
        copy_out(self._ladder, self._span, levels)
        ts_venue, seq = self._last
        return BookColumns([ts_venue], [ts_recv], [seq], [-1], [CHECKPOINT], [0], [n_bids], [n_asks], levels)

    def _resize(self, capacity: int) -> None:
        self._ladder: IntArray = np.zeros((2, capacity, 2), np.int64)
        self._span: IntArray = np.zeros((2, 2), np.int64)
        clear(self._ladder, self._span)

    def _grow(self) -> None:
        ladder, span = self._ladder, self._span
        capacity = 2 * ladder.shape[1]
        if capacity > _MOST:
            raise ValueError(f"a book of more than {_MOST:,} levels a side")
        self._resize(capacity)
        regrow(ladder, span, self._ladder, self._span)
