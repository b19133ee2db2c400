"""Plots: thinning loses nothing that shows, files are the same for the same run, and every plot knows the empty run."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from research import plots
from research.plots.time_axis import decimate, envelope
from research.run_data import Run
from tests.research.run_writer import RunWriter, market_run

PLOTS: list[Callable[[Run], Figure]] = [
    lambda run: plots.plot_exchange(run, "bybit"),
    lambda run: plots.plot_quoter(run, "mm"),
    plots.plot_quoters,
    plots.plot_portfolio,
    plots.plot_markouts,
    plots.plot_markout_curves,
    lambda run: plots.plot_prices(run, "SOLUSDT", "bybit"),
    lambda run: plots.plot_prices(run, "SOLUSDT", "bybit", key="vamp", share_index=True),
    lambda run: plots.plot_prices(run, "SOLUSDT", "bybit", group="signal", with_inventory=True),
    plots.plot_counterparty_pnl,
]


@given(
    st.lists(st.tuples(st.integers(0, 50), st.one_of(st.integers(-9, 9), st.just(None))), max_size=300),
    st.integers(1, 8),
)
def test_thinning_keeps_what_shows(points: list[tuple[int, int | None]], n_bins: int) -> None:
    points.sort(key=lambda p: p[0])
    x = np.array([p[0] for p in points], dtype=np.float64)
    y = np.array([np.nan if p[1] is None else p[1] for p in points], dtype=np.float64)
    kept_x, kept_y = decimate(x, y, n_bins)
    known = [(a, b) for a, b in zip(x, y, strict=True) if b == b]
    assert set(zip(kept_x, kept_y, strict=True)) <= set(known)
    assert (np.diff(kept_x) >= 0).all()
    if not known or known[0][0] == known[-1][0]:
        assert len(kept_x) == len(known)
        return
    assert len(kept_x) <= 4 * n_bins or len(kept_x) == len(known)
    first, width = known[0][0], known[-1][0] - known[0][0]
    for place in range(n_bins):
        mine = [b for a, b in known if min(int((a - first) / width * n_bins), n_bins - 1) == place]
        kept = [
            b
            for a, b in zip(kept_x, kept_y, strict=True)
            if min(int((a - first) / width * n_bins), n_bins - 1) == place
        ]
        assert (min(mine, default=0), max(mine, default=0)) == (min(kept, default=0), max(kept, default=0))


def test_envelope() -> None:
    centre, low, mean, high = envelope(np.array([0.0, 1.0, 9.0, 10.0]), np.array([1.0, 3.0, -2.0, 4.0]), 2)
    assert [a.tolist() for a in (centre, low, mean, high)] == [[0.5, 9.5], [1.0, -2.0], [2.0, 1.0], [3.0, 4.0]]


@pytest.mark.slow
def test_every_plot_of_a_market_and_of_nothing(tmp_path: Path, write_run: RunWriter) -> None:
    for run in (market_run(tmp_path / "market"), write_run(folder="empty")):
        for plot in PLOTS:
            figure = plot(run)
            for axes in figure.axes:
                assert axes.get_ylabel() or axes.get_title()
            file = plots.save_figure(figure, tmp_path / "plot.png")
            assert file.stat().st_size > 5_000


@pytest.mark.slow
def test_same_run_same_bytes(tmp_path: Path) -> None:
    run = market_run(tmp_path / "market")
    digests = set()
    for _ in range(2):
        file = plots.save_figure(plots.plot_prices(run, "SOLUSDT", "bybit"), tmp_path / "plot.png")
        digests.add(hashlib.sha256(file.read_bytes()).hexdigest())
    assert len(digests) == 1


def test_fills_are_drawn_where_they_happened(tmp_path: Path) -> None:
    run = market_run(tmp_path / "market")
    axes = plots.plot_prices(run, "SOLUSDT", "bybit").axes[0]
    fills = run.table("fills")
    drawn = np.concatenate([np.asarray(c.get_offsets()) for c in axes.collections])
    expected = np.column_stack((fills["ts"] / 86_400e9, fills["price"] / 100))
    np.testing.assert_allclose(drawn[np.argsort(drawn[:, 0])], expected)
    low, high = axes.get_xlim()
    assert (low * 86_400e9, high * 86_400e9) == pytest.approx(run.window)
