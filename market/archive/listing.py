"""What an archive has, by feed."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast
from urllib.parse import unquote

import attrs

from market.archive.ahead_layout import parts
from market.archive.hour import DAMAGE, read_hour
from market.archive.layout import KINDS, Kind, hour_files, path_hour
from market.archive.reader import Hole, holes
from market.archive.window import Window
from market.units import HOUR, Nanos

FeedName = tuple[str, str, Kind]


@attrs.frozen
class FeedListing:
    """One feed of an archive.

    Attributes:
        venue, symbol, kind: which.
        first, last: when its first and its last hour begin; None where all of it is write-ahead.
        n_hours, n_complete: hours, and those that the feed was listened to from end to end.
        n_rows, n_bytes: messages and size of its hours.
        holes: what its window, from the first hour to the last, lacks.
        n_ahead, n_ahead_bytes: parts of the write-ahead, which no hour has yet.
        damaged: files that say nothing; `check` tells why.
    """

    venue: str
    symbol: str
    kind: Kind
    first: Nanos | None
    last: Nanos | None
    n_hours: int
    n_complete: int
    n_rows: int
    n_bytes: int
    holes: tuple[Hole, ...]
    n_ahead: int
    n_ahead_bytes: int
    damaged: tuple[Path, ...]


def list_feeds(root: Path) -> list[FeedListing]:
    """Return every feed of an archive, by venue, symbol and kind; no rows are read."""
    ahead: dict[FeedName, list[int]] = {}
    for part in parts(root):
        ahead.setdefault((part.venue, part.symbol, part.kind), []).append(part.path.stat().st_size)
    names = sorted({**dict.fromkeys(feed_names(root)), **dict.fromkeys(ahead)})
    return [_listing(root, name, ahead.get(name, [])) for name in names]


def feed_names(root: Path) -> Iterator[FeedName]:
    """Yield the feeds that have hours, in order."""
    for folder in sorted(path for path in root.glob("[!.]*/*/*") if path.is_dir() and path.name in KINDS):
        yield unquote(folder.parent.parent.name), unquote(folder.parent.name), cast(Kind, folder.name)


def _listing(root: Path, name: FeedName, ahead: list[int]) -> FeedListing:
    venue, symbol, kind = name
    files = hour_files(root, venue, symbol, kind)
    hours = []
    damaged = []
    for path in files:
        try:
            hours.append(read_hour(path))
        except DAMAGE:
            damaged.append(path)
    lacks: list[Hole] = []
    if files and not damaged:
        lacks = holes(root, venue, symbol, kind, Window(path_hour(files[0]), path_hour(files[-1]) + HOUR))
    return FeedListing(
        venue=venue,
        symbol=symbol,
        kind=kind,
        first=path_hour(files[0]) if files else None,
        last=path_hour(files[-1]) if files else None,
        n_hours=len(files),
        n_complete=sum(hour.complete for hour in hours),
        n_rows=sum(hour.n_rows for hour in hours),
        n_bytes=sum(path.stat().st_size for path in files),
        holes=tuple(lacks),
        n_ahead=len(ahead),
        n_ahead_bytes=sum(ahead),
        damaged=tuple(damaged),
    )
