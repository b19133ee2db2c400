"""Requests without an answer, accounts that say otherwise, restarts and the drain."""

import pytest

from actors.order_config import OrderManagerConfig
from market.messages import (
    AccountSnapshot,
    ActorDown,
    AmendOrder,
    AmendWish,
    CancelWish,
    ConnectionLost,
    ConnectionUp,
    Drain,
    Drained,
    Fill,
    OpenOrder,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderFlag,
    OrderUpdate,
    QuotesPulled,
    Reason,
    Stale,
    SubmitOrder,
    first_client_id,
)
from market.units import SECOND
from tests.actors.model_venue import START, S, World, said, states, want, world


@pytest.fixture
def quoting() -> World:
    w = world()
    want(w, [(9_990, 5)])
    w.settle()
    return w


def test_request_without_an_answer_is_unknown_then_asked_about() -> None:
    w = world()
    want(w, [(9_990, 5)])
    w.serve("lost")
    w.advance(5 * SECOND - 1 - w.now + START)
    assert states(w) == {9_990: S.PENDING_NEW}
    w.advance(2)
    assert states(w) == {9_990: S.UNKNOWN}
    assert said(w) == ["RequestAccount"]
    assert want(w, [(9_990, 5)]) == [("place", 1, 9_990, 5)], "an order of unknown fate is not there"
    assert w.manager.ledger.guards[0].open_buy == 10, "but it counts"
    w.settle()
    assert states(w) == {9_990: S.OPEN}
    ended = [u for u in w.updates if u.state == S.CANCELLED]
    assert [u.reason for u in ended] == [Reason.NOT_FOUND_IN_SNAPSHOT]


def test_account_request_without_an_answer_is_made_again() -> None:
    w = world()
    want(w, [(9_990, 5)])
    w.requests.clear()
    w.advance(5 * SECOND)
    w.requests.clear()
    assert said(w) == ["RequestAccount"]
    w.advance(5 * SECOND)
    assert said(w) == ["RequestAccount"]


def test_periodic_account_requests() -> None:
    w = world(OrderManagerConfig(account_every_s=10.0))
    for _ in range(3):
        w.advance(10 * SECOND)
        assert said(w) == ["RequestAccount"]
        w.settle()


def test_account_is_asked_for_before_the_first_order_where_configured() -> None:
    w = world(OrderManagerConfig(reconcile_at_start=True))
    assert said(w) == ["RequestAccount"]
    assert want(w, [(9_990, 5)]) == []
    assert w.control == [], "nothing was there to be pulled"
    w.settle()
    assert want(w, [(9_990, 5)]) == [("place", 1, 9_990, 5)]


def account(w: World, *orders: OpenOrder) -> AccountSnapshot:
    return AccountSnapshot(0, w.now, w.now, w.now, 0, orders, (), ())


def test_open_orders_that_we_do_not_know() -> None:
    ours = OpenOrder(first_client_id(4, 0, 0) + 9, 0, 1, 9_990, 8, 2, 0)
    nobodys = OpenOrder(first_client_id(4, 0, 77) + 9, 0, 1, 9_980, 8, 2, 0)
    w = world()
    w.give(account(w, ours, nobodys))
    assert said(w) == [("cancel", 9_990), ("cancel", 9_980)]
    assert w.manager.ledger.guards[0].open_buy == 12, "they count until their end is known"

    adopting = world(OrderManagerConfig(unknown_orders="adopt"))
    adopting.give(account(adopting, ours, nobodys))
    assert said(adopting) == [("cancel", 9_980)]
    assert want(adopting, [(9_990, 8)]) == [], "it serves as a quote of its owner"
    assert want(adopting, []) == [("cancel", 9_990)]


def test_facts_of_an_order_that_we_do_not_know_raise_the_question() -> None:
    w = world()
    w.give(OrderAccepted(first_client_id(4, 0, 0) + 9, 0, w.now, w.now))
    assert said(w) == ["RequestAccount"]
    stray = Fill(first_client_id(4, 0, 0) + 9, 0, w.now, w.now, 1, 1, 9_990, 3, True, 0)
    w.give(stray)
    w.give(stray)
    assert w.manager.ledger.guards[0].position == 3
    assert w.told_fills == [stray]


def test_amended_by_the_venue_is_found_by_its_new_price() -> None:
    w = world()
    want(w, [(9_990, 5)])
    w.settle()
    (client_id,) = w.manager.ledger.live
    w.give(OrderAmended(client_id, 0, w.now, w.now, 9_985, 4))
    assert want(w, [(9_985, 4)]) == []
    assert w.manager.ledger.guards[0].open_buy == 4


def test_refused_cancel_is_tried_again_while_the_quotes_are_pulled(quoting: World) -> None:
    quoting.give(ActorDown("quoter", 0, "crash"))
    quoting.serve("no")
    quoting.settle()
    assert states(quoting) == {9_990: S.OPEN}
    quoting.commands.clear()
    quoting.advance(5 * SECOND)
    assert said(quoting) == [("cancel", 9_990)]
    quoting.settle()
    assert states(quoting) == {}


def test_a_lost_cancel_of_a_single_order_is_sent_again() -> None:
    w = world()
    w.give(SubmitOrder(0, 0, 1, 1, 9_980, 5, 0))
    w.settle()
    w.give(CancelWish(0, 0, 1))
    w.serve("lost")
    w.advance(6 * SECOND)
    assert states(w) == {9_980: S.UNKNOWN}
    w.settle()
    assert states(w) == {}
    assert w.open_orders() == []


@pytest.mark.parametrize(("wanted", "left"), [([], {}), ([(9_990, 5)], {9_990: S.OPEN})])
def test_a_lost_cancel_of_a_quote_is_sent_again_unless_it_is_wanted_again(
    quoting: World, wanted: list[tuple[int, int]], left: dict[int, S]
) -> None:
    assert want(quoting) == [("cancel", 9_990)]
    quoting.serve("lost")
    quoting.advance(6 * SECOND)
    assert states(quoting) == {9_990: S.UNKNOWN}
    quoting.manager.ledger.lanes[0][0].bids.wanted = tuple(wanted)
    quoting.settle()
    assert states(quoting) == left
    assert len(quoting.open_orders()) == len(left)


def test_a_restarted_manager_asks_for_fills_since_the_first_order_though_nobody_told_of_it() -> None:
    w = world()
    want(w, [(9_990, 5)])
    w.serve()
    w.fill(w.open_orders()[0], 5)
    w.reconnect()  # neither the acceptance nor the fill has reached us
    w.advance(1000 * SECOND)
    w.restart()
    w.settle()
    assert w.manager.ledger.guards[0].position == 5


def test_a_restarted_manager_asks_periodically_once() -> None:
    w = world(OrderManagerConfig(account_every_s=10.0))
    want(w, [(9_990, 5)])
    w.settle()
    w.restart()
    w.settle()
    w.commands.clear()
    w.advance(10 * SECOND)
    w.settle()
    assert said(w).count("RequestAccount") == 1


# --- stop ------------------------------------------------------------------------------------------------------------


def test_drain_is_proven_by_the_end_of_every_order(quoting: World) -> None:
    quoting.give(Drain(quoting.now + SECOND))
    assert want(quoting, [(9_991, 5)]) == []
    assert quoting.control == []
    quoting.settle()
    assert quoting.control == [Drained(0)]
    quoting.advance(2 * SECOND)
    assert quoting.control == [Drained(0)], "said once"


def test_drain_says_at_the_deadline_what_is_not_proven(quoting: World) -> None:
    quoting.give(Drain(quoting.now + SECOND))
    quoting.advance(SECOND)
    assert quoting.control == [Drained(1)]


def test_drain_with_nothing_open_is_proven_at_once() -> None:
    w = world()
    w.give(Drain(w.now + SECOND))
    assert w.control == [Drained(0)]


def test_restart_cancels_what_the_last_life_left_and_asks(quoting: World) -> None:
    want(quoting, [(9_991, 5)])
    quoting.restart()
    assert states(quoting) == {9_990: S.PENDING_CANCEL, 9_991: S.PENDING_CANCEL}
    assert [type(m) for m in quoting.control] == [QuotesPulled]
    assert want(quoting, [(9_992, 5)]) == [], "not before the account is known"
    quoting.settle()
    assert want(quoting, [(9_992, 5)]) == [("place", 1, 9_992, 5)]
    assert isinstance(quoting.updates[-1], OrderUpdate)


def test_order_that_comes_to_light_after_it_was_given_up() -> None:
    """Its request was under way for longer than anybody waits."""
    w = world()
    want(w, [(9_990, 5)])
    late = w.requests.popleft()
    w.advance(6 * SECOND)
    w.settle()
    guard = w.manager.ledger.guards[0]
    assert (states(w), guard.open_buy, guard.n_live) == ({}, 0, 0)
    w.requests.append(late)
    w.advance(SECOND)
    w.settle()
    assert (states(w), guard.open_buy, guard.n_live) == ({9_990: S.OPEN}, 5, 1)
    assert want(w, [(9_991, 5)]) == [("place", 1, 9_991, 5), ("cancel", 9_990)]


def test_order_that_was_told_to_have_ended_is_cancelled_if_the_account_has_it() -> None:
    w = world()
    want(w, [(9_990, 5)])
    w.settle()
    (client_id,) = w.manager.ledger.live
    w.give(OrderCancelled(client_id, 0, w.now, w.now, int(Reason.CANCEL_ALL)))
    w.advance(SECOND)
    w.give(account(w, OpenOrder(client_id, 0, 1, 9_990, 5, 0, 0)))
    assert said(w) == [("cancel", 9_990)]
    assert w.manager.ledger.guards[0].open_buy == 5
    w.settle()
    assert w.open_orders() == []


def test_account_is_asked_for_the_fills_since_the_last_one() -> None:
    w = world(OrderManagerConfig(account_every_s=100.0))
    for n in range(1, 4):
        w.advance(100 * SECOND - w.now + START + (n - 1) * 100 * SECOND)
        request = w.commands[-1]
        assert START + (n - 1) * 100 * SECOND - 61 * SECOND <= request.fills_since
        assert request.fills_since <= START + (n - 1) * 100 * SECOND
        w.settle()


def test_what_one_account_leaves_unknown_is_asked_again() -> None:
    """The order left at the very instant of the request: the answer cannot be held against it."""
    w = world()
    want(w, [(9_990, 5)])
    w.requests.clear()
    w.give(ConnectionLost(0, w.now, 0, "reset"))
    w.give(ConnectionUp(0, w.now, 1))
    w.settle()
    assert states(w) == {9_990: S.UNKNOWN}
    w.advance(6 * SECOND)
    w.settle()
    assert states(w) == {}


def test_order_that_cannot_rest_must_end_in_time() -> None:
    w = world()
    w.give(SubmitOrder(0, 0, 1, 1, 9_990, 5, int(OrderFlag.IOC)))
    w.settle()
    assert states(w) == {9_990: S.OPEN}
    w.advance(6 * SECOND)
    assert states(w) == {9_990: S.UNKNOWN}


def test_restarted_manager_waits_for_the_answers_to_its_last_life() -> None:
    w = world()
    want(w, [(9_990, 5)])
    w.settle()
    want(w, [])
    w.requests.clear()  # the cancel is lost, and stands in the log
    w.restart()
    w.settle()
    assert states(w) == {9_990: S.PENDING_CANCEL}
    for _ in range(2):
        w.advance(6 * SECOND)
        w.settle()
    assert states(w) == {}
    assert w.open_orders() == []


def test_last_fill_of_an_order_that_the_account_had_ended_counts_once_more() -> None:
    w = world()
    want(w, [(9_990, 5)])
    client_id = w.updates[-1].client_id
    w.serve("lost")
    w.advance(5 * SECOND + 1)
    w.settle()
    assert w.updates[-1].reason == Reason.NOT_FOUND_IN_SNAPSHOT
    w.give(Fill(client_id, 0, w.now + SECOND, w.now + SECOND, 77, 1, 9_990, 5, True, 0))
    guard = w.manager.ledger.guards[0]
    assert (guard.n_live, guard.open_buy, guard.position) == (0, 0, 5)
    assert want(w, [(9_990, 5)]) == [("place", 1, 9_990, 5)]


def test_amend_that_waits_is_not_sent_while_its_quoter_is_forbidden() -> None:
    w = world()
    w.give(SubmitOrder(0, 0, 1, 1, 9_980, 5, 0))
    w.settle()
    client_id = w.updates[-1].client_id
    w.give(AmendWish(0, 0, 1, 9_981, 5))
    w.give(AmendWish(0, 0, 1, 9_982, 50))
    w.give(Stale(0, w.now, "a test"))
    w.requests.clear()
    w.give(OrderAmended(client_id, 0, w.now, w.now, 9_981, 5))
    assert not [m for m in w.requests if isinstance(m, AmendOrder)]
