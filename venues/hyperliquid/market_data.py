"""Public frames of the venue to messages: whole books, trades, marks.

Books have no number of sequence: each is whole, and the time of its block orders them.  A subscription begins with
trades of late, which a connection before may have told already.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Final

import msgspec
import numpy as np

from market.instrument import Instrument
from market.messages import BookGap, BookSnapshot, Mark, Trade
from market.units import MS, InstrumentId, Nanos
from venues.hyperliquid.session import Subscription
from venues.hyperliquid.structs import ActiveContext, Book, Frame, Level, TradeRow
from venues.wire import InstrumentGrid, RemoteProtocolError, decode, money_e12, number_of, rounded

MarketMessage = BookSnapshot | BookGap | Trade | Mark

SIDES: Final = {"B": 1, "A": -1}
_MOST_KNOWN: Final = 20_000
_BOOK: Final = msgspec.json.Decoder(Book)
_TRADES: Final = msgspec.json.Decoder(list[TradeRow])
_CONTEXT: Final = msgspec.json.Decoder(ActiveContext)
_E6: Final = 10**6
_E4: Final = 10**4
_HOUR: Final[Nanos] = 3600 * 10**9


class MarketData:
    """The public feed of some instruments, one connection after another.

    Attributes:
        skipped: what was passed over, by reason.
    """

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        self._grids = {each.symbol: InstrumentGrid(each) for each in instruments}
        self.skipped: Counter[str] = Counter()
        self._times: dict[InstrumentId, int] = {}
        self._told: dict[tuple[InstrumentId, int, int], None] = {}
        self._readers = {"l2Book": self._book, "trades": self._trades, "activeAssetCtx": self._context}

    def subscriptions(self) -> list[Subscription]:
        """Return what to subscribe to: the books first, since a trade alone moves nobody."""
        return [{"type": name, "coin": symbol} for name in self._readers for symbol in self._grids]

    def lost(self, now: Nanos, reason: str) -> list[BookGap]:
        """The connection is gone: no book is to be trusted until the next."""
        self._times.clear()
        return [BookGap(grid.instrument.id, now, reason) for grid in self._grids.values()]

    def forget(self, instrument: InstrumentId) -> None:
        """The next book of an instrument counts, whatever its time is."""
        self._times.pop(instrument, None)

    def receive(self, frame: Frame, ts_recv: Nanos) -> Sequence[MarketMessage]:
        """Return the messages of a frame.

        Raises:
            RemoteProtocolError: it breaks the documented form, or a price or size does not fit the instrument.
        """
        reader = self._readers.get(frame.channel)
        if reader is None:
            self.skipped["unknown channel"] += 1
            return ()
        return reader(frame, ts_recv)

    def _grid(self, coin: str) -> InstrumentGrid | None:
        grid = self._grids.get(coin)
        if grid is None:
            self.skipped["coin that is not ours"] += 1
        return grid

    # --- books -------------------------------------------------------------------------------------------------------

    def _book(self, frame: Frame, ts_recv: Nanos) -> Sequence[MarketMessage]:
        book = decode(_BOOK, frame.data, "hyperliquid book")
        grid = self._grid(book.coin)
        if grid is None:
            return ()
        instrument = grid.instrument.id
        if book.time < self._times.get(instrument, 0):
            self.skipped["older book"] += 1
            return ()
        snapshot = self.whole_book(book, grid, ts_recv)
        self._times[instrument] = book.time
        return (snapshot,)

    def whole_book(self, book: Book, grid: InstrumentGrid, ts_recv: Nanos) -> BookSnapshot:
        """Return a book of the venue.

        Raises:
            RemoteProtocolError: it is out of order, has a level of size 0 or one twice, or is crossed.
        """
        name = grid.instrument.name
        bids, asks = (grid.levels(_texts(each)) for each in book.levels)
        for side, levels, direction in (("bids", bids, -1), ("asks", asks, 1)):
            if not levels[:, 1].all() or not (direction * np.diff(levels[:, 0]) > 0).all():
                raise RemoteProtocolError(f"the {side} of {name} are out of order, or have a level of size 0")
        if len(bids) and len(asks) and bids[0, 0] >= asks[0, 0]:
            raise RemoteProtocolError(f"the book of {name} is crossed: {bids[0, 0]} against {asks[0, 0]} ticks")
        return BookSnapshot(grid.instrument.id, book.time * MS, ts_recv, book.time, bids, asks)

    # --- trades and marks --------------------------------------------------------------------------------------------

    def _trades(self, frame: Frame, ts_recv: Nanos) -> Sequence[MarketMessage]:
        found: list[Trade] = []
        for row in decode(_TRADES, frame.data, "hyperliquid trades"):
            grid = self._grid(row.coin)
            if grid is None:
                continue
            key = (grid.instrument.id, row.time, row.tid)
            if key in self._told:
                self.skipped["trade told again"] += 1
                continue
            side, size = SIDES.get(row.side), grid.lots[row.sz]
            if side is None or not size:
                raise RemoteProtocolError(f"trade of {grid.instrument.name}: {row.side!r:.20} {row.sz:.40} is no deal")
            price, trade_id = grid.ticks[row.px], number_of(f"{row.time}/{row.tid}")
            self._told[key] = None
            if len(self._told) > _MOST_KNOWN:
                del self._told[next(iter(self._told))]
            found.append(Trade(grid.instrument.id, row.time * MS, ts_recv, price, size, side, trade_id))
        # the first frame tells them from the newest back
        return sorted(found, key=lambda trade: trade.ts_venue)

    def _context(self, frame: Frame, ts_recv: Nanos) -> Sequence[MarketMessage]:
        told = decode(_CONTEXT, frame.data, "hyperliquid context")
        grid = self._grid(told.coin)
        if grid is None:
            return ()
        instrument, context = grid.instrument, told.ctx
        per_unit = Fraction(_E6) / Fraction(instrument.tick)
        mark = rounded(context.mark_px, per_unit, "mark price", instrument.name)
        index = rounded(context.oracle_px, per_unit, "oracle price", instrument.name)
        rate = money_e12(context.funding, "funding rate", instrument.name)
        interest = rounded(context.open_interest, _E4, "open interest", instrument.name)
        due = (ts_recv // _HOUR + 1) * _HOUR  # funding is paid at each full hour
        # the venue does not say of when it is: as of now
        return (Mark(instrument.id, ts_recv, ts_recv, mark, index, rate, due, interest),)


def _texts(levels: Sequence[Level]) -> list[tuple[str, str]]:
    return [(level.px, level.sz) for level in levels]
