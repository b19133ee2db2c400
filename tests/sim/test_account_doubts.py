"""An account that changes behind our back: seen twice, then taken over, also when somebody crashes meanwhile."""

import pytest

from actors.runtime.planned_crash import PlannedCrash
from market.order_log import LogKind
from market.units import MS, SECOND
from sim.config import make_config
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
