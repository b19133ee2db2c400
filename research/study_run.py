"""One run of a study: its columns first, then its callbacks over a replay."""

from collections.abc import Callable
from functools import partial
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from market.book import Book
from market.instrument import Instrument
from market.messages import Trade
from market.units import InstrumentId, Nanos
from research.declaration_log import CLOCK, DeclarationLog
from research.market_arrays import BookArrays, TradeArrays, joined
from research.market_reader import KINDS, Feed, Kind, MarketReader, Part
from research.prices import FloatArray
from sim import Market, MarketView


@attrs.frozen
class Callback:
    """A function for the events of one feed or of several; `turn` is its place among all registrations."""

    turn: int
    function: Callable[[Any], object]
    venue: str | None = None
    symbol: str | None = None

    def hears(self, instrument: Instrument) -> bool:
        """Tell whether events of an instrument are meant."""
        return self.venue in (None, instrument.venue) and self.symbol in (None, instrument.symbol)


@attrs.frozen
class ColumnFunction:
    """A function of the columns of one feed; it gives one value a row, or, unless `is_single`, one for each key."""

    turn: int
    function: Callable[[Any], npt.ArrayLike]
    feed: Feed
    keys: tuple[str, ...]
    is_single: bool
    group: str
    in_parts: bool

    def values(self, arrays: BookArrays | TradeArrays) -> FloatArray:
        """Return what the function says of some rows, (n, K).

        Raises:
            ValueError: not one value for each row and key.
        """
        found = np.asarray(self.function(arrays), dtype=np.float64)
        wanted = (len(arrays),) if self.is_single else (len(arrays), len(self.keys))
        if found.shape != wanted:
            said = ", ".join(self.keys)
            raise ValueError(
                f"the function of {said} must give {wanted} values for {len(arrays)} rows, gave {found.shape}"
            )
        return found.reshape(len(arrays), len(self.keys))


@attrs.define
class Registrations:
    """What declares, in the order of registration.

    Attributes:
        callbacks: of books and of trades, by kind of feed.
        clocks: with their intervals, ns.
        n: how many were registered.
    """

    callbacks: dict[Kind, list[Callback]] = attrs.field(factory=lambda: {kind: [] for kind in KINDS})
    clocks: list[tuple[Nanos, Callback]] = attrs.field(factory=list)
    columns: list[ColumnFunction] = attrs.field(factory=list)
    n: int = 0

    def turn(self) -> int:
        """Return the turn of the next registration."""
        self.n += 1
        return self.n - 1

    def copy(self) -> "Registrations":
        """Return registrations to which others may be added."""
        callbacks = {kind: list(own) for kind, own in self.callbacks.items()}
        return Registrations(callbacks, list(self.clocks), list(self.columns), self.n)


@attrs.define
class _Hearers:
    """Who is told of a feed, (turn, function), and how many of its events were."""

    turns: list[tuple[int, Callable[[Any], object]]]
    n_told: int = 0


class StudyRun:
    """Runs what is registered, once.  An observer of the replay (`sim.observation.observe`).

    Attributes:
        view: of the market, while callbacks are called.
    """

    def __init__(self, market: Market, registered: Registrations) -> None:
        self.view: MarketView
        self._market = market
        self._registered = registered
        self._log = DeclarationLog()
        self._add = self._log.add
        # the event that is told: its instrument, time, feed and row of the feed; then whose turn it is
        self._at: Instrument | None = None
        self._ts: Nanos = 0
        self._stream = 0
        self._row = 0
        self._turn = 0
        self._codes: dict[tuple[str, InstrumentId, str], int] = {}
        self._n_ticks = 0
        self._books, self._trades = (
            {i.id: _Hearers([(each.turn, each.function) for each in own if each.hears(i)]) for i in market.instruments}
            for own in (registered.callbacks["book"], registered.callbacks["trades"])
        )

    def run(self, reader: MarketReader, until: Nanos | None) -> pd.DataFrame:
        """Return what was declared."""
        if self._registered.columns:
            self._run_columns(reader)
        if self._registered.clocks or any(own for own in self._registered.callbacks.values()):
            self._market.replay([self], until=until)
        return self._log.frame()

    def declare(self, key: str, value: float, instrument: Instrument | None, group: str) -> None:
        """Take a declaration of a callback; None: of the instrument whose event is told, if it is one's."""
        of = instrument or self._at
        name = (key, -1 if of is None else of.id, group)
        code = self._codes.get(name)
        if code is None:
            code = self._codes[name] = self._log.code((key, of.venue if of else "", of.symbol if of else "", group))
        self._add(self._ts, self._stream, self._row, self._turn, code, value)

    # --- as an observer -----------------------------------------------------------------------------------------------

    def on_start(self, view: MarketView) -> None:
        """Ask for the clocks."""
        self.view = view
        for interval, callback in self._registered.clocks:
            view.on_clock(interval, partial(self._tick, callback))

    def hears(self, instrument: Instrument, kind: str) -> bool:
        """Tell whether a callback wants to know of a feed."""
        return bool((self._books if kind == "book" else self._trades)[instrument.id].turns)

    def on_book(self, instrument: Instrument, book: Book) -> None:
        """Tell the callbacks."""
        view, hearers = self.view, self._books[instrument.id]
        self._at, self._ts, self._stream, self._row = instrument, view.now, view.stream, hearers.n_told
        hearers.n_told += 1
        for self._turn, function in hearers.turns:
            function(book)

    def on_trade(self, instrument: Instrument, trade: Trade) -> None:
        """Tell the callbacks."""
        view, hearers = self.view, self._trades[instrument.id]
        self._at, self._ts, self._stream, self._row = instrument, view.now, view.stream, hearers.n_told
        hearers.n_told += 1
        for self._turn, function in hearers.turns:
            function(trade)

    def _tick(self, callback: Callback, now: Nanos) -> None:
        self._at, self._ts, self._stream, self._row = None, now, CLOCK, self._n_ticks
        self._n_ticks += 1
        self._turn = callback.turn
        callback.function(now)

    # --- columns ------------------------------------------------------------------------------------------------------

    def _run_columns(self, reader: MarketReader) -> None:
        columns = self._registered.columns
        wholes: dict[Feed, list[Part]] = {each.feed: [] for each in columns if not each.in_parts}
        for part in reader.parts({each.feed for each in columns}):
            self._declare_part(part, part.arrays, in_parts=True)
            if part.feed in wholes:
                wholes[part.feed].append(part)
        while wholes:  # one feed's books at a time are there twice
            _, parts = wholes.popitem()
            if parts:
                books = [part.arrays for part in parts if isinstance(part.arrays, BookArrays)]
                trades = [part.arrays for part in parts if isinstance(part.arrays, TradeArrays)]
                self._declare_part(parts[0], joined(books) if books else joined(trades), in_parts=False)

    def _declare_part(self, part: Part, arrays: BookArrays | TradeArrays, *, in_parts: bool) -> None:
        of = arrays.instrument
        for each in self._registered.columns:
            if each.feed == part.feed and each.in_parts == in_parts:
                codes = [self._log.code((key, of.venue, of.symbol, each.group)) for key in each.keys]
                values = each.values(arrays)
                self._log.extend(arrays.ts_recv, part.stream, part.first_row, each.turn, codes, values)
