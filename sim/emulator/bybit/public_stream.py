"""Bybit's public topics: books, trades, tickers, price limits."""

from collections.abc import Callable
from typing import Any, Final

from market.units import MS, SECOND, Nanos
from sim.emulator.books import PacedBook
from sim.emulator.bybit.market_rows import ticker_row
from sim.emulator.bybit.order_rows import SIDES, uuid
from sim.emulator.outbox import NEVER, Outbox, text_frame
from sim.emulator.public_view import Level, Print, PublicView
from sim.emulator.requests import encode
from sim.emulator.times import ms

BOOK_PACES: Final = {1: 10 * MS, 50: 20 * MS, 200: 100 * MS, 1000: 200 * MS}
_TICKER_PACE: Final = 100 * MS
_LIMIT_PACE: Final = 300 * MS
_REPEAT: Final = 3 * SECOND  # of an orderbook.1 that stands still
_FIRST_U: Final = 15_000_000
_SILENT: Final = ("allLiquidation", "liquidation")  # nobody is liquidated here


class _Topic:
    """One topic and who subscribed it."""

    def __init__(self, name: str, view: PublicView) -> None:
        self.name = name
        self.view = view
        self.hearers: dict[Outbox, None] = {}

    @property
    def due(self) -> Nanos:
        return NEVER

    def first(self, outbox: Outbox, now: Nanos) -> None:
        """Send what a new subscriber begins with."""

    def on_due(self, now: Nanos) -> None: ...

    def send(self, message: dict[str, Any], now: Nanos) -> None:
        payload = encode(message)
        frame = text_frame(payload)
        for outbox in tuple(self.hearers):
            outbox.publish(self.name, payload, now, frame)


class _BookTopic(_Topic):
    def __init__(self, name: str, view: PublicView, depth: int, pace: Nanos) -> None:
        super().__init__(name, view)
        self._book = PacedBook(view, depth, pace)
        self._u = _FIRST_U
        self._seq = self._ts = 0

    @property
    def due(self) -> Nanos:
        if not self.hearers:
            return NEVER
        return min(self._book.due, self._book.sent_at + _REPEAT) if self._book.depth == 1 else self._book.due

    def first(self, outbox: Outbox, now: Nanos) -> None:
        book = self._book
        if len(self.hearers) == 1 and book.is_behind:  # nobody heard what happened meanwhile
            self._advance(now)
        if self.view.is_sound:
            payload = encode(self._message("snapshot", book.bids, book.asks, now))
            outbox.publish(self.name, payload, now)

    def on_book(self, now: Nanos) -> None:
        if self._book.changed(now):
            self.on_due(now)

    def on_due(self, now: Nanos) -> None:
        book = self._book
        if book.depth == 1 and book.due > now:
            book.sent_at = now
            if self.view.is_sound:
                self.send(self._message("snapshot", book.bids, book.asks, now), now)
            return
        bids, asks = self._advance(now)
        if book.depth == 1:
            self.send(self._message("snapshot", book.bids, book.asks, now), now)
        elif bids or asks:
            self.send(self._message("delta", bids, asks, now), now)
        else:
            self._u -= 1

    def _advance(self, now: Nanos) -> tuple[list[Level], list[Level]]:
        self._u += 1
        self._seq, self._ts = self.view.seq, self.view.ts
        return self._book.take(now)

    def _message(self, kind: str, bids: list[Level], asks: list[Level], now: Nanos) -> dict[str, Any]:
        view = self.view
        data = {
            "s": view.instrument.symbol,
            "b": _levels(view, bids),
            "a": _levels(view, asks),
            "u": self._u,
            "seq": self._seq,
        }
        return {"topic": self.name, "type": kind, "ts": ms(now), "data": data, "cts": ms(self._ts)}


class _TradeTopic(_Topic):
    def on_trade(self, printed: Print, now: Nanos) -> None:
        self.send({"topic": self.name, "type": "snapshot", "ts": ms(now), "data": [trade_row(self.view, printed)]}, now)


class _RowTopic(_Topic):
    """A row that goes out whole at first and then, at its pace, by what has changed."""

    def __init__(self, name: str, view: PublicView, pace: Nanos, row: Callable[[Nanos], dict[str, str]]) -> None:
        super().__init__(name, view)
        self._row = row
        self._pace = pace
        self._sent: dict[str, str] = {}
        self._due: Nanos = NEVER
        self._sent_at: Nanos = 0

    @property
    def due(self) -> Nanos:
        return self._due if self.hearers else NEVER

    def first(self, outbox: Outbox, now: Nanos) -> None:
        if len(self.hearers) == 1:
            self._sent = self._row(now)
        outbox.publish(self.name, encode(self._message("snapshot", self._sent, now)), now)

    def changed(self, now: Nanos) -> None:
        """Take note that something has changed."""
        self._due = min(self._due, max(now, self._sent_at + self._pace))
        if self._due <= now:
            self.on_due(now)

    def on_due(self, now: Nanos) -> None:
        row = self._row(now)
        news = {name: value for name, value in row.items() if self._sent.get(name) != value}
        if news:
            self.send(self._message("delta", {"symbol": row["symbol"], **news}, now), now)
        self._sent, self._sent_at, self._due = row, now, NEVER

    def _message(self, kind: str, data: dict[str, str], now: Nanos) -> dict[str, Any]:
        return {"topic": self.name, "type": kind, "data": data, "cs": self.view.seq, "ts": ms(now)}


class PublicStreams:
    """All public topics of a desk.

    Args:
        band: returns the highest bid and the lowest offer allowed now, in ticks.
    """

    def __init__(
        self,
        views: dict[str, PublicView],
        band: Callable[[PublicView], tuple[int, int]],
        *,
        throttled: bool,
        depth: int,
    ) -> None:
        self._topics: dict[str, _Topic] = {}
        self._books: dict[str, list[_BookTopic]] = {}
        self._trades: dict[str, _TradeTopic] = {}
        self._rows: dict[str, list[_RowTopic]] = {}
        for symbol, view in views.items():
            self._books[symbol] = [
                _BookTopic(f"orderbook.{n}.{symbol}", view, min(n, depth), pace if throttled else 0)
                for n, pace in BOOK_PACES.items()
            ]
            self._trades[symbol] = _TradeTopic(f"publicTrade.{symbol}", view)
            self._rows[symbol] = [
                _RowTopic(f"tickers.{symbol}", view, _TICKER_PACE, _ticker(view)),
                _RowTopic(f"priceLimit.{symbol}", view, _LIMIT_PACE, _limits(view, band)),
            ]
            silent = [_Topic(f"{name}.{symbol}", view) for name in _SILENT]
            for topic in (*self._books[symbol], self._trades[symbol], *self._rows[symbol], *silent):
                self._topics[topic.name] = topic

    def knows(self, topic: str) -> bool:
        return topic in self._topics

    def subscribe(self, topic: str, outbox: Outbox, now: Nanos) -> None:
        """Let a client hear a topic that is known; it begins with a snapshot where the topic has one."""
        one = self._topics[topic]
        one.hearers[outbox] = None
        one.first(outbox, now)

    def unsubscribe(self, topic: str, outbox: Outbox) -> None:
        self._topics[topic].hearers.pop(outbox, None)

    def forget(self, outbox: Outbox) -> None:
        """Drop a client that is gone."""
        for topic in self._topics.values():
            topic.hearers.pop(outbox, None)

    def on_book(self, view: PublicView, now: Nanos) -> None:
        symbol = view.instrument.symbol
        for book in self._books[symbol]:
            if book.hearers:
                book.on_book(now)
        for row in self._rows[symbol]:
            if row.hearers:
                row.changed(now)

    def on_trade(self, view: PublicView, printed: Print, now: Nanos) -> None:
        topic = self._trades[view.instrument.symbol]
        if topic.hearers:
            topic.on_trade(printed, now)

    def next_due(self) -> Nanos:
        return min((topic.due for topic in self._topics.values()), default=NEVER)

    def on_due(self, now: Nanos) -> None:
        for topic in self._topics.values():
            if topic.due <= now:
                topic.on_due(now)


def trade_row(view: PublicView, printed: Print) -> dict[str, Any]:
    """Return a public trade; `S` is the taker's side."""
    symbol = view.instrument.symbol
    return {
        "T": ms(printed.ts),
        "s": symbol,
        "S": SIDES[printed.taker],
        "v": view.size.text(printed.size),
        "p": view.price.text(printed.price),
        "L": printed.tick_direction,
        "i": uuid(f"trade/{symbol}", printed.trade_id),
        "BT": False,
        "RPI": False,
        "seq": printed.seq,
    }


def _levels(view: PublicView, levels: list[Level]) -> list[list[str]]:
    price, size = view.price.text, view.size.text
    return [[price(p), size(q) if q else "0"] for p, q in levels]


def _ticker(view: PublicView) -> Callable[[Nanos], dict[str, str]]:
    return lambda now: ticker_row(view, now)


def _limits(view: PublicView, band: Callable[[PublicView], tuple[int, int]]) -> Callable[[Nanos], dict[str, str]]:
    def row(now: Nanos) -> dict[str, str]:
        buy, sell = band(view)
        return {
            "symbol": view.instrument.symbol,
            "buyLmt": view.price.text(buy),
            "sellLmt": view.price.text(sell),
        }

    return row
