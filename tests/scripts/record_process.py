"""Records from real sockets in processes of their own, to be killed.

Reads lines `LEDGER ARGUMENTS...` of `scripts.record` and forks a recorder for each; prints its pid, and `dead` at its
end.  LEDGER says what the recorder heard and what it had brought to the disk: rows of eight int64, `instrument, what,
seq, ts_venue, price, size, taker, at`; of a flush that is over, `at` is when it began.
"""

import os
import sys
import time
from pathlib import Path
from struct import Struct
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from actors import market_recording
from actors.market_recording import MarketRecording
from market.archive.recorder import RecorderStatus, _load_kernels
from market.messages import BookDelta, BookSnapshot, Trade
from scripts.record import main

BOOK, CHANGE, TRADE, FLUSHED = range(4)
_ROW: Final = Struct("=8q")


def record(ledger: str, arguments: list[str]) -> None:
    file = os.open(ledger, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def say(instrument: int, what: int, *more: int) -> None:
        os.write(file, _ROW.pack(instrument, what, *more))

    class Overheard(MarketRecording):
        def hear(self, message: Any) -> None:
            super().hear(message)
            now = time.time_ns()
            if isinstance(message, BookSnapshot | BookDelta):
                what = BOOK if isinstance(message, BookSnapshot) else CHANGE
                say(message.instrument, what, message.seq, message.ts_venue, 0, 0, 0, now)
            elif isinstance(message, Trade):
                say(message.instrument, TRADE, 0, message.ts_venue, message.price, message.size, message.taker, now)

        def flush(self, now: int) -> RecorderStatus:
            began = time.time_ns()
            status = super().flush(now)
            if status.error is None:
                say(-1, FLUSHED, 0, 0, 0, 0, 0, began)
            return status

    market_recording.MarketRecording = Overheard  # type: ignore[misc]
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os._exit(main(arguments))


if __name__ == "__main__":
    # before the fork, so that a recorder begins at once
    import venues.binance.venue
    import venues.bybit.venue  # noqa: F401

    _load_kernels()
    for line in sys.stdin:
        ledger, *arguments = line.split()
        pid = os.fork()
        if pid == 0:
            record(ledger, arguments)
        print(pid, flush=True)
        os.waitpid(pid, 0)
        print("dead", flush=True)
