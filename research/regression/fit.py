"""A regression's result: estimates with plain and honest errors side by side."""

from typing import Any

import attrs
import numpy as np
import pandas as pd

from research.prices import FloatArray
from research.regression.observations import Observations
from research.regression.syntax import Formula

LEVEL = 0.05


@attrs.frozen(eq=False)
class Fit:
    """An ordinary least squares fit.

    Attributes:
        formula: what was fitted.
        results: results of statsmodels with the chosen errors; `results.summary()` is its own table.
        plain: the same with errors that take rows for independent.
        errors: how the chosen errors were made, short; `meaning` in words.
        points: what was fitted: rows, or bins, stamps, instruments.
        rows: the rows that `points` were made of, in time order.
        design: (points, K) the regressors, the intercept first where there is one.
        groups: of which kind the points are: `rows`, `bins`, `stamps` or `instruments`.
        lag: most rows that begin inside one horizon of another; None where errors are plain.
        counts: how many rows there were, and why some were left out.
        notes: what a reader should know.
    """

    formula: Formula
    results: Any
    plain: Any
    errors: str
    meaning: str
    points: Observations
    rows: Observations
    design: FloatArray
    groups: str
    lag: int | None
    counts: dict[str, int]
    notes: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """The parameters: `Intercept`, `b1`, `b1:b2`, ..."""
        return list(self.results.model.exog_names)

    @property
    def params(self) -> pd.Series:
        """The estimates by name."""
        return pd.Series(self.results.params, index=self.names)

    @property
    def bse(self) -> pd.Series:
        """The chosen standard errors by name."""
        return pd.Series(self.results.bse, index=self.names)

    @property
    def tvalues(self) -> pd.Series:
        """The t-statistics by name, with the chosen errors."""
        return pd.Series(self.results.tvalues, index=self.names)

    @property
    def pvalues(self) -> pd.Series:
        """The p-values by name, with the chosen errors."""
        return pd.Series(self.results.pvalues, index=self.names)

    @property
    def rsquared(self) -> float:
        """The share of variance explained; about 0 instead of about the mean where there is no intercept."""
        return float(self.results.rsquared)

    @property
    def nobs(self) -> int:
        """How many points were fitted."""
        return self.points.n

    @property
    def has_time_order(self) -> bool:
        """Whether neighbouring points are neighbours in time."""
        return self.groups in ("rows", "stamps")

    @property
    def durbin_watson(self) -> float | None:
        """Durbin and Watson's statistic, each instrument by itself: 2 is no autocorrelation, 0 is all.

        None for points without time.
        """
        if not self.has_time_order or self.nobs < 2:
            return None
        resid = np.asarray(self.results.resid)
        by_instrument = np.argsort(self.points.instrument, kind="stable")
        same = np.diff(self.points.instrument[by_instrument]) == 0
        steps = np.diff(resid[by_instrument])[same]
        return float(steps @ steps / (resid @ resid)) if resid.any() else None

    @property
    def n_effective(self) -> pd.Series | None:
        """Independent rows that would know each parameter as well: n by how far overlap widens its variance.

        None where the points have no time or the errors are plain.
        """
        if not self.has_time_order or self.lag is None:
            return None
        independent = self.results.get_robustcov_results("HC1").bse ** 2
        return pd.Series(self.nobs * independent / np.asarray(self.results.bse) ** 2, index=self.names)

    def table(self) -> pd.DataFrame:
        """Return a row per parameter: `coef`, errors, t and p both ways, the 95 % interval, effective sample size."""
        interval = np.asarray(self.results.conf_int(LEVEL))
        table = pd.DataFrame(
            {
                "coef": self.results.params,
                "se plain": self.plain.bse,
                "t plain": self.plain.tvalues,
                f"se {self.errors}": self.results.bse,
                f"t {self.errors}": self.results.tvalues,
                "P>|t|": self.results.pvalues,
                "[0.025": interval[:, 0],
                "0.975]": interval[:, 1],
            },
            index=pd.Index(self.names, name="parameter"),
        )
        if self.errors == "plain":
            table = table.loc[:, ~table.columns.duplicated()]
        effective = self.n_effective
        return table if effective is None else table.assign(**{"n eff": effective})

    def summary(self) -> str:
        """Return the result as text: what was fitted, on what, the table, and what to know about it."""
        blocks = [f"  b{i} = {block}" for i, block in enumerate(self.formula.blocks)]
        kind = "" if self.results.k_constant else " (uncentred: no intercept)"
        left_out = ", ".join(f"{n:,} {why}" for why, n in self.counts.items() if n and why not in ("rows", "used"))
        used = f"{self.counts['used']:,} of {self.counts['rows']:,} rows{f' ({left_out})' if left_out else ''}"
        gathered = "" if self.groups == "rows" else f" gathered into {self.nobs:,} {self.groups}"
        watson = self.durbin_watson
        lines = [
            f"OLS  b0 ~ {' + '.join(self.names)}",
            *blocks,
            f"data:    {used}{gathered}",
            f"R²:      {self.rsquared:.4g}{kind}",
            f"errors:  {self.meaning}",
            *(
                [f"Durbin-Watson: {watson:.3f}  (2: residuals of neighbours are unrelated)"]
                if watson is not None
                else []
            ),
            "",
            self._table_text(),
            *(["", *(f"note: {note}" for note in self.notes)] if self.notes else []),
        ]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.summary()

    def _table_text(self) -> str:
        formats = {"t": "{:.2f}", "P": "{:.3f}", "n": "{:,.0f}"}
        table = self.table()
        texts = {
            name: [
                "–"
                if not np.isfinite(v)
                else (formats.get(name[0], "{:.5g}") if name[:2] != "se" else "{:.3g}").format(v)
                for v in table[name]
            ]
            for name in table.columns.astype(str)
        }
        names = self.names
        widths = {name: max(len(name), *(len(v) for v in values)) for name, values in texts.items()}
        first = max(len(n) for n in names)
        rule = "-" * (first + sum(w + 2 for w in widths.values()))
        head = " " * first + "".join(f"  {name:>{widths[name]}}" for name in texts)
        rows = [
            f"{label:<{first}}" + "".join(f"  {texts[name][i]:>{widths[name]}}" for name in texts)
            for i, label in enumerate(names)
        ]
        return "\n".join([rule, head, rule, *rows, rule])
