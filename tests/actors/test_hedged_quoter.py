"""The hedged quoter by itself: what it sends for what it is told."""

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from actors.quoter import QuoterContext
from actors.strategies.hedged_quoter import HedgedParams, HedgedQuoter
from market.instrument import Instrument, InstrumentTable
from market.messages import (
    BookUpdate,
    CountedPosition,
    CountsWish,
    Fresh,
    OrderFlag,
    OrderState,
    OrderUpdate,
    Reason,
    Stale,
    Started,
    SubmitOrder,
    TimerFired,
    WantedQuotes,
)
from market.units import SECOND

LINEAR = Instrument(0, "bybit", "BTCUSDT", "BTC", "USDT", "USDT", Decimal("0.1"), Decimal("0.001"))
SAME = Instrument(1, "woox", "PERP_BTC_USDT", "BTC", "USDT", "USDT", Decimal("1"), Decimal("0.01"))
TENTHS = Instrument(
    1, "paradex", "BTC-USD-PERP", "BTC", "USD", "USDC", Decimal("1"), Decimal("1"), multiplier=Decimal("0.1")
)
INVERSE = Instrument(
    1,
    "binance-delivery",
    "BTCUSD_PERP",
    "BTC",
    "USD",
    "BTC",
    Decimal("0.1"),
    Decimal("1"),
    multiplier=Decimal(100),
    inverse=True,
)


class Alone:
    """A quoter, and what it has said."""

    def __init__(self, hedge: Instrument = SAME, **params: Any) -> None:
        table = InstrumentTable((LINEAR, hedge))
        context = QuoterContext("h", 0, table, (table[0], table[1]))
        self.quoter = HedgedQuoter(context, HedgedParams(**{"max_unhedged": 0.1, "retry_s": 1.0, **params}))
        self.now = 100 * SECOND
        self.give(Started(0))
        for instrument in table:
            self.book(instrument, 50_000.0)

    def give(self, message: Any) -> list[Any]:
        """Deliver a message; return the orders and quotes that it brings."""
        self.quoter.now = self.now
        self.quoter.on[type(message)](message)
        said = [m for port, m in self.quoter.out if port in ("orders", "quotes")]
        self.quoter.out.clear()
        return said

    def book(self, instrument: Instrument, mid: float, half: float = 5.0) -> list[Any]:
        bids, asks = (
            np.array([[instrument.ticks(mid + side * (half + 10 * n)), 100_000] for n in range(20)], np.int64)
            for side in (-1, 1)
        )
        return self.give(BookUpdate(instrument.id, self.now, self.now, 1, bids, asks))

    def count(self, instrument: int, lots: int, doubt: int = 0) -> list[Any]:
        return self.give(CountedPosition(instrument, self.now, lots, doubt))

    def counted(self, maker: int, hedge: int = 0) -> list[Any]:
        return [*self.count(1, hedge), *self.count(0, maker)]

    def end(self, order: SubmitOrder, filled: int, state: OrderState, reason: Reason = Reason.NONE) -> list[Any]:
        """End a hedge; the position has counted what it filled, as the order manager sees to."""
        return self.give(
            OrderUpdate(1, order.instrument, 0, order.tag, state, order.side, 0, order.size, filled, int(reason))
        )

    def tick(self, after_s: float) -> list[Any]:
        self.now += round(after_s * SECOND)
        return self.give(TimerFired(1))


def test_what_is_counted_of_one_account_alone_is_no_exposure() -> None:
    alone = Alone()
    alone.counted(0)
    alone.book(LINEAR, 50_000.0)
    alone.give(CountedPosition(0, alone.now, 0, 0, False))
    # a new process: the hedge's account has been compared, the maker's has not
    assert hedges(alone.give(CountedPosition(1, alone.now, 50, 0, True))) == []
    (wanted,) = alone.book(LINEAR, 50_000.0)
    assert (wanted.bids, wanted.asks) == ((), ())
    assert hedges(alone.tick(5.0)) == []
    assert hedges(alone.give(CountedPosition(0, alone.now, -480, 0, True))) == [(-1, 2)]


def hedges(said: list[Any]) -> list[tuple[int, int]]:
    return [(m.side, m.size) for m in said if isinstance(m, SubmitOrder)]


def test_it_asks_for_what_is_counted_and_quotes_nothing_before_both_are_known() -> None:
    alone = Alone()
    quoter = HedgedQuoter(alone.quoter.context, alone.quoter.params)
    quoter.now = SECOND
    quoter.on[Started](Started(1))
    assert ("orders", CountsWish(0)) in quoter.out
    for known in (0, 1):
        (wanted,) = alone.book(LINEAR, 50_000.0)
        assert (wanted.bids, wanted.asks) == ((), ())
        alone.count(known, 0)
    (wanted,) = alone.book(LINEAR, 50_000.0)
    assert wanted.bids
    assert wanted.asks


def test_remainders_below_a_lot_wait_until_they_make_one() -> None:
    alone = Alone()
    assert hedges(alone.counted(0)) == []
    assert hedges(alone.count(0, 7)) == []
    said = alone.count(0, 13)
    assert hedges(said) == [(-1, 1)], "a lot of 0.01, and 0.003 wait"
    order = next(m for m in said if isinstance(m, SubmitOrder))
    assert order.is_hedge
    assert order.flags == OrderFlag.IOC
    assert order.price == 49_946, "10 bps below the bid of 49,995, not beyond"
    assert hedges(alone.count(0, 19)) == [], "one at a time"
    alone.count(1, -1)
    assert hedges(alone.end(order, 1, OrderState.FILLED)) == [], "0.009 are left"
    assert hedges(alone.count(0, 20)) == [(-1, 1)]


@pytest.mark.parametrize(
    ("hedge", "lots"),
    [(TENTHS, 3), (INVERSE, 160)],  # 0.32 BTC: three contracts of 0.1; 160 of 100 USD at 50,000
)
def test_contracts_of_other_sizes_are_counted_in_base(hedge: Instrument, lots: int) -> None:
    alone = Alone(hedge, max_unhedged=10.0, max_hedge_notional=1e9)
    ((side, size),) = hedges(alone.counted(-320))
    assert side == 1
    assert abs(size - lots) <= 1
    assert alone.quoter.unhedged == pytest.approx(-0.32)
    alone.count(1, size)
    assert abs(alone.quoter.unhedged or 0.0) < abs(hedge.base_size(50_000.0, 1))


def test_an_inverse_hedge_follows_the_price() -> None:
    alone = Alone(INVERSE, max_unhedged=10.0, max_hedge_notional=1e9)
    assert hedges(alone.counted(-320, 160)) == []
    alone.book(INVERSE, 55_000.0)
    assert hedges(alone.tick(1.0)) == [(1, 16)], "160 contracts are 0.2909 BTC by now"


def test_the_side_that_adds_is_pulled_with_the_very_news_and_comes_back() -> None:
    alone = Alone(max_unhedged=0.02)
    alone.give(Stale(1, alone.now, "test"))  # nothing can be hedged
    alone.counted(0)
    (wanted,) = alone.book(LINEAR, 50_000.0)
    assert wanted.bids
    said = alone.count(0, 20)
    assert said == [WantedQuotes(0, 0, (), wanted.asks)], "at the limit, without a book"
    (still,) = alone.book(LINEAR, 50_000.0)
    assert (still.bids, bool(still.asks)) == ((), True)
    assert hedges(alone.give(Fresh(1, alone.now))) == [(-1, 2)], "the book is sound again"
    (pulled,) = alone.count(0, -20)
    assert (bool(pulled.bids), pulled.asks) == (True, ()), "now it is the asks that add"


def test_a_limit_in_quote_currency_is_one_in_base() -> None:
    alone = Alone(max_unhedged=0.0, max_unhedged_notional=1_000.0)
    alone.give(Stale(1, alone.now, "test"))
    alone.counted(19)
    (wanted,) = alone.book(LINEAR, 50_000.0)
    assert wanted.bids
    assert alone.count(0, 21)[0].bids == ()


def test_a_doubt_counts_at_its_worst_and_nothing_is_hedged_on_it() -> None:
    alone = Alone(max_unhedged=0.02)
    alone.counted(0)
    alone.book(LINEAR, 50_000.0)
    assert [bool(each.bids) for each in alone.count(0, 0, doubt=30)] == [False]
    assert hedges(alone.count(0, 10, doubt=30)) == []
    assert hedges(alone.count(0, 40)) == [(-1, 4)]


def test_what_filled_nothing_is_tried_again_later_and_later_and_then_quotes_are_pulled() -> None:
    alone = Alone(max_failures=3, max_retry_s=4.0)
    alone.counted(0)
    alone.book(LINEAR, 50_000.0)
    said = alone.count(0, 10)
    for wait_s in (1.0, 2.0, 4.0, 4.0):
        (order,) = [m for m in said if isinstance(m, SubmitOrder)]
        assert hedges(alone.end(order, 0, OrderState.REJECTED, Reason.VENUE_OTHER)) == []
        assert hedges(alone.tick(wait_s - 0.01)) == []
        said = alone.tick(0.02)
        assert hedges(said) == [(-1, 1)]
    (wanted,) = alone.book(LINEAR, 50_000.0)
    assert wanted.bids == (), "a tenth of the limit, but four have failed"
    assert wanted.asks
    (hedged,) = alone.count(1, -1)
    assert hedged.bids, "and now it is hedged"


def test_an_order_that_is_too_large_for_a_limit_is_halved() -> None:
    alone = Alone(max_unhedged=10.0)
    alone.counted(0)
    said = alone.count(0, 160)
    for size in (16, 8, 4):
        (order,) = [m for m in said if isinstance(m, SubmitOrder)]
        assert order.size == size
        alone.end(order, 0, OrderState.REJECTED, Reason.LIMIT_ORDER_SIZE)
        said = alone.tick(60.0)
    (order,) = [m for m in said if isinstance(m, SubmitOrder)]
    assert order.size == 2
    alone.count(1, -2)
    assert hedges(alone.end(order, 2, OrderState.FILLED)) == [(-1, 4)], "and doubled again when it fills"


def test_a_target_is_left_as_it_is() -> None:
    alone = Alone(target=1.0)
    assert hedges(alone.counted(0, 100)) == []
    assert hedges(alone.count(0, 10)) == [(-1, 1)]
