"""The table of operators that a formula may use, a file per family."""

from types import MappingProxyType
from typing import Final

from research.regression.operators import cross_sectional, element_wise, pairwise, pseudo, time_series
from research.regression.operators.operator import Family, Kind, Operator, Parameter, Parameters

__all__ = ["OPERATORS", "Family", "Kind", "Operator", "Parameter", "Parameters"]

OPERATORS: Final = MappingProxyType(
    {
        operator.name: operator
        for family in (element_wise, time_series, pairwise, cross_sectional, pseudo)
        for operator in family.OPERATORS
    }
)
