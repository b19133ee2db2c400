"""The parameters that ride an operator's name: `delay_5`, `ls_25/75`, `pow_-0.5`, `plus_ix`."""

import math

from research.regression.formula_error import FormulaError
from research.regression.operators import OPERATORS, Kind, Operator, Parameter
from research.regression.tokens import Token

JOINS = ("ix", "un")


def operator_name(word: str) -> str | None:
    """Return the operator that a word such as `delay_5` names, or None."""
    name = word.partition("_")[0]
    return name if name in OPERATORS else None


def read_parameters(operator: Operator, token: Token, formula: str) -> tuple[float | str, ...]:
    """Return the parameters in a word.

    Raises:
        FormulaError: there are too few or too many, or one is not of its kind.
    """
    _, underscore, riding = token.text.partition("_")
    texts = riding.split("/") if underscore else []
    wanted = operator.parameters
    fewest = sum(not p.is_optional for p in wanted)
    if not fewest <= len(texts) <= len(wanted):
        raise FormulaError(_count(operator, len(texts)), formula, token.start, token.end)
    found: list[float | str] = []
    at = token.start + len(operator.name) + 1
    for text, parameter in zip(texts, wanted, strict=False):
        value = _value(text, parameter.kind)
        if value is None:
            reason = f"{text!r} is not {parameter.kind.value}, the parameter {parameter.name} of {operator.name}"
            raise FormulaError(reason, formula, at if text else token.start, at + len(text) if text else token.end)
        found.append(value)
        at += len(text) + 1
    return tuple(found)


def _value(text: str, kind: Kind) -> float | str | None:
    if kind is Kind.JOIN:
        return text if text in JOINS else None
    try:
        value = float(text)
    except ValueError:
        return None
    good = {
        Kind.ROWS: value >= 1 and value.is_integer(),
        Kind.STEPS: value >= 0 and value.is_integer(),
        Kind.PERCENT: 0 <= value <= 100,
        Kind.NUMBER: math.isfinite(value),
    }
    return value if good[kind] else None


def _count(operator: Operator, got: int) -> str:
    if not operator.parameters:
        return f"{operator.name} takes no parameter"
    wanted = [f"{p.name}: {p.kind.value}" for p in operator.parameters]
    many = "1 parameter" if len(wanted) == 1 else f"{len(wanted)} parameters"
    example = operator.name + "_" + "/".join(_example(p) for p in operator.parameters)
    return f"{operator.name} takes {many} in its name ({'; '.join(wanted)}), as in {example}; got {got}"


def _example(parameter: Parameter) -> str:
    return {Kind.JOIN: "un", Kind.PERCENT: "25"}.get(parameter.kind, "5")
