"""The nursery of a live run: a Trio task for each shell, and one that delivers to all actors in turn.

A delivery and the putting of its outputs are one step, so the order of deliveries alone determines every mailbox.  What
a message causes is delivered before the shells' tasks go on: from a book to an order is one turn of Trio, not one for
each actor on the way (10 to 20 us each).  To cancel `run` is the axe; `request_stop` is the way to stop.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

import attrs
import trio
import trio.lowlevel

from actors.runtime.agenda import FAR, Agenda
from actors.runtime.cell import Cell
from actors.runtime.children import Children, Hooks
from actors.runtime.journal import Journal
from actors.runtime.mailbox import Edge, Policy
from actors.runtime.nursery import Outcome, Shell
from actors.runtime.planned_crash import PlannedCrash
from actors.runtime.run_log import RunLog
from actors.runtime.supervision import Decision, Stop
from market.archive.patient_file import PatientFile
from market.units import SECOND, Nanos

if TYPE_CHECKING:
    from loguru import Logger

# who lags takes some in a row, and those after it find them conflated
_IN_A_ROW: Final = 16
_A_TURN: Final = 64  # deliveries at least, where there are as many, before the shells' tasks have theirs
_MOST_TURNS: Final = 100
_WORTH_A_TURN: Final = 32  # things that were put off: then they are seen to in one go
_REPORT_S: Final = 60.0  # of the mailboxes' counts
# what is said of a file
_WRITTEN: Final = "file is written again"
_BEHIND: Final = "file is not written"
_CUT: Final = "file is cut short"


class SleepClock(Protocol):
    """A clock that knows how long to sleep for."""

    def now_ns(self) -> Nanos:
        """Return ns since the Unix epoch."""
        ...

    def seconds_until(self, at: Nanos) -> float:
        """Return the real seconds until `at`, 0 when it has passed."""
        ...


class PutsOff(Protocol):
    """Who hears things that need not be seen to at once, and bounds how many."""

    @property
    def n_put_off(self) -> int:
        """How many wait."""
        ...

    def catch_up(self) -> None:
        """See to them."""


class _Bell:
    """Wakes one sleeper: rings while nobody sleeps are one ring."""

    def __init__(self) -> None:
        self._has_rung = False
        self._lot = trio.lowlevel.ParkingLot()

    def ring(self) -> None:
        if not self._has_rung:
            self._has_rung = True
            self._lot.unpark()

    async def wait(self) -> None:
        """Sleep until it rings; always a checkpoint."""
        if self._has_rung:
            await trio.lowlevel.checkpoint()
        else:
            await self._lot.park()
        self._has_rung = False

    def forget(self) -> None:
        """Let it not have rung: what it rang for is done."""
        self._has_rung = False


@attrs.define(eq=False)
class _Life:
    """The background task of one generation of a shell."""

    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    has_ended: trio.Event = attrs.field(factory=trio.Event)


class LiveNursery(Children):
    """Runs actors under Trio.

    Args:
        drain_ns: how long the order manager may take to prove its cancels at the end.
        sync_s: log and journal are written at this period: what a kill or a power cut may cost.
    """

    def __init__(
        self,
        log: RunLog,
        seed: int,
        clock: SleepClock,
        *,
        hooks: Hooks | None = None,
        crashes: Iterable[PlannedCrash] = (),
        journal: Journal | None = None,
        logger: "Logger | None" = None,
        drain_ns: Nanos = 10 * SECOND,
        sync_s: float = 1.0,
    ) -> None:
        super().__init__(log, seed, self._ring, hooks=hooks, crashes=crashes, journal=journal, logger=logger)
        self.clock = clock
        self._drain_ns = drain_ns
        self._sync_s = sync_s
        self._lives: dict[str, _Life] = {}
        self._runnable: deque[Cell] = deque()  # those that have mail, each once
        self._mail = _Bell()
        self._is_gathering = False
        self._is_winding_up = False
        self._turn = _Bell()  # while winding up: mail has been handled, and there may be room
        self._restarts = Agenda()
        self._due_starts: list[tuple[str, int]] = []
        self._file_states: dict[str, str] = {}
        self._who_put_off: list[PutsOff] = [] if journal is None else [journal]
        self._is_over = trio.Event()  # asked to stop, or given up
        self._is_hastened = False
        self._news = _Bell()  # while winding up: look again whether it is proven that no order is left
        self._trio: trio.Nursery

    def listen(self, source: str, port: str, ear: Callable[[Any], None]) -> None:
        """Let somebody who is no actor hear what leaves a port, after the mailboxes have it; call once all is wired.

        An ear is called in the midst of a delivery: it keeps the message and does nothing else, and never raises.  It
        is no edge of the wiring: neither a journal nor who follows one knows of it.
        """
        sender = self.cells[source]
        ways = sender.emissions if sender.spec.is_shell else sender.outlets
        edge = Edge(source, port, "ear", Policy.FAIL, 1, "heard at once")
        edge.divert(ear)
        ways[port] = (*ways.get(port, ()), edge)

    def put_off(self, who: PutsOff) -> None:
        """Let somebody catch up when no actor has mail, and what they sent has left."""
        self._who_put_off.append(who)

    def request_stop(self) -> None:
        """Let the run end: drain, then stop."""
        self._is_over.set()

    def hasten(self) -> None:
        """End the run without the order manager: the shells cancel all at once, and prove it."""
        self._is_hastened = True
        self._is_over.set()
        self._news.ring()

    def emit(self, shell: str, port: str, message: Any, *, is_logged: bool = False) -> bool:
        if not self._is_gathering:
            self._look_at_clock()
        is_sent = super().emit(shell, port, message, is_logged=is_logged)
        if self._is_winding_up:
            self._news.ring()
        return is_sent

    async def run(self) -> Outcome:
        """Start the actors, and run them until `request_stop` or until the root gives up; return how it ended."""
        async with trio.open_nursery() as self._trio:
            self._look_at_clock()
            self._start_all()
            self._trio.start_soon(self._keep_delivering)
            self._trio.start_soon(self._keep_agenda)
            self._trio.start_soon(self._keep_restarts)
            self._trio.start_soon(self._keep_files)
            self._trio.start_soon(self._report_mailboxes)
            await self._is_over.wait()
            outcome = await self._wind_up()
            self._trio.cancel_scope.cancel()
        self.log.sync()
        self.log_mailboxes(self._logger)
        if self.journal is not None:
            self.journal.end(self.log.digest())
        self._tell_of_files()
        return outcome

    # --- the end ----------------------------------------------------------------------------------------------------

    async def _wind_up(self) -> Outcome:
        self._is_winding_up = True
        self._look_at_clock()
        deadline = self.now + self._drain_ns
        unproven = 0
        if not self.tree.has_given_up and self._begin_drain(deadline):
            await self._wait_for(self._is_drained_or_worse, deadline)
            unproven = self.drained.unproven if self.drained is not None else -1
        if unproven and not self.tree.has_given_up:
            self._look_at_clock()
            self._abandon_all()
            deadline = self.now + self._drain_ns
        if unproven or self.tree.has_given_up:
            await self._wait_for(lambda: self._n_unproven() == 0, deadline)
            unproven = self._n_unproven()
        await self._stop_all()
        return Outcome("gave up" if self.tree.has_given_up else "done", unproven, self.gave_up)

    def _is_drained_or_worse(self) -> bool:
        return self.drained is not None or self.tree.has_given_up or self._is_hastened

    async def _wait_for(self, is_proven: Callable[[], bool], deadline: Nanos) -> None:
        with trio.move_on_after(self.clock.seconds_until(deadline)):
            while not is_proven():
                await self._news.wait()

    async def _stop_all(self) -> None:
        self.is_stopping = True
        stopped = [self.cells[decision.child] for decision in self.tree.shut_down() if isinstance(decision, Stop)]
        abandoned = [cell for cell in self.cells.values() if cell.is_up and cell not in stopped]
        for cell in (*stopped, *abandoned):
            with trio.move_on_after(self.tree.spec(cell.name).shutdown_s) as grace:
                await self._handle_the_rest(cell)
                self._look_at_clock()
                self._stop(cell, "stop")
                if cell.name in self._lives:
                    await self._lives[cell.name].has_ended.wait()
            if grace.cancelled_caught:
                self._stop(cell, "stop")
                self._logger.bind(child=cell.name, generation=cell.generation).error("child did not end in time")

    async def _handle_the_rest(self, cell: Cell) -> None:
        """Let an actor have what waits for it now: more may come for ever."""
        n_left = len(cell.line)
        while cell.is_up and cell.line and n_left > 0:
            if cell.n_held:
                await self._turn.wait()
            else:
                n_left -= self._run_cell(cell)
                await trio.lowlevel.checkpoint()

    # --- tasks ------------------------------------------------------------------------------------------------------

    async def _keep_delivering(self) -> None:
        """Run every actor in turn, as long as any has mail.

        A turn of Trio runs all that had mail when it began: shells bring no more in a turn of theirs than that, so what
        they bring does not pile up, however many actors it goes to.
        """
        runnable = self._runnable
        while True:
            self._deliver_a_turn()
            if runnable:
                await trio.lowlevel.checkpoint()  # the shells' turn
            elif self._has_put_off_enough():
                await trio.lowlevel.checkpoint()  # an order leaves first
                if not runnable:
                    self._catch_up()
            else:
                self._mail.forget()  # rung by what has just been handled
                await self._mail.wait()

    def _deliver_a_turn(self) -> None:
        runnable = self._runnable
        n_waiting, n_delivered = len(runnable), 0
        while runnable and (n_waiting > 0 or n_delivered < _A_TURN):
            cell = runnable.popleft()
            cell.is_runnable = False
            n_waiting -= 1
            n_delivered += self._run_cell(cell)
        self._turn.ring()

    def gather(self, work: Callable[[], None]) -> None:
        """Do work of a shell that emits, and then a turn of what it causes: an order leaves in the turn of its book."""
        self._look_at_clock()
        self._is_gathering = True
        try:
            work()
            self._deliver_a_turn()
        finally:
            self._is_gathering = False
            if self._runnable or self._has_put_off_enough():
                self._mail.ring()

    def _has_put_off_enough(self) -> bool:
        return sum(each.n_put_off for each in self._who_put_off) >= _WORTH_A_TURN

    def _catch_up(self) -> None:
        for each in self._who_put_off:
            each.catch_up()

    def _run_cell(self, cell: Cell) -> int:
        """Deliver what waits for an actor, some of it; return how much."""
        n, line, now_ns = 0, cell.line, self.clock.now_ns
        while n < _IN_A_ROW and cell.is_up and line and not cell.n_held:
            now = now_ns()
            if now > self.now:
                self.now = now
            self._deliver(cell, *self._take(cell))
            n += 1
        if cell.spec.is_shell and cell.is_up:
            self._settle(cell)
        if n == _IN_A_ROW:
            self._ring(cell)
        return n

    def _settle(self, cell: Cell) -> None:
        assert isinstance(cell.actor, Shell), f"{cell.name} stands before no venue"
        try:
            cell.actor.settle()
        except Exception as error:
            self._crashed(cell, error)

    async def _live(self, cell: Cell, life: _Life, shell: Shell) -> None:
        """Be the background of one generation of a shell."""
        with life.scope:
            await self._run_shell(cell, cell.generation, shell)
        life.has_ended.set()

    async def _run_shell(self, cell: Cell, generation: int, shell: Shell) -> None:
        try:
            await shell.run(partial(self.emit, cell.name))
        except Exception as error:
            self._look_at_clock()
            if cell.is_up and cell.generation == generation:
                self._crashed(cell, error)

    async def _keep_agenda(self) -> None:
        while True:
            await self._wait_for_entry(self.agenda)
            _, action = self.agenda.pop()
            action()

    async def _keep_restarts(self) -> None:
        """Start what is to be started, in order, each once its last generation has ended."""
        while True:
            await self._wait_for_entry(self._restarts)
            _, action = self._restarts.pop()
            action()
            child, generation = self._due_starts.pop()
            with trio.move_on_after(self.tree.spec(child).shutdown_s):
                if child in self._lives:
                    await self._lives[child].has_ended.wait()
            self._look_at_clock()
            self._start(child, generation)
            await self._let_mail_be_handled()  # news of this one may stop the next

    async def _let_mail_be_handled(self) -> None:
        """Wait until no actor has mail, or for a while where mail does not cease."""
        for _ in range(_MOST_TURNS):
            await trio.lowlevel.checkpoint()
            if not self._runnable:
                return

    async def _wait_for_entry(self, agenda: Agenda) -> None:
        bell = _Bell()
        agenda.on_earlier = bell.ring
        await trio.lowlevel.checkpoint()  # timers that are always due must not starve the actors
        while (at := agenda.next_at) > self.clock.now_ns():
            with trio.move_on_after(self.clock.seconds_until(at) if at < FAR else math.inf):
                await bell.wait()
        self._look_at_clock()

    async def _keep_files(self) -> None:
        while True:
            await trio.sleep(self._sync_s)
            self.log.flush()
            self._catch_up()
            for file in self._files():
                if file.is_eager:
                    file.write_now()
                else:  # a disk may take its time; nobody who trades waits for it
                    write = file.begin_write()
                    file.settle(write, await trio.to_thread.run_sync(write.run))
            self._tell_of_files()

    def _files(self) -> list[PatientFile]:
        kept = (self.log.file, self.journal.file if self.journal is not None else None)
        return [file for file in kept if file is not None]

    def _tell_of_files(self) -> None:
        """Say once that a disk does not take what it should, and once that it does again."""
        for file in self._files():
            fault = self.journal.fault if self.journal is not None and file is self.journal.file else ""
            state = _CUT if file.n_lost or fault else _BEHIND if file.error is not None else _WRITTEN
            if state != self._file_states.get(file.path.name, _WRITTEN):
                self._file_states[file.path.name] = state
                error = str(file.error or fault)
                record = self._logger.bind(file=file.path.name, error=error, n_lost=file.n_lost)
                record.log("INFO" if state == _WRITTEN else "ERROR", state)

    async def _report_mailboxes(self) -> None:
        while True:
            await trio.sleep(_REPORT_S)
            self.log_mailboxes(self._logger)

    def _look_at_clock(self) -> None:
        self.now = max(self.now, self.clock.now_ns())

    # --- what a nursery adds ----------------------------------------------------------------------------------------

    def _ring(self, cell: Cell) -> None:
        if not cell.is_runnable and cell.is_up and cell.line:
            cell.is_runnable = True
            self._runnable.append(cell)
            if not self._is_gathering:
                self._mail.ring()

    def _released(self, cell: Cell) -> None:
        self._ring(cell)

    def _refresh(self, cell: Cell) -> None:
        pass  # whoever runs a cell looks at it anyway

    def _came_up(self, cell: Cell) -> None:
        if isinstance(cell.actor, Shell):
            cell.actor.gather = self.gather
            life = self._lives[cell.name] = _Life()
            self._trio.start_soon(self._live, cell, life, cell.actor, name=cell.name)
        self._ring(cell)

    def _went_down(self, cell: Cell) -> None:
        if cell.name in self._lives:
            self._lives[cell.name].scope.cancel()

    def _schedule_start(self, at: Nanos, child: str, generation: int) -> None:
        self._restarts.schedule(at, self._due_starts.append, (child, generation))

    def _take_control(self, message: Any) -> None:
        super()._take_control(message)
        self._news.ring()

    def _carry_out(self, decisions: list[Decision]) -> None:
        super()._carry_out(decisions)
        if self.tree.has_given_up:
            self._is_over.set()
            self._news.ring()
