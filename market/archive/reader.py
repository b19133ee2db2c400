"""Read an archive: columns in chunks, and what is missing."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

import attrs
import numpy as np
import pyarrow.parquet as pq

from market.archive.arrow_columns import CHECKPOINT, SNAPSHOT, from_table
from market.archive.gaps import read_gaps
from market.archive.hour import EDGE, Hour, from_metadata, read_hour
from market.archive.layout import Kind, hour_files, hour_path
from market.archive.window import Window, clock_text, hour_text
from market.columns import BookColumns, Columns
from market.units import HOUR, Nanos

CHUNK_ROWS: Final = 16_384

T = TypeVar("T")


def read_stream(
    root: Path, venue: str, symbol: str, kind: Kind, start: Nanos, end: Nanos, chunk_rows: int = CHUNK_ROWS
) -> Iterator[Columns]:
    """Yield the messages of one feed in order of arrival, at most `chunk_rows` at a time.

    Memory holds two row groups.  A checkpoint is skipped while the feed goes on without a break; where reading begins
    at its hour, or the hour before is missing or ends at another sequence number, it is given as a snapshot.

    Args:
        start, end: full hours, as in `Window`.

    Raises:
        ValueError: `chunk_rows` is below 1, or a file is damaged.
    """
    if chunk_rows < 1:
        raise ValueError(f"chunk_rows must be at least 1, got {chunk_rows}")
    window = Window(start, end)  # wrong use is seen here, not at the first chunk
    return _chunks(root, venue, symbol, kind, window, chunk_rows)


def book_kind(root: Path, venue: str, symbol: str, window: Window) -> Kind | None:
    """Return what the archive has of an instrument's book in a window: increments, else snapshots, else None."""
    kinds: tuple[Kind, ...] = ("delta", "book")
    return next((kind for kind in kinds if hour_files(root, venue, symbol, kind, window)), None)


@attrs.frozen
class Hole:
    """A time of one feed in a window for which the archive has nothing, or not all.

    Attributes:
        hour: which hour, `YYYY-MM-DD:HH`.
        ts_from, ts_to: which part of it, ns.
        reason: `missing`, `not covered`, or why there is a gap.
    """

    venue: str
    symbol: str
    kind: str
    hour: str
    ts_from: Nanos
    ts_to: Nanos
    reason: str

    def __str__(self) -> str:
        where = f"{self.venue}:{self.symbol} {self.kind} {self.hour}"
        if self.reason == "missing":
            return f"{where}: missing"
        return f"{where}: {self.reason} from {clock_text(self.ts_from)} to {clock_text(self.ts_to)}"


def holes(root: Path, venue: str, symbol: str, kind: Kind, window: Window) -> list[Hole]:
    """Return what a window lacks of a feed, in order of time."""
    found: list[Hole] = []
    for start in window.hours():
        path = hour_path(root, venue, symbol, kind, start)
        if not path.is_file():
            found.append(Hole(venue, symbol, kind, hour_text(start), start, start + HOUR, "missing"))
            continue
        hour = read_hour(path)
        if hour.complete:
            continue
        only = Window(hour.start, hour.end)
        gaps = [gap for gap in read_gaps(root, venue, symbol, only) if gap.kind == kind and gap.is_hole]
        edges = ((hour.start, hour.covered_from), (hour.covered_to, hour.end))
        # what a recorder missed there is a gap of its own; a recording that merely begins a little late has the hour
        parts = [
            (begin, end, "not covered")
            for begin, end in edges
            if end - begin > EDGE or any(gap.ts_from < end and begin < gap.ts_to for gap in gaps)
        ]
        parts += [
            (max(gap.ts_from, hour.start), min(gap.ts_to, hour.end), gap.reason)
            for gap in gaps
            if hour.covered_from <= gap.ts_from and gap.ts_to <= hour.covered_to
        ]
        found += (
            Hole(venue, symbol, kind, hour_text(start), begin, end, reason)
            for begin, end, reason in sorted(parts)
            if begin < end
        )
    return found


def _chunks(root: Path, venue: str, symbol: str, kind: Kind, window: Window, chunk_rows: int) -> Iterator[Columns]:
    before: Hour | None = None
    for hour, group, columns in _read_ahead(_row_groups(hour_files(root, venue, symbol, kind, window), kind)):
        if group == 0:
            if isinstance(columns, BookColumns) and kind == "delta":
                goes_on = before is not None and before.end == hour.start and before.last_seq == hour.first_seq
                columns = _without_checkpoint(columns) if goes_on else _with_checkpoint(columns)
            before = hour
        for begin in range(0, len(columns), chunk_rows):
            yield columns.rows(begin, min(begin + chunk_rows, len(columns)))


def _row_groups(paths: Sequence[Path], kind: Kind) -> Iterator[tuple[Hour, int, Columns]]:
    """Yield each row group of some hours, with its hour and its place therein."""
    for path in paths:
        # no memory map and no read-ahead: both would count as memory that grows with the file
        with pq.ParquetFile(path, memory_map=False, pre_buffer=False) as file:
            hour = from_metadata(file.metadata.metadata, path)
            for group in range(file.num_row_groups):
                yield hour, group, from_table(file.read_row_group(group, use_threads=False), kind)


def _read_ahead(items: Iterator[T]) -> Iterator[T]:
    """Yield what there is; while one is worked on, the next is made in another thread (half of reading's time)."""
    with ThreadPoolExecutor(max_workers=1) as reader:
        following = reader.submit(next, items, None)
        while (item := following.result()) is not None:
            following = reader.submit(next, items, None)
            yield item


def _without_checkpoint(columns: BookColumns) -> BookColumns:
    if len(columns) and columns.is_snapshot[0] == CHECKPOINT:
        return columns.rows(1, len(columns))
    return columns


def _with_checkpoint(columns: BookColumns) -> BookColumns:
    if len(columns) and columns.is_snapshot[0] == CHECKPOINT:
        is_snapshot = np.where(columns.is_snapshot == CHECKPOINT, SNAPSHOT, columns.is_snapshot)
        return attrs.evolve(columns, is_snapshot=is_snapshot)
    return columns
