"""The connection of WOO X and its market data: what the venue asks for, and what it tells, whatever comes."""

import json
from typing import Any

import pytest

from market.messages import (
    BookDelta,
    BookGap,
    BookSnapshot,
    ClockOffset,
    ConnectionLost,
    ConnectionUp,
    HaltRequested,
    Mark,
    OrderRejected,
    Reason,
    RequestSnapshot,
    Trade,
)
from market.units import HOUR, MS, SECOND
from tests.venues.scripted_venue import AHEAD, CONNECTION, KEY, NOW
from tests.venues.woox.scripted_woox import ORDER, Woox
from tests.venues.woox.woox_wire import BTC, LTC
from venues.venue import Connect, Reconnect, SendFrame, SendRequest, VenueSetup
from venues.wire import RemoteProtocolError
from venues.woox.venue import RPI_KIND, WooxRpiFeed

# --- the connection --------------------------------------------------------------------------------------------------


def test_a_key_is_asked_for_when_the_venues_clock_is_known_and_opens_the_private_socket() -> None:
    woox = Woox()
    assert [each.target for each in woox.of(Connect)] == ["/v3/public"]
    woox.tell_system()
    (offset,) = woox.told(ClockOffset)
    assert abs(offset.offset_ns - AHEAD) <= MS
    (asked,) = woox.asked("/v3/account/listenKey")
    assert json.loads(asked.request.body) == {"type": "WEBSOCKET"}
    assert int(dict(asked.request.headers)["x-api-timestamp"]) == (NOW + AHEAD) // MS
    woox.give_key()
    assert woox.key_targets == ["/v3/private?key=k%2F1"]
    woox.grant("private")
    assert woox.frames("private")[0]["params"] == ["executionreport", "position", "balance"]
    assert [up.epoch for up in woox.told(ConnectionUp)] == [5]


def test_a_lost_private_socket_opens_again_with_its_key_or_with_a_fresh_one() -> None:
    woox = Woox().come_up()
    woox.take(woox.venue.closed("private", "gone", woox.now))
    (lost,) = woox.told(ConnectionLost)
    assert (lost.epoch, lost.reason) == (5, "private: gone")
    woox.pass_by(4.9)
    assert len(woox.key_targets) == 1  # the shell opens it with the key that it has
    woox.pass_by(0.2)
    woox.give_key("second")
    assert woox.key_targets[1:] == ["/v3/private?key=second"]
    woox.grant("private")
    assert [up.epoch for up in woox.told(ConnectionUp)] == [5, 6]


def test_a_key_that_opens_nothing_is_not_trusted() -> None:
    woox = Woox()
    woox.tell_system()
    woox.give_key()
    woox.take(woox.venue.opened("private", woox.now))
    woox.take(woox.venue.closed("private", "invalid key", woox.now))
    woox.pass_by(0.01)
    assert len(woox.asked("/v3/account/listenKey")) == 2


def test_a_key_is_renewed_before_its_day_is_over() -> None:
    woox = Woox().come_up()
    n_asked = 1
    woox.now += 22 * HOUR
    woox.take(woox.venue.opened("private", woox.now))  # a connection may be younger than its key
    for frame in woox.frames("private")[-1:]:
        woox.hear("private", {"id": frame["id"], "cmd": "SUBSCRIBE", "success": True, "data": frame["params"]})
    end = woox.now + HOUR + SECOND
    while woox.now < end:
        woox.pass_by(5)
        for socket in ("private",):
            woox.hear(socket, {"cmd": "PONG", "success": True, "time": woox.now // MS})
    assert len(woox.asked("/v3/account/listenKey")) == n_asked + 1


def test_pings_keep_a_socket_and_one_without_an_answer_ends_it() -> None:
    woox = Woox(credentials=None)
    woox.grant("public")
    woox.pass_by(15)
    assert woox.frames("public")[-1] == {"cmd": "PING", "ts": woox.now // MS}
    woox.hear("public", {"cmd": "PONG", "success": True, "time": 1})
    woox.pass_by(15)
    done = woox.pass_by(10)
    assert [each.reason for each in done if isinstance(each, Reconnect)] == ["a ping was not answered within 10 s"]
    assert woox.told(ConnectionLost)


def test_a_topic_that_is_not_granted_ends_the_connection_with_its_name() -> None:
    woox = Woox()
    woox.take(woox.venue.opened("public", woox.now))
    frame = woox.frames("public")[0]
    granted = [topic for topic in frame["params"] if topic != "trade@PERP_LTC_USDT"]
    with pytest.raises(RemoteProtocolError, match="does not grant trade@PERP_LTC_USDT"):
        woox.hear("public", {"id": frame["id"], "cmd": "SUBSCRIBE", "success": True, "data": granted})
    assert all(len(each["params"]) <= 10 for each in woox.frames("public"))


def test_a_refused_subscription_is_told_in_the_venues_words() -> None:
    woox = Woox()
    woox.take(woox.venue.opened("public", woox.now))
    with pytest.raises(RemoteProtocolError, match=r"woox refused to subscribe orderbookupdate@.*Command type invalid!"):
        woox.hear("public", {"id": "1", "cmd": "SUBSCRIBE", "success": False, "data": "Command type invalid!"})


def test_maintenance_is_a_lost_connection_and_needs_nobody() -> None:
    woox = Woox().come_up()
    woox.pass_by(2)
    woox.tell_system(1)
    (lost,) = woox.told(ConnectionLost)
    assert lost.reason == "maintenance: as it is"
    woox.command(ORDER)
    assert woox.told(OrderRejected)[0].reason == Reason.NOT_CONNECTED
    woox.pass_by(5)
    woox.tell_system(0)
    assert [up.epoch for up in woox.told(ConnectionUp)] == [5, 6]
    assert not woox.told(HaltRequested)


# --- books and the rest of the market --------------------------------------------------------------------------------


def book(ts: int, previous: int, **sides: Any) -> dict[str, Any]:
    data = {"s": "PERP_BTC_USDT", "ts": ts, "prevTs": previous, "bids": [], "asks": []} | sides
    return {"topic": "orderbookupdate@PERP_BTC_USDT@50", "ts": ts, "data": data}


def rest_book(ts: int) -> bytes:
    levels = {"bids": [{"price": "64999", "quantity": "1"}, {"price": "65000", "quantity": "2"}]}
    levels["asks"] = [{"price": "65001", "quantity": "3"}]
    return json.dumps({"success": True, "data": levels, "timestamp": ts}).encode()


def followed() -> Woox:
    woox = Woox(credentials=None)
    woox.grant("public")
    return woox


def asked_book(woox: Woox, symbol: str = "PERP_BTC_USDT") -> list[SendRequest]:
    return [each for each in woox.asked("/v3/public/orderbook") if symbol in each.request.query]


def test_a_book_is_whole_when_a_change_follows_it() -> None:
    woox = followed()
    woox.hear("public", book(20, 10, bids=[["65000.1", "1"]]))
    (asked,) = asked_book(woox)
    woox.answer(asked, rest_book(10))
    (snapshot,), (delta,) = woox.told(BookSnapshot), woox.told(BookDelta)
    assert snapshot.bids.tolist() == [[650_000, 200_000], [649_990, 100_000]]  # sorted here, whatever their order
    assert (delta.prev_seq, delta.seq, delta.bids.tolist()) == (10, 20, [[650_001, 100_000]])


def test_a_gap_asks_for_the_book_and_a_late_one_is_asked_for_again() -> None:
    woox = followed()
    woox.hear("public", book(20, 10))
    woox.answer(asked_book(woox)[0], rest_book(10))
    woox.hear("public", book(50, 40))
    (gap,) = woox.told(BookGap)
    assert "follows 40 came after 20" in gap.reason
    woox.pass_by(0)
    assert len(asked_book(woox)) == 2
    woox.answer(asked_book(woox)[1], rest_book(20))
    assert len(woox.told(BookSnapshot)) == 1
    woox.pass_by(0.3)
    woox.answer(asked_book(woox)[2], rest_book(50))
    assert len(woox.told(BookSnapshot)) == 2
    assert woox.venue.seen["book by REST that does not fit the socket's"] == 1


def test_silence_is_no_staleness_while_pings_are_answered() -> None:
    woox = followed()
    woox.hear("public", book(20, 10))
    woox.answer(asked_book(woox)[0], rest_book(10))
    n_before = len(woox.told(BookDelta))
    for _ in range(20):  # five minutes
        woox.pass_by(15)
        woox.hear("public", {"cmd": "PONG", "success": True, "time": woox.now // MS})
    still = woox.told(BookDelta)[n_before:]
    assert len(still) == 20
    assert all(len(each.bids) == len(each.asks) == 0 for each in still)
    assert still[-1].ts_recv == woox.now


def test_a_lost_public_socket_breaks_the_books() -> None:
    woox = followed()
    woox.take(woox.venue.closed("public", "gone", woox.now))
    assert [gap.instrument for gap in woox.told(BookGap)] == [BTC.id, LTC.id]
    assert woox.told(ConnectionLost)


def test_a_crossed_or_doubled_book_by_rest_is_refused() -> None:
    woox = followed()
    woox.hear("public", book(20, 10))
    for asks, complaint in ((["64000"], "crossed"), (["65001", "65001"], "one twice"), (["0.05"], "not a multiple")):
        data = json.loads(rest_book(10))
        data["data"]["asks"] = [{"price": price, "quantity": "1"} for price in asks]
        with pytest.raises(RemoteProtocolError, match=complaint):
            woox.answer(asked_book(woox)[-1], json.dumps(data).encode())
        woox.pass_by(5)
    assert not woox.told(BookSnapshot)


def test_the_book_with_rpi_orders_is_a_feed_of_its_own() -> None:
    feed = RPI_KIND.make(VenueSetup(0, (BTC,), CONNECTION))
    frames = [each for each in feed.opened("public", NOW) if isinstance(each, SendFrame)]
    assert b"orderbookupdaterpi@PERP_BTC_USDT@50" in frames[0].data
    with pytest.raises(ValueError, match="woox-rpi is market data alone"):
        WooxRpiFeed(VenueSetup(0, (BTC,), CONNECTION, KEY))


def test_only_trades_that_were_matched_here_count() -> None:
    woox = followed()
    trade = {"s": "PERP_BTC_USDT", "px": "65000", "sx": "0.001", "sd": "SELL", "src": 1, "rpi": False, "ts": 1000}
    for changes in ({}, {}, {"src": 0}, {"ts": 1001}):
        woox.hear("public", {"topic": "trade@PERP_BTC_USDT", "ts": 1, "data": trade | changes})
    found = woox.told(Trade)
    assert [(each.price, each.size, each.taker) for each in found] == [(650_000, 100, -1)] * 3
    assert len({each.trade_id for each in found}) == 3
    assert woox.venue.seen["trade of another venue"] == 1


def test_marks_and_funding() -> None:
    woox = followed()
    woox.hear(
        "public",
        {"topic": "markprice@PERP_BTC_USDT", "ts": 1, "data": {"s": "PERP_BTC_USDT", "px": "65000.05", "ts": 9}},
    )
    estimate = {"s": "PERP_BTC_USDT", "r": "0.00004326", "ft": 5000, "ts": 9}
    woox.hear("public", {"topic": "estfundingrate@PERP_BTC_USDT", "ts": 1, "data": estimate})
    mark, funding = woox.told(Mark)
    assert (mark.mark_e6, mark.ts_venue) == (650_000_500_000, 9 * MS)
    assert (funding.rate_e12, funding.ts_funding) == (43_260_000, 5000 * MS)


def test_a_book_that_is_wanted_is_asked_for() -> None:
    woox = followed()
    woox.hear("public", book(20, 10))
    woox.answer(asked_book(woox)[0], rest_book(10))
    woox.command(RequestSnapshot(BTC.id))
    assert len(asked_book(woox)) == 2
