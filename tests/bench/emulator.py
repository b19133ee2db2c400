"""How much the emulated venues can send: `python -m tests.bench.emulator`, one JSON line.

The built-in market runs as fast as it goes, unthrottled, to clients in another process that only read: messages a
second, processor time a message, and how far the market then lags behind its clock; with proxies and without.  Besides:
how long an order over Bybit's trade socket takes there and back at the market's own speed, from a client in the same
process, us.
"""

import json
import os
import statistics
import sys
import time
from functools import partial
from typing import Any

import trio

from sim.emulator import Emulator, EmulatorConfig, VenueSection, open_emulator
from tests.sim.emulator.raw_client import bybit_order, open_bybit, open_socket

SYMBOL = "SOLUSDT"
SECONDS = 5.0
WARM_UP = 2.0  # until the readers have begun
SPEED = 400.0
ORDERS = 300
READER = "import sys, trio; from tests.bench.emulator import read; trio.run(read, *sys.argv[1:])"


def fast(*, proxied: bool, speed: float) -> EmulatorConfig:
    """Return both venues, every change sent."""
    venues = tuple(VenueSection(name, throttled=False, order_rate=10_000) for name in ("bybit", "binance-futures"))
    return EmulatorConfig(venue=venues, proxied=proxied, speed=speed)


async def read(*urls: str) -> None:
    """Read from sockets for ever, and do nothing with it."""
    topics = [f"{name}.{SYMBOL}" for name in ("orderbook.1", "orderbook.50", "orderbook.200", "publicTrade")]

    async def listen(url: str) -> None:
        host, _, port = url.removeprefix("ws://").partition("/")[0].partition(":")
        path = url.removeprefix("ws://").partition("/")[2]
        async with await trio.open_tcp_stream(host, int(port)) as stream:
            key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            head = f"GET /{path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{key}"
            await stream.send_all(head.encode())
            if "v5" in path:
                payload = json.dumps({"op": "subscribe", "args": topics}).encode()
                await stream.send_all(b"\x81\xfe" + len(payload).to_bytes(2, "big") + bytes(4) + payload)
            async for _ in stream:
                pass

    async with trio.open_nursery() as tasks:
        for url in urls:
            tasks.start_soon(listen, url)


async def rate(*, proxied: bool) -> dict[str, Any]:
    """Return what was sent in a second, to clients that only read."""
    async with open_emulator(fast(proxied=proxied, speed=SPEED)) as emulator:
        bybit, binance = emulator.addresses["bybit"].public, emulator.addresses["binance-futures"].public
        low = SYMBOL.lower()
        urls = [f"{bybit}/v5/public/linear", f"{binance}/public/ws/{low}@depth@0ms/{low}@bookTicker"]
        urls.append(f"{binance}/market/ws/{low}@aggTrade")
        async with trio.open_nursery() as tasks:
            command = [sys.executable, "-c", READER, *urls]
            tasks.start_soon(partial(trio.run_process, command, check=False))
            await trio.sleep(WARM_UP)
            found = await _counted(emulator)
            tasks.cancel_scope.cancel()
        return found


async def _counted(emulator: Emulator) -> dict[str, Any]:
    messages, n_bytes = emulator.tally.n_messages, sum(emulator.tally.n_bytes.values())
    begin, cpu, lag = time.perf_counter(), time.process_time(), emulator.lag_s
    await trio.sleep(SECONDS)
    passed = time.perf_counter() - begin
    n = emulator.tally.n_messages - messages
    return {
        "messages_per_s": round(n / passed),
        "mb_per_s": round((sum(emulator.tally.n_bytes.values()) - n_bytes) / passed / 1e6, 2),
        "cpu_us_per_message": round((time.process_time() - cpu) / n * 1e6, 1),
        "lag_grows_s_per_s": round((emulator.lag_s - lag) / passed, 3),
    }


async def round_trip(*, proxied: bool) -> dict[str, float]:
    """Return how long an order takes from a client to its acknowledgement."""
    async with open_emulator(fast(proxied=proxied, speed=1.0)) as emulator:
        address, account = emulator.addresses["bybit"], emulator.config.account[0]
        view = next(v for v in emulator.engine.views.values() if v.instrument.venue == "bybit")
        terms = {"symbol": SYMBOL, "side": "Buy", "orderType": "Limit", "qty": "1.0", "timeInForce": "PostOnly"}
        taken = []
        async with (
            open_bybit(address, account, "trade") as trade,
            open_socket(f"{address.public}/v5/public/linear") as public,
        ):
            await public.ask({"op": "subscribe", "args": [f"orderbook.50.{SYMBOL}"]})
            for n in range(ORDERS):
                price = f"{view.instrument.price(view.bids[0][0]) * 0.99:.2f}"
                begin = time.perf_counter()
                reply = await trade.ask(bybit_order(f"p{n}", "order.create", **terms, price=price, orderLinkId=f"x{n}"))
                taken.append((time.perf_counter() - begin) * 1e6)
                assert reply["retCode"] == 0, reply
                await trade.ask(bybit_order(f"c{n}", "order.cancel", symbol=SYMBOL, orderLinkId=f"x{n}"))
        cuts = statistics.quantiles(taken, n=100)
        return {"p50_us": round(statistics.median(taken)), "p99_us": round(cuts[98])}


async def main() -> None:
    """Measure, and print one line."""
    found = {
        "direct": await rate(proxied=False),
        "proxied": await rate(proxied=True),
        "order_direct": await round_trip(proxied=False),
        "order_proxied": await round_trip(proxied=True),
        "cores": os.cpu_count(),
    }
    print(json.dumps({"bench": "emulator", **found}))


if __name__ == "__main__":
    trio.run(main)
