"""The tables of a run (market.tables), written while it goes on, in memory that does not grow with its length."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from market.messages import Declaration, EquityStamp, OrderRefused, Reason
from market.order_log import FIELDS, ROW_INTS, LogKind
from market.tables import TABLES
from market.units import InstrumentId

IntArray = npt.NDArray[np.int64]

_CHUNK_ROWS = 65_536
_MOST = 2**63 - 1
_COUNTER_BITS, _QUOTER_MASK = 27, 127
_ARROW: dict[str, pa.DataType] = {
    "int64": pa.int64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "category": pa.dictionary(pa.int32(), pa.string()),
}
_SCHEMAS = {
    name: pa.schema([(column, _ARROW[dtype]) for column, dtype in columns.items()]) for name, columns in TABLES.items()
}


class _Table:
    """One parquet file, under another name until it is whole."""

    def __init__(self, folder: Path, name: str) -> None:
        self._path = folder / f"{name}.parquet"
        self._part = folder / f"{name}.parquet.part"
        self.schema = _SCHEMAS[name]
        # a run's tables are read once or twice: fast beats small
        self._writer = pq.ParquetWriter(self._part, self.schema, compression="zstd", compression_level=1)

    def write(self, columns: list[Any]) -> None:
        arrays = [_array(column, field.type) for column, field in zip(columns, self.schema, strict=True)]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self.schema))

    def close(self) -> None:
        self._writer.close()
        self._part.rename(self._path)


class RunTables:
    """Writes most tables as they come, and `orders` and `fills` from the run's log in the end.

    Args:
        folder: the run directory; it exists.
        deliveries: the optional table of that name is written too.
    """

    def __init__(self, folder: Path, *, deliveries: bool = False) -> None:
        self._folder = folder
        self._newest: dict[InstrumentId, EquityStamp] = {}
        names = ("touch", "trades", "equity", "declarations", "refusals", *(("deliveries",) if deliveries else ()))
        self._tables = {name: _Table(folder, name) for name in names}
        self._equity: list[EquityStamp] = []
        self._declarations: list[Declaration] = []
        self._refusals: list[OrderRefused] = []
        self._n_refusals: Counter[tuple[int, int]] = Counter()
        self._deliveries: list[tuple[Any, ...]] = []

    def take(self, touch: IntArray, trades: IntArray) -> None:
        """Write rows of the `touch` (n, 7) and `trades` (n, 6) tables."""
        for name, rows in (("touch", touch), ("trades", trades)):
            if len(rows):
                self._tables[name].write(list(rows.T.copy()))

    def stamp(self, stamp: EquityStamp) -> None:
        """Keep a row of `equity`."""
        self._equity.append(stamp)
        self._newest[stamp.instrument] = stamp
        if len(self._equity) >= _CHUNK_ROWS:
            self._flush_equity()

    def newest(self) -> list[EquityStamp]:
        """Return the newest stamp of each instrument."""
        return list(self._newest.values())

    def declare(self, declaration: Declaration) -> None:
        """Keep a row of `declarations`."""
        self._declarations.append(declaration)
        if len(self._declarations) >= _CHUNK_ROWS:
            self._flush_declarations()

    def refuse(self, refused: OrderRefused) -> None:
        """Keep a row of `refusals`."""
        self._refusals.append(refused)
        self._n_refusals[refused.quoter, refused.reason] += 1
        if len(self._refusals) >= _CHUNK_ROWS:
            self._flush_refusals()

    def refusals(self, quoter: int) -> dict[str, int]:
        """Return how many orders of a quoter were held back, by reason, the most frequent first."""
        return {Reason(reason).name: n for (owner, reason), n in self._n_refusals.most_common() if owner == quoter}

    def deliver(self, row: tuple[Any, ...]) -> None:
        """Keep a row of `deliveries`: its values in the order of the columns."""
        self._deliveries.append(row)
        if len(self._deliveries) >= _CHUNK_ROWS:
            self._flush_deliveries()

    def close(self, log_path: Path) -> None:
        """Write what is kept and the tables made of the run's log; then every file has its final name."""
        self._flush_equity()
        self._flush_declarations()
        self._flush_refusals()
        self._flush_deliveries()
        for table in self._tables.values():
            table.close()
        write_log_tables(log_path, self._folder)

    def _flush_equity(self) -> None:
        rows = self._equity
        if rows:
            columns = [[getattr(row, name) for row in rows] for name in TABLES["equity"]]
            self._tables["equity"].write(columns)
            rows.clear()

    def _flush_declarations(self) -> None:
        rows = self._declarations
        if rows:
            columns = [[getattr(row, name) for row in rows] for name in TABLES["declarations"]]
            self._tables["declarations"].write(columns)
            rows.clear()

    def _flush_refusals(self) -> None:
        rows = self._refusals
        if rows:
            *names, _ = TABLES["refusals"]
            # what a strategy asked for may be any int: one that no column holds is written as the nearest
            columns: list[list[Any]] = [[max(-_MOST, min(_MOST, getattr(row, name))) for row in rows] for name in names]
            self._tables["refusals"].write([*columns, [Reason(row.reason).name for row in rows]])
            rows.clear()

    def _flush_deliveries(self) -> None:
        if self._deliveries:
            self._tables["deliveries"].write(list(zip(*self._deliveries, strict=True)))
            self._deliveries.clear()


def write_log_tables(log_path: Path, folder: Path) -> None:
    """Write `orders.parquet` and `fills.parquet` from the binary log of a run, which may have been cut short."""
    orders, fills = _Table(folder, "orders"), _Table(folder, "fills")
    kinds = _text([kind.name for kind in LogKind])
    for rows in _log_chunks(log_path):
        column = dict(zip(FIELDS, rows.T, strict=True))
        is_fill = (column["kind"] == LogKind.FILL_MAKER) | (column["kind"] == LogKind.FILL_TAKER)
        if not is_fill.all():
            c = {name: np.ascontiguousarray(values[~is_fill]) for name, values in column.items()}
            orders.write(
                [
                    pa.DictionaryArray.from_arrays(_fixed(c["kind"].astype(np.int32), pa.int32()), kinds),
                    c["ts"],
                    c["ts_venue"],
                    c["instrument"],
                    _quoter(c["client_id"]),
                    c["client_id"],
                    c["side"],
                    c["price"],
                    c["size"],
                    c["detail"],
                ]
            )
        if is_fill.any():
            c = {name: np.ascontiguousarray(values[is_fill]) for name, values in column.items()}
            fills.write(
                [
                    c["ts"],
                    c["ts_venue"],
                    c["instrument"],
                    _quoter(c["client_id"]),
                    c["client_id"],
                    c["detail"],
                    c["side"],
                    c["price"],
                    c["size"],
                    c["kind"] == LogKind.FILL_MAKER,
                    c["fee_e12"] / 1e12,
                ]
            )
    orders.close()
    fills.close()


# By way of buffers: `pa.array` imports pandas, which takes as long as replaying a hundred thousand events.


def _array(values: Any, dtype: pa.DataType) -> Any:
    """Return a column of a table: numbers or truths as they come, texts as a dictionary, what is Arrow's as it is."""
    if isinstance(values, pa.Array):
        return values
    if pa.types.is_dictionary(dtype):
        seen = list(dict.fromkeys(values))
        place = {text: n for n, text in enumerate(seen)}
        return pa.DictionaryArray.from_arrays(
            _fixed(np.array([place[text] for text in values], np.int32), pa.int32()), _text(seen)
        )
    if pa.types.is_boolean(dtype):
        bits = np.packbits(np.asarray(values, np.bool_), bitorder="little")
        return pa.Array.from_buffers(dtype, len(values), [None, pa.py_buffer(bits.data)])
    return _fixed(np.asarray(values, dtype.to_pandas_dtype()), dtype)


def _fixed(values: npt.NDArray[Any], dtype: pa.DataType) -> Any:
    whole = np.ascontiguousarray(values)
    return pa.Array.from_buffers(dtype, len(whole), [None, pa.py_buffer(whole.data)])


def _text(values: list[str]) -> Any:
    encoded = [text.encode() for text in values]
    ends = np.cumsum([0] + [len(text) for text in encoded], dtype=np.int32)
    buffers = [None, pa.py_buffer(ends.data), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.string(), len(values), buffers)


def _quoter(client_id: IntArray) -> IntArray:
    owner = client_id >> _COUNTER_BITS & _QUOTER_MASK
    return np.where((client_id == 0) | (owner == _QUOTER_MASK), -1, owner)


def _log_chunks(path: Path) -> Iterator[IntArray]:
    size = path.stat().st_size // (8 * ROW_INTS) * ROW_INTS
    with path.open("rb") as file:
        while size > 0:
            count = min(size, _CHUNK_ROWS * ROW_INTS)
            yield np.fromfile(file, "<i8", count).reshape(-1, ROW_INTS)
            size -= count
