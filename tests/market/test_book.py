"""Book against a dict; mirrors of another's arrays; sequence numbers."""

import math
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from market import kernels
from market.book import Book
from market.book_kernels import apply, load
from market.book_view import BEST_ASK, BEST_BID, VERSION
from market.instrument import Instrument
from market.messages import BookUpdate
from market.units import Side

MARKET = Instrument(0, "binance-futures", "SOLUSDT", "SOL", "USDT", "USDT", tick=Decimal("0.01"), lot=Decimal("0.1"))
Rows = list[tuple[int, int]]


def rows(levels: Iterable[tuple[int, int]]) -> npt.NDArray[np.int64]:
    array = np.array(list(levels), dtype=np.int64).reshape(-1, 2)
    array.flags.writeable = False  # as those of messages are
    return array


def filled(bids: Rows, asks: Rows, depth: int = 20) -> Book:
    book = Book(MARKET, depth)
    book.load(rows(bids), rows(asks), 1, 2, 3)
    return book


prices = st.integers(1, 60)
snapshot_side = st.dictionaries(prices, st.integers(1, 99), max_size=30)
delta_side = st.lists(st.tuples(prices, st.integers(0, 3)), max_size=12)


class BookMachine(RuleBasedStateMachine):
    """A book that grows, its copies, and a mirror of it, beside a dict for each side."""

    @initialize(depth=st.integers(1, 12), capacity=st.integers(1, 8))
    def start(self, depth: int, capacity: int) -> None:
        self.book = Book(MARKET, depth, capacity)
        self.model: list[dict[int, int]] = [{}, {}]
        self.n_unknown = 0
        self.ts = 0

    @rule(bids=snapshot_side, asks=snapshot_side)
    def snapshot(self, bids: dict[int, int], asks: dict[int, int]) -> None:
        self.ts += 10
        bid_rows = rows(sorted(bids.items(), reverse=True))
        self.book.load(bid_rows, rows(sorted(asks.items())), self.ts, self.ts + 1, self.ts + 2)
        self.model = [dict(bids), dict(asks)]

    @rule(bids=delta_side, asks=delta_side, is_chained=st.booleans())
    def delta(self, bids: Rows, asks: Rows, is_chained: bool) -> None:
        self.ts += 10
        prev_seq = self.book.seq if is_chained else -1
        assert self.book.apply(rows(bids), rows(asks), self.ts, self.ts + 1, prev_seq, self.ts + 2)
        for side, changes in zip(self.model, (bids, asks), strict=True):
            for ticks, lots in changes:
                if lots:
                    side[ticks] = lots
                elif side.pop(ticks, None) is None:
                    self.n_unknown += 1

    @rule(bids=delta_side, off=st.sampled_from([-7, 1, 1000]))
    def delta_out_of_sequence(self, bids: Rows, off: int) -> None:
        before = (self.book.version, self.book.seq, self.book.ts_venue)
        assert not self.book.apply(rows(bids), rows([]), self.ts + 5, self.ts + 6, self.book.seq + off, self.ts + 7)
        assert (self.book.version, self.book.seq, self.book.ts_venue) == before

    @rule()
    def go_on_with_a_copy(self) -> None:
        original, self.book = self.book, self.book.copy()
        original.clear()

    @invariant()
    def shows_the_model(self) -> None:
        if not hasattr(self, "book"):
            return
        book, depth = self.book, self.book.depth
        bids, asks = sorted(self.model[0].items(), reverse=True), sorted(self.model[1].items())
        mirror = Book.attached(MARKET, depth, book._ladder, book._span, book._stamp)
        for shown in (book, mirror):
            assert (shown.n_bids, shown.n_asks) == (len(bids), len(asks))
            assert [tuple(row) for row in shown.bid_levels.tolist()] == bids[:depth]
            assert [tuple(row) for row in shown.ask_levels.tolist()] == asks[:depth]
            assert shown.bids.tolist() == [[MARKET.price(t), MARKET.size(n)] for t, n in bids[:depth]]
            assert shown.asks.tolist() == [[MARKET.price(t), MARKET.size(n)] for t, n in asks[:depth]]
            for n in range(depth + 2):
                for side, levels in ((Side.BUY, bids[:depth]), (Side.SELL, asks[:depth])):
                    assert shown.level(side, n) == (levels[n] if n < len(levels) else (0, 0))
                    price = shown.price(side, n)
                    assert price == MARKET.price(levels[n][0]) if n < len(levels) else math.isnan(price)
            assert (shown.best_bid, shown.best_ask) == (bids[0][0] if bids else 0, asks[0][0] if asks else 0)
            assert shown.is_empty == (not bids and not asks)
            assert shown.is_two_sided == bool(bids and asks)
            assert shown.is_crossed == bool(bids and asks and bids[0][0] >= asks[0][0])
            if bids and asks:
                assert shown.mid == float(Decimal(bids[0][0] + asks[0][0]) * MARKET.tick / 2)
            else:
                assert math.isnan(shown.mid)
                assert math.isnan(shown.spread)
                assert math.isnan(shown.microprice)
        assert book.n_unknown_deletes == self.n_unknown


BookMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
TestBook = BookMachine.TestCase


# --- deeper levels ---------------------------------------------------------------------------------------------------


def test_deeper_levels_move_up_when_shown_ones_go() -> None:
    book = filled([(100, 1), (99, 2), (98, 3)], [(101, 1)], depth=2)
    assert book.bid_levels.tolist() == [[100, 1], [99, 2]]
    book.apply(rows([(100, 0)]), rows([]), 5, 6, 3, 4)
    assert book.bid_levels.tolist() == [[99, 2], [98, 3]]
    assert (book.ts_venue, book.ts_recv, book.seq) == (5, 6, 4)


def test_analytics_see_the_shown_levels_only() -> None:
    book = filled([(100, 10), (99, 10), (98, 1000)], [(101, 30), (102, 10)], depth=2)
    assert book.imbalance(50) == (20 - 40) / 60
    assert math.isnan(book.impact_price(Side.SELL, 2.5))  # 1.00 + 0.99 is shown
    assert book.cumulative(Side.SELL, 0.0)[0] == 2.0


def test_level_refuses_places_that_are_not_shown() -> None:
    book = filled([(100, 10), (99, 10)], [])
    assert book.level(Side.BUY, -1) == (0, 0)
    assert math.isnan(book.price(Side.BUY, 2))


# --- what a strategy asks --------------------------------------------------------------------------------------------


def test_known_answers() -> None:
    # 10 @ 100, 20 @ 99 | 10 @ 101, 40 @ 104: sizes in units, prices in quote currency
    book = filled([(10000, 100), (9900, 200)], [(10100, 100), (10400, 400)])
    assert (book.mid, book.spread, book.microprice) == (100.5, 1.0, 100.5)
    assert book.imbalance(1) == 0.0
    assert book.imbalance(2) == (30 - 50) / 80
    assert book.impact_price(Side.BUY, 1010.0) == 101.0
    # 1010 at 101 is 10, the other 1040 at 104 is 10 more
    assert book.impact_price(Side.BUY, 2050.0) == 2050.0 / 20
    assert book.impact_price(Side.SELL, 1000.0 + 495.0) == 1495.0 / 15
    assert book.vamp(2050.0) == (2050.0 / (10 + 1050 / 99) + 2050.0 / 20) / 2
    assert book.vamp(1.0, bid_notional=1495.0, ask_notional=2050.0) == (1495.0 / 15 + 2050.0 / 20) / 2
    assert book.impact_spread(1000) == 1.0
    assert book.impact_spread(1000, relative=True) == 1.0 / 100.5
    assert [book.worst_price(Side.BUY, size) for size in (1, 10, 10.1, 50)] == [101.0, 101.0, 104.0, 104.0]
    assert math.isnan(book.worst_price(Side.BUY, 50.1))
    assert book.cumulative(Side.BUY, 103.99) == (10.0, 1010.0)
    assert book.cumulative(Side.BUY, 104.0) == (50.0, 1010.0 + 4160.0)
    assert book.cumulative(Side.SELL, 99.0) == (30.0, 1000.0 + 1980.0)
    assert book.cumulative(Side.SELL, 100.01) == (0.0, 0.0)
    # each side as one level: 99.333 of 30, 103.4 of 50
    assert book.weighted_mid(2) == pytest.approx((2980 / 30 * 50 + 5170 / 50 * 30) / 80)


def test_a_notional_beyond_the_book_is_nan_up_to_the_last_lot() -> None:
    book = filled([(10000, 100)], [(10100, 100)])
    assert book.vamp(1000.0) == 100.5
    assert math.isnan(book.vamp(1000.01))
    assert math.isnan(book.vamp(1000.0, ask_notional=1010.01))
    assert math.isnan(book.vamp(float("nan")))
    assert math.isnan(book.vamp(-1.0))
    assert book.vamp(0.0) == 100.5


@pytest.mark.parametrize(("bids", "asks"), [([], []), ([(10000, 1)], []), ([], [(10000, 1)])])
def test_an_empty_side_gives_nan(bids: Rows, asks: Rows) -> None:
    book = filled(bids, asks)
    for value in (book.mid, book.spread, book.microprice, book.vamp(1.0), book.impact_spread(1.0), book.weighted_mid()):
        assert math.isnan(value)
    assert math.isnan(book.imbalance()) == (not bids and not asks)


def test_the_arrays_that_are_read_cannot_be_written_and_do_not_move() -> None:
    book = filled([(100, 1)], [(101, 1)])
    levels, prices_ = book.bid_levels, book.asks
    for array in (levels, prices_):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 5
    assert book.bid_levels is levels  # built once for a version
    book.apply(rows([(100, 7)]), rows([(101, 7)]), 1, 2, -1, 4)
    assert (levels.tolist(), prices_.tolist()) == ([[100, 1]], [[1.01, 0.1]])
    assert (book.bid_levels.tolist(), book.asks.tolist()) == ([[100, 7]], [[1.01, 0.7]])


# --- mirrors ---------------------------------------------------------------------------------------------------------


def test_a_mirror_shows_what_its_owner_does_until_it_is_detached() -> None:
    ladder, span = np.zeros((2, 8, 2), dtype=np.int64), np.zeros((2, 2), dtype=np.int64)
    stamp = np.zeros(6, dtype=np.int64)
    book = Book.attached(MARKET, 20, ladder, span, stamp)
    assert book.is_empty
    load(ladder, span, np.array([(100, 1), (101, 2)]), 0, 1, 1)
    stamp[:] = (10, 11, 12, 1, 100, 101)
    assert (book.best_bid, book.best_ask, book.ts_venue, book.ts_recv, book.seq) == (100, 101, 10, 11, 12)
    apply(ladder, span, np.array([(100, 0), (99, 5)]), 0, 2, 0)
    stamp[BEST_BID] = 99
    stamp[VERSION] += 1
    assert (book.mid, book.bids.tolist(), book.level(Side.BUY)) == (1.0, [[0.99, 0.5]], (99, 5))
    with pytest.raises(ValueError, match=r"^the book of binance-futures:SOLUSDT shows arrays of another owner; detach"):
        book.load(rows([]), rows([]), 1, 2, 3)

    book.detach()
    load(ladder, span, np.array([(55, 1), (56, 2)]), 0, 1, 1)
    stamp[[BEST_BID, BEST_ASK]] = 55, 56
    stamp[VERSION] += 1
    assert book.bid_levels.tolist() == [[99, 5]]
    assert book.apply(rows([(98, 1)]), rows([]), 20, 21, 12, 13)
    assert book.bid_levels.tolist() == [[99, 5], [98, 1]]
    assert (ladder[0, span[0, 0]].tolist(), stamp[:3].tolist()) == ([55, 1], [10, 11, 12])

    book.attach(ladder, span, stamp)
    assert book.best_bid == 55


READINGS: dict[str, Callable[[Book], Any]] = {
    "touch": lambda book: (book.best_bid, book.best_ask, book.mid, book.is_crossed),
    "levels": lambda book: (book.bid_levels.tolist(), book.ask_levels.tolist(), book.n_bids, book.level(1, 1)),
    "stamps": lambda book: (book.ts_venue, book.ts_recv, book.seq),
    "analytics": lambda book: (book.imbalance(), book.vamp(0.1), book.prices(), book.bids.tolist()),
    "copy": lambda book: book.copy().bid_levels.tolist(),
    "update": lambda book: (book.update().seq, book.update().asks.tolist()),  # type: ignore[union-attr]
}
UPDATES = [
    BookUpdate(MARKET.id, 1, 2, 3, rows([(99, 1), (98, 2)]), rows([(101, 4)])),
    BookUpdate(MARKET.id, 4, 5, 6, rows([(97, 3)]), rows([(98, 5), (99, 6)])),
]


@pytest.mark.parametrize("read", READINGS.values(), ids=list(READINGS))
def test_a_book_that_is_loaded_when_read_shows_the_newest(read: Callable[[Book], Any]) -> None:
    late, at_once = Book(MARKET, 5), Book(MARKET, 5)
    for update in UPDATES:
        late.load_when_read(update)
        assert update.bids is not None
        assert update.asks is not None
        at_once.load(update.bids, update.asks, update.ts_venue, update.ts_recv, update.seq)
    assert read(late) == read(at_once)
    assert late.version == 1, "the first was never looked at"


def test_what_is_written_to_a_book_that_is_to_be_loaded_comes_after_it() -> None:
    change = rows([(100, 7)]), rows([])
    late, at_once = Book(MARKET, 5), Book(MARKET, 5)
    for update in UPDATES:
        assert update.bids is not None
        assert update.asks is not None
        at_once.load(update.bids, update.asks, update.ts_venue, update.ts_recv, update.seq)
        late.load_when_read(update)
    assert late.apply(*change, 7, 8, 6, 9)
    assert at_once.apply(*change, 7, 8, 6, 9)
    assert late.bid_levels.tolist() == at_once.bid_levels.tolist() == [[100, 7], [97, 3]]
    late.load_when_read(UPDATES[0])
    late.load(*change, 10, 11, 12)
    assert (late.seq, late.bid_levels.tolist()) == (12, [[100, 7]])
    late.load_when_read(UPDATES[0])
    late.clear()
    assert late.is_empty
    late.load_when_read(UPDATES[0])
    late.attach(at_once._ladder, at_once._span, at_once._stamp)
    assert late.seq == 9
    with pytest.raises(ValueError, match="another owner"):
        late.load_when_read(UPDATES[0])


def test_a_bad_message_leaves_the_book_as_it_was() -> None:
    book = filled([(100, 1)], [(101, 1)])
    with pytest.raises(ValueError, match=r"^snapshot 9 of binance-futures:SOLUSDT is out of order, or "):
        book.load(rows([(99, 1), (100, 1)]), rows([]), 7, 8, 9)
    with pytest.raises(
        ValueError, match=r"^delta 9 of binance-futures:SOLUSDT has a price below 1 or a negative size$"
    ):
        book.apply(rows([(99, 1)]), rows([(105, -1)]), 7, 8, -1, 9)
    assert (book.bid_levels.tolist(), book.seq, book.ts_venue) == ([[100, 1]], 3, 1)


def test_depth_and_capacity_are_checked() -> None:
    with pytest.raises(ValueError, match=r"^depth must be at least 1, got 0$"):
        Book(MARKET, 0)
    with pytest.raises(ValueError, match=r"^capacity must be at least 1, got 0$"):
        Book(MARKET, 5, 0)


def test_the_book_and_the_research_kernels_give_the_same_bits() -> None:
    rng = np.random.default_rng(3)
    for _ in range(50):
        bids = sorted({int(t): int(n) for t, n in rng.integers(1, 900, (30, 2))}.items(), reverse=True)
        asks = sorted({int(t) + 950: int(n) for t, n in rng.integers(1, 900, (30, 2))}.items())
        book = filled(bids, asks)
        below, above = np.zeros((1, 20, 2), dtype=np.int64), np.zeros((1, 20, 2), dtype=np.int64)
        below[0, : len(book.bid_levels)] = book.bid_levels
        above[0, : len(book.ask_levels)] = book.ask_levels
        notionals = np.array([1.0, 100.0, 5000.0, 1e9])
        vamps = kernels.vamps(below, above, MARKET.scale(), notionals)[0]
        np.testing.assert_array_equal(vamps, [book.vamp(x) for x in notionals])
        assert kernels.mids(below, above, MARKET.scale())[0] == book.mid
        assert kernels.microprices(below, above, MARKET.scale())[0] == book.microprice
        assert kernels.weighted_mids(below, above, MARKET.scale(), 5)[0] == book.weighted_mid(5)
        assert kernels.imbalances(below, above, 5)[0] == book.imbalance(5)
