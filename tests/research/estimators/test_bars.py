"""Bars by hand, against a plain loop, and while trades come in."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.units import MS, SECOND
from research.estimators import Bar, BarBuilder, BarKind, dollar_bars, tick_bars, time_bars, volume_bars
from research.market_arrays import TradeArrays
from tests.research.estimators.random_feeds import LINEAR, trade_arrays

COLUMNS = ["t", "o", "h", "l", "c", "v", "n", "vwap", "T"]


def hand_made() -> TradeArrays:
    # price 100, 102, 99, 101, 103; size 1, 2, 3, 1, 4
    ts = np.array([200, 900, 1000, 3700, 4100]) * MS
    return TradeArrays(LINEAR, ts, ts, [10_000, 10_200, 9_900, 10_100, 10_300], [10, 20, 30, 10, 40], [1, 1, -1, 1, 1])


def rows(frame: pd.DataFrame) -> list[list[float]]:
    assert list(frame.columns) == COLUMNS
    found = frame.to_numpy(dtype=np.float64)
    found[:, [0, 8]] /= SECOND
    return [[round(value, 9) for value in row] for row in found.tolist()]


def test_time_bars() -> None:
    # the bar of the fourth second has one trade, that of the third none and so is not there; the fifth is not over
    assert rows(time_bars(hand_made(), 1.0)) == [
        [0.0, 100.0, 102.0, 100.0, 102.0, 3.0, 2.0, round(304 / 3, 9), 1.0],
        [1.0, 99.0, 99.0, 99.0, 99.0, 3.0, 1.0, 99.0, 2.0],
        [3.0, 101.0, 101.0, 101.0, 101.0, 1.0, 1.0, 101.0, 4.0],
    ]


def test_tick_bars() -> None:
    assert rows(tick_bars(hand_made(), 2)) == [
        [0.2, 100.0, 102.0, 100.0, 102.0, 3.0, 2.0, round(304 / 3, 9), 0.9],
        [1.0, 99.0, 101.0, 99.0, 101.0, 4.0, 2.0, 99.5, 3.7],
    ]


def test_volume_bars() -> None:
    # the trade that fills a bar belongs to it whole: 1 + 2 + 3 for 5, then 1 + 4
    assert rows(volume_bars(hand_made(), 5.0)) == [
        [0.2, 100.0, 102.0, 99.0, 99.0, 6.0, 3.0, round(601 / 6, 9), 1.0],
        [3.7, 101.0, 103.0, 101.0, 103.0, 5.0, 2.0, 102.6, 4.1],
    ]
    assert len(volume_bars(hand_made(), 0.3)) == 5


def test_dollar_bars() -> None:
    # notionals 100, 204, 297, 101, 412
    assert rows(dollar_bars(hand_made(), 304.0)) == [
        [0.2, 100.0, 102.0, 100.0, 102.0, 3.0, 2.0, round(304 / 3, 9), 0.9],
        [1.0, 99.0, 101.0, 99.0, 101.0, 4.0, 2.0, 99.5, 3.7],
        [4.1, 103.0, 103.0, 103.0, 103.0, 4.0, 1.0, 103.0, 4.1],
    ]


def naive_bars(trades: TradeArrays, kind: str, limit: float) -> list[tuple[int, int, list[int]]]:
    """Return (t, T, trades) of each bar."""
    found: list[tuple[int, int, list[int]]] = []
    inside: list[int] = []
    weight = {"tick": np.ones(len(trades)), "volume": trades.size, "dollar": _notional(trades)}
    for r in range(len(trades)):
        if kind == "time":
            edge = int(trades.ts_recv[r] // limit * limit)
            if inside and edge != trades.ts_recv[inside[0]] // limit * limit:
                start = int(trades.ts_recv[inside[0]] // limit * limit)
                found.append((start, start + int(limit), inside))
                inside = []
            inside.append(r)
            continue
        inside.append(r)
        if sum(weight[kind][inside]) >= limit - 1e-9:
            found.append((int(trades.ts_recv[inside[0]]), int(trades.ts_recv[r]), inside))
            inside = []
    return found


def _notional(trades: TradeArrays) -> npt.NDArray[np.float64]:
    notional = trades.instrument.notional
    return np.array([notional(p, s) for p, s in zip(trades.ticks.tolist(), trades.lots.tolist(), strict=True)])


@settings(deadline=None)  # the first example may compile a kernel
@given(trade_arrays(), st.sampled_from(["time", "tick", "volume", "dollar"]), st.integers(1, 60))
def test_against_a_plain_loop_and_trade_by_trade(trades: TradeArrays, kind: str, size: int) -> None:
    limit = size * {"time": 1, "tick": 1, "volume": 0.1, "dollar": 10.5}[kind]
    frame, made = {
        "time": lambda: (time_bars(trades, size / SECOND), BarKind.time(size / SECOND)),
        "tick": lambda: (tick_bars(trades, size), BarKind.tick(size)),
        "volume": lambda: (volume_bars(trades, limit), BarKind.volume(trades.instrument, limit)),
        "dollar": lambda: (dollar_bars(trades, limit), BarKind.dollar(limit)),
    }[kind]()
    wanted = naive_bars(trades, kind, limit)
    assert [(t, end, n) for t, end, n in zip(frame["t"], frame["T"], frame["n"], strict=True)] == [
        (t, end, len(inside)) for t, end, inside in wanted
    ]
    for row, (_, _, inside) in zip(frame.itertuples(), wanted, strict=True):
        price, base = trades.price[inside], trades.size[inside]
        if trades.instrument.inverse:
            base = base * 100.0 / price
        assert (row.o, row.h, row.l, row.c) == (price[0], price.max(), price.min(), price[-1])
        assert row.v == pytest.approx(trades.size[inside].sum(), rel=1e-12)
        assert row.vwap == pytest.approx(np.average(price, weights=base), rel=1e-12)

    builder = BarBuilder(trades.instrument, made)
    bars = [
        builder.add(int(ts), int(ticks), int(lots))
        for ts, ticks, lots in zip(trades.ts_recv, trades.ticks, trades.lots, strict=True)
    ]
    closed = [(b.start, b.open, b.high, b.low, b.close, b.volume, b.n, b.vwap, b.end) for b in bars if b is not None]
    assert closed == [tuple(row) for row in frame.itertuples(index=False)]


def test_a_clock_closes_a_time_bar() -> None:
    builder = BarBuilder(LINEAR, BarKind.time(1.0))
    assert builder.close_due(5 * SECOND) is None
    assert builder.add(SECOND // 2, 10_000, 10) is None
    assert builder.close_due(SECOND - 1) is None
    assert builder.close_due(SECOND) == Bar(0, SECOND, 100.0, 100.0, 100.0, 100.0, 1.0, 1, 100.0)
    assert builder.close_due(SECOND) is None
    by_count = BarBuilder(LINEAR, BarKind.tick(2))
    assert by_count.add(0, 10_000, 10) is None
    assert by_count.close_due(SECOND) is None


def test_a_limit_must_be_positive() -> None:
    with pytest.raises(ValueError, match=r"^size of a bar must be above 0, got -1$"):
        volume_bars(hand_made(), -1)
    with pytest.raises(ValueError, match=r"^notional of a bar must be above 0, got nan$"):
        dollar_bars(hand_made(), float("nan"))
