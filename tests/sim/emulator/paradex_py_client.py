"""A client of its own process: the venue's own SDK as it is, its addresses set to the emulator's.

Its keys are made of an Ethereum wallet, and registered first.  Reads one JSON object from the command line, trades by
REST and on its socket, and prints what it saw as JSON.
"""

import asyncio
import json
import logging
import re
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import jwt
from paradex_py import Paradex
from paradex_py.api.generated import responses
from paradex_py.api.ws_client import ParadexWebsocketChannel as Channel
from paradex_py.api.ws_client import WsRpcError
from paradex_py.common.order import Order, OrderSide, OrderType

from tests.sim.emulator.paradex_py_program import MARKET, MODELS, PUBLIC, Complaints, Heard, hear_public, hush, sdk_of

ADDRESS, SECRET = "0x" + 40 * "1", "0x" + 64 * "1"


class Forger:
    """Signs with what is no signature."""

    def sign_order(self, fields: dict[str, Any]) -> dict[str, Any]:
        return {**fields, "signature": '["1","2"]'}

    def sign_batch(self, orders: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [self.sign_order(each) for each in orders]


def client(**more: Any) -> Paradex:
    return sdk_of(l1_address=ADDRESS, l1_private_key=SECRET, validate_ws_messages=True, **more)


def limit(price: Decimal, size: str = "1", side: OrderSide = OrderSide.Buy, **more: Any) -> Order:
    return Order(MARKET, OrderType.Limit, side, Decimal(size), price, **more)


def market(side: OrderSide, **more: Any) -> Order:
    return Order(MARKET, OrderType.Market, side, Decimal(1), **more)


def refusal(call: Callable[[], Any]) -> str:
    """Return the venue's code of the error that a request ends in."""
    try:
        call()
    except ValueError as error:
        told = re.search("error='([A-Z_]+)'", str(error))
        return told[1] if told else str(error)
    return ""


async def call_refusal(call: Awaitable[Any]) -> str:
    """Return the venue's code of the error that a call on the socket ends in."""
    try:
        await call
    except WsRpcError as error:
        return str(error.data)
    return ""


def look_around(sdk: Paradex, found: dict[str, Any]) -> tuple[Decimal, Decimal]:
    """Ask for all that is public; return best bid and best ask."""
    api = sdk.api_client
    found["chain"], found["state"] = sdk.config.starknet_chain_id, api.fetch_system_state()["status"]
    markets = [responses.MarketResp.model_validate(each) for each in api.fetch_markets()["results"]]
    found["markets"] = [[each.symbol, each.price_tick_size, each.order_size_increment] for each in markets]
    book = responses.AskBidArray.model_validate(api.fetch_orderbook(MARKET, {"depth": 5}))
    found["depth"] = [len(book.bids or []), len(book.asks or [])]
    touch = responses.BBOResp.model_validate(api.fetch_bbo(MARKET))
    found["touch"] = [touch.bid, touch.ask]
    (summary,) = api.fetch_markets_summary({"market": MARKET})["results"]
    found["mark"] = responses.MarketSummaryResp.model_validate(summary).mark_price
    for trade in api.fetch_trades({"market": MARKET})["results"]:
        responses.TradeResult.model_validate(trade)
    return Decimal(str(touch.bid)), Decimal(str(touch.ask))


def at(price: Decimal, share: str) -> Decimal:
    """Return a valid price near a share of a price."""
    return (price * Decimal(share)).quantize(Decimal("0.01"))


def open_orders(sdk: Paradex) -> list[Any]:
    rows = sdk.api_client.fetch_orders({"market": MARKET})["results"]
    return [responses.OrderResp.model_validate(row) and row for row in rows]


def trade_by_rest(sdk: Paradex, bid: Decimal, found: dict[str, Any]) -> None:
    """Place, change and cancel orders, by request."""
    api, low, lower = sdk.api_client, at(bid, "0.98"), at(bid, "0.97")
    placed = api.submit_order(limit(low, client_id="rest-1", instruction="POST_ONLY"))
    found["status"] = placed["status"]
    found["open"] = [[o["id"] == placed["id"], o["client_id"], o["price"] == str(low)] for o in open_orders(sdk)]
    found["by_client_id"] = api.fetch_order_by_client_id("rest-1")["id"] == placed["id"]
    found["again"] = refusal(lambda: api.submit_order(limit(low, client_id="rest-1")))
    found["forged"] = refusal(lambda: api.submit_order(limit(low), signer=Forger()))
    found["late"] = refusal(lambda: api.submit_order(limit(low, signature_timestamp=1, recv_window=5000)))
    api.modify_order(placed["id"], limit(lower, "2", order_id=placed["id"]))
    found["changed"] = [[o["id"] == placed["id"], o["price"] == str(lower), o["size"]] for o in open_orders(sdk)]
    api.cancel_order(placed["id"])
    found["left"] = len(open_orders(sdk))
    (ended,) = api.fetch_orders_history({"client_id": "rest-1"})["results"]
    found["ended"] = [ended["status"], ended["cancel_reason"]]

    batch = api.submit_orders_batch([limit(low, client_id="rest-2"), limit(lower, client_id="rest-3")])
    responses.BatchResponse.model_validate(batch)
    found["batch"] = [each["client_id"] for each in batch["orders"]]
    found["forged_batch"] = refusal(lambda: api.submit_orders_batch([limit(low)], signer=Forger()))
    told = api.cancel_orders_batch([batch["orders"][0]["id"], placed["id"]], ["rest-3", "nobody"])
    responses.CancelOrderBatchResponse.model_validate(told)
    found["batch_cancelled"] = [each["status"] for each in told["results"]]
    api.submit_order(limit(low))
    api.cancel_all_orders({"market": MARKET})
    found["none"] = open_orders(sdk)


async def trade_on_socket(sdk: Paradex, heard: Heard, bid: Decimal, ask: Decimal, found: dict[str, Any]) -> None:
    """Place, change and cancel orders, by calls; each end is told by an event."""
    socket, low, lower = sdk.ws_client, at(bid, "0.98"), at(bid, "0.97")
    number = (await socket.submit_order(limit(low, client_id="ws-1")))["order"]["id"]
    found["ws_open"] = await heard.of_order(number, lambda o: o["status"] == "OPEN")
    await socket.modify_order(number, limit(lower, "2", order_id=number))
    found["ws_changed"] = await heard.of_order(
        number,
        lambda o: (o["request_info"].get("status"), o["size"], o["price"]) == ("SUCCESS", "2.00", str(lower)),
    )
    found["ws_cancelled"] = (await socket.cancel_order(number))["status"]
    found["ws_ended"] = await heard.of_order(number, lambda o: o["cancel_reason"] == "USER_CANCELED")
    found["ws_gone"] = await call_refusal(socket.cancel_order(number))
    number = (await socket.submit_order(limit(at(ask, "1.01"), instruction="POST_ONLY")))["order"]["id"]
    found["would_cross"] = await heard.of_order(number, lambda o: o["cancel_reason"] == "POST_ONLY_WOULD_CROSS")
    await socket.submit_order(limit(low, client_id="ws-2"))
    found["by_ws_client_id"] = (await socket.cancel_order_by_client_id("ws-2", MARKET))["status"]

    told = await socket.submit_orders_batch(
        [limit(low, client_id="ws-3"), limit(lower, client_id="ws-3"), limit(lower)]
    )
    found["ws_batch"] = [list(each) for each in told["results"]]
    ids = [each["order"]["id"] for each in told["results"] if "order" in each]
    found["ws_batch_open"] = len(open_orders(sdk))
    found["ws_forged_batch"] = await call_refusal(socket.submit_orders_batch([limit(low)], signer=Forger()))
    found["ws_batch_cancelled"] = [
        each["status"] for each in (await socket.cancel_orders_batch([ids[0], number, "17"]))["results"]
    ]
    found["all"] = (await socket.cancel_all_orders(MARKET))["status"]
    found["ws_none"] = open_orders(sdk)


async def take(sdk: Paradex, heard: Heard, found: dict[str, Any]) -> None:
    """Buy on the socket and sell by request, at the market."""
    api = sdk.api_client
    await sdk.ws_client.submit_order(market(OrderSide.Buy, client_id="bought"))
    found["bought"] = await heard.until(lambda by: by["fills"] and by["positions"] and by["account"])
    found["position"] = [[p["side"], p["size"]] for p in positions(sdk)]
    api.submit_order(market(OrderSide.Sell, reduce_only=True, client_id="sold"))
    found["flat"] = [[p["status"], p["size"]] for p in positions(sdk)]
    found["sold"] = await heard.until(lambda by: sum(Decimal(fill["size"]) for fill in by["fills"]) == 2)
    rows = api.fetch_fills({"market": MARKET})["results"]
    fills = [responses.FillResult.model_validate(row) and row for row in rows][::-1]
    found["same"] = [f["id"] for f in fills] == [f["id"] for f in heard.by_kind["fills"]]
    found["fills"] = [[f["side"], f["price"], f["size"], f["fee"], f["liquidity"], f["client_id"]] for f in fills]


def positions(sdk: Paradex) -> list[Any]:
    rows = sdk.api_client.fetch_positions()["results"]
    return [responses.PositionResp.model_validate(row) and row for row in rows]


async def drop(sdk: Paradex, heard: Heard, bid: Decimal, found: dict[str, Any]) -> None:
    """Leave an order on a socket that cancels what was placed on it as it goes."""
    socket = sdk.ws_client
    found["armed"] = (await socket.cancel_on_disconnect(enabled=True))["enabled"]
    number = (await socket.submit_order(limit(at(bid, "0.98"), client_id="dropped")))["order"]["id"]
    await heard.of_order(number, lambda o: o["status"] == "OPEN")
    found["before"] = [each["id"] == number for each in open_orders(sdk)]
    await socket.close()
    found["after"] = last_orders(sdk)


def last_orders(sdk: Paradex, seconds: float = 30) -> list[Any]:
    """Return the open orders, once there are none, or after so long."""
    end = time.monotonic() + seconds
    while (found := open_orders(sdk)) and time.monotonic() < end:
        time.sleep(0.1)
    return found


async def main() -> dict[str, Any]:
    found: dict[str, Any] = {}
    complaints, heard = Complaints(), Heard(MODELS)
    logging.getLogger().addHandler(complaints)
    found["stranger"] = refusal(client(auto_auth=False).api_client.auth)
    sdk = client()  # registers itself
    bid, ask = look_around(sdk, found)
    summary = sdk.api_client.fetch_account_summary()
    assert sdk.account is not None
    claims = jwt.decode(sdk.account.jwt_token, options={"verify_signature": False})
    found["token_life"] = claims["exp"] - time.time()
    found["value"], found["account"] = summary.account_value, summary.status
    found["balances"] = [[row["token"], row["size"]] for row in sdk.api_client.fetch_balances()["results"]]

    found["connected"] = await sdk.ws_client.connect()
    await hear_public(sdk.ws_client, heard)
    found["hears"] = await heard.until(lambda by: all(len(by[each.name.lower()]) > 1 for each in PUBLIC))
    await hush(sdk.ws_client)
    for channel in (Channel.ORDERS, Channel.FILLS, Channel.POSITIONS, Channel.ACCOUNT):
        await sdk.ws_client.subscribe(channel, heard.take, {"market": "ALL"})
    n_heard = heard.n_public()
    trade_by_rest(sdk, bid, found)
    await trade_on_socket(sdk, heard, bid, ask, found)
    await take(sdk, heard, found)
    found["silent"] = heard.n_public() == n_heard
    await drop(sdk, heard, bid, found)
    await sdk.close()
    found["complaints"] = complaints.texts
    return found


print(json.dumps(asyncio.run(main())))
