"""How sure a mean is when neighbouring observations share what made them.

Forward prices of neighbouring rows share most of their path, so that a hundred thousand errors at 300 s in five hours
hold about as much as sixty independent ones.  The variance of a mean then is not that of one observation over n, but
the sum over all pairs, and has to be estimated with weights that fade with the distance: Newey and West (1987,
Econometrica 55, eq. 5), Bartlett weights.  Here the distance is time, not rows: quiet and busy stretches, bursts and
several instruments at once (Driscoll and Kraay 1998) need no care.  On rows one apart, a span of L + 1 is the
textbook's lag L.
"""

import math

import attrs
import numpy as np

from research.prices import FloatArray, IntArray

HORIZONS_IN_SPAN = 2
ROOT_FACTOR = 1.3
SPANS_IN_PERIOD = 50
LEAST_SPANS_IN_PERIOD = 4
N_CELLS = 200


@attrs.frozen(eq=False)
class MeanError:
    """The standard errors of K means, and how well they are known.

    Attributes:
        error: (K,) standard errors; 0 where a column does not vary.
        degrees_of_freedom: of Student's t for mean / error: about 1.5 times the number of independent stretches.
        correction: the share of the variance that is seen in a sample this short; the errors have it made good.
    """

    error: FloatArray
    degrees_of_freedom: float
    correction: float


def newey_west(ts: IntArray, values: FloatArray, span: int) -> FloatArray:
    """Return the estimated variance of the total of `values`, which should have mean 0.

    It is the sum over all pairs of max(0, 1 - |t_i - t_j| / span) * x_i * x_j, never negative.  A Bartlett weight is
    how far two windows of length `span` overlap; so the sum is the integral over time of the square of the moving
    total, over `span`.  That is exact and takes n log n steps for any span.

    Args:
        ts: (n,) never decreasing, any integer unit.
        values: (n,) or (n, K).
        span: > 0, in the unit of `ts`: observations this far apart count as independent.

    Returns:
        (K,), or a 0-dimensional array for (n,).

    Raises:
        ValueError: `span` is not positive, or `ts` goes back.
    """
    _check(ts, span)
    total = np.zeros((ts.size + 1, *values.shape[1:]))
    np.cumsum(values, axis=0, out=total[1:])
    # where the window (s, s + span] gains or loses a row
    edges = np.sort(np.concatenate((ts - span, ts)), kind="stable")
    last, first = (np.searchsorted(ts, at, side="right") for at in (edges + span, edges))
    moving = total[last] - total[first]
    found: FloatArray = np.asarray((np.diff(edges) / span) @ (moving[:-1] ** 2))
    return found


def mean_error(ts: IntArray, values: FloatArray, span: int, horizon: int = 0) -> MeanError:
    """Return the standard errors of the means of `values` (n, K), corrected for a small sample.

    - Deviations from the estimated mean are too small: by the share of pairs inside the span, which is taken off (what
      Harvey, Leybourne and Newbold 1997 do for equal weights).
    - Bartlett weights miss part of the covariance of overlapping horizons, at most horizon / (3 span): taken as if all
      of it were there, so that the error is rather too large.
    - The error itself is uncertain: Student's t with n² / sum of squared weights degrees of freedom, which on even rows
      is 1.5 periods / span (Priestley 1981, 6.2), less one for the mean.  With the first correction this gives the
      critical values of Kiefer and Vogelsang (2005, Econometric Theory 21, table 1) within 3 % up to a span of a fifth
      of the period, and larger ones beyond.

    Args:
        ts: (n,) ns, never decreasing.
        span: ns, at least `horizon`.
        horizon: ns over which neighbouring values overlap; 0 for none.

    Raises:
        ValueError: `span` is not positive or below `horizon`, or `ts` goes back.
    """
    if span < horizon:
        raise ValueError(f"a span of {span} ns is shorter than the horizon, {horizon} ns: neighbours would not count")
    share, squared_share = _pair_shares(ts, span)
    if share >= 1.0:
        raise ValueError(f"all {ts.size} rows fall together, within {span} ns: their mean has no error to estimate")
    correction = (1.0 - share) * (1.0 - horizon / (3.0 * span))
    variance = newey_west(ts, values - values.mean(axis=0), span) / correction
    return MeanError(np.sqrt(variance) / ts.size, max(1.0 / squared_share - 1.0, 1.0), correction)


def dependence_span(ts: IntArray, values: FloatArray, horizon: int) -> int:
    """Return how long the rows of `values` (n, K) are taken to depend on each other, ns.

    The longest of

    - two horizons: forward prices overlap for one;
    - 1.3 √n mean spacings (Lazarus, Lewis, Stock and Watson 2018, Journal of Business & Economic Statistics 36);
    - a fiftieth of the period: what persists does so in time, and a faster feed must not shorten it;
    - Andrews' (1991, Econometrica 59, eq. 6.2, 6.4) rule for a first-order autoregression, on the sums of each column
      in 200 equal cells of the period, the longest of the columns;

    but at most a quarter of the period, or two horizons.
    """
    period = _period(ts)
    least = max(round(ROOT_FACTOR * period / math.sqrt(ts.size)), period // SPANS_IN_PERIOD, 1)
    persistent = round(_persistence_cells(ts, values) * period / N_CELLS)
    return max(HORIZONS_IN_SPAN * horizon, min(max(least, persistent), period // LEAST_SPANS_IN_PERIOD), 1)


def _persistence_cells(ts: IntArray, values: FloatArray) -> float:
    """Return Andrews' span in cells: 1.1447 (alpha N)^(1/3), alpha from the correlation of neighbouring cells."""
    cells = ts[0] + (np.arange(N_CELLS + 1) * (_period(ts) / N_CELLS)).astype(np.int64)
    total = np.zeros((ts.size + 1, values.shape[1]))
    np.cumsum(values - values.mean(axis=0), axis=0, out=total[1:])
    sums = np.diff(total[np.searchsorted(ts, cells, side="left")], axis=0)
    power = (sums * sums).sum(axis=0)
    rho: FloatArray = np.divide((sums[1:] * sums[:-1]).sum(axis=0), power, out=np.zeros(power.shape), where=power > 0.0)
    rho = np.clip(rho, 0.0, 0.99)
    alpha = 4.0 * rho**2 / ((1.0 - rho) ** 2 * (1.0 + rho) ** 2)
    return float(1.1447 * np.cbrt(alpha.max(initial=0.0) * N_CELLS))


def rows_within(ts: IntArray, horizon: int) -> int:
    """Return the largest number of rows inside one horizon: (t, t + horizon] of any row."""
    if not ts.size:
        return 0
    return int((np.searchsorted(ts, ts + horizon, side="right") - np.searchsorted(ts, ts, side="right")).max())


def _pair_shares(ts: IntArray, span: int) -> tuple[float, float]:
    """Return the mean over all n² pairs of the weight, and of its square."""
    _check(ts, span)
    n = ts.size
    at = (ts - ts[0]) / span
    first, own = np.searchsorted(ts, ts - span, side="right"), np.arange(n)
    # sum over the earlier rows j of the span of (offset + at_j) and its square, by running totals
    one, two = (np.concatenate(([0.0], np.cumsum(power))) for power in (at, at * at))
    offset, before = 1.0 - at, own - first
    linear, square = one[own] - one[first], two[own] - two[first]
    weights = float((before * offset + linear).sum())
    squares = float((before * offset * offset + 2.0 * offset * linear + square).sum())
    return (n + 2.0 * weights) / n**2, (n + 2.0 * squares) / n**2


def _period(ts: IntArray) -> int:
    """Return the time that n rows stand for: from the first to the last and one mean spacing."""
    return int(ts[-1] - ts[0]) * ts.size // max(ts.size - 1, 1)


def _check(ts: IntArray, span: int) -> None:
    if span <= 0:
        raise ValueError(f"the span of dependence must be > 0, got {span}")
    if ts.size and (np.diff(ts) < 0).any():
        raise ValueError("ts goes back; sort the rows by time first")
