"""Serves the metrics on loopback, to whoever asks; one request a connection."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

import h11
import trio
from prometheus_client import CONTENT_TYPE_LATEST

_PATIENCE_S: Final = 5.0  # for one request
_MOST_BYTES: Final = 16_384  # of a request
_AT_ONCE: Final = 8


class MetricsServer:
    """Answers `GET /metrics` with what `text` returns."""

    def __init__(self, text: Callable[[], bytes]) -> None:
        self._text = text
        self._room = trio.CapacityLimiter(_AT_ONCE)

    async def run(self, port: int, *, task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled; `started` tells the port, which is chosen freely for 0.

        Raises:
            OSError: the port is taken.
        """
        async with trio.open_nursery() as tasks:
            [listener] = await tasks.start(partial(trio.serve_tcp, self._answer, port, host="127.0.0.1"))
            task_status.started(listener.socket.getsockname()[1])

    async def _answer(self, stream: trio.SocketStream) -> None:
        async with self._room, stream:
            with trio.move_on_after(_PATIENCE_S):
                # who asked may have gone, or speak no HTTP
                with suppress(trio.BrokenResourceError, h11.RemoteProtocolError):
                    await self._serve(stream, h11.Connection(h11.SERVER, max_incomplete_event_size=_MOST_BYTES))

    async def _serve(self, stream: trio.SocketStream, http: h11.Connection) -> None:
        while (event := http.next_event()) is h11.NEED_DATA:
            http.receive_data(await stream.receive_some(4096))
        if not isinstance(event, h11.Request):
            return
        is_found = event.method in (b"GET", b"HEAD") and event.target.split(b"?")[0] == b"/metrics"
        body = self._text() if is_found else b"the metrics are at /metrics\n"
        headers = [
            ("content-type", CONTENT_TYPE_LATEST if is_found else "text/plain"),
            ("content-length", str(len(body))),
            ("connection", "close"),
        ]
        data = http.send(h11.Response(status_code=200 if is_found else 404, headers=headers)) or b""
        if event.method != b"HEAD":
            data += http.send(h11.Data(data=body)) or b""
        await stream.send_all(data + (http.send(h11.EndOfMessage()) or b""))
