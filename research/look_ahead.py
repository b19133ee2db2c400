"""Whether a study knows what comes later: the same study on less data must have said the same up to there."""

import attrs
import numpy as np
import pandas as pd

from market.archive.window import clock_text
from market.units import Nanos
from research.declarations import COLUMNS


class LookAheadError(ValueError):
    """A declaration changes with data that came after it; the text names the first one that does."""


@attrs.frozen
class LookAheadReport:
    """A check that found nothing.

    Attributes:
        at: ns, where the data was cut.  n_compared: declarations up to there, the same both ways.
    """

    at: Nanos
    n_compared: int

    def __str__(self) -> str:
        return f"{self.n_compared:,} declarations up to {clock_text(self.at)} are the same without what came after"


def compare_cut(whole: pd.DataFrame, part: pd.DataFrame, at: Nanos) -> LookAheadReport:
    """Hold the declarations of all data, up to `at`, against those of the data cut at `at`.

    Raises:
        LookAheadError: they differ.
    """
    whole = whole[whole["ts"] <= at]
    n = min(len(whole), len(part))
    differs = np.zeros(n, dtype=bool)
    for name in COLUMNS:
        one, other = whole[name].to_numpy()[:n], part[name].to_numpy()[:n]
        # to the bit: a rounding that depends on what comes later is a dependence, too
        is_same = one.view(np.int64) == other.view(np.int64) if name == "value" else one == other
        if name == "value":
            is_same |= np.isnan(one) & np.isnan(other)
        differs |= ~is_same
    first = int(np.argmax(differs)) if differs.any() else n
    if first < n or len(whole) != len(part):
        raise LookAheadError(
            f"declaration {first}, with the data cut at {clock_text(at)} ({at} ns): {_said(part, first)}; "
            f"with all data: {_said(whole, first)}.  The study knows what comes later, or keeps something from one run "
            "to the next: what has a state must be made anew in a function given to `setup`"
        )
    return LookAheadReport(at, n)


def _said(frame: pd.DataFrame, place: int) -> str:
    if place >= len(frame):
        return "none"
    row = frame.iloc[place]
    return f"{row['key']} = {float(row['value'])!r} of {row['venue']}:{row['symbol']} at {row['ts']} ns"
