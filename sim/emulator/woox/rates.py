"""How often WOO X lets an account ask: each endpoint in its own rolling window; public ones by address."""

from typing import Final

from market.units import MINUTE, SECOND, Nanos
from sim.emulator.limits import RollingLimit

_ORDER: Final = "/v3/trade/order"
_CANCELS: Final = frozenset({"/v3/trade/orders", "/v3/trade/allOrders"})
_RULES: Final = {
    ("POST", _ORDER): (5, SECOND),
    ("PUT", _ORDER): (5, SECOND),
    ("DELETE", _ORDER): (10, SECOND),
    ("GET", _ORDER): (5, SECOND),
    ("GET", "/v3/trade/orders"): (10, SECOND),
    ("GET", "/v3/trade/transactionHistory"): (2, SECOND),
    ("GET", "/v3/trade/tradingFee"): (2, SECOND),
    ("GET", "/v3/futures/positions"): (30, 10 * SECOND),
    ("GET", "/v3/account/info"): (10, MINUTE),
    ("GET", "/v3/account/credentials"): (10, MINUTE),
    ("GET", "/v3/futures/fundingFee/history"): (20, MINUTE),
    ("PUT", "/v3/futures/leverage"): (10, MINUTE),
    ("POST", "/v3/account/listenKey"): (5, 10 * SECOND),
}
_USUAL: Final = (10, SECOND)
_BY_SYMBOL: Final = frozenset({"POST", "GET"})


class Rates:
    """The rates of all accounts and addresses.

    Args:
        order_rate: orders, amends and cancels a second; 0 for the venue's usual.
        public_rate: requests a second to each public endpoint; 0 for the usual.
    """

    def __init__(self, order_rate: int, public_rate: int) -> None:
        self._order_rate, self._public_rate = order_rate, public_rate
        self._limits: dict[tuple[str, str, str, str], RollingLimit] = {}

    def spend(self, who: str, method: str, path: str, symbol: str, now: Nanos) -> bool:
        """Take one from an endpoint's rate; False: there was none left."""
        by_symbol = symbol if path == _ORDER and method in _BY_SYMBOL else ""
        key = (who, method, path, by_symbol)
        limit = self._limits.get(key)
        if limit is None:
            most, window = _RULES.get((method, path), _USUAL)
            if is_order_request(method, path):
                most = self._order_rate or most
            elif path.startswith("/v3/public/"):
                most = self._public_rate or most
            limit = self._limits[key] = RollingLimit(most, window)
        return limit.spend(now)


def is_order_request(method: str, path: str) -> bool:
    """Tell whether a request places, changes or cancels orders."""
    return method != "GET" and (path == _ORDER or path in _CANCELS)
