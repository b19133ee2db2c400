"""By which port what a codec or a session returned leaves."""

import pytest

from market.messages import HaltCause, HaltRequested, Trade, TradingState
from venues import actions
from venues.ports import ask_for_person, on_socket, told
from venues.venue import Connect, Questions, Reconnect, SendFrame, SendRequest, Tell
from venues.wire import HttpRequest

TRADE = Trade(1, 2, 3, 4, 5, 1, 6)


def test_messages_without_a_port_are_passed_over() -> None:
    assert told([TRADE, "a report of positions"]) == [Tell("trades", TRADE)]


def test_what_a_session_asks_is_named_after_its_socket() -> None:
    questions: Questions[tuple[str, int]] = Questions()
    request = HttpRequest("GET", "/depth")
    asked = [
        actions.Connect("/public"),
        actions.SendFrame(b"hello"),
        actions.SendRequest(request, 7),
        actions.Reconnect("old"),
        TRADE,
        "a report of positions",
    ]
    named = on_socket("books", asked, lambda what, token: questions.ask(what, ("book", token)))
    assert named == [
        Connect("books", "/public"),
        SendFrame("books", b"hello"),
        SendRequest(request, 1),
        Reconnect("books", "old"),
        Tell("trades", TRADE),
    ]
    assert questions.answered(1) == ("book", 7)
    assert len(questions) == 0


def test_a_session_that_sends_no_requests_and_does_is_a_mistake() -> None:
    with pytest.raises(AssertionError, match="/depth"):
        on_socket("books", [actions.SendRequest(HttpRequest("GET", "/depth"), 1)])


def test_a_person_is_told_which_venue_asks() -> None:
    assert ask_for_person("woox", TradingState.REDUCING, "no margin", 7) == [
        Tell("halts", HaltRequested(7, int(TradingState.REDUCING), int(HaltCause.VENUE), "woox: no margin"))
    ]
