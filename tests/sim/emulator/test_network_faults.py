"""Faults below HTTP, made by proxies that any client meets; sockets that fall; a restart that keeps what stood."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import msgspec
import pytest
import trio
import trio_websocket

from sim.emulator import Emulator, EmulatorConfig, Fault, VenueAddress, VenueSection, open_emulator
from sim.emulator.tcp_proxy import TcpProxy
from tests.sim.emulator.raw_client import BybitRest, Socket, open_bybit, open_socket

TOPIC = "orderbook.1.SOLUSDT"


# --- the proxy by itself ----------------------------------------------------------------------------------------------


@asynccontextmanager
async def echo_behind_proxy() -> AsyncIterator[TcpProxy]:
    """A server that sends back what comes, and a proxy before it."""

    async def echo(stream: trio.SocketStream) -> None:
        async for data in stream:
            await stream.send_all(data)

    async with trio.open_nursery() as tasks:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        tasks.start_soon(trio.serve_listeners, echo, listeners)
        proxy = TcpProxy(listeners[0].socket.getsockname()[1])
        await tasks.start(proxy.run)
        yield proxy
        tasks.cancel_scope.cancel()


async def exchange(stream: trio.SocketStream, data: bytes) -> bytes:
    await stream.send_all(data)
    found = b""
    while len(found) < len(data):
        part = await stream.receive_some()
        if not part:
            return found
        found += part
    return found


@pytest.mark.realtime
async def test_a_proxy_passes_everything_on() -> None:
    async with echo_behind_proxy() as proxy, await trio.open_tcp_stream("127.0.0.1", proxy.port) as stream:
        data = bytes(range(256)) * 8192
        with trio.fail_after(20):
            async with trio.open_nursery() as tasks:
                tasks.start_soon(stream.send_all, data)
                found = b""
                while len(found) < len(data):
                    found += await stream.receive_some()
            assert found == data
            await stream.send_eof()
            assert await stream.receive_some() == b""
        assert proxy.n_connections == 1


@pytest.mark.realtime
async def test_a_proxy_stalls_and_lets_all_of_it_go() -> None:
    async with echo_behind_proxy() as proxy, await trio.open_tcp_stream("127.0.0.1", proxy.port) as stream:
        assert await exchange(stream, b"before") == b"before"
        proxy.stall()
        await stream.send_all(b"in ")
        await stream.send_all(b"between")
        with trio.move_on_after(0.2) as scope:
            await stream.receive_some()
        assert scope.cancelled_caught
        proxy.resume()
        with trio.fail_after(20):
            found = b""
            while len(found) < 10:
                found += await stream.receive_some()
        assert found == b"in between"


@pytest.mark.realtime
async def test_a_proxy_is_late_by_its_latency() -> None:
    async with echo_behind_proxy() as proxy, await trio.open_tcp_stream("127.0.0.1", proxy.port) as stream:
        proxy.set_latency(0.1)
        begin = trio.current_time()
        with trio.fail_after(20):
            assert await exchange(stream, b"there and back") == b"there and back"
        assert trio.current_time() - begin >= 0.2


@pytest.mark.realtime
async def test_a_proxy_cuts_on_both_sides_or_on_one() -> None:
    async with echo_behind_proxy() as proxy:
        async with await trio.open_tcp_stream("127.0.0.1", proxy.port) as stream:
            assert await exchange(stream, b"x") == b"x"
            proxy.half_open()
            await stream.send_all(b"nobody hears this")
            with trio.move_on_after(0.2) as scope:
                await stream.receive_some()
            assert scope.cancelled_caught  # no answer, and no end
            assert proxy.n_open == 1
        async with await trio.open_tcp_stream("127.0.0.1", proxy.port) as stream:
            assert await exchange(stream, b"x") == b"x"
            proxy.sever()
            with trio.fail_after(20):
                with suppress(trio.BrokenResourceError):  # a reset: as good an end
                    assert await stream.receive_some() == b""


# --- before a venue ---------------------------------------------------------------------------------------------------


@asynccontextmanager
async def bybit(*, proxied: bool = True) -> AsyncIterator[tuple[Emulator, VenueAddress]]:
    async with open_emulator(EmulatorConfig(venue=(VenueSection("bybit"),), proxied=proxied)) as emulator:
        yield emulator, emulator.addresses["bybit"]


def code_of(closed: trio_websocket.ConnectionClosed) -> int | None:
    return None if closed.reason is None else closed.reason.code


async def subscribed(socket: Socket) -> None:
    assert (await socket.ask({"op": "subscribe", "args": [TOPIC]}))["success"]


@pytest.mark.realtime
@pytest.mark.slow
async def test_sockets_are_reset_or_closed_by_kind() -> None:
    async with bybit() as (emulator, address):
        account = emulator.config.account[0]
        async with (
            open_bybit(address, account, "private") as private,
            open_socket(f"{address.public}/v5/public/linear") as public,
        ):
            await subscribed(public)
            emulator.inject(Fault("drop", where="public"))
            with pytest.raises(trio_websocket.ConnectionClosed) as caught:
                await public.until(lambda m: False)
            assert code_of(caught.value) == 1006  # no goodbye
            assert (await private.ask({"op": "ping"}))["op"] == "pong"
            emulator.inject(Fault("close", where="private"))
            with pytest.raises(trio_websocket.ConnectionClosed) as caught:
                await private.receive()
            assert code_of(caught.value) == 1000
        assert emulator.faults.met == {"drop": 1, "close": 1}


@pytest.mark.realtime
@pytest.mark.slow
async def test_a_restart_keeps_orders_and_addresses() -> None:
    async with bybit() as (emulator, address), BybitRest(address.rest, emulator.config.account[0]) as rest:
        view = next(iter(emulator.engine.views.values()))
        low = f"{view.instrument.price(view.bids[0][0]) * 0.97:.2f}"
        terms = {"category": "linear", "symbol": "SOLUSDT", "side": "Buy", "orderType": "Limit", "qty": "1.0"}
        placed = await rest.post("/v5/order/create", **terms, price=low, orderLinkId="x")
        async with open_socket(f"{address.public}/v5/public/linear") as public:
            await subscribed(public)
            emulator.inject(Fault("restart", seconds=0.3))
            emulator.inject(Fault("restart", seconds=0.3))  # nobody restarts what is down
            with pytest.raises(trio_websocket.ConnectionClosed):
                await public.until(lambda m: False)
        with pytest.raises(httpx.TransportError):
            await rest.get("/v5/market/time")
        with trio.fail_after(20):
            while True:
                try:
                    found = await rest.get("/v5/order/realtime", category="linear", symbol="SOLUSDT")
                    break
                except httpx.TransportError:
                    await trio.sleep(0.05)
        assert [o["orderId"] for o in found["result"]["list"]] == [placed["result"]["orderId"]]
        async with open_socket(f"{address.public}/v5/public/linear") as public:
            await subscribed(public)
            assert (await public.receive())["topic"] == TOPIC
        assert emulator.faults.met["restart"] == 1


@pytest.mark.realtime
@pytest.mark.slow
async def test_a_venue_stalls_by_kind_of_socket() -> None:
    async with (
        bybit() as (emulator, address),
        open_socket(f"{address.public}/v5/public/linear") as public,
        open_socket(f"{address.trade}/v5/trade") as trade,
    ):
        await subscribed(public)
        emulator.inject(Fault("stall", where="public", seconds=0.4))
        begin = trio.current_time()
        assert (await trade.ask({"op": "ping"}))["op"] == "pong"
        await public.send({"op": "ping", "req_id": "p"})
        await public.until(lambda m: m.get("req_id") == "p")
        assert trio.current_time() - begin >= 0.4
        emulator.inject(Fault("half_open", where="trade"))
        await trade.send({"op": "ping"})
        with trio.move_on_after(0.2) as scope:
            await trade.receive()
        assert scope.cancelled_caught
        emulator.inject(Fault("sever", where="public"))
        with pytest.raises(trio_websocket.ConnectionClosed):
            await public.until(lambda m: False)


@pytest.mark.realtime
async def test_without_proxies_there_are_no_faults_below_http() -> None:
    async with bybit(proxied=False) as (emulator, address):
        assert set(address.ports.values()) == {address.server_port}
        with pytest.raises(ValueError, match=r"^a fault 'stall' is made by a proxy, and the emulator runs without"):
            emulator.inject(Fault("stall"))
        with pytest.raises(KeyError, match="no venue 'binance-futures' is emulated; there are: bybit"):
            emulator.inject(Fault("drop", venue="binance-futures"))
        async with open_socket(f"{address.public}/v5/public/linear") as public:
            await subscribed(public)


@pytest.mark.realtime
async def test_what_was_sent_is_written_down(tmp_path: Path) -> None:
    file = tmp_path / "sent.jsonl"
    config = EmulatorConfig(venue=(VenueSection("bybit"),), sent_log=str(file))
    async with (
        open_emulator(config) as emulator,
        open_socket(f"{emulator.addresses['bybit'].public}/v5/public/linear") as public,
    ):
        await subscribed(public)
        heard = [await public.receive() for _ in range(5)]
    lines = [msgspec.json.decode(line) for line in file.read_bytes().splitlines()]
    assert [line["payload"] for line in lines][:5] == heard
    assert {(line["venue"], line["topic"]) for line in lines} == {("bybit", TOPIC)}
