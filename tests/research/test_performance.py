"""Drawdown, Sharpe ratio and leverage against slow loops and known answers."""

import math
import statistics as stdlib
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.units import SECOND
from research.performance import max_drawdown, max_ratio, sharpe

EQUITY = st.lists(st.floats(1.0, 1e5), min_size=1, max_size=40)


@given(EQUITY)
def test_drawdown_is_the_worst_pair(equity: list[float]) -> None:
    worst = max((a - b) / a for i, a in enumerate(equity) for b in equity[i:])
    assert max_drawdown(np.array(equity)) == pytest.approx(worst, abs=1e-12)


def test_drawdown_of_the_tutorial() -> None:
    # its plot falls from +1.42 to -1.19 on 10,000, and its table says 0.03 %
    assert 100 * (max_drawdown(np.array([10_000.0, 10_001.42, 9_998.81])) or 0) == pytest.approx(0.0261, abs=1e-4)


@given(st.lists(st.integers(-1000, 1000), min_size=3, max_size=30))
def test_sharpe_is_that_of_the_changes(cents: list[int]) -> None:
    pnl = [c / 100 for c in cents]
    ts = np.arange(len(pnl)) * SECOND
    changes = [b - a for a, b in pairwise(pnl)]
    found = sharpe(ts, np.array(pnl))
    if stdlib.stdev(changes) < 1e-12:
        assert found is None
    else:
        expected = stdlib.mean(changes) / stdlib.stdev(changes) * math.sqrt(365 * 86_400)
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-6)


def test_sharpe_knows_the_rate_of_its_stamps() -> None:
    # the same changes once a minute are sixty times rarer
    pnl = np.array([0.0, 1.0, 0.5, 2.0])
    a_second, a_minute = sharpe(np.arange(4) * SECOND, pnl), sharpe(np.arange(4) * 60 * SECOND, pnl)
    assert a_second is not None
    assert a_minute == pytest.approx(a_second / math.sqrt(60))


@pytest.mark.parametrize("pnl", [[], [1.0], [1.0, 2.0], [3.0, 3.0, 3.0, 3.0]])
def test_sharpe_needs_variation(pnl: list[float]) -> None:
    assert sharpe(np.arange(len(pnl)) * SECOND, np.array(pnl)) is None


def test_ratio_leaves_out_stamps_without_equity() -> None:
    assert max_ratio(np.array([-5.0, 3.0, 100.0]), np.array([100.0, 10.0, 0.0])) == pytest.approx(0.3)
    assert max_ratio(np.array([1.0]), np.array([-1.0])) is None
    assert max_drawdown(np.zeros(0)) is None
