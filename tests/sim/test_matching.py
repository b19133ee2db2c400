"""What a print and a book do to orders: every rule with a known answer, on both sides of the book."""

import pytest

from market.messages import OrderFlag
from sim.fill_model import FillModel
from tests.sim.market_script import ASKS, BIDS, BUY, SELL, MarketScript, Script, perpetual, said


@pytest.mark.parametrize(
    ("price", "ahead"),
    [(101, 0), (100, 10), (99, 20), (98, 0), (97, 30), (96, -1 / 1024)],
    ids=["inside the spread", "touch", "level", "hole", "worst", "beyond the worst: unknown"],
)
def test_ahead_at_arrival(script: Script, price: int, ahead: float) -> None:
    s = script()
    s.place(20, 1, BUY, price, 5)
    s.run(20)
    assert s.ahead(1) == ahead


def test_unknown_ahead_is_set_when_the_price_is_first_displayed(script: Script) -> None:
    s = script()
    s.place(20, 1, BUY, 96, 5)
    s.trade(30, 96, 100, SELL)  # who knows how much stood ahead
    s.book(40, BIDS[:2], ASKS)
    s.book(50, [(99, 20), (96, 8)], ASKS)
    s.trade(60, 96, 9, SELL)
    assert said(s.run(40)) == [("accepted", 1)]
    assert s.ahead(1) == -1 / 1024
    s.run(50)
    assert s.ahead(1) == 8
    assert said(s.run()) == [("maker", 1, 96, 1)]


def test_a_book_that_does_not_reach_the_price_changes_nothing(script: Script) -> None:
    s = script()
    s.place(20, 1, BUY, 97, 5)
    s.trade(25, 97, 4, SELL)
    s.book(30, BIDS[:2], ASKS)
    s.book(40, [], ASKS)
    s.run(40)
    assert s.ahead(1) == 26


def test_prints_at_the_price_work_off_what_is_ahead_then_fill(script: Script) -> None:
    s = script()
    s.place(20, 1, BUY, 100, 5)
    s.trade(30, 100, 4, BUY)  # an aggressive buyer at our bid meets nobody of the queue we stand in
    s.trade(31, 101, 50, SELL)  # above us
    s.trade(32, 100, 7, SELL)
    for ts, lots in ((33, 4), (34, 3), (35, 3)):
        s.trade(ts, 100, lots, SELL)
    s.run(32)
    assert s.ahead(1) == 3
    assert said(s.run()) == [("maker", 1, 100, 1), ("maker", 1, 100, 3), ("maker", 1, 100, 1)]


def test_print_through_the_price_fills_whatever_is_ahead(script: Script) -> None:
    s = script()
    s.place(20, 1, BUY, 100, 5)
    s.trade(30, 99, 3, SELL)
    s.trade(31, 99, 3, BUY)  # by either aggressor: nobody may sell below a bid that stands
    assert said(s.run())[1:] == [("maker", 1, 100, 3), ("maker", 1, 100, 2)]


def test_opposite_best_at_our_price_fills_the_whole_rest(script: Script) -> None:
    s = script()
    s.place(20, 1, BUY, 100, 5)
    s.trade(25, 99, 1, SELL)
    s.book(30, [(99, 1)], [(101, 9)])
    s.book(31, [(99, 1)], [(100, 1)])
    facts = s.run()
    assert said(facts)[1:] == [("maker", 1, 100, 1), ("maker", 1, 100, 4)]
    assert facts[-1].ts == 31


def test_risk_averse_moves_up_only_when_less_is_displayed_than_is_ahead(script: Script) -> None:
    s = script(fill_model=FillModel.RISK_AVERSE)
    s.place(20, 1, BUY, 100, 5)
    for ts, shown in ((30, 14), (31, 10), (32, 7), (33, 9)):
        s.book(ts, [(100, shown), (99, 1)], ASKS)
    assert [(s.run(ts), s.ahead(1))[1] for ts in (30, 31, 32, 33)] == [10, 10, 7, 7]
    s = script()
    s.place(20, 1, BUY, 100, 5)
    s.book(30, [(99, 1), (98, 1)], ASKS)  # our price fell to a hole
    s.run(30)
    assert s.ahead(1) == 0


def test_probabilistic_power_by_hand(script: Script) -> None:
    """Front share of a decrease: front**2 / (front**2 + back**2)."""
    s = script(fill_model=FillModel.PROBABILISTIC_POWER, power=2)
    s.place(20, 1, BUY, 100, 5)
    s.book(30, [(100, 14)], ASKS)  # 4 join behind
    s.book(31, [(100, 10)], ASKS)  # 4 go: 100 / 116 of them in front
    s.trade(32, 100, 3, SELL)
    s.book(33, [(100, 7)], ASKS)  # the prints alone explain it
    s.book(34, [(100, 5)], ASKS)  # 2 more go, of 3.5517 in front and 3.4483 behind
    s.run(30)
    assert s.ahead(1) == 10
    s.run(31)
    first = 10 - 4 * 100 / 116
    assert s.ahead(1) == pytest.approx(first, abs=1 / 1024)
    s.run(33)
    assert s.ahead(1) == pytest.approx(first - 3, abs=1 / 1024)
    s.run(34)
    front, back = first - 3, 7 - (first - 3)
    assert s.ahead(1) == pytest.approx(front - 2 * front**2 / (front**2 + back**2), abs=2 / 1024)


def test_probabilistic_log_by_hand(script: Script) -> None:
    """Front share of a decrease: ln(1 + front) / (ln(1 + front) + ln(1 + back)) = 2.3979 / (2.3979 + 1.6094)."""
    s = script(fill_model=FillModel.PROBABILISTIC_LOG)
    s.place(20, 1, BUY, 100, 5)
    s.book(30, [(100, 14)], ASKS)
    s.book(31, [(100, 10)], ASKS)
    s.run(31)
    assert s.ahead(1) == pytest.approx(10 - 4 * 2.3978953 / (2.3978953 + 1.6094379), abs=1 / 1024)


@pytest.mark.parametrize("model", [FillModel.PROBABILISTIC_POWER, FillModel.PROBABILISTIC_LOG])
def test_probabilistic_gives_from_the_front_what_the_back_has_not(script: Script, model: FillModel) -> None:
    """2 in front and 8 behind; 9 of the 10 go, so at least 1 of them stood in front, and 1 is all that is left."""
    s = script(fill_model=model)
    s.place(20, 1, BUY, 97, 5)
    s.trade(21, 97, 28, SELL)
    s.book(30, [(97, 10)], ASKS)
    s.book(31, [(97, 1)], ASKS)
    s.run(30)
    assert s.ahead(1) == 2
    s.run(31)
    assert 0 <= s.ahead(1) <= 1


def test_at_the_end_of_the_queue_every_cancel_is_in_front(script: Script) -> None:
    for model in (FillModel.PROBABILISTIC_POWER, FillModel.PROBABILISTIC_LOG, FillModel.RISK_AVERSE):
        s = script(fill_model=model)
        s.place(20, 1, BUY, 100, 5)
        s.book(30, [(100, 6)], ASKS)
        s.run(30)
        assert s.ahead(1) == 6


def test_print_is_shared_by_price_then_by_arrival(script: Script) -> None:
    s = script()
    s.place(20, 1, BUY, 100, 5)
    s.place(21, 2, BUY, 100, 5)
    s.place(22, 3, BUY, 101, 5)
    s.trade(30, 99, 12, SELL)
    s.trade(31, 99, 12, SELL)
    assert said(s.run())[3:] == [
        ("maker", 3, 101, 5),
        ("maker", 1, 100, 5),
        ("maker", 2, 100, 2),
        ("maker", 2, 100, 3),
    ]


def test_print_fills_no_more_than_its_size_over_through_and_at(script: Script) -> None:
    s = script()
    s.place(20, 1, BUY, 100, 9)
    s.place(21, 2, BUY, 101, 5)
    s.trade(30, 100, 12, SELL)  # 5 of it at 101; 12 - 10 ahead reach order 1
    s.trade(31, 100, 3, SELL)
    s.trade(32, 100, 3, SELL)
    assert said(s.run())[2:] == [
        ("maker", 2, 101, 5),
        ("maker", 1, 100, 2),
        ("maker", 1, 100, 3),
        ("maker", 1, 100, 3),
    ]
    s = script()
    s.place(20, 1, BUY, 101, 9)
    s.place(21, 2, BUY, 101, 9)
    s.trade(30, 101, 12, SELL)
    assert said(s.run())[2:] == [("maker", 1, 101, 9), ("maker", 2, 101, 3)]


def test_order_that_is_not_done_lets_nothing_through_to_those_behind_it(script: Script) -> None:
    s = script()
    s.place(20, 1, BUY, 100, 9)
    s.place(21, 2, BUY, 100, 9)
    s.trade(30, 100, 14, SELL)  # 4 past the ten ahead of both
    s.trade(31, 100, 5, SELL)
    s.trade(32, 100, 5, SELL)
    assert said(s.run())[2:] == [("maker", 1, 100, 4), ("maker", 1, 100, 5), ("maker", 2, 100, 5)]


def test_partial_fills_off_fills_whole_orders(script: Script) -> None:
    s = script(partial_fills=False)
    s.place(20, 1, BUY, 100, 50)
    s.place(21, 2, BUY, 101, 50)
    s.trade(30, 101, 1, SELL)
    s.trade(31, 100, 10, SELL)
    s.trade(32, 100, 1, SELL)
    assert said(s.run())[2:] == [("maker", 2, 101, 50), ("maker", 1, 100, 50)]


def test_strict_cross_fills_only_by_prints_through_the_price(script: Script) -> None:
    s = script(fill_model=FillModel.STRICT_CROSS)
    s.place(20, 1, BUY, 101, 5)
    s.trade(30, 101, 50, SELL)
    s.book(31, [(98, 1)], [(101, 9)])
    s.book(32, [(98, 1)], [(99, 9)])
    s.trade(33, 100, 2, SELL)
    facts = s.run()
    assert said(facts) == [("accepted", 1), ("maker", 1, 101, 2)]
    assert facts[-1].ts == 33


def test_touch_fills_by_any_print_at_or_through_the_price(script: Script) -> None:
    s = script(fill_model=FillModel.TOUCH)
    s.place(20, 1, BUY, 100, 9)
    s.place(20, 2, BUY, 96, 9)
    s.trade(30, 100, 1, SELL)
    s.trade(31, 100, 2, BUY)
    s.trade(32, 99, 3, SELL)
    s.trade(33, 101, 50, SELL)
    s.trade(34, 96, 4, SELL)
    assert said(s.run())[2:] == [
        ("maker", 1, 100, 1),
        ("maker", 1, 100, 2),
        ("maker", 1, 100, 3),
        ("maker", 1, 100, 3),
        ("maker", 2, 96, 1),
    ]


def test_every_venue_has_its_own_rules() -> None:
    s = MarketScript(
        [perpetual(0), perpetual(1, venue="w")],
        venues={"v": {"fill_model": FillModel.STRICT_CROSS}, "w": {"fill_model": FillModel.TOUCH}},
    )
    for i in (0, 1):
        s.book(10, BIDS, ASKS, i=i)
        s.place(20, 1 + i, BUY, 100, 5, i=i)
        s.trade(30, 100, 3, SELL, i=i)
    facts = s.run()
    assert said(facts)[2:] == [("maker", 2, 100, 3)]
    assert s.exchange.positions(0) == ((0, 0),)
    assert s.exchange.positions(1) == ((1, 3),)


def test_without_a_book_orders_rest_with_an_unknown_queue(script: Script) -> None:
    s = script()
    s.place(5, 1, BUY, 100, 5, OrderFlag.POST_ONLY)
    s.trade(8, 100, 50, SELL)
    s.trade(11, 100, 11, SELL)
    assert said(s.run()) == [("accepted", 1), ("maker", 1, 100, 1)]
