"""A live run in a process of its own, to be killed: `python -m tests.scripts.live.live_process OUT SECONDS`."""

import sys
from pathlib import Path

from tests.scripts.live.simulated_venues import quiet, trade

if __name__ == "__main__":
    trade(Path(sys.argv[1]), quiet(sync_s=0.05), seconds=float(sys.argv[2]))
