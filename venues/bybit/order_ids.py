"""Client order ids as the venue's `orderLinkId` (at most 36 of A-Z a-z 0-9 _ -), and the orders of other people.

Ours read `ls-` and the id in hex.  An order without one was placed by somebody else on the account: its id is negative,
made of the venue's own, by which alone it can be cancelled.
"""

from typing import Final

from market.units import ClientOrderId
from venues.wire import number_of

_PREFIX: Final = "ls-"
_MAX_FOREIGN: Final = 10_000


def link_of(client_id: ClientOrderId) -> str:
    """Return the text of one of our ids.

    Raises:
        ValueError: it is not one of ours.
    """
    if not 0 <= client_id < 1 << 63:
        raise ValueError(f"client order id {client_id} is not one of ours: must be in [0, 2**63)")
    return f"{_PREFIX}{client_id:x}"


def id_of_link(link: str) -> ClientOrderId | None:
    """Return the id that a text says; None if it is not exactly one of ours."""
    digits = link.removeprefix(_PREFIX)
    if digits == link or len(digits) > 16:
        return None
    try:
        client_id = int(digits, 16)
    except ValueError:
        return None
    return client_id if 0 <= client_id < 1 << 63 and link_of(client_id) == link else None


class OrderIds:
    """Ids both ways; remembers the venue's ids of other people's orders, the latest 10,000."""

    def __init__(self) -> None:
        self._foreign: dict[ClientOrderId, str] = {}

    def client_id(self, link: str, order_id: str) -> ClientOrderId:
        """Return the id of an order that the venue tells of; negative if it is not ours."""
        ours = id_of_link(link)
        if ours is not None:
            return ours
        foreign = -1 - number_of(order_id)
        if foreign not in self._foreign:
            if len(self._foreign) >= _MAX_FOREIGN:
                del self._foreign[next(iter(self._foreign))]
            self._foreign[foreign] = order_id
        return foreign

    def name(self, client_id: ClientOrderId) -> tuple[str, str]:
        """Return the field that names an order to the venue, and its text.

        Raises:
            ValueError: it is somebody else's order that we were never told of.
        """
        if client_id >= 0:
            return "orderLinkId", link_of(client_id)
        if client_id not in self._foreign:
            raise ValueError(f"order {client_id} is not ours, and the venue has not told of it; ask for open orders")
        return "orderId", self._foreign[client_id]
