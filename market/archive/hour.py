"""What one file says of itself: a JSON text under the key `lockstep` of its parquet metadata."""

import json
import zlib
from pathlib import Path
from typing import Any, Final

import attrs
import pyarrow as pa
import pyarrow.parquet as pq

from market.archive.instrument_record import from_record, to_record
from market.archive.layout import Kind
from market.archive.window import hour_text, parse_hour
from market.instrument import Instrument
from market.units import HOUR, SECOND, Nanos

KEY: Final = "lockstep"
FORMAT: Final = 1
# a recording that begins or ends so close to the full hour has the hour; feeds of books speak far more often
EDGE: Final = 10 * SECOND
# what reading a file raises that bits have changed in
DAMAGE: Final = (pa.ArrowException, OSError, ValueError, TypeError, KeyError, AttributeError, MemoryError)


@attrs.frozen
class Hour:
    """One hour of one feed.

    Attributes:
        kind, instrument: of which feed.  start: when the hour begins.
        n_rows: messages, checkpoints included.  n_levels: their level rows.
        complete: the feed was listened to during all of the hour.
        covered_from, covered_to: from when until when it was.
        first_seq, last_seq: sequence numbers of the first and last message; -1 where there are none.
        n_latencies: messages whose ts_recv - ts_venue was measured: all but checkpoints, which are ours.
        least_latencies: the least of these, in order; see market.archive.clock.
        n_parts: how many parts of a recorder's write-ahead are in it; 0 where it is imported.
    """

    kind: Kind
    instrument: Instrument
    start: Nanos
    n_rows: int
    n_levels: int
    complete: bool
    covered_from: Nanos
    covered_to: Nanos
    first_seq: int
    last_seq: int
    n_latencies: int
    least_latencies: tuple[Nanos, ...]
    n_parts: int = 0

    @property
    def end(self) -> Nanos:
        return self.start + HOUR


def to_metadata(hour: Hour) -> dict[str, str]:
    """Return the metadata of a file."""
    content: dict[str, Any] = {
        "format": FORMAT,
        "kind": hour.kind,
        "hour": hour_text(hour.start),
        "complete": hour.complete,
        "covered_from": hour.covered_from,
        "covered_to": hour.covered_to,
        "rows": hour.n_rows,
        "levels": hour.n_levels,
        "first_seq": hour.first_seq,
        "last_seq": hour.last_seq,
        "n_latencies": hour.n_latencies,
        "least_latencies": list(hour.least_latencies),
        "instrument": to_record(hour.instrument),
    }
    if hour.n_parts:
        content["parts"] = hour.n_parts
    content["crc"] = _crc(content)  # parquet has one for its pages, none for this
    return {KEY: json.dumps(content)}


def read_hour(path: Path) -> Hour:
    """Read what a file says of itself; its rows are not touched.

    Raises:
        ValueError: it is no parquet file, or none of this archive's format.
    """
    return from_metadata(pq.read_metadata(path).metadata, path)


def from_metadata(metadata: dict[bytes, bytes] | None, path: Path) -> Hour:
    """Read the metadata of a file that is open already."""
    text = (metadata or {}).get(KEY.encode())
    if text is None:
        raise ValueError(f"{path}: not an hour of an archive: no {KEY!r} in its metadata")
    try:
        content = json.loads(text)
        is_whole = content.pop("crc", None) in (None, _crc(content))
    except (ValueError, AttributeError):
        is_whole = False
    if not is_whole:
        raise ValueError(f"{path}: damaged: {KEY!r} in its metadata is not what was written")
    if content["format"] != FORMAT:
        raise ValueError(f"{path}: format {content['format']}; this version reads {FORMAT}")
    return Hour(
        kind=content["kind"],
        instrument=from_record(content["instrument"], str(path)),
        start=parse_hour(content["hour"]),
        n_rows=content["rows"],
        n_levels=content["levels"],
        complete=content["complete"],
        covered_from=content["covered_from"],
        covered_to=content["covered_to"],
        first_seq=content["first_seq"],
        last_seq=content["last_seq"],
        n_latencies=content["n_latencies"],
        least_latencies=tuple(content["least_latencies"]),
        n_parts=content.get("parts", 0),
    )


def _crc(content: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps(content).encode())
