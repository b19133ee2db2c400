"""Every operator, row by row in plain Python: slow, short and from the definitions."""

import math
import statistics
from collections.abc import Callable, Sequence

NAN = math.nan
Row = Sequence[float]


def known(value: float) -> bool:
    return not math.isnan(value)


def guarded(compute: Callable[..., float], *values: float) -> float:
    """Return NaN for unknown arguments, impossible values and infinities."""
    if not all(map(known, values)):
        return NAN
    try:
        found = float(compute(*values))
    except (ValueError, ZeroDivisionError, OverflowError):
        return NAN
    return found if math.isfinite(found) else NAN


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def power(x: float, k: float) -> float:
    return math.pow(x, k)


ELEMENT_WISE: dict[str, tuple[int, Callable[..., float]]] = {
    "abs": (1, abs),
    "neg": (1, lambda x: -x),
    "log": (1, math.log),
    "sign": (1, lambda x: (x > 0) - (x < 0)),
    "tanh": (1, math.tanh),
    "sigmoid": (1, sigmoid),
    "recpcal": (1, lambda x: 1 / x),
    "pow_3": (1, lambda x: power(x, 3)),
    "pow_0.5": (1, lambda x: power(x, 0.5)),
    "between_-2/3": (1, lambda x: -2 <= x <= 3),
    "max": (3, max),
    "min": (3, min),
    "plus": (3, lambda *v: v[0] + v[1] + v[2]),
    "mult": (3, lambda *v: v[0] * v[1] * v[2]),
    "minus": (2, lambda x, y: x - y),
    "div": (2, lambda x, y: x / y),
    "and": (3, lambda *v: all(x != 0 for x in v)),
    "or": (3, lambda *v: any(x != 0 for x in v)),
    "eq": (2, lambda x, y: x == y),
    "gt": (2, lambda x, y: x > y),
    "gte": (2, lambda x, y: x >= y),
    "lt": (2, lambda x, y: x < y),
    "lte": (2, lambda x, y: x <= y),
    "ite": (3, lambda c, x, y: x if c != 0 else y),
}


def mean_rank(values: Row, mine: float) -> float:
    below = sum(v < mine for v in values)
    equal = sum(v == mine for v in values)
    return below + (1 + equal) / 2


def standard(values: Row, order: int) -> float:
    middle = statistics.fmean(values)
    spread = statistics.pstdev(values)
    return statistics.fmean([((v - middle) / spread) ** order for v in values])


def ema(values: Row, n: int) -> float:
    """The value after the last row, over all rows so far; `values` are known ones."""
    if len(values) < n:
        return NAN
    keep = 1 - 2 / (n + 1)
    weights = [keep ** (len(values) - 1 - i) for i in range(len(values))]
    return sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights)


TIME_SERIES: dict[str, Callable[[Row], float]] = {
    "sum": math.fsum,
    "prod": math.prod,
    "mean": statistics.fmean,
    "sma": statistics.fmean,
    "median": statistics.median,
    "std": statistics.pstdev,
    "var": statistics.pvariance,
    "skew": lambda w: standard(w, 3),
    "kurt": lambda w: standard(w, 4) - 3,
    "tsrank": lambda w: mean_rank(w, w[-1]),
    "tsmax": max,
    "tsmin": min,
    "tsargmax": lambda w: list(w).index(max(w)),
    "tsargmin": lambda w: list(w).index(min(w)),
    "tszscre": lambda w: (w[-1] - statistics.fmean(w)) / statistics.pstdev(w),
}


def covariance(x: Row, y: Row) -> float:
    mx, my = statistics.fmean(x), statistics.fmean(y)
    return sum((a - mx) * (b - my) for a, b in zip(x, y, strict=True)) / (len(x) - 1)


def correlation(x: Row, y: Row) -> float:
    return covariance(x, y) / math.sqrt(covariance(x, x) * covariance(y, y))


def kendall(x: Row, y: Row) -> float:
    def sign(v: float) -> int:
        return (v > 0) - (v < 0)

    pairs = [(sign(x[j] - x[i]), sign(y[j] - y[i])) for j in range(len(x)) for i in range(j)]
    untied = sum(a != 0 for a, _ in pairs) * sum(b != 0 for _, b in pairs)
    return sum(a * b for a, b in pairs) / math.sqrt(untied)


def weighted_mean(x: Row, w: Row) -> float:
    return math.fsum(a * b for a, b in zip(x, w, strict=True)) / math.fsum(w)


def weighted_variance(x: Row, w: Row) -> float:
    middle = weighted_mean(x, w)
    return weighted_mean([(a - middle) ** 2 for a in x], w)


PAIRWISE: dict[str, Callable[[Row, Row], float]] = {
    "cov": covariance,
    "cor": correlation,
    "kentau": kendall,
    "dot": lambda x, y: math.fsum(a * b for a, b in zip(x, y, strict=True)),
    "wmean": weighted_mean,
    "wma": weighted_mean,
    "wvar": weighted_variance,
}


def windowed(compute: Callable[..., float], n: int, *columns: Row) -> list[float]:
    """Apply a function to the last n rows; NaN until there are n, and where one of them is unknown."""
    found = []
    for end in range(1, len(columns[0]) + 1):
        windows = [list(column[max(0, end - n) : end]) for column in columns]
        whole = end >= n and all(known(v) for window in windows for v in window)
        try:
            found.append(float(compute(*windows)) if whole else NAN)
        except (ValueError, ZeroDivisionError):
            found.append(NAN)
    return found
