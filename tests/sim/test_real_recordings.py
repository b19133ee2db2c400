"""Real recordings, from the files that a user has to the figures of a run.

The money is recomputed from the table of fills with nothing of the project but the table itself.
"""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

from research.fill_check import check_run
from research.run_data import Run
from research.run_report import add_statistics
from scripts import import_tardis
from scripts.run import main
from sim.config import RunConfig, load_config, make_config
from sim.market_data import ArchiveSource
from sim.simulation import Simulation

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
FILES = (
    "binance-futures_*_BTCUSDT.csv.gz",
    "binance_*_BTCUSDT.csv.gz",
    "binance-delivery_*_BTCUSD_PERP.csv.gz",
    "hyperliquid_*_SOL.csv.gz",
    "bybit_*_BTCUSDT.csv.gz",
    "bybit-spot_*_BTCUSDT.csv.gz",
)
READY = ("perp-from-spot", "coinm-from-usdm")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def archive(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of the recordings, as the command makes it."""
    files = [str(file) for pattern in FILES for file in sorted((shared / "data" / "tardis").glob(pattern))]
    if not files:
        pytest.skip(f"no recordings in {shared / 'data' / 'tardis'}")
    root = tmp_path_factory.mktemp("real") / "archive"
    assert import_tardis.main([*files, "--archive", str(root)]) == 0
    return root


@attrs.frozen
class Done:
    """A finished run: what it was told, what it said, and where it lies."""

    config: RunConfig
    result: Mapping[str, Any]
    path: Path
    shifts: Mapping[str, int]


def simulate(config: RunConfig, out: Path) -> Done:
    out.mkdir()
    market = ArchiveSource(config, Path())
    simulation = Simulation(config, market, out)
    result = simulation.finish(simulation.run(), 0.0)
    assert result["complete"]
    return Done(config, result, out, market.clock_shifts)


def ready(name: str, archive: Path) -> RunConfig:
    config = load_config(CONFIGS / f"{name}.toml")
    return attrs.evolve(config, data=attrs.evolve(config.data, root=str(archive)))


@pytest.fixture(scope="module")
def runs(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Done]:
    folder = tmp_path_factory.mktemp("runs")
    return {name: simulate(ready(name, archive), folder / name) for name in READY}


@pytest.mark.parametrize("name", READY)
def test_both_sides_fill(name: str, runs: dict[str, Done]) -> None:
    side = Run.load(runs[name].path).table("fills")["side"]
    assert min((side > 0).sum(), (side < 0).sum()) >= 3


@pytest.mark.parametrize("name", READY)
def test_the_fills_stand_up_to_the_recording(name: str, runs: dict[str, Done]) -> None:
    done = runs[name]
    market = ArchiveSource(done.config, Path())
    assert check_run(done.path, market.streams(), done.shifts, instruments=market.instruments) == []


@pytest.mark.parametrize("name", READY)
def test_the_figures_are_finite(name: str, runs: dict[str, Done]) -> None:
    numbers = list(_numbers(add_statistics(runs[name].path)))
    assert len(numbers) > 20
    assert np.isfinite(numbers).all()


def _numbers(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [number for each in value.values() for number in _numbers(each)]
    if isinstance(value, list):
        return [number for each in value for number in _numbers(each)]
    return [float(value)] if isinstance(value, int | float) else []


def test_linear_money(runs: dict[str, Done]) -> None:
    run = Run.load(runs["perp-from-spot"].path)
    fills, equity = run.table("fills"), _last(run, 0)
    price, size = fills["price"] * 0.1, fills["size"] * 0.001  # USDT, BTC
    fee = 0.0002 * price * size
    np.testing.assert_allclose(fills["fee"], fee, rtol=0, atol=1e-8)
    position = (fills["side"] * size).sum()
    cash = -(fills["side"] * size * price).sum() - fee.sum()
    assert equity["position"] * 0.001 == pytest.approx(position, abs=1e-12)
    assert equity["cash"] == pytest.approx(cash, abs=1e-6)
    assert equity["fees"] == pytest.approx(fee.sum(), abs=1e-6)
    assert equity["pnl"] == pytest.approx(cash + position * equity["mid"], abs=1e-6)
    # 200 USDT at about 61,700: the nearest lot is 0.003
    assert set(_sizes(run)) == {3}


def test_inverse_money(runs: dict[str, Done]) -> None:
    run = Run.load(runs["coinm-from-usdm"].path)
    fills, equity = run.table("fills"), _last(run, 0)
    price, contracts = fills["price"] * 0.1, fills["size"]  # of 100 USD each
    coins = 100.0 * contracts / price
    fee = 0.0002 * coins
    np.testing.assert_allclose(fills["fee"], fee, rtol=0, atol=1e-11)
    # a long of N contracts opened at p is worth N * 100 * (1/p - 1/mark): buying is paid for in coins to come
    position = (fills["side"] * contracts).sum()
    cash = (fills["side"] * coins).sum() - fee.sum()
    assert equity["position"] == position
    assert equity["cash"] == pytest.approx(cash, abs=1e-10)
    assert equity["fees"] == pytest.approx(fee.sum(), abs=1e-10)
    assert equity["pnl"] == pytest.approx(cash - 100.0 * position / equity["mid"], abs=1e-10)
    assert set(_sizes(run)) == {2}


def test_a_long_inverse_position_gains_when_the_price_rises(runs: dict[str, Done]) -> None:
    table = Run.load(runs["coinm-from-usdm"].path).table("equity")
    mine = {key: values[table["instrument"] == 0] for key, values in table.items()}
    same = (np.diff(mine["position"]) == 0) & (np.diff(mine["cash"]) == 0) & (mine["position"][1:] != 0)
    moved = same & (np.diff(mine["mid"]) != 0)
    assert moved.sum() > 10
    sign = np.sign(np.diff(mine["pnl"])[moved])
    np.testing.assert_array_equal(sign, np.sign(np.diff(mine["mid"])[moved] * mine["position"][1:][moved]))


def _last(run: Run, instrument: int) -> dict[str, float]:
    table = run.table("equity")
    mine = np.flatnonzero(table["instrument"] == instrument)
    return {key: float(values[mine[-1]]) for key, values in table.items()}


def _sizes(run: Run) -> list[int]:
    orders = run.table("orders")
    found: list[int] = orders["size"][orders["kind"] == "PLACE"].tolist()
    return found


def test_without_the_basis_inventory_piles_up(archive: Path, runs: dict[str, Done], tmp_path: Path) -> None:
    # the perpetual trades below spot: a bid around spot's price rests nearer to the touch than the ask
    config = ready("perp-from-spot", archive)
    plain = {**config.quoter[0].params, "basis": "none", "spread_bps": 3, "skew_bps": 2}
    config = attrs.evolve(config, quoter=(attrs.evolve(config.quoter[0], params=plain),))
    side = Run.load(simulate(config, tmp_path / "none").path).table("fills")["side"]
    corrected = Run.load(runs["perp-from-spot"].path).table("fills")["side"]
    assert (side > 0).sum() > 3 * (side < 0).sum()
    assert abs(corrected.sum()) < abs(side.sum())


def test_the_same_twice_and_by_messages(archive: Path, runs: dict[str, Done], tmp_path: Path) -> None:
    for name in READY:
        again = simulate(ready(name, archive), tmp_path / name)
        assert again.result["digest"] == runs[name].result["digest"]
    config = ready("perp-from-spot", archive)
    spoken = simulate(attrs.evolve(config, run=attrs.evolve(config.run, deliver="all")), tmp_path / "spoken")
    assert spoken.result["digest"] == runs["perp-from-spot"].result["digest"]
    assert spoken.result["data"]["content_hash"] == runs["perp-from-spot"].result["data"]["content_hash"]


def test_what_the_result_says_of_the_data(runs: dict[str, Done]) -> None:
    data = runs["perp-from-spot"].result["data"]
    # the collector's clock runs behind the venues': stamps of the venue are moved back by more than a second
    assert all(-1.3e9 < shift < -1.2e9 for shift in data["clock_shifts_ns"].values())
    assert set(data["clock_shifts_ns"]) == {"binance-futures", "binance"}
    assert len(data["files"]) == 4
    assert data["quality"]["binance-futures:BTCUSDT/delta"]["unknown_deletes"] == 17_747
    assert tomllib.loads((runs["perp-from-spot"].path / "run.toml").read_text())["data"]["source"] == "archive"


HYPERLIQUID = """
[data]
source = "archive"
root = "{root}"
start = "2025-09-04:19"
end = "2025-09-04:20"

[[quoter]]
name = "sol"
instruments = ["hyperliquid:SOL"]
references = ["hyperliquid:SOL"]
params = {{ notional = 200, spread_bps = 2, skew_bps = 1.5 }}
"""


def test_significant_figures_and_a_hole(archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, out = tmp_path / "sol.toml", tmp_path / "out"
    file.write_text(HYPERLIQUID.format(root=archive))
    assert main(["--config", str(file), "--out", str(out), "--no-report"]) == 0
    said = capsys.readouterr().err
    hole = "hole in the data: hyperliquid:SOL book 2025-09-04:19: silence from 2025-09-04 19:58:11.934"
    assert 0 <= said.find(hole) < said.find("events")
    run = Run.load(out)
    orders, side = run.table("orders"), run.table("fills")["side"]
    ticks = orders["price"][orders["kind"] == "PLACE"]  # of 0.0001: 205.12 has five figures, 205.123 has six
    assert len(ticks) > 100
    assert (ticks % 100 == 0).all()
    assert min((side > 0).sum(), (side < 0).sum()) > 0
    market = ArchiveSource(load_config(file), Path())
    assert check_run(out, market.streams(), market.clock_shifts, instruments=market.instruments) == []


def test_a_short_recording_of_two_venues(archive: Path, tmp_path: Path) -> None:
    window = {"source": "archive", "root": str(archive), "start": "2026-08-09:21", "end": "2026-08-09:21"}
    quoter = {
        "name": "btc",
        "instruments": ["bybit:BTCUSDT"],
        "references": ["bybit-spot:BTCUSDT"],
        "params": {"basis": "ewma", "spread_bps": 1, "skew_bps": 0.5},
    }
    done = simulate(make_config({"data": window, "quoter": [quoter]}), tmp_path / "bybit")
    orders = Run.load(done.path).table("orders")
    # the mid does not move in these 42 s: a quote on each side, and one replaced at the first trade
    assert (orders["kind"] == "PLACE").sum() >= 2
    assert done.result["n_events"] == 414 + 56 + 300 + 11  # messages and trades of both
    assert done.shifts == {"bybit": 0, "bybit-spot": 0}
    assert json.loads((done.path / "result.json").read_text())["data"]["holes"]
