"""What the emulated Paradex makes of batches, and what its channels and tokens say."""

import json
from base64 import urlsafe_b64decode
from decimal import Decimal
from typing import Any

import pytest

from market.units import MINUTE, MS, SECOND
from sim.emulator import VenueSection
from sim.emulator.paradex.accounts import keys_of
from tests.sim.emulator.stage import ACCOUNTS, Message, Stage, Wire
from venues.paradex.login import request_of
from venues.paradex.signing import Signer, chain_of

MARKET = "SOL-USD-PERP"
CANCELLED = "QUEUED_FOR_CANCELLATION"


class ParadexStage(Stage):
    """Paradex, with its way of signing."""

    def __init__(self) -> None:
        super().__init__(VenueSection("paradex"))
        self.signer = Signer(*keys_of(ACCOUNTS[0]), chain_of("testnet"))
        self.token = self.log_in()

    def log_in(self) -> str:
        request = request_of(self.signer, self.now)
        headers = {name.lower(): text for name, text in request.headers}
        return str(json.loads(self.http("POST", request.path, headers=headers).body)["jwt_token"])

    def ask(self, method: str, path: str, body: Any = None, query: str = "") -> tuple[int, Any]:
        text = "" if body is None else json.dumps(body)
        answer = self.http(method, f"/v1{path}", query, text, {"authorization": f"Bearer {self.token}"})
        return answer.status, json.loads(answer.body) if answer.body else None

    def signed_on(self) -> Wire:
        wire = self.connect("/v1")
        wire.ask({"jsonrpc": "2.0", "id": 1, "method": "auth", "params": {"bearer": self.token}})
        return wire

    def order(self, client_id: str = "", share: str = "0.98", **more: Any) -> Message:
        """Return a signed order to buy one below the market."""
        price = (self.touch()[0] * Decimal(share)).quantize(Decimal("0.01"))
        signature = self.signer.order(self.now, MARKET, 1, "LIMIT", 10**8, int(price.scaleb(8)))
        terms = {"market": MARKET, "side": "BUY", "type": "LIMIT", "size": "1", "price": str(price)}
        signed = {"signature": signature, "signature_timestamp": self.now // MS}
        return {**terms, **signed, "instruction": "GTC", "client_id": client_id, **more}

    def open(self) -> list[str]:
        return [each["client_id"] for each in self.ask("GET", "/orders")[1]["results"]]


@pytest.fixture
def stage() -> ParadexStage:
    return ParadexStage()


def call(method: str, params: Any, number: int = 5) -> Message:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


@pytest.mark.parametrize("wrong", [{"signature": '["1","2"]'}, {"price": "1.001"}, {"size": "0"}, {"market": "x"}])
def test_one_order_that_is_not_in_order_spoils_a_batch(stage: ParadexStage, wrong: Message) -> None:
    orders = [stage.order("a"), stage.order("b", **wrong)]
    assert stage.ask("POST", "/orders/batch", orders)[0] == 400
    assert "error" in stage.signed_on().ask(call("order.create_batch", {"orders": orders}))
    assert stage.open() == []


def test_each_order_of_a_batch_is_taken_or_refused_by_itself(stage: ParadexStage) -> None:
    status, told = stage.ask("POST", "/orders/batch", [stage.order("a"), stage.order("a"), stage.order("b")])
    assert (status, [each["client_id"] for each in told["orders"]]) == (201, ["a", "b"])
    assert [each["error"] for each in told["errors"]] == ["DUPLICATED_CLIENT_ID"]
    wire = stage.signed_on()
    for params, names in (({"orders": [stage.order("b"), stage.order("c")]}, "bc"), ([stage.order("d")], "d")):
        results = wire.ask(call("order.create_batch", params))["result"]["results"]
        assert [next(iter(each)) for each in results] == ["error" if name == "b" else "order" for name in names]
    assert stage.open() == ["a", "b", "c", "d"]


def test_a_batch_has_one_to_ten_orders(stage: ParadexStage) -> None:
    for orders in ([], [stage.order(str(n)) for n in range(11)]):
        status, told = stage.ask("POST", "/orders/batch", orders)
        assert (status, told["error"]) == (400, "BATCH_SIZE_OUT_OF_RANGE")
    assert len(stage.ask("POST", "/orders/batch", [stage.order(str(n)) for n in range(10)])[1]["orders"]) == 10


def test_of_each_cancel_of_a_batch_it_is_said_what_came(stage: ParadexStage) -> None:
    names = [f"{n}" for n in range(3)]
    ids = [each["id"] for each in stage.ask("POST", "/orders/batch", [stage.order(n) for n in names])[1]["orders"]]
    stage.ask("DELETE", f"/orders/{ids[0]}")
    status, told = stage.ask("DELETE", "/orders/batch", {"order_ids": [*ids[:2], "17"], "client_order_ids": ["0", "x"]})
    assert status == 200
    ends = ["ALREADY_CLOSED", CANCELLED, "NOT_FOUND", "ALREADY_CLOSED", "NOT_FOUND"]
    assert [each["status"] for each in told["results"]] == ends
    assert stage.open() == ["2"]
    told = stage.signed_on().ask(call("order.cancel_batch", {"order_ids": [ids[2], ids[1]]}))
    assert [each["status"] for each in told["result"]["results"]] == [CANCELLED, "ALREADY_CLOSED"]


def test_what_a_batch_placed_is_cancelled_with_its_socket(stage: ParadexStage) -> None:
    wire = stage.signed_on()
    wire.ask(call("order.cancel_on_disconnect", {"enabled": True}))
    wire.ask(call("order.create_batch", {"orders": [stage.order("a"), stage.order("b")]}))
    stage.ask("POST", "/orders", stage.order("elsewhere"))
    wire.session.closed()
    assert stage.open() == ["elsewhere"]


@pytest.mark.parametrize("name", ["bbo.ALL", "markets_summary.ALL", "markets_summary", "trades.ALL"])
def test_a_channel_of_all_markets_tells_by_its_own_name(stage: ParadexStage, name: str) -> None:
    wire = stage.connect("/v1")
    wire.say(call("subscribe", {"channel": name}))
    stage.run(3)
    _, *told = wire.heard()
    assert told
    assert {each["params"]["channel"] for each in told} == {name}
    assert {each["params"]["data"].get("market", MARKET) for each in told} == {MARKET}
    wire.ask(call("unsubscribe", {"channel": name}))
    stage.run(3)
    assert wire.heard() == []


def test_a_book_tells_its_touch_besides(stage: ParadexStage) -> None:
    wire = stage.connect("/v1")
    wire.say(call("subscribe", {"channel": f"order_book.{MARKET}.deltas"}))
    told = wire.heard()[1]["params"]["data"]
    bids, asks = ([e["price"] for e in told["inserts"] if e["side"] == side] for side in ("BUY", "SELL"))
    assert told["best_bid_api"]["price"] == max(bids, key=Decimal)
    assert told["best_ask_api"]["price"] == min(asks, key=Decimal)


def test_a_token_says_when_it_lapses(stage: ParadexStage) -> None:
    claims = stage.token.split(".")[1]
    ends = json.loads(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["exp"]
    assert ends == (stage.now + 5 * MINUTE) // SECOND
    assert stage.log_in() != stage.token
    stage.now = (ends - 1) * SECOND
    assert stage.ask("GET", "/orders")[0] == 200
    stage.now = (ends + 1) * SECOND
    assert stage.ask("GET", "/orders") == (
        401,
        {"error": "INVALID_TOKEN", "message": "Invalid Bearer Token", "data": {}},
    )
