"""Time on the x axis: UTC, and few enough points to draw."""

import matplotlib.dates as mdates
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes

from market.units import DAY

FloatArray = npt.NDArray[np.float64]
N_BINS = 1_500  # about one a pixel column


def days(index: pd.DatetimeIndex) -> FloatArray:
    """Return a UTC index as matplotlib's days since the epoch."""
    # through numpy, not through pandas' converters, which are a hundred times slower
    return index.as_unit("ns").asi8 / DAY


def label_utc(axes: Axes) -> None:
    """Give the x axis dates and times in UTC."""
    locator = mdates.AutoDateLocator(tz="UTC", minticks=5, maxticks=11)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    formatter = mdates.ConciseDateFormatter(locator, tz="UTC")  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(formatter)
    axes.set_xlabel("time, UTC")


def span(axes: Axes, window_ns: tuple[int, int]) -> None:
    """Show the whole window of the run, so that the plots of a run line up."""
    if window_ns[1] > window_ns[0]:
        axes.set_xlim(window_ns[0] / DAY, window_ns[1] / DAY)


def decimate(x: FloatArray, y: FloatArray, n_bins: int = N_BINS) -> tuple[FloatArray, FloatArray]:
    """Thin a line out to what is visible: first, lowest, highest and last point of each bin of x.

    Unlike taking every nth point this loses no spike; at most `4 * n_bins` points are left.  NaN points are dropped.

    Args:
        x: (N,) never decreasing.
        y: (N,)
    """
    known = ~np.isnan(y)
    if not known.all():
        x, y = x[known], y[known]
    if x.size <= 4 * n_bins or x[-1] <= x[0]:
        return x, y
    bins = np.minimum(((x - x[0]) / (x[-1] - x[0]) * n_bins).astype(np.int64), n_bins - 1)
    starts = np.flatnonzero(np.diff(bins, prepend=-1))
    ends = np.append(starts[1:], x.size) - 1
    by_height = np.lexsort((y, bins))  # bins stay in place, heights are sorted within
    keep = np.unique(np.concatenate((starts, ends, by_height[starts], by_height[ends])))
    return x[keep], y[keep]


def envelope(x: FloatArray, y: FloatArray, n_bins: int = 400) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return middle, lowest, mean and highest point of each bin of x that holds one.

    Args:
        x: (N,) never decreasing, N >= 1, spanning more than a point.
        y: (N,) without NaN.
    """
    bins = np.minimum(((x - x[0]) / (x[-1] - x[0]) * n_bins).astype(np.int64), n_bins - 1)
    starts = np.flatnonzero(np.diff(bins, prepend=-1))
    counts = np.diff(np.append(starts, x.size))
    return (
        np.add.reduceat(x - x[0], starts) / counts + x[0],
        np.minimum.reduceat(y, starts),
        np.add.reduceat(y, starts) / counts,
        np.maximum.reduceat(y, starts),
    )
