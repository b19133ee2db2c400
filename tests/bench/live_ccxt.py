"""The peer of the live benchmark, `python -m tests.bench.live_ccxt TASK`: ccxt.pro answers moves of the best bid.

As one would write it: the loop waits for a book, and when its best bid has moved places an order, by the trade socket
or by REST.  It runs until it is ended.
"""

import asyncio
import contextlib
import json
import sys
from typing import Any

import ccxt.pro
from ccxt.base.errors import BaseError

SYMBOL = "SOL/USDT:USDT"
BELOW = 15.0


def led(urls: Any, task: dict[str, Any]) -> Any:
    """Return a tree of addresses with the same paths, all at the benchmark's."""
    if isinstance(urls, dict):
        return {key: led(value, task) for key, value in urls.items()}
    scheme, _, where = urls.partition("://")
    _, slash, tail = where.partition("/")
    if scheme != "wss":
        return f"{task['rest']}{slash}{tail}"
    place = "trade" if "trade" in tail else "private" if "private" in tail else "public"
    return f"{task['sockets'][place]}{slash}{tail}"


async def main(task: dict[str, Any]) -> None:
    client = ccxt.pro.bybit({"apiKey": task["key"], "secret": task["secret"], "enableRateLimit": False})
    client.urls["api"] = led(client.urls["api"], task)
    place = client.create_order_ws if task["by_socket"] else client.create_order
    try:
        await client.load_markets()
        best, is_ready = 0.0, False
        while True:
            book = await client.watch_order_book(SYMBOL, 50)
            if book["bids"][0][0] == best:
                continue
            best = book["bids"][0][0]
            with contextlib.suppress(BaseError):  # a refusal took as long to be asked for
                await place(SYMBOL, "limit", "buy", 1, best - BELOW)
            if not is_ready:
                is_ready = True
                print(json.dumps({"ready": True}), flush=True)
    finally:
        await client.close()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
