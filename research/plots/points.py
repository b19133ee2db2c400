"""Points that are so many that they hide each other, drawn so that they can be read."""

import math
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import FuncFormatter

from research.plots.style import CYCLE, MAIN
from research.prices import FloatArray

MANY: Final = 3_000  # from here on their density is drawn
SHOWN_BINS: Final = 25
_DENSITY: Final = LinearSegmentedColormap.from_list("density", ["#e6eef8", "#9dbce0", MAIN, "#0d2f5c"])


def draw_points(axes: Axes, x: FloatArray, y: FloatArray) -> None:
    """Draw points, or the density of many (on a log scale; the outermost 0.1 % of either axis are cut)."""
    if x.size > MANY:
        low, high = (np.percentile(v, 0.05) for v in (x, y)), (np.percentile(v, 99.95) for v in (x, y))
        (x0, y0), (x1, y1) = low, high
        if x1 > x0 and y1 > y0:
            axes.hexbin(x, y, gridsize=(90, 45), extent=(x0, x1, y0, y1), bins="log", mincnt=1, cmap=_DENSITY, zorder=2)
            axes.set_xlim(x0, x1)
            axes.set_ylim(y0, y1)
            return
    axes.scatter(x, y, s=16 if x.size <= 300 else 6, color=MAIN, alpha=0.65, linewidth=0, zorder=3)


def draw_bin_means(axes: Axes, x: FloatArray, y: FloatArray) -> None:
    """Draw the means of y over bins of x that hold equally many points."""
    edges = np.unique(np.percentile(x, np.linspace(0, 100, SHOWN_BINS + 1)))
    if edges.size < 3:
        return
    places = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, edges.size - 2)
    sizes = np.bincount(places, minlength=edges.size - 1)
    # edges that differ by rounding only make bins of a few rows
    some = 2 * sizes * SHOWN_BINS >= x.size
    means = [np.bincount(places, v, edges.size - 1)[some] / sizes[some] for v in (x, y)]
    axes.scatter(
        means[0],
        means[1],
        s=26,
        color=CYCLE[1],
        edgecolor="white",
        linewidth=0.7,
        zorder=6,
        label="means of equal bins",
    )


def name_powers(axes: Axes) -> None:
    """Take the power of ten of small or large values out of the ticks and into the labels."""
    for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        largest = max(abs(v) for v in limits)
        power = math.floor(math.log10(largest)) if largest > 0.0 else 0
        if -3 < power < 5:
            continue
        axis.set_major_formatter(FuncFormatter(lambda value, _, unit=10.0**power: f"{value / unit:.4g}"))
        axis.set_label_text(f"{axis.get_label_text()}   (× $10^{{{power}}}$)")
