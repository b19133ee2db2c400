"""WOO X over real sockets, where the suite of all venues does not look: the sweep, and what a refused key leads to."""

import pytest

from actors.runtime.live_clock import LiveClock
from sim.emulator import AccountSection, EmulatorConfig, Fault, VenueSection, open_emulator
from sim.emulator.emulator import Emulator
from tests.sim.emulator.raw_client import WooxRest
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
