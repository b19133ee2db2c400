"""The tables of a run (market.tables), written while it goes on, in memory that does not grow with its length."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from market.archive.log_tables import write_log_tables
from market.archive.table_file import CHUNK_ROWS, TableFile
from market.messages import Declaration, EquityStamp, OrderRefused, Reason
from market.tables import TABLES
from market.units import InstrumentId

IntArray = npt.NDArray[np.int64]

_MOST = 2**63 - 1


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
        self._tables = {name: TableFile(folder, name) for name in names}
        # the market's rows, by far the most, are encoded while the run goes on
        self._writer = ThreadPoolExecutor(max_workers=1)
        self._written: Future[None] | None = None
        self._equity: list[EquityStamp] = []
        self._declarations: list[Declaration] = []
        self._refusals: list[OrderRefused] = []
        self._n_refusals: Counter[tuple[int, int]] = Counter()
        self._deliveries: list[tuple[Any, ...]] = []

    def take(self, touch: IntArray, trades: IntArray) -> None:
        """Write rows of the `touch` (n, 7) and `trades` (n, 6) tables; a failure is raised by the next call."""
        columns = {"touch": list(touch.T.copy()), "trades": list(trades.T.copy())}
        self._settle()
        self._written = self._writer.submit(self._write, columns)

    def _write(self, columns: dict[str, list[IntArray]]) -> None:
        for name, table in columns.items():
            if len(table[0]):
                self._tables[name].write(table)

    def _settle(self) -> None:
        """Wait for the rows under way.

        Raises:
            OSError: the disk did not take them.
        """
        written, self._written = self._written, None
        if written is not None:
            written.result()

    def stamp(self, stamp: EquityStamp) -> None:
        """Keep a row of `equity`."""
        self._equity.append(stamp)
        self._newest[stamp.instrument] = stamp
        if len(self._equity) >= CHUNK_ROWS:
            self._flush_equity()

    def newest(self) -> list[EquityStamp]:
        """Return the newest stamp of each instrument."""
        return list(self._newest.values())

    def declare(self, declaration: Declaration) -> None:
        """Keep a row of `declarations`."""
        self._declarations.append(declaration)
        if len(self._declarations) >= CHUNK_ROWS:
            self._flush_declarations()

    def refuse(self, refused: OrderRefused) -> None:
        """Keep a row of `refusals`."""
        self._refusals.append(refused)
        self._n_refusals[refused.quoter, refused.reason] += 1
        if len(self._refusals) >= CHUNK_ROWS:
            self._flush_refusals()

    def refusals(self, quoter: int) -> dict[str, int]:
        """Return how many orders of a quoter were held back, by reason, the most frequent first."""
        return {Reason(reason).name: n for (owner, reason), n in self._n_refusals.most_common() if owner == quoter}

    def deliver(self, row: tuple[Any, ...]) -> None:
        """Keep a row of `deliveries`: its values in the order of the columns."""
        self._deliveries.append(row)
        if len(self._deliveries) >= CHUNK_ROWS:
            self._flush_deliveries()

    def close(self, log_path: Path) -> None:
        """Write what is kept and the tables made of the run's log; then every file has its final name."""
        self._settle()
        self._writer.shutdown()
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
            self._tables["equity"].write(columns_of("equity", rows))
            rows.clear()

    def _flush_declarations(self) -> None:
        rows = self._declarations
        if rows:
            self._tables["declarations"].write(columns_of("declarations", rows))
            rows.clear()

    def _flush_refusals(self) -> None:
        rows = self._refusals
        if rows:
            self._tables["refusals"].write(refusal_columns(rows))
            rows.clear()

    def _flush_deliveries(self) -> None:
        if self._deliveries:
            self._tables["deliveries"].write(list(zip(*self._deliveries, strict=True)))
            self._deliveries.clear()


def columns_of(name: str, rows: Sequence[Any]) -> list[list[Any]]:
    """Return messages as columns of the table whose fields they have."""
    return [[getattr(row, column) for row in rows] for column in TABLES[name]]


def refusal_columns(rows: Sequence[OrderRefused]) -> list[list[Any]]:
    """Return rows of `refusals`; what a strategy asked for may be any int, and one too large is cut to the largest."""
    *names, _ = TABLES["refusals"]
    columns: list[list[Any]] = [[max(-_MOST, min(_MOST, getattr(row, name))) for row in rows] for name in names]
    return [*columns, [Reason(row.reason).name for row in rows]]
