"""What is to happen at a time: timers, restarts, ends of service."""

import heapq
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeAlias

from market.units import Nanos

FAR: Nanos = 2**63 - 1
Rank: TypeAlias = tuple[int, int]
_Entry: TypeAlias = tuple[Nanos, Rank, int, Callable[[], None]]

BEFORE_TIMERS: Final[Rank] = (-1, 0)


class Agenda:
    """Entries ordered by (time, rank, number of their scheduling).

    Timers rank by the place of their actor and then by token, so that their order at one instant does not hang on when
    each was set: whoever acts in an actor's place may set its timers at other moments than it would have.  All else
    comes before them.

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

    def first_two(self) -> tuple[Nanos, Rank, Nanos]:
        """Return time and rank of the first entry, and the time of the second; FAR where there is none."""
        heap = self._heap
        if not heap:
            return FAR, BEFORE_TIMERS, FAR
        return heap[0][0], heap[0][1], min((entry[0] for entry in heap[1:3]), default=FAR)

    def schedule(self, at: Nanos, action: Callable[..., None], *args: Any, rank: Rank = BEFORE_TIMERS) -> None:
        """Let `action(*args)` happen at `at`."""
        self._n_scheduled += 1
        entry: _Entry = (at, rank, self._n_scheduled, partial(action, *args))
        heapq.heappush(self._heap, entry)
        if self.on_earlier is not None and self._heap[0] is entry:
            self.on_earlier()

    def pop(self) -> tuple[Nanos, Callable[[], None]]:
        """Return the first entry, which is no longer one."""
        at, _, _, action = heapq.heappop(self._heap)
        return at, action
