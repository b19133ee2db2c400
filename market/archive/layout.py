"""Where things stand in an archive.

{root}/{venue}/{symbol}/instrument.json                     the specification
{root}/{venue}/{symbol}/quality.json                        what the importers counted
{root}/{venue}/{symbol}/{kind}/{YYYY-MM-DD}/{HH}.parquet    one hour, cut by `ts_recv`

Raw frames belong to no instrument: in place of a symbol they have their socket, as `@public`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal, TypeAlias
from urllib.parse import quote, unquote

from market.archive.window import Window, hour_text, parse_hour
from market.units import Nanos

Kind: TypeAlias = Literal["book", "delta", "trades", "funding", "marks", "orders", "fills", "raw"]
KINDS: Final[tuple[Kind, ...]] = ("book", "delta", "trades", "funding", "marks", "orders", "fills", "raw")
GAPS: Final = "gaps"


def instrument_folder(root: Path, venue: str, symbol: str) -> Path:
    """Return the folder of one instrument; a `/` in the symbol and the like are written as in an address (%2F)."""
    return root / quote(venue, safe="") / quote(symbol, safe="@:+")


def hour_path(root: Path, venue: str, symbol: str, kind: str, hour: Nanos) -> Path:
    """Return where the hour that holds `hour` stands, or would stand."""
    day, _, hh = hour_text(hour).partition(":")
    return instrument_folder(root, venue, symbol) / kind / day / f"{hh}.parquet"


def path_hour(path: Path) -> Nanos:
    """Return when the hour of a file begins."""
    return parse_hour(f"{path.parent.name}:{path.stem}")


def hour_files(root: Path, venue: str, symbol: str, kind: str, window: Window | None = None) -> list[Path]:
    """Return the files there are of a kind, in order of time."""
    if window is not None:
        paths = (hour_path(root, venue, symbol, kind, hour) for hour in window.hours())
        return [path for path in paths if path.is_file()]
    return sorted((instrument_folder(root, venue, symbol) / kind).glob("????-??-??/[0-9][0-9].parquet"))


def venue_files(root: Path, venue: str, window: Window | None = None) -> Iterator[Path]:
    """Yield all hours of all symbols and kinds of market data of a venue."""
    for folder in sorted((root / quote(venue, safe="")).glob("*")):
        for kind in KINDS:
            yield from hour_files(root, venue, unquote(folder.name), kind, window)
