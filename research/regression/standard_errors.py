"""Standard errors of overlapping responses.

Responses over a horizon h that are sampled more often than every h share most of their path: their errors are a moving
average as long as the rows inside one horizon, and errors that take rows for independent (`plain`) are too small, often
by ten times.  Three ways to be honest:

- `hac`: Hansen and Hodrick (1980, Journal of Political Economy 88), every autocovariance of the scores up to the
  largest number of rows inside one horizon, with equal weights.  With this lag equal weights are exact where the
  horizon is the whole dependence; Bartlett's weights, falling to 0 at the lag, would leave out a third of it (a t-test
  at 5 % then rejects 10 to 17 %).  Where equal weights give no positive variance, Newey and West (1987,
  Econometrica 55) with twice the lag is taken instead.
- `block`: rows in blocks of five horizons (fewer and shorter ones where the data is short), independent of each other
  (Liang and Zeger 1986, Biometrika 73).
- delete-a-block jackknife (Kuensch 1989, Annals of Statistics 17), for bins and for points without time: everything is
  computed again without each block in turn.

The first two are never taken below those of unrelated rows (HC1): an estimate from few horizons that says neighbours
err in opposite directions is more often luck than truth.

The t-distribution has the degrees of freedom of the variance's estimate: n / (2 lag + 1) (Priestley 1981, Spectral
Analysis and Time Series, 6.2.3, for equal weights), 1.5 n / lag for Bartlett's, blocks - 1.
"""

from collections.abc import Callable
from typing import Any, Final

import attrs
import numpy as np
from statsmodels.regression.linear_model import OLSResults
from statsmodels.stats.sandwich_covariance import weights_bartlett, weights_uniform

from research.prices import FloatArray, IntArray

MAX_LAG: Final = 2_000
BLOCK_HORIZONS: Final = 5
WANTED_BLOCKS: Final = 10
MIN_BLOCKS: Final = 4
MOST_BLOCKS_LEFT_OUT: Final = 50
FEW: Final = 20


@attrs.frozen(eq=False)
class Honest:
    """A covariance that takes account of overlap.

    Attributes:
        results: of statsmodels, with this covariance.
        name: short, for a table's head.  meaning: in words.
        notes: what a reader should know.
    """

    results: Any
    name: str
    meaning: str
    notes: tuple[str, ...] = ()


def hac(plain: Any, lag: int) -> Honest:
    """Return errors with all autocovariances up to a lag.

    Args:
        plain: results of statsmodels, rows in time order.

    Raises:
        ValueError: the data is shorter than four horizons.
    """
    n, k = int(plain.nobs), plain.params.size
    if n < MIN_BLOCKS * (lag + 1):
        raise ValueError(_too_short(n, lag))
    notes: tuple[str, ...] = ()
    results = _sandwich(plain, lag, weights_uniform)
    name, meaning, freedom = "HAC", f"Hansen-Hodrick, equal weights up to lag {lag} rows", n / (2 * lag + 1)
    if not _is_positive(results.cov_params()):
        lag = min(2 * lag, n - 1)
        results = _sandwich(plain, lag, weights_bartlett)
        name, meaning, freedom = "HAC", f"Newey-West, Bartlett weights up to lag {lag} rows", 1.5 * n / max(lag, 1)
        notes = ("equal weights gave no positive variance: Bartlett weights up to twice the lag instead",)
    results.df_resid_inference = max(1.0, min(freedom, n - k))
    notes += _floor(results, plain)
    if freedom < FEW:
        notes += (f"{freedom:.1f} degrees of freedom: the data is short for this horizon, and errors are uncertain",)
    return Honest(results, name, f"{meaning}; t with {results.df_resid_inference:.0f} degrees of freedom", notes)


def block(plain: Any, lag: int) -> Honest:
    """Return errors from blocks of time, each several horizons long.

    Raises:
        ValueError: the data is too short for four blocks.
    """
    labels = blocks_of_rows(int(plain.nobs), lag)
    n_blocks = int(labels[-1]) + 1
    results = plain.get_robustcov_results("cluster", groups=labels, use_t=True)
    results.df_resid_inference = n_blocks - 1
    notes = _floor(results, plain)
    size = int(np.bincount(labels).min())
    meaning = f"{n_blocks} blocks of at least {size} rows; t with {n_blocks - 1} degrees of freedom"
    return Honest(results, "block", meaning, notes + _few(n_blocks))


def jackknife(
    plain: Any, refit: Callable[[np.ndarray[Any, np.dtype[np.bool_]]], FloatArray], n: int, lag: int
) -> Honest:
    """Return errors from computing all again without each block of time in turn.

    Args:
        refit: (N,) which observations to keep -> parameters.
        n: observations in time order.

    Raises:
        ValueError: the data is too short for four blocks.
    """
    labels = blocks_of_rows(n, lag, MOST_BLOCKS_LEFT_OUT)
    n_blocks = int(labels[-1]) + 1
    without = np.array([refit(labels != label) for label in range(n_blocks)])
    off = without - without.mean(axis=0)
    results = OLSResults(plain.model, plain.params, plain.normalized_cov_params, plain.scale)
    results.cov_params_default = (n_blocks - 1) / n_blocks * (off.T @ off)
    results.cov_type = "block jackknife"
    meaning = f"jackknife over {n_blocks} blocks of time; t with {n_blocks - 1} degrees of freedom"
    results.cov_kwds = {"description": f"Standard errors by {meaning}"}
    results.df_resid_inference = n_blocks - 1
    return Honest(results, "jackknife", meaning, _few(n_blocks))


def blocks_of_rows(n: int, lag: int, most: int | None = None) -> IntArray:
    """Return (n,) the number of the block of each row, in time order: nearly equal ones, five horizons or longer.

    Where that makes fewer than ten blocks they are shorter, down to two horizons.

    Raises:
        ValueError: four blocks of two horizons do not fit.
    """
    horizons = n // (lag + 1)
    count = max(horizons // BLOCK_HORIZONS, min(WANTED_BLOCKS, horizons // 2))
    if count < MIN_BLOCKS:
        raise ValueError(_too_short(n, lag))
    count = min(count, most) if most else count
    found: IntArray = np.arange(n, dtype=np.int64) * count // n
    return found


def _sandwich(plain: Any, lag: int, weights: Callable[[int], FloatArray]) -> Any:
    return plain.get_robustcov_results("HAC", maxlags=lag, weights_func=weights, use_correction=True, use_t=True)


def _is_positive(covariance: FloatArray) -> bool:
    return bool(np.isfinite(covariance).all() and (np.linalg.eigvalsh(covariance) > 0.0).all())


def _floor(results: Any, plain: Any) -> tuple[str, ...]:
    """Widen errors that are below those of unrelated rows, correlations kept, and say which."""
    found = np.asarray(results.cov_params())
    unrelated = np.diag(plain.get_robustcov_results("HC1").cov_params())
    widen = np.sqrt(np.maximum(1.0, unrelated / np.diag(found)))
    results.cov_params_default = found * np.outer(widen, widen)
    names = [name for name, by in zip(plain.model.exog_names, widen, strict=True) if by > 1.0]
    return (f"errors of {', '.join(names)} are those of unrelated rows: overlap made them no larger",) if names else ()


def _few(n_blocks: int) -> tuple[str, ...]:
    return (f"only {n_blocks} blocks: the errors themselves are uncertain",) if n_blocks < FEW else ()


def _too_short(n: int, lag: int) -> str:
    return (
        f"{n} rows are {n / (lag + 1):.1f} horizons of {lag + 1} rows: too few to tell how far off it may be; "
        "take more data or a shorter horizon, or errors='plain' to see the estimate alone"
    )
