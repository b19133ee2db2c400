"""Until when every request of an order must be answered."""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final

from actors.book_mirror import BookReader
from market.messages import OrderFlag
from market.orders import UNKNOWN, Order
from market.units import SECOND, ClientOrderId, Nanos

TIMEOUTS: Final = 1  # timer token

# what a deadline is about: the answer to one of three requests, or a refused cancel that is to be tried again
NEW: Final = 0
AMEND: Final = 1
CANCEL: Final = 2
RETRY: Final = 3

_ENDS_AT_ONCE: Final = int(OrderFlag.IOC | OrderFlag.FOK | OrderFlag.MARKET)


class RequestDeadlines:
    """Deadlines in the order in which they were set, which is that of their times, as all wait equally long.

    One timer is set at a time, for the oldest request that still waits: answered ones cost nothing more.
    """

    def __init__(self, actor: BookReader, timeout_s: float) -> None:
        self._actor = actor
        self._timeout = round(timeout_s * SECOND)
        self._waiting: deque[tuple[Nanos, ClientOrderId, int]] = deque()
        self._is_armed = False

    def expect(self, client_id: ClientOrderId, kind: int, now: Nanos) -> None:
        """Set a deadline for what is asked now."""
        self._waiting.append((now, client_id, kind))
        if not self._is_armed:
            self._arm(now)

    def has_retry(self, live: Mapping[ClientOrderId, Order]) -> bool:
        """Tell whether a refused cancel waits to be tried again, and forget the oldest requests that are answered."""
        waiting = self._waiting
        while waiting and not _waits(waiting[0], live):
            waiting.popleft()
        return any(kind == RETRY for _, _, kind in waiting)

    def watch(self, now: Nanos) -> None:
        """Have the timer set, whether or not something waits: requests from here on are told of later, by `resume`."""
        if not self._is_armed:
            self._arm(now)

    def go_on(self, now: Nanos, oldest: Nanos | None) -> bool:
        """Set the timer anew when it has fired, if the oldest request that waits may still wait; False: it may not.

        Args:
            oldest: when that was sent; None: none waits.
        """
        if oldest is not None and oldest <= now - self._timeout:
            return False
        self._arm(now if oldest is None else oldest)
        return True

    def resume(self, asked: Sequence[tuple[Nanos, ClientOrderId, int]]) -> None:
        """Take up (sent at, client id, kind) of requests that were made since `watch` and still wait, oldest first."""
        self._waiting.extend(asked)

    def due(self, live: Mapping[ClientOrderId, Order]) -> list[tuple[Order, int]]:
        """Take out (order, kind) of the requests that have waited too long; set the timer for the next."""
        until = self._actor.now - self._timeout
        waiting = self._waiting
        found: list[tuple[Order, int]] = []
        self._is_armed = False
        while waiting:
            ts, client_id, kind = waiting[0]
            if _waits(waiting[0], live):
                if ts > until:
                    self._arm(ts)
                    break
                found.append((live[client_id], kind))
            waiting.popleft()
        return found

    def _arm(self, ts: Nanos) -> None:
        self._is_armed = True
        self._actor.set_timer(ts + self._timeout, TIMEOUTS)


def _waits(asked: tuple[Nanos, ClientOrderId, int], live: Mapping[ClientOrderId, Order]) -> bool:
    ts, client_id, kind = asked
    order = live.get(client_id)
    return order is not None and _lacks(order, kind, ts)


def is_waiting(order: Order) -> bool:
    """Tell whether a request of this order has no answer yet."""
    return order.is_cancelling or order.amend_size > 0 or _lacks(order, NEW, 0)


def _lacks(order: Order, kind: int, ts: Nanos) -> bool:
    if kind == RETRY:
        return True
    if order.state == UNKNOWN:
        return False
    if kind == NEW:
        # the answer to an order that cannot rest is its end
        return not order.is_accepted or order.flags & _ENDS_AT_ONCE != 0
    if kind == CANCEL:
        return order.is_cancelling and order.ts_cancel == ts
    return order.amend_size > 0 and order.ts_amend == ts
