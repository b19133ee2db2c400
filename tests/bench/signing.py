"""What it costs to sign a request of each venue: `python -m tests.bench.signing`, one JSON line.

Processor time; the best of several passes.  `us`: one signature with its headers or parameters; `order_us`: a whole
order, from the command to the bytes that are sent.
"""

import json
import time
from collections.abc import Callable
from decimal import Decimal

from market import Instrument
from market.messages import PlaceOrder
from market.units import SECOND
from venues.binance.signing import Credentials
from venues.bybit.order_ids import OrderIds
from venues.bybit.requests import OrderRequests as BybitRequests
from venues.bybit.signing import Signer as BybitSigner
from venues.hyperliquid.exchange import Exchange
from venues.hyperliquid.gate import HyperliquidGate
from venues.hyperliquid.limits import ActionBudget
from venues.hyperliquid.requests import OrderActions
from venues.hyperliquid.signing import Signer as HyperliquidSigner
from venues.paradex.signing import Signer as ParadexSigner
from venues.rate_window import RateWindow
from venues.woox.requests import OrderRequests as WooxRequests
from venues.woox.signing import Signer as WooxSigner

N = 20_000
N_PASSES = 5
KEY, SECRET = "k" * 24, "s" * 32
NOW = 1_760_000_000_123_000_000
BODY = (
    b'{"symbol":"PERP_BTC_USDT","clientOrderId":42,"side":"BUY","type":"POST_ONLY","price":"60000","quantity":"0.001"}'
)
BTC = Instrument(0, "any", "PERP_BTC_USDT", "BTC", "USDT", "USDT", Decimal("0.1"), Decimal("0.001"))
SOL = Instrument(0, "hyperliquid", "SOL", "SOL", "USDC", "USDC", Decimal("0.0001"), Decimal("0.01"))
ORDER = PlaceOrder(1 << 50, 0, 1, 600_000, 1, 4)


def us(call: Callable[[], object], n: int = N) -> float:
    """Return the microseconds of processor time that a call takes."""
    best = float("inf")
    for _ in range(N_PASSES):
        begin = time.process_time()
        for _ in range(n):
            call()
        best = min(best, time.process_time() - begin)
    return round(best / n * 1e6, 2)


class Hyperliquid:
    """An account that sends by HTTP, so that nothing is awaited; its clock goes on with each order."""

    def __init__(self) -> None:
        self.signer = HyperliquidSigner("01" * 32, is_mainnet=False)
        self.actions = OrderActions([SOL], {"SOL": 5})
        self.action = self.actions.place([ORDER])
        self._now = NOW
        budget = ActionBudget()
        budget.told(0, 1 << 40)
        self._exchange = Exchange(self.signer, HyperliquidGate(0, weight=1 << 40), RateWindow(1 << 40), budget)

    def order(self) -> object:
        self._now += SECOND
        return self._exchange.send(self.actions.place([ORDER]), 1, lambda result, now: [], self._now, expires=True)


def main() -> dict[str, dict[str, float]]:
    """Measure all."""
    bybit, woox, binance = BybitSigner(KEY, SECRET), WooxSigner(KEY, SECRET), Credentials(KEY, SECRET)
    by_bybit, by_woox = BybitRequests((BTC,), OrderIds(), bybit), WooxRequests((BTC,), woox)
    paradex = ParadexSigner("0x1", "0x" + 62 * "1", "PRIVATE_SN_POTC_SEPOLIA")
    text, hyperliquid = BODY.decode(), Hyperliquid()
    params: dict[str, str | int] = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.001", "timestamp": NOW // 10**6}
    found = {
        "bybit": {
            "us": us(lambda: bybit.headers(text, NOW)),
            "order_us": us(lambda: by_bybit.http((ORDER,), NOW)),
        },
        "binance-futures": {"us": us(lambda: binance.signed_params(params))},
        "hyperliquid": {
            "us": us(lambda: hyperliquid.signer.sign(hyperliquid.action, NOW // 10**6, NOW)),
            "order_us": us(hyperliquid.order),
        },
        "woox": {
            "us": us(lambda: woox.headers("POST", "/v3/trade/order", BODY, NOW)),
            "order_us": us(lambda: by_woox.of(ORDER, NOW)),
        },
        "paradex": {"us": us(lambda: paradex.order(NOW, "SOL-USD-PERP", 1, "LIMIT", 10**8, 10**10), 200)},
    }
    return {venue: each | {"per_s": round(1e6 / each["us"])} for venue, each in found.items()}


if __name__ == "__main__":
    print(json.dumps({"bench": "signing", **main()}))
