"""Regressions written as formulas: `Regression(formula, frame).ols()`."""

from research.regression.diagnosis import diagnose
from research.regression.fit import Fit
from research.regression.formula_error import FormulaError
from research.regression.operators import OPERATORS, Operator
from research.regression.parser import parse
from research.regression.regression import Regression

__all__ = ["OPERATORS", "Fit", "FormulaError", "Operator", "Regression", "diagnose", "parse"]
