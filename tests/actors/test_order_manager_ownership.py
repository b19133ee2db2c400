"""No quote without an owner: what pulls a quoter's orders, and what lets it back."""

from typing import Any

import pytest

from market.messages import (
    ActorDown,
    ActorUp,
    CancelOrder,
    CancelWish,
    ConnectionLost,
    ConnectionUp,
    Fresh,
    QuotesBack,
    QuotesPulled,
    Reason,
    RequestAccount,
    Stale,
    SubmitOrder,
)
from market.units import SECOND
from tests.actors.model_venue import S, World, refusals, said, states, want, world


def pulled(w: World, message: Any, reason: Reason) -> None:
    w.commands.clear()
    w.give(message)
    assert said(w) == [("cancel", 9_990)]
    assert w.control[-1] == QuotesPulled(0, w.now, int(reason))
    assert want(w, [(9_990, 5)]) == []
    assert want(w, [(9_991, 5)]) == []
    assert refusals(w)[-1][1] == reason
    w.settle()


def back(w: World) -> None:
    assert QuotesBack(0, w.now) not in w.control, "not before it speaks"
    assert want(w, [(9_990, 5)]) == [("place", 1, 9_990, 5)]
    assert w.control[-1] == QuotesBack(0, w.now)


@pytest.fixture
def quoting() -> World:
    w = world()
    want(w, [(9_990, 5)])
    w.settle()
    return w


@pytest.mark.parametrize("instrument", [0, 1])
def test_stale_book_of_what_is_quoted_or_read(quoting: World, instrument: int) -> None:
    pulled(quoting, Stale(instrument, 0, "gap"), Reason.STALE_BOOK)
    assert len(refusals(quoting)) == 1, "told once, not at each update"
    quoting.give(Fresh(instrument, 0))
    back(quoting)


def test_every_cause_must_go(quoting: World) -> None:
    pulled(quoting, Stale(0, 0, "gap"), Reason.STALE_BOOK)
    quoting.give(Stale(1, 0, "gap"))
    quoting.give(Fresh(0, 0))
    assert want(quoting, [(9_990, 5)]) == []
    quoting.give(Fresh(1, 0))
    back(quoting)


def test_quoter_that_falls(quoting: World) -> None:
    pulled(quoting, ActorDown("quoter", 0, "crash"), Reason.QUOTER_DOWN)
    quoting.give(ActorUp("quoter", 0))
    back(quoting)


def test_tags_of_a_fallen_quoter_are_free_again(quoting: World) -> None:
    quoting.give(SubmitOrder(0, 0, 1, 1, 9_980, 5, 0))
    quoting.give(ActorDown("quoter", 0, "crash"))
    quoting.give(ActorUp("quoter", 0))
    quoting.give(SubmitOrder(0, 0, 1, 1, 9_970, 5, 0))
    quoting.give(CancelWish(0, 0, 1))
    quoting.settle()
    assert states(quoting) == {}


def test_keeper_that_falls_leaves_stale_books_behind(quoting: World) -> None:
    pulled(quoting, ActorDown("keeper", 0, "crash"), Reason.STALE_BOOK)
    quoting.give(ActorUp("keeper", 0))
    quoting.give(Fresh(0, 0))
    assert want(quoting, [(9_990, 5)]) == [], "the reference's book is not there yet"
    quoting.give(Fresh(1, 0))
    back(quoting)


def test_quoter_that_is_silent_for_too_long(quoting: World) -> None:
    quoting.advance(50 * SECOND)
    want(quoting, [(9_990, 5)])
    quoting.advance(59 * SECOND)
    assert quoting.control == []
    quoting.advance(2 * SECOND)
    assert [type(m) for m in quoting.control] == [QuotesPulled]
    assert quoting.control[0].reason == Reason.QUOTER_SILENT
    quoting.settle()
    assert states(quoting) == {}
    back(quoting)


def test_lost_connection_leaves_what_was_asked_unknown(quoting: World) -> None:
    want(quoting, [(9_991, 5)])
    quoting.requests.clear()
    quoting.give(ConnectionLost(0, quoting.now, 0, "reset"))
    assert states(quoting) == {9_990: S.UNKNOWN, 9_991: S.UNKNOWN}
    assert said(quoting) == ["CancelAll"]
    assert want(quoting, [(9_992, 5)]) == []
    quoting.requests.clear()
    quoting.advance(SECOND)
    said(quoting)
    quoting.give(ConnectionUp(0, quoting.now, 1))
    kinds = [type(c) for c in quoting.commands]
    assert kinds == [RequestAccount, CancelOrder], "the one whose cancel is in flight is settled by the account"
    assert want(quoting, [(9_992, 5)]) == [], "not before the account is known"
    quoting.settle()
    assert want(quoting, [(9_992, 5)]) == [("place", 1, 9_992, 5)]
    quoting.settle()
    assert states(quoting) == {9_992: S.OPEN}
    assert len(quoting.open_orders()) == 1


def test_first_connection_of_a_run_changes_nothing(quoting: World) -> None:
    quoting.commands.clear()
    quoting.give(ConnectionUp(0, quoting.now, 0))
    assert quoting.commands == []
    assert quoting.control == []
