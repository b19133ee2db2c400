"""The server's side of one WebSocket: wsproto reads, frames that are made already are written many at a time.

trio-websocket has no way to send a frame that is made already, and a venue sends the same to many clients.
"""

from collections.abc import Callable
from typing import Final

import trio
import wsproto
from wsproto.events import (
    AcceptConnection,
    CloseConnection,
    Ping,
    Pong,
    RejectConnection,
    Request,
    TextMessage,
)

from market.units import SECOND, Nanos
from sim.emulator.outbox import Outbox
from sim.emulator.requests import EmulatedVenue, Session

_CHUNK: Final = 65_536
_LONGEST_WAIT: Final = 60 * SECOND
_GRACE_S: Final = 1.0  # for a close, either way


class WebSocket:
    """One client's connection, from its first bytes to its end.

    Args:
        make_outbox: given what the socket is (`public`, `private`, `trade`) and what wakes its writer.
        open_sockets: where the outbox stands while the socket is open.
        now: the venue's clock.
    """

    def __init__(
        self,
        stream: trio.abc.Stream,
        venue: EmulatedVenue,
        make_outbox: Callable[[str, Callable[[], None]], Outbox],
        open_sockets: dict[Outbox, None],
        now: Callable[[], Nanos],
    ) -> None:
        self._stream = stream
        self._venue = venue
        self._make_outbox = make_outbox
        self._open_sockets = open_sockets
        self._now = now
        self._connection = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
        self._wake = trio.Event()
        self._is_heard_out = False

    async def serve(self, head: bytes, address: str) -> bool:
        """Serve it, of which `head` was read already; return whether it ended in order, and is to be closed so."""
        target = await self._accept(head)
        if not target:
            return True
        outbox = self._make_outbox(self._venue.place_of(target.partition("?")[0]), self._woken)
        session = self._venue.connect(target, address, outbox, self._now())
        self._open_sockets[outbox] = None
        is_orderly = True
        try:
            async with trio.open_nursery() as tasks:
                tasks.start_soon(self._write, session, outbox, tasks.cancel_scope)
                await self._read(session, outbox)
                self._is_heard_out = True  # the writer alone may write: it says what is left, and ends
                self._woken()
                tasks.cancel_scope.deadline = trio.current_time() + _GRACE_S
        except* (trio.BrokenResourceError, trio.ClosedResourceError):
            is_orderly = False  # the client is gone, or is to think that we are
        finally:
            session.closed()
            self._open_sockets.pop(outbox, None)
        return is_orderly

    def _woken(self) -> None:
        self._wake.set()

    async def _accept(self, head: bytes) -> str:
        connection = self._connection
        try:
            connection.receive_data(head)
        except wsproto.utilities.RemoteProtocolError as error:
            await self._stream.send_all(connection.send(error.event_hint or RejectConnection(status_code=400)))
            return ""
        for event in connection.events():
            if isinstance(event, Request):
                known = self._venue.place_of(event.target.partition("?")[0])
                reply = AcceptConnection() if known else RejectConnection(status_code=404)
                await self._stream.send_all(connection.send(reply))
                return event.target if known else ""
        return ""

    async def _read(self, session: Session, outbox: Outbox) -> None:
        connection = self._connection
        parts: list[str] = []
        while True:
            for event in connection.events():
                if isinstance(event, TextMessage):
                    parts.append(event.data)
                    if event.message_finished:
                        session.receive("".join(parts), self._now())
                        parts.clear()
                elif isinstance(event, Ping):
                    outbox.control(connection.send(event.response()))
                    session.ponged(self._now())
                elif isinstance(event, Pong):
                    session.ponged(self._now())
                elif isinstance(event, CloseConnection):
                    if connection.state is wsproto.connection.ConnectionState.REMOTE_CLOSING:
                        outbox.control(connection.send(event.response()))
                    return
            data = bytes(await self._stream.receive_some(_CHUNK))
            if not data:
                return
            try:
                connection.receive_data(data)
            except wsproto.utilities.RemoteProtocolError:
                return

    async def _write(self, session: Session, outbox: Outbox, whole: trio.CancelScope) -> None:
        while not outbox.is_broken:
            now = self._now()
            session.on_due(now)
            data = outbox.take(now)
            if data:
                await self._stream.send_all(data)
                continue
            if self._is_heard_out:
                return
            if outbox.is_closing and not len(outbox):
                await self._stream.send_all(self._connection.send(CloseConnection(code=1000, reason=outbox.reason)))
                whole.deadline = trio.current_time() + _GRACE_S  # unless the client answers sooner
                return
            due = min(outbox.next_due(), session.next_due(), now + _LONGEST_WAIT)
            with trio.move_on_after(max(0.0, (due - now) / SECOND)):
                await self._wake.wait()
            self._wake = trio.Event()
        raise trio.BrokenResourceError("the venue reset the socket")
