"""The server's side of HTTP/1.1 on one connection."""

from collections.abc import Callable
from typing import Final
from urllib.parse import unquote

import h11
import trio

from market.units import SECOND
from sim.emulator.requests import HttpAnswer, HttpRequest

_CHUNK: Final = 65_536
_MOST_BODY: Final = 1 << 20

Answer = Callable[[HttpRequest], HttpAnswer]


async def serve_http(stream: trio.abc.Stream, head: bytes, address: str, answer: Answer) -> None:
    """Answer the requests of a connection until the client has had enough; `head` was read already."""
    connection = h11.Connection(h11.SERVER)
    if head:  # nothing would mean the end of the connection
        connection.receive_data(head)
    while True:
        try:
            request = await _next_request(connection, stream, address)
        except h11.RemoteProtocolError as error:
            await _send(connection, stream, HttpAnswer(error.error_status_hint, str(error).encode()))
            return
        if request is None:
            return
        result = answer(request)
        if result.is_never:
            while await stream.receive_some(_CHUNK):
                pass
            return
        if result.delay:
            await trio.sleep(result.delay / SECOND)
        await _send(connection, stream, result)
        if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
            return
        connection.start_next_cycle()


async def _next_request(connection: h11.Connection, stream: trio.abc.Stream, address: str) -> HttpRequest | None:
    head: h11.Request | None = None
    body = bytearray()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(bytes(await stream.receive_some(_CHUNK)))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > _MOST_BODY:
                raise h11.RemoteProtocolError("the body is too large", error_status_hint=413)
        elif isinstance(event, h11.EndOfMessage):
            assert head is not None, "h11 ends no message that has not begun"
            return _request(head, bytes(body), address)
        else:  # closed, or a pause that nobody ends
            return None


def _request(head: h11.Request, body: bytes, address: str) -> HttpRequest:
    path, _, query = head.target.decode("latin-1").partition("?")
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in head.headers}
    return HttpRequest(head.method.decode(), unquote(path), query, headers, body, address)


async def _send(connection: h11.Connection, stream: trio.abc.Stream, result: HttpAnswer) -> None:
    headers = [*result.headers, ("Content-Length", str(len(result.body)))]
    data = connection.send(h11.Response(status_code=result.status, headers=headers))
    data += connection.send(h11.Data(data=result.body))
    data += connection.send(h11.EndOfMessage())
    await stream.send_all(data)
