"""What it costs to read a frame of a venue: `python -m tests.bench.codecs`, one JSON line.

Processor time in us per frame, the best of several passes over a recorded session by a fresh codec, by kind of frame,
with the mean bytes and level rows a frame of that kind has.  Where the recordings are absent it says so and exits 0.
Of WOO X and Paradex there is no recorded session: their frames are those of the emulated venues, Paradex's in binary.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs

from market import Instrument
from sim.emulator import VenueSection
from tests.sim.emulator.stage import Stage, WooxStage, frames
from venues.binance.market_data import MarketData as BinanceData
from venues.bybit.market_data import MarketData as BybitData
from venues.bybit.structs import read_frame
from venues.hyperliquid.market_data import MarketData as HyperliquidData
from venues.hyperliquid.structs import read_frame as read_hyperliquid_frame
from venues.paradex.binary import BookFrame, TradeFrame, read_binary
from venues.paradex.market_data import MarketData as ParadexData
from venues.woox.market_data import MarketData as WooxData
from venues.woox.order_index import OrderIndex
from venues.woox.private import PrivateData
from venues.woox.structs import read_frame as read_woox_frame

PROJECT = Path(__file__).resolve().parents[2]
WIRE = Path(os.environ.get("LOCKSTEP_SHARED", PROJECT.parent / "shared")) / "data" / "wire"
N_PASSES = 7
_SIDES = ("bids", "asks")
Codec = Callable[[bytes], object]


def instrument(place: int, venue: str, base: str, tick: str, lot: str) -> Instrument:
    """Return an instrument quoted and settled in USDT."""
    return Instrument(place, venue, f"{base}USDT", base, "USDT", "USDT", Decimal(tick), Decimal(lot))


def bybit() -> Codec:
    """Return a fresh codec of Bybit's public socket."""
    both = [instrument(0, "bybit", "BTC", "0.10", "0.001"), instrument(1, "bybit", "ETH", "0.01", "0.01")]
    data = BybitData(both, 200)
    return lambda frame: data.receive(read_frame(frame), 1)


def binance() -> Codec:
    """Return a fresh codec of Binance's combined streams."""
    data = BinanceData([instrument(0, "binance-futures", "BTC", "0.10", "0.001")], "trade")
    return lambda frame: data.decode(frame, 1)


def bybit_frames() -> Iterator[tuple[str, int, bytes]]:
    """Yield (kind, level rows, frame) of the recorded session."""
    for message in _messages("bybit_linear/ws_public_session_btc_eth.cryptofeed.jsonl", "recv"):
        kind = message.get("topic", "").partition(".")[0]
        if kind in ("orderbook", "publicTrade", "tickers"):
            data = message["data"]
            yield kind, len(data["b"]) + len(data["a"]) if kind == "orderbook" else 0, _frame(message)


def binance_frames() -> Iterator[tuple[str, int, bytes]]:
    """Yield (kind, level rows, frame) of the recorded session."""
    for message in _messages("binance_usdm/ws_combined_session_with_rest_depth.btcusdt_20240808.jsonl", None):
        data = message.get("data", {})
        kind = data.get("e", "")
        if kind in ("depthUpdate", "trade", "bookTicker"):
            yield kind, len(data["b"]) + len(data["a"]) if kind == "depthUpdate" else 0, _frame(message)


def hyperliquid() -> Codec:
    """Return a fresh codec of Hyperliquid's public socket."""
    data = HyperliquidData(
        [Instrument(0, "hyperliquid", "BTC", "BTC", "USDC", "USDC", Decimal("0.1"), Decimal("0.00001"))]
    )

    def read(frame: bytes) -> object:
        envelope = read_hyperliquid_frame(frame)
        assert envelope is not None
        return data.receive(envelope, 1)

    return read


def hyperliquid_frames() -> Iterator[tuple[str, int, bytes]]:
    """Yield (kind, level rows, frame) of the recorded session."""
    for message in _messages("hyperliquid/ws_session_l2Book_trades_btc_20250126.jsonl", None):
        kind = message["channel"]
        if kind in ("l2Book", "trades"):
            yield kind, sum(map(len, message["data"]["levels"])) if kind == "l2Book" else 0, _frame(message)


def woox() -> Codec:
    """Return a fresh codec of WOO X's two sockets, whose book is sound."""
    traded = [attrs.evolve(instrument(0, "woox", "SOL", "0.01", "0.1"), symbol=WooxStage.symbol)]
    market, private = WooxData(traded), PrivateData(traded, OrderIndex())
    market.syncs[0].is_sound = True

    def read(frame: bytes) -> object:
        envelope = read_woox_frame(frame)
        return (private if "@" not in envelope.topic else market).receive(envelope, 1)

    return read


def woox_frames() -> Iterator[tuple[str, int, bytes]]:
    """Yield (kind, level rows, frame) of a minute of the emulated venue, with an order that comes and goes."""
    stage = WooxStage(order_rate=1000)
    topics = [f"{name}@{stage.symbol}" for name in ("trade", "markprice", "estfundingrate")]
    public, private = stage.connect("/v3/public"), stage.listening("executionreport", "position")
    public.ask({"id": "1", "cmd": "SUBSCRIBE", "params": [f"orderbookupdate@{stage.symbol}@50", *topics]})
    for number in range(1, 241):
        stage.run(0.25)
        low = (stage.touch()[0] * Decimal("0.98")).quantize(Decimal("0.01"))
        stage.call("POST", "/v3/trade/order", **stage.limit("BUY", low, clientOrderId=number))
        stage.call("DELETE", "/v3/trade/order", symbol=stage.symbol, clientOrderId=number)
        for wire in (public, private):
            wire.session.receive('{"cmd":"PING","ts":1}', stage.now)
            for message in wire.heard():
                if "topic" in message:
                    data = message["data"]
                    yield message["topic"].partition("@")[0], sum(len(data.get(s, ())) for s in _SIDES), _frame(message)


SOL_PERP = Instrument(0, "paradex", "SOL-USD-PERP", "SOL", "USD", "USDC", Decimal("0.01"), Decimal("0.01"))


def paradex() -> Codec:
    """Return a fresh codec of Paradex's public socket."""
    data = ParadexData([SOL_PERP])
    return lambda frame: data.receive_binary(frame, 1)


def paradex_frames() -> Iterator[tuple[str, int, bytes]]:
    """Yield (kind, level rows, frame) of a minute of the emulated venue."""
    stage = Stage(VenueSection("paradex", throttled=False))
    wire = stage.connect("/v1?sbeSchemaId=1&sbeSchemaVersion=1")
    for place, name in enumerate(("order_book.{}.deltas", "trades.{}", "markets_summary.{}")):
        params = {"channel": name.format(SOL_PERP.symbol)}
        wire.say({"jsonrpc": "2.0", "id": place, "method": "subscribe", "params": params})
    for _ in range(120):
        stage.run(0.5)
        for frame in frames(wire.outbox.take(stage.now), opcode=0x82):
            read = read_binary(frame)
            if isinstance(read, BookFrame):
                yield "order_book", len(read.bids) + len(read.asks), frame
            else:
                yield "trades" if isinstance(read, TradeFrame) else "markets_summary", 0, frame


def measure(make: Callable[[], Codec], frames: list[tuple[str, int, bytes]]) -> dict[str, dict[str, float]]:
    """Return, by kind: frames, mean bytes and level rows, us per frame."""
    best = dict.fromkeys({kind for kind, _, _ in frames}, float("inf"))
    for _ in range(N_PASSES):
        codec = make()
        spent = dict.fromkeys(best, 0)
        for kind, _, frame in frames:
            begin = time.thread_time_ns()
            codec(frame)
            spent[kind] += time.thread_time_ns() - begin
        best = {kind: min(best[kind], spent[kind]) for kind in best}
    out = {}
    for kind in sorted(best):
        of_kind = [(rows, len(frame)) for each, rows, frame in frames if each == kind]
        out[kind] = {
            "n": len(of_kind),
            "bytes": round(sum(size for _, size in of_kind) / len(of_kind)),
            "rows": round(sum(rows for rows, _ in of_kind) / len(of_kind), 1),
            "us": round(best[kind] / len(of_kind) / 1000, 2),
        }
    return out


def _messages(name: str, direction: str | None) -> Iterator[dict[str, Any]]:
    for text in (WIRE / name).read_text().splitlines():
        line = json.loads(text)
        if direction is None or line["dir"] == direction:
            yield line["msg"]


def _frame(message: dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()  # as the venues write it


if __name__ == "__main__":
    if WIRE.is_dir():
        result: dict[str, object] = {
            "bybit": measure(bybit, list(bybit_frames())),
            "binance-futures": measure(binance, list(binance_frames())),
            "hyperliquid": measure(hyperliquid, list(hyperliquid_frames())),
            "woox": measure(woox, list(woox_frames())),
            "paradex": measure(paradex, list(paradex_frames())),
        }
    else:
        result = {"skipped": f"the recordings are not there: no folder {WIRE}"}
    print(json.dumps({"bench": "codecs", **result}))
