"""An account that changes behind our back: seen twice, then taken over, also when somebody crashes meanwhile."""

from pathlib import Path

import pytest

from actors.runtime.planned_crash import PlannedCrash
from market.order_log import LogKind
from market.units import MS, SECOND
from research.fill_check import check_run
from research.run_data import Run
from sim.config import make_config
from sim.simulation import Simulation
from sim.state_kernels import AT_INSTRUMENT, I_POSITION, INSTRUMENT_SIZE
from tests.sim.crash_runs import CrashRun, market
from tests.sim.crash_sweep import SEED

CONFIG = make_config(
    {
        "data": {"preset": "crash", "seconds": 20.0},
        "orders": {"account_every_s": 1.0},
        "venue": [{"name": "bybit", "latency": {"request_private": 20, "ack_private": 30, "feed_private": 60}}],
    }
)


@pytest.mark.parametrize("crash", [None, "tracker", "manager", "venue:bybit"])
@pytest.mark.parametrize("after_ms", [0, 30, 60, 90, 120])
def test_what_no_fill_explains_is_taken_over(crash: str | None, after_ms: int) -> None:
    run = CrashRun(config=CONFIG, data=market(SEED))
    quoted = run.instruments.find("bybit", "SOLUSDT").id
    at = run.world.start + 5 * SECOND

    def change() -> None:
        rows = run.world.exchange.view(AT_INSTRUMENT).reshape(-1, INSTRUMENT_SIZE)
        rows[quoted, I_POSITION] += 7

    run.nursery.agenda.schedule(at, change)
    if crash is not None:
        # the account is asked for at each full second
        run.nursery.plan_crashes([PlannedCrash(crash, at_ns=at + SECOND + after_ms * MS)])
    run.run()
    adjusted = [row[7] for row in run.log.rows() if row[0] == LogKind.ADJUSTMENT]
    assert sum(adjusted) == 7
    assert run.complaints() == [f"{len(adjusted)} corrections of positions that the fills would have explained"]


def test_an_adjustment_is_booked_at_the_price_that_the_log_says(tmp_path: Path) -> None:
    simulation = Simulation(CONFIG, market(SEED), tmp_path)
    quoted = simulation.instruments.find("bybit", "SOLUSDT").id

    def change() -> None:
        rows = simulation.exchange.view(AT_INSTRUMENT).reshape(-1, INSTRUMENT_SIZE)
        rows[quoted, I_POSITION] += 7

    simulation.nursery.agenda.schedule(simulation.start + 5 * SECOND, change)
    simulation.finish(simulation.run(), 0.0)
    orders = Run.load(tmp_path).table("orders")
    is_adjustment = orders["kind"] == "ADJUSTMENT"
    assert orders["size"][is_adjustment].sum() == 7
    assert orders["price"][is_adjustment].all()
    data = market(SEED)
    assert check_run(tmp_path, data.streams(), data.clock_shifts, instruments=data.instruments) == []
