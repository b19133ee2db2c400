"""Alerts: what a person must know at once, told to a command of the user's choice.

An alert is a record of log.jsonl that this table names.  The command gets it as one JSON object on its standard input;
whatever becomes of it, trading does not wait for it and does not end with it.
"""

import os
import re
import signal
import subprocess
import tempfile
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import msgspec
import trio

from scripts.live.child_process import without_keys

if TYPE_CHECKING:
    from loguru import Logger

# text of the record -> what is the matter
KINDS: Final[Mapping[str, str]] = {
    "trading state": "halt",
    "halt requested": "halt",
    "child restarting": "restart",
    "escalated": "restart",
    "left down": "restart",
    "gave up": "restart",
    "book stale": "stale feed",
    "recording: the disk fails": "recorder",
    "recording: messages are lost": "recorder",
    "recording: an hour is not written": "recorder",
    "table rows are lost": "recorder",
    "stopped working beside the run": "restart",
    "file is not written": "disk",
    "file is cut short": "disk",
    "cancels are not proven": "unproven stop",
    "wallet differs": "wallet",
}
_SUBJECTS: Final = ("child", "supervisor", "venue", "instrument", "file", "state", "error", "asset")
_NUMBER: Final = re.compile(r"\d{6,}")  # times and ids in the text of a venue make no other reason of it
_QUIET: Final = ("ACTIVE",)  # trading states that nobody is woken for

_MOST_WAITING: Final = 64
_MOST_KNOWN: Final = 1024
_AGAIN_S: Final = 60.0  # the same of the same is told so often, with the count
_LOOK_S: Final = 1.0
_SHOWN: Final = 500  # bytes of what a failed command said


class Alerts:
    """Takes records, and runs the command for those that are alerts, one after the other.

    Args:
        command: and its arguments; empty: there are no alerts.
        logger: where failures are written.
        facts: stand in every alert.
        timeout_s: a command that takes longer is stopped.
        stale_s: a book that is stale for a shorter time is not told of.
    """

    def __init__(
        self,
        command: Sequence[str],
        logger: "Logger",
        facts: Mapping[str, Any],
        timeout_s: float = 10.0,
        stale_s: float = 5.0,  # healed by then, it was not worth waking somebody
    ) -> None:
        self._command = list(command)
        self._logger = logger
        self._facts = dict(facts)
        self._timeout_s = timeout_s
        self._waiting: deque[dict[str, Any]] = deque()
        self._stale: dict[tuple[str, str], tuple[float, dict[str, Any]]] = {}
        self._told: dict[tuple[str, ...], tuple[float, int]] = {}
        self._stale_s = stale_s
        self._is_over = False
        self._wake = trio.Event()

    def hear(self, record: Mapping[str, Any]) -> None:
        """Take a record as it is written; cheap, and never fails."""
        kind = KINDS.get(record["message"])
        subject = str(record.get("venue", "")), str(record.get("instrument", ""))
        if record["message"] == "book fresh":
            self._stale.pop(subject, None)
        if record.get("state") in _QUIET:
            self._forget_halts()
            return
        if not self._command or kind is None:
            return
        alert = {"kind": kind, **self._facts, **record}
        if kind == "stale feed":
            self._stale[subject] = trio.current_time() + self._stale_s, alert
            return
        self._put(alert)

    def end(self) -> None:
        """Let `run` tell what waits, and return."""
        self._is_over = True
        self._wake.set()

    async def run(self) -> None:
        """Tell alerts until `end`."""
        while not self._is_over:
            self._wake = trio.Event()
            await self._tell()
            with trio.move_on_after(_LOOK_S):
                await self._wake.wait()
        await self._tell()

    async def _tell(self) -> None:
        now = trio.current_time()
        for subject, (due, alert) in list(self._stale.items()):
            if due <= now:
                del self._stale[subject]
                self._put(alert)
        while self._waiting:
            await self._run_command(self._waiting.popleft())

    def _put(self, alert: dict[str, Any]) -> None:
        now = trio.current_time()
        key = _key(alert)
        at, n_since = self._told.get(key, (-_AGAIN_S, 0))
        if now - at < _AGAIN_S:
            self._told[key] = at, n_since + 1
            return
        if len(self._waiting) >= _MOST_WAITING:
            self._logger.bind(kind=alert["kind"], alert=alert["message"]).error("alert dropped")
            return
        self._told[key] = now, 0
        self._forget_old(now)
        self._waiting.append({**alert, "n_before": n_since})
        self._wake.set()

    def _forget_halts(self) -> None:
        """Trading goes on: should it be halted again, for the same reason even, that is news."""
        self._told = {key: told for key, told in self._told.items() if key[0] != "halt"}

    def _forget_old(self, now: float) -> None:
        """Reasons are without number: those that may be told again are not kept, but for how often they came since."""
        if len(self._told) > _MOST_KNOWN:
            self._told = {key: told for key, told in self._told.items() if now - told[0] < _AGAIN_S}

    async def _run_command(self, alert: dict[str, Any]) -> None:
        failure = ""
        with tempfile.TemporaryFile() as said:
            try:
                with trio.move_on_after(self._timeout_s) as patience:
                    done = await trio.run_process(
                        self._command,
                        stdin=msgspec.json.encode(alert),
                        stdout=subprocess.DEVNULL,
                        stderr=said,
                        check=False,
                        env=without_keys(),
                        start_new_session=True,  # Ctrl-C is for us
                        deliver_cancel=_kill,
                    )
                if patience.cancelled_caught:
                    failure = f"it took longer than {self._timeout_s:g} s"
                elif done.returncode:
                    said.seek(0)
                    failure = f"exit code {done.returncode}: {said.read(_SHOWN).decode(errors='replace').strip()}"
            except OSError as error:
                failure = str(error)
        if failure:
            self._logger.bind(kind=alert["kind"], alert=alert["message"], error=failure).error("alert failed")


def _key(alert: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what makes an alert the same as another: of halts the reason, too, as each may need another remedy."""
    key = (alert["kind"], alert["message"], *(str(alert.get(name, "")) for name in _SUBJECTS))
    return (*key, _NUMBER.sub("", str(alert.get("reason", "")))) if alert["kind"] == "halt" else key


async def _kill(process: trio.Process) -> None:
    """End a command that took too long, and what it has started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
