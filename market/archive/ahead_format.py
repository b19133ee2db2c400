"""The format of the write-ahead: Arrow IPC streams that any Arrow library reads, with seals of our own.

The schema's metadata says what the part is of (`Head`).  Each record batch carries, as its metadata, until when the
feed is accounted for, its gaps, and a CRC over these and over the rows as they are read back.  A part is good up to its
first batch that is not whole or does not match: what a crash tore off the end, or a disk changed, is never read.
"""

import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import attrs
import pyarrow as pa

from market.archive.arrow_columns import SCHEMAS, from_table, to_table
from market.archive.gaps import Gap
from market.archive.hour import KEY
from market.archive.instrument_record import from_record, to_record
from market.archive.layout import Kind
from market.archive.window import hour_text, parse_hour
from market.columns import Columns
from market.instrument import Instrument
from market.units import Nanos

FORMAT: Final = 1
# threads cost more than they bring for the rows of half a second
_OPTIONS: Final = pa.ipc.IpcWriteOptions(compression="zstd", use_threads=False)
# what Arrow raises on bytes that are no stream; TypeError and KeyError come of a seal with other keys
_TORN: Final = (pa.ArrowException, OSError, ValueError, TypeError, KeyError, EOFError)


@attrs.frozen
class Head:
    """What a part is of.

    Attributes:
        hour: its hour.  covered_from: since when it has the feed.
        after: until when the recording before it had the feed; None where there was none.
        reason: why the time between these two is a gap.
    """

    kind: Kind
    instrument: Instrument
    hour: Nanos
    covered_from: Nanos
    after: Nanos | None
    reason: str


@attrs.frozen(eq=False)
class Batch:
    """Rows of a part and what is said of them.

    Attributes:
        columns: None where nothing came.  gaps: what was marked.
        until: up to here every message is in the part or in a gap.
        end: place in the file after it, bytes.
    """

    columns: Columns | None
    gaps: tuple[Gap, ...]
    until: Nanos
    end: int = 0


def encode_head(head: Head) -> bytes:
    """Return the beginning of a part."""
    return bytes(_schema(head).serialize().to_pybytes())


def encode_batch(head: Head, batch: Batch) -> bytes:
    """Return the bytes that a batch adds to a part; its `end` plays no role."""
    seal = {"until": batch.until, "gaps": [attrs.astuple(gap) for gap in batch.gaps]}
    seal["crc"] = _crc(seal, batch.columns)
    schema = SCHEMAS[head.kind]
    if batch.columns is None:
        rows = pa.RecordBatch.from_arrays([pa.nulls(0, field.type) for field in schema], schema=schema)
    else:
        [rows] = to_table(batch.columns, head.kind).to_batches()
    sink = pa.BufferOutputStream()
    writer = pa.ipc.new_stream(sink, schema, options=_OPTIONS)
    writer.write_batch(rows, custom_metadata={KEY.encode(): json.dumps(seal).encode()})
    # the writer put a schema before it; it is not closed, as that would write the mark of the stream's end
    return bytes(sink.getvalue().to_pybytes()[len(schema.serialize()) :])


def read_head(path: Path) -> Head | None:
    """Return what a part is of; None if not even that is whole.

    Raises:
        ValueError: it is of another format.
    """
    for head, _ in _open(path):
        return head
    return None


def read_batches(path: Path) -> Iterator[Batch]:
    """Yield the good batches of a part, from its beginning."""
    for head, stream in _open(path):
        while True:
            try:
                rows, metadata = stream.reader.read_next_batch_with_custom_metadata()
                rows.validate(full=True)
                seal = json.loads(metadata[KEY])
                columns = from_table(pa.Table.from_batches([rows]), head.kind) if rows.num_rows else None
                if seal.pop("crc") != _crc(seal, columns):
                    return
                gaps = tuple(Gap(*gap) for gap in seal["gaps"])
            except (*_TORN, StopIteration):
                return
            yield Batch(columns, gaps, seal["until"], stream.source.tell())


@attrs.frozen
class _Stream:
    source: Any
    reader: Any


def _open(path: Path) -> Iterator[tuple[Head, _Stream]]:
    """Yield the part once if its head is whole; closes it afterwards."""
    if not path.stat().st_size:
        return
    with pa.memory_map(str(path)) as source:
        try:
            reader = pa.ipc.open_stream(source)
            text = json.loads(reader.schema.metadata[KEY.encode()])
        except _TORN:
            return
        if text["format"] != FORMAT:
            raise ValueError(f"{path}: write-ahead of format {text['format']}; this version reads {FORMAT}")
        instrument = from_record(text["instrument"], str(path))
        hour = parse_hour(text["hour"])
        yield (
            Head(text["kind"], instrument, hour, text["covered_from"], text["after"], text["reason"]),
            _Stream(source, reader),
        )


def _schema(head: Head) -> Any:
    content = {
        "format": FORMAT,
        "kind": head.kind,
        "hour": hour_text(head.hour),
        "covered_from": head.covered_from,
        "after": head.after,
        "reason": head.reason,
        "instrument": to_record(head.instrument),
    }
    return SCHEMAS[head.kind].with_metadata({KEY.encode(): json.dumps(content).encode()})


def _crc(seal: dict[str, Any], columns: Columns | None) -> int:
    crc = zlib.crc32(json.dumps([seal["until"], seal["gaps"]]).encode())
    if columns is not None:
        for field in attrs.fields(type(columns)):
            crc = zlib.crc32(getattr(columns, field.name).data, crc)
    return crc
