"""Public frames of the venue to messages: books, trades, marks."""

from collections import Counter, OrderedDict
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Final

import msgspec
import numpy as np

from market import Instrument
from market.columns import NOT_STATED
from market.messages import BookDelta, BookGap, BookSnapshot, LevelArray, Mark, Trade
from market.units import MS, InstrumentId, Nanos
from venues.bybit.book_sync import BookSync, Step
from venues.bybit.structs import (
    BookData,
    BookFrame,
    Envelope,
    RecentTrade,
    TickerData,
    TradeRow,
    read_result,
    read_rows,
)
from venues.wire import InstrumentGrid, RemoteProtocolError, decode, money_e12, number_of, rounded

MarketMessage = BookSnapshot | BookDelta | BookGap | Trade | Mark

SIDES: Final = {"Buy": 1, "Sell": -1}
_REMEMBERED_TRADES: Final = 4096
MOST_RECENT: Final = 1000  # trades that the venue tells of afterwards
_INTEREST_PER_UNIT: Final = 10**4
_BOOK: Final = msgspec.json.Decoder(BookData)
_TRADES: Final = msgspec.json.Decoder(list[TradeRow])
_TICKER: Final = msgspec.json.Decoder(TickerData)
_RECENT: Final = msgspec.json.Decoder(list[RecentTrade])


class MarketData:
    """The public feed of some instruments, one connection after another.

    Attributes:
        syncs: by topic, what is known of each book's continuity.
        n_skipped: what was passed over, by reason: unknown topics, symbols that are not ours, block trades, trades told
            again.
    """

    def __init__(self, instruments: Iterable[Instrument], depth: int = 50, *, is_strict: bool = True) -> None:
        """Follow the books of `depth` levels (1, 50, 200 or 1000); `is_strict` as in `BookSync`."""
        if depth not in (1, 50, 200, 1000):
            raise ValueError(f"bybit has no book of {depth} levels; choose 1, 50, 200 or 1000")
        self._depth = depth
        self._grids = {each.symbol: InstrumentGrid(each) for each in instruments}
        self.syncs = {self.book_topic(symbol): BookSync(is_strict) for symbol in self._grids}
        self.n_skipped: Counter[str] = Counter()
        self._trades: OrderedDict[tuple[InstrumentId, int], None] = OrderedDict()
        self._readers = {"orderbook": self._book, "publicTrade": self._public_trades, "tickers": self._ticker}

    def topics(self) -> list[str]:
        """Return what to subscribe to: the books first, since a trade alone moves nobody."""
        kinds = (f"orderbook.{self._depth}", "publicTrade", "tickers")
        return [f"{kind}.{symbol}" for kind in kinds for symbol in self._grids]

    def book_topic(self, symbol: str) -> str:
        """Return the topic of a book: a new subscription to it brings a snapshot."""
        return f"orderbook.{self._depth}.{symbol}"

    def reset(self, now: Nanos) -> None:
        """Begin a new connection: every book waits for its snapshot, and its silence counts from now."""
        for sync in self.syncs.values():
            sync.reset()
            sync.heard = now

    def silent(self, now: Nanos, longest: Nanos) -> list[str]:
        """Return the topics of books that nothing was heard of for longer than this, snapshots that never came, too."""
        return [topic for topic, sync in self.syncs.items() if now - sync.heard > longest]

    def receive(self, frame: Envelope, ts_recv: Nanos) -> Sequence[MarketMessage]:
        """Return the messages of a frame of a topic.

        Raises:
            RemoteProtocolError: it breaks the documented form, or a price or size does not fit; the book concerned is
                not to be trusted and waits for a snapshot.
        """
        reader = self._readers.get(frame.topic.partition(".")[0])
        if reader is None:
            self.n_skipped["unknown topic"] += 1
            return ()
        return reader(frame, ts_recv)

    # --- books ---------------------------------------------------------------------------------------------------

    def _book(self, frame: Envelope, ts_recv: Nanos) -> Sequence[MarketMessage]:
        sync = self.syncs.get(frame.topic)
        if sync is None:
            self.n_skipped["book that was not asked for"] += 1
            return ()
        try:
            data = decode(_BOOK, frame.data, frame.topic)
        except RemoteProtocolError:
            sync.reset()
            raise
        return self.book(BookFrame(frame.topic, frame.type, data, frame.ts, frame.cts), ts_recv)

    def book(self, frame: BookFrame, ts_recv: Nanos) -> Sequence[MarketMessage]:
        """Return the messages of a frame of a book, as `receive`."""
        sync = self.syncs.get(frame.topic)
        if sync is None:
            self.n_skipped["book that was not asked for"] += 1
            return ()
        try:
            return self._step(sync, frame, ts_recv)
        except RemoteProtocolError:
            sync.reset()
            raise

    def _step(self, sync: BookSync, frame: BookFrame, ts_recv: Nanos) -> Sequence[MarketMessage]:
        topic, kind, data = frame.topic, frame.type, frame.data
        if topic.rpartition(".")[2] != data.s:
            raise RemoteProtocolError(f"{topic}: a book of {data.s!r}")
        if kind not in ("snapshot", "delta"):
            raise RemoteProtocolError(f"{topic}: a book is a snapshot or a delta, got {kind!r}")
        grid = self._grids[data.s]
        instrument = grid.instrument.id
        last, last_seq = sync.last, sync.last_seq
        step = sync.step(kind, data.u, data.seq, ts_recv)
        if step is Step.APPLY:
            ts_venue = (frame.cts or frame.ts) * MS
            bids, asks = grid.sides(data.b, data.a)
            return (BookDelta(instrument, ts_venue, ts_recv, last, data.u, bids, asks),)
        if step is Step.REPLACE:
            return (_snapshot(grid, data, (frame.cts or frame.ts) * MS, ts_recv),)
        if step is Step.GAP:
            reason = f"{topic}: u {data.u}, seq {data.seq} came after u {last}, seq {last_seq}"
            return (BookGap(instrument, ts_recv, reason),)
        return ()

    def distrust(self, symbol: str) -> None:
        """Wait for a snapshot of a book that was found wrong, such as crossed."""
        self.syncs[self.book_topic(symbol)].reset()

    def rest_book(self, body: bytes, ts_recv: Nanos) -> BookSnapshot:
        """Return the answer of `GET /v5/market/orderbook`, for a look or a check.

        Its `seq` is the engine's: the update id belongs to the 1000-level topic, and no delta of another continues it.

        Raises:
            RemoteProtocolError: it failed, is malformed, or is of a symbol that is not ours.
        """
        data, _ = read_result(body, _BOOK, "order book")
        grid = self._grids.get(data.s)
        if grid is None:
            raise RemoteProtocolError(f"an order book of {data.s!r}, which was not asked for")
        book = _snapshot(grid, data, (data.cts or data.ts) * MS, ts_recv)
        return msgspec.structs.replace(book, seq=data.seq)

    # --- trades ----------------------------------------------------------------------------------------------------

    def _public_trades(self, frame: Envelope, ts_recv: Nanos) -> Sequence[MarketMessage]:
        trades: list[MarketMessage] = []
        for row in decode(_TRADES, frame.data, frame.topic):
            trade = self._trade(row.s, row.T, row.p, row.v, row.S, row.i, ts_recv, is_block=row.BT)
            if trade is not None:
                trades.append(trade)
        return trades

    def recent_trades(self, body: bytes, ts_recv: Nanos, since: Nanos = 0) -> tuple[list[Trade], bool]:
        """Return those of `GET /v5/market/recent-trade` from `since` on that were not told before, oldest first.

        The second is whether the answer reaches back that far, so that none is missing.

        Raises:
            RemoteProtocolError: it failed or is malformed.
        """
        rows, _, _ = read_rows(body, _RECENT, "recent trades")
        trades = []
        reaches_back = len(rows) < MOST_RECENT
        for row in reversed(rows):
            time = _milliseconds(row.time, "time", row.symbol)
            if time * MS < since:
                reaches_back = True
                continue
            is_block = row.is_block_trade
            trade = self._trade(
                row.symbol, time, row.price, row.size, row.side, row.exec_id, ts_recv, is_block=is_block
            )
            if trade is not None:
                trades.append(trade)
        return sorted(trades, key=lambda trade: trade.ts_venue), reaches_back

    def _trade(
        self, symbol: str, time: int, price: str, size: str, side: str, trade_id: str, ts_recv: Nanos, *, is_block: bool
    ) -> Trade | None:
        grid = self._grids.get(symbol)
        if grid is None or is_block:  # a block is agreed elsewhere and says nothing of this market's flow
            self.n_skipped["block trade" if grid else "symbol that is not ours"] += 1
            return None
        taker = SIDES.get(side)
        if taker is None:
            raise RemoteProtocolError(f"trade {trade_id} of {grid.instrument.name}: side {side!r} is no side")
        instrument, number = grid.instrument.id, number_of(trade_id)
        if (instrument, number) in self._trades:
            self.n_skipped["trade told again"] += 1
            return None
        lots = grid.lots[size]
        if not lots:
            raise RemoteProtocolError(f"trade {trade_id} of {grid.instrument.name} is of size {size}")
        trade = Trade(instrument, time * MS, ts_recv, grid.ticks[price], lots, taker, number)
        self._trades[instrument, number] = None
        if len(self._trades) > _REMEMBERED_TRADES:
            self._trades.popitem(last=False)
        return trade

    # --- marks -----------------------------------------------------------------------------------------------------

    def _ticker(self, frame: Envelope, ts_recv: Nanos) -> Sequence[MarketMessage]:
        data = decode(_TICKER, frame.data, frame.topic)
        grid = self._grids.get(data.symbol)
        if grid is None:
            self.n_skipped["symbol that is not ours"] += 1
            return ()
        if not (data.mark_price or data.index_price or data.funding_rate or data.open_interest):
            return ()  # only the touch has moved, and the book says that better
        where = grid.instrument.name
        per_price = Fraction(10**6) / Fraction(grid.instrument.tick)
        due = data.next_funding_time
        mark = Mark(
            grid.instrument.id,
            frame.ts * MS,
            ts_recv,
            rounded(data.mark_price, per_price, "mark price", where) if data.mark_price else NOT_STATED,
            rounded(data.index_price, per_price, "index price", where) if data.index_price else NOT_STATED,
            money_e12(data.funding_rate, "funding rate", where) if data.funding_rate else NOT_STATED,
            _milliseconds(due, "next funding time", where) * MS if due else NOT_STATED,
            rounded(data.open_interest, _INTEREST_PER_UNIT, "open interest", where)
            if data.open_interest
            else NOT_STATED,
        )
        return (mark,)


def _snapshot(grid: InstrumentGrid, data: BookData, ts_venue: Nanos, ts_recv: Nanos) -> BookSnapshot:
    bids, asks = grid.sides(data.b, data.a)
    where = f"the snapshot {data.u} of {grid.instrument.name}"
    if not (_is_falling(bids) and _is_falling(-asks)) or not (bids[:, 1].all() and asks[:, 1].all()):
        raise RemoteProtocolError(f"{where} has levels out of order or of size 0")
    if len(bids) and len(asks) and bids[0, 0] >= asks[0, 0]:
        best = grid.price_text(int(bids[0, 0])), grid.price_text(int(asks[0, 0]))
        raise RemoteProtocolError(f"{where} is crossed: best bid {best[0]}, best ask {best[1]}")
    return BookSnapshot(grid.instrument.id, ts_venue, ts_recv, data.u, bids, asks)


def _is_falling(levels: LevelArray) -> bool:
    return bool((np.diff(levels[:, 0]) < 0).all())


def _milliseconds(text: str, field: str, where: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 12 + (text < "9")):  # beyond, it is no int64 of ns
        raise RemoteProtocolError(f"{field} {text!r} of {where} is not a time in milliseconds")
    return int(text)
