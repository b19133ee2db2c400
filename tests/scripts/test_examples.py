"""The example that a newcomer copies runs as the README says."""

import json
from pathlib import Path

from scripts.run import EXIT_DONE, main

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def test_the_example_strategy_runs_and_its_code_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "run"
    options = ["--config", str(EXAMPLES / "microprice.toml"), "--seconds", "60", "--out", str(out), "--check"]
    assert main(options) == EXIT_DONE
    result = json.loads((out / "result.json").read_text())
    assert result["outcome"] == {"kind": "done", "unproven": 0, "reason": ""}
    assert result["statistics"]["quoter"]["micro"]["n_fills"] > 0
    assert (out / "code" / "microprice.py").read_text() == (EXAMPLES / "microprice.py").read_text()
    assert (out / "report.pdf").stat().st_size > 10_000
