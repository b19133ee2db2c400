"""Trade imbalance and flow PnL of a whole recording, against the tape at every trade and against plain sums."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research.estimators import flow_pnl, flow_pnl_path, trade_imbalance
from research.market_arrays import TradeArrays
from tests.research.estimators.random_feeds import LINEAR, tapes_of, trade_arrays

samples = st.one_of(
    st.tuples(st.integers(1, 20), st.none()),
    st.tuples(st.none(), st.integers(1, 30)),
    st.tuples(st.integers(1, 20), st.integers(1, 30)),
)


@settings(deadline=None)  # the first example may compile a kernel
@given(trade_arrays(), samples, st.none() | st.floats(0.0, 1.0), st.integers(0, 4))
def test_imbalance_is_the_tapes(
    trades: TradeArrays, sample: tuple[int | None, int | None], decay: float | None, min_n: int
) -> None:
    n, window = sample
    got = trade_imbalance(trades, n, window, decay, min_n, default=-0.5)
    wanted = [
        tape.imbalance(n, None if window is None else int(ts) - window, decay, min_n, default=-0.5)
        for ts, tape in zip(trades.ts_recv, tapes_of(trades), strict=True)
    ]
    np.testing.assert_array_equal(got, wanted)


@settings(deadline=None)  # the first example may compile a kernel
@given(trade_arrays(), samples, st.integers(0, 4), st.booleans(), st.booleans())
def test_flow_pnl_is_the_tapes(
    trades: TradeArrays, sample: tuple[int | None, int | None], min_n: int, by_volume: bool, by_count: bool
) -> None:
    n, window = sample
    got = flow_pnl(trades, n, window, min_n, 9.0, by_volume, by_count)
    wanted = [
        tape.flow_pnl(n, None if window is None else int(ts) - window, min_n, 9.0, by_volume, by_count)
        for ts, tape in zip(trades.ts_recv, tapes_of(trades), strict=True)
    ]
    np.testing.assert_array_equal(got, wanted)


@settings(deadline=None)  # the first example may compile a kernel
@given(trade_arrays(), st.integers(1, 30), st.floats(0.1, 1.0))
def test_imbalance_against_plain_sums(trades: TradeArrays, window: int, decay: float) -> None:
    got = trade_imbalance(trades, window=window, decay=decay, min_n=1)
    for r in range(len(trades)):
        inside = [k for k in range(r + 1) if trades.ts_recv[k] > trades.ts_recv[r] - window]
        later = [len({int(t) for t in trades.ts_venue[k : r + 1]}) - 1 for k in inside]
        weights = [decay**k * trades.size[i] for k, i in zip(later, inside, strict=True)]
        assert got[r] == pytest.approx(np.average(trades.taker[inside], weights=weights), abs=1e-12)


def test_flow_pnl_by_hand() -> None:
    # a buyer of 10 at 100 and one of 10 at 101: their counterparty is short 10 from 100, marked at 101
    trades = TradeArrays(LINEAR, [0, 1], [0, 1], [10_000, 10_100], [100, 100], [1, 1])
    np.testing.assert_allclose(flow_pnl(trades, n=5, min_n=1), [0.0, -10.0 / 2010.0], rtol=1e-15)
    np.testing.assert_allclose(flow_pnl(trades, n=5, min_n=1, norm_volume=False), [0.0, -10.0], rtol=1e-15)
    pnl, volume = flow_pnl_path(trades)
    assert (pnl.tolist(), volume.tolist()) == ([0.0, -10.0], [1000.0, 2010.0])


def test_a_sample_needs_a_limit() -> None:
    trades = TradeArrays(LINEAR, [0], [0], [10_000], [100], [1])
    with pytest.raises(ValueError, match=r"^a sample needs a limit: n \(rows\) or window \(ns\), or both$"):
        trade_imbalance(trades)
    with pytest.raises(ValueError, match=r"^window must be at least 1, got 0$"):
        flow_pnl(trades, window=0)
    with pytest.raises(ValueError, match=r"^decay must be between 0 and 1, got 2.0$"):
        trade_imbalance(trades, n=1, decay=2.0)
