"""A client of its own process: the venue's own SDK as it is, its base address set to the emulator's.

Reads one JSON object from the command line, trades, and prints what it saw as JSON.
"""

import json
import sys
import time
from typing import Any

import eth_account
from hyperliquid.exchange import Exchange
from hyperliquid.info import Info
from hyperliquid.utils.types import Cloid

TASK = json.loads(sys.argv[1])
COIN = "SOL"


def until(is_it: Any, seconds: float = 20) -> bool:
    """Ask again until something is so."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if is_it():
            return True
        time.sleep(0.05)
    return False


def status(answer: Any) -> Any:
    return answer["response"]["data"]["statuses"][0]


def main() -> dict[str, Any]:
    found: dict[str, Any] = {}
    wallet = eth_account.Account.from_key(TASK["secret"])
    address = TASK["key"]
    info = Info(TASK["rest"])  # with its own socket
    exchange = Exchange(wallet, TASK["rest"], account_address=address)
    found["assets"] = info.coin_to_asset
    found["decimals"] = info.asset_to_sz_decimals[info.coin_to_asset[COIN]]
    found["value"] = info.user_state(address)["marginSummary"]["accountValue"]
    book = info.l2_snapshot(COIN)
    bid, ask = (float(side[0]["px"]) for side in book["levels"])
    found["touch"] = [bid, ask]
    found["fees"] = info.user_fees(address)["userAddRate"]

    books: list[Any] = []
    trades: list[Any] = []
    fills: list[Any] = []
    updates: list[Any] = []
    info.subscribe({"type": "l2Book", "coin": COIN}, books.append)
    info.subscribe({"type": "trades", "coin": COIN}, trades.append)
    info.subscribe({"type": "userFills", "user": address}, fills.append)
    info.subscribe({"type": "orderUpdates", "user": address}, updates.append)
    found["hears"] = until(lambda: len(books) > 1 and trades and fills)

    # a resting order is placed, changed and cancelled, by its cloid
    low, lower = round(bid * 0.98, 2), round(bid * 0.97, 2)
    cloid = Cloid.from_int(77)
    placed = status(exchange.order(COIN, True, 1.0, low, {"limit": {"tif": "Alo"}}, cloid=cloid))["resting"]
    opened = info.open_orders(address)
    found["open"] = [[each["oid"] == placed["oid"], each["cloid"], float(each["limitPx"])] for each in opened]
    new = status(
        exchange.bulk_modify_orders_new(
            [
                {
                    "oid": cloid,
                    "order": {
                        "coin": COIN,
                        "is_buy": True,
                        "sz": 2.0,
                        "limit_px": lower,
                        "order_type": {"limit": {"tif": "Alo"}},
                        "reduce_only": False,
                        "cloid": cloid,
                    },
                }
            ]
        )
    )["resting"]
    found["changed"] = [
        new["oid"] != placed["oid"],
        *[[o["sz"], float(o["limitPx"])] for o in info.open_orders(address)],
    ]
    found["cancelled"] = status(exchange.cancel_by_cloid(COIN, cloid))
    found["status"] = info.query_order_by_cloid(address, cloid)["order"]["status"]
    found["gone"] = status(exchange.cancel(COIN, new["oid"]))["error"]
    found["would_take"] = status(exchange.order(COIN, True, 1.0, round(ask * 1.01, 2), {"limit": {"tif": "Alo"}}))[
        "error"
    ]
    found["wrong_tick"] = status(exchange.order(COIN, True, 1.0, 123.4567, {"limit": {"tif": "Gtc"}}))["error"]
    found["too_small"] = status(exchange.order(COIN, True, 0.01, low, {"limit": {"tif": "Gtc"}}))["error"]

    # bought and sold at the market
    bought = status(exchange.market_open(COIN, True, 1.0, None, 0.05))["filled"]
    found["bought"] = bought["totalSz"]
    found["position"] = [p["position"]["szi"] for p in info.user_state(address)["assetPositions"]]
    sold = status(exchange.market_close(COIN))["filled"]
    found["sold"] = sold["totalSz"]
    found["flat"] = info.user_state(address)["assetPositions"]
    found["told"] = until(lambda: sum(len(each["data"]["fills"]) for each in fills) >= 2)
    found["fills"] = [[f["side"], f["px"], f["sz"], f["fee"], f["crossed"]] for f in reversed(info.user_fills(address))]
    found["updates"] = [update["status"] for told in updates for update in told["data"]]
    found["switch"] = exchange.schedule_cancel(int(time.time() * 1000) + 60_000)["status"]
    exchange.bulk_orders(
        [
            {
                "coin": COIN,
                "is_buy": True,
                "sz": 1.0,
                "limit_px": price,
                "order_type": {"limit": {"tif": "Gtc"}},
                "reduce_only": False,
            }
            for price in (low, lower)
        ]
    )
    found["two"] = len(info.open_orders(address))
    exchange.bulk_cancel([{"coin": COIN, "oid": each["oid"]} for each in info.open_orders(address)])
    found["left"] = len(info.open_orders(address))
    # somebody else's key
    stranger = Exchange(eth_account.Account.from_key("0x" + "12" * 32), TASK["rest"], account_address=address)
    found["stranger"] = stranger.order(COIN, True, 1.0, low, {"limit": {"tif": "Gtc"}})["response"]
    info.disconnect_websocket()
    return found


print(json.dumps(main()))
