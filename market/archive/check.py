"""Read all that an archive has and say what is wrong."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import attrs
import numpy as np
import pyarrow.parquet as pq

from market.archive.ahead_format import read_batches
from market.archive.ahead_layout import parts
from market.archive.arrow_columns import CHECKPOINT, from_table
from market.archive.full_book import FullBook
from market.archive.gaps import read_gaps
from market.archive.hour import DAMAGE, Hour, from_metadata
from market.archive.instruments import is_same_grid, read_instruments, valid_at
from market.archive.layout import GAPS, KINDS, hour_files, path_hour
from market.archive.listing import feed_names
from market.archive.window import Window
from market.columns import BookColumns, Columns
from market.units import HOUR


@attrs.frozen
class Problem:
    """One thing that is not as it should be.

    Attributes:
        path: where.  text: what, and what to do where that is not plain.
    """

    path: Path
    text: str

    def __str__(self) -> str:
        return f"{self.path}: {self.text}"


_REPAIR: Final = "`repair` finishes it"


def check(root: Path) -> Iterator[Problem]:
    """Yield every problem of an archive; all files are read whole, and their checksums compared."""
    yield from _left_overs(root)
    names = list(feed_names(root))
    for venue, symbol, kind in names:
        for path in hour_files(root, venue, symbol, kind):
            yield from (Problem(path, text) for text in _hour(root, path, (venue, symbol, kind)))
    for venue, symbol in dict.fromkeys(name[:2] for name in names):
        for path in hour_files(root, venue, symbol, GAPS):
            try:
                start = path_hour(path)
                found = read_gaps(root, venue, symbol, Window(start, start + HOUR))
            except DAMAGE as error:
                yield Problem(path, f"damaged: {error}")
                continue
            for gap in found:
                if not start <= gap.ts_from <= gap.ts_to <= start + HOUR or gap.kind not in KINDS:
                    yield Problem(path, f"a gap that is not of this hour: {gap}")


def _left_overs(root: Path) -> Iterator[Problem]:
    """Yield what interrupted writers left."""
    for path in sorted(root.glob(".staging-*")):
        yield Problem(path, f"an interrupted import; {_REPAIR}")
    for path in sorted(root.rglob(".*.tmp")):
        yield Problem(path, "a half file of a writer that died, or is at work; `repair` removes it")
    for part in parts(root):
        end = 0
        for batch in read_batches(part.path):
            end = batch.end
        n_torn = part.path.stat().st_size - end
        if part.is_open:
            torn = f", {n_torn} bytes torn off its end" if n_torn else ""
            yield Problem(part.path, f"open: a recorder is at work, or died{torn}; {_REPAIR}")
        elif n_torn:
            yield Problem(part.path, f"damaged after {end} of {end + n_torn} bytes; what follows is lost")
        else:
            yield Problem(part.path, f"not yet an hour; {_REPAIR}")


def _hour(root: Path, path: Path, name: tuple[str, str, str]) -> Iterator[str]:
    try:
        with pq.ParquetFile(path, memory_map=False, pre_buffer=False, page_checksum_verification=True) as file:
            hour = from_metadata(file.metadata.metadata, path)
            stated = (hour.instrument.venue, hour.instrument.symbol, hour.kind, hour.start)
            if stated != (*name, path_hour(path)):
                yield f"says it is {stated[0]}:{stated[1]} {stated[2]} of another place or hour"
                return
            known = read_instruments(root, *name[:2])
            if not known:
                yield "no instrument.json beside it"
            elif not is_same_grid(valid_at(known, hour.start), hour.instrument):
                yield "its tick, lot or multiplier are others than instrument.json has"
            groups = (from_table(file.read_row_group(i), hour.kind) for i in range(file.num_row_groups))
            yield from _rows(hour, groups)
    except DAMAGE as error:
        yield f"damaged: {error}"


def _rows(hour: Hour, groups: Iterator[Columns]) -> Iterator[str]:
    n_rows = n_levels = 0
    last = hour.start
    book = FullBook()
    for columns in groups:
        recv = columns.ts_recv
        if len(recv) and (recv[0] < last or (np.diff(recv) < 0).any()):
            yield "receive times go back, or are before the hour"
        if len(recv):
            last = int(recv[-1])
        n_rows += len(columns)
        if isinstance(columns, BookColumns):
            n_levels += len(columns.levels)
            if hour.kind == "delta":
                if n_rows == len(columns) and not columns.is_snapshot[0]:
                    yield "does not begin with a full book"
                    return
                if (columns.is_snapshot[1:] == CHECKPOINT).any():
                    yield "a checkpoint in the middle of a feed"
                book.follow(columns)
    if last >= hour.end:
        yield "receive times after the hour"
    if (n_rows, n_levels) != (hour.n_rows, hour.n_levels):
        yield f"{n_rows} rows and {n_levels} levels, and its metadata say {hour.n_rows} and {hour.n_levels}"
