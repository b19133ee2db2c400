"""What connections leave behind when they end: cycles of failures and streams, which hold the buffers of TLS."""

import ctypes
import gc
from collections.abc import Mapping
from typing import Any, Final

_EVERY_S: Final = 30.0
# by what they say in the log: sockets, and requests by HTTP that had no answer
_ENDINGS: Final = ("socket is ", "no answer")


class Leftovers:
    """Has the collector look at the old as well, some time after a connection has ended.

    By itself it looks at them when so many new things have come together, which takes a quarter of an hour where little
    is allocated; at a hundred kilobytes for each connection that adds up while a venue is in trouble.  What stands
    since the start is frozen, and the rest takes it some milliseconds.
    """

    def __init__(self) -> None:
        self._is_any = False
        self._not_before = 0.0

    def hear(self, record: Mapping[str, Any]) -> None:
        """Take a record of the log."""
        self._is_any = self._is_any or any(ending in record["message"] for ending in _ENDINGS)

    def take_away(self, now_s: float) -> None:
        """Collect, if something has ended and it was not done lately."""
        if self._is_any and now_s >= self._not_before:
            self._is_any, self._not_before = False, now_s + _EVERY_S
            gc.collect()
            _give_back()


def _give_back() -> None:
    """Return to the system what malloc keeps of a storm of connections, where it is glibc's."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
