"""Client order ids: the venue takes texts, ours are numbers; its own ids are numbers of up to 28 digits, as texts.

An order without a client id of ours was placed by somebody else on the account: its id here is made of the venue's,
negative, and the venue's is remembered under it.
"""

from typing import Final

from market.units import ClientOrderId
from venues.wire import RemoteProtocolError, number_of

_END: Final = 1 << 63
_MOST_KNOWN: Final = 50_000


class OrderIds:
    """The latest 50,000 orders that were heard of: the venue's id by ours, and ours by the venue's."""

    def __init__(self) -> None:
        self._ours: dict[str, ClientOrderId] = {}
        self._theirs: dict[ClientOrderId, str] = {}

    def note(self, order_id: str, client_id: str) -> ClientOrderId:
        """Remember an order by both of its ids, the client's empty for none; return its id here.

        Raises:
            RemoteProtocolError: the venue's is none.
        """
        if not order_id:
            raise RemoteProtocolError("paradex tells of an order without an id")
        known = self._ours.get(order_id)
        if known is not None and known >= 0:
            return known  # fills may come without the client's id
        digits = client_id.isascii() and client_id.isdigit() and len(client_id) < 20
        found = int(client_id) if digits and int(client_id) < _END else -max(1, number_of(order_id))
        if known != found:
            self._theirs.pop(known or found, None)
            self._ours[order_id] = found
            self._theirs[found] = order_id
            if len(self._ours) > _MOST_KNOWN:
                oldest = next(iter(self._ours))
                self._theirs.pop(self._ours.pop(oldest), None)
        return found

    def find(self, order_id: str) -> ClientOrderId | None:
        """Return an order's id here; None: it was not heard of."""
        return self._ours.get(order_id)

    def venue_id(self, client_id: ClientOrderId) -> str:
        """Return the venue's id of an order; empty: it is not known yet."""
        return self._theirs.get(client_id, "")


def text_of(client_id: ClientOrderId) -> str:
    """Return how an order of ours is named to the venue.

    Raises:
        ValueError: the id is none of ours.
    """
    if not 0 <= client_id < _END:
        raise ValueError(f"client order id {client_id} is none of ours: must be in [0, 2**63)")
    return str(client_id)


def fill_id_of(fill_type: str, fill_id: str) -> int:
    """Return the id of an execution: the venue's are unique for each type."""
    return number_of(f"{fill_type}/{fill_id}")
