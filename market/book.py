"""A book as an actor holds it: its own, or a mirror of one that the simulation's engine advances."""

import numpy as np
import numpy.typing as npt

from market.book_kernels import INVALID, NEEDS_ROOM, apply, clear, load, regrow
from market.book_view import BEST_ASK, BEST_BID, SEQ, STAMP_SIZE, TS_RECV, TS_VENUE, VERSION, BookView
from market.instrument import Instrument
from market.messages import BookUpdate
from market.units import Nanos

IntArray = npt.NDArray[np.int64]


class Book(BookView):
    """The book of one instrument: every level that it was told of, `depth` of them a side shown.

    It owns its arrays and is written by `load` and `apply`; or it is attached to arrays that another advances.
    """

    __slots__ = ("_due", "_scratch", "is_attached", "n_unknown_deletes")

    def __init__(self, instrument: Instrument, depth: int = 20, capacity: int = 64) -> None:
        """Begin empty, with room for `capacity` levels a side; it grows when they do not fit."""
        if capacity < 1:
            raise ValueError(f"capacity must be at least 1, got {capacity}")
        ladder = np.zeros((2, capacity, 2), dtype=np.int64)
        super().__init__(
            instrument, depth, ladder, np.full((2, 2), capacity // 2), np.zeros(STAMP_SIZE, dtype=np.int64)
        )
        self.is_attached = False
        self.n_unknown_deletes = 0
        self._due: BookUpdate | None = None  # where `load_when_read` is late
        self._scratch = np.empty((2 * capacity, 2), dtype=np.int64)

    @classmethod
    def attached(cls, instrument: Instrument, depth: int, ladder: IntArray, span: IntArray, stamp: IntArray) -> "Book":
        """Return a mirror of another owner's arrays, laid out as `BookView` says."""
        book = cls(instrument, depth, 1)
        book.attach(ladder, span, stamp)
        return book

    def attach(self, ladder: IntArray, span: IntArray, stamp: IntArray) -> None:
        """Mirror these arrays of another owner from now on (also after the owner has moved to larger ones)."""
        self._forget_due()
        self._bind(ladder, span, stamp)
        self.is_attached = True

    def detach(self) -> None:
        """Take a private copy of the arrays: the book stands still until it is written by `load` and `apply`."""
        self._bind(self._ladder.copy(), self._span.copy(), self._stamp.copy())
        self.is_attached = False

    def copy(self) -> "Book":
        """Return a book of its own with the same levels and stamps."""
        if self.late is not None:
            self.late()
        book = Book.attached(self.instrument, self.depth, self._ladder, self._span, self._stamp)
        book.detach()
        book.n_unknown_deletes = self.n_unknown_deletes
        return book

    def load(self, bids: IntArray, asks: IntArray, ts_venue: Nanos, ts_recv: Nanos, seq: int) -> None:
        """Replace the book by a snapshot: (n, 2) rows of (ticks, lots), best first.

        Raises:
            ValueError: a price or size is below 1 or a side is out of order (the book stays as it was), or the book
                is attached.
        """
        self._forget_due()
        n_bids, n_asks = self._stage(bids, asks)
        answer = load(self._ladder, self._span, self._scratch, 0, n_bids, n_asks)
        if answer == NEEDS_ROOM:
            self._grow(max(n_bids, n_asks))
            answer = load(self._ladder, self._span, self._scratch, 0, n_bids, n_asks)
        if answer == INVALID:
            raise ValueError(
                f"snapshot {seq} of {self.instrument.name} is out of order, or has a price or size below 1"
            )
        self._wrote(ts_venue, ts_recv, seq)

    def load_when_read(self, update: BookUpdate) -> None:
        """Be what the update shows, from the next time that somebody reads: most are replaced before that.

        Raises:
            ValueError: the book is attached; where the levels are out of order, whoever reads is told.
        """
        self._must_own()
        self._due = update
        self.late = self._load_due

    def _load_due(self) -> None:
        update = self._due
        assert update is not None
        assert update.bids is not None
        assert update.asks is not None
        self.load(update.bids, update.asks, update.ts_venue, update.ts_recv, update.seq)

    def _forget_due(self) -> None:
        if self._due is not None:
            self._due = self.late = None

    def apply(self, bids: IntArray, asks: IntArray, ts_venue: Nanos, ts_recv: Nanos, prev_seq: int, seq: int) -> bool:
        """Change the book by a delta: (n, 2) rows of (ticks, new lots), 0 lots deletes.

        Deletes of levels that are not there change nothing and are counted in `n_unknown_deletes`.

        Returns:
            False if the delta does not follow what is here (`prev_seq` is neither -1 nor `seq`): nothing was applied.

        Raises:
            ValueError: a price below 1 or a negative size (the book stays as it was), or the book is attached.
        """
        if self._due is not None:
            self._load_due()
        if prev_seq != -1 and prev_seq != self._stamps[SEQ]:
            return False
        n_bids, n_asks = self._stage(bids, asks)
        answer = apply(self._ladder, self._span, self._scratch, 0, n_bids, n_asks)
        if answer == NEEDS_ROOM:
            self._grow(max(self.n_bids + n_bids, self.n_asks + n_asks))
            answer = apply(self._ladder, self._span, self._scratch, 0, n_bids, n_asks)
        if answer == INVALID:
            raise ValueError(f"delta {seq} of {self.instrument.name} has a price below 1 or a negative size")
        self.n_unknown_deletes += answer
        self._wrote(ts_venue, ts_recv, seq)
        return True

    def update(self) -> BookUpdate:
        """Return what is told of the book as it is to those who follow it."""
        if self.late is not None:
            self.late()
        stamps = self._stamps
        return BookUpdate(
            self.instrument.id,
            stamps[TS_VENUE],
            stamps[TS_RECV],
            stamps[SEQ],
            self.bid_levels,
            self.ask_levels,
        )

    def clear(self) -> None:
        """Take all levels out; the stamps stay."""
        self._forget_due()
        self._must_own()
        clear(self._ladder, self._span)
        stamps = self._stamps
        stamps[BEST_BID] = stamps[BEST_ASK] = 0
        stamps[VERSION] += 1

    def _must_own(self) -> None:
        if self.is_attached:
            raise ValueError(f"the book of {self.instrument.name} shows arrays of another owner; detach it to write it")

    def _stage(self, bids: IntArray, asks: IntArray) -> tuple[int, int]:
        # the arrays of a message are read-only, for which numba would compile and look up every kernel a second time
        self._must_own()
        n_bids, n_asks = len(bids), len(asks)
        if n_bids + n_asks > len(self._scratch):
            self._scratch = np.empty((2 * (n_bids + n_asks), 2), dtype=np.int64)
        self._scratch[:n_bids] = bids
        self._scratch[n_bids : n_bids + n_asks] = asks
        return n_bids, n_asks

    def _grow(self, n_levels: int) -> None:
        capacity = self._ladder.shape[1]
        while capacity < n_levels:
            capacity *= 2
        ladder, span = np.zeros((2, 2 * capacity, 2), dtype=np.int64), np.zeros((2, 2), dtype=np.int64)
        regrow(self._ladder, self._span, ladder, span)
        self._bind(ladder, span, self._stamp)

    def _wrote(self, ts_venue: Nanos, ts_recv: Nanos, seq: int) -> None:
        stamps = self._stamps
        stamps[TS_VENUE] = ts_venue
        stamps[TS_RECV] = ts_recv
        stamps[SEQ] = seq
        stamps[VERSION] += 1
        words, (bid, bid_end, ask, ask_end) = self._words, self._places
        stamps[BEST_BID] = words[2 * bid] if bid < bid_end else 0
        stamps[BEST_ASK] = words[self._asks_at + 2 * ask] if ask < ask_end else 0
