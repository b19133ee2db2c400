"""Funding that falls due while nobody listens: the account tells of it, and it counts once."""

from decimal import Decimal
from functools import cache

import attrs
import pytest

from actors.runtime.planned_crash import PlannedCrash
from market.columns import FundingColumns
from market.order_log import LogKind
from market.units import MS, SECOND
from sim.generator import crash_market, generate
from sim.market_data import ColumnData
from tests.sim.crash_runs import CrashRun
from tests.sim.crash_sweep import LATENT, SEED
from tests.sim.generated import joined

EVERY = SECOND


@cache
def market() -> ColumnData:
    """Return the market of the crash tests with funding every second."""
    instruments, config = crash_market(SEED, 20)
    often = tuple(attrs.evolve(each, funding_interval=EVERY) for each in config.markets)
    feeds = []
    for stream in generate(attrs.evolve(config, markets=often)):
        chunks = list(stream.chunks)
        if chunks:
            feeds.append((stream.instrument, stream.kind, joined(chunks)))
    return ColumnData(instruments, feeds)


def due(run: CrashRun, data: ColumnData, instrument: int) -> dict[int, int]:
    """Return venue time -> amount in 1e-12 of all that was paid, from the feed and the venue's fills."""
    history = run.world.source.history
    fills = [
        fill
        for v in range(len(run.instruments.venues))
        for fill in history.since(0, v, run.world.exchange)
        if fill.instrument == instrument
    ]
    found = {}
    chunks = [c for s in data.streams() if s.instrument == instrument for c in s.chunks]
    for chunk in chunks:
        if not isinstance(chunk, FundingColumns):
            continue
        for ts, rate, mark in zip(chunk.ts_venue.tolist(), chunk.rate_e12.tolist(), chunk.mark.tolist(), strict=True):
            lots = sum(fill.side * fill.size for fill in fills if fill.ts_venue <= ts)
            if lots:
                found[ts] = round(-run.instruments[instrument].value(mark, lots) * rate)
    return found


@pytest.mark.parametrize(
    ("crash", "after_ms"),
    [(None, 0), ("tracker", -40), ("manager", -40), *(("venue:bybit", ms) for ms in (-150, -40, -1, 1, 20))],
)
def test_funding_is_counted_once_whoever_was_down(crash: str | None, after_ms: int) -> None:
    data = market()
    run = CrashRun(config=LATENT, data=data)
    instrument = run.instruments.find("bybit", "SOLUSDT").id
    # the reconnection takes about a fifth of a second
    first = run.world.start - run.world.start % EVERY + EVERY
    if crash is not None:
        run.nursery.plan_crashes([PlannedCrash(crash, at_ns=first + 12 * EVERY + after_ms * MS)])
    run.run()
    paid = [(row[2], row[9]) for row in run.log.rows() if row[0] == LogKind.FUNDING and row[3] == instrument]
    expected = due(run, data, instrument)
    told = {ts: amount for ts, amount in expected.items() if ts < run.world.source.end - EVERY}
    assert len(told) > 10
    assert len(paid) == len({ts for ts, _ in paid}), "one of them stands in the log twice"
    assert {ts: amount for ts, amount in paid if ts in told} == told
    assert run.tracker.holding(instrument).funding == Decimal(sum(amount for _, amount in paid)) / 10**12
    assert run.complaints() == []
