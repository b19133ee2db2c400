"""The command that imports recordings, as it is typed."""

import subprocess
import sys
from pathlib import Path

import pytest

from market.archive.layout import hour_files
from scripts.import_tardis import main
from tests.market.archive.samples import increments, trades, write_csv

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    book = increments("2000 1000 true bid 100 1", "2000 1000 true ask 101 1", "30000000 20000000 false bid 100 0")
    tape = trades("2000 1500 7 buy 100 1", "2000 1600 7 buy 100 1")
    return [str(write_csv(tmp_path / "book.csv.gz", book)), str(write_csv(tmp_path / "trades.csv", tape))]


def test_it_imports_and_says_what_it_saw(tmp_path: Path, files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*files, "--archive", str(tmp_path / "archive")]) == 0
    said = capsys.readouterr().out
    assert "binance-futures:BTCUSDT" in said
    assert "duplicates 1" in said
    assert "silence from 2024-08-08 22:00:00.001 to 2024-08-08 22:00:20.000" in said
    assert "-10,001.000" in said  # ms: the shift of the clock
    assert f"5 files written to {tmp_path / 'archive'}" in said
    assert len(hour_files(tmp_path / "archive", "binance-futures", "BTCUSDT", "delta")) == 1


def test_a_fault_is_one_line(tmp_path: Path, files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    wrong = write_csv(tmp_path / "wrong.csv", trades("0 1500 7 buy 100 1", "0 1500 8 buy 100.05 1"))
    assert main([files[0], str(wrong), "--archive", str(tmp_path / "archive")]) == 1
    assert capsys.readouterr().err == (
        f"import_tardis: {wrong}:3: price 100.05 USDT is not a multiple of tick size 0.1 (binance-futures:BTCUSDT)\n"
    )
    assert hour_files(tmp_path / "archive", "binance-futures", "BTCUSDT", "delta") == []


def test_a_second_import_must_be_asked_for(
    tmp_path: Path, files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    archive = ["--archive", str(tmp_path / "archive")]
    assert main([*files, *archive]) == 0
    assert main([*files, *archive]) == 1
    assert "in the archive already" in capsys.readouterr().err
    assert main([*files, *archive, "--replace"]) == 0


def test_own_specifications(tmp_path: Path, files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    own = tmp_path / "own.toml"
    own.write_text('[[instrument]]\nvenue = "binance-futures"\nsymbol = "BTCUSDT"\n')
    assert main([files[1], "--archive", str(tmp_path / "archive"), "--instruments", str(own)]) == 1
    assert capsys.readouterr().err == (
        f"import_tardis: {own}: instrument 1: key 'base' is missing; it must be a text that is not empty\n"
    )


def test_wrong_use_ends_with_two(tmp_path: Path) -> None:
    run = [sys.executable, "-m", "scripts.import_tardis", "file.csv"]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "the following arguments are required: --archive" in done.stderr


@pytest.mark.parametrize("option", [[], ["--instruments"]])
def test_a_file_that_is_not_there_is_wrong_use(
    tmp_path: Path, files: list[str], option: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    missing = str(tmp_path / "none.csv")
    with pytest.raises(SystemExit) as left:
        main([*option, missing, *files, "--archive", str(tmp_path / "archive")])
    assert left.value.code == 2
    assert f"import_tardis: error: no such file: {missing}\n" in capsys.readouterr().err
    assert not (tmp_path / "archive").exists()
