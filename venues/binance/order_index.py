"""What the venue's messages and ours need to know of an order, besides what they say."""

from typing import Final, TypeVar

from market.units import ClientOrderId, InstrumentId

K = TypeVar("K")
V = TypeVar("V")

_MAX_KNOWN: Final = 20_000


class OrderIndex:
    """Sides of orders by our id, and our ids by the venue's.

    Beyond 20,000 of a kind those are forgotten that were not told of for longest: an order that stands is told of
    whenever the account is read.
    """

    def __init__(self) -> None:
        self._sides: dict[ClientOrderId, int] = {}
        self._ids: dict[tuple[InstrumentId, int], ClientOrderId] = {}

    def note_side(self, client_id: ClientOrderId, side: int) -> None:
        """Remember the side of an order: when it is placed, or wherever the venue tells of it."""
        _remember(self._sides, client_id, side)

    def note_id(self, instrument: InstrumentId, order_id: int, client_id: ClientOrderId) -> None:
        """Remember which order the venue's id means; its numbers are unique per symbol only."""
        _remember(self._ids, (instrument, order_id), client_id)

    def side_of(self, client_id: ClientOrderId) -> int | None:
        """Return +1, -1, or None if the order is not known."""
        return self._sides.get(client_id)

    def id_of(self, instrument: InstrumentId, order_id: int) -> ClientOrderId | None:
        """Return the client id of an order of the venue; None if it is not known whose that is."""
        return self._ids.get((instrument, order_id))


def _remember(known: dict[K, V], key: K, value: V) -> None:
    known.pop(key, None)
    known[key] = value
    if len(known) > _MAX_KNOWN:
        del known[next(iter(known))]
