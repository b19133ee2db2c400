"""What the wiring knows of a nursery: spawn actors, connect their ports, say who supervises whom."""

from collections.abc import Callable
from typing import Any, Final, Literal, Protocol, TypeAlias

import attrs

from actors.runtime.actor import Actor
from actors.runtime.child_spec import SupervisorSpec
from actors.runtime.mailbox import Edge, Policy
from market.units import Nanos

Emit: TypeAlias = Callable[[str, Any], bool]  # (port, message); False when the shell is down
Kind = Literal["connector", "keeper", "tracker", "manager", "quoter", "recorder", "guard", "hand"]

CONTROL: Final = "control"  # Drained goes to the nursery
ADJUSTMENTS: Final = "adjustments"  # logged when sent


class Clock(Protocol):
    """Tells the time; only nurseries and shells may ask."""

    def now_ns(self) -> Nanos:
        """Return ns since the Unix epoch."""
        ...


class Shell(Actor):
    """An actor that stands before a venue.

    Its handlers take commands and are synchronous like any actor's; what comes from the venue is emitted, by the
    simulation in its place, or by `run` when live.  Ports lead out of it by name, as out of any actor.

    Attributes:
        gather: does work that emits things which came together; a live nursery lets them be handled at once after it.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.gather: Callable[[Callable[[], None]], None] = _do_work

    @property
    def n_unproven(self) -> int:
        """Return how many orders `abandon` has not yet seen the end of."""
        return 0

    def settle(self) -> None:
        """All that waited for this shell has been handled, for now: no more of this instant will come."""

    def abandon(self) -> None:
        """Cancel every order: the run is given up, and nobody else is left to do it."""

    async def run(self, emit: Emit) -> None:
        """Work in the background of a live run until cancelled; to raise is to crash."""


def _do_work(work: Callable[[], None]) -> None:
    work()


def stands_in_the_log(command: Any) -> None:
    """Handle a command of a shell that acts on commands where they stand in the run's log: there is no more to do."""


@attrs.frozen
class ActorSpec:
    """What the nursery knows of an actor besides its `ChildSpec`, which says how it is started.

    Attributes:
        name: unique in the run; the child's id in the supervision tree.
        index: its place among those of its kind.
        is_shell: stands before a venue: the commands it is delivered and the facts it emits are logged.
        replays_log: a restarted actor is delivered the run's own log first.
        service_time_ns: virtual time that a message takes to handle; its outputs leave after it.
    """

    name: str
    kind: Kind
    index: int = 0
    is_shell: bool = False
    replays_log: bool = False
    service_time_ns: Nanos = attrs.field(default=0, validator=attrs.validators.ge(0))


@attrs.frozen
class Outcome:
    """How a run ended.

    Attributes:
        kind: "done"; "interrupted" by `request_stop`; "gave up" when the root supervisor did.
        unproven: orders whose end the order manager, or else the shells, could not prove; -1: no answer in time.
        reason: the last crash of a run that gave up.
    """

    kind: Literal["done", "interrupted", "gave up"]
    unproven: int = 0
    reason: str = ""


class Nursery(Protocol):
    """Runs actors.  Everything is spawned and connected before the run begins."""

    @property
    def clock(self) -> Clock: ...

    def spawn(self, spec: ActorSpec) -> None:
        """Add an actor; it starts when the run begins, in the order of the supervision tree."""
        ...

    def connect(self, source: str, port: str, target: str, policy: Policy, capacity: int, reason: str) -> Edge:
        """Lead a port of `source` into the mailbox of `target`; several edges of a port are put in this order."""
        ...

    def supervise(self, root: SupervisorSpec) -> None:
        """Say who supervises whom: every spawned actor stands in the tree once."""
        ...
