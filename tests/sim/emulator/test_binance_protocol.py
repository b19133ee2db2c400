"""The emulated Binance keeps to the protocol: signatures, books, orders, listenKeys, weights, countdowns."""

import json
from decimal import Decimal
from typing import Any

import pytest

from market.units import MS
from sim.emulator.binance.signing import signed_by
from tests.sim.emulator.raw_client import digest
from tests.sim.emulator.stage import ACCOUNTS, SYMBOL, BinanceStage, Wire, frames

TICK = Decimal("0.01")
KEY = {"x-mbx-apikey": ACCOUNTS[0].key}


@pytest.fixture
def stage() -> BinanceStage:
    return BinanceStage()


def updates(wire: Wire, name: str = "ORDER_TRADE_UPDATE") -> list[Any]:
    return [m for m in wire.heard() if m["e"] == name]


# --- who asks ---------------------------------------------------------------------------------------------------------


def test_signatures_are_those_of_the_venue() -> None:
    # the first is printed in the venue's documentation, the others were computed by its client libraries
    secret = "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9"
    key = "dbefbc809e3e83c283a984c3a1459732ea7db1360ca80c5c2c8867408d28cc83"
    for text, signature in (
        (
            "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=9000&timeInForce=GTC&recvWindow=5000"
            "&timestamp=1591702613943",
            "3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9",
        ),
        (
            "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTX&quantity=0.010&price=65000.10"
            "&newClientOrderId=mm-1_a.b%3Ac%2F2&recvWindow=5000&timestamp=1760000000000",
            "1d485b970ac66767a842104ada7b537625d070200cbfc4aadc4d20cec365de22",
        ),
        (
            f"apiKey={key}&newClientOrderId=mm-1_a&price=65000.10&quantity=0.010&recvWindow=5000&side=BUY"
            "&symbol=BTCUSDT&timeInForce=GTX&timestamp=1760000000000&type=LIMIT",
            "88ed103bc1eb4b40d3e437261cabeff8353e9292fbf46cffbd962a22a32fd674",
        ),
    ):
        assert signed_by(secret, text) == signature


@pytest.mark.parametrize(
    ("wrong", "status", "code"),
    [
        ({}, 200, None),
        ({"key": "nobody"}, 401, -2015),
        ({"secret": "another"}, 400, -1022),
        ({"ahead_ms": -5000}, 200, None),
        ({"ahead_ms": -5001}, 400, -1021),
        ({"ahead_ms": 999}, 200, None),
        ({"ahead_ms": 1000}, 400, -1021),
    ],
)
def test_rest_knows_who_asks(stage: BinanceStage, wrong: dict[str, Any], status: int, code: int | None) -> None:
    found, reply, _ = stage.answer("GET", "/fapi/v1/accountConfig", **wrong)
    assert (found, reply.get("code")) == (status, code)


def test_a_signature_is_of_query_and_form(stage: BinanceStage) -> None:
    query, form = f"symbol={SYMBOL}&leverage=5", f"recvWindow=5000&timestamp={stage.now // MS}"
    signature = digest(ACCOUNTS[0].secret, query + form)
    answer = stage.http("POST", "/fapi/v1/leverage", query, f"{form}&signature={signature}", KEY)
    assert json.loads(answer.body)["leverage"] == 5
    answer = stage.http("POST", "/fapi/v1/leverage", query + "0", f"{form}&signature={signature}", KEY)
    assert json.loads(answer.body)["code"] == -1022
    answer = stage.http("POST", "/fapi/v1/leverage", query, "", KEY)
    assert json.loads(answer.body)["code"] == -1102


def test_frames_are_signed_each_by_itself(stage: BinanceStage) -> None:
    wire = stage.connect("/ws-fapi/v1")
    bid, _ = stage.touch()

    def frame(**more: Any) -> dict[str, Any]:
        params = {"apiKey": ACCOUNTS[0].key, "symbol": SYMBOL, "timestamp": stage.now // MS, **more}
        text = "&".join(f"{name}={value}" for name, value in sorted(params.items()))
        return {**params, "signature": digest(ACCOUNTS[0].secret, text)}

    terms = {"side": "BUY", "type": "LIMIT", "timeInForce": "GTX", "quantity": "1.0", "price": str(bid - 1)}
    reply = wire.ask({"id": "a", "method": "order.place", "params": frame(**terms)})
    assert (reply["id"], reply["status"], reply["result"]["status"]) == ("a", 200, "NEW")
    assert [limit["count"] for limit in reply["rateLimits"]] == [1, 1]
    number = reply["result"]["orderId"]
    changed = frame(orderId=number, side="BUY", quantity="2.0", price=str(bid - 2))
    reply = wire.ask({"id": "b", "method": "order.modify", "params": changed})
    assert (reply["result"]["origQty"], reply["result"]["orderId"]) == ("2.0", number)
    reply = wire.ask({"id": "c", "method": "order.status", "params": frame(orderId=number)})
    assert reply["result"]["price"] == str(bid - 2)
    forged = {**frame(orderId=number), "symbol": "BTCUSDT"}
    reply = wire.ask({"id": "d", "method": "order.cancel", "params": forged})
    assert (reply["status"], reply["error"]["code"]) == (400, -1022)
    reply = wire.ask({"id": "e", "method": "order.cancel", "params": frame(orderId=number)})
    assert reply["result"]["status"] == "CANCELED"
    reply = wire.ask({"id": "f", "method": "order.cancel", "params": frame(orderId=number)})
    assert (reply["status"], reply["error"]["code"]) == (400, -2011)
    assert wire.ask({"id": "g", "method": "session.logon", "params": frame()})["error"]["code"] == -4056
    assert wire.ask({"id": "h", "method": "session.status"})["result"]["apiKey"] is None
    reply = wire.ask({"id": "i", "method": "v2/account.balance", "params": frame()})
    assert reply["result"][0]["balance"] == "100000.00000000"
    assert "rateLimits" not in stage.connect("/ws-fapi/v1?returnRateLimits=false").ask({"id": "j", "method": "time"})


# --- books ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "pace_ms"), [("depth", 250), ("depth@100ms", 100), ("depth@500ms", 500), ("depth@0ms", 0)]
)
def test_books_are_kept_by_the_documented_way(stage: BinanceStage, name: str, pace_ms: int) -> None:
    stage.run(0.3)
    wire = stage.connect(f"/public/ws/{SYMBOL.lower()}@{name}")
    stage.run(1.0)
    waiting = wire.heard()
    whole = stage.public("/fapi/v1/depth", f"symbol={SYMBOL}&limit=1000")
    last = whole["lastUpdateId"]
    sides = {side: dict(map(tuple, whole[full])) for side, full in (("b", "bids"), ("a", "asks"))}
    stage.run(5.0)
    waiting += wire.heard()
    events = [m for m in waiting if m["u"] >= last]
    assert events[0]["U"] <= last + 1
    assert events[0]["u"] >= last
    previous, sent = events[0]["pu"], events[0]["E"] - pace_ms
    for event in events:
        assert event["pu"] == previous
        assert event["E"] - sent >= pace_ms - 1
        previous, sent = event["u"], event["E"]
        for side in "ba":
            for price, size in event[side]:
                if Decimal(size):
                    sides[side][price] = size
                else:
                    sides[side].pop(price, None)
    assert len(events) > 5
    # the stream's last event may stand behind the book as it is now: bring it up
    stage.now += pace_ms * MS
    stage.venue.on_due(stage.now)
    for event in wire.heard():
        assert event["pu"] == previous
        for side in "ba":
            sides[side] |= dict(map(tuple, event[side]))
    now = stage.public("/fapi/v1/depth", f"symbol={SYMBOL}&limit=1000")
    assert {p: q for p, q in sides["b"].items() if Decimal(q)} == dict(map(tuple, now["bids"]))
    assert {p: q for p, q in sides["a"].items() if Decimal(q)} == dict(map(tuple, now["asks"]))


def test_touches_are_those_of_the_book(stage: BinanceStage) -> None:
    wire = stage.connect(f"/public/stream?streams={SYMBOL.lower()}@bookTicker/{SYMBOL.lower()}@depth5@0ms")
    stage.run(3.0)
    touch: Any = None
    n_touches = 0
    for message in wire.heard():
        data = message["data"]
        if message["stream"].endswith("@bookTicker"):
            assert (data["b"], data["B"], data["a"], data["A"]) != touch
            touch = (data["b"], data["B"], data["a"], data["A"])
            n_touches += 1
        elif touch is not None:
            assert [*data["b"][0], *data["a"][0]] == list(touch)
            assert len(data["b"]) == len(data["a"]) == 5
    assert n_touches > 5


def test_aggregates_have_no_gap_and_can_be_asked_for_again(stage: BinanceStage) -> None:
    wire = stage.connect(f"/market/ws/{SYMBOL.lower()}@aggTrade")
    stage.run(10.0)
    heard = wire.heard()
    ids = [m["a"] for m in heard]
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    asked = stage.public("/fapi/v1/aggTrades", f"symbol={SYMBOL}&fromId={ids[0]}&limit=1000")
    assert [(t["a"], t["p"], t["q"], t["m"]) for t in asked] == [(m["a"], m["p"], m["q"], m["m"]) for m in heard]


def test_a_stream_of_another_route_is_confirmed_and_silent(stage: BinanceStage) -> None:
    symbol = SYMBOL.lower()
    names = [f"{symbol}@depth@0ms", f"{symbol}@aggTrade", f"{symbol}@markPrice@1s", "nonsense"]
    heard = {}
    for path in ("/ws", "/public/ws", "/market/ws"):
        wire = stage.connect(path)
        assert wire.ask({"method": "SUBSCRIBE", "params": names, "id": 7}) == {"result": None, "id": 7}
        assert wire.ask({"method": "LIST_SUBSCRIPTIONS", "id": 8})["result"] == names
        stage.run(3.0)
        heard[path] = {m["e"] for m in wire.heard()}
        assert wire.ask({"method": "UNSUBSCRIBE", "params": names, "id": 9})["result"] is None
        stage.run(3.0)
        assert wire.heard() == []
    assert heard["/ws"] == heard["/public/ws"] == {"depthUpdate"}
    assert heard["/market/ws"] == {"aggTrade", "markPriceUpdate"}


def test_a_socket_says_ten_things_a_second(stage: BinanceStage) -> None:
    wire = stage.connect("/public/ws")
    for n in range(10):
        wire.say({"method": "LIST_SUBSCRIPTIONS", "id": n})
    assert not wire.outbox.is_closing
    wire.say({"method": "LIST_SUBSCRIPTIONS", "id": 10})
    assert wire.outbox.is_closing


def test_the_server_pings_and_cuts_the_silent() -> None:
    stage = BinanceStage(ping_s=180, silence_s=600, lifetime_s=3600)
    wire = stage.connect("/public/ws")
    pings = 0
    for minute in range(60):
        stage.now += 60_000 * MS
        wire.session.on_due(stage.now)
        data = wire.outbox.take(stage.now)
        assert frames(data) == []
        if data:
            pings += 1
            wire.session.ponged(stage.now)
        assert wire.outbox.is_closing == (minute == 59)  # at the end of its life
    assert pings == 19
    silent = stage.connect("/public/ws")
    stage.now += 600_000 * MS
    silent.session.on_due(stage.now)
    assert silent.outbox.is_closing


# --- orders -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tif", "away", "quantity", "told"),
    [
        ("GTC", -2, "1.0", [("NEW", "NEW", "0")]),
        ("GTX", -2, "1.0", [("NEW", "NEW", "0")]),
        ("IOC", -2, "1.0", [("NEW", "NEW", "0"), ("EXPIRED", "EXPIRED", "2")]),
        ("GTC", 40, "0.1", [("NEW", "NEW", "0"), ("TRADE", "FILLED", "0")]),
        ("FOK", 40, "0.1", [("NEW", "NEW", "0"), ("TRADE", "FILLED", "0")]),
    ],
)
def test_an_order_tells_its_end(
    stage: BinanceStage, tif: str, away: int, quantity: str, told: list[tuple[str, str, str]]
) -> None:
    wire = stage.listening()
    _, ask = stage.touch()
    reply = stage.limit("BUY", ask + away * TICK, quantity, tif, newClientOrderId="x")
    assert (reply["status"], reply["clientOrderId"]) == ("NEW", "x")
    assert [(m["o"]["x"], m["o"]["X"], m["o"]["er"]) for m in updates(wire)] == told
    row = stage.call("GET", "/fapi/v1/order", symbol=SYMBOL, origClientOrderId="x")
    assert (row["status"], row["orderId"]) == (told[-1][1], reply["orderId"])


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"timeInForce": "GTX", "away": 5}, -5022),
        ({"timeInForce": "FOK", "quantity": "90000.0", "away": 5}, -5021),
        ({"quantity": "0.15"}, -1111),
        ({"quantity": "0"}, -4003),
        ({"price": "189.555"}, -4014),
        ({"price": "400"}, -4016),
        ({"side": "SELL", "price": "1"}, -4024),
        ({"side": "UP"}, -1117),
        ({"type": "STOP_MARKET"}, -4120),
        ({"type": "NONSENSE"}, -1116),
        ({"timeInForce": "GTE"}, -1115),
        ({"timeInForce": ""}, -1102),
        ({"symbol": "NOUSDT"}, -1121),
        ({"reduceOnly": "true"}, -2022),
        ({"positionSide": "LONG"}, -4061),
        ({"newClientOrderId": "with space"}, -4015),
        ({"quantity": "50000", "away": -5}, -2019),
        ({"priceMatch": "QUEUE"}, -1104),
    ],
)
def test_what_is_refused_leaves_no_trace(terms: dict[str, Any], code: int) -> None:
    stage = BinanceStage(balance=1e12) if code == -5021 else BinanceStage()
    wire = stage.listening()
    bid, ask = stage.touch()
    away = terms.pop("away", None)
    price = bid - 1 if away is None else ask + away * TICK
    usual = {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1.0", "price": str(price)}
    symbol = terms.pop("symbol", SYMBOL)
    status, reply, _ = stage.answer("POST", "/fapi/v1/order", {"symbol": symbol, **usual, **terms})
    assert (status, reply["code"]) == (400, code)
    assert wire.heard() == []
    assert stage.call("GET", "/fapi/v1/allOrders", symbol=SYMBOL) == []


def test_an_amend_may_end_an_order(stage: BinanceStage) -> None:
    wire = stage.listening()
    bid, ask = stage.touch()
    stage.limit("BUY", bid - 1, tif="GTX", newClientOrderId="x")
    change: dict[str, Any] = {"symbol": SYMBOL, "origClientOrderId": "x", "side": "BUY", "quantity": "2.0"}
    assert stage.call("PUT", "/fapi/v1/order", **change, price=str(bid - 2))["origQty"] == "2.0"
    assert stage.call("PUT", "/fapi/v1/order", **change, price=str(bid - 2))["code"] == -5027
    assert stage.call("PUT", "/fapi/v1/order", **change, price="189.555")["code"] == -4014
    assert stage.call("PUT", "/fapi/v1/order", **(change | {"side": "SELL"}), price=str(bid - 3))["code"] == -1117
    assert stage.call("PUT", "/fapi/v1/order", **change, price=str(ask + 1))["status"] == "CANCELED"
    assert [m["o"]["x"] for m in updates(wire)] == ["NEW", "AMENDMENT", "CANCELED"]
    assert stage.call("PUT", "/fapi/v1/order", **change, price=str(bid - 1))["code"] == -2013


def test_client_ids_are_unique_among_open_orders(stage: BinanceStage) -> None:
    bid, _ = stage.touch()
    first = stage.limit("BUY", bid - 1, newClientOrderId="x")
    assert stage.limit("BUY", bid - 1, newClientOrderId="x")["code"] == -4116
    assert stage.limit("BUY", bid - 1, newClientOrderId="x", place=1)["status"] == "NEW"
    stage.call("DELETE", "/fapi/v1/order", symbol=SYMBOL, origClientOrderId="x")
    again = stage.limit("BUY", bid - 1, newClientOrderId="x")
    assert again["orderId"] > first["orderId"]
    assert stage.call("GET", "/fapi/v1/order", symbol=SYMBOL, origClientOrderId="x")["orderId"] == again["orderId"]
    assert stage.call("GET", "/fapi/v1/order", symbol=SYMBOL, orderId=first["orderId"])["status"] == "CANCELED"


def test_batches_answer_each_by_itself(stage: BinanceStage) -> None:
    bid, ask = stage.touch()
    item = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "timeInForce": "GTX", "quantity": "1.0"}
    batch = [item | {"price": str(price), "newClientOrderId": f"x{n}"} for n, price in enumerate((bid - 1, ask + 1))]
    status, rows, headers = stage.answer("POST", "/fapi/v1/batchOrders", {"batchOrders": json.dumps(batch)})
    assert (status, rows[0]["status"], rows[1]["code"]) == (200, "NEW", -5022)
    assert (headers["X-MBX-ORDER-COUNT-10S"], headers["X-MBX-ORDER-COUNT-1M"]) == ("2", "1")
    names = json.dumps(["x0", "x1"])
    rows = stage.call("DELETE", "/fapi/v1/batchOrders", symbol=SYMBOL, origClientOrderIdList=names)
    assert (rows[0]["status"], rows[1]["code"]) == ("CANCELED", -2011)
    assert stage.call("POST", "/fapi/v1/batchOrders", batchOrders=json.dumps([item] * 6))["code"] == -1130


def test_fills_come_to_who_made_them_and_in_pages(stage: BinanceStage) -> None:
    wires = [stage.listening(place) for place in (0, 1)]
    for n in range(12):
        result = stage.order(side=("BUY", "SELL")[n % 2], type="MARKET", quantity="0.1", newOrderRespType="RESULT")
        assert result["status"] == "FILLED"
        stage.run(0.1)
    heard = wires[0].heard()
    assert wires[1].heard() == []
    fills = [m["o"] for m in heard if m["e"] == "ORDER_TRADE_UPDATE" and m["o"]["x"] == "TRADE"]
    assert [m["t"] for m in heard if m["e"] == "TRADE_LITE"] == [o["t"] for o in fills]
    kinds = [m["e"] for m in heard if m.get("o", {}).get("x") != "NEW"]
    assert kinds[:3] == ["TRADE_LITE", "ACCOUNT_UPDATE", "ORDER_TRADE_UPDATE"]
    found: list[Any] = []
    first = fills[0]["t"]
    while page := stage.call("GET", "/fapi/v1/userTrades", symbol=SYMBOL, fromId=first, limit=5):
        found += page
        first = page[-1]["id"] + 1
    assert [(t["id"], t["price"], t["commission"]) for t in found] == [
        (o["t"], o["L"], f"{Decimal(o['n']):.8f}") for o in fills
    ]
    position = [m["a"]["P"][0]["pa"] for m in heard if m["e"] == "ACCOUNT_UPDATE"]
    assert position == ["0.1", "0"] * 6
    assert stage.call("GET", "/fapi/v3/positionRisk") == []
    assert stage.call("GET", "/fapi/v1/userTrades", symbol=SYMBOL, place=1) == []


# --- listenKeys, weights, countdowns ----------------------------------------------------------------------------------


def test_listen_keys_live_as_long_as_they_are_renewed() -> None:
    stage = BinanceStage(listen_key_s=10)
    wire = stage.listening()
    key = json.loads(stage.http("POST", "/fapi/v1/listenKey", headers=KEY).body)["listenKey"]
    for _ in range(3):
        stage.run(8.0, step=1000 * MS)
        assert json.loads(stage.http("PUT", "/fapi/v1/listenKey", headers=KEY).body)["listenKey"] == key
    assert wire.heard() == []
    stage.run(11.0, step=1000 * MS)
    (expired,) = wire.heard()
    assert (expired["e"], expired["listenKey"]) == ("listenKeyExpired", key)
    assert json.loads(stage.http("PUT", "/fapi/v1/listenKey", headers=KEY).body)["code"] == -1125
    new = json.loads(stage.http("POST", "/fapi/v1/listenKey", headers=KEY).body)["listenKey"]
    assert new != key
    bid, _ = stage.touch()
    forms = {
        "query": stage.connect(f"/private/ws?listenKey={new}&events=ORDER_TRADE_UPDATE/ACCOUNT_UPDATE"),
        "path": stage.connect(f"/private/ws/{new}"),
        "combined": stage.connect(f"/private/stream?listenKey={new}"),
        "other events": stage.connect(f"/private/ws?listenKey={new}&events=TRADE_LITE"),
        "another key": stage.connect(f"/private/ws/{key}"),
    }
    forms["subscribed"] = stage.connect("/private/stream")
    forms["subscribed"].ask({"method": "SUBSCRIBE", "params": [new], "id": 1})
    stage.limit("BUY", bid - 1)
    heard = {name: wire.heard() for name, wire in forms.items()}
    assert len(heard["query"]) == len(heard["path"]) == 1
    assert heard["combined"] == heard["subscribed"] == [{"stream": new, "data": heard["path"][0]}]
    assert heard["other events"] == heard["another key"] == []


def test_weights_are_counted_and_bans_follow() -> None:
    stage = BinanceStage(request_rate=50)
    stage.now -= stage.now % 60_000_000_000
    answers = [stage.http("GET", "/fapi/v1/depth", f"symbol={SYMBOL}&limit=1000") for _ in range(3)]
    assert [a.status for a in answers] == [200, 200, 429]
    assert [dict(a.headers)["X-MBX-USED-WEIGHT-1M"] for a in answers] == ["20", "40", "60"]
    assert dict(answers[2].headers)["Retry-After"] == "60"
    statuses = [stage.http("GET", "/fapi/v1/time").status for _ in range(25)]
    assert statuses == [429] * 19 + [418] * 6
    stage.now += 60_000 * MS
    assert stage.http("GET", "/fapi/v1/time").status == 418
    stage.now += 61_000 * MS
    assert stage.http("GET", "/fapi/v1/time").status == 200


def test_orders_are_counted_by_account() -> None:
    stage = BinanceStage(order_rate=5)
    bid, _ = stage.touch()
    found = [stage.answer("POST", "/fapi/v1/order", _resting(bid)) for _ in range(6)]
    assert [reply.get("code") for _, reply, _ in found] == [None] * 5 + [-1015]
    assert [headers["X-MBX-ORDER-COUNT-10S"] for _, _, headers in found] == ["1", "2", "3", "4", "5", "6"]
    assert stage.answer("POST", "/fapi/v1/order", _resting(bid), place=1)[0] == 200
    cancelled = stage.call("DELETE", "/fapi/v1/allOpenOrders", symbol=SYMBOL)
    assert cancelled["code"] == 200
    stage.now += 10_000 * MS
    assert stage.answer("POST", "/fapi/v1/order", _resting(bid))[0] == 200


def _resting(bid: Decimal) -> dict[str, Any]:
    terms = {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1.0", "price": str(bid - 1)}
    return {"symbol": SYMBOL, **terms}


def test_a_countdown_that_is_not_renewed_cancels(stage: BinanceStage) -> None:
    wire = stage.listening()
    bid, _ = stage.touch()
    stage.limit("BUY", bid - 1, newClientOrderId="x")
    stage.limit("BUY", bid - 1, newClientOrderId="theirs", place=1)
    wire.heard()
    for _ in range(3):
        reply = stage.call("POST", "/fapi/v1/countdownCancelAll", symbol=SYMBOL, countdownTime="3000")
        assert reply == {"symbol": SYMBOL, "countdownTime": "3000"}
        stage.run(2.5)
    assert updates(wire) == []
    stage.run(1.0)
    assert [(m["o"]["c"], m["o"]["X"]) for m in updates(wire)] == [("x", "CANCELED")]
    assert [o.client_id for o in stage.account(1).orders.values()] == ["theirs"]
    stage.limit("BUY", bid - 1, newClientOrderId="y")
    stage.call("POST", "/fapi/v1/countdownCancelAll", symbol=SYMBOL, countdownTime="1000")
    stage.call("POST", "/fapi/v1/countdownCancelAll", symbol=SYMBOL, countdownTime="0")
    stage.run(2.0)
    assert [o.client_id for o in stage.account().orders.values()] == ["y"]
