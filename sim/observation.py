"""A replay for who only watches: the run's own merge and kernels, without actors and orders."""

from collections.abc import Callable, Sequence
from heapq import heappush, heapreplace
from typing import Any, Final

import attrs

from market.book import Book
from market.instrument import Instrument, InstrumentTable
from market.messages import Trade
from market.tape import Tape
from market.units import InstrumentId, Nanos
from sim import state_kernels as k
from sim.config import RunConfig
from sim.delivered_columns import KIND_NAMES, NoTables
from sim.engine_kernels import advance
from sim.market_data import MarketData
from sim.market_world import MarketWorld, instruments_of
from sim.state_kernels import FLUSH, GAP, GROW, HEARD_BOOK, HEARD_TRADE, NEED_WINDOW, OVER, QUIET
from sim.windows import Window

Clock = Callable[[Nanos], None]

_METHODS: Final = {"book": "on_book", "trades": "on_trade"}


@attrs.frozen
class Replayed:
    """What a replay saw.

    Attributes:
        n_events: rows delivered, heard or not.
        start: ns, when the first event was.  end: when the last was.
    """

    n_events: int
    start: Nanos
    end: Nanos


class MarketView:
    """The market at one instant of a replay, as it had reached us by then.

    Attributes:
        now: ns, the instant.
        instruments: of the market.
        stream: place of the feed whose row is told; decides ties.  -1 while a clock is told.
    """

    def __init__(self, world: MarketWorld) -> None:
        self.instruments: InstrumentTable = world.instruments
        self.now: Nanos = world.start
        self.stream = -1
        self._exchange = world.exchange
        self._books: dict[InstrumentId, Book] = {}
        self._tapes: dict[InstrumentId, Tape] = {}
        # (due, place, interval, clock): a place of its own for each, in the order in which they were asked for
        self._clocks: list[tuple[Nanos, int, Nanos, Clock]] = []

    def book(self, instrument: Instrument) -> Book:
        """Return the book of an instrument, which follows the replay; it is empty from a gap to the next snapshot."""
        if instrument.id not in self._books:
            self._books[instrument.id] = self._exchange.book(instrument.id)
        return self._books[instrument.id]

    def tape(self, instrument: Instrument) -> Tape:
        """Return the tape of an instrument, which follows the replay."""
        if instrument.id not in self._tapes:
            self._tapes[instrument.id] = self._exchange.tape(instrument.id)
        return self._tapes[instrument.id]

    def on_clock(self, interval: Nanos, clock: Clock) -> None:
        """Let `clock` be told the time at every full multiple of `interval` since the epoch, ns.

        Raises:
            ValueError: the interval is below 1 ns.
        """
        if interval < 1:
            raise ValueError(f"the interval of a clock must be at least 1 ns, got {interval}")
        heappush(self._clocks, (-(-self.now // interval) * interval, len(self._clocks), interval, clock))

    @property
    def next_clock(self) -> Nanos:
        """When the next clock is due, ns."""
        return self._clocks[0][0] if self._clocks else k.NEVER

    def tell_clocks(self) -> None:
        """Tell the clocks that are due first, in the order in which they were asked for."""
        self.stream = -1
        self.now = now = self.next_clock
        while self.next_clock == now:
            due, place, interval, clock = self._clocks[0]
            heapreplace(self._clocks, (due + interval, place, interval, clock))
            clock(now)


def observe(config: RunConfig, data: MarketData, observers: Sequence[object], until: Nanos | None = None) -> Replayed:
    """Replay a market for observers; at one instant all books and trades come first, in stream order, then the clocks.

    An observer has any of these methods:

    - `on_start(view)`: is given the `MarketView` before the first event, and may ask for clocks there;
    - `hears(instrument, kind)`: False: of this feed ("book" or "trades") it need not be told;
    - `on_book(instrument, book)`: after each message that was put into a book, the view's own;
    - `on_trade(instrument, trade)`: after each trade (`market.messages.Trade`).

    A clock runs from the first event to the last.  A delta that does not follow empties its book; until the next
    snapshot nobody is told of that feed.

    Args:
        until: ns, the last instant; None: to the end of the data.

    Raises:
        ValueError: a book message is not a book.
    """
    instruments = instruments_of(data)

    def hearers(instrument: Instrument, kind: int) -> list[Callable[[Instrument, Any], None]]:
        name = KIND_NAMES[kind]
        return [
            getattr(observer, _METHODS[name])
            for observer in observers
            if hasattr(observer, _METHODS.get(name, "")) and _hears(observer, instrument, name)
        ]

    def mode_of(instrument: Instrument, kind: int) -> int:
        return k.HEARD if hearers(instrument, kind) else k.SILENT

    world = MarketWorld(config, data, instruments, NoTables(), mode_of)
    view = MarketView(world)
    for observer in observers:
        if start := getattr(observer, "on_start", None):
            start(view)
    told = [hearers(instruments[spec.instrument], spec.kind) for spec in world.specs]
    return _Observation(world, view, told).run(k.NEVER if until is None else until)


def _hears(observer: object, instrument: Instrument, kind: str) -> bool:
    asked = getattr(observer, "hears", None)
    return asked is None or bool(asked(instrument, kind))


class _Observation:
    """The loop around `advance`."""

    def __init__(
        self, world: MarketWorld, view: MarketView, told: Sequence[Sequence[Callable[[Instrument, Any], None]]]
    ) -> None:
        self._world = world
        self._view = view
        self._told = told
        self._window = Window.empty()
        self._owners = [world.instruments[spec.instrument] for spec in world.specs]

    def run(self, until: Nanos) -> Replayed:
        view, exchange, told, owners = self._view, self._world.exchange, self._told, self._owners
        books = [view.book(instrument) for instrument in owners]
        versions = [book.version for book in books]
        state, window = exchange.state, self._window.flat
        end = min(until, view.next_clock)
        is_over = False
        while True:
            what, now, stream, row, _ = advance(state, window, end)
            if what == HEARD_BOOK:
                book = books[stream]
                # a delta before the first snapshot, or in a gap, was passed over
                if versions[stream] != (version := book.version):
                    versions[stream] = version
                    view.now, view.stream = now, stream
                    for tell in told[stream]:
                        tell(owners[stream], book)
            elif what == HEARD_TRADE:
                ts_venue, ts_recv, price, size, taker, trade_id, _, _ = self._window.headers[row].tolist()
                trade = Trade(owners[stream].id, ts_venue, ts_recv, price, size, taker, trade_id)
                view.now, view.stream = now, stream
                for tell in told[stream]:
                    tell(owners[stream], trade)
            elif what == OVER:
                is_over = True
            elif what == QUIET:
                if view.next_clock > min(until, now if is_over else until):
                    return Replayed(int(exchange.state[k.N_EVENTS]), self._world.start, now)
                view.tell_clocks()
                end = min(until, view.next_clock)
            else:
                self._see_to(what, now, stream, row)
                if what == GAP:
                    versions[stream] = books[stream].version
                state, window = exchange.state, self._window.flat

    def _see_to(self, what: int, now: Nanos, stream: int, row: int) -> None:
        exchange = self._world.exchange
        if what == NEED_WINDOW:
            self._window = next(self._world.windows)
            exchange.next_window(self._window)
        elif what == FLUSH:
            exchange.state[[k.N_TOUCH, k.N_TRADE]] = 0
        elif what == GROW:
            exchange.grow()
        elif what == GAP:
            self._break_off(self._owners[stream].id)
        else:
            name = self._owners[stream].name
            raise ValueError(f"a book message of {name} at {now} ns is not a book: levels must be sorted and above 0")

    def _break_off(self, i: InstrumentId) -> None:
        """Let a book be unknown until its next snapshot."""
        exchange = self._world.exchange
        exchange.view(k.AT_INSTRUMENT).reshape(-1, k.INSTRUMENT_SIZE)[i, k.I_MIRROR] = 2
        exchange.view(k.AT_MIRROR_SPAN).reshape(-1, 4)[i] = exchange.state[k.LADDER_CAP] // 2
        stamp = exchange.view(k.AT_MIRROR_STAMP).reshape(-1, k.STAMP_SIZE)[i]
        stamp[[k.M_BID, k.M_ASK]] = 0
        stamp[k.M_VERSION] += 1
