"""The PDF says what it should, in the same bytes every time, and nothing that it should not."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pypdf import PdfReader

from research.plots import plot_portfolio, save_figure
from research.report import write_report
from research.run_report import add_statistics, report_run
from tests.research.run_writer import RunWriter, market_run

SECRET = "s3cr3t-Value-42"


def text_of(path: Path) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(path).pages)


@pytest.mark.slow
def test_a_report_of_every_kind_of_section(tmp_path: Path) -> None:
    run = market_run(tmp_path / "run")
    picture = save_figure(plot_portfolio(run), tmp_path / "portfolio.png")
    code = tmp_path / "maker.py"
    code.write_text("# reason\nclass Maker:\n    spread = 6  # bps\n" + "x = 1\n" * 200)
    sections: list[Any] = [
        ("Config", {"seed": 7, "nested": {"fees": [0.1, 0.2]}, "path": "/x" * 90}, "dict"),
        ("PnL", pd.DataFrame({"pnl": range(100)}), "frame"),
        ("PnL", picture, "image"),
        ("Notes", "First <b>paragraph</b> & more.\n\nSecond one.", "text"),
    ]
    file = write_report(
        tmp_path / "out.pdf", sections, code, provenance={"commit": "abc123", "dirty": True}, subtitle="a window"
    )
    text = text_of(file)
    for expected in (
        "Simulation report",
        "a window",
        "seed",
        "0.1, 0.2",
        "100 rows × 1 columns",
        "First <b>paragraph</b> & more.",
        "Strategy code: maker.py",
        "# reason",
        "class Maker",
        "203",
        "Provenance",
        "abc123",
        "page 1 of",
    ):
        assert expected in text, expected
    reader = PdfReader(file)
    assert [str(entry["/Title"]) for entry in reader.outline if not isinstance(entry, list)] == [
        "Config",
        "PnL",
        "Notes",
        "Strategy code: maker.py",
        "Provenance",
    ]
    assert sum(len(page.images) for page in reader.pages) == 1
    bare = text_of(write_report(tmp_path / "bare.pdf", sections, code, include_comments=False))
    assert "# reason" not in bare
    assert "spread = 6" in bare
    assert "# bps" not in bare


def test_no_head_without_its_content(tmp_path: Path) -> None:
    """Tables of many sizes one after the other: the page that has a heading has the first row below it."""
    sections: list[Any] = [(f"Head {n}", pd.DataFrame({f"column{n}": range(3 + n % 34)}), "frame") for n in range(30)]
    file = write_report(tmp_path / "out.pdf", sections)
    pages = [page.extract_text() for page in PdfReader(file).pages]
    for n in range(30):
        with_head = [page for page in pages[1:] if f"Head {n}\n" in page] or [pages[0]]
        assert any(f"column{n}" in page for page in with_head), n


def test_wrong_kind_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="section kind 'img' is not one of"):
        write_report(tmp_path / "out.pdf", [("x", 1, "img")])  # type: ignore[list-item]
    with pytest.raises(OSError, match="missing"):
        write_report(tmp_path / "out.pdf", [("x", tmp_path / "missing.png", "image")])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_report_of_a_run(tmp_path: Path) -> None:
    run = market_run(tmp_path / "run")
    (run.path / "code").mkdir()
    (run.path / "code" / "maker.py").write_text("class Maker:\n    pass\n")
    file = report_run(run.path, provenance={"command": "run.py --mode sim", "code": "commit abc, dirty"})
    text = text_of(file)
    for expected in (
        "2025-01-10 01:00:00 to 2025-01-10 01:05:00 UTC",
        "risk_averse",
        "bybit:SOLUSDT",
        "max_drawdown_pct",
        "Fills",
        "fill_model",
        "class Maker",
        "run.py --mode sim",
        "commit abc, dirty",
        "d1" * 32,
        "ab" * 32,
    ):
        assert expected in text, expected
    assert "partial" not in text
    assert {p.name for p in (run.path / "plots").iterdir()} == {
        "exchange_bybit.png",
        "portfolio.png",
        "markouts.png",
        "markout_curves.png",
        "prices_bybit_SOLUSDT.png",
        "prices_bybit_SOLUSDT_vamp.png",
        "prices_bybit_SOLUSDT_imbalance.png",
        "counterparty_pnl.png",
    }


@pytest.mark.slow
def test_empty_partial_and_bounded_runs(write_run: RunWriter) -> None:
    bare = write_run(folder="bare")
    assert "partial run" in text_of(report_run(bare.path))
    assert add_statistics(bare.path)["venue"] == {"bybit": None}
    source = market_run(bare.path.parent / "source", result={"complete": False, "until_ns": 1_736_470_950 * 10**9})
    found = add_statistics(source.path)
    bounds = {
        "pessimistic": {"fill_model": "strict_cross", "statistics": {"venue": {"bybit": None}}},
        "chosen": found,
        "optimistic": {"fill_model": "touch", "statistics": found},
    }
    bounded = market_run(bare.path.parent / "bounded", result={"complete": False, "bounds": bounds})
    text = text_of(report_run(bounded.path))
    assert "it ends at 2025-01-10 01:04:59 UTC" in text
    for expected in ("Fill rules side by side", "pessimistic (strict_cross)", "optimistic (touch)"):
        assert expected in text


PROGRAM = """
import sys
from research import report_run
report_run(sys.argv[1])
"""


@pytest.mark.slow
def test_same_bytes_in_two_processes_and_no_secret(tmp_path: Path) -> None:
    run = market_run(
        tmp_path / "run",
        quoters=({"name": "mm", "strategy": "vamp", "instrument": "bybit:SOLUSDT", "note": f"key {SECRET} here"},),
        result={"complete": True, "command": f"run.py --token {SECRET}", "versions": {SECRET: SECRET}},
        declarations={},
    )
    (run.path / "code").mkdir()
    (run.path / "code" / "maker.py").write_text(f"KEY = '{SECRET}'  # {SECRET}\n")
    made = []
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "DEMO_VENUE_SECRET": SECRET}
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", PROGRAM, str(run.path)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        made.append((run.path / "report.pdf").read_bytes())
    assert made[0] == made[1]
    text = text_of(run.path / "report.pdf")
    assert SECRET not in text
    assert text.count("[redacted]") >= 5
    assert "key [redacted] here" in text
    assert SECRET.encode() not in made[0]
