"""The metrics' server against clients that know no manners."""

from collections.abc import Awaitable, Callable

import pytest
import trio

from scripts.live.metrics_server import MetricsServer

pytestmark = pytest.mark.realtime


def with_server(client: Callable[[int], Awaitable[bytes]]) -> bytes:
    async def main() -> bytes:
        async with trio.open_nursery() as tasks:
            port = await tasks.start(MetricsServer(lambda: b"metric 1\n").run, 0)
            answer = await client(port)
            tasks.cancel_scope.cancel()
        return answer

    return trio.run(main)


async def ask(port: int, *parts: bytes) -> bytes:
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    async with stream:
        for part in parts:
            await stream.send_all(part)
            await trio.sleep(0.01)
        return b"".join([chunk async for chunk in stream])


@pytest.mark.parametrize(
    ("parts", "answer"),
    [
        ((b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n",), b"metric 1\n"),
        ((b"GET /met", b"rics?x=1 HTTP/1.0\r\n\r\n"), b"metric 1\n"),
        ((b"HEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\n",), b""),
        ((b"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",), b"the metrics are at /metrics\n"),
        ((b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",), b"the metrics are at /metrics\n"),
    ],
)
def test_it_answers(parts: tuple[bytes, ...], answer: bytes) -> None:
    async def client(port: int) -> bytes:
        return await ask(port, *parts)

    head, _, body = with_server(client).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 ")
    assert body == answer


@pytest.mark.parametrize("rubbish", [b"\x00\x01\x02\r\n\r\n", b"GET", b"", b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 5000])
def test_rubbish_does_not_end_it(rubbish: bytes) -> None:
    async def client(port: int) -> bytes:
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        await stream.send_all(rubbish)
        await stream.send_eof()
        with trio.move_on_after(10):
            try:
                while await stream.receive_some():
                    pass
            except trio.BrokenResourceError:
                pass
        await stream.aclose()
        return await ask(port, b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")

    assert with_server(client).endswith(b"metric 1\n")
