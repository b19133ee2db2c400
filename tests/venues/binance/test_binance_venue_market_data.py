"""Books, trades and marks through the whole venue, and what becomes of them when a stream breaks."""

from market.messages import BookGap, BookSnapshot, Mark, RequestSnapshot, Trade
from market.units import MS
from tests.venues.binance.scripted_binance import DEPTH, T, drive, rules
from venues.venue import Reconnect


def _diff(first: int, last: int, previous: int) -> dict[str, object]:
    data = {"e": "depthUpdate", "E": 5, "T": 4, "s": "BTCUSDT", "U": first, "u": last, "pu": previous, "b": [], "a": []}
    return {"stream": "x", "data": data}


_DEPTH = {"lastUpdateId": 5, "E": 5, "T": 4, "bids": [["1", "1"]], "asks": [["2", "1"]]}


def test_books_trades_and_marks_leave_by_their_ports() -> None:
    venue = drive().up()
    venue.hear("public", _diff(1, 5, 0))
    assert venue.answer(DEPTH, _DEPTH) == {"symbol": ["BTCUSDT"], "limit": ["1000"]}
    venue.hear("public", _diff(6, 9, 5))
    assert [type(each).__name__ for each in venue.told["books"]] == ["BookSnapshot", "BookDelta"]
    venue.hear("market", b'{"e":"aggTrade","E":5,"s":"BTCUSDT","a":7,"p":"5","q":"1","f":1,"l":1,"T":4,"m":true}')
    venue.hear("market", b'{"e":"markPriceUpdate","E":5,"s":"BTCUSDT","p":"5"}')
    assert venue.told["trades"] == [Trade(0, 4 * MS, T, 50, 1000, -1, 7)]
    (mark,) = venue.told["marks"]
    assert isinstance(mark, Mark)


def test_a_lost_public_socket_is_a_gap_in_every_book_and_no_matter_of_the_trading_path() -> None:
    venue = drive().up()
    venue.hear("public", _diff(1, 5, 0)).answer(DEPTH, _DEPTH)
    venue.forget().close("public")
    assert venue.told == {"books": [BookGap(0, T, "the connection was lost")]}


def test_a_book_is_begun_anew_when_its_keeper_asks() -> None:
    venue = drive().up()
    venue.hear("public", _diff(1, 5, 0)).answer(DEPTH, _DEPTH)
    venue.command(RequestSnapshot(0)).later(1)
    assert venue.n_asked(DEPTH) == 1
    venue.forget().answer(DEPTH, {**_DEPTH, "lastUpdateId": 8})
    assert isinstance(venue.told["books"][0], BookSnapshot)


def test_a_depth_that_the_limits_have_no_room_for_is_asked_for_later() -> None:
    venue = drive().up(info=rules(limits=(("REQUEST_WEIGHT", "MINUTE", 1, 30),)))
    venue.hear("public", _diff(1, 5, 0))
    assert venue.n_asked(DEPTH) == 0
    venue.alive(65)
    assert venue.n_asked(DEPTH) == 1


def test_a_silent_socket_is_given_up_once_and_its_last_words_are_not_heard() -> None:
    venue = drive().up().speak()
    venue.later(30)
    assert [each for each in venue.dropped if each.socket == "market"] == [
        Reconnect("market", "nothing was heard for 30 s")
    ]
    before = list(venue.dropped)
    venue.hear("market", b'{"e":"markPriceUpdate","E":5,"s":"BTCUSDT","p":"5"}')
    assert len(venue.told["marks"]) == 1
    venue.close("market", "nothing was heard for 30 s").later(1)
    assert [each for each in venue.dropped if each.socket == "market"] == [
        each for each in before if each.socket == "market"
    ]
