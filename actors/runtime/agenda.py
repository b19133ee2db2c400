"""What is to happen at a time: timers, restarts, ends of service."""

import heapq
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

from market.units import Nanos

FAR: Nanos = 2**63 - 1
_Entry: TypeAlias = tuple[Nanos, int, Callable[[], None]]


class Agenda:
    """Entries ordered by (time, number of their scheduling).

    Attributes:
        on_earlier: called when an entry comes before all others: who sleeps until the first must look again.
    """

    def __init__(self) -> None:
        self.on_earlier: Callable[[], None] | None = None
        self._heap: list[_Entry] = []
        self._n_scheduled = 0

    def __len__(self) -> int:
        return len(self._heap)

    @property
    def next_at(self) -> Nanos:
        """Time of the first entry; FAR when there is none."""
        return self._heap[0][0] if self._heap else FAR

    def schedule(self, at: Nanos, action: Callable[..., None], *args: Any) -> None:
        """Let `action(*args)` happen at `at`."""
        self._n_scheduled += 1
        entry: _Entry = (at, self._n_scheduled, partial(action, *args))
        heapq.heappush(self._heap, entry)
        if self.on_earlier is not None and self._heap[0] is entry:
            self.on_earlier()

    def pop(self) -> tuple[Nanos, Callable[[], None]]:
        """Return the first entry, which is no longer one."""
        at, _, action = heapq.heappop(self._heap)
        return at, action
