"""Net exposure by asset of a run directory."""

from pathlib import Path

import pytest

from research.net_exposure import net_exposure
from tests.research.run_writer import BTC_INVERSE, SOL, SOL_REFERENCE, write_run

BTC = {**BTC_INVERSE, "symbol": "BTCUSDT", "lot": "0.001", "multiplier": "1", "inverse": False, "settle": "USDT"}


def test_positions_over_venues_and_symbols_come_to_net_amounts(tmp_path: Path) -> None:
    run = write_run(
        tmp_path / "run",
        instruments=(SOL, SOL_REFERENCE, BTC_INVERSE, BTC),
        equity={
            "ts": [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3],
            "instrument": [0, 1, 2, 3] * 3,
            "position": [10, 0, 0, 0, 30, -20, 400, 0, 10, -15, 400, 0],
            "mid": [
                190.0,
                191.0,
                40_000.0,
                40_000.0,
                190.0,
                191.0,
                50_000.0,
                50_000.0,
                190.0,
                192.0,
                40_000.0,
                40_000.0,
            ],
        },
    )
    found = net_exposure(run)
    assert list(found.index) == ["BTC", "SOL"]
    sol = found.loc["SOL"]
    assert (sol["net"], sol["longest"], sol["shortest"]) == pytest.approx((-0.5, 1.0, -0.5))
    assert sol["value"] == pytest.approx(-0.5 * 191.0)
    assert sol["mean_size"] == pytest.approx((1.0 + 1.0 + 0.5) / 3)
    assert sol["positions"] == "bybit:SOLUSDT +1, binance-futures:SOLUSDT -1.5"
    btc = found.loc["BTC"]
    assert (btc["net"], btc["longest"]) == pytest.approx((1.0, 1.0)), "400 contracts of 100 USD at 40,000"


def test_nothing_held_is_nothing_shown(tmp_path: Path) -> None:
    assert net_exposure(write_run(tmp_path / "run")).empty
    flat = write_run(
        tmp_path / "flat", equity={"ts": [1, 2], "instrument": [0, 0], "position": [0, 0], "mid": [1.0, 1.0]}
    )
    assert net_exposure(flat).empty
