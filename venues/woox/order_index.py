"""Whose orders the venue's numbers are: fills by REST name an order by the venue's number alone."""

from typing import Final

from market.units import ClientOrderId
from venues.woox.order_ids import client_id_of

_MOST_KNOWN: Final = 100_000


class OrderIndex:
    """The latest 100,000 orders that were heard of, by the venue's number."""

    def __init__(self) -> None:
        self._ids: dict[int, ClientOrderId] = {}

    def note(self, order_id: int, client_id: int) -> ClientOrderId:
        """Remember an order by both of its numbers, 0 for none; return its id here.

        Raises:
            RemoteProtocolError: it has neither.
        """
        found = client_id_of(client_id, order_id)
        if order_id and order_id not in self._ids:
            self._ids[order_id] = found
            if len(self._ids) > _MOST_KNOWN:
                del self._ids[next(iter(self._ids))]
        return found

    def find(self, order_id: int) -> ClientOrderId | None:
        """Return an order's id; None: it was not heard of."""
        return self._ids.get(order_id)
