"""Orders that have ended, remembered for the facts that come late."""

from market.orders import Order
from market.units import SECOND, ClientOrderId, Nanos


class EndedOrders:
    """Each is kept for one to two periods: all that ended before the last period are forgotten at once."""

    def __init__(self, keep_s: float) -> None:
        self._keep = round(keep_s * SECOND)
        self._latest: dict[ClientOrderId, Order] = {}
        self._before: dict[ClientOrderId, Order] = {}
        self._turn_at: Nanos = 0

    def __len__(self) -> int:
        return len(self._latest) + len(self._before)

    def add(self, order: Order, now: Nanos) -> None:
        """Remember an order that ended now."""
        if now >= self._turn_at:
            self._before = self._latest
            self._latest = {}
            self._turn_at = now + self._keep
        self._latest[order.client_id] = order

    def get(self, client_id: ClientOrderId) -> Order | None:
        """Return an order that ended lately."""
        return self._latest.get(client_id) or self._before.get(client_id)

    def take_out(self, client_id: ClientOrderId) -> None:
        """An order turned out not to have ended."""
        self._latest.pop(client_id, None)
        self._before.pop(client_id, None)
