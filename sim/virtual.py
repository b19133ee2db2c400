"""The nursery of the simulation: virtual time, and one deterministic drain over all actors.

Messages are handled in the order in which they were put, over all mailboxes, as far as nobody is held up: the line of
turns (`_turns`) holds a cell for each message that waits.  After each event of the market, and each timer, the actors
drain until quiet.  At one instant the market's deliveries come first, then timers by the place of their actor and their
token.
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, Protocol

from actors.quoter import Quoter
from actors.runtime.actor import Actor
from actors.runtime.agenda import FAR
from actors.runtime.cell import Cell
from actors.runtime.children import Children, Hooks
from actors.runtime.journal import Journal
from actors.runtime.mailbox import Edge
from actors.runtime.nursery import Outcome
from actors.runtime.planned_crash import PlannedCrash
from actors.runtime.run_log import RunLog
from actors.runtime.supervision import Stop
from market.messages import BookUpdate
from market.units import SECOND, Nanos
from sim.event_source import EventSource
from sim.straight_lines import Line

if TYPE_CHECKING:
    from loguru import Logger

MAX_DELIVERIES_PER_INSTANT: Final = 10_000
_LOOP_SAMPLE: Final = 1_000


class Shortcut(Protocol):
    """Somebody who may act upon a message in place of the actors it would go to."""

    def take(self, message: Any, now: Nanos) -> bool:
        """Act upon all that the message would bring about at this instant; False: it is to be delivered."""
        ...

    def look(self, now: Nanos) -> None:
        """The actors are quiet: see whether messages can be acted upon from here on."""
        ...


class NoShortcut:
    """Every message is delivered."""

    def take(self, message: Any, now: Nanos) -> bool:
        return False

    def look(self, now: Nanos) -> None:
        pass


class EndlessLoopError(Exception):
    """Actors keep sending to each other while no time passes."""


class VirtualNursery(Children):
    """Runs actors in virtual time.

    Args:
        start: time of the first start.
        drain_ns: how long the order manager may take to prove its cancels at the end.
        on_progress: called with the nursery about every `progress_every` deliveries.
    """

    def __init__(
        self,
        log: RunLog,
        seed: int,
        *,
        start: Nanos = 0,
        hooks: Hooks | None = None,
        crashes: Iterable[PlannedCrash] = (),
        journal: Journal | None = None,
        logger: "Logger | None" = None,
        drain_ns: Nanos = 10 * SECOND,
        on_progress: Callable[["VirtualNursery"], None] | None = None,
        progress_every: int = 4096,
    ) -> None:
        self._turns: deque[Cell] = deque()
        super().__init__(log, seed, self._turns.append, hooks=hooks, crashes=crashes, journal=journal, logger=logger)
        self.now = start
        self.stop_requested = False
        self._drain_ns = drain_ns
        self._on_progress = on_progress
        self._progress_every = progress_every
        self._limit = MAX_DELIVERIES_PER_INSTANT
        self._may_settle = False
        self._progress_at = progress_every
        self.shortcut: Shortcut = NoShortcut()
        self.n_changes = 0  # of what decides how anybody is told

    @property
    def clock(self) -> "VirtualNursery":
        return self

    def now_ns(self) -> Nanos:
        """Return the virtual time."""
        return self.now

    # --- the source's side ------------------------------------------------------------------------------------------

    def at(self, now: Nanos) -> None:
        """Let time go on to `now`.

        Raises:
            ValueError: it would go back.
        """
        if now > self.now:
            self.now = now
            self._limit = self.number + MAX_DELIVERIES_PER_INSTANT
        elif now < self.now:
            raise ValueError(f"time must not go back: at {self.now} ns, asked for {now} ns")

    def post(self, edge: Edge, message: Any) -> None:
        """Put market data straight into a mailbox: for mirrored books, whose keeper has nothing to do."""
        if edge.tap is None and edge.mailbox.put(edge, message):
            self._turns.append(edge.cell)

    def line(self, edge: Edge, message: Any) -> Line | None:
        """Return the straight line to the only hearer of such messages; it holds while `n_changes` does.

        None: they are to be posted.
        """
        cell = edge.cell
        if cell.is_slow or edge.tap is not None:
            return None
        actor = cell.actor
        found = actor.straight(message) if isinstance(actor, Quoter) else None
        call, argument = found or (cell.on[type(message)], None)
        if argument is None and isinstance(message, BookUpdate):
            argument = message
        return call, argument, actor, edge

    def told(self, n: int, now: Nanos) -> None:
        """Count what was told by straight lines, the newest at `now`."""
        if now != self.now:
            self.at(now)
        self.number += n
        self._limit += n

    def answered(self, edge: Edge, actor: Actor) -> bool:
        """Take what a hearer gave by a straight line; False: the actors are to be drained."""
        out = actor.out
        if len(out) == 1 and self.shortcut.take(out[0][1], self.now):
            out.clear()
            return True
        self._outputs(edge.cell, actor)
        return False

    def fell(self, edge: Edge, error: Exception) -> None:
        """The hearer of a straight line has raised."""
        self._crashed(edge.cell, error, edge)

    def give(self, cell: Cell) -> None:
        """Send what an actor has put out by another's call."""
        self._outputs(cell, cell.actor)

    def _outputs(self, cell: Cell, actor: Actor) -> None:
        """Send what a handler gave, as in `drain`."""
        outlets, out, turns = cell.outlets, actor.out, self._turns
        for port, output in out:
            for way in outlets[port]:
                n_put = way.n_put + 1
                if n_put - way.n_got <= way.mark and way.waiting is None:
                    way.n_put = n_put
                    way.line.append((way, output))
                    turns.append(way.cell)
                else:
                    self.put(way, output)
        out.clear()

    # --- the run ----------------------------------------------------------------------------------------------------

    def run(self, source: EventSource) -> Outcome:
        """Start the actors, run the market to its end, stop in two phases; return how it ended.

        Raises:
            EndlessLoopError: more than 10,000 deliveries without time going on.
        """
        self.start()
        self._run_to_the_end(source)
        unproven = 0
        if not self.tree.has_given_up and self._begin_drain(self.now + self._drain_ns):
            self.n_changes += 1
            self.drain()
            self._run_until(source, lambda: self.drained is not None or self.tree.has_given_up)
            unproven = self.drained.unproven if self.drained is not None else -1
        if unproven and not self.tree.has_given_up:
            self._abandon_all()
        if unproven or self.tree.has_given_up:
            self.drain()
            self._run_until(source, lambda: self._n_unproven() == 0)
            unproven = self._n_unproven()
        self._stop_all()
        if self.tree.has_given_up:
            return Outcome("gave up", unproven, self.gave_up)
        return Outcome("interrupted" if self.stop_requested else "done", unproven)

    def start(self) -> None:
        """Start the actors, and deliver what their starts give."""
        self._start_all()
        self.drain()

    def _run_to_the_end(self, source: EventSource) -> None:
        self._may_settle = True
        until = self.settle()
        while until >= 0:
            if source.advance(until) is None:
                until = max(self.now, self.agenda.next_at)
                if source.finished and until > source.end:
                    self.at(max(self.now, source.end))
                    break
                assert until < FAR, "the source has no event and is not finished, and no timer waits"
                self._next_entry()
            until = self.settle()
        self._may_settle = False

    def settle(self) -> Nanos:
        """Drain after an event; return until when the source may go on by itself, -1 if it must return first."""
        if self._turns:
            self.drain()
        if not self._may_settle or self.stop_requested or self.tree.has_given_up:
            return -1
        self.shortcut.look(self.now)
        # by deliveries: where nobody has anything to say, the market runs on from timer to timer
        if self.number >= self._progress_at and self._on_progress is not None:
            self._progress_at = self.number + self._progress_every
            self._on_progress(self)
        until = self.agenda.next_at
        return until if until > self.now else self.now

    def _run_until(self, source: EventSource, is_over: Callable[[], bool]) -> None:
        """Let the venues answer until `is_over`, at most for the time of a drain."""
        deadline = self.now + self._drain_ns
        while not is_over():
            until = max(self.now, min(self.agenda.next_at, deadline))
            if source.advance(until) is None:
                if self.agenda.next_at > deadline:
                    self.at(deadline)
                    return
                self._next_entry()
            self.drain()

    def _next_entry(self) -> None:
        at, action = self.agenda.pop()
        if at > self.now:
            self.at(at)
        action()

    def _stop_all(self) -> None:
        self.is_stopping = True
        for decision in self.tree.shut_down():
            if isinstance(decision, Stop):
                self._stop(self.cells[decision.child], "stop")
                self.drain()
        for cell in self.cells.values():  # shells of a run that gave up: the tree thinks them stopped
            self._stop(cell, "stop")
        self.log_mailboxes(self._logger)
        if self.journal is not None:
            self.journal.end(self.log.digest())

    # --- the drain --------------------------------------------------------------------------------------------------

    def drain(self) -> None:
        """Deliver until no message waits with one who can take it.

        This is where a run spends its time.  What is done here in line is `Mailbox.get`, `Children._deliver` and
        `Switchboard.put` of the plain case; all that needs a closer look has `is_slow` set or a mark that stops it.
        """
        turns = self._turns
        next_turn, add_turn = turns.popleft, turns.append
        put = self.put
        now, number, limit = self.now, self.number, self._limit
        while turns and number < limit:
            try:
                while turns and number < limit:
                    cell = next_turn()
                    if cell.is_slow:
                        self.number = number
                        self._turn(cell)
                        number, limit = self.number, self._limit
                        continue
                    place = cell.line.popleft()
                    edge, message = place
                    edge.n_got += 1
                    if edge.waiting is not None:
                        place[1] = None
                    number += 1
                    actor = cell.actor
                    actor.now = now
                    cell.on[type(message)](message)
                    out = actor.out
                    if out:
                        outlets = cell.outlets
                        for port, message in out:
                            for way in outlets[port]:
                                n_put = way.n_put + 1
                                if n_put - way.n_got > way.mark:
                                    put(way, message)
                                elif way.waiting is None:
                                    way.n_put = n_put
                                    way.line.append((way, message))
                                    add_turn(way.cell)
                                elif way.mailbox.put(way, message):
                                    add_turn(way.cell)
                        out.clear()
            except Exception as error:
                self.number = number
                self._crashed(cell, error, edge)
        self.number = number
        if turns:
            self._name_the_loop()

    def _turn(self, cell: Cell) -> None:
        if not cell.is_up or cell.n_held or cell.serving is not None or not cell.line:
            return  # it is given turns anew when it is up, let go, or done
        edge, message = self._take(cell)
        if cell.give_back is not None:
            if self.shortcut.take(message, self.now):
                self._outputs(cell, cell.actor)
                return
            cell.give_back()
        if cell.spec.service_time_ns == 0:
            self._deliver(cell, edge, message)
        else:
            cell.serving = edge, message
            self.agenda.schedule(self.now + cell.spec.service_time_ns, self._served, cell, cell.generation)

    def _served(self, cell: Cell, generation: int) -> None:
        if cell.serving is None or cell.generation != generation:
            return
        edge, message = cell.serving
        cell.serving = None
        self._deliver(cell, edge, message)
        self._turns.append(cell)

    def _give_turns(self, cell: Cell) -> None:
        """Let what waits for `cell` come after all that waits elsewhere; turns it missed are gone."""
        if cell.is_up and not cell.n_held:
            others = [other for other in self._turns if other is not cell]
            self._turns.clear()
            self._turns.extend(others)
            self._turns.extend([cell] * len(cell.line))

    def _name_the_loop(self) -> None:
        """Run a little further to see who sends to whom, then raise."""
        before = [edge.n_got for edge in self.edges]
        for _ in range(_LOOP_SAMPLE):
            if self._turns:
                self._turn(self._turns.popleft())
        counts = sorted(((edge.n_got - n, edge.name) for edge, n in zip(self.edges, before, strict=True)), reverse=True)
        loop = ", ".join(f"{name} ({n} of {_LOOP_SAMPLE})" for n, name in counts[:4] if n)
        raise EndlessLoopError(f"more than {MAX_DELIVERIES_PER_INSTANT} deliveries at {self.now} ns: {loop}")

    # --- what a nursery adds ----------------------------------------------------------------------------------------

    def _released(self, cell: Cell) -> None:
        self._give_turns(cell)

    def _refresh(self, cell: Cell) -> None:
        self.n_changes += 1
        cell.is_slow = (
            not cell.is_up
            or cell.n_held > 0
            or cell.n_holding > 0
            or cell.spec.service_time_ns > 0
            or bool(cell.crash_plan)
            or self.journal is not None
            or cell.give_back is not None
        )

    def _came_up(self, cell: Cell) -> None:
        # a replayed log is as long as the run was: it is no loop
        self._limit = self.number + MAX_DELIVERIES_PER_INSTANT
        self._give_turns(cell)

    def _went_down(self, cell: Cell) -> None:
        if cell.give_back is not None:
            cell.give_back()

    # --- lending ----------------------------------------------------------------------------------------------------

    def lend(self, cell: Cell, give_back: Callable[[], None]) -> None:
        """Let another keep an actor's state until the actor is needed; the timers it asked for are set."""
        cell.give_back = give_back
        self._refresh(cell)
        if cell.actor.out:
            self._outputs(cell, cell.actor)

    def returned(self, cell: Cell) -> None:
        """The actor has its state again."""
        cell.give_back = None
        self._refresh(cell)
