"""How a book goes out on one topic: what has changed since the last message, at the topic's own pace."""

from market.units import Nanos
from sim.emulator.outbox import NEVER
from sim.emulator.public_view import Level, PublicView


class PacedBook:
    """One topic's picture of a book, which its subscribers have.

    Args:
        depth: levels a side.
        interval: at least this long between messages; 0: every change goes out.

    Attributes:
        bids, asks: as they were last sent.
        sent_at: when, wall clock.
        due: when the change that waits is to go out; NEVER if none waits.
    """

    def __init__(self, view: PublicView, depth: int, interval: Nanos) -> None:
        self.view = view
        self.depth = depth
        self.bids: list[Level] = []
        self.asks: list[Level] = []
        self.sent_at: Nanos = 0
        self.due: Nanos = NEVER
        self._interval = interval
        self._version = -1

    def changed(self, now: Nanos) -> bool:
        """Take note that the book has changed; True: it may go out now."""
        self.due = max(now, self.sent_at + self._interval)
        return self.due <= now

    def take(self, now: Nanos) -> tuple[list[Level], list[Level]]:
        """Return the levels that changed since the last message, 0 lots for those gone, and take them for sent."""
        view = self.view
        bids, asks = view.bids[: self.depth], view.asks[: self.depth]
        changes = _changes(self.bids, bids), _changes(self.asks, asks)
        self.bids, self.asks = bids, asks
        self.sent_at, self.due = now, NEVER
        self._version = view.version
        return changes

    @property
    def is_behind(self) -> bool:
        """The book has moved on since the last message."""
        return self._version != self.view.version


def _changes(before: list[Level], after: list[Level]) -> list[Level]:
    old = {level[0]: level[1] for level in before}
    changed = []
    for price, size in after:
        if old.pop(price, 0) != size:
            changed.append([price, size])
    changed += [[price, 0] for price in old]
    return changed
