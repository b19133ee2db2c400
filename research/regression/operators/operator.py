"""An operator: its name, what it takes, what it computes and how far it reaches in time."""

from collections.abc import Callable, Sequence
from enum import Enum

import attrs
import numpy as np

from research.prices import FloatArray

Parameters = tuple[float | str, ...]


class Family(Enum):
    """What an operator looks at for one row."""

    ELEMENT_WISE = "element-wise"  # the same row
    TIME_SERIES = "time-series"  # earlier or later rows of the same instrument
    PAIRWISE = "pairwise"  # earlier rows of two series of the same instrument
    CROSS_SECTIONAL = "cross-sectional"  # all instruments at the same time
    PSEUDO = "pseudo"  # written as a formula of the others


class Kind(Enum):
    """What a parameter must be."""

    ROWS = "a number of rows, 1 or more"
    STEPS = "a number of rows, 0 or more"
    NUMBER = "a number"
    PERCENT = "a percentile from 0 to 100"
    JOIN = "ix or un"


@attrs.frozen
class Parameter:
    """A parameter that rides an operator's name."""

    name: str
    kind: Kind
    is_optional: bool = False


@attrs.frozen
class Operator:
    """One row of the table of operators.

    Attributes:
        takes: fewest and most arguments; None is any number.
        compute: (parameters, arrays) -> array.  What an array is depends on the family: all rows (element-wise), the
            rows of one instrument (time-series, pairwise), a matrix (stamps, instruments) (cross-sectional).
        reach: parameters -> rows looked back and rows looked ahead.
        expands_to: of a pseudo operator its formula: `{x}` is the argument, `{a}` and `{b}` the parameters.
        default: of a pseudo operator the column taken when no argument is given.
    """

    name: str
    family: Family
    meaning: str
    takes: tuple[int, int | None]
    parameters: tuple[Parameter, ...] = ()
    compute: Callable[[Parameters, Sequence[FloatArray]], FloatArray] | None = None
    reach: Callable[[Parameters], tuple[int, int]] = lambda _: (0, 0)
    expands_to: str = ""
    default: str = ""


def rows(parameter: float | str) -> int:
    """Return a parameter of kind `ROWS` or `STEPS` as an int."""
    return int(parameter)


def quiet(compute: Callable[[Sequence[FloatArray]], FloatArray], arrays: Sequence[FloatArray]) -> FloatArray:
    """Compute without numpy's warnings; what is not a finite number becomes NaN."""
    with np.errstate(all="ignore"):
        found = np.asarray(compute(arrays), dtype=np.float64)
    return np.where(np.isfinite(found), found, np.nan)
