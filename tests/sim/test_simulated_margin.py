"""What a simulated account tells of its margin, against a plain count of what was filled."""

from decimal import Decimal

import pytest

from market.messages import Margin
from market.units import SECOND
from sim.config import make_config
from tests.sim.crash_runs import CrashRun, market


def test_equity_is_capital_and_what_the_fills_have_made() -> None:
    maker = {
        "name": "vamp",
        "instruments": ["bybit:SOLUSDT"],
        "references": ["binance-futures:SOLUSDT"],
        "params": {"spread_bps": 0.5, "skew_bps": 0.1, "notional": 800.0},
    }
    made = make_config(
        {
            "run": {"capital": 5_000.0},
            "data": {"preset": "crash", "seconds": 20.0},
            "venue": [{"name": "bybit", "leverage": 4.0, "latency": {"feed_private": 30}}],
            "quoter": [maker],
        }
    )
    done = CrashRun(config=made, data=market(7))
    n_fills: list[int] = []

    def look() -> None:
        exchange, instrument = done.world.exchange, done.instruments.find("bybit", "SOLUSDT")
        venue = done.instruments.venues.index("bybit")
        told, counted = done.world.source.margin.of(venue), exchange.venue_levels(instrument.id)
        assert isinstance(told, Margin)
        assert counted is not None
        mid = instrument.price(int(counted[0][0, 0]) + int(counted[1][0, 0])) / 2
        # filled at the venue by now, whether or not it was told
        fills = done.world.source.history.since(0, venue, exchange)
        cash = -sum(instrument.value(f.price, f.side * f.size) + Decimal(f.fee_e12).scaleb(-12) for f in fills)
        worth = mid * float(instrument.lot) * sum(f.side * f.size for f in fills)
        resting = sum(instrument.notional(o.price, o.size - o.filled) for o in exchange.open_orders(venue))
        equity, used = 5_000.0 + float(cash) + worth, (resting + abs(worth)) / 4.0
        assert told.equity_e6 == pytest.approx(equity * 1e6, abs=2)
        assert told.used_e6 == pytest.approx(used * 1e6, abs=2)
        assert told.available_e6 == pytest.approx(max(0.0, equity - used) * 1e6, abs=4)
        n_fills.append(len(fills))

    for n in range(1, 19):
        done.nursery.agenda.schedule(done.world.start + n * SECOND + 1, look)
    done.run()
    assert len(n_fills) == 18
    assert n_fills[-1] > n_fills[0] + 20, "or nothing is proven"
