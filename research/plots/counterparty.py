"""What the makers of every public trade made, market by market."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.figure import Figure

from research.frames import df_counterparty_pnl
from research.plots.style import CYCLE, MUTED, legend_above, new_figure, say_empty, styled
from research.plots.time_axis import days, decimate, label_utc, span
from research.run_data import Run


def plot_counterparty_pnl(run: Run, markets: Mapping[str, Sequence[str]] | None = None) -> Figure:
    """Draw the running counterparty PnL of each market, bps of its notional in the whole window."""
    frame = df_counterparty_pnl(run, markets)
    with styled():
        figure, (axes,) = new_figure()
        axes.set_title("PnL of the makers of all public trades, without fees")
        axes.set_ylabel("PnL, bps of the window's notional")
        if frame.empty:
            say_empty(axes, "no public trade was received")
        else:
            x = days(pd.DatetimeIndex(frame.index))
            for place, name in enumerate(frame.columns):
                colour = CYCLE[place % len(CYCLE)]
                axes.plot(*decimate(x, frame[name].to_numpy()), color=colour, linewidth=1.0, label=str(name))
            axes.axhline(0.0, color=MUTED, linewidth=0.8, zorder=1)
            legend_above(axes, n_columns=4)
        span(axes, run.window)
        label_utc(axes)
    return figure
