"""The tutorial's question: which VAMP is the fair price, how far ahead?"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from market.instrument import Instrument
from research.market_arrays import BookArrays
from research.prices import FloatArray
from research.study import Study

NOTIONALS: Final = (10_000.0, 30_000.0, 50_000.0, 100_000.0, 200_000.0)
GROUP: Final = "fair price"


def declare_vamps(study: Study, instrument: Instrument, notionals: Sequence[float] = NOTIONALS) -> None:
    """Register the VAMPs of some notionals (quote currency), and to compare with, the microprice and the mid.

    Raises:
        ValueError: there is no notional, or they do not ascend.
    """
    if not notionals or any(not one < other for one, other in pairwise(notionals)):
        raise ValueError(f"notionals must ascend and be at least one, got {list(notionals)}")
    if not notionals[0] > 0:
        raise ValueError(f"a notional must be above 0, got {notionals[0]:g}")

    def estimates(books: BookArrays) -> FloatArray:
        return np.column_stack((books.vamps(notionals), books.microprice, books.mid))

    keys = [*(vamp_key(notional) for notional in notionals), "microprice", "mid"]
    study.columns(keys, estimates, instrument.venue, instrument.symbol, GROUP, in_parts=True)


def vamp_key(notional: float) -> str:
    """Return the name of a VAMP: vamp10k, vamp2.5M."""
    for unit, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if notional >= unit:
            return f"vamp{notional / unit:g}{suffix}"
    return f"vamp{notional:g}"
