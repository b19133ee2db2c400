"""Pre-trade limits: each on its own, and the running sums against a naive count."""

from decimal import Decimal
from typing import Any

import attrs
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from actors.risk import LOOK_EVERY, Guard, Limits
from market.book import Book
from market.instrument import ConstantStep, Instrument, SignificantFigures
from market.messages import OrderFlag, Reason
from market.units import MS, SECOND

T0 = 1_700_000_000 * SECOND
# one lot at 10 000 ticks: 0.1 * 100 = 10 quote
SOL = Instrument(
    0, "bybit", "SOLUSDT", "SOL", "USDT", "USDT", Decimal("0.01"), Decimal("0.1"), min_size=2, min_notional=Decimal(30)
)


def guard(instrument: Instrument = SOL, bid: int = 9_999, ask: int = 10_001, **limits: Any) -> Guard:
    made = Guard(instrument, Limits(**limits))
    look(made, instrument, bid, ask)
    return made


def look(made: Guard, instrument: Instrument, bid: int, ask: int) -> None:
    book = Book(instrument)
    bids = [[bid, 1]] if bid else np.empty((0, 2))
    asks = [[ask, 1]] if ask else np.empty((0, 2))
    book.load(np.array(bids, dtype=np.int64), np.array(asks, dtype=np.int64), T0, T0, 1)
    made.look(book, T0)


def ask_for(made: Guard, price: int = 10_000, size: int = 10, side: int = 1, flags: int = 0, **more: Any) -> Reason:
    return Reason(made.refusal(side, price, size, flags, more.pop("now", T0), **more))


def test_wide_limits_pass_an_ordinary_order() -> None:
    assert ask_for(guard()) == Reason.NONE


@pytest.mark.parametrize(
    ("limits", "order", "reason"),
    [
        ({}, {"price": 0}, Reason.INVALID_PRICE),
        ({}, {"size": 0}, Reason.INVALID_SIZE),
        ({}, {"size": -5}, Reason.INVALID_SIZE),
        ({}, {"size": 1}, Reason.BELOW_MIN_SIZE),
        ({}, {"size": 2}, Reason.BELOW_MIN_NOTIONAL),
        ({"max_order_size": 0.9}, {"size": 10}, Reason.LIMIT_ORDER_SIZE),
        ({"max_order_size": 1.0}, {"size": 10}, Reason.NONE),
        ({"max_order_notional": 99.9}, {"size": 10}, Reason.LIMIT_ORDER_NOTIONAL),
        ({"max_order_notional": 100.0}, {"size": 10}, Reason.NONE),
        ({"max_position": 0.9}, {"size": 10}, Reason.LIMIT_POSITION),
        ({"max_position_notional": 99.0}, {"size": 10, "side": -1}, Reason.LIMIT_POSITION),
        ({"price_collar_bps": 10}, {"price": 10_011}, Reason.PRICE_COLLAR),
        ({"price_collar_bps": 10}, {"price": 10_010}, Reason.NONE),
        ({"price_collar_bps": 10}, {"price": 9_989, "side": -1}, Reason.PRICE_COLLAR),
    ],
)
def test_each_limit_has_its_reason(limits: Any, order: Any, reason: Reason) -> None:
    assert ask_for(guard(**limits), **order) == reason


def test_no_limit_can_be_taken_away() -> None:
    for name in ("max_order_size", "max_order_notional", "max_position", "max_position_notional", "max_order_rate"):
        for value in (float("inf"), 0.0, float("nan")):
            with pytest.raises(ValueError, match=rf"^{name} must be above 0 and finite, got {value}: there is no"):
                attrs.evolve(Limits(), **{name: value})  # type: ignore[arg-type]


def test_no_order_without_a_book_and_one_side_serves_as_the_mid() -> None:
    assert ask_for(guard(bid=0, ask=0)) == Reason.NO_BOOK
    assert ask_for(guard(bid=0, ask=10_000, price_collar_bps=10)) == Reason.NONE
    made = Guard(SOL, Limits())
    made.look(None, T0)
    assert ask_for(made) == Reason.NO_BOOK


def test_touch_is_looked_at_again_after_a_while_or_at_once_if_there_was_none() -> None:
    made = guard()
    assert made.look_at == T0 + LOOK_EVERY
    made.look(None, T0)
    assert made.look_at <= T0


def test_worst_case_of_a_side_counts_position_and_all_that_is_open() -> None:
    made = guard(max_position=3.0)  # 30 lots
    made.position = 15
    made.open_buy = 10
    made.open_sell = 30
    assert ask_for(made, size=5) == Reason.NONE
    assert ask_for(made, size=6) == Reason.LIMIT_POSITION
    assert ask_for(made, size=15, side=-1) == Reason.NONE
    assert ask_for(made, size=16, side=-1) == Reason.LIMIT_POSITION
    made.position = -45  # beyond the limit: what reduces it passes
    made.open_buy = 0
    assert ask_for(made, size=30) == Reason.NONE


def test_amend_that_adds_nothing_moves_even_beyond_the_limit() -> None:
    made = guard(max_position=3.0, max_open_orders=1)
    made.position = 50
    made.n_live = 1
    assert ask_for(made, size=5, more=0) == Reason.NONE
    assert ask_for(made, size=5, more=1) == Reason.LIMIT_POSITION
    made.position = 0
    assert ask_for(made, size=5) == Reason.LIMIT_OPEN_ORDERS


def test_rate_is_a_burst_then_one_by_one() -> None:
    made = guard(max_order_rate=4.0)
    assert [ask_for(made) for _ in range(5)] == [Reason.NONE] * 4 + [Reason.LIMIT_ORDER_RATE]
    later = T0 + SECOND // 4
    assert ask_for(made, now=later) == Reason.NONE
    assert ask_for(made, now=later) == Reason.LIMIT_ORDER_RATE
    assert [ask_for(made, now=T0 + 9 * SECOND) for _ in range(5)] == [Reason.NONE] * 4 + [Reason.LIMIT_ORDER_RATE]


def test_refused_orders_do_not_count_for_the_rate() -> None:
    made = guard(max_order_rate=1.0)
    for _ in range(5):
        ask_for(made, price=0)
    assert ask_for(made) == Reason.NONE


def test_prices_by_significant_figures() -> None:
    rule = SignificantFigures(figures=5, unit=1000)
    coin = Instrument(0, "hyperliquid", "X", "X", "USD", "USD", Decimal("0.001"), Decimal(1), price_rule=rule)
    made = guard(coin, 1_234_000, 1_234_200)
    assert ask_for(made, price=1_234_100) == Reason.NONE
    assert ask_for(made, price=1_234_110) == Reason.INVALID_PRICE


def test_inverse_notional_does_not_depend_on_the_price() -> None:
    coin_m = Instrument(
        0, "binance-delivery", "P", "BTC", "USD", "BTC", Decimal("0.1"), Decimal(1), Decimal(100), inverse=True
    )
    made = guard(coin_m, 500_000, 500_001, max_order_notional=1000.0)
    assert ask_for(made, price=500_000, size=10) == Reason.NONE
    assert ask_for(made, price=500_000, size=11) == Reason.LIMIT_ORDER_NOTIONAL


def test_market_order_is_valued_at_the_touch_and_reduce_only_may_be_small() -> None:
    made = guard(max_order_notional=100.0)
    assert ask_for(made, price=0, size=9, flags=OrderFlag.MARKET) == Reason.NONE
    assert ask_for(made, price=0, size=10, flags=OrderFlag.MARKET) == Reason.LIMIT_ORDER_NOTIONAL
    assert ask_for(made, price=10_000, size=1, flags=OrderFlag.REDUCE_ONLY) == Reason.NONE


def test_the_worst_price_of_a_market_order_is_valid_and_within_the_collar() -> None:
    made = guard(attrs.evolve(SOL, price_rule=ConstantStep(7)), price_collar_bps=33)
    buy, sell = made.worst_price(1), made.worst_price(-1)
    assert buy % 7 == sell % 7 == 0
    assert 9_967 <= sell < 10_000 < buy <= 10_033
    assert guard(bid=0, ask=0).worst_price(1) == 0


WAITS = st.sampled_from([0, 0, 0, 0, 100 * MS, SECOND // 2])
ORDERS = st.lists(
    st.tuples(
        st.sampled_from([1, -1]),
        st.integers(9_800, 10_200),
        st.integers(1, 40),
        st.sampled_from([0, 0, 0, 0, 100 * MS, SECOND // 2]),
    ),
    max_size=40,
)


@given(orders=ORDERS, step=st.sampled_from([1, 5]), position=st.integers(-60, 60))
def test_agrees_with_a_naive_count(orders: list[tuple[int, int, int, int]], step: int, position: int) -> None:
    """Orders that pass stay open; every check is done anew over the list of them, in decimals."""
    market = Instrument(
        0, "b", "S", "S", "USDT", "USDT", Decimal("0.01"), Decimal("0.1"),
        min_size=2, min_notional=Decimal(30), max_size=35, price_rule=ConstantStep(step),
    )  # fmt: skip
    limits = Limits(
        max_order_notional=300.0,
        max_position=6.0,
        max_position_notional=550.0,
        max_open_orders=14,
        max_order_rate=6.0,
        price_collar_bps=150,
    )
    made = Guard(market, limits)
    look(made, market, 9_995, 10_005)
    made.position = position
    live: list[tuple[int, int]] = []
    sent: list[int] = []
    now = T0
    for side, price, size, wait in orders:
        now += wait
        worst = sum(lots for their, lots in live if their == side) + side * position + size
        notional = Decimal(str(market.notional(price, 1)))
        is_allowed = (
            price % step == 0
            and 2 <= size <= 35
            and 30 <= size * notional <= 300
            and worst <= 60
            and worst * notional <= 550
            and len(live) < 14
            and abs(price - 10_000) <= 150
        )
        # a bucket of 6 that fills at 6 a second, from full
        tokens, at = Decimal(6), T0
        for ts in sent:
            tokens = min(Decimal(6), tokens + Decimal(ts - at) * 6 / SECOND) - 1
            at = ts
        has_token = min(Decimal(6), tokens + Decimal(now - at) * 6 / SECOND) >= Decimal("0.9999")
        refusal = made.refusal(side, price, size, 0, now)
        if not is_allowed:
            assert refusal not in (Reason.NONE, Reason.LIMIT_ORDER_RATE)
        elif not has_token:
            assert refusal == Reason.LIMIT_ORDER_RATE
        else:
            assert refusal == Reason.NONE
            live.append((side, size))
            sent.append(now)
            made.n_live += 1
            if side > 0:
                made.open_buy += size
            else:
                made.open_sell += size
