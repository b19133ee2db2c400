"""Flips and what the episodes between them made, against a ledger kept one fill at a time."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.instrument import Instrument
from research.inventory import flips
from research.run_data import Columns

LINEAR = Instrument(0, "bybit", "SOLUSDT", "SOL", "USDT", "USDT", Decimal("0.01"), Decimal("0.1"))
INVERSE = Instrument(
    1, "binance-delivery", "BTCUSD_PERP", "BTC", "USD", "BTC", Decimal("0.1"), Decimal(1), Decimal(100), inverse=True
)
FILLS = st.lists(
    st.tuples(st.sampled_from([1, -1]), st.integers(10_000, 12_000), st.integers(1, 4), st.integers(-2, 5)), max_size=30
)


def columns(fills: list[tuple[int, int, int, int]]) -> Columns:
    side, price, size, fee = (np.array([f[i] for f in fills], dtype=np.int64) for i in range(4))
    return {"side": side, "price": price, "size": size, "fee": fee / 1000}


@pytest.mark.parametrize("instrument", [LINEAR, INVERSE], ids=["linear", "inverse"])
@given(fills=FILLS)
def test_flips_against_a_ledger(instrument: Instrument, fills: list[tuple[int, int, int, int]]) -> None:
    lots, last_sign, cash, base = 0, 0, Decimal(0), Decimal(0)
    expected = []
    for place, (side, price, size, fee) in enumerate(fills):
        lots += side * size
        cash -= instrument.value(price, side * size) + Decimal(fee) / 1000
        sign = (lots > 0) - (lots < 0)
        if sign and last_sign and sign != last_sign:
            worth = cash + instrument.value(price, lots)
            expected.append((place, float(worth - base)))
            base = worth
        last_sign = sign or last_sign
    found = flips(instrument, columns(fills))
    assert found.place.tolist() == [place for place, _ in expected]
    np.testing.assert_allclose(found.pnl, [made for _, made in expected], rtol=1e-9, atol=1e-9)


def test_a_return_to_flat_is_no_flip() -> None:
    assert flips(LINEAR, columns([(1, 100, 1, 0), (-1, 101, 1, 0), (1, 100, 1, 0)])).place.size == 0
    # long, flat, short: one flip, made by the fill that opens the short; the long made 0.01 * 0.1 * 7
    found = flips(LINEAR, columns([(1, 100, 1, 0), (-1, 107, 1, 0), (-1, 90, 1, 0)]))
    assert found.place.tolist() == [2]
    assert found.pnl.tolist() == pytest.approx([0.007])


def test_win_ratio_counts_fees() -> None:
    # both episodes make 1 tick on 1 lot = 0.001; the second pays 0.002 in fees
    found = flips(LINEAR, columns([(1, 100, 1, 0), (-1, 101, 2, 0), (1, 100, 2, 2)]))
    assert found.pnl.tolist() == pytest.approx([0.001, -0.001])
    assert found.n_wins == 1
