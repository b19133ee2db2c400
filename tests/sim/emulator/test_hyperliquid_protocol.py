"""The emulated Hyperliquid, asked by hand: whose an action is, nonces, limits, the scheduled cancel, the socket."""

import json
from typing import Any

import attrs
import pytest

from market.units import MS
from sim.emulator.hyperliquid.signing import keys_of
from tests.sim.emulator.stage import ACCOUNTS, HyperliquidStage, Wire

OTHER = "0x" + "5" * 64


def status(answer: dict[str, Any]) -> Any:
    """Return the status of an action's only item."""
    (found,) = answer["response"]["data"]["statuses"]
    return found


def resting(answer: dict[str, Any]) -> int:
    """Return the number of the order that an answer says is resting."""
    number = status(answer)["resting"]["oid"]
    assert isinstance(number, int)
    return number


def listening(stage: HyperliquidStage, kind: str, place: int = 0) -> Wire:
    wire = stage.connect("/ws")
    wire.say({"method": "subscribe", "subscription": {"type": kind, "user": stage.address(place)}})
    assert wire.heard()[0]["channel"] == "subscriptionResponse"
    return wire


def test_an_action_is_of_whom_its_signature_says() -> None:
    stage = HyperliquidStage()
    order = stage.order(stage.low())
    resting(stage.act(order))
    resting(stage.act(order, place=1))
    assert len(stage.info("openOrders", user=stage.address())) == 1
    for wrong in ({"secret": OTHER}, {"is_mainnet": True}, {"vault": "0x" + "7" * 40}):
        assert "does not exist" in stage.act(order, **wrong)["response"]
    changed = stage.signed(order)
    changed["action"]["orders"][0]["s"] = "2"
    answer = json.loads(stage.http("POST", "/exchange", body=json.dumps(changed)).body)
    assert "does not exist" in answer["response"]
    assert len(stage.info("openOrders", user=stage.address())) == 1


def test_a_key_of_a_vault_trades_for_it_alone() -> None:
    vault = "0x" + "7" * 40
    section = attrs.evolve(ACCOUNTS[0], key=f"vault:{vault}")
    stage = HyperliquidStage(accounts=(section,))
    assert keys_of(section)[0] == vault
    resting(stage.act(stage.order(stage.low()), vault=vault))
    assert len(stage.info("frontendOpenOrders", user=vault)) == 1


def test_a_nonce_is_taken_once_and_near_the_clock() -> None:
    stage = HyperliquidStage()
    order, now = stage.order(stage.low()), stage.now // MS
    resting(stage.act(order, nonce=now))
    for nonce in (now, now - 3 * 86_400_000, now + 2 * 86_400_000):
        assert "nonce" in stage.act(order, nonce=nonce)["response"]
    resting(stage.act(order, nonce=now - 5))  # out of order is no fault
    for place in range(1, 101):
        stage.act({"type": "noop"}, nonce=now + place)
    assert "nonce" in stage.act(order, nonce=now - 4)["response"]  # below the hundred that are remembered


def test_an_action_that_comes_late_is_refused() -> None:
    stage = HyperliquidStage()
    order, now = stage.order(stage.low()), stage.now // MS
    assert "expired" in stage.act(order, expires=now - 1)["response"]
    resting(stage.act(order, expires=now + 5000))


def test_without_budget_one_action_in_ten_seconds_is_taken_and_cancels_go_on() -> None:
    stage = HyperliquidStage(order_rate=1)  # sixty actions
    order = stage.order(stage.low())
    numbers = [resting(stage.act(order)) for _ in range(60)]
    assert stage.info("userRateLimit", user=stage.address())["nRequestsUsed"] == 60
    assert stage.act(order)["response"].startswith("Too many cumulative requests sent (61 > 60)")
    assert status(stage.act({"type": "cancel", "cancels": [{"a": 0, "o": numbers[0]}]})) == "success"
    stage.run(10.0)
    resting(stage.act(order))


def test_weight_is_counted_by_address_and_forgotten_after_a_minute() -> None:
    stage = HyperliquidStage()
    body = json.dumps({"type": "userRole", "user": stage.address()})
    assert [stage.http("POST", "/info", body=body).status for _ in range(21)] == [200] * 20 + [429]
    stage.run(61.0, step=500 * MS)
    assert stage.http("POST", "/info", body=body).status == 200


def test_a_scheduled_cancel_takes_everything_at_its_time() -> None:
    stage = HyperliquidStage(accounts=(attrs.evolve(ACCOUNTS[0], is_vip=True), ACCOUNTS[1]))
    resting(stage.act(stage.order(stage.low())))
    wire = listening(stage, "orderUpdates")
    assert "at least 5 seconds" in stage.act({"type": "scheduleCancel", "time": stage.now // MS + 4000})["response"]
    assert stage.act({"type": "scheduleCancel", "time": stage.now // MS + 6000})["status"] == "ok"
    stage.run(5.0)
    assert stage.act({"type": "scheduleCancel", "time": stage.now // MS + 6000})["status"] == "ok"  # put off
    stage.run(5.0)
    assert stage.info("openOrders", user=stage.address())
    stage.run(2.0)
    assert stage.info("openOrders", user=stage.address()) == []
    assert [row["status"] for each in wire.heard() for row in each["data"]] == ["scheduledCancel"]
    assert "enough volume" in stage.act({"type": "scheduleCancel"}, place=1)["response"]


def test_what_an_account_hears_is_its_own() -> None:
    stage = HyperliquidStage()
    mine, theirs = listening(stage, "userFills"), listening(stage, "userFills", place=1)
    mine.heard(), theirs.heard()
    high = stage.touch()[1] // 1 + 1
    filled = status(stage.act(stage.order(high, tif="Ioc")))["filled"]
    (news,) = mine.heard()
    (fill,) = news["data"]["fills"]
    assert (fill["oid"], fill["sz"], fill["crossed"], fill["side"]) == (filled["oid"], "1.0", True, "B")
    assert theirs.heard() == []
    again = stage.connect("/ws")
    again.say({"method": "subscribe", "subscription": {"type": "userFills", "user": stage.address()}})
    assert again.heard()[1]["data"] == {"isSnapshot": True, "user": stage.address(), "fills": [fill]}
    assert stage.info("userFillsByTime", user=stage.address(), startTime=0) == [fill]


def test_a_socket_takes_posts_and_refuses_what_it_has() -> None:
    stage = HyperliquidStage()
    wire = stage.connect("/ws")
    post = {"method": "post", "id": 9, "request": {"type": "action", "payload": stage.signed(stage.order(stage.low()))}}
    answer = wire.ask(post)["data"]
    assert (answer["id"], answer["response"]["payload"]["status"]) == (9, "ok")
    again = wire.ask(post)["data"]["response"]["payload"]
    assert "nonce" in again["response"]
    subscription = {"method": "subscribe", "subscription": {"type": "trades", "coin": "SOL"}}
    wire.say(subscription)
    wire.heard()
    assert wire.ask(subscription)["data"].startswith("Already subscribed")
    assert wire.ask({"method": "ping"}) == {"channel": "pong"}


@pytest.mark.parametrize("body", ["", "{", "[]", "[" * 100_000, '{"type":"nothing"}'])
def test_what_is_no_request_is_422(body: str) -> None:
    stage = HyperliquidStage()
    for path in ("/info", "/exchange"):
        answer = stage.http("POST", path, body=body)
        assert (answer.status, json.loads(answer.body)) == (
            422,
            "Failed to deserialize the JSON body into the target type",
        )
