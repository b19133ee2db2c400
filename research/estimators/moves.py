"""Volatility: the standard deviation of the moves of the mid, or of the trade price."""

import numpy as np
import numpy.typing as npt

from research.estimators.move_kernels import volatilities
from research.estimators.sample import first_rows
from research.market_arrays import BookArrays, TradeArrays

FloatArray = npt.NDArray[np.float64]


def volatility(
    market: BookArrays | TradeArrays,
    n: int | None = None,
    window: int | None = None,
    relative: bool = False,
    weighted: bool = False,
) -> FloatArray:
    """Return (R,) at each row the standard deviation of the moves between the prices of its sample.

    The price is the mid of a book, and that of a trade.  Moves of zero are left out, so this is the size of a move, not
    a rate in time.  The same as `market.MidSamples.volatility` with every mid put in, or `market.Tape.volatility`, to
    the bit, as long as these keep the whole sample.

    Args:
        n: of the last n prices; a book with an empty side has none.
        window: of prices received in the last so many ns.
        relative: divide by the last price: a fraction; else quote currency.
        weighted: the k-th newest move weighs (1 - 2 / (m + 1))**k of m, an average of span m.

    Returns:
        0 where nothing moved; NaN of fewer than two prices.

    Raises:
        ValueError: neither n nor window is given, or one is below 1.
    Source: quantpylib's `LOB.get_vol`.
    """
    prices = market.mid if isinstance(market, BookArrays) else market.price
    known = ~np.isnan(prices)
    ts = market.ts_recv[known]
    end = np.cumsum(known)
    begin = first_rows(ts, market.ts_recv, end, n, window)
    return volatilities(prices[known], begin, end, bool(relative), bool(weighted))
