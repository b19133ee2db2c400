"""Signals to a real process that trades: it ends, or halts, with nothing open and that proven."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from actors.runtime.state_folder import StateFolder
from scripts.ops import main as ops

pytestmark = pytest.mark.realtime

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60


class Trader:
    """The process, once its orders rest at the venue."""

    def __init__(self, state: Path, *options: str, before: tuple[str, ...] = ()) -> None:
        command = [*before, sys.executable, "-m", "tests.sim.signalled_process", str(state), *options]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        self.folder = StateFolder(state)

    def wait_until_quoting(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "quoting\n"

    def end(self) -> dict[str, Any]:
        out, _ = self.process.communicate(timeout=PATIENCE_S)
        found: dict[str, Any] = json.loads(out.splitlines()[-1])
        return found


@contextmanager
def trader(state: Path, *options: str, before: tuple[str, ...] = ()) -> Iterator[Trader]:
    made = Trader(state, *options, before=before)
    try:
        yield made
    finally:
        made.process.kill()
        made.process.wait()
        assert made.process.stdout is not None
        made.process.stdout.close()


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < end, "it has not come about"
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_stop_ends_with_nothing_open(tmp_path: Path, number: signal.Signals) -> None:
    with trader(tmp_path) as process:
        process.wait_until_quoting()
        process.process.send_signal(number)
        result = process.end()
    assert process.process.returncode == 0
    assert (result["outcome"]["kind"], result["outcome"]["unproven"], result["open"]) == ("done", 0, 0)
    assert result["session"] == 1


def test_under_nohup_a_hang_up_stops_nothing(tmp_path: Path) -> None:
    with trader(tmp_path, before=("nohup",)) as process:
        process.wait_until_quoting()
        process.process.send_signal(signal.SIGHUP)
        seen = process.folder.beat()
        until(lambda: (beat := process.folder.beat()) is not None and beat != seen)
        assert process.process.poll() is None
        process.process.send_signal(signal.SIGTERM)
        assert process.end()["open"] == 0
    assert process.process.returncode == 0


def test_more_stops_still_cancel_all_though_the_order_manager_is_stuck(tmp_path: Path) -> None:
    with trader(tmp_path, "--stuck") as process:
        process.wait_until_quoting()
        began = time.monotonic()
        for _ in range(4):
            process.process.send_signal(signal.SIGINT)
            time.sleep(0.2)  # or the system makes one of them
        result = process.end()
        assert time.monotonic() - began < PATIENCE_S, "not the whole of the drain's two minutes"
    assert process.process.returncode == 0
    assert (result["outcome"]["unproven"], result["open"]) == (0, 0)


def test_a_halt_by_signal_holds_over_a_restart_until_it_is_cleared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with trader(tmp_path) as process:
        process.wait_until_quoting()
        process.process.send_signal(signal.SIGUSR1)
        until(lambda: process.folder.halt() is not None)
        until(lambda: (beat := process.folder.beat()) is not None and (beat.state, beat.n_live) == ("HALTED", 0))
        process.process.kill()
    with trader(tmp_path) as process:
        until(lambda: (beat := process.folder.beat()) is not None and beat.pid == process.process.pid)
        assert ops(["state", str(tmp_path)]) == 0
        told = capsys.readouterr().out
        assert told.startswith("halted PERSON: signal SIGUSR1")
        assert f"process {process.process.pid} is HALTED, 0 live orders, last heartbeat" in told
        assert ops(["clear", str(tmp_path), "--reason", "a test"]) == 0
        process.wait_until_quoting()
        assert ops(["halt", str(tmp_path), "--reason", "again"]) == 0
        until(lambda: (beat := process.folder.beat()) is not None and (beat.state, beat.n_live) == ("HALTED", 0))
        process.process.send_signal(signal.SIGINT)
        result = process.end()
    assert result["states"] == [2, 0, 2]
    assert (result["open"], result["session"]) == (0, 2)
    assert process.folder.halted() == "PERSON: again"
    beat = process.folder.beat()
    assert beat is not None
    assert beat.is_over


def test_ops_refuse_what_makes_no_sense(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ops(["clear", str(tmp_path), "--reason", "x"]) == 2
    assert ops(["state", str(tmp_path / "none")]) == 2
    assert "is not halted" in capsys.readouterr().err
    assert ops(["state", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "not halted\nno heartbeat: nothing has traded here yet\n"
