"""Counterparty PnL against a ledger of every trade's maker."""

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.instrument import Instrument
from research.counterparty import counterparty_pnl_bps
from research.prices import Mids

LINEAR = Instrument(0, "bybit", "SOLUSDT", "SOL", "USDT", "USDT", Decimal("0.01"), Decimal("0.1"))
INVERSE = Instrument(
    1, "binance-delivery", "BTCUSD_PERP", "BTC", "USD", "BTC", Decimal("0.1"), Decimal(1), Decimal(100), inverse=True
)
TRADES = st.lists(
    st.tuples(st.integers(0, 20), st.integers(9_000, 11_000), st.integers(1, 9), st.sampled_from([1, -1])), max_size=15
).map(lambda rows: sorted(rows, key=lambda row: row[0]))
MIDS = st.lists(st.tuples(st.integers(0, 20), st.integers(9_000, 11_000)), max_size=8).map(
    lambda rows: sorted(rows, key=lambda row: row[0])
)


@pytest.mark.parametrize("instrument", [LINEAR, INVERSE], ids=["linear", "inverse"])
@given(trades=TRADES, mids=MIDS)
def test_against_a_ledger(
    instrument: Instrument, trades: list[tuple[int, int, int, int]], mids: list[tuple[int, int]]
) -> None:
    ts, ticks = (np.array([row[i] for row in mids], dtype=np.int64) for i in range(2))
    names = ("ts_recv", "price", "size", "taker")
    columns = {name: np.array([row[i] for row in trades], dtype=np.int64) for i, name in enumerate(names)}
    found = counterparty_pnl_bps(instrument, columns, Mids.from_touch(instrument, ts, ticks, ticks))
    whole = sum(instrument.notional(price, size) for _, price, size, _ in trades)
    lots, cash = 0, Decimal(0)
    for row, (when, price, size, taker) in enumerate(trades):
        lots -= taker * size
        cash -= instrument.value(price, -taker * size)
        mark = next((t for at, t in reversed(mids) if at <= when), None)
        expected = math.nan
        if mark is not None:
            made = float(cash + instrument.value(mark, lots))
            expected = 1e4 * made * (instrument.price(mark) if instrument.inverse else 1.0) / whole
        assert found[row] == pytest.approx(expected, nan_ok=True, abs=1e-6)


def test_makers_lose_to_a_buyer_who_knows() -> None:
    # all bought at 100.00, the mid ends at 101.00: makers lost 1 % of the notional, 100 bps
    columns = {
        "ts_recv": np.array([1, 2]),
        "price": np.array([10_000, 10_000]),
        "size": np.array([5, 5]),
        "taker": np.array([1, 1]),
    }
    found = counterparty_pnl_bps(LINEAR, columns, Mids(np.array([0, 2]), np.array([100.0, 101.0])))
    assert found.tolist() == pytest.approx([0.0, -100.0])
