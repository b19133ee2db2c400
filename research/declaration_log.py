"""Declarations as they are made, one by one or by columns, and in order when all are there."""

from typing import Final

import numpy as np
import pandas as pd

from market.units import Nanos
from research.declarations import LABELS, declaration_frame
from research.prices import FloatArray, IntArray

Label = tuple[str, str, str, str]  # key, venue, symbol, group

CLOCK: Final = 1 << 30  # stream of what a clock declares: at one instant, after all feeds
_BLOCK: Final = 1 << 16  # declarations kept as objects before they become an array: those take 100 bytes each


class DeclarationLog:
    """Declarations with what decides their order: time, stream, row of the stream, turn of who declares at that row."""

    def __init__(self) -> None:
        self._labels: dict[Label, int] = {}
        self._rows: list[tuple[Nanos, int, int, int, int]] = []
        self._values: list[float] = []
        self._blocks: list[tuple[IntArray, FloatArray]] = []

    def code(self, label: Label) -> int:
        """Return the number of a label."""
        return self._labels.setdefault(label, len(self._labels))

    def add(self, ts: Nanos, stream: int, row: int, turn: int, code: int, value: float) -> None:
        """Take one declaration."""
        self._rows.append((ts, stream, row, turn, code))
        self._values.append(value)
        if len(self._values) >= _BLOCK:
            self._pack()

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
        self._pack()
        rows = np.concatenate([np.zeros((0, 5), np.int64), *(rows for rows, _ in self._blocks)])
        values = np.concatenate([np.zeros(0), *(values for _, values in self._blocks)])
        order = np.lexsort((rows[:, 3], rows[:, 2], rows[:, 1], rows[:, 0]))
        codes = rows[order, 4]
        labels = {name: self._categories(place, codes) for place, name in enumerate(LABELS)}
        return declaration_frame(rows[order, 0], values[order], labels)

    def _categories(self, place: int, codes: IntArray) -> "pd.Categorical[str]":
        names = [label[place] for label in self._labels]
        distinct = sorted(set(names))
        number = np.array([distinct.index(name) for name in names], np.int64)
        return pd.Categorical.from_codes(number[codes] if names else codes, pd.Index(distinct))

    def _pack(self) -> None:
        if self._values:
            self._blocks.append((np.array(self._rows, np.int64), np.array(self._values, np.float64)))
            self._rows, self._values = [], []
