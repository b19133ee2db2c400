"""Import recordings in Tardis' CSV layouts into an archive.

    python -m scripts.import_tardis FILES... --archive DIR [--instruments FILE.toml] [--replace]

Takes incremental_book_L2, book_snapshot_N, trades and derivative_ticker (funding and marks), plain or gzip; what a file
is stands in its header.  All files are imported or none.  Exit codes: 0 done, 1 a file or the archive is not as it
should be, 2 wrong use: a file that is not there is one.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import attrs
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from market.archive.csv_file import CsvFile
from market.archive.instruments import load_instruments
from market.archive.tardis import ImportedFeed, ImportReport, import_tardis
from market.archive.window import clock_text
from market.units import MS, SECOND

_WIDTH: Final = 160  # of tables that go into a file
INSTRUMENTS: Final = Path(__file__).resolve().parent.parent / "configs" / "instruments.toml"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    for path in (*options.files, options.instruments):
        if not path.is_file():
            parser.error(f"no such file: {path}")
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    try:
        instruments = load_instruments(options.instruments)
        with _progress(console) as progress:
            task = progress.add_task("", total=None)
            n_rows = 0

            def on_rows(file: CsvFile, n: int) -> None:
                nonlocal n_rows
                n_rows += n
                progress.update(task, completed=n_rows, description=f"{n_rows:,} rows, {file.path.name}")

            report = import_tardis(
                options.files, options.archive, instruments, replace=options.replace, on_rows=on_rows
            )
    except (ValueError, OSError) as error:
        print(f"import_tardis: {error}", file=sys.stderr)
        return 1
    _show(report, console)
    print(f"{len(report.paths)} files written to {options.archive}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="import_tardis", description="Import recordings in Tardis' CSV layouts into an archive, all or none."
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="CSV file, plain or .gz")
    parser.add_argument("--archive", required=True, type=Path, metavar="DIR", help="where the archive is or shall be")
    parser.add_argument(
        "--instruments",
        type=Path,
        default=INSTRUMENTS,
        metavar="FILE.toml",
        help="specifications of the instruments (default: those of configs/instruments.toml)",
    )
    parser.add_argument("--replace", action="store_true", help="write over hours that the archive has already")
    return parser


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _show(report: ImportReport, console: Console) -> None:
    table = Table(title="Imported")
    table.add_column("instrument", no_wrap=True)
    table.add_column("kind", no_wrap=True)
    for heading in ("rows", "messages"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("received, UTC")
    table.add_column("of note")
    for feed in report.feeds:
        quality = feed.record.quality
        table.add_row(
            feed.instrument.name,
            feed.kind,
            f"{quality.rows:,}",
            f"{quality.messages:,}",
            f"{clock_text(feed.record.first)[:-4]} to {clock_text(feed.record.last)[:-4]}",
            _oddities(feed),
        )
    console.print(table)
    clocks = Table(title="Clocks")
    clocks.add_column("venue")
    for heading in ("least latency, ms", "shift, ms", "messages", "passed over"):
        clocks.add_column(heading, justify="right")
    for venue, clock in report.clocks.items():
        clocks.add_row(
            venue,
            f"{clock.least_latency / MS:,.3f}",
            f"{clock.shift / MS:,.3f}",
            f"{clock.n_messages:,}",
            str(clock.n_passed_over),
        )
    console.print(clocks)
    for feed in report.feeds:
        for gap in feed.gaps:
            during = f"from {clock_text(gap.ts_from)} to {clock_text(gap.ts_to)}"
            console.print(f"{feed.instrument.name} {feed.kind}: {gap.reason} {during}", highlight=False)
    for path in report.empty:
        console.print(f"{path}: no rows")


def _oddities(feed: ImportedFeed) -> str:
    """Return what was counted and is not zero, in words."""
    said = []
    for name, value in attrs.asdict(feed.record.quality).items():
        if name in ("rows", "messages") or not value:
            continue
        word = name.replace("_", " ")
        if name in ("longest_silence", "recv_back_most"):
            said.append(f"{word} {value / SECOND:.3f} s")
        else:
            said.append(f"{word} {value:,}")
    return ", ".join(said)


if __name__ == "__main__":
    sys.exit(main())
