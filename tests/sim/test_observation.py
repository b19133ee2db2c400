"""Who only watches hears what an actor would, in the same order, by events as by columns."""

from pathlib import Path

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sim
from market import Book, Instrument
from market.columns import BookColumns, TradeColumns
from market.messages import Trade
from market.units import SECOND
from sim.config import RunConfig, RunSection, make_config
from sim.delivered_columns import delivered_columns
from sim.market_data import ColumnData
from sim.observation import MarketView, observe
from tests.sim.small_feeds import Shown, SmallMarket, small_markets

CONFIG = RunConfig(RunSection(depth=8))


class Watcher:
    """Writes down all that it is told; with an interval also the times of a clock and what the books then were."""

    def __init__(self, interval: int = 0, deaf_to: str = "") -> None:
        self.heard: list[Shown] = []
        self.clock: list[tuple[int, list[tuple[int, int]]]] = []
        self._interval = interval
        self._deaf_to = deaf_to
        self.stamps: list[tuple[int, int]] = []

    def on_start(self, view: MarketView) -> None:
        self.view = view
        if self._interval:
            view.on_clock(self._interval, self._tick)

    def hears(self, instrument: Instrument, kind: str) -> bool:
        return kind != self._deaf_to

    def on_book(self, instrument: Instrument, book: Book) -> None:
        bids, asks = (tuple(map(tuple, side.tolist())) for side in (book.bid_levels, book.ask_levels))
        self.heard.append(Shown(self.view.now, self.view.stream, bids, asks))
        self.stamps.append((book.ts_venue, book.ts_recv))
        assert book is self.view.book(instrument)

    def on_trade(self, instrument: Instrument, trade: Trade) -> None:
        assert trade.instrument == instrument.id
        self.heard.append(Shown(self.view.now, self.view.stream, trade=(trade.price, trade.size)))
        self.stamps.append((trade.ts_venue, trade.ts_recv))

    def _tick(self, now: int) -> None:
        assert now == self.view.now
        self.clock.append((now, [self.view.book(i).level(1) for i in self.view.instruments]))
        self.heard.append(Shown(now, 99))


@settings(max_examples=100, deadline=None)
@given(small_markets(), st.integers(1, 9))
def test_observer_hears_every_row_in_order(market: SmallMarket, chunk_rows: int) -> None:
    watcher = Watcher()
    seen = observe(CONFIG, market.data(chunk_rows), [watcher])
    assert watcher.heard == market.shown()
    assert seen.n_events == sum(len(feed) for feed in market.feeds)
    assert all(
        (shown.ts, shown.ts - 7) == stamp[::-1] for shown, stamp in zip(watcher.heard, watcher.stamps, strict=True)
    )


@settings(max_examples=60, deadline=None)
@given(small_markets(), st.integers(1, 9))
def test_columns_are_all_rows_in_the_order_of_each_feed(market: SmallMarket, chunk_rows: int) -> None:
    data = market.data(chunk_rows)
    parts = list(delivered_columns(CONFIG, data))
    for s, (i, kind, whole) in enumerate(data.feeds):
        mine = [part for part in parts if part.stream == s]
        assert {(part.instrument.id, part.kind) for part in mine} <= {(i, kind)}
        for name in ("ts_venue", "ts_recv", "seq", "n_bids") if kind == "book" else ("ts_recv", "ticks", "taker"):
            found = [getattr(part.rows, name) for part in mine]
            assert np.concatenate([[], *found]).tolist() == getattr(whole, name).tolist()
        if isinstance(whole, BookColumns):
            for part in mine:
                assert isinstance(part.rows, BookColumns)
                assert len(part.rows.levels) == int((part.rows.n_bids + part.rows.n_asks).sum())
            levels = [part.rows.levels for part in mine if isinstance(part.rows, BookColumns)]
            assert np.concatenate([np.zeros((0, 2)), *levels]).tolist() == whole.levels.tolist()


@settings(max_examples=60, deadline=None)
@given(small_markets(), st.integers(100, 130))
def test_a_cut_market_is_the_beginning_of_the_whole_one(market: SmallMarket, until: int) -> None:
    data = market.data()
    whole, part = Watcher(3), Watcher(3)
    observe(CONFIG, data, [whole])
    observe(CONFIG, data, [part], until)
    assert part.heard == [shown for shown in whole.heard if shown.ts <= until]
    rows = [row for each in delivered_columns(CONFIG, data, until) for row in each.rows.ts_recv.tolist()]
    assert sorted(rows) == sorted(row.ts for feed in market.feeds for row in feed if row.ts <= until)


@settings(max_examples=60, deadline=None)
@given(small_markets(), st.integers(1, 5))
def test_clocks_come_last_at_full_multiples(market: SmallMarket, interval: int) -> None:
    watcher = Watcher(interval)
    seen = observe(CONFIG, market.data(), [watcher])
    times = [now for now, _ in watcher.clock]
    first, last = seen.start, seen.end
    if any(market.feeds):
        assert times == [t for t in range(first, last + 1) if t % interval == 0]
    books = [shown for shown in market.shown() if shown.stream % 2 == 0]
    order = [(shown.ts, shown.stream) for shown in watcher.heard]
    assert order == sorted(order)
    for now, touches in watcher.clock:
        for i, touch in enumerate(touches):
            rows = [row for row in market.feeds[2 * i] if row.ts <= now]
            before = [shown for shown in books if shown.stream == 2 * i and shown.ts <= now]
            is_known = bool(before) and before[-1] == _replayed(market, 2 * i, len(rows))
            expected = before[-1].bids[0] if is_known and before[-1].bids else (0, 0)
            assert touch == expected


def _replayed(market: SmallMarket, stream: int, n_rows: int) -> Shown | None:
    """Return the book after so many rows of a feed, if the last of them was put into it."""
    feeds = [feed[:n_rows] if s == stream else () for s, feed in enumerate(market.feeds)]
    shown = SmallMarket(tuple(feeds)).shown()
    fewer = [feed[: n_rows - 1] if s == stream else () for s, feed in enumerate(market.feeds)]
    return shown[-1] if shown and len(shown) > len(SmallMarket(tuple(fewer)).shown()) else None


def test_who_is_deaf_to_a_feed_is_not_told_of_it() -> None:
    data = _generated(20.0)
    deaf, all_ears = Watcher(deaf_to="trades"), Watcher()
    market = sim.Market(data)
    market.replay([deaf, all_ears])
    assert deaf.heard == [shown for shown in all_ears.heard if shown.bids or shown.asks]
    assert len(deaf.heard) < len(all_ears.heard)


@pytest.mark.parametrize("preset", ["default", "deltas"])
def test_generated_market_is_heard_as_its_columns_say(preset: str) -> None:
    config = _generated(30.0, preset, latency={"model": "uniform", "low_ms": 1, "high_ms": 90})
    watcher = Watcher()
    market = sim.Market(config)
    seen = market.replay([watcher])
    assert seen.n_events > 500
    times: dict[int, list[tuple[int, int]]] = {}
    for part in market.columns():
        pairs = zip(part.rows.ts_venue.tolist(), part.rows.ts_recv.tolist(), strict=True)
        times.setdefault(part.stream, []).extend(pairs)
    for stream, expected in times.items():
        heard = zip(watcher.heard, watcher.stamps, strict=True)
        assert [stamp for shown, stamp in heard if shown.stream == stream] == expected
    assert market.describe()["source"] == "generated"


def test_replay_takes_a_config_and_a_folder(tmp_path: Path) -> None:
    watcher = Watcher()
    seen = sim.replay(_generated(5.0), [watcher], tmp_path)
    assert seen.end - seen.start < 6 * SECOND
    assert watcher.heard
    archive = make_config(
        {
            "data": {
                "source": "archive",
                "root": "a",
                "start": "2025-01-01:00",
                "end": "2025-01-01:00",
                "instruments": ["v:S"],
            }
        }
    )
    with pytest.raises(sim.ConfigError, match="no instrument v:S in the archive"):
        sim.replay(archive, [], tmp_path)


def test_crossed_levels_are_named(tmp_path: Path) -> None:
    whole = SmallMarket(((), ())).data()
    ones = np.ones(1, np.int64)
    levels = np.array([[5, 1], [6, 1]])
    bad = BookColumns(ones, ones, ones, ones, ones, 0 * ones, 2 * ones, 0 * ones, levels)
    data = attrs.evolve(whole, feeds=[(0, "book", bad)])
    assert isinstance(data, ColumnData)
    with pytest.raises(ValueError, match=r"^a book message of v:S0 at 1 ns is not a book: levels must be sorted"):
        observe(CONFIG, data, [Watcher()])


def test_clock_needs_an_interval() -> None:
    class Hasty:
        def on_start(self, view: MarketView) -> None:
            view.on_clock(0, print)

    trades = TradeColumns([1], [1], [5], [5], [1], [1])
    data = attrs.evolve(SmallMarket(((), ())).data(), feeds=[(0, "trades", trades)])
    with pytest.raises(ValueError, match=r"^the interval of a clock must be at least 1 ns, got 0$"):
        observe(CONFIG, data, [Hasty()])


def _generated(seconds: float, preset: str = "default", latency: object = "recorded") -> RunConfig:
    venues = [{"name": name, "latency": {"feed_public": latency}} for name in ("bybit", "binance-futures")]
    return make_config({"data": {"preset": preset, "seconds": seconds}, "venue": venues})
