"""Operators over the last n rows of two series of one instrument."""

from collections.abc import Callable
from typing import Final

import numpy as np

from research.prices import FloatArray
from research.regression.operators.operator import Family, Operator, rows
from research.regression.operators.time_series import ROWS
from research.regression.operators.windows import deviations, over_windows


def _pair(name: str, meaning: str, compute: Callable[[FloatArray, FloatArray], FloatArray]) -> Operator:
    return Operator(
        name,
        Family.PAIRWISE,
        meaning,
        (2, 2),
        ROWS,
        lambda p, a: over_windows(lambda w: compute(w[0], w[1]), a, rows(p[0])),
        lambda p: (rows(p[0]), 0),
    )


def _covariance(x: FloatArray, y: FloatArray) -> FloatArray:
    found: FloatArray = (deviations(x) * deviations(y)).sum(axis=1) / (x.shape[1] - 1)
    return found


def _correlation(x: FloatArray, y: FloatArray) -> FloatArray:
    dx, dy = deviations(x), deviations(y)
    found: FloatArray = (dx * dy).sum(axis=1) / (np.sqrt((dx**2).sum(axis=1)) * np.sqrt((dy**2).sum(axis=1)))
    return np.clip(found, -1.0, 1.0)


def _kendall(x: FloatArray, y: FloatArray) -> FloatArray:
    """Kendall's tau-b (1945, Biometrika 33): concordant less discordant pairs, over the untied pairs of either."""
    concordance, untied_x, untied_y = (np.zeros(x.shape[0]) for _ in range(3))
    for gap in range(1, x.shape[1]):
        sx, sy = np.sign(x[:, gap:] - x[:, :-gap]), np.sign(y[:, gap:] - y[:, :-gap])
        concordance += (sx * sy).sum(axis=1)
        untied_x += np.abs(sx).sum(axis=1)
        untied_y += np.abs(sy).sum(axis=1)
    found: FloatArray = concordance / np.sqrt(untied_x * untied_y)
    return found


def _weighted_mean(x: FloatArray, w: FloatArray) -> FloatArray:
    found: FloatArray = (x * w).sum(axis=1) / w.sum(axis=1)
    return found


def _weighted_variance(x: FloatArray, w: FloatArray) -> FloatArray:
    off = x - _weighted_mean(x, w)[:, None]
    return _weighted_mean(off**2, w)


OPERATORS: Final = (
    _pair("cor", "correlation", _correlation),
    _pair("kentau", "Kendall's tau-b", _kendall),
    _pair("cov", "covariance, divided by n - 1", _covariance),
    _pair("dot", "sum of products", lambda x, y: (x * y).sum(axis=1)),
    _pair("wmean", "mean of x weighted by y", _weighted_mean),
    _pair("wma", "mean of x weighted by y", _weighted_mean),
    _pair("wvar", "variance of x weighted by y", _weighted_variance),
)
