"""What a nursery can write down so that a run can be followed: every delivery, and all that came from outside."""

from typing import Any, Protocol

from actors.runtime.cell import Cell
from actors.runtime.mailbox import Edge
from market.units import Nanos


class Journal(Protocol):
    """Told of everything in the order in which it happens."""

    def started(self, cell: Cell, now: Nanos) -> None:
        """A generation is built next."""

    def stopped(self, cell: Cell, now: Nanos) -> None:
        """A generation is delivered `Stop` next, and ends."""

    def crashed(self, number: int, cell: Cell, edge: Edge | None, now: Nanos, error: str) -> None:
        """A generation has ended in a crash: in delivery `number` by `edge`, or outside of one."""

    def emitted(self, cell: Cell, port: str, now: Nanos, message: Any) -> None:
        """A shell sends a message."""

    def put(self, edge: Edge, now: Nanos, message: Any) -> None:
        """The nursery sends a message of its own."""

    def delivered(
        self, number: int, cell: Cell, edge: Edge, now: Nanos, is_direct: bool, out: list[tuple[str, Any]]
    ) -> None:
        """A message was handled and gave `out`, which is put next."""
