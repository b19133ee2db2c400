"""A venue's REST interface: requests are sent side by side, those of one lane one after another.

What is urgent has its own connection at once: behind an order that hangs a cancel would run out of time unsent.
"""

import logging
import ssl
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, Final, Protocol

import attrs
import httpx
import trio

from market.units import Nanos
from venues.venue import URGENT, HttpAnswer, SendRequest
from venues.wire import HttpRequest

if TYPE_CHECKING:
    from loguru import Logger

# these would write whole addresses, signatures included, at a level that people turn on
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

_FAREWELL_S: Final = 2.0
_BOUNDLESS: Final = nullcontext()


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


class HttpShell:
    """Sends requests as they are, byte for byte: signatures cover them."""

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
        self._client: httpx.AsyncClient

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Have a client to `ask` with."""
        # as many connections as tasks: nobody waits for another's
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=2 * self._config.n_at_once)
        verify = self._trust() if self._address.startswith("https:") else False
        # patience is ours to bound, below; proxies of the environment would see signed requests
        self._client = httpx.AsyncClient(verify=verify, limits=limits, timeout=None, trust_env=False)
        try:
            yield
        finally:
            with trio.move_on_after(_FAREWELL_S, shield=True):  # a cancellation would leave connections open
                await self._client.aclose()

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
            self._tasks.start_soon(self._at_once, asked, until)
        elif asked.lane:
            lane = self._lanes.get(asked.lane)
            if lane is not None:
                lane.append((asked, until))
                return
            self._lanes[asked.lane] = deque([(asked, until)])
            self._tasks.start_soon(self._drive, asked.lane)
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

    async def _at_once(self, asked: SendRequest, until: float) -> None:
        self._answered(asked.token, await self._ask(asked.request, until))

    async def _single(self, asked: SendRequest, until: float) -> None:
        answer = await self._ask(asked.request, until, self._room)
        self._n_waiting -= 1
        self._answered(asked.token, answer)

    async def _drive(self, name: str) -> None:
        lane = self._lanes[name]
        while lane:
            asked, until = lane[0]
            answer = await self._ask(asked.request, until)
            lane.popleft()
            self._answered(asked.token, answer)
        del self._lanes[name]

    async def _ask(
        self, request: HttpRequest, until: float, room: AbstractAsyncContextManager[None] = _BOUNDLESS
    ) -> HttpAnswer | None:
        with trio.move_on_at(until):
            try:
                async with room:
                    return await self._exchange(request)
            except httpx.HTTPError as error:  # its words hold no address
                self._log.warning("{!r}: no answer, {} {}", request, type(error).__name__, error)
                return None
        self._log.warning("{!r}: no answer within {:g} s", request, self._config.answer_s)
        return None

    async def _exchange(self, request: HttpRequest) -> HttpAnswer | None:
        built = self._client.build_request(
            request.method,
            f"{request.address or self._address}{request.path}",
            headers=list(request.headers),
            content=request.body or None,
            extensions={"target": request.target.encode("ascii")},  # else it would be quoted anew
        )
        ts_sent = self._now_ns()
        response = await self._client.send(built, stream=True)
        try:
            parts: list[bytes] = []
            size = 0
            async for part in response.aiter_bytes():
                size += len(part)
                if size <= self._config.max_answer:  # the rest is read and dropped, until it ends or time is up
                    parts.append(part)
        finally:
            await response.aclose()
        if size > self._config.max_answer:
            self._log.error("{!r}: the answer of {} bytes is too long", request, size)
            return None
        headers = {name.lower(): text for name, text in response.headers.items()}
        return HttpAnswer(response.status_code, headers, b"".join(parts), ts_sent, self._now_ns())
