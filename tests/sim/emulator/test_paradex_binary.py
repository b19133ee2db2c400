"""Who asks for binary market data is told the same as who does not."""

from decimal import Decimal

import msgspec
import pytest

from market.instrument import Instrument
from market.messages import BookDelta, BookSnapshot, Mark, Trade
from market.units import MS
from sim.emulator import VenueSection
from tests.sim.emulator.clients import run_client
from tests.sim.emulator.stage import Stage, Wire, frames
from venues.paradex.market_data import MarketData
from venues.paradex.structs import read_frame

SOL = Instrument(0, "paradex", "SOL-USD-PERP", "SOL", "USD", "USDC", Decimal("0.01"), Decimal("0.01"))
CHANNELS = tuple(each.format(SOL.symbol) for each in ("order_book.{}.deltas", "trades.{}", "markets_summary.{}"))
BINARY = "/v1?sbeSchemaId=1&sbeSchemaVersion="
Message = BookSnapshot | BookDelta | Mark


def subscribed(stage: Stage, target: str) -> Wire:
    wire = stage.connect(target)
    for place, channel in enumerate(CHANNELS):
        wire.say({"jsonrpc": "2.0", "id": place, "method": "subscribe", "params": {"channel": channel}})
    return wire


def encoded(message: object) -> bytes:
    return msgspec.json.encode(message, enc_hook=lambda array: sorted(array.tolist()))


@pytest.mark.parametrize("version", [1, 2])
def test_both_say_the_same(version: int) -> None:
    stage = Stage(VenueSection("paradex", throttled=False))
    text, binary = subscribed(stage, "/v1"), subscribed(stage, f"{BINARY}{version}")
    said: dict[str, list[object]] = {"text": [], "binary": []}
    as_text, as_binary = MarketData([SOL]), MarketData([SOL])
    for _ in range(40):
        stage.run(0.1)
        for payload in frames(text.outbox.take(stage.now)):
            told = read_frame(payload)
            said["text"] += as_text.receive(told.params, 5) if told.params is not None else ()
        for payload in frames(binary.outbox.take(stage.now), opcode=0x82):
            said["binary"] += as_binary.receive_binary(payload, 5)
    kinds = {type(each) for each in said["text"]}
    assert kinds == {BookSnapshot, BookDelta, Trade, Mark}
    for kind in (BookSnapshot, BookDelta, Mark):
        found = [[encoded(each) for each in messages if type(each) is kind] for messages in said.values()]
        assert found[0] == found[1]
        assert len(found[0]) > 1 or kind is BookSnapshot
    trades = [
        [(each.ts_venue, each.price, each.size, each.taker) for each in messages if isinstance(each, Trade)]
        for messages in said.values()
    ]
    assert trades[0] == trades[1]


@pytest.mark.slow
@pytest.mark.parametrize("version", [1, 2])
async def test_the_venues_own_sdk_reads_the_same(version: int, paradex_python: str) -> None:
    stage = Stage(VenueSection("paradex", throttled=False))
    wire = subscribed(stage, f"{BINARY}{version}")
    stage.run(1.0)
    sent = frames(wire.outbox.take(stage.now), opcode=0x82)[:60]
    read = await run_client("paradex_py_decoder", {"frames": [each.hex() for each in sent]}, paradex_python)
    assert {channel.partition(".")[0] for channel, _ in read["frames"]} == {"order_book", "trades", "markets_summary"}
    ours = MarketData([SOL])
    for frame, (channel, theirs) in zip(sent, read["frames"], strict=True):
        assert channel.endswith(SOL.symbol)
        (message,) = ours.receive_binary(frame, 5)
        if isinstance(message, BookSnapshot | BookDelta):
            assert (message.seq, message.ts_venue) == (theirs["seq_no"], theirs["timestamp"] * MS)
            for side, levels in ((message.bids, theirs["bids"]), (message.asks, theirs["asks"])):
                assert side.tolist() == [[steps(price), steps(size)] for price, size in levels]
        elif isinstance(message, Trade):
            told = ("BUY" if message.taker > 0 else "SELL", message.price, message.size)
            assert told == (theirs["side"], steps(theirs["price"]), steps(theirs["size"]))
        else:
            assert isinstance(message, Mark)
            assert message.mark_e6 == steps(theirs["mark_price"], 10**6)
            assert message.rate_e12 == round(Decimal(theirs["funding_rate_precise"]) * 10**12)


def steps(text: str, parts: int = 1) -> int:
    """Return a price or size of SOL in ticks or lots, or in parts of them."""
    return int(Decimal(text) / SOL.tick * parts)


@pytest.mark.parametrize("query", ["sbeSchemaId=2&sbeSchemaVersion=1", "sbeSchemaId=1&sbeSchemaVersion=7"])
def test_a_schema_that_is_not_spoken_is_no_json_in_silence(query: str) -> None:
    wire = Stage(VenueSection("paradex")).connect(f"/v1?{query}")
    assert wire.outbox.is_closing
    assert "not supported" in wire.outbox.reason
