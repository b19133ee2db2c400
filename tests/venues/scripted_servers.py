"""A venue that does what a test says, and small servers on loopback for its shell to meet."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, ClassVar

import h11
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, WebSocketRequest, serve_websocket

from market.units import SECOND, Nanos
from venues.connection import VenueConnection
from venues.shell import ShellConfig, VenueShell
from venues.socket_shell import SocketConfig
from venues.venue import Connect, HttpAnswer, Output
from venues.wire import RemoteProtocolError

QUICK = ShellConfig(SocketConfig(connect_s=5.0, first_pause_s=0.01, longest_pause_s=0.05))


class TrioClock:
    """Trio's own clock as a shell's."""

    def now_ns(self) -> Nanos:
        return round(trio.current_time() * SECOND)

    def seconds_until(self, at: Nanos) -> float:
        return max(0.0, (at - self.now_ns()) / SECOND)


class ScriptedVenue:
    """Notes what it is told; what it answers is set by the test."""

    name: ClassVar[str] = "scripted"

    def __init__(self, *begins: Output) -> None:
        self.begins: Sequence[Output] = begins or (Connect("feed", "/feed?a=1"),)
        self.events: list[tuple[Any, ...]] = []
        self.on_opened: Callable[[], Sequence[Output]] = list
        self.on_frame: Callable[[str | bytes], Sequence[Output]] = lambda frame: []
        self.on_command: Callable[[Any], Sequence[Output]] = lambda message: []
        self.deadline: Nanos | None = None
        self.seen: Counter[str] = Counter()
        self._news = trio.Event()

    def limits(self, now: Nanos) -> dict[str, tuple[int, int]]:
        return {"requests": (3, 10)}

    async def until(self, is_true: Callable[[], object]) -> None:
        """Wait for news that make it true."""
        with trio.fail_after(30):
            while not is_true():
                await self._news.wait()

    def of(self, kind: str) -> list[tuple[Any, ...]]:
        return [event for event in self.events if event[0] == kind]

    def _note(self, *event: Any) -> None:
        self.events.append(event)
        self._news.set()
        self._news = trio.Event()

    def begin(self, now: Nanos, epoch: int = 0) -> Sequence[Output]:
        return self.begins

    def opened(self, socket: str, now: Nanos) -> Sequence[Output]:
        self._note("opened", socket)
        return self.on_opened()

    def closed(self, socket: str, reason: str, now: Nanos) -> Sequence[Output]:
        self._note("closed", socket, reason)
        return ()

    def receive(self, socket: str, frame: str | bytes, now: Nanos) -> Sequence[Output]:
        if frame == "garbage":
            raise RemoteProtocolError("garbage is not JSON")
        outputs = self.on_frame(frame)
        self._note("frame", frame, now)
        return outputs

    def answered(self, token: int, answer: HttpAnswer | None, now: Nanos) -> Sequence[Output]:
        self._note("answered", token, answer)
        return ()

    def command(self, message: Any, now: Nanos) -> Sequence[Output]:
        return self.on_command(message)

    def commands(self, messages: Sequence[Any], now: Nanos) -> Sequence[Output]:
        return [output for message in messages for output in self.command(message, now)]

    def next_deadline(self) -> Nanos | None:
        return self.deadline

    def on_deadline(self, now: Nanos) -> Sequence[Output]:
        self._note("deadline", self.deadline, now)
        self.deadline = None
        return ()


Serve = Callable[[WebSocketConnection], Any]


@asynccontextmanager
async def websocket_server(serve: Serve, **options: Any) -> AsyncIterator[int]:
    """Serve every connection by `serve`; yields the port."""

    async def accept(request: WebSocketRequest) -> None:
        websocket = await request.accept()
        with suppress(ConnectionClosed):
            await serve(websocket)

    async with trio.open_nursery() as tasks:
        server = await tasks.start(partial(serve_websocket, accept, "127.0.0.1", 0, options.get("ssl_context")))
        yield server.port
        tasks.cancel_scope.cancel()


Answer = Callable[[h11.Request, bytes], Any]  # awaited: (status, body), or None: hang up


@asynccontextmanager
async def http_server(answer: Answer) -> AsyncIterator[int]:
    """Answer every request by `answer`; yields the port."""

    async def serve(stream: trio.SocketStream) -> None:
        connection = h11.Connection(h11.SERVER)
        try:
            while True:
                request, body = await _request(connection, stream)
                if request is None:
                    return
                reply = await answer(request, body)
                if reply is None:
                    return
                status, text = reply
                head = h11.Response(status_code=status, headers=[("Content-Length", str(len(text))), ("X-Limit", "9")])
                for event in (head, h11.Data(data=text), h11.EndOfMessage()):
                    await stream.send_all(connection.send(event) or b"")
                connection.start_next_cycle()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        finally:
            await trio.aclose_forcefully(stream)

    async with tcp_server(serve) as port:
        yield port


@asynccontextmanager
async def tcp_server(serve: Callable[[trio.SocketStream], Any]) -> AsyncIterator[int]:
    """Serve every connection by `serve`; yields the port."""
    async with trio.open_nursery() as tasks:
        listeners = await tasks.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
        yield listeners[0].socket.getsockname()[1]
        tasks.cancel_scope.cancel()


async def _request(connection: h11.Connection, stream: trio.SocketStream) -> tuple[h11.Request | None, bytes]:
    request, body = None, b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await stream.receive_some())
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            return request, body
        else:
            return None, b""


@asynccontextmanager
async def driven(
    venue: ScriptedVenue,
    port: int = 1,
    *,
    rest: int = 1,
    told: list[tuple[str, Any]] | None = None,
    connection: VenueConnection | None = None,
    **options: Any,
) -> AsyncIterator[VenueShell]:
    """Drive a venue by the shell on loopback."""
    if connection is None:
        connection = VenueConnection("custom", f"http://127.0.0.1:{rest}", {"feed": f"ws://127.0.0.1:{port}"})
    heard = told if told is not None else []
    options.setdefault("config", QUICK)
    shell = VenueShell(venue, connection, TrioClock(), lambda name, message: heard.append((name, message)), **options)
    async with trio.open_nursery() as tasks:
        tasks.start_soon(shell.run)
        yield shell
        tasks.cancel_scope.cancel()
