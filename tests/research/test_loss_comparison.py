"""The best of several estimators: chosen on one part, tested on the other, and told apart no more often than stated."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from market.units import SECOND
from research.loss_comparison import BETTER, CHOSEN, NO_TEST, NOT_TOLD_APART, WORSE, compare_losses, holm
from research.prices import FloatArray, IntArray

N_SEEDS = 500
LEVEL = 0.05
# of 500 tests at the level, no more than this many reject, 99 times in 100
AT_MOST = int(binom.ppf(0.99, N_SEEDS, LEVEL))


def overlapping(seed: int, n: int, horizon: int) -> tuple[IntArray, FloatArray, np.random.Generator]:
    """Return irregular stamps (about one a second), and the moves of a random walk over `horizon` seconds from each."""
    rng = np.random.default_rng(seed)
    ts = np.sort(rng.integers(0, n * SECOND, n))
    walk = np.concatenate(([0.0], rng.normal(size=n + horizon).cumsum()))
    second = ts // SECOND
    return ts, walk[second + horizon] - walk[second], rng


def told_apart(ts: IntArray, losses: FloatArray, horizon: int) -> bool:
    found = compare_losses(ts, losses, horizon * SECOND, int(ts[-1]) // 2, LEVEL)
    assert NO_TEST not in found.verdicts
    return WORSE in found.verdicts or BETTER in found.verdicts


@pytest.mark.slow
@pytest.mark.parametrize("n_estimators", [2, 5])
@pytest.mark.parametrize(("n", "horizon"), [(1500, 0), (1500, 10), (3000, 60)])
def test_equal_estimators_are_told_apart_no_more_often_than_stated(n: int, horizon: int, n_estimators: int) -> None:
    count = 0
    for seed in range(N_SEEDS):
        ts, move, rng = overlapping(seed, n, horizon)
        count += told_apart(ts, (move[:, None] - rng.normal(size=(n, n_estimators))) ** 2, horizon)
    assert count <= AT_MOST


@pytest.mark.slow
def test_equal_estimators_whose_difference_lasts() -> None:
    """The hardest case: one always a little high, one a little low, so that each horizon's whole overlap counts."""
    count = plain = 0
    n, horizon = 6000, 60
    for seed in range(N_SEEDS):
        ts, move, _ = overlapping(seed, n, horizon)
        losses = (move[:, None] - np.array([0.5, -0.5])) ** 2
        count += told_apart(ts, losses, horizon)
        rest = (losses[:, 1] - losses[:, 0])[n // 2 :]
        plain += abs(rest.mean() / (rest.std() / np.sqrt(rest.size))) > 1.96
    assert count <= AT_MOST
    # what the tutorial's own t-statistic would have called significant
    assert plain > 0.7 * N_SEEDS


@pytest.mark.slow
def test_a_better_estimator_is_found() -> None:
    """An MSE lower by 5 % at ten seconds, judged on three thousand seconds: found in 80 of 100 samples at least."""
    n, horizon = 6000, 10
    found = 0
    for seed in range(N_SEEDS):
        ts, move, rng = overlapping(seed, n, horizon)
        # 10 of the walk, and 0.25 against 0.7625 of noise
        noise = rng.normal(size=(n, 3)) * np.sqrt([0.7625, 0.25, 0.7625])
        verdicts = compare_losses(ts, (move[:, None] - noise) ** 2, horizon * SECOND, int(ts[-1]) // 2).verdicts
        found += verdicts == (WORSE, CHOSEN, WORSE)
    assert found >= 0.8 * N_SEEDS


def test_the_choice_is_made_before_the_split() -> None:
    """What was best in the first part is judged on the second, where it may be beaten."""
    ts = np.arange(4000) * SECOND
    early = ts < 2000 * SECOND
    losses = np.random.default_rng(1).random((4000, 2))
    losses[:, 0] += np.where(early, 0.0, 1.0)
    losses[:, 1] += np.where(early, 0.5, 0.0)
    found = compare_losses(ts, losses, 0, 2000 * SECOND)
    assert (found.chosen, found.verdicts, found.holds) == (0, (CHOSEN, BETTER), False)
    assert (found.n_first, found.n_second) == (2000, 2000)
    np.testing.assert_allclose(found.first, losses[:2000].mean(axis=0))
    np.testing.assert_allclose(found.second, losses[2000:].mean(axis=0))
    assert found.difference[1] == pytest.approx(found.second[1] - found.second[0])


def test_rows_that_look_into_the_second_part_choose_nothing() -> None:
    ts = np.arange(400) * SECOND
    losses = np.ones((400, 2))
    # the second estimator shines only where its forward price lies beyond the split
    losses[150:200, 1] = -100.0
    losses[:, 1] += 0.1
    found = compare_losses(ts, losses, 50 * SECOND, 200 * SECOND)
    assert (found.chosen, found.n_first, found.n_second) == (0, 150, 200)


def test_losses_that_differ_by_a_constant_and_not_at_all() -> None:
    ts = np.arange(200) * SECOND
    losses = np.random.default_rng(2).integers(0, 9, (200, 1)) + np.array([0.0, 0.0, 1.0])
    found = compare_losses(ts, losses, 0, 100 * SECOND)
    assert found.verdicts == (CHOSEN, NOT_TOLD_APART, WORSE)
    assert (found.p[1], found.p[2], found.t[2]) == (1.0, 0.0, np.inf)
    assert np.isnan(found.p[0])


@pytest.mark.parametrize(
    ("n", "horizon", "split", "caution"),
    [
        (300, 60, 150, r"^the second part spans 2\.5 horizons, at least 4 are needed$"),
        (300, 10, 285, r"^the second part has 15 rows at 15 instants, at least 20 are needed$"),
        (300, 10, 5, r"^no row of the first part knows its forward price before the second begins$"),
        (300, 30, 150, r"^few independent stretches in the second part \(\d degrees of freedom\)$"),
    ],
)
def test_what_a_short_sample_says(n: int, horizon: int, split: int, caution: str) -> None:
    losses = np.random.default_rng(0).random((n, 2))
    found = compare_losses(np.arange(n) * SECOND, losses, horizon * SECOND, split * SECOND)
    with pytest.raises(ValueError, match=caution):
        raise ValueError(found.caution)
    assert (NO_TEST in found.verdicts) == ("degrees" not in caution)
    assert not found.holds


@given(st.lists(st.one_of(st.floats(0, 1), st.just(float("nan"))), min_size=1, max_size=8))
def test_holm_against_its_definition(p: list[float]) -> None:
    values = np.array(p)
    known = sorted(v for v in p if v == v)
    steps = [min(1.0, (len(known) - place) * value) for place, value in enumerate(known)]
    expected = [max(steps[: known.index(v) + known.count(v)]) if v == v else v for v in p]
    np.testing.assert_allclose(holm(values), expected, atol=1e-15)


def test_holm_of_a_worked_example() -> None:
    # R: p.adjust(c(0.04, 0.01, 0.03, 0.02), "holm")
    np.testing.assert_allclose(holm(np.array([0.04, 0.01, 0.03, 0.02])), [0.06, 0.04, 0.06, 0.06])
