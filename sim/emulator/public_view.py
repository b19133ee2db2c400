"""What everybody sees of one emulated instrument: its book, its last trades, its mark and funding."""

from collections import deque
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import attrs

from market.book import Book
from market.columns import FundingColumns
from market.instrument import Instrument
from market.messages import BookDelta, BookSnapshot, Trade
from market.stream import Stream
from market.units import HOUR, Nanos
from sim.emulator.amounts import Grid
from sim.emulator.times import TimeMap

Level = list[int]
_TRADES_KEPT: Final = 1000
_FUNDING_INTERVAL: Final = 8 * HOUR


@attrs.frozen(eq=False)
class Print:
    """One public trade as it was stamped: `ts` on the venue's clock, `number` without gaps."""

    number: int
    ts: Nanos
    price: int
    size: int
    taker: int
    trade_id: int
    seq: int
    tick_direction: str


class FundingSchedule:
    """The payments that a feed of fundings announces, one ahead."""

    def __init__(self, stream: Stream | None) -> None:
        self._rows = iter(()) if stream is None else _rows(stream)
        self._next: tuple[Nanos, int] | None = next(self._rows, None)

    def next_after(self, market: Nanos) -> tuple[Nanos, int]:
        """Return when the next payment after a market time is due, and its rate in 1e-12."""
        while self._next is not None and self._next[0] <= market:
            self._next = next(self._rows, None)
        if self._next is not None:
            return self._next
        return (market // _FUNDING_INTERVAL + 1) * _FUNDING_INTERVAL, 0


class PublicView:
    """One instrument, as the venue shows it to all.

    Attributes:
        instrument, price, size: the instrument, and the decimals of its ticks and lots.
        update_id: counts changed levels: ids of book messages are not consecutive, but grow.
        seq: of the venue's engine: grows at every book and trade.
        version: counts book messages.
        ts: when the book last changed, wall clock.
        is_sound: the book is known; it is not before the first snapshot and in a gap of a recording.
        trades: the last ones, newest last.
        bids, asks: all levels, best first, as [ticks, lots].
    """

    def __init__(self, instrument: Instrument, depth: int, times: TimeMap, funding: FundingSchedule, base: int) -> None:
        self.instrument = instrument
        self.price = Grid(instrument.tick)
        self.size = Grid(instrument.lot)
        self.update_id = base
        self.seq = base
        self.version = 0
        self.ts: Nanos = 0
        self.is_sound = False
        self.trades: deque[Print] = deque(maxlen=_TRADES_KEPT)
        self.bids: list[Level] = []
        self.asks: list[Level] = []
        self.first_price = self.high = self.low = self.volume = self.turnover = self.n_trades = 0
        self._book = Book(instrument, depth)
        self._first_number = base
        self._times = times
        self._funding = funding

    # --- what the market does -----------------------------------------------------------------------------------------

    def take_book(self, message: BookSnapshot | BookDelta) -> bool:
        """Take a message of the book; False: it does not follow, and the book is unknown until the next snapshot."""
        book, recv = self._book, message.ts_recv
        if isinstance(message, BookSnapshot):
            book.load(message.bids, message.asks, message.ts_venue, recv, message.seq)
            self.is_sound = True
        elif not self.is_sound:
            return False
        elif not book.apply(message.bids, message.asks, message.ts_venue, recv, message.prev_seq, message.seq):
            book.clear()
            self.is_sound = False
            self.bids, self.asks = [], []
            return False
        self.bids, self.asks = book.bid_levels.tolist(), book.ask_levels.tolist()
        self.ts = self._times.wall(recv)
        n_levels = len(message.bids) + len(message.asks)
        self.update_id += 1 + n_levels
        self.seq += 1 + n_levels
        self.version += 1
        return True

    def take_trade(self, trade: Trade) -> Print:
        """Take a public trade."""
        self.seq += 1
        last = self.trades[-1] if self.trades else None
        if last is None or trade.price == last.price:
            direction = "ZeroPlusTick" if last is None or "Plus" in last.tick_direction else "ZeroMinusTick"
        else:
            direction = "PlusTick" if trade.price > last.price else "MinusTick"
        self.n_trades += 1
        printed = Print(
            self._first_number + self.n_trades,
            self._times.wall(trade.ts_recv),
            trade.price,
            trade.size,
            trade.taker,
            trade.trade_id,
            self.seq,
            direction,
        )
        self.trades.append(printed)
        self.first_price = self.first_price or trade.price
        self.high = max(self.high, trade.price)
        self.low = min(self.low or trade.price, trade.price)
        self.volume += trade.size
        self.turnover += trade.size * trade.price
        return printed

    # --- what is asked of it ------------------------------------------------------------------------------------------

    @property
    def mark(self) -> Decimal:
        """Mark price, quote currency: the mid, else the last trade; 0 before either."""
        if self.bids and self.asks:
            return self.instrument.tick * (self.bids[0][0] + self.asks[0][0]) / 2
        return self.instrument.tick * self.last_price

    @property
    def last_price(self) -> int:
        """Ticks of the last trade, else of the best bid; 0 before either."""
        if self.trades:
            return self.trades[-1].price
        return self.bids[0][0] if self.bids else 0

    def funding(self, now: Nanos) -> tuple[Nanos, Decimal]:
        """Return when the next funding is due on the wall clock, and its rate."""
        due, rate_e12 = self._funding.next_after(self._times.market(now))
        return self._times.wall(due), Decimal(rate_e12).scaleb(-12)


def _rows(stream: Stream) -> Iterator[tuple[Nanos, int]]:
    for chunk in stream.chunks:
        if isinstance(chunk, FundingColumns):
            yield from zip(chunk.ts_venue.tolist(), chunk.rate_e12.tolist(), strict=True)
