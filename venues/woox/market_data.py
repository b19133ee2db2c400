"""Public frames and answers of the venue to messages: books, trades, marks."""

from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Final

import msgspec
import numpy as np

from market.columns import NOT_STATED
from market.instrument import Instrument
from market.messages import BookDelta, BookGap, BookSnapshot, LevelArray, Mark, Trade
from market.units import MS, InstrumentId, Nanos, Ticks
from venues.wire import InstrumentGrid, RemoteProtocolError, decode, money_e12, rounded
from venues.woox.book_sync import BookSync
from venues.woox.structs import (
    BookChange,
    BookRows,
    Envelope,
    FundingEvent,
    MarkEvent,
    TradeEvent,
    decoder,
    read_data,
)

MarketMessage = BookSnapshot | BookDelta | BookGap | Trade | Mark

SIDES: Final = {"BUY": 1, "SELL": -1}
BOOK_PACE: Final = 50  # ms between messages of a book at the least: the venue's quickest
_OURS: Final = 1  # the source of trades that were matched here
_MAX_NAMES: Final = 64
_BOOK: Final = msgspec.json.Decoder(BookChange)
_TRADE: Final = msgspec.json.Decoder(TradeEvent)
_MARK: Final = msgspec.json.Decoder(MarkEvent)
_FUNDING: Final = msgspec.json.Decoder(FundingEvent)
_BOOK_ROWS: Final = decoder(BookRows)
_E6: Final = 10**6


class MarketData:
    """The public feed of some instruments, one connection after another.

    Args:
        is_rpi: books have the orders, too, that only the venue's own customers can take.

    Attributes:
        syncs: by instrument, its book's continuity.
        skipped: what was passed over, by reason.
        marks: by instrument, the last mark price, ticks; for the venue's price caps.
    """

    def __init__(self, instruments: Iterable[Instrument], *, is_rpi: bool = False) -> None:
        self._grids = {each.symbol: InstrumentGrid(each) for each in instruments}
        self._by_id = {grid.instrument.id: grid for grid in self._grids.values()}
        self.is_rpi = is_rpi
        self.syncs = {each: BookSync(each) for each in self._by_id}
        self.skipped: Counter[str] = Counter()
        self.marks: dict[InstrumentId, Ticks] = {}
        self._book_name = "orderbookupdaterpi" if is_rpi else "orderbookupdate"
        self._n_trades: dict[tuple[InstrumentId, int], int] = {}
        self._readers = {
            self._book_name: self._book,
            "trade": self._trade,
            "markprice": self._mark,
            "estfundingrate": self._funding,
        }

    def book_topic(self, symbol: str) -> str:
        return f"{self._book_name}@{symbol}@{BOOK_PACE}"

    def topics(self) -> list[str]:
        """Return what to subscribe to: the books first, since a trade alone moves nobody."""
        books = [self.book_topic(symbol) for symbol in self._grids]
        return [*books, *(f"{name}@{symbol}" for name in list(self._readers)[1:] for symbol in self._grids)]

    def receive(self, frame: Envelope, ts_recv: Nanos) -> Sequence[MarketMessage]:
        """Return the messages of a frame of a topic.

        Raises:
            RemoteProtocolError: it breaks the documented form, or a price or size does not fit the instrument.
        """
        name, _, rest = frame.topic.partition("@")
        reader = self._readers.get(name)
        grid = self._grids.get(rest.partition("@")[0])
        if reader is None or grid is None:
            what = "symbol that is not ours" if reader else f"topic {name[:30]}"
            self.skipped[what if len(self.skipped) < _MAX_NAMES else "other topics"] += 1
            return ()
        return reader(frame, grid, ts_recv)

    # --- books -------------------------------------------------------------------------------------------------------

    def _book(self, frame: Envelope, grid: InstrumentGrid, ts_recv: Nanos) -> Sequence[MarketMessage]:
        change = decode(_BOOK, frame.data, frame.topic)
        name = grid.instrument.name
        if change.symbol != grid.instrument.symbol:
            raise RemoteProtocolError(f"{frame.topic}: a book of {change.symbol!r}")
        if change.previous >= change.ts:
            raise RemoteProtocolError(f"book of {name}: a change of {change.ts} that follows one of {change.previous}")
        bids, asks = grid.sides(change.bids, change.asks)
        instrument = grid.instrument.id
        delta = BookDelta(instrument, change.ts * MS, ts_recv, change.previous, change.ts, bids, asks)
        return self.syncs[instrument].change(change.previous, delta, ts_recv)

    def whole_book(self, instrument: InstrumentId, body: bytes, ts_recv: Nanos) -> Sequence[MarketMessage]:
        """Take the answer of `GET /v3/public/orderbook`.

        Raises:
            RemoteProtocolError: it failed or is malformed: of size 0, twice at a price, crossed.
        """
        grid = self._by_id[instrument]
        where = f"the order book of {grid.instrument.name}"
        rows, ts_venue = read_data(body, _BOOK_ROWS, where)
        if not ts_venue:
            raise RemoteProtocolError(f"woox {where} does not say of when it is")
        # the order of levels is promised nowhere
        bids = _sorted(grid.levels([(each.price, each.quantity) for each in rows.bids]), -1)
        asks = _sorted(grid.levels([(each.price, each.quantity) for each in rows.asks]), 1)
        for side, levels in (("bids", bids), ("asks", asks)):
            if not levels[:, 1].all() or not np.diff(levels[:, 0]).all():
                raise RemoteProtocolError(f"the {side} of {where} have a level of size 0, or one twice")
        if len(bids) and len(asks) and bids[0, 0] >= asks[0, 0]:
            raise RemoteProtocolError(f"{where} is crossed: best bid {bids[0, 0]} ticks, best ask {asks[0, 0]}")
        book = BookSnapshot(instrument, ts_venue, ts_recv, ts_venue // MS, bids, asks)
        return self.syncs[instrument].whole(book, ts_recv)

    # --- trades and marks --------------------------------------------------------------------------------------------

    def _trade(self, frame: Envelope, grid: InstrumentGrid, ts_recv: Nanos) -> Sequence[MarketMessage]:
        trade = decode(_TRADE, frame.data, frame.topic)
        name, instrument = grid.instrument.name, grid.instrument.id
        if trade.source != _OURS:
            self.skipped["trade of another venue"] += 1  # of no use for how soon our orders are filled
            return ()
        side, size = SIDES.get(trade.side), grid.lots[trade.size]
        if side is None or not size:
            raise RemoteProtocolError(f"trade of {name}: {trade.side!r} {trade.size} is no deal")
        if trade.is_rpi:
            self.skipped["trade with an order for the venue's own customers"] += 1
        # the venue gives no number: by time, and by place among those of one ms
        key = (instrument, trade.ts)
        place = self._n_trades.pop(key, 0)
        self._n_trades[key] = place + 1
        if len(self._n_trades) > _MAX_NAMES * len(self._by_id):
            del self._n_trades[next(iter(self._n_trades))]
        return (
            Trade(instrument, trade.ts * MS, ts_recv, grid.ticks[trade.price], size, side, trade.ts * 1000 + place),
        )

    def _mark(self, frame: Envelope, grid: InstrumentGrid, ts_recv: Nanos) -> Sequence[MarketMessage]:
        mark = decode(_MARK, frame.data, frame.topic)
        instrument = grid.instrument
        mark_e6 = rounded(mark.price, Fraction(_E6) / Fraction(instrument.tick), "mark price", instrument.name)
        self.marks[instrument.id] = mark_e6 // _E6
        rest = (NOT_STATED, NOT_STATED, NOT_STATED, NOT_STATED)
        return (Mark(instrument.id, mark.ts * MS, ts_recv, mark_e6, *rest),)

    def _funding(self, frame: Envelope, grid: InstrumentGrid, ts_recv: Nanos) -> Sequence[MarketMessage]:
        funding = decode(_FUNDING, frame.data, frame.topic)
        instrument = grid.instrument
        rate = money_e12(funding.rate, "funding rate", instrument.name)
        due = funding.ts_funding * MS or NOT_STATED
        return (Mark(instrument.id, funding.ts * MS, ts_recv, NOT_STATED, NOT_STATED, rate, due, NOT_STATED),)


def _sorted(levels: LevelArray, direction: int) -> LevelArray:
    """Return levels by price, best first."""
    ordered = levels[np.argsort(direction * levels[:, 0], kind="stable")]
    ordered.setflags(write=False)
    return ordered
