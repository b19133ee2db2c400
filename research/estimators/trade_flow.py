"""What takers did: the share of volume that buyers took, and what their counterparties made of it."""

import math

import numpy as np
import numpy.typing as npt

from market.tape_kernels import flow_pnl_path as running_pnl
from research.estimators.sample import limits, tape_rows
from research.estimators.trade_window_kernels import rolling_flow_pnl, rolling_imbalance
from research.market_arrays import TradeArrays

FloatArray = npt.NDArray[np.float64]


def trade_imbalance(
    trades: TradeArrays,
    n: int | None = None,
    window: int | None = None,
    decay: float | None = None,
    min_n: int = 10,
    default: float = 0.0,
) -> FloatArray:
    """Return (R,) at each trade sum(w * taker * size) / sum(w * size) over the sample that ends with it, in [-1, 1].

    The same as `market.Tape.imbalance(n, since=ts_recv - window, ...)` after that trade, to the bit, as long as the
    tape keeps the whole sample.

    Args:
        n: of the last n trades.
        window: of trades received in the last so many ns.
        decay: a trade weighs `decay` to the number of distinct venue times after its own; None for 1 - 2 / (m + 1) of m
            distinct times, an average of span m.
        min_n: with fewer trades in the sample, the answer is `default`.

    Raises:
        ValueError: neither n nor window is given, one is below 1, or decay is outside [0, 1].
    Source: quantpylib's `Trades.get_imbalance`; unweighted it is Chordia, Roll and Subrahmanyam's order imbalance in
        shares (2002, Journal of Financial Economics 65), over volume.
    """
    if decay is not None and not 0.0 <= decay <= 1.0:
        raise ValueError(f"decay must be between 0 and 1, got {decay}")
    out = np.empty(len(trades))
    most, age = limits(n, window)
    rolling_imbalance(
        tape_rows(trades), most, age, math.nan if decay is None else float(decay), int(min_n), float(default), out
    )
    return out


def flow_pnl(
    trades: TradeArrays,
    n: int | None = None,
    window: int | None = None,
    min_n: int = 10,
    default: float = 0.0,
    norm_volume: bool = True,
    norm_variance: bool = False,
) -> FloatArray:
    """Return (R,) what a zero-fee counterparty to every trade of the sample made, marked at the price of each trade.

    The same as `market.Tape.flow_pnl(n, since=ts_recv - window, ...)` after that trade, to the bit, as long as the tape
    keeps the whole sample.

    Args:
        n: of the last n trades.
        window: of trades received in the last so many ns.
        min_n: with fewer trades in the sample, the answer is `default`.
        norm_volume: divide by the notional traded: a fraction; else quote currency.
        norm_variance: divide by the square root of the number of trades.

    Raises:
        ValueError: neither n nor window is given, or one is below 1.
    Source: quantpylib's `Trades.get_flow_pnl`.
    """
    out = np.empty(len(trades))
    most, age = limits(n, window)
    rolling_flow_pnl(
        tape_rows(trades),
        trades.instrument.scale(),
        most,
        age,
        int(min_n),
        float(default),
        bool(norm_volume),
        bool(norm_variance),
        out,
    )
    return out


def flow_pnl_path(trades: TradeArrays) -> tuple[FloatArray, FloatArray]:
    """Return the counterparty's running profit since the first trade and the volume so far, both (R,) quote currency.

    Source: quantpylib's `hft.features.flow_pnl`.
    """
    rows = tape_rows(trades)
    return running_pnl(rows, np.array([len(rows)]), len(rows), trades.instrument.scale())
