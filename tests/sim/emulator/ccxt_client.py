"""A client of its own process: ccxt as it is, every address of it set to the emulator's.

Reads one JSON object from the command line, trades, and prints what it saw as JSON.
"""

import asyncio
import json
import sys
from typing import Any

import ccxt.pro

from tests.sim.emulator.ccxt_program import refusal, run

TASK = json.loads(sys.argv[1])
SYMBOL = "SOL/USDT:USDT"


def led(urls: Any, rest: str, ws: str, path: str = "") -> Any:
    """Return a tree of addresses with the same paths, all at the emulator."""
    if isinstance(urls, dict):
        return {key: led(value, rest, ws) for key, value in urls.items()}
    scheme, _, where = urls.partition("://")
    _, slash, tail = where.partition("/")
    return f"{ws if scheme == 'wss' else rest}{slash}{tail}"


def exchange() -> Any:
    made = getattr(ccxt.pro, TASK["exchange"])(
        {"apiKey": TASK["key"], "secret": TASK["secret"], "uid": "application-0", "enableRateLimit": False}
    )
    made.urls["api"] = led(made.urls["api"], TASK["rest"], TASK["ws"])
    return made


async def trade(client: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    markets = await client.load_markets()
    found["precision"] = markets[SYMBOL]["precision"]
    found["balance"] = (await client.fetch_balance())["USDT"]["total"]
    found["leverage"] = bool(await client.set_leverage(20, SYMBOL))
    found["ticker"] = (await client.fetch_ticker(SYMBOL))["last"]
    found["funding"] = (await client.fetch_funding_rate(SYMBOL))["fundingRate"]
    book = await client.fetch_order_book(SYMBOL, 20)
    bid, ask = book["bids"][0][0], book["asks"][0][0]

    # books by the stream, with ccxt's own check of the sequence
    watched = [await client.watch_order_book(SYMBOL) for _ in range(5)][-1]
    found["book"] = {"bids": watched["bids"][:3], "asks": watched["asks"][:3]}
    found["trades"] = len(await client.watch_trades(SYMBOL))

    # its own events: a listener of orders, running before the first order
    seen: list[Any] = []
    news = asyncio.Condition()

    async def follow() -> None:
        while True:
            orders = await client.watch_orders(SYMBOL)
            async with news:
                seen.extend(orders)
                news.notify_all()

    async def event(is_it: Any, seconds: float = 20) -> Any:
        async with asyncio.timeout(seconds), news:
            await news.wait_for(lambda: any(is_it(o) for o in seen))
        return [o for o in seen if is_it(o)][-1]

    follower = asyncio.create_task(follow())

    # a resting order is placed, changed and cancelled
    low = client.price_to_precision(SYMBOL, bid * 0.98)
    lower = client.price_to_precision(SYMBOL, bid * 0.97)
    placed: Any = None
    for _ in range(20):  # ccxt does not say when its listener is heard: try until an order's event comes
        placed = await client.create_order(SYMBOL, "limit", "buy", 1, float(low), {"postOnly": True})
        try:
            await event(lambda o, order=placed: o["id"] == order["id"] and o["status"] == "open", 1)
            break
        except TimeoutError:
            await client.cancel_order(placed["id"], SYMBOL)
    found["open"] = [o["id"] == placed["id"] for o in await client.fetch_open_orders(SYMBOL)]
    await client.edit_order(placed["id"], SYMBOL, "limit", "buy", 2, float(lower))
    changed = await event(lambda o: o["id"] == placed["id"] and o["amount"] == 2)
    found["changed"] = [changed["price"] == float(lower), changed["status"]]
    await client.cancel_order(placed["id"], SYMBOL)
    found["cancelled"] = (await event(lambda o: o["id"] == placed["id"] and o["status"] == "canceled"))["filled"]
    found["gone"] = await refusal(client.cancel_order(placed["id"], SYMBOL))

    # bought and sold at the market
    bought = await client.create_order(SYMBOL, "market", "buy", 1)
    await event(lambda o: o["id"] == bought["id"] and o["status"] == "closed")
    found["position"] = [(p["side"], p["contracts"]) for p in await client.fetch_positions([SYMBOL])]
    sold = await client.create_order(SYMBOL, "market", "sell", 1, None, {"reduceOnly": True})
    await event(lambda o: o["id"] == sold["id"] and o["status"] == "closed")
    found["flat"] = [p["contracts"] for p in await client.fetch_positions([SYMBOL])]
    found["fills"] = [
        (t["side"], t["price"], t["amount"], t["fee"]["cost"]) for t in await client.fetch_my_trades(SYMBOL)
    ]
    found["bought"] = (await client.fetch_order(bought["id"], SYMBOL, {"acknowledged": True}))["status"]

    # all at once, by the socket and by REST
    if client.has["createOrderWs"]:
        over_socket = await client.create_order_ws(SYMBOL, "limit", "buy", 1, float(low), {"timeInForce": "GTC"})
        found["over_socket"] = bool(over_socket["id"])
    await client.create_order(SYMBOL, "limit", "buy", 1, float(lower))
    await client.cancel_all_orders(SYMBOL)
    found["left"] = len(await client.fetch_open_orders(SYMBOL))
    found["far"] = await refusal(client.create_order(SYMBOL, "limit", "buy", 0.1, 0.01))
    found["final_balance"] = (await client.fetch_balance())["USDT"]["total"]
    found["ask"], found["n_events"] = ask, len(seen)
    follower.cancel()
    return found


run(exchange, trade)
