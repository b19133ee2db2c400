"""The private stream to facts: every report once, and no state that nobody knows is guessed."""

from typing import Any

import pytest

from market.messages import (
    AmendOrder,
    AmendRejected,
    CancelAll,
    CancelOrder,
    CancelRejected,
    Fill,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderExpired,
    OrderRejected,
    Reason,
    RequestAccount,
)
from market.units import MS
from tests.venues.scripted_venue import AHEAD, NOW
from tests.venues.woox.scripted_woox import ORDER, Woox
from tests.venues.woox.woox_wire import BTC
from venues.woox.order_ids import fill_id_of

POSITIONS = "/v3/futures/positions"


def with_order() -> Woox:
    woox = Woox().come_up()
    woox.command(ORDER)
    return woox


def test_an_order_is_accepted_once() -> None:
    woox = with_order()
    (accepted,) = woox.hear_report()
    assert accepted == OrderAccepted(77, BTC.id, NOW + AHEAD, NOW)
    assert woox.hear_report() == []


def test_a_fill_is_told_once_with_its_fee() -> None:
    woox = with_order()
    fill = {
        "ss": "PARTIAL_FILLED",
        "tid": 5,
        "epx": "64999.9",
        "esx": "0.0004",
        "tesx": "0.0004",
        "f": "0.01",
        "mk": True,
    }
    accepted, filled = woox.hear_report(**fill)
    assert isinstance(accepted, OrderAccepted)
    at = (77, BTC.id, NOW + AHEAD, NOW)
    assert filled == Fill(*at, fill_id_of(9001, 5), 1, 649_999, 40, True, 10_000_000_000)
    assert woox.hear_report(**fill) == []
    assert [type(each) for each in woox.hear_report(**fill | {"tid": 6, "ss": "FILLED"})] == [Fill]
    assert woox.hear_report() == []  # news of before its end


def test_both_sides_of_one_trade_may_be_ours() -> None:
    woox = with_order()
    (*_, one) = woox.hear_report(ss="FILLED", tid=5, esx="0.001", epx="65000")
    (*_, other) = woox.hear_report(ss="FILLED", tid=5, esx="0.001", epx="65000", cid=78, oid=9002, sd="SELL")
    assert one.fill_id != other.fill_id


def test_a_fee_in_another_asset_is_counted_and_not_taken_for_ours() -> None:
    woox = with_order()
    (*_, fill) = woox.hear_report(ss="FILLED", tid=5, esx="0.001", epx="65000", f="3", fa="WOO")
    assert fill.fee_e12 == 0
    assert woox.venue.seen["fee in WOO"] == 1


def test_an_amend_is_seen_by_what_the_order_says_and_not_undone_by_older_news() -> None:
    woox = with_order()
    woox.hear_report()
    later = (NOW + AHEAD) // MS + 5
    (amended,) = woox.hear_report(px="64990", sx="0.002", ts=later)
    assert amended == OrderAmended(77, BTC.id, later * MS, NOW, 649_900, 200)
    assert woox.hear_report() == []
    assert woox.venue.seen["older news of an order"] == 1


@pytest.mark.parametrize(
    ("changes", "cancels", "expected"),
    [
        ({"tesx": "0.0004"}, "one", (OrderCancelled, Reason.NONE, 40)),
        ({}, "all", (OrderCancelled, Reason.NONE, 0)),
        ({}, "", (OrderCancelled, Reason.VENUE_OTHER, 0)),
        ({"rs": "Post_only order would be matched"}, "", (OrderCancelled, Reason.POST_ONLY_WOULD_TAKE, 0)),
        ({"t": "IOC"}, "", (OrderExpired, Reason.NO_LIQUIDITY, 0)),
        ({"t": "IOC", "tesx": "0.0004"}, "", (OrderExpired, Reason.REMAINDER_EXPIRED, 40)),
        ({"t": "FOK"}, "", (OrderExpired, Reason.FOK_NOT_FILLABLE, 0)),
        ({"t": "LIMIT", "ro": True}, "", (OrderExpired, Reason.REDUCE_ONLY, 0)),
        ({"t": "LIMIT", "ro": True}, "one", (OrderCancelled, Reason.NONE, 0)),
    ],
)
def test_how_an_order_that_stood_ends(
    changes: dict[str, Any], cancels: str, expected: tuple[type, Reason, int]
) -> None:
    woox = with_order()
    woox.hear_report()
    if cancels:
        woox.command(CancelOrder(77, BTC.id) if cancels == "one" else CancelAll(BTC.id))
    (end,) = woox.hear_report(ss="CANCELLED", **changes)
    assert (type(end), end.reason, end.filled) == expected
    assert woox.hear_report(ss="CANCELLED", **changes) == []


@pytest.mark.parametrize("status", ["CANCELLED", "REJECTED"])
def test_post_only_that_would_take_never_stood_whatever_the_venue_calls_it(status: str) -> None:
    (end,) = with_order().hear_report(ss=status)
    assert (type(end), end.reason) == (OrderRejected, Reason.POST_ONLY_WOULD_TAKE)


def test_the_end_of_an_order_of_an_earlier_life() -> None:
    (end,) = Woox().come_up().hear_report(ss="CANCELLED", tesx="0.0002")
    assert (type(end), end.reason, end.filled) == (OrderCancelled, Reason.NONE, 20)


def test_somebody_elses_order_has_the_venues_id() -> None:
    accepted, *_ = Woox().come_up().hear_report(cid=0)
    assert accepted.client_id == -9001


@pytest.mark.parametrize(
    ("kind", "changes", "expected"),
    [
        (1, {"rs": "order is pending"}, (AmendRejected, Reason.VENUE_OTHER)),
        (1, {"rs": "order not found"}, (AmendRejected, Reason.UNKNOWN_ORDER)),
        (2, {"ss": "FILLED"}, (CancelRejected, Reason.UNKNOWN_ORDER)),
        (2, {"rs": "try again"}, (CancelRejected, Reason.VENUE_OTHER)),
    ],
)
def test_what_is_refused_by_the_stream(kind: int, changes: dict[str, str], expected: tuple[type, Reason]) -> None:
    woox = with_order()
    woox.hear_report()
    woox.command(AmendOrder(77, BTC.id, 649_000, 100))
    (refused,) = woox.hear_report(mt=kind, **changes)
    assert (type(refused), refused.reason) == expected


@pytest.mark.parametrize("changes", [{"ss": "STRANGE"}, {"mt": 3}])
def test_what_no_fact_can_say_has_the_account_asked_for(changes: dict[str, Any]) -> None:
    woox = with_order()
    woox.command(RequestAccount(2, NOW))
    for asked in (*woox.asked("/v3/trade/orders", "GET"), *woox.asked(POSITIONS)):
        woox.answer(asked, None)  # the first reading fails
    woox.pass_by(0.6)
    n_asked = len(woox.asked(POSITIONS))
    assert woox.hear_report(**changes) == []
    for asked in woox.asked(POSITIONS)[n_asked - 1 :]:
        woox.answer(asked, None)
    woox.pass_by(1.2)
    assert len(woox.asked(POSITIONS)) > n_asked


def test_positions_and_balances_by_their_versions() -> None:
    woox = with_order()

    def position(version: int) -> None:
        row = {"s": "PERP_BTC_USDT", "h": "-0.5", "ver": version, "ts": 1}
        woox.hear("private", {"topic": "position", "ts": 1, "data": {"positions": [row]}})

    position(3)
    assert woox.venue.seen["older position"] == 0
    position(2)
    assert woox.venue.seen["older position"] == 1
    balance = {"t": "USDT", "h": "10.5", "f": "0.5", "ver": 9, "ts": 1}
    for _ in range(2):
        woox.hear("private", {"topic": "balance", "ts": 1, "data": {"balances": [balance]}})
    assert woox.venue.seen["older balance"] == 1
