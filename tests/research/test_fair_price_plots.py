"""Plots of fair prices: what they draw is what the tables say."""

from pathlib import Path

import numpy as np
import pytest

from research import plots
from research.fair_prices import FairPrices, fair_prices
from tests.research.declared_market import market


@pytest.fixture(scope="module")
def found() -> FairPrices:
    noise = {"vamp100k": 2.0, "vamp10k": 0.5, "vamp30k": 1.0}
    return fair_prices(market(1, 3000, noise, (0, 1, 10, 5000)), n_resamples=200)


def test_errors_of_one_horizon(found: FairPrices, tmp_path: Path) -> None:
    figure = plots.plot_fair_price_errors(found, "t10")
    (axes,) = figure.axes
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == ["vamp10k\nleast MSE / MAD", "vamp30k", "vamp100k"]
    (means,) = (line for line in axes.lines if line.get_label() == "mean")
    drawn = found.table["MEAN(e%)"]["t10"][["vamp10k", "vamp30k", "vamp100k"]]
    np.testing.assert_allclose(np.asarray(means.get_ydata(), dtype=float), drawn)
    assert plots.save_figure(figure, tmp_path / "plot.png").stat().st_size > 5_000


def test_losses_against_the_mids(found: FairPrices) -> None:
    figure = plots.plot_relative_losses(found)
    (axes,) = figure.axes
    # at once the mid is never wrong, and nothing is known after 5000 s
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1 s", "10 s"]
    drawn = {str(line.get_label()): np.asarray(line.get_ydata(), dtype=float) for line in axes.lines}
    for name in ("vamp10k", "vamp30k", "vamp100k"):
        ratio = found.comparison["MSE/mid"].xs(name, level="Estimator")[["t1", "t10"]]
        np.testing.assert_allclose(drawn[name], 100 * (ratio - 1))


def test_nothing_to_draw_is_said(found: FairPrices) -> None:
    figure = plots.plot_fair_price_errors(found, "t5000")
    assert "no row knows its forward price" in [text.get_text() for text in figure.axes[0].texts]
    at_once = fair_prices(market(1, 300, {"a": 1.0}), [0])
    figure = plots.plot_relative_losses(at_once)
    assert "no horizon at which the mid is ever wrong" in [text.get_text() for text in figure.axes[0].texts]
    with pytest.raises(ValueError, match=r"^no errors at 't7'; compared were \['t0', 't1', 't10', 't5000'\]$"):
        plots.plot_fair_price_errors(found, "t7")
