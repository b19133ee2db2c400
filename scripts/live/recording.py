"""Recording without trading: connections that bring market data alone, and the shell that brings it to the disk."""

import signal
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs
import trio

from actors.connector import VenueConnector
from actors.market_recording import MARKET_SOCKETS, MarketRecording, open_recording
from actors.record_config import RecordConfig
from actors.recorder_shell import RecorderShell, end_recording
from actors.runtime.actor import Actor
from actors.runtime.child_spec import ChildSpec, OnRestart, Strategy, SupervisorSpec
from actors.runtime.live import LiveNursery
from actors.runtime.live_clock import LiveClock
from actors.runtime.mailbox import Policy
from actors.runtime.nursery import ActorSpec, Outcome
from actors.runtime.run_log import RunLog
from actors.runtime.wiring import MARKET_RECORDER, connector_name
from market.archive.recorder import FeedStatus, RecorderStatus
from market.archive.rolling import RollReport
from market.instrument import Instrument, InstrumentTable
from market.units import Nanos
from venues.connection import VenueConnection
from venues.registry import venue_kind
from venues.shell import converse
from venues.venue import VenueSetup

if TYPE_CHECKING:
    from loguru import Logger

_SHOW_S: Final = 0.5


@attrs.frozen
class RecordView:
    """How a recording stands, for the screen.

    Attributes:
        at: the clock.  since: when it began.
        down: venues whose connection is down at present.
    """

    at: Nanos
    since: Nanos
    feeds: Sequence[FeedStatus]
    status: RecorderStatus
    down: tuple[str, ...]


@attrs.frozen
class RecordEnd:
    """What a recording came to; `closed` is None where the disk did not answer."""

    outcome: Outcome
    view: RecordView
    closed: tuple[RecorderStatus, RollReport] | None


async def record(
    names: Sequence[str],
    config: RecordConfig,
    connections: Mapping[str, VenueConnection],
    *,
    seconds: float | None,
    show: Callable[[RecordView], None],
    logger: "Logger",
) -> RecordEnd:
    """Record instruments, `venue:symbol`, until Ctrl-C or for so many seconds.

    Args:
        connections: by venue, where it is reached.
        show: is called twice a second.

    Raises:
        ValueError: an instrument does not trade, or the archive has it otherwise.
        RemoteProtocolError: a venue does not answer when it is asked for its instruments.
        BlockingIOError: another recorder is at work there.
        OSError: the disk is full or fails.
    """
    clock = LiveClock()
    instruments = await read_instruments(names, connections, clock, logger)
    sockets = dict.fromkeys(instruments.venues, MARKET_SOCKETS)
    late = [venue for venue in instruments.venues if venue_kind(venue).tells_missed_trades]
    recording = open_recording(config, Path(), instruments, clock.now_ns(), sockets=sockets, late=late)
    run = _Run(recording, instruments, connections, clock, logger)
    async with trio.open_nursery() as tasks:
        tasks.start_soon(run.stop_by_signals)
        if seconds is not None:
            tasks.start_soon(run.stop_after, seconds)
        tasks.start_soon(run.keep_showing, show)
        outcome = await run.nursery.run()
        tasks.cancel_scope.cancel()
    closed = await end_recording(recording, clock)
    return RecordEnd(outcome, run.view(), closed)


async def read_instruments(
    names: Sequence[str], connections: Mapping[str, VenueConnection], clock: LiveClock, logger: "Logger"
) -> InstrumentTable:
    """Ask the venues for their instruments.

    Raises:
        ValueError: one does not trade.
        RemoteProtocolError: a venue does not answer.
    """
    symbols: dict[str, dict[str, None]] = {}
    for name in names:
        venue, _, symbol = name.partition(":")
        symbols.setdefault(venue, {})[symbol] = None
    found: list[Instrument] = []
    for venue, listed in symbols.items():
        talk = venue_kind(venue).instruments(list(listed), len(found), clock.now_ns())
        found += await converse(talk, venue, connections[venue], clock, logger=logger)
    return InstrumentTable(found)


class _Run:
    """The nursery of a recording: a connection for each venue, none of them with a key."""

    def __init__(
        self,
        recording: MarketRecording,
        instruments: InstrumentTable,
        connections: Mapping[str, VenueConnection],
        clock: LiveClock,
        logger: "Logger",
    ) -> None:
        self._recording = recording
        self._clock = clock
        self._since = clock.now_ns()
        self.nursery = nursery = LiveNursery(RunLog(), 0, clock, logger=logger)
        starts: list[ChildSpec] = []
        for v, venue in enumerate(instruments.venues):
            listed = tuple(i for i in instruments if i.venue == venue)
            setup = VenueSetup(v, listed, connections[venue])
            name = connector_name(venue)
            nursery.spawn(ActorSpec(name, "connector", v, is_shell=True))
            starts.append(ChildSpec(name, partial(self._connect, name, setup, logger), mailbox=OnRestart.CLEAR))
        nursery.spawn(ActorSpec(MARKET_RECORDER, "recorder", 1, is_shell=True))
        for v, venue in enumerate(instruments.venues):
            reason = "a book that is lost is asked for again"
            nursery.connect(MARKET_RECORDER, f"snapshots:{v}", connector_name(venue), Policy.DROP_NEWEST, 16, reason)
        recorder = ChildSpec(MARKET_RECORDER, lambda: RecorderShell(MARKET_RECORDER, recording, clock, logger))
        venues = SupervisorSpec("venues", Strategy.ONE_FOR_ONE, tuple(starts), intensity=10, period_s=60.0)
        nursery.supervise(SupervisorSpec("top", Strategy.ONE_FOR_ONE, (recorder, venues)))
        recording.listen(nursery)

    def _connect(self, name: str, setup: VenueSetup, logger: "Logger") -> Actor:
        venue, recording = setup.instruments[0].venue, self._recording
        return VenueConnector(
            name,
            setup,
            venue_kind(venue).make,
            self._clock,
            on_frame=partial(recording.on_frame, venue),
            on_socket=partial(recording.on_socket, venue),
            logger=logger,
        )

    def view(self) -> RecordView:
        """Return how it stands."""
        recording = self._recording
        down = tuple(name for v, name in enumerate(recording.venues) if not recording.is_heard(v))
        return RecordView(self._clock.now_ns(), self._since, recording.feeds(), recording.status(), down)

    async def stop_by_signals(self) -> None:
        """End it at the first Ctrl-C or SIGTERM; a second one ends the process, and the next start repairs."""
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async for _ in signals:
                self.nursery.request_stop()
                break

    async def stop_after(self, seconds: float) -> None:
        await trio.sleep(seconds)
        self.nursery.request_stop()

    async def keep_showing(self, show: Callable[[RecordView], None]) -> None:
        while True:
            show(self.view())
            await trio.sleep(_SHOW_S)
