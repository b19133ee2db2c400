"""The emulated venues, running: sockets, the market behind them, faults, and the truth to compare with."""

import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import attrs
import trio

from actors.runtime.live_clock import LiveClock
from market.units import MS, SECOND, Nanos
from sim.emulator.binance.venue import BinanceVenue
from sim.emulator.bybit.venue import BybitVenue
from sim.emulator.config import AccountSection, EmulatorConfig, VenueSection
from sim.emulator.control import Control
from sim.emulator.desk import Desk
from sim.emulator.engine import Engine
from sim.emulator.fault_plan import FaultPlan
from sim.emulator.faults import NETWORK_FAULTS, SOCKET_FAULTS, WHOLE_FAULTS, Fault, Faults
from sim.emulator.hyperliquid.signing import keys_of as hyperliquid_keys
from sim.emulator.hyperliquid.venue import HyperliquidVenue
from sim.emulator.outbox import Tally
from sim.emulator.paradex.accounts import keys_of as paradex_keys
from sim.emulator.paradex.venue import ParadexVenue
from sim.emulator.requests import EmulatedVenue
from sim.emulator.sent_log import SentFile
from sim.emulator.server import VenueServer
from sim.emulator.tcp_proxy import TcpProxy
from sim.emulator.truth import AccountTruth, truth_of
from sim.emulator.woox.venue import WooxVenue

_LONGEST_SLEEP: Final = 20 * MS
_TRIES: Final = 100  # to have a port back after a restart
_TRY_AGAIN_S: Final = 0.1
_PLACES: Final = ("rest", "public", "private", "trade")
_PROTOCOLS: Final[Mapping[str, Callable[[Desk], EmulatedVenue]]] = {
    "bybit": BybitVenue,
    "binance-futures": BinanceVenue,
    "woox": WooxVenue,
    "hyperliquid": HyperliquidVenue,
    "paradex": ParadexVenue,
}
# where a key is not what a client chose, but an address and a private key
_WALLETS: Final[Mapping[str, Callable[[AccountSection], tuple[str, str]]]] = {
    "hyperliquid": hyperliquid_keys,
    "paradex": paradex_keys,
}


@attrs.frozen
class VenueAddress:
    """Where a venue is reached: URLs without a path, and their ports.

    Attributes:
        server_port: behind the proxies; all four lead there.
    """

    rest: str
    public: str
    private: str
    trade: str
    ports: dict[str, int]
    server_port: int


class _Venue:
    """One venue with its server and proxies."""

    def __init__(self, desk: Desk, protocol: EmulatedVenue, server: VenueServer) -> None:
        self.desk = desk
        self.protocol = protocol
        self.server = server
        self.proxies: dict[str, TcpProxy] = {}


class Emulator:
    """Running venues; made by `open_emulator`.

    Attributes:
        addresses: by venue.
        ca_file: of the certificate authority; None without TLS.
        control_port: of the control over HTTP (`sim.emulator.control`).
        faults: those that wait; `inject` is the way to make one.
        tally: what was sent and asked.
    """

    def __init__(self, config: EmulatorConfig, folder: Path, tasks: trio.Nursery) -> None:
        self.config = config
        self.addresses: dict[str, VenueAddress] = {}
        self.ca_file: Path | None = None
        self.control_port = 0
        self.faults = Faults()
        self._sent_file = SentFile(folder / config.sent_log) if config.sent_log else None
        self.tally = Tally(self._sent_file)
        self._clock = LiveClock()
        self._tasks = tasks
        self.engine = Engine(config, self._clock.now_ns(), folder)
        self._times = self.engine.times
        self._venues: dict[str, _Venue] = {}
        self._is_down = False

    # --- truth --------------------------------------------------------------------------------------------------------

    def now(self, venue: str) -> Nanos:
        """Return the time of a venue's clock."""
        return self._clock.now_ns() + round(self._section(venue).clock_offset_ms * MS)

    def truth(self, venue: str, account: str = "") -> AccountTruth:
        """Return what is true of an account at this instant; of the first where none is named.

        Raises:
            KeyError: there is no such venue or account.
        """
        desk = self._venue(venue).desk
        desk.catch_up(self.now(venue))
        return truth_of(desk.named(account or self.config.account[0].name))

    def keys(self, venue: str, account: str = "") -> tuple[str, str]:
        """Return key and secret by which a client is known at a venue; of the first account where none is named.

        Raises:
            KeyError: there is no such venue or account.
        """
        section = self._venue(venue).desk.named(account or self.config.account[0].name).section
        made = _WALLETS.get(venue)
        return (section.key, section.secret) if made is None else made(section)

    @property
    def lag_s(self) -> float:
        """How far the played market is behind the clock, seconds."""
        times = self._times[self.config.venue[0].name]
        return (self.now(self.config.venue[0].name) - times.wall(self.engine.played)) / SECOND

    def n_sockets(self, venue: str) -> int:
        """Return how many WebSockets are open at a venue's server."""
        return self._venue(venue).server.n_sockets

    # --- faults -------------------------------------------------------------------------------------------------------

    def inject(self, fault: Fault) -> None:
        """Make a fault: at once, or armed for the requests or messages that will meet it.

        Raises:
            KeyError: it names a venue that is not emulated.
            ValueError: it needs proxies, and there are none.
        """
        self._check(fault.kind)
        names = [fault.venue] if fault.venue else list(self._venues)
        venues = [self._venue(name) for name in names]
        if fault.kind in WHOLE_FAULTS:
            self._tasks.start_soon(self.restart, fault.seconds)
        elif fault.kind in SOCKET_FAULTS:
            for venue in venues:
                act = venue.server.reset_sockets if fault.kind == "drop" else venue.server.close_sockets
                self.faults.met[fault.kind] += act(fault.where)
        elif fault.kind in NETWORK_FAULTS:
            for venue in venues:
                for place, proxy in venue.proxies.items():
                    if fault.where in ("", place):
                        self._in_network(proxy, fault)
        else:
            self.faults.arm(fault, self.now(names[0]))

    def _check(self, kind: str) -> None:
        if kind in NETWORK_FAULTS and not self.config.proxied:
            raise ValueError(f"a fault {kind!r} is made by a proxy, and the emulator runs without (proxied = false)")

    def _in_network(self, proxy: TcpProxy, fault: Fault) -> None:
        self.faults.met[fault.kind] += 1
        if fault.kind == "sever":
            proxy.sever()
        elif fault.kind == "half_open":
            proxy.half_open()
        elif fault.kind == "latency":
            proxy.set_latency(fault.seconds)
        else:
            proxy.stall()
            self._tasks.start_soon(_resume, proxy, fault.seconds)

    async def restart(self, seconds: float = 1.0) -> None:
        """Break every connection and listen to none for a while; orders, positions and the market go on.

        One that comes while all is down already changes nothing.
        """
        if self._is_down:
            return
        self._is_down = True
        self.faults.met["restart"] += 1
        for venue in self._venues.values():
            venue.server.go_down()
        await trio.sleep(seconds)
        for venue in self._venues.values():
            await self._listen_again(venue.server)
        self._is_down = False

    async def _listen_again(self, server: VenueServer) -> None:
        for _ in range(_TRIES):
            try:
                await self._tasks.start(server.run)
            except OSError:  # a connection of somebody's has taken the free port meanwhile, and will end
                await trio.sleep(_TRY_AGAIN_S)
            else:
                return
        raise OSError(f"port {server.port} of the emulated {server.venue.name} was taken while it was down")

    def follow(self, plan: FaultPlan) -> None:
        """Make the faults of a plan, each at its time from now.

        Raises:
            KeyError, ValueError: as `inject`, for any that may come.
        """
        for kind in plan.kinds:
            self._check(kind)
        for name in plan.venues:
            self._venue(name)
        self._tasks.start_soon(self._follow, plan)

    async def _follow(self, plan: FaultPlan) -> None:
        begin = trio.current_time()
        for at_s, fault in plan.faults():
            await trio.sleep_until(begin + at_s)
            self.inject(fault)

    # --- running ------------------------------------------------------------------------------------------------------

    async def start(self, tls_folder: Path | None) -> None:
        """Open the sockets, and let the market run."""
        context = None
        if self.config.tls:
            from sim.emulator.certificates import throw_away_certificate

            assert tls_folder is not None, "with TLS there is a folder for the CA"
            context, self.ca_file = throw_away_certificate(tls_folder)
        for section in self.config.venue:
            desk = Desk(self.engine, self.config, section, self.faults, self.tally)
            protocol = _PROTOCOLS[section.name](desk)
            self.engine.listen(section.name, protocol)
            name = section.name
            port = 0 if self.config.proxied else section.port
            server = VenueServer(
                protocol, self.faults, self.tally, partial(self.now, name), self.config.host, port, context
            )
            await self._tasks.start(server.run)
            self._venues[name] = _Venue(desk, protocol, server)
            self.addresses[name] = await self._open_proxies(self._venues[name], section)
        self.control_port = await self._tasks.start(Control(self).run)
        self._tasks.start_soon(self._play)

    async def _open_proxies(self, venue: _Venue, section: VenueSection) -> VenueAddress:
        ports = dict.fromkeys(_PLACES, venue.server.port)
        if self.config.proxied:
            for offset, place in enumerate(_PLACES):
                proxy = venue.proxies[place] = TcpProxy(venue.server.port, self.config.host)
                proxy.set_latency(section.latency_ms / 1000)
                ports[place] = await self._tasks.start(proxy.run, section.port + offset if section.port else 0)
        end = "s" if self.config.tls else ""
        urls = {p: f"{'http' if p == 'rest' else 'ws'}{end}://{self.config.host}:{ports[p]}" for p in _PLACES}
        return VenueAddress(**urls, ports=ports, server_port=venue.server.port)

    async def _play(self) -> None:
        engine, first = self.engine, self.config.venue[0].name
        times = self._times[first]
        while True:
            is_played = engine.play(times.market(self.now(first)))
            due = times.wall(engine.next_at) if is_played else 0
            now = self.now(first)
            for name, venue in self._venues.items():
                venue.protocol.on_due(self.now(name))
                due = min(due, now + venue.protocol.next_due() - self.now(name))
            await trio.sleep(max(0, min(due - now, _LONGEST_SLEEP)) / SECOND)

    def _venue(self, name: str) -> _Venue:
        if name not in self._venues:
            raise KeyError(f"no venue {name!r} is emulated; there are: {', '.join(self._venues)}")
        return self._venues[name]

    def _section(self, name: str) -> VenueSection:
        return next(section for section in self.config.venue if section.name == name)

    def close_files(self) -> None:
        """Close what was written to."""
        if self._sent_file is not None:
            self._sent_file.close()


async def _resume(proxy: TcpProxy, seconds: float) -> None:
    await trio.sleep(seconds)
    proxy.resume()


@asynccontextmanager
async def open_emulator(
    config: EmulatorConfig | None = None, folder: Path = Path(), tls_folder: Path | None = None
) -> AsyncIterator[Emulator]:
    """Run the emulated venues of a config while the block lasts.

    Args:
        config: None: Bybit and Binance on the built-in market.
        folder: that the config's relative paths are relative to.
        tls_folder: where the CA is written; None: a temporary folder.

    Raises:
        ConfigError: the data is not there, or not what the config says.
    """
    config = config or EmulatorConfig()
    with tempfile.TemporaryDirectory(prefix="emulator-") as spare:
        async with trio.open_nursery() as tasks:
            emulator = Emulator(config, folder, tasks)
            try:
                await emulator.start(tls_folder or Path(spare))
                yield emulator
            finally:
                emulator.close_files()
                tasks.cancel_scope.cancel()
