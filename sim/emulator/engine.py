"""The matching engine behind the emulated venues: the simulated market, played along the wall clock.

Every account has an exchange of its own (`sim.exchange`), in which the same market passes and only its orders stand:
the other participants are the recorded book, which nobody's order moves, so accounts cannot meet each other and need
not share a market.  Requests take no time here: latency is what the network before the venue adds.
"""

from collections.abc import Iterator, Sequence
from itertools import tee
from pathlib import Path
from typing import Any, Final, Protocol

import attrs

from actors.runtime.run_log import RunLog
from market.instrument import Instrument, InstrumentTable
from market.messages import BookDelta, BookSnapshot, Trade
from market.order_log import PACK
from market.units import MS, SECOND, InstrumentId, Nanos
from sim.emulator.config import EmulatorConfig
from sim.emulator.public_view import FundingSchedule, Print, PublicView
from sim.emulator.times import TimeMap
from sim.exchange import Capacity, Exchange, StreamSpec
from sim.market_data import open_market
from sim.market_world import MarketWorld, instruments_of
from sim.source import MarketSource
from sim.spoken import SpokenTeller
from sim.state_kernels import SILENT, IntArray
from sim.windows import Window

_IDS_PER_MS: Final = 10  # so that ids of a later run are larger


_AT_ONCE: Final = 256  # events of the market before others have a turn
_FIRST_BOOKS: Final = 60 * SECOND  # of the market, before clients come


class Listener(Protocol):
    """One venue, as the engine sees it; `now` is the venue's clock."""

    def on_book(self, view: PublicView, now: Nanos) -> None: ...

    def on_trade(self, view: PublicView, printed: Print, now: Nanos) -> None: ...

    def on_facts(self, account: int, facts: Sequence[Any], now: Nanos) -> None: ...


class AccountExchange:
    """One account's exchange: the market passes, and its orders stand in it."""

    def __init__(self, world: MarketWorld, config: EmulatorConfig, windows: Iterator[Window]) -> None:
        specs = [StreamSpec(spec.instrument, spec.kind, SILENT) for spec in world.specs]
        depth = max(v.depth for v in config.venue)
        exchange = Exchange(world.instruments, world.exchange.venues, specs, config.seed, depth, Capacity())
        self.log = RunLog()
        exchange.follow(self.log)
        self._told = _Told()
        self._source = MarketSource(exchange, world.instruments, specs, windows, _NoTables())
        self._source.bind(self._told)

    def advance(self, until: Nanos) -> list[Any]:
        """Play on up to `until`; return the order facts, fills and payments on the way."""
        while self._source.advance(until) is not None:
            pass
        facts, self._told.messages = self._told.messages, []
        for fact in facts:
            if type(fact) in PACK:
                self.log.append(PACK[type(fact)](fact, fact.ts_recv))
        return facts

    def submit(self, command: Any, market: Nanos) -> list[Any]:
        """Let a command arrive at a market time not before the last; return what comes of it."""
        self.log.append(PACK[type(command)](command, market))
        return self.advance(market)


class Engine:
    """All venues' instruments and accounts, up to the instant that was last asked for.

    Attributes:
        instruments: of the data, with the venues' fees.
        times: by venue, whose clock may be ahead of the wall's.
        views: by instrument, the linear ones of the emulated venues.
        played: up to when, the market's time.
        is_over: the data has ended; books stand still.
    """

    def __init__(self, config: EmulatorConfig, wall: Nanos, folder: Path = Path()) -> None:
        """Open the market so that every book is there at the wall time `wall`; paths are relative to `folder`."""
        run = config.run_config()
        data = open_market(run, folder)
        self.instruments = _with_fees(instruments_of(data), config)
        fundings = {s.instrument: s for s in data.streams() if s.kind == "funding"}
        world = MarketWorld(run, data, self.instruments, _NoTables())
        public, *private = tee(world.windows, 1 + len(config.account))
        self.is_over = False
        self._told = _Told()
        self._public = MarketSource(world.exchange, self.instruments, world.specs, public, _NoTables(), is_spoken=True)
        self._public.bind(self._told)
        self._accounts = [AccountExchange(world, config, windows) for windows in private]
        self._listeners: dict[str, Listener] = {}
        sections = {section.name: section for section in config.venue}
        shown = [i for i in self.instruments if i.venue in sections and not i.inverse]
        self.played: Nanos = self._first_books(world.start, {i.id for i in shown})
        self.times = {
            section.name: TimeMap(wall + round(section.clock_offset_ms * MS), self.played, config.speed)
            for section in config.venue
        }
        base = wall // MS * _IDS_PER_MS
        self._last_number = base
        self.views: dict[InstrumentId, PublicView] = {
            i.id: PublicView(i, sections[i.venue].depth, self.times[i.venue], FundingSchedule(fundings.get(i.id)), base)
            for i in shown
        }
        self._tell_facts()
        self._tell_market()

    def listen(self, venue: str, listener: Listener) -> None:
        """Say who is told of a venue; before the market is played."""
        self._listeners[venue] = listener

    def new_number(self) -> int:
        """Return the number of a new order or execution: unique, and larger than all before."""
        self._last_number += 1
        return self._last_number

    def play(self, until: Nanos) -> bool:
        """Play on towards a market time, telling the listeners in the order of events; False: there is more to play."""
        for _ in range(_AT_ONCE):
            at = self._public.advance(until)
            self.played = max(self.played, until if at is None else at)
            self._tell_facts()
            self._tell_market()
            if at is None:
                self.is_over = self._public.finished
                return True
        return False

    def submit(self, account: int, command: Any, market: Nanos) -> list[Any]:
        """Let an account's command arrive at a market time; return the facts of it, which nobody else is told.

        A market that lags behind the clock takes it as soon as it can: before what it has not come to yet.
        """
        self.play(market)
        return self._accounts[account].submit(command, self.played)

    def log(self, account: int) -> RunLog:
        """Return an account's own log of commands, facts and fills, in the market's time."""
        return self._accounts[account].log

    def _first_books(self, start: Nanos, wanted: set[InstrumentId]) -> Nanos:
        """Play on until every instrument has a book, for a while at most; return until when."""
        at: Nanos | None = start
        while wanted and at is not None and at < start + _FIRST_BOOKS:
            at = self._public.advance(start + _FIRST_BOOKS)
            wanted = wanted - {m.instrument for m in self._told.messages if isinstance(m, BookSnapshot)}
        return start + _FIRST_BOOKS if at is None else at

    @property
    def next_at(self) -> Nanos:
        """The market's time of what is known to come next."""
        return self._public.next_at

    def _tell_facts(self) -> None:
        for number, account in enumerate(self._accounts):
            facts = account.advance(self.played)
            if facts:
                for venue, listener in self._listeners.items():
                    mine = [f for f in facts if self.instruments[f.instrument].venue == venue]
                    if mine:
                        listener.on_facts(number, mine, self.times[venue].wall(self.played))

    def _tell_market(self) -> None:
        messages, self._told.messages = self._told.messages, []
        for message in messages:
            view = self.views.get(message.instrument)
            if view is None:
                continue
            venue = view.instrument.venue
            listener, now = self._listeners.get(venue), self.times[venue].wall(self.played)
            if isinstance(message, Trade):
                printed = view.take_trade(message)
                if listener is not None:
                    listener.on_trade(view, printed, now)
            elif isinstance(message, BookSnapshot | BookDelta) and view.take_book(message) and listener is not None:
                listener.on_book(view, now)


class _Told(SpokenTeller):
    """Keeps what a source tells."""

    def __init__(self) -> None:
        self.messages: list[Any] = []

    def emit(self, shell: str, port: str, message: Any, *, is_logged: bool = False) -> bool:
        self.messages.append(message)
        return True


class _NoTables:
    """An emulator writes no tables of a run."""

    def take(self, touch: IntArray, trades: IntArray) -> None:
        """Drop the rows."""


def _with_fees(table: InstrumentTable, config: EmulatorConfig) -> InstrumentTable:
    fees = {section.name: section.fees for section in config.venue}

    def charged(instrument: Instrument) -> Instrument:
        if instrument.venue not in fees or instrument.maker_fee or instrument.taker_fee:
            return instrument
        maker, taker = fees[instrument.venue]
        return attrs.evolve(instrument, maker_fee=maker, taker_fee=taker)

    return InstrumentTable(charged(i) for i in table)
