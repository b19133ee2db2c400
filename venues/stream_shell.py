"""A connection by TCP or TLS that is written to at once, in the step of whoever has something to say.

A stream of Trio is written to by a task, which is another turn of the loop; from a book to its order there should be
none.  Only what the kernel does not take at once has to wait.
"""

import socket
import ssl
from typing import Final, Protocol

import trio
import trio.lowlevel

_CHUNK: Final = 1 << 16  # bytes to read at a time


class DirectStream(Protocol):
    """Bytes both ways.  Whatever fails raises OSError (`ssl.SSLError` is one), or `trio.ClosedResourceError`."""

    def send_now(self, data: bytes) -> bool:
        """Send without waiting; False: some of it waits for `finish`."""
        ...

    async def finish(self) -> None:
        """Wait until the kernel has taken all that was sent."""
        ...

    async def receive(self) -> bytes:
        """Return what has come, as soon as something has; empty: the peer has hung up."""
        ...

    def is_quiet(self) -> bool:
        """Tell whether nothing has come, and the peer has not hung up; what has come is of no use any more."""
        ...

    def close(self) -> None:
        """End it without a farewell."""
        ...


class TcpStream:
    """Plain TCP.

    Args:
        connected: a socket that does not block; it is this stream's from now on.
    """

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._rest = b""  # it must be sent before anything else

    def send_now(self, data: bytes) -> bool:
        """Send without waiting; False: some of it waits for `finish`."""
        if self._rest:
            self._rest += data
            return False
        try:
            n_sent = self._socket.send(data)
        except BlockingIOError:
            n_sent = 0
        self._rest = data[n_sent:]
        return not self._rest

    async def finish(self) -> None:
        """Wait until the kernel has taken all that was sent."""
        await trio.lowlevel.checkpoint()
        while self._rest:
            await trio.lowlevel.wait_writable(self._socket)
            rest, self._rest = self._rest, b""
            self.send_now(rest)

    async def receive(self) -> bytes:
        """Return what has come, as soon as something has; empty: the peer has hung up."""
        while True:
            await trio.lowlevel.wait_readable(self._socket)
            try:
                return self._socket.recv(_CHUNK)
            except BlockingIOError:
                continue

    def is_quiet(self) -> bool:
        """Tell whether nothing has come, and the peer has not hung up."""
        return self.receive_now() is None

    def receive_now(self) -> bytes | None:
        """Return what has come; None: nothing has; empty: the peer has hung up, or the connection is broken."""
        try:
            return self._socket.recv(_CHUNK)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def close(self) -> None:
        """End it without a farewell."""
        trio.lowlevel.notify_closing(self._socket)
        self._socket.close()


class TlsStream:
    """TLS on TCP, verified by its context; `handshake` comes first.  A peer that just hangs up has hung up."""

    def __init__(self, tcp: TcpStream, context: ssl.SSLContext, host: str) -> None:
        self._tcp = tcp
        self._came, self._goes = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._came, self._goes, server_hostname=host)

    async def handshake(self) -> None:
        """Agree with the peer on keys, and make sure who it is.

        Raises:
            ssl.CertificateError: it is not who it should be.
        """
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._pass_on()
                await self._tcp.finish()
                await self._fill()
            except ssl.SSLError:
                self._pass_on()  # the alert that says why
                raise
            else:
                self._pass_on()
                await self._tcp.finish()
                return

    def send_now(self, data: bytes) -> bool:
        """Send without waiting; False: some of it waits for `finish`."""
        self._tls.write(data)
        return self._pass_on()

    async def finish(self) -> None:
        """Wait until the kernel has taken all that was sent."""
        await self._tcp.finish()

    async def receive(self) -> bytes:
        """Return what has come, as soon as something has; empty: the peer has hung up."""
        while True:
            await self._fill()
            parts: list[bytes] = []
            try:
                while part := self._tls.read(_CHUNK):
                    parts.append(part)
            except ssl.SSLWantReadError:
                self._pass_on()  # what the protocol itself answers, such as to new keys
                if not parts:
                    continue
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                pass
            return b"".join(parts)

    def is_quiet(self) -> bool:
        """Tell whether nothing has come but what the protocol itself says, and the peer has not hung up."""
        while (data := self._tcp.receive_now()) is not None:
            if not data:
                return False
            self._came.write(data)
            try:
                self._tls.read(1)
            except ssl.SSLWantReadError:
                self._pass_on()
            except OSError:
                return False
            else:
                return False
        return True

    def close(self) -> None:
        """End it without a farewell."""
        self._tcp.close()

    async def _fill(self) -> None:
        if self._came.eof:
            await trio.lowlevel.checkpoint()
        elif data := await self._tcp.receive():
            self._came.write(data)
        else:
            self._came.write_eof()

    def _pass_on(self) -> bool:
        data = self._goes.read()
        return self._tcp.send_now(data) if data else True


async def open_stream(host: str, port: int, context: ssl.SSLContext | None) -> DirectStream:
    """Connect; the context is None for plain TCP.

    Raises:
        OSError: nobody is there, or (ssl.CertificateError) not who should be.
    """
    connected = await trio.open_tcp_stream(host, port)
    taken_over = socket.socket(fileno=connected.socket.detach())
    taken_over.setblocking(False)
    tcp = TcpStream(taken_over)
    if context is None:
        return tcp
    try:
        stream = TlsStream(tcp, context, host)
        await stream.handshake()
    except BaseException:
        tcp.close()
        raise
    return stream
