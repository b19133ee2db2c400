"""Where the write-ahead of a recorder stands: beside the venues, out of sight of readers.

{root}/.ahead/{venue}/{symbol}/{kind}/{YYYY-MM-DD}/{HH}-{part}.arrow        what one life of a recorder took of an hour
{root}/.ahead/.../{HH}-{part}.arrow.open                                    the same, while it is written

Parts of an hour are numbered from 0 over all lives of recorders.  The hour's parquet file says how many of them it is
made of: so a part that a crash left behind after its hour was written is known to be in it, and is not added twice.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import attrs

from market.archive.hour import DAMAGE, read_hour
from market.archive.layout import KINDS, Kind, hour_path
from market.archive.window import parse_hour
from market.units import Nanos

OPEN: Final = ".open"
_NAME: Final = re.compile(r"(\d\d)-(\d{4,})\.arrow(\.open)?")


@attrs.frozen(order=True)
class Part:
    """One file of the write-ahead.

    Attributes:
        venue, symbol, kind, hour: of which feed and hour.  number: its place among the parts of that hour.
        is_open: a recorder is writing it, or was when it died.
    """

    venue: str
    symbol: str
    kind: Kind
    hour: Nanos
    number: int
    is_open: bool
    path: Path


def ahead_root(root: Path) -> Path:
    """Return the folder of the write-ahead."""
    return root / ".ahead"


def parts(root: Path) -> list[Part]:
    """Return all parts that there are, by feed, hour and number."""
    return sorted(_parts_in(ahead_root(root).glob("*/*/*/*/*.arrow*")))


def next_part(root: Path, venue: str, symbol: str, kind: Kind, hour: Nanos) -> Path:
    """Return where the next part of an hour is to stand, once it is whole."""
    in_archive = hour_path(root, venue, symbol, kind, hour)
    folder = ahead_root(root) / in_archive.parent.relative_to(root)
    # first the parts, then the hour: it is there before the parts that it is made of are removed
    numbers = [part.number for part in _parts_in(folder.glob("*.arrow*")) if part.hour == hour]
    number = max([_n_parts(in_archive), *(number + 1 for number in numbers)])
    return folder / f"{in_archive.stem}-{number:04}.arrow"


def open_path(path: Path) -> Path:
    """Return the name that a part has while it is written."""
    return path.with_name(path.name + OPEN)


def _n_parts(hour: Path) -> int:
    try:
        return read_hour(hour).n_parts if hour.is_file() else 0
    except DAMAGE:  # damaged: a recorder goes on all the same, and `check` says so
        return 0


def _parts_in(paths: Iterator[Path]) -> Iterator[Part]:
    for path in paths:
        name = _NAME.fullmatch(path.name)
        venue, symbol, kind, day = (folder.name for folder in reversed(path.parents[:4]))
        if name is not None and kind in KINDS:
            hour = parse_hour(f"{day}:{name[1]}")
            yield Part(unquote(venue), unquote(symbol), kind, hour, int(name[2]), bool(name[3]), path)
