"""From declarations and mids to a regression: the columns of forward prices are the ones a formula names."""

import numpy as np
import pytest

from market.units import SECOND
from research.forward_prices import forward_prices
from research.prices import Mids
from research.regression import Regression
from tests.research.declared_market import T0, market


def test_forward_prices_are_regressed_as_they_come() -> None:
    declared = market(3, 900, {"vamp10k": 0.5, "vamp100k": 2.0}, horizons=(0,)).drop(columns="t0")
    mids = Mids(T0 + np.arange(900) * SECOND, declared["value"].to_numpy()[:900])
    frame = forward_prices(declared, {("bybit", "SOLUSDT"): mids}, (0, 1, 30), max_age_s=None)
    formula = "div(minus(t30,t0),t0) ~ div(minus(value,t0),t0)"
    with pytest.raises(ValueError, match=r"^the frame mixes the rows of 2 keys \(vamp100k, vamp10k\)"):
        Regression(formula, frame)
    fit = Regression(formula, frame[frame["key"] == "vamp100k"], intercept=False).ols()
    # one row a second: the 29 that follow begin inside 30 s
    assert (fit.lag, fit.errors) == (29, "HAC")
    assert fit.counts["used"] == len(frame) // 2
