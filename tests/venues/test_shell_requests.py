"""Requests by HTTP against real servers: lanes and their order, what is urgent, what never comes back."""

import attrs
import h11
import pytest
import trio

from tests.venues.logged_words import logged
from tests.venues.scripted_servers import (
    QUICK,
    ScriptedVenue,
    TrioClock,
    driven,
    http_server,
)
from venues.connection import VenueConnection
from venues.http_shell import HttpConfig
from venues.shell import ShellConfig, converse
from venues.venue import (
    URGENT,
    Conversation,
    HttpAnswer,
    SendRequest,
)
from venues.wire import HttpRequest, RemoteProtocolError

pytestmark = [pytest.mark.realtime, pytest.mark.slow]


async def test_requests_of_a_lane_keep_their_order_and_others_go_by() -> None:
    arrived: list[str] = []
    may_answer = trio.Event()

    async def answer(request: h11.Request, body: bytes) -> tuple[int, bytes]:
        arrived.append(request.target.decode())
        if request.target == b"/lane/1":
            await may_answer.wait()
        return 200, b"done"

    def ask(path: str, token: int, lane: str = "") -> SendRequest:
        return SendRequest(HttpRequest("POST", path, body=b"{}"), token, lane)

    venue = ScriptedVenue(ask("/lane/1", 1, "btc"), ask("/lane/2", 2, "btc"), ask("/lane/3", 3, "btc"), ask("/free", 4))
    async with http_server(answer) as port, driven(venue, rest=port):
        await venue.until(lambda: venue.of("answered"))
        assert venue.of("answered")[0][1] == 4
        assert "/lane/2" not in arrived
        may_answer.set()
        await venue.until(lambda: len(venue.of("answered")) == 4)
    assert [path for path in arrived if path.startswith("/lane")] == ["/lane/1", "/lane/2", "/lane/3"]
    answers = {token: answer for _, token, answer in venue.of("answered")}
    assert answers[1].body == b"done"
    assert answers[1].headers["x-limit"] == "9"
    assert answers[1].ts_sent <= answers[1].ts_recv


async def test_an_order_that_ran_out_of_time_in_its_lane_is_not_sent() -> None:
    """Though a connection is free: whoever commanded it has been told by then that nobody knows of it."""
    arrived: list[str] = []
    both = trio.Event()

    async def answer(request: h11.Request, body: bytes) -> tuple[int, bytes]:
        path = request.target.decode()
        arrived.append(path)
        if arrived.count("/free") == 2:
            both.set()  # two at a time are on two connections
        await both.wait()
        if path == "/order/1":
            await trio.sleep_forever()
        return 200, b"done"

    def ask(path: str, token: int, lane: str = "") -> SendRequest:
        return SendRequest(HttpRequest("POST", path, body=b"{}"), token, lane)

    venue = ScriptedVenue(ask("/free", 1), ask("/free", 2))
    venue.on_command = lambda token: [ask(f"/order/{token}", 10 + token, "btc")]
    config = ShellConfig(http=HttpConfig(answer_s=1.0))
    async with http_server(answer) as port, driven(venue, rest=port, config=config) as shell:
        await venue.until(lambda: len(venue.of("answered")) == 2)
        shell.commands((1, 2))
        await venue.until(lambda: len(venue.of("answered")) == 4)
        shell.command(3)
        await venue.until(lambda: len(venue.of("answered")) == 5)
    assert [each[1:] for each in venue.of("answered")][2:4] == [(11, None), (12, None)]
    assert arrived == ["/free", "/free", "/order/1", "/order/3"]


async def test_what_is_urgent_waits_for_nothing() -> None:
    """Neither for its turn nor for room: all else hangs."""

    async def answer(request: h11.Request, body: bytes) -> tuple[int, bytes]:
        if request.target != b"/cancel":
            await trio.sleep_forever()
        return 200, b"done"

    hanging = [SendRequest(HttpRequest("GET", "/account"), n) for n in range(1, 4)]
    hanging += [SendRequest(HttpRequest("POST", "/order"), n, "btc") for n in range(4, 6)]
    cancels = [SendRequest(HttpRequest("POST", "/cancel"), n, URGENT) for n in (6, 7)]
    config = ShellConfig(http=HttpConfig(n_at_once=2))
    venue = ScriptedVenue(*hanging, *cancels)
    async with http_server(answer) as port, driven(venue, rest=port, config=config):
        await venue.until(lambda: len(venue.of("answered")) == 2)
        assert sorted(token for _, token, _ in venue.of("answered")) == [6, 7]
        assert all(answer is not None for _, _, answer in venue.of("answered"))


async def test_a_request_is_sent_byte_for_byte() -> None:
    seen: list[tuple[bytes, bytes, dict[bytes, bytes]]] = []

    async def answer(request: h11.Request, body: bytes) -> tuple[int, bytes]:
        seen.append((request.target, body, dict(request.headers)))
        return 200, b""

    query = "cursor=a%3A1%2Cb,c:d'e&x=%7b%22&signature=0f"
    request = HttpRequest("POST", "/v5/order", query, (("X-BAPI-SIGN", "ab"),), b'{"a": 1,\n "b":2}', 3)
    venue = ScriptedVenue(SendRequest(request, 1))
    async with http_server(answer) as port, driven(venue, rest=port):
        await venue.until(lambda: venue.of("answered"))
    ((target, body, headers),) = seen
    assert target == f"/v5/order?{query}".encode()
    assert body == request.body
    assert headers[b"x-bapi-sign"] == b"ab"


async def test_without_an_answer_the_venue_is_told_so_and_no_secret_is_logged() -> None:
    async def answer(request: h11.Request, body: bytes) -> tuple[int, bytes] | None:
        if request.target.startswith(b"/slow"):
            await trio.sleep_forever()
        if request.target.startswith(b"/huge"):
            return 200, b"x" * 2000
        return None  # hang up

    asked = [
        SendRequest(HttpRequest("GET", path, "signature=hush", (("KEY", "hush"),)), token, lane)
        for token, (path, lane) in enumerate(
            [("/slow", ""), ("/gone", ""), ("/huge", ""), ("/slow", "a"), ("/gone", "a")]
        )
    ]
    venue = ScriptedVenue(*asked)
    config = attrs.evolve(QUICK, http=HttpConfig(answer_s=0.2, max_answer=1000))
    with logged() as words:
        async with http_server(answer) as port, driven(venue, rest=port, config=config):
            await venue.until(lambda: len(venue.of("answered")) == 5)
    assert sorted(event[1:] for event in venue.of("answered")) == [(token, None) for token in range(5)]
    assert len(words) >= 5
    assert not any("hush" in line for line in words)


async def test_more_requests_than_may_wait_go_unanswered_at_once() -> None:
    async def answer(request: h11.Request, body: bytes) -> tuple[int, bytes]:
        return await trio.sleep_forever()

    venue = ScriptedVenue(*(SendRequest(HttpRequest("GET", "/slow"), token) for token in range(4)))
    config = attrs.evolve(QUICK, http=HttpConfig(answer_s=60.0, n_at_once=1, max_waiting=3))
    async with http_server(answer) as port, driven(venue, rest=port, config=config):
        await venue.until(lambda: venue.of("answered"))
    assert venue.of("answered") == [("answered", 3, None)]


async def test_a_conversation_is_held_to_its_end() -> None:
    async def answer(request: h11.Request, body: bytes) -> tuple[int, bytes]:
        return 200, request.target

    def talk() -> Conversation[list[bytes]]:
        heard = []
        for path in ("/a", "/b"):
            reply: HttpAnswer = yield HttpRequest("GET", path)
            heard.append(reply.body)
        return heard

    async with http_server(answer) as port:
        connection = VenueConnection("custom", f"http://127.0.0.1:{port}", {"feed": "ws://127.0.0.1:1"})
        assert await converse(talk(), "bybit", connection, TrioClock()) == [b"/a", b"/b"]
    with pytest.raises(
        RemoteProtocolError, match=r"bybit at http://127.0.0.1:\d+ does not answer .*is the address right"
    ):
        await converse(talk(), "bybit", connection, TrioClock())
