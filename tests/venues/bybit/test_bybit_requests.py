"""Commands become the venue's requests, and its answers refusals only where they surely are."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.messages import (
    AmendOrder,
    AmendRejected,
    CancelAll,
    CancelOrder,
    CancelRejected,
    OrderAmended,
    OrderFlag,
    OrderRejected,
    PlaceOrder,
    Reason,
    first_client_id,
)
from market.units import MS
from tests.venues.bybit.bybit_wire import BTC, ETH, messages, recorded
from venues.bybit.errors import verdict_on, verdict_on_status
from venues.bybit.order_ids import OrderIds, id_of_link, link_of
from venues.bybit.replies import Answer, OrderReplies
from venues.bybit.requests import OrderCommand, OrderRequests, bucket_of
from venues.bybit.signing import Signer
from venues.bybit.structs import read_frame
from venues.verdicts import Advice, Fate
from venues.wire import number_of

NOW = 1_760_000_000_000 * MS
ID = first_client_id(1, 2, 3) + 4
LINK = link_of(ID)
PLACE = PlaceOrder(ID, 0, 1, 650001, 10, int(OrderFlag.POST_ONLY))
AMEND = AmendOrder(ID, 0, 650002, 20)
CANCEL = CancelOrder(ID, 0)


def requests(ids: OrderIds | None = None) -> OrderRequests:
    return OrderRequests([BTC, ETH], ids or OrderIds(), Signer("testApiKey0001", "testApiSecret0001"))


def body(command: OrderCommand, ids: OrderIds | None = None) -> dict[str, Any]:
    got: dict[str, Any] = json.loads(requests(ids).http([command], NOW).body)
    return got


# --- ids -------------------------------------------------------------------------------------------------------------


@given(st.integers(0, (1 << 63) - 1))
def test_an_id_survives_its_text(client_id: int) -> None:
    assert id_of_link(link_of(client_id)) == client_id
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,36}", link_of(client_id))


@pytest.mark.parametrize(
    "link", ["", "ls-", "ls-0a", "ls-A", "ls- a", "ls-1_0", "ls--1", "ls-8000000000000000", "7", "x"]
)
def test_other_texts_are_not_ours(link: str) -> None:
    assert id_of_link(link) is None
    ids = OrderIds()
    foreign = ids.client_id(link, "c6f055d9-7f21-4079-913d-e6523a9cfffa")
    assert foreign == -1 - number_of("c6f055d9-7f21-4079-913d-e6523a9cfffa") < 0
    assert body(CancelOrder(foreign, 0), ids)["orderId"] == "c6f055d9-7f21-4079-913d-e6523a9cfffa"
    with pytest.raises(ValueError, match=r"^order -5 is not ours, and the venue has not told of it"):
        ids.name(-5)
    with pytest.raises(ValueError, match=r"^client order id -1 is not one of ours"):
        body(PlaceOrder(-1, 0, 1, 650001, 10, 0))


# --- requests --------------------------------------------------------------------------------------------------------


def test_a_frame_of_the_trade_socket() -> None:
    assert json.loads(requests().frame([PLACE], "r-1", NOW)) == {
        "reqId": "r-1",
        "header": {"X-BAPI-TIMESTAMP": "1760000000000", "X-BAPI-RECV-WINDOW": "5000"},
        "op": "order.create",
        "args": [
            {
                "category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.010",
                "price": "65000.1", "timeInForce": "PostOnly", "positionIdx": 0, "orderLinkId": LINK,
                "reduceOnly": False,
            }
        ],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("flags", "price", "expected"),
    [
        (OrderFlag.NONE, 650001, ("Limit", "65000.1", "GTC")),
        (OrderFlag.IOC | OrderFlag.REDUCE_ONLY, 650001, ("Limit", "65000.1", "IOC")),
        (OrderFlag.FOK, 650001, ("Limit", "65000.1", "FOK")),
        (OrderFlag.MARKET, 0, ("Market", None, "IOC")),
        (OrderFlag.MARKET, 650001, ("Limit", "65000.1", "IOC")),  # the venue would ignore the worst price
    ],
)
def test_how_orders_are_asked_for(flags: OrderFlag, price: int, expected: tuple[str, str | None, str]) -> None:
    got = body(PlaceOrder(ID, 0, -1, price, 10, int(flags)))
    assert (got["orderType"], got.get("price"), got["timeInForce"]) == expected
    assert (got["side"], got["reduceOnly"]) == ("Sell", bool(flags & OrderFlag.REDUCE_ONLY))


def test_flags_that_contradict_each_other() -> None:
    for flags in (OrderFlag.IOC | OrderFlag.POST_ONLY, OrderFlag.MARKET | OrderFlag.POST_ONLY):
        with pytest.raises(ValueError, match=rf"^order {ID} of bybit:BTCUSDT: .* contradict each other$"):
            body(PlaceOrder(ID, 0, 1, 650001, 10, int(flags)))


def test_amends_cancels_and_batches() -> None:
    assert body(AMEND) == {
        "category": "linear", "symbol": "BTCUSDT", "orderLinkId": LINK, "qty": "0.020", "price": "65000.2",
    }  # fmt: skip
    assert body(CANCEL) == {"category": "linear", "symbol": "BTCUSDT", "orderLinkId": LINK}
    other = CancelOrder(ID + 1, 1)
    batch = requests().http([CANCEL, other], NOW)
    assert (batch.method, batch.path, batch.weight) == ("POST", "/v5/order/cancel-batch", 2)
    assert json.loads(batch.body) == {
        "category": "linear",
        "request": [
            {"symbol": "BTCUSDT", "orderLinkId": LINK},
            {"symbol": "ETHUSDT", "orderLinkId": link_of(ID + 1)},
        ],
    }
    frame = json.loads(requests().frame([CANCEL, other], "r-2", NOW))
    assert (frame["op"], frame["args"]) == ("order.cancel-batch", [json.loads(batch.body)])


def test_cancel_all_goes_by_http_and_is_signed() -> None:
    request = requests().http([CancelAll(1)], NOW)
    assert (request.method, request.path) == ("POST", "/v5/order/cancel-all")
    assert request.body == b'{"symbol":"ETHUSDT","category":"linear"}'
    signed = Signer("testApiKey0001", "testApiSecret0001").headers(request.body.decode(), NOW)
    assert request.headers == (("Content-Type", "application/json"), *signed)
    with pytest.raises(ValueError, match=r"^the trade socket cannot cancel all"):
        requests().frame([CancelAll(1)], "r", NOW)


def test_a_get_is_signed_over_its_query() -> None:
    request = requests().get("/v5/x", {"category": "linear", "symbol": "BTCUSDT"}, NOW)
    assert request.target == "/v5/x?category=linear&symbol=BTCUSDT"
    signature = "8f8ba33eb1986b2ee8860ac995f7de2e2095810ce6dba0aefd36eaa32781db53"
    assert dict(request.headers)["X-BAPI-SIGN"] == signature


@pytest.mark.parametrize("commands", [[], [PLACE, CANCEL], [CANCEL] * 11, [CancelAll(0)] * 2])
def test_what_one_request_cannot_carry(commands: list[OrderCommand]) -> None:
    with pytest.raises(ValueError, match="request"):
        bucket_of(commands)


# --- answers ---------------------------------------------------------------------------------------------------------


def answer(commands: list[OrderCommand], code: int, message: str = "", **more: Any) -> tuple[Answer, OrderReplies]:
    replies = OrderReplies()
    replies.sent("r-1", commands)
    whole = {
        "reqId": "r-1",
        "retCode": code,
        "retMsg": message,
        "op": "order.x",
        "header": {"Timenow": "1760000000001"},
    }
    got = replies.receive(read_frame(json.dumps(whole | more).encode()), NOW)
    assert got is not None
    return got, replies


AT = (1_760_000_000_001 * MS, NOW)


def test_an_answer_that_takes_an_order_tells_nothing() -> None:
    got, _ = answer([PLACE], 0, "OK")
    assert (got.bucket, got.facts, got.advice) == ("order.create", (), ())


@pytest.mark.parametrize(
    ("command", "code", "fact", "advice"),
    [
        (PLACE, 110094, OrderRejected(ID, 0, *AT, int(Reason.BELOW_MIN_NOTIONAL)), None),
        (PLACE, 110020, OrderRejected(ID, 0, *AT, int(Reason.TOO_MANY_ORDERS)), None),
        (PLACE, 10006, OrderRejected(ID, 0, *AT, int(Reason.VENUE_OTHER)), Advice.SLOW_DOWN),
        (PLACE, 10004, OrderRejected(ID, 0, *AT, int(Reason.VENUE_OTHER)), Advice.HALT),
        (AMEND, 110064, AmendRejected(ID, 0, *AT, int(Reason.INVALID_SIZE)), None),
        (CANCEL, 110001, CancelRejected(ID, 0, *AT, int(Reason.UNKNOWN_ORDER)), Advice.QUERY),
    ],
)
def test_a_sure_refusal_is_told(command: OrderCommand, code: int, fact: object, advice: Advice | None) -> None:
    got, _ = answer([command], code, "words")
    assert got.facts == (fact,)
    assert got.advice == (((advice, f"{code} words"),) if advice else ())


@pytest.mark.parametrize("code", [10000, 10016, 10019, 10429, 20003, 20006, 110072, 987654])
def test_an_unclear_answer_leaves_the_fate_open(code: int) -> None:
    got, replies = answer([PLACE], code)
    assert got.facts == ()
    assert got.advice
    assert replies.n_unknown == {code: 1}


def test_an_amend_that_changes_nothing_is_answered_by_what_is() -> None:
    got, _ = answer([AMEND], 10001, "The order remains unchanged: not modified")
    assert got.facts == (OrderAmended(ID, 0, *AT, 650002, 20),)
    got, _ = answer([AMEND], 10001, "params error")
    assert got.facts == (AmendRejected(ID, 0, *AT, int(Reason.VENUE_OTHER)),)
    assert got.advice == ((Advice.RELOAD_INSTRUMENTS, "10001 params error"),)


def test_each_of_a_batch_has_its_own_answer() -> None:
    batch: list[OrderCommand] = [
        PLACE,
        PlaceOrder(ID + 1, 0, 1, 650001, 10, 0),
        PlaceOrder(ID + 2, 0, 1, 650001, 10, 0),
    ]
    codes = [{"code": 0, "msg": "OK"}, {"code": 110094, "msg": "small"}, {"code": 10016, "msg": "server"}]
    got, replies = answer(batch, 0, retExtInfo={"list": codes})
    assert got.facts == (OrderRejected(ID + 1, 0, *AT, int(Reason.BELOW_MIN_NOTIONAL)),)
    assert replies.n_unknown == {10016: 1}
    for broken in ({"list": codes[:2]}, {}, {"list": "x"}):
        got, replies = answer(batch, 0, retExtInfo=broken)
        assert (got.facts, replies.n_unknown.total()) == ((), 3)


def test_http_tells_the_same_and_its_failures_nothing() -> None:
    replies = OrderReplies()

    def http(status: int, text: bytes) -> Answer | None:
        replies.sent("h-1", [PLACE])
        return replies.receive_http("h-1", status, {"X-Bapi-Limit": "20"}, text, NOW)

    refused = b'{"retCode":110094,"retMsg":"x","result":{},"retExtInfo":{},"time":1760000000001}'
    got = http(200, refused)
    assert got is not None
    assert got.facts == (OrderRejected(ID, 0, *AT, int(Reason.BELOW_MIN_NOTIONAL)),)
    assert got.headers == {"X-Bapi-Limit": "20"}
    for status, text, advice in (
        (502, b"", "QUERY"),
        (403, b"", "PAUSE_HTTP"),
        (429, b"", "SLOW_DOWN"),
        (200, b"<", "QUERY"),
    ):
        got = http(status, text)
        assert got is not None
        assert (got.facts, got.advice[0][0].name) == ((), advice)


def test_answers_to_nothing_are_counted_and_ids_are_used_once() -> None:
    replies = OrderReplies()
    replies.sent("r-1", [PLACE])
    with pytest.raises(ValueError, match=r"^request r-1 is in flight already"):
        replies.sent("r-1", [PLACE])
    replies.lost()
    assert replies.receive(read_frame(b'{"reqId":"r-1","retCode":110094,"op":"order.create"}'), NOW) is None
    assert replies.n_unmatched == {"order.create": 1}


def test_documented_answers(shared: Path) -> None:
    """Every answer of the guideline and the order pages, given to commands as many as it has results."""
    seen = []
    for line in recorded(shared, "docs_ws_trade_guideline") + recorded(shared, "ws_order_response.nautilus"):
        frame = read_frame(json.dumps(line["msg"]).encode())
        if not frame.op.startswith("order.") or frame.code is None:
            continue
        replies = OrderReplies()
        n_commands = 3 if frame.op.endswith("batch") else 1
        replies.sent(frame.request, [PlaceOrder(ID + each, 0, 1, 650001, 10, 0) for each in range(n_commands)])
        got = replies.receive(frame, NOW)
        assert got is not None
        seen.append((frame.op, [type(fact) for fact in got.facts], got.headers.get("X-Bapi-Limit")))
    assert seen == [
        ("order.create", [], "10"),
        ("order.create-batch", [OrderRejected] * 3, "150"),
        ("order.create", [], None),
    ]
    for case, text in zip(
        recorded(shared, "docs_order_endpoints"), messages(shared, "docs_order_endpoints"), strict=True
    ):
        if case["case"] in ("amend-order", "cancel-order", "create-order", "cancel-all", "batch-cancel", "batch-place"):
            replies = OrderReplies()
            replies.sent("h", [CancelOrder(ID, 0), CancelOrder(ID + 1, 0)] if "batch" in case["case"] else [CANCEL])
            got = replies.receive_http("h", 200, {}, text, NOW)
            assert got is not None
            reasons = [fact.reason for fact in got.facts if isinstance(fact, CancelRejected)]
            assert reasons == ([int(Reason.UNKNOWN_ORDER)] if case["case"] == "batch-cancel" else [])


def test_only_known_codes_refuse() -> None:
    assert verdict_on(0, "OK").fate is Fate.DONE
    assert verdict_on(110043, "").fate is Fate.DONE
    assert verdict_on(170001, "").fate is Fate.UNKNOWN
    assert verdict_on_status(200) is None
    for status in (400, 403, 404, 429, 500, 503):
        verdict = verdict_on_status(status)
        assert verdict is not None
        assert verdict.fate is Fate.UNKNOWN
