"""Matching declarations by instant: against a loop, and what a wrong frame is told."""

from collections import defaultdict

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from research.common_rows import common_rows
from research.declarations import stamps

ROW = st.tuples(
    st.integers(0, 6),
    st.sampled_from("ab"),
    st.one_of(st.just(float("nan")), st.integers(1, 99).map(float)),
    st.sampled_from(["x", "y", None]),
    st.sampled_from(["S", "T"]),
)
COLUMNS = ["ts", "key", "value", "venue", "symbol"]


def frame_of(rows: list[tuple[int, str, float, str | None, str]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=COLUMNS).astype({"ts": np.int64, "value": np.float64})


@given(st.lists(ROW, max_size=40), st.booleans())
def test_matching_against_a_loop(rows: list[tuple[int, str, float, str | None, str]], is_categorical: bool) -> None:
    rows = [*rows, (9, "a", 1.0, "x", "S"), (9, "b", 2.0, "x", "S")]
    seen: dict[tuple[str, int, str | None, str], int] = defaultdict(int)
    found: dict[tuple[int, str, str, int], dict[str, float]] = defaultdict(dict)
    for ts, key, value, venue, symbol in rows:
        n_th = seen[key, ts, venue, symbol]
        seen[key, ts, venue, symbol] += 1
        # a missing venue is a venue of its own, the last one
        found[ts, venue or "~", symbol, n_th][key] = value
    expected = [(place[0], pair["a"], pair["b"]) for place, pair in sorted(found.items()) if len(pair) == 2]
    frame = frame_of(rows)
    if is_categorical:
        # in another order than the alphabet's
        frame["key"] = pd.Categorical(frame["key"], categories=["b", "a"])
    matched = common_rows(frame)
    assert matched.estimators == ("a", "b")
    np.testing.assert_array_equal(np.column_stack((matched.ts, matched.estimates)), np.array(expected))
    np.testing.assert_array_equal(frame["ts"].to_numpy()[matched.rows], matched.ts)
    np.testing.assert_array_equal(frame["value"].to_numpy()[matched.rows], matched.estimates[:, 0])
    for k, key in enumerate("ab"):
        mine = [value for _, name, value, _, _ in rows if name == key]
        assert (matched.n_declared[k], matched.n_known[k]) == (len(mine), sum(v == v for v in mine))


def test_stamps_of_times_and_integers() -> None:
    ns = np.array([1_736_470_800_444_000_001, 1_736_470_801_000_000_000])
    for column in (ns, pd.DatetimeIndex(ns, tz="UTC"), pd.DatetimeIndex(ns)):
        np.testing.assert_array_equal(stamps(pd.DataFrame({"ts": column})), ns)


def test_wrong_frames_are_named() -> None:
    frame = frame_of([(1, "a", 1.0, "x", "S"), (2, "b", 1.0, "x", "S")])
    with pytest.raises(ValueError, match=r"^declarations lack the columns \['value', 'venue'\]"):
        common_rows(frame.drop(columns=["value", "venue"]))
    with pytest.raises(ValueError, match=r"^no declaration to compare: the frame is empty"):
        common_rows(frame[:0])
    with pytest.raises(ValueError, match=r"^estimators share no instant: a \(1\), b \(1\); declare them all"):
        common_rows(frame)
    with pytest.raises(ValueError, match=r"^the declaration in row 1 has no key"):
        common_rows(frame.assign(key=pd.Series(["a", None], dtype=object)))
    with pytest.raises(ValueError, match=r"^estimator 'a' was declared in 2 groups; choose one with group=$"):
        common_rows(pd.concat((frame.assign(group="g"), frame.assign(group="h", key="a"))))
