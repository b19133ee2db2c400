"""Declare estimators while a market is replayed, by events or by whole columns, and ask what the price did later."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy.typing as npt
import pandas as pd

from market.book import Book
from market.instrument import Instrument
from market.messages import Trade
from market.tape import Tape
from market.units import SECOND, Nanos
from research.declarations import select
from research.forward_prices import HORIZONS_S, MAX_AGE_S, forward_prices
from research.look_ahead import LookAheadReport, compare_cut
from research.market_arrays import BookArrays, TradeArrays
from research.market_reader import Kind, MarketReader
from research.prices import Mids
from research.study_run import Callback, ColumnFunction, Registrations, StudyRun
from sim import Market, RunConfig, make_config

OnBook = TypeVar("OnBook", bound=Callable[[Book], object])
OnTrade = TypeVar("OnTrade", bound=Callable[[Trade], object])
OnClock = TypeVar("OnClock", bound=Callable[[Nanos], object])
Setup = TypeVar("Setup", bound=Callable[["Study"], object])


class Study:
    """Estimators of a market, and what they said.

    Register callbacks (`on_book`, `on_trade`, `on_clock`) that call `declare`, or functions of whole columns
    (`columns`); the same estimator gives the same rows either way.  A callback that keeps something from one event to
    the next is registered by a function given to `setup`, which every run calls anew.

    Attributes:
        instruments: of the market.
    """

    def __init__(self, config: RunConfig, folder: Path = Path()) -> None:
        """Study the market of a run's config (see `sim.Market`); its paths are relative to `folder`."""
        self._folder = folder
        self._market = Market(config, folder)
        self.instruments = self._market.instruments
        self._by_name = {(each.venue, each.symbol): each for each in self.instruments}
        self._registered = Registrations()
        self._setups: list[Callable[[Study], object]] = []
        self._reader = MarketReader(self._market)
        self._run: StudyRun | None = None
        self._declared: pd.DataFrame | None = None

    @classmethod
    def archive(
        cls, root: Path | str, instruments: Sequence[tuple[str, str]], start: str, end: str, *, depth: int = 20
    ) -> "Study":
        """Study an archive.

        Args:
            instruments: (venue, symbol) pairs.
            start, end: first and last hour, `YYYY-MM-DD:HH`, both included.
            depth: levels a side that are shown.

        Raises:
            ConfigError: an hour is not written so, or the archive has no such instrument, or no book of it then.
        """
        names = [f"{venue}:{symbol}" for venue, symbol in instruments]
        data = {"source": "archive", "root": str(root), "start": start, "end": end, "instruments": names}
        return cls(make_config({"data": data, "run": {"depth": depth}}, "Study.archive"))

    @classmethod
    def generated(cls, preset: str = "default", seed: int = 7, seconds: float = 3600.0, *, depth: int = 20) -> "Study":
        """Study a built-in market: default, calm, deltas, pair or crash."""
        data = {"preset": preset, "seed": seed, "seconds": seconds}
        return cls(make_config({"data": data, "run": {"depth": depth}}, "Study.generated"))

    # --- registering --------------------------------------------------------------------------------------------------

    def on_book(self, venue: str | None = None, symbol: str | None = None) -> Callable[[OnBook], OnBook]:
        """Have the decorated function called with the book after each message that changed it; None: any market's."""
        return self._register("book", venue, symbol)

    def on_trade(self, venue: str | None = None, symbol: str | None = None) -> Callable[[OnTrade], OnTrade]:
        """Have the decorated function called with each trade, in ticks and lots."""
        return self._register("trades", venue, symbol)

    def on_clock(self, interval_s: float) -> Callable[[OnClock], OnClock]:
        """Have the decorated function called with the time (ns) at each multiple of the interval, after all of then."""
        interval = round(interval_s * SECOND)
        if interval < 1:
            raise ValueError(f"interval_s must be at least a nanosecond, got {interval_s}")

        def register(function: OnClock) -> OnClock:
            self._declared = None
            self._registered.clocks.append((interval, Callback(self._registered.turn(), function)))
            return function

        return register

    def columns(
        self,
        key: str | Sequence[str],
        function: Callable[[Any], npt.ArrayLike],
        venue: str,
        symbol: str,
        group: str = "",
        *,
        of: Literal["books", "trades"] = "books",
        in_parts: bool = False,
    ) -> None:
        """Declare what a function says of all books, or all trades, of an instrument at once.

        Args:
            key: of the values; K keys for a function that gives several.
            function: from `BookArrays` or `TradeArrays` of n rows to (n,) float64; of K keys, to (n, K).
            of: what it takes.
            in_parts: it looks at each row alone, so it may be called part by part and memory stays small.

        Raises:
            ValueError: the market has no such instrument.
        """
        feed: tuple[int, Kind] = (self.instrument(venue, symbol).id, "book" if of == "books" else "trades")
        is_single = isinstance(key, str)
        keys = (key,) if isinstance(key, str) else tuple(key)
        own = self._registered
        own.columns.append(ColumnFunction(own.turn(), function, feed, keys, is_single, group, in_parts))
        self._declared = None

    def setup(self, function: Setup) -> Setup:
        """Have the decorated function called with the study as each run begins, to register what has a state."""
        self._declared = None
        self._setups.append(function)
        return function

    def _register(self, kind: Kind, venue: str | None, symbol: str | None) -> Callable[[Any], Any]:
        if not any(Callback(0, print, venue, symbol).hears(instrument) for instrument in self.instruments):
            raise ValueError(f"no instrument {venue or '*'}:{symbol or '*'} in this study; there are: {self._names}")

        def register(function: Any) -> Any:
            self._declared = None
            self._registered.callbacks[kind].append(Callback(self._registered.turn(), function, venue, symbol))
            return function

        return register

    # --- the market ---------------------------------------------------------------------------------------------------

    def instrument(self, venue: str, symbol: str) -> Instrument:
        """Return an instrument of the market.

        Raises:
            ValueError: it has none of that name.
        """
        if (venue, symbol) not in self._by_name:
            raise ValueError(f"no instrument {venue}:{symbol} in this study; there are: {self._names}")
        return self._by_name[venue, symbol]

    @property
    def now(self) -> Nanos:
        """The present time, ns; in a callback only."""
        return self._running().view.now

    def book(self, venue: str, symbol: str) -> Book:
        """Return the book of an instrument, which follows the replay; in a callback only."""
        return self._running().view.book(self.instrument(venue, symbol))

    def tape(self, venue: str, symbol: str) -> Tape:
        """Return the tape of an instrument, which follows the replay; in a callback only."""
        return self._running().view.tape(self.instrument(venue, symbol))

    def books(self, venue: str, symbol: str) -> BookArrays:
        """Return all books of an instrument, 640 bytes each at depth 20; in a run, those of its own data."""
        return self._reader.books(self.instrument(venue, symbol))

    def trades(self, venue: str, symbol: str) -> TradeArrays:
        """Return all trades of an instrument; in a run, those of its own data."""
        return self._reader.trades(self.instrument(venue, symbol))

    def mids(self, venue: str, symbol: str) -> Mids:
        """Return the mids of an instrument with the holes of its data; in a run, those of its own data."""
        return self._reader.mids([self.instrument(venue, symbol)])[venue, symbol]

    @property
    def holes(self) -> list[str]:
        """What the window of an archive lacks, in words."""
        return self._market.holes

    def describe(self) -> dict[str, Any]:
        """Return what a report must state of the data: source, hashes, clock shifts, quality, holes."""
        return self._market.describe()

    # --- what was said ------------------------------------------------------------------------------------------------

    def declare(
        self, key: str, value: float, venue: str | None = None, symbol: str | None = None, group: str = ""
    ) -> None:
        """Declare a value at the present time; in a callback only.

        Args:
            venue, symbol: of which instrument; by default the one whose book or trade is told, and none of a clock.

        Raises:
            RuntimeError: no callback is called just now.
            ValueError: the market has no such instrument.
        """
        instrument = None if venue is None and symbol is None else self.instrument(venue or "", symbol or "")
        (self._run or self._running()).declare(key, value, instrument, group)

    def declarations(
        self, key: str | None = None, venue: str | None = None, symbol: str | None = None, group: str | None = None
    ) -> pd.DataFrame:
        """Return what was declared, all filters optional; the study is run if it was not since the last registration.

        Returns:
            columns `ts` (int64 ns), `key`, `value`, `venue`, `symbol`, `group`, in the order of the replay: time,
            feed, row, registration.
        """
        if self._declared is None:
            self._declared = self._declare_until(None)
        return select(self._declared, key=key, venue=venue, symbol=symbol, group=group)

    def forward_prices(
        self,
        frame: pd.DataFrame | None = None,
        horizons: Sequence[float] = HORIZONS_S,
        *,
        incomplete: Literal["drop", "keep"] = "drop",
        max_age_s: float | None = MAX_AGE_S,
    ) -> pd.DataFrame:
        """Add the mids some seconds later to declarations (by default all): see `research.forward_prices`."""
        declared = self.declarations() if frame is None else frame
        markets = declared[["venue", "symbol"]].drop_duplicates().itertuples(index=False)
        names = {(str(venue), str(symbol)) for venue, symbol in markets}
        mids = self._reader.mids([i for i in self.instruments if (i.venue, i.symbol) in names])
        return forward_prices(declared, mids, horizons, incomplete=incomplete, max_age_s=max_age_s)

    def check_look_ahead(self, at: Nanos | None = None) -> LookAheadReport:
        """Check that nothing declared up to `at` hangs on data that came later: the study is run on the cut data too.

        It sees only what changes near the cut, so `at` should be in a lively time (None: in the middle).

        Raises:
            LookAheadError: something does; the text names the first declaration.
        """
        whole = self.declarations()
        if at is None:
            at = int(whole["ts"].iloc[len(whole) // 2]) if len(whole) else 0
        return compare_cut(whole, self._declare_until(at), at)

    def _declare_until(self, until: Nanos | None) -> pd.DataFrame:
        registered, reader, declared = self._registered, self._reader, self._declared
        self._registered = registered.copy()
        market = self._market
        if until is not None:  # what is known of the whole market's data stays so
            market = Market(market.config, self._folder)
            self._reader = MarketReader(market, until)
        try:
            for setup in self._setups:
                setup(self)
            self._run = StudyRun(market, self._registered)
            return self._run.run(self._reader, until)
        finally:
            self._registered, self._reader, self._declared, self._run = registered, reader, declared, None

    def _running(self) -> StudyRun:
        if self._run is None:
            raise RuntimeError("a study has a present time only while it runs: call this in a callback")
        return self._run

    @property
    def _names(self) -> str:
        return ", ".join(instrument.name for instrument in self.instruments)
