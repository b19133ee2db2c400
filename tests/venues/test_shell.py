"""The shell against real sockets and scripted peers: whatever a peer does, the venue hears of it and trade goes on."""

import random
import ssl
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs
import loguru
import numpy as np
import pytest
import trio
import trustme
import wsproto
import wsproto.events
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_server_stream

from market.messages import BookDelta
from market.units import MS, Nanos
from tests.venues.logged_words import logged
from tests.venues.scripted_servers import (
    QUICK,
    ScriptedVenue,
    TrioClock,
    driven,
    tcp_server,
    websocket_server,
)
from venues.connection import VenueConnection
from venues.shell import ShellConfig, VenueShell
from venues.socket_shell import SocketConfig, SocketShell
from venues.stream_shell import TcpStream
from venues.venue import (
    Connect,
    MakeFrame,
    Reconnect,
    Replace,
    SendFrame,
    Tell,
)
from venues.wire import RemoteProtocolError

pytestmark = [pytest.mark.realtime, pytest.mark.slow]


async def echo(websocket: WebSocketConnection) -> None:
    while True:
        await websocket.send_message(await websocket.get_message())


async def test_frames_go_both_ways_and_are_stamped_once() -> None:
    paths: list[str | None] = []
    raw: list[tuple[str, str | bytes, Nanos]] = []
    told: list[tuple[str, Any]] = []

    async def serve(websocket: WebSocketConnection) -> None:
        paths.append(websocket.path)
        await echo(websocket)

    venue = ScriptedVenue()
    venue.on_opened = lambda: [SendFrame("feed", b"one"), SendFrame("feed", b"two")]
    venue.on_frame = lambda frame: [Tell("books", frame)]
    async with (
        websocket_server(serve) as port,
        driven(venue, port, told=told, on_frame=lambda *heard: raw.append(heard)),
    ):
        await venue.until(lambda: len(venue.of("frame")) == 2)
    assert paths == ["/feed?a=1"]
    assert [event[1] for event in venue.of("frame")] == ["one", "two"]
    assert told == [("books", "one"), ("books", "two")]
    assert raw == [("feed", frame, stamp) for _, frame, stamp in venue.of("frame")]


async def test_commands_of_one_instant_leave_in_one_write_each_in_its_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    n_written: list[int] = []
    send_now = TcpStream.send_now

    def count(stream: TcpStream, data: bytes) -> bool:
        n_written.append(len(data))
        return send_now(stream, data)

    venue = ScriptedVenue()
    venue.on_command = lambda message: [SendFrame("feed", message)]
    async with websocket_server(echo) as port, driven(venue, port) as shell:
        await venue.until(lambda: venue.of("opened"))
        monkeypatch.setattr(TcpStream, "send_now", count)
        shell.commands([b"cancel", b"place"], apart=True)
        monkeypatch.undo()
        await venue.until(lambda: len(venue.of("frame")) == 2)
    assert [event[1] for event in venue.of("frame")] == ["cancel", "place"]
    assert n_written == [6 + 6 + 6 + 5], "heads with their masks, and texts"


async def test_of_changes_that_come_together_the_last_good_one_is_to_be_shown() -> None:
    """One that breaks the protocol ends its connection, and what came before it counts."""
    told: list[tuple[str, Any]] = []
    nothing = np.empty((0, 2), np.int64)

    def take(frame: str | bytes) -> list[Any]:
        if frame == "broken":
            raise RemoteProtocolError("no such book")
        return [Tell("books", BookDelta(0, 1, 1, int(frame) - 1, int(frame), nothing, nothing))]

    venue = ScriptedVenue()
    venue.on_frame = take
    async with websocket_server(echo) as port, driven(venue, port, told=told) as shell:
        await venue.until(lambda: venue.of("opened"))
        shell.received("feed", ["1", "2"])
        shell.received("feed", ["3"])
        shell.received("feed", ["4", "5", "broken", "6"])
        await venue.until(lambda: venue.of("closed"))
    assert [(message.seq, message.is_followed) for _, message in told] == [
        (1, True),
        (2, False),
        (3, False),
        (4, True),
        (5, False),
    ]
    assert "no such book" in venue.of("closed")[0][2]


async def test_a_frame_that_takes_long_to_make_holds_up_its_socket_alone() -> None:
    """Here the loop goes on while it is made: else nobody would let it be finished."""
    has_begun, goes_on = threading.Event(), threading.Event()

    def make() -> bytes:
        has_begun.set()
        assert goes_on.wait(30), "the loop stood still"
        return b"two"

    venue = ScriptedVenue()
    venue.on_opened = lambda: [SendFrame("feed", b"one"), MakeFrame("feed", make), SendFrame("feed", b"three")]
    async with websocket_server(echo) as port, driven(venue, port):
        while not has_begun.is_set():  # noqa: ASYNC110  # a thread's event wakes no task
            await trio.sleep(0.01)
        goes_on.set()
        await venue.until(lambda: len(venue.of("frame")) == 3)
    assert [event[1] for event in venue.of("frame")] == ["one", "two", "three"]


async def test_a_connection_is_replaced_without_a_gap() -> None:
    """The second is there before the first goes; what the first still says is heard, and its end is not told."""
    both, gone = trio.Event(), trio.Event()
    n_served = 0

    async def serve(websocket: WebSocketConnection) -> None:
        nonlocal n_served
        n_served += 1
        number = n_served
        if number == 1:
            await both.wait()
            await websocket.send_message("1: still here")
        with suppress(ConnectionClosed):
            while True:
                await websocket.send_message(f"{number}: {await websocket.get_message()!s}")
        gone.set()

    def opened() -> list[Any]:
        if len(venue.of("opened")) == 1:
            return [Replace("feed", 0.5)]
        both.set()
        return [SendFrame("feed", b"to the new one")]

    venue = ScriptedVenue()
    venue.on_opened = opened
    with logged() as words:
        async with websocket_server(serve) as port, driven(venue, port):
            await venue.until(lambda: len(venue.of("frame")) == 2)
            with trio.fail_after(30):
                await gone.wait()
            assert not venue.of("closed")
    assert {event[1] for event in venue.of("frame")} == {"1: still here", "2: to the new one"}
    assert len(venue.of("opened")) == 2
    assert any("socket is replaced" in line for line in words)


async def test_where_a_connection_cannot_be_replaced_it_goes_on() -> None:
    n_asked = 0

    async def serve(stream: trio.SocketStream) -> None:
        nonlocal n_asked
        n_asked += 1
        if n_asked == 2:
            await stream.aclose()
            return
        await wrapped(stream)

    async def wrapped(stream: trio.SocketStream) -> None:
        async with trio.open_nursery() as tasks:
            server = await wrap_server_stream(tasks, stream)
            websocket = await server.accept()
            await refused.wait()
            await websocket.send_message("still here")
            with suppress(ConnectionClosed):
                await websocket.get_message()

    refused = trio.Event()
    venue = ScriptedVenue()
    venue.on_opened = lambda: [Replace("feed", 0.5)]
    with logged() as words:
        async with tcp_server(serve) as port, driven(venue, port):
            await words.until("socket is not replaced")
            refused.set()
            await venue.until(lambda: venue.of("frame"))
    assert [event[0] for event in venue.events if event[0] in ("opened", "closed")] == ["opened"]


async def test_limits_are_told_when_they_change() -> None:
    told: list[tuple[str, Any]] = []
    venue = ScriptedVenue()
    async with websocket_server(echo) as port, driven(venue, port, told=told, number=3):
        with trio.fail_after(30):
            while not told:  # noqa: ASYNC110  # nobody is woken by what is told
                await trio.sleep(0.05)
    ((name, message),) = told
    assert (name, message.venue, message.used) == ("limits", 3, (("requests", 3, 10),))


async def test_a_socket_that_the_venue_closes_is_opened_again() -> None:
    n_served = 0

    async def serve(websocket: WebSocketConnection) -> None:
        nonlocal n_served
        n_served += 1
        if n_served < 3:
            await websocket.aclose(1001, "maintenance")
        else:
            await websocket.send_message("at last")
            await echo(websocket)

    venue = ScriptedVenue()
    async with websocket_server(serve) as port, driven(venue, port):
        await venue.until(lambda: venue.of("frame"))
    kinds = [event[0] for event in venue.events]
    assert kinds == ["opened", "closed", "opened", "closed", "opened", "frame"]
    assert "1001 maintenance" in venue.of("closed")[0][2]


async def test_garbage_ends_its_socket_and_nothing_else() -> None:
    venue = ScriptedVenue(Connect("feed", "/"), Connect("other", "/"))
    venue.on_opened = lambda: [SendFrame("feed", b"garbage")] if len(venue.of("opened")) == 2 else []
    async with websocket_server(echo) as port:
        address = f"ws://127.0.0.1:{port}"
        connection = VenueConnection("custom", "http://127.0.0.1:1", {"feed": address, "other": address})
        with logged() as words:
            async with driven(venue, connection=connection) as shell:
                await venue.until(lambda: len(venue.of("opened")) == 3)
                assert shell.sockets["other"].n_opened == 1
                assert shell.sockets["other"].is_open
    assert [event[1] for event in venue.of("closed")] == ["feed"]
    assert any("garbage is not JSON" in line for line in words)


async def test_a_dropped_connection_says_no_more_though_more_has_come() -> None:
    """What follows a broken frame in the same bytes must not be taken for the feed's next word."""

    async def serve(stream: trio.SocketStream) -> None:
        peer = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
        peer.receive_data(bytes(await stream.receive_some()))
        assert list(peer.events())
        said = [wsproto.events.TextMessage(data=text) for text in ("first", "garbage", "after")]
        await stream.send_all(peer.send(wsproto.events.AcceptConnection()) + b"".join(map(peer.send, said)))
        await trio.sleep_forever()

    venue = ScriptedVenue()
    async with tcp_server(serve) as port, driven(venue, port):
        await venue.until(lambda: len(venue.of("closed")) == 2)
    assert {event[1] for event in venue.of("frame")} == {"first"}


async def test_bytes_that_are_no_websocket_end_the_attempt() -> None:
    n_served = 0
    is_third = trio.Event()

    async def serve(stream: trio.SocketStream) -> None:
        nonlocal n_served
        n_served += 1
        if n_served == 3:
            is_third.set()
        await stream.receive_some()
        if n_served == 1:
            await stream.send_all(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
        else:
            await stream.send_all(b"\x00\xff what is this\r\n\r\n" * 100)

    venue = ScriptedVenue()
    with logged() as words:
        async with tcp_server(serve) as port, driven(venue, port):
            with trio.fail_after(30):
                await is_third.wait()
    assert venue.events == []  # it was never open
    assert any("refused by HTTP status 503" in line for line in words)


async def test_a_peer_that_no_longer_answers_is_left_at_the_venues_word() -> None:
    """Half-open: TCP is up, nobody reads or writes; closing must not wait for the peer's farewell."""

    async def deaf(websocket: WebSocketConnection) -> None:
        # its reader stands still as nobody takes the messages, so that no close frame is ever seen
        await trio.sleep_forever()

    venue = ScriptedVenue()
    flood = [SendFrame("feed", b"x" * 1000)] * 5
    venue.on_opened = lambda: [*flood, Reconnect("feed", "no answer to a ping")] if len(venue.of("opened")) == 1 else []
    async with websocket_server(deaf) as port, driven(venue, port):
        await venue.until(lambda: len(venue.of("opened")) == 2)
    assert venue.of("closed") == [("closed", "feed", "no answer to a ping")]


class Peer:
    """A server that answers the first so many pings of each connection."""

    def __init__(self, n_answered: int) -> None:
        self._n_answered = n_answered

    async def serve(self, stream: trio.SocketStream) -> None:
        peer = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
        n_left = self._n_answered
        async for data in stream:
            peer.receive_data(bytes(data))
            for event in peer.events():
                if isinstance(event, wsproto.events.Request):
                    await stream.send_all(peer.send(wsproto.events.AcceptConnection()))
                elif isinstance(event, wsproto.events.Ping) and n_left:
                    n_left -= 1
                    await stream.send_all(peer.send(event.response()))


async def test_a_silent_socket_whose_other_end_is_gone_is_found_out_by_pings() -> None:
    config = ShellConfig(attrs.evolve(QUICK.sockets, ping_every_s=0.05, pong_s=1.0))
    venue = ScriptedVenue()
    async with tcp_server(Peer(2).serve) as port, driven(venue, port, config=config):
        await venue.until(lambda: venue.of("closed"))
    assert venue.of("closed")[0] == ("closed", "feed", "a ping was not answered in 1 s")


async def test_a_peer_that_never_answered_a_ping_is_not_held_to_it() -> None:
    config = ShellConfig(attrs.evolve(QUICK.sockets, ping_every_s=0.05, pong_s=0.1))
    venue = ScriptedVenue()
    with logged() as words:
        async with tcp_server(Peer(0).serve) as port, driven(venue, port, config=config):
            await words.until("pings are not answered")
    assert venue.of("closed") == []


async def test_a_writer_that_gets_nothing_away_gives_up() -> None:
    async def deaf(websocket: WebSocketConnection) -> None:
        await trio.sleep_forever()

    config = attrs.evolve(QUICK, sockets=attrs.evolve(QUICK.sockets, max_unsent=4))
    venue = ScriptedVenue()
    venue.on_opened = lambda: [SendFrame("feed", b"x" * 900_000)] * 30 if len(venue.of("opened")) == 1 else []
    async with websocket_server(deaf) as port, driven(venue, port, config=config):
        await venue.until(lambda: len(venue.of("opened")) == 2)
    assert venue.of("closed") == [("closed", "feed", "4 frames wait to be written")]


async def test_only_a_certificate_that_is_trusted_is_spoken_to(tmp_path: Path) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    good, bad = tmp_path / "good.pem", tmp_path / "bad.pem"
    authority.cert_pem.write_to_path(str(good))
    stranger.cert_pem.write_to_path(str(bad))
    async with websocket_server(echo, ssl_context=context) as port:
        addresses = {"feed": f"wss://127.0.0.1:{port}"}
        trusting = ScriptedVenue()
        async with driven(trusting, connection=VenueConnection("custom", "https://127.0.0.1:1", addresses, good)):
            await trusting.until(lambda: trusting.of("opened"))
        wary = ScriptedVenue()
        connection = VenueConnection("custom", "https://127.0.0.1:1", addresses, bad)
        with logged() as words:
            async with driven(wary, connection=connection):
                await words.until("CERTIFICATE_VERIFY_FAILED")
    assert wary.events == []


async def test_pauses_grow_and_are_drawn_from_the_seed() -> None:
    def pauses(seed: int) -> list[float]:
        config = SocketConfig(first_pause_s=0.5, longest_pause_s=8.0)
        venue: Any = ScriptedVenue()
        socket = SocketShell(
            "feed", "ws://127.0.0.1:1", ssl.create_default_context, venue, random.Random(seed), config, loguru.logger
        )
        return [socket._pause() for _ in range(8)]

    found = pauses(1)
    assert found == pauses(1) != pauses(2)
    for pause, longest in zip(found, (0.5, 1, 2, 4, 8, 8, 8, 8), strict=True):
        assert longest / 2 <= pause <= longest


async def test_one_that_is_dropped_in_the_last_step_of_its_opening_is_not_used() -> None:
    paths: list[str | None] = []

    async def serve(websocket: WebSocketConnection) -> None:
        paths.append(websocket.path)
        await echo(websocket)

    venue = ScriptedVenue()
    venue.on_opened = lambda: [SendFrame("feed", b"hello")]
    targets: list[str | None] = []
    async with websocket_server(serve) as port, trio.open_nursery() as tasks:
        connection = VenueConnection("custom", "http://127.0.0.1:1", {"feed": f"ws://127.0.0.1:{port}"})
        shell = VenueShell(venue, connection, TrioClock(), lambda name, message: None, config=QUICK)
        socket = shell.sockets["feed"]
        opened = socket._open

        async def open_and_be_asked_elsewhere() -> Any:
            line = await opened()
            targets.append(socket._target)
            if len(targets) == 1:
                socket.connect("/elsewhere")
            return line

        socket._open = open_and_be_asked_elsewhere  # type: ignore[method-assign]
        tasks.start_soon(shell.run)
        await venue.until(lambda: venue.of("frame"))
        assert paths[-1] == "/elsewhere"
        tasks.cancel_scope.cancel()
    assert len(venue.of("opened")) == 1
    assert targets == ["/feed?a=1", "/elsewhere"]


async def test_what_came_before_a_mistake_of_ours_is_told() -> None:
    """A fill that was heard is not lost with what made the connector fall."""

    def read(frame: str | bytes) -> list[Tell]:
        if frame == "b":
            raise ZeroDivisionError("a mistake")
        return [Tell("fills", frame)]

    venue = ScriptedVenue()
    venue.on_frame = read
    told: list[tuple[str, Any]] = []
    async with websocket_server(echo) as port, driven(venue, port, told=told) as shell:
        await venue.until(lambda: venue.of("opened"))
        with pytest.raises(ZeroDivisionError):
            shell.received("feed", ["a", "b", "c"])
    assert told == [("fills", "a")]


async def test_a_mistake_of_ours_ends_the_shell() -> None:
    def stumble(frame: str | bytes) -> list[Any]:
        raise ZeroDivisionError("ours")

    venue = ScriptedVenue()
    venue.on_opened = lambda: [SendFrame("feed", b"hello")]
    venue.on_frame = stumble
    with pytest.RaisesGroup(ZeroDivisionError, flatten_subgroups=True):
        async with websocket_server(echo) as port, driven(venue, port):
            await trio.sleep(30)


async def test_deadlines_are_kept_also_those_that_a_command_sets() -> None:
    venue = ScriptedVenue()
    told: list[tuple[str, Any]] = []
    start = TrioClock().now_ns()
    venue.deadline = start + 20 * MS
    async with driven(venue, told=told) as shell:
        await venue.until(lambda: venue.of("deadline"))

        def command(message: Any) -> list[Any]:
            venue.deadline = start + 60 * MS
            return [Tell("facts", message)]

        venue.on_command = command
        shell.command("rejected")
        assert told == []  # a handler's words leave when it has returned
        await venue.until(lambda: len(venue.of("deadline")) == 2)
    assert told == [("facts", "rejected")]
    for _, due, at in venue.of("deadline"):
        assert at >= due
