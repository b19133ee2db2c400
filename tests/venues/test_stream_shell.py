"""Bytes by TCP and TLS: all of them, in order, however full the way is; and every end is noticed."""

import random
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import trio
import trustme

from venues.stream_shell import DirectStream, open_stream

Serve = Callable[[trio.abc.Stream], Awaitable[None]]
BYTES = random.Random(5).randbytes(6_000_000)


class Side:
    """Plain TCP, or TLS by a certificate of our own."""

    def __init__(self, authority: trustme.CA | None) -> None:
        self.client = self._server = None
        if authority is not None:
            self._server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            authority.issue_cert("127.0.0.1").configure_cert(self._server)
            self.client = ssl.create_default_context()
            authority.configure_trust(self.client)

    @asynccontextmanager
    async def talking_to(self, serve: Serve) -> AsyncIterator[DirectStream]:
        """Yield a stream whose other end is `serve`'s."""

        async def greet(tcp: trio.SocketStream) -> None:
            stream = tcp if self._server is None else trio.SSLStream(tcp, self._server, server_side=True)
            await serve(stream)

        async with trio.open_nursery() as tasks:
            listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
            tasks.start_soon(trio.serve_listeners, greet, listeners)
            port = listeners[0].socket.getsockname()[1]
            with trio.fail_after(30):
                stream = await open_stream("127.0.0.1", port, self.client)
                yield stream
                stream.close()
            tasks.cancel_scope.cancel()


@pytest.fixture(params=["tcp", "tls"])
def side(request: pytest.FixtureRequest) -> Side:
    return Side(None if request.param == "tcp" else trustme.CA())


async def read(stream: DirectStream, n: int) -> bytes:
    found = b""
    while len(found) < n:
        data = await stream.receive()
        assert data, f"the peer has hung up after {len(found)} bytes"
        found += data
    return found


async def test_what_fits_is_sent_by_the_time_the_call_returns(side: Side) -> None:
    got: list[bytes] = []

    async def serve(stream: trio.abc.Stream) -> None:
        async for data in stream:
            got.append(bytes(data))
            await stream.send_all(data[::-1])

    async with side.talking_to(serve) as stream:
        for word in (b"an", b"order", b"x" * 20_000):
            assert stream.send_now(word)
            assert await read(stream, len(word)) == word[::-1]
    assert b"".join(got) == b"anorder" + b"x" * 20_000


@pytest.mark.parametrize("seed", range(3))
async def test_more_than_the_way_holds_arrives_whole_and_in_order_both_ways(side: Side, seed: int) -> None:
    chance, begins = random.Random(seed), trio.Event()
    got = bytearray()

    async def serve(stream: trio.abc.Stream) -> None:
        async def answer() -> None:
            await stream.send_all(BYTES[::-1])

        async with trio.open_nursery() as tasks:
            tasks.start_soon(answer)
            await begins.wait()
            while len(got) < len(BYTES):
                got.extend(await stream.receive_some(chance.randrange(1, 100_000)))

    async with side.talking_to(serve) as stream:
        at, has_waited = 0, False
        while at < len(BYTES):
            n = chance.choice((1, 100, 20_000, 300_000))
            if not stream.send_now(BYTES[at : at + n]):
                has_waited = True
                begins.set()
                if chance.random() < 0.5:  # or the next is sent behind what waits
                    await stream.finish()
            at += n
        await stream.finish()
        assert has_waited, "the way was never full"
        assert await read(stream, len(BYTES)) == BYTES[::-1]
        while len(got) < len(BYTES):  # noqa: ASYNC110  # the other end is told by the bytes alone
            await trio.sleep(0.001)
    assert bytes(got) == BYTES


async def test_a_peer_that_hangs_up_after_its_last_word_is_heard_out(side: Side) -> None:
    async def serve(stream: trio.abc.Stream) -> None:
        await stream.send_all(b"the last word")
        await stream.aclose()

    async with side.talking_to(serve) as stream:
        assert await read(stream, 13) == b"the last word"
        assert await stream.receive() == b""
        assert await stream.receive() == b""


async def test_a_peer_that_hangs_up_without_the_farewell_of_tls_has_hung_up() -> None:
    async def serve(stream: trio.abc.Stream) -> None:
        await stream.send_all(b"cut")
        assert isinstance(stream, trio.SSLStream)
        await trio.aclose_forcefully(stream.transport_stream)

    async with Side(trustme.CA()).talking_to(serve) as stream:
        assert await read(stream, 3) == b"cut"
        assert await stream.receive() == b""


async def test_a_connection_that_is_gone_raises_what_a_socket_raises(side: Side) -> None:
    async def serve(stream: trio.abc.Stream) -> None:
        tcp = stream.transport_stream if isinstance(stream, trio.SSLStream) else stream
        if isinstance(stream, trio.SSLStream):
            await stream.do_handshake()
        assert isinstance(tcp, trio.SocketStream)
        # closed so, it is reset
        tcp.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await trio.aclose_forcefully(tcp)

    async with side.talking_to(serve) as stream:
        with pytest.raises(OSError, match=r"reset|Broken pipe"):
            await stream.receive()
        with pytest.raises(OSError, match=r"reset|Broken pipe"):
            stream.send_now(b"too late")


@pytest.mark.parametrize("end", ["nothing", "a word", "hangs up", "is cut off"])
async def test_a_stream_is_quiet_until_something_comes(side: Side, end: str) -> None:
    """What TLS itself says after it has begun is nothing."""
    goes_on, is_done = trio.Event(), trio.Event()

    async def serve(stream: trio.abc.Stream) -> None:
        await stream.send_all(bytes(await stream.receive_some()))
        await goes_on.wait()
        if end == "a word":
            await stream.send_all(b"unasked")
        elif end == "hangs up":
            await stream.aclose()
        elif end == "is cut off":
            await trio.aclose_forcefully(stream)
        is_done.set()
        await trio.sleep_forever()

    async with side.talking_to(serve) as stream:
        stream.send_now(b"hello")
        assert await read(stream, 5) == b"hello"
        assert stream.is_quiet()
        goes_on.set()
        await is_done.wait()
        is_quiet = True
        with trio.move_on_after(0.05 if end == "nothing" else 10):  # the kernel takes a moment
            while is_quiet:
                await trio.sleep(0.001)
                is_quiet = stream.is_quiet()
        assert is_quiet == (end == "nothing")


async def test_who_waits_for_a_stream_that_is_closed_is_told(side: Side) -> None:
    async def wait(stream: DirectStream) -> None:
        with pytest.raises(trio.ClosedResourceError):
            await stream.receive()

    async def serve(stream: trio.abc.Stream) -> None:
        if isinstance(stream, trio.SSLStream):
            await stream.do_handshake()
        await trio.sleep_forever()

    async with side.talking_to(serve) as stream, trio.open_nursery() as tasks:
        tasks.start_soon(wait, stream)
        await trio.testing.wait_all_tasks_blocked()
        stream.close()


async def test_nothing_is_said_to_a_stranger() -> None:
    got: list[bytes | bytearray] = []

    async def serve(stream: trio.abc.Stream) -> None:
        with pytest.raises(trio.BrokenResourceError):
            got.append(await stream.receive_some())

    ours, others = Side(trustme.CA()), Side(trustme.CA())
    ours.client = others.client
    with pytest.RaisesGroup(ssl.SSLCertVerificationError, flatten_subgroups=True):
        async with ours.talking_to(serve):
            pytest.fail("it was trusted")
    assert got == []
