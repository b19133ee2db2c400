"""Cancels while a connection is down: what is sent, how often, and what it proves."""

from market.messages import (
    ActorDown,
    CancelAll,
    ConnectionLost,
    ConnectionUp,
    RequestAccount,
)
from market.units import SECOND
from tests.actors.model_venue import S, World, said, states, want, world


def quoting() -> World:
    w = world()
    want(w, [(9_990, 5)], [(10_010, 5)])
    w.settle()
    assert len(w.open_orders()) == 2
    return w


def lose(w: World) -> None:
    w.commands.clear()
    w.give(ConnectionLost(0, w.now, 0, "the socket for orders"))


def test_what_stands_is_cancelled_at_once() -> None:
    w = quoting()
    lose(w)
    assert w.commands == [CancelAll(0)]
    w.settle()  # the private stream is there: what becomes of them is heard
    assert w.open_orders() == []
    assert states(w) == {}


def test_it_is_cancelled_again_until_the_connection_is_back() -> None:
    w = quoting()
    lose(w)
    for _ in range(5):
        w.requests.clear()  # the venue cannot be reached
        w.advance(3 * SECOND)
        assert w.commands[-1] == CancelAll(0)
        assert w.manager.ledger.guards[0].open_buy == 5, "it counts for as long as nobody knows"
    assert w.commands == [CancelAll(0)] * 6
    w.settle()
    assert w.open_orders() == []
    w.give(ConnectionUp(0, w.now, 1))
    w.settle()
    said(w)
    w.advance(30 * SECOND)
    assert CancelAll(0) not in w.commands


def test_a_cancel_that_nobody_answers_proves_nothing() -> None:
    w = quoting()
    lose(w)
    w.serve()
    w.facts.clear()
    assert states(w) == {9_990: S.OPEN, 10_010: S.OPEN}
    w.advance(20 * SECOND)
    w.requests.clear()
    assert set(states(w)) == {9_990, 10_010}
    w.give(ConnectionUp(0, w.now, 1))
    assert want(w, [(9_991, 5)]) == [], "not before the account has shown what stands"
    w.settle()
    assert w.open_orders() == []
    assert want(w, [(9_991, 5)]) == [("place", 1, 9_991, 5)]


def test_orders_of_an_earlier_process_are_cancelled_where_no_connection_comes() -> None:
    w = world()
    lose(w)
    assert w.commands == [], "the account will be known in a moment, and show whether there are any"
    w.advance(3 * SECOND)
    assert w.commands == [CancelAll(0)]


def test_nothing_but_cancels_is_sent() -> None:
    w = quoting()
    lose(w)
    w.advance(SECOND)
    assert want(w, [(9_980, 5)]) == []
    w.advance(60 * SECOND)
    assert {type(command) for command in w.commands} == {CancelAll}


def test_nothing_is_sent_to_a_connector_that_is_down() -> None:
    """It has cancelled all on its way out, and what waits for it would hold up the order manager."""
    w = quoting()
    lose(w)
    w.give(ActorDown("connector", 0, "crash"))
    w.commands.clear()
    w.advance(60 * SECOND)
    assert w.commands == []
    w.give(ConnectionLost(0, w.now, 1 << 20, "not connected yet"))
    assert w.commands == [CancelAll(0)], "it is back, but has no connection"


def test_a_lost_connection_that_comes_back_at_once_sets_no_second_timer() -> None:
    w = quoting()
    for epoch in range(1, 5):
        w.give(ConnectionLost(0, w.now, epoch, "it flaps"))
        w.give(ConnectionUp(0, w.now, epoch + 1))
    w.settle()
    w.give(ConnectionLost(0, w.now, 9, "for long"))
    w.commands.clear()
    w.advance(9 * SECOND)
    assert w.commands == [CancelAll(0)] * 3


def test_what_was_filled_meanwhile_is_told_with_the_account() -> None:
    w = quoting()
    buy = next(i for i, order in w.at_venue.items() if order.place.side > 0)
    lose(w)
    w.requests.clear()
    w.fill(buy, 3)
    w.fills.clear()
    w.give(ConnectionUp(0, w.now, 1))
    assert [type(command) for command in w.commands[1:2]] == [RequestAccount]
    w.settle()
    assert w.manager.ledger.guards[0].position == 3
    assert w.open_orders() == []
    assert states(w) == {}
