"""Compare estimators of the fair price by how near they come to the mid of a while later.

The tutorial's table with its stars, and beside it what a star is worth.  A star marks the least error *in this sample*,
which among several estimators is partly luck; `comparison` chooses on the first part of the period and tests on the
second (`research.loss_comparison`), and gives block-bootstrap intervals.  `docs/figures.md` defines every column.
"""

from collections.abc import Sequence
from typing import Final, Literal

import attrs
import numpy as np
import pandas as pd

from market.units import SECOND
from research.common_rows import CommonRows, common_rows
from research.forward_prices import horizon_column, horizon_of
from research.loss_comparison import LossComparison, compare_losses
from research.loss_intervals import LossIntervals, loss_intervals
from research.prices import BoolArray, FloatArray

QUANTILES: Final = {"Q1(e%)": 25, "Q3(e%)": 75, "MEDIAN(e%)": 50}
Loss = Literal["squared", "absolute"]


@attrs.frozen(eq=False)
class FairPrices:
    """What `fair_prices` found.  Horizons are named by their columns: `t0`, `t1`, `t10`, ...

    Attributes:
        table: the tutorial's, index (`T+`, `Estimator`): quartiles, median, mean, mean square and mean absolute value
            of the error in percent of the mid at the declaration, a star at the least of each horizon.
        comparison: the same index: how far each estimator is from the mid and from the best, and how sure that is.
        horizons: index `T+`: rows, the estimator chosen, whether it held, spans of dependence, a caution.
        counts: index `Estimator`: rows declared, of these known, and common to all.
        errors: {horizon: frame}, index `ts` (ns), one column per estimator: the errors of the table, in percent.
        declarations: the rows of the frame that were compared.
        loss: what `comparison` is about.
    """

    table: pd.DataFrame
    comparison: pd.DataFrame
    horizons: pd.DataFrame
    counts: pd.DataFrame
    errors: dict[str, pd.DataFrame]
    declarations: pd.DataFrame
    loss: Loss


def fair_prices(
    frame: pd.DataFrame,
    horizons: Sequence[float] | None = None,
    *,
    group: str | None = None,
    keys: Sequence[str] | None = None,
    loss: Loss = "squared",
    split: float = 0.5,
    level: float = 0.05,
    n_resamples: int = 1000,
    seed: int = 0,
) -> FairPrices:
    """Compare the estimators of a frame of declarations at each horizon, on the instants where all are known.

    The error is 100 * (mid(t + h) - estimate) / mid(t), in percent: positive where the estimate was too low.

    Args:
        frame: declarations with forward prices (`research.forward_prices`): `ts, key, value, venue, symbol, group, t0,
            t1, ...`; NaN where unknown.  Several instruments are taken together.
        horizons: in seconds; every column `t<seconds>` by default.
        group, keys: compare these only.
        loss: what `comparison` tests: squared errors (the MSE's star) or absolute ones (the MAD's).
        split: share of the period before which the best is chosen.
        level: of the tests; Holm's correction is for the estimators of one horizon.
        n_resamples: draws of the block bootstrap.  seed: of its generator.

    Raises:
        ValueError: nothing to compare, a column or estimator is missing, or an argument is out of its range.
    """
    if not 0.0 < split < 1.0:
        raise ValueError(f"split must lie between 0 and 1, the share of the period to choose on; got {split}")
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must lie between 0 and 1, such as 0.05; got {level}")
    chosen = _chosen(frame, group, keys)
    names = _horizon_names(chosen, horizons)
    rows = common_rows(chosen)
    forward = {name: chosen[name].to_numpy(dtype=np.float64)[rows.rows] for name in {"t0": 0, **names}}
    known = ~np.isnan(rows.estimates).any(axis=1) & ~np.isnan(forward["t0"])
    if not known.any():
        raise ValueError(
            f"no instant knows all of {list(rows.estimators)} and the mid: of {rows.ts.size} common rows each lacks one"
        )
    ts = rows.ts[known]
    split_ts = int(ts[0]) + round(split * int(ts[-1] - ts[0]))
    tables, comparisons, summaries, errors = [], [], [], {}
    for name, horizon in names.items():
        mine = known & ~np.isnan(forward[name])
        errors[name] = error = _errors(rows, mine, forward["t0"], forward[name])
        mid_error = 100.0 * (forward[name][mine] - forward["t0"][mine]) / forward["t0"][mine]
        tables.append(_table(error))
        losses = np.column_stack((error.to_numpy(), mid_error))
        losses = losses * losses if loss == "squared" else np.abs(losses)
        found = compare_losses(rows.ts[mine], losses[:, :-1], horizon, split_ts, level)
        intervals = loss_intervals(rows.ts[mine], losses[:, :-1], losses[:, -1], horizon, n_resamples, seed)
        comparisons.append(_comparison(rows.estimators, found, intervals, loss))
        summaries.append(_summary(rows.estimators, found, int(mine.sum()), intervals))
    index = pd.MultiIndex.from_product([list(names), rows.estimators], names=["T+", "Estimator"])
    counts = {"declared": rows.n_declared, "known": rows.n_known, "common": int(known.sum())}
    return FairPrices(
        pd.concat(tables).set_axis(index),
        pd.concat(comparisons).set_axis(index),
        pd.DataFrame(summaries, index=pd.Index(list(names), name="T+")),
        pd.DataFrame(counts, index=pd.Index(rows.estimators, name="Estimator")),
        errors,
        chosen,
        loss,
    )


def _chosen(frame: pd.DataFrame, group: str | None, keys: Sequence[str] | None) -> pd.DataFrame:
    for column, wanted in (("group", None if group is None else [group]), ("key", keys)):
        if wanted is None:
            continue
        if column not in frame:
            raise ValueError(f"{column} {', '.join(wanted)} is asked for, but the frame has no column {column}")
        have = list(frame[column].unique())
        if missing := [name for name in wanted if name not in have]:
            raise ValueError(f"no declaration has {column} {missing[0]!r}; there are {have}")
        frame = frame[frame[column].isin(list(wanted))]
    return frame


def _horizon_names(frame: pd.DataFrame, horizons: Sequence[float] | None) -> dict[str, int]:
    """Return {column: ns} of the horizons asked for, in order of length."""
    found = {str(column): horizon_of(str(column)) for column in frame.columns}
    have = {column: round(horizon * SECOND) for column, horizon in found.items() if horizon is not None}
    if "t0" not in have:
        raise ValueError(
            "the frame has no column t0, the mid at the declaration; add forward prices with a horizon of 0"
        )
    if horizons is None:
        wanted = have
    else:
        asked = [horizon_column(horizon) for horizon in horizons]
        if missing := [name for name in asked if name not in have]:
            raise ValueError(
                f"the frame has no forward prices {missing[0]}; it has {sorted(have, key=lambda n: have[n])}"
            )
        wanted = {name: have[name] for name in asked}
    if not wanted:
        raise ValueError("no horizon to compare at")
    return dict(sorted(wanted.items(), key=lambda item: item[1]))


def _errors(rows: CommonRows, mine: BoolArray, mid: FloatArray, forward: FloatArray) -> pd.DataFrame:
    percent = 100.0 * (forward[mine, None] - rows.estimates[mine]) / mid[mine, None]
    return pd.DataFrame(percent, index=pd.Index(rows.ts[mine], name="ts"), columns=list(rows.estimators))


def _table(error: pd.DataFrame) -> pd.DataFrame:
    values = error.to_numpy()
    columns: dict[str, object] = {}
    if len(values):
        # column by column: a percentile along the rows of a matrix takes twice as long
        found = np.array([np.percentile(values[:, k], list(QUANTILES.values())) for k in range(values.shape[1])]).T
        mean, mse, mad = values.mean(axis=0), (values * values).mean(axis=0), np.abs(values).mean(axis=0)
    else:
        found = np.full((len(QUANTILES), values.shape[1]), np.nan)
        mean = mse = mad = found[0]
    columns = dict(zip(QUANTILES, found, strict=True))
    columns |= {"MEAN(e%)": mean, "MSE(e%)": mse, "MAD(e%)": mad}
    for name, measure in (("MSE*", mse), ("MAD*", mad)):
        columns[name] = np.where(measure == measure.min(), "*", "")
    return pd.DataFrame(columns, index=error.columns)


def _comparison(names: Sequence[str], found: LossComparison, intervals: LossIntervals, loss: Loss) -> pd.DataFrame:
    measure = "MSE" if loss == "squared" else "MAD"
    return pd.DataFrame(
        {
            measure: intervals.mean,
            f"{measure} low": intervals.mean_low,
            f"{measure} high": intervals.mean_high,
            f"{measure}/mid": intervals.ratio,
            "/mid low": intervals.ratio_low,
            "/mid high": intervals.ratio_high,
            f"{measure} first": found.first,
            f"{measure} second": found.second,
            "difference": found.difference,
            "error": found.error,
            "t": found.t,
            "p": found.p,
            "p Holm": found.p_holm,
            "verdict": found.verdicts,
        },
        index=list(names),
    )


def _summary(names: Sequence[str], found: LossComparison, n: int, intervals: LossIntervals) -> dict[str, object]:
    chosen = "" if found.chosen is None else names[found.chosen]
    rank = None
    if found.chosen is not None and found.n_second:
        rank = 1 + int((found.second < found.second[found.chosen]).sum())
    return {
        "n": n,
        "n first": found.n_first,
        "n second": found.n_second,
        "chosen": chosen,
        "rank in second": rank,
        "holds": found.holds,
        "lag rows": found.lag_rows,
        "span s": found.span / SECOND if found.span else np.nan,
        "df": found.degrees_of_freedom,
        "block s": intervals.block / SECOND if intervals.block else np.nan,
        "caution": found.caution,
    }
