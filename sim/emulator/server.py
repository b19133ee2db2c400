"""Sockets before an emulated venue: REST and WebSockets on one port, told apart by what a client asks for."""

import ssl
import struct
from collections.abc import Callable
from socket import SO_LINGER, SOL_SOCKET
from typing import Final

import h11
import trio

from market.units import Nanos
from sim.emulator.faults import Faults
from sim.emulator.http import serve_http
from sim.emulator.outbox import Outbox, Tally
from sim.emulator.requests import EmulatedVenue, HttpAnswer, HttpRequest
from sim.emulator.websocket import WebSocket

_CHUNK: Final = 65_536
_LONGEST_HEAD: Final = 65_536
_BACKLOG: Final = 128


class VenueServer:
    """One venue's port.

    Args:
        now: the venue's clock.
        tls: None for plain sockets.

    Attributes:
        port: where it listens; 0 before it does.
    """

    def __init__(
        self,
        venue: EmulatedVenue,
        faults: Faults,
        tally: Tally,
        now: Callable[[], Nanos],
        host: str,
        port: int,
        tls: ssl.SSLContext | None,
    ) -> None:
        self.venue = venue
        self.port = port
        self._faults = faults
        self._tally = tally
        self._now = now
        self._host = host
        self._tls = tls
        self._scope = trio.CancelScope()
        self._outboxes: dict[Outbox, None] = {}

    @property
    def n_sockets(self) -> int:
        """WebSockets that are open now."""
        return len(self._outboxes)

    async def run(self, *, task_status: "trio.TaskStatus[int]" = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until `go_down`; starts with its port, which stays the same at the next call."""
        listeners = await trio.open_tcp_listeners(self.port, host=self._host, backlog=_BACKLOG)
        self.port = int(listeners[0].socket.getsockname()[1])
        with trio.CancelScope() as self._scope:
            task_status.started(self.port)
            await trio.serve_listeners(self._serve, listeners)

    def go_down(self) -> None:
        """Stop listening, and break every connection."""
        self._scope.cancel()

    def reset_sockets(self, where: str = "", count: int = 0) -> int:
        """Break WebSockets of a kind, the oldest first; 0: all.  Return how many."""
        chosen = self._chosen(where, count)
        for outbox in chosen:
            outbox.reset()
        return len(chosen)

    def close_sockets(self, where: str = "", count: int = 0) -> int:
        """Close WebSockets of a kind in order, the oldest first; 0: all.  Return how many."""
        chosen = self._chosen(where, count)
        for outbox in chosen:
            outbox.close("going away")
        return len(chosen)

    def _chosen(self, where: str, count: int) -> list[Outbox]:
        found = [outbox for outbox in self._outboxes if where in ("", outbox.where)]
        return found[: count or len(found)]

    # --- one connection -----------------------------------------------------------------------------------------------

    async def _serve(self, transport: trio.SocketStream) -> None:
        stream: trio.abc.Stream = transport
        if self._tls is not None:
            stream = trio.SSLStream(transport, self._tls, server_side=True, https_compatible=True)
        try:
            if await self._talk(stream, transport):
                await stream.aclose()
        except (OSError, trio.BrokenResourceError, trio.ClosedResourceError, h11.LocalProtocolError):
            pass  # the client is gone
        finally:
            if transport.socket.fileno() >= 0:  # not closed in order: a reset, as clients see it when a venue falls
                transport.socket.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
                await trio.aclose_forcefully(transport)

    async def _talk(self, stream: trio.abc.Stream, transport: trio.SocketStream) -> bool:
        """Serve a connection; True: it is to be closed in order."""
        address = str(transport.socket.getpeername()[0])
        head = b""
        while b"\r\n\r\n" not in head:
            data = await stream.receive_some(_CHUNK)
            if not data or len(head) > _LONGEST_HEAD:
                return True
            head += data
        if b"upgrade: websocket" in head.partition(b"\r\n\r\n")[0].lower():
            socket = WebSocket(stream, self.venue, self._open_outbox, self._outboxes, self._now)
            return await socket.serve(head, address)
        await serve_http(stream, head, address, self._answer)
        return True

    def _answer(self, request: HttpRequest) -> HttpAnswer:
        return self.venue.request(request, self._now())

    def _open_outbox(self, where: str, wake: Callable[[], None]) -> Outbox:
        return Outbox(self.venue.name, where, self._faults, self._tally, wake)
