"""Make the hours of an archive smaller: the same rows, packed harder.

What a run says of its data includes hashes of the files; these change, the figures do not.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import attrs
import pyarrow as pa
import pyarrow.parquet as pq

from market.archive.arrow_columns import from_table, to_table
from market.archive.atomic_file import half_path, publish
from market.archive.hour import Hour, from_metadata, read_hour, to_metadata
from market.archive.hour_file import open_parquet
from market.archive.layout import hour_files
from market.archive.listing import feed_names
from market.archive.lock import lock_archive

LEVEL: Final = 15  # of zstd: beyond it seconds are spent for a thousandth


@attrs.frozen
class CompactReport:
    """What became smaller.

    Attributes:
        n_files, n_changed: hours looked at, and those that were written anew.
        n_before, n_after: bytes of all of them.
    """

    n_files: int
    n_changed: int
    n_before: int
    n_after: int


def compact(root: Path, on_file: Callable[[Path], None] | None = None) -> CompactReport:
    """Write each hour anew if that saves room; it is read back and compared before it takes the old one's place.

    Raises:
        BlockingIOError: an import or a recorder is writing hours.
        ValueError: an hour is damaged; those before it are done.
    """
    n_files = n_changed = n_before = n_after = 0
    with lock_archive(root):
        for venue, symbol, kind in feed_names(root):
            for path in hour_files(root, venue, symbol, kind):
                before = path.stat().st_size
                n_changed += _compact_hour(path, read_hour(path))
                n_files, n_before, n_after = n_files + 1, n_before + before, n_after + path.stat().st_size
                if on_file is not None:
                    on_file(path)
    return CompactReport(n_files, n_changed, n_before, n_after)


def _compact_hour(path: Path, hour: Hour) -> bool:
    half = half_path(path)
    try:
        with open_parquet(half, hour.kind, LEVEL) as out:
            for table in _groups(path):
                out.write_table(table)
            out.add_key_value_metadata(to_metadata(hour))
        if half.stat().st_size >= path.stat().st_size:
            return False
        is_same = all(ours.equals(theirs) for ours, theirs in zip(_groups(half), _groups(path), strict=True))
        if not is_same or read_hour(half) != hour:
            raise ValueError(f"{path}: does not read back as it was written; left as it is")
        publish(half, path)
        return True
    finally:
        half.unlink(missing_ok=True)


def _groups(path: Path) -> Iterator[pa.Table]:
    with pq.ParquetFile(path, memory_map=False, pre_buffer=False) as file:
        hour = from_metadata(file.metadata.metadata, path)
        for group in range(file.num_row_groups):
            yield to_table(from_table(file.read_row_group(group), hour.kind), hour.kind)
