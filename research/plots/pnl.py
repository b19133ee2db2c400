"""PnL and inventory over time: of a venue, of the portfolio, of the quoters."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from research.frames import df_exchange, df_portfolio, df_quoter
from research.plots.style import BUY, CYCLE, INK, MAIN, MUTED, legend_above, new_figure, say_empty, styled
from research.plots.time_axis import days, decimate, label_utc, span
from research.run_data import Run


def plot_exchange(run: Run, venue: str) -> Figure:
    """Draw the PnL of a venue above its inventory, net and by symbol."""
    frame = df_exchange(run, venue)
    symbols = [c for c in frame.columns if c not in ("equity", "inventory", "pnl")]
    return _breakdown(run, f"PnL and inventory: {venue}", frame, symbols)


def plot_quoter(run: Run, quoter: str) -> Figure:
    """Draw the PnL of a quoter above its inventory, net and by instrument."""
    frame = df_quoter(run, quoter)
    instruments = [c for c in frame.columns if c not in ("inventory", "pnl")]
    return _breakdown(run, f"PnL and inventory: quoter {quoter}", frame, instruments)


def plot_portfolio(run: Run) -> Figure:
    """Draw the PnL of each venue and their sum."""
    with styled():
        figure, (axes,) = new_figure()
        axes.set_title("PnL by venue")
        frame = df_portfolio(run)
        venues = [c for c in frame.columns if c != "sum"]
        for colour, venue in zip(CYCLE * (1 + len(venues) // len(CYCLE)), venues, strict=False):
            _line(axes, frame[venue], colour=colour, label=venue)
        if len(venues) > 1:
            _line(axes, frame["sum"], colour=INK, label="sum", width=1.8)
        _finish_money(run, axes, frame, "PnL, report currency")
    return figure


def plot_quoters(run: Run) -> Figure:
    """Draw the PnL of each quoter."""
    with styled():
        figure, (axes,) = new_figure()
        axes.set_title("PnL by quoter")
        frames = {quoter.name: df_quoter(run, quoter.name) for quoter in run.quoters}
        for place, (name, frame) in enumerate(frames.items()):
            _line(axes, frame["pnl"], colour=CYCLE[place % len(CYCLE)], label=name)
        longest = max(frames.values(), key=len, default=pd.DataFrame())
        _finish_money(run, axes, longest, "PnL, report currency")
    return figure


def _breakdown(run: Run, title: str, frame: pd.DataFrame, parts: list[str]) -> Figure:
    with styled():
        figure, (upper, lower) = new_figure(2, (1.4, 1.0))
        upper.set_title(title)
        if frame.empty:
            say_empty(upper, "nothing was traded")
            say_empty(lower, "")
        else:
            x, y = decimate(days(_index(frame)), frame["pnl"].to_numpy())
            upper.plot(x, y, color=MAIN, label=f"PnL (last {frame['pnl'].iloc[-1]:+,.2f})")
            upper.fill_between(x, y, 0.0, color=MAIN, alpha=0.10, linewidth=0)
            for place, part in enumerate(parts if len(parts) > 1 else ()):
                _line(lower, frame[part], colour=CYCLE[1 + place % (len(CYCLE) - 1)], label=part, style="--", width=0.9)
            name = "net inventory" if len(parts) != 1 else f"inventory, {parts[0]}"
            _line(lower, frame["inventory"], colour=BUY, label=name)
            for axes in (upper, lower):
                axes.axhline(0.0, color=MUTED, linewidth=0.8, zorder=1)
                legend_above(axes)
        upper.set_ylabel("PnL, report currency")
        lower.set_ylabel("inventory at mid,\nreport currency")
        span(lower, run.window)
        label_utc(lower)
        figure.align_ylabels([upper, lower])
    return figure


def _line(axes: Axes, series: pd.Series, *, colour: str, label: str, style: str = "-", width: float = 1.2) -> None:
    x, y = decimate(days(pd.DatetimeIndex(series.index)), series.to_numpy())
    axes.plot(x, y, color=colour, label=label, linestyle=style, linewidth=width)


def _finish_money(run: Run, axes: Axes, frame: pd.DataFrame, unit: str) -> None:
    if frame.empty:
        say_empty(axes, "nothing was traded")
    else:
        axes.axhline(0.0, color=MUTED, linewidth=0.8, zorder=1)
        legend_above(axes)
    axes.set_ylabel(unit)
    span(axes, run.window)
    label_utc(axes)


def _index(frame: pd.DataFrame) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(frame.index)
