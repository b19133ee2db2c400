"""A live run followed from its journal: what ran live must decide the same again, delivery by delivery."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actors.runtime.cell import Cell
from actors.runtime.child_spec import OnRestart
from actors.runtime.children import Children, Hooks
from actors.runtime.journal import (
    CrashRecord,
    DeliveryRecord,
    EmitRecord,
    EndRecord,
    Head,
    PutRecord,
    SealRecord,
    StartRecord,
    StopRecord,
    checksum,
    names,
    read_journal,
)
from actors.runtime.log import describe
from actors.runtime.mailbox import Edge, EdgeOverflowError
from actors.runtime.message_codec import MessageCodec
from actors.runtime.run_log import RunLog
from market.messages import SetTimer, Started, Stop
from market.order_log import PACK
from market.units import Nanos

if TYPE_CHECKING:
    from loguru import Logger


class DivergenceError(Exception):
    """The run that is followed decided otherwise than this code does, or was wired otherwise."""


class JournalReplay(Children):
    """Follows a journal: wire it like the nursery that wrote the journal, then `follow`.

    Actors are built and run; shells are not, for what they sent stands in the journal.

    Attributes:
        has_ended: the journal had an end, which a run that was killed has not.
    """

    def __init__(
        self,
        log: RunLog,
        *,
        hooks: Hooks | None = None,
        logger: "Logger | None" = None,
        codec: MessageCodec | None = None,
    ) -> None:
        super().__init__(log, 0, _nobody, hooks=hooks, logger=logger)
        self._codec = codec or MessageCodec()
        self._direct: dict[str, Iterator[Any]] = {}
        self.has_ended = False
        self._steps: dict[type, Callable[[Any], None]] = {
            StartRecord: self._on_start,
            StopRecord: self._on_stop,
            CrashRecord: self._on_crash,
            SealRecord: self._on_seal,
            EmitRecord: self._on_emit,
            PutRecord: self._on_put,
            DeliveryRecord: self._on_delivery,
            EndRecord: self._on_end,
        }

    @property
    def clock(self) -> "JournalReplay":
        return self

    def now_ns(self) -> Nanos:
        """Return the time of the record that is followed."""
        return self.now

    def follow(self, path: Path) -> str:
        """Do again what the journal says was done; return the digest of the order log.

        Raises:
            DivergenceError: a delivery gave other outputs; it names the delivery, the actor and what differs.
            ValueError: it is no journal.
        """
        head, records = read_journal(path)
        self._check(head)
        self._by_place = list(self.cells.values())
        for record in records:
            self._steps[type(record)](record)
        return self.log.digest()

    def _check(self, head: Head) -> None:
        actors, edges = names(self.cells.values(), self.edges)
        for what, there, here in (("actors", head.actors, actors), ("edges", head.edges, edges)):
            if there != here:
                odd = next((pair for pair in zip(there, here, strict=False) if pair[0] != pair[1]), None)
                first = f"{odd[0]}, here {odd[1]}" if odd else f"{len(there)} of them, here {len(here)}"
                raise DivergenceError(f"the journal is of other {what}: {first}")

    # --- one step for each kind of record ---------------------------------------------------------------------------

    def _on_start(self, record: StartRecord) -> None:
        cell = self._cell(record.actor, record.now)
        if self.tree.spec(cell.name).mailbox is OnRestart.CLEAR:
            self._clear(cell)
        cell.generation = record.generation
        if cell.spec.is_shell:
            self._direct[cell.name] = iter((Started(record.generation),))
            self._unseal(cell)
            cell.is_up = True
            return
        try:
            actor = self.tree.spec(cell.name).start()
            self._hooks.on_built(cell.spec, actor)
        except Exception:
            return  # as it was there, or the next record is no crash and tells
        self._inhabit(cell, actor)
        self._direct[cell.name] = self._first_messages(cell)

    def _on_stop(self, record: StopRecord) -> None:
        cell = self._cell(record.actor, record.now)
        self._direct[cell.name] = iter((Stop(),))

    def _on_crash(self, record: CrashRecord) -> None:
        cell = self._cell(record.actor, record.now)
        if record.number == self.number + 1:  # its handler raised: here it need not, if that was on purpose
            self.number += 1
            message = self._waiting(cell, record)
            if cell.spec.is_shell and not record.is_before:
                self._log_command(message)
        self._end_life(cell)

    def _on_seal(self, record: SealRecord) -> None:
        self._seal(self._by_place[record.actor])

    def _on_emit(self, record: EmitRecord) -> None:
        cell = self._cell(record.actor, record.now)
        message = self._codec.decode(record.kind, record.message)
        self._log_emitted(message)
        self._put_all((edge, message) for edge in cell.emissions.get(record.port, ()))

    def _on_put(self, record: PutRecord) -> None:
        self.now = record.now
        self._put_all([(self.edges[record.edge], self._codec.decode(record.kind, record.message))])

    def _on_delivery(self, record: DeliveryRecord) -> None:
        cell = self._cell(record.actor, record.now)
        self.number += 1
        if not cell.is_up or (self.number, cell.generation) != (record.number, record.generation):
            there = f"delivery {record.number} to generation {record.generation}"
            here = f"delivery {self.number} to generation {cell.generation}" if cell.is_up else "not running"
            raise DivergenceError(f"{cell.name}: journal has {there}, here it is {here}")
        message = self._waiting(cell, record)
        if cell.spec.is_shell:
            self._log_command(message)
        else:
            self._handle(cell, message, record)
        if type(message) is Stop:
            self._end_life(cell)

    def _on_end(self, record: EndRecord) -> None:
        digest = self.log.digest()
        if digest != record.digest:
            raise DivergenceError(f"digest of the order log is {digest}, journal has {record.digest}")
        self.has_ended = True

    # --- parts of steps ---------------------------------------------------------------------------------------------

    def _handle(self, cell: Cell, message: Any, record: DeliveryRecord) -> None:
        actor = cell.actor
        actor.now = self.now
        try:
            cell.on[type(message)](message)
        except Exception as error:
            what = f"delivery {record.number}: {cell.name} on {message!r}"
            raise DivergenceError(f"{what} raised {describe(error)}; the journal has no crash there") from error
        out = actor.out
        if len(out) != record.n_out or checksum(self._codec, out) != record.checksum:
            difference = (
                f"{len(out)} messages, journal has {record.n_out}" if len(out) != record.n_out else "other messages"
            )
            what = f"delivery {record.number}: {cell.name} on {message!r}"
            raise DivergenceError(f"{what} gave {difference}; here it gave {out!r}")
        self._put_all((way, output) for port, output in out for way in cell.outlets[port])
        out.clear()

    def _log_command(self, message: Any) -> None:
        """Write down what a shell was given: it stood in the log before the shell saw it."""
        pack = PACK.get(type(message))
        if pack is not None:
            self.log.append(pack(message, self.now))

    def _put_all(self, puts: Iterable[tuple[Edge, Any]]) -> None:
        with suppress(EdgeOverflowError, KeyError):  # so it was there, too: the next record is the crash of the sender
            for edge, message in puts:
                self.put(edge, message)

    def _waiting(self, cell: Cell, record: DeliveryRecord | CrashRecord) -> Any:
        """Take the message of this record out of where it waits."""
        if record.is_direct:
            message = next(self._direct.get(cell.name, iter(())), None)
            if message is None:
                raise DivergenceError(f"{self._expected(cell, record)} to begin or end its life, here there is none")
            return message
        if not cell.line:
            raise DivergenceError(f"{self._expected(cell, record)}, here none waits")
        edge, message = self._take(cell)
        if edge.number != record.edge:
            raise DivergenceError(f"{self._expected(cell, record)}, here the next is {message!r} by {edge.name}")
        return message

    def _expected(self, cell: Cell, record: DeliveryRecord | CrashRecord) -> str:
        name = self.edges[record.edge].name
        return f"delivery {record.number} to {cell.name}: journal has a message by {name}"

    def _cell(self, place: int, now: Nanos) -> Cell:
        self.now = now
        return self._by_place[place]

    def _set_timer(self, cell: Cell, message: SetTimer) -> None:
        pass  # what it fired stands in the journal

    # --- what a nursery adds: nothing, the journal says who is run --------------------------------------------------

    def _released(self, cell: Cell) -> None:
        pass

    def _refresh(self, cell: Cell) -> None:
        pass

    def _came_up(self, cell: Cell) -> None:
        pass

    def _went_down(self, cell: Cell) -> None:
        pass


def _nobody(cell: Cell) -> None:
    pass
