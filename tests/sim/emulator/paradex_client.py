"""A client of its own process: ccxt as it is, every address of it set to the emulator's.

Its keys are made of an Ethereum wallet, and registered first.  Reads one JSON object from the command line, trades,
and prints what it saw as JSON.
"""

import json
import sys
from typing import Any

import ccxt.async_support

from tests.sim.emulator.ccxt_program import refusal, run

TASK = json.loads(sys.argv[1])
SYMBOL = "SOL/USD:USDC"


def exchange() -> Any:
    made = ccxt.async_support.paradex(
        {"walletAddress": "0x" + 40 * "1", "privateKey": "0x" + 64 * "1", "enableRateLimit": False}
    )
    made.urls["api"] = {version: f"{TASK['rest']}/{version}" for version in made.urls["api"]}
    return made


async def trade(client: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    markets = await client.load_markets()
    found["precision"] = markets[SYMBOL]["precision"]
    book = await client.fetch_order_book(SYMBOL, 20)
    bid, ask = book["bids"][0][0], book["asks"][0][0]
    found["touch"] = [bid, ask]
    found["stranger"] = await refusal(client.authenticate_rest())
    await client.onboarding()
    found["balance"] = (await client.fetch_balance())["USDC"]["total"]

    low = float(client.price_to_precision(SYMBOL, bid * 0.98))
    placed = await client.create_order(SYMBOL, "limit", "buy", 1, low, {"clientOrderId": "mine-1"})
    found["status"] = placed["info"]["status"]
    opened = await client.fetch_open_orders(SYMBOL)
    found["open"] = [[o["id"] == placed["id"], o["clientOrderId"], o["price"] == low] for o in opened]
    found["again"] = await refusal(client.create_order(SYMBOL, "limit", "buy", 1, low, {"clientOrderId": "mine-1"}))
    lower = float(client.price_to_precision(SYMBOL, bid * 0.97))
    await client.edit_order(placed["id"], SYMBOL, "limit", "buy", 2, lower)
    found["changed"] = [[o["price"] == lower, o["amount"]] for o in await client.fetch_open_orders(SYMBOL)]
    await client.cancel_order(placed["id"], SYMBOL)
    found["left"] = len(await client.fetch_open_orders(SYMBOL))
    found["cancelled"] = (await client.fetch_order(placed["id"], SYMBOL))["info"]["cancel_reason"]

    await client.create_order(SYMBOL, "market", "buy", 1)
    found["position"] = [(p["side"], p["contracts"]) for p in await client.fetch_positions([SYMBOL])]
    await client.create_order(SYMBOL, "market", "sell", 1, None, {"reduceOnly": True})
    found["flat"] = [p["contracts"] for p in await client.fetch_positions([SYMBOL])]
    found["fills"] = [
        (t["side"], t["price"], t["amount"], t["takerOrMaker"], t["fee"]["cost"])
        for t in await client.fetch_my_trades(SYMBOL)
    ]
    return found


run(exchange, trade)
