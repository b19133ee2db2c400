"""Money over arrays is the money of the instrument, one deal at a time."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.instrument import Instrument
from research import money
from research.prices import prices

LINEAR = Instrument(0, "bybit", "SOLUSDT", "SOL", "USDT", "USDT", Decimal("0.01"), Decimal("0.1"))
INVERSE = Instrument(
    1, "binance-delivery", "BTCUSD_PERP", "BTC", "USD", "BTC", Decimal("0.1"), Decimal(1), Decimal(100), inverse=True
)


@pytest.mark.parametrize("instrument", [LINEAR, INVERSE], ids=["linear", "inverse"])
@given(deals=st.lists(st.tuples(st.integers(1, 10**7), st.integers(-(10**6), 10**6)), min_size=1, max_size=20))
def test_arrays_agree_with_the_instrument(instrument: Instrument, deals: list[tuple[int, int]]) -> None:
    ticks, lots = (np.array(column) for column in zip(*deals, strict=True))
    price = prices(instrument, ticks)
    assert price.tolist() == [instrument.price(t) for t, _ in deals]
    np.testing.assert_allclose(
        money.value(instrument, price, lots), [float(instrument.value(t, n)) for t, n in deals], rtol=1e-12
    )
    np.testing.assert_allclose(
        money.notional(instrument, price, lots), [instrument.notional(t, n) for t, n in deals], rtol=1e-12
    )


def test_inverse_known_answer() -> None:
    # 50 contracts of 100 USD bought at 60,000 and marked at 61,000: 5000/60000 - 5000/61000 BTC, at 61,000 USD
    bought = money.value(INVERSE, np.array([60_000.0]), np.array([50]))
    marked = money.value(INVERSE, np.array([61_000.0]), np.array([50]))
    made = money.in_report_currency(INVERSE, marked - bought, np.array([61_000.0]))
    assert made[0] == pytest.approx(83.333333, abs=1e-6)
    assert money.exposure(INVERSE, np.array([61_000.0]), np.array([-50])).tolist() == [-5000.0]


def test_nothing_held_is_worth_nothing_without_a_price() -> None:
    for instrument in (LINEAR, INVERSE):
        assert money.value(instrument, np.array([np.nan]), np.array([0])).tolist() == [0.0]
        assert money.in_report_currency(instrument, np.zeros(1), np.array([np.nan])).tolist() == [0.0]
