"""The report of a study is checked by its numbers and its pages."""

import json
import re
from pathlib import Path

import pytest

from research.report_record import read_record
from scripts import study
from scripts.verify_report import EXIT_DIFFERS, EXIT_EQUAL, EXIT_UNCHECKED, main

CONFIG = """
[data]
seconds = 30
[study]
instrument = "bybit:SOLUSDT"
notionals = [10_000]
horizons_s = [0, 1]
n_resamples = 100
"""


@pytest.mark.slow
def test_numbers_of_a_study(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "c.toml").write_text(CONFIG)
    out = tmp_path / "out"
    assert study.main(["--config", str(tmp_path / "c.toml"), "--out", str(out)]) == 0
    capsys.readouterr()
    assert main([str(out / "report.pdf")]) == EXIT_EQUAL
    said = capsys.readouterr().out
    assert re.search(r"^code     the same: version \S+, commit", said, re.MULTILINE)
    assert " 0 differ\n" in said
    assert "pages    the same, byte for byte\n" in said

    page = out / "other.html"
    # what only people read: the interval in the table of the page
    content = (out / "report.html").read_text()
    record = read_record(out / "report.html")
    assert content.count("1.0000 to 1.0000") >= 1
    page.write_text(content.replace("1.0000 to 1.0000", "0.8000 to 0.9000"))
    assert main([str(page)]) == EXIT_DIFFERS
    assert "0.8000 to 0.9000" in capsys.readouterr().out

    forged = read_record(out / "report.html")
    tested = next(row for row in forged["result"]["comparison"] if row["p Holm"] is not None)
    tested["p Holm"] = tested["p Holm"] / 2 + 0.1
    page.write_text(f'<script type="application/json" id="lockstep-record">{json.dumps(forged)}</script>')
    assert main([str(page)]) == EXIT_DIFFERS
    assert re.search(r"comparison\[\d+\]\.p Holm: .* in the report", capsys.readouterr().out)

    row = record["result"]["table"][-1]
    assert isinstance(row["MSE(e%)"], float)
    row["MSE(e%)"] *= 1.001
    page.write_text(f'<script type="application/json" id="lockstep-record">{json.dumps(record)}</script>')
    assert main([str(page)]) == EXIT_DIFFERS
    assert re.search(r"table\[\d+\]\.MSE\(e%\): .* in the report", capsys.readouterr().out)

    record["config"]["study"]["instrument"] = "bybit:DOGEUSDT"
    page.write_text(f'<script type="application/json" id="lockstep-record">{json.dumps(record)}</script>')
    assert main([str(page)]) == EXIT_UNCHECKED
    assert "cannot check: " in (said := capsys.readouterr().out)
    assert "DOGEUSDT" in said
