"""How much may be spent in a window of time that rolls: of weight, messages, requests."""

from collections import deque

from market.units import MINUTE, Nanos


class RateWindow:
    """What was spent in the last `period`; all times are ours."""

    def __init__(self, limit: int, period: Nanos = MINUTE) -> None:
        self.limit = limit
        self._period = period
        self._spent: deque[tuple[Nanos, int]] = deque()
        self._sum = 0
        self._closed_until: Nanos = 0

    def used(self, now: Nanos) -> int:
        """Return what counts at present."""
        while self._spent and self._spent[0][0] + self._period <= now:
            self._sum -= self._spent.popleft()[1]
        return self._sum

    def free_at(self, amount: int, now: Nanos, reserved: int = 0) -> Nanos:
        """Return from when on `amount` may be spent, `reserved` left untouched."""
        at = max(now, self._closed_until)
        over = self.used(now) + amount + reserved - self.limit
        for spent_at, spent in self._spent:
            if over <= 0:
                break
            over -= spent
            at = max(at, spent_at + self._period)
        return at

    def spend(self, amount: int, now: Nanos) -> None:
        self._spent.append((now, amount))
        self._sum += amount

    def refused(self, now: Nanos, pause: Nanos) -> None:
        """The venue counts more than we do: nothing is sent for a while."""
        self._closed_until = max(self._closed_until, now + pause)
