"""Operators over all instruments at one time.

Each gets a matrix (stamps, instruments) with NaN where an instrument is unknown; those are left out of the comparison.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from research.prices import FloatArray
from research.regression.operators.operator import Family, Kind, Operator, Parameter, Parameters


def _rank(_: Parameters, arrays: Sequence[FloatArray]) -> FloatArray:
    (values,) = arrays
    found = np.full(values.shape, np.nan)
    for column in range(values.shape[1]):
        mine = values[:, column : column + 1]
        below, equal = (values < mine).sum(axis=1), (values == mine).sum(axis=1)
        found[:, column] = below + (equal + 1) / 2.0
    return np.where(np.isnan(values), np.nan, found)


def _percentile(parameters: Parameters, arrays: Sequence[FloatArray]) -> FloatArray:
    known = (~np.isnan(arrays[0])).sum(axis=1, keepdims=True)
    found: FloatArray = 100.0 * _rank(parameters, arrays) / np.maximum(known, 1)
    return found


def _score(_: Parameters, arrays: Sequence[FloatArray]) -> FloatArray:
    (values,) = arrays
    known = ~np.isnan(values)
    n = np.maximum(known.sum(axis=1, keepdims=True), 1)
    off = values - np.where(known, values, 0.0).sum(axis=1, keepdims=True) / n
    spread = np.sqrt(np.where(known, off**2, 0.0).sum(axis=1, keepdims=True) / n)
    equal = np.where(known, values, -np.inf).max(axis=1) == np.where(known, values, np.inf).min(axis=1)
    with np.errstate(all="ignore"):
        return np.where(equal[:, None] | (spread == 0.0), np.nan, off / spread)


def _long_short(parameters: Parameters, arrays: Sequence[FloatArray]) -> FloatArray:
    (values,) = arrays
    some = ~np.isnan(values).all(axis=1)
    low, high = np.full((2, values.shape[0], 1), np.nan)
    if some.any():
        low[some, 0], high[some, 0] = np.nanpercentile(values[some], [float(p) for p in parameters], axis=1)
    side = (values > high).astype(np.float64) - (values < low)
    return np.where(np.isnan(values), np.nan, side)


OPERATORS: Final = (
    Operator("csrank", Family.CROSS_SECTIONAL, "rank, 1 = smallest; ties share the mean rank", (1, 1), (), _rank),
    Operator("cszscre", Family.CROSS_SECTIONAL, "(x - mean) / standard deviation (divided by n)", (1, 1), (), _score),
    Operator("percentile", Family.CROSS_SECTIONAL, "100 * rank / number of instruments", (1, 1), (), _percentile),
    Operator(
        "ls",
        Family.CROSS_SECTIONAL,
        "-1 below the a-th percentile, 1 above the b-th, else 0",
        (1, 1),
        (Parameter("a", Kind.PERCENT), Parameter("b", Kind.PERCENT)),
        _long_short,
    ),
)
