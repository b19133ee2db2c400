"""The lives of actors, alike in both nurseries: start, deliver, crash, restart by the supervision tree, stop."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import attrs
import loguru

from actors.runtime import supervision
from actors.runtime.actor import Actor
from actors.runtime.cell import Cell
from actors.runtime.child_spec import OnRestart, SupervisorSpec
from actors.runtime.journal import Journal
from actors.runtime.log import describe
from actors.runtime.mailbox import Edge
from actors.runtime.nursery import ActorSpec, Shell
from actors.runtime.planned_crash import PlannedCrash, PlannedCrashError
from actors.runtime.run_log import RunLog
from actors.runtime.supervision import ChildState, Decision, SupervisionTree
from actors.runtime.supervision_log import SupervisionLog
from actors.runtime.switchboard import Switchboard
from market.messages import (
    ActorCrashed,
    ActorDown,
    ActorUp,
    Drain,
    Flattened,
    GuardMemory,
    LogReplayed,
    NothingOpen,
    QuotesBack,
    QuotesPulled,
    Started,
    Stop,
    TradingStateChanged,
)
from market.order_log import unpack
from market.units import Nanos

if TYPE_CHECKING:
    from loguru import Logger

_WATCHED: Final = ("connector", "keeper", "manager", "quoter")  # whose falls and returns are told to the others
_DISTRUSTED: Final = ("connector", "keeper")  # whose falls are told to who was not there, too


@attrs.frozen
class Hooks:
    """Who else wants to know of an actor's lives: the simulation attaches book mirrors to what is built.

    `on_down` is told of falls in the middle of a run, not of its end.
    """

    on_built: Callable[[ActorSpec, Actor], None] = lambda spec, actor: None
    on_down: Callable[[ActorSpec], None] = lambda spec: None


class Children(Switchboard):
    """Cells that are supervised.

    Args:
        seed: of the backoffs' jitter.
        ready: called with a cell when a message more waits for it.
        hooks: who else is told of starts and falls.
        crashes: crashes on purpose.
        journal: what is to be written down of every delivery.
        logger: takes one record per start, crash, restart, escalation and stop.
    """

    def __init__(
        self,
        log: RunLog,
        seed: int,
        ready: Callable[[Cell], None],
        *,
        hooks: Hooks | None = None,
        crashes: Iterable[PlannedCrash] = (),
        journal: Journal | None = None,
        logger: "Logger | None" = None,
    ) -> None:
        super().__init__(log, ready, journal)
        self._logger = logger or loguru.logger
        self._seed = seed
        self._hooks = hooks or Hooks()
        self._crashes = tuple(crashes)
        self._is_resumed = len(log) > 0
        self.tree: SupervisionTree
        self._records: SupervisionLog
        self.gave_up = ""
        self.left_down: tuple[str, ...] = ()  # who is not restarted any more, while the others go on
        self.is_stopping = False

    def plan_crashes(self, crashes: Iterable[PlannedCrash]) -> None:
        """Add crashes on purpose; before the run begins."""
        self._crashes += tuple(crashes)

    def supervise(self, root: SupervisorSpec) -> None:
        """Say who supervises whom.

        Raises:
            ValueError: a spawned actor is not in the tree, or one in the tree is not spawned.
        """
        self.tree = SupervisionTree(root, self._seed)
        self._records = SupervisionLog(self._logger, self.tree)
        children = set(self.tree.start_order())
        if children != set(self.cells):
            odd = sorted(children ^ set(self.cells))
            raise ValueError(f"spawned and supervised must be the same actors; only one of both: {', '.join(odd)}")

    # --- starts -----------------------------------------------------------------------------------------------------

    def _start_all(self) -> None:
        if self.journal is not None:
            self.journal.begin(self._seed, self.cells.values(), self.edges)
        for plan in self._crashes:
            cell = self.cells[plan.actor]
            if plan.at_message is not None:
                cell.crash_plan[plan.at_message] = plan.after_handler
            if plan.at_ns is not None:
                self.agenda.schedule(plan.at_ns, self._crash_on_purpose, cell)
        for child in self.tree.start_order():
            self._start(child, 0)

    def _start(self, child: str, generation: int) -> None:
        if not self.tree.may_start(child, generation):
            return
        cell = self.cells[child]
        spec = self.tree.spec(child)
        if spec.mailbox is OnRestart.CLEAR:
            self._clear(cell)
        cell.generation = generation
        self.tree.on_started(child, generation)
        if self.journal is not None:
            self.journal.started(cell, self.now)
        try:
            actor = spec.start()
            self._hooks.on_built(cell.spec, actor)
        except Exception as error:
            self._crashed(cell, error)
            return
        self._inhabit(cell, actor)
        for message in self._first_messages(cell):
            if not self._deliver(cell, cell.orders, message, is_direct=True):
                return
        self._came_up(cell)
        self._records.started(child, generation)
        if generation > 0:
            self._tell_who_is_down(cell)
            self._spread(cell, ActorUp(cell.spec.kind, cell.spec.index))

    def _tell_who_is_down(self, newcomer: Cell) -> None:
        """Tell one who begins anew of the falls and lost connections that its last life was told of."""
        for cell in self.cells.values():
            is_away = not cell.is_up and self.tree.generation(cell.name) > 0
            if is_away and cell.spec.kind in _DISTRUSTED and ActorDown in newcomer.on:
                self._tell(newcomer.orders, ActorDown(cell.spec.kind, cell.spec.index, "is not back yet"))
            elif cell.is_up and cell.spec.kind == "connector" and cell.spec.index in self.lost:
                hearers = (edge.cell for edge in cell.emissions.get("connection", ()))
                if any(hearer is newcomer for hearer in hearers):
                    self._tell(newcomer.orders, self.lost[cell.spec.index])

    def _inhabit(self, cell: Cell, actor: Actor) -> None:
        for port in actor.ports:
            self._open(cell, port)
        cell.build(actor, self.log)
        self._unseal(cell)
        cell.is_up = True
        self._refresh(cell)

    def _first_messages(self, cell: Cell) -> Iterator[Any]:
        yield Started(cell.generation)
        if cell.spec.replays_log and (cell.generation > 0 or self._is_resumed):
            first_ts = 0
            for row in self.log.rows():
                first_ts = first_ts or row[1]
                yield unpack(row)
            yield LogReplayed(first_ts)
        if self.guard_memory is not None and cell.generation > 0 and GuardMemory in cell.on:
            yield self.guard_memory
        if self.trading and cell.generation > 0 and TradingStateChanged in cell.on and not cell.spec.is_shell:
            yield self.trading[-1]

    # --- deliveries -------------------------------------------------------------------------------------------------

    def _deliver(self, cell: Cell, edge: Edge, message: Any, *, is_direct: bool = False) -> bool:
        """Run the handler and send what it gives; False when it crashed.  A direct message has not waited in line."""
        assert cell.is_up, f"{cell.name} is delivered {message!r}, but is down"
        self.number += 1
        if self.journal is not None:
            self.journal.delivering(self.number, cell, edge, self.now, message)
        try:
            after_handler = cell.crash_plan and self._is_crash_due(cell)
            actor = cell.actor
            actor.now = self.now
            cell.on[type(message)](message)
            if after_handler:
                raise PlannedCrashError(f"{cell.name}, after handling its message {cell.n_delivered}")
            out = actor.out
            if self.journal is not None:
                self.journal.delivered(self.number, cell, edge, is_direct, self.now, out)
            outlets = cell.outlets
            for port, output in out:
                for way in outlets[port]:
                    self.put(way, output)
            out.clear()
        except Exception as error:
            self._crashed(cell, error, edge, is_direct=is_direct)
            return False
        return True

    def _is_crash_due(self, cell: Cell) -> bool:
        cell.n_delivered += 1
        after_handler = cell.crash_plan.get(cell.n_delivered)
        if after_handler is False:
            raise PlannedCrashError(f"{cell.name}, before its message {cell.n_delivered}", is_before=True)
        return after_handler is True

    # --- crashes ----------------------------------------------------------------------------------------------------

    def _crashed(self, cell: Cell, error: Exception, edge: Edge | None = None, *, is_direct: bool = False) -> None:
        if not cell.is_up and edge is not None:
            return
        text = describe(error)
        if self.journal is not None:
            is_before = isinstance(error, PlannedCrashError) and error.is_before
            self.journal.crashed(self.number, cell, edge, is_direct, self.now, text, is_before=is_before)
        self._records.crashed(cell.name, cell.generation, error)
        self._take_down(cell, text)
        if not self.is_stopping:
            for other in self.cells.values():
                if ActorCrashed in other.on:
                    self._tell(other.orders, ActorCrashed(cell.spec.kind, cell.spec.index, text))
        self._carry_out(self.tree.on_crash(cell.name, cell.generation, self.now, text))

    def _crash_on_purpose(self, cell: Cell) -> None:
        if cell.is_up:
            self._crashed(cell, PlannedCrashError(f"{cell.name}, at {self.now}"))

    def _carry_out(self, decisions: list[Decision]) -> None:
        is_last = any(isinstance(decision, supervision.GiveUp) for decision in decisions)
        for decision in decisions:
            match decision:
                case supervision.Stop(child):
                    cell = self.cells[child]
                    if is_last and isinstance(cell.actor, Shell):
                        self._abandon(cell.actor)
                    else:
                        self._stop(cell, "stopped by its supervisor", run_goes_on=True)
                case supervision.StartAt(child, generation, at):
                    self._schedule_start(at, child, generation)
                case supervision.LeaveDown(_, children):
                    self.left_down += children
                case supervision.GiveUp(_, _, error):
                    self.gave_up = error
                    self._reopen_shells()
        self._records.decided(decisions)
        for child in self.tree.start_order():
            if self.tree.state(child) is ChildState.STOPPED:
                self._seal(self.cells[child])

    def _abandon_all(self) -> None:
        """The drain has not proven that no order is left: stop everyone but the shells, which cancel all."""
        for decision in self.tree.shut_down():
            assert isinstance(decision, supervision.Stop)
            cell = self.cells[decision.child]
            if isinstance(cell.actor, Shell):
                self._abandon(cell.actor)
            else:
                self._stop(cell, "stop")
        self._reopen_shells()

    def _reopen_shells(self) -> None:
        for cell in self.cells.values():
            if cell.spec.kind == "connector" and not cell.is_up:
                self._reopen(cell)

    def _abandon(self, shell: Shell) -> None:
        """Let a shell cancel all; it stays up until that is proven, or the time for it is over."""
        shell.now = self.now
        shell.abandon()

    def _reopen(self, cell: Cell) -> None:
        """Start a shell that is down once more, only to cancel: it may be its fall that the run is given up for."""
        cell.generation += 1
        if self.journal is not None:
            self.journal.started(cell, self.now)
        try:
            actor = self.tree.spec(cell.name).start()
        except Exception as error:
            self._records.crashed(cell.name, cell.generation, error)
            return
        self._inhabit(cell, actor)
        if self._deliver(cell, cell.orders, Started(cell.generation), is_direct=True):
            self._came_up(cell)
            self._records.started(cell.name, cell.generation)
            if isinstance(actor, Shell):
                self._abandon(actor)

    def _n_unproven(self) -> int:
        """Count the orders that abandoned shells have not seen the end of; 1 for a shell that could not even ask."""
        shells = [cell for cell in self.cells.values() if cell.spec.kind == "connector"]
        return sum(
            (cell.actor.n_unproven if isinstance(cell.actor, Shell) else 0) if cell.is_up else 1 for cell in shells
        )

    def _schedule_start(self, at: Nanos, child: str, generation: int) -> None:
        self.agenda.schedule(at, self._start, child, generation)

    # --- stops ------------------------------------------------------------------------------------------------------

    def _begin_drain(self, deadline: Nanos) -> bool:
        """Phase one: quoters fall silent, the order manager cancels and waits for proof; False when there is none."""
        self.drained = None
        has_manager = False
        for cell in self.cells.values():  # one that is down hears of it when it is back
            if Drain in cell.on and self.tree.state(cell.name) is not ChildState.STOPPED:
                self._tell(cell.orders, Drain(deadline))
                has_manager |= cell.spec.kind == "manager"
        return has_manager

    def _stop(self, cell: Cell, reason: str, *, run_goes_on: bool = False) -> None:
        if cell.is_up and self.journal is not None:
            self.journal.stopped(cell, self.now)
        if cell.is_up and self._deliver(cell, cell.orders, Stop(run_goes_on), is_direct=True):
            self._take_down(cell, reason)
            self._records.stopped(cell.name, cell.generation)
        if self.is_stopping:
            self._seal(cell)

    def _take_down(self, cell: Cell, reason: str) -> None:
        if cell.is_up:
            self._end_life(cell)
            if not self.is_stopping:
                self._spread(cell, ActorDown(cell.spec.kind, cell.spec.index, reason))

    def _end_life(self, cell: Cell) -> None:
        cell.is_up = False
        cell.serving = None
        if self.tree.spec(cell.name).mailbox is OnRestart.CLEAR:
            self._clear(cell)
        self._refresh(cell)
        self._went_down(cell)
        if not self.is_stopping:
            self._hooks.on_down(cell.spec)

    def _spread(self, about: Cell, message: ActorDown | ActorUp) -> None:
        """Tell those who care that an actor others depend on fell or came back, down ones when they return."""
        if about.spec.kind in _WATCHED:
            for cell in self.cells.values():
                if cell is not about and type(message) in cell.on:
                    self._tell(cell.orders, message)

    def _seal(self, cell: Cell) -> None:
        """Let what is sent to an actor that is not to come back be counted as dropped, not fill its mailbox."""
        if cell.orders.tap is None:
            if self.journal is not None:
                self.journal.sealed(cell)
            self._clear(cell)  # nobody is to be held up by it for ever
            for edge in cell.mailbox.edges:
                edge.divert(partial(_drop, edge))

    @staticmethod
    def _unseal(cell: Cell) -> None:
        for edge in cell.mailbox.edges:
            if edge.tap is not None:
                edge.rejoin()

    # --- news of quotes ---------------------------------------------------------------------------------------------

    def _take_control(self, message: Any) -> None:
        super()._take_control(message)
        if isinstance(message, TradingStateChanged | NothingOpen | Flattened):
            self._records.safety(message)
        elif isinstance(message, QuotesPulled | QuotesBack):
            owners = (c.name for c in self.cells.values() if c.spec.kind == "quoter" and c.spec.index == message.quoter)
            self._records.quotes(next(owners, str(message.quoter)), message)

    # --- what a nursery adds ----------------------------------------------------------------------------------------

    @abstractmethod
    def _came_up(self, cell: Cell) -> None:
        """A generation has had its first messages; what waits may be delivered."""

    @abstractmethod
    def _went_down(self, cell: Cell) -> None:
        """A generation has ended."""


def _drop(edge: Edge, message: Any) -> None:
    edge.dropped += 1
