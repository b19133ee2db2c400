"""A journal for reading: one row of a table for every delivery, also one that crashed its actor."""

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from actors.runtime.cell import Cell
from actors.runtime.mailbox import Edge
from market.archive.patient_file import PatientFile
from market.units import Nanos

# number, ts, actor, generation, edge, kind: a row of the table `deliveries` of market.tables
DeliveryRow: TypeAlias = tuple[int, Nanos, str, int, str, str]


class DeliveryTable:
    """Takes what a `Journal` is told and keeps who was delivered what, when and by which edge.

    Args:
        write: takes one row.
    """

    def __init__(self, write: Callable[[DeliveryRow], None]) -> None:
        self.file: PatientFile | None = None
        self.fault = ""
        self.n_put_off = 0
        self._write = write
        self._edges: list[str] = []  # by number: the name of an edge is made anew each time it is asked for

    def catch_up(self) -> None:
        """Nothing is put off."""

    def begin(self, seed: int, cells: Iterable[Cell], edges: Iterable[Edge]) -> None:
        """Learn the edges."""
        self._edges = [edge.name for edge in edges]

    def delivering(self, number: int, cell: Cell, edge: Edge, now: Nanos, message: Any) -> None:
        """Write a row."""
        self._write((number, now, cell.name, cell.generation, self._edges[edge.number], type(message).__name__))

    def started(self, cell: Cell, now: Nanos) -> None:
        """A start is seen by its `Started`."""

    def stopped(self, cell: Cell, now: Nanos) -> None:
        """A stop is seen by its `Stop`."""

    def crashed(
        self,
        number: int,
        cell: Cell,
        edge: Edge | None,
        is_direct: bool,
        now: Nanos,
        error: str,
        *,
        is_before: bool = False,
    ) -> None:
        """A crash stands in the log of the run; the delivery that caused it was written before."""

    def sealed(self, cell: Cell) -> None:
        """No delivery."""

    def emitted(self, cell: Cell, port: str, now: Nanos, message: Any) -> None:
        """No delivery."""

    def put(self, edge: Edge, now: Nanos, message: Any) -> None:
        """No delivery."""

    def delivered(
        self, number: int, cell: Cell, edge: Edge, is_direct: bool, now: Nanos, out: list[tuple[str, Any]]
    ) -> None:
        """Written before it was handled."""

    def end(self, digest: str) -> None:
        """The table's writer closes it."""
