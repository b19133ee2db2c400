"""The simulated venue and the real ones, on their emulators, under one suite."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest

from actors.connector import VenueConnector
from actors.runtime.live import LiveNursery
from actors.runtime.live_clock import LiveClock
from actors.runtime.nursery import Outcome
from actors.runtime.run_log import RunLog
from actors.runtime.wiring import connector_name
from market.units import SECOND
from sim.config import RunConfig
from sim.emulator import Emulator, EmulatorConfig, Fault, VenueSection, open_emulator
from sim.market_shell import MarketTask
from sim.market_world import MarketWorld, instruments_of
from tests.sim.crash_runs import NoTables, market
from tests.venue_contract import SUITE, Stage, a_run_that_is_given_up_leaves_no_order, on_stage
from venues.connection import Credentials, VenueConnection
from venues.registry import venue_kind
from venues.shell import converse
from venues.venue import VenueSetup

pytestmark = [pytest.mark.realtime, pytest.mark.slow]
DRAIN = 20 * SECOND
ORDER_RATE = 200  # the suite sends faster than a usual account may


@asynccontextmanager
async def real(name: str) -> AsyncIterator[tuple[Stage, Emulator]]:
    """A real venue's connector before its emulator."""
    config = EmulatorConfig(venue=(VenueSection(name, clock_offset_ms=250.0, order_rate=ORDER_RATE),))
    async with open_emulator(config) as emulator:
        address, account = emulator.addresses[name], config.account[0]
        sockets = {"default": address.public, "private": address.private, "trade": address.trade}
        connection = VenueConnection("custom", address.rest, sockets)
        kind, clock = venue_kind(name), LiveClock()
        symbol = next(iter(emulator.truth(name).positions))
        instruments = await converse(kind.instruments([symbol], 0, clock.now_ns()), name, connection, clock)
        setup = VenueSetup(0, instruments, connection, Credentials(account.key, account.secret))
        await converse(kind.preparation(setup, clock.now_ns()), name, connection, clock)
        nursery = LiveNursery(RunLog(), 1, clock, drain_ns=DRAIN)

        async def run(nursery: LiveNursery) -> Outcome:
            return await nursery.run()

        connector = connector_name(name)
        starts = {connector: lambda: VenueConnector(connector, setup, kind.make, clock)}
        cut = partial(emulator.inject, Fault("drop", venue=name))
        async with on_stage(instruments[0], starts, cut, run, nursery) as stage:
            await stage.until_up()
            yield stage, emulator


@asynccontextmanager
async def simulated() -> AsyncIterator[Stage]:
    """The simulated venue, at the pace of the wall clock; the market's other venue runs beside it."""
    data = market(7, 90.0)
    table = instruments_of(data)
    log = RunLog()
    world = MarketWorld(RunConfig(), data, table, NoTables(), log=log)
    clock = LiveClock(start=world.start)
    task = MarketTask(world)
    nursery = LiveNursery(log, 1, clock, hooks=task.hooks, drain_ns=DRAIN)
    starts = dict(zip(map(connector_name, table.venues), task.connectors(), strict=True))

    async def run(nursery: LiveNursery) -> Outcome:
        task.bind(nursery, clock)
        return await task.run()

    # a message that it does not know crashes it, and a crash is a lost connection there
    async with on_stage(table[0], starts, lambda: stage.send("what is this?"), run, nursery) as stage:
        await stage.until_up()
        yield stage


@pytest.mark.parametrize("name", ["bybit", "binance-futures"])
async def test_a_real_venue_keeps_the_contract(name: str) -> None:
    async with real(name) as (stage, emulator):
        for check in SUITE:
            await check(stage)
            lots = dict((await stage.account()).positions)[stage.instrument.id]
            assert emulator.truth(name).positions[stage.instrument.symbol] == lots
        await a_run_that_is_given_up_leaves_no_order(stage)
        assert not emulator.truth(name).open_orders


async def test_the_simulated_venue_keeps_the_contract() -> None:
    async with simulated() as stage:
        for check in SUITE:
            await check(stage)
        await a_run_that_is_given_up_leaves_no_order(stage)
