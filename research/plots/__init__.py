"""Plots of a run: matplotlib's object interface on the Agg canvas, no window and no global state."""

from research.plots.counterparty import plot_counterparty_pnl
from research.plots.markouts import plot_markout_curves, plot_markouts
from research.plots.pnl import plot_exchange, plot_portfolio, plot_quoter, plot_quoters
from research.plots.prices import plot_prices
from research.plots.style import save_figure

__all__ = [
    "plot_counterparty_pnl",
    "plot_exchange",
    "plot_markout_curves",
    "plot_markouts",
    "plot_portfolio",
    "plot_prices",
    "plot_quoter",
    "plot_quoters",
    "save_figure",
]
