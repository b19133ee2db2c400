"""Declarations with forward prices of a market whose truth is known."""

import numpy as np
import pandas as pd

from market.units import SECOND

T0 = 1_736_470_800 * SECOND


def market(seed: int, n: int, noise: dict[str, float], horizons: tuple[int, ...] = (0, 10)) -> pd.DataFrame:
    """A random walk, one row a second; estimators are its present value with noise of the given deviation."""
    rng = np.random.default_rng(seed)
    path = 100.0 + 0.01 * rng.normal(size=n).cumsum()
    at = np.arange(n)
    prices = {f"t{h}": np.where(at + h < n, path[np.minimum(at + h, n - 1)], np.nan) for h in horizons}
    parts = [
        pd.DataFrame({"ts": T0 + at * SECOND, "key": key, "value": path + 0.01 * size * rng.normal(size=n), **prices})
        for key, size in noise.items()
    ]
    return pd.concat(parts, ignore_index=True).assign(venue="bybit", symbol="SOLUSDT", group="fair")
