"""The instants at which every estimator said something: only there may they be compared."""

from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from research.declarations import stamps
from research.prices import FloatArray, IntArray

REQUIRED = ("ts", "key", "value", "venue", "symbol")


@attrs.frozen(eq=False)
class CommonRows:
    """C rows in time order at which all K estimators were declared, of one instrument each.

    Attributes:
        estimators: K names, sorted.
        ts: (C,) ns, never decreasing.
        estimates: (C, K); NaN where one could not be computed.
        rows: (C,) place in the frame of a declaration of each row: where its forward prices stand.
        n_declared: (K,) rows of each estimator in the frame.
        n_known: (K,) of these, those with a value.
    """

    estimators: tuple[str, ...]
    ts: IntArray
    estimates: FloatArray
    rows: npt.NDArray[np.intp]
    n_declared: IntArray
    n_known: IntArray


def common_rows(frame: pd.DataFrame) -> CommonRows:
    """Match the declarations of one group of estimators by instant and instrument.

    Several declarations of one estimator at one instant (two book updates in one packet) are matched in their order.

    Args:
        frame: columns `ts` (int64 ns, or UTC times), `key`, `value`, `venue`, `symbol`; `group` where there is one.

    Raises:
        ValueError: a column is missing, nothing was declared, one key stands in two groups, or the estimators share no
            instant.
    """
    if missing := [name for name in REQUIRED if name not in frame]:
        raise ValueError(f"declarations lack the columns {missing}; needed are {list(REQUIRED)} and forward prices")
    if frame.empty:
        raise ValueError("no declaration to compare: the frame is empty (is its group, key or period right?)")
    keys, names = _codes(frame, "key")
    _check_groups(frame, keys, names)
    venue, symbol = _codes(frame, "venue")[0], _codes(frame, "symbol")[0]
    instrument = venue * (symbol.max() + 1) + symbol
    ts, value = stamps(frame), frame["value"].to_numpy(dtype=np.float64)
    # every declaration of a key at one instant gets a number, in the frame's order
    order = np.lexsort((ts, instrument, keys))
    number = _run_lengths(keys[order], instrument[order], ts[order])
    n_th = np.empty_like(number)
    n_th[order] = number
    order = np.lexsort((keys, n_th, instrument, ts))
    place = _run_lengths(ts[order], instrument[order], n_th[order])
    last = np.flatnonzero(place == len(names) - 1)
    if not last.size:
        counts = ", ".join(f"{name} ({n})" for name, n in zip(names, np.bincount(keys), strict=True))
        raise ValueError(f"estimators share no instant: {counts}; declare them all on the same events")
    matched = order[last[:, None] + np.arange(1 - len(names), 1)]
    return CommonRows(
        names,
        ts[matched[:, 0]],
        value[matched],
        matched[:, 0],
        np.bincount(keys, minlength=len(names)),
        np.bincount(keys[~np.isnan(value)], minlength=len(names)),
    )


def _codes(frame: pd.DataFrame, column: str) -> tuple[IntArray, tuple[str, ...]]:
    """Return a number for each row's name, and the names, sorted."""
    codes, found = pd.factorize(frame[column])
    if column == "key" and (codes < 0).any():
        raise ValueError(f"the declaration in row {int(np.argmin(codes))} has no key, so no estimator it belongs to")
    names = [str(name) for name in found]
    order = sorted(range(len(names)), key=names.__getitem__)
    # what has no venue, symbol or group belongs together, in the last place
    place = np.array([*np.argsort(order), len(names)], dtype=np.int64)
    return place[codes], tuple(names[k] for k in order)


def _check_groups(frame: pd.DataFrame, keys: IntArray, names: Sequence[str]) -> None:
    if "group" not in frame:
        return
    group = _codes(frame, "group")[0]
    pairs = np.unique(keys * (group.max() + 1) + group)
    n_groups = np.bincount(pairs // (group.max() + 1), minlength=len(names))
    if (n_groups > 1).any():
        twice = names[int(np.argmax(n_groups > 1))]
        raise ValueError(f"estimator {twice!r} was declared in {n_groups.max()} groups; choose one with group=")


def _run_lengths(*columns: IntArray) -> IntArray:
    """Return each row's place, from 0, in its run of equal neighbours in all columns."""
    n = columns[0].size
    begins = np.ones(n, dtype=bool)
    begins[1:] = np.any([column[1:] != column[:-1] for column in columns], axis=0)
    own = np.arange(n)
    return own - np.maximum.accumulate(np.where(begins, own, 0))
