"""Markouts by horizon: their spread as boxes, their mean with its error."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from research.frames import INTERVALS_S, df_markouts, markout_curve
from research.plots.boxes import boxes
from research.plots.style import CYCLE, MUTED, SELL, legend_above, new_figure, say_empty, styled
from research.run_data import Run

BPS = 1e4
Z95 = 1.96


def plot_markouts(
    run: Run,
    symbol: str | None = None,
    venue: str | None = None,
    quoter: str | None = None,
    intervals: Sequence[float] = INTERVALS_S,
) -> Figure:
    """Draw a box of the markouts at each horizon, and their mean with its 95 % interval.

    Boxes are quartiles with the median, whiskers the 5th and 95th percentile; errors are those of `markout_curve`.
    """
    frame = df_markouts(run, symbol, venue, quoter, intervals)
    means = markout_curve(run, symbol, venue, quoter, intervals)
    chosen = ", ".join(filter(None, (venue, symbol, quoter))) or "all fills"
    with styled():
        figure, (axes,) = new_figure()
        axes.set_title(f"Markouts by horizon: {chosen} (n = {len(frame)})")
        axes.set_ylabel("markout, bps of price (+ is good for us)")
        axes.set_xlabel("horizon after the fill")
        if not (means["n"] > 0).any():
            say_empty(axes, "no fill with a known markout")
            return figure
        boxes(axes, [frame[name].to_numpy() * BPS for name in frame.columns])
        at = range(len(means))
        mean, error = means["mean"].to_numpy() * BPS, means["error"].to_numpy() * BPS * Z95
        axes.axhline(0.0, color=MUTED, linewidth=0.9, zorder=1)
        axes.fill_between(at, mean - error, mean + error, color=SELL, alpha=0.22, linewidth=0, zorder=4)
        axes.plot(at, mean, color=SELL, linewidth=1.4, zorder=5, label="mean, band: its 95 % interval (Newey-West)")
        legend_above(axes)
        step = max(1, len(means) // 16)
        shown = [p for p in at if p == 0 or (p - 1) % step == 0]
        axes.set_xticks(shown, [str(means.index[p]) for p in shown])
        axes.set_xlim(-0.8, len(means) - 0.2)
        axes.grid(visible=False, axis="x")
    return figure


def plot_markout_curves(run: Run, intervals: Sequence[float] = INTERVALS_S) -> Figure:
    """Draw the mean markout of each quoter by horizon, with its 95 % interval."""
    with styled():
        figure, (axes,) = new_figure()
        axes.set_title("Mean markout by quoter")
        axes.set_ylabel("mean markout, bps of price (+ is good for us)")
        axes.set_xlabel("horizon after the fill, s (0: next book update)")
        for place, quoter in enumerate(run.quoters):
            means = markout_curve(run, quoter=quoter.name, intervals=intervals)
            known = means[means["n"] > 0]
            if known.empty:
                continue
            x, y, error = (known[c].to_numpy(dtype=np.float64) for c in ("horizon_s", "mean", "error"))
            colour = CYCLE[place % len(CYCLE)]
            axes.plot(x, y * BPS, color=colour, label=f"{quoter.name} (n = {int(known['n'].max())})")
            half = Z95 * error
            axes.fill_between(x, (y - half) * BPS, (y + half) * BPS, color=colour, alpha=0.15, linewidth=0)
        if axes.lines:
            axes.axhline(0.0, color=MUTED, linewidth=0.9, zorder=1)
            legend_above(axes)
        else:
            say_empty(axes, "no fill with a known markout")
    return figure
