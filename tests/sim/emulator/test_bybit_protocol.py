"""The emulated Bybit keeps to the protocol: sign-on, books, orders and their ends, rates, pages, silence."""

from decimal import Decimal
from typing import Any
from urllib.parse import unquote

import pytest

from market.units import MS
from sim.emulator import AccountSection
from sim.emulator.bybit.signing import signed_by
from tests.sim.emulator.raw_client import digest
from tests.sim.emulator.stage import ACCOUNTS, SYMBOL, BybitStage, Wire

TICK = Decimal("0.01")


@pytest.fixture
def stage() -> BybitStage:
    return BybitStage(order_rate=1000)


# --- who asks --------------------------------------------------------------------------------------------------------


def test_signatures_are_those_of_the_venue() -> None:
    # computed by the venue's own client library for this key, secret and time
    secret, head = "testApiSecret0001", "1760000000000testApiKey00015000"
    body = (
        '{"category":"linear","symbol":"BTCUSDT","side":"Buy","orderType":"Limit","qty":"0.010","price":"65000.10",'
        '"timeInForce":"PostOnly","orderLinkId":"mm-1_a","positionIdx":0,"reduceOnly":false}'
    )
    for text, signature in (
        (f"{head}category=linear&symbol=BTCUSDT", "8f8ba33eb1986b2ee8860ac995f7de2e2095810ce6dba0aefd36eaa32781db53"),
        (head + body, "f035a5a777cfb534920f4d4ff06e9eaf19b7cb9df73008cc2beac358efef7606"),
        ("GET/realtime1760000001000", "1a5aa18ae1935a1f5dedef978fa496e3bbaf341e858aee459fd71ec3809e58ad"),
    ):
        assert signed_by(secret, text.encode()) == signature


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({}, 0),
        ({"key": "nobody"}, 10003),
        ({"secret": "another"}, 10004),
        ({"ahead_ms": -4999}, 0),
        ({"ahead_ms": -5001}, 10002),
        ({"ahead_ms": 999}, 0),
        ({"ahead_ms": 1000}, 10002),
    ],
)
def test_rest_knows_who_asks(stage: BybitStage, wrong: dict[str, Any], code: int) -> None:
    reply, _ = stage.answer("GET", "/v5/account/info", **wrong)
    assert reply["retCode"] == code


def test_a_signature_is_of_what_was_sent(stage: BybitStage) -> None:
    stamp, (one, _) = str(stage.now // MS), ACCOUNTS
    query = "category=linear&symbol=SOLUSDT"
    headers = {
        "x-bapi-api-key": one.key,
        "x-bapi-timestamp": stamp,
        "x-bapi-recv-window": "5000",
        "x-bapi-sign": digest(one.secret, f"{stamp}{one.key}5000{query}"),
    }
    assert b'"retCode":0' in stage.http("GET", "/v5/position/list", query, headers=headers).body
    assert b'"retCode":10004' in stage.http("GET", "/v5/position/list", f"{query}&limit=1", headers=headers).body
    assert stage.http("GET", "/v5/position/list", query, body="{}", headers=headers).status == 403


def test_a_socket_signs_on_before_it_acts(stage: BybitStage) -> None:
    (one, _), expires = ACCOUNTS, stage.now // MS + 5000
    good = [one.key, expires, digest(one.secret, f"GET/realtime{expires}")]
    private = stage.connect("/v5/private")
    assert not private.ask({"op": "subscribe", "args": ["order"]})["success"]
    for args in ([one.key, expires, "no"], ["nobody", *good[1:]], [one.key, stage.now // MS - 1, good[2]], []):
        assert not private.ask({"op": "auth", "args": args})["success"]
    assert private.ask({"op": "auth", "args": good})["success"]
    assert private.ask({"op": "subscribe", "req_id": "7", "args": ["order", "wallet"]})["req_id"] == "7"
    assert not private.ask({"op": "subscribe", "args": ["orders"]})["success"]

    trade = stage.connect("/v5/trade")
    assert trade.ask(stage.request("a", "order.create"))["retCode"] == 10003
    assert trade.ask({"op": "auth", "args": [one.key, expires, "no"]})["retCode"] == 10004
    assert trade.ask({"op": "auth", "args": good})["retCode"] == 0
    assert trade.ask({"op": "auth", "args": good})["retCode"] == 20001
    assert trade.ask(stage.request("b", "order.nonsense"))["retCode"] == 10404
    assert trade.ask(stage.request("b", "order.nonsense"))["retCode"] == 20006
    assert trade.ask({**stage.request("c", "order.create"), "header": {"X-BAPI-TIMESTAMP": "1"}})["retCode"] == 10002
    assert trade.ask("nonsense")["retCode"] == 10001


# --- books ------------------------------------------------------------------------------------------------------------


class Book:
    """A book as a client keeps it; it notes every breach of the feed's promises."""

    def __init__(self) -> None:
        self.sides: dict[str, dict[str, str]] = {}
        self.u = self.seq = 0

    def take(self, message: dict[str, Any]) -> None:
        data = message["data"]
        if message["type"] == "snapshot":
            self.sides = {side: dict(data[side]) for side in "ba"}
        else:
            assert data["u"] == self.u + 1
            assert data["seq"] > self.seq
            for side in "ba":
                for price, size in data[side]:
                    assert size != self.sides[side].get(price)
                    if size == "0":
                        del self.sides[side][price]
                    else:
                        self.sides[side][price] = size
        self.u, self.seq = data["u"], data["seq"]

    def levels(self, side: str) -> list[list[str]]:
        return [
            list(level) for level in sorted(self.sides[side].items(), key=lambda x: float(x[0]), reverse=side == "b")
        ]


@pytest.mark.parametrize(("depth", "pace_ms"), [(1, 10), (50, 20), (200, 100), (1000, 200)])
def test_books_are_kept_by_their_messages(stage: BybitStage, depth: int, pace_ms: int) -> None:
    topic = f"orderbook.{depth}.{SYMBOL}"
    wire = stage.connect("/v5/public/linear")
    wire.say({"op": "subscribe", "args": [topic]})
    confirmation, first = wire.heard()
    assert confirmation["success"]
    assert first["type"] == "snapshot"
    book = Book()
    book.take(first)
    sent, cts, n_compared = first["ts"], first["cts"], 0
    for _ in range(300):
        stage.run(0.02)
        for message in wire.heard():
            assert message["topic"] == topic
            assert message["ts"] - sent >= pace_ms - 1
            sent, cts = message["ts"], message["cts"]
            book.take(message)
        text = stage.get("/v5/market/orderbook", symbol=SYMBOL, limit=depth)["result"]
        if text["cts"] == cts:  # nothing waits for its turn
            n_compared += 1
            assert (book.levels("b"), book.levels("a")) == (text["b"], text["a"])
    assert n_compared > 20


def test_a_late_subscriber_goes_on_from_its_snapshot(stage: BybitStage) -> None:
    topic = f"orderbook.200.{SYMBOL}"
    first, second = stage.connect("/v5/public/linear"), stage.connect("/v5/public/linear")
    books = Book(), Book()
    first.say({"op": "subscribe", "args": [topic]})
    books[0].take(first.heard()[1])
    stage.run(0.35)
    second.say({"op": "subscribe", "args": [topic]})
    books[1].take(second.heard()[1])
    stage.run(1.0)
    for wire, book in zip((first, second), books, strict=True):
        for message in wire.heard():
            book.take(message)
    assert books[0].sides == books[1].sides
    # off and on again: a fresh snapshot
    first.ask({"op": "unsubscribe", "args": [topic]})
    stage.run(0.5)
    assert first.heard() == []
    first.say({"op": "subscribe", "args": [topic]})
    assert first.heard()[1]["type"] == "snapshot"
    first.session.closed()
    stage.run(0.5)
    assert first.heard() == []
    assert not stage.connect("/v5/public/linear").ask({"op": "subscribe", "args": ["orderbook.500.SOLUSDT"]})["success"]


def test_a_touch_that_stands_still_is_repeated(stage: BybitStage) -> None:
    wire = stage.connect("/v5/public/linear")
    wire.say({"op": "subscribe", "args": [f"orderbook.1.{SYMBOL}"]})
    _, first = wire.heard()
    stage.now += 3_100 * MS  # the market is not played meanwhile
    stage.venue.on_due(stage.now)
    (again,) = wire.heard()
    assert (again["type"], again["data"]) == ("snapshot", first["data"])


def test_tickers_tell_what_has_changed(stage: BybitStage) -> None:
    wire = stage.connect("/v5/public/linear")
    wire.say({"op": "subscribe", "args": [f"tickers.{SYMBOL}"]})
    _, first = wire.heard()
    row = first["data"]
    stage.run(5.0)
    messages = wire.heard()
    assert {m["type"] for m in messages} == {"delta"}
    for message in messages:
        assert all(row[name] != value for name, value in message["data"].items() if name != "symbol")
        row |= message["data"]
    stage.now += 100 * MS  # what waits for its turn, and nothing new
    stage.venue.on_due(stage.now)
    for message in wire.heard():
        row |= message["data"]
    now = stage.get("/v5/market/tickers", symbol=SYMBOL)["result"]["list"][0]
    assert all(row[name] == now[name] for name in ("bid1Price", "ask1Price", "lastPrice", "markPrice", "fundingRate"))


# --- orders and their ends --------------------------------------------------------------------------------------------


def ends(wire: Wire, link: str) -> list[tuple[str, str]]:
    """Return (status, reject reason) of an order's events."""
    messages = [m for m in wire.heard() if m["topic"] == "order"]
    return [(o["orderStatus"], o["rejectReason"]) for m in messages for o in m["data"] if o["orderLinkId"] == link]


@pytest.mark.parametrize(
    ("tif", "away", "qty", "told"),
    [
        ("GTC", -2, "1.0", [("New", "EC_NoError")]),
        ("PostOnly", -2, "1.0", [("New", "EC_NoError")]),
        ("PostOnly", 5, "1.0", [("Cancelled", "EC_PostOnlyWillTakeLiquidity")]),
        ("IOC", -2, "1.0", [("New", "EC_NoError"), ("Cancelled", "EC_NoImmediateQtyToFill")]),
        ("FOK", 5, "90000.0", [("Cancelled", "EC_CancelForNoFullFill")]),
        ("GTC", 40, "0.1", [("New", "EC_NoError"), ("Filled", "EC_NoError")]),
        ("IOC", 40, "0.1", [("New", "EC_NoError"), ("Filled", "EC_NoError")]),
        ("FOK", 40, "0.1", [("New", "EC_NoError"), ("Filled", "EC_NoError")]),
    ],
)
def test_an_acknowledged_order_tells_its_end(tif: str, away: int, qty: str, told: list[tuple[str, str]]) -> None:
    stage = BybitStage(balance=1e12)
    wire = stage.signed_on("private", topics=("order",))
    _, ask = stage.touch()
    reply = stage.post("/v5/order/create", **stage.limit("Buy", ask + away * TICK, qty, tif, orderLinkId="x"))
    assert reply["retCode"] == 0
    assert ends(wire, "x") == told
    row = stage.get("/v5/order/realtime", symbol=SYMBOL, orderLinkId="x")["result"]["list"][0]
    assert (row["orderStatus"], row["orderId"]) == (told[-1][0], reply["result"]["orderId"])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"side": "Up"}, 10001),
        ({"orderType": "Stop"}, 10001),
        ({"timeInForce": "GTD"}, 10001),
        ({"symbol": "NOUSDT"}, 10001),
        ({"category": "spot"}, 10001),
        ({"qty": "0.15"}, 10001),
        ({"qty": 1.0}, 10001),
        ({"qty": "0.1", "price": "1.00"}, 110094),
        ({"qty": "100000.0"}, 110007),
        ({"positionIdx": 1}, 10001),
        ({"orderLinkId": "with space"}, 10001),
        ({"orderLinkId": "x" * 37}, 10001),
        ({"reduceOnly": True}, 110017),
        ({"triggerPrice": "1"}, 10001),
        ({"timeInForce": "RPI"}, 110119),
    ],
)
def test_what_is_refused_is_not_acknowledged(stage: BybitStage, change: dict[str, Any], code: int) -> None:
    wire = stage.signed_on("private", topics=("order",))
    bid, _ = stage.touch()
    reply = stage.post("/v5/order/create", **(stage.limit("Buy", bid - 5, orderLinkId="x") | change))
    assert reply["retCode"] == code
    assert wire.heard() == []
    assert stage.get("/v5/order/realtime", symbol=SYMBOL, orderLinkId="x")["result"]["list"] == []


def test_an_amended_order_keeps_its_ids(stage: BybitStage) -> None:
    wire = stage.signed_on("private", topics=("order",))
    bid, ask = stage.touch()
    made = stage.post("/v5/order/create", **stage.limit("Buy", bid - 1, tif="PostOnly", orderLinkId="x"))["result"]
    assert stage.post("/v5/order/amend", orderId=made["orderId"], qty="1.0")["retCode"] == 10001  # unchanged
    assert stage.post("/v5/order/amend", orderLinkId="x", price=str(bid - 2))["result"] == made
    wire.heard()
    # a change that would take ends a post-only order
    assert stage.post("/v5/order/amend", orderLinkId="x", price=str(ask + 1))["retCode"] == 0
    assert ends(wire, "x") == [("Cancelled", "EC_PostOnlyWillTakeLiquidity")]
    assert stage.post("/v5/order/amend", orderLinkId="x", price=str(bid - 3))["retCode"] == 110001


def test_far_prices_are_moved_or_refused(stage: BybitStage) -> None:
    bid, _ = stage.touch()
    far = (bid * Decimal("0.5")).quantize(TICK)
    limits = stage.get("/v5/market/price-limit", symbol=SYMBOL)["result"]
    stage.post("/v5/order/create", **stage.limit("Sell", far, tif="IOC", orderLinkId="x"))
    row = stage.get("/v5/order/realtime", symbol=SYMBOL, orderLinkId="x")["result"]["list"][0]
    assert row["price"] == limits["sellLmt"]
    assert Decimal(row["price"]) > far
    assert stage.post("/v5/account/set-limit-px-action", modifyEnable=False)["retCode"] == 0
    assert stage.post("/v5/order/create", **stage.limit("Sell", far, tif="IOC"))["retCode"] == 110003


def test_all_orders_of_a_coin_are_cancelled(stage: BybitStage) -> None:
    bid, _ = stage.touch()
    for n in range(3):
        stage.post("/v5/order/create", **stage.limit("Buy", bid - n - 1, orderLinkId=f"x{n}"))
    stage.post("/v5/order/create", place=1, **stage.limit("Buy", bid - 1, orderLinkId="theirs"))
    assert stage.answer("POST", "/v5/order/cancel-all", {"category": "linear"})[0]["retCode"] == 10001
    reply = stage.answer("POST", "/v5/order/cancel-all", {"category": "linear", "settleCoin": "USDT"})[0]
    assert [o["orderLinkId"] for o in reply["result"]["list"]] == ["x0", "x1", "x2"]
    assert [o.client_id for o in stage.account(1).orders.values()] == ["theirs"]


def test_an_account_hears_and_sees_its_own(stage: BybitStage) -> None:
    topics = ("order", "execution", "position", "wallet")
    wires = [stage.signed_on("private", place, topics) for place in (0, 1)]
    _, ask = stage.touch()
    stage.post("/v5/order/create", **stage.limit("Buy", ask + TICK, "0.1", orderLinkId="x"))
    assert {m["topic"] for m in wires[0].heard()} == set(topics)
    assert wires[1].heard() == []
    assert stage.post("/v5/order/cancel", place=1, orderLinkId="x")["retCode"] == 110001
    for path in ("/v5/order/history", "/v5/execution/list"):
        assert len(stage.get(path, symbol=SYMBOL)["result"]["list"]) == 1
        assert stage.get(path, place=1, symbol=SYMBOL)["result"]["list"] == []
    sizes = [stage.get("/v5/position/list", place, symbol=SYMBOL)["result"]["list"][0]["size"] for place in (0, 1)]
    assert sizes == ["0.1", "0.0"]


# --- rates, pages, silence --------------------------------------------------------------------------------------------


def test_rates_are_shared_by_rest_and_the_trade_socket() -> None:
    stage = BybitStage()
    trade = stage.signed_on("trade")
    bid, _ = stage.touch()
    left = []
    for n in range(5):
        reply, headers = stage.answer("POST", "/v5/order/create", stage.limit("Buy", bid - 1, orderLinkId=f"r{n}"))
        left.append((reply["retCode"], headers["X-Bapi-Limit-Status"]))
        reply = trade.ask(stage.request(f"t{n}", "order.create", **stage.limit("Buy", bid - 1, orderLinkId=f"t{n}")))
        left.append((reply["retCode"], reply["header"]["X-Bapi-Limit-Status"]))
    assert left == [(0, str(n)) for n in range(9, -1, -1)]
    reply, headers = stage.answer("POST", "/v5/order/create", stage.limit("Buy", bid - 1))
    assert (reply["retCode"], int(headers["X-Bapi-Limit-Reset-Timestamp"])) == (10006, stage.now // MS + 1000)
    # another endpoint, another account, a batch: each has its own
    assert stage.post("/v5/order/cancel", orderLinkId="r0")["retCode"] == 0
    assert stage.post("/v5/order/create", place=1, **stage.limit("Buy", bid - 1))["retCode"] == 0
    batch = [stage.limit("Buy", bid - 1, orderLinkId=f"b{n}") for n in range(12)]
    ends = stage.post("/v5/order/create-batch", request=batch)["retExtInfo"]["list"]
    assert [end["code"] for end in ends] == [0] * 10 + [10006] * 2
    stage.now += 1_001 * MS
    assert stage.post("/v5/order/create", **stage.limit("Buy", bid - 1))["retCode"] == 0


def test_an_address_that_asks_too_often_is_shut_out() -> None:
    stage = BybitStage(request_rate=20)
    statuses = [stage.http("GET", "/v5/market/time").status for _ in range(22)]
    assert statuses == [200] * 20 + [403] * 2


def test_executions_come_in_pages(stage: BybitStage) -> None:
    _, ask = stage.touch()
    for n in range(25):
        side, price = ("Buy", ask + 1) if n % 2 == 0 else ("Sell", ask - 1)
        stage.post("/v5/order/create", **stage.limit(side, price, "0.1", "IOC", orderLinkId=f"x{n}"))
        stage.run(0.1)
    begin = stage.now // MS - 10_000
    whole = stage.get("/v5/execution/list", startTime=begin, limit=100)["result"]["list"]
    assert len(whole) == len(stage.account().executions) >= 25
    for sent in (unquote, str):  # a client may send the cursor as it came, or encode it again
        cursor, found = "", []
        while True:
            fields = {"category": "linear", "limit": 10, "startTime": begin}
            page = stage.answer("GET", "/v5/execution/list", fields | ({"cursor": sent(cursor)} if cursor else {}))[0]
            found += page["result"]["list"]
            cursor = page["result"]["nextPageCursor"]
            if not cursor:
                break
        assert found == whole
    assert stage.get("/v5/execution/list", orderLinkId="x3")["result"]["list"] == [
        e for e in whole if e["orderLinkId"] == "x3"
    ]
    late = stage.get("/v5/execution/list", startTime=stage.now // MS - 1000)["result"]["list"]
    assert late == [e for e in whole if int(e["execTime"]) >= stage.now // MS - 1000]


def test_a_silent_client_is_cut(stage: BybitStage) -> None:
    usual, brief = stage.connect("/v5/private"), stage.connect("/v5/private?max_active_time=1m")
    for wire in (usual, brief):
        stage.now += 1 * MS
        assert wire.ask({"op": "ping", "req_id": "p"})["op"] == "pong"
    stage.now += 59_000 * MS
    brief.session.on_due(stage.now)
    assert not brief.outbox.is_closing
    stage.now += 2_000 * MS
    for wire in (usual, brief):
        wire.session.on_due(stage.now)
    assert (usual.outbox.is_closing, brief.outbox.is_closing) == (False, True)
    public = stage.connect("/v5/public/linear")
    assert public.ask({"op": "ping"})["ret_msg"] == "pong"
    stage.now += 600_001 * MS
    public.session.on_due(stage.now)
    assert public.outbox.is_closing


def test_a_key_says_what_it_may() -> None:
    keys = AccountSection("one", "keyOfOne", "secretOfOne", can_withdraw=True, is_read_only=True)
    stage = BybitStage(accounts=(keys,))
    row = stage.get("/v5/user/query-api")["result"]
    assert "Withdraw" in row["permissions"]["Wallet"]
    assert row["readOnly"] == 1
    bid, _ = stage.touch()
    assert stage.post("/v5/order/create", **stage.limit("Buy", bid - 1))["retCode"] == 10005
