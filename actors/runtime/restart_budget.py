"""How often a supervisor restarts, and how long it waits before: pure counting on the time that is handed in."""

from collections import deque
from random import Random

import attrs

from actors.runtime.child_spec import Backoff
from market.units import SECOND, Nanos

# 2**62 times any wait is beyond any cap, and still an exact float factor
_MOST_DOUBLINGS = 62


@attrs.define
class RestartBudget:
    """At most `intensity` restarts in any `period_ns`; one exactly a period old still counts, as in OTP."""

    intensity: int
    period_ns: Nanos
    _at: deque[Nanos] = attrs.field(factory=deque, init=False)

    def spend(self, now: Nanos) -> int:
        """Count a restart at `now` and return how many there are in the period that ends now, this one included."""
        self._at.append(now)
        while self._at[0] < now - self.period_ns:
            self._at.popleft()
        return len(self._at)

    def clear(self) -> None:
        """Begin a new life: nothing was spent."""
        self._at.clear()


class BackoffLine:
    """The waits of one supervisor's children: exponential in a child's restarts in a row, jittered from one seed."""

    def __init__(self, backoff: Backoff, seed: int, supervisor: str) -> None:
        self._backoff = backoff
        # seeding by a string hashes it by sha512, the same in every process
        self._random = Random(f"{seed}/{supervisor}")
        self._in_a_row: dict[str, int] = {}
        self._back_at: dict[str, Nanos] = {}

    def delay_s(self, child: str, now: Nanos) -> float:
        """Return how many seconds to wait before `child`, crashed at `now`, is started."""
        quiet = now - self._back_at.get(child, now)
        n = 0 if quiet >= self._backoff.reset_after_s * SECOND else self._in_a_row.get(child, 0)
        self._in_a_row[child] = n + 1
        full = min(self._backoff.base_s * (1 << min(n, _MOST_DOUBLINGS)), self._backoff.cap_s)
        delay = full * (1.0 - self._backoff.jitter * self._random.random())
        self._back_at[child] = now + round(delay * SECOND)
        return delay

    def clear(self) -> None:
        """Begin a new life: no child has crashed.  The stream of chance goes on, or two lives would jitter alike."""
        self._in_a_row.clear()
        self._back_at.clear()
