"""What ended connections leave behind is collected, and not more often than need be."""

import weakref

import pytest

from scripts.live.leftovers import Leftovers
from scripts.live.run import quick_process
from tests.scripts.live.test_quick_process import Loop, churn

GONE = {"message": "socket is closed: the venue hung up without a farewell"}


def aged() -> "weakref.ref[Loop]":
    """Return what has grown old, and has ended."""
    connection = Loop()
    churn(30_000)
    return weakref.ref(connection)


@pytest.mark.parametrize("text", [GONE["message"], "HttpRequest(GET /x, weight=1): no answer, it took too long"])
def test_an_ended_connection_is_taken_away(text: str) -> None:
    leftovers = Leftovers()
    with quick_process():
        ended = aged()
        leftovers.hear({"message": "order sent"})
        leftovers.take_away(100.0)
        assert ended() is not None, "nothing has ended"
        leftovers.hear({"message": text})
        leftovers.take_away(100.0)
        assert ended() is None


def test_it_is_not_done_again_at_once() -> None:
    leftovers = Leftovers()
    with quick_process():
        leftovers.hear(GONE)
        leftovers.take_away(100.0)
        ended = aged()
        leftovers.hear(GONE)
        leftovers.take_away(129.0)
        assert ended() is not None
        leftovers.take_away(130.0)
        assert ended() is None
