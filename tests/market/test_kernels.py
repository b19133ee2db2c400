"""The analytics against numpy written for the eye, over arrays of random books."""

import math
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market import kernels

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

LINEAR = np.array([1.0, 100.0, 1.0, 10.0, 1.0, 0.0])  # tick 0.01, lot 0.1
INVERSE = np.array([1.0, 10.0, 1.0, 1.0, 100.0, 1.0])  # tick 0.1, contracts of 100
DEPTH = 8

scales = st.sampled_from([LINEAR, INVERSE])


@st.composite
def books(draw: st.DrawFn) -> tuple[IntArray, IntArray]:
    """Return up to 5 books of up to DEPTH levels, as `play` leaves them."""
    n = draw(st.integers(1, 5))
    bids, asks = np.zeros((n, DEPTH, 2), dtype=np.int64), np.zeros((n, DEPTH, 2), dtype=np.int64)
    for i in range(n):
        for side, low in ((bids, 1), (asks, 2001)):
            ticks = draw(st.lists(st.integers(low, low + 1999), max_size=DEPTH, unique=True))
            for k, price in enumerate(sorted(ticks, reverse=low == 1)):
                side[i, k] = price, draw(st.integers(1, 10**6))
    return bids, asks


def naive_impact(levels: IntArray, scale: FloatArray, notional: float) -> float:
    """Return sum N / sum (N / p), by exact fractions."""
    tick, lot = Fraction(scale[0]) / Fraction(scale[1]), Fraction(scale[2]) / Fraction(scale[3])
    multiplier, left, base = Fraction(scale[4]), Fraction(notional), Fraction(0)
    for ticks, lots in levels.tolist():
        price = ticks * tick
        value = lots * lot * multiplier * (1 if scale[5] else price)
        if lots == 0:
            break
        if value >= left:
            return float(Fraction(notional) / (base + left / price))
        left -= value
        base += value / price
    return math.nan


@given(books(), scales, st.lists(st.floats(0.5, 1e8), min_size=1, max_size=4).map(sorted))
def test_vamps(sides: tuple[IntArray, IntArray], scale: FloatArray, notionals: list[float]) -> None:
    wanted = [[[naive_impact(book, scale, n) for n in notionals] for book in side] for side in sides]
    at = np.array(notionals)
    for side, want in zip(sides, wanted, strict=True):
        got = kernels.vamps(side, side, scale, at)  # of a side with itself: its impact prices
        np.testing.assert_allclose(got, want, rtol=1e-12)
        for i, book in enumerate(side):  # the walk of a single notional gives the same bits
            single = [kernels.impact_price(book, 0, kernels.n_levels(book), scale, x) for x in notionals]
            np.testing.assert_array_equal(got[i], single)
    np.testing.assert_allclose(kernels.vamps(*sides, scale, at), np.mean(wanted, axis=0), rtol=1e-12)


def test_vamps_want_ascending_notionals() -> None:
    side = np.zeros((1, 1, 2), dtype=np.int64)
    for wrong in ([2.0, 1.0], [1.0, math.nan]):
        with pytest.raises(ValueError, match=r"^notionals must ascend$"):
            kernels.vamps(side, side, LINEAR, np.array(wrong))


def test_a_notional_below_zero_has_no_vamp() -> None:
    side = np.array([[[100, 5]]])
    assert np.isnan(kernels.vamps(side, side, LINEAR, np.array([-1.0, 0.0]))).tolist() == [[True, False]]


def test_inverse_notional_does_not_depend_on_the_price() -> None:
    # two contracts of 100 USD at 50 000 and 40 000: 200 USD buy 1/500 + 1/400 BTC
    asks = np.array([[400_000, 1], [500_000, 1]], dtype=np.int64)
    assert kernels.notional_of(400_000, 3, INVERSE) == kernels.notional_of(999, 3, INVERSE) == 300.0
    assert kernels.base_of(400_000, 3, INVERSE) == 300.0 / 40_000.0
    wanted = 200.0 / (100.0 / 40_000.0 + 100.0 / 50_000.0)
    assert kernels.impact_price(asks, 0, 2, INVERSE, 200.0) == pytest.approx(wanted, rel=1e-15)
    assert math.isnan(kernels.impact_price(asks, 0, 2, INVERSE, 200.01))


@given(books(), scales, st.integers(1, DEPTH + 2))
def test_touch_and_imbalance(sides: tuple[IntArray, IntArray], scale: FloatArray, levels: int) -> None:
    bids, asks = (side.astype(float) for side in sides)
    (bid, bid_size), (ask, ask_size) = bids[:, 0].T, asks[:, 0].T
    is_two_sided = (bid > 0) & (ask > 0)
    tick = scale[0] / scale[1]

    def check(got: FloatArray, wanted: FloatArray, where: npt.NDArray[np.bool_]) -> None:
        np.testing.assert_allclose(got[where], wanted[where], rtol=1e-12)
        assert np.isnan(got[~where]).all()

    with np.errstate(invalid="ignore", divide="ignore"):
        check(kernels.mids(*sides, scale), (bid + ask) / 2 * tick, is_two_sided)
        weight = bid_size / (bid_size + ask_size)
        check(kernels.microprices(*sides, scale), (weight * ask + (1 - weight) * bid) * tick, is_two_sided)

        bid_total, ask_total = bids[:, :levels, 1].sum(axis=1), asks[:, :levels, 1].sum(axis=1)
        imbalance = (bid_total - ask_total) / (bid_total + ask_total)
        check(kernels.imbalances(*sides, levels), imbalance, bid_total + ask_total > 0)

        bid_mean = (bids[:, :levels, 0] * bids[:, :levels, 1]).sum(axis=1) / bid_total
        ask_mean = (asks[:, :levels, 0] * asks[:, :levels, 1]).sum(axis=1) / ask_total
        weight = bid_total / (bid_total + ask_total)
        wanted = (weight * ask_mean + (1 - weight) * bid_mean) * tick
        check(kernels.weighted_mids(*sides, scale, levels), wanted, is_two_sided)
    for i in range(len(bid)):
        spread = kernels.spread(int(bid[i]), int(ask[i]), scale)
        assert spread == pytest.approx((ask[i] - bid[i]) * tick) if is_two_sided[i] else math.isnan(spread)


@given(books(), scales, st.floats(0.0, 500.0), st.floats(0.0, 2e5))
def test_cumulative_and_worst_price(
    sides: tuple[IntArray, IntArray], scale: FloatArray, price: float, size: float
) -> None:
    for side, sign in zip(sides, (1, -1), strict=True):
        for book in side:
            n = kernels.n_levels(book)
            prices, sizes = book[:n, 0] * scale[0] / scale[1], book[:n, 1] * scale[2] / scale[3]
            values = sizes * scale[4] * (1.0 if scale[5] else prices)
            is_reached = sign * prices >= sign * price
            got = kernels.cumulative(book, 0, n, scale, price, sign)
            np.testing.assert_allclose(got, (sizes[is_reached].sum(), values[is_reached].sum()), rtol=1e-12)

            totals = book[:n, 1].cumsum() * scale[2] / scale[3]
            enough = np.flatnonzero(totals >= size)
            worst = kernels.worst_price(book, 0, n, scale, size)
            assert worst == prices[enough[0]] if len(enough) else math.isnan(worst)


def test_a_microprice_of_huge_sizes_does_not_overflow() -> None:
    microprice = kernels.microprice(10**8, 10**12, 10**8 + 2, 10**12, LINEAR)
    assert microprice == 1_000_000.01


# --- volatility ------------------------------------------------------------------------------------------------------


def naive_volatility(values: FloatArray, is_relative: bool, is_weighted: bool) -> float:
    moves = np.diff(values)
    moves = moves[moves != 0]
    if len(values) < 2:
        return math.nan
    if len(moves) == 0:
        return 0.0
    alpha = 2 / (len(moves) + 1) if is_weighted else 0.0
    weights = (1 - alpha) ** np.arange(len(moves))[::-1]
    mean = np.average(moves, weights=weights)
    deviation = float(np.sqrt(np.average((moves - mean) ** 2, weights=weights)))
    return deviation / values[-1] if is_relative else deviation


values = st.lists(st.integers(9000, 9010).map(lambda t: t / 100), max_size=40).map(lambda v: np.array(v, dtype=float))


@given(values, st.booleans(), st.booleans())
def test_volatility(sample: FloatArray, is_relative: bool, is_weighted: bool) -> None:
    wanted = naive_volatility(sample, is_relative, is_weighted)
    got = kernels.volatility(sample, is_relative, is_weighted)
    assert got == pytest.approx(wanted, rel=1e-9, abs=1e-14, nan_ok=True)


def test_volatility_leaves_out_what_did_not_move() -> None:
    moving = np.array([100.0, 101.0, 99.0, 102.0])
    assert kernels.volatility(moving, False, False) == pytest.approx(np.std([1.0, -2.0, 3.0]))
    assert kernels.volatility(np.repeat(moving, 3), False, False) == kernels.volatility(moving, False, False)
    assert kernels.volatility(np.array([100.0, 100.0]), False, True) == 0.0
