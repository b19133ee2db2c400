"""Prices with our fills on them, inventory below, a declared series over them."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from research.frames import df_fills, df_prices
from research.plots.style import BUY, CYCLE, MUTED, SELL, legend_above, new_figure, say_empty, styled
from research.plots.time_axis import N_BINS, FloatArray, days, decimate, envelope, label_utc, span
from research.run_data import Run

_OVERLAYS = CYCLE[:1] + CYCLE[3:5] + CYCLE[1:2]  # far from the green and red of the touch


def plot_prices(
    run: Run,
    symbol: str,
    venue: str,
    key: str | None = None,
    group: str | None = None,
    *,
    share_index: bool = False,
    with_fills: bool = True,
    with_inventory: bool | None = None,
    quoter: str | None = None,
) -> Figure:
    """Draw the touch of an instrument with our fills.

    Args:
        key, group: overlay the declared series of that key or group.
        share_index: it is a price and shares the axis; else it gets an axis of its own on the right.
        with_inventory: a second panel with the position; by default when nothing is overlaid.
        quoter: only this quoter's fills and declarations.
    """
    overlaid = key is not None or group is not None
    with_inventory = not overlaid if with_inventory is None else with_inventory
    frame = df_prices(run, symbol, venue, key, group, quoter)
    fills = df_fills(run, symbol, venue, quoter)
    with styled():
        figure, panels = new_figure(2, (2.4, 1.0)) if with_inventory else new_figure()
        axes = panels[0]
        axes.set_title(f"Fills: {venue} {symbol}" if with_fills else f"Prices: {venue} {symbol}")
        axes.set_ylabel(f"price, {run.instruments.find(venue, symbol).quote}")
        if frame.empty:
            say_empty(axes, "no book was received")
        else:
            _touch(axes, frame)
            if with_fills:
                _fills(axes, fills)
            _overlay(axes, frame, share_index=share_index)
        if with_inventory:
            _inventory(run, panels[1], fills, venue, symbol)
            figure.align_ylabels(panels)
        span(panels[-1], run.window)
        label_utc(panels[-1])
    return figure


def _touch(axes: Axes, frame: pd.DataFrame) -> None:
    x = days(pd.DatetimeIndex(frame.index))
    for side, colour in (("bid", BUY), ("ask", SELL)):
        axes.plot(
            *decimate(x, frame[side].to_numpy()),
            color=colour,
            linewidth=0.6,
            alpha=0.6,
            label=side,
            drawstyle="steps-post",
        )


def _fills(axes: Axes, fills: pd.DataFrame) -> None:
    x = days(pd.DatetimeIndex(fills.index))
    size = float(np.clip(9_000 / max(len(fills), 1), 8.0, 26.0))
    for sign, colour, marker, name in ((1, BUY, "^", "buys"), (-1, SELL, "v", "sells")):
        mine = (fills["dir"] == sign).to_numpy()
        axes.scatter(
            x[mine],
            fills["price"].to_numpy()[mine],
            s=size,
            color=colour,
            marker=marker,
            edgecolors="white",
            linewidths=0.4,
            zorder=5,
            label=f"{name} ({int(mine.sum())})",
        )


def _overlay(axes: Axes, frame: pd.DataFrame, *, share_index: bool) -> None:
    keys = [c for c in frame.columns if c not in ("bid", "ask")]
    handles = axes.get_legend_handles_labels()[0]
    if keys:
        onto = axes
        if not share_index:
            onto = axes.twinx()
            onto.set_ylabel("declared: " + ", ".join(keys))
            onto.spines["right"].set_visible(True)
            onto.grid(visible=False)
            axes.figure.subplots_adjust(right=0.915)
            # the price stays in front: a restless signal would hide it
            axes.set_zorder(onto.get_zorder() + 1)
            axes.patch.set_visible(False)
        x = days(pd.DatetimeIndex(frame.index))
        for place, key in enumerate(keys):
            handles += _declared(onto, x, frame[key].to_numpy(), key, _OVERLAYS[place % len(_OVERLAYS)])
    legend_above(axes, handles)


def _declared(axes: Axes, x: FloatArray, y: FloatArray, key: str, colour: str) -> list[Line2D]:
    """Draw a series as a line, or when it is denser than the pixels as its range in pale and its mean as a line."""
    known = ~np.isnan(y)
    x, y = x[known], y[known]
    if x.size <= 2 * N_BINS or x[-1] <= x[0]:
        return axes.plot(x, y, color=colour, linewidth=0.8, label=key, zorder=3)
    centre, low, mean, high = envelope(x, y)
    axes.fill_between(centre, low, high, color=colour, alpha=0.16, linewidth=0, zorder=2.5)
    return axes.plot(centre, mean, color=colour, linewidth=0.9, label=f"{key} (mean, range in pale)", zorder=3)


def _inventory(run: Run, axes: Axes, fills: pd.DataFrame, venue: str, symbol: str) -> None:
    axes.set_ylabel(f"position,\n{_size_unit(run, venue, symbol)}")
    if fills.empty:
        say_empty(axes, "nothing was traded")
        return
    begin, end = (stamp / 86_400e9 for stamp in run.window)
    x = days(pd.DatetimeIndex(fills.index))
    y = fills["position"].to_numpy()
    x = np.concatenate(([min(begin, x[0])], x, [max(end, x[-1])]))
    y = np.concatenate(([0.0], y, y[-1:]))
    x, y = decimate(x, y)
    axes.fill_between(x, y, 0.0, step="post", color=MUTED, alpha=0.25, linewidth=0)
    axes.plot(x, y, color=MUTED, linewidth=0.9, drawstyle="steps-post")
    axes.axhline(0.0, color=MUTED, linewidth=0.8, zorder=1)


def _size_unit(run: Run, venue: str, symbol: str) -> str:
    instrument = run.instruments.find(venue, symbol)
    return "contracts" if instrument.inverse or instrument.multiplier != 1 else instrument.base
