"""The life of an order: the table, and races by hand."""

from typing import Any

import pytest

from market.messages import OrderState, Reason
from market.orders import NEVER, RESUME, TRANSITIONS, Order, OrderEvent

E = OrderEvent
S = OrderState
FINAL = [S.FILLED, S.CANCELLED, S.REJECTED, S.EXPIRED]
GONE = int(Reason.UNKNOWN_ORDER)
BUSY = int(Reason.VENUE_OTHER)


def order(size: int = 10, **fields: Any) -> Order:
    made = Order(7, 0, 0, 0, 1, 100, size, 0, 1)
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def test_table_covers_every_state_and_event() -> None:
    assert len(TRANSITIONS) == len(S)
    for row in TRANSITIONS:
        assert len(row) == len(E)
        assert all(new in (RESUME, NEVER) or new in list(S) for new in row)


def test_final_states_are_left_only_by_money_or_by_the_account() -> None:
    for state in FINAL:
        for event in E:
            new = TRANSITIONS[state][event]
            if new not in (state, NEVER):
                assert event in (E.FILLED_UP, E.SEEN_OPEN) or (state, event) == (S.REJECTED, E.PARTLY_FILLED)
    assert set(TRANSITIONS[S.FILLED]) == {S.FILLED, NEVER}


def test_unknown_is_never_left_by_what_we_do() -> None:
    for event in (E.AMEND_SENT, E.CANCEL_SENT, E.TIMED_OUT):
        assert TRANSITIONS[S.UNKNOWN][event] == S.UNKNOWN


def test_asking_for_more_of_an_ended_order_is_a_mistake() -> None:
    ended = order()
    ended.ended(E.CANCELLED, 5, 0)
    with pytest.raises(ValueError, match=r"^order 7 is CANCELLED: not for CANCEL_SENT$"):
        ended.cancel_sent(9)


def test_fill_before_its_acceptance_opens_the_order() -> None:
    o = order()
    assert o.fill(3, 50)
    assert (o.state, o.filled, o.worst) == (S.OPEN, 3, 7)
    assert not o.accepted(40)


def test_fill_counts_after_the_cancels_confirmation() -> None:
    o = order()
    o.accepted(10)
    o.cancel_sent(20)
    o.ended(E.CANCELLED, 40, 0)
    assert o.fill(4, 30)
    assert (o.state, o.filled, o.worst) == (S.CANCELLED, 4, 0)
    assert o.fill(6, 31)
    assert o.state == S.FILLED, "nothing was left to cancel"


def test_cancel_refused_for_an_order_that_is_gone_waits_for_what_ended_it() -> None:
    o = order()
    o.accepted(10)
    o.cancel_sent(20)
    assert not o.cancel_rejected(30, 31, GONE)
    assert (o.state, o.worst) == (S.PENDING_CANCEL, 10)
    o.fill(10, 25)
    assert o.state == S.FILLED


def test_cancel_refused_for_another_reason_leaves_the_order_as_it_was() -> None:
    o = order()
    o.cancel_sent(20)
    assert o.cancel_rejected(30, 31, BUSY)
    assert o.state == S.PENDING_NEW
    o.accepted(10)
    assert not o.cancel_rejected(30, 31, BUSY), "told twice"
    o.cancel_sent(40)
    assert not o.cancel_rejected(30, 31, BUSY), "told before the second cancel was sent"
    assert o.state == S.PENDING_CANCEL


def test_open_order_that_the_venue_does_not_know_is_unknown() -> None:
    o = order()
    o.accepted(10)
    assert o.cancel_rejected(30, 31, GONE)
    assert (o.state, o.reason) == (S.UNKNOWN, GONE)


def test_amend_in_flight_counts_the_larger_size() -> None:
    o = order()
    o.accepted(10)
    o.amend_sent(101, 4, 20)
    assert (o.state, o.worst) == (S.PENDING_AMEND, 10)
    o.fill(10, 25)
    assert o.state == S.FILLED
    up = order()
    up.accepted(10)
    up.amend_sent(101, 15, 20)
    assert up.worst == 15
    up.fill(12, 25)  # it took place before we were told
    assert (up.state, up.worst) == (S.PENDING_AMEND, 3)
    up.amended(101, 15, 24)
    assert (up.state, up.price, up.size, up.worst) == (S.OPEN, 101, 15, 3)


def test_old_size_filled_with_an_amend_in_flight_is_not_the_end_yet() -> None:
    o = order()
    o.accepted(10)
    o.amend_sent(100, 15, 20)
    o.fill(10, 25)
    assert o.state == S.PENDING_AMEND
    assert o.amend_rejected(30, 31, GONE)
    assert o.state == S.FILLED


def test_amend_down_to_what_is_filled_ends_the_order() -> None:
    o = order()
    o.accepted(10)
    o.amend_sent(100, 6, 20)
    o.fill(6, 25)
    assert o.state == S.PENDING_AMEND
    o.amended(100, 6, 24)
    assert o.state == S.FILLED


def test_amended_unasked_counts_unless_it_is_old_news() -> None:
    o = order()
    o.accepted(10)
    assert o.amended(100, 8, 20)
    assert (o.state, o.size) == (S.OPEN, 8)
    assert not o.amended(100, 9, 15)
    assert o.size == 8


def test_overfill_is_an_error_with_the_values() -> None:
    o = order()
    o.fill(8, 25)
    with pytest.raises(AssertionError, match=r"^order 7 of size 10 is filled 11, at 26$"):
        o.fill(3, 26)


def test_timed_out_order_is_unknown_until_a_fact_or_the_account_tells() -> None:
    o = order()
    assert o.timed_out()
    assert (o.state, o.reason, o.worst) == (S.UNKNOWN, Reason.NO_ANSWER, 10)
    o.accepted(10)
    assert o.state == S.OPEN
    o.cancel_sent(20)
    o.timed_out()
    o.fill(1, 30)
    assert o.state == S.UNKNOWN, "a fill does not tell what became of the cancel"
    assert not o.is_missed(1, 40), "asked for before the order was sent"
    assert o.seen_open(100, 10, 25, 40)
    assert o.state == S.OPEN, "the cancel was lost"


def test_missing_from_the_account() -> None:
    waiting = order()
    assert not waiting.is_missed(5, 40), "its request may be on the way"
    waiting.timed_out()
    assert waiting.is_missed(5, 40)
    assert not waiting.missing()
    assert waiting.state == S.UNKNOWN, "a page of the snapshot may have been missed"
    assert not waiting.reported(S.UNKNOWN, 0, 1, 40), "asked before it was sent"
    assert waiting.reported(S.UNKNOWN, 0, 5, 40)
    assert (waiting.state, waiting.reason) == (S.CANCELLED, Reason.NOT_FOUND_IN_SNAPSHOT)
    assert waiting.accepted(50)
    assert waiting.state == S.OPEN, "it arrived after the snapshot"
    later = order()
    later.accepted(50)
    assert not later.is_missed(5, 40), "heard of after the snapshot"
    assert later.is_missed(5, 60)
    assert later.missing()
    assert (later.state, later.worst) == (S.UNKNOWN, 10)
    assert later.reported(S.CANCELLED, 0, 5, 60)
    later.fill(2, 70)
    assert later.state == S.UNKNOWN, "a fill after the snapshot: it is there"


@pytest.mark.parametrize("state", [S.FILLED, S.CANCELLED, S.EXPIRED])
def test_an_end_that_the_venue_reports_waits_for_the_fills_that_belong_to_it(state: S) -> None:
    o = order()
    o.accepted(20)
    o.missing()
    assert not o.reported(state, 4, 30, 40)
    assert (o.state, o.worst) == (S.UNKNOWN, 10), "4 of them are in no position yet"
    o.fill(4, 35)
    assert o.reported(state, 4, 50, 60)
    assert o.state == (S.CANCELLED if state == S.FILLED else state)
    assert o.worst == 0
    assert o.reported(S.UNKNOWN, 0, 70, 80) is False, "it has ended"


def test_a_refusal_that_the_venue_reports() -> None:
    o = order()
    o.timed_out()
    assert o.reported(S.REJECTED, 0, 30, 40)
    assert o.state == S.REJECTED


def test_an_end_with_fills_under_way_counts_for_just_these_until_they_are_here() -> None:
    o = order()
    o.accepted(20)
    assert o.ended(E.CANCELLED, 30, 0, 4)
    assert (o.state, o.worst) == (S.PENDING_CANCEL, 4)
    assert not o.ended(E.CANCELLED, 30, 0, 4), "told again"
    assert not o.cancel_rejected(31, 31, Reason.VENUE_OTHER)
    assert not o.seen_open(100, 10, 25, 29), "of before its end"
    o.fill(3, 28)
    assert (o.state, o.worst) == (S.PENDING_CANCEL, 1)
    o.timed_out()
    assert (o.state, o.worst) == (S.UNKNOWN, 1)
    o.accepted(20)
    assert o.state == S.UNKNOWN
    o.fill(1, 29)
    assert (o.state, o.worst) == (S.CANCELLED, 0)


def test_an_end_whose_fills_are_all_here_is_an_end() -> None:
    o = order()
    o.fill(4, 20)
    assert o.ended(E.EXPIRED, 30, Reason.REMAINDER_EXPIRED, 4)
    assert (o.state, o.reason) == (S.EXPIRED, Reason.REMAINDER_EXPIRED)
