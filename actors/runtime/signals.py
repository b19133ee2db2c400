"""What signals do to a live run: stop it, stop it sooner, or halt trading; none of them leaves orders behind."""

import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import loguru
import trio

from actors.runtime.live import LiveNursery

if TYPE_CHECKING:
    from loguru import Logger

STOP: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
HALT: Final = signal.SIGUSR1


async def heed_signals(
    nursery: LiveNursery,
    halt: Callable[[str], None] | None = None,
    logger: "Logger | None" = None,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Heed signals until cancelled; to be started, and up, before the nursery runs, and cancelled after it has ended.

    The first Ctrl-C, SIGTERM or SIGHUP (the terminal is closed) lets the run end: the order manager cancels and waits
    for proof.  The second leaves the order manager alone: the connectors' shells cancel all and prove it, bounded in
    time.  Further ones change nothing.  SIGUSR1 halts trading, and the run goes on.  Afterwards all of them are
    ignored: what is left to be done is to write down how it ended; who wants that interrupted sets them anew.  A SIGHUP
    that is ignored when this begins, as under `nohup`, stays so.

    Args:
        halt: called for SIGUSR1 with the reason; None: nobody trades that could be halted.
    """
    log = logger or loguru.logger
    n_stops = 0
    is_hung_up = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN
    heeded = [number for number in (*STOP, HALT) if number is not signal.SIGHUP or is_hung_up]
    for number in heeded:
        signal.signal(number, signal.SIG_IGN)  # the receiver puts this back at its end, so that there is no gap
    with trio.open_signal_receiver(*heeded) as signals:
        task_status.started()
        async for received in signals:
            name = signal.Signals(received).name
            log.bind(signal=name).warning("signal")
            if received == HALT:
                if halt is not None:
                    halt(f"signal {name}")
                continue
            n_stops += 1
            if n_stops == 1:
                nursery.request_stop()
            else:
                nursery.hasten()
