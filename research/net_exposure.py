"""Net exposure by asset over venues and symbols: at the end of a run, and how far it went on the way."""

import math

import numpy as np
import numpy.typing as npt
import pandas as pd

from market.instrument import Instrument
from research.prices import FloatArray
from research.run_data import Run

IntArray = npt.NDArray[np.int64]


def net_exposure(run: Run) -> pd.DataFrame:
    """Return what positions came to in units of base, at the stamps of the table `equity`.

    Returns:
        index `asset`; `net` and `value` (at the mean mid of its instruments, their quote currency) at the last stamp,
        `longest`, `shortest` and `mean_size` (of the absolute net) over all of them, and `positions`, those of the last
        stamp by instrument.  An asset of which nothing was ever held is left out.
    """
    equity = run.table("equity")
    stamps = np.unique(equity["ts"])
    by_base: dict[str, list[Instrument]] = {}
    for instrument in run.instruments:
        if (equity["position"][equity["instrument"] == instrument.id] != 0).any():
            by_base.setdefault(instrument.base, []).append(instrument)
    rows = {}
    for base in sorted(by_base):
        held = {each.name: _amounts(run, each, stamps) for each in by_base[base]}
        net = np.sum(list(held.values()), axis=0)
        mids = [_last_mid(run, each) for each in by_base[base]]
        rows[base] = {
            "net": float(net[-1]),
            "value": float(net[-1]) * float(np.mean(mids)),
            "longest": float(np.nanmax(net, initial=0.0)),
            "shortest": float(np.nanmin(net, initial=0.0)),
            "mean_size": float(np.nanmean(np.abs(net))) if np.isfinite(net).any() else math.nan,
            "positions": ", ".join(f"{name} {amounts[-1]:+.6g}" for name, amounts in held.items()),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("asset")


def _amounts(run: Run, instrument: Instrument, stamps: IntArray) -> FloatArray:
    """Return the position at each stamp, units of base; NaN for some of an inverse contract without a mid."""
    equity = run.table("equity")
    mine = equity["instrument"] == instrument.id
    place = np.searchsorted(equity["ts"][mine], stamps, side="right") - 1
    lots = np.where(place >= 0, equity["position"][mine][place], 0)
    size: FloatArray = lots * (float(instrument.lot) * float(instrument.multiplier))
    if not instrument.inverse:
        return size
    return np.where(lots == 0, 0.0, size / np.where(place >= 0, equity["mid"][mine][place], math.nan))


def _last_mid(run: Run, instrument: Instrument) -> float:
    equity = run.table("equity")
    return float(equity["mid"][equity["instrument"] == instrument.id][-1])
