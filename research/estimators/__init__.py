"""Estimators and signals ready to use: docs/estimators.md is the table of them, with formula, unit and source.

What a single book shows (mid, microprice, weighted mid, imbalance, VAMP) stands on the books themselves: on
`market.Book` for one and on `research.market_arrays.BookArrays` for a day of them.  Here is what needs more: a sample
of trades or books, a fit, a second market.
"""

from research.estimators.bar_builder import Bar, BarBuilder, BarKind
from research.estimators.bars import dollar_bars, tick_bars, time_bars, volume_bars
from research.estimators.fitted_microprice import FittedMicroprice
from research.estimators.intensity import Intensity, fit_intensity
from research.estimators.leadership import LeadLag, block_lags, hayashi_yoshida, lead_lag
from research.estimators.moves import volatility
from research.estimators.order_flow import OrderFlow, order_flow_imbalance, order_flow_imbalances
from research.estimators.trade_flow import flow_pnl, flow_pnl_path, trade_imbalance

__all__ = [
    "Bar",
    "BarBuilder",
    "BarKind",
    "FittedMicroprice",
    "Intensity",
    "LeadLag",
    "OrderFlow",
    "block_lags",
    "dollar_bars",
    "fit_intensity",
    "flow_pnl",
    "flow_pnl_path",
    "hayashi_yoshida",
    "lead_lag",
    "order_flow_imbalance",
    "order_flow_imbalances",
    "tick_bars",
    "time_bars",
    "trade_imbalance",
    "volatility",
    "volume_bars",
]
