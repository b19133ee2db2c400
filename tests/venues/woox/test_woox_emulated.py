"""WOO X over real sockets, where the suite of all venues does not look: limits, faults of streams, sweeps, bad keys."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest

from actors.connector import VenueConnector
from actors.runtime.live import LiveNursery
from actors.runtime.live_clock import LiveClock
from actors.runtime.nursery import Outcome
from actors.runtime.run_log import RunLog
from market.messages import BookGap, BookSnapshot, Fill, OrderAccepted, OrderFlag, OrderRejected, Reason
from sim.emulator import AccountSection, EmulatorConfig, Fault, VenueSection, open_emulator
from sim.emulator.emulator import Emulator
from tests.sim.emulator.raw_client import WooxRest
from tests.venue_contract import Stage, on_stage
from venues.connection import Credentials, VenueConnection
from venues.registry import venue_kind
from venues.shell import converse
from venues.venue import VenueSetup

pytestmark = pytest.mark.realtime

SYMBOL = "PERP_SOL_USDT"
KIND = venue_kind("woox")


def setup(emulator: Emulator) -> VenueSetup:
    address, account = emulator.addresses["woox"], emulator.config.account[0]
    connection = VenueConnection("custom", address.rest, {"default": address.public})
    return VenueSetup(0, (), connection, Credentials(account.key, account.secret))


@asynccontextmanager
async def staged(emulator: Emulator) -> AsyncIterator[Stage]:
    """Put a connector to the emulated venue on stage, with the limits that every account has."""
    used, clock = setup(emulator), LiveClock()
    listed = await converse(KIND.instruments([SYMBOL], 0, clock.now_ns()), "woox", used.connection, clock)
    whole = VenueSetup(0, listed, used.connection, used.credentials)
    nursery = LiveNursery(RunLog(), 1, clock)
    starts = {"connector": lambda: VenueConnector("connector", whole, KIND.make, clock)}

    async def run(nursery: LiveNursery) -> Outcome:
        return await nursery.run()

    cut = partial(emulator.inject, Fault("drop", venue="woox"))
    async with on_stage(listed[0], starts, cut, run, nursery) as stage:
        await stage.until_up()
        yield stage


async def test_a_burst_is_held_within_the_limits_and_the_venue_refuses_nothing() -> None:
    async with open_emulator(EmulatorConfig(venue=(VenueSection("woox"),))) as emulator, staged(emulator) as stage:
        orders = [await stage.place(0.02 + 0.001 * n) for n in range(12)]
        for order in orders:
            await stage.next(
                OrderAccepted | OrderRejected,  # type: ignore[arg-type]  # either is an answer
                lambda fact, order=order: fact.client_id == order.client_id,  # type: ignore[misc]
            )
        reasons = [each.reason for each in stage.of(OrderRejected)]
        assert reasons == [Reason.LIMIT_ORDER_RATE] * len(reasons)
        assert len(reasons) >= 5
        assert len(emulator.truth("woox").open_orders) == 12 - len(reasons)


async def test_what_is_told_twice_counts_once_and_what_is_lost_is_asked_for() -> None:
    async with open_emulator(EmulatorConfig(venue=(VenueSection("woox"),))) as emulator, staged(emulator) as stage:
        emulator.inject(Fault("duplicate", venue="woox", where="private", count=50))
        order = await stage.place(-0.02, flags=OrderFlag.IOC, size=20)
        await stage.of_order(Fill, order)
        account = await stage.account()
        told = [fill.fill_id for fill in stage.of(Fill)]
        assert sorted(told) == sorted(fill.fill_id for fill in account.fills)
        assert dict(account.positions)[0] == sum(fill.size for fill in stage.of(Fill)) == 20

        place = len(stage.told)
        emulator.inject(Fault("lose", venue="woox", where="public", topic="orderbookupdate"))
        await stage.next(BookGap, since=place)
        book = await stage.next(BookSnapshot, since=place)
        assert len(book.bids) > 1


async def test_a_sweep_leaves_nothing_and_says_so() -> None:
    config = EmulatorConfig(venue=(VenueSection("woox", order_rate=100, clock_offset_ms=400.0),))
    async with open_emulator(config) as emulator, WooxRest(emulator.addresses["woox"].rest, config.account[0]) as rest:
        for price in ("180.00", "181.00", "182.00"):
            terms = {"symbol": SYMBOL, "side": "BUY", "type": "POST_ONLY", "price": price, "quantity": "1.0"}
            await rest.call("POST", "/v3/trade/order", **terms)
        used, clock = setup(emulator), LiveClock()
        looked = await converse(KIND.sweep(used, False), "woox", used.connection, clock)
        assert (looked.n_open, len(emulator.truth("woox").open_orders)) == (3, 3)
        emulator.inject(Fault("rate_limit", venue="woox"))
        refused = await converse(KIND.sweep(used, True), "woox", used.connection, clock)
        assert (refused.n_open, refused.refused) == (3, ("cancel of all: -1003 Rate limit exceed.",))
        swept = await converse(KIND.sweep(used, True), "woox", used.connection, clock)
        assert (swept.n_open, swept.refused) == (0, ())
        assert not emulator.truth("woox").open_orders


@pytest.mark.parametrize(
    ("account", "complaint"),
    [
        (AccountSection(can_withdraw=True), "the key may withdraw"),
        (AccountSection(is_read_only=True), "the key may not trade"),
    ],
)
async def test_a_key_that_is_not_fit_is_refused(account: AccountSection, complaint: str) -> None:
    config = EmulatorConfig(venue=(VenueSection("woox"),), account=(account,))
    async with open_emulator(config) as emulator:
        used = setup(emulator)
        with pytest.raises(ValueError, match=complaint):
            await converse(KIND.preparation(used, 0), "woox", used.connection, LiveClock())
