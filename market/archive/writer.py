"""Write one feed of one instrument into an archive, hour by hour."""

from itertools import pairwise
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Final, Self

import numpy as np

from market.archive.arrow_columns import CHECKPOINT, COLUMNS, in_order
from market.archive.full_book import FullBook
from market.archive.gaps import Gap
from market.archive.hour_file import HourFile
from market.archive.layout import KINDS, Kind
from market.archive.window import hour_of
from market.columns import BookColumns, Columns
from market.instrument import Instrument
from market.units import HOUR, SECOND, Nanos

_NEVER: Final = 1 << 62
# a feed that says nothing for so long was not listened to; trades, funding and marks (kept when they change) may be
# silent for long, and what is ours or a socket's may for ever
MAX_SILENCE: Final = MappingProxyType(
    {
        "book": 10 * SECOND,
        "delta": 10 * SECOND,
        "trades": 24 * HOUR,
        "funding": 24 * HOUR,
        "marks": HOUR,
        "orders": _NEVER,
        "fills": _NEVER,
        "raw": _NEVER,
    }
)


class ArchiveWriter:
    """Streams columns into hours.  Holds one row group and, for increments, the full book; nothing else grows.

    An hour takes its name when the next one begins or the writer is closed; a crash or `abort` loses the open hour.

    Attributes:
        book: of a `delta` feed: the book as it stands.
        gaps: when the feed was not listened to, so far: silences and what `mark_gap` was told.
        longest_silence: ns between two messages.
    """

    def __init__(
        self,
        root: Path,
        instrument: Instrument,
        kind: Kind,
        *,
        replace: bool = False,
        covered_from: Nanos | None = None,
        max_silence: Nanos | None = None,
    ) -> None:
        """Begin; no file is made before the first message.

        Args:
            replace: hours that the archive has already are replaced; else they are an error.
            covered_from: since when the feed is listened to, if that is before its first message.
            max_silence: ns without a message that mean a gap; by default that of the kind (MAX_SILENCE).
        """
        if kind not in KINDS:
            raise ValueError(f"kind {kind!r} must be one of {', '.join(KINDS)}")
        self._root = root
        self._instrument = instrument
        self._kind = kind
        self._replace = replace
        self._covered_from = covered_from
        self._max_silence = MAX_SILENCE[kind] if max_silence is None else max_silence
        self._open: HourFile | None = None
        self._hour: Nanos = 0
        self._last_recv: Nanos | None = None
        self._is_closed = False
        self.book = FullBook() if kind == "delta" else None
        self.gaps: list[Gap] = []
        self.longest_silence: Nanos = 0

    def append(self, columns: Columns) -> None:
        """Add messages, in order of arrival.

        Raises:
            ValueError: they are of another kind, go back in `ts_recv`, or are no book; then only `abort` is left.
            FileExistsError: the archive has one of their hours.
        """
        if self._is_closed:
            raise ValueError("append() to a closed archive writer")
        if not isinstance(columns, COLUMNS[self._kind]):
            raise ValueError(f"{type(columns).__name__} are no {self._kind}; wanted {COLUMNS[self._kind].__name__}")
        if not len(columns):
            return
        if isinstance(columns, BookColumns):
            columns = in_order(columns)
        recv = columns.ts_recv
        steps = np.diff(recv, prepend=recv[0] if self._last_recv is None else self._last_recv)
        if (steps < 0).any():
            at = int(np.argmax(steps < 0))
            raise ValueError(f"ts_recv goes back by {-steps[at]} ns to {recv[at]} ns; it must never decrease")
        for late in np.flatnonzero(steps > self._max_silence).tolist():
            self.mark_gap(int(recv[late] - steps[late]), int(recv[late]), "silence")
        self.longest_silence = max(self.longest_silence, int(steps.max()))
        hours = recv // HOUR
        cuts: list[int] = [0, *(np.flatnonzero(np.diff(hours)) + 1).tolist(), len(recv)]
        for begin, end in pairwise(cuts):
            self._put(columns.rows(begin, end))
        self._last_recv = int(recv[-1])

    def mark_gap(self, ts_from: Nanos, ts_to: Nanos, reason: str) -> None:
        """Note that messages between these times may be lost; their hours are then not complete."""
        self.gaps.append(Gap(ts_from, ts_to, self._kind, reason))

    def close(self, covered_to: Nanos | None = None) -> None:
        """Finish the last hour.

        Args:
            covered_to: until when the feed was listened to, if that is after its last message.
        """
        if self._is_closed:
            return
        if self._open is None and self._covered_from is not None and covered_to is not None:
            self._begin(hour_of(self._covered_from))  # a feed that never spoke
        if self._open is not None:
            if covered_to is not None:
                self._turn_to(hour_of(covered_to - 1))
            ends = [end for end in (self._last_recv, covered_to) if end is not None]
            self._finish(max(ends))
        self._is_closed = True

    def abort(self) -> None:
        """Leave the open hour unwritten; those before it stay."""
        if self._open is not None:
            self._open.abort()
            self._open = None
        self._is_closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    def _put(self, columns: Columns) -> None:
        """Write messages of one hour."""
        first = int(columns.ts_recv[0])
        hour = hour_of(first)
        is_new = self._open is None or hour != self._hour
        if self._open is None:
            if self._covered_from is None or self._covered_from > first:
                self._covered_from = first
            self._begin(hour_of(self._covered_from))
        file = self._turn_to(hour)
        if isinstance(columns, BookColumns) and self.book is not None:
            if is_new and self.book.is_known and not columns.is_snapshot[0]:
                in_gap = any(gap.ts_from < hour < gap.ts_to for gap in self.gaps)
                file.append(self.book.checkpoint(first if in_gap else hour))
            if (columns.is_snapshot == CHECKPOINT).any():
                raise ValueError("checkpoints are the archive's own; a snapshot has is_snapshot = 1")
            self.book.follow(columns)
        file.append(columns)

    def _begin(self, hour: Nanos) -> HourFile:
        self._open = HourFile(self._root, self._instrument, self._kind, hour, replace=self._replace)
        self._hour = hour
        return self._open

    def _turn_to(self, hour: Nanos) -> HourFile:
        """Go on to an hour; those between were silent, and are written unless they lie in a gap."""
        assert self._open is not None
        while self._hour < hour:
            self._finish(self._hour + HOUR)
            following = self._hour + HOUR
            while following < hour and any(gap.ts_from <= following <= gap.ts_to - HOUR for gap in self.gaps):
                following += HOUR
            file = self._begin(following)
            if following < hour and self.book is not None and self.book.is_known:
                file.append(self.book.checkpoint(following))
        return self._open

    def _finish(self, covered_to: Nanos) -> None:
        assert self._open is not None
        covered_from = self._hour if self._covered_from is None else self._covered_from
        self._open.finish(covered_from, covered_to, self.gaps)
        self._open = None
