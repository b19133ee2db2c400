"""Figures of an equity path: drawdown, Sharpe ratio, leverage."""

import math

import numpy as np

from market.units import SECOND
from research.prices import FloatArray, IntArray

YEAR_S = 365 * 24 * 3600.0


def max_drawdown(equity: FloatArray) -> float | None:
    """Return the deepest fall from a peak, as a fraction of that peak; None without a point.

    Args:
        equity: (T,) with the starting capital, > 0.
    """
    if not equity.size:
        return None
    peak = np.maximum.accumulate(equity)
    return float(np.max((peak - equity) / peak))


def sharpe(ts: IntArray, pnl: FloatArray) -> float | None:
    """Return the annualised Sharpe ratio of the changes of PnL between stamps.

    mean / standard deviation (n - 1) * sqrt(changes per year), where a year has 365 days and the rate of changes is
    counted, so that missing stamps do not flatter it.  In money, not in returns: the capital cancels.  None with
    fewer than two changes or when the PnL never moved.
    """
    changes = np.diff(pnl)
    if changes.size < 2:
        return None
    spread = float(np.std(changes, ddof=1))
    if spread <= 1e-15 * max(1.0, float(np.max(np.abs(pnl)))):
        return None
    per_year = changes.size / (float(ts[-1] - ts[0]) / SECOND) * YEAR_S
    return float(np.mean(changes)) / spread * math.sqrt(per_year)


def max_ratio(amount: FloatArray, equity: FloatArray) -> float | None:
    """Return the largest |amount| / equity over the stamps at which there was equity left; None without any."""
    solvent = equity > 0
    if not solvent.any():
        return None
    return float(np.max(np.abs(amount[solvent]) / equity[solvent]))
