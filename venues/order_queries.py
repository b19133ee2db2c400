"""What became of one order: `QueryOrder` asked when the limits allow it, and answered only by what the venue says."""

from abc import ABC, abstractmethod
from typing import Final

from market.messages import OrderState, OrderStatus, QueryOrder
from market.units import ClientOrderId, Nanos
from venues.venue import NEVER, Output, Tell

_MOST_SENT: Final = 10_000


class OrderQueries(ABC):
    """Asks for orders.  That there is no such order is told only when none that was sent can still arrive.

    A venue says when a question may leave, asks it, and reads the answers.

    Args:
        on_its_way: for how long an order that was sent may not have reached what is asked.
    """

    def __init__(self, on_its_way: Nanos) -> None:
        self._on_its_way = on_its_way
        self._born: Nanos = 0
        self._sent: dict[ClientOrderId, Nanos] = {}
        self._later: dict[ClientOrderId, tuple[Nanos, QueryOrder]] = {}

    @abstractmethod
    def _free_at(self, command: QueryOrder, now: Nanos) -> Nanos:
        """Return from when on a question may be sent."""

    @abstractmethod
    def _ask(self, command: QueryOrder, now: Nanos) -> list[Output]:
        """Return what asks for an order; `now` is when that was asked."""

    def _sent_at(self, client_id: ClientOrderId) -> Nanos | None:
        """Return when an order that has not been heard of was sent; None: not in this life."""
        return self._sent.get(client_id)

    def _never_was(self, client_id: ClientOrderId) -> None:  # noqa: B027  # most know orders elsewhere
        """An order is told not to be."""

    def begin(self, now: Nanos) -> None:
        """A life begins: orders of the one before may have been sent until now."""
        self._born = now

    def sent(self, client_id: ClientOrderId, now: Nanos) -> None:
        """An order is sent now."""
        self._sent[client_id] = now
        if len(self._sent) > _MOST_SENT:
            del self._sent[next(iter(self._sent))]

    def heard_of(self, client_id: ClientOrderId) -> None:
        """An order has reached the venue."""
        self._sent.pop(client_id, None)

    def ask(self, command: QueryOrder, now: Nanos) -> list[Output]:
        """Ask now, or when the limits allow it."""
        free_at = self._free_at(command, now)
        if free_at > now:
            self._later[command.client_id] = (free_at, command)
            return []
        return self._ask(command, now)

    def next_deadline(self) -> Nanos:
        return min((at for at, _ in self._later.values()), default=NEVER)

    def on_deadline(self, now: Nanos) -> list[Output]:
        due = [command for at, command in self._later.values() if at <= now]
        for command in due:
            del self._later[command.client_id]
        return [output for command in due for output in self.ask(command, now)]

    def _absent(self, command: QueryOrder, asked: Nanos, ts_venue: Nanos, now: Nanos) -> list[Output]:
        """The venue knows no such order: ask again once none can arrive any more, or tell so."""
        sent = self._sent_at(command.client_id)
        arrived_by = (self._born if sent is None else sent) + self._on_its_way
        if asked < arrived_by:
            self._later[command.client_id] = (arrived_by, command)
            return []
        self._never_was(command.client_id)
        at = (asked, ts_venue, now)
        status = OrderStatus(command.client_id, command.instrument, *at, int(OrderState.UNKNOWN), 0, 0, 0)
        return [Tell("fills", status)]
