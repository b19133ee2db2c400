"""One book in sync: changes by the socket, and the whole by REST, which carries the time of the book's last change.

A change says the time of the one before it.  The whole is sound once a change that was heard follows it, by this time.
By REST the book may lag the socket by most of a minute, so that changes are kept for longer than that: a late one finds
its place among them.  Where nothing is heard for so long, the whole is what it is: nothing has changed since.
"""

from collections import deque
from typing import Final

import msgspec
import numpy as np

from market.messages import BookDelta, BookGap, BookSnapshot
from market.units import SECOND, InstrumentId, Nanos

LAG: Final = 60 * SECOND  # of the book by REST, at most: 47 s was seen
_MOST_KEPT: Final = 20_000
_FIRST_PAUSE: Final = SECOND // 4  # before the whole is asked for again; it doubles
_LONGEST_PAUSE: Final = 10 * SECOND

_NOTHING: Final = np.empty((0, 2), np.int64)
_NOTHING.setflags(write=False)

BookMessage = BookSnapshot | BookDelta | BookGap
Change = tuple[int, BookDelta]  # ms of the change before it; seq of the delta is its own


class BookSync:
    """Follows one book, one connection after another.

    Attributes:
        is_sound: what was told is the book.
        ask_at: when to ask for the whole; None: it need not be, or has been.
        n_gaps, n_misfits: holes in the chain; wholes that found no place in it.
    """

    def __init__(self, instrument: InstrumentId) -> None:
        self.is_sound = False
        self.ask_at: Nanos | None = None
        self.n_gaps = self.n_misfits = 0
        self._instrument = instrument
        self._kept: deque[Change] = deque()
        self._last = -1  # ms of the last change heard; -1: none
        self._seq = 0  # last told
        self._since: Nanos = 0  # the socket has been heard from so long, without a hole
        self._held: BookSnapshot | None = None  # newer than the last change: the next must follow it
        self._n_asked = 0

    def begin(self, now: Nanos) -> None:
        """The topic is subscribed: whatever is heard from now on is kept."""
        self._forget(now)
        self.ask_at = now

    def closed(self) -> None:
        """The connection is gone."""
        self._forget(0)
        self.ask_at = None

    def restart(self, now: Nanos) -> None:
        """Whoever keeps the book wants it anew: the chain may be whole, and then serves the next answer."""
        self.is_sound = False
        if self.ask_at is None:
            self.ask_at = now

    def asked(self) -> None:
        """The whole is being asked for."""
        self.ask_at = None

    def failed(self, now: Nanos) -> None:
        """There was no answer, or one of no use."""
        pause = min(_FIRST_PAUSE << min(self._n_asked, 10), _LONGEST_PAUSE)
        self._n_asked += 1
        self.ask_at = now + pause

    # --- changes -----------------------------------------------------------------------------------------------------

    def change(self, previous: int, delta: BookDelta, now: Nanos) -> list[BookMessage]:
        """Take a change; its `seq` is its time, ms, and `previous` that of the one before."""
        if delta.seq <= self._last:
            return []  # told again
        if 0 <= self._last != previous:
            return self._gap(previous, delta, now)
        self._last = delta.seq
        if self.is_sound:
            return [self._next(delta)]
        self._kept.append((previous, delta))
        if len(self._kept) > _MOST_KEPT:
            self._kept.popleft()
        held = self._held
        return [] if held is None else self._fit(held, now)

    def _gap(self, previous: int, delta: BookDelta, now: Nanos) -> list[BookMessage]:
        reason = f"a change that follows {previous} came after {self._last}, ms"
        was_sound = self.is_sound
        self.n_gaps += 1
        self._forget(now)
        self._kept.append((previous, delta))
        self._last = delta.seq
        self.ask_at = now
        return [BookGap(self._instrument, now, reason)] if was_sound else []

    def still(self, ts_venue: Nanos, now: Nanos) -> list[BookDelta]:
        """The socket lives: what it has not told of has not changed.  A sound book is told to stand as it is."""
        if not self.is_sound:
            return []
        return [self._next(BookDelta(self._instrument, ts_venue, now, 0, self._seq + 1, _NOTHING, _NOTHING))]

    # --- the whole ---------------------------------------------------------------------------------------------------

    def whole(self, book: BookSnapshot, now: Nanos) -> list[BookMessage]:
        """Take the book by REST; its `seq` is the time of its last change, ms."""
        return [] if self.is_sound else self._fit(book, now)

    def _fit(self, book: BookSnapshot, now: Nanos) -> list[BookMessage]:
        self._held = None
        follows = [delta for _, delta in self._kept if delta.seq > book.seq]
        first = next((previous for previous, delta in self._kept if delta.seq > book.seq), None)
        if first == book.seq or book.seq == self._last:
            told: list[BookMessage] = [self._told(book)]
            told += map(self._next, follows)
            return told
        if first is None and (book.seq > self._last >= 0 or (self._last < 0 and now < self._since + LAG)):
            self._held = book  # nothing has come that could follow it
            self.ask_at = now + LAG if self._last < 0 else now + _LONGEST_PAUSE
            return []
        if first is None and self._last < 0:
            return [self._told(book)]  # the socket has been silent for longer than this book can be late
        self.n_misfits += 1
        self.failed(now)
        return []

    # --- inside ------------------------------------------------------------------------------------------------------

    def _told(self, book: BookSnapshot) -> BookSnapshot:
        self.is_sound, self.ask_at, self._held = True, None, None
        self._n_asked = 0
        self._seq = max(book.seq, self._seq + 1)
        self._kept.clear()
        if self._last < 0:
            self._last = book.seq
        return msgspec.structs.replace(book, seq=self._seq)

    def _next(self, delta: BookDelta) -> BookDelta:
        previous, self._seq = self._seq, max(delta.seq, self._seq + 1)
        return msgspec.structs.replace(delta, prev_seq=previous, seq=self._seq)

    def _forget(self, now: Nanos) -> None:
        self.is_sound = False
        self._kept.clear()
        self._held = None
        self._last = -1
        self._since = now
        self._n_asked = 0
