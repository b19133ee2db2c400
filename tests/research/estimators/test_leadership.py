"""Hayashi-Yoshida against its double sum and by hand, and the lag of markets whose delay is known."""

import math

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.units import MS, SECOND
from research.estimators import block_lags, hayashi_yoshida, lead_lag
from research.market_arrays import BookArrays
from research.prices import Mids
from sim.generator_presets import default_market
from tests.sim.generated import read


@st.composite
def price_paths(draw: st.DrawFn) -> Mids:
    """Return prices that move, at stamps some of which are equal."""
    steps = draw(st.lists(st.tuples(st.integers(0, 4), st.integers(-3, 3)), min_size=1, max_size=25))
    ts = np.cumsum([draw(st.integers(0, 20)), *(step for step, _ in steps)])
    mid = 100.0 + np.cumsum([0, *(move for _, move in steps)])
    return Mids(np.append(ts, ts[-1] + 1), np.append(mid, mid[-1] + 0.5))


def naive_covariance(first: Mids, second: Mids, shift: int) -> float:
    def last_of_each(mids: Mids) -> tuple[list[int], list[float]]:
        known = dict(zip(mids.ts.tolist(), np.log(mids.mid).tolist(), strict=True))
        return list(known), list(known.values())

    (s, x), (t, y) = last_of_each(first), last_of_each(second)
    total = 0.0
    for i in range(1, len(s)):
        for j in range(1, len(t)):
            if max(s[i - 1], t[j - 1] - shift) < min(s[i], t[j] - shift):
                total += (x[i] - x[i - 1]) * (y[j] - y[j - 1])
    return total


@settings(deadline=None)  # the first example may compile a kernel
@given(price_paths(), price_paths(), st.lists(st.integers(-30, 30), min_size=1, max_size=4))
def test_against_the_double_sum(first: Mids, second: Mids, lags: list[int]) -> None:
    if any(len(set(np.unique(mids.ts))) < 2 or (mids.mid == mids.mid[0]).all() for mids in (first, second)):
        return
    try:
        found = lead_lag(first, second, lags)
    except ValueError as error:
        assert "no move between them" in str(error)  # noqa: PT017
        return
    assert found.lags_ns.tolist() == sorted(set(lags))
    wanted = [naive_covariance(first, second, int(lag)) for lag in found.lags_ns]
    np.testing.assert_allclose(found.covariance, wanted, rtol=1e-9, atol=1e-15)
    # seen from the other side, all lags have the other sign
    swapped = lead_lag(second, first, [-lag for lag in lags])
    np.testing.assert_allclose(swapped.covariance[::-1], found.covariance, rtol=1e-9, atol=1e-15)


def test_by_hand() -> None:
    # log moves of the first: a over (0, 10], b over (10, 20]; of the second: c over (0, 5], d over (5, 25].
    # overlaps: a with c and d, b with d
    a, b, c, d = 0.1, -0.2, 0.3, 0.05
    first = Mids(np.array([0, 10, 20]), np.exp([0.0, a, a + b]))
    second = Mids(np.array([0, 5, 25]), np.exp([0.0, c, c + d]))
    covariance, correlation = hayashi_yoshida(first, second)
    assert covariance == pytest.approx(a * c + a * d + b * d, rel=1e-12)
    assert correlation == pytest.approx(covariance / math.sqrt((a * a + b * b) * (c * c + d * d)), rel=1e-12)
    # the second moved 5 earlier: c over (-5, 0], d over (0, 20]
    assert lead_lag(first, second, [5]).covariance[0] == pytest.approx(a * d + b * d, rel=1e-12)


def test_a_price_is_in_full_correlation_with_itself_seen_elsewhere() -> None:
    """Two Poisson samplings of one Brownian motion: without a grid, the correlation comes out as 1, not near 0."""
    rng = np.random.default_rng(3)
    path = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 1e-4, 50_000)))
    seen = [np.sort(rng.choice(50_000, 5_000, replace=False)) for _ in range(2)]
    first, second = (Mids(at, path[at]) for at in seen)
    covariance, correlation = hayashi_yoshida(first, second)
    assert covariance == pytest.approx(float(np.sum(np.diff(np.log(path)) ** 2)), rel=0.1)
    assert correlation == pytest.approx(1.0, abs=0.1)
    late = Mids(second.ts + 37, second.mid)
    found = lead_lag(first, late, range(-200, 201))
    assert abs(found.lag_ns - 37) <= 3
    assert found.ratio > 1.5
    assert lead_lag(late, first, range(-200, 201)).lag_ns == -found.lag_ns
    assert (np.abs(block_lags(first, late, 3, range(-200, 201)) - 37) <= 8).all()


def generated_mids(lead: int, seed: int) -> list[BookArrays]:
    """Return both markets' touches, the second following the first by `lead`."""
    instruments, config = default_market(seed, seconds=240)
    leader, follower = (attrs.evolve(m, display=attrs.evolve(m.display, interval=40 * MS)) for m in config.markets)
    config = attrs.evolve(config, markets=(leader, attrs.evolve(follower, lead=lead)))
    books = read(config).books
    found = []
    for instrument in instruments:
        columns = books[instrument.id]
        assert columns.is_snapshot.all()
        bids, asks = columns.levels[columns.start], columns.levels[columns.start + columns.n_bids]
        found.append(BookArrays(instrument, columns.ts_venue, columns.ts_recv, bids[:, None], asks[:, None]))
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("lead_ms", "seed"), [(60, 7), (300, 8)])
def test_the_generators_lead_is_found(lead_ms: int, seed: int) -> None:
    leader, follower = generated_mids(lead_ms * MS, seed)
    found = lead_lag(leader, follower, range(-SECOND, SECOND + 1, 10 * MS))
    # the display's own interval blurs it: a change shows up to 40 ms late in either market
    assert abs(found.lag_ns / MS - lead_ms) <= 30
    assert found.ratio > 1.0
    assert abs(lead_lag(follower, leader).lag_ns / MS + lead_ms) <= 30


def test_what_has_no_lag() -> None:
    moving = Mids(np.array([0, 1]), np.array([100.0, 101.0]))
    with pytest.raises(ValueError, match=r"^the second market has 1 stamps with a mid and no move between them$"):
        lead_lag(moving, Mids(np.array([0]), np.array([100.0])))
    with pytest.raises(ValueError, match=r"^the first market has 2 stamps with a mid and no move between them$"):
        lead_lag(Mids(np.array([0, 1]), np.array([100.0, 100.0])), moving)
    with pytest.raises(ValueError, match=r"^lead_lag needs at least one lag$"):
        lead_lag(moving, moving, [])
