"""Counterparty PnL: what the maker of every public trade made, without fees."""

import numpy as np

from market.instrument import Instrument
from research import money
from research.prices import FloatArray, Mids, prices
from research.run_data import Columns


def counterparty_pnl_bps(instrument: Instrument, trades: Columns, mids: Mids) -> FloatArray:
    """Return the running PnL of being the maker of all trades of one instrument.

    cp(t) = sum over i <= t of -taker_i * size_i * (mid_t - price_i), valued by the instrument's own rule (inverse
    contracts too) and converted by its mid, over the notional of all trades of the window, in bps: a unit that
    compares between venues and symbols.

    Args:
        trades: columns of the table `trades`, of this instrument only, in order of receipt.

    Returns:
        (R,) bps of the whole window's notional, after each trade, positive = makers gained; NaN while there is no mid.
    """
    price = prices(instrument, trades["price"])
    whole = float(np.sum(money.notional(instrument, price, trades["size"])))
    if not whole:
        return np.zeros(0)
    lots = -trades["taker"] * trades["size"]
    cash = np.cumsum(-money.value(instrument, price, lots))
    mid = mids.asof(trades["ts_recv"])
    made = cash + money.value(instrument, mid, np.cumsum(lots))
    converted: FloatArray = money.in_report_currency(instrument, made, mid) / whole * 1e4
    return np.where(np.isnan(mid), np.nan, converted)
