"""Net exposure by asset, against sums done by hand."""

import json
import math
from decimal import Decimal

import pytest

from market.instrument import Instrument, InstrumentTable
from market.messages import EquityStamp
from market.portfolio import Held, as_record, held_at, positions_by_base

BYBIT = Instrument(0, "bybit", "BTCUSDT", "BTC", "USDT", "USDT", Decimal("0.1"), Decimal("0.001"))
PARADEX = Instrument(
    1, "paradex", "BTC-USD-PERP", "BTC", "USD", "USDC", Decimal("1"), Decimal("1"), multiplier=Decimal("0.1")
)
COINM = Instrument(
    2, "binance-delivery", "BTCUSD_PERP", "BTC", "USD", "BTC", Decimal("0.1"), Decimal(1), Decimal(100), inverse=True
)
SOL = Instrument(3, "hyperliquid", "SOL", "SOL", "USDC", "USDC", Decimal("0.0001"), Decimal("0.01"))


def test_contracts_of_all_kinds_come_to_units_of_base() -> None:
    btc, sol = positions_by_base(
        [
            Held(BYBIT, 1_500, 50_000.0),  # 1.5
            Held(SOL, -250, 200.0),
            Held(PARADEX, -7, 50_100.0),  # 7 of 0.1
            Held(COINM, -400, 50_000.0),  # 400 of 100 USD: 0.8 BTC
        ]
    )
    assert (btc.base, sol.base) == ("BTC", "SOL")
    assert btc.net == pytest.approx(0.0)
    assert btc.parts == pytest.approx(
        {"bybit:BTCUSDT": 1.5, "paradex:BTC-USD-PERP": -0.7, "binance-delivery:BTCUSD_PERP": -0.8}
    )
    assert (sol.net, sol.value) == (-2.5, -500.0)


def test_the_worst_counts_what_may_still_be_filled_either_way() -> None:
    (net,) = positions_by_base([Held(BYBIT, 1_000, 50_000.0, 200, 300), Held(PARADEX, -2, 50_000.0, 0, 1)])
    assert (net.net, net.most, net.least) == pytest.approx((0.8, 1.0, 0.4))
    (only,) = positions_by_base([Held(BYBIT, 0, 50_000.0, 0, 300)])
    assert (only.net, only.most, only.least) == pytest.approx((0.0, 0.0, -0.3))


def test_what_is_not_held_is_left_out_and_what_is_not_known_is_said_so() -> None:
    assert positions_by_base([Held(BYBIT, 0, 50_000.0)]) == []
    nets = positions_by_base([Held(COINM, 100), Held(BYBIT, 5, 50_000.0)])
    assert math.isnan(nets[0].net)
    record = as_record(nets)
    assert json.loads(json.dumps(record, allow_nan=False)) == {
        "BTC": {"net": None, "value": None, "positions": {"binance-delivery:BTCUSD_PERP": None, "bybit:BTCUSDT": 0.005}}
    }


def test_of_stamps_the_newest_of_each_instrument_counts() -> None:
    def stamp(instrument: int, lots: int) -> EquityStamp:
        return EquityStamp(1, instrument, lots, math.nan, 0.0, 0.0, 0.0, 50_000.0, 0.0)

    held = held_at(InstrumentTable((BYBIT, PARADEX)), [stamp(1, 3), stamp(0, 5), stamp(0, -4)])
    assert [(each.instrument.name, each.lots) for each in held] == [("bybit:BTCUSDT", -4), ("paradex:BTC-USD-PERP", 3)]
