"""The portable functions against libm, within a few units in the last place, and bits that must never change."""

import math
import struct
from collections.abc import Callable
from itertools import pairwise, product
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from market.arithmetic_kernels import exp_, expm1_, log_, norm_ppf, pow_, splitmix64, tanh_, uniform

INF, NAN = math.inf, math.nan
GOLDEN = 0x9E3779B97F4A7C15
finite = st.floats(allow_nan=False, allow_infinity=False)


def ulps(got: float, wanted: float) -> float:
    """Return how many units in the last place lie between two floats; 0 for two NaN."""
    if got == wanted or (math.isnan(got) and math.isnan(wanted)):
        return 0.0
    if not (math.isfinite(got) and math.isfinite(wanted)):
        return INF
    return abs(got - wanted) / math.ulp(wanted)


def or_inf(function: Callable[..., float], *values: float) -> float:
    try:
        return function(*values)
    except OverflowError:
        return INF


# --- against libm, which is itself within an ulp ----------------------------------------------------------------------


@given(st.floats(-760.0, 720.0))
@example(709.782712893384)  # the largest with a finite answer
@example(709.7827128933841)
@example(-745.1332191019411)  # the smallest with an answer above 0
@example(-745.1332191019412)
@example(-708.5)  # subnormal answers
@example(5e-324)
def test_exp(x: float) -> None:
    assert ulps(exp_(x), or_inf(math.exp, x)) <= 1


@given(st.floats(-60.0, 720.0) | st.floats(-1.0, 1.0))
@example(-0.0)
def test_expm1(x: float) -> None:
    assert ulps(expm1_(x), or_inf(math.expm1, x)) <= 1


@given(st.floats(min_value=0.0, exclude_min=True, allow_infinity=False) | st.floats(0.5, 2.0))
@example(5e-324)
@example(1.7976931348623157e308)
def test_log(x: float) -> None:
    assert ulps(log_(x), math.log(x)) <= 1


@given(finite | st.floats(-23.0, 23.0) | st.floats(-1e-3, 1e-3))
def test_tanh(x: float) -> None:
    assert ulps(tanh_(x), math.tanh(x)) <= 3
    assert tanh_(-x) == -tanh_(x)


@given(
    st.floats(1e-300, 1e300) | st.floats(0.5, 2.0) | st.floats(1e-9, 1.0),
    st.floats(-400.0, 400.0) | st.sampled_from([0.5, 1.0, 2.0, 2.5, 3.0]),
)
@example(1.0000000000000002, 1e18)
@example(0.9999999999999999, -6e18)
@example(2.0, 1023.9999999)
@example(2.0, -1073.5)
def test_pow(x: float, y: float) -> None:
    assert ulps(pow_(x, y), or_inf(math.pow, x, y)) <= 1


@given(st.integers(-1000, 1000), st.integers(0, 12))
def test_whole_powers_of_whole_numbers_are_exact(x: int, y: int) -> None:
    if abs(x**y) <= 2**53:
        assert pow_(float(x), float(y)) == x**y


@given(st.floats(0.0, 1.0, exclude_min=True, exclude_max=True))
@example(5e-324)
@example(0.9999999999999999)
def test_norm_ppf(p: float) -> None:
    # Python's own is the same algorithm upon another log; near 1/2 both go through 0
    assert norm_ppf(p) == pytest.approx(NormalDist().inv_cdf(p), rel=3e-15)


@given(st.floats(-8.0, 8.0))
def test_norm_ppf_inverts_the_distribution(z: float) -> None:
    p = 0.5 * math.erfc(z / math.sqrt(2.0))  # exact in the tail
    assert -norm_ppf(p) == pytest.approx(z, abs=1e-14 + 1e-15 / math.exp(-z * z / 2.0) if z < 0 else 1e-13)


# --- at the edges ----------------------------------------------------------------------------------------------------


def test_edges() -> None:
    assert (exp_(INF), exp_(-INF), exp_(0.0), exp_(-0.0)) == (INF, 0.0, 1.0, 1.0)
    assert (expm1_(INF), expm1_(-INF)) == (INF, -1.0)
    assert (log_(INF), log_(0.0), log_(-0.0), log_(1.0)) == (INF, -INF, -INF, 0.0)
    assert (tanh_(INF), tanh_(-INF)) == (1.0, -1.0)
    assert (norm_ppf(0.0), norm_ppf(0.5), norm_ppf(1.0)) == (-INF, 0.0, INF)
    for nan in (exp_(NAN), expm1_(NAN), log_(NAN), log_(-1.0), log_(-INF), tanh_(NAN), norm_ppf(NAN)):
        assert math.isnan(nan)
    assert math.isnan(norm_ppf(-1e-9))
    assert math.isnan(norm_ppf(1.0000001))
    assert math.copysign(1.0, tanh_(-0.0)) == -1.0
    assert math.copysign(1.0, expm1_(-0.0)) == -1.0


@pytest.mark.parametrize("x", [0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5, INF, -INF, NAN, 5e-324, -1e308])
def test_pow_answers_as_c_does(x: float) -> None:
    for y in (0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5, 3.0, -3.0, 1e300, -1e300, INF, -INF, NAN, 2.0**53 - 1):
        with np.errstate(all="ignore"):
            got, wanted = pow_(x, y), float(np.float_power(x, y))
        assert ulps(got, wanted) <= 1, (x, y)
        if not math.isnan(wanted):
            assert math.copysign(1.0, got) == math.copysign(1.0, wanted), (x, y)


@given(st.floats(-740.0, 705.0))
def test_they_rise(x: float) -> None:
    # a few hundred ulps on, where no rounding may hide a step down
    more = x + max(abs(x), 1e-3) * 1e-13
    assert exp_(x) <= exp_(more)
    assert tanh_(x) <= tanh_(more)
    assert log_(exp_(x)) <= log_(exp_(more))


# --- the same bits everywhere ----------------------------------------------------------------------------------------


def test_the_bits_are_fixed() -> None:
    """What another machine must find too: a change here changes every recorded run."""
    xs = [k / 64.0 for k in range(-640, 641)]
    values = [f(x) for f in (exp_, expm1_, tanh_) for x in xs]
    values += [log_(x + 10.03) for x in xs]
    values += [pow_(x, y) for x, y in product([0.3, 1.7, 9.1, 1e5], [-2.5, -0.3, 0.7, 3.0, 11.3])]
    values += [norm_ppf((k + 0.5) / 500.0) for k in range(500)]
    bits = 0
    for (word,) in struct.iter_unpack("<Q", struct.pack(f"<{len(values)}d", *values)):
        bits = (bits * 31 + word) % 2**64
    assert bits == 2379472808652329634


# --- random numbers --------------------------------------------------------------------------------------------------


def test_splitmix64_known_answers() -> None:
    """Seed 1234567, as published with many implementations (Rosetta Code, "Pseudo-random numbers/Splitmix64")."""
    states = [(1234567 + n * GOLDEN) % 2**64 for n in range(5)]
    assert [int(splitmix64(np.uint64(state))) for state in states] == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


@given(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1))
def test_uniform_is_a_pure_function_into_the_open_interval(seed: int, counter: int) -> None:
    u = uniform(seed, counter)
    assert 0.0 < u < 1.0
    assert uniform(seed, counter) == u


def test_uniform_is_uniform() -> None:
    n = 20_000
    for seed in (0, 1, -7):
        us = np.array([uniform(seed, k) for k in range(n)])
        # mean, variance and chi-square of 100 bins, each within 4.5 standard deviations
        assert abs(us.mean() - 0.5) < 4.5 / math.sqrt(12 * n)
        assert abs(us.var() - 1 / 12) < 4.5 * math.sqrt(1 / 180 / n)
        bins = np.histogram(us, bins=100, range=(0.0, 1.0))[0]
        assert abs(((bins - n / 100) ** 2 / (n / 100)).sum() - 99) < 4.5 * math.sqrt(2 * 99)
        assert abs(np.corrcoef(us[1:], us[:-1])[0, 1]) < 4.5 / math.sqrt(n)


def test_streams_of_neighbouring_seeds_differ() -> None:
    streams = [[uniform(seed, k) for k in range(100)] for seed in range(20)]
    assert len({u for stream in streams for u in stream}) == 2000
    for a, b in pairwise(streams):
        assert abs(np.corrcoef(a, b)[0, 1]) < 0.45
