"""The tables `orders` and `fills`, made of the binary log of a run."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from market.archive.table_file import CHUNK_ROWS, SCHEMAS, TableFile, batch_of, fixed, text
from market.order_log import FIELDS, ROW_INTS, LogKind

IntArray = npt.NDArray[np.int64]

LOG_NAME: Final = "orders.log"
_COUNTER_BITS, _QUOTER_MASK = 27, 127


def write_log_tables(log_path: Path, folder: Path) -> None:
    """Write `orders.parquet` and `fills.parquet` from the log of a run, which may have been cut short."""
    orders, fills = TableFile(folder, "orders"), TableFile(folder, "fills")
    try:
        for of_orders, of_fills in log_batches(log_path):
            for table, batch in ((orders, of_orders), (fills, of_fills)):
                if batch.num_rows:
                    table.write_batch(batch)
        orders.close()
        fills.close()
    except OSError:
        orders.give_up()
        fills.give_up()
        raise


def log_batches(log_path: Path) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    """Yield the rows of `orders` and of `fills`, in the order of the log."""
    kinds = text([kind.name for kind in LogKind])
    for rows in _log_chunks(log_path):
        column = dict(zip(FIELDS, rows.T, strict=True))
        is_fill = (column["kind"] == LogKind.FILL_MAKER) | (column["kind"] == LogKind.FILL_TAKER)
        yield _orders(_only(column, ~is_fill), kinds), _fills(_only(column, is_fill))


def _only(column: dict[str, IntArray], keep: npt.NDArray[np.bool_]) -> dict[str, IntArray]:
    return {name: np.ascontiguousarray(values[keep]) for name, values in column.items()}


def _orders(c: dict[str, IntArray], kinds: Any) -> pa.RecordBatch:
    columns = [
        pa.DictionaryArray.from_arrays(fixed(c["kind"].astype(np.int32), pa.int32()), kinds),
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
    return batch_of(columns, SCHEMAS["orders"])


def _fills(c: dict[str, IntArray]) -> pa.RecordBatch:
    columns = [
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
    return batch_of(columns, SCHEMAS["fills"])


def _quoter(client_id: IntArray) -> IntArray:
    owner = client_id >> _COUNTER_BITS & _QUOTER_MASK
    return np.where((client_id == 0) | (owner == _QUOTER_MASK), -1, owner)


def _log_chunks(path: Path) -> Iterator[IntArray]:
    size = path.stat().st_size // (8 * ROW_INTS) * ROW_INTS
    with path.open("rb") as file:
        while size > 0:
            count = min(size, CHUNK_ROWS * ROW_INTS)
            yield np.fromfile(file, "<i8", count).reshape(-1, ROW_INTS)
            size -= count
