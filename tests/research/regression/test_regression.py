"""Regressions against statsmodels called directly and small cases worked by hand."""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.outliers_influence import variance_inflation_factor
from statsmodels.stats.sandwich_covariance import weights_uniform
from statsmodels.stats.stattools import durbin_watson

from market.units import SECOND
from research.regression import Regression
from research.regression.aggregation import Gathering, winsorised_mean
from research.regression.observations import equal_bins
from tests.research.regression.overlapping_returns import irregular, overlapping

TUTORIAL = "div(minus(t60,t0),t0) ~ div(minus(value,t0),t0)"


def test_the_tutorials_regression_runs_as_written() -> None:
    frame = irregular(1)
    regression = Regression(formula=TUTORIAL, intercept=False, frame=frame)
    fit = regression.ols()
    y, x = (((frame[c] - frame["t0"]) / frame["t0"]).to_numpy() for c in ("t60", "value"))
    theirs = sm.OLS(y, x).fit()
    ts = frame["ts"].to_numpy()
    lag = max(int(((ts > t) & (ts < t + 60 * SECOND)).sum()) for t in ts)
    hac = theirs.get_robustcov_results(
        "HAC", maxlags=lag, weights_func=weights_uniform, use_correction=True, use_t=True
    )
    assert fit.lag == lag
    assert fit.params["b1"] == pytest.approx(theirs.params[0])
    assert fit.plain.bse[0] == pytest.approx(theirs.bse[0])
    assert fit.bse["b1"] == pytest.approx(max(hac.bse[0], theirs.get_robustcov_results("HC1").bse[0]))
    assert fit.rsquared == pytest.approx(theirs.rsquared)
    assert fit.durbin_watson == pytest.approx(durbin_watson(theirs.resid))
    assert fit.durbin_watson is not None
    assert fit.durbin_watson < 0.1
    # both errors side by side, and why they differ
    text = fit.summary()
    assert re.search(r"se plain +t plain +se HAC +t HAC", text)
    assert f"up to {lag} later rows begin inside one horizon" in text
    assert "b0 = div(minus(t60,t0),t0)" in text
    assert "R²" in str(fit.results.summary())
    bins = regression.ols(bins=50)
    assert bins.nobs == 50
    assert bins.errors == "jackknife"


def test_several_terms_with_intercept_are_those_of_statsmodels() -> None:
    rng = np.random.default_rng(4)
    frame = pd.DataFrame(rng.normal(size=(400, 4)), columns=list("yabc"))
    fit = Regression("y ~ a*b + c", frame).ols(errors="plain")
    design = np.column_stack([np.ones(400), frame["a"], frame["b"], frame["c"], frame["a"] * frame["b"]])
    theirs = sm.OLS(frame["y"].to_numpy(), design).fit()
    assert fit.names == ["Intercept", "b1", "b2", "b3", "b1:b2"]
    np.testing.assert_allclose(fit.params, theirs.params)
    np.testing.assert_allclose(fit.bse, theirs.bse)
    np.testing.assert_allclose(fit.pvalues, theirs.pvalues)
    assert fit.rsquared == pytest.approx(theirs.rsquared)
    assert "se plain" in fit.summary()


def test_diagnosis() -> None:
    rng = np.random.default_rng(6)
    a = rng.normal(size=500)
    frame = pd.DataFrame({"a": a, "b": a + rng.normal(0, 0.3, 500), "y": rng.normal(size=500)})
    regression = Regression("y ~ a + b", frame)
    found = regression.diagnose()
    design = np.column_stack([np.ones(500), frame["a"], frame["b"]])
    assert found["vif b1"] == pytest.approx(variance_inflation_factor(design, 1))
    assert found["vif b2"] == pytest.approx(variance_inflation_factor(design, 2))
    # units do not matter
    again = Regression("y ~ mult(const_1000,a) + b", frame).diagnose()
    assert again["cond_num"] == pytest.approx(found["cond_num"])
    unit = design / np.sqrt((design**2).sum(axis=0))
    singular = np.linalg.svd(unit, compute_uv=False)
    assert found["cond_num"] == pytest.approx(singular[0] / singular[-1])
    # rows that do not overlap are all there are
    assert found["n_effective b1"] == pytest.approx(500)
    assert found["horizon_rows"] == 0


@pytest.mark.slow
def test_overlap_leaves_few_independent_rows() -> None:
    # the mean of sums of 10 steps: one row in ten is independent
    fit = Regression("minus(t10,t0) ~ const_1", overlapping(3, 20_000, 10), intercept=False).ols()
    assert fit.n_effective is not None
    assert fit.n_effective["b1"] == pytest.approx(2_000, rel=0.25)


def two_instruments() -> dict[str, pd.DataFrame]:
    return {
        "a": pd.DataFrame({"ts": [10, 20, 30], "x": [0.0, 1, 2], "y": [1.0, 2, 6]}),
        "b": pd.DataFrame({"ts": [10, 20, 30], "x": [2.0, 5, 2], "y": [3.0, 8, 4]}),
    }


def test_flatten_takes_every_row() -> None:
    fit = Regression("y ~ x", two_instruments(), intercept=False).ols(errors="plain")
    # sum xy / sum xx over all six rows
    assert fit.params["b1"] == pytest.approx((2 + 12 + 6 + 40 + 8) / (1 + 4 + 4 + 25 + 4))
    assert fit.groups == "rows"


def test_xs_gathers_the_instruments_of_a_stamp() -> None:
    fit = Regression("y ~ x", two_instruments(), intercept=False).ols(axis="xs", errors="plain", aggregator=np.mean)
    # means at 10, 20, 30: x 1, 3, 2 and y 2, 5, 5
    assert fit.params["b1"] == pytest.approx((2 + 15 + 10) / (1 + 9 + 4))
    assert (fit.nobs, fit.groups) == (3, "stamps")


def test_ts_gathers_the_rows_of_an_instrument() -> None:
    fit = Regression("y ~ x", two_instruments(), intercept=False).ols(axis="ts", errors="plain", aggregator=np.mean)
    # means of a and b: x 1, 3 and y 3, 5
    assert fit.params["b1"] == pytest.approx((3 + 15) / (1 + 9))
    assert (fit.nobs, fit.groups) == (2, "instruments")


def test_a_frame_of_several_symbols_is_taken_apart() -> None:
    parts = two_instruments()
    frame = pd.concat([part.assign(venue="v", symbol=name) for name, part in parts.items()], ignore_index=True)
    frame = frame.sort_values("ts", kind="stable")
    together, apart = Regression("y ~ delta_1(x)", frame), Regression("y ~ delta_1(x)", parts)
    assert together.panel.instruments == ("v:a", "v:b")
    np.testing.assert_array_equal(together.values, apart.values)


def test_an_aggregator_may_be_given_per_block() -> None:
    fit = Regression("y ~ x", two_instruments(), intercept=False).ols(
        axis="ts", errors="plain", aggregator={"b0": np.max, "b1": np.sum}
    )
    assert fit.points.blocks.tolist() == [[6, 3], [8, 9]]
    with pytest.raises(ValueError, match=r"^aggregator for 'b2': the formula's blocks are b0, b1$"):
        Regression("y ~ x", two_instruments()).ols(axis="ts", aggregator={"b2": np.max})


def test_bins_are_of_the_regressor_and_equally_full() -> None:
    frame = pd.DataFrame({"x": [5.0, 1, 2, 6, 3, 4], "y": [50.0, 10, 20, 60, 30, 40]})
    fit = Regression("y ~ x", frame, intercept=False).ols(bins=3, aggregator=np.mean, errors="plain")
    assert fit.points.blocks.tolist() == [[15, 1.5], [35, 3.5], [55, 5.5]]
    assert fit.has_time_order is False
    # equal values stay together
    assert equal_bins(np.array([0.0, 0, 0, 0, 0, 1, 2, 3]), 4).tolist() == [0, 0, 0, 0, 0, 0, 1, 1]
    with pytest.raises(ValueError, match=r"^bins=4: the values to bin by are \(nearly\) all equal, 7$"):
        equal_bins(np.full(9, 7.0), 4)


def test_bins_of_the_response_make_a_fit_of_noise_and_say_so() -> None:
    rng = np.random.default_rng(8)
    x = rng.normal(size=3_000)
    regression = Regression("y ~ x", pd.DataFrame({"x": x, "y": 0.02 * x + rng.normal(size=3_000)}))
    by_response = regression.ols(bins=20, bin_by="response")
    assert "bins by the response make a fit where there is none; bin by a regressor" in by_response.summary()
    by_regressor = regression.ols(bins=20)
    assert abs(by_response.params["b1"]) > 5 * abs(by_regressor.params["b1"])


@pytest.mark.slow
@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 3), st.floats(-100, 100), st.booleans()), min_size=1, max_size=40))
def test_groups_are_winsorised_one_by_one_also_without_some_rows(rows: list[tuple[int, float, bool]]) -> None:
    groups, values, keep = (np.array(column) for column in zip(*rows, strict=True))
    gathering = Gathering(np.column_stack([values, values]), groups, (None, np.sum))

    def wanted(chosen: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> list[list[float]]:
        parts = [values[chosen & (groups == g)] for g in np.unique(groups[chosen])]
        return [[np.clip(p, *np.percentile(p, [5, 95])).mean(), p.sum()] for p in parts]

    np.testing.assert_allclose(gathering.points(), wanted(np.ones(len(rows), dtype=bool)), atol=1e-9)
    assert winsorised_mean(values) == pytest.approx(np.clip(values, *np.percentile(values, [5, 95])).mean(), abs=1e-9)
    if keep.any():
        np.testing.assert_allclose(gathering.points(keep), wanted(keep), atol=1e-9)


def test_rows_that_are_unknown_or_not_selected_are_counted() -> None:
    frame = pd.DataFrame({"x": [1.0, 2, 3, 4, np.nan, 6], "y": [2.0, 4, 6, 9, 10, 12]})
    fit = Regression("y ~ delay_1(x)", frame, intercept=False).ols(
        errors="plain", selector=lambda blocks: blocks["b1"] > 1
    )
    assert fit.counts == {"rows": 6, "used": 3, "unknown": 2, "not selected": 1}
    assert fit.params["b1"] == pytest.approx((2 * 6 + 3 * 9 + 4 * 10) / (4 + 9 + 16))
    assert "3 of 6 rows (2 unknown, 1 not selected)" in fit.summary()


@pytest.mark.parametrize(
    ("formula", "lag"),
    [
        # rows at 0, 1, 1.5, 5, 6, 6.2, 6.4, 20 s
        ("minus(t2,t0) ~ value", 3),
        ("minus(t1,t0) ~ value", 2),
        ("minus(t0.3,t0) ~ value", 1),
        ("t0 ~ value", 0),
        ("forward_3(t0) ~ value", 2),
        ("forward_1(delta_1(value)) ~ t0", 0),
        ("forward_1(delta_3(value)) ~ t0", 2),
        ("sum_4(value) ~ t0", 3),
    ],
)
def test_the_lag_is_the_most_rows_inside_one_horizon(formula: str, lag: int) -> None:
    ts = (np.array([0, 1, 1.5, 5, 6, 6.2, 6.4, 20]) * SECOND).astype(np.int64)
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.normal(size=(8, 5)), columns=["value", "t0", "t0.3", "t1", "t2"]).assign(ts=ts)
    fit = Regression(formula, frame, intercept=False).ols(errors="plain")
    assert int(fit.rows.overlap().max()) == lag


def test_a_horizon_may_be_given_and_time_may_be_datetimes() -> None:
    frame = overlapping(2, 400, 5)
    dated = frame.assign(ts=pd.to_datetime(frame["ts"], unit="ns", utc=True))
    formula = "minus(t5,t0) ~ value"
    assert Regression(formula, dated).ols().lag == Regression(formula, frame).ols().lag == 4
    assert Regression(formula, dated.set_index("ts")).ols().lag == 4
    assert Regression(formula, frame).ols(horizon=9.5).lag == 9
    assert Regression("minus(t5,t0) ~ value", frame.drop(columns="ts")).ols(horizon=8).lag == 7


def test_a_regressor_that_looks_ahead_is_told() -> None:
    frame = irregular(3, 2_000)
    assert "b1 looks ahead of its row" in Regression("minus(t60,t0) ~ forward_1(value)", frame).ols().summary()
    assert "b1 looks ahead of its row" in Regression("minus(t60,t0) ~ t60", frame).ols().summary()
    assert "looks ahead" not in Regression("minus(t60,t0) ~ delta_1(value)", frame).ols().summary()


def bad_frame(**changes: Sequence[float] | Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame({"ts": [1, 2, 3], "x": [1.0, 2, 4], "y": [3.0, 1, 2]} | changes)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (bad_frame().iloc[:0], "no rows to regress"),
        (bad_frame(ts=[1, 3, 2]), "time goes back in 'all' after row 1; sort it by ts, and keep instruments apart"),
        (bad_frame(ts=[0.5, 1, 2]), "column ts of 'all' holds float64; it must be ns since the epoch, or datetimes"),
        (
            bad_frame(key=["k2", "k1", "k1"]),
            "the frame mixes the rows of 2 keys (k1, k2); choose one, as in frame[frame['key'] == 'k1'], or drop the "
            "column",
        ),
    ],
)
def test_data_that_cannot_be_used_is_refused(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Regression("y ~ x", frame)


@pytest.mark.parametrize(
    ("formula", "arguments", "message"),
    [
        ("y ~ x", {"axis": "rows"}, "axis='rows' must be flatten, xs or ts"),
        ("y ~ x", {"errors": "white"}, "errors='white' must be hac, block or plain"),
        ("y ~ x", {"bins": 1}, "bins=1 must be 0 (none) or at least 2"),
        ("y ~ x", {"bins": 2, "bin_by": "b2"}, "bin_by='b2' must be one of response, regressor, b0, b1"),
        ("y ~ x", {"horizon": -1.0}, "horizon=-1.0 must be 0 or more"),
        ("y ~ x + mult(x,const_2)", {}, "the regressors depend on each other: leave one of Intercept, b1, b2 out"),
        ("y ~ x + const_3", {}, "the regressors depend on each other: leave one of Intercept, b1, b2 out"),
        ("y ~ x + pow_2(x) + pow_3(x) + pow_4(x) + pow_5(x)", {}, "6 points cannot fit 6 parameters"),
        ("y ~ log(neg(x))", {}, "no row to fit: of 6, 6 are unknown in some block"),
        (
            "forward_3(y) ~ x",
            {},
            "3 rows are 1.0 horizons of 3 rows: too few to tell how far off it may be; take more data or a shorter "
            "horizon, or errors='plain' to see the estimate alone",
        ),
        ("t60 ~ x", {}, "the response looks 60 s ahead, but the data has no ts to count rows by"),
        (
            "y ~ x",
            {"selector": lambda blocks: blocks["b1"]},
            "selector returned float64 of shape (6,); a bool for each",
        ),
    ],
)
def test_what_cannot_be_fitted_says_why(formula: str, arguments: dict[str, object], message: str) -> None:
    frame = pd.DataFrame({"x": [1.0, 2, 4, 3, 7, 5], "y": [3.0, 1, 2, 5, 4, 4], "t60": [2.0, 1, 3, 2, 5, 4]})
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        Regression(formula, frame).ols(**arguments)  # type: ignore[arg-type]
