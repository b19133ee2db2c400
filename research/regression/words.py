"""How errors help with a wrong word: the nearest right one, or how it is written here."""

from collections.abc import Iterable
from difflib import get_close_matches

from research.regression.operators import OPERATORS
from research.regression.parameters import operator_name

_SIGNS = {"-": "minus(x,y)", "/": "div(x,y)", "^": "pow_2(x)", ">": "gt(x,y)", "<": "lt(x,y)", "=": "eq(x,y)"}


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a text with the nearest spelling, or the empty text."""
    near = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


def hint(word: str, columns: Iterable[str]) -> str:
    """Return how to write what an unknown column probably was meant to be, or which columns there are."""
    operator = operator_name(word)
    if operator is not None:
        takes = OPERATORS[operator].takes
        arguments = "" if takes[1] == 0 else ",".join("xyz"[: max(1, takes[0])])
        return f"; {operator} is an operator: {word}({arguments})"
    try:
        float(word)
    except ValueError:
        pass
    else:
        return f"; a number is written const_{word}, and the intercept is chosen by intercept="
    columns = list(columns)
    for sign, way in _SIGNS.items():
        if sign in word and any(part in columns for part in word.split(sign)):
            return f"; {sign} is written {way}"
    near = did_you_mean(word, columns)
    if near:
        return near
    names = sorted(columns)
    if word in _SIGNS:
        return f"; {word} is written {_SIGNS[word]}"
    if not names:
        return ""
    return f"; the columns are {', '.join(names[:12])}{', ...' if len(names) > 12 else ''}"


def counted(fewest: int, most: int | None) -> str:
    """Return how many arguments are taken, in words."""
    if most is None:
        return f"{fewest} or more arguments"
    if fewest == most:
        return "no argument" if most == 0 else f"{most} argument{'s' if most > 1 else ''}"
    return f"{fewest} or {most} arguments"
