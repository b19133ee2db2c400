"""Two results, two reports: what is the same, and what is said of what is not."""

import copy
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from research.redaction import PLACE_HOLDER
from research.report import write_html, write_report
from research.report_check import CIRCUMSTANCES, Difference, as_reported, compare_pages, compare_results

RESULT: dict[str, Any] = {
    "digest": "ab",
    "wall_s": 1.5,
    "command": "run.py",
    "statistics": {
        "venue": {"bybit": {"pnl": -28.12, "n_fills": 382, "interval_quartiles_s": [1.0, 2.0]}, "okx": None}
    },
}


def changed(path: str, value: Any) -> dict[str, Any]:
    result = copy.deepcopy(RESULT)
    *folders, last = path.split(".")
    place = result
    for folder in folders:
        place = place[folder]
    place[last] = value
    return result


def test_the_same_but_for_circumstances() -> None:
    found = compare_results(RESULT, changed("wall_s", 9.0) | {"machine": {"cores": 64}})
    assert (found.n_equal, found.differences, found.hidden) == (6, (), ())


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("digest", "ac", Difference("digest", "ab", "ac")),
        ("statistics.venue.bybit.n_fills", 383, Difference("statistics.venue.bybit.n_fills", 382, 383)),
        ("statistics.venue.bybit.pnl", -28.1200001, Difference("statistics.venue.bybit.pnl", -28.12, -28.1200001)),
        ("statistics.venue.bybit.pnl", float("nan"), None),
        ("statistics.venue.bybit.n_fills", 382.0, None),
        ("statistics.venue.okx", {"pnl": 1.0}, None),
        ("statistics.venue.bybit.interval_quartiles_s", [1.0], None),
        ("extra", 1, Difference("extra", "nothing", 1)),
    ],
)
def test_a_number_that_is_another_one(path: str, value: Any, said: Difference | None) -> None:
    for one, two in ((RESULT, changed(path, value)), (changed(path, value), RESULT)):
        assert compare_results(one, two).differences
    if said is not None:
        assert compare_results(RESULT, changed(path, value)).differences == (said,)


@given(number=st.floats(-1e12, 1e12), error=st.floats(-1e-12, 1e-12))
def test_last_digits_may_differ(number: float, error: float) -> None:
    assert not compare_results({"x": number}, {"x": number * (1 + error)}).differences


def test_what_is_hidden_is_not_compared() -> None:
    found = compare_results(changed("digest", f"a {PLACE_HOLDER}"), RESULT)
    assert (found.differences, found.hidden) == ((), ("digest",))


def test_circumstances_are_put_back_in_their_order() -> None:
    again = {**changed("wall_s", 9.0), "machine": {"cores": 64}, "unheard": 1}
    again["statistics"] = {"venue": {}}
    merged = as_reported({"machine": {"cores": 2}, **RESULT, "gone": 1}, again)
    assert list(merged) == ["machine", *RESULT, "unheard"]
    assert merged["wall_s"] == 1.5
    assert merged["machine"] == {"cores": 2}
    assert merged["statistics"] == {"venue": {}}
    assert not compare_results(merged, again).differences
    assert CIRCUMSTANCES.isdisjoint({"digest", "statistics", "n_events", "data", "seed", "fill_model"})


@pytest.mark.parametrize("write", [write_report, write_html])
def test_pages(write: Any, tmp_path: Path) -> None:
    def made(name: str, pnl: float, rows: int = 3, record: int = 0) -> Path:
        sections = [("Frame", pd.DataFrame({"pnl": [pnl] * rows}), "frame"), ("Notes", "same\n\n" * 3, "text")]
        found: Path = write(tmp_path / name, sections, record={"n": record})
        return found

    one = made("one", 1.25)
    assert compare_pages(one, made("two", 1.25, record=1)) == [], "a record is compared value by value"
    (said,) = compare_pages(one, made("three", 1.26))
    assert said.startswith("page 1: ")
    assert "1.25" in said
    assert "1.26" in said


def test_pages_that_are_missing(tmp_path: Path) -> None:
    one, two = (write_report(tmp_path / f"{n}.pdf", [("Code", "x = 1\n" * 60 * n, "code")], title="t") for n in (1, 5))
    assert compare_pages(one, two)[0] == "2 pages in the report, 5 again"
