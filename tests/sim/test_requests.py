"""What an order, an amend and a cancel do when they arrive: every rule with a known answer, on both sides."""

from decimal import Decimal
from typing import Any

import pytest

from market.instrument import ConstantStep, SignificantFigures
from market.messages import OrderFlag, Reason
from sim.state_kernels import O_ARRIVAL, O_FILLED, O_PRICE, O_SIZE
from tests.sim.market_script import (
    ASKS,
    BIDS,
    BUY,
    SELL,
    Level,
    MarketScript,
    Script,
    fills,
    perpetual,
    said,
    with_a_book,
)

# --- arrival --------------------------------------------------------------------------------------------------------


def test_post_only_that_would_take_is_rejected(script: Script) -> None:
    s = script()
    s.place(20, 1, BUY, 102, 1, OrderFlag.POST_ONLY)
    s.place(20, 2, BUY, 104, 1, OrderFlag.POST_ONLY)
    s.place(20, 3, BUY, 101, 1, OrderFlag.POST_ONLY)
    assert said(s.run()) == [
        ("rejected", 1, Reason.POST_ONLY_WOULD_TAKE),
        ("rejected", 2, Reason.POST_ONLY_WOULD_TAKE),
        ("accepted", 3),
    ]
    assert s.order(3) is not None


def test_market_order_walks_the_display_level_by_level(script: Script) -> None:
    s = script()
    s.place(20, 1, BUY, 0, 35, OrderFlag.MARKET)
    facts = s.run()
    assert said(facts) == [
        ("accepted", 1),
        ("taker", 1, 102, 10),
        ("taker", 1, 103, 20),
        ("taker", 1, 105, 5),
    ]
    assert [f.detail for f in facts[1:]] == [1, 2, 3]  # numbers of the fills
    assert {f.side for f in facts[1:]} == {BUY}
    assert {f.ts for f in facts} == {20}


def test_what_the_display_cannot_fill_of_a_market_order_expires(script: Script) -> None:
    s = script()
    s.place(20, 1, SELL, 0, 100, OrderFlag.MARKET)
    assert said(s.run()) == [
        ("accepted", 1),
        ("taker", 1, 100, 10),
        ("taker", 1, 99, 20),
        ("taker", 1, 97, 30),
        ("expired", 1, 40, Reason.REMAINDER_EXPIRED),
    ]
    assert s.position() == -60


def test_market_order_without_a_book_finds_no_liquidity() -> None:
    s = MarketScript()
    s.place(20, 1, BUY, 0, 1, OrderFlag.MARKET)
    assert said(s.run()) == [("accepted", 1), ("expired", 1, 1, Reason.NO_LIQUIDITY)]


def test_market_order_with_a_price_is_protected_by_it(script: Script) -> None:
    s = script()
    s.place(20, 1, BUY, 103, 35, OrderFlag.MARKET)
    assert said(s.run())[1:] == [
        ("taker", 1, 102, 10),
        ("taker", 1, 103, 20),
        ("expired", 1, 5, Reason.REMAINDER_EXPIRED),
    ]


def test_ioc_takes_up_to_its_price_and_the_rest_expires(script: Script) -> None:
    s = script()
    s.place(20, 1, BUY, 102, 15, OrderFlag.IOC)
    s.place(20, 2, BUY, 101, 15, OrderFlag.IOC)
    assert said(s.run()) == [
        ("accepted", 1),
        ("accepted", 2),
        ("taker", 1, 102, 10),
        ("expired", 1, 5, Reason.REMAINDER_EXPIRED),
        ("expired", 2, 15, Reason.NO_LIQUIDITY),
    ]
    assert s.exchange.open_orders(0) == ()


def test_fok_fills_whole_or_not_at_all(script: Script) -> None:
    s = script()
    s.place(20, 1, BUY, 103, 31, OrderFlag.FOK)
    s.place(20, 2, BUY, 103, 30, OrderFlag.FOK)
    s.place(20, 3, BUY, 103, 1, OrderFlag.FOK)  # nothing is left
    assert said(s.run()) == [
        ("rejected", 1, Reason.FOK_NOT_FILLABLE),
        ("accepted", 2),
        ("rejected", 3, Reason.FOK_NOT_FILLABLE),
        ("taker", 2, 102, 10),
        ("taker", 2, 103, 20),
    ]


def test_crossing_limit_takes_and_its_remainder_rests(script: Script) -> None:
    s = script()
    s.place(20, 1, BUY, 102, 15)
    s.trade(30, 102, 3, SELL)
    s.trade(31, 102, 4, SELL)
    assert said(s.run(20)) == [("accepted", 1), ("taker", 1, 102, 10)]
    assert s.ahead(1) == 0  # better than the best bid: alone at its price
    assert said(s.run()) == [("maker", 1, 102, 3), ("maker", 1, 102, 2)]


def test_what_was_taken_is_gone_until_the_next_book(script: Script) -> None:
    s = script()
    s.place(20, 1, BUY, 0, 4, OrderFlag.MARKET)
    s.place(21, 2, BUY, 0, 8, OrderFlag.MARKET)
    s.book(30, BIDS, ASKS)
    s.place(31, 3, BUY, 0, 8, OrderFlag.MARKET)
    assert fills(s.run()) == [
        ("taker", 1, 102, 4),
        ("taker", 2, 102, 6),
        ("taker", 2, 103, 2),
        ("taker", 3, 102, 8),
    ]


def test_what_printed_is_gone_until_the_next_book(script: Script) -> None:
    s = script()
    s.trade(20, 102, 7, BUY)
    s.place(21, 1, BUY, 0, 5, OrderFlag.MARKET)
    s.trade(22, 102, 9, BUY)  # more than is left
    s.trade(22, 100, 4, SELL)
    s.place(23, 2, BUY, 102, 1, OrderFlag.POST_ONLY)  # nothing left to take at 102
    s.place(23, 3, BUY, 103, 1, OrderFlag.POST_ONLY)
    s.place(25, 4, BUY, 100, 1)
    facts = s.run(25)
    assert fills(facts) == [("taker", 1, 102, 3), ("taker", 1, 103, 2)]
    assert ("rejected", 3, Reason.POST_ONLY_WOULD_TAKE) in said(facts)
    assert ("accepted", 2) in said(facts)
    assert s.ahead(4) == 6


def test_consume_off_leaves_the_display_alone(script: Script) -> None:
    s = script(consume=False)
    s.trade(20, 102, 10, BUY)
    s.place(21, 1, BUY, 102, 1, OrderFlag.POST_ONLY)
    s.place(22, 2, BUY, 0, 10, OrderFlag.MARKET)
    s.place(23, 3, BUY, 0, 10, OrderFlag.MARKET)
    s.trade(24, 100, 4, SELL)
    s.place(25, 4, BUY, 100, 1)
    facts = s.run(25)
    assert fills(facts) == [("taker", 2, 102, 10), ("taker", 3, 102, 10)]
    assert said(facts)[0] == ("rejected", 1, Reason.POST_ONLY_WOULD_TAKE)
    assert s.ahead(4) == 10


def test_reduce_only_with_nothing_to_reduce_is_rejected(script: Script) -> None:
    s = script()
    s.place(20, 1, SELL, 102, 5, OrderFlag.REDUCE_ONLY)
    s.place(21, 2, BUY, 0, 5, OrderFlag.MARKET)
    s.place(22, 3, BUY, 100, 5, OrderFlag.REDUCE_ONLY)  # would add to the long position
    assert said(s.run()) == [
        ("rejected", 1, Reason.REDUCE_ONLY),
        ("accepted", 2),
        ("taker", 2, 102, 5),
        ("rejected", 3, Reason.REDUCE_ONLY),
    ]


def test_reduce_only_takes_no_more_than_the_position(script: Script) -> None:
    s = script()
    s.place(20, 1, BUY, 0, 5, OrderFlag.MARKET)
    s.place(21, 2, SELL, 0, 8, OrderFlag.MARKET | OrderFlag.REDUCE_ONLY)
    assert said(s.run())[2:] == [
        ("accepted", 2),
        ("taker", 2, 100, 5),
        ("expired", 2, 3, Reason.REMAINDER_EXPIRED),
    ]


def test_reduce_only_limit_that_takes_the_whole_position_expires(script: Script) -> None:
    s = script()
    s.place(20, 1, BUY, 0, 5, OrderFlag.MARKET)
    s.place(21, 2, SELL, 100, 8, OrderFlag.REDUCE_ONLY)
    assert said(s.run())[2:] == [("accepted", 2), ("taker", 2, 100, 5), ("expired", 2, 3, Reason.REDUCE_ONLY)]


def test_reduce_only_fok_beyond_the_position_is_not_fillable(script: Script) -> None:
    s = script()
    s.place(20, 1, BUY, 0, 5, OrderFlag.MARKET)
    s.place(21, 2, SELL, 100, 8, OrderFlag.REDUCE_ONLY | OrderFlag.FOK)
    s.place(22, 3, SELL, 100, 5, OrderFlag.REDUCE_ONLY | OrderFlag.FOK)
    assert said(s.run())[2:] == [
        ("rejected", 2, Reason.FOK_NOT_FILLABLE),
        ("accepted", 3),
        ("taker", 3, 100, 5),
    ]


def test_resting_reduce_only_fills_the_position_and_expires(script: Script) -> None:
    s = script()
    s.place(20, 1, BUY, 0, 5, OrderFlag.MARKET)
    s.place(21, 2, SELL, 104, 4, OrderFlag.REDUCE_ONLY)
    s.place(21, 3, SELL, 104, 4, OrderFlag.REDUCE_ONLY)
    s.trade(30, 105, 20, BUY)
    assert said(s.run())[4:] == [
        ("maker", 2, 104, 4),
        ("maker", 3, 104, 1),
        ("expired", 3, 3, Reason.REDUCE_ONLY),
    ]


def test_resting_reduce_only_expires_when_another_order_closes_the_position(script: Script) -> None:
    s = script()
    s.place(20, 1, BUY, 0, 5, OrderFlag.MARKET)
    s.place(21, 2, SELL, 104, 4, OrderFlag.REDUCE_ONLY)
    s.place(22, 3, SELL, 0, 5, OrderFlag.MARKET)
    facts = s.run()
    assert said(facts)[3:] == [
        ("accepted", 3),
        ("taker", 3, 100, 5),
        ("expired", 2, 4, Reason.REDUCE_ONLY),
    ]
    assert facts[-1].ts == 22


def test_size_limits() -> None:
    s = with_a_book(instruments=[perpetual(min_size=3, max_size=8)])
    for client_id, size in enumerate((0, -4, 2, 3, 8, 9), 1):
        s.place(20, client_id, BUY, 90, size)
    assert said(s.run()) == [
        ("rejected", 1, Reason.INVALID_SIZE),
        ("rejected", 2, Reason.INVALID_SIZE),
        ("rejected", 3, Reason.BELOW_MIN_SIZE),
        ("accepted", 4),
        ("accepted", 5),
        ("rejected", 6, Reason.ABOVE_MAX_SIZE),
    ]


def test_min_notional_of_a_linear_instrument() -> None:
    """One lot at one tick is worth 0.1 * 0.5 * 2 = 0.1, so 10.01 need price * size >= 101 after rounding up."""
    s = with_a_book(
        instruments=[
            perpetual(tick=Decimal("0.1"), lot=Decimal("0.5"), multiplier=Decimal(2), min_notional=Decimal("10.01"))
        ]
    )
    s.place(20, 1, BUY, 100, 1)
    s.place(20, 2, BUY, 50, 2)
    s.place(20, 3, BUY, 51, 2)
    s.place(20, 4, BUY, 0, 1, OrderFlag.MARKET)  # has no price to be measured by
    s.place(21, 5, SELL, 90, 1, OrderFlag.REDUCE_ONLY)  # may always go out
    assert said(s.run()) == [
        ("rejected", 1, Reason.BELOW_MIN_NOTIONAL),
        ("rejected", 2, Reason.BELOW_MIN_NOTIONAL),
        ("accepted", 3),
        ("accepted", 4),
        ("taker", 4, 102, 1),
        ("accepted", 5),
        ("taker", 5, 100, 1),
    ]


def test_min_notional_of_an_inverse_instrument_is_in_contracts() -> None:
    s = with_a_book(instruments=[perpetual(multiplier=Decimal(100), inverse=True, min_notional=Decimal(250))])
    s.place(20, 1, BUY, 90, 2)
    s.place(20, 2, BUY, 1, 3)
    assert said(s.run()) == [("rejected", 1, Reason.BELOW_MIN_NOTIONAL), ("accepted", 2)]


def test_price_off_the_grid_is_rejected() -> None:
    s = with_a_book(instruments=[perpetual(price_rule=ConstantStep(5))])
    for client_id, price in enumerate((95, 96, 0, -5), 1):
        s.place(20, client_id, BUY, price, 1)
    assert said(s.run()) == [
        ("accepted", 1),
        ("rejected", 2, Reason.INVALID_PRICE),
        ("rejected", 3, Reason.INVALID_PRICE),
        ("rejected", 4, Reason.INVALID_PRICE),
    ]


@pytest.mark.parametrize(("figures", "unit"), [(3, 10), (3, 1), (5, 1000), (1, 100)])
def test_significant_figures_are_the_instruments_own(figures: int, unit: int) -> None:
    instrument = perpetual(price_rule=SignificantFigures(figures, unit))
    s = MarketScript([instrument])
    prices = [p + d for p in (9, 99, 100, 999, 1000, 10_000, 99_990, 123_450, 5_000_000) for d in (-1, 0, 1, 5, 10)]
    for client_id, price in enumerate(prices, 1):
        s.place(20, client_id, BUY, price, 1)
    s.run()
    valid = {f.client_id for f in s.facts if said([f])[0][0] == "accepted"}
    assert valid == {c for c, price in enumerate(prices, 1) if instrument.is_valid_price(price)}


def test_duplicate_id_is_rejected_while_the_first_is_open() -> None:
    s = with_a_book()
    s.place(20, 1, BUY, 90, 1)
    s.place(21, 1, BUY, 91, 1)
    assert said(s.run()) == [("accepted", 1), ("rejected", 1, Reason.DUPLICATE_ID)]
    order = s.order(1)
    assert order is not None
    assert order[O_PRICE] == 90


def test_too_many_orders_counts_those_that_are_open_at_the_venue() -> None:
    s = MarketScript([perpetual(0), perpetual(1), perpetual(2, venue="w")], max_open_orders=2)
    s.place(20, 1, BUY, 90, 1, i=0)
    s.place(20, 2, BUY, 90, 1, i=1)
    s.place(20, 3, BUY, 90, 1, i=0)
    s.place(20, 4, BUY, 90, 1, i=2)
    s.cancel(21, 2, i=1)
    s.place(22, 5, BUY, 90, 1, i=0)
    assert said(s.run()) == [
        ("accepted", 1),
        ("accepted", 2),
        ("rejected", 3, Reason.TOO_MANY_ORDERS),
        ("accepted", 4),
        ("cancelled", 2, 1, Reason.NONE),
        ("accepted", 5),
    ]


def test_more_orders_than_there_is_room_for() -> None:
    """The state has room for 64 orders to begin with, a venue allows 200."""
    s = with_a_book(max_open_orders=200)
    for client_id in range(1, 202):
        s.place(20, client_id, BUY, 1 + client_id % 90, client_id)
    facts = s.run(20)
    assert said(facts) == [("accepted", c) for c in range(1, 201)] + [("rejected", 201, Reason.TOO_MANY_ORDERS)]
    orders = s.exchange.open_orders(0)
    assert [(o.client_id, o.price, o.size) for o in orders] == [(c, 1 + c % 90, c) for c in range(1, 201)]


# --- amend and cancel -----------------------------------------------------------------------------------------------


def amended(script: Script, *changes: tuple[int, int], flags: int = 0, **options: Any) -> MarketScript:
    """Stand 1 behind 6 of 10 lots at 100 and 2 behind it, then change 1."""
    s = script(**options)
    s.place(20, 1, BUY, 100, 5, flags)
    s.trade(21, 100, 4, SELL)
    s.place(22, 2, BUY, 100, 5)
    for n, (price, size) in enumerate(changes):
        s.amend(30 + n, 1, price, size)
    return s


def test_amend_to_less_size_at_the_same_price_keeps_the_place(script: Script) -> None:
    s = amended(script, (100, 3))
    s.trade(40, 100, 8, SELL)
    facts = s.run()
    assert said(facts)[2:] == [("amended", 1, 100, 3), ("maker", 1, 100, 2)]
    s = amended(script, (100, 5))
    s.trade(40, 100, 8, SELL)
    assert said(s.run())[-1] == ("maker", 1, 100, 2)


@pytest.mark.parametrize("change", [(100, 6), (99, 5)])
def test_amend_to_more_size_or_another_price_loses_the_place(script: Script, change: Level) -> None:
    s = amended(script, change)
    s.run(29)
    before = s.order(1)
    assert s.ahead(1) == 6
    assert said(s.run(30)) == [("amended", 1, *change)]
    after, second = s.order(1), s.order(2)
    assert before is not None
    assert after is not None
    assert second is not None
    assert after[O_ARRIVAL] > second[O_ARRIVAL] > before[O_ARRIVAL]
    assert s.ahead(1) == (6 if change[0] == 100 else 20)
    assert [o.client_id for o in s.exchange.open_orders(0)] == [2, 1]


def test_amended_order_is_served_after_those_it_fell_behind(script: Script) -> None:
    s = amended(script, (100, 6))
    s.trade(40, 98, 7, SELL)
    assert fills(s.run()) == [("maker", 2, 100, 5), ("maker", 1, 100, 2)]


def test_post_only_amend_that_would_take_is_refused_and_the_order_stands(script: Script) -> None:
    s = amended(script, (102, 5), flags=OrderFlag.POST_ONLY)
    s.trade(40, 100, 8, SELL)
    assert said(s.run())[2:] == [("amend rejected", 1, Reason.POST_ONLY_WOULD_TAKE), ("maker", 1, 100, 2)]


def test_amend_of_a_plain_limit_may_take(script: Script) -> None:
    s = amended(script, (102, 15))
    facts = s.run(40)
    assert said(facts)[2:] == [("amended", 1, 102, 15), ("taker", 1, 102, 10)]
    order = s.order(1)
    assert order is not None
    assert (order[O_FILLED], order[O_SIZE], order[O_PRICE]) == (10, 15, s.turned(102))
    s = amended(script, (102, 5))
    assert said(s.run())[2:] == [("amended", 1, 102, 5), ("taker", 1, 102, 5)]
    assert s.order(1) is None


def test_amend_of_an_order_being_filled_counts_what_is_filled(script: Script) -> None:
    s = amended(script, (100, 2), (100, 1), (100, 3))
    s.trade(29, 100, 8, SELL)  # fills 2
    facts = s.run()
    assert said(facts)[2:] == [
        ("maker", 1, 100, 2),
        ("amend rejected", 1, Reason.INVALID_SIZE),
        ("amend rejected", 1, Reason.INVALID_SIZE),
        ("amended", 1, 100, 3),
    ]
    s = amended(script, (101, 7))
    s.trade(29, 100, 8, SELL)
    s.trade(40, 100, 9, SELL)
    assert said(s.run())[2:] == [
        ("maker", 1, 100, 2),
        ("amended", 1, 101, 7),
        ("maker", 1, 101, 5),
        ("maker", 2, 100, 4),
    ]


def test_amend_obeys_the_rules_of_new_orders() -> None:
    s = with_a_book(instruments=[perpetual(min_size=2, max_size=50, min_notional=Decimal(300))])
    s.place(20, 1, BUY, 100, 5)
    for n, (price, size) in enumerate([(100, 1), (100, 51), (0, 5), (-1, 5), (59, 5), (100, 2), (60, 5)]):
        s.amend(30 + n, 1, price, size)
    s.amend(40, 2, 100, 5)
    assert said(s.run())[1:] == [
        ("amend rejected", 1, Reason.BELOW_MIN_SIZE),
        ("amend rejected", 1, Reason.ABOVE_MAX_SIZE),
        ("amend rejected", 1, Reason.INVALID_PRICE),
        ("amend rejected", 1, Reason.INVALID_PRICE),
        ("amend rejected", 1, Reason.BELOW_MIN_NOTIONAL),
        ("amend rejected", 1, Reason.BELOW_MIN_NOTIONAL),
        ("amended", 1, 60, 5),
        ("amend rejected", 2, Reason.UNKNOWN_ORDER),
    ]


def test_cancel_names_what_was_left(script: Script) -> None:
    s = script()
    s.place(20, 1, BUY, 101, 5)
    s.trade(21, 101, 2, SELL)
    s.cancel(22, 1)
    s.trade(23, 101, 9, SELL)
    s.cancel(24, 1)
    assert said(s.run()) == [
        ("accepted", 1),
        ("maker", 1, 101, 2),
        ("cancelled", 1, 3, Reason.NONE),
        ("cancel rejected", 1, Reason.UNKNOWN_ORDER),
    ]


def test_cancel_all_ends_the_orders_of_one_instrument() -> None:
    s = MarketScript([perpetual(0), perpetual(1)])
    for client_id in (1, 2, 3):
        s.place(20, client_id, BUY, 90 + client_id, 1)
    s.place(20, 4, BUY, 90, 1, i=1)
    s.cancel_all(21)
    assert said(s.run())[4:] == [("cancelled", c, 1, Reason.CANCEL_ALL) for c in (1, 2, 3)]
    assert [o.client_id for o in s.exchange.open_orders(0)] == [4]
