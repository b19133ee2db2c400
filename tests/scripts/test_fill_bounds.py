"""`--bounds` and `--check`: what hangs on the fill rule, and whether every fill stands up to the raw data."""

import json
from pathlib import Path

import pytest

from scripts.run import EXIT_DONE, main


def test_bounds_stand_beside_the_chosen_rule(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    options = ["--seconds", "120", "--out", str(out), "--bounds", "--check", "--no-report"]
    assert main(options) == EXIT_DONE
    bounds = json.loads((out / "result.json").read_text())["bounds"]
    assert [bound["fill_model"] for bound in bounds.values()] == ["strict_cross", "risk_averse", "touch"]
    fills = [bound["statistics"]["venue"]["bybit"]["n_fills"] for bound in bounds.values()]
    assert all(n > 0 for n in fills)  # the maker reacts to its fills, so that they need not be in order
    assert len({bound["digest"] for bound in bounds.values()}) == 3
    assert "no violations" in capsys.readouterr().err
