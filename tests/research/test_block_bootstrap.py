"""Resampling by blocks of time: against blocks cut by a loop, and the coverage of the intervals made of it."""

import numpy as np
import pytest

from market.units import SECOND
from research.block_bootstrap import resampled_means
from research.loss_intervals import loss_intervals
from research.prices import FloatArray, IntArray


def naive_means(ts: IntArray, values: FloatArray, block: int, n_resamples: int, seed: int) -> list[list[float]]:
    period = int(ts[-1] - ts[0])
    ring = period + max(period // max(ts.size - 1, 1), 1)
    block = min(block, ring)
    starts = np.random.default_rng(seed).integers(0, ring, (n_resamples, -(-ring // block)))
    means = []
    for row in starts.tolist():
        drawn = [v for s in row for t, v in zip(ts - ts[0], values, strict=True) if (int(t) - s) % ring < block]
        means.append(np.mean(drawn, axis=0).tolist())
    return means


@pytest.mark.parametrize("block", [1, 7, 30, 10_000])
def test_blocks_against_a_loop(block: int) -> None:
    rng = np.random.default_rng(block)
    ts = np.sort(rng.integers(100, 160, 80))
    values = rng.normal(size=(80, 2))
    found = resampled_means(ts, values, block, 6, 3)
    np.testing.assert_allclose(found, naive_means(ts, values, block, 6, 3), rtol=1e-12)


def test_a_draw_of_holes_only_is_unknown() -> None:
    found = resampled_means(np.array([0, 1, 1000]), np.ones((3, 1)), 10, 200, 0)
    assert set(np.unique(found[~np.isnan(found)])) == {1.0}
    assert np.isnan(found).any()


def test_wrong_use_is_named() -> None:
    with pytest.raises(ValueError, match=r"got 1 rows, 0 ns$"):
        resampled_means(np.zeros(1, dtype=np.int64), np.ones((1, 1)), 0, 5, 0)


@pytest.mark.slow
def test_intervals_cover_as_often_as_they_say() -> None:
    """Losses of overlapping returns with clustering: of 95 % intervals, at least 91 in 100 cover in 300 samples."""
    n, horizon, n_trials = 2500, 50, 300
    mean_covered = ratio_covered = 0
    for seed in range(n_trials):
        rng = np.random.default_rng(seed)
        steps = rng.normal(size=n + horizon)
        total = np.concatenate(([0.0], np.cumsum(steps)))
        move = total[horizon : horizon + n] - total[:n]
        noise = rng.normal(size=n)
        ts = np.arange(n) * SECOND
        found = loss_intervals(ts, ((move - noise) ** 2)[:, None], move**2, horizon * SECOND, 300, seed)
        mean_covered += found.mean_low[0] <= horizon + 1 <= found.mean_high[0]
        ratio_covered += found.ratio_low[0] <= (horizon + 1) / horizon <= found.ratio_high[0]
    assert mean_covered >= 0.91 * n_trials
    assert ratio_covered >= 0.91 * n_trials


def test_no_interval_where_the_period_is_short() -> None:
    ts = np.arange(30) * SECOND
    losses = np.random.default_rng(0).random((30, 2))
    found = loss_intervals(ts, losses, losses[:, 0], 10 * SECOND)
    assert found.block is None
    assert found.ratio[0] == 1.0
    assert np.isnan(np.concatenate((found.mean_low, found.mean_high, found.ratio_low, found.ratio_high))).all()


def test_a_mid_that_is_never_wrong_has_no_ratio() -> None:
    found = loss_intervals(np.arange(100) * SECOND, np.ones((100, 1)), np.zeros(100), 0)
    assert (found.mean_low[0], found.mean_high[0]) == (1.0, 1.0)
    assert np.isnan([found.ratio[0], found.ratio_low[0], found.ratio_high[0]]).all()
