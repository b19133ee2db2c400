"""The feeds of a market as arrays, read in one pass."""

from collections.abc import Collection, Iterator, Mapping
from typing import Final, Literal

import attrs
import numpy as np

from market.columns import BookColumns, TradeColumns
from market.instrument import Instrument
from market.units import InstrumentId, Nanos
from research.book_player import BookPlayer
from research.market_arrays import BookArrays, TradeArrays, joined
from research.prices import FloatArray, IntArray, Mids
from sim import Market

Kind = Literal["book", "trades"]
Feed = tuple[InstrumentId, Kind]

KINDS: Final[tuple[Kind, ...]] = ("book", "trades")


@attrs.frozen(eq=False)
class Part:
    """The next rows of a feed.

    Attributes:
        stream: place of the feed among those of the market.
        first_row: place of the first row among all that the feed shows.
    """

    feed: Feed
    stream: int
    first_row: int
    arrays: BookArrays | TradeArrays


class MarketReader:
    """Reads a market up to and including `until` (None: to its end); what was read whole is kept."""

    def __init__(self, market: Market, until: Nanos | None = None) -> None:
        self._market = market
        self._until = until
        self._whole: dict[Feed, BookArrays | TradeArrays] = {}
        self._mids: dict[InstrumentId, Mids] = {}

    def parts(self, feeds: Collection[Feed]) -> Iterator[Part]:
        """Yield the rows of some feeds, all in step; memory holds one part of each."""
        players = {i: self._player(i) for i, kind in feeds if kind == "book"}
        n_rows: dict[Feed, int] = {}
        for delivered in self._market.columns(until=self._until):
            instrument, rows = delivered.instrument, delivered.rows
            found: BookArrays | TradeArrays
            if isinstance(rows, BookColumns) and instrument.id in players:
                feed: Feed = (instrument.id, "book")
                found = players[instrument.id].play(rows)
            elif isinstance(rows, TradeColumns) and (instrument.id, "trades") in feeds:
                feed = (instrument.id, "trades")
                found = TradeArrays(instrument, rows.ts_venue, rows.ts_recv, rows.ticks, rows.lots, rows.taker)
            else:
                continue
            first = n_rows.get(feed, 0)
            n_rows[feed] = first + len(found)
            yield Part(feed, delivered.stream, first, found)

    def books(self, instrument: Instrument) -> BookArrays:
        """Return all books of an instrument."""
        found = self._read((instrument.id, "book"))
        assert isinstance(found, BookArrays), f"feed of books of {instrument.name} gave {type(found)}"
        return found

    def trades(self, instrument: Instrument) -> TradeArrays:
        """Return all trades of an instrument."""
        found = self._read((instrument.id, "trades"))
        assert isinstance(found, TradeArrays), f"feed of trades of {instrument.name} gave {type(found)}"
        return found

    def mids(self, instruments: Collection[Instrument]) -> Mapping[tuple[str, str], Mids]:
        """Return the mids of some instruments by (venue, symbol), with the holes of their data; one pass for all."""
        players = {i.id: BookPlayer(i, 1) for i in instruments if i.id not in self._mids}
        parts: dict[InstrumentId, list[tuple[IntArray, FloatArray]]] = {i: [] for i in players}
        if players:
            for delivered in self._market.columns(until=self._until):
                i, rows = delivered.instrument.id, delivered.rows
                if isinstance(rows, BookColumns) and i in players:
                    books = players[i].play(rows)
                    parts[i].append((books.ts_recv, books.mid))
        for i, player in players.items():
            ts = np.concatenate([np.zeros(0, np.int64), *(ts for ts, _ in parts[i])])
            mid = np.concatenate([np.zeros(0), *(mid for _, mid in parts[i])])
            is_known = ~np.isnan(mid)
            holes = sorted([*player.holes, *self._market.book_holes(player.instrument)])
            self._mids[i] = Mids(ts[is_known], mid[is_known], np.array(holes, np.int64).reshape(-1, 2))
        return {(i.venue, i.symbol): self._mids[i.id] for i in instruments}

    def _read(self, feed: Feed) -> BookArrays | TradeArrays:
        if feed not in self._whole:
            parts = [part.arrays for part in self.parts([feed])]
            books = [part for part in parts if isinstance(part, BookArrays)]
            trades = [part for part in parts if isinstance(part, TradeArrays)]
            self._whole[feed] = joined(books) if books else joined(trades) if trades else self._nothing(feed)
        return self._whole[feed]

    def _nothing(self, feed: Feed) -> BookArrays | TradeArrays:
        instrument, none = self._market.instruments[feed[0]], np.zeros(0, np.int64)
        if feed[1] == "trades":
            return TradeArrays(instrument, none, none, none, none, none)
        levels = np.zeros((0, self._market.config.run.depth, 2), np.int64)
        return BookArrays(instrument, none, none, levels, levels)

    def _player(self, i: InstrumentId) -> BookPlayer:
        return BookPlayer(self._market.instruments[i], self._market.config.run.depth)
