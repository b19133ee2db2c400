"""Bars of a whole recording of trades: by time, trades, volume or notional.

Each gives a frame with the columns
    t     int64 ns: beginning of a time bar, else the stamp of its first trade
    o, h, l, c     open, high, low, close: prices
    v     size traded, in units of the instrument
    n     trades
    vwap  notional / base amount, which is the mean price weighted by size
    T     int64 ns: when the bar is known, the end of a time bar (not in it) or the stamp of its last trade
by `ts_recv`.  Trades are never split.  A stretch of time without trades has no bar, and the last bar, which may not be
complete, is left out.  `BarBuilder` gives the same bars while trades come in.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from research.estimators.bar_builder import BarKind
from research.estimators.bar_kernels import CLOSE, END, HIGH, LOTS, LOW, OPEN, START, TRADES, bars_of
from research.market_arrays import TradeArrays
from research.prices import prices


def time_bars(trades: TradeArrays, seconds: float) -> pd.DataFrame:
    """Return bars of so many seconds, cut at their multiples since the epoch."""
    return _bars(trades, BarKind.time(seconds))


def tick_bars(trades: TradeArrays, n: int) -> pd.DataFrame:
    """Return bars of n trades."""
    return _bars(trades, BarKind.tick(n))


def volume_bars(trades: TradeArrays, size: float) -> pd.DataFrame:
    """Return bars that end with the trade which brings the size traded to `size` (units of the instrument) or above."""
    return _bars(trades, BarKind.volume(trades.instrument, size))


def dollar_bars(trades: TradeArrays, notional: float) -> pd.DataFrame:
    """Return bars that end with the trade which brings the notional to `notional` (quote currency) or above."""
    return _bars(trades, BarKind.dollar(notional))


def _bars(trades: TradeArrays, kind: BarKind) -> pd.DataFrame:
    instrument = trades.instrument
    ints, money = bars_of(trades.ts_recv, trades.ticks, trades.lots, kind.measure, kind.limit, instrument.scale())
    columns: dict[str, npt.NDArray[np.int64] | npt.NDArray[np.float64]] = {"t": ints[:, START]}
    columns |= {
        name: prices(instrument, ints[:, place]) for name, place in zip("ohlc", (OPEN, HIGH, LOW, CLOSE), strict=True)
    }
    columns["v"] = np.asarray(ints[:, LOTS] * instrument.lot_num / instrument.lot_den, dtype=np.float64)
    columns["n"] = ints[:, TRADES]
    columns["vwap"] = money[:, 0] / money[:, 1]
    columns["T"] = ints[:, END]
    return pd.DataFrame(columns)
