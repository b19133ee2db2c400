"""The tables of a live run, which must outlive a kill: what came is on the disk a second later, in a form that needs no
end, and becomes parquet when the run is over.

{run}/{table}.ahead: frames of (length, CRC of the rest, an Arrow stream of some rows), both integers little-endian and
of four bytes.  A file is good up to its first frame that is not whole.
"""

import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from struct import Struct
from typing import Any, Final

import attrs
import numpy as np
import pyarrow as pa

from market.archive.log_tables import LOG_NAME, log_batches, write_log_tables
from market.archive.patient_file import PatientFile
from market.archive.run_tables import columns_of, refusal_columns
from market.archive.table_file import CHUNK_ROWS, SCHEMAS, TableFile, batch_of
from market.messages import BookUpdate, Declaration, EquityStamp, OrderRefused, Reason, Trade
from market.units import InstrumentId

NAMES: Final = ("touch", "trades", "equity", "declarations", "refusals")
_HEAD: Final = Struct("<II")
_MOST_ROWS: Final = 200_000  # of a table that may wait to be taken: a minute of a hung disk under a full load
_MOST_WAITING: Final = 64 << 20  # bytes of a table that may wait for the disk
_OPTIONS: Final = pa.ipc.IpcWriteOptions(compression="zstd", use_threads=False)

Taken = Mapping[str, list[Any]]


@attrs.frozen
class Encoded:
    """Rows of a table, ready for the disk."""

    name: str
    n_rows: int
    data: bytes


class LiveTables:
    """Keeps what comes; its owner takes that once a second, encodes it, and writes the files.

    `stamp`, `declare`, `refuse`, `book` and `trade` only keep.  `take`, `add`, and the files belong to the owner's own
    task; `encode` and `close` may run in a thread.

    Args:
        folder: the run directory; it exists.

    Attributes:
        n_lost: rows that found no room, by table.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = {name: PatientFile(folder / f"{name}.ahead", most_waiting=_MOST_WAITING) for name in NAMES}
        self._rows: dict[str, list[Any]] = {name: [] for name in NAMES}
        self._newest: dict[InstrumentId, EquityStamp] = {}
        self._n_refusals: Counter[tuple[int, int]] = Counter()
        self.n_lost: Counter[str] = Counter()
        self.n_rows: Counter[str] = Counter()

    @property
    def files(self) -> tuple[PatientFile, ...]:
        """The files to be written now and then."""
        return tuple(self._files.values())

    # --- what comes --------------------------------------------------------------------------------------------------

    def stamp(self, stamp: EquityStamp) -> None:
        """Keep a row of `equity`."""
        self._newest[stamp.instrument] = stamp
        self._keep("equity", stamp)

    def declare(self, declaration: Declaration) -> None:
        """Keep a row of `declarations`."""
        self._keep("declarations", declaration)

    def refuse(self, refused: OrderRefused) -> None:
        """Keep a row of `refusals`."""
        self._n_refusals[refused.quoter, refused.reason] += 1
        self._keep("refusals", refused)

    def book(self, update: BookUpdate) -> None:
        """Keep a row of `touch`."""
        self._keep("touch", update)

    def trade(self, trade: Trade) -> None:
        """Keep a row of `trades`."""
        self._keep("trades", trade)

    def _keep(self, name: str, row: Any) -> None:
        rows = self._rows[name]
        if len(rows) < _MOST_ROWS:
            rows.append(row)
        else:
            self.n_lost[name] += 1

    # --- what is told ------------------------------------------------------------------------------------------------

    def newest(self) -> list[EquityStamp]:
        """Return the newest stamp of each instrument."""
        return list(self._newest.values())

    def refusals(self, quoter: int) -> dict[str, int]:
        """Return how many orders of a quoter were held back, by reason, the most frequent first."""
        return {Reason(reason).name: n for (owner, reason), n in self._n_refusals.most_common() if owner == quoter}

    # --- to the disk -------------------------------------------------------------------------------------------------

    def take(self) -> Taken:
        """Return what came since, and forget it."""
        taken = {name: rows for name, rows in self._rows.items() if rows}
        for name in taken:
            self._rows[name] = []
        return taken

    @staticmethod
    def encode(taken: Taken) -> list[Encoded]:
        """Return rows as bytes."""
        return [
            Encoded(name, len(rows), _frame(batch_of(_COLUMNS[name](rows), SCHEMAS[name])))
            for name, rows in taken.items()
        ]

    def add(self, encoded: list[Encoded]) -> None:
        """Let bytes wait for the next write of the files."""
        for each in encoded:
            has_room = self._files[each.name].add(each.data)
            (self.n_rows if has_room else self.n_lost)[each.name] += each.n_rows

    def write_now(self) -> None:
        """Bring all to the disk, here and now; what fails stands in the files' `error`."""
        self.add(self.encode(self.take()))
        for file in self._files.values():
            file.write_now()

    def close(self) -> None:
        """Make parquet of all, and of the run's log; the files that it was made of are gone then.

        Raises:
            OSError: the disk does not take it.  What was there is still there and can be read.
        """
        for file in self._files.values():
            file.close()
        finish_tables(self._folder)


def finish_tables(folder: Path) -> None:
    """Make parquet of what a run has left; see `LiveTables.close`."""
    for name in NAMES:
        _make_table(folder, name)
    write_log_tables(folder / LOG_NAME, folder)


def read_unfinished(folder: Path, name: str) -> pa.Table | None:
    """Return what there is of a table of a run that goes on, or was killed; None if there is nothing of it."""
    batches: Iterator[pa.RecordBatch]
    if name in ("orders", "fills") and (folder / LOG_NAME).is_file():
        batches = (pair[name == "fills"] for pair in log_batches(folder / LOG_NAME))
    elif (path := folder / f"{name}.ahead").is_file():
        batches = _batches(path)
    else:
        return None
    return pa.Table.from_batches(batches, schema=SCHEMAS[name])


def _make_table(folder: Path, name: str) -> None:
    path = folder / f"{name}.ahead"
    if not path.exists():  # an earlier try has come so far
        return
    table = TableFile(folder, name)
    try:
        waiting: list[pa.RecordBatch] = []
        for batch in _batches(path):
            waiting.append(batch)
            if sum(each.num_rows for each in waiting) >= CHUNK_ROWS:
                table.write_batches(waiting)
                waiting = []
        if waiting:
            table.write_batches(waiting)
        table.close()
    except OSError:
        table.give_up()
        raise
    path.unlink()


def _frame(batch: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema, options=_OPTIONS) as writer:
        writer.write_batch(batch)
    data = sink.getvalue().to_pybytes()
    return _HEAD.pack(len(data), zlib.crc32(data)) + bytes(data)


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    with path.open("rb") as file:
        while len(head := file.read(_HEAD.size)) == _HEAD.size:
            length, crc = _HEAD.unpack(head)
            data = file.read(length)
            if len(data) < length or zlib.crc32(data) != crc:
                return
            yield from pa.ipc.open_stream(data)


def _touch(updates: list[BookUpdate]) -> list[Any]:
    best = np.array([(*_first(u.bids), *_first(u.asks)) for u in updates], np.int64)
    stamps = np.array([(u.ts_venue, u.ts_recv, u.instrument) for u in updates], np.int64)
    return [*stamps.T, *best.T]


def _first(levels: Any) -> tuple[int, int]:
    return (int(levels[0, 0]), int(levels[0, 1])) if levels is not None and len(levels) else (0, 0)


_COLUMNS: Final[dict[str, Any]] = {
    "touch": _touch,
    "trades": lambda rows: columns_of("trades", rows),
    "equity": lambda rows: columns_of("equity", rows),
    "declarations": lambda rows: columns_of("declarations", rows),
    "refusals": refusal_columns,
}
