"""Faults that requests and messages meet: what a client sees of each, and what is true behind it."""

import json
from typing import Any

import pytest

from market.units import MS
from sim.emulator import Fault, Faults
from sim.emulator.fault_plan import FaultPlan
from sim.emulator.outbox import Outbox, Tally
from tests.sim.emulator.stage import ACCOUNTS, START, SYMBOL, BinanceStage, BybitStage, frames


def outbox(faults: Faults) -> Outbox:
    return Outbox("bybit", "public", faults, Tally(), lambda: None)


def sent(faults: Faults, n: int = 4) -> list[int]:
    """Return the order in which numbered messages leave."""
    box = outbox(faults)
    for number in range(n):
        box.publish("orderbook.50.X", json.dumps(number).encode(), START)
    return [json.loads(payload) for payload in frames(box.take(START))]


@pytest.mark.parametrize(
    ("fault", "left"),
    [
        (Fault("lose"), [1, 2, 3]),
        (Fault("lose", count=2), [2, 3]),
        (Fault("duplicate"), [0, 0, 1, 2, 3]),
        (Fault("reorder"), [1, 0, 2, 3]),
        (Fault("lose", where="private"), [0, 1, 2, 3]),
        (Fault("lose", venue="binance-futures"), [0, 1, 2, 3]),
        (Fault("lose", topic="publicTrade"), [0, 1, 2, 3]),
        (Fault("lose", venue="bybit", where="public", topic="orderbook.50"), [1, 2, 3]),
    ],
)
def test_messages_meet_their_faults(fault: Fault, left: list[int]) -> None:
    faults = Faults()
    faults.arm(fault, START)
    assert sent(faults) == left
    assert faults.met[fault.kind] == (fault.count if left != [0, 1, 2, 3] else 0)


def test_a_late_stream_stays_in_order() -> None:
    faults = Faults()
    box = outbox(faults)
    box.publish("t", b"0", START)
    faults.arm(Fault("late", seconds=2.0), START)
    box.publish("t", b"1", START)
    box.publish("t", b"2", START)
    assert frames(box.take(START)) == [b"0"]
    assert box.next_due() == START + 2_000 * MS
    box.publish("t", b"3", START + 1_000 * MS)
    assert frames(box.take(START + 1_999 * MS)) == []
    assert frames(box.take(START + 2_000 * MS)) == [b"1", b"2", b"3"]


def test_a_client_that_reads_too_slowly_is_cut() -> None:
    box = outbox(Faults())
    while not box.is_broken:
        box.publish("t", b"0", START)
    assert len(box) == 20_000


def test_what_was_sent_is_counted_as_it_was_sent() -> None:
    tally, faults = Tally(), Faults()
    box = Outbox("bybit", "public", faults, tally, lambda: None)
    faults.arm(Fault("lose"), START)
    faults.arm(Fault("duplicate"), START)
    for _ in range(3):
        box.publish("t", b"{}", START)
    assert tally.messages == {("bybit", "t"): 3}  # one lost, one twice
    assert tally.n_bytes["bybit"] == len(box.take(START))


# --- requests ---------------------------------------------------------------------------------------------------------

# kind of fault: what the client is told over REST (None: nothing) by Bybit's code, by Binance's status and code, and
# whether the order stands
REQUESTS = [
    (Fault("timeout"), None, None, True),
    (Fault("swallow"), None, None, False),
    (Fault("reject"), 110007, (400, -2019), False),
    (Fault("reject", code=-2010), -2010, (400, -2010), False),
    (Fault("rate_limit"), 10006, (429, -1003), False),
    (Fault("unavailable"), 10016, (503, -1007), True),
    (Fault("slow", seconds=1.5), 0, (200, None), True),
]


@pytest.mark.parametrize(("fault", "code", "_", "stands"), REQUESTS)
def test_bybit_requests_meet_their_faults(fault: Fault, code: int | None, _: Any, stands: bool) -> None:
    stage = BybitStage()
    bid, _ask = stage.touch()
    trade = stage.signed_on("trade")
    stage.faults.arm(fault, stage.now)
    for n, where in enumerate(("rest", "trade")):
        terms = stage.limit("Buy", bid - 1, orderLinkId=f"x{n}")
        if where == "rest":
            body = json.dumps(terms)
            answer = stage.http("POST", "/v5/order/create", "", body, signed(stage, body))
            assert answer.is_never == (code is None)
            assert answer.delay == (1_500 * MS if fault.kind == "slow" else 0)
            told = None if answer.is_never else json.loads(answer.body)["retCode"]
        else:
            stage.faults.arm(fault, stage.now)
            trade.say(stage.request("r", "order.create", **terms))
            early = trade.heard()
            assert early == [] or fault.kind != "slow"
            stage.now += 1_500 * MS
            replies = [*early, *trade.heard()]
            told = replies[0]["retCode"] if replies else None
        assert told == code
        found = stage.account().find(client_id=f"x{n}")
        assert (found is not None and found.is_open) == stands
    assert stage.faults.met == {fault.kind: 2}
    assert stage.post("/v5/order/create", **stage.limit("Buy", bid - 1, orderLinkId="after"))["retCode"] == 0


@pytest.mark.parametrize(("fault", "_", "told", "stands"), REQUESTS)
def test_binance_requests_meet_their_faults(fault: Fault, _: Any, told: Any, stands: bool) -> None:
    stage = BinanceStage()
    bid, _ask = stage.touch()
    stage.faults.arm(fault, stage.now)
    assert stage.call("GET", "/fapi/v1/openOrders") == []  # no order: meets nothing
    terms = {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1.0", "price": str(bid - 1)}
    before = stage.account().orders.copy()
    status, reply, headers = stage.answer("POST", "/fapi/v1/order", {"symbol": SYMBOL, **terms})
    if told is not None:
        assert (status, reply.get("code")) == told
        assert ("Retry-After" in headers) == (status == 429)
    assert (len(stage.account().orders) > len(before)) == stands
    assert stage.faults.met == {fault.kind: 1}


def signed(stage: BybitStage, body: str) -> dict[str, str]:
    from tests.sim.emulator.raw_client import digest

    one, stamp = ACCOUNTS[0], str(stage.now // MS)
    return {
        "x-bapi-api-key": one.key,
        "x-bapi-timestamp": stamp,
        "x-bapi-recv-window": "5000",
        "x-bapi-sign": digest(one.secret, f"{stamp}{one.key}5000{body}"),
    }


def test_bans_last_and_meet_every_request() -> None:
    bybit, binance = BybitStage(), BinanceStage()
    for stage in (bybit, binance):
        stage.faults.arm(Fault("ban", seconds=30), stage.now)
    assert [bybit.http("GET", "/v5/market/time").status for _ in range(2)] == [403, 403]
    answer = binance.http("GET", "/fapi/v1/time")
    assert answer.status == 418
    assert 29 <= int(dict(answer.headers)["Retry-After"]) <= 60
    for stage in (bybit, binance):
        stage.now += 31_000 * MS
    assert bybit.http("GET", "/v5/market/time").status == 200
    assert binance.http("GET", "/fapi/v1/time").status == 200


def test_faults_that_are_cleared_are_met_by_nobody() -> None:
    stage = BybitStage()
    stage.faults.arm(Fault("reject", count=9), stage.now)
    stage.faults.clear()
    bid, _ = stage.touch()
    assert stage.post("/v5/order/create", **stage.limit("Buy", bid - 1))["retCode"] == 0


@pytest.mark.parametrize("wrong", [{"kind": "no"}, {"kind": "lose", "where": "no"}, {"kind": "lose", "count": 0}])
def test_a_wrong_fault_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Fault(**wrong)


# --- plans ------------------------------------------------------------------------------------------------------------


def test_a_plan_is_a_function_of_its_seed() -> None:
    plan = FaultPlan(7, 600, per_minute=20)
    faults = list(plan.faults())
    assert faults == list(plan.faults())
    assert faults != list(FaultPlan(8, 600, per_minute=20).faults())
    times = [at for at, _ in faults]
    assert times == sorted(times)
    assert plan.quiet_s <= times[0]
    assert times[-1] <= 600 - plan.quiet_s
    assert 120 < len(faults) < 280
    assert {fault.kind for _, fault in faults} == set(plan.kinds)


def test_a_plan_has_only_what_it_may() -> None:
    plan = FaultPlan(1, 600, 60, kinds=("drop", "lose"), venues=("bybit",))
    found = [fault for _, fault in plan.faults()]
    assert {(fault.kind, fault.venue) for fault in found} == {("drop", "bybit"), ("lose", "bybit")}
    assert {fault.where for fault in found if fault.kind == "lose"} == {"public"}
    with pytest.raises(ValueError, match="must be in"):
        FaultPlan(1, 60, kinds=("nonsense",))
