"""Resampling whole stretches of time, so that what hangs together stays together.

The circular block bootstrap (Politis and Romano 1992) with blocks of one length in *time*: a block is every row that
falls into it, be they many or none, and the period is closed to a ring so that each row is drawn equally often.
"""

import numpy as np

from research.prices import FloatArray, IntArray


def resampled_means(ts: IntArray, values: FloatArray, block: int, n_resamples: int, seed: int) -> FloatArray:
    """Return (n_resamples, K) means of the columns of `values` over as many blocks as the period has, drawn at random.

    A draw that meets no row at all, which takes a period with more holes than data, is NaN.

    Args:
        ts: (n,) ns, never decreasing.
        values: (n, K), all known.
        block: length of a block in ns, > 0.

    Raises:
        ValueError: `block` is not positive, or there is no row.
    """
    if block <= 0 or not ts.size:
        raise ValueError(f"a block bootstrap needs rows and a block longer than 0 ns, got {ts.size} rows, {block} ns")
    since = ts - ts[0]
    ring = int(since[-1]) + max(int(since[-1]) // max(ts.size - 1, 1), 1)
    block = min(block, ring)
    starts = np.random.default_rng(seed).integers(0, ring, (n_resamples, -(-ring // block)))
    twice = np.concatenate((since, since + ring))
    first, last = np.searchsorted(twice, starts), np.searchsorted(twice, starts + block)
    total = np.zeros((twice.size + 1, values.shape[1]))
    np.cumsum(np.concatenate((values, values)), axis=0, out=total[1:])
    n_rows = (last - first).sum(axis=1)
    sums = np.empty((n_resamples, values.shape[1]))
    for column in range(values.shape[1]):
        running = np.ascontiguousarray(total[:, column])
        sums[:, column] = (running[last] - running[first]).sum(axis=1)
    means: FloatArray = np.divide(sums, n_rows[:, None], out=np.full_like(sums, np.nan), where=n_rows[:, None] > 0)
    return means
