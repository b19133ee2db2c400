"""Public frames become books, trades and marks, or an error, and never a wrong book."""

import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market import Book
from market.columns import NOT_STATED
from market.messages import BookDelta, BookGap, BookSnapshot, Mark, Trade
from market.units import MS, SECOND, Nanos
from tests.venues.bybit.bybit_wire import BTC, ETH, messages, recorded
from venues.bybit.market_data import MarketData, MarketMessage
from venues.bybit.structs import read_frame
from venues.wire import RemoteProtocolError, number_of

NOW: Nanos = 1_760_000_000_200 * MS
TOPIC = "orderbook.50.BTCUSDT"


def frame(kind: str, u: int, seq: int, bids: list[list[str]], asks: list[list[str]], **more: Any) -> bytes:
    data = {"s": "BTCUSDT", "b": bids, "a": asks, "u": u, "seq": seq}
    whole = {"topic": TOPIC, "type": kind, "ts": 1_760_000_000_105, "data": data, "cts": 1_760_000_000_098}
    return json.dumps(whole | more).encode()


SNAPSHOT = frame("snapshot", 7, 100, [["64999.90", "0.500"], ["64999.70", "2"]], [["65000.00", "0.1"]])
DELTA = frame("delta", 8, 103, [["64999.90", "0"]], [["65000", "0.25"], ["65001.1", "1.001"]])


def receive(data: MarketData, *frames: bytes) -> list[MarketMessage]:
    return [message for each in frames for message in data.receive(read_frame(each), NOW)]


def books(data: Sequence[MarketMessage]) -> Book:
    book = Book(BTC, 50)
    for message in data:
        put(book, message)
    return book


def put(book: Book, message: MarketMessage) -> None:
    if isinstance(message, BookSnapshot):
        book.load(message.bids, message.asks, message.ts_venue, message.ts_recv, message.seq)
    elif isinstance(message, BookDelta):
        m = message
        assert book.apply(m.bids, m.asks, m.ts_venue, m.ts_recv, m.prev_seq, m.seq)


# --- books -----------------------------------------------------------------------------------------------------------


def test_a_snapshot_and_a_delta() -> None:
    snapshot, delta = receive(MarketData([BTC]), SNAPSHOT, DELTA)
    assert isinstance(snapshot, BookSnapshot)
    assert isinstance(delta, BookDelta)
    assert (snapshot.instrument, snapshot.ts_venue, snapshot.ts_recv, snapshot.seq) == (
        0, 1_760_000_000_098 * MS, NOW, 7,
    )  # fmt: skip
    assert snapshot.bids.tolist() == [[649999, 500], [649997, 2000]]
    assert snapshot.asks.tolist() == [[650000, 100]]
    assert (delta.prev_seq, delta.seq, delta.ts_venue) == (7, 8, 1_760_000_000_098 * MS)
    assert delta.bids.tolist() == [[649999, 0]]
    assert delta.asks.tolist() == [[650000, 250], [650011, 1001]]


def test_a_hole_is_a_gap_until_the_next_snapshot() -> None:
    data = MarketData([BTC])
    skipping = frame("delta", 9, 104, [["64999.50", "1"]], [])
    got = receive(data, DELTA, SNAPSHOT, skipping, frame("delta", 10, 105, [], []), SNAPSHOT, DELTA)
    assert [type(each) for each in got] == [BookSnapshot, BookGap, BookSnapshot, BookDelta]
    assert isinstance(got[1], BookGap)
    assert got[1].reason == "orderbook.50.BTCUSDT: u 9, seq 104 came after u 7, seq 100"
    sync = data.syncs[TOPIC]
    assert (sync.n_early, sync.n_gaps, sync.n_old) == (2, 1, 0)


def test_a_rising_id_is_enough_where_depths_do_not_count_by_one() -> None:
    data = MarketData([BTC], is_strict=False)
    got = receive(data, SNAPSHOT, frame("delta", 12, 103, [], []), frame("delta", 13, 102, [], []))
    assert [type(each) for each in got] == [BookSnapshot, BookDelta, BookGap]


def test_old_messages_are_passed_over_and_a_restarted_service_begins_anew() -> None:
    data = MarketData([BTC])
    fresh = frame("delta", 1, 90, [["64000.00", "1"]], [["64000.10", "1"]])
    got = receive(data, SNAPSHOT, DELTA, DELTA, fresh, frame("delta", 2, 91, [["64000.00", "2"]], []))
    assert [type(each) for each in got] == [BookSnapshot, BookDelta, BookSnapshot, BookDelta]
    assert books(got).bids.tolist() == [[64000.0, 2.0]]
    assert data.syncs[TOPIC].n_old == 1


def test_a_new_connection_or_a_wrong_book_waits_for_a_snapshot() -> None:
    data = MarketData([BTC])
    receive(data, SNAPSHOT)
    data.reset(NOW)
    assert receive(data, DELTA) == []
    receive(data, SNAPSHOT)
    data.distrust("BTCUSDT")
    assert data.syncs[TOPIC].is_waiting
    assert receive(data, DELTA) == []


def test_a_silent_book_is_named_by_its_topic() -> None:
    data = MarketData([BTC, ETH])
    data.reset(NOW - SECOND)
    receive(data, SNAPSHOT)
    assert data.silent(NOW, SECOND) == []
    assert data.silent(NOW + 1, SECOND) == ["orderbook.50.ETHUSDT"]
    assert data.silent(NOW + SECOND + 1, SECOND) == ["orderbook.50.BTCUSDT", "orderbook.50.ETHUSDT"]


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        (frame("delta", 8, 103, [["64999.95", "1"]], []), "^price 64999.95 of bybit:BTCUSDT is not a multiple of 0.1"),
        (frame("delta", 8, 103, [], [["65000.00", "0.0005"]]), "^size 0.0005 of bybit:BTCUSDT is not a multiple"),
        (frame("delta", 8, 103, [["0", "1"]], []), "^price 0 of bybit:BTCUSDT is not in"),
        (frame("delta", 8, 103, [["64999.90"]], []), "^orderbook.50.BTCUSDT: Expected `array` of length 2"),
        (frame("dleta", 8, 103, [], []), "^orderbook.50.BTCUSDT: a book is a snapshot or a delta, got 'dleta'"),
        (frame("delta", -8, 103, [], []), "^orderbook.50.BTCUSDT: Expected `int` >= 0"),
        (DELTA.replace(b'"s": "BTCUSDT"', b'"s": "ETHUSDT"'), "^orderbook.50.BTCUSDT: a book of 'ETHUSDT'"),
        (frame("snapshot", 8, 103, [["64999", "1"], ["65000", "1"]], []), "levels out of order or of size 0$"),
        (frame("snapshot", 8, 103, [["64999", "0"]], []), "levels out of order or of size 0$"),
        (frame("snapshot", 8, 103, [["65000", "1"]], [["65000", "1"]]), "best bid 65000.0, best ask 65000.0$"),
    ],
)
def test_a_bad_book_is_named_and_waits_for_a_snapshot(bad: bytes, complaint: str) -> None:
    data = MarketData([BTC])
    receive(data, SNAPSHOT)
    with pytest.raises(RemoteProtocolError, match=complaint):
        receive(data, bad)
    assert receive(data, frame("delta", 9, 104, [], [])) == []


def test_rest_shows_a_book_by_the_number_of_the_engine(shared: Path) -> None:
    eth = attrs.evolve(ETH, id=0)
    for body in messages(shared, "rest_orderbook.nautilus"):
        book = MarketData([attrs.evolve(BTC, tick=Decimal("0.5"))]).rest_book(body, NOW)
        assert (book.seq, book.ts_venue) == (9876543, 1709891679000 * MS)
        assert book.bids.tolist() == [[54901, 1500], [54900, 2000], [54899, 750]]
        assert book.asks.tolist() == [[54902, 1200], [54903, 3000], [54904, 500]]
        with pytest.raises(RemoteProtocolError, match=r"^an order book of 'BTCUSDT', which was not asked for$"):
            MarketData([eth]).rest_book(body, NOW)


# --- trades and marks ------------------------------------------------------------------------------------------------


def trade_frame(*rows: dict[str, Any]) -> bytes:
    topic = {"topic": "publicTrade.BTCUSDT", "type": "snapshot", "ts": 1_760_000_000_200}
    return json.dumps(topic | {"data": rows}).encode()


ROW = {"T": 1_760_000_000_150, "s": "BTCUSDT", "S": "Sell", "v": "0.250", "p": "65000.1", "i": "a-1", "BT": False}


def test_trades_come_once_and_blocks_never() -> None:
    data = MarketData([BTC])
    got = receive(
        data, trade_frame(ROW, ROW | {"i": "b-2", "BT": True}, ROW | {"i": "12", "S": "Buy"}), trade_frame(ROW)
    )
    assert got == [
        Trade(0, 1_760_000_000_150 * MS, NOW, 650001, 250, -1, number_of("a-1")),
        Trade(0, 1_760_000_000_150 * MS, NOW, 650001, 250, 1, 12),
    ]
    assert data.n_skipped == {"block trade": 1, "trade told again": 1}


def test_what_was_missed_is_filled_in_from_rest(shared: Path) -> None:
    data = MarketData([attrs.evolve(BTC, tick=Decimal("0.5"))])
    (body,) = messages(shared, "rest_trades_recent.nautilus")
    trade_id = number_of("a905d5c3-1ed0-4f37-83e4-9c73a2fe2f01")
    assert data.recent_trades(body, NOW) == ([Trade(0, 1709891679000 * MS, NOW, 54901, 5, 1, trade_id)], True)
    assert data.recent_trades(body, NOW) == ([], True)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"S": "Both"}, "^trade a-1 of bybit:BTCUSDT: side 'Both' is no side$"),
        ({"v": "0.000"}, "^trade a-1 of bybit:BTCUSDT is of size 0.000$"),
        ({"p": "1.25"}, "^price 1.25 of bybit:BTCUSDT is not a multiple of 0.10$"),
        ({"T": 10**13}, "^publicTrade.BTCUSDT: Expected `int` <= 9000000000000"),
    ],
)
def test_a_bad_trade_is_named(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(RemoteProtocolError, match=complaint):
        receive(MarketData([BTC]), trade_frame(ROW | change))


def test_a_mark_says_what_its_message_said() -> None:
    ticker: dict[str, Any] = {"topic": "tickers.BTCUSDT", "type": "delta", "ts": 1_760_000_000_200, "cs": 5}
    data = MarketData([BTC])
    full = {
        "symbol": "BTCUSDT", "markPrice": "65117.43", "indexPrice": "65137.761", "fundingRate": "-0.000212",
        "nextFundingTime": "1760004000000", "openInterest": "59891.732", "bid1Price": "65114.20",
    }  # fmt: skip
    part = {"symbol": "BTCUSDT", "markPrice": "65117.5"}
    touch = {"symbol": "BTCUSDT", "bid1Price": "65114.30", "bid1Size": "1"}
    other = {"symbol": "XUSDT", "markPrice": "1"}
    frames = [json.dumps(ticker | {"data": each}).encode() for each in (full, part, touch, other)]
    at = 1_760_000_000_200 * MS
    due = 1_760_004_000_000 * MS
    assert receive(data, *frames) == [
        Mark(0, at, NOW, 651174300000, 651377610000, -212000000, due, 598917320),
        Mark(0, at, NOW, 651175000000, NOT_STATED, NOT_STATED, NOT_STATED, NOT_STATED),
    ]
    assert data.n_skipped == {"symbol that is not ours": 1}
    with pytest.raises(RemoteProtocolError, match=r"^mark price 'x' of bybit:BTCUSDT is not a usable amount$"):
        receive(data, frames[1].replace(b"65117.5", b"x"))


# --- recordings ------------------------------------------------------------------------------------------------------


def test_a_recorded_session_rebuilds_the_recorded_touch(shared: Path) -> None:
    """The tickers state a touch at the engine's number `cs`: it lies between those of our book around that number."""
    data = MarketData([BTC, ETH], 200)
    rebuilt = {each.symbol: Book(each, 200) for each in (BTC, ETH)}
    touches: dict[str, list[tuple[int, float, float]]] = {"BTCUSDT": [], "ETHUSDT": []}
    stated: list[tuple[str, int, float, float]] = []
    ticker: dict[str, dict[str, str]] = {"BTCUSDT": {}, "ETHUSDT": {}}
    counts = dict.fromkeys((BookSnapshot, BookDelta, Trade, Mark), 0)
    n_trades = 0
    for line in recorded(shared, "ws_public_session_btc_eth.cryptofeed"):
        if line["dir"] != "recv" or "topic" not in line["msg"]:
            continue
        message = line["msg"]
        for got in data.receive(read_frame(json.dumps(message).encode()), int(line["local_ts_s"] * 1e9)):
            counts[type(got)] += 1  # a gap is a KeyError here
            put(rebuilt[(BTC, ETH)[got.instrument].symbol], got)
        symbol = message["topic"].rpartition(".")[2]
        n_trades += len(message["data"]) if message["topic"].startswith("publicTrade") else 0
        if message["topic"].startswith("orderbook"):
            book = rebuilt[symbol]
            assert book.bids[0, 0] < book.asks[0, 0]
            assert max(book.n_bids, book.n_asks) <= 200  # the venue itself deletes what leaves its depth
            touches[symbol].append((message["data"]["seq"], book.bids[0, 0], book.asks[0, 0]))
        elif message["topic"].startswith("tickers"):
            state = ticker[symbol]
            state |= message["data"]
            stated.append((symbol, message["cs"], float(state["bid1Price"]), float(state["ask1Price"])))
    assert counts == {BookSnapshot: 2, BookDelta: 833, Trade: n_trades, Mark: 85}
    assert sum(book.n_unknown_deletes for book in rebuilt.values()) == 0
    n_compared = 0
    for symbol, at, bid, ask in stated:
        rows = np.array(touches[symbol])
        after = int(np.searchsorted(rows[:, 0], at, "right"))
        if 0 < after < len(rows):
            near = rows[after - 1 : after + 1]
            assert near[:, 1].min() <= bid <= near[:, 1].max()
            assert near[:, 2].min() <= ask <= near[:, 2].max()
            n_compared += 1
    assert n_compared == 398


def test_a_recorded_session_of_spot_keeps_its_chain(shared: Path) -> None:
    btc = attrs.evolve(BTC, venue="bybit-spot", lot=Decimal("0.000001"))
    eth = attrs.evolve(ETH, venue="bybit-spot", lot=Decimal("0.00001"))
    data = MarketData([btc, eth], 200)
    rebuilt = [Book(btc, 200), Book(eth, 200)]
    for line in recorded(shared, "ws_public_session_spot_btc_eth.cryptofeed"):
        if line["dir"] == "recv" and "topic" in line["msg"]:
            for got in data.receive(read_frame(json.dumps(line["msg"]).encode()), NOW):
                put(rebuilt[got.instrument], got)
    assert [book.seq > 0 and book.bids[0, 0] < book.asks[0, 0] for book in rebuilt] == [True, True]
    assert [(sync.n_gaps, sync.n_early, sync.n_old) for sync in data.syncs.values()] == [(0, 0, 0)] * 2


def test_examples_of_the_documentation(shared: Path) -> None:
    fine = attrs.evolve(BTC, tick=Decimal("0.01"))
    data = MarketData([fine])
    got = [message for each in messages(shared, "docs_ws_public") for message in data.receive(read_frame(each), NOW)]
    trade_id = number_of("20f43950-d8dd-5b31-9112-a178eb6023af")
    assert got == [Trade(0, 1672304486865 * MS, NOW, 1657850, 1, 1, trade_id)]  # the delta has no snapshot before it
    assert data.syncs[TOPIC].n_early == 1
    assert data.n_skipped["unknown topic"] == 3  # liquidations, an operation and its answer
    assert data.n_skipped["book that was not asked for"] == 1  # with orders of retail price improvement
    assert data.n_skipped["symbol that is not ours"] == 1


def test_examples_of_others(shared: Path) -> None:
    coarse = attrs.evolve(BTC, tick=Decimal("0.5"))
    data = MarketData([coarse], 1)
    names = ("ws_orderbook_snapshot", "ws_orderbook_delta", "ws_public_trade", "ws_kline", "ws_ticker_linear")
    frames = [each for name in names for each in messages(shared, f"{name}.nautilus")]
    snapshot, delta, mark = receive(data, *frames)
    assert isinstance(snapshot, BookSnapshot)
    assert snapshot.bids.tolist() == [[54900, 500], [54899, 1000]]
    assert isinstance(delta, BookDelta)
    assert (delta.prev_seq, delta.seq, delta.ts_venue) == (123456789, 123456790, 1709891679500 * MS)
    assert delta.asks.tolist() == [[54902, 0]]
    due = 1673280000000 * MS
    assert mark == Mark(0, 1673272861686 * MS, NOW, 34434660000, 34454720000, -212000000, due, 687447610)
    assert data.n_skipped == {"unknown topic": 2}  # candles, and trades by the topic of an older version
    (trade,) = receive(data, frames[2].replace(b"trade.linear.", b"publicTrade."))
    assert trade == Trade(0, 1709891679000 * MS, NOW, 54902, 10, 1, number_of("9dc75fca-4bdd-4773-9f78-6f5d7ab2a110"))


# --- fuzz ------------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.data())
def test_cut_merged_and_mutated_frames_never_make_a_wrong_book(draw: st.DataObject) -> None:
    """Whatever happens to the second of three frames: an error, or the third is passed over, or the book is right."""
    bad = bytearray(DELTA)
    match draw.draw(st.sampled_from(["cut", "merge", "flip", "insert"])):
        case "cut":
            del bad[draw.draw(st.integers(0, len(bad) - 1)) :]
        case "merge":
            bad += DELTA
        case "flip":
            bad[draw.draw(st.integers(0, len(bad) - 1))] = draw.draw(st.integers(0, 255))
        case _:
            bad.insert(draw.draw(st.integers(0, len(bad))), draw.draw(st.integers(0, 255)))
    data = MarketData([BTC])
    got = receive(data, SNAPSHOT)
    try:
        got += receive(data, bytes(bad))
    except RemoteProtocolError:
        data.reset(NOW)  # as the connection does that drops the feed
    got += receive(data, frame("delta", 9, 104, [["64999.60", "1"]], []))
    book = books(got)  # applies: the chain is whole as far as it goes
    assert len(book.bids) >= 1
    for message in got:
        if isinstance(message, BookDelta | BookSnapshot):
            assert not message.bids.flags.writeable
            assert (message.bids[:, 0] >= 1).all()
            assert (message.bids[:, 1] >= 0).all()
