"""How a watchdog tells from heartbeats that a trader is dead, and what it does then."""

import os
import signal
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import attrs
import trio

from actors.runtime.state_folder import Beat, StateFolder
from scripts.live.sweeping import Broom, prove_reach, say, sweep_all
from scripts.watched_accounts import Account

EXIT_STOPPED, EXIT_SWEPT = 0, 1
POLL_S: Final = 0.2


@attrs.frozen
class WatchConfig:
    """How it watches.

    Attributes:
        after_s: a heartbeat may be so old.
        once: it ends when it had to cancel and nothing is open.
        halt: it halts the account as well.
    """

    after_s: float
    once: bool = False
    halt: bool = False


async def watch_until_stopped(folder: StateFolder, accounts: Sequence[Account], config: WatchConfig) -> int:
    """Watch until SIGINT or SIGTERM, or with `once` until it has swept; return the exit code."""
    brooms = [Broom(account) for account in accounts]
    code = EXIT_STOPPED
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with trio.open_nursery() as tasks:

            async def heed() -> None:
                await anext(signals)
                say("stopped")
                tasks.cancel_scope.cancel()

            tasks.start_soon(heed)
            for broom in brooms:  # nobody waits for one that cannot be reached
                tasks.start_soon(prove_reach, broom)
            say("watching", state=str(folder.path), after_s=config.after_s, venues=[each.name for each in brooms])
            code = await watch(folder, brooms, config)
            tasks.cancel_scope.cancel()
    return code


@attrs.define
class Pulse:
    """Tells from heartbeats as they are read whether the one who writes them is alive.

    The time of the machine plays no part: a beat is fresh when it differs from the last, by our own monotonic clock.
    A process that was seen and is gone is dead at once.
    """

    after_s: float
    beat: Beat | None = None
    changed_at: float = 0.0
    was_seen: bool = False

    def why_dead(self, beat: Beat | None, now_s: float, is_there: Callable[[int], bool]) -> str:
        """Take a reading; return why the process is dead, empty if it is not, or if nobody trades."""
        if beat is not None and beat != self.beat:
            if self.beat is None or beat.pid != self.beat.pid:
                self.was_seen = False
            self.beat, self.changed_at = beat, now_s
        if self.beat is None or self.beat.is_over:
            return ""
        if is_there(self.beat.pid):
            self.was_seen = True  # from here on its absence means something: it is of this machine
        elif self.was_seen:
            return f"process {self.beat.pid} is gone"
        silent_s = now_s - self.changed_at
        return f"no heartbeat for {silent_s:.1f} s" if silent_s > self.after_s else ""


async def watch(folder: StateFolder, brooms: Iterable[Broom], config: WatchConfig) -> int:
    """Watch, and sweep when the trader is dead; return the exit code where once is enough."""
    pulse = Pulse(config.after_s)
    swept: Beat | None = None
    while True:
        why = pulse.why_dead(folder.beat(), time.monotonic(), _is_there)
        if why and pulse.beat != swept:
            began = time.monotonic()
            say("dead", reason=why, **_told(pulse.beat))
            if config.halt:
                _halt(folder, why)
            swept = pulse.beat
            if await sweep_all(brooms, lambda: not pulse.why_dead(folder.beat(), time.monotonic(), _is_there)):
                say("nothing is open", took_s=round(time.monotonic() - began, 3))
                if config.once:
                    return EXIT_SWEPT
            else:
                say("alive again: it sees to its orders itself")
        await trio.sleep(POLL_S)


def _halt(folder: StateFolder, why: str) -> None:
    """Halt the account, if the disk takes it: a full one is no reason to leave orders standing."""
    try:
        folder.wish_halt(f"the watchdog has cancelled all: {why}")
    except OSError as error:
        say("the account is not halted", error=str(error))


def _told(beat: Beat | None) -> dict[str, Any]:
    return {} if beat is None else {"pid": beat.pid, "state": beat.state, "n_live": beat.n_live}


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_dead(pid)


def _is_dead(pid: int) -> bool:
    """Tell whether a process has ended and only waits for its parent to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"
    except (OSError, IndexError):
        return False
