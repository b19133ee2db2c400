"""Orders on WOO X, what it refuses, its rules and its dead man's switch."""

import json
from typing import Any

import pytest

from market.messages import (
    AmendOrder,
    AmendRejected,
    CancelAll,
    CancelOrder,
    CancelRejected,
    HaltRequested,
    OrderAmended,
    OrderFlag,
    OrderRejected,
    PlaceOrder,
    Reason,
    TradingState,
)
from tests.venues.woox.scripted_woox import (
    ORDER,
    ORDER_PATH,
    Woox,
    answer_account,
    refusal,
    reply,
    row,
)
from tests.venues.woox.woox_wire import BTC, LTC
from venues.venue import URGENT, SendRequest, Tell

COUNTDOWN = "/v3/trade/cancelAllAfter"
INSTRUMENTS = "/v3/public/instruments"


def numbered(number: int, **changes: Any) -> PlaceOrder:
    terms = {"flags": ORDER.flags, "side": 1, "price": ORDER.price} | changes
    return PlaceOrder(number, BTC.id, terms["side"], terms["price"], ORDER.size, terms["flags"])


# --- orders ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "price", "terms"),
    [
        (OrderFlag.POST_ONLY, 650_000, {"type": "POST_ONLY", "price": "65000.0"}),
        (OrderFlag.NONE, 650_000, {"type": "LIMIT", "price": "65000.0"}),
        (OrderFlag.IOC, 650_000, {"type": "IOC", "price": "65000.0"}),
        (OrderFlag.FOK, 650_000, {"type": "FOK", "price": "65000.0"}),
        (OrderFlag.MARKET, 0, {"type": "MARKET"}),
        (OrderFlag.MARKET, 650_000, {"type": "IOC", "price": "65000.0"}),
        (OrderFlag.IOC | OrderFlag.REDUCE_ONLY, 650_000, {"type": "IOC", "price": "65000.0", "reduceOnly": True}),
    ],
)
def test_an_order_as_the_venue_reads_it(flags: OrderFlag, price: int, terms: dict[str, Any]) -> None:
    asked = Woox().come_up().send(numbered((1 << 63) - 1, flags=int(flags), price=price))
    usual = {"symbol": "PERP_BTC_USDT", "clientOrderId": (1 << 63) - 1, "side": "BUY", "quantity": "0.00100"}
    assert json.loads(asked.request.body) == usual | terms


@pytest.mark.parametrize(
    "order", [numbered(0), numbered(-5), numbered(3, flags=int(OrderFlag.POST_ONLY | OrderFlag.MARKET))]
)
def test_what_is_no_order_there_is_refused_here(order: PlaceOrder) -> None:
    woox = Woox().come_up()
    woox.command(order)
    assert [each.reason for each in woox.told(OrderRejected)] == [Reason.INVALID_TERMS]
    assert not woox.asked(ORDER_PATH, "POST")


def test_what_cannot_be_sent_is_refused_at_once() -> None:
    woox = Woox()
    woox.command(ORDER)
    woox.command(AmendOrder(77, BTC.id, 649_000, 100))
    assert [each.reason for each in woox.told(OrderRejected)] == [Reason.NOT_CONNECTED]
    assert [each.reason for each in woox.told(AmendRejected)] == [Reason.NOT_CONNECTED]


def test_orders_beyond_the_rate_are_refused_and_cancels_wait() -> None:
    woox = Woox().come_up()
    for number in range(1, 8):
        woox.command(numbered(number))
    for number in range(1, 13):
        woox.command(CancelOrder(1000 + number, BTC.id))
    assert len(woox.asked(ORDER_PATH, "POST")) == 5  # a second, of one symbol
    assert [each.reason for each in woox.told(OrderRejected)] == [Reason.LIMIT_ORDER_RATE] * 2
    assert len(woox.asked(ORDER_PATH, "DELETE")) == 10
    woox.pass_by(1)  # and a tenth, as what is sent apart may arrive together
    assert len(woox.asked(ORDER_PATH, "DELETE")) == 10
    woox.pass_by(0.1)
    assert len(woox.asked(ORDER_PATH, "DELETE")) == 12
    other = PlaceOrder(99, LTC.id, 1, 6000, 10, 4)
    assert woox.send(other).request.method == "POST"
    woox.command(numbered(8))
    assert len(woox.asked(ORDER_PATH, "POST")) == 7


def test_a_cancel_waits_for_nothing_and_comes_once_more_behind_its_own_order() -> None:
    woox = Woox().come_up()
    placed = woox.send(ORDER)
    at_once, behind = (each for each in woox.command(CancelOrder(77, BTC.id)) if isinstance(each, SendRequest))
    assert (at_once.lane, behind.lane) == (URGENT, placed.lane)
    woox.answer(at_once, refusal(-1006), 400)
    assert not woox.told(CancelRejected)  # it has overtaken its order
    woox.answer(placed, reply({"orderId": 9001, "clientOrderId": 77}))
    woox.answer(behind, refusal(317152), 400)
    assert [each.reason for each in woox.told(CancelRejected)] == [Reason.UNKNOWN_ORDER]
    assert woox.send(CancelOrder(77, BTC.id)).lane == URGENT


@pytest.mark.parametrize(
    ("code", "status", "reason", "state"),
    [
        (-1102, 400, Reason.BELOW_MIN_NOTIONAL, None),
        ("-1103", 400, Reason.INVALID_PRICE, None),
        (-1104, 400, Reason.INVALID_SIZE, None),
        (-1003, 429, Reason.LIMIT_ORDER_RATE, None),
        (302138, 400, Reason.REDUCE_ONLY, None),
        (-1101, 400, Reason.VENUE_OTHER, TradingState.REDUCING),
        (-1002, 401, Reason.VENUE_OTHER, TradingState.HALTED),
        (317157, 400, Reason.VENUE_OTHER, TradingState.REDUCING),
        ("", 401, Reason.VENUE_OTHER, TradingState.HALTED),
    ],
)
def test_refusals_of_an_order(code: int | str, status: int, reason: Reason, state: TradingState | None) -> None:
    woox = Woox().come_up()
    woox.answer(woox.send(ORDER), refusal(code), status)
    assert [each.reason for each in woox.told(OrderRejected)] == [reason]
    assert [each.state for each in woox.told(HaltRequested)] == ([] if state is None else [state])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (None, 0),
        (b"<html>", 502),
        (b'{"code":503,"message":"[GW] no upstream server"}', 200),
        (refusal(-1000), 500),
        (refusal(-1007), 409),
        (refusal(999_999), 400),
        (refusal("what"), 400),
        (b"{}", 200),
    ],
)
def test_an_outcome_that_nobody_knows_is_never_a_refusal(body: bytes | None, status: int) -> None:
    woox = Woox().come_up()
    told = woox.answer(woox.send(ORDER), body, status)
    assert not [each for each in told if isinstance(each, Tell)]
    amend = woox.send(AmendOrder(77, BTC.id, 649_000, 100))
    assert not [each for each in woox.answer(amend, body, status) if isinstance(each, Tell)]


def test_a_cancel_of_unknown_fate_is_sent_again_for_a_while() -> None:
    woox = Woox().come_up()
    woox.send(CancelOrder(77, BTC.id))
    for n_sent in range(1, 7):
        assert len(woox.asked(ORDER_PATH, "DELETE")) == n_sent
        woox.answer(woox.asked(ORDER_PATH, "DELETE")[-1], refusal(-1000), 500)
        woox.pass_by(1.01)
    assert len(woox.asked(ORDER_PATH, "DELETE")) == 6
    woox.answer(woox.send(CancelAll(BTC.id)), None)
    woox.pass_by(1.01)
    assert len(woox.asked("/v3/trade/orders", "DELETE")) == 2


def test_an_amend_that_changes_nothing_is_done() -> None:
    woox = Woox().come_up()
    woox.answer(woox.send(AmendOrder(77, BTC.id, 649_000, 100)), refusal(302130), 400)
    (amended,) = woox.told(OrderAmended)
    assert (amended.client_id, amended.price, amended.size) == (77, 649_000, 100)


# --- rules -----------------------------------------------------------------------------------------------------------


def ruled(**changes: Any) -> Woox:
    woox = Woox().come_up()
    woox.answer(
        woox.asked(INSTRUMENTS)[-1],
        reply(
            {
                "rows": [
                    row(**changes),
                    row(
                        symbol="PERP_LTC_USDT",
                        quoteTick="0.01",
                        baseTick="0.1",
                        baseMin="0.1",
                        minNotional="0",
                        baseMax="100000",
                    ),
                ]
            }
        ),
    )
    return woox


def test_rules_that_are_as_they_were_say_nothing() -> None:
    woox = ruled(baseMax="9223372036854.0")
    (halt,) = woox.told(HaltRequested)  # of instruments made by a test, the sizes at the most are not those
    assert "max_size of woox:PERP_BTC_USDT" in halt.text


@pytest.mark.parametrize(
    ("changes", "order", "reason"),
    [
        ({"orderMode": "POST_ONLY"}, numbered(1, flags=int(OrderFlag.IOC)), Reason.INVALID_TERMS),
        ({"orderMode": "REDUCE_ONLY"}, numbered(1), Reason.ONLY_REDUCING),
        ({"orderMode": "CANCEL_ONLY"}, numbered(1), Reason.VENUE_OTHER),
        ({"status": "SUSPENDED"}, numbered(1), Reason.VENUE_OTHER),
        ({"quoteMax": "64999"}, numbered(1), Reason.INVALID_PRICE),
    ],
)
def test_what_the_venue_would_not_take_is_not_sent(changes: dict[str, str], order: PlaceOrder, reason: Reason) -> None:
    woox = ruled(**changes)
    woox.command(order)
    assert [each.reason for each in woox.told(OrderRejected)] == [reason]
    if changes.get("orderMode") == "REDUCE_ONLY":
        woox.command(numbered(2, flags=int(OrderFlag.IOC | OrderFlag.REDUCE_ONLY)))
        assert len(woox.asked(ORDER_PATH, "POST")) == 1


def test_prices_beyond_the_caps_are_not_sent() -> None:
    woox = ruled()
    woox.grant("public")
    woox.hear(
        "public", {"topic": "markprice@PERP_BTC_USDT", "ts": 1, "data": {"s": "PERP_BTC_USDT", "px": "50000", "ts": 9}}
    )
    woox.command(numbered(1, price=550_010))
    woox.command(numbered(2, side=-1, price=449_990))
    assert [each.reason for each in woox.told(OrderRejected)] == [Reason.INVALID_PRICE] * 2
    woox.command(numbered(3, price=549_990))
    woox.command(numbered(4, side=-1, price=450_010))
    assert len(woox.asked(ORDER_PATH, "POST")) == 2


def test_another_tick_needs_a_person() -> None:
    woox = ruled(quoteTick="0.5")
    (halt,) = woox.told(HaltRequested)
    assert halt.state == TradingState.HALTED
    assert "tick of woox:PERP_BTC_USDT is 0.5, was 0.1" in halt.text


# --- the dead man's switch -------------------------------------------------------------------------------------------


def test_the_switch_is_armed_before_the_first_order_and_renewed_and_ended() -> None:
    woox = Woox().come_up()
    first, *_ = woox.command(ORDER)
    assert isinstance(first, SendRequest)
    assert (first.request.path, json.loads(first.request.body)) == (COUNTDOWN, {"triggerAfter": 30_000})
    woox.answer(first, reply({"expectedTriggerTime": 1}))
    woox.command(numbered(78))
    assert len(woox.asked(COUNTDOWN)) == 1
    woox.pass_by(10)
    assert len(woox.asked(COUNTDOWN)) == 2
    woox.answer(woox.asked(COUNTDOWN)[1], None)
    woox.pass_by(2)
    assert len(woox.asked(COUNTDOWN)) == 3
    answer_account(woox)
    assert len(woox.asked(COUNTDOWN)) == 3, "an order may still be on its way to what was asked"
    woox.pass_by(10)
    answer_account(woox)
    assert json.loads(woox.asked(COUNTDOWN)[-1].request.body) == {"triggerAfter": 0}


def test_an_account_that_has_no_switch_trades_without_it_and_it_is_noted() -> None:
    woox = Woox().come_up()
    woox.command(ORDER)
    woox.answer(woox.asked(COUNTDOWN)[0], refusal(-1002, "VIP only"), 401)
    assert woox.venue.seen["no dead man's switch: -1002 VIP only"] == 1
    woox.command(numbered(78))
    woox.pass_by(60)
    assert len(woox.asked(COUNTDOWN)) == 1
    assert len(woox.asked(ORDER_PATH, "POST")) == 2
    assert not woox.told(HaltRequested)


def test_the_switch_is_left_to_run_out_while_the_path_is_down() -> None:
    woox = Woox().come_up()
    woox.command(ORDER)
    woox.answer(woox.asked(COUNTDOWN)[0], reply({}))
    woox.take(woox.venue.closed("private", "gone", woox.now))
    woox.pass_by(40)
    assert len(woox.asked(COUNTDOWN)) == 1
    woox.give_key()
    woox.grant("private")
    woox.pass_by(0)
    assert len(woox.asked(COUNTDOWN)) == 2
