"""Operators that are formulas of the others, mostly over bars.

Without an argument they take the frame's `close` (or `open`, `high`, `low`, `volume`), for which bars may also write
`c`, `o`, `h`, `l`, `v`.  Averages are simple means over the window, also where Wilder smoothed exponentially (rsi,
atr, adx): so that nothing reaches further back than it says.
"""

from typing import Final

from research.regression.operators.operator import Family, Kind, Operator, Parameter

_ROWS: Final = (Parameter("n", Kind.ROWS),)


def _of_x(name: str, meaning: str, formula: str, parameters: tuple[Parameter, ...] = _ROWS) -> Operator:
    return Operator(name, Family.PSEUDO, meaning, (0, 1), parameters, expands_to=formula, default="close")


def _of_bars(name: str, meaning: str, formula: str, parameters: tuple[Parameter, ...] = _ROWS) -> Operator:
    return Operator(name, Family.PSEUDO, meaning, (0, 0), parameters, expands_to=formula)


_UP: Final = "delta_1(high)"
_DOWN: Final = "neg(delta_1(low))"
_RISE: Final = f"mean_{{a}}(ite(and(gt({_UP},{_DOWN}),gt({_UP},const_0)),{_UP},const_0))"
_FALL: Final = f"mean_{{a}}(ite(and(gt({_DOWN},{_UP}),gt({_DOWN},const_0)),{_DOWN},const_0))"

OPERATORS: Final = (
    _of_x("grssret", "gross return over n rows", "div({x},delay_{a}({x}))"),
    _of_x("netret", "net return over n rows", "minus(grssret_{a}({x}),const_1)"),
    _of_x("logret", "log return over n rows", "log(grssret_{a}({x}))"),
    _of_x("volatility", "standard deviation of the last n log returns", "std_{a}(logret_1({x}))"),
    _of_x(
        "rsi",
        "relative strength index: 100 * sum of rises / sum of moves, over n moves",
        "mult(const_100,div(mean_{a}(max(delta_1({x}),const_0)),mean_{a}(abs(delta_1({x})))))",
    ),
    _of_x(
        "mac",
        "1 where the mean of a rows is above the mean of b rows, else 0",
        "gt(mean_{a}({x}),mean_{b}({x}))",
        (Parameter("a", Kind.ROWS), Parameter("b", Kind.ROWS)),
    ),
    _of_x("vma", "mean weighted by volume", "wmean_{a}({x},volume)"),
    _of_x("vwma", "mean weighted by volume", "wmean_{a}({x},volume)"),
    _of_x("vwvar", "variance weighted by volume", "wvar_{a}({x},volume)"),
    _of_x("vwstd", "standard deviation weighted by volume", "pow_0.5(wvar_{a}({x},volume))"),
    _of_bars(
        "mvwap",
        "moving VWAP: mean of (high + low + close) / 3 weighted by volume",
        "wmean_{a}(div(plus(high,low,close),const_3),volume)",
    ),
    _of_bars("obv", "on-balance volume of the last n rows", "sum_{a}(mult(volume,sign(delta_1(close))))"),
    _of_bars("addv", "mean of volume * close", "mean_{a}(mult(volume,close))"),
    _of_bars(
        "tr",
        "true range",
        "max(minus(high,low),abs(minus(high,delay_1(close))),abs(minus(low,delay_1(close))))",
        (),
    ),
    _of_bars("atr", "mean true range", "mean_{a}(tr())"),
    _of_bars(
        "adx",
        "average directional index: mean of 100 * |rise - fall| / (rise + fall) of directional moves over n rows",
        f"mean_{{a}}(mult(const_100,div(abs(minus({_RISE},{_FALL})),plus({_RISE},{_FALL}))))",
    ),
)
