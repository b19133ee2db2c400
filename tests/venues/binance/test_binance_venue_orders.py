"""Commands through the whole venue: where they are sent, what is told of them, and the switch that guards them."""

import pytest

from market.messages import (
    AmendOrder,
    AmendRejected,
    CancelAll,
    CancelOrder,
    CancelRejected,
    Fill,
    HaltCause,
    HaltRequested,
    OrderAccepted,
    OrderRejected,
    OrderState,
    OrderStatus,
    PlaceOrder,
    QueryOrder,
    Reason,
    RequestAccount,
    TradingState,
)
from market.units import HOUR, MS
from tests.venues.binance.scripted_binance import (
    ALL,
    COUNTDOWN,
    OPEN,
    PLACE,
    QUERY,
    Drive,
    T,
    answer_account,
    drive,
    order,
    report,
)
from venues.venue import SendFrame, SendRequest

# --- orders ------------------------------------------------------------------------------------------------------


def test_an_order_goes_by_the_socket_behind_the_countdown_that_guards_it() -> None:
    venue = drive().up().command(PLACE)
    first, second = venue.outputs
    assert isinstance(first, SendRequest)
    assert isinstance(second, SendFrame)
    (frame,) = venue.frames["trade"]
    assert (frame["method"], frame["params"]["newClientOrderId"]) == ("order.place", "ls-7")
    venue.answer(COUNTDOWN, {"symbol": "BTCUSDT", "countdownTime": "30000"})
    venue.hear("trade", {"id": frame["id"], "status": 200, "result": order("ls-7", 9)})
    assert venue.told["facts"] == [OrderAccepted(7, 0, T, T)]
    fill = report("ls-7", 9, "TRADE", "FILLED", l="0.005", L="100.0", z="0.005", t=77, m=True, n="0.01", N="USDT")
    venue.hear("private", fill)
    assert venue.told["fills"] == [Fill(7, 0, T, T, 77, 1, 1000, 5, True, 10**10)]


def test_amends_and_cancels_go_by_the_socket_too() -> None:
    venue = drive().up().command(PLACE).command(AmendOrder(7, 0, 1001, 6)).command(CancelOrder(7, 0))
    assert [frame["method"] for frame in venue.frames["trade"]] == ["order.place", "order.modify", "order.cancel"]
    venue.hear("trade", {"id": "3", "status": 400, "error": {"code": -2011, "msg": "Unknown order sent."}})
    assert venue.told["facts"] == [CancelRejected(7, 0, T + MS // 2, T, int(Reason.UNKNOWN_ORDER))]


def test_an_amend_of_an_order_that_nothing_is_known_of_is_refused_here() -> None:
    venue = drive().up().command(AmendOrder(8, 0, 1001, 6))
    assert venue.told["facts"] == [AmendRejected(8, 0, T + MS // 2, T, int(Reason.VENUE_OTHER))]


def test_a_command_without_an_answer_is_told_nothing_of() -> None:
    venue = drive().up().command(PLACE)
    venue.hear("trade", {"id": "1", "status": 503, "error": {"code": -1007, "msg": "Timeout waiting for response"}})
    venue.command(CancelAll(0)).fail(ALL)
    venue.later(3)
    assert not {"facts", "halts"} & set(venue.told)


def test_what_the_venue_refuses_is_told() -> None:
    venue = drive().up().command(PLACE)
    venue.hear("trade", {"id": "1", "status": 400, "error": {"code": -5022, "msg": "Post Only order will be rejected"}})
    assert venue.told["facts"] == [OrderRejected(7, 0, T + MS // 2, T, int(Reason.POST_ONLY_WOULD_TAKE))]
    assert "halts" not in venue.told


@pytest.mark.parametrize(
    ("code", "state"),
    [(-2015, TradingState.HALTED), (-1022, TradingState.HALTED), (-2019, TradingState.REDUCING)],
)
def test_a_person_is_asked_for_where_one_must_look(code: int, state: TradingState) -> None:
    venue = drive().up().command(PLACE)
    venue.hear("trade", {"id": "1", "status": 400, "error": {"code": code, "msg": "no"}})
    (halt,) = venue.told["halts"]
    assert halt == HaltRequested(T, int(state), int(HaltCause.VENUE), f"binance-futures: {code} no")


def test_a_reduce_only_that_is_refused_makes_us_look_at_the_account() -> None:
    venue = drive().up().command(RequestAccount(3, T - HOUR))
    answer_account(venue)
    venue.command(PLACE)
    venue.hear("trade", {"id": "1", "status": 400, "error": {"code": -2022, "msg": "ReduceOnly Order is rejected."}})
    venue.later(1)
    assert venue.n_asked(OPEN) == 1


# --- one order ---------------------------------------------------------------------------------------------------


def test_an_order_is_asked_for_by_name() -> None:
    venue = drive().up().later(30).forget().command(QueryOrder(7, 0))
    answer = order("ls-7", 9, "PARTIALLY_FILLED", executedQty="0.002")
    assert venue.answer(QUERY, answer)["origClientOrderId"] == ["ls-7"]
    (status,) = venue.told["fills"]
    now = venue.now
    assert status == OrderStatus(7, 0, now, now, now, int(OrderState.OPEN), 1000, 5, 2)


def test_an_order_that_may_be_on_its_way_is_not_said_to_be_unknown() -> None:
    venue = drive().up().command(PLACE).later(1).command(QueryOrder(7, 0))
    venue.answer(QUERY, {"code": -2013, "msg": "Order does not exist."}, 400)
    assert "fills" not in venue.told
    venue.later(5.9)
    assert venue.n_asked(QUERY) == 0
    venue.later(0.1)  # 5 s are the receive window, 2 s a margin
    venue.answer(QUERY, {"code": -2013, "msg": "Order does not exist."}, 400)
    (status,) = venue.told["fills"]
    assert status.state == OrderState.UNKNOWN
    assert (status.price, status.size, status.filled) == (0, 0, 0)


@pytest.mark.parametrize("status", [0, 503])
def test_a_question_without_a_good_answer_has_none(status: int) -> None:
    venue = drive().up().command(QueryOrder(7, 0))
    if status:
        venue.answer(QUERY, {"code": -1001, "msg": "Internal error"}, status)
    else:
        venue.fail(QUERY)
    assert "fills" not in venue.told


# --- the dead man's switch ---------------------------------------------------------------------------------------


def _countdowns(venue: Drive, seconds: float) -> list[str]:
    """Return the countdowns that are set in a while; each is answered."""
    found = []
    for _ in range(round(seconds)):
        venue.alive(1)
        while venue.n_asked(COUNTDOWN):
            found += venue.answer(COUNTDOWN, {})["countdownTime"]
    return found


def test_the_switch_is_renewed_while_all_is_well() -> None:
    venue = drive().up()
    assert _countdowns(venue, 30) == []  # nobody trades
    venue.command(PLACE).hear("private", report("ls-7", 9, "NEW", "NEW"))
    assert _countdowns(venue, 35) == ["30000"] * 4
    venue.close("private")
    assert _countdowns(venue, 60) == []  # nobody looks after the order: it is let run out
    venue.open("private")
    assert _countdowns(venue, 5) == ["30000"]


def test_a_switch_that_ran_out_in_an_outage_is_set_before_the_next_order() -> None:
    venue = drive().up().command(PLACE).hear("private", report("ls-7", 9, "NEW", "NEW"))
    venue.answer(COUNTDOWN, {})
    venue.speak().close("private").alive(60).open("private").forget()
    venue.command(PlaceOrder(8, 0, 1, 1000, 5, 0))
    first, second = venue.outputs
    assert isinstance(first, SendRequest)
    assert first.request.path == "/fapi/v1/countdownCancelAll"
    assert isinstance(second, SendFrame)


def test_the_switch_is_disarmed_when_the_account_shows_no_order() -> None:
    venue = drive().up().command(PLACE)
    venue.answer(COUNTDOWN, {})
    venue.later(1).command(RequestAccount(3, T - HOUR))
    answer_account(venue, orders=[order("ls-7", 9)])
    assert venue.n_asked(COUNTDOWN) == 0
    venue.command(RequestAccount(3, T - HOUR))
    venue.later(0.1).command(PlaceOrder(8, 0, 1, 1000, 5, 0))
    answer_account(venue)  # does not know of the newest order
    assert venue.n_asked(COUNTDOWN) == 0
    venue.later(7.1).command(RequestAccount(3, T - HOUR))  # nothing that was under way can arrive any more
    answer_account(venue)
    assert venue.answer(COUNTDOWN, {})["countdownTime"] == ["0"]
    assert venue.venue.account is not None
    assert venue.venue.account.switch.armed == ()


def test_the_switch_is_set_again_soon_where_it_was_not_answered_and_asks_for_a_person_where_it_was_refused() -> None:
    venue = drive().up().command(PLACE).hear("private", report("ls-7", 9, "NEW", "NEW"))
    venue.fail(COUNTDOWN)
    venue.later(2)
    assert "halts" not in venue.told
    venue.answer(COUNTDOWN, {"code": -1121, "msg": "Invalid symbol."}, 400)
    (halt,) = venue.told["halts"]
    assert halt.state == TradingState.HALTED
    assert "dead man's switch was refused: -1121" in halt.text
