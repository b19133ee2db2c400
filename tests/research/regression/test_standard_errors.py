"""Errors of overlapping responses: near the truth, and tests near their level, where plain ones are far off."""

from collections.abc import Callable
from typing import Literal

import numpy as np
import pandas as pd
import pytest

from research.regression import Fit, Regression
from research.regression.standard_errors import blocks_of_rows
from tests.research.regression.overlapping_returns import irregular, overlapping


def true_error_of_mean(n: int, horizon: int) -> float:
    """Of the mean of n sums of `horizon` unit steps, each one step further: their covariance is what they share."""
    apart = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    return float(np.sqrt(np.maximum(horizon - apart, 0).sum())) / n


@pytest.mark.slow
def test_errors_of_a_mean_are_those_known_in_closed_form() -> None:
    n, horizon = 2_000, 20
    truth = true_error_of_mean(n, horizon)
    fits = [
        Regression(f"minus(t{horizon},t0) ~ const_1", overlapping(s, n, horizon), intercept=False) for s in range(60)
    ]
    for errors in ("hac", "block"):
        squares = [r.ols(errors=errors).bse["b1"] ** 2 for r in fits]
        assert np.sqrt(np.mean(squares)) == pytest.approx(truth, rel=0.1)
    plain = [r.ols(errors="plain").bse["b1"] for r in fits]
    assert np.mean(plain) < truth / 4


def rejected(fit: Callable[[Regression], Fit], seeds: int, n: int, horizon: int) -> float:
    """Return how often a test at 5 % finds a signal that is not there."""
    formula = f"minus(t{horizon},t0) ~ value"
    found = [fit(Regression(formula, overlapping(1_000 + s, n, horizon))).pvalues["b1"] < 0.05 for s in range(seeds)]
    return float(np.mean(found))


# 200 tests at a true 5 % find more than 10 % once in a thousand
@pytest.mark.slow
def test_a_signal_that_is_not_there_is_found_by_plain_errors_only() -> None:
    assert rejected(lambda r: r.ols(errors="plain"), 60, 2_000, 20) > 0.4
    assert rejected(lambda r: r.ols(), 200, 2_000, 20) <= 0.1
    assert rejected(lambda r: r.ols(errors="block"), 200, 2_000, 20) <= 0.1


@pytest.mark.slow
def test_bins_do_not_find_it_either() -> None:
    assert rejected(lambda r: r.ols(bins=10, errors="plain"), 60, 1_000, 10) > 0.25
    assert rejected(lambda r: r.ols(bins=10), 60, 1_000, 10) <= 0.12


@pytest.mark.slow
def test_two_markets_that_move_together_are_one() -> None:
    # the same rows twice: plain errors shrink by the root of 2, honest ones may not
    frame = overlapping(5, 1_500, 10)
    once = Regression("minus(t10,t0) ~ value", frame).ols()
    twice = Regression("minus(t10,t0) ~ value", {"a": frame, "b": frame}).ols()
    assert twice.plain.bse[1] == pytest.approx(once.plain.bse[1] / np.sqrt(2), rel=1e-3)
    assert twice.lag == 19
    assert twice.bse["b1"] == pytest.approx(once.bse["b1"], rel=0.1)


def test_a_horizon_of_many_rows_goes_to_blocks_and_says_so() -> None:
    frame = overlapping(1, 22_000, 2_100)
    fit = Regression("minus(t2100,t0) ~ value", frame).ols()
    assert (fit.lag, fit.errors) == (2_099, "block")
    assert "more than 2,000 rows inside one horizon: errors are made from blocks of time, not by HAC" in fit.summary()
    assert "only 5 blocks: the errors themselves are uncertain" in fit.summary()


def test_a_real_signal_is_found() -> None:
    frame = irregular(9, 6_000)
    frame["value"] = frame["t0"] + 0.4 * (frame["t60"] - frame["t0"]) + np.random.default_rng(0).normal(0, 0.02, 6_000)
    fit = Regression("div(minus(t60,t0),t0) ~ div(minus(value,t0),t0)", frame, intercept=False).ols()
    assert fit.pvalues["b1"] < 1e-4
    assert fit.plain.tvalues[0] > fit.tvalues["b1"] > 4


@pytest.mark.parametrize("errors", ["hac", "block"])
def test_errors_are_not_below_those_of_unrelated_rows(errors: Literal["hac", "block"]) -> None:
    # neighbours that err in opposite directions
    rng = np.random.default_rng(7)
    steps = rng.normal(size=1_001)
    frame = pd.DataFrame({"y": 1.0 + np.diff(steps), "x": rng.normal(size=1_000)})
    fit = Regression("y ~ x", frame).ols(errors=errors, horizon=5)
    unrelated = fit.plain.get_robustcov_results("HC1").bse
    assert (fit.bse >= unrelated * (1 - 1e-12)).all()
    assert fit.bse["Intercept"] == pytest.approx(unrelated[0])
    assert fit.n_effective is not None
    assert fit.n_effective["Intercept"] == pytest.approx(1_000)
    assert "Intercept" in fit.notes[-1]
    assert fit.notes[-1].endswith("are those of unrelated rows: overlap made them no larger")


@pytest.mark.parametrize(("n", "lag", "blocks"), [(1_000, 0, 200), (1_000, 9, 20), (1_000, 24, 10), (1_000, 99, 5)])
def test_blocks_are_five_horizons_or_as_many_as_fit(n: int, lag: int, blocks: int) -> None:
    labels = blocks_of_rows(n, lag)
    assert labels[-1] + 1 == blocks
    assert (np.diff(labels) >= 0).all()
    sizes = np.bincount(labels)
    assert sizes.max() - sizes.min() <= 1
    assert sizes.min() >= 2 * (lag + 1)


def test_fewer_than_four_blocks_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^70 rows are 7\.0 horizons of 10 rows: too few"):
        blocks_of_rows(70, 9)


def test_the_jackknife_of_a_mean_is_its_textbook_variance() -> None:
    # leaving out equal blocks gives the variance of their means; two rows a stamp are one event
    rng = np.random.default_rng(2)
    parts = {name: pd.DataFrame({"y": rng.normal(size=100), "x": 1.0}) for name in "ab"}
    fit = Regression("y ~ x", parts, intercept=False).ols(axis="ts", aggregator=np.mean)
    both = np.column_stack([part["y"] for part in parts.values()]).mean(axis=1)
    labels = blocks_of_rows(200, 1, 50)
    means = np.array([both[labels[::2] == k].mean() for k in range(labels[-1] + 1)])
    wanted = means.std(ddof=1) / np.sqrt(means.size)
    assert fit.bse["b1"] == pytest.approx(wanted, rel=1e-6)
