"""The PDF says what it should, in the same bytes every time, and nothing that it should not."""

import base64
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image
from pypdf import PdfReader

from research.plots import plot_portfolio, save_figure
from research.report import write_html, write_report
from research.report_record import read_record
from research.run_report import add_statistics, report_run
from tests.research.run_writer import RunWriter, market_run

SECRET, CONFIG_SECRET = "s3cr3t-Value-42", "k3y-of-the-config"


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


def heads_of(reader: PdfReader) -> list[tuple[str, int]]:
    """Heads and the places of their pages, by the outline."""
    entries = [entry for entry in reader.outline if not isinstance(entry, list)]
    return [(str(entry.title), reader.get_destination_page_number(entry) or 0) for entry in entries]


@pytest.mark.slow
def test_contents_and_heads(tmp_path: Path) -> None:
    """Bodies of all kinds and heights one after the other: what stands below a head begins on the head's page."""
    rng = np.random.default_rng(3)
    sections: list[Any] = []
    for place, n in enumerate(rng.integers(1, 60, 60).tolist()):
        mark = f"mark{place}x"
        kind = ("frame", "dict", "text", "figure")[int(rng.integers(4))]
        data: Any = {f"{mark}{row}": row for row in range(n)}
        if kind == "frame":
            data = pd.DataFrame({mark: range(n)})
        elif kind == "text":
            data = "\n\n".join([mark] * n)
        elif kind == "figure":
            data = Figure(figsize=(8, 1 + n / 8))
        sections.append((f"Head {place}", data, kind))
    reader = PdfReader(write_report(tmp_path / "out.pdf", sections))
    texts = [page.extract_text() for page in reader.pages]
    contents = "\n".join(page.extract_text(extraction_mode="layout") for page in reader.pages[:3])
    heads = heads_of(reader)
    assert [title for title, _ in heads] == [title for title, _, _ in sections]
    stranded = []
    for place, (title, page) in enumerate(heads):
        assert re.search(rf"^ *{title} [ .]+ {page + 1}$", contents, re.MULTILINE), title
        if sections[place][2] == "figure":
            has_body = len(reader.pages[page].images) >= sum(
                sections[i][2] == "figure" for i, (_, there) in enumerate(heads) if there == page
            )
        else:
            has_body = f"mark{place}x" in texts[page]
        if not has_body:
            stranded.append(title)
    assert stranded == []
    for number, text in enumerate(texts, start=1):
        assert f"page {number} of {len(texts)}" in text


def test_texts_beyond_measure(tmp_path: Path) -> None:
    """A cell, a value, a key or a preformatted text that fits nowhere is broken or cut, and never lost in silence."""
    summary = "\n".join(f"row {n:3d} " + "=" * 120 + f" end{n}" for n in range(90))
    sections: list[Any] = [
        ("Cells", pd.DataFrame({"long": ["word " * 400, "x" * 3000], "n": [1, 2]}), "frame"),
        ("Values", {"summary": summary, "digest": "ab" * 9000, "k" * 200: 1, "empty": "", "none": None}, "dict"),
        ("Many", {f"key {n}": n for n in range(500)}, "dict"),
        ("Wide", pd.DataFrame([range(60)], columns=[f"column_{n}" for n in range(60)]), "frame"),
        ("Nothing", pd.DataFrame(), "frame"),
        ("Nothing", {}, "dict"),
    ]
    text = text_of(write_report(tmp_path / "out.pdf", sections))
    page = write_html(tmp_path / "out.html", sections).read_text()
    assert len("".join(re.findall(r"(?:ab|ba){5,}|(?:ab|ba){5,}[ab]", text))) > 17_500
    for n in range(90):
        assert f"row {n:3d}" in text
        assert re.search(rf"end{n}\b", page)
    for found in (text, page):
        assert "421 more" in found
        assert "1 rows × 60 columns" in found
        assert "0 rows × 0 columns" in found
    assert "column_0" in text
    assert "column_59" in text
    assert page.count("<th>column_") == 60, "a browser scrolls"


def test_figures_are_drawn_the_same_every_time(tmp_path: Path) -> None:
    def figure(height: float) -> Figure:
        made = Figure(figsize=(6, 3))
        made.subplots().plot([0, height])
        return made

    one, two, other = (
        write_report(tmp_path / f"{n}.pdf", [("Plot", figure(height), "figure")]).read_bytes()
        for n, height in enumerate((1.0, 1.0, 2.0))
    )
    assert one == two != other
    page = write_html(tmp_path / "out.html", [("Plot", figure(1.0), "figure")]).read_text()
    (data,) = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        assert image.size == (600, 300)
        assert not {"Software", "Creation Time", "date"} & set(image.info)


@pytest.mark.parametrize("write", [write_report, write_html])
def test_wrong_kind_leaves_no_file(write: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="section kind 'img' is not one of dict, frame, image, figure, text, code"):
        write(tmp_path / "out.pdf", [("x", 1, "img")])
    with pytest.raises(OSError, match="missing"):
        write(tmp_path / "out.pdf", [("x", tmp_path / "missing.png", "image")])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_report_of_a_run(tmp_path: Path) -> None:
    data = {"sha256": "ab" * 32, "streams": [{"rows": 5, "late": None}], "files": {"a": "c1" * 32, "b": "c2" * 32}}
    run = market_run(tmp_path / "run", result={"complete": True, "digest": "d1" * 32, "data": data})
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
        "c2" * 32,
        "rows 5, late –",
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
        quoters=(
            {
                "name": "mm",
                "strategy": "vamp",
                "instrument": "bybit:SOLUSDT",
                "note": f"key {SECRET} here",
                "api_key": CONFIG_SECRET,
                "echo": f"again {CONFIG_SECRET}",
            },
        ),
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
        made.append([(run.path / name).read_bytes() for name in ("report.pdf", "report.html")])
    assert made[0] == made[1]
    page = made[0][1].decode()
    record = json.dumps(read_record(run.path / "report.pdf"))
    assert record == json.dumps(read_record(run.path / "report.html"))
    for text in (text_of(run.path / "report.pdf"), page, record):
        for secret in (SECRET, CONFIG_SECRET):
            assert secret not in text
        assert text.count("[redacted]") >= 5
        assert "key [redacted] here" in text
    assert not any(secret.encode() in file for file in made[0] for secret in (SECRET, CONFIG_SECRET))
