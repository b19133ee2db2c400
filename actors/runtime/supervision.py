"""Who is stopped and who is started after a crash: OTP's rules as pure decisions, the same for both nurseries.

A nursery tells the tree what happened and carries out the decisions that it answers with, strictly in their order and
one at a time: a `StartAt` is due at its time, but not before every decision that stands ahead of it is done.  Before
each start it asks `may_start`, since another crash may have replaced the generation meanwhile, and reports `on_started`
in the same breath; a factory that raises is a crash of that generation.

Every start of a child has a generation of its own, 0 the first.  A report of a replaced generation is ignored, so a
crash during a backoff never starts a child twice.  See Erlang/OTP `lib/stdlib/src/supervisor.erl` and "Supervisor
Behaviour" in its design principles; the backoff is ours.
"""

from collections.abc import Iterator
from enum import Enum
from typing import TypeAlias

import attrs

from actors.runtime.child_spec import Backoff, ChildSpec, OnRestart, Restart, Strategy, SupervisorSpec
from actors.runtime.restart_budget import BackoffLine, RestartBudget
from market.units import SECOND, Nanos

__all__ = [
    "Backoff",
    "ChildSpec",
    "ChildState",
    "Decision",
    "Escalate",
    "GiveUp",
    "LeaveDown",
    "OnRestart",
    "Restart",
    "StartAt",
    "Stop",
    "Strategy",
    "SupervisionTree",
    "SupervisorSpec",
]


class ChildState(Enum):
    """Where a child stands."""

    BACKING_OFF = "backing off"  # to be started: at first, and after a crash
    RUNNING = "running"
    STOPPED = "stopped"  # not to be started


@attrs.frozen
class Stop:
    """Stop a running child and wait until it has ended, at most its `shutdown_s`."""

    child: str
    generation: int


@attrs.frozen
class StartAt:
    """Start a child of this generation at `at_ns`, if `may_start` still says so.

    Attributes:
        supervisor: who decided, for the log.
        n_restarts: restarts in the supervisor's period, this one included.
        backoff_s: the wait that the crash cost.
    """

    child: str
    generation: int
    at_ns: Nanos
    supervisor: str
    n_restarts: int
    backoff_s: float


@attrs.frozen
class Escalate:
    """The supervisor is over its limit: its children have been stopped, and its parent decides."""

    supervisor: str
    n_restarts: int
    error: str


@attrs.frozen
class GiveUp:
    """The root is over its limit: everything has been stopped, and the process ends non-zero."""

    root: str
    n_restarts: int
    error: str


@attrs.frozen
class LeaveDown:
    """An expendable supervisor is over its limit: its children have been stopped for good, and the others go on."""

    supervisor: str
    children: tuple[str, ...]
    n_restarts: int
    error: str


Decision: TypeAlias = Stop | StartAt | Escalate | GiveUp | LeaveDown


@attrs.define(eq=False)
class _Child:
    spec: ChildSpec
    supervisor: "_Supervisor"
    state: ChildState = ChildState.BACKING_OFF
    generation: int = 0
    at_ns: Nanos = 0  # when it is to be started, while it backs off

    def leaves(self) -> Iterator["_Child"]:
        yield self


@attrs.define(eq=False)
class _Supervisor:
    spec: SupervisorSpec
    supervisor: "_Supervisor | None"  # None above the root
    budget: RestartBudget
    backoffs: BackoffLine
    nodes: list["_Node"] = attrs.field(factory=list)

    def leaves(self) -> Iterator[_Child]:
        for node in self.nodes:
            yield from node.leaves()

    def begin_life(self) -> None:
        """Forget what the last life spent, here and below: a supervisor that is started anew is a new one."""
        self.budget.clear()
        self.backoffs.clear()
        for node in self.nodes:
            if isinstance(node, _Supervisor):
                node.begin_life()

    def affected(self, crashed: "_Node") -> list["_Node"]:
        """Return, in list order, the children that a crash of one of them restarts."""
        if self.spec.strategy is Strategy.ONE_FOR_ONE:
            return [crashed]
        if self.spec.strategy is Strategy.REST_FOR_ONE:
            return self.nodes[self.nodes.index(crashed) :]
        return self.nodes


_Node: TypeAlias = _Child | _Supervisor


class SupervisionTree:
    """The state of every child of a tree, and what to do next.

    Args:
        root: the tree; ids are unique over supervisors and children.
        seed: the run's; with a supervisor's id it seeds the jitter of its backoffs.

    Raises:
        ValueError: an id is used twice.
    """

    def __init__(self, root: SupervisorSpec, seed: int) -> None:
        self._seed = seed
        self._children: dict[str, _Child] = {}
        self._supervisors: dict[str, _Supervisor] = {}
        self._root = self._grow(root, None)
        self.has_given_up = False

    # --- what is ----------------------------------------------------------------------------------------------------

    def start_order(self) -> tuple[str, ...]:
        """Return all children in the order of their first start."""
        return tuple(self._children)

    def stop_order(self) -> tuple[str, ...]:
        """Return all children in the order in which they are stopped: the reverse of their start."""
        return tuple(reversed(self._children))

    def spec(self, child: str) -> ChildSpec:
        """Return the spec of a child."""
        return self._children[child].spec

    def supervisor_of(self, node: str) -> str | None:
        """Return who supervises a child or a supervisor; None for the root."""
        found = self._children.get(node) or self._supervisors[node]
        return found.supervisor.spec.id if found.supervisor else None

    def children_of(self, supervisor: str) -> tuple[str, ...]:
        """Return all children below a supervisor, in start order, those of its supervisors included."""
        return tuple(leaf.spec.id for leaf in self._supervisors[supervisor].leaves())

    def state(self, child: str) -> ChildState:
        """Return where a child stands."""
        return self._children[child].state

    def generation(self, child: str) -> int:
        """Return the generation that runs, or is to be started, or was stopped last."""
        return self._children[child].generation

    def may_start(self, child: str, generation: int) -> bool:
        """Tell whether this start is still wanted: nothing has replaced it since it was decided."""
        found = self._children[child]
        return found.state is ChildState.BACKING_OFF and found.generation == generation

    # --- what happened ----------------------------------------------------------------------------------------------

    def on_started(self, child: str, generation: int) -> None:
        """A child runs."""
        assert self.may_start(child, generation), (
            f"{child} generation {generation} was started, but is "
            f"{self.state(child).value} at generation {self.generation(child)}: ask may_start before a start"
        )
        self._children[child].state = ChildState.RUNNING

    def on_crash(self, child: str, generation: int, now_ns: Nanos, error: str) -> list[Decision]:
        """A child has crashed or could not be started; return what to do, in order."""
        found = self._children[child]
        if not self._is_current(found, generation):
            return []
        found.state = ChildState.STOPPED
        if found.spec.restart is Restart.TEMPORARY:
            return []
        return list(self._restart(found, now_ns, error))

    def on_exit(self, child: str, generation: int, now_ns: Nanos) -> list[Decision]:
        """A child has ended by itself, normally; return what to do, in order: nothing, unless it is permanent."""
        found = self._children[child]
        if not self._is_current(found, generation):
            return []
        found.state = ChildState.STOPPED
        if found.spec.restart is not Restart.PERMANENT:
            return []
        return list(self._restart(found, now_ns, "ended, but is permanent"))

    def shut_down(self) -> list[Decision]:
        """Stop everything for good, in reverse order; later reports are ignored."""
        return list(self._stop(self._root))

    # --- OTP's rules ------------------------------------------------------------------------------------------------

    @staticmethod
    def _is_current(child: _Child, generation: int) -> bool:
        return child.generation == generation and child.state is not ChildState.STOPPED

    def _restart(self, crashed: _Node, now: Nanos, error: str) -> Iterator[Decision]:
        """Restart by the strategy of `crashed`'s supervisor, or pass it to the parent when that is over its limit."""
        supervisor = crashed.supervisor
        assert supervisor is not None
        n_restarts = supervisor.budget.spend(now)
        if n_restarts > supervisor.spec.intensity:
            yield from self._stop(supervisor)
            if supervisor.spec.is_expendable:
                yield LeaveDown(supervisor.spec.id, self.children_of(supervisor.spec.id), n_restarts, error)
            elif supervisor.supervisor is None:
                self.has_given_up = True
                yield GiveUp(supervisor.spec.id, n_restarts, error)
            else:
                yield Escalate(supervisor.spec.id, n_restarts, error)
                yield from self._restart(supervisor, now, error)
            return
        backoff_s = supervisor.backoffs.delay_s(crashed.spec.id, now)
        affected = supervisor.affected(crashed)
        # read before the stop: who is backing off already keeps its own, longer wait, and nobody overtakes it
        waiting = {
            leaf.spec.id: leaf.at_ns
            for node in affected
            for leaf in node.leaves()
            if leaf.state is ChildState.BACKING_OFF
        }
        for node in reversed(affected):
            yield from self._stop(node)
        at = now + round(backoff_s * SECOND)
        for node in affected:
            if isinstance(node, _Supervisor):
                node.begin_life()
            elif node.spec.restart is Restart.TEMPORARY:
                continue
            for leaf in node.leaves():
                at = max(at, waiting.get(leaf.spec.id, at))
                leaf.state = ChildState.BACKING_OFF
                leaf.generation += 1
                leaf.at_ns = at
                yield StartAt(leaf.spec.id, leaf.generation, at, supervisor.spec.id, n_restarts, backoff_s)

    @staticmethod
    def _stop(node: _Node) -> Iterator[Decision]:
        for leaf in reversed(list(node.leaves())):
            if leaf.state is ChildState.RUNNING:
                yield Stop(leaf.spec.id, leaf.generation)
            leaf.state = ChildState.STOPPED

    def _grow(self, spec: SupervisorSpec, parent: _Supervisor | None) -> _Supervisor:
        self._claim(spec.id)
        budget = RestartBudget(spec.intensity, round(spec.period_s * SECOND))
        made = _Supervisor(spec, parent, budget, BackoffLine(spec.backoff, self._seed, spec.id))
        self._supervisors[spec.id] = made
        for below in spec.children:
            if isinstance(below, SupervisorSpec):
                made.nodes.append(self._grow(below, made))
            else:
                self._claim(below.id)
                self._children[below.id] = _Child(below, made)
                made.nodes.append(self._children[below.id])
        return made

    def _claim(self, name: str) -> None:
        if name in self._children or name in self._supervisors:
            raise ValueError(
                f"id {name!r} stands twice in the supervision tree; each supervisor and child needs its own"
            )
