"""What was told before, remembered for as long as it may be told again, in memory that does not grow for ever."""

from collections.abc import Hashable
from typing import Final

from market.units import Nanos

_KEPT: Final = 1 << 14


class ToldOnce:
    """Knows the newest things by their ids, and takes all that is older than what it has forgotten for known.

    So nothing is counted twice, however late it is told again.  What is told for the first time later than `kept`
    others that are younger would be passed over: of a fill the account's own position then shows it.

    Args:
        kept: how many ids are remembered.

    Attributes:
        n_told: how many were new.
    """

    def __init__(self, kept: int = _KEPT) -> None:
        if kept < 1:
            raise ValueError(f"kept must be at least 1, got {kept}")
        self.n_told = 0
        self._kept = kept
        self._known: dict[Hashable, Nanos] = {}
        self._forgotten_to: Nanos = -1

    def __len__(self) -> int:
        return len(self._known)

    def is_new(self, thing: Hashable, ts_venue: Nanos) -> bool:
        """Tell whether something of this venue time is told for the first time, and remember it."""
        known = self._known
        if thing in known or ts_venue <= self._forgotten_to:
            return False
        known[thing] = ts_venue
        self.n_told += 1
        if len(known) > self._kept:
            forgotten = known.pop(next(iter(known)))
            if forgotten > ts_venue:  # out of order; or its stamp lay in the future, which must not make all else old
                forgotten = min(forgotten, max(known.values()))
            self._forgotten_to = max(self._forgotten_to, forgotten)
        return True
