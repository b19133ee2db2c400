"""Operators against slow plain ones, and hand-worked cases of those that are formulas of others."""

import math
import re
import statistics
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research.prices import FloatArray
from research.regression.evaluation import evaluate
from research.regression.operators import OPERATORS, Family
from research.regression.panel import Panel
from research.regression.parser import parse
from tests.research.regression import naive_operators as naive

# halves of small ints: sums are exact and ties are common; and NaN
VALUES = st.one_of(st.integers(-8, 8).map(lambda v: v / 2), st.just(math.nan))


def value(block: str, frame: pd.DataFrame | dict[str, pd.DataFrame]) -> FloatArray:
    return computed(block, Panel.of(frame))


def computed(block: str, panel: Panel) -> FloatArray:
    return evaluate(parse(f"z ~ {block}", panel.problems).blocks[1], panel)


def drawn(data: st.DataObject) -> Panel:
    """Rows of x, y, w, and of one that is never 0: a sum of weights that is 0 by rounding proves nothing."""
    n = data.draw(st.integers(1, 30))
    columns = {name: np.array(data.draw(st.lists(VALUES, min_size=n, max_size=n))) for name in "xyw"}
    return Panel.of(pd.DataFrame(columns | {"positive": np.abs(columns["y"]) + 0.5, "z": 0.0}))


def close(found: FloatArray, wanted: list[float], what: str = "") -> None:
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9, err_msg=what)


@pytest.mark.slow
@settings(max_examples=60)
@given(st.data())
def test_element_wise(data: st.DataObject) -> None:
    panel = drawn(data)
    for name, (takes, compute) in naive.ELEMENT_WISE.items():
        columns = ["x", "y", "w"][:takes]
        rows = zip(*(panel.columns[c].tolist() for c in columns), strict=True)
        wanted = [naive.guarded(compute, *row) for row in rows]
        close(computed(f"{name}({','.join(columns)})", panel), wanted, name)


@pytest.mark.slow
@settings(max_examples=60)
@given(st.data())
def test_time_series(data: st.DataObject) -> None:
    panel, n = drawn(data), data.draw(st.integers(1, 6))
    for name, compute in naive.TIME_SERIES.items():
        close(computed(f"{name}_{n}(x)", panel), naive.windowed(compute, n, panel.columns["x"].tolist()), name)


@pytest.mark.slow
@settings(max_examples=60)
@given(st.data())
def test_pairwise(data: st.DataObject) -> None:
    panel, n = drawn(data), data.draw(st.integers(1, 6))
    x, y = (panel.columns[c].tolist() for c in ("x", "positive"))
    for name, compute in naive.PAIRWISE.items():
        close(computed(f"{name}_{n}(x,positive)", panel), naive.windowed(compute, n, x, y), name)


@pytest.mark.slow
@settings(max_examples=60)
@given(st.data())
def test_shifts_and_exponential_means(data: st.DataObject) -> None:
    panel, n = drawn(data), data.draw(st.integers(1, 5))
    x = panel.columns["x"].tolist()

    def at(i: int) -> float:
        return x[i] if 0 <= i < len(x) else math.nan

    close(computed(f"delay_{n}(x)", panel), [at(i - n) for i in range(len(x))])
    close(computed(f"forward_{n}(x)", panel), [at(i + n) for i in range(len(x))])
    close(computed(f"delta_{n}(x)", panel), [x[i] - at(i - n) for i in range(len(x))])
    averages = [
        naive.ema([v for v in x[: i + 1] if naive.known(v)], n) if naive.known(x[i]) else math.nan
        for i in range(len(x))
    ]
    close(computed(f"ema_{n}(x)", panel), averages)
    close(computed(f"ewma_{n}(x)", panel), averages)


def test_a_window_of_prices_keeps_its_digits() -> None:
    # a running variance of these loses all of them
    rng = np.random.default_rng(5)
    prices = 60_000.0 + rng.integers(-3, 4, 5_000) * 0.1
    found = value("std_20(x)", pd.DataFrame({"x": prices, "z": 0.0}))
    wanted = [statistics.pstdev(prices[i - 19 : i + 1].tolist()) for i in range(19, 5_000, 250)]
    np.testing.assert_allclose(found[19::250], wanted, rtol=1e-9)


def test_a_constant_window_has_no_score() -> None:
    frame = pd.DataFrame({"x": [0.1] * 8, "y": [0.2] * 8, "z": 0.0})
    assert np.isnan(value("tszscre_4(x)", frame)).all()
    assert np.isnan(value("cor_4(x,y)", frame)).all()
    assert (value("var_4(x)", frame)[3:] == 0.0).all()


def test_windows_and_shifts_do_not_cross_instruments() -> None:
    parts = {"a": pd.DataFrame({"x": [1.0, 2, 3], "z": 0.0}), "b": pd.DataFrame({"x": [10.0, 20, 30], "z": 0.0})}
    close(value("delay_1(x)", parts), [math.nan, 1, 2, math.nan, 10, 20])
    close(value("forward_1(x)", parts), [2, 3, math.nan, 20, 30, math.nan])
    close(value("sum_2(x)", parts), [math.nan, 3, 5, math.nan, 30, 50])
    close(value("ema_2(x)", parts)[3:4], [math.nan])


def test_joins_by_intersection_or_with_the_last_known() -> None:
    frame = pd.DataFrame({"x": [1.0, math.nan, 3], "y": [math.nan, 10, 20], "z": 0.0})
    close(value("plus(x,y)", frame), [math.nan, math.nan, 23])
    close(value("plus_ix(x,y)", frame), [math.nan, math.nan, 23])
    close(value("plus_un(x,y)", frame), [math.nan, 11, 23])


def test_the_last_known_is_not_taken_from_another_instrument() -> None:
    parts = {
        "a": pd.DataFrame({"x": [1.0], "y": [1.0], "z": 0.0}),
        "b": pd.DataFrame({"x": [math.nan, 2], "y": [5.0, 5], "z": 0.0}),
    }
    close(value("plus_un(x,y)", parts), [2, math.nan, 7])


@pytest.mark.slow
@settings(max_examples=60)
@given(st.data())
def test_cross_sectional(data: st.DataObject) -> None:
    stamps, m = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 5))
    cells = data.draw(st.lists(st.lists(VALUES, min_size=m, max_size=m), min_size=stamps, max_size=stamps))
    panel = Panel.of({f"i{j}": pd.DataFrame({"x": [row[j] for row in cells], "z": 0.0}) for j in range(m)})
    for name in ("csrank", "cszscre", "percentile", "ls_25/75"):
        wanted = []
        for j in range(m):
            for row in cells:
                known = [v for v in row if naive.known(v)]
                wanted.append(cross(name, known, row[j]) if naive.known(row[j]) else math.nan)
        close(computed(f"{name}(x)", panel), wanted, name)


def cross(name: str, known: list[float], mine: float) -> float:
    if name == "csrank":
        return naive.mean_rank(known, mine)
    if name == "percentile":
        return 100 * naive.mean_rank(known, mine) / len(known)
    if name == "cszscre":
        spread = statistics.pstdev(known)
        return (mine - statistics.fmean(known)) / spread if spread else math.nan
    low, high = np.percentile(known, [25, 75])
    return float(mine > high) - float(mine < low)


def test_instruments_are_compared_as_of_each_others_stamps() -> None:
    parts = {
        "a": pd.DataFrame({"ts": [10, 20, 30], "x": [1.0, 9, 2], "z": 0.0}),
        "b": pd.DataFrame({"ts": [15, 30], "x": [5.0, 1], "z": 0.0}),
    }
    # a at 10: alone; at 20: 9 against b's 5 of 15; at 30: 2 against 1.  b at 15: 5 against a's 1 of 10
    close(value("csrank(x)", parts), [1, 2, 2, 2, 1])
    twice = {"a": parts["a"], "b": pd.DataFrame({"ts": [15, 15], "x": [5.0, 6], "z": 0.0})}
    with pytest.raises(ValueError, match=r"^'b' has two rows at 15, so instruments cannot be compared at that time"):
        value("csrank(x)", twice)


BARS = pd.DataFrame(
    {
        "open": [10.0, 11, 12, 11, 13],
        "high": [11.0, 13, 13, 12, 15],
        "low": [9.0, 10, 11, 9, 12],
        "close": [10.0, 12, 11, 11, 14],
        "volume": [1.0, 2, 3, 4, 5],
        "z": 0.0,
    }
)


@pytest.mark.parametrize(
    ("block", "wanted"),
    [
        ("grssret_2()", [1.1, 11 / 12, 14 / 11]),
        ("netret_2()", [0.1, -1 / 12, 3 / 11]),
        ("logret_2()", [math.log(1.1), math.log(11 / 12), math.log(14 / 11)]),
        ("logret_2(open)", [math.log(1.2), 0.0, math.log(13 / 12)]),
        (
            "volatility_2()",
            [abs(math.log(1.2) - math.log(11 / 12)) / 2, abs(math.log(11 / 12)) / 2, math.log(14 / 11) / 2],
        ),
        # moves +2 -1 0 +3
        ("rsi_2()", [100 * 2 / 3, 0.0, 100.0]),
        # means of one row against means of three
        ("mac_1/3()", [0.0, 0.0, 1.0]),
        ("obv_2()", [-1.0, -3.0, 5.0]),
        ("addv_2()", [(24 + 33) / 2, (33 + 44) / 2, (44 + 70) / 2]),
        # true ranges: 3, 2, 3 (9 to 12), 4 (11 to 15)
        ("tr()", [2.0, 3.0, 4.0]),
        ("atr_2()", [2.5, 2.5, 3.5]),
        ("vma_2()", [57 / 5, 11.0, (44 + 70) / 9]),
        ("vwma_2(open)", [58 / 5, (36 + 44) / 7, (44 + 65) / 9]),
        ("mvwap_1()", [35 / 3, 32 / 3, 41 / 3]),
        ("vwvar_2()", [(2 * 0.36 + 3 * 0.16) / 5, 0.0, 4 * 5 * 9 / 81]),
        ("vwstd_2()", [math.sqrt(0.24), 0.0, math.sqrt(180 / 81)]),
        # rises of the high 2 0 -1 3, falls of the low -1 -1 2 -3: directional moves up 2 0 0 3, down 0 0 2 0
        ("adx_1()", [math.nan, 100.0, 100.0]),
    ],
)
def test_formulas_of_bars_by_hand(block: str, wanted: list[float]) -> None:
    close(value(block, BARS)[2:], wanted)


def test_bars_may_be_named_short() -> None:
    short = BARS.rename(columns={"open": "o", "high": "h", "low": "l", "close": "c", "volume": "v"})
    for block in ("atr_2()", "mvwap_2()", "logret_1()", "plus(high,low)"):
        close(value(block, short), value(block, BARS).tolist())


def test_every_operator_is_tested_here() -> None:
    slow = {name.partition("_")[0] for name in naive.ELEMENT_WISE} | set(naive.TIME_SERIES) | set(naive.PAIRWISE)
    slow |= {"delay", "forward", "delta", "ema", "ewma", "csrank", "cszscre", "percentile", "ls"}
    by_hand = {"grssret", "netret", "logret", "volatility", "rsi", "mac", "obv", "addv", "tr", "atr", "vma", "vwma"}
    by_hand |= {"mvwap", "vwvar", "vwstd", "adx"}
    assert {o.name for o in OPERATORS.values() if o.family is not Family.PSEUDO} == slow
    assert {o.name for o in OPERATORS.values() if o.family is Family.PSEUDO} == by_hand


def test_nothing_but_forward_looks_ahead() -> None:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"x": rng.normal(size=30), "y": rng.normal(size=30), "z": 0.0})
    for cut in (7, 13, 29):
        whole, part = Panel.of(frame), Panel.of(frame[:cut])
        blocks = [f"{name}_3(x)" for name in naive.TIME_SERIES] + [f"{name}_3(x,y)" for name in naive.PAIRWISE]
        for block in (*blocks, "ema_3(x)", "delta_2(x)", "rsi_3(x)", "csrank(x)", "plus_un(x,y)"):
            np.testing.assert_array_equal(computed(block, whole)[:cut], computed(block, part), block)


def test_every_operator_stands_in_the_documentation() -> None:
    text = (Path(__file__).resolve().parents[3] / "docs" / "regression.md").read_text()
    named = set(re.findall(r"`([a-z]+)(?:_[a-z/]+)?(?:\(|`)", text))
    assert set(OPERATORS) <= named
