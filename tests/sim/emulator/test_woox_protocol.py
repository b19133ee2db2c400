"""The emulated WOO X, word by word: sign-on, books, orders, reports, limits, faults."""

import json
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from market.units import MS, SECOND
from sim.emulator import AccountSection, Fault
from tests.sim.emulator.raw_client import digest
from tests.sim.emulator.stage import ACCOUNTS, WooxStage
from tests.sim.emulator.test_shapes import differences, recorded

ORDER = "/v3/trade/order"


def stage(**more: Any) -> WooxStage:
    return WooxStage(order_rate=1000, request_rate=1000, **more)


def low(venue: WooxStage) -> Decimal:
    return (venue.touch()[0] * Decimal("0.98")).quantize(Decimal("0.01"))


# --- who asks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"key": "nobody"}, -1002),
        ({"secret": "wrong"}, -1002),
        ({"ahead_ms": 300_001}, 317178),
        ({"ahead_ms": -300_001}, 317178),
    ],
)
def test_who_does_not_sign_is_refused(wrong: dict[str, Any], code: int) -> None:
    status, reply = stage().answer("GET", "/v3/asset/balances", {}, **wrong)
    assert (status >= 400, reply["success"], reply["code"]) == (True, False, code)


def test_the_query_and_the_body_are_signed_as_they_are_sent() -> None:
    venue = stage()
    one, stamp = ACCOUNTS[0], str(venue.now // MS)
    headers = {"x-api-key": one.key, "x-api-timestamp": stamp}
    signature = digest(one.secret, f"{stamp}GET/v3/trade/orders?b=1&a=2")
    signed = headers | {"x-api-signature": signature.upper()}
    assert venue.http("GET", "/v3/trade/orders", "b=1&a=2", "", signed).status == 200
    assert venue.http("GET", "/v3/trade/orders", "a=2&b=1", "", signed).status == 401
    assert venue.http("DELETE", "/v3/trade/orders", "b=1&a=2", "", signed).status == 401


# --- books -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pace", [50, 200])
def test_changes_chain_and_the_book_by_rest_is_one_of_them(pace: int) -> None:
    venue = stage()
    wire = venue.connect("/v3/public")
    topic = f"orderbookupdate@{venue.symbol}@{pace}"
    granted = wire.ask({"id": "7", "cmd": "SUBSCRIBE", "params": [topic, topic, "nothing@X"]})
    assert (granted["id"], granted["success"], granted["data"]) == ("7", True, [topic])
    book: dict[str, dict[str, str]] = {}
    last = None
    for _ in range(40):
        venue.run(0.25)
        whole = json.loads(venue.http("GET", "/v3/public/orderbook", f"symbol={venue.symbol}&maxLevel=500").body)
        for frame in wire.heard():
            data = frame["data"]
            assert last is None or data["prevTs"] == last
            last = data["ts"]
            for side in ("bids", "asks"):
                for price, size in data[side]:
                    if side in book:
                        book[side][price] = size
        if whole["timestamp"] == last:
            shown = {s: {r["price"]: r["quantity"] for r in whole["data"][s]} for s in ("bids", "asks")}
            if book:
                assert {s: {p: q for p, q in book[s].items() if q != "0"} for s in book} == shown
            book = shown
    assert book


def test_a_socket_is_cut_after_a_silent_minute_and_a_ping_keeps_it() -> None:
    venue = stage()
    quiet, alive = venue.connect("/v3/public"), venue.connect("/v3/public")
    for _ in range(5):
        venue.now += 14 * SECOND
        assert alive.ask({"cmd": "PING", "ts": 1})["cmd"] == "PONG"
        quiet.session.on_due(venue.now)
        alive.session.on_due(venue.now)
    assert quiet.outbox.is_closing
    assert not alive.outbox.is_closing


def test_more_than_ten_topics_are_refused_whole() -> None:
    answer = (
        stage().connect("/v3/public").ask({"id": "1", "cmd": "SUBSCRIBE", "params": [f"bbo@{n}" for n in range(11)]})
    )
    assert (answer["success"], answer["data"]) == (False, "Command type invalid!")


# --- orders ----------------------------------------------------------------------------------------------------------


def test_an_order_is_acknowledged_and_what_becomes_of_it_is_reported() -> None:
    venue = stage()
    wire = venue.listening("executionreport", "position", "balance")
    sent = venue.call("POST", ORDER, **venue.limit("BUY", low(venue), kind="POST_ONLY", clientOrderId=(1 << 63) - 1))
    assert sent["clientOrderId"] == (1 << 63) - 1
    new, _ = wire.heard()
    assert (new["data"]["ss"], new["data"]["oid"], new["data"]["cid"]) == ("NEW", sent["orderId"], (1 << 63) - 1)
    assert venue.call("PUT", ORDER, orderId=sent["orderId"], quantity="2.0") == {"status": "EDIT_SENT"}
    assert wire.heard()[0]["data"]["sx"] == "2.0"
    assert venue.call("DELETE", ORDER, symbol=venue.symbol, clientOrderId=(1 << 63) - 1) == {"status": "CANCEL_SENT"}
    assert wire.heard()[0]["data"]["ss"] == "CANCELLED"
    venue.call("POST", ORDER, symbol=venue.symbol, side="BUY", type="MARKET", quantity="1.0")
    topics = [frame["topic"] for frame in wire.heard()]
    assert topics == ["executionreport", "position", "balance"]
    (fill,) = venue.call("GET", "/v3/trade/transactionHistory")["rows"]
    assert (fill["side"], fill["isMaker"]) == ("BUY", 0)
    assert "." in fill["executedTimestamp"]
    (held,) = venue.call("GET", "/v3/futures/positions")["positions"]
    assert (held["symbol"], held["holding"]) == (venue.symbol, "1.0")


def test_an_edit_that_would_take_is_refused_by_report() -> None:
    venue = stage()
    wire = venue.listening("executionreport")
    sent = venue.call("POST", ORDER, **venue.limit("BUY", low(venue), kind="POST_ONLY"))
    wire.heard()
    assert venue.call("PUT", ORDER, orderId=sent["orderId"], price=str(venue.touch()[1])) == {"status": "EDIT_SENT"}
    assert [(frame["data"]["mt"], frame["data"]["ss"]) for frame in wire.heard()] == [(1, "NEW")]


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"symbol": "PERP_NOPE_USDT"}, -1005),
        ({"side": "UP"}, -1005),
        ({"type": "ASK"}, -1005),
        ({"quantity": "1.05"}, -1104),
        ({"quantity": True}, -1104),
        ({"price": "100.001"}, -1103),
        ({"price": "1000"}, -1105),
        ({"clientOrderId": "x"}, -1005),
        ({"clientOrderId": 1 << 63}, -1005),
        ({"quantity": "100000"}, -1101),
        ({"reduceOnly": True}, 302138),
    ],
)
def test_what_is_no_order_is_refused_with_the_venues_code(terms: dict[str, Any], code: int) -> None:
    venue = stage()
    status, reply = venue.answer("POST", ORDER, venue.limit("BUY", low(venue)) | terms)
    assert (status >= 400, reply["success"], reply["code"]) == (True, False, code)


def test_a_client_id_is_unique_among_open_orders_alone() -> None:
    venue = stage()
    terms = venue.limit("BUY", low(venue), clientOrderId=5)
    first = venue.call("POST", ORDER, **terms)
    assert venue.answer("POST", ORDER, terms)[1]["code"] == 302117
    venue.call("DELETE", ORDER, symbol=venue.symbol, orderId=first["orderId"])
    assert venue.answer("DELETE", ORDER, {"symbol": venue.symbol, "orderId": first["orderId"]})[1]["code"] == 317152
    assert venue.call("POST", ORDER, **terms)["orderId"] != first["orderId"]
    assert venue.answer("GET", ORDER, {"orderId": 1})[1]["code"] == -1006


def test_orders_come_in_pages_newest_first() -> None:
    venue = stage()
    sent = [venue.call("POST", ORDER, **venue.limit("BUY", low(venue)))["orderId"] for _ in range(5)]
    pages = [venue.call("GET", "/v3/trade/orders", status="INCOMPLETE", size=2, page=page) for page in (1, 2, 3)]
    assert [[row["orderId"] for row in page["rows"]] for page in pages] == [sent[:2:-1], sent[2:0:-1], sent[:1]]
    assert pages[0]["meta"]["total"] == 5
    venue.call("DELETE", "/v3/trade/allOrders")
    assert venue.call("GET", "/v3/trade/orders", status="INCOMPLETE")["rows"] == []


# --- keys, limits, the dead man's switch -----------------------------------------------------------------------------


def test_a_new_key_ends_the_one_before() -> None:
    venue = stage()
    keys = [venue.call("POST", "/v3/account/listenKey", type="WEBSOCKET")["authKey"] for _ in range(2)]
    old, new = (venue.connect(f"/v3/private?key={key}") for key in keys)
    assert (old.outbox.is_closing, new.outbox.is_closing) == (True, False)


def test_orders_are_limited_by_symbol_and_second() -> None:
    venue = WooxStage()
    answers = [venue.answer("POST", ORDER, venue.limit("BUY", low(venue))) for _ in range(6)]
    assert [status for status, _ in answers] == [200] * 5 + [429]
    assert answers[-1][1]["code"] == -1003
    venue.run(1.0)
    assert venue.answer("POST", ORDER, venue.limit("BUY", low(venue)))[0] == 200


def test_the_switch_is_for_vips_and_cancels_when_it_is_not_put_off() -> None:
    assert stage().answer("POST", "/v3/trade/cancelAllAfter", {"triggerAfter": 1000})[1]["code"] == -1002
    vips = tuple(AccountSection(a.name, a.key, a.secret, is_vip=True) for a in ACCOUNTS)
    venue = stage(accounts=vips)
    venue.call("POST", ORDER, **venue.limit("BUY", low(venue)))
    assert venue.answer("POST", "/v3/trade/cancelAllAfter", {"triggerAfter": 900_001})[1]["code"] == 317176
    for _ in range(3):
        venue.call("POST", "/v3/trade/cancelAllAfter", triggerAfter=1000)
        venue.run(0.9)
        assert venue.account().orders
    venue.run(0.2)
    assert not venue.account().orders
    venue.call("POST", ORDER, **venue.limit("BUY", low(venue)))
    venue.call("POST", "/v3/trade/cancelAllAfter", triggerAfter=1000)
    venue.call("POST", "/v3/trade/cancelAllAfter", triggerAfter=0)
    venue.run(1.5)
    assert venue.account().orders


# --- faults ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "status", "code", "is_done"),
    [
        (Fault("reject"), 400, -1101, False),
        (Fault("reject", code=-1000), 500, -1000, False),
        (Fault("rate_limit"), 429, -1003, False),
        (Fault("unavailable"), 200, 503, True),
        (Fault("swallow"), 200, None, False),
        (Fault("timeout"), 200, None, True),
    ],
)
def test_a_request_meets_a_fault(fault: Fault, status: int, code: int | None, is_done: bool) -> None:
    venue = stage()
    venue.faults.arm(fault, venue.now)
    answer = venue.answer("POST", ORDER, venue.limit("BUY", low(venue)))
    assert (answer[0], answer[1].get("code")) == (status, code)
    assert bool(venue.account().orders) is is_done


# --- the older sockets -----------------------------------------------------------------------------------------------


def test_the_older_private_socket_signs_on_and_tells_in_long_words() -> None:
    venue = stage()
    wire = venue.connect("/v2/ws/private/stream/application")
    assert wire.ask({"id": "1", "event": "subscribe", "topic": "executionreport"})["errorMsg"] == "Auth is needed."
    one, stamp = ACCOUNTS[0], str(venue.now // MS)
    params = {"apikey": one.key, "sign": digest(one.secret, f"|{stamp}"), "timestamp": stamp}
    assert wire.ask({"event": "auth", "params": params | {"sign": "x"}})["success"] is False
    assert wire.ask({"event": "auth", "params": params})["success"] is True
    assert wire.ask({"id": "2", "event": "subscribe", "topic": "executionreport"})["data"] == "executionreport"
    venue.call("POST", ORDER, **venue.limit("BUY", low(venue), clientOrderId=9))
    (frame,) = wire.heard()
    assert (frame["data"]["clientOrderId"], frame["data"]["status"]) == (9, "NEW")


def test_the_older_public_socket_chains_its_changes_and_pings() -> None:
    venue = stage()
    wire = venue.connect("/ws/stream/application")
    assert wire.ask({"id": "1", "event": "subscribe", "topic": f"{venue.symbol}@orderbookupdate"})["success"]
    venue.run(2.0)
    changes = wire.heard()
    assert len(changes) > 5
    assert all(b["data"]["prevTs"] == a["ts"] for a, b in pairwise(changes))
    venue.run(9.0)
    wire.session.on_due(venue.now)
    assert {"event": "ping"}.items() <= next(f for f in wire.heard() if f.get("event")).items()


# --- shapes ----------------------------------------------------------------------------------------------------------


def test_answers_have_the_shapes_of_the_recorded_ones(shared: Path) -> None:
    venue = stage()
    public = {
        "rest_v3_system_info.ccxt": "systemInfo",
        "rest_v3_instruments.ccxt": "instruments",
        "rest_v3_orderbook.ccxt": "orderbook",
        "rest_v3_market_trades.ccxt": "marketTrades",
        "rest_v3_futures_ticker.ccxt": "futures",
        "rest_v3_funding_rate.ccxt": "fundingRate",
    }
    venue.run(3.0)
    for file, name in public.items():
        ours = json.loads(venue.http("GET", f"/v3/public/{name}", f"symbol={venue.symbol}").body)
        assert differences(ours, next(recorded(shared, "woox", file))) == [], file
    sent = venue.answer("POST", ORDER, venue.limit("BUY", low(venue)))[1]
    assert but_for_whole_numbers(differences(sent, next(recorded(shared, "woox", "rest_v3_order_create.ccxt")))) == []
    order = {"orderId": sent["data"]["orderId"]}
    private: dict[str, tuple[str, str, dict[str, Any]]] = {
        "rest_v3_order_get.ccxt": ("GET", ORDER, order),
        "rest_v3_orders.ccxt": ("GET", "/v3/trade/orders", {}),
        "rest_v3_trading_fee.ccxt": ("GET", "/v3/trade/tradingFee", {"symbol": venue.symbol}),
        "rest_v3_order_cancel.ccxt": ("DELETE", ORDER, {"symbol": venue.symbol, **order}),
    }
    for file, (method, path, fields) in private.items():
        ours = venue.answer(method, path, fields)[1]
        assert but_for_whole_numbers(differences(ours, next(recorded(shared, "woox", file)))) == [], file
    venue.call("POST", ORDER, symbol=venue.symbol, side="BUY", type="MARKET", quantity="1.0")
    ours = venue.answer("GET", "/v3/futures/positions")[1]
    assert differences(ours, next(recorded(shared, "woox", "rest_v3_positions.ccxt"))) == []


def but_for_whole_numbers(found: list[str]) -> list[str]:
    """Leave out what is a float here and an int there: both are JSON numbers."""
    return [each for each in found if not (": float " in each and "theirs int" in each)]
