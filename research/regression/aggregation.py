"""Many rows as few points: the value that stands for each group."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from research.prices import FloatArray, IntArray

Aggregator = Callable[[FloatArray], float]
TAIL = 5.0  # percent cut at either end


def winsorised_mean(values: FloatArray) -> float:
    """Return the mean after values beyond the 5th and 95th percentile were moved to these."""
    return float(_winsorised_means(np.sort(values), np.zeros(1, dtype=np.int64))[0])


class Gathering:
    """Rows gathered into groups, sorted once so that they can be gathered again without some of them.

    Args:
        blocks: (R, B).  groups: (R,) any numbers.
        aggregators: one per block; None is `winsorised_mean`.
    """

    def __init__(self, blocks: FloatArray, groups: IntArray, aggregators: Sequence[Aggregator | None]) -> None:
        self._aggregators = aggregators
        by_group = np.argsort(groups, kind="stable")
        self._orders = [
            by_group if aggregator is not None else np.lexsort((blocks[:, i], groups))
            for i, aggregator in enumerate(aggregators)
        ]
        self._groups = groups[by_group]
        self._values = [blocks[order, i] for i, order in enumerate(self._orders)]

    def points(self, keep: npt.NDArray[np.bool_] | None = None) -> FloatArray:
        """Return (G, B) one value per group and block, groups in ascending order.

        Args:
            keep: (R,) which rows to take; a group that has none left is left out.
        """
        columns = []
        for order, values, aggregator in zip(self._orders, self._values, self._aggregators, strict=True):
            groups = self._groups
            if keep is not None:
                chosen = keep[order]
                values, groups = values[chosen], groups[chosen]
            starts = np.flatnonzero(np.diff(groups, prepend=groups[:1] - 1))
            if aggregator is None:
                columns.append(_winsorised_means(values, starts))
            else:
                columns.append(np.array([aggregator(part) for part in np.split(values, starts[1:])], dtype=np.float64))
        return np.column_stack(columns)


def _winsorised_means(ordered: FloatArray, starts: IntArray) -> FloatArray:
    """Return the winsorised mean of each run of ascending values, given where the runs start."""
    sizes = np.diff(starts, append=ordered.size)
    low, high = (_percentile(ordered, starts, sizes, percent) for percent in (TAIL, 100.0 - TAIL))
    clipped = np.clip(ordered, np.repeat(low, sizes), np.repeat(high, sizes))
    found: FloatArray = np.add.reduceat(clipped, starts) / sizes
    return found


def _percentile(ordered: FloatArray, starts: IntArray, sizes: IntArray, percent: float) -> FloatArray:
    # linear between neighbours, as numpy's default
    place = percent / 100.0 * (sizes - 1)
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, sizes - 1)
    left, right = ordered[starts + below], ordered[starts + above]
    found: FloatArray = left + (right - left) * (place - below)
    return found


def chosen_aggregators(
    aggregator: Aggregator | Mapping[str, Aggregator] | None, n_blocks: int
) -> tuple[Aggregator | None, ...]:
    """Return the aggregator of each block.

    Raises:
        ValueError: one is given for a block that the formula does not have.
    """
    if not isinstance(aggregator, Mapping):
        return (aggregator,) * n_blocks
    names = [f"b{i}" for i in range(n_blocks)]
    for name in aggregator:
        if name not in names:
            raise ValueError(f"aggregator for {name!r}: the formula's blocks are {', '.join(names)}")
    return tuple(aggregator.get(name) for name in names)
