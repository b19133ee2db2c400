"""Regressions written as formulas, with standard errors that survive overlapping horizons."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from statsmodels.regression.linear_model import OLS

from market.units import SECOND
from research.prices import FloatArray
from research.regression import standard_errors
from research.regression.aggregation import Aggregator, Gathering, chosen_aggregators
from research.regression.diagnosis import condition_number, diagnose
from research.regression.evaluation import evaluate
from research.regression.fit import Fit
from research.regression.notes import bin_notes, look_ahead_notes, overlap_notes
from research.regression.observations import Observations, equal_bins, observations, response_ends
from research.regression.panel import Panel
from research.regression.parser import parse
from research.regression.reach import reach
from research.regression.standard_errors import Honest

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Axis = Literal["flatten", "xs", "ts"]
Errors = Literal["hac", "block", "plain"]
Selector = Callable[[pd.DataFrame], Any]
SINGULAR = 1e10  # condition number from which on regressors are the same


class Regression:
    """A formula on data, ready to be fitted.

    `Regression("div(minus(t60,t0),t0) ~ div(minus(value,t0),t0)", frame, intercept=False).ols()` is the tutorial's.
    The grammar and the operators are in docs/regression.md.

    Args:
        formula: `response ~ regressors`.
        frame: in time order (several `venue`, `symbol` in it are instruments of their own), or one frame per
            instrument.  Time is `ts`: ns since the epoch, or datetimes.
        intercept: whether the model has a constant.

    Attributes:
        formula: as it was read.
        panel: the data.
        values: (rows of the panel, blocks) each block's value, NaN where unknown.
        fit: of the last `ols`.

    Raises:
        FormulaError: the formula is wrong; the text points at the place.
        ValueError: the data is empty, out of order, or mixes the rows of several keys.
    """

    def __init__(self, formula: str, frame: pd.DataFrame | Mapping[str, pd.DataFrame], intercept: bool = True) -> None:
        self.panel = Panel.of(frame)
        self.formula = parse(formula, self.panel.problems)
        self.intercept = intercept
        known: dict[Any, FloatArray] = {}
        self.values = np.column_stack([evaluate(block, self.panel, known) for block in self.formula.blocks])
        self.fit: Fit | None = None

    def ols(
        self,
        axis: Axis = "flatten",
        bins: int = 0,
        bin_by: str = "regressor",
        errors: Errors = "hac",
        selector: Selector | None = None,
        aggregator: Aggregator | Mapping[str, Aggregator] | None = None,
        horizon: float | None = None,
    ) -> Fit:
        """Fit by ordinary least squares.

        Args:
            axis: `flatten`: every row of every instrument is a point.  `xs`: the instruments at one stamp are gathered
                into one point, a regression over time.  `ts`: all rows of an instrument are gathered into one point, a
                regression over instruments.
            bins: gather the points into so many bins of equally many; 0 for none.
            bin_by: by what: `regressor` (the first, b1), another block by its name (`b2`), or `response`, which makes
                a fit where there is none.
            errors: `hac` (blocks instead where one horizon holds more than 2,000 rows), `block`, or `plain`, which
                takes rows for independent.  Bins and `ts` have no time: both honest ways then leave out blocks of time
                and compute everything again.
            selector: of a frame of the blocks (`b0`, `b1`, ..., `ts`, `instrument`), returns which rows to keep.
            aggregator: values -> the value that stands for them, or one per block, {"b1": ...}; by default their mean
                after winsorising 5 % at either end.
            horizon: of the response, s (rows for data without time); by default the longest forward price `t{h}` and
                the rows spanned by its operators.

        Raises:
            ValueError: too few points, regressors that depend on each other, or data too short for honest errors.
        """
        _check(axis, bins, errors)
        aggregators = chosen_aggregators(aggregator, len(self.formula.blocks))
        rows, counts = self._rows(selector, horizon)
        timed = rows.by_stamp(aggregators) if axis == "xs" else rows
        groups, labels = {"flatten": "rows", "xs": "stamps", "ts": "instruments"}[axis], None
        if axis == "ts":
            labels = np.unique(timed.instrument, return_inverse=True)[1]
        elif bins:
            groups, labels = "bins", equal_bins(timed.blocks[:, self._block(bin_by)], bins)
        gathering = None if labels is None else Gathering(timed.blocks, labels, aggregators)
        points = timed if gathering is None else _without_time(gathering.points())
        design = self._design(points.blocks)
        plain = self._plain(points, design)

        def refit(keep: npt.NDArray[np.bool_]) -> FloatArray:
            assert gathering is not None
            some = gathering.points(keep)
            return np.linalg.lstsq(self._design(some), some[:, 0], rcond=None)[0].astype(np.float64)

        overlap = timed.overlap()
        lag = int(overlap.max())
        honest = _honest(errors, plain, refit if gathering is not None else None, timed.n, lag)
        notes = (
            *overlap_notes(overlap, errors),
            *(bin_notes(bins, bin_by, points.n) if bins else ()),
            *look_ahead_notes(self.formula),
            *honest.notes,
        )
        self.fit = Fit(
            formula=self.formula,
            results=honest.results,
            plain=plain,
            errors=honest.name,
            meaning=honest.meaning,
            points=points,
            rows=rows,
            design=design,
            groups=groups,
            lag=None if errors == "plain" else lag,
            counts=counts,
            notes=notes,
        )
        return self.fit

    def diagnose(self) -> dict[str, float | int | None]:
        """Return the diagnosis of the last fit, or of `ols()` if there is none: see `research.regression.diagnose`."""
        return diagnose(self._last())

    def plot(
        self,
        fit: bool = False,
        residuals: bool = False,
        influence: bool = False,
        leverage: bool = False,
        save_fit: Path | str | None = None,
        save_residuals: Path | str | None = None,
        save_influence: Path | str | None = None,
        save_leverage: Path | str | None = None,
    ) -> "dict[str, Figure]":
        """Draw the last fit; what has a path is drawn and saved too.

        Returns:
            {name: figure} of what was drawn; no window is opened.

        Raises:
            ValueError: nothing is asked for.
        """
        from research.plots.influence import plot_influence, plot_leverage
        from research.plots.regression import plot_fit, plot_residuals
        from research.plots.style import save_figure

        asked = {
            "fit": (plot_fit, fit, save_fit),
            "residuals": (plot_residuals, residuals, save_residuals),
            "influence": (plot_influence, influence, save_influence),
            "leverage": (plot_leverage, leverage, save_leverage),
        }
        figures = {name: draw(self._last()) for name, (draw, wanted, path) in asked.items() if wanted or path}
        if not figures:
            raise ValueError(f"nothing to plot: ask for one of {', '.join(asked)}, as in plot(fit=True)")
        for name, figure in figures.items():
            if path := asked[name][2]:
                save_figure(figure, path)
        return figures

    def _last(self) -> Fit:
        return self.fit or self.ols()

    def _rows(self, selector: Selector | None, horizon: float | None) -> tuple[Observations, dict[str, int]]:
        known = ~np.isnan(self.values).any(axis=1)
        wanted = known & self._selected(selector)
        counts = {
            "rows": self.panel.n_rows,
            "used": int(wanted.sum()),
            "unknown": int((~known).sum()),
            "not selected": int((known & ~wanted).sum()),
        }
        if not wanted.any():
            raise ValueError(f"no row to fit: of {counts['rows']}, {counts['unknown']} are unknown in some block")
        return observations(self.panel, self.values, self._ends(horizon), np.flatnonzero(wanted)), counts

    def _selected(self, selector: Selector | None) -> npt.NDArray[np.bool_]:
        if selector is None:
            return np.ones(self.panel.n_rows, dtype=bool)
        names = np.array(self.panel.instruments, dtype=object)
        blocks = {f"b{i}": self.values[:, i] for i in range(len(self.formula.blocks))}
        frame = pd.DataFrame({**blocks, "ts": self.panel.ts, "instrument": names[self.panel.instrument]})
        chosen = np.asarray(selector(frame))
        if chosen.shape != (self.panel.n_rows,) or chosen.dtype != bool:
            raise ValueError(
                f"selector returned {chosen.dtype} of shape {chosen.shape}; a bool for each of "
                f"{self.panel.n_rows} rows is needed, as in lambda blocks: blocks['b1'] > 0"
            )
        return chosen

    def _ends(self, horizon: float | None) -> npt.NDArray[np.int64]:
        span = reach(self.formula.blocks[0])
        if horizon is not None:
            if not 0 <= horizon < np.inf:
                raise ValueError(f"horizon={horizon} must be 0 or more")
            return (
                response_ends(self.panel, 0, round(horizon * SECOND))
                if self.panel.has_time
                else response_ends(self.panel, round(horizon), 0)
            )
        if span.ahead_s and not self.panel.has_time:
            raise ValueError(
                f"the response looks {span.ahead_s:g} s ahead, but the data has no ts to count rows by; "
                "give the column, or horizon= in rows"
            )
        return response_ends(self.panel, span.rows, round(span.ahead_s * SECOND))

    def _block(self, bin_by: str) -> int:
        names = {"response": 0, "regressor": 1} | {f"b{i}": i for i in range(len(self.formula.blocks))}
        if bin_by not in names:
            raise ValueError(f"bin_by={bin_by!r} must be one of {', '.join(names)}")
        return names[bin_by]

    def _design(self, blocks: FloatArray) -> FloatArray:
        columns = [blocks[:, list(term)].prod(axis=1) for term in self.formula.terms]
        if self.intercept:
            columns.insert(0, np.ones(blocks.shape[0]))
        return np.column_stack(columns)

    def _plain(self, points: Observations, design: FloatArray) -> Any:
        names = [*(["Intercept"] if self.intercept else []), *self.formula.term_names]
        if points.n <= len(names):
            raise ValueError(f"{points.n} points cannot fit {len(names)} parameters ({', '.join(names)})")
        if not condition_number(design) < SINGULAR:
            raise ValueError(f"the regressors depend on each other: leave one of {', '.join(names)} out")
        model = OLS(points.blocks[:, 0], design)
        model.data.ynames, model.data.xnames = "b0", names
        return model.fit()


def _without_time(blocks: FloatArray) -> Observations:
    none = np.full(blocks.shape[0], -1)
    return Observations(blocks, none, none, none)


def _honest(
    errors: Errors, plain: Any, refit: Callable[[npt.NDArray[np.bool_]], FloatArray] | None, n: int, lag: int
) -> Honest:
    if errors == "plain":
        return Honest(plain, "plain", "plain: rows are taken for independent, with one variance")
    if refit is not None:
        return standard_errors.jackknife(plain, refit, n, lag)
    if errors == "block" or lag > standard_errors.MAX_LAG:
        return standard_errors.block(plain, lag)
    return standard_errors.hac(plain, lag)


def _check(axis: str, bins: int, errors: str) -> None:
    if axis not in ("flatten", "xs", "ts"):
        raise ValueError(f"axis={axis!r} must be flatten, xs or ts")
    if errors not in ("hac", "block", "plain"):
        raise ValueError(f"errors={errors!r} must be hac, block or plain")
    if bins < 0 or bins == 1:
        raise ValueError(f"bins={bins} must be 0 (none) or at least 2")
    if bins and axis == "ts":
        raise ValueError(f"bins={bins} with axis='ts': there is one point per instrument already")
