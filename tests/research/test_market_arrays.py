"""Arrays of books and trades give what a book gives, row for row, to the bit."""

import math
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market import Book, Instrument
from research.market_arrays import BookArrays, TradeArrays

IntArray = npt.NDArray[np.int64]
DEPTH = 6
LINEAR = Instrument(
    id=0,
    venue="bybit",
    symbol="SOLUSDT",
    base="SOL",
    quote="USDT",
    settle="USDT",
    tick=Decimal("0.01"),
    lot=Decimal("0.1"),
    maker_fee=Decimal(0),
    taker_fee=Decimal(0),
)
INVERSE = Instrument(
    id=0,
    venue="binance-delivery",
    symbol="BTCUSD_PERP",
    base="BTC",
    quote="USD",
    settle="BTC",
    tick=Decimal("0.1"),
    lot=Decimal(1),
    multiplier=Decimal(100),
    inverse=True,
    maker_fee=Decimal(0),
    taker_fee=Decimal(0),
)


@st.composite
def sides(draw: st.DrawFn, low: int, is_bid: bool) -> IntArray:
    ticks = draw(st.lists(st.integers(low, low + 400), max_size=DEPTH, unique=True))
    rows = [(price, draw(st.integers(1, 10**6))) for price in sorted(ticks, reverse=is_bid)]
    return np.array(rows, dtype=np.int64).reshape(-1, 2)


books = st.lists(st.tuples(sides(1000, is_bid=True), sides(1401, is_bid=False)), min_size=1, max_size=5)


def arrays(instrument: Instrument, rows: list[tuple[IntArray, IntArray]]) -> BookArrays:
    bids, asks = (np.zeros((len(rows), DEPTH, 2), dtype=np.int64) for _ in range(2))
    for r, (bid, ask) in enumerate(rows):
        bids[r, : len(bid)], asks[r, : len(ask)] = bid, ask
    stamps = np.arange(len(rows))
    return BookArrays(instrument, stamps, stamps + 5, bids, asks)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([LINEAR, INVERSE]), books)
def test_every_row_is_what_the_book_says(instrument: Instrument, rows: list[tuple[IntArray, IntArray]]) -> None:
    own = arrays(instrument, rows)
    notionals = [0.0, 5_000.0, 2e6]
    found = [
        own.mid,
        own.spread,
        own.microprice,
        own.imbalance(),
        own.imbalance(3),
        own.weighted_mid(2),
        own.vamp(5_000.0),
        *own.vamps(notionals).T,
    ]
    book = Book(instrument, DEPTH)
    for r, (bids, asks) in enumerate(rows):
        book.load(bids, asks, r, r + 5, r)
        expected = [
            book.mid,
            book.spread,
            book.microprice,
            book.imbalance(),
            book.imbalance(3),
            book.weighted_mid(2),
            book.vamp(5_000.0),
            *(book.vamp(notional) for notional in notionals),
        ]
        np.testing.assert_array_equal([column[r] for column in found], expected)


def test_rows_are_cut_from_all_columns() -> None:
    rows = [(np.array([[k, 1]]), np.array([[2000 + k, 2]])) for k in range(1, 6)]
    whole = arrays(LINEAR, rows)
    part = whole.rows(1, 3)
    assert (len(part), part.depth, part.ts_recv.tolist()) == (2, DEPTH, [6, 7])
    assert part.mid.tolist() == whole.mid[1:3].tolist()


def test_trades_are_in_units_of_the_instrument() -> None:
    trades = TradeArrays(LINEAR, [1, 2, 3], [4, 5, 6], [10001, 10002, 10003], [1, 20, 300], [1, -1, 1])
    assert trades.price.tolist() == [100.01, 100.02, 100.03]
    assert trades.size.tolist() == [0.1, 2.0, 30.0]
    assert trades.rows(1, 3).price.tolist() == [100.02, 100.03]


def test_side_that_is_empty_has_no_spread() -> None:
    own = arrays(LINEAR, [(np.array([[5, 1]]), np.zeros((0, 2), dtype=np.int64))])
    assert math.isnan(own.spread[0])


def test_shapes_that_do_not_fit_are_refused() -> None:
    levels = np.zeros((2, 3, 2), dtype=np.int64)
    with pytest.raises(ValueError, match=r"^bids of bybit:SOLUSDT must have shape \(3, depth, 2\), has \(2, 3, 2\)$"):
        BookArrays(LINEAR, [1, 2, 3], [1, 2, 3], levels, levels)
    with pytest.raises(ValueError, match=r"^lots of bybit:SOLUSDT must have shape \(2\), has \(1,\)$"):
        TradeArrays(LINEAR, [1, 2], [1, 2], [1, 2], [1], [1, 1])
