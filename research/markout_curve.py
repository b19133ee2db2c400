"""The mean markout by horizon, with standard errors that survive overlapping horizons and bursts of fills.

Markouts of neighbouring fills share most of their price path, so a plain t-statistic can be ten times too large.  Here
the deviations from the mean are summed in calendar bins of one second, and the variance of their total is Newey and
West's (1987, Econometrica 55, eq. 5) over those bins: Bartlett weights up to a lag of twice the horizon, at least ten
seconds.  Fills of one burst fall into one bin, and empty bins keep time regular.
"""

import math

import attrs
import numpy as np

from market.units import SECOND
from research.long_run_variance import newey_west
from research.markouts import FillMarkouts, horizon_name
from research.prices import FloatArray, IntArray

BIN_NS = SECOND
MIN_LAG = 10


@attrs.frozen
class MarkoutMean:
    """The mean markout of n fills at one horizon, fraction of price.

    Attributes:
        error: standard error of the mean; None with fewer than two fills or no variation.
    """

    n: int
    mean: float | None
    error: float | None

    @property
    def t(self) -> float | None:
        """The t-statistic against a mean of 0."""
        return None if self.mean is None or not self.error else self.mean / self.error


def markout_mean(ts: IntArray, values: FloatArray, horizon: int) -> MarkoutMean:
    """Return the mean of the known values and its Newey-West error.

    Args:
        ts: (F,) ns, never decreasing.
        values: (F,) markouts at one horizon; NaN is left out.
        horizon: ns; 0 for the next tick.
    """
    known = ~np.isnan(values)
    n = int(known.sum())
    if n == 0:
        return MarkoutMean(0, None, None)
    mean = float(np.mean(values[known]))
    if n < 2:
        return MarkoutMean(n, mean, None)
    bins = (ts[known] - ts[known].min()) // BIN_NS
    lags = min(max(MIN_LAG, math.ceil(2 * horizon / BIN_NS)), int(bins[-1]))
    error = math.sqrt(float(newey_west(bins, values[known] - mean, lags + 1))) / n
    return MarkoutMean(n, mean, error if error > 1e-18 else None)


def curve(found: FillMarkouts) -> list[tuple[str, float, MarkoutMean]]:
    """Return (name, horizon in s, mean) for the tick (horizon 0) and each horizon."""
    rows = [("Tick", 0.0, markout_mean(found.ts, found.tick, 0))]
    for column, horizon in enumerate(found.horizons_ns):
        mean = markout_mean(found.ts, found.at[:, column], horizon)
        rows.append((horizon_name(horizon), horizon / SECOND, mean))
    return rows
