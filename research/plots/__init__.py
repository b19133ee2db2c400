"""Plots of a run and of studies: matplotlib's object interface on the Agg canvas, no window and no global state."""

from research.plots.counterparty import plot_counterparty_pnl
from research.plots.fair_prices import plot_fair_price_errors, plot_relative_losses
from research.plots.markouts import plot_markout_curves, plot_markouts
from research.plots.pnl import plot_exchange, plot_portfolio, plot_quoter, plot_quoters
from research.plots.prices import plot_prices
from research.plots.style import save_figure

__all__ = [
    "plot_counterparty_pnl",
    "plot_exchange",
    "plot_fair_price_errors",
    "plot_markout_curves",
    "plot_markouts",
    "plot_portfolio",
    "plot_prices",
    "plot_quoter",
    "plot_quoters",
    "plot_relative_losses",
    "save_figure",
]
