"""What least squares is given: rows in time order, and the groups that rows are gathered into."""

from collections.abc import Sequence

import attrs
import numpy as np
import pandas as pd

from research.prices import FloatArray, IntArray
from research.regression.aggregation import Aggregator, Gathering
from research.regression.panel import Panel

NEVER = np.iinfo(np.int64).max


@attrs.frozen(eq=False)
class Observations:
    """N observations in time order, of all instruments together.

    Attributes:
        blocks: (N, B), the response first; no NaN.
        ts: (N,) ns, or the row's number where the data has no time.
        ends: (N,) when the response of each ends, on the same clock: an observation before it shares part of the path.
        instrument: (N,) number of the instrument; -1 where several were gathered.
    """

    blocks: FloatArray
    ts: IntArray
    ends: IntArray
    instrument: IntArray

    @property
    def n(self) -> int:
        """How many there are."""
        return int(self.ts.size)

    def overlap(self) -> IntArray:
        """Return (N,) how many later observations begin before each one's response has ended."""
        inside = np.searchsorted(self.ts, self.ends, side="left") - np.arange(self.n) - 1
        later: IntArray = np.maximum(inside, 0)
        return later

    def by_stamp(self, aggregators: Sequence[Aggregator | None]) -> "Observations":
        """Gather the instruments at each stamp into one observation."""
        stamps, groups = np.unique(self.ts, return_inverse=True)
        ends = np.zeros(stamps.size, dtype=np.int64)
        np.maximum.at(ends, groups, self.ends)
        return Observations(
            Gathering(self.blocks, groups, aggregators).points(), stamps, ends, np.full(stamps.size, -1)
        )


def response_ends(panel: Panel, span_rows: int, span_ns: int) -> IntArray:
    """Return (R,) when the response of each row ends: so many rows of its instrument later, and so long after that."""
    found = np.empty(panel.n_rows, dtype=np.int64)
    for start, end in zip(panel.edges[:-1], panel.edges[1:], strict=True):
        ts = panel.ts[start:end]
        place = np.arange(ts.size) + span_rows
        inside = place < ts.size
        found[start:end] = np.where(inside, ts[np.minimum(place, ts.size - 1)] + span_ns, NEVER)
    # what happens at one instant is one event, also where the response spans no time
    return np.maximum(found, panel.ts + 1)


def observations(panel: Panel, blocks: FloatArray, ends: IntArray, wanted: IntArray) -> Observations:
    """Return the wanted rows in time order; those of one stamp in the order of the instruments.

    Args:
        blocks: (R, B).  ends: (R,).  wanted: the numbers of the rows.
    """
    order = wanted[np.argsort(panel.ts[wanted], kind="stable")]
    return Observations(blocks[order], panel.ts[order], ends[order], panel.instrument[order])


def equal_bins(values: FloatArray, bins: int) -> IntArray:
    """Return (N,) the bin of each value: bins of equally many, equal values always in one bin.

    Raises:
        ValueError: the values do not make two bins.
    """
    # by what came up of them: with many equal values there are fewer bins than asked for
    found = pd.factorize(pd.qcut(values, bins, labels=False, duplicates="drop"), sort=True)[0]
    if found.size == 0 or found.max() < 1:
        raise ValueError(f"bins={bins}: the values to bin by are (nearly) all equal, {np.median(values):g}")
    return np.asarray(found, dtype=np.int64)
