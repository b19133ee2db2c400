"""What the order manager does with wishes: known answers."""

from typing import Any

import numpy as np
import pytest

from actors.order_config import OrderManagerConfig, QuoterSpec
from actors.risk import Limits
from market.messages import (
    Adjustment,
    AmendOrder,
    AmendWish,
    BookUpdate,
    CancelAllWish,
    CancelWish,
    Fill,
    OrderFlag,
    OrderRefused,
    PositionInDoubt,
    Reason,
    SubmitOrder,
    WantedQuotes,
    first_client_id,
)
from tests.actors.model_venue import START, S, World, load_book, refusals, said, states, want, world


def test_new_orders_before_cancels_bids_before_asks() -> None:
    w = world()
    assert want(w, [(9_990, 5)], [(10_010, 5)]) == [("place", 1, 9_990, 5), ("place", -1, 10_010, 5)]
    assert w.log[0][8] == OrderFlag.POST_ONLY
    w.settle()
    assert want(w, [(9_991, 5)], [(10_011, 5)]) == [
        ("place", 1, 9_991, 5),
        ("place", -1, 10_011, 5),
        ("cancel", 9_990),
        ("cancel", 10_010),
    ]


def test_client_ids_say_whose_they_are_and_are_not_repeated() -> None:
    w = world()
    want(w, [(9_990, 5)])
    assert list(w.manager.ledger.live) == [first_client_id(5, 0, 0) + 1]
    w.settle()
    w.restart()
    w.settle()
    want(w, [(9_990, 5)])
    assert list(w.manager.ledger.live) == [first_client_id(5, 1, 0) + 1]


def test_same_quotes_ask_for_nothing_and_a_filled_one_is_placed_again() -> None:
    w = world()
    want(w, [(9_990, 5)])
    w.settle()
    assert want(w, [(9_990, 5)]) == []
    w.fill(w.open_orders()[0], 3)
    w.settle()
    assert want(w, [(9_990, 5)]) == [], "a rest is not replaced"
    w.fill(w.open_orders()[0], 2)
    w.settle()
    assert want(w, [(9_990, 5)]) == [("place", 1, 9_990, 5)]


def test_price_wanted_again_while_its_cancel_is_in_flight_is_a_new_order() -> None:
    w = world()
    want(w, [(9_990, 5)])
    w.settle()
    want(w, [(9_991, 5)])
    assert want(w, [(9_990, 5)]) == [("place", 1, 9_990, 5), ("cancel", 9_991)]
    assert len(w.manager.ledger.live) == 3


def test_two_levels_of_the_same_price_are_one_order() -> None:
    w = world()
    want(w, [(9_990, 5), (9_980, 5)])
    w.settle()
    assert want(w, [(9_990, 5), (9_990, 7)]) == [("cancel", 9_980)]


@pytest.mark.parametrize(
    ("resize", "size", "expected"),
    [
        ("never", 8, []),
        ("larger", 8, [("place", 1, 9_990, 8), ("cancel", 9_990)]),
        ("larger", 4, []),
        ("always", 4, [("place", 1, 9_990, 4), ("cancel", 9_990)]),
        ("always", 5, []),
    ],
)
def test_resize(resize: str, size: int, expected: Any) -> None:
    w = world(resize=resize)
    want(w, [(9_990, 5)])
    w.settle()
    assert want(w, [(9_990, size)]) == expected
    assert want(w, [(9_990, size)]) == []


def test_unwanted_order_that_is_not_accepted_yet() -> None:
    at_once = world()
    want(at_once, [(9_990, 5)])
    assert want(at_once, [(9_991, 5)]) == [("place", 1, 9_991, 5), ("cancel", 9_990)]

    on_accept = world(cancel_pending="on_accept")
    want(on_accept, [(9_990, 5)])
    assert want(on_accept, [(9_991, 5)]) == [("place", 1, 9_991, 5)]
    assert want(on_accept, [(9_990, 5)]) == [], "it counts as there"
    assert want(on_accept, [(9_991, 5)]) == []
    on_accept.serve()
    on_accept.emit(on_accept.facts)
    on_accept.handle()
    assert said(on_accept) == [("cancel", 9_990)]

    next_quotes = world(cancel_pending="next_quotes")
    want(next_quotes, [(9_990, 5)])
    want(next_quotes, [(9_991, 5)])
    next_quotes.settle()
    assert said(next_quotes) == []
    assert want(next_quotes, [(9_991, 5)]) == [("cancel", 9_990)]


def test_sequential_places_when_the_end_of_the_old_one_is_known() -> None:
    w = world(policy="sequential")
    want(w, [(9_990, 5)], [(10_010, 5)])
    w.settle()
    assert want(w, [(9_991, 5)], [(10_010, 5)]) == [("cancel", 9_990)]
    assert want(w, [(9_992, 5)], [(10_010, 5)]) == []
    w.serve()
    w.emit(w.facts)
    w.handle()
    assert said(w) == [("place", 1, 9_992, 5)], "the last wish counts"


def test_quotes_may_take_where_post_only_is_off() -> None:
    w = world(post_only=False)
    want(w, [(9_990, 5)])
    assert w.log[0][8] == 0


# --- limits ----------------------------------------------------------------------------------------------------------


def limited(**limits: Any) -> World:
    return world(OrderManagerConfig(limits=Limits(**limits)))


def test_refused_quote_is_told_once_until_price_or_reason_change() -> None:
    w = limited(max_position=0.4)
    for _ in range(3):
        assert want(w, [(9_990, 5)]) == []
    assert refusals(w) == [(9_990, Reason.LIMIT_POSITION)]
    want(w, [(9_991, 5)])
    want(w, [(9_991, 1)])
    assert refusals(w)[1:] == [(9_991, Reason.LIMIT_POSITION), (9_991, Reason.BELOW_MIN_SIZE)]
    assert want(w, [(9_991, 4)]) == [("place", 1, 9_991, 4)], "what is allowed again is placed"


def test_orders_whose_end_is_not_known_count_in_full() -> None:
    w = limited(max_position=1.0)
    want(w, [(9_990, 5)])
    w.settle()
    assert want(w, [(9_991, 5)]) == [("place", 1, 9_991, 5), ("cancel", 9_990)]
    assert want(w, [(9_992, 5)]) == [("cancel", 9_991)]
    assert refusals(w) == [(9_992, Reason.LIMIT_POSITION)]
    w.settle()
    assert want(w, [(9_992, 5)]) == [("place", 1, 9_992, 5)]


def test_fills_and_adjustments_move_the_position_that_is_limited() -> None:
    w = limited(max_position=1.0)
    want(w, [(9_990, 5)])
    w.settle()
    w.fill(w.open_orders()[0], 5)
    w.settle()
    adjustment = Adjustment(0, START + 7, START, 1, 1, 9_990, "test")
    w.give(adjustment)
    w.give(adjustment)  # it stood in the log, and waited in the mailbox
    w.give(Adjustment(0, START + 7, START, 2, 2, 9_990, "another at the same instant"))
    assert want(w, [(9_990, 3)]) == []
    assert want(w, [(9_990, 2)]) == [("place", 1, 9_990, 2)]


def test_what_the_account_may_hold_beyond_our_position_counts_at_its_worst() -> None:
    w = limited(max_position=1.0)
    w.commands.clear()
    w.give(PositionInDoubt(0, START, 4))
    assert said(w) == ["RequestAccount"], "a second look, at once"
    assert want(w, [(9_990, 7)], [(10_010, 8)]) == [("place", -1, 10_010, 8)], "it is long, or it is not"
    w.give(PositionInDoubt(0, START, -4))
    assert want(w, [(9_990, 7)], [(10_010, 8), (10_011, 2)]) == [("place", 1, 9_990, 7)]
    w.give(PositionInDoubt(0, START, 0))
    w.settle()
    assert want(w, [(9_990, 7)], [(10_010, 8), (10_011, 2)]) == [("place", -1, 10_011, 2)]


def test_what_is_held_back_is_told_to_the_recorder_as_well() -> None:
    w = limited(max_position=1.0)
    want(w, [(9_990, 11)])
    w.give(SubmitOrder(0, 0, 4, 1, 9_980, 5, 0))
    w.settle()
    w.give(AmendWish(0, 0, 4, 9_980, 12))
    (order,) = w.manager.ledger.live.values()
    limit = int(Reason.LIMIT_POSITION)
    assert w.refused == [
        OrderRefused(START, 0, 0, 0, 0, 1, 9_990, 11, limit),
        OrderRefused(w.now, 0, 0, 4, order.client_id, 1, 9_980, 12, limit),
    ]


def test_collar_follows_the_book_at_once_for_a_price_it_would_refuse() -> None:
    w = limited(price_collar_bps=50.0)
    want(w, [(9_990, 5)])
    load_book(w.manager, 0, 10_200, 10_202)
    assert want(w, [(10_195, 5)]) == [("place", 1, 10_195, 5), ("cancel", 9_990)]
    assert want(w, [(10_100, 5)]) == [("cancel", 10_195)]
    assert refusals(w) == [(10_100, Reason.PRICE_COLLAR)]


def test_books_come_as_messages_too() -> None:
    w = limited(price_collar_bps=50.0)
    w.give(BookUpdate(0, START, START, 2, np.array([[20_000, 1]]), np.array([[20_002, 1]])))
    assert want(w, [(19_990, 5)]) == [("place", 1, 19_990, 5)]


# --- single orders ---------------------------------------------------------------------------------------------------


def test_single_order_life() -> None:
    w = world()
    w.give(SubmitOrder(0, 0, 4, -1, 10_020, 6, int(OrderFlag.REDUCE_ONLY)))
    (place,) = w.commands
    assert (place.side, place.price, place.size, place.flags) == (-1, 10_020, 6, OrderFlag.REDUCE_ONLY)
    w.settle()
    w.give(AmendWish(0, 0, 4, 10_015, 8))
    assert isinstance(w.commands[-1], AmendOrder)
    w.give(AmendWish(0, 0, 4, 10_012, 7))
    w.give(AmendWish(0, 0, 4, 10_011, 7))
    assert len(w.commands) == 2, "one amend in flight at a time"
    w.settle()
    assert states(w) == {10_011: S.OPEN}, "the last wish, after the answer to the first"
    assert [c.price for c in w.commands if isinstance(c, AmendOrder)] == [10_015, 10_011]
    assert want(w, [(9_990, 5)]) == [("place", 1, 9_990, 5)], "wanted quotes leave single orders alone"
    w.give(CancelWish(0, 0, 4))
    w.settle()
    assert states(w) == {9_990: S.OPEN}
    told = [(u.tag, S(u.state)) for u in w.updates if u.tag == 4]
    assert told[0] == (4, S.PENDING_NEW)
    assert told[-1] == (4, S.CANCELLED)
    w.give(AmendWish(0, 0, 4, 10_000, 5))
    assert (w.updates[-1].tag, w.updates[-1].reason) == (4, Reason.UNKNOWN_ORDER)


def test_bad_single_orders_are_refused_with_the_reason() -> None:
    w = world()
    for tag, price, size, reason in (
        (1, 0, 5, Reason.INVALID_PRICE),
        (1, 9_990, 1, Reason.BELOW_MIN_SIZE),
        (1, 5_000, 5, Reason.PRICE_COLLAR),
        (0, 9_990, 5, Reason.DUPLICATE_ID),
    ):
        w.give(SubmitOrder(0, 0, tag, 1, price, size, 0))
        assert (w.updates[-1].state, w.updates[-1].reason) == (S.REJECTED, reason)
    w.give(SubmitOrder(0, 1, 2, 1, 9_990, 5, 0))
    assert w.updates[-1].reason == Reason.NO_BOOK, "an instrument that it only reads"
    assert w.commands == []
    w.give(SubmitOrder(0, 0, 3, 1, 9_990, 5, 0))
    w.give(SubmitOrder(0, 0, 3, 1, 9_990, 5, 0))
    assert w.updates[-1].reason == Reason.DUPLICATE_ID


def test_rejects_of_the_venue_reach_the_owner_with_their_reason() -> None:
    w = world()
    want(w, [(9_990, 5)])
    w.serve("no")
    w.settle()
    assert (w.updates[-1].state, w.updates[-1].reason) == (S.REJECTED, Reason.POST_ONLY_WOULD_TAKE)
    assert want(w, [(9_990, 5)]) == [("place", 1, 9_990, 5)]


def test_cancel_all_is_for_one_quoter_and_clears_what_is_wanted() -> None:
    specs = (QuoterSpec(0, "a", (0,)), QuoterSpec(1, "b", (0,)))
    w = World(OrderManagerConfig(), specs)
    w.give(WantedQuotes(0, 0, ((9_990, 5),), ()))
    w.give(WantedQuotes(1, 0, ((9_980, 5),), ()))
    w.give(SubmitOrder(0, 0, 1, 1, 9_970, 5, 0))
    w.settle()
    w.give(CancelAllWish(0, 0))
    w.settle()
    assert states(w) == {9_980: S.OPEN}
    w.give(WantedQuotes(0, 0, ((9_990, 5),), ()))
    w.settle()
    assert states(w) == {9_980: S.OPEN, 9_990: S.OPEN}


def test_update_comes_before_the_fill() -> None:
    w = world()
    want(w, [(9_990, 5)])
    w.settle()
    w.fill(w.open_orders()[0], 2)
    w.manager.now = w.now
    fill = w.fills[0]
    w.manager.on[Fill](fill)
    (first, update), (second, told) = w.manager.out
    assert first == second == "updates:0"
    assert (update.filled, told) == (2, fill)


def test_quoter_that_reads_no_orders_is_told_refusals_and_fills_only() -> None:
    w = world(is_told_orders=False)
    want(w, [(9_990, 5)], [(10_010, 1)])
    w.settle()
    w.fill(w.open_orders()[0], 2)
    w.settle()
    assert [(u.price, u.reason) for u in w.updates] == [(10_010, Reason.BELOW_MIN_SIZE)]
    assert w.told_fills == w.all_fills
