"""How old a connection may become: Binance cuts each after a day, and another should stand by then."""

from typing import Final

from market.units import HOUR, MINUTE, Nanos
from venues.actions import Reconnect, Replace
from venues.binance.subscriptions import NEVER

REPLACE_AFTER: Final = 23 * HOUR + HOUR // 2
_AGAIN: Final = 5 * MINUTE  # where that did not come about
_LAST: Final = 24 * HOUR - 5 * MINUTE  # rather an end of our own than one in the middle of something


class ConnectionAge:
    """The age of one connection after another.

    Args:
        overlap_s: for so long what the old one says is heard beside the new one.
    """

    def __init__(self, overlap_s: float) -> None:
        self._overlap_s = overlap_s
        self._replace_at: Nanos = NEVER
        self._end_at: Nanos = NEVER

    def opened(self, now: Nanos) -> None:
        self._replace_at, self._end_at = now + REPLACE_AFTER, now + _LAST

    def closed(self) -> None:
        self._replace_at = self._end_at = NEVER

    def next_deadline(self) -> Nanos:
        return min(self._replace_at, self._end_at)

    def on_deadline(self, now: Nanos) -> list[Replace | Reconnect]:
        """Return what is to be done about it by now."""
        if now >= self._end_at:
            self.closed()
            return [Reconnect("the connection is nearly a day old")]
        if now >= self._replace_at:
            self._replace_at = now + _AGAIN  # unless it is opened
            return [Replace(self._overlap_s)]
        return []
