"""Which points carry a regression: leverage, residual and Cook's distance."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from research.plots.points import MANY, SHOWN_BINS, draw_points, name_powers
from research.plots.style import CYCLE, INK, MAIN, MUTED, SELL, legend_above, new_figure, say_empty, styled
from research.prices import FloatArray
from research.regression.fit import Fit

Z95 = 1.96


def plot_influence(fit: Fit) -> Figure:
    """Draw each point's externally studentised residual against its leverage; circles grow with Cook's distance."""
    with styled():
        figure, (axes,) = new_figure()
        axes.set_title("Influence: which points carry the fit")
        axes.set_xlabel("leverage")
        axes.set_ylabel("externally studentised residual")
        leverage, student, cook = influence(fit)
        if leverage.size == 0:
            say_empty(axes, "every point lies on the line")
            return figure
        known = np.isfinite(student) & np.isfinite(cook)
        leverage, student, cook = leverage[known], student[known], cook[known]
        axes.axhspan(-Z95, Z95, color=MAIN, alpha=0.06, linewidth=0, label="where 95 % belong")
        axes.axhline(0.0, color=MUTED, linewidth=0.9)
        top = np.argsort(cook)[::-1][: max(SHOWN_BINS, 1)] if leverage.size > MANY else np.arange(leverage.size)
        if leverage.size > MANY:
            draw_points(axes, leverage, student)
        sizes = 12.0 + 500.0 * cook[top] / max(float(cook.max()), 1e-300)
        axes.scatter(
            leverage[top],
            student[top],
            s=sizes,
            facecolor=CYCLE[1],
            alpha=0.55,
            edgecolor=INK,
            linewidth=0.5,
            zorder=4,
        )
        which = f" (the {top.size} largest)" if leverage.size > MANY else ""
        axes.scatter(
            [],
            [],
            s=40,
            facecolor=CYCLE[1],
            edgecolor=INK,
            linewidth=0.5,
            label=f"size: Cook's distance, up to {cook.max():.3g}{which}",
        )
        legend_above(axes)
        _room(axes, leverage[top], student[top])
        name_powers(axes)
    return figure


def plot_leverage(fit: Fit) -> Figure:
    """Draw each point's leverage against its squared normalised residual: what lies right of and above the means."""
    with styled():
        figure, (axes,) = new_figure()
        axes.set_title("Leverage by squared residual")
        axes.set_xlabel("squared normalised residual")
        axes.set_ylabel("leverage")
        resid = np.asarray(fit.results.resid)
        length = float(np.sqrt(resid @ resid))
        if length == 0.0:
            say_empty(axes, "every point lies on the line")
            return figure
        squared, leverage = (resid / length) ** 2, _leverage(fit)
        draw_points(axes, squared, leverage)
        style: dict[str, Any] = {"color": SELL, "linewidth": 1.0, "linestyle": (0, (4, 3)), "zorder": 5}
        axes.axhline(float(leverage.mean()), label="means", **style)
        axes.axvline(float(squared.mean()), **style)
        legend_above(axes)
        name_powers(axes)
    return figure


def influence(fit: Fit) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return leverage, externally studentised residual and Cook's distance, each (points,).

    All empty where every point lies on the line or there are too few.
    Source: Cook and Weisberg (1982), Residuals and Influence in Regression, 2.2 and 3.5.
    """
    resid, leverage = np.asarray(fit.results.resid), _leverage(fit)
    n, k = fit.design.shape
    total = float(resid @ resid)
    if total == 0.0 or n <= k + 1:
        return np.zeros(0), np.zeros(0), np.zeros(0)
    with np.errstate(all="ignore"):
        without = (total - resid**2 / (1.0 - leverage)) / (n - k - 1)
        student = resid / np.sqrt(without * (1.0 - leverage))
        cook = resid**2 * leverage / (1.0 - leverage) ** 2 / (k * total / (n - k))
    return leverage, student, cook


def _leverage(fit: Fit) -> FloatArray:
    orthonormal = np.linalg.qr(fit.design)[0]
    found: FloatArray = (orthonormal**2).sum(axis=1)
    return found


def _room(axes: Axes, x: FloatArray, y: FloatArray) -> None:
    """Widen the limits so that the marked points are inside."""
    for values, limits, widen in ((x, axes.get_xlim(), axes.set_xlim), (y, axes.get_ylim(), axes.set_ylim)):
        low, high = min(limits[0], float(values.min())), max(limits[1], float(values.max()))
        margin = 0.05 * (high - low)
        widen(low - margin, high + margin)
