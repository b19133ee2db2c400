"""Commands as requests; signatures against those that the venue prints and its own libraries make."""

import hashlib
import hmac
import json
from decimal import Decimal
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.instrument import Instrument
from market.messages import AmendOrder, CancelAll, CancelOrder, OrderFlag, PlaceOrder
from market.units import MS
from venues.binance.client_ids import client_id_of, id_text, parse_id
from venues.binance.order_index import OrderIndex
from venues.binance.queries import AccountQueries, depth
from venues.binance.requests import OrderRequests
from venues.binance.signing import Credentials, Value
from venues.wire import HttpRequest

BTC = Instrument(0, "binance-futures", "BTCUSDT", "BTC", "USDT", "USDT", tick=Decimal("0.1"), lot=Decimal("0.001"))
ETH = Instrument(1, "binance-futures", "ETHUSDT", "ETH", "USDT", "USDT", tick=Decimal("0.01"), lot=Decimal("0.001"))
# the keys of the example in the venue's documentation
KEY = "dbefbc809e3e83c283a984c3a1459732ea7db1360ca80c5c2c8867408d28cc83"
SECRET = "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9"
CREDENTIALS = Credentials(KEY, SECRET)
NOW_MS = 1_760_000_000_000
NOW = NOW_MS * MS

LIMIT: dict[str, Value] = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT"}


@pytest.mark.parametrize(
    ("params", "signature"),
    [
        (
            {
                **LIMIT,
                "quantity": 1,
                "price": 9000,
                "timeInForce": "GTC",
                "recvWindow": 5000,
                "timestamp": 1591702613943,
            },
            "3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9",
        ),
        (
            {
                **LIMIT,
                "timeInForce": "GTX",
                "quantity": "0.010",
                "price": "65000.10",
                "newClientOrderId": "mm-1_a.b:c/2",
                "recvWindow": 5000,
                "timestamp": NOW_MS,
            },
            "1d485b970ac66767a842104ada7b537625d070200cbfc4aadc4d20cec365de22",
        ),
        (
            {
                "batchOrders": '[{"symbol":"BTCUSDT","side":"BUY","type":"LIMIT","timeInForce":"GTX",'
                '"quantity":"0.010","price":"65000.10"}]',
                "timestamp": NOW_MS,
            },
            "b77fcfdfca0fc0e55b95a3a29b5e82d1dad4be296fbf59d467da04beadee9fa3",
        ),
    ],
)
def test_queries_are_signed_as_they_are_sent(params: dict[str, Value], signature: str) -> None:
    assert CREDENTIALS.signed_query(params).endswith(f"&signature={signature}")


def test_frames_are_signed_by_name() -> None:
    params: dict[str, Value] = {
        **LIMIT,
        "timeInForce": "GTX",
        "quantity": "0.010",
        "price": "65000.10",
        "newClientOrderId": "mm-1_a",
        "recvWindow": 5000,
        "timestamp": NOW_MS,
    }
    signed = CREDENTIALS.signed_params(params)
    assert signed["signature"] == "88ed103bc1eb4b40d3e437261cabeff8353e9292fbf46cffbd962a22a32fd674"
    assert signed["apiKey"] == KEY


def test_keys_are_never_shown() -> None:
    assert KEY not in repr(CREDENTIALS)
    assert SECRET not in repr(CREDENTIALS)


# --- ids ---------------------------------------------------------------------------------------------------------


@given(st.integers(0, (1 << 63) - 1))
def test_an_id_comes_back_and_fits(client_id: int) -> None:
    text = id_text(client_id)
    assert len(text) <= 36
    assert client_id_of(text, 5) == client_id


@pytest.mark.parametrize(
    "text", ["", "ls-", "ls-01", "ls--1", "ls-9223372036854775808", "web_x", "autoclose-1", "7", "ls-١", "ls-1\n"]
)
def test_an_id_that_is_not_ours_is_seen(text: str) -> None:
    assert parse_id(text) is None
    assert client_id_of(text, 8389765591840482353) == -8389765591840482353


# --- orders ------------------------------------------------------------------------------------------------------


def requests() -> OrderRequests:
    return OrderRequests([BTC, ETH], CREDENTIALS, OrderIndex())


def params_of(request: HttpRequest) -> dict[str, str]:
    """Return the parameters of a signed request, the signature checked and left out."""
    text, _, signature = request.query.rpartition("&signature=")
    assert hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest() == signature
    assert request.headers == (("X-MBX-APIKEY", KEY),)
    assert request.body == b""
    params = dict(parse_qsl(text, strict_parsing=True))
    assert params.pop("recvWindow") == "5000"
    assert params.pop("timestamp") == str(NOW_MS)
    return params


@pytest.mark.parametrize(
    ("flags", "price", "terms"),
    [
        (0, 650001, {"type": "LIMIT", "timeInForce": "GTC", "price": "65000.1"}),
        (OrderFlag.POST_ONLY, 650001, {"type": "LIMIT", "timeInForce": "GTX", "price": "65000.1"}),
        (OrderFlag.IOC, 650000, {"type": "LIMIT", "timeInForce": "IOC", "price": "65000.0"}),
        (OrderFlag.FOK, 1, {"type": "LIMIT", "timeInForce": "FOK", "price": "0.1"}),
        (OrderFlag.MARKET, 0, {"type": "MARKET"}),
        (OrderFlag.MARKET, 650001, {"type": "LIMIT", "timeInForce": "IOC", "price": "65000.1"}),
        (
            OrderFlag.POST_ONLY | OrderFlag.REDUCE_ONLY,
            650001,
            {"type": "LIMIT", "timeInForce": "GTX", "price": "65000.1", "reduceOnly": "true"},
        ),
    ],
)
def test_an_order_by_rest_and_by_frame(flags: int, price: int, terms: dict[str, str]) -> None:
    order = PlaceOrder(77, 0, -1, price, 10, flags)
    request = requests().request(order, NOW)
    expected = {"symbol": "BTCUSDT", "side": "SELL", "quantity": "0.010", "newClientOrderId": "ls-77", **terms}
    assert (request.method, request.path, request.weight) == ("POST", "/fapi/v1/order", 0)
    assert params_of(request) == expected
    frame = json.loads(requests().frame(order, 12, NOW))
    assert (frame["id"], frame["method"]) == ("12", "order.place")
    signature = frame["params"].pop("signature")
    text = "&".join(f"{name}={frame['params'][name]}" for name in sorted(frame["params"]))
    assert hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest() == signature
    assert frame["params"] == {**expected, "apiKey": KEY, "recvWindow": 5000, "timestamp": NOW_MS}


@pytest.mark.parametrize(
    "flags",
    [OrderFlag.IOC | OrderFlag.FOK, OrderFlag.IOC | OrderFlag.POST_ONLY, OrderFlag.MARKET | OrderFlag.POST_ONLY],
)
def test_terms_that_contradict_are_refused(flags: int) -> None:
    with pytest.raises(ValueError, match=r"order 77 asks for .*: Binance has one of IOC, FOK and POST_ONLY"):
        requests().request(PlaceOrder(77, 0, 1, 1, 1, flags), NOW)


def test_an_amend_names_side_and_total() -> None:
    maker = requests()
    with pytest.raises(ValueError, match=r"^amend of order 77: its side is not known"):
        maker.request(AmendOrder(77, 0, 5, 6), NOW)
    maker.request(PlaceOrder(77, 0, -1, 5, 6, 0), NOW)
    request = maker.request(AmendOrder(77, 0, 650001, 6), NOW)
    assert (request.method, request.weight) == ("PUT", 0)
    named = {"symbol": "BTCUSDT", "origClientOrderId": "ls-77"}
    assert params_of(request) == {**named, "side": "SELL", "quantity": "0.006", "price": "65000.1"}
    assert json.loads(maker.frame(AmendOrder(77, 0, 650001, 6), 3, NOW))["method"] == "order.modify"


def test_cancels_name_ours_by_our_id_and_others_by_theirs() -> None:
    maker = requests()
    request = maker.request(CancelOrder(77, 1), NOW)
    assert (request.method, request.path, request.weight) == ("DELETE", "/fapi/v1/order", 1)
    assert params_of(request) == {"symbol": "ETHUSDT", "origClientOrderId": "ls-77"}
    assert params_of(maker.request(CancelOrder(-991, 1), NOW)) == {"symbol": "ETHUSDT", "orderId": "991"}
    assert json.loads(maker.frame(CancelOrder(-991, 1), 3, NOW))["params"]["orderId"] == 991
    assert params_of(maker.query(CancelOrder(77, 1), NOW)) == {"symbol": "ETHUSDT", "origClientOrderId": "ls-77"}


def test_everything_of_an_instrument_at_once() -> None:
    maker = requests()
    request = maker.cancel_all(CancelAll(1), NOW)
    assert (request.method, request.path) == ("DELETE", "/fapi/v1/allOpenOrders")
    assert params_of(request) == {"symbol": "ETHUSDT"}
    switch = maker.countdown(1, 30_000, NOW)
    assert (switch.path, switch.weight) == ("/fapi/v1/countdownCancelAll", 10)
    assert params_of(switch) == {"symbol": "ETHUSDT", "countdownTime": "30000"}


def test_batches() -> None:
    maker = requests()
    orders = [PlaceOrder(7, 0, 1, 10, 1, OrderFlag.POST_ONLY), PlaceOrder(8, 1, -1, 10, 1, 0)]
    request = maker.batch(orders, NOW)
    assert (request.method, request.path, request.weight) == ("POST", "/fapi/v1/batchOrders", 5)
    items = json.loads(params_of(request)["batchOrders"])
    assert [(each["newClientOrderId"], each["symbol"], each["price"]) for each in items] == [
        ("ls-7", "BTCUSDT", "1.0"),
        ("ls-8", "ETHUSDT", "0.10"),
    ]
    amends = maker.batch([AmendOrder(8, 1, 11, 2)], NOW)
    assert amends.method == "PUT"
    assert json.loads(params_of(amends)["batchOrders"])[0]["side"] == "SELL"
    cancels = maker.cancel_batch([CancelOrder(7, 0), CancelOrder(9, 0)], NOW)
    assert cancels.method == "DELETE"
    assert params_of(cancels) == {"symbol": "BTCUSDT", "origClientOrderIdList": '["ls-7","ls-9"]'}
    with pytest.raises(ValueError, match=r"^a batch of 6 orders: must be 1 to 5$"):
        maker.batch(orders * 3, NOW)
    with pytest.raises(ValueError, match=r"^a batch of 0 cancels: must be 1 to 10$"):
        maker.cancel_batch([], NOW)
    with pytest.raises(ValueError, match="for one instrument"):
        maker.cancel_batch([CancelOrder(7, 0), CancelOrder(8, 1)], NOW)


# --- questions ---------------------------------------------------------------------------------------------------


def test_questions_about_the_account() -> None:
    ask = AccountQueries(CREDENTIALS)
    assert (ask.open_orders(NOW).weight, ask.open_orders(NOW, BTC).weight) == (40, 1)
    assert params_of(ask.open_orders(NOW, BTC)) == {"symbol": "BTCUSDT"}
    since = ask.trades_since(BTC, NOW - MS, NOW)
    assert params_of(since) == {"symbol": "BTCUSDT", "startTime": str(NOW_MS - 1), "limit": "1000"}
    assert params_of(ask.trades_from(BTC, 5, NOW)) == {"symbol": "BTCUSDT", "fromId": "5", "limit": "1000"}
    assert params_of(ask.funding_since(NOW, NOW))["incomeType"] == "FUNDING_FEE"
    key = ask.listen_key("PUT")
    assert (key.method, key.target, key.headers) == ("PUT", "/fapi/v1/listenKey", (("X-MBX-APIKEY", KEY),))


def test_the_question_for_a_book_costs_by_its_depth() -> None:
    assert depth(BTC).target == "/fapi/v1/depth?symbol=BTCUSDT&limit=1000"
    assert [depth(BTC, n).weight for n in (20, 100, 500, 1000)] == [2, 5, 10, 20]
    with pytest.raises(ValueError, match=r"^depth of 30 levels: must be one of 5, 10, 20, 50, 100, 500, 1000$"):
        depth(BTC, 30)
