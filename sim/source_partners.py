"""What the market's source needs of others: whom it tells, who fires timers that it runs past, who takes its tables."""

from collections.abc import Sequence
from typing import Any, Protocol

from actors.runtime.actor import Actor
from actors.runtime.mailbox import Edge
from market.units import Nanos
from sim.state_kernels import NEVER, IntArray
from sim.straight_lines import Line


class Teller(Protocol):
    """What the source needs of a nursery."""

    def at(self, time: Nanos) -> None:
        """Set the time of what is told next."""
        ...

    def emit(self, shell: str, port: str, message: Any, *, is_logged: bool = False) -> bool:
        """Tell a message through a shell's port; False: the shell is down, and nobody heard."""
        ...

    def post(self, edge: Edge, message: Any) -> None:
        """Put market data straight into a mailbox."""
        ...

    @property
    def n_changes(self) -> int:
        """A number that moves when straight lines must be asked for anew."""
        ...

    def line(self, edge: Edge, message: Any) -> Line | None:
        """Return the straight line to the hearer of such messages, if there is one."""
        ...

    def told(self, n: int, now: Nanos) -> None:
        """Count what was told by straight lines."""
        ...

    def answered(self, edge: Edge, actor: Actor) -> bool:
        """Take what a hearer gave; False: `settle` is due."""
        ...

    def fell(self, edge: Edge, error: Exception) -> None:
        """A hearer has raised; `settle` is due."""
        ...

    def settle(self) -> Nanos:
        """Drain; return until when the market may go on before `advance` must return, -1 for not at all."""
        ...


class Stamps(Protocol):
    """Makes what a timer brings about that only takes the market's marks, as often as the market runs past it."""

    until: Nanos

    def look(self, until: Nanos) -> tuple[Nanos, Nanos]:
        """Set until when there is nothing but the market and this timer; return its next time and the step, or FAR."""
        ...

    def make(self, times: Sequence[Nanos], marks: Sequence[Sequence[int]]) -> None:
        """Let the timers of these times have happened, with twice the mid of every instrument at each."""
        ...


class NoStamps:
    """Every timer is delivered."""

    until: Nanos = 0

    def look(self, until: Nanos) -> tuple[Nanos, Nanos]:
        self.until = until
        return NEVER, 1

    def make(self, times: Sequence[Nanos], marks: Sequence[Sequence[int]]) -> None:
        raise AssertionError("no timer was promised")


class TouchSink(Protocol):
    """Takes the rows of the run's `touch` and `trades` tables."""

    def take(self, touch: IntArray, trades: IntArray) -> None: ...
