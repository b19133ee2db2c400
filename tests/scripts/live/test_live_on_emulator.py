"""The live command over real sockets: emulated venues in one process, the trader in another, as a person would."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from research.run_data import Run
from scripts import replay_journal
from scripts.live_demo import CONFIG, EmulatorProcess, open_emulator_process
from scripts.run import main

pytestmark = pytest.mark.realtime

ROOT = Path(__file__).resolve().parents[3]


class Desk:
    """An emulator, and live runs on it."""

    def __init__(self, emulator: EmulatorProcess, folder: Path) -> None:
        self.emulator = emulator
        self.folder = folder
        self.keys = emulator.keys()

    def config(self) -> Path:
        """Write the config of the demo, for this emulator."""
        return self.emulator.write_config(CONFIG, self.folder)

    def start(self, name: str, *words: str) -> "subprocess.Popen[str]":
        """Start a run; its directory is `name`."""
        command = [sys.executable, "-m", "scripts.run", "--mode", "live", "--config", str(self.config())]
        others = {name: value for name, value in os.environ.items() if not name.startswith("LOCKSTEP_")}
        return subprocess.Popen(
            [*command, "--out", str(self.folder / name), *words],
            cwd=ROOT,
            env={**others, **self.keys},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def wait_for(self, name: str, text: str, process: "subprocess.Popen[str]") -> None:
        """Wait for a record of the run's log."""
        log = self.folder / name / "log.jsonl"
        while not (log.exists() and f'"message":"{text}"' in log.read_text()):
            assert process.poll() is None, process.communicate()[0]
            time.sleep(0.05)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    with open_emulator_process(folder) as emulator:
        yield Desk(emulator, folder)


@pytest.fixture(scope="module")
def stopped(desk: Desk) -> str:
    """What was said on the screen by a run that was stopped by Ctrl-C while it quoted."""
    process = desk.start("stopped")
    desk.wait_for("stopped", "order accepted", process)
    time.sleep(2)  # to have something in the report; nothing is asserted of how much
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=300)[0]
    assert process.returncode == 0, said
    return said


def test_a_person_reads_what_is_going_to_be_traded(stopped: str) -> None:
    for words in ("binance-futures  custom, market data only", "bybit            custom, orders live, no real money"):
        assert words in stopped
    assert re.search(r"SOLUSDT: tick 0\.01, lot 0\.1, at least 0\.1 SOL .*fees 2 bps maker", stopped)
    assert "the key may trade and may not withdraw" in stopped
    assert "REAL MONEY" not in stopped


def test_a_stopped_run_agrees_with_the_venue(desk: Desk, stopped: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Orders are cancelled, that is proven, and the exit code is 0; both sides have the same books."""
    assert "all orders are cancelled, and the accounts show none" in stopped
    result = json.loads((desk.folder / "stopped" / "result.json").read_text())
    assert (result["complete"], result["outcome"]["unproven"]) == (True, 0)
    assert result["execution"] == {"bybit": "live"}
    truth = desk.emulator.truth()["bybit"]
    run = Run.load(desk.folder / "stopped")
    fills = run.table("fills")
    assert truth["n_open"] == 0
    assert truth["n_fills"] == len(fills["ts"])
    assert truth["positions"]["SOLUSDT"] == int((fills["side"] * fills["size"]).sum())
    assert len(run.table("touch")["ts_recv"]) > 0
    assert replay_journal.main([str(desk.folder / "stopped")]) == replay_journal.EXIT_SAME
    assert f"digest   the same: {result['digest']}" in capsys.readouterr().out


def test_no_key_is_written_or_shown(desk: Desk, stopped: str) -> None:
    """Nothing of what a run leaves or says has the key or the secret: log, tables, journal, reports, state, screen."""
    secrets = set(desk.keys.values())
    assert not [secret for secret in secrets if secret in stopped]
    files = [path for path in desk.folder.rglob("*") if path.is_file()]
    assert {"log.jsonl", "journal", "report.html", "report.pdf", "run.toml", "heartbeat"} <= {f.name for f in files}
    found = [path.name for path in files for secret in secrets if secret.encode() in path.read_bytes()]
    assert not found


def refusal(desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], **keys: str) -> str:
    """Run the command in this process, with these keys; return why it trades nothing."""
    monkeypatch.chdir(desk.folder)
    for name in desk.keys:
        monkeypatch.delenv(name, raising=False)
    for name, value in keys.items():
        monkeypatch.setenv(name, value)
    code = main(["--mode", "live", "--config", str(desk.config()), "--out", str(desk.folder / "refused")])
    said = capsys.readouterr().err
    assert code in (1, 2), said  # 1: the venue refuses, and it is not known why
    assert not (desk.folder / "refused").exists()
    return " ".join(said.split())


def test_without_a_key_nothing_is_traded(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refusal(desk, monkeypatch, capsys)
    assert "no key for bybit: set LOCKSTEP_BYBIT_KEY and LOCKSTEP_BYBIT_SECRET" in said


def test_a_wrong_secret_is_said_and_not_shown(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = {**desk.keys, "LOCKSTEP_BYBIT_SECRET": "quite-another-secret"}
    said = refusal(desk, monkeypatch, capsys, **wrong)
    assert "bybit" in said
    assert "quite-another-secret" not in said


def test_a_halt_by_hand_holds_over_the_next_run(
    desk: Desk, stopped: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    process = desk.start("halted", "--no-report")
    desk.wait_for("halted", "order accepted", process)
    assert "another process trades on this account" in refusal(desk, monkeypatch, capsys, **desk.keys)
    process.send_signal(signal.SIGUSR1)
    desk.wait_for("halted", "nothing is open", process)
    assert desk.emulator.truth()["bybit"]["n_open"] == 0
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=300)[0]
    assert process.returncode == 0, said
    assert "trading is HALTED: signal SIGUSR1" in said
    for key, value in desk.keys.items():
        monkeypatch.setenv(key, value)
    words = ["--out", str(desk.folder / "again"), "--no-report", "--seconds", "1"]
    assert main(["--mode", "live", "--config", str(desk.config()), *words]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "HALTED (PERSON: signal SIGUSR1): nothing is traded until a person clears it" in said
    assert "PLACE" not in set(Run.load(desk.folder / "again").table("orders")["kind"])
