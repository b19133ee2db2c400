"""One hour while it is written."""

from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

import attrs
import numpy as np
import pyarrow.parquet as pq

from market.archive.arrow_columns import CHECKPOINT, ENCODINGS, SCHEMAS, joined, to_table
from market.archive.atomic_file import half_path, publish
from market.archive.clock import LeastLatencies
from market.archive.gaps import Gap
from market.archive.hour import EDGE, Hour, to_metadata
from market.archive.layout import Kind, hour_path
from market.columns import BookColumns, Columns, RawColumns
from market.instrument import Instrument
from market.units import HOUR, Nanos

# a row group holds at most so many messages, and (but for one huge message) so many level rows, or bytes of frames:
# what a reader holds
GROUP_ROWS: Final = 16_384
GROUP_LEVELS: Final = 1 << 17
GROUP_BYTES: Final = 1 << 22
# receive times of these say nothing of the venue's clock: what is due later is announced before, commands are ours
_UNTIMED: Final = ("funding", "orders", "fills")

C = TypeVar("C", bound=Columns)


class HourFile:
    """Takes the messages of one hour; row groups depend on the messages alone, not on how they are handed in."""

    def __init__(self, root: Path, instrument: Instrument, kind: Kind, start: Nanos, *, replace: bool) -> None:
        """Begin the hour's file.

        Raises:
            FileExistsError: the archive has that hour, and `replace` is not set.
        """
        self._path = hour_path(root, instrument.venue, instrument.symbol, kind, start)
        if not replace and self._path.exists():
            raise FileExistsError(f"{self._path}: this hour is in the archive already")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._half = half_path(self._path)
        self._instrument = instrument
        self._kind = kind
        self._start = start
        self._pending: list[Columns] = []
        self._n_pending = 0
        self._n_pending_levels = 0
        self._n_pending_bytes = 0
        self._n_rows = 0
        self._n_levels = 0
        self._seqs: tuple[int, int] | None = None
        self._least = LeastLatencies()
        self._out = open_parquet(self._half, kind)

    def append(self, columns: Columns) -> None:
        """Take messages of this hour."""
        if not len(columns):
            return
        self._pending.append(columns)
        self._n_pending += len(columns)
        if isinstance(columns, BookColumns):
            self._n_pending_levels += int((columns.n_bids + columns.n_asks).sum())
        elif isinstance(columns, RawColumns):
            self._n_pending_bytes += len(columns.data)
        self._note(columns)
        has_bytes = self._n_pending_bytes >= GROUP_BYTES
        if self._n_pending >= GROUP_ROWS or self._n_pending_levels >= GROUP_LEVELS or has_bytes:
            self._flush(is_end=False)

    def finish(self, covered_from: Nanos, covered_to: Nanos, gaps: list[Gap], n_parts: int = 0) -> Path:
        """Write what is left and give the file its name.

        Args:
            covered_from, covered_to: when the feed was listened to; may reach beyond the hour.
            gaps: when it was not, within these.
            n_parts: parts of the write-ahead that it is made of; then `gaps` are of this hour, and all that it lacks.
        """
        covered_from, covered_to = max(covered_from, self._start), min(covered_to, self._start + HOUR)
        inside = [gap for gap in gaps if gap.is_hole and gap.ts_to > covered_from and gap.ts_from < covered_to]
        for gap in sorted(inside):
            covered_from = gap.ts_to if gap.ts_from <= covered_from else covered_from
        for gap in sorted(inside, reverse=True):
            covered_to = gap.ts_from if gap.ts_to >= covered_to else covered_to
        # a recorder knows what it missed, however short, also at the edges
        has_hole = bool(inside) or (n_parts > 0 and any(gap.is_hole for gap in gaps))
        self._flush(is_end=True)
        first_seq, last_seq = self._seqs or (-1, -1)
        hour = Hour(
            kind=self._kind,
            instrument=self._instrument,
            start=self._start,
            n_rows=self._n_rows,
            n_levels=self._n_levels,
            complete=not has_hole and covered_from <= self._start + EDGE and covered_to >= self._start + HOUR - EDGE,
            covered_from=covered_from,
            covered_to=max(covered_from, covered_to),
            first_seq=first_seq,
            last_seq=last_seq,
            n_latencies=self._least.n,
            least_latencies=self._least.values(),
            n_parts=n_parts,
        )
        self._out.add_key_value_metadata(to_metadata(hour))
        self._out.close()
        publish(self._half, self._path)
        return self._path

    def abort(self) -> None:
        """Leave nothing behind."""
        with suppress(OSError):  # on a full disk the end of the file cannot be written either
            self._out.close()
        self._half.unlink(missing_ok=True)

    def _note(self, columns: Columns) -> None:
        if isinstance(columns, RawColumns):
            return
        latencies = columns.ts_recv - columns.ts_venue
        if isinstance(columns, BookColumns):
            latencies = latencies[columns.is_snapshot != CHECKPOINT]
            first, _ = self._seqs or (int(columns.seq[0]), 0)
            self._seqs = (first, int(columns.seq[-1]))
        if self._kind not in _UNTIMED:
            self._least.add(latencies)

    def _flush(self, *, is_end: bool) -> None:
        if not self._pending:
            return
        columns = joined(self._pending)
        begin = 0
        while begin < len(columns):
            end = _group_end(columns, begin)
            if end is None and not is_end:
                break
            end = len(columns) if end is None else end
            group = columns.rows(begin, end)
            self._out.write_table(to_table(group, self._kind))
            self._n_rows += len(group)
            self._n_levels += len(group.levels) if isinstance(group, BookColumns) else 0
            begin = end
        rest = columns.rows(begin, len(columns))
        self._pending = [_owned(rest)] if len(rest) else []
        self._n_pending = len(rest)
        self._n_pending_levels = len(rest.levels) if isinstance(rest, BookColumns) else 0
        self._n_pending_bytes = len(rest.data) if isinstance(rest, RawColumns) else 0


def open_parquet(path: Path, kind: Kind, level: int = 1) -> pq.ParquetWriter:
    """Begin a parquet file of a kind; pages carry checksums, so that `check` sees a bit that has changed.

    Args:
        level: of zstd; above 1 it is smaller and slower to write.
    """
    return pq.ParquetWriter(
        path,
        SCHEMAS[kind],
        compression="zstd",
        compression_level=level,
        use_dictionary=False,
        write_statistics=[name for name in ("ts_recv", "ts_venue") if name in SCHEMAS[kind].names],
        column_encoding=_encodings(kind),
        write_page_checksum=True,
    )


def _group_end(columns: Columns, begin: int) -> int | None:
    """Return where the row group that begins at `begin` ends, None if it may go on after these columns."""
    ends = [begin + GROUP_ROWS]
    if isinstance(columns, BookColumns):
        reached = columns.start + columns.n_bids + columns.n_asks - columns.start[begin]
        ends.append(int(np.searchsorted(reached, GROUP_LEVELS)) + 1)
    elif isinstance(columns, RawColumns):
        reached = columns.start + columns.n_bytes - columns.start[begin]
        ends.append(int(np.searchsorted(reached, GROUP_BYTES)) + 1)
    end = min(ends)
    return end if end <= len(columns) else None


def _owned(columns: C) -> C:
    """Return a copy, so that a small rest does not keep all that it was cut from."""
    return type(columns)(**{field.name: getattr(columns, field.name).copy() for field in attrs.fields(type(columns))})


def _encodings(kind: Kind) -> dict[str, str]:
    lists = ("price", "size") if kind in ("book", "delta") else ()
    leaves = [f"{name}.list.element" if name in lists else name for name in SCHEMAS[kind].names]
    return {leaf: ENCODINGS[leaf] for leaf in leaves if leaf in ENCODINGS}
