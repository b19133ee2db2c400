"""Forward prices: the last mid known at a later instant, and nothing where nobody knows it."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.units import SECOND
from research.declarations import declaration_frame
from research.forward_prices import forward_prices, horizon_column, horizon_of
from research.prices import Mids

NAN = math.nan
A, B = ("bybit", "SOL"), ("binance", "SOL")


def declared(rows: list[tuple[float, tuple[str, str]]]) -> pd.DataFrame:
    """Return declarations at (second, market)."""
    labels = {
        "key": ["k"] * len(rows),
        "venue": [venue for _, (venue, _) in rows],
        "symbol": [symbol for _, (_, symbol) in rows],
        "group": [""] * len(rows),
    }
    return declaration_frame([round(s * SECOND) for s, _ in rows], [0.0] * len(rows), labels)


def mids(*points: tuple[float, float], holes: tuple[tuple[float, float], ...] = ()) -> Mids:
    ts = np.array([round(s * SECOND) for s, _ in points], np.int64)
    found = np.array([[round(s * SECOND) for s in hole] for hole in holes], np.int64).reshape(-1, 2)
    return Mids(ts, np.array([mid for _, mid in points]), found)


def test_each_row_gets_the_mids_of_its_own_market() -> None:
    frame = declared([(1.0, A), (1.0, B), (2.5, A), (4.0, A)])
    prices = {A: mids((0, 10.0), (2, 20.0), (3, 30.0), (5, 50.0)), B: mids((0, 1.0), (9, 9.0))}
    found = forward_prices(frame, prices, (0, 0.5, 1), incomplete="keep")
    assert found.columns.tolist() == [*frame.columns, "t0", "t0.5", "t1"]
    assert found["t0"].tolist() == [10.0, 1.0, 20.0, 30.0]
    assert found["t0.5"].tolist() == [10.0, 1.0, 30.0, 30.0]
    assert found["t1"].tolist() == [20.0, 1.0, 30.0, 50.0]  # an update at the very instant counts


def test_rows_without_the_longest_horizon_are_dropped_and_counted() -> None:
    frame = declared([(0.0, A), (2.0, A), (4.0, A), (9.0, A)])
    prices = {A: mids((1, 10.0), (5, 50.0))}
    found = forward_prices(frame, prices, (3, 0))
    assert found["ts"].tolist() == [0, 2 * SECOND]  # of which the first has no t0
    np.testing.assert_array_equal(found["t0"], [NAN, 10.0])
    assert found["t3"].tolist() == [10.0, 50.0]
    assert found.attrs["forward_prices"] == {"n_rows": 4, "n_dropped": 2, "n_unknown": {"t3": 0, "t0": 1}}
    kept = forward_prices(frame, prices, (3, 0), incomplete="keep")
    np.testing.assert_array_equal(kept["t3"], [10.0, 50.0, NAN, NAN])
    assert kept.attrs["forward_prices"] == {"n_rows": 4, "n_dropped": 0, "n_unknown": {"t3": 2, "t0": 2}}


def test_a_hole_has_no_price_and_its_edges_have() -> None:
    frame = declared([(second, A) for second in (2.0, 2.1, 3.0, 3.9, 4.0)])
    prices = {A: mids((1, 10.0), (2, 20.0), (4, 40.0), (5, 50.0), holes=((2, 4),))}
    found = forward_prices(frame, prices, (0, 1), incomplete="keep")
    np.testing.assert_array_equal(found["t0"], [20.0, NAN, NAN, NAN, 40.0])
    np.testing.assert_array_equal(found["t1"], [NAN, NAN, 40.0, 40.0, 50.0])


def test_an_old_mid_is_no_price() -> None:
    prices = {A: mids((0, 10.0), (100, 20.0))}
    frame = declared([(59.0, A), (61.0, A), (100.0, A)])
    np.testing.assert_array_equal(forward_prices(frame, prices, (0,), incomplete="keep")["t0"], [10.0, NAN, 20.0])
    forever = forward_prices(frame, prices, (0,), incomplete="keep", max_age_s=None)
    assert forever["t0"].tolist() == [10.0, 10.0, 20.0]


ROWS = st.lists(st.tuples(st.integers(0, 30), st.sampled_from([A, B])), max_size=12)
POINTS = st.lists(st.integers(0, 30), min_size=1, max_size=10).map(sorted)
HOLES = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 12)), max_size=3).map(sorted)


@settings(max_examples=150, deadline=None)
@given(ROWS, st.tuples(POINTS, POINTS), HOLES, st.integers(1, 20))
def test_against_a_slow_search(
    rows: list[tuple[int, tuple[str, str]]], points: tuple[list[int], ...], holes: list[tuple[int, int]], max_age: int
) -> None:
    spans = tuple((begin, begin + length) for begin, length in holes)
    prices = {
        market: mids(*((second, float(100 + place)) for place, second in enumerate(own)), holes=spans)
        for market, own in zip((A, B), points, strict=True)
    }
    found = forward_prices(declared(list(rows)), prices, (0, 3, 7), incomplete="keep", max_age_s=max_age)
    for n, (second, market) in enumerate(rows):
        own = points[(A, B).index(market)]
        for horizon in (0, 3, 7):
            at = second + horizon
            past = [place for place, each in enumerate(own) if each <= at]
            is_known = past and at <= own[-1] and at - own[past[-1]] <= max_age
            is_known = is_known and not any(begin < at < end for begin, end in spans)
            expected = 100.0 + past[-1] if is_known else NAN
            np.testing.assert_array_equal(found[f"t{horizon}"][n], expected)


def test_wrong_use_is_named() -> None:
    frame = declared([(1.0, A), (1.0, ("", ""))])
    with pytest.raises(
        ValueError, match=r"^the declaration in row 1 has no venue or no symbol: whose price is meant\?$"
    ):
        forward_prices(frame, {A: mids((0, 1.0))})
    with pytest.raises(
        ValueError, match=r"^no mids of bybit:SOL, in which something was declared; there are: binance:SOL$"
    ):
        forward_prices(frame[:1], {B: mids((0, 1.0))})
    with pytest.raises(ValueError, match=r"^a horizon must be 0 s or more, and at most 1e\+09; got -1$"):
        forward_prices(frame, {}, (0, -1))
    for endless in (math.inf, 1e11, math.nan):
        with pytest.raises(ValueError, match=r"^a horizon must be 0 s or more, and at most 1e\+09; got"):
            forward_prices(frame, {}, (endless,))
    with pytest.raises(ValueError, match=r"^incomplete must be drop or keep, got 'nan'$"):
        forward_prices(frame, {}, incomplete="nan")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^max_age_s must be above 0 s, or None for a book of any age; got -1$"):
        forward_prices(frame, {}, max_age_s=-1)
    with pytest.raises(ValueError, match=r"^a horizon is given twice: \[1, 1.0\]$"):
        forward_prices(frame, {}, (1, 1.0))
    with pytest.raises(ValueError, match=r"^horizons must name at least one, in seconds$"):
        forward_prices(frame, {}, ())
    with pytest.raises(ValueError, match=r"^declarations lack the columns \['symbol'\]: whose prices, and when\?$"):
        forward_prices(frame.drop(columns="symbol"), {})


def test_times_are_whole_nanoseconds_or_datetimes() -> None:
    frame, prices = declared([(1.0, A), (2.0, A)]), {A: mids((0, 1.0), (5, 1.5))}
    expected = forward_prices(frame, prices, (0, 3))["t3"]
    for times in (pd.to_datetime(frame["ts"]), pd.to_datetime(frame["ts"], utc=True)):
        assert forward_prices(frame.assign(ts=times), prices, (0, 3))["t3"].equals(expected)
    # a float of today's ns is 128 ns off at worst: that far it would look ahead
    for wrong in (frame["ts"].astype(float), "2025-01-10"):
        with pytest.raises(
            ValueError, match=r"^ts holds \w+; it must be whole ns since the epoch \(int64\), or datetimes$"
        ):
            forward_prices(frame.assign(ts=wrong), prices)
    with pytest.raises(ValueError, match=r"^ts is unknown in row 1; drop such rows$"):
        forward_prices(frame.assign(ts=pd.to_datetime(["2025-01-10", "NaT"])), prices)


def test_a_column_keeps_its_horizon() -> None:
    for horizon in (0.0, 0.25, 10.0, 1_234_567.0, 1e6, 1e-5):
        assert horizon_of(horizon_column(horizon)) == horizon
    assert horizon_column(300) == "t300"
    assert horizon_of("ts") is horizon_of("t0x") is None
