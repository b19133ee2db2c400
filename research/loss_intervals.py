"""Mean losses, and their ratio to those of the mid, with block-bootstrap intervals over the whole period.

Blocks are as long as losses depend on each other (`research.long_run_variance.dependence_span`).  A bootstrap of few
blocks gives intervals that are too short for the same three reasons as an error from few spans; so its percentiles are
spread about the estimate by the same corrections.

Each interval is for one estimator by itself: it says nothing of a best one that was picked after looking.
"""

import attrs
import numpy as np
from scipy.special import stdtrit

from research.block_bootstrap import resampled_means
from research.long_run_variance import dependence_span, mean_error
from research.loss_comparison import MIN_HORIZONS, MIN_ROWS
from research.prices import FloatArray, IntArray

COVERAGE = 0.95
Z95 = 1.959963984540054


@attrs.frozen(eq=False)
class LossIntervals:
    """(K,) each: mean losses and their ratios to the mid's, with the bounds of their 95 % intervals.

    NaN bounds where the period is too short for any, NaN ratios where the mid is never wrong (a horizon of 0).

    Attributes:
        block: length of a block, ns; None without intervals.
    """

    mean: FloatArray
    mean_low: FloatArray
    mean_high: FloatArray
    ratio: FloatArray
    ratio_low: FloatArray
    ratio_high: FloatArray
    block: int | None


def loss_intervals(
    ts: IntArray, losses: FloatArray, mid_loss: FloatArray, horizon: int, n_resamples: int = 1000, seed: int = 0
) -> LossIntervals:
    """Return mean losses with their intervals.

    Args:
        ts: (n,) ns, never decreasing.
        losses: (n, K), all known.  mid_loss: (n,) the loss of the mid as an estimator.
        horizon: ns.
        n_resamples: draws.  seed: of their generator.
    """
    unknown = np.full(losses.shape[1], np.nan)
    if not ts.size:
        return LossIntervals(unknown, unknown, unknown, unknown, unknown, unknown, None)
    both = np.column_stack((losses, mid_loss))
    *_, mid = means = both.mean(axis=0)
    mean = means[:-1]
    ratio = mean / mid if mid > 0.0 else unknown
    if ts.size < MIN_ROWS or ts[-1] - ts[0] < max(MIN_HORIZONS * horizon, 1):
        return LossIntervals(mean, unknown, unknown, ratio, unknown, unknown, None)
    block = dependence_span(ts, both, horizon)
    known = mean_error(ts, both, block, horizon)
    widen = float(stdtrit(known.degrees_of_freedom, (1.0 + COVERAGE) / 2.0)) / Z95 / known.correction**0.5
    drawn = resampled_means(ts, both, block, n_resamples, seed)
    low, high = _bounds(mean, drawn[:, :-1], widen)
    if mid <= 0.0:
        return LossIntervals(mean, low, high, ratio, unknown, unknown, block)
    # a draw where the mid was never wrong has no ratio
    mids = np.where(drawn[:, [-1]] > 0.0, drawn[:, [-1]], np.nan)
    drawn_ratio = drawn[:, :-1] / mids
    return LossIntervals(mean, low, high, ratio, *_bounds(ratio, drawn_ratio, widen), block)


def _bounds(estimate: FloatArray, drawn: FloatArray, widen: float) -> tuple[FloatArray, FloatArray]:
    tail = 50.0 * (1.0 - COVERAGE)
    low, high = np.nanpercentile(drawn, (tail, 100.0 - tail), axis=0)
    # a mean loss is never negative
    return np.maximum(estimate + widen * (low - estimate), 0.0), estimate + widen * (high - estimate)
