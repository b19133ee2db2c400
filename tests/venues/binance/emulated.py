"""The venue behind its real shell, on real sockets, against the emulated Binance."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import attrs
import loguru
import trio

from actors.runtime.live_clock import LiveClock
from market.instrument import Instrument
from market.messages import AccountSnapshot, BookSnapshot, ConnectionUp, RequestAccount
from market.units import HOUR
from sim.emulator import EmulatorConfig, VenueSection, open_emulator
from sim.emulator.emulator import Emulator
from sim.emulator.truth import AccountTruth
from venues.binance.venue import KIND, BinanceVenue
from venues.connection import Credentials, VenueConnection
from venues.shell import ShellConfig, VenueShell, converse
from venues.socket_shell import SocketConfig
from venues.venue import VenueSetup

VENUE = "binance-futures"
SYMBOL = "SOLUSDT"
QUICK = ShellConfig(SocketConfig(first_pause_s=0.05, longest_pause_s=0.2, ping_every_s=0.3, pong_s=3.0))


@attrs.define
class Trader:
    """What a test holds: the shell that it commands, and all that was told, by port."""

    emulator: Emulator
    venue: BinanceVenue
    shell: VenueShell
    instrument: Instrument
    clock: LiveClock
    told: dict[str, list[Any]] = attrs.field(factory=dict)
    words: list[str] = attrs.field(factory=list)
    news: trio.Event = attrs.field(factory=trio.Event)

    def hear(self, port: str, message: Any) -> None:
        self.told.setdefault(port, []).append(message)
        self.news.set()
        self.news = trio.Event()

    def all_of(self, *kinds: type) -> list[Any]:
        return [each for messages in self.told.values() for each in messages if isinstance(each, kinds)]

    async def until(self, is_so: Callable[[], object]) -> None:
        """Wait for what is told to make it so."""
        with trio.fail_after(60):
            while not is_so():
                await self.news.wait()

    async def until_up(self, n: int = 1) -> None:
        await self.until(lambda: len(self.all_of(ConnectionUp)) >= n)

    @property
    def truth(self) -> AccountTruth:
        """What is true of the account at the emulator."""
        return self.emulator.truth(VENUE)

    async def price(self) -> int:
        """Return a price near the market, ticks: the best bid of the last snapshot."""
        await self.until(lambda: self.all_of(BookSnapshot))
        return int(self.all_of(BookSnapshot)[-1].bids[0, 0])

    async def account(self) -> AccountSnapshot:
        """Ask for the account, and return it."""
        asked_at = self.clock.now_ns()
        self.shell.command(RequestAccount(0, asked_at - HOUR))
        await self.until(lambda: [each for each in self.all_of(AccountSnapshot) if each.ts_request >= asked_at])
        snapshot = self.all_of(AccountSnapshot)[-1]
        assert isinstance(snapshot, AccountSnapshot)
        return snapshot


def connection_of(emulator: Emulator) -> VenueConnection:
    address = emulator.addresses[VENUE]
    sockets = {"public": address.public, "market": address.public, "private": address.private, "trade": address.trade}
    return VenueConnection("custom", rest=address.rest, sockets=sockets, ca_file=emulator.ca_file)


@asynccontextmanager
async def trader(section: VenueSection | None = None, **config: Any) -> AsyncIterator[Trader]:
    """Open an emulator, prepare the account and drive the venue."""
    clock = LiveClock()
    asked = EmulatorConfig(venue=(section or VenueSection(VENUE, taker_fee=0.0005),), **config)
    async with open_emulator(asked) as emulator, trio.open_nursery() as tasks:
        account = emulator.config.account[0]
        connection, credentials = connection_of(emulator), Credentials(account.key, account.secret)
        talk = partial(converse, venue=VENUE, connection=connection, clock=clock)
        plain = await talk(KIND.instruments([SYMBOL], 0, clock.now_ns()))
        bare = VenueSetup(0, plain, connection, credentials)
        setup = VenueSetup(0, await talk(KIND.preparation(bare, clock.now_ns())), connection, credentials)
        venue = BinanceVenue(setup)
        words: list[str] = []
        sink = loguru.logger.add(lambda line: words.append(str(line)), format="{message} {extra}", level="TRACE")

        def tell(port: str, message: Any) -> None:
            one.hear(port, message)

        shell = VenueShell(venue, connection, clock, tell, config=QUICK)
        one = Trader(emulator, venue, shell, setup.instruments[0], clock, words=words)
        tasks.start_soon(shell.run)
        try:
            yield one
        finally:
            tasks.cancel_scope.cancel()
            loguru.logger.remove(sink)
