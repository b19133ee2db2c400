"""Binance's rates: weight by address and minute, orders by account in ten seconds and a minute, and bans."""

from typing import Final

from market.units import MINUTE, SECOND, Nanos
from sim.emulator.binance.codes import TOO_MANY_ORDERS_SENT, TOO_MUCH_WEIGHT, VenueError
from sim.emulator.limits import FixedLimit

_WEIGHT: Final = 2400
_ORDERS_10S: Final = 300
_BAN_AFTER: Final = 20  # requests that did not stop at 429
_BAN: Final = 120 * SECOND

Headers = tuple[tuple[str, str], ...]


class Rates:
    """What every address and account has used.

    Args:
        order_rate: orders in ten seconds, four times as many in a minute; 0 for the usual.
        request_rate: weight in a minute; 0 for the usual.
    """

    def __init__(self, order_rate: int, request_rate: int) -> None:
        self.weight_limit = request_rate or _WEIGHT
        self.orders_10s = order_rate or _ORDERS_10S
        self.orders_1m = 4 * self.orders_10s
        self._weights: dict[str, FixedLimit] = {}
        self._orders: dict[str, tuple[FixedLimit, FixedLimit]] = {}
        self._over: dict[str, int] = {}
        self._banned: dict[str, Nanos] = {}

    def spend(self, address: str, weight: int, now: Nanos) -> None:
        """Count the weight of a request.

        Raises:
            VenueError: too much: 429, and 418 for an address that goes on.
        """
        if self._banned.get(address, 0) > now:
            raise self.banned(address, now)
        limit = self._weights.setdefault(address, FixedLimit(self.weight_limit, MINUTE))
        if limit.spend(now, weight):
            self._over[address] = 0
            return
        self._over[address] = self._over.get(address, 0) + 1
        if self._over[address] > _BAN_AFTER:
            self.ban(address, now + _BAN)
            raise self.banned(address, now)
        raise VenueError(TOO_MUCH_WEIGHT, status=429)

    def spend_orders(self, key: str, in_10s: int, in_1m: int, now: Nanos) -> None:
        """Count orders.

        Raises:
            VenueError: too many; they count all the same.
        """
        # both must count, whichever is over
        ends = [limit.spend(now, n) for limit, n in zip(self._orders_of(key), (in_10s, in_1m), strict=True)]
        if not all(ends):
            raise VenueError(TOO_MANY_ORDERS_SENT, status=429)

    def ban(self, address: str, until: Nanos) -> None:
        """Refuse an address until a time."""
        self._banned[address] = until

    def banned(self, address: str, now: Nanos) -> VenueError:
        """Return the refusal of a banned address."""
        until = self._banned.get(address, now) // 1_000_000
        return VenueError(TOO_MUCH_WEIGHT, f"Way too many requests; IP banned until {until}.", 418)

    def retry_after(self, address: str, now: Nanos) -> int:
        """Return in how many seconds an address may ask again."""
        until = max(self._banned.get(address, 0), now - now % MINUTE + MINUTE)
        return -(-(until - now) // SECOND)

    def headers(self, address: str, key: str, now: Nanos) -> Headers:
        """Return what an answer says of them; of orders only where there is a key."""
        used = self._weights[address].used(now) if address in self._weights else 0
        found = [("X-MBX-USED-WEIGHT-1M", str(used))]
        if key:
            counts = zip(("10S", "1M"), self._orders_of(key), strict=True)
            found += [(f"X-MBX-ORDER-COUNT-{name}", str(limit.used(now))) for name, limit in counts]
        return tuple(found)

    def block(self, address: str, key: str, now: Nanos) -> list[dict[str, object]]:
        """Return the `rateLimits` of a reply over the WebSocket API: of orders where there is a key, else of weight."""
        rows: tuple[tuple[str, int, int], ...]
        if key:
            rows = (("SECOND", 10, self.orders_10s), ("MINUTE", 1, self.orders_1m))
            used = [limit.used(now) for limit in self._orders_of(key)]
            kind = "ORDERS"
        else:
            rows = (("MINUTE", 1, self.weight_limit),)
            used = [self._weights[address].used(now) if address in self._weights else 0]
            kind = "REQUEST_WEIGHT"
        return [
            {"rateLimitType": kind, "interval": unit, "intervalNum": n, "limit": limit, "count": count}
            for (unit, n, limit), count in zip(rows, used, strict=True)
        ]

    def rules(self) -> list[dict[str, object]]:
        """Return the `rateLimits` of `exchangeInfo`."""
        return [
            {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": self.weight_limit},
            {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": self.orders_1m},
            {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": self.orders_10s},
        ]

    def _orders_of(self, key: str) -> tuple[FixedLimit, FixedLimit]:
        found = self._orders.get(key)
        if found is None:
            found = FixedLimit(self.orders_10s, 10 * SECOND), FixedLimit(self.orders_1m, MINUTE)
            self._orders[key] = found
        return found
