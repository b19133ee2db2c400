"""The error of a mean: against a sum over pairs, statsmodels, a process of known variance and published quantiles."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import stdtrit

from market.units import SECOND
from research.long_run_variance import dependence_span, mean_error, newey_west, rows_within
from research.prices import FloatArray

ROWS = st.lists(st.tuples(st.integers(0, 60), st.integers(-9, 9)), min_size=1, max_size=40).map(sorted)


def autoregression(seed: int, n: int, rho: float) -> FloatArray:
    """An AR(1) of unit shocks from its stationary law; its long-run variance is 1 / (1 - rho)²."""
    rng = np.random.default_rng(seed)
    shocks = rng.normal(size=n)
    values = np.empty(n)
    values[0] = shocks[0] / np.sqrt(1.0 - rho * rho)
    for i in range(1, n):
        values[i] = rho * values[i - 1] + shocks[i]
    return values


@given(rows=ROWS, span=st.integers(1, 80))
def test_newey_west_is_the_weighted_sum_over_all_pairs(rows: list[tuple[int, int]], span: int) -> None:
    ts, x = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    weights = np.maximum(0.0, 1.0 - np.abs(ts[:, None] - ts) / span)
    assert float(newey_west(ts, x.astype(float), span)) == pytest.approx(x @ weights @ x, abs=1e-9)


def test_newey_west_of_rows_is_the_textbooks() -> None:
    values = np.random.default_rng(3).normal(size=(300, 2)).cumsum(axis=0)
    found = newey_west(np.arange(300), values - values.mean(axis=0), 13)
    for k in range(2):
        hac = sm.OLS(values[:, k], np.ones(300)).fit(cov_type="HAC", cov_kwds={"maxlags": 12, "use_correction": False})
        assert np.sqrt(found[k]) / 300 == pytest.approx(hac.bse[0], rel=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("rho", [-0.3, 0.0, 0.5, 0.7])
def test_error_of_a_process_of_known_variance(rho: float) -> None:
    n = 3000
    ts = np.arange(n) * SECOND
    values = np.column_stack([autoregression(seed, n, rho) for seed in range(120)])
    spans = [dependence_span(ts, values[:, [k]], 0) for k in range(values.shape[1])]
    squared = [mean_error(ts, values[:, [k]], span).error[0] ** 2 for k, span in enumerate(spans)]
    # exact variance of a mean of n: the long-run one less the ends
    known = (n - 2 * rho * (1 - rho**n) / (1 - rho**2)) / (1 - rho) ** 2 / n**2
    assert np.mean(squared) == pytest.approx(known, rel=0.07)


@pytest.mark.parametrize(("share", "tolerance"), [(0.02, 0.01), (0.05, 0.01), (0.1, 0.01), (0.2, 0.03)])
def test_critical_values_are_those_of_fixed_bandwidth(share: float, tolerance: float) -> None:
    # Kiefer and Vogelsang (2005), table 1, Bartlett kernel, 97.5 %
    published = 1.96 + 2.9694 * share + 0.4160 * share**2 - 0.5324 * share**3
    n = 2000
    found = mean_error(np.arange(n), np.zeros((n, 1)), int(share * n))
    assert stdtrit(found.degrees_of_freedom, 0.975) / np.sqrt(found.correction) == pytest.approx(
        published, rel=tolerance
    )


def test_bursts_count_as_often_as_they_happen() -> None:
    """Ten bursts of a hundred rows are ten observations."""
    ts = np.repeat(np.arange(10) * 100, 100)
    found = mean_error(ts, np.repeat(np.arange(10.0), 100)[:, None], 50)
    assert found.degrees_of_freedom == pytest.approx(9.0)
    assert found.correction == pytest.approx(0.9)
    assert found.error[0] == pytest.approx(np.arange(10.0).std(ddof=1) / np.sqrt(10))


@pytest.mark.slow
def test_span_grows_with_horizon_and_persistence_but_not_with_the_feed() -> None:
    ts = np.arange(5000) * SECOND
    white = np.random.default_rng(1).normal(size=(5000, 1))
    assert dependence_span(ts, white, 0) == 100 * SECOND
    assert dependence_span(ts, white, 200 * SECOND) == 400 * SECOND
    persistent = autoregression(1, 5000, 0.99)[:, None]
    assert dependence_span(ts, persistent, 0) > 200 * SECOND
    assert dependence_span(ts, np.column_stack((white, persistent)), 0) == dependence_span(ts, persistent, 0)
    # the same path seen ten times as often
    faster = np.arange(50_000) * (SECOND // 10)
    assert dependence_span(faster, np.repeat(persistent, 10, axis=0), 0) == pytest.approx(
        dependence_span(ts, persistent, 0), rel=0.02
    )
    assert dependence_span(ts, np.arange(5000.0)[:, None], 0) == 5000 * SECOND // 4
    assert dependence_span(ts[:100], white[:100], 0) == 13 * SECOND


def test_rows_within() -> None:
    ts = np.array([0, 1, 1, 1, 5, 9])
    assert [rows_within(ts, horizon) for horizon in (0, 1, 4, 100)] == [0, 3, 3, 5]
    assert rows_within(np.zeros(0, dtype=np.int64), 5) == 0


def test_wrong_use_is_named() -> None:
    ts, values = np.array([0, 5, 3]), np.zeros((3, 1))
    with pytest.raises(ValueError, match=r"^the span of dependence must be > 0, got 0$"):
        newey_west(np.arange(3), values, 0)
    with pytest.raises(ValueError, match=r"^ts goes back; sort the rows by time first$"):
        newey_west(ts, values, 2)
    with pytest.raises(ValueError, match=r"^a span of 5 ns is shorter than the horizon, 6 ns"):
        mean_error(np.arange(3), values, 5, 6)
    with pytest.raises(ValueError, match=r"^all 3 rows fall together, within 5 ns"):
        mean_error(np.zeros(3, dtype=np.int64), values, 5)
