"""The soak, for seconds: faults whose cure does not take half a minute, and both sides agree at the end."""

import json
from pathlib import Path

import pytest

from scripts.soak import USUAL_KINDS, main

pytestmark = pytest.mark.realtime
SLOW_TO_HEAL = {"half_open", "restart"}


def test_both_sides_agree_after_some_seconds_of_faults(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kinds = [kind for kind in USUAL_KINDS if kind not in SLOW_TO_HEAL]
    words = ["--seconds", "8", "--per-minute", "120", "--seed", "5", "--out", str(tmp_path / "run"), "--kinds", *kinds]
    code = main(words)
    said = capsys.readouterr()
    assert code == 0, said
    found = json.loads(next(line for line in said.out.splitlines() if line.startswith("{")))
    assert found["soak"] == "passed"
    assert sum(found["faults"].values()) > 3
    assert found["orders"] > 0
