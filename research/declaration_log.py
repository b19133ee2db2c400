"""Declarations as they are made, one by one or by columns, and in order when all are there."""

from array import array
from typing import Final

import numpy as np
import pandas as pd

from market.units import Nanos
from research.declarations import LABELS, declaration_frame
from research.prices import FloatArray, IntArray

Label = tuple[str, str, str, str]  # key, venue, symbol, group

CLOCK: Final = 1 << 30  # stream of what a clock declares: at one instant, after all feeds


class DeclarationLog:
    """Declarations with what decides their order: time, stream, row of the stream, turn of who declares at that row."""

    def __init__(self) -> None:
        self._labels: dict[Label, int] = {}
        self._rows = array("q")
        self._values = array("d")
        self._blocks: list[tuple[IntArray, FloatArray]] = []

    def code(self, label: Label) -> int:
        """Return the number of a label."""
        return self._labels.setdefault(label, len(self._labels))

    def add(self, ts: Nanos, stream: int, row: int, turn: int, code: int, value: float) -> None:
        """Take one declaration.

        Raises:
            TypeError: `value` is no number.
        """
        # first what may fail: a row without a value would shift all that follow
        self._values.append(value)
        self._rows.extend((ts, stream, row, turn, code))

    def extend(
        self, ts: IntArray, stream: int, first_row: int, turn: int, codes: list[int], values: FloatArray
    ) -> None:
        """Take the declarations of K keys at n rows of a stream, values (n, K)."""
        n, n_keys = values.shape
        rows = np.empty((n, n_keys, 5), np.int64)
        rows[:, :, 0] = ts[:, None]
        rows[:, :, 1] = stream
        rows[:, :, 2] = np.arange(first_row, first_row + n)[:, None]
        rows[:, :, 3] = turn
        rows[:, :, 4] = codes
        self._blocks.append((rows.reshape(-1, 5), values.reshape(-1)))

    def frame(self) -> pd.DataFrame:
        """Return all declarations in order, as `research.declarations` has them."""
        own = np.array(self._rows, np.int64).reshape(-1, 5), np.array(self._values, np.float64)
        rows, values = (np.concatenate(each) for each in zip(own, *self._blocks, strict=True))
        order = np.lexsort((rows[:, 3], rows[:, 2], rows[:, 1], rows[:, 0]))
        codes = rows[order, 4]
        labels = {name: self._categories(place, codes) for place, name in enumerate(LABELS)}
        return declaration_frame(rows[order, 0], values[order], labels)

    def _categories(self, place: int, codes: IntArray) -> "pd.Categorical[str]":
        names = [label[place] for label in self._labels]
        distinct = sorted(set(names))
        number = np.array([distinct.index(name) for name in names], np.int64)
        return pd.Categorical.from_codes(number[codes] if names else codes, pd.Index(distinct))
