"""The values of a block: its operators applied from the inside out."""

from functools import partial

import numpy as np
import pandas as pd

from research.prices import FloatArray
from research.regression.operators import OPERATORS, Family
from research.regression.panel import Panel
from research.regression.syntax import Call, Column, Constant, Node


def evaluate(node: Node, panel: Panel, known: dict[Node, FloatArray] | None = None) -> FloatArray:
    """Return (R,) the value of a block on each row, NaN where it is unknown.

    Args:
        known: values found before, by node; filled, so that parts that blocks share are computed once.
    """
    known = {} if known is None else known
    if node not in known:
        known[node] = _value(node, panel, known)
    return known[node]


def _value(node: Node, panel: Panel, known: dict[Node, FloatArray]) -> FloatArray:
    match node:
        case Column():
            return panel.columns[node.name]
        case Constant():
            return np.full(panel.n_rows, node.value)
        case Call(expansion=None):
            return _call(node, panel, [evaluate(a, panel, known) for a in node.arguments])
        case Call(expansion=expansion):
            assert expansion is not None
            return evaluate(expansion, panel, known)


def _call(call: Call, panel: Panel, arguments: list[FloatArray]) -> FloatArray:
    operator = OPERATORS[call.name]
    compute = operator.compute
    assert compute is not None, f"{call.name} has neither a function nor a formula"
    if call.parameters == ("un",):
        arguments = [panel.by_instrument(lambda a: _last_known(a[0]), [argument]) for argument in arguments]
    if operator.family is Family.ELEMENT_WISE:
        found: FloatArray = compute(call.parameters, arguments)
        return found
    if operator.family is Family.CROSS_SECTIONAL:
        return panel.by_stamp(partial(compute, call.parameters), arguments)
    return panel.by_instrument(partial(compute, call.parameters), arguments)


def _last_known(values: FloatArray) -> FloatArray:
    return np.asarray(pd.Series(values).ffill(), dtype=np.float64)
