"""Binary market data says what the same says as JSON, and what is cut off or does not fit is refused."""

import json
from decimal import Decimal
from struct import pack
from typing import Any

import attrs
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.messages import Mark, Trade
from market.units import MS
from tests.venues.paradex.binary_frames import NULL, book_frame, frame, of_message, summary_frame, trade_frame
from tests.venues.paradex.paradex_wire import BTC
from tests.venues.paradex.test_paradex_books import frame_of, level, message
from venues.paradex.market_data import MarketData
from venues.paradex.public_feed import PublicFeed
from venues.wire import RemoteProtocolError

SYMBOL = BTC.symbol
T_MS = 1_759_500_000_123
BOOK = book_frame(SYMBOL, T_MS, 10, [("64999.90", "0.5")], [("65000.10", "1.25"), ("65000.20", "2")], is_whole=True)
TRADE = trade_frame(SYMBOL, T_MS, 4242, -1, "62000.00", "0.1250")
SUMMARY = summary_frame(SYMBOL, T_MS, "62000.12345678", "61995.5", 12_345_678, "1234.567")


def test_a_book_a_change_and_a_gap() -> None:
    data = MarketData([BTC])
    (book,) = data.receive_binary(BOOK, 7)
    assert book.bids.tolist() == [[6_499_990, 5_000]]  # type: ignore[union-attr]
    assert book.asks.tolist() == [[6_500_010, 12_500], [6_500_020, 20_000]]  # type: ignore[union-attr]
    assert (book.seq, book.ts_venue) == (10, T_MS * MS)  # type: ignore[union-attr]
    (change,) = data.receive_binary(book_frame(SYMBOL, T_MS, 11, [], [("65000.10", "0")]), 8)
    assert change.asks.tolist() == [[6_500_010, 0]]  # type: ignore[union-attr]
    (empty,) = data.receive_binary(book_frame(SYMBOL, T_MS, 12, [], []), 9)
    assert (empty.prev_seq, empty.seq) == (11, 12)  # type: ignore[union-attr]
    (gap,) = data.receive_binary(book_frame(SYMBOL, T_MS, 14, [], []), 10)
    assert gap.reason == "number 14 follows 12"  # type: ignore[union-attr]


def test_a_trade_and_its_repetition() -> None:
    data = MarketData([BTC])
    (trade,) = data.receive_binary(TRADE, 7)
    assert isinstance(trade, Trade)
    assert (trade.taker, trade.price, trade.size, trade.ts_venue) == (-1, 6_200_000, 1_250, T_MS * MS)
    assert not data.receive_binary(TRADE, 8)
    assert data.receive_binary(trade_frame(SYMBOL, T_MS, 4243, -1, "62000.00", "0.1250"), 9)
    assert not data.receive_binary(trade_frame(SYMBOL, T_MS, 4244, -1, "62000.00", "0.1250", kind=6), 9)
    assert data.skipped == {"trade told again": 1, "trade of type BLOCK_TRADE": 1}


def test_a_summary_with_the_precise_rate_and_without() -> None:
    data = MarketData([BTC])
    (mark,) = data.receive_binary(SUMMARY, 7)
    assert isinstance(mark, Mark)
    assert (mark.mark_e6, mark.index_e6, mark.rate_e12) == (6_200_012_345_678, 6_199_550_000_000, 12_345_678)
    old = pack("<27q", T_MS * 1000, 0, 6_200_000_000_000, NULL, NULL, NULL, NULL, 1234, *[NULL] * 19)
    (mark,) = data.receive_binary(frame(4, old, b"", SYMBOL, version=0), 8)
    assert isinstance(mark, Mark)
    assert mark.rate_e12 == 12_340_000


def levels(count: int, first: int) -> st.SearchStrategy[dict[int, int]]:
    prices = st.integers(first, first + 10)
    return st.dictionaries(prices, st.integers(1, 50), min_size=1, max_size=count)


@given(levels(6, 5_000), levels(6, 5_011), levels(4, 5_000), st.sets(st.integers(5_011, 5_021), max_size=4))
@settings(deadline=None)
def test_it_says_what_json_says(
    bids: dict[int, int], asks: dict[int, int], new: dict[int, int], gone: set[int]
) -> None:
    whole = [level(side, *row) for side, rows in ((1, bids), (-1, asks)) for row in rows.items()]
    changes = {"updates": [level(1, *row) for row in new.items()], "deletes": [level(-1, price, 1) for price in gone]}
    text, binary = PublicFeed([BTC]), PublicFeed([BTC])
    for row in (message("s", 10, inserts=whole), message("d", 11, **changes)):
        (as_text,) = text.receive(frame_of(row).decode(), 5)
        (as_binary,) = binary.receive(of_message(frame_of(row)), 5)
        assert encoded(as_text) == encoded(as_binary)


def encoded(output: Any) -> bytes:
    return msgspec.json.encode(output.message, enc_hook=lambda array: array.tolist())


@pytest.mark.parametrize("whole", [BOOK, TRADE, SUMMARY])
def test_what_is_cut_off_or_longer_is_refused(whole: bytes) -> None:
    for length in range(len(whole)):
        with pytest.raises(RemoteProtocolError):
            MarketData([BTC]).receive_binary(whole[:length], 7)
    with pytest.raises(RemoteProtocolError, match="ends at"):
        MarketData([BTC]).receive_binary(whole + b"x", 7)


def test_what_a_later_version_adds_is_passed_over() -> None:
    name = bytes((len(SYMBOL),)) + SYMBOL.encode()
    block = TRADE[8 : -len(name)] + bytes(8)
    later = pack("<HHHH", len(block), 1, 1, 2) + block + name + b"\x04more"
    assert len(MarketData([BTC]).receive_binary(later, 7)) == 1
    assert not MarketData([BTC]).receive_binary(frame(40, bytes(16), b"", ""), 7)  # a heartbeat


@pytest.mark.parametrize(
    "odd",
    [
        trade_frame(SYMBOL, T_MS, 1, 1, "62000.001", "0.1"),
        trade_frame(SYMBOL, T_MS, 1, 1, "62000.01", "0.00001"),
        trade_frame(SYMBOL, T_MS, 1, 1, "62000.01", "0"),
        trade_frame(SYMBOL, T_MS, 1, 1, "-62000.01", "1"),
        book_frame(SYMBOL, T_MS, 10, [("64999.905", "1")], [], is_whole=True),
        book_frame(SYMBOL, T_MS, 10, [("64999.90", "-1")], [], is_whole=True),
    ],
)
def test_what_does_not_fit_the_instrument_is_refused(odd: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match=r"do not fit paradex:BTC-USD-PERP: its tick is 0\.01"):
        MarketData([BTC]).receive_binary(odd, 7)


def test_a_side_or_a_time_that_is_none_is_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="side 9"):
        MarketData([BTC]).receive_binary(TRADE[: 8 + 24] + b"\x09" + TRADE[8 + 25 :], 7)
    with pytest.raises(RemoteProtocolError, match="no time"):
        MarketData([BTC]).receive_binary(book_frame(SYMBOL, -1, 10, [], [], is_whole=True), 7)


def test_an_instrument_finer_than_the_venue_tells_is_refused() -> None:
    with pytest.raises(ValueError, match="no whole number of 1e-8"):
        MarketData([attrs.evolve(BTC, tick=Decimal("0.000000001"))])


def test_a_feed_asks_for_binary_and_reads_it_beside_its_answers() -> None:
    feed = PublicFeed([BTC])
    (connect,) = feed.begin()
    assert connect.target == "/v1?sbeSchemaId=1&sbeSchemaVersion=1"  # type: ignore[union-attr]
    feed.opened(0)
    assert len(feed.receive(BOOK, 1)) == 1
    assert feed.receive(json.dumps({"id": 1, "result": {}}), 2) == []
