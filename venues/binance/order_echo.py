"""Whether the private stream speaks: an order that the venue has accepted must be told of there, too.

A private stream was seen to be connected and say nothing; and a socket whose other end is gone is silent as well.
"""

from typing import Final

from market.units import SECOND, ClientOrderId, Nanos
from venues.binance.subscriptions import NEVER

_WAIT: Final = 5 * SECOND
_MAX_PLACED: Final = 10_000


class OrderEcho:
    """Waits for the echoes of accepted orders on one connection after another."""

    def __init__(self) -> None:
        self._placed: dict[ClientOrderId, None] = {}
        self._expected: dict[ClientOrderId, Nanos] = {}  # by when, the earliest first

    def placed(self, client_id: ClientOrderId) -> None:
        """An order is on its way; the stream may be quicker than the answer."""
        self._placed[client_id] = None
        if len(self._placed) > _MAX_PLACED:
            del self._placed[next(iter(self._placed))]

    def accepted(self, client_id: ClientOrderId, now: Nanos) -> None:
        """The answer to the order grants it."""
        if client_id in self._placed:
            del self._placed[client_id]
            self._expected[client_id] = now + _WAIT

    def settled(self, client_id: ClientOrderId) -> None:
        """The stream has told of it, or it was refused."""
        self._placed.pop(client_id, None)
        self._expected.pop(client_id, None)

    def begin_anew(self) -> None:
        """The connection is another: what the one before missed is not told again."""
        self._placed.clear()
        self._expected.clear()

    def next_deadline(self) -> Nanos:
        return next(iter(self._expected.values())) if self._expected else NEVER

    def is_silent(self, now: Nanos) -> bool:
        """Tell whether an echo is overdue."""
        return now >= self.next_deadline()
