"""Latencies: the tables that they are drawn from against closed forms, and what each channel takes."""

from math import e, log
from typing import Any

import numpy as np
import pytest

from market.messages import OrderFlag
from market.units import MS
from sim.latency import (
    ConstantLatency,
    ExponentialLatency,
    Latency,
    LognormalLatency,
    RecordedLatency,
    UniformLatency,
    quantiles,
)
from sim.state_kernels import N_QUANTILES, quantile
from tests.sim.market_script import BUY, SELL, MarketScript, latencies

MIDDLE = (N_QUANTILES - 1) // 2

DISTRIBUTIONS = [
    UniformLatency(2.0, 10.0),
    UniformLatency(5.0, 5.0),
    LognormalLatency(8.0, 0.5),
    LognormalLatency(8.0, 0.0, base_ms=1.0),
    ExponentialLatency(6.0, base_ms=2.0),
]


@pytest.mark.parametrize(
    ("latency", "share", "ms"),
    [
        (UniformLatency(2.0, 10.0), 0.5, 6.0),
        (UniformLatency(2.0, 10.0), 0.25, 4.0),
        (LognormalLatency(8.0, 0.5), 0.5, 8.0),
        (LognormalLatency(8.0, 0.5, base_ms=3.0), 0.5, 11.0),
        # a standard normal is below 1 with probability 0.8413447
        (LognormalLatency(8.0, 0.5), 0.8413447460685429, 8.0 * e**0.5),
        (ExponentialLatency(6.0), 0.5, 6.0 * log(2.0)),
        (ExponentialLatency(6.0, base_ms=2.0), 1 - 1 / e, 8.0),
    ],
)
def test_known_quantiles(latency: Latency, share: float, ms: float) -> None:
    assert quantile(quantiles(latency), share) == pytest.approx(ms * MS, rel=2e-5)


@pytest.mark.parametrize("latency", DISTRIBUTIONS)
def test_tables_never_fall_nor_go_below_zero(latency: Latency) -> None:
    table = quantiles(latency)
    assert table.shape == (N_QUANTILES,)
    assert (np.diff(table) >= 0).all()
    assert table[0] >= 0
    between = [quantile(table, u) for u in np.linspace(1e-9, 1 - 1e-9, 4001)]
    assert between == sorted(between)
    assert between[0] == pytest.approx(table[0], abs=100)
    assert between[-1] == pytest.approx(table[-1], abs=100)


@pytest.mark.parametrize("latency", DISTRIBUTIONS)
def test_what_is_drawn_has_the_distribution(latency: Any) -> None:
    """2,000 orders sent far apart: the mean of their ways, within 4 standard errors, and the median."""
    n = 2_000
    s = MarketScript(latency=latencies(request_private=latency), seed=3)
    for k in range(n):
        s.place(k * 10**9, k + 1, BUY, 100, 1, OrderFlag.IOC)
    drawn = np.array([f.ts - f.client_id * 10**9 + 10**9 for f in s.run()][::2]) / MS
    assert len(drawn) == n
    match latency:
        case UniformLatency(low, high):
            mean, deviation = (low + high) / 2, (high - low) / 12**0.5
        case LognormalLatency(median, sigma, base):
            mean = base + median * e ** (sigma**2 / 2)
            deviation = median * e ** (sigma**2 / 2) * (e ** (sigma**2) - 1) ** 0.5
        case ExponentialLatency(scale, base):
            mean, deviation = base + scale, scale
    assert drawn.mean() == pytest.approx(mean, abs=4 * deviation / n**0.5 + 1e-6)
    middle = quantiles(latency)[MIDDLE] / MS
    assert abs((drawn <= middle + 1e-6).mean() - 0.5) < 4 * 0.5 / n**0.5 or deviation == 0


def test_constant_is_exact_to_the_nanosecond() -> None:
    s = MarketScript(latency=latencies(request_private=ConstantLatency(1.234567), ack_private=ConstantLatency(0.5)))
    s.place(1000, 1, BUY, 100, 1)
    (fact,) = s.run()
    assert (fact.ts, fact.due) == (1000 + 1_234_567, 1000 + 1_234_567 + 500_000)


def test_recorded_takes_as_long_as_the_newest_row_that_was_delivered() -> None:
    s = MarketScript(latency=latencies(request_private=RecordedLatency(), ack_private=RecordedLatency()))
    s.place(5, 1, BUY, 90, 1)  # nothing was delivered yet
    s.book(10, [(100, 1)], [(102, 1)], recv=40)
    s.trade(50, 99, 1, SELL, recv=120)
    s.place(60, 2, BUY, 90, 1)  # the book took 30
    s.place(130, 3, BUY, 90, 1)  # the trade took 70
    s.run()
    assert [(f.client_id, f.ts, f.due) for f in s.facts] == [(1, 5, 5), (2, 90, 120), (3, 200, 270)]


def test_recorded_with_a_clock_that_is_ahead_is_no_time_at_all() -> None:
    """A row may bear a venue time after its arrival; nothing we send arrives before it is sent."""
    s = MarketScript(latency=latencies(request_private=RecordedLatency(), ack_private=RecordedLatency()))
    s.book(100, [(100, 1)], [(102, 1)], recv=40)
    s.place(60, 1, BUY, 90, 1)
    (fact,) = s.run()
    assert (fact.ts, fact.due) == (60, 60)


def test_funding_says_nothing_of_the_feeds_latency() -> None:
    s = MarketScript(latency=latencies(request_private=RecordedLatency()))
    s.book(10, [(100, 1)], [(102, 1)], recv=40)
    s.funding(50, 1, 100, recv=10_000)
    s.place(20_000, 1, BUY, 90, 1)
    (fact,) = s.run()
    assert fact.ts == 20_030


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: ConstantLatency(-1.0), r"ms must be in \[0, 3600000\) ms, got -1.0"),
        (lambda: UniformLatency(5.0, 4.0), "high_ms 4.0 is below low_ms 5.0"),
        (lambda: LognormalLatency(1.0, -0.5), "'sigma' must be >= 0"),
        (lambda: ExponentialLatency(float("nan")), r"mean_ms must be in \[0, 3600000\) ms, got nan"),
    ],
)
def test_wrong_parameters_are_named(make: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        make()
