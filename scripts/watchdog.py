"""Cancel everything on an account when the process that trades on it has died or hangs.

python -m scripts.watchdog --config FILE.toml [--state DIR] [--after 5] [--once] [--halt]

It watches the heartbeat in the state folder of the config's account, and is to be run beside every live run, as a
process of its own.  When the heartbeat stops it cancels all orders on every venue of the config by REST, on all side by
side, again and again until the venue says that nothing is open, and goes on watching.  It shares no state with the
trader and works when that was killed, hangs or is stopped.  What it does stands on the standard output, one JSON object
a line.

Exit codes: 0 stopped by Ctrl-C or SIGTERM; 1 with --once: it had to cancel, and nothing is open; 2 wrong use.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import trio

from actors.runtime.state_folder import StateFolder
from scripts.live.watching import WatchConfig, watch_until_stopped
from scripts.watched_accounts import accounts_of
from sim.config import ConfigError

EXIT_USAGE: Final = 2


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        accounts, state = accounts_of(options.config, options.env)
    except (ConfigError, ValueError, OSError) as error:
        print(f"watchdog: {error}", file=sys.stderr)
        return EXIT_USAGE
    folder = StateFolder(options.state or state)
    config = WatchConfig(options.after, options.once, options.halt)
    return trio.run(watch_until_stopped, folder, accounts, config)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m scripts.watchdog", description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path, required=True, help="the live run's config: its venues and state folder")
    parser.add_argument("--state", type=Path, help="the state folder, if not that of the config")
    parser.add_argument("--env", type=Path, default=Path(".env"), help="file with the keys (default .env)")
    parser.add_argument(
        "--after", type=_seconds, default=5.0, metavar="S", help="a heartbeat may be so old (default 5)"
    )
    parser.add_argument("--once", action="store_true", help="end when it had to cancel and nothing is open")
    parser.add_argument("--halt", action="store_true", help="halt the account as well: a person must clear it")
    return parser


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 2.0 <= seconds <= 3600.0:  # it beats once a second
        raise argparse.ArgumentTypeError(f"{text} s is out of reach: 2 to 3600")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
