"""Record live feeds into an archive: a buffer that never waits, a write-ahead, and hours rolled from it."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

import attrs

from market.archive.ahead_format import read_batches
from market.archive.ahead_layout import parts
from market.archive.atomic_file import remove_halves
from market.archive.beside import merge_instrument
from market.archive.feed_recording import FeedRecording
from market.archive.full_book import FullBook
from market.archive.gaps import Gap
from market.archive.hour import DAMAGE, read_hour
from market.archive.instruments import grid, is_same_grid, read_instruments
from market.archive.layout import KINDS, Kind, hour_files, instrument_folder
from market.archive.lock import lock_recording
from market.archive.record_buffer import MOST_BYTES, Entry, RecordBuffer
from market.archive.rolling import RollReport, finish_parts, roll
from market.archive.side_by_side import side_by_side
from market.archive.window import clock_text
from market.columns import BookColumns
from market.instrument import Instrument
from market.units import SECOND, InstrumentId, Nanos

# how often `flush` is to be called: half of what a crash may lose, so that a slow disk has the other half
FLUSH_EVERY: Final = SECOND // 2


@attrs.frozen
class RecorderStatus:
    """How a recording stands, for the screen, the log and the alarm.

    Attributes:
        n_rows, n_written: messages and bytes that went to the write-ahead.
        n_waiting: bytes that the disk does not have, about.
        n_lost: messages lost: the buffer was full, or they made no book.
        n_unanchored: changes left out before a full book.
        n_clock_back: messages whose receive time went back.
        n_gaps: how often a feed broke off.
        wanting: instruments whose changes are left out until a full book comes: ask for one.
        error: why the disk does not take what waits; None while it does.
        synced: the clock of the last flush after which nothing waited.
    """

    n_rows: int
    n_written: int
    n_waiting: int
    n_lost: int
    n_unanchored: int
    n_clock_back: int
    n_gaps: int
    wanting: tuple[InstrumentId, ...]
    error: str | None
    synced: Nanos


@attrs.frozen
class FeedStatus:
    """How the recording of one feed stands.

    Attributes:
        n_rows, n_written: messages and bytes that went to the write-ahead.
        n_lost, n_unanchored, n_clock_back, n_gaps: as in `RecorderStatus`.
        last_recv: receive time of its newest message; 0: none has come since it began or broke off.
    """

    instrument: Instrument
    kind: Kind
    n_rows: int
    n_written: int
    n_lost: int
    n_unanchored: int
    n_clock_back: int
    n_gaps: int
    last_recv: Nanos


class Recorder:
    """Records feeds into an archive.  One at a time for each archive.

    `put`, `mark_down`, `mark_up` and `note` are for whoever hears the feeds: they never wait, and never raise because
    of a disk.  `flush`, `roll` and `close` work on the disk and may wait for it: call them from other threads, `roll`
    beside `flush` if you like, but no two of the same at once, and `flush` every `FLUSH_EVERY`.

    Attributes:
        n_cut: bytes that the start cut off the ends of files which a crash had torn.
    """

    def __init__(
        self, root: Path, feeds: Iterable[tuple[Instrument, Kind]], now: Nanos, most_bytes: int = MOST_BYTES
    ) -> None:
        """Take an archive for recording and finish what a crash left of the write-ahead.

        Args:
            now: the clock that the messages are stamped with.
            most_bytes: what may wait for the disk, about.

        Raises:
            BlockingIOError: another recorder is at work there.
            ValueError: the archive has an instrument with another tick, lot or multiplier, or hours later than `now`.
            OSError: the disk is full or fails.
        """
        self._root = root
        self._lock = lock_recording(root)
        try:
            self.n_cut = finish_parts(root)
            self._feeds = {(each.id, kind): self._begin(each, kind, now) for each, kind in feeds}
        except BaseException:
            self._lock.close()
            raise
        _load_kernels()
        self._buffer = RecordBuffer(self._feeds, most_bytes)
        self._error: str | None = None
        self._synced = now
        self._is_closed = False

    def put(self, instrument: InstrumentId, kind: Kind, entry: Entry) -> bool:
        """Take a message, or columns, of a feed; False if something of it was lost, which `status` counts."""
        return self._buffer.put((instrument, kind), entry)

    def mark_down(self, instrument: InstrumentId, kind: Kind, ts: Nanos, reason: str) -> None:
        """Say that a feed is not heard from `ts` on; it is again with its next message, or `mark_up`."""
        self._buffer.mark_down((instrument, kind), ts, reason)

    def mark_up(self, instrument: InstrumentId, kind: Kind, ts: Nanos) -> None:
        """Say that a feed is listened to from `ts` on, also while it is silent."""
        self._buffer.mark_up((instrument, kind), ts)

    def note(self, instrument: InstrumentId, gap: Gap) -> None:
        """Have something marked in `gaps`: lost messages, or (not `is_hole`) duplicates or the offset of a clock."""
        self._buffer.note((instrument, _kind(gap.kind)), gap)

    def flush(self, now: Nanos) -> RecorderStatus:
        """Bring to the disk what came, and wait until it has it; what it does not take waits for the next time."""
        if self._is_closed:
            return self.status()
        self._error = None
        for key, feed in self._feeds.items():
            feed.take(self._buffer.take(key), now)
        self._write()
        if self._error is None:
            self._synced = now
        return self.status()

    def status(self) -> RecorderStatus:
        """Return how the recording stands."""
        feeds = self.feeds()
        broken = [key[0] for key, feed in self._feeds.items() if feed.wants_book]
        return RecorderStatus(
            n_rows=sum(feed.n_rows for feed in feeds),
            n_written=sum(feed.n_written for feed in feeds),
            n_waiting=self._buffer.n_bytes,
            n_lost=sum(feed.n_lost for feed in feeds),
            n_unanchored=sum(feed.n_unanchored for feed in feeds),
            n_clock_back=sum(feed.n_clock_back for feed in feeds),
            n_gaps=sum(feed.n_gaps for feed in feeds),
            wanting=tuple(dict.fromkeys([*self._buffer.wanting(), *broken])),
            error=self._error,
            synced=self._synced,
        )

    def feeds(self) -> list[FeedStatus]:
        """Return how each feed stands, in the order in which they were given."""
        return [
            FeedStatus(
                instrument=feed.instrument,
                kind=feed.kind,
                n_rows=feed.n_rows,
                n_written=feed.queue.n_written,
                n_lost=counts.lost + feed.n_bad,
                n_unanchored=counts.unanchored,
                n_clock_back=feed.n_clock_back,
                n_gaps=feed.n_gaps,
                last_recv=feed.last_recv,
            )
            for feed, counts in zip(self._feeds.values(), self._buffer.counts.values(), strict=True)
        ]

    def roll(self) -> RollReport:
        """Make hours of the archive from what is complete of the write-ahead; other feeds go on meanwhile."""
        return roll(self._root)

    def close(self, now: Nanos) -> RecorderStatus:
        """End the recording; what the disk did not take by then is lost, and `n_waiting` says how much.

        What was written becomes hours by `roll`, now or at any later start.
        """
        if self._is_closed:
            return self.status()
        self._error = None
        for key, feed in self._feeds.items():
            feed.take(self._buffer.take(key), now)
            feed.end(now)
        self._write()
        for feed in self._feeds.values():
            feed.close()
        self._lock.close()
        self._is_closed = True
        return self.status()

    def _write(self) -> None:
        """Let the disk have what waits, of all feeds side by side; what fails may be one file."""
        feeds = list(self._feeds.values())
        waiting = [feed for feed in feeds if feed.queue.is_waiting]
        for feed, (n_bytes, error) in zip(waiting, side_by_side([feed.queue.write for feed in waiting]), strict=True):
            self._buffer.release(n_bytes)
            if error is not None:
                self._error = f"{feed.instrument.name} {feed.kind}: {error}"
        for feed in feeds:
            self._buffer.release(feed.queue.take_free())

    def _begin(self, instrument: Instrument, kind: Kind, now: Nanos) -> FeedRecording:
        for known in read_instruments(self._root, instrument.venue, instrument.symbol):
            if known.valid_from == instrument.valid_from and not is_same_grid(known, instrument):
                raise ValueError(
                    f"the archive {self._root} has {instrument.name} with (tick, lot, multiplier, inverse) = "
                    f"{_shown(known)}, not {_shown(instrument)}; if the rules changed, give the new ones a valid_from"
                )
        after = _newest(self._root, instrument, kind)
        if after is not None and after > now:
            raise ValueError(
                f"the archive {self._root} has {instrument.name} {kind} until {clock_text(after)}, and the clock says "
                f"{clock_text(now)}; set the clock right, or record elsewhere"
            )
        remove_halves(instrument_folder(self._root, instrument.venue, instrument.symbol) / "instrument.json")
        merge_instrument(self._root, self._root, instrument)
        return FeedRecording(self._root, instrument, kind, after)


def _load_kernels() -> None:
    """Use each kernel once: the first call takes as long as a second's worth of messages may wait."""
    book = FullBook()
    book.follow(BookColumns([0], [0], [0], [-1], [1], [0], [1], [1], [[1, 1], [2, 1]]))
    book.checkpoint(0)


def _newest(root: Path, instrument: Instrument, kind: Kind) -> Nanos | None:
    """Return until when an archive and its write-ahead have a feed; None if they have nothing."""
    ends = []
    for path in hour_files(root, instrument.venue, instrument.symbol, kind)[-1:]:
        with suppress(*DAMAGE):  # a damaged hour keeps nobody from recording; `check` says so
            ends.append(read_hour(path).covered_to)
    for part in parts(root):
        if (part.venue, part.symbol, part.kind) == (instrument.venue, instrument.symbol, kind):
            ends += [batch.until for batch in read_batches(part.path)]
    return max(ends, default=None)


def _kind(text: str) -> Kind:
    for kind in KINDS:
        if kind == text:
            return kind
    raise ValueError(f"kind {text!r} must be one of {', '.join(KINDS)}")


def _shown(instrument: Instrument) -> str:
    return "(" + ", ".join(str(each).lower() for each in grid(instrument)) + ")"
