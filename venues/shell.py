"""The Trio shell that drives any venue: it carries out what a venue returns, and knows nothing of prices.

Between the waits all is synchronous: a frame is stamped, given to the venue, and what the venue tells leaves at once.
"""

import random
import ssl
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import attrs
import loguru
import trio

from market.messages import LimitsUsed
from market.units import Nanos, VenueId
from venues.connection import VenueConnection, addresses_of
from venues.followed import mark_followed
from venues.http_shell import HttpConfig, HttpShell
from venues.socket_shell import SocketConfig, SocketShell
from venues.venue import (
    Connect,
    Conversation,
    HttpAnswer,
    MakeFrame,
    Output,
    Reconnect,
    Replace,
    SendFrame,
    SendRequest,
    Tell,
    Venue,
)
from venues.wire import RemoteProtocolError

if TYPE_CHECKING:
    from loguru import Logger

T = TypeVar("T")
OnFrame = Callable[[str, str | bytes, Nanos], None]  # socket, frame, ts_recv
OnSocket = Callable[[str, bool, Nanos], None]  # socket, whether it is open now, when
Gather = Callable[[Callable[[], None]], None]  # does work, and sees that all of what it tells is handled together

_FAR: Final[Nanos] = 1 << 62
_LONGEST_SLEEP_S: Final = 3600.0
_LOOK_S: Final = 2.0
_LAST_S: Final = 3.0


class ShellClock(Protocol):
    """A clock that knows how long to sleep for."""

    def now_ns(self) -> Nanos:
        """Return ns since the Unix epoch."""
        ...

    def seconds_until(self, at: Nanos) -> float:
        """Return the real seconds until `at`, 0 when it has passed."""
        ...


@attrs.frozen
class ShellConfig:
    """How patient the shell is."""

    sockets: SocketConfig = attrs.field(factory=SocketConfig)
    http: HttpConfig = attrs.field(factory=HttpConfig)


def _do_work(work: Callable[[], None]) -> None:
    work()


def _hear_nothing(socket: str, news: object, at: Nanos) -> None:
    """Let raw frames and openings go by."""


class VenueShell:
    """Drives one venue for one life.

    Args:
        tell: takes (port, message) of what the venue tells; it is called from `run` alone.
        number: the venue's in the run.
        seed: of the pauses before sockets are opened again.
        on_frame: hears every frame before the venue does; it must not raise.
        on_socket: hears when a socket has opened or is gone, before the venue does; it must not raise.
        gather: does the reading of frames that came together.
    """

    def __init__(
        self,
        venue: Venue,
        connection: VenueConnection,
        clock: ShellClock,
        tell: Callable[[str, Any], object],
        *,
        number: VenueId = 0,
        seed: int = 0,
        on_frame: OnFrame | None = None,
        on_socket: OnSocket | None = None,
        gather: Gather = _do_work,
        config: ShellConfig | None = None,
        logger: "Logger | None" = None,
    ) -> None:
        config = config or ShellConfig()
        self._venue = venue
        self._number = number
        self._limits: tuple[tuple[str, int, int], ...] = ()
        self._clock = clock
        self._tell = tell
        self._on_frame: OnFrame = on_frame or _hear_nothing
        self._on_socket: OnSocket = on_socket or _hear_nothing
        self._gather = gather
        self._log = (logger or loguru.logger).bind(venue=venue.name)
        addresses = addresses_of(venue.name, connection)
        trust = _Trust(connection)
        self.sockets = {
            name: SocketShell(name, address, trust, self, random.Random(f"{seed}:{name}"), config.sockets, self._log)
            for name, address in addresses.sockets.items()
        }
        self._http = HttpShell(addresses.rest, trust, clock.now_ns, self._answered, config.http, self._log)
        self._has_begun = False
        self._early: list[Any] = []  # commands before that
        self._untold: list[Tell] = []  # of commands: told when their handler has returned
        self._armed: Nanos = _FAR
        self._wake = trio.Event()

    async def run(
        self,
        epoch: int = 0,
        beside: Callable[[], Awaitable[object]] | None = None,
        last_commands: Callable[[], Sequence[Any]] = tuple,
    ) -> None:
        """Begin, and drive the venue until cancelled.

        Args:
            beside: runs as long.
            last_commands: what is asked for when it ends, however it ends; only what goes by HTTP is sent.
        """
        try:
            async with trio.open_nursery() as tasks:
                tasks.start_soon(self._http.run)
                for socket in self.sockets.values():
                    tasks.start_soon(socket.run)
                tasks.start_soon(self._note_seen)
                if beside is not None:
                    tasks.start_soon(beside)
                self._begin(epoch)
                await self._keep_deadlines()
        finally:
            if commands := last_commands():
                await self._send_last(commands)

    def _begin(self, epoch: int) -> None:
        self._do(self._venue.begin(self._clock.now_ns(), epoch))
        self._has_begun = True
        for message in self._early:
            self.command(message)

    async def _send_last(self, commands: Sequence[Any]) -> None:
        """Send requests in spite of a cancellation, for so long as it may well be waited for."""
        outputs = [each for command in commands for each in self._venue.command(command, self._clock.now_ns())]
        with trio.move_on_after(_LAST_S, shield=True):
            async with self._http.open(), trio.open_nursery() as tasks:
                for output in outputs:
                    if isinstance(output, SendRequest):
                        tasks.start_soon(self._http.ask, output.request)

    def command(self, message: Any) -> None:
        """Give the venue a command: its bytes are with the writer when this returns.

        What the venue tells of it is told a moment later, so that a handler's outputs are in order.  A command that
        comes before `run` has begun waits for that.
        """
        self.commands((message,))

    def commands(self, messages: Sequence[Any], *, apart: bool = False) -> None:
        """Give the venue what is commanded at one instant, as `command` does with one.

        Args:
            apart: each has a frame or request of its own.  Frames leave in one write all the same: after the first of
                several writes it may be somebody else's turn on the processor.
        """
        if not self._has_begun:
            self._early += messages
            return
        now = self._clock.now_ns()
        if apart:
            outputs = [output for each in messages for output in self._venue.commands((each,), now)]
        else:
            outputs = list(self._venue.commands(messages, now))
        frames: list[SendFrame] = []
        for output in outputs:
            if type(output) is Tell:
                self._untold.append(output)
            elif type(output) is SendFrame and (not frames or frames[0].socket == output.socket):
                frames.append(output)
            else:
                self._send(frames)
                self._carry_out((output,))
        self._send(frames)
        if self._untold:
            self._wake.set()
        self._look_at_deadline()

    def _send(self, frames: list[SendFrame]) -> None:
        if frames:
            self.sockets[frames[0].socket].send(*(each.data for each in frames))
            frames.clear()

    # --- what sockets and requests bring --------------------------------------------------------------------------

    def opened(self, socket: str) -> None:
        now = self._clock.now_ns()
        self._on_socket(socket, True, now)
        self._do(self._venue.opened(socket, now))

    def closed(self, socket: str, reason: str) -> None:
        now = self._clock.now_ns()
        self._on_socket(socket, False, now)
        self._do(self._venue.closed(socket, reason, now))

    def received(self, socket: str, frames: Sequence[str | bytes]) -> None:
        self._gather(partial(self._read, socket, frames, self._clock.now_ns()))
        self._look_at_deadline()

    def _read(self, socket: str, frames: Sequence[str | bytes], ts_recv: Nanos) -> None:
        told: list[Tell] = []
        try:
            self._read_each(socket, frames, ts_recv, told)
        finally:  # also where a mistake of ours ends this life: what was heard before it counts
            if len(told) > 1:
                mark_followed(told)
            for tell in told:
                self._tell(tell.port, tell.message)

    def _read_each(self, socket: str, frames: Sequence[str | bytes], ts_recv: Nanos, told: list[Tell]) -> None:
        shell = self.sockets[socket]
        for frame in frames:
            self._on_frame(socket, frame, ts_recv)
            try:
                outputs = self._venue.receive(socket, frame, ts_recv)
            except RemoteProtocolError as error:
                shell.drop(f"protocol broken by the venue: {error}")
                break
            for output in outputs:
                if type(output) is Tell:
                    told.append(output)
                else:
                    self._carry_out((output,))
            if shell.is_dropped:  # it says no more
                break

    def _answered(self, token: int, answer: HttpAnswer | None) -> None:
        try:
            outputs = self._venue.answered(token, answer, self._clock.now_ns())
        except RemoteProtocolError as error:
            self._log.warning("an answer makes no sense: {}", error)
            self._look_at_deadline()
            return
        self._do(outputs)

    # --- what the venue wants --------------------------------------------------------------------------------------

    def _do(self, outputs: Sequence[Output]) -> None:
        self._carry_out(outputs)
        self._look_at_deadline()

    def _carry_out(self, outputs: Sequence[Output]) -> None:
        for output in outputs:
            if type(output) is Tell:
                self._tell(output.port, output.message)
            elif isinstance(output, SendFrame):
                self.sockets[output.socket].send(output.data)
            elif isinstance(output, MakeFrame):
                self.sockets[output.socket].make(output.make)
            elif isinstance(output, SendRequest):
                self._http.send(output)
            elif isinstance(output, Connect):
                self.sockets[output.socket].connect(output.target)
            elif isinstance(output, Reconnect):
                self.sockets[output.socket].drop(output.reason)
            elif isinstance(output, Replace):
                self.sockets[output.socket].replace(output.overlap_s)

    def _look_at_deadline(self) -> None:
        due = self._venue.next_deadline()
        if due is not None and due < self._armed:
            self._wake.set()

    async def _keep_deadlines(self) -> None:
        while True:
            self._wake = trio.Event()
            self._tell_untold()
            due = self._venue.next_deadline()
            if due is not None and due <= self._clock.now_ns():
                self._do(self._venue.on_deadline(self._clock.now_ns()))
                await trio.lowlevel.checkpoint()  # a deadline that is always due must not starve the rest
                continue
            self._armed = _FAR if due is None else due
            sleep_s = _LONGEST_SLEEP_S if due is None else min(self._clock.seconds_until(due), _LONGEST_SLEEP_S)
            with trio.move_on_after(sleep_s):
                await self._wake.wait()

    async def _note_seen(self) -> None:
        known: set[str] = set()
        while True:
            await trio.sleep(_LOOK_S)
            self._tell_limits()
            for what in sorted(self._venue.seen.keys() - known):
                known.add(what)
                self._log.info("seen for the first time: {}", what)

    def _tell_limits(self) -> None:
        now = self._clock.now_ns()
        used = tuple((name, *each) for name, each in sorted(self._venue.limits(now).items()))
        if used != self._limits:
            self._limits = used
            self._tell("limits", LimitsUsed(self._number, now, used))

    def _tell_untold(self) -> None:
        told, self._untold = self._untold, []
        for output in told:
            self._tell(output.port, output.message)


async def converse(
    conversation: Conversation[T],
    venue: str,
    connection: VenueConnection,
    clock: ShellClock,
    *,
    config: HttpConfig | None = None,
    logger: "Logger | None" = None,
) -> T:
    """Hold a talk over HTTP and return what it was held for (see `VenueKind`).

    Raises:
        RemoteProtocolError: a request had no answer, or one that makes no sense.
        ValueError: what the talk finds is not fit for trading.
    """
    log = (logger or loguru.logger).bind(venue=venue)
    config = config or HttpConfig(answer_s=15.0)
    rest = addresses_of(venue, connection).rest
    http = HttpShell(rest, _Trust(connection), clock.now_ns, lambda token, answer: None, config, log)
    async with http.open():
        request = next(conversation)
        while True:
            answer = await http.ask(request)
            if answer is None:
                conversation.close()
                raise RemoteProtocolError(f"{venue} at {rest} does not answer {request!r}; is the address right?")
            try:
                request = conversation.send(answer)
            except StopIteration as end:
                result: T = end.value
                return result


class _Trust:
    """The certificates that are trusted, read when first needed."""

    def __init__(self, connection: VenueConnection) -> None:
        self._ca_file = connection.ca_file
        self._context: ssl.SSLContext | None = None

    def __call__(self) -> ssl.SSLContext:
        if self._context is None:
            self._context = ssl.create_default_context()  # verifies the chain and the name
            if self._ca_file is not None:
                self._context.load_verify_locations(self._ca_file)
        return self._context
