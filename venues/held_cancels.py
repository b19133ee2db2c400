"""Cancels that wait: for the limits, or to be sent again as nobody knows what became of them."""

from typing import Final, TypeAlias

from market.messages import CancelAll, CancelOrder
from market.units import SECOND, ClientOrderId, InstrumentId, Nanos
from venues.venue import NEVER

Cancel: TypeAlias = CancelOrder | CancelAll

AGAIN: Final = SECOND  # one of unknown fate is sent again after so long
_SLOWLY: Final = 10 * SECOND
_SOON_TRIES: Final = 5


class HeldCancels:
    """At most one of each order, and one of all orders of an instrument.

    One of unknown fate is sent again each second at first and then every ten, until the venue has said what became of
    it: an order that may stand is not given up in silence.
    """

    def __init__(self) -> None:
        self._held: dict[tuple[InstrumentId, ClientOrderId | None], tuple[Nanos, int, Cancel]] = {}

    def hold(self, command: Cancel, until: Nanos, n_tries: int) -> None:
        """Keep a cancel that was sent so often before."""
        self._held[_key(command)] = until, n_tries, command

    def try_again(self, command: Cancel, n_tries: int, now: Nanos) -> None:
        """Nobody knows what became of a cancel."""
        self.hold(command, now + (AGAIN if n_tries < _SOON_TRIES else _SLOWLY), n_tries + 1)

    def release(self, command: Cancel) -> None:
        """A cancel is sent."""
        self._held.pop(_key(command), None)

    def next_deadline(self) -> Nanos:
        return min((until for until, _, _ in self._held.values()), default=NEVER)

    def due(self, now: Nanos) -> list[tuple[Cancel, int]]:
        """Return those that may be sent, and how often each was before."""
        return [(command, n_tries) for until, n_tries, command in self._held.values() if until <= now]


def _key(command: Cancel) -> tuple[InstrumentId, ClientOrderId | None]:
    return command.instrument, command.client_id if isinstance(command, CancelOrder) else None
