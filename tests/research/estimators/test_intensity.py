"""Fill intensity: parameters of a simulated market are recovered, and the errors cover them."""

import math
from typing import Literal

import numpy as np
import numpy.typing as npt
import pytest

from market.units import SECOND
from research.estimators import fit_intensity
from research.market_arrays import TradeArrays
from research.prices import Mids
from tests.research.estimators.random_feeds import LINEAR

MID = 100.0
KAPPA = 40.0  # per unit of price: a mean distance of 2.5 ticks
RATE = 2.0  # orders per second at the first level, half a tick
ALPHA = RATE * math.exp(KAPPA * 0.005)


def simulated(rng: np.random.Generator, seconds: int, is_clustered: bool = False) -> tuple[TradeArrays, Mids]:
    """Return taker orders at a mid that stands still, their distances exponential above half a tick.

    Clustered: the rate of each minute is drawn, with the same mean.
    """
    minutes = seconds // 60
    rates = rng.gamma(2.0, RATE / 2.0, minutes) if is_clustered else np.full(minutes, RATE)
    n = rng.poisson(rates * 60)
    ts = np.sort(np.concatenate([60 * k + 60 * rng.random(m) for k, m in enumerate(n)]))
    distance = 0.005 + rng.exponential(1.0 / KAPPA, len(ts))
    taker = rng.choice([1, -1], len(ts))
    # the best ask is half a tick above the mid: an order's price is the last tick that it reached
    reached = np.floor((distance - 0.005) * 100 + 1e-9).astype(np.int64)
    ticks = np.where(taker > 0, 10_001 + reached, 10_000 - reached)
    stamps = (ts * SECOND).astype(np.int64) + np.arange(len(ts))
    lots = rng.integers(1, 100, len(ts))
    mids = Mids(np.array([0, seconds * SECOND]) - 1, np.full(2, MID + 0.005))
    return TradeArrays(LINEAR, stamps, stamps, ticks, lots, taker), mids


LEVELS = [0.005 + 0.01 * k for k in range(12)]


def test_parameters_are_recovered() -> None:
    trades, mids = simulated(np.random.default_rng(1), 7200)
    for levels in (LEVELS, None):
        found = fit_intensity(trades, mids, levels)
        assert found.kappa == pytest.approx(KAPPA, abs=4 * found.kappa_error)
        assert found.alpha == pytest.approx(ALPHA, abs=4 * found.alpha_error)
        assert found.kappa_error < 0.03 * KAPPA
        assert found.alpha_error < 0.04 * ALPHA
        assert (found.n_orders, found.n_left_out, found.n_blocks) == (len(trades), 0, 120)
        np.testing.assert_allclose(found.rates[:6], found.at(found.levels)[:6], rtol=0.1)
    assert found.rates[0] * found.seconds == pytest.approx(len(trades))


def test_poisson_errors_are_those_of_theory() -> None:
    # exact distances would give kappa / sqrt(n); at half a tick alpha's is sqrt(1 / n + (delta * kappa)^2 / n)
    trades, mids = simulated(np.random.default_rng(2), 36_000)
    found = fit_intensity(trades, mids, LEVELS)
    n = found.n_orders
    assert found.kappa_error == pytest.approx(KAPPA / math.sqrt(n), rel=0.15)
    assert found.alpha_error / found.alpha == pytest.approx(math.sqrt((1 + 0.2**2) / n), rel=0.15)


@pytest.mark.slow
@pytest.mark.parametrize(("is_clustered", "amount"), [(False, "orders"), (True, "size")])
def test_errors_cover_the_truth(is_clustered: bool, amount: Literal["orders", "size"]) -> None:
    scores: list[tuple[float, float]] = []
    for seed in range(200):
        trades, mids = simulated(np.random.default_rng([seed, 5]), 3600, is_clustered)
        found = fit_intensity(trades, mids, LEVELS, amount)
        alpha = ALPHA * (5.0 if amount == "size" else 1.0)  # sizes are 0.1 to 9.9, 5 on average
        scores.append(((found.kappa - KAPPA) / found.kappa_error, (found.alpha - alpha) / found.alpha_error))
    covered = (np.abs(np.array(scores)) < 1.96).mean(axis=0)
    # binomial, 200 draws at 95 %, 99.9 % wide, and a little for 60 blocks
    assert (covered > 0.88).all(), covered
    assert (covered < 0.995).all(), covered


def test_clusters_make_alpha_less_certain() -> None:
    calm = fit_intensity(*simulated(np.random.default_rng(3), 7200), LEVELS)
    clustered = fit_intensity(*simulated(np.random.default_rng(3), 7200, is_clustered=True), LEVELS)
    assert clustered.alpha_error / clustered.alpha > 3 * calm.alpha_error / calm.alpha
    assert clustered.kappa_error / clustered.kappa < 1.5 * calm.kappa_error / calm.kappa


def naive_log_likelihood(kappa: float, distance: npt.NDArray[np.float64], levels: list[float]) -> float:
    total = 0.0
    for value in distance:
        k = max(i for i, level in enumerate(levels) if value >= level - 1e-9)
        beyond = 0.0 if k == len(levels) - 1 else math.exp(-kappa * (levels[k + 1] - levels[0]))
        total += math.log(math.exp(-kappa * (levels[k] - levels[0])) - beyond)
    return total


def test_kappa_is_the_most_likely_one() -> None:
    trades, mids = simulated(np.random.default_rng(4), 120)
    levels = [0.005, 0.015, 0.035, 0.095]
    kappa = fit_intensity(trades, mids, levels).kappa
    distance = trades.taker * (trades.price - mids.mid[0])
    best = naive_log_likelihood(kappa, distance, levels)
    for other in (0.999 * kappa, 1.001 * kappa):
        assert naive_log_likelihood(other, distance, levels) < best


def test_orders_and_their_distances() -> None:
    # a buyer takes three levels in one instant: one order, as deep as its last fill; the mid of that very instant,
    # which it moved, is not used; a seller follows; the first trade is before any mid
    trades = TradeArrays(
        LINEAR,
        np.array([1, 20, 20, 20, 20, 150]) * SECOND,
        np.array([1, 20, 20, 20, 20, 150]) * SECOND,
        [10_000, 10_001, 10_002, 10_003, 9_999, 10_005],
        [10, 10, 20, 30, 70, 10],
        [1, 1, 1, 1, -1, 1],
    )
    mids = Mids(np.array([10, 20, 200]) * SECOND, np.array([100.0, 100.04, 100.04]))
    found = fit_intensity(trades, mids, [0.01, 0.02])
    # distances 0.03, 0.01, 0.01 over 190 s
    assert (found.n_orders, found.n_left_out, found.seconds) == (3, 1, 190.0)
    np.testing.assert_allclose(found.rates, [3 / 190, 1 / 190])
    assert found.kappa == pytest.approx(math.log(3.0) / 0.01)  # one in three goes a tick further
    assert found.at(0.01) == pytest.approx(3 / 190)
    by_size = fit_intensity(trades, mids, [0.01, 0.02], amount="size")
    np.testing.assert_allclose(by_size.rates, [14 / 190, 6 / 190])


def test_what_cannot_be_fitted() -> None:
    trades, mids = simulated(np.random.default_rng(5), 120)
    with pytest.raises(ValueError, match=r"^levels must be two or more ascending distances, got \[0.1, 0.1\]$"):
        fit_intensity(trades, mids, [0.1, 0.1])
    with pytest.raises(ValueError, match=r"past 0.005, all end before 9: choose other levels$"):
        fit_intensity(trades, mids, [0.005, 9.0])
    with pytest.raises(ValueError, match=r"^120 s of data are one block of 600 s: errors need two or more$"):
        fit_intensity(trades, mids, LEVELS, block_s=600.0)
    with pytest.raises(ValueError, match=r"^no trades or no mids of binance-futures:SOLUSDT: "):
        fit_intensity(trades.rows(0, 0), mids)
