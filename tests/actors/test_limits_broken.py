"""Orders that no limit was made for: what a strategy's bug can ask for, and what leaves for the venue."""

import math
from typing import Any

import numpy as np
import pytest

from actors.order_config import OrderManagerConfig
from actors.risk import LOOK_EVERY, Limits
from market.messages import AmendOrder, AmendWish, OrderFlag, PlaceOrder, Reason, SubmitOrder, WantedQuotes
from market.units import SECOND
from tests.actors.model_venue import World, load_book, refusals, want, world

MARKET, IOC, POST_ONLY, FOK, REDUCE = (
    int(getattr(OrderFlag, name)) for name in ("MARKET", "IOC", "POST_ONLY", "FOK", "REDUCE_ONLY")
)


def limited(**limits: Any) -> World:
    return world(OrderManagerConfig(session=5, limits=Limits(**limits)))


def placed(w: World) -> list[tuple[int, int, int]]:
    return [(m.side, m.price, m.size) for m in w.commands if isinstance(m, PlaceOrder)]


def submit(w: World, price: Any, size: Any, side: int = 1, flags: int = 0, tag: int = 1) -> None:
    w.give(SubmitOrder(0, 0, tag, side, price, size, flags))


@pytest.mark.parametrize("size", [math.nan, math.inf, -math.inf, 2.5, "5", None])
def test_a_size_that_is_no_number_of_lots_is_refused(size: Any) -> None:
    w = world()
    submit(w, 9_990, size)
    w.give(WantedQuotes(0, 0, ((9_990, size),), ()))
    assert placed(w) == []
    assert [reason for _, reason in refusals(w)] == [Reason.INVALID_SIZE] * 2
    assert all((type(r.price), type(r.size)) == (int, int) for r in w.refused), "tables have whole numbers"
    assert w.manager.ledger.guards[0].open_buy == 0


@pytest.mark.parametrize("price", [math.nan, math.inf, 9_990.0, "9990"])
def test_a_price_that_is_no_number_of_ticks_is_refused(price: Any) -> None:
    w = world()
    submit(w, price, 5)
    w.give(WantedQuotes(0, 0, ((price, 5),), ()))
    assert placed(w) == []
    assert {reason for _, reason in refusals(w)} == {Reason.INVALID_PRICE}


def test_whole_numbers_of_any_make_are_taken_as_ints() -> None:
    w = world()
    submit(w, np.int64(9_990), np.int32(5))
    (order,) = [m for m in w.commands if isinstance(m, PlaceOrder)]
    assert (order.price, order.size, type(order.price), type(order.size)) == (9_990, 5, int, int)


@pytest.mark.parametrize(("price", "size"), [(math.nan, 5), (9_990, math.nan), (9_990, 2.5), (0, 5), (-5, 5)])
def test_an_amend_to_what_is_no_order_is_refused(price: Any, size: Any) -> None:
    w = world()
    submit(w, 9_985, 4)
    w.settle()
    w.give(AmendWish(0, 0, 1, price, size))
    assert not [m for m in w.commands if isinstance(m, AmendOrder)]
    assert len(w.refused) == 1


@pytest.mark.parametrize("flags", [POST_ONLY | IOC, IOC | FOK, POST_ONLY | FOK, MARKET | POST_ONLY, MARKET | FOK])
def test_flags_that_contradict_each_other_never_reach_a_connector(flags: int) -> None:
    w = world()
    submit(w, 0 if flags & MARKET else 9_990, 5, flags=flags)
    assert placed(w) == []
    assert [reason for _, reason in refusals(w)] == [Reason.INVALID_TERMS]


@pytest.mark.parametrize("side", [0, 2, -7])
def test_a_side_that_is_none_is_refused(side: int) -> None:
    w = world()
    submit(w, 9_990, 5, side)
    assert placed(w) == []
    assert [reason for _, reason in refusals(w)] == [Reason.INVALID_TERMS]


@pytest.mark.parametrize(("side", "worst"), [(1, 10_100), (-1, 9_900)])
def test_a_market_order_is_held_by_the_collar(side: int, worst: int) -> None:
    w = limited(price_collar_bps=100)
    submit(w, 0, 5, side, MARKET)
    assert placed(w) == [(side, worst, 5)], "a book that is gone when it arrives costs no more"


def test_no_order_of_any_kind_without_a_book() -> None:
    w = world()
    for side in (0, 1):
        book = np.array([[10_000, 5]])[:0]
        w.manager.books[0].load(book, book, w.now, w.now, 5 + side)
    for n, flags in enumerate((0, MARKET, IOC, REDUCE | IOC, POST_ONLY)):
        submit(w, 0 if flags & MARKET else 9_990, 5, flags=flags, tag=1 + n)
    assert placed(w) == []
    assert {reason for _, reason in refusals(w)} == {Reason.NO_BOOK}


def test_a_book_that_empties_is_noticed_within_the_time_between_two_looks() -> None:
    w = world()
    submit(w, 9_990, 5)
    none = np.empty((0, 2), np.int64)
    w.manager.books[0].load(none, none, w.now, w.now, 5)
    w.advance(LOOK_EVERY)
    submit(w, 9_991, 5, tag=2)
    assert len(placed(w)) == 1
    w.give(AmendWish(0, 0, 1, 9_992, 5))
    assert not [m for m in w.commands if isinstance(m, AmendOrder)], "an amend looks at once"


def test_the_collar_follows_the_market() -> None:
    w = limited(price_collar_bps=100)
    submit(w, 9_990, 5)
    load_book(w.manager, 0, 10_990, 11_010)
    submit(w, 10_990, 5, tag=2)
    w.advance(LOOK_EVERY)
    submit(w, 9_990, 5, tag=3)
    assert [price for _, price, _ in placed(w)] == [9_990, 10_990], "refused by an old touch, it is held to the new one"
    assert refusals(w)[-1] == (9_990, Reason.PRICE_COLLAR)


def test_amends_are_held_to_every_limit() -> None:
    w = limited(max_order_size=1.0, max_order_notional=95.0, max_position=0.9, max_order_rate=3.0, price_collar_bps=50)
    submit(w, 9_990, 5)
    w.settle()
    for wish, reason in (
        ((9_990, 11), Reason.LIMIT_ORDER_SIZE),
        ((9_990, 10), Reason.LIMIT_ORDER_NOTIONAL),
        ((9_900, 5), Reason.PRICE_COLLAR),
    ):
        w.give(AmendWish(0, 0, 1, *wish))
        assert w.refused[-1].reason == reason
    submit(w, 9_980, 4, tag=2)
    w.settle()
    w.give(AmendWish(0, 0, 1, 9_990, 6))
    assert w.refused[-1].reason == Reason.LIMIT_POSITION
    w.give(AmendWish(0, 0, 1, 9_991, 5))
    w.settle()
    w.give(AmendWish(0, 0, 1, 9_992, 5))
    assert w.refused[-1].reason == Reason.LIMIT_ORDER_RATE
    assert [(m.price, m.size) for m in w.commands if isinstance(m, AmendOrder)] == [(9_991, 5)]


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"max_order_size": 0.05}, Reason.LIMIT_ORDER_SIZE),
        ({"max_order_notional": 0.01}, Reason.LIMIT_ORDER_NOTIONAL),
        ({"max_position": 0.05}, Reason.LIMIT_POSITION),
        ({"max_position_notional": 0.01}, Reason.LIMIT_POSITION),
        ({"price_collar_bps": 1e-9}, Reason.PRICE_COLLAR),
    ],
)
def test_limits_of_next_to_nothing_let_nothing_through(limits: Any, reason: Reason) -> None:
    w = limited(**limits)
    assert want(w, [(9_990, 2)], [(10_010, 2)]) == []
    assert {each for _, each in refusals(w)} == {reason}


def test_a_strategy_that_asks_for_ever_is_held_by_rate_and_number() -> None:
    w = limited(max_order_rate=10.0, max_open_orders=12)
    for n in range(1000):
        submit(w, 9_000 + n % 900 + 100, 2, tag=n + 1)
        w.advance(SECOND // 1000)
    assert len(placed(w)) == 12
    assert w.manager.ledger.guards[0].n_live == 12
