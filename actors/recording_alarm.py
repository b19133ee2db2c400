"""What is to be said of a recording that does not keep up, once each time, for the log and the alerts."""

from typing import Any, Final, Literal

import attrs

from market.archive.recorder import RecorderStatus
from market.units import SECOND, Nanos

Level = Literal["INFO", "WARNING", "ERROR"]

# a flush is due every half second; what the disk has not after so long is more than a crash may lose
LATE: Final = 2 * SECOND
# losses go on while a disk is full: they are told so often, with the sum
_AGAIN: Final = 10 * SECOND


@attrs.frozen
class Notice:
    """One record for the log: a constant text, and the facts as fields."""

    level: Level
    text: str
    facts: dict[str, Any]


class RecordingAlarm:
    """Compares how a recording stands with what was said of it last."""

    def __init__(self) -> None:
        self._error: str | None = None
        self._is_late = False
        self._n_lost = 0
        self._told_at: Nanos | None = None

    def look(self, status: RecorderStatus, now: Nanos) -> list[Notice]:
        """Return what is news; call it more often than `LATE`, also while the disk keeps a flush waiting."""
        notices: list[Notice] = []
        waiting = {"n_waiting": status.n_waiting}
        if status.error != self._error:
            if status.error is not None:
                notices.append(Notice("ERROR", "recording: the disk fails", {"error": status.error, **waiting}))
            elif status.synced > now - LATE:  # while a flush waits nobody knows
                notices.append(Notice("INFO", "recording: the disk is back", waiting))
            else:
                return notices
            self._error = status.error
        is_late = self._error is None and status.synced < now - LATE
        if is_late != self._is_late:
            self._is_late = is_late
            late = {"behind_s": round((now - status.synced) / SECOND, 3), **waiting}
            if is_late:
                notices.append(Notice("WARNING", "recording: the disk is slow", late))
            elif self._error is None:
                notices.append(Notice("INFO", "recording: the disk keeps up again", late))
        n_more = status.n_lost - self._n_lost
        if n_more and (self._told_at is None or now - self._told_at >= _AGAIN):
            self._n_lost, self._told_at = status.n_lost, now
            lost = {"n_lost": n_more, "n_lost_in_all": status.n_lost, **waiting}
            notices.append(Notice("ERROR", "recording: messages are lost", lost))
        return notices
