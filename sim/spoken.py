"""What a market source needs of one to whom everything is spoken, as whole messages: no mirrors, no straight lines."""

from typing import Any

from actors.runtime.actor import Actor
from actors.runtime.mailbox import Edge
from market.units import Nanos
from sim.straight_lines import Line


class SpokenTeller:
    """A `sim.source_partners.Teller` but for `emit`; the source comes back after every event."""

    n_changes = 0

    def at(self, time: Nanos) -> None:
        """Who is spoken to has a clock of their own."""

    def post(self, edge: Edge, message: Any) -> None:
        raise AssertionError("a spoken market posts nothing: build its world without mode_of")

    def line(self, edge: Edge, message: Any) -> Line | None:
        """Nobody is told but by messages."""
        return None

    def told(self, n: int, now: Nanos) -> None:
        raise AssertionError("there are no straight lines")

    def answered(self, edge: Edge, actor: Actor) -> bool:
        raise AssertionError("there are no straight lines")

    def fell(self, edge: Edge, error: Exception) -> None:
        raise AssertionError("there are no straight lines")

    def settle(self) -> Nanos:
        """Others have turns of their own."""
        return -1
