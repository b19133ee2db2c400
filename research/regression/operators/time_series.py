"""Operators over the rows of one instrument, in time order.

A window `_n` is the present row and the n - 1 before it, and is unknown until it is full.  Spreads are those of the
window itself (divided by n, not n - 1).
"""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import pandas as pd

from research.prices import FloatArray
from research.regression.operators.operator import Family, Kind, Operator, Parameter, Parameters, rows
from research.regression.operators.windows import deviations, over_windows

ROWS: Final = (Parameter("n", Kind.ROWS),)
STEPS: Final = (Parameter("n", Kind.STEPS),)


def _windowed(name: str, meaning: str, compute: Callable[[FloatArray], FloatArray]) -> Operator:
    return Operator(
        name,
        Family.TIME_SERIES,
        meaning,
        (1, 1),
        ROWS,
        lambda p, a: over_windows(lambda w: compute(w[0]), a, rows(p[0])),
        # each row may itself be a change since the row before
        lambda p: (rows(p[0]), 0),
    )


def shifted(values: FloatArray, n: int) -> FloatArray:
    """Return (R,) the value n rows before (after, for n < 0); NaN where there is none."""
    found = np.full(values.size, np.nan)
    if n >= values.size or -n >= values.size:
        return found
    if n >= 0:
        found[n:] = values[: values.size - n]
    else:
        found[:n] = values[-n:]
    return found


def _delta(parameters: Parameters, arrays: Sequence[FloatArray]) -> FloatArray:
    return arrays[0] - shifted(arrays[0], rows(parameters[0]))


def _ema(parameters: Parameters, arrays: Sequence[FloatArray]) -> FloatArray:
    n = rows(parameters[0])
    averages = pd.Series(arrays[0]).ewm(span=n, adjust=True, ignore_na=True, min_periods=n).mean().to_numpy()
    # pandas carries the last average over a hole
    return np.where(np.isnan(arrays[0]), np.nan, averages)


def moment(windows: FloatArray, order: int) -> FloatArray:
    """Return (W,) central moments."""
    found: FloatArray = (deviations(windows) ** order).mean(axis=1)
    return found


def _standard_moment(windows: FloatArray, order: int) -> FloatArray:
    # scaled to deviations of 1 first: a power of small ones underflows
    off = deviations(windows)
    scaled = off / np.sqrt((off**2).mean(axis=1, keepdims=True))
    found: FloatArray = (scaled**order).mean(axis=1)
    return found


def _rank(windows: FloatArray) -> FloatArray:
    last = windows[:, -1:]
    below = (windows < last).sum(axis=1)
    equal = (windows == last).sum(axis=1)
    found: FloatArray = below + (equal + 1) / 2.0
    return found


def _score(windows: FloatArray) -> FloatArray:
    found: FloatArray = deviations(windows)[:, -1] / np.sqrt(moment(windows, 2))
    return found


def _named(*names: str, meaning: str, compute: Callable[[FloatArray], FloatArray]) -> tuple[Operator, ...]:
    return tuple(_windowed(name, meaning, compute) for name in names)


OPERATORS: Final = (
    Operator(
        "delay",
        Family.TIME_SERIES,
        "the value n rows before",
        (1, 1),
        STEPS,
        lambda p, a: shifted(a[0], rows(p[0])),
        lambda p: (rows(p[0]), 0),
    ),
    Operator(
        "forward",
        Family.TIME_SERIES,
        "the value n rows later; for responses",
        (1, 1),
        STEPS,
        lambda p, a: shifted(a[0], -rows(p[0])),
        lambda p: (0, rows(p[0])),
    ),
    Operator("delta", Family.TIME_SERIES, "x less x n rows before", (1, 1), ROWS, _delta, lambda p: (rows(p[0]), 0)),
    *(
        Operator(
            name,
            Family.TIME_SERIES,
            "exponential mean: weights (1 - 2/(n + 1))^k over all rows so far, known from the n-th",
            (1, 1),
            ROWS,
            _ema,
            lambda p: (rows(p[0]), 0),
        )
        for name in ("ema", "ewma")
    ),
    *_named("sum", meaning="sum", compute=lambda w: w.sum(axis=1)),
    *_named("prod", meaning="product", compute=lambda w: w.prod(axis=1)),
    *_named("mean", "sma", meaning="mean", compute=lambda w: w.mean(axis=1)),
    *_named("median", meaning="median", compute=lambda w: np.median(w, axis=1)),
    *_named("std", meaning="standard deviation", compute=lambda w: np.sqrt(moment(w, 2))),
    *_named("var", meaning="variance", compute=lambda w: moment(w, 2)),
    *_named("skew", meaning="skewness", compute=lambda w: _standard_moment(w, 3)),
    *_named("kurt", meaning="excess kurtosis", compute=lambda w: _standard_moment(w, 4) - 3.0),
    *_named("tsrank", meaning="rank of the present row, 1 to n; ties share the mean rank", compute=_rank),
    *_named("tsmax", meaning="largest", compute=lambda w: w.max(axis=1)),
    *_named("tsmin", meaning="smallest", compute=lambda w: w.min(axis=1)),
    *_named("tsargmax", meaning="place of the largest, 0 = oldest; the first of equals", compute=lambda w: w.argmax(1)),
    *_named(
        "tsargmin", meaning="place of the smallest, 0 = oldest; the first of equals", compute=lambda w: w.argmin(1)
    ),
    *_named("tszscre", meaning="(x - mean) / standard deviation", compute=_score),
)
