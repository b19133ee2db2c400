"""A TCP proxy before a server, which makes the faults that no server can: what any client meets on a bad network."""

from collections.abc import Callable
from typing import Final

import attrs
import trio

_CHUNK: Final = 65_536


@attrs.define(eq=False)
class _Link:
    """One client's connection, and ours to the server."""

    client: trio.SocketStream
    server: trio.SocketStream
    scope: trio.CancelScope
    is_dark: bool = False  # what arrives is dropped, and nobody is told


class TcpProxy:
    """Passes bytes on, both ways, until it is told not to.

    Attributes:
        port: where it listens.
        n_connections: how many it has taken.
    """

    def __init__(self, target_port: int, host: str = "127.0.0.1") -> None:
        self.port = 0
        self.n_connections = 0
        self._host = host
        self._target_port = target_port
        self._links: list[_Link] = []
        self._gate = trio.Event()  # set: bytes may pass
        self._gate.set()
        self._latency_s = 0.0

    async def run(self, port: int = 0, *, task_status: "trio.TaskStatus[int]" = trio.TASK_STATUS_IGNORED) -> None:
        """Listen and pass on, for ever; starts with its port."""
        listeners = await trio.open_tcp_listeners(port, host=self._host)
        self.port = int(listeners[0].socket.getsockname()[1])
        task_status.started(self.port)
        await trio.serve_listeners(self._take, listeners)

    @property
    def n_open(self) -> int:
        """Connections that are open now, dark ones included."""
        return len(self._links)

    # --- faults -------------------------------------------------------------------------------------------------------

    def sever(self) -> None:
        """Cut every connection on both sides, without a goodbye of any protocol above TCP."""
        for link in tuple(self._links):
            link.scope.cancel()

    def half_open(self) -> None:
        """Cut the server's side of every connection, and leave the client's open and silent."""
        for link in self._links:
            link.is_dark = True
            link.server.socket.close()

    def stall(self) -> None:
        """Pass nothing on, until `resume`; what is sent meanwhile waits."""
        if self._gate.is_set():  # those who wait already wait for the one there is
            self._gate = trio.Event()

    def resume(self) -> None:
        """Pass on again, and what has waited first."""
        self._gate.set()

    def set_latency(self, seconds: float) -> None:
        """Let every byte from now on be late by `seconds`, each way."""
        self._latency_s = seconds

    # --- passing on ---------------------------------------------------------------------------------------------------

    async def _take(self, client: trio.SocketStream) -> None:
        self.n_connections += 1
        try:
            server = await trio.open_tcp_stream(self._host, self._target_port)
        except OSError:  # nobody listens there now
            client.socket.close()
            return
        link = _Link(client, server, trio.CancelScope())
        self._links.append(link)
        try:
            with link.scope:
                async with trio.open_nursery() as tasks:
                    end = tasks.cancel_scope.cancel
                    tasks.start_soon(self._pass, link, client, server, end)
                    tasks.start_soon(self._pass, link, server, client, end)
        finally:
            self._links.remove(link)
            client.socket.close()  # at once, and both: a close that may be cancelled would leave the second one open
            server.socket.close()

    async def _pass(
        self, link: _Link, source: trio.SocketStream, target: trio.SocketStream, end: Callable[[], None]
    ) -> None:
        late = trio.open_memory_channel[tuple[float, bytes]](1000)
        async with trio.open_nursery() as tasks:
            tasks.start_soon(self._receive, link, source, late[0])
            await self._send(link, target, late[1])
            tasks.cancel_scope.cancel()
        if not link.is_dark or source is link.client:
            end()
        await trio.sleep_forever()

    async def _receive(
        self, link: _Link, source: trio.SocketStream, out: "trio.MemorySendChannel[tuple[float, bytes]]"
    ) -> None:
        async with out:
            while True:
                try:
                    data = await source.receive_some(_CHUNK)
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    return
                if not data:
                    return
                await out.send((trio.current_time() + self._latency_s, data))

    async def _send(
        self, link: _Link, target: trio.SocketStream, arrived: "trio.MemoryReceiveChannel[tuple[float, bytes]]"
    ) -> None:
        async for due, data in arrived:
            await trio.sleep_until(due)
            await self._gate.wait()
            if link.is_dark:
                continue
            try:
                await target.send_all(data)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return
