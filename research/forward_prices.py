"""What the price was some time after each declaration."""

import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal

import numpy as np
import pandas as pd

from market.units import SECOND
from research.declarations import stamps
from research.prices import FloatArray, IntArray, Mids

HORIZONS_S: Final = (0, 1, 10, 30, 60, 120, 300)
MAX_AGE_S: Final = 60.0
LONGEST_S: Final = 1e9  # beyond, nanoseconds since the epoch would run over

_COLUMN: Final = re.compile(r"t(\d+(?:\.\d+)?(?:e[+-]?\d+)?)")

Market = tuple[str, str]


def forward_prices(
    frame: pd.DataFrame,
    mids: Mapping[Market, Mids],
    horizons: Sequence[float] = HORIZONS_S,
    *,
    incomplete: Literal["drop", "keep"] = "drop",
    max_age_s: float | None = MAX_AGE_S,
) -> pd.DataFrame:
    """Add the mid at `ts` + h of each row's own venue and symbol: the last that had reached us then, never a later one.

    It is NaN where nobody knows it: before the first book, after the last, inside a hole of the data, and where the
    last book is older than `max_age_s`.

    Args:
        frame: columns `ts` (int64 ns, or UTC times), `venue`, `symbol`, in any order; others come along.
        mids: by (venue, symbol).
        horizons: seconds.
        incomplete: what is done with rows that do not know the longest horizon: dropped, or kept with NaN.
        max_age_s: None: a book is good until the next.

    Returns:
        the frame with one more column per horizon, `t0`, `t1`, `t10`, ..., its rows numbered from 0.  Its
        `attrs["forward_prices"]` says `n_rows`, of these `n_dropped`, and per column of the rest `n_unknown`.

    Raises:
        ValueError: a column is missing, times are neither whole ns nor datetimes, a horizon is negative, endless or
            given twice, another argument is out of its range, or there are no mids of a row's market.
    """
    wanted = _checked(frame, horizons)
    if incomplete not in ("drop", "keep"):
        raise ValueError(f"incomplete must be drop or keep, got {incomplete!r}")
    if max_age_s is not None and not 0 < max_age_s <= LONGEST_S:
        raise ValueError(f"max_age_s must be above 0 s, or None for a book of any age; got {max_age_s}")
    ts = stamps(frame)
    columns = {name: np.full(len(frame), np.nan) for name in wanted}
    for market, rows in _by_market(frame):
        if market not in mids:
            known = ", ".join(":".join(each) for each in mids) or "none"
            raise ValueError(f"no mids of {':'.join(market)}, in which something was declared; there are: {known}")
        own = ts[rows]
        max_age = None if max_age_s is None else round(max_age_s * SECOND)
        for name, horizon in wanted.items():
            columns[name][rows] = mids[market].known(own + horizon, max_age)
    found: pd.DataFrame = frame.assign(**columns)
    is_dropped = np.isnan(columns[max(wanted, key=lambda name: wanted[name])])
    if incomplete == "keep":
        is_dropped[:] = False
    found = found[~is_dropped].reset_index(drop=True)
    found.attrs["forward_prices"] = {
        "n_rows": len(frame),
        "n_dropped": int(is_dropped.sum()),
        "n_unknown": {name: _n_unknown(values[~is_dropped]) for name, values in columns.items()},
    }
    return found


def horizon_column(horizon_s: float) -> str:
    """Return the name of a horizon's column: `t10`, `t0.5`."""
    return f"t{horizon_s:.12g}"


def horizon_of(column: str) -> float | None:
    """Return the horizon of a column, s; None for a column of something else."""
    found = _COLUMN.fullmatch(column)
    return float(found[1]) if found else None


def _checked(frame: pd.DataFrame, horizons: Sequence[float]) -> dict[str, int]:
    """Return the horizons in ns by the name of their column."""
    missing = [name for name in ("ts", "venue", "symbol") if name not in frame]
    if missing:
        raise ValueError(f"declarations lack the columns {missing}: whose prices, and when?")
    if not len(horizons):
        raise ValueError("horizons must name at least one, in seconds")
    for horizon in horizons:
        if not 0 <= horizon <= LONGEST_S:
            raise ValueError(f"a horizon must be 0 s or more, and at most {LONGEST_S:g}; got {horizon}")
    found = {horizon_column(horizon): round(horizon * SECOND) for horizon in horizons}
    if len(found) < len(horizons):
        raise ValueError(f"a horizon is given twice: {list(horizons)}")
    return found


def _by_market(frame: pd.DataFrame) -> list[tuple[Market, slice | IntArray]]:
    """Return the markets of a frame and the rows of each."""
    venue, venues = pd.factorize(frame["venue"])
    symbol, symbols = pd.factorize(frame["symbol"])
    is_nobody = (venue < 0) | (symbol < 0) | (frame["venue"] == "").to_numpy() | (frame["symbol"] == "").to_numpy()
    if is_nobody.any():
        row = int(np.argmax(is_nobody))
        raise ValueError(f"the declaration in row {row} has no venue or no symbol: whose price is meant?")
    pairs = venue * max(len(symbols), 1) + symbol
    names = {
        int(pair): (str(venues[pair // len(symbols)]), str(symbols[pair % len(symbols)])) for pair in np.unique(pairs)
    }
    if len(names) == 1:
        return [(name, slice(None)) for name in names.values()]
    return [(name, np.flatnonzero(pairs == pair).astype(np.int64)) for pair, name in names.items()]


def _n_unknown(values: FloatArray) -> int:
    return int(np.isnan(values).sum())
