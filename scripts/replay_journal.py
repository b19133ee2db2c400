"""Follow the journal of a live run: `python -m scripts.replay_journal RUN_DIR`.

The same actors, wired the same way, are given what came from outside, and must decide the same again, delivery by
delivery.  Exit codes: 0 the same decisions; 1 they differ, and where; 2 wrong use, or there is no journal.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from actors.runtime.run_log import RunLog

EXIT_SAME, EXIT_DIFFERS, EXIT_USAGE = 0, 1, 2
JOURNAL: Final = "journal"


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="replay_journal", description="Follow the journal of a live run.")
    parser.add_argument("run", type=Path, metavar="RUN_DIR", help="what scripts.run --mode live wrote")
    parser.add_argument("--code", type=Path, help="folder of the strategies' files (default: where they lay then)")
    options = parser.parse_args(argv)
    return follow(options.run, options.code)


def follow(run: Path, code: Path | None = None) -> int:
    """Follow the journal of a run directory and say on the screen what came of it; return the exit code."""
    from actors.runtime.journal import read_journal
    from actors.runtime.run_log import RunLog
    from scripts.live.trading import wire_like
    from sim.journal_replay import DivergenceError, JournalReplay

    path = run / JOURNAL
    try:
        head, _ = read_journal(path)
        follower = JournalReplay(RunLog())
        wire_like(follower, head.config, str(path), code)
    except (OSError, ValueError) as error:
        print(f"cannot follow: {error}", file=sys.stderr)
        return EXIT_USAGE
    began = time.perf_counter()
    try:
        digest = follower.follow(path)
    except DivergenceError as error:
        print(f"journal  DIFFERS: {error}")
        return EXIT_DIFFERS
    seconds = time.perf_counter() - began
    print(f"journal  {path}, {path.stat().st_size:,} bytes")
    print(f"followed {follower.number:,} deliveries in {seconds:.1f} s, each with the same outputs")
    if follower.has_ended:
        print(f"digest   the same: {digest}")
        return EXIT_SAME
    return _compare(follower.log, run / "orders.log")


def _compare(log: "RunLog", path: Path) -> int:
    """Hold what was followed against the log of a run that was killed, or goes on: neither has all of the other."""
    there = path.read_bytes() if path.exists() else b""
    here = log.rows_from(0).tobytes()
    n_bytes = min(len(there), len(here))
    if there[:n_bytes] != here[:n_bytes]:
        print(f"digest   DIFFERS: {path} has other orders or facts")
        return EXIT_DIFFERS
    print(f"digest   the journal has no end; the first {n_bytes // 80:,} orders and facts of {path.name} are the same")
    return EXIT_SAME


if __name__ == "__main__":
    sys.exit(main())
