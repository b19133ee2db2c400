"""Record markets without trading on them: books, trades, marks and funding of any number of perpetuals.

    python -m scripts.record bybit:BTCUSDT binance-futures:BTCUSDT --archive DIR [--network demo|testnet|mainnet]
        [--seconds N] [--raw] [--most-mb N] [--at VENUE REST SOCKETS] [--ca FILE]

No key is needed.  Ctrl-C ends it, with the hours written; a second one kills it, and the next start repairs.
Exit codes: 0 done, 1 something is lost or not written, 2 wrong use.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from rich.console import Console

    from scripts.live.recording import RecordEnd
    from venues.connection import VenueConnection

EXIT_DONE, EXIT_FAILED, EXIT_USAGE = 0, 1, 2
_QUIET: Final = ("mailbox",)  # records that are not for the screen


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    # after the arguments: a wrong one, and --help, answer at once
    import loguru
    import trio
    from rich.console import Console

    from actors.record_config import RecordConfig
    from scripts.live.record_screen import RecordScreen
    from scripts.live.recording import record
    from venues.wire import RemoteProtocolError

    console = Console(stderr=True, highlight=False)
    try:
        config = RecordConfig(
            str(options.archive), tuple(options.instruments), raw=options.raw, most_mb=options.most_mb
        )
        connections = _connections(options)
    except ValueError as error:
        parser.error(str(error))
    loguru.logger.remove()
    loguru.logger.add(partial(_tell, console), level="INFO", format="{message}")
    # what is piped is not broken at 80 columns
    screen = RecordScreen(Console(width=None if sys.stdout.isatty() else 120, highlight=False), options.archive)
    try:
        with screen:
            end = trio.run(
                partial(
                    record,
                    options.instruments,
                    config,
                    connections,
                    seconds=options.seconds,
                    show=screen.show,
                    logger=loguru.logger,
                )
            )
    except (OSError, ValueError, RemoteProtocolError) as error:
        print(f"record: {error}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        print(f"record: killed; the next start there, or scripts.archive repair {options.archive}, finishes it")
        return EXIT_FAILED
    screen.end(end)
    return EXIT_DONE if is_whole(end) else EXIT_FAILED


def is_whole(end: "RecordEnd") -> bool:
    """Tell whether all that was heard is in the archive."""
    if end.closed is None or end.outcome.kind == "gave up":
        return False
    status, report = end.closed
    return not (status.n_lost or status.n_waiting or status.error or report.problems)


def _connections(options: argparse.Namespace) -> "Mapping[str, VenueConnection]":
    from venues.connection import VenueConnection, addresses_of
    from venues.registry import venue_kind

    given = {venue: (rest, sockets) for venue, rest, sockets in options.at}
    found: dict[str, VenueConnection] = {}
    for venue in dict.fromkeys(name.partition(":")[0] for name in options.instruments):
        venue_kind(venue)
        if venue in given:
            rest, sockets = given[venue]
            found[venue] = VenueConnection("custom", rest, {"default": sockets}, options.ca)
        else:
            found[venue] = VenueConnection(options.network)
        addresses_of(venue, found[venue])
    for venue in given:
        if venue not in found:
            raise ValueError(f"--at {venue}: no instrument of it is recorded; recorded are of {', '.join(found)}")
    return found


def _tell(console: "Console", message: Any) -> None:
    """Show a record of the log: what happened, and its facts."""
    record = message.record
    if record["message"] in _QUIET:
        return
    facts = ", ".join(f"{key} {value}" for key, value in record["extra"].items() if value not in ("", None))
    raised = record["exception"]
    error = "" if raised is None else f": {raised.value!r}"
    style = {"ERROR": "red", "WARNING": "yellow", "CRITICAL": "bold red"}.get(record["level"].name, "dim")
    console.print(f"{record['message']}{error}  {facts}", style=style, markup=False, soft_wrap=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m scripts.record", description="Record markets into an archive.")
    parser.add_argument("instruments", nargs="+", metavar="VENUE:SYMBOL", help="such as bybit:BTCUSDT")
    parser.add_argument("--archive", type=Path, required=True, metavar="DIR", help="where to; made if it is not there")
    parser.add_argument("--network", choices=("mainnet", "testnet", "demo"), default="mainnet", help="of the venues")
    parser.add_argument("--seconds", type=float, metavar="N", help="how long (default: until Ctrl-C)")
    parser.add_argument("--raw", action="store_true", help="keep the frames as they come as well")
    parser.add_argument("--most-mb", type=float, default=256.0, metavar="N", help="what may wait for the disk")
    parser.add_argument(
        "--at",
        nargs=3,
        action="append",
        default=[],
        metavar=("VENUE", "REST", "SOCKETS"),
        help="reach a venue at other addresses, such as an emulator's",
    )
    parser.add_argument("--ca", type=Path, metavar="FILE", help="certificates to trust at such addresses")
    return parser


if __name__ == "__main__":
    sys.exit(main())
