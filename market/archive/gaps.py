"""When a feed was not listened to: rows of (feed, from, to, reason), cut at full hours like all else.

Arrow's arrays are made of their buffers: `pa.array` imports pandas, half a second in which nobody trades, and 50 MB.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from market.archive.atomic_file import atomic_file
from market.archive.layout import GAPS, hour_files, hour_path
from market.archive.window import Window, hour_of
from market.units import HOUR, Nanos


@attrs.frozen(order=True)
class Gap:
    """A time in which messages may have been lost, or that is worth a note.

    Attributes:
        ts_from: ts_recv of the last message before it.  ts_to: of the first one after.
        kind: the feed's kind, such as `delta`.
        reason: `silence`, or what the recorder says.
        is_hole: messages may have been lost; else it is a note, such as of a duplicate, and the hour stays complete.
    """

    ts_from: Nanos
    ts_to: Nanos
    kind: str
    reason: str
    is_hole: bool = True


def by_hour(gaps: Iterable[Gap]) -> dict[Nanos, list[Gap]]:
    """Cut gaps at full hours; the pieces by the hour that they are in."""
    pieces: list[Gap] = []
    for gap in gaps:
        at = gap.ts_from
        while at < gap.ts_to:
            end = min(gap.ts_to, hour_of(at) + HOUR)
            pieces.append(attrs.evolve(gap, ts_from=at, ts_to=end))
            at = end
    return {hour: list(group) for hour, group in groupby(sorted(pieces), key=lambda piece: hour_of(piece.ts_from))}


def write_gaps(root: Path, venue: str, symbol: str, hour: Nanos, gaps: Iterable[Gap]) -> None:
    """Write the gaps of one hour, in place of what stands there."""
    rows = sorted(gaps)
    table = pa.table(
        {
            "ts_from": _ints([gap.ts_from for gap in rows]),
            "ts_to": _ints([gap.ts_to for gap in rows]),
            "kind": _texts([gap.kind for gap in rows]),
            "reason": _texts([gap.reason for gap in rows]),
            "is_hole": _truths([gap.is_hole for gap in rows]),
        }
    )
    with atomic_file(hour_path(root, venue, symbol, GAPS, hour)) as half:
        pq.write_table(table, half, compression="zstd")


def read_gaps(root: Path, venue: str, symbol: str, window: Window | None = None) -> list[Gap]:
    """Return the gaps of an instrument in order of time, the pieces of one put together again."""
    pieces: list[Gap] = []
    for path in hour_files(root, venue, symbol, GAPS, window):
        pieces += (Gap(**row) for row in pq.ParquetFile(path).read().to_pylist())
    whole: dict[tuple[str, str, bool], Gap] = {}
    done: list[Gap] = []
    for piece in sorted(pieces):
        key = (piece.kind, piece.reason, piece.is_hole)
        last = whole.get(key)
        if last is not None and last.ts_to == piece.ts_from and piece.ts_from % HOUR == 0:
            whole[key] = attrs.evolve(last, ts_to=piece.ts_to)
            continue
        if last is not None:
            done.append(last)
        whole[key] = piece
    return sorted([*done, *whole.values()])


def _ints(values: Sequence[int]) -> Any:
    return pa.Array.from_buffers(pa.int64(), len(values), [None, pa.py_buffer(np.array(values, np.int64).tobytes())])


def _texts(values: Sequence[str]) -> Any:
    encoded = [value.encode() for value in values]
    offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    buffers = [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.string(), len(values), buffers)


def _truths(values: Sequence[bool]) -> Any:
    bits = np.packbits(np.array(values, np.bool_), bitorder="little")
    return pa.Array.from_buffers(pa.bool_(), len(values), [None, pa.py_buffer(bits.tobytes())])
