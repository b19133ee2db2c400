"""Nothing that a client sends breaks a venue: it is answered, refused or passed over."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.units import MS
from tests.sim.emulator.raw_client import digest
from tests.sim.emulator.stage import ACCOUNTS, SYMBOL, BinanceStage, BybitStage, HyperliquidStage, Stage, WooxStage

pytestmark = pytest.mark.slow

STRANGE = ("", "0", "-1", "1e400", "NaN", "Infinity", "1e12", "²", "٣", "null", "x" * 40, "[]", '{"a":1}', "true")
USUAL = (
    "linear",
    SYMBOL,
    "Buy",
    "BUY",
    "Limit",
    "LIMIT",
    "Market",
    "MARKET",
    "GTC",
    "GTX",
    "PostOnly",
    "1.0",
    "189.00",
)
words = st.sampled_from(STRANGE + USUAL) | st.text(max_size=8)
values: st.SearchStrategy[Any] = words | st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False)
values |= st.lists(words, max_size=3) | st.dictionaries(words, words, max_size=2)
NAMES = [
    "category",
    "symbol",
    "side",
    "orderType",
    "qty",
    "price",
    "timeInForce",
    "orderLinkId",
    "orderId",
    "positionIdx",
    "reduceOnly",
    "limit",
    "cursor",
    "startTime",
    "endTime",
    "settleCoin",
    "baseCoin",
    "request",
    "buyLeverage",
    "sellLeverage",
    "openOnly",
    "execType",
    "accountType",
    "mode",
    "type",
    "closeOnTrigger",
    "quantity",
    "leverage",
    "newClientOrderId",
    "origClientOrderId",
    "fromId",
    "batchOrders",
    "orderIdList",
    "countdownTime",
    "recvWindow",
    "listenKey",
    "incomeType",
    "dualSidePosition",
    "marginType",
    "selfTradePreventionMode",
    "newOrderRespType",
    "clientOrderId",
    "triggerAfter",
    "status",
    "size",
    "page",
    "maxLevel",
]
fields = st.dictionaries(st.sampled_from(NAMES), values, max_size=8)
BYBIT_PATHS = [
    "/",
    "/v5/order/create",
    "/v5/order/amend",
    "/v5/order/cancel",
    "/v5/order/cancel-all",
    "/v5/order/create-batch",
    "/v5/order/realtime",
    "/v5/order/history",
    "/v5/market/time",
    "/v5/market/orderbook",
    "/v5/market/tickers",
    "/v5/market/instruments-info",
    "/v5/market/recent-trade",
    "/v5/nothing",
    "/v5/execution/list",
    "/v5/position/list",
    "/v5/position/set-leverage",
    "/v5/position/switch-mode",
    "/v5/account/wallet-balance",
    "/v5/account/transaction-log",
    "/v5/account/set-limit-px-action",
]
BINANCE_PATHS = [
    "/",
    "/fapi/v1/order",
    "/fapi/v1/order/test",
    "/fapi/v1/batchOrders",
    "/fapi/v1/allOpenOrders",
    "/fapi/v1/openOrders",
    "/fapi/v1/allOrders",
    "/fapi/v1/userTrades",
    "/fapi/v1/income",
    "/fapi/v1/leverage",
    "/fapi/v1/marginType",
    "/fapi/v1/countdownCancelAll",
    "/fapi/v1/depth",
    "/fapi/v1/aggTrades",
    "/fapi/v1/trades",
    "/fapi/v1/listenKey",
    "/fapi/v1/nothing",
    "/fapi/v1/positionSide/dual",
    "/fapi/v1/openOrder",
    "/fapi/v3/positionRisk",
    "/fapi/v3/account",
    "/fapi/v2/account",
]
WOOX_PATHS = [
    "/",
    "/v3/trade/order",
    "/v3/trade/orders",
    "/v3/trade/allOrders",
    "/v3/trade/cancelAllAfter",
    "/v3/trade/transactionHistory",
    "/v3/trade/tradingFee",
    "/v3/account/info",
    "/v3/account/listenKey",
    "/v3/asset/balances",
    "/v3/futures/positions",
    "/v3/futures/leverage",
    "/v3/futures/fundingFee/history",
    "/v3/public/orderbook",
    "/v3/public/marketTrades",
    "/v3/public/futures",
    "/v1/public/token",
    "/v3/nothing",
]
HYPERLIQUID_QUESTIONS = [
    "meta",
    "metaAndAssetCtxs",
    "perpDexs",
    "allMids",
    "l2Book",
    "recentTrades",
    "clearinghouseState",
    "openOrders",
    "frontendOpenOrders",
    "orderStatus",
    "historicalOrders",
    "userFills",
    "userFillsByTime",
    "userFunding",
    "userFees",
    "userRateLimit",
    "userRole",
    "nothing",
    "",
]
HYPERLIQUID_ACTIONS = [
    "order",
    "cancel",
    "cancelByCloid",
    "modify",
    "batchModify",
    "scheduleCancel",
    "updateLeverage",
    "noop",
    "nothing",
]
HYPERLIQUID_FIELDS = ["coin", "user", "oid", "startTime", "endTime", "asset", "leverage", "time", "order", "dex"]
TERMS = ["a", "b", "p", "s", "r", "t", "c", "o", "oid", "asset", "cloid", "order"]
OPS = ("subscribe", "unsubscribe", "auth", "ping", "order.create", "order.cancel-batch", "x")
frames = st.text(max_size=20) | st.builds(json.dumps, values)


def still_works(stage: Stage) -> None:
    stage.run(0.2)
    assert stage.view.bids


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(("GET", "POST", "PUT")), st.sampled_from(BYBIT_PATHS), fields, st.binary(max_size=20))
def test_bybit_answers_any_request(method: str, path: str, sent: dict[str, Any], junk: bytes) -> None:
    stage = BYBIT
    reply, _ = stage.answer(method, path, {"category": "linear", "symbol": SYMBOL, **sent})
    assert isinstance(reply["retCode"], int)
    one, stamp = ACCOUNTS[0], str(stage.now // MS)
    text = junk.decode("latin-1")
    signature = digest(one.secret, f"{stamp}{one.key}5000{text}")
    headers = {"x-bapi-api-key": one.key, "x-bapi-timestamp": stamp, "x-bapi-recv-window": "5000"}
    assert stage.http("POST", path, "", text, headers | {"x-bapi-sign": signature}).status in (200, 404)
    still_works(stage)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(("GET", "POST", "PUT", "DELETE")), st.sampled_from(BINANCE_PATHS), fields)
def test_binance_answers_any_request(method: str, path: str, sent: dict[str, Any]) -> None:
    status, reply, _ = BINANCE.answer(method, path, {"symbol": SYMBOL, **sent})
    assert status == 200 or (400 <= status < 500 and isinstance(reply["code"], int))
    answer = BINANCE.http(method, path, urlencode({"timestamp": "x"} | sent), "\xff=1", {"x-mbx-apikey": "nobody"})
    assert 200 <= answer.status < 500
    still_works(BINANCE)


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(("subscribe", "unsubscribe", "auth", "ping", "order.create", "order.cancel-batch", "x")),
    fields,
    frames,
)
def test_bybit_sockets_take_any_frame(op: str, sent: dict[str, Any], junk: str) -> None:
    for wire in (BYBIT.connect("/v5/public/linear"), BYBIT.signed_on("private"), BYBIT.signed_on("trade")):
        wire.say({"op": op, "args": [sent], **sent})
        wire.say({"op": op, "args": sent, "reqId": sent, "header": sent})
        wire.say({**BYBIT.request("r", op, symbol=SYMBOL), "args": [{"category": "linear", "symbol": SYMBOL, **sent}]})
        wire.say(junk)
        wire.heard()
        wire.session.closed()
    still_works(BYBIT)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(("SUBSCRIBE", "order.place", "order.status", "session.status", "depth", "x")), fields, frames)
def test_binance_sockets_take_any_frame(method: str, sent: dict[str, Any], junk: str) -> None:
    params = {"apiKey": ACCOUNTS[0].key, "symbol": SYMBOL, "timestamp": BINANCE.now // MS, **sent}
    text = "&".join(f"{k}={str(v).lower() if isinstance(v, bool) else v}" for k, v in sorted(params.items()))
    signed = {**params, "signature": digest(ACCOUNTS[0].secret, text)}
    for path in ("/public/ws", "/private/stream", "/ws-fapi/v1", "/ws"):
        wire = BINANCE.connect(path)
        wire.say({"id": sent, "method": method, "params": signed})
        wire.say({"id": 1, "method": method, "params": list(sent)})
        wire.say(junk)
        wire.heard()
        wire.session.closed()
    BINANCE.now += 61_000 * MS  # the weight of so many handshakes is forgotten
    still_works(BINANCE)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(("GET", "POST", "PUT", "DELETE")), st.sampled_from(WOOX_PATHS), fields, st.binary(max_size=20))
def test_woox_answers_any_request(method: str, path: str, sent: dict[str, Any], junk: bytes) -> None:
    status, reply = WOOX.answer(method, path, {"symbol": WOOX.symbol, **sent})
    assert (status == 200 and reply["success"]) or (400 <= status < 501 and isinstance(reply["code"], int))
    headers = {"x-api-key": ACCOUNTS[0].key, "x-api-timestamp": junk.decode("latin-1"), "x-api-signature": "\xff"}
    assert WOOX.http(method, path, urlencode(sent), junk.decode("latin-1"), headers).status in (200, 400, 401, 404)
    still_works(WOOX)


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(("SUBSCRIBE", "UN_SUBSCRIBE", "LIST_SUBSCRIPTION", "PING", "subscribe", "auth", "x")),
    fields,
    frames,
)
def test_woox_sockets_take_any_frame(command: str, sent: dict[str, Any], junk: str) -> None:
    old = WOOX.connect("/v2/ws/private/stream/app")
    old.say({"event": "auth", "params": sent})
    for wire in (WOOX.connect("/v3/public"), WOOX.connect("/v3/private?key=x"), WOOX.connect("/ws/stream"), old):
        wire.say({"id": sent, "cmd": command, "params": [sent, *sent]})
        wire.say({"id": sent, "cmd": sent, "params": sent})
        wire.say({"id": 1, "event": command, "topic": sent, "params": sent})
        wire.say(junk)
        wire.heard()
        wire.session.closed()
    still_works(WOOX)


hyperliquid_fields = st.dictionaries(st.sampled_from(HYPERLIQUID_FIELDS), values | st.just("SOL"), max_size=5)
terms = st.dictionaries(st.sampled_from(TERMS), values, max_size=5)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(HYPERLIQUID_QUESTIONS), hyperliquid_fields, st.binary(max_size=20))
def test_hyperliquid_answers_any_question(kind: str, sent: dict[str, Any], junk: bytes) -> None:
    stage = HYPERLIQUID
    for fields in (sent, {"user": stage.address(), **sent}, {"user": stage.address(), "coin": "SOL", "oid": 1}):
        assert stage.http("POST", "/info", body=json.dumps({**fields, "type": kind})).status in (200, 422)
    for body in (junk.decode("latin-1"), "[" * 100_000, json.dumps(list(sent)), json.dumps({**sent, "type": [1]})):
        for path in ("/info", "/exchange"):
            assert stage.http("POST", path, body=body).status == 422
    still_works(stage)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(HYPERLIQUID_ACTIONS), hyperliquid_fields, st.lists(terms, max_size=3), values)
def test_hyperliquid_answers_any_action(kind: str, sent: dict[str, Any], rows: list[dict[str, Any]], junk: Any) -> None:
    stage = HYPERLIQUID
    whole = stage.order(stage.low())["orders"][0]
    damaged = [{**whole, **row} for row in rows]
    for list_of in (rows, damaged, junk):
        action = {**sent, "type": kind, "orders": list_of, "cancels": list_of, "modifies": list_of}
        try:
            body = stage.signed(action)
        except (OverflowError, ValueError):  # the SDK cannot pack it
            body = stage.signed({"type": "noop"}) | {"action": action}
        for damage in ({}, {"nonce": junk}, {"signature": junk}, {"vaultAddress": junk}, {"expiresAfter": junk}):
            answer = stage.http("POST", "/exchange", body=json.dumps({**body, **damage}))
            assert answer.status in (200, 422)
            if answer.status == 200:
                assert json.loads(answer.body)["status"] in ("ok", "err")
    still_works(stage)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(("subscribe", "unsubscribe", "post", "ping", "x")), hyperliquid_fields, values, frames)
def test_hyperliquid_sockets_take_any_frame(method: str, sent: dict[str, Any], what: Any, junk: str) -> None:
    wire = HYPERLIQUID.connect("/ws")
    for kind in ("l2Book", "trades", "userFills", "x"):
        wire.say({"method": method, "subscription": {"type": kind, "coin": "SOL", **sent}})
    wire.say({"method": method, "subscription": what, "id": 1, "request": {"type": "action", "payload": what}})
    wire.say({"method": method, "id": 1, "request": {"type": "info", "payload": sent}})
    wire.say({"method": what, "id": what, "request": what})
    wire.say(junk)
    wire.say("[" * 100_000)
    wire.heard()
    wire.session.closed()
    still_works(HYPERLIQUID)


HYPERLIQUID = HyperliquidStage(order_rate=10**6, request_rate=10**6)
WOOX = WooxStage(order_rate=10**6, request_rate=10**6)
BYBIT, BINANCE = BybitStage(order_rate=10**6, request_rate=10**6), BinanceStage(order_rate=10**6, request_rate=10**6)


@pytest.mark.parametrize(
    ("stage", "path", "socket"),
    [
        (BYBIT, "/v5/order/create", "/v5/public/linear"),
        (BINANCE, "/fapi/v1/order", "/public/ws"),
        (BINANCE, "/fapi/v1/order", "/ws-fapi/v1"),
        (WOOX, "/v3/trade/order", "/v3/public"),
        (WOOX, "/v3/trade/order", "/ws/stream"),
    ],
)
def test_what_is_too_deep_to_read_breaks_nothing(stage: Stage, path: str, socket: str) -> None:
    deep = "[" * 100_000
    assert 200 <= stage.http("POST", path, body=deep).status < 500
    wire = stage.connect(socket)
    wire.say(deep)
    wire.heard()
    wire.session.closed()
    still_works(stage)
