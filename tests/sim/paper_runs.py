"""Live runs whose orders stay on paper, on market data that is told as it was generated."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import attrs
import trio

from actors.runtime.actor import Actor
from actors.runtime.journal import JournalFile
from actors.runtime.live import LiveNursery
from actors.runtime.live_clock import LiveClock
from actors.runtime.nursery import Emit, Outcome, Shell
from actors.runtime.planned_crash import PlannedCrash
from actors.runtime.run_log import RunLog
from actors.runtime.wiring import connector_name, wire
from market.columns import BookColumns, Columns, TradeColumns
from market.messages import BookSnapshot, ConnectionUp, RequestSnapshot, Started, Trade
from market.order_log import Row
from market.units import SECOND, InstrumentId, Nanos, VenueId
from sim.config import RunConfig
from sim.exchange import VenueModel
from sim.fill_model import FillModel
from sim.market_data import ColumnData
from sim.market_world import instruments_of, trading_of
from sim.paper import PaperExchange, default_latency
from sim.paper_shell import paper_connector
from tests.sim.crash_runs import NoTables

SCALE = 20.0
Heard = tuple[Nanos, str, Any]


class MarketFeed(Shell):
    """Market data of one venue, told by the clock; it takes no orders: to be sent one is a KeyError."""

    ports: ClassVar[tuple[str, ...]] = ("books", "trades", "connection")

    def __init__(self, name: str, venue: VenueId, messages: Sequence[Heard], clock: LiveClock, got: list[Any]) -> None:
        super().__init__(name)
        self._venue = venue
        self._messages = messages
        self._clock = clock
        self._since: Nanos = 0
        self.on = {RequestSnapshot: got.append, Started: self._start}

    def _start(self, started: Started) -> None:
        self._since = self.now if started.generation else 0  # what is told while it is down is missed
        self.out.append(("connection", ConnectionUp(self._venue, self.now, started.generation)))

    async def run(self, emit: Emit) -> None:
        for at, port, message in self._messages:
            if at >= self._since:
                await self._clock.sleep_until(at)
                emit(port, message)
        await trio.sleep_forever()


@attrs.frozen
class OnPaper:
    """What a run on paper came to.

    Attributes:
        told: by venue, what left its connector of books and trades, in order.
        got: what the connections inside were handed.
    """

    outcome: Outcome
    nursery: LiveNursery
    rows: list[Row]
    papers: list[PaperExchange]
    feeds: list[list[Heard]]
    told: list[list[Any]]
    got: list[Any]


async def run_on_paper(
    config: RunConfig,
    data: ColumnData,
    *,
    crashes: Sequence[PlannedCrash] = (),
    journal: JournalFile | None = None,
) -> OnPaper:
    """Run a config to the end of the data, every venue on paper."""
    instruments = instruments_of(data)
    feeds = [_feed(data, [i.id for i in instruments if i.venue == venue]) for venue in instruments.venues]
    begin, end = min(feed[0][0] for feed in feeds), max(feed[-1][0] for feed in feeds)
    clock = LiveClock(start=begin - SECOND, scale=SCALE)
    log = RunLog()
    nursery = LiveNursery(log, config.run.seed, clock, crashes=crashes, journal=journal)
    papers: list[PaperExchange] = []
    starts: list[Callable[[], Actor]] = []
    got: list[Any] = []
    for v, venue in enumerate(instruments.venues):
        name = connector_name(venue)
        model = VenueModel(venue, latency=default_latency(), fill_model=FillModel.TOUCH)
        paper = PaperExchange(instruments, v, model, name, seed=config.run.seed)

        def start(name: str = name, v: int = v) -> Shell:
            return MarketFeed(f"market of {name}", v, feeds[v], clock, got)

        papers.append(paper)
        starts.append(paper_connector(name, start, paper, clock))
    wire(nursery, trading_of(config, instruments), starts, NoTables())
    told: list[list[Any]] = [[] for _ in instruments.venues]
    for v, venue in enumerate(instruments.venues):
        for port in ("books", "trades"):
            nursery.listen(connector_name(venue), port, told[v].append)
    async with trio.open_nursery() as tasks:
        tasks.start_soon(_stop_at, nursery, clock, end + SECOND)
        outcome = await nursery.run()
        tasks.cancel_scope.cancel()
    return OnPaper(outcome, nursery, list(log.rows()), papers, feeds, told, got)


async def _stop_at(nursery: LiveNursery, clock: LiveClock, at: Nanos) -> None:
    await clock.sleep_until(at)
    nursery.request_stop()


def _feed(data: ColumnData, instruments: Sequence[InstrumentId]) -> list[Heard]:
    heard = [one for i, _, columns in data.feeds if i in instruments for one in _messages(i, columns)]
    return sorted(heard, key=lambda one: one[0])


def _messages(i: InstrumentId, columns: Columns) -> Sequence[Heard]:
    found: list[Heard] = []
    for r in range(len(columns)):
        at, ts_venue = int(columns.ts_recv[r]), int(columns.ts_venue[r])
        if isinstance(columns, TradeColumns):
            row = (int(each[r]) for each in (columns.ticks, columns.lots, columns.taker, columns.trade_id))
            found.append((at, "trades", Trade(i, ts_venue, at, *row)))
        elif isinstance(columns, BookColumns):
            assert columns.is_snapshot[r]
            begin, middle = int(columns.start[r]), int(columns.start[r] + columns.n_bids[r])
            sides = columns.levels[begin:middle], columns.levels[middle : middle + int(columns.n_asks[r])]
            found.append((at, "books", BookSnapshot(i, ts_venue, at, int(columns.seq[r]), *sides)))
    return found
