"""What may be wrong with a regression: regressors that say the same, residuals that hang together."""

import numpy as np
from statsmodels.stats.outliers_influence import variance_inflation_factor

from research.prices import FloatArray
from research.regression.fit import Fit


def diagnose(fit: Fit) -> dict[str, float | int | None]:
    """Return the diagnosis of a fit.

    Returns:
        `cond_num`: condition number of the regressors, each scaled to length 1 so that units do not matter (Belsley,
        Kuh and Welsch 1980, Regression Diagnostics; above 30 is trouble).
        `vif b1`, ...: variance inflation factors (above 10 is trouble), None with a single regressor.
        `durbin_watson`: 2 for unrelated neighbours, near 0 for overlapping responses; None for points without time.
        `n`: points.  `n_effective b1`, ...: independent rows that would know the parameter as well.
        `horizon_rows`: most rows that begin inside one horizon of another.
    """
    names = fit.names
    found: dict[str, float | int | None] = {"cond_num": condition_number(fit.design)}
    slopes = [i for i, name in enumerate(names) if name != "Intercept"]
    for i in slopes:
        alone = len(slopes) < 2
        found[f"vif {names[i]}"] = None if alone else float(variance_inflation_factor(fit.design, i))
    found["durbin_watson"] = fit.durbin_watson
    found["n"] = fit.nobs
    effective = fit.n_effective
    for name in names:
        found[f"n_effective {name}"] = None if effective is None else float(effective[name])
    found["horizon_rows"] = fit.lag
    return found


def condition_number(design: FloatArray) -> float:
    """Return the condition number of a matrix whose columns are scaled to length 1."""
    lengths = np.sqrt((design**2).sum(axis=0))
    return float(np.linalg.cond(design / np.where(lengths > 0.0, lengths, 1.0)))
