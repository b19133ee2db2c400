"""Which of several estimators was best, and whether that is more than chance.

The best of K in a sample looks better than it is: it was chosen because luck was with it there.  So it is chosen on the
first part of the period and judged on the second, which had no say:

1. *Chosen* is the estimator of the least mean loss over the rows of the first part whose forward price is known before
   the second begins.
2. On the second part, Diebold and Mariano's (1995) test of each other estimator against it: the mean difference of
   losses over its error, which allows for overlapping horizons, irregular sampling and a short sample
   (`research.long_run_variance`), two-sided.
3. The K - 1 p-values of a horizon are corrected by Holm (1979): the chance that any estimator as good as the chosen
   one is called different is at most the level.  Horizons are not corrected for each other.

"Better" is a verdict too: the choice of the first part was beaten on the second.  "Not told apart" means just that, and
not that two estimators are equally good.
"""

from typing import Final

import attrs
import numpy as np
from scipy.special import stdtr

from research.long_run_variance import MeanError, dependence_span, mean_error, rows_within
from research.prices import FloatArray, IntArray

CHOSEN: Final = "chosen"
BETTER: Final = "better"
WORSE: Final = "worse"
NOT_TOLD_APART: Final = "not told apart"
NO_TEST: Final = "no test"

# a part shorter than this many horizons says nothing of its own errors
MIN_HORIZONS: Final = 4
MIN_ROWS: Final = 20
FEW_DEGREES: Final = 15.0


@attrs.frozen(eq=False)
class LossComparison:
    """K estimators at one horizon.

    Attributes:
        first, second: (K,) mean loss in each part; NaN where a part has no row.
        n_first, n_second: rows of each part.
        chosen: place of the best in the first part; None where that has no row.
        difference: (K,) mean loss in the second part less that of the chosen one; positive is worse.
        error: (K,) its standard error.  t, p, p_holm: (K,) the test; NaN for the chosen one and where there is no test.
        verdicts: (K,) one of the words above.
        lag_rows: the largest number of rows inside one horizon.
        span: ns, how far apart losses count as independent; 0 without a test.
        degrees_of_freedom: of t; NaN without a test.
        caution: why to believe little of this; empty where nothing speaks against it.
    """

    first: FloatArray
    second: FloatArray
    n_first: int
    n_second: int
    chosen: int | None
    difference: FloatArray
    error: FloatArray
    t: FloatArray
    p: FloatArray
    p_holm: FloatArray
    verdicts: tuple[str, ...]
    lag_rows: int
    span: int
    degrees_of_freedom: float
    caution: str

    @property
    def holds(self) -> bool:
        """Whether every other estimator was told to be worse than the chosen one."""
        others = [verdict for verdict in self.verdicts if verdict != CHOSEN]
        return bool(others) and all(verdict == WORSE for verdict in others)


def compare_losses(ts: IntArray, losses: FloatArray, horizon: int, split: int, level: float = 0.05) -> LossComparison:
    """Choose the best on the rows before `split`, and test it on those after.

    Args:
        ts: (n,) ns, never decreasing.
        losses: (n, K) loss of each estimator, all known: squared or absolute errors.
        horizon: ns.  split: ns, where the second part begins.
        level: of the tests.
    """
    n_estimators = losses.shape[1]
    end = int(np.searchsorted(ts, split - horizon, side="left"))
    begin = int(np.searchsorted(ts, split, side="left"))
    first, second = _means(losses[:end]), _means(losses[begin:])
    unknown = np.full(n_estimators, np.nan)
    test = _Test(unknown, unknown, unknown, unknown, unknown, np.nan)
    rest, later = losses[begin:], ts[begin:]
    span = 0
    chosen = int(np.argmin(first)) if end else None
    caution = _too_short(later, end, horizon)
    if chosen is not None and not caution:
        difference = rest - rest[:, [chosen]]
        span = dependence_span(later, difference, horizon)
        test = _diebold_mariano(difference, mean_error(later, difference, span, horizon), chosen)
        if test.degrees_of_freedom < FEW_DEGREES:
            caution = f"few independent stretches in the second part ({test.degrees_of_freedom:.0f} degrees of freedom)"
    verdicts = tuple(_verdict(k == chosen, test.difference[k], test.p_holm[k], level) for k in range(n_estimators))
    return LossComparison(
        first,
        second,
        end,
        later.size,
        chosen,
        test.difference,
        test.error,
        test.t,
        test.p,
        test.p_holm,
        verdicts,
        rows_within(ts, horizon),
        span,
        test.degrees_of_freedom,
        caution,
    )


def holm(p: FloatArray) -> FloatArray:
    """Return p-values corrected for their number by Holm's step-down rule; NaN stays and does not count."""
    corrected = np.full(p.shape, np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    scaled = p[order] * np.arange(order.size, 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return corrected


@attrs.frozen(eq=False)
class _Test:
    difference: FloatArray
    error: FloatArray
    t: FloatArray
    p: FloatArray
    p_holm: FloatArray
    degrees_of_freedom: float


def _diebold_mariano(differences: FloatArray, known: MeanError, chosen: int) -> _Test:
    mean, error = differences.mean(axis=0), known.error
    # differences that never vary are no chance: either none at all, or one for sure
    t = np.where(mean == 0.0, 0.0, np.copysign(np.inf, mean))
    np.divide(mean, error, out=t, where=error > 0.0)
    p = np.asarray(2.0 * stdtr(known.degrees_of_freedom, -np.abs(t)))
    t[chosen] = p[chosen] = np.nan
    return _Test(mean, error, t, p, holm(p), known.degrees_of_freedom)


def _too_short(later: IntArray, n_first: int, horizon: int) -> str:
    if not n_first:
        return "no row of the first part knows its forward price before the second begins"
    if later.size < MIN_ROWS or later[-1] == later[0]:
        return (
            f"the second part has {later.size} rows at {np.unique(later).size} instants, at least {MIN_ROWS} are needed"
        )
    period = int(later[-1] - later[0])
    if period < MIN_HORIZONS * horizon:
        return f"the second part spans {period / horizon:.1f} horizons, at least {MIN_HORIZONS} are needed"
    return ""


def _means(losses: FloatArray) -> FloatArray:
    found: FloatArray = losses.mean(axis=0) if len(losses) else np.full(losses.shape[1], np.nan)
    return found


def _verdict(is_chosen: bool, difference: float, p: float, level: float) -> str:
    if is_chosen:
        return CHOSEN
    if np.isnan(p):
        return NO_TEST
    if p > level:
        return NOT_TOLD_APART
    return WORSE if difference > 0.0 else BETTER
