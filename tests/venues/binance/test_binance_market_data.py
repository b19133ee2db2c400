"""Market frames to messages, in the documented shapes, and in those that were recorded."""

import json
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import attrs
import msgspec
import numpy as np
import pytest

from market.book import Book
from market.columns import NOT_STATED
from market.instrument import Instrument
from market.messages import BookDelta, BookSnapshot, Mark, Trade
from market.units import MS
from venues.binance.book_sync import BookSync
from venues.binance.market_data import Answer, DepthDiff, MarketData, Touch
from venues.wire import RemoteProtocolError

BTC = Instrument(0, "binance-futures", "BTCUSDT", "BTC", "USDT", "USDT", tick=Decimal("0.1"), lot=Decimal("0.001"))
ETH = Instrument(1, "binance-futures", "ETHUSDT", "ETH", "USDT", "USDT", tick=Decimal("0.01"), lot=Decimal("0.001"))
NOW = 1_760_000_000_000_000_000

DIFF = b"""{"e":"depthUpdate","E":1760000000105,"T":1760000000098,"s":"ETHUSDT","U":157,"u":160,"pu":149,
"b":[["4999.90","0.500"],["4999.5","0"]],"a":[["5000.00","12"]],"ps":"ETHUSDT","st":1}"""
DEPTH = b"""{"lastUpdateId":158,"E":1760000000110,"T":1760000000101,
"bids":[["100.1","2.000"],["100.0","0.001"]],"asks":[["100.3","1"]]}"""
AGG = b"""{"e":"aggTrade","E":1760000000105,"s":"BTCUSDT","a":70,"p":"65000.1","q":"0.123","nq":"0.100","f":1,"l":3,
"T":1760000000100,"m":true,"st":1}"""


def market_data(trades: Any = "aggTrade") -> MarketData:
    return MarketData([BTC, ETH], trades)


def rows(levels: Any) -> list[list[int]]:
    found: list[list[int]] = levels.tolist()
    return found


@pytest.mark.parametrize("frame", [DIFF, b'{"stream":"ethusdt@depth@100ms","data":' + DIFF + b"}"])
def test_a_diff_is_a_delta_with_its_first_update(frame: bytes) -> None:
    diff = market_data().decode(frame, NOW)
    assert isinstance(diff, DepthDiff)
    delta = diff.delta
    assert (diff.first, delta.prev_seq, delta.seq) == (157, 149, 160)
    assert (delta.instrument, delta.ts_venue, delta.ts_recv) == (1, 1760000000098 * MS, NOW)
    assert rows(delta.bids) == [[499990, 500], [499950, 0]]
    assert rows(delta.asks) == [[500000, 12000]]


def test_the_order_of_keys_does_not_matter() -> None:
    turned = b'{"data":' + json.dumps(dict(reversed(json.loads(DIFF).items()))).encode() + b',"stream":"x"}'
    diff = market_data().decode(turned, NOW)
    assert isinstance(diff, DepthDiff)
    assert rows(diff.delta.asks) == [[500000, 12000]]


def test_a_buyer_who_was_there_was_sold_to() -> None:
    feed = market_data()
    assert feed.decode(AGG, NOW) == Trade(0, 1760000000100 * MS, NOW, 650001, 123, -1, 70)
    later = AGG.replace(b'"a":70', b'"a":71').replace(b'"m":true', b'"m":false')
    assert feed.decode(later, NOW) == Trade(0, 1760000000100 * MS, NOW, 650001, 123, 1, 71)


def test_trades_count_once_and_missed_ones_are_counted() -> None:
    feed = market_data()
    ids = [70, 71, 71, 70, 75, 76]
    told = [feed.decode(AGG.replace(b'"a":70', b'"a":%d' % i), NOW) for i in ids]
    assert [trade.trade_id for trade in told if isinstance(trade, Trade)] == [70, 71, 75, 76]
    assert feed.skipped == {"repeated trade": 2}
    assert feed.n_missed_trades == 3


def test_trades_come_from_one_stream_only() -> None:
    single = b'{"e":"trade","E":5,"T":4,"s":"BTCUSDT","t":9,"p":"1.5","q":"2","X":"MARKET","m":false}'
    by_aggregates, by_singles = market_data(), market_data("trade")
    assert by_aggregates.decode(single, NOW) is None
    assert by_singles.decode(single, NOW) == Trade(0, 4 * MS, NOW, 15, 2000, 1, 9)
    assert by_singles.decode(AGG, NOW) is None
    assert by_singles.decode(single.replace(b"MARKET", b"INSURANCE_FUND"), NOW) is None
    assert by_singles.skipped == {"aggTrade": 1, "trade outside the book": 1}


def test_marks_are_finer_than_ticks() -> None:
    frame = b"""{"e":"markPriceUpdate","E":5,"s":"BTCUSDT","p":"11794.15123450","i":"11784.62659091","P":"1",
    "r":"-0.00038167","T":9}"""
    mark = market_data().decode(frame, NOW)
    assert mark == Mark(0, 5 * MS, NOW, 117941512345, 117846265909, -381670000, 9 * MS, NOT_STATED)
    silent = b'{"e":"markPriceUpdate","E":5,"s":"BTCUSDT","p":"11794","r":"","T":0}'
    assert market_data().decode(silent, NOW) == Mark(
        0, 5 * MS, NOW, 117940000000, NOT_STATED, NOT_STATED, NOT_STATED, NOT_STATED
    )


def test_answers_and_other_events_are_told_apart() -> None:
    feed = market_data()
    assert feed.decode(b'{"result":null,"id":7}', NOW) == Answer(7, "")
    assert feed.decode(b'{"error":{"code":2,"msg":"Invalid request"},"id":8}', NOW) == Answer(8, "2 Invalid request")
    assert feed.decode(b'{"code":-1,"msg":"no"}', NOW) == Answer(-1, "-1 no")
    assert feed.decode(b'{"e":"forceOrder","o":{}}', NOW) is None
    assert feed.decode(b'{"stream":"x","data":{"e":"kline","s":"BTCUSDT"}}', NOW) is None
    assert feed.decode(AGG.replace(b"BTCUSDT", b"XRPUSDT"), NOW) is None
    assert feed.skipped == {"event forceOrder": 1, "event kline": 1, "unknown symbol": 1}


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        (b"", "a market stream of Binance: "),
        (b"[1]", "a market stream of Binance: "),
        (b"{}", "neither event nor answer"),
        (DIFF[:-9], "a market stream of Binance: "),
        (DIFF + DIFF, "a market stream of Binance: "),
        (DIFF.replace(b'"u":160', b'"u":"160"'), "depthUpdate of Binance: .*int.*"),
        (DIFF.replace(b'"U":157', b'"U":161'), "updates 161 to 160 after 149 are out of order"),
        (DIFF.replace(b'"u":160', b'"u":99999999999999999999'), "depthUpdate of Binance: "),
        (DIFF.replace(b"4999.90", b"4999.905"), "price 4999.905 of binance-futures:ETHUSDT is not a multiple of 0.01"),
        (DIFF.replace(b"4999.90", b"0"), "price 0 of binance-futures:ETHUSDT"),
        (DIFF.replace(b"0.500", b"-0.500"), "size '-0.500' of binance-futures:ETHUSDT"),
        (DIFF.replace(b"0.500", b"0.5001"), "size 0.5001 of binance-futures:ETHUSDT is not a multiple of 0.001"),
        (AGG.replace(b"0.123", b"0"), "trade 70 of binance-futures:BTCUSDT has size 0"),
        (b'{"e":"markPriceUpdate","E":5,"s":"BTCUSDT","p":"1e400"}', "mark price of binance-futures:BTCUSDT '1e400'"),
    ],
)
def test_what_is_forbidden_is_named(frame: bytes, text: str) -> None:
    with pytest.raises(RemoteProtocolError, match=text):
        market_data().decode(frame, NOW)


def test_a_snapshot_is_the_book() -> None:
    snapshot = market_data().snapshot(0, DEPTH, NOW)
    assert (snapshot.instrument, snapshot.seq, snapshot.ts_venue) == (0, 158, 1760000000101 * MS)
    assert rows(snapshot.bids) == [[1001, 2000], [1000, 1]]
    assert rows(snapshot.asks) == [[1003, 1000]]


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (b"100.0", b"100.2", "bids of the depth of binance-futures:BTCUSDT are not sorted"),
        (b"100.0", b"100.1", "bids of .* are not sorted best first"),
        (b"100.3", b"100.1", "is crossed: best bid 1001 ticks, best ask 1001"),
        (b"0.001", b"0", "bids of .* have an empty level"),
        (b'"lastUpdateId":158', b'"lastUpdateId":-1', "the depth of binance-futures:BTCUSDT: "),
        (b'"asks"', b'"ask"', "the depth of binance-futures:BTCUSDT: .*asks"),
    ],
)
def test_a_snapshot_that_is_no_book_is_named(old: bytes, new: bytes, text: str) -> None:
    with pytest.raises(RemoteProtocolError, match=text):
        market_data().snapshot(0, DEPTH.replace(old, new), NOW)


# --- what was recorded -------------------------------------------------------------------------------------------


def recorded(shared: Path, name: str) -> Iterator[tuple[bytes, int]]:
    """Yield (frame, receive time) of a file of wire messages."""
    for line in (shared / "data/wire/binance_usdm" / f"{name}.jsonl").read_bytes().splitlines():
        row = msgspec.json.decode(line)
        at = row.get("local_ts_ns") or round(row.get("local_ts_s", 0) * 1e9)
        yield msgspec.json.encode(row["msg"]), at


def decoded(shared: Path, name: str, feed: MarketData) -> list[Any]:
    return [feed.decode(frame, at) for frame, at in recorded(shared, name)]


def test_a_recorded_session_builds_the_recorded_book(shared: Path) -> None:
    feed, sync, book = market_data("trade"), BookSync(0), Book(BTC, 5)
    sync.connected(0)
    touches: list[Touch] = []
    kinds = {DepthDiff: 0, Trade: 0, Touch: 0}
    states: list[tuple[int, ...]] = []
    for frame, at in recorded(shared, "ws_combined_session_with_rest_depth.btcusdt_20240808"):
        if b'"lastUpdateId"' in frame:
            sync.asked(at)
            messages = sync.on_snapshot(feed.snapshot(0, frame, at))
            assert isinstance(messages[0], BookSnapshot)
            assert (len(messages[0].bids), len(messages[0].asks)) == (1000, 1000)
        else:
            event = feed.decode(frame, at)
            assert event is not None
            kinds[type(event)] += 1  # no other kind is in this file
            if isinstance(event, Touch):
                touches.append(event)
                sync.on_touch(event)
            messages = sync.on_diff(event) if isinstance(event, DepthDiff) else []
        for message in messages:
            if isinstance(message, BookSnapshot):
                book.load(message.bids, message.asks, message.ts_venue, message.ts_recv, message.seq)
            else:
                assert isinstance(message, BookDelta)
                stamps = (message.ts_venue, message.ts_recv, message.prev_seq, message.seq)
                assert book.apply(message.bids, message.asks, *stamps)
            states.append((book.seq, *map(int, (*book.bid_levels[0], *book.ask_levels[0]))))
    # a book's touch is that of the last update that it holds, which may be told later than the book
    assert len(states) > 100
    last = {seq: max((each for each in touches if each.seq <= seq), key=lambda each: each.seq) for seq, *_ in states}
    assert states == [(s, t.bid, t.bid_size, t.ask, t.ask_size) for s, t in last.items()]
    assert kinds == {DepthDiff: 159, Trade: 303, Touch: 1336}
    assert sync.is_live
    assert not feed.skipped
    assert feed.n_missed_trades == 0


def test_recorded_frames_one_kind_a_file(shared: Path) -> None:
    ticker = decoded(shared, "ws_bookTicker.btcusdt_20240808", market_data())
    assert len(ticker) == 60
    assert ticker[0] == Touch(0, 1723161256313 * MS, 1723161255088169167, 5123107839020, 618002, 2507, 618003, 2510)
    trades = decoded(shared, "ws_trade.btcusdt_20240808", market_data("trade"))
    assert trades[0] == Trade(0, 1723161256322 * MS, 1723161255088176367, 618003, 6, 1, 5266583935)
    assert len({trade.trade_id for trade in trades}) == 60
    diffs = decoded(shared, "ws_depth.btcusdt_20240808", market_data())
    assert (diffs[0].first, diffs[0].delta.prev_seq, diffs[0].delta.seq) == (
        5123107832006,
        5123107831937,
        5123107837557,
    )
    assert rows(diffs[0].delta.bids)[0] == [587102, 14]
    assert all(b.delta.prev_seq == a.delta.seq for a, b in pairwise(diffs))


def test_recorded_aggregate_trades_of_many_symbols(shared: Path) -> None:
    names = {json.loads(frame)["data"]["s"] for frame, _ in recorded(shared, "ws_aggTrade.2021")}
    fine = Instrument(0, "binance-futures", "", "", "USDT", "USDT", tick=Decimal("0.00001"), lot=Decimal("0.001"))
    feed = MarketData([attrs.evolve(fine, id=place, symbol=name) for place, name in enumerate(sorted(names))])
    trades = decoded(shared, "ws_aggTrade.2021", feed)
    assert len(trades) == 80
    for (frame, at), trade in zip(recorded(shared, "ws_aggTrade.2021"), trades, strict=True):
        data = json.loads(frame)["data"]
        assert trade == Trade(
            sorted(names).index(data["s"]),
            data["T"] * MS,
            at,
            int(Decimal(data["p"]) * 100000),
            int(Decimal(data["q"]) * 1000),
            -1 if data["m"] else 1,
            data["a"],
        )


def test_examples_of_the_documentation(shared: Path) -> None:
    btc = attrs.evolve(BTC, tick=Decimal("0.00000001"))
    bnb = attrs.evolve(BTC, id=1, symbol="BNBUSDT", tick=Decimal("0.0001"))
    feed = MarketData([btc, bnb])
    assert decoded(shared, "wsdoc_agg.nautilus", feed) == [Trade(0, 123456785 * MS, 0, 100000, 100000, -1, 5933014)]
    assert decoded(shared, "wsdoc_trade.nautilus", MarketData([btc], "trade")) == [
        Trade(0, 123456785 * MS, 0, 100000, 100000, -1, 5933014)
    ]
    assert decoded(shared, "wsdoc_book_ticker.nautilus", feed) == [
        Touch(1, 1568014460891 * MS, 0, 400900217, 253519, 31210, 253652, 40660)
    ]
    (diff,) = decoded(shared, "wsdoc_depth_update.nautilus", feed)
    assert (diff.first, diff.delta.prev_seq, diff.delta.seq) == (157, 149, 160)
    assert np.array_equal(diff.delta.bids, [[240000, 10000]])
    assert np.array_equal(diff.delta.asks, [[260000, 100000]])
    (mark,) = decoded(shared, "wsdoc_mark_price.nautilus", MarketData([BTC]))
    assert mark == Mark(
        0,
        1562305380000 * MS,
        0,
        117941500000,
        117846265909,
        381670000,
        1562306400000 * MS,
        NOT_STATED,
    )


@pytest.mark.parametrize(
    ("name", "n", "kind"),
    [
        ("ws_kline_1m.2021", 40, "kline"),
        ("wsdoc_kline.nautilus", 2, "kline"),
        ("wsdoc_ticker.nautilus", 1, "24hrTicker"),
        ("wsdoc_liquidation.nautilus", 1, "forceOrder"),
    ],
)
def test_kinds_that_we_do_not_use_are_counted(shared: Path, name: str, n: int, kind: str) -> None:
    feed = market_data()
    assert decoded(shared, name, feed) == [None] * n
    assert feed.skipped == {f"event {kind}": n}
