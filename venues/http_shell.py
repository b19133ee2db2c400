"""A venue's REST interface: requests are sent side by side, those of one lane one after another.

What is urgent has its own connection at once: behind an order that hangs a cancel would run out of time unsent.
"""

import ssl
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

import attrs
import trio
import trio.lowlevel

from market.units import Nanos
from venues.http_connection import HttpConnection, HttpError
from venues.stream_shell import DirectStream, open_stream
from venues.venue import URGENT, HttpAnswer, SendRequest
from venues.wire import HttpRequest

if TYPE_CHECKING:
    from loguru import Logger

_BOUNDLESS: Final = nullcontext()
_PORTS: Final = {"https": 443, "http": 80}
_KEEP_S: Final = 20.0  # for the next request; venues and what stands before them keep one for a minute or more
# how there is no answer, by no fault of ours
_FAILURES: Final = (HttpError, OSError, trio.BrokenResourceError, trio.ClosedResourceError)


class NowNs(Protocol):
    """Tells the time, ns since the Unix epoch."""

    def __call__(self) -> Nanos: ...


@attrs.frozen
class HttpConfig:
    """How patient requests are.

    Attributes:
        answer_s: from the asking to the last byte of the answer; then there is none.
        n_at_once: requests without a lane that are under way together.
        max_waiting: of those that wait; one more goes without an answer at once.
        max_answer: bytes of an answer; a longer one is none.
    """

    answer_s: float = attrs.field(default=5.0, validator=attrs.validators.gt(0))
    n_at_once: int = attrs.field(default=8, validator=attrs.validators.ge(1))
    max_waiting: int = attrs.field(default=512, validator=attrs.validators.ge(1))
    max_answer: int = attrs.field(default=1 << 25, validator=attrs.validators.ge(1))


@attrs.define(eq=False)
class _Line:
    """A connection, and when its last answer came, in Trio's time."""

    address: str
    stream: DirectStream
    protocol: HttpConnection
    used: float = 0.0


@attrs.frozen
class _Begun:
    """A request that is sent, and waits for its answer."""

    line: _Line
    ts_sent: Nanos


class HttpShell:
    """Sends requests as they are, byte for byte: signatures cover them.

    Connections are kept for a while.  What is urgent or has a lane, as orders, is sent by one of them at once, in the
    step of who asks.  A request is never sent twice: without an answer nobody knows what became of it.  Proxies of the
    environment are passed by: they would see what is signed.
    """

    def __init__(
        self,
        address: str,
        trust: Callable[[], ssl.SSLContext],
        now_ns: NowNs,
        answered: Callable[[int, HttpAnswer | None], None],
        config: HttpConfig,
        logger: "Logger",
    ) -> None:
        self._address = address
        self._trust = trust
        self._now_ns = now_ns
        self._answered = answered
        self._config = config
        self._log = logger
        self._lanes: dict[str, deque[tuple[SendRequest, float]]] = {}
        self._early: list[SendRequest] = []
        self._n_waiting = 0
        self._room = trio.CapacityLimiter(config.n_at_once)
        self._tasks: trio.Nursery | None = None
        self._free: list[_Line] = []  # the last used last

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Have connections to `ask` by, until the end of it."""
        try:
            yield
        finally:
            for line in self._free:
                line.stream.close()
            self._free.clear()

    async def run(self) -> None:
        """Send what is asked until cancelled."""
        async with self.open(), trio.open_nursery() as self._tasks:
            for request in self._early:
                self.send(request)
            await trio.sleep_forever()

    def send(self, asked: SendRequest) -> None:
        """Send a request, or line it up; `answered` is called once, never from within this call."""
        if self._tasks is None:
            self._early.append(asked)
            return
        until = trio.current_time() + self._config.answer_s
        if asked.lane == URGENT:
            self._tasks.start_soon(self._at_once, asked, until, self._begin(asked.request))
        elif asked.lane:
            lane = self._lanes.get(asked.lane)
            if lane is not None:
                lane.append((asked, until))
                return
            self._lanes[asked.lane] = deque([(asked, until)])
            self._tasks.start_soon(self._drive, asked.lane, self._begin(asked.request))
        elif self._n_waiting >= self._config.max_waiting:
            self._log.error("{} requests wait; {!r} is not sent", self._n_waiting, asked.request)
            self._tasks.start_soon(self._fail, asked.token)
        else:
            self._n_waiting += 1
            self._tasks.start_soon(self._single, asked, until)

    async def ask(self, request: HttpRequest) -> HttpAnswer | None:
        """Send a request now, and return its answer; None: there is none in time."""
        return await self._ask(request, trio.current_time() + self._config.answer_s)

    async def _fail(self, token: int) -> None:
        await trio.lowlevel.checkpoint()
        self._answered(token, None)

    async def _at_once(self, asked: SendRequest, until: float, begun: _Begun | None) -> None:
        self._answered(asked.token, await self._ask(asked.request, until, begun))

    async def _single(self, asked: SendRequest, until: float) -> None:
        answer = await self._ask(asked.request, until, room=self._room)
        self._n_waiting -= 1
        self._answered(asked.token, answer)

    async def _drive(self, name: str, begun: _Begun | None) -> None:
        lane = self._lanes[name]
        while lane:
            asked, until = lane[0]
            answer = await self._ask(asked.request, until, begun)
            begun = None
            lane.popleft()
            self._answered(asked.token, answer)
        del self._lanes[name]

    async def _ask(
        self,
        request: HttpRequest,
        until: float,
        begun: _Begun | None = None,
        *,
        room: AbstractAsyncContextManager[None] = _BOUNDLESS,
    ) -> HttpAnswer | None:
        with trio.move_on_at(until):
            if begun is None:
                await trio.lowlevel.checkpoint()  # what ran out of time while it waited is not sent
            try:
                async with room:
                    return await self._exchange(request, begun)
            except _FAILURES as error:  # its words hold no path and no header
                self._log.warning("{!r}: no answer, {} {}", request, type(error).__name__, error)
                return None
        self._log.warning("{!r}: no answer within {:g} s", request, self._config.answer_s)
        return None

    async def _exchange(self, request: HttpRequest, begun: _Begun | None) -> HttpAnswer | None:
        begun = begun or self._begin(request) or await self._begin_anew(request)
        line, reply = begun.line, None
        try:
            await line.stream.finish()
            while reply is None:
                reply = line.protocol.receive(await line.stream.receive())
        finally:
            self._give_back(line)
        if reply.n_bytes > self._config.max_answer:
            self._log.error("{!r}: the answer of {} bytes or more is too long", request, reply.n_bytes)
            return None
        return HttpAnswer(reply.status, reply.headers, reply.body, begun.ts_sent, self._now_ns())

    # --- connections -------------------------------------------------------------------------------------------------

    def _begin(self, request: HttpRequest) -> _Begun | None:
        """Send a request by a connection that is there; None: there is none."""
        address = request.address or self._address
        line = self._take_free(address)
        if line is None:
            return None
        try:
            line.stream.send_now(line.protocol.request(request))
        except (OSError, HttpError):  # it was gone, and has taken nothing; or there is nothing to be sent
            line.stream.close()
            return None
        return _Begun(line, self._now_ns())

    async def _begin_anew(self, request: HttpRequest) -> _Begun:
        address = request.address or self._address
        parts = urlsplit(address)
        assert parts.hostname is not None, f"no host in {address}"
        is_secure, port = parts.scheme == "https", parts.port or _PORTS[parts.scheme]
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        stream = await open_stream(parts.hostname, port, self._trust() if is_secure else None)
        protocol = HttpConnection(host if port == _PORTS[parts.scheme] else f"{host}:{port}", self._config.max_answer)
        try:
            ts_sent = self._now_ns()
            stream.send_now(protocol.request(request))
        except BaseException:
            stream.close()
            raise
        return _Begun(_Line(address, stream, protocol), ts_sent)

    def _take_free(self, address: str) -> _Line | None:
        oldest = trio.current_time() - _KEEP_S
        for line in reversed([each for each in self._free if each.address == address]):
            self._free.remove(line)
            if line.used >= oldest and line.stream.is_quiet():
                return line
            line.stream.close()
        return None

    def _give_back(self, line: _Line) -> None:
        """Keep a connection for the next, unless something was left open on it."""
        if line.protocol.is_free and len(self._free) < 2 * self._config.n_at_once:
            line.used = trio.current_time()
            self._free.append(line)
        else:
            line.stream.close()
