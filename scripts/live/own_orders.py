"""Our orders as a run's own log tells them, for people to look at; the order manager knows better.

What the log does not tell (an order whose end nobody was told of, one that was placed by another run) the account
snapshots do: each is believed as far as it was asked for after what it says.
"""

from collections import deque
from collections.abc import Iterator
from typing import Final

import attrs

from market.messages import AccountSnapshot, OrderState, OrderStatus
from market.order_log import LogKind, Row
from market.units import ClientOrderId, InstrumentId, Lots, Nanos, Ticks, VenueId

SENT, OPEN, CANCELLING = "sent", "open", "cancelling"
_ENDS: Final = (LogKind.REJECTED, LogKind.CANCELLED, LogKind.EXPIRED)
_SAMPLES: Final = 512  # of each latency
_REMEMBERED: Final = 4096  # ended orders, which a snapshot that was under way may still show


@attrs.define
class OwnOrder:
    """One live order; `since` is when it came into its state, our clock."""

    client_id: ClientOrderId
    instrument: InstrumentId
    side: int
    price: Ticks
    size: Lots
    sent: Nanos
    filled: Lots = 0
    state: str = SENT
    since: Nanos = 0


@attrs.define
class Latencies:
    """Newest round trips of a venue, ns: from a command that was sent to the fact that answers it."""

    place: deque[Nanos] = attrs.field(factory=lambda: deque(maxlen=_SAMPLES))
    cancel: deque[Nanos] = attrs.field(factory=lambda: deque(maxlen=_SAMPLES))


class OwnOrders:
    """Takes rows of the log and account snapshots, in the order in which they came.

    Args:
        venue_of: the venue of each instrument.

    Attributes:
        counts: rows of each kind.
    """

    def __init__(self, venue_of: list[VenueId]) -> None:
        self._venue_of = venue_of
        self._live: dict[ClientOrderId, OwnOrder] = {}
        self._ended: dict[ClientOrderId, None] = {}
        self.counts = dict.fromkeys(LogKind, 0)
        self.latencies = {venue: Latencies() for venue in dict.fromkeys(venue_of)}

    def live(self, instrument: InstrumentId, side: int) -> list[OwnOrder]:
        """Return the live orders of one side, the best price first."""
        mine = (each for each in self._live.values() if (each.instrument, each.side) == (instrument, side))
        return sorted(mine, key=lambda each: -each.side * each.price)

    def __iter__(self) -> Iterator[OwnOrder]:
        return iter(self._live.values())

    def __len__(self) -> int:
        return len(self._live)

    def take(self, row: Row) -> None:
        """Take a row of the log."""
        kind, ts, _, instrument, client_id, side, price, size, *_ = row
        self.counts[LogKind(kind)] += 1
        if kind == LogKind.PLACE:
            self._live[client_id] = OwnOrder(client_id, instrument, side, price, size, ts, since=ts)
            return
        if kind == LogKind.CANCEL_ALL:
            for each in self._live.values():
                if each.instrument == instrument:
                    self._turn(each, CANCELLING, ts)
            return
        order = self._live.get(client_id)
        if order is None:
            return
        latencies = self.latencies[self._venue_of[instrument]]
        match kind:
            case LogKind.ACCEPTED if order.state == SENT:
                latencies.place.append(ts - order.sent)
                self._turn(order, OPEN, ts)
            case LogKind.CANCEL:
                self._turn(order, CANCELLING, ts)
            case LogKind.CANCEL_REJECTED:
                self._turn(order, OPEN, ts)
            case LogKind.AMENDED:
                order.price, order.size = price, size
            case LogKind.FILL_MAKER | LogKind.FILL_TAKER:
                order.filled += size
                if order.filled >= order.size:
                    self._end(order)
        if kind in _ENDS:
            if kind == LogKind.CANCELLED and order.state == CANCELLING:
                latencies.cancel.append(ts - order.since)
            self._end(order)

    def learn(self, status: OrderStatus) -> None:
        """Take what a venue says of one order that was asked for: an end of which nothing was heard otherwise."""
        order = self._live.get(status.client_id)
        if order is not None and status.state != OrderState.OPEN and order.sent < status.ts_request:
            self._end(order)

    def reconcile(self, snapshot: AccountSnapshot) -> None:
        """Take what a venue says is open."""
        shown = {each.client_id: each for each in snapshot.open_orders}
        for order in list(self._live.values()):
            is_theirs = self._venue_of[order.instrument] == snapshot.venue
            if is_theirs and order.client_id not in shown and order.sent < snapshot.ts_request:
                self._end(order)
        for each in snapshot.open_orders:
            if each.client_id not in self._live and each.client_id not in self._ended:
                since = snapshot.ts_recv
                self._live[each.client_id] = OwnOrder(
                    each.client_id, each.instrument, each.side, each.price, each.size, since, each.filled, OPEN, since
                )

    def _turn(self, order: OwnOrder, state: str, ts: Nanos) -> None:
        if order.state != state:
            order.state, order.since = state, ts

    def _end(self, order: OwnOrder) -> None:
        del self._live[order.client_id]
        self._ended[order.client_id] = None
        if len(self._ended) > _REMEMBERED:
            del self._ended[next(iter(self._ended))]
