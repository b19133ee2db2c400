"""Markouts against a loop over fills and book updates, and the error of their mean against statsmodels and chance."""

import math
from decimal import Decimal

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st

from market.instrument import Instrument
from market.units import SECOND
from research.markout_curve import markout_mean
from research.markouts import horizon_name, markouts, tick_markouts
from research.prices import Mids

SOL = Instrument(0, "bybit", "SOLUSDT", "SOL", "USDT", "USDT", Decimal("0.01"), Decimal("0.1"))
TOUCH = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 50), st.integers(0, 50)), max_size=25).map(sorted)
FILLS = st.lists(st.tuples(st.integers(0, 35), st.sampled_from([1, -1]), st.integers(1, 60)), max_size=10)


def naive_mid(touch: list[tuple[int, int, int]], at: int, *, after: bool = False) -> float:
    known = [(ts, (bid + ask) / 200) for ts, bid, ask in touch if bid > 0 and ask > 0]
    if after:
        return next((mid for ts, mid in known if ts > at), math.nan)
    return next((mid for ts, mid in reversed(known) if ts <= at), math.nan)


@given(touch=TOUCH, fills=FILLS, horizons=st.lists(st.integers(0, 12), min_size=1, max_size=3))
def test_markouts_against_a_loop(
    touch: list[tuple[int, int, int]], fills: list[tuple[int, int, int]], horizons: list[int]
) -> None:
    ts, bid, ask = (np.array([row[i] for row in touch], dtype=np.int64) for i in range(3))
    mids = Mids.from_touch(SOL, ts, bid, ask)
    at, side, ticks = (np.array([row[i] for row in fills], dtype=np.int64) for i in range(3))
    price = ticks / 100
    found = markouts(side, price, at, mids, horizons)
    at_tick = tick_markouts(side, price, at, mids)
    last = max((ts for ts, bid, ask in touch if bid > 0 and ask > 0), default=-1)
    for row, (when, sign, tick) in enumerate(fills):
        paid = tick / 100
        for column, horizon in enumerate(horizons):
            mid = naive_mid(touch, when + horizon) if when + horizon <= last else math.nan
            assert found[row, column] == pytest.approx(sign * (mid - paid) / paid, nan_ok=True)
        mid = naive_mid(touch, when, after=True)
        assert at_tick[row] == pytest.approx(sign * (mid - paid) / paid, nan_ok=True)


def test_a_buy_before_a_rise_is_good() -> None:
    mids = Mids(np.array([0, 10]), np.array([100.0, 101.0]))
    found = markouts(np.array([1, -1]), np.array([99.0, 99.0]), np.array([0, 0]), mids, [0, 10, 11])
    np.testing.assert_allclose(found[0], [1 / 99, 2 / 99, np.nan])
    np.testing.assert_allclose(found[1], [-1 / 99, -2 / 99, np.nan])


def test_a_negative_horizon_would_look_back() -> None:
    with pytest.raises(ValueError, match=r"^markout horizons must be >= 0 ns, got -5$"):
        markouts(np.array([1]), np.array([1.0]), np.array([0]), Mids(np.array([0]), np.array([1.0])), [0, -5])


def test_names_of_horizons() -> None:
    assert [horizon_name(round(s * SECOND)) for s in (0, 0.25, 1, 11, 151)] == ["0s", "0.25s", "1s", "11s", "151s"]


@pytest.mark.slow
def test_error_is_newey_west() -> None:
    # one fill a second: the calendar bins are then the observations themselves
    values = np.random.default_rng(3).normal(size=200).cumsum()
    ts = np.arange(200) * SECOND
    found = markout_mean(ts, values, 8 * SECOND)
    hac = sm.OLS(values, np.ones(200)).fit(cov_type="HAC", cov_kwds={"maxlags": 16, "use_correction": False})
    assert found.mean == pytest.approx(hac.params[0])
    assert found.error == pytest.approx(hac.bse[0], rel=1e-9)
    assert found.t == pytest.approx(hac.tvalues[0], rel=1e-9)


@pytest.mark.slow
def test_overlapping_horizons_do_not_make_significance() -> None:
    """Fills without any edge: a plain t beyond 2 is common, ours rare."""
    rng = np.random.default_rng(11)
    plain = honest = 0
    n_trials, horizon = 150, 30
    for _ in range(n_trials):
        walk = rng.normal(size=1800).cumsum()
        at = np.sort(rng.integers(0, 1800 - horizon, 900))
        moves = walk[at + horizon] - walk[at]
        plain += abs(moves.mean() / (moves.std() / math.sqrt(moves.size))) > 2
        t = markout_mean(at * SECOND, moves, horizon * SECOND).t
        honest += t is not None and abs(t) > 2
    assert plain > 0.5 * n_trials
    assert honest < 0.15 * n_trials


def test_mean_of_few_fills() -> None:
    none = markout_mean(np.zeros(2, dtype=np.int64), np.full(2, np.nan), 0)
    assert (none.n, none.mean, none.error, none.t) == (0, None, None, None)
    one = markout_mean(np.zeros(2, dtype=np.int64), np.array([np.nan, 0.5]), 0)
    assert (one.n, one.mean, one.error, one.t) == (1, 0.5, None, None)
