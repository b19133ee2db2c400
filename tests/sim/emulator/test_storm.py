"""Every kind of fault at once, many a second: the emulator stands, loses nobody's order and leaks no socket."""

import json

import httpx
import pytest
import trio
import trio_websocket

from sim.emulator import Emulator, EmulatorConfig, VenueSection, open_emulator
from sim.emulator.fault_plan import FaultPlan
from tests.sim.emulator.raw_client import BybitRest, bybit_order, open_bybit, open_socket

SECONDS = 5.0
LOST = (trio_websocket.ConnectionClosed, trio_websocket.HandshakeError, OSError, trio.TooSlowError, AssertionError)


async def trade(emulator: Emulator) -> None:
    """Place and cancel over the trade socket, for ever; whatever breaks is opened again."""
    address, account = emulator.addresses["bybit"], emulator.config.account[0]
    view = next(v for v in emulator.engine.views.values() if v.instrument.venue == "bybit")
    n = 0
    while True:
        await trio.sleep(0.01)
        try:
            with trio.fail_after(1):
                async with open_bybit(address, account, "trade") as socket:
                    while True:
                        n += 1
                        price = f"{view.instrument.price(view.bids[0][0]):.2f}"
                        terms = {"symbol": "SOLUSDT", "side": "Buy", "orderType": "Limit", "qty": "1.0", "price": price}
                        await socket.send(bybit_order(f"p{n}", "order.create", **terms, orderLinkId=f"x{n}"))
                        await socket.receive()
                        await socket.send(bybit_order(f"c{n}", "order.cancel", symbol="SOLUSDT", orderLinkId=f"x{n}"))
                        await socket.receive()
        except* LOST:
            pass


async def listen(url: str, heard: list[int]) -> None:
    """Listen to a stream, for ever; whatever breaks is opened again."""
    while True:
        await trio.sleep(0.01)
        try:
            async with open_socket(url) as socket:
                if "/v5/" in url:
                    await socket.send({"op": "subscribe", "args": ["orderbook.50.SOLUSDT", "publicTrade.SOLUSDT"]})
                while True:
                    await socket.receive()
                    heard[0] += 1
        except* LOST:
            pass


@pytest.mark.realtime
@pytest.mark.slow
async def test_a_storm_of_faults_is_weathered() -> None:
    venues = (VenueSection("bybit", order_rate=1000, throttled=False), VenueSection("binance-futures", throttled=False))
    plan = FaultPlan(5, SECONDS, per_minute=1200, quiet_s=0.2)
    heard = [0]
    async with open_emulator(EmulatorConfig(venue=venues, speed=5.0)) as emulator:
        bybit, binance = emulator.addresses["bybit"], emulator.addresses["binance-futures"]
        async with trio.open_nursery() as clients:
            clients.start_soon(trade, emulator)
            clients.start_soon(listen, f"{bybit.public}/v5/public/linear", heard)
            clients.start_soon(listen, f"{binance.public}/public/ws/solusdt@depth@0ms", heard)
            emulator.follow(plan)
            await trio.sleep(SECONDS + 1)
            clients.cancel_scope.cancel()
        emulator.faults.clear()
        assert len(emulator.faults.met) >= 10, emulator.faults.met
        assert heard[0] > 20
        truth = emulator.truth("bybit")
        assert truth.n_orders > 20
        async with BybitRest(bybit.rest, emulator.config.account[0]) as rest:
            with trio.fail_after(30):
                while True:  # the last restart may still be on
                    try:
                        found = await rest.get("/v5/order/realtime", category="linear", symbol="SOLUSDT", limit=50)
                        break
                    except (httpx.TransportError, json.JSONDecodeError):
                        await trio.sleep(0.1)
        assert {o["orderLinkId"] for o in found["result"]["list"]} <= {o.client_id for o in truth.open_orders}
        with trio.fail_after(20):
            while True:
                if not emulator.n_sockets("bybit") + emulator.n_sockets("binance-futures"):
                    break
                await trio.sleep(0.05)
        placed = emulator.tally.requests["bybit", "order.create"]
        assert truth.n_orders <= placed
