"""Lead and lag between two markets, from prices that are observed at different times.

No price is carried forward to a common grid, which would pull correlations to zero (Epps).  The covariance is the sum
of the products of all pairs of log returns whose intervals overlap:
    HY = sum over i, j of dX_i * dY_j * 1{(s_{i-1}, s_i] and (t_{j-1}, t_j] overlap}.
Source: Hayashi and Yoshida, "On covariance estimation of non-synchronously observed diffusion processes", Bernoulli 11
(2005).  The lag is where |HY| is largest when one series is shifted in time: Hoffmann, Rosenbaum and Yoshida,
"Estimation of the lead-lag parameter from non-synchronous data", Bernoulli 19 (2013).  The ratio is that of Huth and
Abergel, "High frequency lead/lag relationships", Journal of Empirical Finance 26 (2014).
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import attrs
import numpy as np
import numpy.typing as npt

from market.units import MS
from research.estimators.lead_lag_kernels import shifted_covariances
from research.market_arrays import BookArrays
from research.prices import Mids

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
Prices = Mids | BookArrays

DEFAULT_LAGS = tuple(range(-1000 * MS, 1000 * MS + 1, 10 * MS))


@attrs.frozen(eq=False)
class LeadLag:
    """How two markets move together when the second is looked at `lags_ns` later.

    Attributes:
        lags_ns: (K,) ascending; positive: the first market leads.
        covariance: (K,) sum of products of log returns over the whole sample.
        correlation: (K,) the same over the root of the two sums of squares; microstructure noise makes it too
            small, and nothing keeps it below 1 in size.
    """

    lags_ns: IntArray
    covariance: FloatArray
    correlation: FloatArray

    @property
    def lag_ns(self) -> int:
        """The lag of the largest |covariance|, the smallest such in size; positive: the first market leads."""
        size = np.abs(self.covariance)
        best = np.flatnonzero(size == size.max())
        return int(self.lags_ns[best[np.argmin(np.abs(self.lags_ns[best]))]])

    @property
    def ratio(self) -> float:
        """Sum of squared correlations at positive lags over that at negative ones: above 1 the first market leads."""
        squares = self.correlation**2
        behind = float(squares[self.lags_ns < 0].sum())
        return float(squares[self.lags_ns > 0].sum()) / behind if behind > 0.0 else math.nan


def hayashi_yoshida(first: Prices, second: Prices) -> tuple[float, float]:
    """Return (covariance, correlation) of two markets' log returns over the whole sample, without a shift.

    Raises:
        ValueError: a market has fewer than two prices, or never moves.
    """
    found = lead_lag(first, second, [0])
    return float(found.covariance[0]), float(found.correlation[0])


def lead_lag(first: Prices, second: Prices, lags_ns: Sequence[int] = DEFAULT_LAGS) -> LeadLag:
    """Return the covariance and correlation of two markets at each lag, both on our clock.

    Args:
        first, second: mids; of several at one stamp the last counts.
        lags_ns: K shifts, ns; the default is every 10 ms up to 1 s either way.

    Raises:
        ValueError: a market has fewer than two prices, or never moves; there are no lags.
    """
    lags = np.unique(np.asarray(lags_ns, dtype=np.int64))
    if not lags.size:
        raise ValueError("lead_lag needs at least one lag")
    (first_ts, a), (second_ts, b) = _log_prices(first, "first"), _log_prices(second, "second")
    covariance = shifted_covariances(first_ts, a, second_ts, b, lags)
    size = math.sqrt(float(np.sum(np.diff(a) ** 2)) * float(np.sum(np.diff(b) ** 2)))
    return LeadLag(lags, covariance, covariance / size)


def block_lags(
    first: Prices, second: Prices, n_blocks: int, lags_ns: Sequence[int] = DEFAULT_LAGS
) -> npt.NDArray[np.int64]:
    """Return (n_blocks,) the lag within each of so many equal stretches of time: do they agree?

    Raises:
        ValueError: a market has fewer than two prices in a block, or does not move there.
    """
    sides = [_mids(first), _mids(second)]
    start, end = max(int(side.ts[0]) for side in sides), min(int(side.ts[-1]) for side in sides)
    edges = [start + (end - start) * k // n_blocks for k in range(n_blocks + 1)]
    found = []
    for low, high in pairwise(edges):
        a, b = (_between(side, low, high) for side in sides)
        found.append(lead_lag(a, b, lags_ns).lag_ns)
    return np.array(found, dtype=np.int64)


def _between(mids: Mids, low: int, high: int) -> Mids:
    inside = (mids.ts >= low) & (mids.ts <= high)
    return Mids(mids.ts[inside], mids.mid[inside])


def _mids(prices: Prices) -> Mids:
    if isinstance(prices, Mids):
        return prices
    return Mids.from_touch(prices.instrument, prices.ts_recv, prices.bids[:, 0, 0], prices.asks[:, 0, 0])


def _log_prices(prices: Prices, name: str) -> tuple[IntArray, FloatArray]:
    mids = _mids(prices)
    is_last = np.append(np.diff(mids.ts) != 0, True)[: len(mids.ts)]
    ts, mid = mids.ts[is_last], mids.mid[is_last]
    if len(ts) < 2 or (mid == mid[0]).all():
        raise ValueError(f"the {name} market has {len(ts)} stamps with a mid and no move between them")
    return ts, np.log(mid)
