"""The simulated venue and the real ones, on their emulators, under one suite."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import attrs
import pytest
import trio

from actors.connector import VenueConnector
from actors.runtime.live import LiveNursery
from actors.runtime.live_clock import LiveClock
from actors.runtime.nursery import Outcome
from actors.runtime.run_log import RunLog
from actors.runtime.wiring import connector_name
from market.messages import CancelOrder, ConnectionUp, OrderAccepted, OrderCancelled
from market.units import SECOND, Nanos
from sim.config import RunConfig
from sim.emulator import AccountTruth, Emulator, EmulatorConfig, Fault, VenueSection, open_emulator
from sim.exchange import VenueModel
from sim.market_shell import MarketTask
from sim.market_world import MarketWorld, instruments_of
from tests.sim.crash_runs import NoTables, market
from tests.venue_contract import (
    SUITE,
    Stage,
    a_cancel_gets_through_without_a_socket,
    a_connector_that_its_supervisor_stops_leaves_no_order,
    is_given_up,
    nothing_but_cancels_is_sent_without_a_connection,
    on_stage,
)
from venues.connection import Credentials, VenueConnection
from venues.hyperliquid.venue import HyperliquidConfig, HyperliquidVenue
from venues.registry import venue_kind
from venues.shell import converse
from venues.venue import Venue, VenueKind, VenueSetup
from venues.woox.limits import AMEND, CANCEL, PLACE
from venues.woox.venue import WooxConfig, WooxVenue

pytestmark = [pytest.mark.realtime, pytest.mark.slow]
DRAIN = 20 * SECOND
CANCELS_ON_DISCONNECT = ("paradex",)
_NOWHERE = "ws://127.0.0.1:1"
WEIGHT = 100_000  # of requests a minute, where they are weighed: the suite asks more than a run does
WEIGHED = ("hyperliquid", "binance-futures")
ORDER_RATE = 200  # the suite sends faster than a usual account may
# a venue that does not tell its limits is told them
MAKERS: dict[str, Callable[[VenueSetup], Venue]] = {
    "woox": partial(WooxVenue, config=WooxConfig(limits=dict.fromkeys((PLACE, AMEND, CANCEL), ORDER_RATE))),
    "hyperliquid": partial(HyperliquidVenue, config=HyperliquidConfig(weight=WEIGHT)),
}


# what the answer to a frame says that several commands have shared
SHARED = {"bybit": "-batch", "hyperliquid": '"statuses":[{"resting"'}


@attrs.frozen
class Ground:
    """An emulated venue, and what a connector to it is made of."""

    emulator: Emulator
    setup: VenueSetup
    kind: VenueKind
    clock: LiveClock
    frames: list[str | bytes] = attrs.field(factory=list)  # that were received

    def hear(self, socket: str, frame: str | bytes, ts_recv: Nanos) -> None:
        self.frames.append(frame)

    @asynccontextmanager
    async def stage(self, setup: VenueSetup | None = None) -> AsyncIterator[Stage]:
        """Put a connector on stage; when the block ends it is cancelled without a word."""
        name, used = self.setup.instruments[0].venue, setup or self.setup
        connector = connector_name(name)
        nursery = LiveNursery(RunLog(), 1, self.clock, drain_ns=DRAIN)
        starts = {connector: lambda: VenueConnector(connector, used, self.kind.make, self.clock, on_frame=self.hear)}
        cut = partial(self.emulator.inject, Fault("drop", venue=name))

        async def run(nursery: LiveNursery) -> Outcome:
            return await nursery.run()

        async with on_stage(used.instruments[0], starts, cut, run, nursery) as stage:
            stage.outlives = name not in CANCELS_ON_DISCONNECT
            yield stage

    @property
    def without_sockets(self) -> VenueSetup:
        """The same, but that nobody listens where its sockets should be."""
        return self._at(dict.fromkeys(self.setup.connection.sockets, _NOWHERE))

    def without_socket(self, name: str) -> VenueSetup:
        """The same, but that nobody listens where one socket should be."""
        return self._at({**self.setup.connection.sockets, name: _NOWHERE})

    def _at(self, sockets: dict[str, str]) -> VenueSetup:
        return attrs.evolve(self.setup, connection=attrs.evolve(self.setup.connection, sockets=sockets))


@asynccontextmanager
async def emulated(name: str) -> AsyncIterator[Ground]:
    """Emulate a venue, and prepare an account there."""
    request_rate = WEIGHT if name in WEIGHED else 0
    section = VenueSection(name, clock_offset_ms=250.0, order_rate=ORDER_RATE, request_rate=request_rate)
    config = EmulatorConfig(venue=(section,))
    async with open_emulator(config) as emulator:
        address = emulator.addresses[name]
        sockets = {"default": address.public, "private": address.private, "trade": address.trade}
        connection = VenueConnection("custom", address.rest, sockets)
        kind, clock = venue_kind(name), LiveClock()
        symbol = next(iter(emulator.truth(name).positions))
        instruments = await converse(kind.instruments([symbol], 0, clock.now_ns()), name, connection, clock)
        setup = VenueSetup(0, instruments, connection, Credentials(*emulator.keys(name)))
        with_fees = await converse(kind.preparation(setup, clock.now_ns()), name, connection, clock)
        used = attrs.evolve(kind, make=MAKERS.get(name, kind.make))
        yield Ground(emulator, attrs.evolve(setup, instruments=with_fees), used, clock)


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


REAL = ("bybit", "binance-futures", "woox", "hyperliquid", "paradex")


@pytest.fixture(scope="module")
def kept() -> dict[str, Exception | None]:
    """By venue, what was wrong: all of them side by side, as most of the time they wait for an answer."""
    found: dict[str, Exception | None] = {}

    async def one(name: str) -> None:
        try:
            await keep(name)
        except Exception as error:
            found[name] = error
        else:
            found[name] = None

    async def all_of_them() -> None:
        async with trio.open_nursery() as tasks:
            for name in REAL:
                tasks.start_soon(one, name)

    trio.run(all_of_them)
    return found


@pytest.mark.parametrize("name", REAL)
def test_a_real_venue_keeps_the_contract(kept: dict[str, Exception | None], name: str) -> None:
    if (error := kept[name]) is not None:
        raise error


async def keep(name: str) -> None:
    """Put a venue on its emulator through the suite."""
    async with emulated(name) as ground:
        truth = partial(ground.emulator.truth, name)
        async with ground.stage() as stage:
            await stage.until_up()
            await _margin_is_told(stage, truth)
            for check in SUITE:
                await check(stage)
                lots = dict((await stage.account()).positions)[stage.instrument.id]
                assert truth().positions[stage.instrument.symbol] == lots
            assert sum(SHARED[name] in frame for frame in map(_text, ground.frames)) >= 2 if name in SHARED else True
            if balances := dict((await stage.account()).balances):  # a venue need not tell them
                assert balances == {stage.instrument.settle: round(truth().wallet * 10**8)}
            await a_connector_that_its_supervisor_stops_leaves_no_order(stage)
            for socket in ground.setup.connection.sockets:
                async with ground.stage(ground.without_socket(socket)) as other:
                    await a_cancel_gets_through_without_a_socket(stage, other)
            async with ground.stage(ground.without_sockets) as blind:
                await a_cancel_gets_through_without_a_socket(stage, blind)
                await nothing_but_cancels_is_sent_without_a_connection(stage, blind)
                resting = await stage.place(0.02)
                await stage.of_order(OrderAccepted, resting)
                await is_given_up(blind)
                assert not blind.of(ConnectionUp)
            assert not truth().open_orders
            await stage.of_order(OrderCancelled, resting)

            last = await stage.place(0.02)
            await stage.of_order(OrderAccepted, last)
            assert len(truth().open_orders) == 1
        assert not truth().open_orders, "a connector that is cut off cancels on its way out"


def _text(frame: str | bytes) -> str:
    return frame if isinstance(frame, str) else frame.decode()


async def _margin_is_told(stage: Stage, truth: Callable[[], AccountTruth]) -> None:
    """While the account is flat it is known to the last digit, whatever the price does."""
    order = await stage.place(0.02)
    await stage.of_order(OrderAccepted, order)
    margin = (await stage.account()).margin
    assert margin is not None
    assert margin.available_e6 is not None
    assert margin.equity_e6 is not None
    assert margin.available_e6 == pytest.approx(float(truth().available * 10**6), abs=1)
    assert margin.equity_e6 == pytest.approx(float(truth().equity * 10**6), abs=1)
    assert margin.available_e6 < margin.equity_e6, "an order is open"
    stage.send(CancelOrder(order.client_id, order.instrument))
    await stage.of_order(OrderCancelled, order)


async def test_the_simulated_venue_keeps_the_contract() -> None:
    async with simulated() as stage:
        resting = await stage.place(0.02)
        await stage.of_order(OrderAccepted, resting)
        margin = (await stage.account()).margin
        assert margin is not None
        bound = stage.instrument.notional(resting.price, resting.size) / VenueModel("any").leverage
        assert (margin.equity_e6, margin.used_e6) == (10_000 * 10**6, round(bound * 1e6))
        assert margin.available_e6 == 10_000 * 10**6 - round(bound * 1e6)
        stage.send(CancelOrder(resting.client_id, resting.instrument))
        for check in SUITE:
            await check(stage)
        orders = [await stage.place(0.02), await stage.place(0.03)]
        for order in orders:
            await stage.of_order(OrderAccepted, order)
        await is_given_up(stage)
        assert {order.client_id for order in orders} <= {each.client_id for each in stage.of(OrderCancelled)}
