"""Whether the private stream speaks: an order that the venue has accepted must be told of there, too.

A private stream was seen to be connected and say nothing; and a socket whose other end is gone is silent as well.
"""

from typing import Final

from market.units import SECOND, ClientOrderId, Nanos
from venues.binance.subscriptions import NEVER

_WAIT: Final = 5 * SECOND
_MAX_EXPECTED: Final = 10_000


class OrderEcho:
    """Waits for the echoes of accepted orders on one connection after another."""

    def __init__(self) -> None:
        self._expected: dict[ClientOrderId, Nanos] = {}  # by when; NEVER: not accepted yet

    def placed(self, client_id: ClientOrderId) -> None:
        """An order is on its way; the stream may be quicker than the answer."""
        self._expected[client_id] = NEVER
        if len(self._expected) > _MAX_EXPECTED:
            del self._expected[next(iter(self._expected))]

    def accepted(self, client_id: ClientOrderId, now: Nanos) -> None:
        """The answer to the order grants it."""
        if client_id in self._expected:
            self._expected[client_id] = now + _WAIT

    def settled(self, client_id: ClientOrderId) -> None:
        """The stream has told of it, or it was refused."""
        self._expected.pop(client_id, None)

    def begin_anew(self) -> None:
        """The connection is another: what the one before missed is not told again."""
        self._expected.clear()

    def next_deadline(self) -> Nanos:
        return min(self._expected.values(), default=NEVER)

    def is_silent(self, now: Nanos) -> bool:
        """Tell whether an echo is overdue."""
        return now >= self.next_deadline()
