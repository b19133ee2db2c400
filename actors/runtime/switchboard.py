"""Cells and the edges between them: where a message goes, and who is held up when there is no room."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import attrs

from actors.runtime.actor import TIMERS
from actors.runtime.agenda import Agenda
from actors.runtime.cell import Cell
from actors.runtime.journal import Journal
from actors.runtime.mailbox import Edge, EdgeOverflowError, EdgeStatistics, Policy
from actors.runtime.nursery import ADJUSTMENTS, CONTROL, ActorSpec
from actors.runtime.run_log import RunLog
from market.messages import (
    AccountSnapshot,
    Adjustment,
    BookDelta,
    BookSnapshot,
    ConnectionLost,
    ConnectionUp,
    Drained,
    Fill,
    Flattened,
    FundingPayment,
    GuardMemory,
    NothingOpen,
    SetTimer,
    TimerFired,
    Trade,
    TradingStateChanged,
)
from market.order_log import PACK, LogKind
from market.told_once import ToldOnce
from market.units import InstrumentId, Nanos, VenueId

if TYPE_CHECKING:
    from loguru import Logger

_FILLS: Final = (LogKind.FILL_MAKER, LogKind.FILL_TAKER)
_NEVER_LOGGED: Final = frozenset((BookDelta, BookSnapshot, Trade))  # which are nearly all
_ONCE: Final = (Fill, FundingPayment)  # told by themselves, again, or first by an account snapshot


class Switchboard(ABC):
    """The wired cells.

    Attributes:
        now: time of what is happening.
        number: of the latest delivery.
        drained: the order manager's answer to `Drain`.
        trading: every change of the trading state, where there is a guard.  The last is told to whoever begins anew.
        safety: besides, what a halt has brought about.
        lost: the news of each connection that is down while its connector lives, by venue.
        guard_memory: what the guard has read so far, for its next life.

    Args:
        ready: called with a cell when a message more waits for it.
    """

    def __init__(self, log: RunLog, ready: Callable[[Cell], None], journal: Journal | None = None) -> None:
        self.log = log
        self._ready = ready
        self.journal = journal
        self.now: Nanos = 0
        self.number = 0
        self.drained: Drained | None = None
        self.trading: list[TradingStateChanged] = []
        self.safety: list[NothingOpen | Flattened] = []
        self.lost: dict[VenueId, ConnectionLost] = {}
        self.guard_memory: GuardMemory | None = None
        self.cells: dict[str, Cell] = {}
        self.edges: list[Edge] = []
        # each apart: what one venue tells after an outage is older than much that others have told meanwhile
        self._logged: dict[tuple[bool, InstrumentId], ToldOnce] = {}
        for row in log.rows():
            if row[0] in _FILLS or row[0] == LogKind.FUNDING:
                self._is_new(row[0] == LogKind.FUNDING, row[3], row[8], row[2])
        self.agenda = Agenda()

    def spawn(self, spec: ActorSpec) -> None:
        """Add an actor.

        Raises:
            ValueError: its name is taken.
        """
        if spec.name in self.cells:
            raise ValueError(f"an actor named {spec.name!r} is spawned already")
        cell = self.cells[spec.name] = Cell(spec, len(self.cells))
        for edge in (cell.orders, cell.timers):
            self._number(edge)
        cell.outlets[TIMERS] = (self._tap(spec.name, TIMERS, partial(self._set_timer, cell)),)
        cell.outlets[CONTROL] = (self._tap(spec.name, CONTROL, self._take_control),)
        cell.outlets[ADJUSTMENTS] = (self._tap(spec.name, ADJUSTMENTS, self._log_adjustment),)

    def connect(self, source: str, port: str, target: str, policy: Policy, capacity: int, reason: str) -> Edge:
        """Lead a port of `source` into the mailbox of `target`; several edges of a port are put in this order.

        Raises:
            KeyError: no such actor is spawned.
        """
        edge = Edge(source, port, target, policy, capacity, reason)
        self._number(edge)
        sender, receiver = self.cells[source], self.cells[target]
        receiver.mailbox.join(edge, receiver)
        self._open(sender, port)
        ways = sender.emissions if sender.spec.is_shell else sender.outlets
        ways[port] = (*ways[port], edge)
        return edge

    def cell(self, name: str) -> Cell:
        """Return the place of an actor."""
        return self.cells[name]

    def edges_of(self, source: str, port: str) -> tuple[Edge, ...]:
        """Return the edges that lead out of a port, in wiring order."""
        sender = self.cells[source]
        return (sender.emissions if sender.spec.is_shell else sender.outlets).get(port, ())

    def statistics(self) -> dict[str, list[EdgeStatistics]]:
        """Return the counts of every mailbox, by actor."""
        return {name: cell.mailbox.statistics() for name, cell in self.cells.items()}

    def log_mailboxes(self, logger: "Logger") -> None:
        """Write one record for each edge that was used."""
        for edge in self.edges:
            if edge.n_put or edge.dropped:
                logger.bind(**attrs.asdict(edge.statistics())).info("mailbox")

    # --- what shells give -------------------------------------------------------------------------------------------

    def emit(self, shell: str, port: str, message: Any, *, is_logged: bool = False) -> bool:
        """Send a shell's message, logged if it is an order fact; False when the shell is down and nothing is sent.

        Args:
            is_logged: it stands in the run's log already.
        """
        cell = self.cells[shell]
        if not cell.is_up:
            return False
        if not is_logged and type(message) not in _NEVER_LOGGED:
            self._log_emitted(message)
        if self.journal is not None:
            self.journal.emitted(cell, port, self.now, message)
        try:
            for edge in cell.emissions.get(port, ()):
                self.put(edge, message)
        except EdgeOverflowError as error:
            self._crashed(cell, error)
        return True

    def settle(self) -> Nanos:
        """Return until when the simulated market may go on before it returns to the nursery; -1: not at all."""
        return -1

    def _log_emitted(self, message: Any) -> None:
        """Log an order fact; a fill or a payment once, whichever way it is told first."""
        pack = PACK.get(type(message))
        if pack is not None:
            if not isinstance(message, _ONCE) or self._is_first(message):
                self.log.append(pack(message, self.now))
        elif type(message) is ConnectionLost:
            self.lost[message.venue] = message
        elif type(message) is ConnectionUp:
            self.lost.pop(message.venue, None)
        elif type(message) is AccountSnapshot:
            told: tuple[Fill | FundingPayment, ...] = (*message.payments, *message.fills)
            for each in told:
                if self._is_first(each):
                    self.log.append(PACK[type(each)](each, self.now))

    def _is_first(self, message: Fill | FundingPayment) -> bool:
        number = message.fill_id if isinstance(message, Fill) else message.payment_id
        return self._is_new(isinstance(message, FundingPayment), message.instrument, number, message.ts_venue)

    def _is_new(self, is_payment: bool, instrument: InstrumentId, number: int, ts_venue: Nanos) -> bool:
        told = self._logged.get((is_payment, instrument))
        if told is None:
            told = self._logged[is_payment, instrument] = ToldOnce()
        return told.is_new(number, ts_venue)

    # --- messages ---------------------------------------------------------------------------------------------------

    def put(self, edge: Edge, message: Any) -> None:
        """Let a message wait at the end of an edge, or give it to the edge's tap.

        Raises:
            EdgeOverflowError: there is no room, and the edge may lose nothing.
        """
        n_put = edge.n_put + 1
        if n_put - edge.n_got <= edge.mark and edge.waiting is None:  # there is room, as nearly always
            edge.n_put = n_put
            edge.line.append((edge, message))
            self._ready(edge.cell)
        elif edge.tap is not None:
            edge.tap(message)
        elif edge.mailbox.put(edge, message):
            self._ready(edge.cell)
            if edge.policy is Policy.BLOCK and not edge.holds and edge.is_full:
                edge.holds = True
                self._hold(edge, 1)

    def _take(self, cell: Cell) -> tuple[Edge, Any]:
        edge, message = cell.mailbox.get()
        if edge.holds and not edge.is_full:
            edge.holds = False
            self._hold(edge, -1)
        return edge, message

    def _clear(self, cell: Cell) -> None:
        while cell.line:
            self._take(cell)

    def _tell(self, edge: Edge, message: Any) -> None:
        """Put a message of the nursery's own; who has no room for it crashes."""
        if self.journal is not None:
            self.journal.put(edge, self.now, message)
        try:
            self.put(edge, message)
        except EdgeOverflowError as error:
            if edge.cell.is_up:
                self._crashed(edge.cell, error)
            else:
                edge.dropped += 1

    def _hold(self, edge: Edge, more: int) -> None:
        edge.cell.n_holding += more
        self._refresh(edge.cell)
        sender = self.cells.get(edge.source)
        if sender is not None:
            sender.n_held += more
            self._refresh(sender)
            if sender.n_held == 0:
                self._released(sender)

    # --- taps -------------------------------------------------------------------------------------------------------

    def _set_timer(self, cell: Cell, message: SetTimer) -> None:
        self.agenda.schedule(
            message.at, self._fire, cell, cell.generation, message.token, rank=(cell.place, message.token)
        )

    def _fire(self, cell: Cell, generation: int, token: int) -> None:
        if cell.is_up and cell.generation == generation:
            self._tell(cell.timers, TimerFired(token))

    def _take_control(self, message: Any) -> None:
        if isinstance(message, Drained):
            self.drained = message
        elif isinstance(message, TradingStateChanged):
            self.trading.append(message)
        elif isinstance(message, NothingOpen | Flattened):
            self.safety.append(message)
        elif isinstance(message, GuardMemory):
            self.guard_memory = message

    def _log_adjustment(self, message: Adjustment) -> None:
        self.log.append(PACK[Adjustment](message, self.now))

    def _tap(self, source: str, port: str, tap: Any) -> Edge:
        edge = Edge(source, port, "nursery", Policy.FAIL, 1, "taken at once")
        edge.divert(tap)
        return edge

    def _open(self, cell: Cell, port: str) -> None:
        """Let a port be written to, also one that nobody listens to."""
        if cell.spec.is_shell:
            cell.outlets.setdefault(port, (self._tap(cell.name, port, partial(self.emit, cell.name, port)),))
            cell.emissions.setdefault(port, ())
        else:
            cell.outlets.setdefault(port, ())

    def _number(self, edge: Edge) -> None:
        edge.number = len(self.edges)
        self.edges.append(edge)

    # --- what a nursery adds ----------------------------------------------------------------------------------------

    @abstractmethod
    def _released(self, cell: Cell) -> None:
        """There is room again on every edge that held `cell`."""

    @abstractmethod
    def _refresh(self, cell: Cell) -> None:
        """Something has changed that decides how `cell` is run."""

    @abstractmethod
    def _crashed(self, cell: Cell, error: Exception) -> None:
        """A handler or a shell has raised."""
