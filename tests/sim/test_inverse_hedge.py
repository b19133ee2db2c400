"""Linear and inverse contracts of one asset, quoted and hedged against each other in whole runs."""

from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from market.columns import Columns
from market.instrument import Instrument
from market.order_log import LogKind
from market.units import InstrumentId
from research.fill_check import check_run
from research.net_exposure import net_exposure
from research.run_data import Run
from sim.config import make_config
from sim.generator import Display, Flow, GeneratorConfig, MarketConfig, Moves, generate
from sim.generator_presets import LEAD, START
from sim.market_data import ColumnData
from sim.simulation import Simulation
from tests.sim.generated import joined

LINEAR = Instrument(
    0, "binance-futures", "BTCUSDT", "BTC", "USDT", "USDT", Decimal("5"), Decimal("0.001"), min_notional=Decimal(100)
)
INVERSE = Instrument(
    1, "binance-delivery", "BTCUSD_PERP", "BTC", "USD", "BTC", Decimal("5"), Decimal(1), Decimal(100), inverse=True
)


@cache
def market() -> ColumnData:
    news, premium = Moves(vol_bps=1.1, jumps_per_s=1.0, jump_bps=6.5), Moves(vol_bps=0.3, reversion_s=3.0)
    markets = (
        MarketConfig(LINEAR, 50_000.0, news, Flow(median_size=0.05), Display(level_size=0.5)),
        MarketConfig(
            INVERSE, 50_000.0, premium, Flow(median_size=25.0), Display(level_size=250.0), leader=0, lead=LEAD
        ),
    )
    feeds: list[tuple[InstrumentId, str, Columns]] = []
    for stream in generate(GeneratorConfig(7, START, 40.0, markets)):
        chunks = list(stream.chunks)
        if chunks:
            feeds.append((stream.instrument, stream.kind, joined(chunks)))
    return ColumnData((LINEAR, INVERSE), feeds)


@pytest.mark.parametrize(("quoted", "hedged_on"), [(LINEAR, INVERSE), (INVERSE, LINEAR)], ids=["linear", "inverse"])
def test_what_one_kind_fills_the_other_takes_back(quoted: Instrument, hedged_on: Instrument, tmp_path: Path) -> None:
    params: dict[str, Any] = {"notional": 1_000.0, "spread_bps": 0.3, "skew_bps": 0.0, "max_unhedged": 0.1}
    quoter = {"name": "h", "strategy": "hedged", "instruments": [quoted.name, hedged_on.name], "params": params}
    simulation = Simulation(make_config({"quoter": [quoter]}), market(), tmp_path)
    result = simulation.finish(simulation.run(), 0.0)
    assert result["complete"]
    data = market()
    assert check_run(tmp_path, data.streams(), data.clock_shifts, instruments=data.instruments) == []
    rows = np.fromfile(tmp_path / "orders.log", "<i8").reshape(-1, 10).tolist()
    taken = [row for row in rows if row[0] == LogKind.FILL_TAKER]
    assert len(taken) >= 5
    assert {row[3] for row in taken} == {hedged_on.id}
    exposure = net_exposure(Run.load(tmp_path)).loc["BTC"]
    # the smallest orders: 100 USD of the linear one, a contract of 100 USD of the other, at about 50,000
    assert abs(exposure["net"]) < 0.0045
    assert max(exposure["longest"], -exposure["shortest"]) < 0.1 + 2 * 0.02
    assert result["positions_by_base"]["BTC"]["net"] == pytest.approx(exposure["net"])
