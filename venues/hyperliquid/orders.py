"""What we know of our orders: by our id and by the venue's numbers, which an amend changes.

An amend puts a new order in place of the old one, under the same cloid: news of the old one's end is no news of the
order's end then.  It is kept until the answer to the amend says which of the two it was.
"""

from typing import Final, TypeVar

import attrs

from market.messages import PlaceOrder
from market.units import ClientOrderId, InstrumentId, Lots, Nanos, Ticks
from venues.hyperliquid.structs import OrderNews

T = TypeVar("T")

_MOST_KNOWN: Final = 50_000


@attrs.define
class Amending:
    """An amend that is under way.

    Attributes:
        price, remaining: what it asks for; `remaining` is what the new order has.
        old: the number of the order that it replaces; 0: not known.
        ended: the news of an end, of the old order or of the new one, in the order in which they came.
    """

    price: Ticks
    remaining: Lots
    old: int
    ended: list[OrderNews] = attrs.field(factory=list)


@attrs.define
class Live:
    """An order of ours that may stand.

    Attributes:
        order: as it was placed.
        price, size: as they are now; `size` with what is filled.
        oid: the venue's number of it; 0: not told yet.
        filled: lots, by the fills that came.
        base: lots that were filled of the orders that amends have replaced, by the venue's count.
        is_told: that it was accepted.
        ts: venue time of what was told last of it.
        is_cancelled: by us.
        doubt: what was filled when an amend was sent of which nobody knows whether it was done; None: there is none.
    """

    order: PlaceOrder
    price: Ticks
    size: Lots
    sent: Nanos
    oid: int = 0
    filled: Lots = 0
    base: Lots = 0
    is_told: bool = False
    ts: Nanos = 0
    is_cancelled: bool = False
    amending: Amending | None = None
    doubt: Lots | None = None
    _fills: set[int] = attrs.field(factory=set)

    def count(self, fill_id: int, lots: Lots) -> None:
        """Count a fill, once, whether the stream tells of it or the account."""
        if fill_id not in self._fills:
            self._fills.add(fill_id)
            self.filled += lots


class Orders:
    """Orders that may stand, by our id; and whose each of the venue's numbers is, for the latest 50,000."""

    def __init__(self) -> None:
        self.live: dict[ClientOrderId, Live] = {}
        self._ids: dict[int, ClientOrderId] = {}
        self._replaced: dict[int, ClientOrderId] = {}
        self._ended: dict[int, None] = {}

    def placed(self, order: PlaceOrder, now: Nanos) -> None:
        """An order is being sent."""
        self.live[order.client_id] = Live(order, order.price, order.size, now)
        if len(self.live) > _MOST_KNOWN:
            del self.live[next(iter(self.live))]

    def note(self, oid: int, client_id: ClientOrderId) -> None:
        """Remember whose a number is."""
        if oid <= 0:
            return
        _keep(self._ids, oid, client_id)
        live = self.live.get(client_id)
        if live is not None and not live.oid:
            live.oid = oid

    def find(self, oid: int) -> ClientOrderId | None:
        """Return whose a number is; None: it was not heard of."""
        return self._ids.get(oid)

    def replaced(self, live: Live, new: int) -> None:
        """An amend has put the order `new` in place of the old one."""
        client_id = live.order.client_id
        if live.oid and live.oid != new:
            _keep(self._replaced, live.oid, client_id)
        live.oid = new
        _keep(self._ids, new, client_id)

    def doubted(self, live: Live, oid: int, price: Ticks, size: Lots) -> None:
        """An amend of unknown fate was done: the order `oid` of so many lots stands in place of the old one."""
        assert live.doubt is not None, "an amend that nobody doubts"
        self.replaced(live, oid)
        live.price, live.base, live.size, live.doubt = price, live.doubt, live.doubt + size, None

    def is_replaced(self, oid: int) -> bool:
        """Tell whether an amend has put another in the place of this order."""
        return oid in self._replaced

    def ended(self, client_id: ClientOrderId, oid: int) -> Live | None:
        """An order has ended; return what was known of it."""
        if oid > 0:
            _keep(self._ended, oid, None)
        return self.live.pop(client_id, None)

    def has_ended(self, oid: int) -> bool:
        return oid in self._ended

    def unnumbered(self, instrument: InstrumentId) -> bool:
        """Tell whether the venue has not told the number of an order of ours yet."""
        return any(not live.oid for live in self.live.values() if live.order.instrument == instrument)


def _keep(known: dict[int, T], key: int, value: T) -> None:
    known[key] = value
    if len(known) > _MOST_KNOWN:
        del known[next(iter(known))]
