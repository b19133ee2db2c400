"""Look after a run: read its log, halt what trades on an account, have what is held hedged.

python -m scripts.ops tail RUN_DIR [-n 50] [--follow] [--level WARNING] [--match TEXT]
python -m scripts.ops show RUN_DIR
python -m scripts.ops restarts RUN_DIR
python -m scripts.ops halt STATE_DIR [--reason TEXT]
python -m scripts.ops clear STATE_DIR --reason TEXT
python -m scripts.ops state STATE_DIR
python -m scripts.ops hedge STATE_DIR [--base SOL] [--on VENUE[:SYMBOL][=SHARE] ...] [--by room|equal|margin]
    [--order market|limit] [--wait 30]
"""

import argparse
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from actors.runtime.log_reader import LogError, LogReader, LogRecord, find_log
from actors.runtime.outages import Outage, QuoteGap, outages
from actors.runtime.state_folder import StateFolder
from market.units import SECOND, Nanos
from scripts.hedge_request import add_hedge, hedge

POLL_S: Final = 0.2
WIDTH: Final = 180  # of what is piped: a table must not be broken at 80 columns
STYLES: Final = {"DEBUG": "dim", "INFO": "green", "WARNING": "yellow", "ERROR": "red", "CRITICAL": "bold red"}
LEADING: Final = ("t_ns", "level", "message", "run_id", "traceback")


def clock_text(t_ns: Nanos) -> str:
    """Return a time as `2024-08-08 12:00:00.123456` UTC."""
    seconds, rest = divmod(t_ns, SECOND)
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(seconds))}.{rest // 1000:06d}"


def line_of(record: LogRecord) -> str:
    """Return a record as one marked-up line; a traceback is left to the file."""
    level = str(record.get("level", ""))
    facts = "  ".join(f"[dim]{escape(k)}[/]={escape(_short(v))}" for k, v in record.items() if k not in LEADING)
    style = STYLES.get(level, "default")
    text = f"{clock_text(record['t_ns'])} [{style}]{escape(f'{level:8}')}[/] [bold]{escape(record['message'])}[/]"
    return f"{text}  {facts}" if facts else text


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def tail(console: Console, path: Path, chosen: argparse.Namespace) -> None:
    """Print the last records that are wanted, and if it is followed those that come, until interrupted."""
    reader = LogReader(path)
    least = list(STYLES).index(chosen.level)

    def wanted() -> Iterator[LogRecord]:
        for record in reader.records():
            level = record.get("level")
            is_weighty = level not in STYLES or list(STYLES).index(level) >= least
            if is_weighty and any(chosen.match in str(value) for value in record.values()):
                yield record

    for record in deque(wanted(), maxlen=chosen.n):
        console.print(line_of(record), soft_wrap=True, highlight=False)
    while chosen.follow:
        time.sleep(POLL_S)
        for record in wanted():
            console.print(line_of(record), soft_wrap=True, highlight=False)


def restarts(console: Console, path: Path) -> None:
    """Print a table of all outages."""
    found = outages(LogReader(path).records())
    if not found:
        console.print(f"nothing was restarted ({path})", soft_wrap=True, highlight=False)
        return
    table = Table()
    for header in ("down at (UTC)", "child", "generation", "why", "backoff", "down for", "without quotes"):
        table.add_column(header, no_wrap=header == "child", overflow="fold")
    for outage in found:
        back = "-" if outage.backoff_s is None else f"{outage.backoff_s:.3f} s"
        why = escape(outage.why)
        table.add_row(
            clock_text(outage.down),
            outage.child,
            str(outage.generation),
            why,
            back,
            lasted(outage.down, outage.up),
            _without_quotes(outage),
        )
    console.print(table)


def lasted(start: Nanos, end: Nanos | None) -> str:
    """Return how long something took; "to the end" when nothing ended it."""
    return "to the end" if end is None else f"{(end - start) / SECOND:.3f} s"


def _without_quotes(outage: Outage) -> str:
    longest: dict[str, QuoteGap] = {}
    for gap in outage.gaps:
        known = longest.get(gap.quoter)
        if known is None or (known.end is not None and (gap.end is None or _length(gap) > _length(known))):
            longest[gap.quoter] = gap
    return (
        "\n".join(f"{escape(quoter)}: {lasted(gap.start, gap.end)}" for quoter, gap in longest.items()) or "none pulled"
    )


def _length(gap: QuoteGap) -> Nanos:
    return (gap.end or gap.start) - gap.start


def account(console: Console, chosen: argparse.Namespace) -> int:
    """Halt, clear or show the account of a state folder; return the exit code."""
    if not chosen.state.is_dir():
        print(f"no state folder {chosen.state}", file=sys.stderr)
        return 2
    folder = StateFolder(chosen.state)
    if chosen.command == "halt":
        folder.wish_halt(chosen.reason)
    elif chosen.command == "clear":
        if not folder.halted():
            print(f"{chosen.state} is not halted", file=sys.stderr)
            return 2
        folder.clear(time.time_ns(), chosen.reason)
    halted = folder.halted()
    style = "bold red" if halted else "green"
    console.print(f"[{style}]{'halted' if halted else 'not halted'}[/] {escape(halted)}".rstrip(), soft_wrap=True)
    console.print(escape(_alive(folder)), soft_wrap=True, highlight=False)
    return 0


def _alive(folder: StateFolder) -> str:
    beat = folder.beat()
    if beat is None:
        return "no heartbeat: nothing has traded here yet"
    if beat.is_over:
        return f"process {beat.pid} has ended, with no order left, after {clock_text(beat.t_ns)}"
    age_s = time.time() - folder.beat_written_at()
    return f"process {beat.pid} is {beat.state}, {beat.n_live} live orders, last heartbeat {age_s:.1f} s ago"


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} records cannot be shown; give a number of 1 or more")
    return int(text)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.ops", description="Look after a run.")
    commands = parser.add_subparsers(dest="command", required=True)
    shown = commands.add_parser("tail", help="print the last records")
    shown.add_argument("-n", type=_positive, default=50, metavar="N", help="how many records (default 50)")
    shown.add_argument("--follow", action="store_true", help="go on with what is written, until Ctrl-C")
    shown.add_argument("--level", choices=STYLES, default="DEBUG", help="only records of this level or above")
    shown.add_argument("--match", default="", metavar="TEXT", help="only records in which this text stands")
    stands = commands.add_parser("show", help="how it stands: orders, positions, PnL, connections, the last troubles")
    told = commands.add_parser("restarts", help="what restarted, why, and how long without quotes")
    for command in (shown, stands, told):
        command.add_argument("run", type=Path, metavar="RUN_DIR", help="a run directory")
    halted = commands.add_parser("halt", help="cancel everything and trade no more, until cleared")
    halted.add_argument("--reason", default="by hand", help="stands in the log and in the state folder")
    cleared = commands.add_parser("clear", help="let trading go on after a halt")
    cleared.add_argument("--reason", required=True, help="what a person has found; kept in halts.jsonl")
    add_hedge(commands)
    told = commands.add_parser("state", help="whether it is halted, and whether it is alive")
    for command in (halted, cleared, told):
        command.add_argument("state", type=Path, metavar="STATE_DIR", help="the state folder of an account")
    chosen = parser.parse_args(arguments)
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    if chosen.command == "hedge":
        return hedge(console, chosen)
    if "state" in chosen:
        return account(console, chosen)
    try:
        path = find_log(chosen.run)
    except LogError as error:
        print(error, file=sys.stderr)
        return 2
    try:
        if chosen.command == "tail":
            tail(console, path, chosen)
        elif chosen.command == "show":
            from scripts.live.show import show

            show(console, chosen.run)
        else:
            restarts(console, path)
    except (LogError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
