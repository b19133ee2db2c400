"""Money over arrays: the worth of positions, and its conversion into report currency.

Report currency is the instruments' quote currency; dollar stablecoins (USD, USDT, USDC, ...) count as one.  A linear
instrument settles in it.  An inverse one settles in its base asset (BTC): such an amount is converted by the
*instrument's own mid* at the same instant, so a profit held in BTC moves with BTC.
"""

import numpy as np

from market.instrument import Instrument
from research.prices import FloatArray, IntArray


def sizes(instrument: Instrument, lots: IntArray) -> FloatArray:
    """Return lots as sizes (base currency or contracts), to the bit as `Instrument.size` does."""
    return np.asarray(lots * instrument.lot_num / instrument.lot_den, dtype=np.float64)


def value(instrument: Instrument, price: FloatArray, lots: IntArray) -> FloatArray:
    """Return what signed `lots` at `price` (quote currency) are worth, in the settle asset.

    p * s * m for a linear instrument, -m * s / p for an inverse one, as `Instrument.value`; nothing held is worth 0
    even where the price is NaN.
    """
    contracts = sizes(instrument, lots) * float(instrument.multiplier)
    worth = -contracts / price if instrument.inverse else contracts * price
    return np.where(lots == 0, 0.0, worth)


def exposure(instrument: Instrument, price: FloatArray, lots: IntArray) -> FloatArray:
    """Return the signed notional of `lots` at `price`, report currency: positive is long, inverse too."""
    contracts = sizes(instrument, lots) * float(instrument.multiplier)
    return contracts if instrument.inverse else np.where(lots == 0, 0.0, contracts * price)


def notional(instrument: Instrument, price: FloatArray, lots: IntArray) -> FloatArray:
    """Return the size of deals, report currency, always >= 0."""
    return np.abs(exposure(instrument, price, lots))


def in_report_currency(instrument: Instrument, amount: FloatArray, mid: FloatArray) -> FloatArray:
    """Convert amounts of the settle asset by the instrument's mid at the same instants."""
    return np.where(amount == 0.0, 0.0, amount * mid) if instrument.inverse else amount
