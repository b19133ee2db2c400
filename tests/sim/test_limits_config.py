"""Limits of one instrument, from the config to the orders that are sent."""

from pathlib import Path

import pytest

from market.order_log import LogKind
from sim.config import ConfigError, make_config
from sim.market_data import open_market
from sim.simulation import Simulation


def _run(out: Path, limits_of: dict[str, dict[str, float]]) -> int:
    config = make_config({"data": {"preset": "crash", "seconds": 20.0}, "orders": {"limits_of": limits_of}})
    simulation = Simulation(config, open_market(config, Path()), out)
    outcome = simulation.run()
    n_placed = sum(row[0] == LogKind.PLACE for row in simulation.log.rows())
    simulation.finish(outcome, 0.0)
    return n_placed


@pytest.mark.parametrize(
    ("limits_of", "is_quoted"),
    [
        ({}, True),
        ({"bybit:SOLUSDT": {"max_order_notional": 150.0}}, False),  # the maker quotes 200
        ({"bybit:SOLUSDT": {"max_order_notional": 250.0}}, True),
        ({"binance-futures:SOLUSDT": {"max_order_notional": 150.0}}, True),
    ],
)
def test_limits_of_one_instrument_bind_there_alone(
    tmp_path: Path, limits_of: dict[str, dict[str, float]], is_quoted: bool
) -> None:
    assert (_run(tmp_path, limits_of) > 0) is is_quoted


def test_wrong_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"^limits_of: no instrument 'bybit:SOL'; known: binance-futures:SOLUSDT, bybit"
    ):
        _run(tmp_path, {"bybit:SOL": {}})
    with pytest.raises(ConfigError, match="max_size"):
        make_config({"orders": {"limits_of": {"bybit:SOLUSDT": {"max_size": 1.0}}}})
