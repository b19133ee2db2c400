"""Hours: what files are cut by and what a replay is asked for."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import attrs

from market.units import HOUR, SECOND, Nanos

_HOUR_TEXT: Final = re.compile(r"\d{4}-\d{2}-\d{2}:\d{2}")


@attrs.frozen
class Window:
    """Whole hours of UTC.

    Attributes:
        start: when the first hour begins, ns.
        end: when the last hour ends, ns; later than `start`.
    """

    start: Nanos
    end: Nanos

    def __attrs_post_init__(self) -> None:
        if self.start % HOUR or self.end % HOUR or self.end <= self.start:
            raise ValueError(f"a window is made of whole hours, got {self.start} ns to {self.end} ns")

    def hours(self) -> Iterator[Nanos]:
        """Yield when each hour begins, in order."""
        return iter(range(self.start, self.end, HOUR))

    def __str__(self) -> str:
        return f"{hour_text(self.start)} to {hour_text(self.end - HOUR)}"


def parse_window(start: str, end: str) -> Window:
    """Return the window from hour `start` to hour `end`, both included, each written `YYYY-MM-DD:HH` (UTC).

    Raises:
        ValueError: one is not written so, or `end` is before `start`.
    """
    first, last = parse_hour(start), parse_hour(end)
    if last < first:
        raise ValueError(f"the window ends at {end}, before it starts at {start}")
    return Window(first, last + HOUR)


def parse_hour(text: str) -> Nanos:
    """Return when the hour written `YYYY-MM-DD:HH` (UTC) begins.

    Raises:
        ValueError: it is not written so.
    """
    try:
        if not _HOUR_TEXT.fullmatch(text):
            raise ValueError
        at = datetime.strptime(text, "%Y-%m-%d:%H").replace(tzinfo=UTC)
    except ValueError:
        raise ValueError(f"hour {text!r} must be written YYYY-MM-DD:HH, such as 2024-08-08:23") from None
    return int(at.timestamp()) * SECOND


def hour_of(ts: Nanos) -> Nanos:
    """Return when the hour that holds `ts` begins."""
    return ts - ts % HOUR


def hour_text(ts: Nanos) -> str:
    """Return the hour that holds `ts` as `YYYY-MM-DD:HH`."""
    return f"{_utc(ts):%Y-%m-%d:%H}"


def clock_text(ts: Nanos) -> str:
    """Return `ts` as `YYYY-MM-DD HH:MM:SS.mmm`, for people."""
    return f"{_utc(ts):%Y-%m-%d %H:%M:%S}.{ts % SECOND // 1_000_000:03d}"


def _utc(ts: Nanos) -> datetime:
    return datetime.fromtimestamp(ts // SECOND, UTC)
