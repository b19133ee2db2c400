"""`scripts/ops.py` as its user meets it."""

import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from actors.runtime.log import open_log
from scripts.ops import clock_text, main, restarts

ROOT = Path(__file__).resolve().parents[2]
NOON = 1_723_118_400_000_000_000  # 2024-08-08 12:00 UTC


@pytest.fixture
def run(tmp_path: Path) -> Path:
    now = [NOON]
    with open_log(tmp_path / "log.jsonl", lambda: now[0], "r1") as log:
        log.bind(supervisor="quoters", child="q0", generation=0).info("child started")
        now[0] += 1_500_000_000
        log.bind(supervisor="quoters", child="q0", generation=0, error="ValueError: [x]").error("child crashed")
        log.bind(quoter="q0", instrument=0, reason="QUOTER_DOWN").warning("quotes pulled")
        log.bind(supervisor="quoters", child="q0", generation=1, n_restarts=1, backoff_s=0.2).warning(
            "child restarting"
        )
        now[0] += 200_000_000
        log.bind(supervisor="quoters", child="q0", generation=1).info("child started")
        now[0] += 50_000_000
        log.bind(quoter="q0", instrument=0).info("quotes back")
    return tmp_path


def test_tail_shows_what_is_asked_for(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def texts(*words: str) -> list[str]:
        assert main(["tail", str(run), *words]) == 0
        lines = capsys.readouterr().out.splitlines()
        return [" ".join(line.split("  supervisor=")[0].split("  quoter=")[0].split()[3:]) for line in lines]

    assert texts("--level", "WARNING") == ["child crashed", "quotes pulled", "child restarting"]
    assert texts("--level", "ERROR") == ["child crashed"]
    assert texts("--match", "q0", "-n", "2") == ["child started", "quotes back"]
    assert texts("--match", "QUOTER_DOWN") == ["quotes pulled"]
    assert texts("--match", "nothing like it") == []


def test_clock_text_is_utc_to_the_microsecond() -> None:
    assert clock_text(NOON + 1_234_567) == "2024-08-08 12:00:00.001234"


def test_tail_prints_the_last_records_with_times_and_facts(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tail", str(run), "-n", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("2024-08-08 12:00:01.700000 INFO     child started  supervisor=quoters  child=q0")
    assert lines[1].endswith("quotes back  quoter=q0  instrument=0")


def test_tail_shows_text_in_brackets_as_it_is(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["tail", str(run)])
    assert "error=ValueError: [x]" in capsys.readouterr().out


def test_restarts_says_when_who_why_how_long_and_how_long_without_quotes(run: Path) -> None:
    out = io.StringIO()
    restarts(Console(file=out, width=200), run / "log.jsonl")
    row = next(line for line in out.getvalue().splitlines() if "q0" in line)
    cells = [cell.strip() for cell in row.split("│")[1:-1]]
    assert cells == [
        "2024-08-08 12:00:01.500000",
        "q0",
        "1",
        "ValueError: [x]",
        "0.200 s",
        "0.200 s",
        "q0: 0.250 s",
    ]


def test_restarts_says_so_when_there_were_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log.jsonl").write_text("")
    assert main(["restarts", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("nothing was restarted (")


def test_missing_log_is_wrong_use_and_names_file_and_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tail", str(tmp_path / "nowhere")]) == 2
    assert capsys.readouterr().err.startswith(f"no log at {tmp_path / 'nowhere'}: give a run directory")


def test_broken_log_names_file_and_line(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (run / "log.jsonl").open("a") as file:
        file.write("oops\n")
    assert main(["restarts", str(run)]) == 1
    assert f"{run / 'log.jsonl'}:7: not a log record" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [[], ["tail"], ["tail", "x", "-n", "0"], ["tail", "x", "-n", "two"], ["mend", "x"]]
)
def test_wrong_use_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.realtime
def test_follow_prints_what_is_written_later_and_ends_by_ctrl_c(run: Path) -> None:
    command = [sys.executable, "-m", "scripts.ops", "tail", str(run), "-n", "1", "--follow"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "quotes back" in process.stdout.readline()
        with (run / "log.jsonl").open("a") as file:
            file.write(f'{{"t_ns":{NOON},"level":"INFO","message":"child stopped"}}\n')
        assert "child stopped" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0
