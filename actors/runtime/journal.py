"""What a nursery can write down so that a run can be followed: every delivery, and all that came from outside.

A journal holds a head and then records in the order in which things happened, each MessagePack under its length (4
bytes, little-endian).  What actors gave each other is not in it: that follows from the deliveries.  Their outputs stand
as a count and a checksum, to be compared.
"""

import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from struct import Struct
from typing import Any, TypeAlias

import msgspec

from actors.runtime.cell import Cell
from actors.runtime.mailbox import Edge
from actors.runtime.message_codec import MessageCodec
from market.archive.patient_file import PatientFile
from market.units import Nanos

FORMAT = 1
_MOST_KEPT = 256  # things that wait to be written down: a millisecond of work
_MOST_WAITING = 64 << 20  # bytes for a disk that lags: a minute at a thousand messages a second
_LENGTH = Struct("<I")


class Head(msgspec.Struct, tag="head", array_like=True, frozen=True):
    """The run: its seed, its config as text, and who is wired to whom, by which later records name them."""

    format: int
    seed: int
    config: str
    actors: tuple[str, ...]
    edges: tuple[str, ...]


class StartRecord(msgspec.Struct, tag="start", array_like=True, frozen=True):
    """A generation is built next, and its first messages delivered."""

    actor: int
    generation: int
    now: Nanos


class StopRecord(msgspec.Struct, tag="stop", array_like=True, frozen=True):
    """A generation is delivered `Stop` next, and ends."""

    actor: int
    now: Nanos


class CrashRecord(msgspec.Struct, tag="crash", array_like=True, frozen=True):
    """A generation has crashed in delivery `number` by `edge`; -1: outside of one.

    `is_before`: on purpose, before its handler ran: a shell's command then does not stand in the order log.
    """

    number: int
    actor: int
    edge: int
    is_direct: bool
    now: Nanos
    error: str
    is_before: bool = False


class SealRecord(msgspec.Struct, tag="seal", array_like=True, frozen=True):
    """An actor is not to come back: what is sent to it is dropped."""

    actor: int


class EmitRecord(msgspec.Struct, tag="emit", array_like=True, frozen=True):
    """A shell sends a message, here in full."""

    actor: int
    port: str
    now: Nanos
    kind: str
    message: bytes


class PutRecord(msgspec.Struct, tag="put", array_like=True, frozen=True):
    """The nursery sends a message of its own, here in full: a timer, news of another actor, a drain."""

    edge: int
    now: Nanos
    kind: str
    message: bytes


class DeliveryRecord(msgspec.Struct, tag="deliver", array_like=True, frozen=True):
    """A message was handled.  A direct one has not waited: it is the first or the last of a life."""

    number: int
    actor: int
    generation: int
    edge: int
    is_direct: bool
    now: Nanos
    n_out: int
    checksum: int


class EndRecord(msgspec.Struct, tag="end", array_like=True, frozen=True):
    """The run has ended, with this digest."""

    digest: str


JournalRecord: TypeAlias = (
    StartRecord | StopRecord | CrashRecord | SealRecord | EmitRecord | PutRecord | DeliveryRecord | EndRecord
)

# what is kept until it is written down of an emission, (actor, port, now, message), and of a delivery, (number, actor,
# generation, edge, is_direct, now, what it gave)
_Emitted: TypeAlias = tuple[int, str, Nanos, Any]
_Delivered: TypeAlias = tuple[int, int, int, int, bool, Nanos, tuple[tuple[str, Any], ...]]


class Journal:
    """Told of everything in the order in which it happens; a kind of journal says what it writes down of it.

    Attributes:
        file: to be written now and then; None: it sees to that itself.
        fault: why it ends before the run does; empty: it does not.
    """

    file: PatientFile | None = None
    fault = ""

    @property
    def n_put_off(self) -> int:
        """How much it was told of and has not written down."""
        return 0

    def catch_up(self) -> None:
        """Write that down: when nobody who trades waits for it."""

    def begin(self, seed: int, cells: Iterable[Cell], edges: Iterable[Edge]) -> None:
        """All is wired, and nothing has happened."""

    def started(self, cell: Cell, now: Nanos) -> None:
        """A generation is built next."""

    def stopped(self, cell: Cell, now: Nanos) -> None:
        """A generation is delivered `Stop` next, and ends."""

    def crashed(
        self,
        number: int,
        cell: Cell,
        edge: Edge | None,
        is_direct: bool,
        now: Nanos,
        error: str,
        *,
        is_before: bool = False,
    ) -> None:
        """A generation has ended in a crash, in delivery `number` (or before its handler ran) or outside of one."""

    def sealed(self, cell: Cell) -> None:
        """An actor is not to come back."""

    def emitted(self, cell: Cell, port: str, now: Nanos, message: Any) -> None:
        """A shell sends a message."""

    def put(self, edge: Edge, now: Nanos, message: Any) -> None:
        """The nursery sends a message of its own."""

    def delivering(self, number: int, cell: Cell, edge: Edge, now: Nanos, message: Any) -> None:
        """A message is handled next."""

    def delivered(
        self, number: int, cell: Cell, edge: Edge, is_direct: bool, now: Nanos, out: list[tuple[str, Any]]
    ) -> None:
        """A message was handled and gave `out`, which is put next."""

    def end(self, digest: str) -> None:
        """The run is over."""


class JournalFile(Journal):
    """A journal on disk.  A disk that fails stops nobody: what finds no room to wait ends the journal there.

    Messages do not change, and so may wait: to write one down takes longer than many an actor takes to handle it.

    Args:
        config: the run's, as text, to stand in the head.
        patient: it writes down what it is told only now and then, or when it is to `catch_up`, and goes to the disk
            only by writes of `file`, which the owner runs.
    """

    def __init__(
        self, path: Path, config: str = "", codec: MessageCodec | None = None, *, patient: bool = False
    ) -> None:
        self.file = PatientFile(path, eager=not patient, most_waiting=_MOST_WAITING)
        self._add = self.file.add
        self._kept: list[_Emitted | _Delivered | Head | JournalRecord] = []
        self._most_kept = _MOST_KEPT if patient else 1
        self._config = config
        self._codec = codec or MessageCodec()
        self._encoder = msgspec.msgpack.Encoder()

    @property
    def n_put_off(self) -> int:
        """How much it was told of and has not written down."""
        return len(self._kept)

    def begin(self, seed: int, cells: Iterable[Cell], edges: Iterable[Edge]) -> None:
        """Write the head."""
        self._keep(Head(FORMAT, seed, self._config, *names(cells, edges)))

    def started(self, cell: Cell, now: Nanos) -> None:
        """Write a start."""
        self._keep(StartRecord(cell.place, cell.generation, now))

    def stopped(self, cell: Cell, now: Nanos) -> None:
        """Write a stop."""
        self._keep(StopRecord(cell.place, now))

    def crashed(
        self,
        number: int,
        cell: Cell,
        edge: Edge | None,
        is_direct: bool,
        now: Nanos,
        error: str,
        *,
        is_before: bool = False,
    ) -> None:
        """Write a crash."""
        place = edge.number if edge else -1
        self._keep(CrashRecord(number, cell.place, place, is_direct, now, error, is_before))

    def sealed(self, cell: Cell) -> None:
        """Write that an actor is not to come back."""
        self._keep(SealRecord(cell.place))

    def emitted(self, cell: Cell, port: str, now: Nanos, message: Any) -> None:
        """Write a shell's message in full."""
        self._kept.append((cell.place, port, now, message))
        if len(self._kept) >= self._most_kept:
            self.catch_up()

    def put(self, edge: Edge, now: Nanos, message: Any) -> None:
        """Write a message of the nursery's own in full."""
        self._keep(PutRecord(edge.number, now, *self._codec.encode(message)))

    def delivering(self, number: int, cell: Cell, edge: Edge, now: Nanos, message: Any) -> None:
        """What is handled follows from what was sent; the delivery is written when its outputs are known."""

    def delivered(
        self, number: int, cell: Cell, edge: Edge, is_direct: bool, now: Nanos, out: list[tuple[str, Any]]
    ) -> None:
        """Write a delivery with the checksum of what it gave."""
        # what a shell gives is emitted, and written then
        given = () if cell.spec.is_shell else tuple(out)
        self._kept.append((number, cell.place, cell.generation, edge.number, is_direct, now, given))
        if len(self._kept) >= self._most_kept:
            self.catch_up()

    def end(self, digest: str) -> None:
        """Write the digest and close the file."""
        self._keep(EndRecord(digest))
        self.catch_up()
        if self.file is not None:
            self.file.write_now()
            self.file.close()

    def catch_up(self) -> None:
        """Write down what was put off."""
        kept, self._kept = self._kept, []
        if self.fault:
            return  # after a record that is missing nothing can be followed
        written: list[bytes] = []
        try:
            for each in kept:
                data = self._encoder.encode(self._record(each) if type(each) is tuple else each)
                written += (_LENGTH.pack(len(data)), data)
        except (TypeError, ValueError, OverflowError, NotImplementedError) as error:
            self.fault = f"what was sent cannot be written down: {error}"
        if not self._add(b"".join(written)):
            self.fault = "the disk lags too far behind"

    def _keep(self, record: Head | JournalRecord) -> None:
        self._kept.append(record)
        if len(self._kept) >= self._most_kept:
            self.catch_up()

    def _record(self, kept: "_Emitted | _Delivered") -> JournalRecord:
        if len(kept) == 4:
            place, port, now, message = kept
            return EmitRecord(place, port, now, *self._codec.encode(message))
        number, place, generation, edge, is_direct, now, given = kept
        crc = checksum(self._codec, given) if given else 0
        return DeliveryRecord(number, place, generation, edge, is_direct, now, len(given), crc)


def read_journal(path: Path) -> tuple[Head, Iterator[JournalRecord]]:
    """Return a journal's head and its records; a record that a kill has cut short ends them.

    Raises:
        ValueError: it is no journal, or one of another format.
    """
    data = _split(path)
    try:
        head = msgspec.msgpack.decode(next(data), type=Head)
    except (StopIteration, msgspec.MsgspecError):
        raise ValueError(f"{path} is not a journal: it has no head") from None
    if head.format != FORMAT:
        raise ValueError(f"{path} is a journal of format {head.format}; this code reads format {FORMAT}")
    decoder: msgspec.msgpack.Decoder[JournalRecord] = msgspec.msgpack.Decoder(JournalRecord)
    return head, (decoder.decode(record) for record in data)


def names(cells: Iterable[Cell], edges: Iterable[Edge]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what actors and edges are called in a head."""
    return (
        tuple(cell.name for cell in cells),
        tuple(f"{edge.name} ({edge.policy.value} {edge.capacity})" for edge in edges),
    )


def checksum(codec: MessageCodec, out: Iterable[tuple[str, Any]]) -> int:
    """Return the checksum of what a delivery gave."""
    crc = 0
    for port, message in out:
        name, data = codec.encode(message)
        crc = zlib.crc32(data, zlib.crc32(f"{port} {name}".encode(), crc))
    return crc


def _split(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while len(prefix := file.read(_LENGTH.size)) == _LENGTH.size:
            (length,) = _LENGTH.unpack(prefix)
            data = file.read(length)
            if len(data) < length:
                return
            yield data
