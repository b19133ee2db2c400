"""How often something may be done: in any window of time that rolls, or in windows that stand on the clock."""

from collections import deque

from market.units import Nanos


class RollingLimit:
    """At most `limit` in any `window` ns."""

    def __init__(self, limit: int, window: Nanos) -> None:
        self.limit = limit
        self._window = window
        self._spent: deque[Nanos] = deque()

    def spend(self, now: Nanos, count: int = 1) -> bool:
        """Take `count`; False: there is not so much left, and nothing was taken."""
        if self.left(now) < count:
            return False
        self._spent.extend([now] * count)
        return True

    def left(self, now: Nanos) -> int:
        """Return how much is left."""
        spent = self._spent
        while spent and spent[0] <= now - self._window:
            spent.popleft()
        return self.limit - len(spent)

    def reset_at(self, now: Nanos) -> Nanos:
        """Return when there is room again: `now` if there is."""
        return now if self.left(now) > 0 else self._spent[0] + self._window


class FixedLimit:
    """At most `limit` in each window of `window` ns that begins at a multiple of it."""

    def __init__(self, limit: int, window: Nanos) -> None:
        self.limit = limit
        self.window = window
        self._begin: Nanos = 0
        self._used = 0

    def spend(self, now: Nanos, count: int = 1) -> bool:
        """Count `count`, also beyond the limit; False: it is beyond."""
        self._used = self.used(now) + count
        return self._used <= self.limit

    def used(self, now: Nanos) -> int:
        """Return what was counted in the window of `now`."""
        begin = now - now % self.window
        if begin != self._begin:
            self._begin, self._used = begin, 0
        return self._used

    def reset_at(self, now: Nanos) -> Nanos:
        """Return when the next window begins."""
        return now - now % self.window + self.window
