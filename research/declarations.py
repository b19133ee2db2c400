"""What was declared, as a frame: `ts, key, value, venue, symbol, group`, whether a study or a run declared it."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

IntArray = npt.NDArray[np.int64]

COLUMNS: Final = ("ts", "key", "value", "venue", "symbol", "group")
LABELS: Final = ("key", "venue", "symbol", "group")


def declaration_frame(ts: npt.ArrayLike, value: npt.ArrayLike, labels: Mapping[str, Any]) -> pd.DataFrame:
    """Return a frame of declarations.

    Args:
        ts: (n,) ns.  value: (n,).
        labels: key, venue, symbol and group, each (n,) strings or a `pandas.Categorical`.

    Returns:
        columns `ts` (int64 ns since the epoch), `key`, `value` (float64), `venue`, `symbol`, `group`; the labels are
        categories, which take a byte a row where strings take sixty.
    """
    columns: dict[str, Any] = {"ts": np.asarray(ts, dtype=np.int64), "value": np.asarray(value, dtype=np.float64)}
    columns |= {name: pd.Categorical(labels[name]) for name in LABELS}
    return pd.DataFrame({name: columns[name] for name in COLUMNS})


def select(frame: pd.DataFrame, **wanted: str | None) -> pd.DataFrame:
    """Return the rows whose labels are as wanted (None: any), numbered from 0."""
    keep = np.ones(len(frame), dtype=bool)
    for name, label in wanted.items():
        if label is not None:
            keep &= (frame[name] == label).to_numpy()
    return frame[keep].reset_index(drop=True)


def stamps(frame: pd.DataFrame) -> IntArray:
    """Return (n,) the column `ts` in ns since the epoch, whether it holds integers or times.

    Raises:
        ValueError: it holds something else, or an unknown time.  Floats are refused: of ns they lose the last digits.
    """
    column = frame["ts"]
    if column.isna().any():
        raise ValueError(f"ts is unknown in row {int(column.isna().to_numpy().argmax())}; drop such rows")
    if pd.api.types.is_integer_dtype(column):
        return column.to_numpy(dtype=np.int64)
    if not pd.api.types.is_datetime64_any_dtype(column):
        raise ValueError(f"ts holds {column.dtype}; it must be whole ns since the epoch (int64), or datetimes")
    return np.asarray(pd.DatetimeIndex(column).as_unit("ns").asi8, dtype=np.int64)
