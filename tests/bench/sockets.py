"""What a market frame costs from the socket to the connector's port: `python -m tests.bench.sockets`, one JSON line.

A server on loopback writes prebuilt deltas of a Bybit book as fast as they are taken; the venue's shell reads them.
Processor time of the process in us per frame, that server's share (a few large writes) included, the best of some
passes.
"""

import base64
import hashlib
import json
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

import trio

from actors.runtime.live_clock import LiveClock
from market.instrument import Instrument
from venues.connection import VenueConnection
from venues.registry import venue_kind
from venues.shell import VenueShell
from venues.venue import VenueSetup

N_FRAMES: Final = 20_000
N_PASSES: Final = 3
_CHUNK: Final = 1 << 16
_MAGIC: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455
BTC: Final = Instrument(0, "bybit", "BTCUSDT", "BTC", "USDT", "USDT", Decimal("0.1"), Decimal("0.001"))


def frames() -> Iterator[bytes]:
    """Yield a snapshot and its deltas, of three levels each, framed."""
    for update in range(1, N_FRAMES + 1):
        bids = [["64999.9", f"{1 + update % 900}.5"], ["64998.0", "2"]]
        data = {"s": "BTCUSDT", "b": bids, "a": [["65001.0", f"{1 + update % 7}"]], "u": update, "seq": update}
        kind = "snapshot" if update == 1 else "delta"
        ts = 1_760_000_000_000 + update
        text = json.dumps({"topic": "orderbook.50.BTCUSDT", "type": kind, "ts": ts, "data": data, "cts": ts}).encode()
        yield b"\x81\x7e" + len(text).to_bytes(2, "big") + text


async def serve(stream: trio.SocketStream) -> None:
    """Upgrade, wait for the subscription, and write all frames."""
    head = b""
    while b"\r\n\r\n" not in head:
        head += bytes(await stream.receive_some())
    key = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:")).split(b": ")[1]
    accept = base64.b64encode(hashlib.sha1(key + _MAGIC, usedforsecurity=False).digest())
    upgrade = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    await stream.send_all(upgrade + b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
    await stream.receive_some()
    wire = b"".join(frames())
    for at in range(0, len(wire), _CHUNK):
        await stream.send_all(wire[at : at + _CHUNK])
    await trio.sleep_forever()


async def one_pass() -> float:
    """Return us of processor time per frame."""
    n_told, began, took = 0, 0.0, 0.0
    is_done = trio.Event()

    def tell(port: str, message: Any) -> None:
        nonlocal n_told, began, took
        if port != "books":
            return
        n_told += 1
        if n_told == 1:
            began = time.process_time()
        elif n_told == N_FRAMES:
            took = time.process_time() - began
            is_done.set()

    async with trio.open_nursery() as tasks:
        listeners = await tasks.start(trio.serve_tcp, serve, 0)
        port = listeners[0].socket.getsockname()[1]
        connection = VenueConnection("custom", "http://127.0.0.1:1", {"default": f"ws://127.0.0.1:{port}"})
        venue = venue_kind("bybit").make(VenueSetup(0, (BTC,), connection))
        tasks.start_soon(VenueShell(venue, connection, LiveClock(), tell).run)
        await is_done.wait()
        tasks.cancel_scope.cancel()
    return took / N_FRAMES * 1e6


def main() -> None:
    """Measure, and print the figures."""
    best = min(trio.run(one_pass) for _ in range(N_PASSES))
    print(json.dumps({"bench": "sockets", "n": N_FRAMES, "us": round(best, 1), "frames_per_s": round(1e6 / best)}))


if __name__ == "__main__":
    main()
