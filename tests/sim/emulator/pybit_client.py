"""A client of its own process: pybit as it is, led to the emulator by what its host names resolve to.

Reads one JSON object from the command line, trades, and prints what it saw as JSON.
"""

import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

TASK = json.loads(sys.argv[1])
os.environ["WEBSOCKET_CLIENT_CA_BUNDLE"] = TASK["ca"]
resolve = socket.getaddrinfo


def led(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
    name = host.decode() if isinstance(host, bytes) else host
    return resolve("127.0.0.1", TASK["hosts"].get(name, port), *args, **kwargs)


socket.getaddrinfo = led

from pybit.exceptions import InvalidRequestError  # noqa: E402
from pybit.unified_trading import HTTP, WebSocket, WebSocketTrading  # noqa: E402

SYMBOL = "SOLUSDT"
seen: dict[str, list[Any]] = {}
news = threading.Condition()


def keep(name: str) -> Callable[[Any], None]:
    def callback(message: Any) -> None:
        with news:
            seen.setdefault(name, []).append(message)
            news.notify_all()

    return callback


def rows(name: str) -> list[Any]:
    return [row for message in seen.get(name, []) for row in message["data"]]


def wait(what: str, is_there: Callable[[], Any]) -> Any:
    with news:
        if not news.wait_for(is_there, timeout=20):
            raise TimeoutError(f"{what} did not come; seen: { ({k: len(v) for k, v in seen.items()}) }")
        return is_there()


def ask(session: HTTP, method: str, **terms: Any) -> Any:
    """Return a result; a refusal as its code."""
    try:
        return getattr(session, method)(**terms)["result"]
    except InvalidRequestError as error:
        return error.status_code


def order(side: str, price: str, link: str, tif: str = "PostOnly", qty: str = "1.0") -> dict[str, str]:
    return {
        "category": "linear",
        "symbol": SYMBOL,
        "side": side,
        "orderType": "Limit",
        "qty": qty,
        "price": price,
        "timeInForce": tif,
        "orderLinkId": link,
    }


def main() -> dict[str, Any]:
    keys = {"api_key": TASK["key"], "api_secret": TASK["secret"]}
    session, stranger = HTTP(**keys), HTTP(api_key=TASK["key"], api_secret="wrong")
    stranger.client.verify = session.client.verify = TASK["ca"]
    found: dict[str, Any] = {
        "server_ahead_ms": int(session.get_server_time()["time"]) - round(time.time() * 1000),
        "instrument": session.get_instruments_info(category="linear", symbol=SYMBOL)["result"]["list"][0],
        "key": session.get_api_key_information()["result"]["permissions"],
        "stranger": ask(stranger, "get_wallet_balance", accountType="UNIFIED"),
        "leverage": [
            ask(session, "set_leverage", category="linear", symbol=SYMBOL, buyLeverage=n, sellLeverage=n)
            for n in ("5", "5")
        ],
        "mode": ask(session, "switch_position_mode", category="linear", symbol=SYMBOL, mode=0),
    }

    public = WebSocket(channel_type="linear", testnet=False)
    public.orderbook_stream(50, SYMBOL, keep("book"))
    public.trade_stream(SYMBOL, keep("trade"))
    public.ticker_stream(SYMBOL, keep("ticker"))
    private = WebSocket(channel_type="private", testnet=False, **keys)
    for name in ("order", "execution", "position", "wallet"):
        getattr(private, f"{name}_stream")(keep(name))
    trading = WebSocketTrading(testnet=False, **keys)
    wait("books", lambda: len(seen.get("book", [])) >= 5 and seen.get("ticker"))
    wait("sign-on", lambda: private.auth and trading.auth)

    book = session.get_orderbook(category="linear", symbol=SYMBOL, limit=50)["result"]
    bid, ask_price = float(book["b"][0][0]), float(book["a"][0][0])
    low, lower = f"{bid * 0.98:.2f}", f"{bid * 0.97:.2f}"

    # over REST: a resting order is placed, changed, cancelled; what is wrong is refused
    placed = session.place_order(**order("Buy", low, "p-1"))["result"]
    wait("New", lambda: [r for r in rows("order") if r["orderLinkId"] == "p-1" and r["orderStatus"] == "New"])
    found["repeated"] = ask(session, "place_order", **order("Buy", low, "p-1"))
    found["tiny"] = ask(session, "place_order", **order("Buy", low, "p-2", qty="0.0"))
    found["off_grid"] = ask(session, "place_order", **order("Buy", f"{bid * 0.98:.2f}5", "p-3"))
    session.amend_order(category="linear", symbol=SYMBOL, orderId=placed["orderId"], price=lower, qty="2.0")
    wait("amend", lambda: [r for r in rows("order") if r["price"] == lower and r["qty"] == "2.0"])
    found["open"] = session.get_open_orders(category="linear", symbol=SYMBOL)["result"]["list"]
    session.cancel_order(category="linear", symbol=SYMBOL, orderLinkId="p-1")
    wait("cancel", lambda: [r for r in rows("order") if r["orderStatus"] == "Cancelled"])
    found["cancelled_twice"] = ask(session, "cancel_order", category="linear", symbol=SYMBOL, orderLinkId="p-1")

    # a post-only order that would take is acknowledged, and then cancelled
    session.place_order(**order("Buy", f"{ask_price * 1.01:.2f}", "p-4"))
    found["post_only"] = wait("post-only", lambda: [r for r in rows("order") if r["orderLinkId"] == "p-4"])[-1]

    # over the trade socket: buy at the market, and close it again
    taking = {**order("Buy", "", "p-5", "IOC"), "orderType": "Market"}
    trading.place_order(keep("ack"), keep("nack"), **taking)
    wait("execution", lambda: [r for r in rows("execution") if r["orderLinkId"] == "p-5" and r["leavesQty"] == "0.0"])
    found["position"] = session.get_positions(category="linear", symbol=SYMBOL)["result"]["list"][0]
    closing = {**order("Sell", "", "p-6", "IOC"), "orderType": "Market", "reduceOnly": True}
    trading.place_order(keep("ack"), keep("nack"), **closing)
    wait("closing", lambda: [r for r in rows("execution") if r["orderLinkId"] == "p-6" and r["leavesQty"] == "0.0"])
    found["closed"] = wait("flat", lambda: [r for r in rows("position") if r["side"] == ""])[-1]
    found["no_position"] = ask(session, "place_order", **{**order("Sell", low, "p-7"), "reduceOnly": True})
    found["executions"] = session.get_executions(category="linear", symbol=SYMBOL)["result"]["list"]

    # a batch, and all of it cancelled
    batch = [order("Buy", low, "b-1"), order("Buy", lower, "b-2"), order("Buy", low, "b-2")]
    found["batch"] = session.place_batch_order(category="linear", request=batch)["retExtInfo"]["list"]
    found["all"] = session.cancel_all_orders(category="linear", symbol=SYMBOL)["result"]
    found["left"] = session.get_open_orders(category="linear", settleCoin="USDT")["result"]["list"]
    found["wallet"] = session.get_wallet_balance(accountType="UNIFIED")["result"]["list"][0]["coin"][0]
    found["acks"], found["nacks"] = len(seen.get("ack", [])), len(seen.get("nack", []))
    found["books"] = seen["book"][-1]
    found["n"] = {name: len(messages) for name, messages in seen.items()}
    for client in (public, private, trading):
        client.exit()
    return found


print(json.dumps(main()))
