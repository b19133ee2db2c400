"""What a reader should know about a fit before believing it."""

from collections.abc import Iterator

import numpy as np

from research.prices import IntArray
from research.regression.reach import reach
from research.regression.standard_errors import MAX_LAG
from research.regression.syntax import Formula


def overlap_notes(overlap: IntArray, errors: str) -> Iterator[str]:
    """Yield what the overlap of responses means.

    Args:
        overlap: (N,) how many later observations begin inside the horizon of each.
    """
    lag = int(overlap.max())
    if lag:
        blind = ", and plain errors do not know it" if errors == "plain" else ""
        yield (
            f"up to {lag:,} later rows begin inside one horizon (median {int(np.median(overlap)):,}): "
            f"neighbouring responses share their path{blind}"
        )
    if lag > MAX_LAG and errors == "hac":
        yield f"more than {MAX_LAG:,} rows inside one horizon: errors are made from blocks of time, not by HAC"


def bin_notes(bins: int, bin_by: str, found: int) -> Iterator[str]:
    """Yield what binning does to the figures."""
    if bin_by in ("response", "b0"):
        yield "bins by the response make a fit where there is none; bin by a regressor to learn something"
    if found < bins:
        yield f"{found} bins instead of {bins}: many values are equal"
    yield "R² and plain errors are those of the bins' means, not of the rows"


def look_ahead_notes(formula: Formula) -> Iterator[str]:
    """Yield which regressors know the future."""
    for i, block in enumerate(formula.blocks[1:], start=1):
        found = reach(block)
        if found.ahead or found.ahead_s:
            yield f"b{i} looks ahead of its row: this explains, it does not predict"
