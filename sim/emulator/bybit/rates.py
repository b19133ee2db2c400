"""How often Bybit lets an account ask: each endpoint its own rolling second, orders in batches counted one by one."""

from typing import Final

from market.units import SECOND, Nanos
from sim.emulator.limits import RollingLimit
from sim.emulator.times import ms

_ORDERS: Final = 10
_QUERIES: Final = 50
_SLOW: Final = {
    "/v5/account/fee-rate": 5,
    "/v5/position/set-leverage": 10,
    "/v5/position/switch-mode": 10,
    "/v5/account/transaction-log": 25,
    "/v5/account/set-limit-px-action": 10,
}
# the trade socket and REST share what is left
OPS: Final = {
    "order.create": "/v5/order/create",
    "order.amend": "/v5/order/amend",
    "order.cancel": "/v5/order/cancel",
    "order.create-batch": "/v5/order/create-batch",
    "order.amend-batch": "/v5/order/amend-batch",
    "order.cancel-batch": "/v5/order/cancel-batch",
}
_ORDER_PATHS: Final = frozenset((*OPS.values(), "/v5/order/cancel-all"))


class Rates:
    """The rates of all accounts.

    Args:
        order_rate: orders a second of each kind; 0 for Bybit's usual.
    """

    def __init__(self, order_rate: int) -> None:
        self._order_rate = order_rate or _ORDERS
        self._limits: dict[tuple[str, str], RollingLimit] = {}

    def spend(self, key: str, path: str, now: Nanos, count: int = 1) -> int:
        """Take up to `count` from an endpoint's rate; return how many there were."""
        limit = self._limit(key, path)
        taken = min(count, limit.left(now))
        limit.spend(now, taken)
        return taken

    def header(self, key: str, path: str, now: Nanos) -> dict[str, str]:
        """Return what an answer says of the rate."""
        limit = self._limit(key, path)
        return {
            "X-Bapi-Limit": str(limit.limit),
            "X-Bapi-Limit-Status": str(limit.left(now)),
            "X-Bapi-Limit-Reset-Timestamp": str(ms(limit.reset_at(now))),
        }

    def _limit(self, key: str, path: str) -> RollingLimit:
        found = self._limits.get((key, path))
        if found is None:
            rate = self._order_rate if path in _ORDER_PATHS else _SLOW.get(path, _QUERIES)
            found = self._limits[key, path] = RollingLimit(rate, SECOND)
        return found


def is_order_path(path: str) -> bool:
    """Tell whether requests there place, change or cancel orders."""
    return path in _ORDER_PATHS
