"""The state folder of an account: what must outlive the process, and what other processes read of it.  No secrets.

- `session`: the number of the last run, a part of its client order ids.
- `halt.json`: why the account is halted, until a person clears it.
- `HALT`: put there by a person to halt it; its text is the reason.
- `halts.jsonl`: what was halted and cleared: a halt whose file somebody has removed is not cleared by that.
- `hedge.json`: put there by a person who wants the hedge desk to do something; taken away by who trades.
- `hedge-answer.json`: what has come of the newest such wish.
- `heartbeat`: one line of a fixed length, written in place, so that a full disk does not stop it.
- `lock`: held by the process that trades.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, Final

import msgspec

from market.messages import HaltCause, HedgeAnswered, HedgeRequested, TradingState
from market.units import SECOND, Nanos

_MAX_SESSION: Final = (1 << 20) - 1  # what a client order id has room for
# a person may have put them there before anything was traded
_NO_TRACE: Final = ("lock", "HALT", "halts.jsonl", "hedge.json", "hedge-answer.json")
_MAX_DIGITS: Final = 7
# sessions begin at a number that the clock gives: whoever loses the folder repeats none, if runs are rarer than this
_FIRST_SESSION: Final = 1_735_689_600 * SECOND  # 2025-01-01
_SESSION_EVERY: Final = 600 * SECOND  # enough for twenty years
_BEAT_BYTES: Final = 256
_TEXT_BYTES: Final = 2000
_HALTED, _WISHED, _CLEARED = "halted", "wished", "cleared"  # notes


class StateError(Exception):
    """The state folder does not say what it must; a person has to look."""


class Halt(msgspec.Struct, frozen=True):
    """Why an account is halted, and since when (ns since the Unix epoch)."""

    t_ns: Nanos
    cause: str
    reason: str


class Beat(msgspec.Struct, frozen=True):
    """A sign of life.

    Attributes:
        number: changes with every beat of a process.
        generation: of the order manager, which has answered for this beat.
        state: name of the `TradingState` that it enforces.
        n_live: orders whose end was not known.
        is_over: the process has ended, and proven that no order of it is left.
    """

    number: int
    t_ns: Nanos
    pid: int
    generation: int
    state: str
    n_live: int
    is_over: bool = False


class StateFolder:
    """The files of one account; made if it is not there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writes = count()
        path.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep the folder for this process while the block runs.

        Raises:
            StateError: another process has it.
        """
        with (self.path / "lock").open("a+b") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise StateError(
                    f"{self.path} is in use: another process trades on this account; stop it first"
                ) from None
            yield

    # --- client order ids --------------------------------------------------------------------------------------------

    def next_session(self, now: Nanos) -> int:
        """Return a session number that no run of the account has had, 1 to 2**20 - 1; it is on the disk by then.

        It is one more than the last, at least what the clock makes it: a folder that was lost, or is another, goes on
        beyond the numbers that were given before.

        Raises:
            StateError: the last one cannot be read, there is no number left, or the clock is wrong.
        """
        file = self.path / "session"
        by_clock = (now - _FIRST_SESSION) // _SESSION_EVERY
        if by_clock < 1:
            raise StateError(f"the clock shows {now} ns since 1970, which is before 2025; set it, then begin")
        last = max(self._last_session(file), by_clock - 1)
        if last >= _MAX_SESSION:
            raise StateError(
                f"{file}: all {_MAX_SESSION} sessions are used up; cancel everything on the account, wait until the"
                " venue has forgotten its old orders, and begin with a new state folder"
            )
        self._write(file, f"{last + 1}\n".encode())
        return last + 1

    def _last_session(self, file: Path) -> int:
        try:
            text = file.read_bytes()
        except FileNotFoundError:
            others = sorted(each.name for each in self.path.iterdir() if each.name not in _NO_TRACE)
            if others:
                raise StateError(
                    f"{file} is missing beside {', '.join(others)}: which client order ids were used is not known;"
                    " put it back, with the number of the last session or a higher one"
                ) from None
            return 0
        digits = text.removesuffix(b"\n")
        if not (digits.isdigit() and len(digits) <= _MAX_DIGITS):
            raise StateError(
                f"{file} reads {text[:40]!r}, not a session number: which client order ids were used is not known;"
                " put the number of the last session there, or a higher one"
            )
        return int(digits)

    # --- halts -------------------------------------------------------------------------------------------------------

    @property
    def is_cleared(self) -> bool:
        """A person has cleared the halt that was written down.

        Files that are gone, alone or with their folder, or not readable were cleared by nobody.
        """
        return self._last_note() == _CLEARED and self._is_missing("halt.json") and self._is_missing("HALT")

    def halted(self) -> str:
        """Return why the account is halted, empty if it is not; what cannot be read halts as well."""
        try:
            halt = self.halt()
        except StateError as error:
            return str(error)
        if halt is not None:
            return f"{halt.cause}: {halt.reason}"
        if (wish := self.wish()) is not None:
            return f"{HaltCause.PERSON.name}: {wish}"
        beat = self.beat()
        if beat is not None and beat.state == TradingState.HALTED.name:
            return "the last heartbeat tells of a halt that could not be written down"
        if self._last_note() not in ("", _CLEARED):
            return f"{self.path / 'halts.jsonl'} ends with a halt that nobody has cleared, though its file is gone"
        return ""

    def halt(self) -> Halt | None:
        """Return the halt that is written down.

        Raises:
            StateError: the file is not readable.
        """
        file = self.path / "halt.json"
        try:
            return msgspec.json.decode(file.read_bytes(), type=Halt)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            raise StateError(f"{file} is not readable ({error}); look at the account, then clear it") from None

    def wish(self) -> str | None:
        """Return the text of the file `HALT`, None if it is not there."""
        try:
            text = (self.path / "HALT").read_bytes()[:_TEXT_BYTES].decode(errors="replace").strip()
        except FileNotFoundError:
            return None
        except OSError as error:
            return f"the file HALT, which is not readable ({error.strerror})"
        return text or "the file HALT"

    def write_halt(self, halt: Halt) -> None:
        """Write a halt down; it is on the disk when this returns."""
        self._write(self.path / "halt.json", msgspec.json.encode(halt) + b"\n")
        self._note(_HALTED, msgspec.to_builtins(halt))

    def wish_halt(self, reason: str) -> None:
        """Let whoever trades here halt."""
        self._write(self.path / "HALT", reason.encode() + b"\n")
        self._note(_WISHED, {"reason": reason})

    def clear(self, t_ns: Nanos, reason: str) -> None:
        """A person has looked: trading may go on."""
        self._note(_CLEARED, {"t_ns": t_ns, "reason": reason})
        beat = self.beat()
        if beat is not None and beat.state == TradingState.HALTED.name:
            self.write_beat(msgspec.structs.replace(beat, state=TradingState.ACTIVE.name))
        for name in ("HALT", "halt.json"):
            with suppress(FileNotFoundError):
                (self.path / name).unlink()
        self._sync_folder()

    # --- hedges ------------------------------------------------------------------------------------------------------

    def wish_hedge(self, wish: HedgeRequested) -> None:
        """Let the hedge desk of whoever trades here do something; what was answered before is forgotten."""
        with suppress(FileNotFoundError):
            (self.path / "hedge-answer.json").unlink()
        self._write(self.path / "hedge.json", msgspec.json.encode(wish) + b"\n")

    def withdraw_hedge(self) -> bool:
        """Take a wish back; False: it was taken already."""
        try:
            (self.path / "hedge.json").unlink()
        except FileNotFoundError:
            return False
        return True

    def take_hedge(self) -> HedgeRequested | None:
        """Return a wish and take it away: it is carried out once, or not at all.

        Raises:
            StateError: the file is not readable; it is taken away all the same.
        """
        file = self.path / "hedge.json"
        try:
            data = file.read_bytes()
        except FileNotFoundError:
            return None
        file.unlink()
        try:
            return msgspec.json.decode(data, type=HedgeRequested)
        except msgspec.DecodeError as error:
            raise StateError(f"{file} was no request for a hedge ({error}); use `scripts.ops hedge`") from None

    def write_hedge_answer(self, answer: HedgeAnswered) -> None:
        """Write down what has come of a wish."""
        self._write(self.path / "hedge-answer.json", msgspec.json.encode(answer) + b"\n")

    def hedge_answer(self) -> HedgeAnswered | None:
        """Return what has come of the newest wish; None: nothing yet, or nothing that can be read."""
        try:
            return msgspec.json.decode((self.path / "hedge-answer.json").read_bytes(), type=HedgeAnswered)
        except (OSError, msgspec.DecodeError):
            return None

    # --- the heartbeat -----------------------------------------------------------------------------------------------

    def write_beat(self, beat: Beat) -> None:
        """Write a sign of life over the last one."""
        line = msgspec.json.encode(beat).ljust(_BEAT_BYTES - 1) + b"\n"
        assert len(line) == _BEAT_BYTES, beat
        descriptor = os.open(self.path / "heartbeat", os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            os.pwrite(descriptor, line, 0)
        finally:
            os.close(descriptor)

    def beat(self) -> Beat | None:
        """Return the last sign of life; None if there is none that can be read, or it is being written this moment."""
        try:
            return msgspec.json.decode((self.path / "heartbeat").read_bytes(), type=Beat)
        except (OSError, msgspec.DecodeError):
            return None

    def beat_written_at(self) -> float:
        """Return when the last sign of life was written, s since the epoch by the clock of the file system."""
        return (self.path / "heartbeat").stat().st_mtime

    def end(self) -> None:
        """The process ends, and has proven that no order of it is left: nobody need watch it any more."""
        beat = self.beat()
        if beat is not None:
            self.write_beat(msgspec.structs.replace(beat, n_live=0, is_over=True))

    # --- files -------------------------------------------------------------------------------------------------------

    def _note(self, what: str, facts: dict[str, Any]) -> None:
        with (self.path / "halts.jsonl").open("ab") as file:
            file.write(b"\n" * (not self._ends_whole()) + msgspec.json.encode({what: facts}) + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def _last_note(self) -> str:
        """Return what was noted last: halted, wished, cleared; empty: nothing ever; anything else: not readable."""
        try:
            lines = (self.path / "halts.jsonl").read_bytes().splitlines()
            return next(iter(msgspec.json.decode(lines[-1], type=dict[str, Any]))) if lines else ""
        except FileNotFoundError:
            return ""
        except (OSError, msgspec.DecodeError, StopIteration):
            return "not readable"

    def _ends_whole(self) -> bool:
        """Tell whether a note can follow the last, or that one was cut short by a crash."""
        notes = self.path / "halts.jsonl"
        return not notes.exists() or notes.read_bytes()[-1:] in (b"", b"\n")

    def _write(self, file: Path, data: bytes) -> None:
        """Put a file in place whole, on the disk: a crash leaves the old one or the new one."""
        # a name of its own: a thread may be at the same file when the run ends
        unfinished = file.with_name(f"{file.name}.{next(self._writes)}.new")
        with unfinished.open("wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        unfinished.replace(file)
        self._sync_folder()

    def _is_missing(self, name: str) -> bool:
        try:
            (self.path / name).lstat()
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return False

    def _sync_folder(self) -> None:
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
