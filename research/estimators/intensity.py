"""How often takers reach a distance from the mid: A(delta) = alpha * exp(-kappa * delta).

A quote delta away from the mid fills at the rate at which taker orders go that deep.  The distance of a taker order is
that of its worst fill from the last mid before it (its fills share venue time and side).  The data are how many orders
end in each of K bands of distance, [level_k, level_{k+1}), the last one open: of those past the first level a share of
    exp(-kappa * (level_k - level_0)) - exp(-kappa * (level_{k+1} - level_0)).
Kappa is its maximum-likelihood estimate, alpha that of the rate past the first level carried back to distance 0.  Bands
rather than exact distances, for prices lie on a grid; a fit, rather than a line through log counts, for these are
unequally certain and, since an order that goes deep passes all nearer levels, not independent.

Takers come in clusters, so that Poisson errors are far too small: the errors given are those of sums over blocks of
time (influence functions, as in a sandwich estimator), which stay valid if orders are weighted by size.

Source: Avellaneda and Stoikov, "High-frequency trading in a limit order book", Quantitative Finance 8 (2008), section
2.5, for the form; quantpylib's `hft.stats.intensity` for its use on traded amounts.
"""

import math
from collections.abc import Sequence
from typing import Final, Literal

import attrs
import numpy as np
import numpy.typing as npt

from market.units import SECOND
from research.market_arrays import TradeArrays
from research.prices import Mids

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

_MOST_LEVELS: Final = 20


@attrs.frozen(eq=False)
class Intensity:
    """A fitted A(delta), of orders or of size per second.

    Attributes:
        alpha, alpha_error: per second, and its standard error.
        kappa, kappa_error: per unit of price, and its standard error.
        levels: (K,) distances, price units.
        rates: (K,) what was seen to go at least that far, per second: compare with `at(levels)`.
        n_orders: taker orders past the first level.  n_left_out: others, nearer or without a mid before them.
        seconds: length of the data.  n_blocks: stretches of it that the errors come from.
    """

    alpha: float
    alpha_error: float
    kappa: float
    kappa_error: float
    levels: FloatArray
    rates: FloatArray
    n_orders: int
    n_left_out: int
    seconds: float
    n_blocks: int

    def at(self, distance: float | FloatArray) -> FloatArray:
        """Return the fitted A at distances from the mid, per second."""
        rate: FloatArray = self.alpha * np.exp(-self.kappa * np.asarray(distance))
        return rate


def fit_intensity(
    trades: TradeArrays,
    mids: Mids,
    levels: Sequence[float] | None = None,
    amount: Literal["orders", "size"] = "orders",
    block_s: float = 60.0,
) -> Intensity:
    """Fit A(delta) to the taker orders of one market.

    Args:
        mids: of the same market, received on the same clock.
        levels: ascending distances, price units; None for up to 20 multiples of half a tick that hold the middle 94 %
            of all positive distances.
        amount: count each order, or weigh it by its size (units of the instrument).
        block_s: length of the blocks that are taken to be independent.

    Raises:
        ValueError: the levels do not ascend or are fewer than two; fewer than two blocks; no order, or all of them, in
            one band: nothing to fit.
    """
    ts, distance, size = _orders(trades, mids)
    half_tick = trades.instrument.tick_num / trades.instrument.tick_den / 2.0
    at = _default_levels(distance, half_tick) if levels is None else np.asarray(levels, dtype=np.float64)
    if len(at) < 2 or not (np.diff(at) > 0).all():
        raise ValueError(f"levels must be two or more ascending distances, got {at.tolist()}")
    # distances are differences of floats: a hair below its own level, an order would fall into the band before
    inside = distance >= at[0] - half_tick * 1e-6
    band = np.searchsorted(at, distance[inside] + half_tick * 1e-6, side="right") - 1
    weight = size[inside] if amount == "size" else np.ones(int(inside.sum()))
    counts: FloatArray = np.bincount(band, weights=weight, minlength=len(at)).astype(np.float64)
    if counts[0] in (0.0, counts.sum()):
        raise ValueError(
            f"of {int(inside.sum())} taker orders of {trades.instrument.name} past {at[0]:g}, "
            f"{'none' if counts[0] == 0.0 else 'all'} end before {at[1]:g}: choose other levels"
        )
    start, end = int(mids.ts[0]), max(int(mids.ts[-1]), int(ts[-1]))
    kappa = _solve(counts, at - at[0])
    slope, curvature = _score(kappa, at - at[0])
    total, length_s = float(counts.sum()), (end - start) / SECOND
    block = ((ts[inside] - start) / SECOND // block_s).astype(np.int64)
    n_blocks = math.ceil(length_s / block_s)
    if n_blocks < 2:
        raise ValueError(f"{length_s:g} s of data are one block of {block_s:g} s: errors need two or more")
    lengths = np.full(n_blocks, block_s)
    lengths[-1] = length_s - block_s * (n_blocks - 1)
    block = np.minimum(block, n_blocks - 1)
    came = np.bincount(block, weights=weight, minlength=n_blocks)
    log_rate = came / total - lengths / length_s
    kappas = np.bincount(block, weights=weight * slope[band], minlength=n_blocks) / -float(counts @ curvature)
    log_alpha = log_rate + at[0] * kappas
    spread = n_blocks / (n_blocks - 1.0)
    alpha = total / length_s * math.exp(kappa * at[0])
    return Intensity(
        alpha=alpha,
        alpha_error=alpha * math.sqrt(spread * float(log_alpha @ log_alpha)),
        kappa=kappa,
        kappa_error=math.sqrt(spread * float(kappas @ kappas)),
        levels=at,
        rates=counts[::-1].cumsum()[::-1] / length_s,
        n_orders=int(inside.sum()),
        n_left_out=int((~inside).sum()),
        seconds=length_s,
        n_blocks=n_blocks,
    )


def _orders(trades: TradeArrays, mids: Mids) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return (stamp, distance of the worst fill, size) of each taker order; the distance is NaN without a mid."""
    if not len(trades) or not mids.ts.size:
        raise ValueError(f"no trades or no mids of {trades.instrument.name}: nothing to fit an intensity to")
    is_new = np.ones(len(trades), dtype=np.bool_)
    is_new[1:] = (np.diff(trades.ts_venue) != 0) | (np.diff(trades.taker) != 0)
    first = np.flatnonzero(is_new)
    order = np.cumsum(is_new) - 1
    # a mid of the same instant may already show what the order did
    before = mids.asof(trades.ts_recv[first] - 1)
    distance = trades.taker * (trades.price - before[order])
    return trades.ts_recv[first], np.maximum.reduceat(distance, first), np.add.reduceat(trades.size, first)


def _default_levels(distance: FloatArray, half_tick: float) -> FloatArray:
    ahead = distance[distance > 0]
    if not ahead.size:
        raise ValueError("no taker order went past the last mid before it: are trades and mids of one market?")
    low, high = (max(1, math.floor(value / half_tick + 1e-6)) for value in np.quantile(ahead, [0.05, 0.99]))
    step = max(1, math.ceil((high - low) / (_MOST_LEVELS - 1)))
    levels: FloatArray = np.arange(low, max(high, low + 1) + 1, step) * half_tick
    return levels


def _score(kappa: float, distance: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return (K,) first and second derivatives by kappa of the log probability of each band; `distance` begins at 0."""
    slope, curvature = -distance, np.zeros(len(distance))
    width = np.diff(distance)
    grown = np.expm1(np.minimum(kappa * width, 500.0))
    slope[:-1] += width / grown
    curvature[:-1] = -(width**2) * (1.0 + 1.0 / grown) / grown
    return slope, curvature


def _solve(counts: FloatArray, distance: FloatArray) -> float:
    """Return the kappa of the largest likelihood: its derivative falls all the way, so halving brackets it."""
    low, high = 1e-9 / distance[-1], 1e3 / float(np.diff(distance).min())
    for _ in range(64):
        middle = math.sqrt(low * high)
        if float(counts @ _score(middle, distance)[0]) > 0.0:
            low = middle
        else:
            high = middle
    return math.sqrt(low * high)
