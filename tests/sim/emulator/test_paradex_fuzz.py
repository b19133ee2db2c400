"""Whatever a client sends, the emulated Paradex answers, and goes on."""

import json
from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sim.emulator import VenueSection
from sim.emulator.paradex.accounts import keys_of
from sim.emulator.requests import HttpAnswer
from tests.sim.emulator.stage import ACCOUNTS, Stage
from venues.paradex.login import request_of
from venues.paradex.signing import Signer, chain_of

MARKET = "SOL-USD-PERP"
PATHS = ("/account", "/balance", "/positions", "/orders", "/orders-history", "/fills", "/funding/payments", "/trades")
PLACES = ("/orders", "/orders/1", "/orders/by_client_id/1", "/orders/batch", "/bbo/x", f"/orderbook/{MARKET}", "/x")
NAMES = ("market", "side", "type", "size", "price", "instruction", "client_id", "flags", "signature", "recv_window")
FIELDS = (*NAMES, "signature_timestamp", "id", "orders", "order_ids", "cursor", "page_size", "start_at", "depth")
METHODS = ("create", "create_batch", "modify", "cancel", "cancel_batch", "cancel_all", "cancel_on_disconnect", "x")
numbers = st.sampled_from(["²", "-1", "1e9", "", "0", "7", MARKET, "BUY", "LIMIT", "GTC", '["1","2"]'])
values = st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), numbers, st.lists(st.integers(), max_size=2))
fields = st.dictionaries(st.sampled_from(FIELDS), values, max_size=6)


@cache
def stage() -> Stage:
    return Stage(VenueSection("paradex", order_rate=10**6, request_rate=10**6))


@cache
def token() -> str:
    key, secret = keys_of(ACCOUNTS[0])
    request = request_of(Signer(key, secret, chain_of("testnet")), stage().now)
    headers = {name.lower(): text for name, text in request.headers}
    answer = stage().http("POST", request.path, headers=headers)
    return str(json.loads(answer.body)["jwt_token"])


def ask(method: str, path: str, query: str = "", body: str = "") -> HttpAnswer:
    headers = {"authorization": f"Bearer {token()}"}
    return stage().http(method, f"/v1{path}", query, body, headers)


def still_works() -> None:
    answer = ask("GET", "/orders")
    assert (answer.status, json.loads(answer.body)["results"]) == (200, [])


@settings(max_examples=60, deadline=None)
@given(st.sampled_from((*PATHS, *PLACES)), st.sampled_from(("GET", "POST", "PUT", "DELETE")), fields)
def test_any_request_is_answered(path: str, method: str, sent: dict[str, Any]) -> None:
    query = "&".join(f"{name}={value}" for name, value in sent.items())
    for body in (json.dumps(sent), "[", "[" * 100_000, "5"):
        assert 200 <= ask(method, path, query, body).status < 500
    still_works()


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(METHODS), fields, values)
def test_any_call_is_answered(method: str, sent: dict[str, Any], junk: Any) -> None:
    wire = stage().connect("/v1")
    wire.say({"jsonrpc": "2.0", "id": 1, "method": "auth", "params": {"bearer": token()}})
    whole = {"market": MARKET, "side": "BUY", "type": "LIMIT", "size": "1", "price": "100", "instruction": "GTC"}
    for params in (sent, {**whole, **sent}, {"orders": [sent, junk]}, {"orders": junk, "order_ids": junk}, junk):
        wire.say({"jsonrpc": "2.0", "id": 2, "method": f"order.{method}", "params": params})
    wire.say({"jsonrpc": "2.0", "id": junk, "method": junk, "params": junk})
    wire.say({"jsonrpc": "2.0", "id": 3, "method": "subscribe", "params": {"channel": junk}})
    wire.heard()
    wire.session.closed()
    still_works()
