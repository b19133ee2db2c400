"""A price whose steps nothing foresees, and a signal that lasts: forward returns over h rows overlap."""

import numpy as np
import pandas as pd
from scipy.signal import lfilter

from market.units import SECOND


def overlapping(seed: int, n: int, horizon: int, persistence: float = 0.95) -> pd.DataFrame:
    """Return n rows a second apart: `t0` and `t{horizon}` of a random walk, and `value`, which knows nothing of it."""
    rng = np.random.default_rng(seed)
    walk = np.concatenate(([0.0], np.cumsum(rng.normal(size=n + horizon))))
    signal = lfilter([1.0], [1.0, -persistence], rng.normal(size=n + 500))[500:]
    return pd.DataFrame(
        {
            "ts": np.arange(n) * SECOND,
            "t0": walk[:n],
            f"t{horizon}": walk[horizon : horizon + n],
            "value": signal,
        }
    )


def irregular(seed: int, n: int = 3_000) -> pd.DataFrame:
    """Return rows as a study declares them: about twice a second, with the mid then and a minute later."""
    rng = np.random.default_rng(seed)
    ts = 1_736_470_800 * SECOND + np.cumsum(rng.integers(200, 800, n)) * (SECOND // 1_000)
    every = np.concatenate((ts, ts[-1] + np.arange(1, 130) * SECOND // 2))
    mid = 186.3 + np.cumsum(rng.choice([-0.01, 0.0, 0.01], every.size, p=[0.1, 0.8, 0.1]))
    return pd.DataFrame(
        {
            "ts": ts,
            "key": "vamp100k",
            "value": mid[:n] + rng.normal(0.0, 0.01, n),
            "venue": "binance-futures",
            "symbol": "SOLUSDT",
            "group": "vamp",
            "t0": mid[:n],
            "t60": mid[np.searchsorted(every, ts + 60 * SECOND, side="right") - 1],
        }
    )
