"""When to ask a venue for a book that a recording has lost."""

from typing import Final

from market.archive.recorder import RecorderStatus
from market.units import SECOND, InstrumentId, Nanos

# a venue mostly sends it by itself; and who is asked is given time
_ASK_AFTER: Final = 5 * SECOND
_ASK_AGAIN: Final = 30 * SECOND


class LostBooks:
    """Remembers since when books are wanting."""

    def __init__(self) -> None:
        self._ask_at: dict[InstrumentId, Nanos] = {}

    def due(self, status: RecorderStatus, now: Nanos) -> list[InstrumentId]:
        """Return which to ask for now; while the disk fails none: it would be lost again."""
        if status.error is not None:
            self._ask_at.clear()
            return []
        known = self._ask_at
        self._ask_at = {i: known.get(i, now + _ASK_AFTER) for i in status.wanting}
        due = [i for i, at in self._ask_at.items() if at <= now]
        self._ask_at |= dict.fromkeys(due, now + _ASK_AGAIN)
        return due
