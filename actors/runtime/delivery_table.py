"""A journal for reading: one row of a table for every delivery, also one that crashed its actor."""

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from actors.runtime.cell import Cell
from actors.runtime.journal import Journal
from actors.runtime.mailbox import Edge
from market.units import Nanos

# number, ts, actor, generation, edge, kind: a row of the table `deliveries` of market.tables
DeliveryRow: TypeAlias = tuple[int, Nanos, str, int, str, str]


class DeliveryTable(Journal):
    """Keeps who was delivered what, when and by which edge; starts and stops are seen by their `Started` and `Stop`.

    Args:
        write: takes one row.
    """

    def __init__(self, write: Callable[[DeliveryRow], None]) -> None:
        self._write = write
        self._edges: list[str] = []  # by number: the name of an edge is made anew each time it is asked for

    def begin(self, seed: int, cells: Iterable[Cell], edges: Iterable[Edge]) -> None:
        """Learn the edges."""
        self._edges = [edge.name for edge in edges]

    def delivering(self, number: int, cell: Cell, edge: Edge, now: Nanos, message: Any) -> None:
        """Write a row."""
        self._write((number, now, cell.name, cell.generation, self._edges[edge.number], type(message).__name__))
