"""A regression on paper: the fit and its residuals."""

from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from research.plots.points import MANY, draw_bin_means, draw_points, name_powers
from research.plots.style import MAIN, MUTED, SELL, SIZE_INCHES, legend_above, styled
from research.prices import FloatArray
from research.regression.fit import Fit

COLUMNS: Final = 3
Z95: Final = 1.96
# of fixed size, in inches from the edge
TOP: Final = 0.78
BOTTOM: Final = 0.83
TITLE: Final = 0.36
FOOT: Final = 0.16


def plot_fit(fit: Fit) -> Figure:
    """Draw the response against each regressor, with the line that was fitted and its 95 % band.

    With several regressors the response is shown less what the others explain (component plus residual).  Where there
    are many points, means over bins of the regressor are drawn on their density.
    """
    slopes = [i for i, name in enumerate(fit.names) if name != "Intercept"]
    with styled():
        figure, panels = _side_by_side(len(slopes))
        resid = np.asarray(fit.results.resid)
        for axes, i in zip(panels, slopes, strict=True):
            x, beta = fit.design[:, i], float(fit.params.iloc[i])
            y = fit.points.blocks[:, 0] if len(slopes) == 1 else beta * x + resid
            draw_points(axes, x, y)
            if x.size > MANY:
                draw_bin_means(axes, x, y)
            _line(axes, fit, i, alone=len(slopes) == 1)
            axes.set_xlabel(_short(_meaning(fit, fit.names[i]), 100 // min(len(slopes), COLUMNS)))
            axes.set_ylabel("b0" if len(slopes) == 1 else "b0 less the other terms")
            name_powers(axes)
            handles = axes.get_legend_handles_labels()[0]
            # with several panels the first one says what all show
            legend_above(axes, handles if len(slopes) == 1 else handles[-1:], n_columns=3)
        named = "" if len(slopes) == 1 else "; line with its 95 % band, dots are means of equal bins"
        figure.text(
            0.092,
            1.0 - TITLE / figure.get_figheight(),
            _short(f"{fit.nobs:,} {fit.groups}: {fit.formula.blocks[0]}", 90),
            weight="bold",
            fontsize=11,
        )
        if named and fit.nobs > MANY:
            figure.text(0.092, FOOT / figure.get_figheight(), named[2:], color=MUTED, fontsize=8.5)
        _say(figure, fit)
    return figure


def plot_residuals(fit: Fit) -> Figure:
    """Draw residuals against fitted values, and how they hang together in time.

    The autocorrelation is drawn to twice the horizon: within it overlapping responses correlate by themselves.  Points
    without time are compared with the normal distribution instead.
    """
    resid, fitted = np.asarray(fit.results.resid), np.asarray(fit.results.fittedvalues)
    with styled():
        figure, (left, right) = _side_by_side(2)
        left.set_title("Residuals by fitted value")
        left.axhline(0.0, color=MUTED, linewidth=0.9)
        draw_points(left, fitted, resid)
        if fitted.size > MANY:
            draw_bin_means(left, fitted, resid)
            legend_above(left)
        left.set_xlabel("fitted value")
        left.set_ylabel("residual")
        name_powers(left)
        if fit.has_time_order:
            _autocorrelation(right, resid, fit.lag or 0)
        else:
            _normal_quantiles(right, resid)
    return figure


def _side_by_side(n: int) -> tuple[Figure, list[Axes]]:
    width, height = SIZE_INCHES
    columns = min(n, COLUMNS)
    rows = -(-n // columns)
    figure = Figure(figsize=(width, height * (1.0 if rows == 1 else 0.7 * rows)))
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for empty in panels[n:]:
        empty.set_axis_off()
    high = figure.get_figheight()
    figure.subplots_adjust(
        left=0.092, right=0.965, top=1.0 - TOP / high, bottom=BOTTOM / high, wspace=0.32, hspace=0.55
    )
    for axes in panels:
        axes.locator_params(nbins=9 if n == 1 else 5)
    return figure, list(panels[:n])


def _line(axes: Axes, fit: Fit, i: int, *, alone: bool) -> None:
    low, high = axes.get_xlim()
    x = np.linspace(low, high, 80)
    covariance = np.asarray(fit.results.cov_params())
    probe = np.zeros((x.size, fit.design.shape[1]))
    probe[:, i] = x
    if alone and fit.names[0] == "Intercept":
        probe[:, 0] = 1.0
    y = probe @ fit.params.to_numpy()
    half = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", probe, covariance, probe), 0.0)) * _quantile(fit)
    axes.fill_between(x, y - half, y + half, color=SELL, alpha=0.18, linewidth=0, zorder=4, label="95 % band")
    axes.plot(x, y, color=SELL, linewidth=1.5, zorder=5, label=f"{fit.names[i]}: {fit.params.iloc[i]:.4g}")
    axes.set_xlim(low, high)


def _quantile(fit: Fit) -> float:
    interval = np.asarray(fit.results.conf_int())[0]
    error = float(np.asarray(fit.results.bse)[0])
    # the factor that statsmodels took for its own intervals
    return float(interval[1] - interval[0]) / (2.0 * error) if error > 0.0 else 0.0


def _autocorrelation(axes: Axes, resid: FloatArray, lag: int) -> None:
    axes.set_title("Autocorrelation of residuals")
    axes.set_xlabel("lag, rows")
    most = min(max(2 * lag, 20), resid.size - 1)
    off = resid - resid.mean()
    size = 1 << int(2 * off.size - 1).bit_length()
    power = np.abs(np.fft.rfft(off, size)) ** 2
    found = np.fft.irfft(power, size)[: most + 1]
    found = found / found[0] if found[0] > 0.0 else np.zeros(most + 1)
    lags = np.arange(1, most + 1)
    axes.axhline(0.0, color=MUTED, linewidth=0.9)
    axes.fill_between(lags, 0.0, found[1:], color=MAIN, alpha=0.25, linewidth=0)
    axes.plot(lags, found[1:], color=MAIN)
    half = Z95 / np.sqrt(resid.size)
    axes.axhspan(-half, half, color=MUTED, alpha=0.18, linewidth=0, label="95 % of unrelated rows")
    if lag:
        axes.axvline(lag, color=SELL, linewidth=1.1, linestyle=(0, (4, 3)), label=f"one horizon: {lag:,} rows")
    axes.set_xlim(0, most)
    legend_above(axes, n_columns=2)


def _normal_quantiles(axes: Axes, resid: FloatArray) -> None:
    from scipy.stats import norm

    axes.set_title("Residuals against the normal")
    axes.set_xlabel("normal quantile")
    axes.set_ylabel("residual, standard deviations")
    spread = float(resid.std())
    ordered = np.sort(resid - resid.mean()) / (spread if spread > 0.0 else 1.0)
    expected = norm.ppf((np.arange(resid.size) + 0.5) / resid.size)
    axes.plot(expected, expected, color=SELL, linewidth=1.1, label="normal")
    axes.scatter(expected, ordered, s=16, color=MAIN, alpha=0.7, linewidth=0, zorder=3)
    legend_above(axes)


def _meaning(fit: Fit, name: str) -> str:
    parts = [str(fit.formula.blocks[int(block[1:])]) for block in name.split(":")]
    return f"{name} = {' · '.join(parts)}"


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _say(figure: Figure, fit: Fit) -> None:
    worst = min(zip(fit.pvalues.items(), fit.tvalues, fit.plain.tvalues, strict=True), key=lambda row: row[0][1])
    (name, p), t, plain = worst
    text = f"R² {fit.rsquared:.3g};  {name}: t = {t:.2f} ({fit.errors}), p = {p:.3f}"
    if fit.errors != "plain":
        text += f";  plain errors would say t = {plain:.2f}"
    figure.text(0.965, FOOT / figure.get_figheight(), text, ha="right", color=MUTED, fontsize=8.5)
