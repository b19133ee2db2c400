"""Fair-price estimators: the spread of their errors at one horizon, and all horizons against the mid."""

from typing import TYPE_CHECKING, Final

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, SymmetricalLogLocator

from research.plots.boxes import boxes
from research.plots.style import CYCLE, GRID, MUTED, SELL, legend_above, new_figure, say_empty, styled
from research.text_table import natural_key

if TYPE_CHECKING:
    from research.fair_prices import FairPrices

# relative losses are drawn on a straight scale up to this, %, and on a logarithmic one beyond
STRAIGHT: Final = 1.0
# what fits side by side below the axes
LINE_CHARACTERS: Final = 130


def plot_fair_price_errors(found: "FairPrices", horizon: str) -> Figure:
    """Draw a box of the errors of each estimator at one horizon, such as `t30`.

    Boxes are quartiles with the median, whiskers the 5th and 95th percentile, dots the mean.

    Raises:
        ValueError: the horizon was not compared.
    """
    if horizon not in found.errors:
        raise ValueError(f"no errors at {horizon!r}; compared were {list(found.errors)}")
    error = found.errors[horizon]
    names = _in_order(found)
    with styled():
        figure, (axes,) = new_figure()
        axes.set_title(f"Errors of the estimators at {_length(horizon)} (n = {len(error):,})")
        axes.set_ylabel("mid then − estimate, % of the mid now")
        if error.empty:
            say_empty(axes, "no row knows its forward price")
            return figure
        boxes(axes, [error[name].to_numpy() for name in names])
        axes.axhline(0.0, color=MUTED, linewidth=0.9, zorder=1)
        at = np.arange(len(names))
        axes.plot(at, error[names].mean().to_numpy(), "o", color=SELL, markersize=3.5, zorder=5, label="mean")
        labels = _labels(found, horizon, names)
        axes.set_xticks(at, labels)
        if max(len(line) for label in labels for line in label.split("\n")) > LINE_CHARACTERS / len(names):
            axes.set_xticks(at, labels, rotation=25, ha="right", rotation_mode="anchor")
            figure.subplots_adjust(bottom=0.22)
        axes.set_xlim(-0.7, len(names) - 0.3)
        axes.grid(visible=False, axis="x")
        legend_above(axes)
    return figure


def plot_relative_losses(found: "FairPrices") -> Figure:
    """Draw each estimator's mean loss against the mid's at every horizon, with block-bootstrap 95 % intervals.

    Below zero, the estimator came nearer to the later mid than the present mid does.  A horizon of 0 is left out: there
    the mid is what is compared with.
    """
    measure = "MSE" if found.loss == "squared" else "MAD"
    columns = found.comparison[[f"{measure}/mid", "/mid low", "/mid high"]].to_numpy(dtype=np.float64)
    names, estimators = _in_order(found), list(found.counts.index)
    percent = 100.0 * (columns.reshape(-1, len(names), 3) - 1.0)
    known = np.flatnonzero(~np.isnan(percent[:, :, 0]).all(axis=1))
    horizons = [list(found.errors)[place] for place in known]
    with styled():
        figure, (axes,) = new_figure()
        axes.set_title(f"{measure} of the estimators against the mid's, with 95 % intervals", pad=10.0)
        axes.set_ylabel(f"{measure} ÷ {measure} of the mid − 1, % (below 0: better)")
        axes.set_xlabel("horizon")
        if not horizons:
            say_empty(axes, "no horizon at which the mid is ever wrong")
            return figure
        axes.axhline(0.0, color=MUTED, linewidth=1.0, zorder=1)
        width = 0.7 / len(names)
        for place, name in enumerate(names):
            mean, low, high = percent[known, estimators.index(name)].T
            at = np.arange(len(horizons)) + (place - (len(names) - 1) / 2.0) * width
            colour = CYCLE[place % len(CYCLE)]
            axes.vlines(at, low, high, color=colour, linewidth=1.6, alpha=0.75)
            axes.plot(at, mean, "o" if place < len(CYCLE) else "s", color=colour, markersize=4.0, label=name)
        axes.set_yscale("symlog", linthresh=STRAIGHT, linscale=1.0)
        axes.yaxis.set_major_locator(SymmetricalLogLocator(base=10.0, linthresh=STRAIGHT, subs=[1.0, 3.0]))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:+g}" if value else "0"))
        axes.set_xticks(range(len(horizons)), [_length(name) for name in horizons])
        axes.set_xlim(-0.6, len(horizons) - 0.4)
        axes.grid(visible=False, axis="x")
        axes.vlines(
            np.arange(len(horizons) - 1) + 0.5, 0.0, 1.0, transform=axes.get_xaxis_transform(), color=GRID, zorder=0
        )
        # beside the axes, where any number of estimators has room
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
        figure.subplots_adjust(right=0.92 - 0.0075 * max(len(name) for name in names))
    return figure


def _in_order(found: "FairPrices") -> list[str]:
    """Return the estimators with numbers in their names in order of size: vamp30k before vamp100k."""
    return sorted(found.counts.index, key=natural_key)


def _labels(found: "FairPrices", horizon: str, names: list[str]) -> list[str]:
    """Return names with the stars of the table."""
    stars = found.table[["MSE*", "MAD*"]]
    starred = {name: " / ".join(star[:3] for star in stars.columns if stars[star].loc[horizon, name]) for name in names}
    return [f"{name}\nleast {starred[name]}" if starred[name] else name for name in names]


def _length(horizon: str) -> str:
    return f"{horizon[1:]} s"
