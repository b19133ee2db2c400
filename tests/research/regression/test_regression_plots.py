"""Plots of a regression: files the same for the same fit, all kinds of fits drawn, influence as statsmodels has it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from research.plots.influence import influence
from research.plots.points import draw_bin_means, name_powers
from research.plots.style import new_figure, styled
from research.regression import Regression
from tests.research.regression.overlapping_returns import irregular

TUTORIAL = "div(minus(t60,t0),t0) ~ div(minus(value,t0),t0)"
KINDS = ("fit", "residuals", "influence", "leverage")


@pytest.mark.slow
def test_what_is_asked_for_is_drawn_and_saved_alike_each_time(tmp_path: Path) -> None:
    files = []
    for run in ("one", "two"):
        regression = Regression(TUTORIAL, irregular(4, 3_500), intercept=False)
        regression.ols()
        paths = {f"save_{kind}": tmp_path / f"{run}-{kind}.png" for kind in KINDS}
        assert tuple(regression.plot(**paths)) == KINDS  # type: ignore[arg-type]
        files.append([path.read_bytes() for path in paths.values()])
    assert files[0] == files[1]
    assert len(set(files[0])) == len(KINDS)


def test_nothing_to_plot_is_said() -> None:
    regression = Regression("y ~ x", pd.DataFrame({"x": [1.0, 2, 3, 4, 5], "y": [2.0, 1, 4, 3, 5]}))
    with pytest.raises(ValueError, match=r"^nothing to plot: ask for one of fit, residuals, influence, leverage"):
        regression.plot()


@pytest.mark.slow
def test_bins_and_several_regressors_are_drawn() -> None:
    frame = irregular(5, 2_500)
    regression = Regression("minus(t60,t0) ~ minus(value,t0) * delta_5(t0)", frame)
    regression.ols()
    panels = regression.plot(fit=True)["fit"].axes
    assert [axes.get_xlabel().split(" = ")[0] for axes in panels] == ["b1", "b2", "b1:b2"]
    regression.ols(bins=12)
    figures = regression.plot(fit=True, residuals=True, influence=True, leverage=True)
    # points without time have no autocorrelation
    assert figures["residuals"].axes[1].get_title(loc="left") == "Residuals against the normal"


def test_a_perfect_fit_has_no_influence_to_show() -> None:
    x = np.arange(40.0)
    regression = Regression("y ~ x", pd.DataFrame({"x": x, "y": np.zeros(40)}), intercept=False)
    regression.ols(errors="plain")
    for kind in ("influence", "leverage"):
        (axes,) = regression.plot(**{kind: True})[kind].axes  # type: ignore[arg-type]
        assert [text.get_text() for text in axes.texts] == ["every point lies on the line"]


def test_influence_is_that_of_statsmodels() -> None:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"x": rng.normal(size=60), "y": rng.normal(size=60)})
    fit = Regression("y ~ x", frame).ols()
    theirs = sm.OLS(frame["y"], sm.add_constant(frame["x"])).fit().get_influence()
    leverage, student, cook = influence(fit)
    np.testing.assert_allclose(leverage, theirs.hat_matrix_diag)
    np.testing.assert_allclose(student, theirs.resid_studentized_external)
    np.testing.assert_allclose(cook, theirs.cooks_distance[0])


def test_means_of_bins_are_where_the_points_are() -> None:
    x = np.arange(1_000.0)
    with styled():
        _, (axes,) = new_figure()
        draw_bin_means(axes, x, 3.0 * x)
    offsets = np.asarray(axes.collections[0].get_offsets())
    assert offsets.shape == (25, 2)
    np.testing.assert_allclose(offsets[:, 1], 3.0 * offsets[:, 0])
    assert offsets[0, 0] == pytest.approx(np.arange(40).mean())


def test_small_values_leave_their_power_in_the_label() -> None:
    with styled():
        _, (axes,) = new_figure()
        axes.set_xlim(-3e-5, 2e-5)
        axes.set_ylim(0.0, 5.0)
        axes.set_xlabel("move")
        axes.set_ylabel("count")
        name_powers(axes)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("move   (× $10^{-5}$)", "count")
    assert axes.xaxis.get_major_formatter()(2e-5, 0) == "2"
