"""What is not sure is not taken for granted: a countdown, an order on its way, a clock in doubt, a key, a ban."""

from typing import Any

import pytest

from market.messages import OrderCancelled, OrderRejected, PlaceOrder, QueryOrder, Reason, RequestAccount, TradingState
from market.units import HOUR, MS, SECOND
from tests.venues.binance.scripted_binance import BTC, Drive, T, drive, order, report, rules, setup
from tests.venues.binance.test_binance_start import FEES, FIT, TIME, on, talk
from venues.binance.limits import RateLimits
from venues.binance.start import preparation
from venues.wire import RemoteProtocolError

COUNTDOWN, SERVER_TIME = "POST /fapi/v1/countdownCancelAll", "GET /fapi/v1/time"
OPEN, POSITIONS = "GET /fapi/v1/openOrders", "GET /fapi/v3/positionRisk"
QUERY, ALL = "GET /fapi/v1/order", "DELETE /fapi/v1/allOpenOrders"
PLACE = PlaceOrder(7, 0, 1, 1000, 5, 0)


def _see_an_empty_account(venue: Drive) -> None:
    venue.command(RequestAccount(3, T - HOUR))
    venue.answer(OPEN, [])
    venue.answer(POSITIONS, [])
    venue.answer("GET /fapi/v1/userTrades", [])
    venue.answer("GET /fapi/v1/income", [])
    venue.answer("GET /fapi/v3/balance", [])
    venue.answer("GET /fapi/v3/account", {})


def _is_placed(venue: Drive, client_id: int) -> bool:
    venue.forget().command(PlaceOrder(client_id, 0, 1, 1000, 5, 0))
    return any(frame["method"] == "order.place" for frame in venue.frames.get("trade", ()))


# --- the dead man's switch ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_answered", [True, False])
def test_an_order_that_a_snapshot_may_not_show_yet_keeps_its_switch(is_answered: bool) -> None:
    venue = drive().up().command(PLACE)
    venue.answer(COUNTDOWN, {})
    if is_answered:  # what is read may lag behind what is granted
        venue.hear("trade", {"id": "1", "status": 200, "result": order("ls-7", 9)})
        venue.hear("private", report("ls-7", 9, "NEW", "NEW"))
    venue.later(1)  # of the seven seconds in which it may still arrive
    _see_an_empty_account(venue)
    assert venue.n_asked(COUNTDOWN) == 0
    venue.later(6.1)
    _see_an_empty_account(venue)
    assert venue.answer(COUNTDOWN, {})["countdownTime"] == ["0"]


def test_no_order_is_placed_behind_a_switch_that_may_have_run_out() -> None:
    venue = drive().up().command(PLACE).hear("private", report("ls-7", 9, "NEW", "NEW"))
    for _ in range(35):  # the sockets live, and nothing is answered over HTTP
        venue.alive(1)
        for name in [name for name, asked in venue.asked.items() if asked]:
            while venue.n_asked(name):
                venue.fail(name)
    assert not _is_placed(venue, 8)
    assert venue.told["facts"] == [
        OrderRejected(8, 0, venue.venue.clock.at(venue.now), venue.now, int(Reason.NOT_CONNECTED))
    ]
    assert venue.venue.seen["order without a dead man's switch"] == 1
    venue.alive(2)
    venue.answer(COUNTDOWN, {})
    assert _is_placed(venue, 9)


def test_no_order_is_placed_where_the_limits_have_no_room_for_its_switch() -> None:
    tight = (("REQUEST_WEIGHT", "MINUTE", 1, 60), ("ORDERS", "SECOND", 10, 300))
    venue = drive().up(info=rules(limits=tight))
    venue.venue.gate.spend(venue.now, 50)
    assert not _is_placed(venue, 7)
    assert venue.n_asked(COUNTDOWN) == 0


# --- limits ------------------------------------------------------------------------------------------------------


def test_a_ban_that_answers_a_probe_stops_all_that_is_sent_and_asks_for_a_person() -> None:
    venue = drive().up().later(20)
    venue.hear("trade", {"id": "alive", "status": 418, "error": {"code": -1003, "msg": "banned"}})
    (halt,) = venue.told["halts"]
    assert halt.state == TradingState.HALTED
    venue.forget().command(PLACE)
    assert not venue.frames
    venue.later(59)
    assert venue.n_asked(COUNTDOWN) == 0


def test_what_a_window_that_is_over_was_used_by_is_not_shown() -> None:
    limits = RateLimits()
    limits.spend(T, 100, 3)
    assert limits.used(T)["x-mbx-used-weight-1m"] == (100, 2400)
    assert limits.used(T + 60 * SECOND)["x-mbx-used-weight-1m"] == (0, 2400)


# --- the clock ---------------------------------------------------------------------------------------------------


def test_no_snapshot_and_no_status_is_stamped_by_a_clock_that_is_doubted() -> None:
    venue = drive().up()
    venue.command(QueryOrder(5, 0)).answer(QUERY, {"code": -1021, "msg": "Timestamp outside of recvWindow."}, 400)
    venue.later(0)  # the time is asked for
    venue.command(RequestAccount(3, T - HOUR)).command(QueryOrder(6, 0))
    assert venue.n_asked(OPEN) == venue.n_asked(QUERY) == 0
    venue.later(0.2)
    venue.offset_ms = -3000  # by which every stamp would have been ahead of what had happened
    venue.tell_time()
    venue.later(0.5)
    assert venue.n_asked(OPEN) == 1
    venue.command(QueryOrder(6, 0))
    assert venue.n_asked(QUERY) == 1


# --- the private stream, the probe, the key ----------------------------------------------------------------------


def test_an_amend_that_ended_its_order_is_the_end_of_it() -> None:
    venue = drive().up().hear("private", report("ls-7", 9, "AMENDMENT", "CANCELED", z="0.002"))
    assert venue.told["facts"] == [OrderCancelled(7, 0, T, T, int(Reason.NONE), 2)]


@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        ({"status": 200, "result": {}}, "probe of the trade socket granted"),
        ({"status": 400, "error": {"code": -1102, "msg": "x"}}, "probe of the trade socket refused: -1102"),
    ],
)
def test_how_the_probe_is_answered_is_seen(answer: dict[str, Any], seen: str) -> None:
    venue = drive().up().later(20).hear("trade", {"id": "alive", **answer})
    assert venue.venue.seen[seen] == 1
    assert "answer to nothing" not in venue.venue.seen


def test_permissions_without_a_word_of_withdrawals_are_no_leave_to_trade() -> None:
    with pytest.raises(RemoteProtocolError, match="permissions of the key"):
        talk(preparation(on("mainnet"), T), TIME, FIT, {"enableFutures": True})


@pytest.mark.parametrize("status", [429, 500, 503])
def test_permissions_that_could_not_be_asked_for_at_present_are_asked_for_again(status: int) -> None:
    with pytest.raises(RemoteProtocolError, match=rf"apiRestrictions: .*\(HTTP {status}\)$"):
        talk(preparation(on("mainnet"), T), TIME, FIT, (status, {"code": -1003, "msg": "busy"}))
    _, found = talk(preparation(setup(BTC), T), TIME, FIT, (404, b""), {"symbol": "BTCUSDT", **FEES})
    assert len(found) == 1


def test_fills_are_not_asked_for_from_before_what_the_venue_remembers() -> None:
    venue = drive().up().command(RequestAccount(3, 0))
    venue.answer(OPEN, [])
    venue.answer(POSITIONS, [])
    since = venue.answer("GET /fapi/v1/userTrades", [])["startTime"]
    shortest = 28 + 31 + 30  # three months
    assert T // MS - int(since[0]) < shortest * 24 * HOUR // MS
