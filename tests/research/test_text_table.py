"""Values and frames as text."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from research.text_table import fit_columns, frame_rows, key_rows, text_of, wrap_value


def test_values() -> None:
    values = [
        None,
        True,
        0.1 + 0.2,
        np.float64("nan"),
        [1, 2],
        7,
        "x",
        pd.Timestamp("2025-01-10 01:02:03.4567", tz="UTC"),
    ]
    assert [text_of(v) for v in values] == ["–", "yes", "0.3", "–", "1, 2", "7", "x", "2025-01-10 01:02:03.456"]


def test_nested_keys() -> None:
    config = {"run": {"seed": 7, "venues": {}}, "quoter": [{"name": "a"}, {"name": "b"}]}
    assert key_rows(config) == [
        (0, "run", ""),
        (1, "seed", "7"),
        (1, "venues", "–"),
        (0, "quoter 0", ""),
        (1, "name", "a"),
        (0, "quoter 1", ""),
        (1, "name", "b"),
    ]


def test_long_frames_are_cut_in_the_middle() -> None:
    rows = frame_rows(pd.DataFrame({"pnl": np.arange(100) / 8}))
    assert rows[0] == ["pnl"]
    assert len(rows) == 1 + 12 + 1 + 6
    assert rows[13] == ["…"]
    assert rows[1] == ["0.000"]
    assert rows[-1] == ["12.375"]
    named = frame_rows(pd.DataFrame({"a": [1.5]}, index=pd.Index(["x"], name="figure")))
    assert named == [["figure", "a"], ["x", "1.5"]]
    assert frame_rows(pd.DataFrame({"a": [1e-5, np.nan], "b": [0.0, 0.0]})) == [
        ["a", "b"],
        ["1.00e-05", "0"],
        ["–", "0"],
    ]


def test_columns_are_dropped_from_the_middle() -> None:
    assert fit_columns([10, 10, 10], 30, 5) == [0, 1, 2]
    chosen = fit_columns([10.0] * 20, 75, 5)
    assert chosen[0] == 0
    assert chosen[-1] == 19
    assert chosen.count(None) == 1
    assert len(chosen) == 8


@given(st.text(alphabet="abc d", max_size=300), st.integers(60, 200))
def test_wrapped_values_lose_no_word(text: str, room: int) -> None:
    wrapped = wrap_value(text, lambda t: 5.0 * len(t), room)
    assert wrapped.replace("\n", "").replace(" ", "") == text.replace(" ", "")
