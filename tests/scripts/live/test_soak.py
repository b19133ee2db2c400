"""The soak of all venues, for seconds: faults whose cure takes no half a minute, and both sides agree at the end."""

import json
from pathlib import Path

import pytest

from scripts.live.soaking import Look, slope
from scripts.soak import CONFIG, USUAL_KINDS, main, quoted_alone
from sim.config import read_toml

pytestmark = pytest.mark.realtime
SLOW_TO_HEAL = {"half_open", "restart", "rate_limit"}


def test_both_sides_agree_after_some_seconds_of_faults(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kinds = [kind for kind in USUAL_KINDS if kind not in SLOW_TO_HEAL]
    words = ["--seconds", "6", "--per-minute", "120", "--seed", "5", "--venues", "all", "--out", str(tmp_path / "run")]
    code = main([*words, "--kinds", *kinds])
    said = capsys.readouterr()
    assert code == 0, said
    found = json.loads(next(line for line in said.out.splitlines() if line.startswith("{")))
    assert found["soak"] == "passed"
    assert sum(found["faults"].values()) > 3
    assert found["orders"] > 0


def test_those_venues_alone_are_used_that_are_quoted_or_read() -> None:
    raw = quoted_alone(read_toml(CONFIG), ["woox"])
    assert [each["name"] for each in raw["quoter"]] == ["on-woox"]
    assert [each["name"] for each in raw["venue"]] == ["binance-futures", "woox"]


def test_growth_is_told_from_what_an_hour_takes_once() -> None:
    minutes = range(30)
    looks = [Look(60.0 * m, m // 10, 100 + 0.25 * m + 40 * (m // 10), 5, 5) for m in minutes]
    assert slope(looks) == pytest.approx(0.25)
    assert slope(looks[:2]) == 0.0
