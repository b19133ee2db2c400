"""The venues of a live config: asked what trades and whether the account is fit, and then connected."""

from collections.abc import Callable, Generator, Mapping, Sequence
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs

from actors.connector import VenueConnector
from actors.runtime.actor import Actor
from actors.runtime.children import Hooks
from actors.runtime.live import LiveNursery
from actors.runtime.live_clock import LiveClock
from actors.runtime.nursery import Shell
from actors.runtime.run_log import RunLog
from actors.runtime.wiring import connector_name
from market.instrument import Instrument, InstrumentTable
from market.units import MS, SECOND, Nanos
from scripts.live.config import LiveConfig
from scripts.live.venue_section import LiveVenueSection
from scripts.live.venues import SocketEars
from sim.paper import PaperExchange
from sim.paper_shell import paper_connector
from venues.connection import Credentials, addresses_of, credentials_of
from venues.registry import venue_kind
from venues.shell import ShellClock, converse
from venues.venue import Conversation, HttpAnswer, VenueSetup
from venues.wire import HttpRequest

if TYPE_CHECKING:
    from loguru import Logger

T = TypeVar("T")
_SHOWN: Final = 200  # characters of what a venue says
_MAX_CLOCK_S: Final = 2.0  # a date has whole seconds


@attrs.define
class Talk:
    """What was seen of a venue while it was talked to before the run.

    Attributes:
        round_trips: of its answers, ns.
        ahead_s: of the last answer: how far the venue's clock is ahead of ours, by its date of whole seconds.
        refused: what the venue would not tell, in its words: the run begins without it.
    """

    round_trips: list[Nanos] = attrs.field(factory=list)
    ahead_s: float | None = None
    refused: list[str] = attrs.field(factory=list)

    def over(self, conversation: Conversation[T]) -> Conversation[T]:
        """Watch a conversation."""
        return self._watch(conversation)

    def _watch(self, conversation: Conversation[T]) -> Generator[HttpRequest, HttpAnswer, T]:
        request = next(conversation)
        while True:
            answer = yield request
            self._saw(answer)
            if not 200 <= answer.status < 300:
                words = " ".join(answer.body.decode(errors="replace").split())[:_SHOWN]
                self.refused.append(f"{request.method} {request.path}: HTTP {answer.status} {words}".rstrip())
            try:
                request = conversation.send(answer)
            except StopIteration as end:
                result: T = end.value
                return result

    def _saw(self, answer: HttpAnswer) -> None:
        self.round_trips.append(answer.ts_recv - answer.ts_sent)
        if date := answer.headers.get("date"):
            try:
                stamp = parsedate_to_datetime(date).timestamp()
            except ValueError:
                return
            middle = (answer.ts_sent + answer.ts_recv) / 2 / SECOND
            self.ahead_s = stamp + 0.5 - middle

    @property
    def is_clock_wrong(self) -> bool:
        """The clocks are surely apart."""
        return self.ahead_s is not None and abs(self.ahead_s) > _MAX_CLOCK_S


@attrs.frozen
class PreparedVenue:
    """A venue that was asked, and is fit for trading.

    Attributes:
        is_traded: orders are sent there; of others only the market data is read.
    """

    section: LiveVenueSection
    setup: VenueSetup
    is_traded: bool
    talk: Talk

    @property
    def is_real_money(self) -> bool:
        """Orders that are sent there are paid for."""
        return self.is_traded and self.section.network == "mainnet" and self.section.execution == "live"


async def prepare_venues(config: LiveConfig, folder: Path, clock: ShellClock, env_file: Path) -> list[PreparedVenue]:
    """Ask every venue of a config what trades there, and where orders are sent whether the account is fit for it.

    Args:
        folder: that files of the config are relative to.
        env_file: where keys are read that are not in the environment.

    Raises:
        ValueError: a person must act; the text says how.
        RemoteProtocolError: a venue does not answer, or makes no sense.
    """
    prepared: list[PreparedVenue] = []
    first = 0
    for number, section in enumerate(config.venue):
        symbols = config.symbols(section.name)
        kind = venue_kind(section.name)
        connection, talk = section.connection(folder), Talk()
        since = clock.now_ns() // SECOND * SECOND  # they are as they are told from now on, in whole seconds
        asked = talk.over(kind.instruments(symbols, first, since))
        instruments: tuple[Instrument, ...] = await converse(asked, section.name, connection, clock)
        first += len(instruments)
        is_traded = bool(config.quoted(section.name))
        key = _key(section, env_file) if is_traded else None
        setup = VenueSetup(number, instruments, connection, key, section.venue_settings(), section.batches)
        if setup.credentials is not None:
            checked = talk.over(kind.preparation(setup, clock.now_ns()))
            setup = attrs.evolve(setup, instruments=await converse(checked, section.name, connection, clock))
        prepared.append(PreparedVenue(section, setup, is_traded, talk))
    return prepared


def _key(section: LiveVenueSection, env_file: Path) -> Credentials | None:
    return credentials_of(section.name, file=env_file) if section.execution == "live" else None


class RealVenues:
    """Stands for the venues of a run.

    Args:
        seed: of the pauses before sockets are opened again, and of what is random on paper.
        depth: levels a side that a paper venue shows.
        capital: what an account on paper begins with; 0: it tells of no margin.
    """

    def __init__(self, prepared: Sequence[PreparedVenue], seed: int, depth: int, capital: float = 0.0) -> None:
        self._prepared = list(prepared)
        self._seed = seed
        self._depth = depth
        self._capital = capital
        self.instruments = InstrumentTable(each for venue in prepared for each in venue.setup.instruments)
        self.sockets: Mapping[str, Sequence[str]] = {
            venue.section.name: tuple(addresses_of(venue.section.name, venue.setup.connection).sockets)
            for venue in prepared
        }
        names = (venue.section.name for venue in prepared)
        self.late: Sequence[str] = tuple(name for name in names if venue_kind(name).tells_missed_trades)

    @property
    def hooks(self) -> Hooks:
        """Connectors see to themselves."""
        return Hooks()

    def connectors(
        self, log: RunLog, clock: LiveClock, logger: "Logger", ears: SocketEars | None
    ) -> Sequence[Callable[[], Actor]]:
        """Return what starts each connector."""
        return [self._connector(each, clock, logger, ears) for each in self._prepared]

    def bind(self, nursery: LiveNursery, clock: LiveClock) -> None:
        """Connectors need nobody else."""

    async def serve(self) -> None:
        """Connectors run in their own tasks."""

    def describe(self) -> dict[str, Any]:
        """Return what was traded on."""
        return {
            "source": "live",
            "networks": {each.section.name: each.section.network for each in self._prepared},
        }

    @property
    def execution(self) -> dict[str, str]:
        """Where orders went, of the venues that were traded on: to the venue, or on paper."""
        return {each.section.name: each.section.execution for each in self._prepared if each.is_traded}

    def _connector(
        self, venue: PreparedVenue, clock: LiveClock, logger: "Logger", ears: SocketEars | None
    ) -> Callable[[], Actor]:
        name = connector_name(venue.section.name)
        seed = self._seed * 1_000_003 + venue.setup.venue

        def start() -> Shell:
            return VenueConnector(
                name,
                venue.setup,
                venue_kind(venue.section.name).make,
                clock,
                seed=seed,
                on_frame=None if ears is None else partial(ears.on_frame, venue.section.name),
                on_socket=None if ears is None else partial(ears.on_socket, venue.section.name),
                logger=logger,
            )

        if venue.section.execution == "live" or not venue.is_traded:
            return start
        model = venue.section.model()
        own = venue.setup.venue
        paper = PaperExchange(self.instruments, own, model, name, seed=seed, depth=self._depth, capital=self._capital)
        return paper_connector(name, start, paper, clock)


def clock_text(talk: Talk) -> str:
    """Return what the talk says of clocks and distance, for people."""
    if not talk.round_trips:
        return "not asked"
    trip = f"{min(talk.round_trips) / MS:.1f} ms round trip"
    return trip if talk.ahead_s is None else f"{trip}, its clock {talk.ahead_s:+.1f} s (±1 s)"
