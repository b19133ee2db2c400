"""The venue's limits, counted here: by address of the network, and by account over its whole life.

REST counts weight by IP address, the sockets count messages.  Each order, cancel or amend of an account takes one from
a budget that grows by one with each USDC traded; cancels may go further.  Beyond it one action in 10 s is taken.
"""

from typing import Final

from market.units import SECOND, Nanos

WEIGHT: Final = 1200  # of REST, a minute
MESSAGES: Final = 2000  # on all sockets, a minute
RESERVED: Final = 200  # weight that is kept for cancels and the sweep
_SPARE_FOR_CANCELS: Final = 100_000
_WHEN_EMPTY: Final = 10 * SECOND
_UNKNOWN_CAP: Final = 10_000  # of an account that has never traded


class ActionBudget:
    """What an account may still do.

    Attributes:
        cap, used: by the venue's last word, and what was sent since.
    """

    def __init__(self) -> None:
        self.cap = _UNKNOWN_CAP
        self.used = 0
        self._since = 0
        self._last: Nanos = -(1 << 62)

    def asked(self) -> None:
        """The venue is being asked: what is sent from now on it may not have counted."""
        self._since = 0

    def told(self, used: int, cap: int) -> None:
        """The venue has told where it stands."""
        self.used, self.cap = used + self._since, max(cap, 0)

    def empty(self) -> None:
        """An action was refused for want of budget."""
        self.used = max(self.used, self.cap)

    def free_at(self, now: Nanos, *, is_cancel: bool) -> Nanos:
        """Return from when on one more action may be sent."""
        return now if self.left(is_cancel=is_cancel) > 0 else max(now, self._last + _WHEN_EMPTY)

    def left(self, *, is_cancel: bool) -> int:
        """Return how many actions the budget still has; none, or less: see `free_at`."""
        cap = min(self.cap + _SPARE_FOR_CANCELS, 2 * self.cap) if is_cancel else self.cap
        return cap - self.used

    def spend(self, n_items: int, now: Nanos) -> None:
        self.used += n_items
        self._since += n_items
        self._last = now
