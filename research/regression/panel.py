"""The data of a regression: rows of one or several instruments, end to end."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from research.prices import FloatArray, IntArray

NAMES = ("venue", "symbol")


@attrs.define(eq=False, slots=False)
class Panel:
    """R rows of I instruments, each instrument's in time order, one instrument after the other.

    Attributes:
        instruments: their names.
        edges: (I + 1,) instrument i holds the rows edges[i] to edges[i + 1].
        columns: {name: (R,) float64}, those that every instrument has in numbers.
        problems: {name: why it cannot be used}, empty for the columns above.
        ts: (R,) ns; the number of the row within its instrument where the data has no time.
        has_time: whether `ts` is time.
    """

    instruments: tuple[str, ...]
    edges: IntArray
    columns: Mapping[str, FloatArray]
    problems: Mapping[str, str]
    ts: IntArray
    has_time: bool

    @classmethod
    def of(cls, frames: pd.DataFrame | Mapping[str, pd.DataFrame]) -> "Panel":
        """Read a frame, or one frame per instrument.

        A frame with several (venue, symbol) is taken apart into instruments.  Time is the column `ts` (ns since the
        epoch, or datetimes) or else a DatetimeIndex.

        Raises:
            ValueError: there are no rows, time goes back, or the rows of several keys are mixed.
        """
        parts = _by_instrument(frames) if isinstance(frames, pd.DataFrame) else dict(frames)
        if not parts or any(part.empty for part in parts.values()):
            empty = [repr(name) for name, part in parts.items() if part.empty]
            raise ValueError(f"no rows to regress{' for ' + ', '.join(empty) if empty and len(parts) > 1 else ''}")
        stamps = {name: _stamps(name, part) for name, part in parts.items()}
        with_time = [name for name, ts in stamps.items() if ts is not None]
        if 0 < len(with_time) < len(parts):
            without = next(name for name in parts if name not in with_time)
            raise ValueError(f"{with_time[0]!r} has a time and {without!r} has none; give all a column ts, or none")
        names = dict.fromkeys(str(c) for part in parts.values() for c in part.columns)
        problems = {name: _problem(name, parts) for name in names}
        return cls(
            tuple(parts),
            np.cumsum([0, *(len(part) for part in parts.values())]),
            {
                name: np.concatenate([_floats(part[name]) for part in parts.values()])
                for name, problem in problems.items()
                if not problem
            },
            problems,
            np.concatenate([np.arange(len(parts[n])) if ts is None else ts for n, ts in stamps.items()]),
            bool(with_time),
        )

    @property
    def n_rows(self) -> int:
        """How many rows there are."""
        return int(self.edges[-1])

    @cached_property
    def instrument(self) -> IntArray:
        """(R,) the number of the instrument of each row."""
        return np.repeat(np.arange(len(self.instruments)), np.diff(self.edges))

    def by_instrument(self, compute: Callable[[list[FloatArray]], FloatArray], arrays: list[FloatArray]) -> FloatArray:
        """Apply a function to the rows of each instrument: (R,) arrays -> (R,)."""
        found = np.empty(self.n_rows)
        for start, end in zip(self.edges[:-1], self.edges[1:], strict=True):
            found[start:end] = compute([a[start:end] for a in arrays])
        return found

    def by_stamp(self, compute: Callable[[list[FloatArray]], FloatArray], arrays: list[FloatArray]) -> FloatArray:
        """Apply a function of matrices (stamps, instruments): each instrument as of each stamp of any of them.

        Raises:
            ValueError: an instrument has two rows at one stamp, so that its value there is not one.
        """
        stamps, places = self._as_of
        matrices = []
        for array in arrays:
            filled = np.append(array, np.nan)  # place -1: the instrument has no row yet
            matrices.append(filled[places])
        found = compute(matrices)
        return found[np.searchsorted(stamps, self.ts), self.instrument]

    @cached_property
    def _as_of(self) -> tuple[IntArray, IntArray]:
        stamps = np.unique(self.ts)
        places = np.empty((stamps.size, len(self.instruments)), dtype=np.int64)
        for i, name in enumerate(self.instruments):
            start, end = self.edges[i], self.edges[i + 1]
            ts = self.ts[start:end]
            if (twice := np.flatnonzero(np.diff(ts) == 0)).size:
                raise ValueError(
                    f"{name!r} has two rows at {ts[twice[0]]}, so instruments cannot be compared at that time; keep one"
                )
            found = np.searchsorted(ts, stamps, side="right") - 1
            places[:, i] = np.where(found < 0, -1, found + start)
        return stamps, places


def _by_instrument(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    if "key" in frame and frame["key"].nunique() > 1:
        keys = sorted(map(str, frame["key"].unique()))
        raise ValueError(
            f"the frame mixes the rows of {len(keys)} keys ({', '.join(keys[:6])}); choose one, "
            f"as in frame[frame['key'] == {keys[0]!r}], or drop the column"
        )
    by = [name for name in NAMES if name in frame]
    if not by or len(frame[by].drop_duplicates()) <= 1:
        return {"all": frame}
    groups = frame.groupby(by, sort=False, observed=True)
    return {":".join(map(str, name)): part for name, part in groups}


def _stamps(name: str, frame: pd.DataFrame) -> IntArray | None:
    times: Any = frame.get("ts", frame.index)
    if isinstance(times.dtype, pd.DatetimeTZDtype) or times.dtype.kind == "M":
        ts = pd.DatetimeIndex(times).as_unit("ns").asi8
    elif "ts" in frame and times.dtype.kind in "iu":
        ts = times.to_numpy(dtype=np.int64)
    elif "ts" in frame:
        raise ValueError(f"column ts of {name!r} holds {times.dtype}; it must be ns since the epoch, or datetimes")
    else:
        return None
    if (back := np.flatnonzero(np.diff(ts) < 0)).size:
        raise ValueError(f"time goes back in {name!r} after row {back[0]}; sort it by ts, and keep instruments apart")
    return np.asarray(ts, dtype=np.int64)


def _problem(column: str, parts: Mapping[str, pd.DataFrame]) -> str:
    for name, part in parts.items():
        if column not in part:
            return f"is missing in the frame of {name!r}"
        values: Any = part[column]
        if values.ndim > 1:
            return "stands in the frame twice"
        if not pd.api.types.is_numeric_dtype(values.dtype):
            return f"holds {values.dtype}, not numbers"
    return ""


def _floats(values: Any) -> npt.NDArray[np.float64]:
    found: npt.NDArray[np.float64] = values.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isfinite(found), found, np.nan)
