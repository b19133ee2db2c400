"""What an archive has, whether it is whole, and how to keep it so.

    python -m scripts.archive ls DIR [--holes]
    python -m scripts.archive check DIR
    python -m scripts.archive repair DIR
    python -m scripts.archive compact DIR
    python -m scripts.archive sync FROM TO [--replace] [--by-size]

FROM and TO are folders or addresses, such as s3://bucket/archive.

Exit codes: 0 done, 1 something is not as it should be, 2 wrong use: an archive that is not there is one.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from market.archive.check import check
from market.archive.compact import compact
from market.archive.listing import FeedListing, list_feeds
from market.archive.repair import repair
from market.archive.store import NO_PATIENCE, Patience, sync
from market.archive.window import hour_text

WIDTH: Final = 160  # of what is piped: a table must not be broken at 80 columns
MOST: Final = 20  # files that are named one by one
WAITS: Final = (1.0, 4.0, 15.0)  # before a store is tried again, seconds


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)
    place: str = options.root
    root = Path(place)
    if not (options.command == "sync" and "://" in place) and not root.is_dir():
        parser.error(f"no archive at {root}: not a folder")
    try:
        match options.command:
            case "ls":
                return show(console, root, has_holes=options.holes)
            case "check":
                return report_problems(console, root)
            case "repair":
                return mend(console, root)
            case "compact":
                return shrink(console, root)
            case _:
                return copy(console, place, options.target, replace=options.replace, by_size=options.by_size)
    except (OSError, ValueError) as error:
        print(f"archive {options.command}: {error}", file=sys.stderr)
        return 1


def show(console: Console, root: Path, *, has_holes: bool) -> int:
    """Print the feeds of an archive."""
    feeds = list_feeds(root)
    if not feeds:
        console.print(f"nothing in {root}", soft_wrap=True)
        return 0
    table = Table()
    for heading in ("instrument", "kind", "first hour", "last hour"):
        table.add_column(heading, no_wrap=True)
    for heading in ("hours", "complete", "holes", "rows", "size", "bytes a row", "write-ahead"):
        table.add_column(heading, justify="right", no_wrap=True)
    for feed in feeds:
        table.add_row(*_row(feed))
    console.print(table)
    for feed in feeds:
        for path in feed.damaged:
            console.print(f"[red]damaged[/]: {escape(str(path))}", soft_wrap=True)
        if has_holes:
            for hole in feed.holes:
                console.print(escape(str(hole)), soft_wrap=True)
    return 1 if any(feed.damaged for feed in feeds) else 0


def report_problems(console: Console, root: Path) -> int:
    """Print all that is wrong; a hole that the archive tells of is not."""
    n = 0
    for problem in check(root):
        n += 1
        console.print(f"[red]problem[/] {escape(str(problem))}", soft_wrap=True)
    n_hours = sum(feed.n_hours for feed in list_feeds(root))
    console.print(f"{n_hours} hours read, {n} problems", soft_wrap=True)
    return 1 if n else 0


def mend(console: Console, root: Path) -> int:
    """Finish what dead writers left, and say what that was."""
    done = repair(root)
    if done.n_cut:
        console.print(f"{done.n_cut} bytes cut off torn ends of the write-ahead")
    if done.removed:
        console.print(f"{len(done.removed)} half files removed")
    _name(console, "hour written", [str(path) for path in done.hours])
    for problem in done.problems:
        console.print(f"[red]not repaired[/] {escape(problem)}", soft_wrap=True)
    if not (done.n_cut or done.removed or done.hours or done.problems):
        console.print("nothing to repair")
    return 1 if done.problems else 0


def shrink(console: Console, root: Path) -> int:
    """Pack the hours harder, and say what that saved."""
    with console.status("packing") as status:
        done = compact(root, on_file=lambda path: status.update(f"packing {path.relative_to(root)}"))
    before, after = size_text(done.n_before), size_text(done.n_after)
    console.print(f"{done.n_changed} of {done.n_files} hours written anew: {before} became {after}")
    return 0


def copy(console: Console, source: str, target: str, *, replace: bool, by_size: bool) -> int:
    """Bring the files of one archive to another, and say which."""
    from market.archive.remote_store import is_address, open_store, shown

    stores = open_store(source), open_store(target)
    patience = Patience(WAITS, time.sleep) if is_address(source) or is_address(target) else NO_PATIENCE
    with console.status("copying") as status:
        done = sync(
            *stores,
            replace=replace,
            by_size=by_size,
            patience=patience,
            on_file=lambda name: status.update(f"copied {name}"),
        )
    if not (done.copied or done.n_same or done.differing):
        console.print(f"nothing in {shown(source)}", soft_wrap=True)
        return 1
    console.print(f"{len(done.copied)} files copied, {size_text(done.n_bytes)}; {done.n_same} were there already")
    _name(console, "[yellow]differs, left as it is (--replace takes the new one)[/]", done.differing)
    return 1 if done.differing else 0


def _name(console: Console, what: str, names: Sequence[str]) -> None:
    for name in names[:MOST]:
        console.print(f"{what}: {escape(name)}", soft_wrap=True)
    if len(names) > MOST:
        console.print(f"{what}: {len(names) - MOST} more")


def _row(feed: FeedListing) -> list[str]:
    first, last = ("-" if hour is None else hour_text(hour) for hour in (feed.first, feed.last))
    per_row = f"{feed.n_bytes / feed.n_rows:.1f}" if feed.n_rows else "-"
    ahead = f"{feed.n_ahead} parts, {size_text(feed.n_ahead_bytes)}" if feed.n_ahead else "-"
    counts = (f"{n:,}" for n in (feed.n_hours, feed.n_complete, len(feed.holes), feed.n_rows))
    return [f"{feed.venue}:{feed.symbol}", feed.kind, first, last, *counts, size_text(feed.n_bytes), per_row, ahead]


def size_text(n_bytes: int) -> str:
    """Return bytes for people, such as `1.2 MB`."""
    if n_bytes < 1000:
        return f"{n_bytes} B"
    number = float(n_bytes)
    for unit in ("kB", "MB", "GB"):
        number /= 1000
        if number < 1000:
            return f"{number:.1f} {unit}"
    return f"{number / 1000:.1f} TB"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m scripts.archive", description="Look after an archive.")
    commands = parser.add_subparsers(dest="command", required=True)
    listed = commands.add_parser("ls", help="what is there: hours, holes, sizes")
    listed.add_argument("--holes", action="store_true", help="name every hole")
    checked = commands.add_parser("check", help="read every file and say what is wrong")
    repaired = commands.add_parser("repair", help="finish what a recorder or an import that died has left")
    compacted = commands.add_parser("compact", help="pack the hours harder; their hashes change, their rows do not")
    for command in (listed, checked, repaired, compacted):
        command.add_argument("root", metavar="DIR", help="the archive")
    copied = commands.add_parser("sync", help="copy to another archive what it lacks")
    copied.add_argument("root", metavar="FROM", help="the archive that has it: a folder, or an address (s3://...)")
    copied.add_argument("target", metavar="TO", help="where it is to be; made if it is not there")
    copied.add_argument("--by-size", action="store_true", help="files of one size are the same: read none to compare")
    copied.add_argument("--replace", action="store_true", help="take files that differ over those that are there")
    return parser


if __name__ == "__main__":
    sys.exit(main())
