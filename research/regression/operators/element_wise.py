"""Operators on one row: arithmetic, comparisons, choice.

A row where any argument is unknown (NaN) gives NaN, and so does a value that is not a finite number (log of a negative,
division by 0).  Comparisons and logic give 1 and 0.
"""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from research.prices import FloatArray
from research.regression.operators.operator import Family, Kind, Operator, Parameter, Parameters, quiet

JOIN: Final = Parameter("join", Kind.JOIN, is_optional=True)


def _unary(name: str, meaning: str, compute: Callable[[FloatArray], FloatArray]) -> Operator:
    return Operator(name, Family.ELEMENT_WISE, meaning, (1, 1), compute=lambda _, a: quiet(lambda v: compute(v[0]), a))


def _joined(
    name: str, meaning: str, takes: tuple[int, int | None], compute: Callable[[Sequence[FloatArray]], FloatArray]
) -> Operator:
    def known(_: Parameters, arrays: Sequence[FloatArray]) -> FloatArray:
        found = quiet(compute, arrays)
        # a comparison with NaN is False, and ite may not look at it: unknown stays unknown
        return np.where(np.logical_or.reduce([np.isnan(a) for a in arrays]), np.nan, found)

    return Operator(name, Family.ELEMENT_WISE, meaning, takes, (JOIN,), known)


def _truth(found: npt.NDArray[np.bool_]) -> FloatArray:
    return found.astype(np.float64)


def _power(parameters: Parameters, arrays: Sequence[FloatArray]) -> FloatArray:
    return quiet(lambda v: np.power(v[0], float(parameters[0])), arrays)


def _between(parameters: Parameters, arrays: Sequence[FloatArray]) -> FloatArray:
    (x,), (low, high) = arrays, (float(p) for p in parameters)
    return np.where(np.isnan(x), np.nan, ((x >= low) & (x <= high)).astype(np.float64))


OPERATORS: Final = (
    _unary("abs", "|x|", np.abs),
    _unary("neg", "-x", np.negative),
    _unary("log", "natural logarithm", np.log),
    _unary("sign", "-1, 0 or 1", np.sign),
    _unary("tanh", "hyperbolic tangent", np.tanh),
    _unary("sigmoid", "1 / (1 + exp(-x))", lambda x: 1.0 / (1.0 + np.exp(-x))),
    _unary("recpcal", "1 / x", lambda x: 1.0 / x),
    Operator("pow", Family.ELEMENT_WISE, "x to the power k", (1, 1), (Parameter("k", Kind.NUMBER),), _power),
    Operator(
        "between",
        Family.ELEMENT_WISE,
        "1 where a <= x <= b, else 0",
        (1, 1),
        (Parameter("a", Kind.NUMBER), Parameter("b", Kind.NUMBER)),
        _between,
    ),
    _joined("max", "the largest", (2, None), np.maximum.reduce),
    _joined("min", "the smallest", (2, None), np.minimum.reduce),
    _joined("plus", "the sum", (2, None), np.add.reduce),
    _joined("mult", "the product", (2, None), np.multiply.reduce),
    _joined("minus", "x - y", (2, 2), lambda v: v[0] - v[1]),
    _joined("div", "x / y", (2, 2), lambda v: v[0] / v[1]),
    _joined(
        "and", "1 where all differ from 0", (2, None), lambda v: _truth(np.logical_and.reduce([a != 0 for a in v]))
    ),
    _joined("or", "1 where any differs from 0", (2, None), lambda v: _truth(np.logical_or.reduce([a != 0 for a in v]))),
    _joined("eq", "1 where x = y", (2, 2), lambda v: _truth(v[0] == v[1])),
    _joined("gt", "1 where x > y", (2, 2), lambda v: _truth(v[0] > v[1])),
    _joined("gte", "1 where x >= y", (2, 2), lambda v: _truth(v[0] >= v[1])),
    _joined("lt", "1 where x < y", (2, 2), lambda v: _truth(v[0] < v[1])),
    _joined("lte", "1 where x <= y", (2, 2), lambda v: _truth(v[0] <= v[1])),
    _joined("ite", "x where c differs from 0, else y: ite(c,x,y)", (3, 3), lambda v: np.where(v[0] != 0, v[1], v[2])),
)
