"""Records from real sockets in processes of their own, to be killed.

Reads lines of arguments of `scripts.record` and forks a recorder for each; prints its pid, and `dead` when it is.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from market.archive.recorder import _load_kernels
from scripts.record import main


def record(arguments: list[str]) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os._exit(main(arguments))


if __name__ == "__main__":
    _load_kernels()
    import scripts.live.record_screen  # before the fork, so that a recorder begins at once
    import scripts.live.recording  # noqa: F401
    import venues.binance.venue
    import venues.bybit.venue  # noqa: F401

    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            record(line.split())
        print(pid, flush=True)
        os.waitpid(pid, 0)
        print("dead", flush=True)
