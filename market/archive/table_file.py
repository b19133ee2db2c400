"""One parquet file of a run's tables, and how rows become Arrow's columns."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from market.tables import TABLES

CHUNK_ROWS: Final = 65_536
_ARROW: dict[str, pa.DataType] = {
    "int64": pa.int64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "category": pa.dictionary(pa.int32(), pa.string()),
}
SCHEMAS: Final = {
    name: pa.schema([(column, _ARROW[dtype]) for column, dtype in columns.items()]) for name, columns in TABLES.items()
}


class TableFile:
    """One parquet file, under another name until it is whole."""

    def __init__(self, folder: Path, name: str) -> None:
        self._path = folder / f"{name}.parquet"
        self._part = folder / f"{name}.parquet.part"
        self.schema = SCHEMAS[name]
        # times, prices and counts differ little from row to row: as differences they take half of the time and space
        # that a dictionary of them does
        counts = [field.name for field in self.schema if field.type == pa.int64()]
        texts = [field.name for field in self.schema if pa.types.is_dictionary(field.type)]
        self._writer = pq.ParquetWriter(
            self._part,
            self.schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=texts,  # type: ignore[arg-type]  # the stubs know of true and false only
            column_encoding=dict.fromkeys(counts, "DELTA_BINARY_PACKED"),
        )

    def write(self, columns: list[Any]) -> None:
        """Write rows, given by columns."""
        self._writer.write_batch(batch_of(columns, self.schema))

    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Write rows that are Arrow's already."""
        self._writer.write_batch(batch)

    def write_batches(self, batches: list[pa.RecordBatch]) -> None:
        """Write small batches as one."""
        self._writer.write_table(pa.Table.from_batches(batches, self.schema).combine_chunks())

    def close(self) -> None:
        """Let the file be whole and have its name."""
        self._writer.close()
        self._part.rename(self._path)

    def give_up(self) -> None:
        """Let go of a file that a disk did not take."""
        self._writer.is_open = False  # or its end is written when it is collected, and fails again
        self._part.unlink(missing_ok=True)


def batch_of(columns: list[Any], schema: pa.Schema) -> pa.RecordBatch:
    """Return columns as rows of a table."""
    arrays = [_array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


# By way of buffers: `pa.array` imports pandas, which takes as long as replaying a hundred thousand events.


def _array(values: Any, dtype: pa.DataType) -> Any:
    """Return a column of a table: numbers or truths as they come, texts as a dictionary, what is Arrow's as it is."""
    if isinstance(values, pa.Array):
        return values
    if pa.types.is_dictionary(dtype):
        seen = list(dict.fromkeys(values))
        place = {text: n for n, text in enumerate(seen)}
        return pa.DictionaryArray.from_arrays(
            fixed(np.array([place[text] for text in values], np.int32), pa.int32()), text(seen)
        )
    if pa.types.is_boolean(dtype):
        bits = np.packbits(np.asarray(values, np.bool_), bitorder="little")
        return pa.Array.from_buffers(dtype, len(values), [None, pa.py_buffer(bits.data)])
    return fixed(np.asarray(values, dtype.to_pandas_dtype()), dtype)


def fixed(values: npt.NDArray[Any], dtype: pa.DataType) -> Any:
    """Return numbers as an array of Arrow's."""
    whole = np.ascontiguousarray(values)
    return pa.Array.from_buffers(dtype, len(whole), [None, pa.py_buffer(whole.data)])


def text(values: list[str]) -> Any:
    """Return texts as an array of Arrow's."""
    encoded = [text.encode() for text in values]
    ends = np.cumsum([0] + [len(text) for text in encoded], dtype=np.int32)
    buffers = [None, pa.py_buffer(ends.data), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.string(), len(values), buffers)
