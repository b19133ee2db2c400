"""One WebSocket of a venue, kept open: a reader and a writer while it is, a growing pause before it is opened again."""

import os
import random
import ssl
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias
from urllib.parse import urlsplit

import attrs
import trio
import trio.lowlevel

from venues.stream_shell import DirectStream, open_stream
from venues.websocket import Received, Reply, WebSocketClient, WebSocketError

if TYPE_CHECKING:
    from loguru import Logger

_Frame: TypeAlias = bytes | Callable[[], bytes]  # the latter is made in a thread

_PORTS: Final = {"wss": 443, "ws": 80}
# how a connection ends, or does not begin, by no fault of ours
_FAILURES: Final = (
    OSError,
    ssl.CertificateError,
    trio.BrokenResourceError,
    trio.ClosedResourceError,
    trio.TooSlowError,
    WebSocketError,
)
_AT_ONCE: Final = 16  # messages of what has come that are told of together; then the others have their turn


@attrs.frozen
class SocketConfig:
    """How patient a socket is.

    Attributes:
        connect_s: for TCP, TLS and the upgrade together.
        first_pause_s, longest_pause_s: before a new attempt: doubled each time; a half to all of it.
        stable_s: a connection that lasted so long makes the next pause short again.
        max_frame: bytes of a message; a longer one ends the connection.
        max_unsent: frames that wait for the writer; one more ends the connection.
        ping_every_s, pong_s: the peer is asked so often whether it is there, and has so long to answer: a stream that
            may be silent by right says nothing, too, when its other end is gone.  A peer that has never answered is
            not held to it.
    """

    connect_s: float = attrs.field(default=10.0, validator=attrs.validators.gt(0))
    first_pause_s: float = attrs.field(default=0.25, validator=attrs.validators.gt(0))
    longest_pause_s: float = attrs.field(default=30.0, validator=attrs.validators.gt(0))
    stable_s: float = attrs.field(default=20.0, validator=attrs.validators.gt(0))
    max_frame: int = attrs.field(default=1 << 24, validator=attrs.validators.ge(1))
    max_unsent: int = attrs.field(default=256, validator=attrs.validators.ge(1))
    ping_every_s: float = attrs.field(default=15.0, validator=attrs.validators.gt(0))
    pong_s: float = attrs.field(default=10.0, validator=attrs.validators.gt(0))


class Listener(Protocol):
    """Who hears of a socket."""

    def opened(self, socket: str) -> None:
        """It is open."""
        ...

    def closed(self, socket: str, reason: str) -> None:
        """It was open and is gone."""
        ...

    def received(self, socket: str, frames: Sequence[str | bytes]) -> None:
        """Messages have come, all by now; whatever this raises ends the shell."""
        ...


class _Line:
    """One connection, from its upgrade on.

    Attributes:
        n_unsent: frames that wait for the writer, or are being written.
        reason: why it ends; empty while it does not.
        over: it has ended, or another has taken its place.
    """

    def __init__(
        self, stream: DirectStream, websocket: WebSocketClient, first: list[Received], max_unsent: int
    ) -> None:
        self.stream = stream
        self.websocket = websocket
        self.first = first
        self.unsent, self.to_send = trio.open_memory_channel[_Frame](max_unsent)
        self.n_unsent = 0
        self.pongs = trio.Event()
        self.scope = trio.CancelScope()
        self.reason = ""
        self.over = trio.Event()

    def drop(self, reason: str) -> None:
        self.reason = self.reason or reason
        self.scope.cancel()


class SocketShell:
    """Opens the socket at the target last asked for, as long as `run` runs.

    Attributes:
        n_opened: connections so far.
    """

    def __init__(
        self,
        name: str,
        address: str,
        trust: Callable[[], ssl.SSLContext],
        listener: Listener,
        chance: random.Random,
        config: SocketConfig,
        logger: "Logger",
    ) -> None:
        parts = urlsplit(address)
        assert parts.hostname is not None, f"socket {name}: no host in {address}"
        self.name = name
        self.n_opened = 0
        self._host, self._is_secure = parts.hostname, parts.scheme == "wss"
        self._port = parts.port or _PORTS[parts.scheme]
        self._trust = trust
        self._listener = listener
        self._chance = chance
        self._config = config
        self._log = logger.bind(socket=name, host=self._host)
        self._target: str | None = None
        self._is_wanted = trio.Event()
        self._line: _Line | None = None  # frames go here
        self._retired: _Line | None = None  # its place is taken: it is heard for a while, and its end is not told
        self._opening = trio.CancelScope()  # of the attempt that is made
        self._reason = ""  # why it was given up
        self._n_failed = 0
        self._answers_pings = False
        self._tasks: trio.Nursery

    @property
    def is_open(self) -> bool:
        """Frames can be sent."""
        return self._line is not None

    @property
    def is_dropped(self) -> bool:
        """It is to be closed, and says no more until it is open again."""
        return self._line is None or bool(self._line.reason)

    def connect(self, target: str) -> None:
        """Open it at this path and query; one that is open or being opened elsewhere is closed first."""
        if self._target is not None:
            self.drop("it is opened anew")
        self._target = target
        self._is_wanted.set()

    def replace(self, overlap_s: float) -> None:
        """Open another connection beside the one that is open; where that fails, nothing has changed."""
        if self._line is not None:
            self._tasks.start_soon(self._succeed, self._line, overlap_s)

    def send(self, *data: bytes) -> None:
        """Send frames in one write, at once if none waits to be written; lost when the socket is not open."""
        if self._line is not None:
            self._put(self._line, b"".join([self._line.websocket.text(each) for each in data]))

    def make(self, frame: Callable[[], bytes]) -> None:
        """Hand a frame to the writer that is still to be made, in a thread; lost when the socket is not open."""
        if self._line is not None:
            self._put(self._line, frame)

    def drop(self, reason: str) -> None:
        """Close it; it is opened again."""
        self._reason = self._reason or reason
        self._opening.cancel()
        for line in (self._line, self._retired):
            if line is not None:
                line.drop(reason)

    async def run(self) -> None:
        """Keep it open until cancelled."""
        await self._is_wanted.wait()
        try:
            async with trio.open_nursery() as self._tasks:
                while True:
                    await self._attempt()
                    await trio.sleep(self._pause())
        except BaseExceptionGroup as group:
            raise _lone(group) from None  # a mistake of ours, as it was raised

    async def _attempt(self) -> None:
        """Open a connection and see it, and what takes its place, to the end."""
        began = trio.current_time()
        line: _Line | None = None
        self._reason = ""
        with trio.CancelScope() as self._opening:
            try:
                line = await self._open()
            except _FAILURES as failure:
                self._reason = self._reason or _words(failure)
        if line is not None and self._opening.cancel_called:  # too late to stop the last step of it
            line.stream.close()
            line = None
        if line is None:
            self._log.warning("socket is not opened: {}", self._reason)
            return
        self._use(line)
        while line is not self._line or not line.over.is_set():
            line = self._line
            assert line is not None, "nobody but this takes it away"
            await line.over.wait()
        self._line = None
        if self._retired is not None:
            self._retired.drop("")
            self._retired = None
        self._log.warning("socket is closed: {}", line.reason)
        self._listener.closed(self.name, line.reason)
        if trio.current_time() - began >= self._config.stable_s:
            self._n_failed = 0

    async def _succeed(self, old: _Line, overlap_s: float) -> None:
        """Let another connection take the place of one."""
        new: _Line | None = None
        reason = "it is closed"
        with trio.CancelScope() as self._opening:
            try:
                new = await self._open()
            except _FAILURES as failure:
                reason = _words(failure)
        if new is None:
            self._log.warning("socket is not replaced: {}", reason)
            return
        if old is not self._line or old.reason or old.over.is_set():
            new.stream.close()  # it has ended meanwhile, and is opened again anyhow
            return
        self._log.info("socket is replaced")
        self._retired = old
        old.scope.deadline = trio.current_time() + overlap_s
        self._use(new)
        old.over.set()

    def _use(self, line: _Line) -> None:
        self._line = line
        self.n_opened += 1
        self._log.info("socket is open")
        self._tasks.start_soon(self._serve, line)

    def _pause(self) -> float:
        longest = min(self._config.first_pause_s * 2.0 ** min(self._n_failed, 30), self._config.longest_pause_s)
        self._n_failed += 1
        return longest * self._chance.uniform(0.5, 1.0)

    async def _open(self) -> _Line:
        target = self._target
        assert target is not None, f"socket {self.name} has no target"
        stream: DirectStream | None = None
        try:
            with trio.fail_after(self._config.connect_s):
                stream = await open_stream(self._host, self._port, self._trust() if self._is_secure else None)
                websocket, first = await self._upgrade(stream, target)
        except BaseException:
            if stream is not None:
                stream.close()
            raise
        return _Line(stream, websocket, first, self._config.max_unsent)

    async def _serve(self, line: _Line) -> None:
        """Read and write on a connection until it ends."""
        try:
            with line.scope:
                async with trio.open_nursery() as tasks:
                    tasks.start_soon(self._write, line)
                    tasks.start_soon(self._ping, line)
                    self._listener.opened(self.name)
                    await self._read(line)
        except _FAILURES as failure:
            line.reason = line.reason or _words(failure)
        except BaseExceptionGroup as group:
            line.reason = line.reason or _reason_of(group)
        finally:
            line.stream.close()  # no farewell: who asks to close has lost trust, and a dead peer would be waited for
            line.over.set()

    async def _upgrade(self, stream: DirectStream, target: str) -> tuple[WebSocketClient, list[Received]]:
        """Ask for a WebSocket; return it with what came with the answer."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        if self._port not in _PORTS.values():
            host = f"{host}:{self._port}"
        websocket = WebSocketClient(host, target, self._config.max_frame, os.urandom)
        stream.send_now(websocket.upgrade())
        await stream.finish()
        while True:
            received = websocket.receive(await stream.receive())
            if websocket.is_open:
                return websocket, received

    async def _read(self, line: _Line) -> None:
        receive, received, stream = line.websocket.receive, line.first, line.stream
        while True:
            for begin in range(0, len(received), _AT_ONCE):
                if begin:
                    await trio.lowlevel.checkpoint()
                self._take(line, received[begin : begin + _AT_ONCE])
                if line.reason:  # one that is dropped ends here
                    await trio.lowlevel.checkpoint()
            received = receive(await stream.receive())

    def _take(self, line: _Line, received: list[Received]) -> None:
        frames: list[str | bytes] = []
        for each in received:
            if isinstance(each, str | bytes):
                frames.append(each)
            elif isinstance(each, Reply):
                self._put(line, each.data)
            else:
                line.pongs.set()
        if frames:
            self._listener.received(self.name, frames)

    def _put(self, line: _Line, frame: _Frame) -> None:
        try:
            if not line.n_unsent and isinstance(frame, bytes):
                if line.stream.send_now(frame):
                    return
                frame = b""  # the stream has what is left of it, and the writer sees to that
            line.unsent.send_nowait(frame)
            line.n_unsent += 1
        except trio.WouldBlock:
            line.drop(f"{self._config.max_unsent} frames wait to be written")
        except OSError as failure:
            line.drop(_words(failure))

    async def _write(self, line: _Line) -> None:
        async for frame in line.to_send:
            if not isinstance(frame, bytes):
                frame = line.websocket.text(await trio.to_thread.run_sync(frame))
            if frame:
                line.stream.send_now(frame)
            await line.stream.finish()
            line.n_unsent -= 1

    async def _ping(self, line: _Line) -> None:
        while True:
            await trio.sleep(self._config.ping_every_s)
            line.pongs = trio.Event()
            self._put(line, line.websocket.ping())
            with trio.move_on_after(self._config.pong_s) as patience:
                await line.pongs.wait()
                self._answers_pings = True
            if not patience.cancelled_caught:
                continue
            if self._answers_pings:
                line.drop(f"a ping was not answered in {self._config.pong_s:g} s")
                return
            self._log.info("pings are not answered: whether a silent socket lives is not known")


def _reason_of(group: BaseExceptionGroup[BaseException]) -> str:
    """Return why a connection ended.

    Raises:
        BaseException: one of the causes is no failure of a connection, but a mistake or a cancellation of ours.
    """
    failures, rest = group.split(_FAILURES)
    if rest is not None:
        raise _lone(rest)
    assert failures is not None
    return _words(_lone(failures))


def _lone(cause: BaseException) -> BaseException:
    """Take a cause that is alone out of its groups: it is read more easily by itself."""
    while isinstance(cause, BaseExceptionGroup) and len(cause.exceptions) == 1:
        cause = cause.exceptions[0]
    return cause


def _words(failure: BaseException) -> str:
    if isinstance(failure, BaseExceptionGroup):
        return "; ".join(_words(each) for each in failure.exceptions)
    if isinstance(failure, trio.TooSlowError):
        return "it took too long to open"
    if isinstance(failure, WebSocketError):
        return str(failure)
    cause = failure.__cause__
    return f"{type(failure).__name__}: {failure}" + (f" ({type(cause).__name__}: {cause})" if cause else "")
