"""Markouts: how the mid moved after our fills."""

from collections.abc import Sequence

import attrs
import numpy as np

from market.instrument import Instrument
from market.units import SECOND
from research.prices import FloatArray, IntArray, Mids, prices
from research.run_data import Columns, Run


def markouts(side: IntArray, price: FloatArray, ts: IntArray, mids: Mids, horizons_ns: Sequence[int]) -> FloatArray:
    """Return the signed mid move after each fill.

    Args:
        side: (F,) +1 where we bought.
        price: (F,) price of each fill, quote currency.
        ts: (F,) when each fill reached us, ns: one clock for fills and mids (`ts_recv`).
        mids: mid as we received it; the last at or before t is used (no look-ahead).
        horizons_ns: H offsets, each >= 0.

    Returns:
        (F, H) side * (mid(ts + h) - price) / price, positive = good for us; NaN before the first mid and where the
        data ends before the horizon.

    Raises:
        ValueError: a horizon is negative.
    """
    if any(h < 0 for h in horizons_ns):
        raise ValueError(f"markout horizons must be >= 0 ns, got {min(horizons_ns)}")
    found = np.empty((ts.size, len(horizons_ns)))
    for column, horizon in enumerate(horizons_ns):
        found[:, column] = side * (mids.until_end(ts + horizon) - price) / price
    return found


def tick_markouts(side: IntArray, price: FloatArray, ts: IntArray, mids: Mids) -> FloatArray:
    """Return (F,) markouts at the first book update received after each fill; NaN where none follows."""
    move: FloatArray = side * (mids.next_after(ts) - price) / price
    return move


@attrs.frozen(eq=False)
class FillMarkouts:
    """Markouts of F fills at the next tick and at H horizons.

    Attributes:
        ts: (F,) when each fill reached us, ns, in order.
        tick: (F,) fraction of the fill's price.  at: (F, H) the same at each of `horizons_ns`.
    """

    ts: IntArray
    horizons_ns: tuple[int, ...]
    tick: FloatArray
    at: FloatArray


def fill_markouts(run: Run, fills: Columns, horizons_ns: Sequence[int]) -> FillMarkouts:
    """Return the markouts of fills of any instruments, each against its own instrument's mid."""
    tick = np.full(fills["ts"].size, np.nan)
    at = np.full((fills["ts"].size, len(horizons_ns)), np.nan)
    for place in np.unique(fills["instrument"]):
        instrument: Instrument = run.instruments[int(place)]
        mine = fills["instrument"] == place
        args = (
            fills["side"][mine],
            prices(instrument, fills["price"][mine]),
            fills["ts"][mine],
            run.mids(instrument.id),
        )
        tick[mine] = tick_markouts(*args)
        at[mine] = markouts(*args, horizons_ns)
    return FillMarkouts(fills["ts"], tuple(horizons_ns), tick, at)


def horizon_ns(seconds: float) -> int:
    """Return a horizon in seconds as ns."""
    return round(seconds * SECOND)


def horizon_name(horizon: int) -> str:
    """Return the name of a horizon in ns, such as `11s` or `0.25s`; to the millisecond."""
    return f"{round(horizon / SECOND, 3):g}s"
