"""Binance's streams, each by itself: diffs and tops of books, touches, trades, marks, tickers."""

from collections.abc import Callable
from typing import Any, Final

from market.units import Nanos
from sim.emulator.amounts import money
from sim.emulator.binance.market_rows import aggregate_row, day_row
from sim.emulator.books import PacedBook
from sim.emulator.outbox import NEVER, Outbox, text_frame
from sim.emulator.public_view import Level, Print, PublicView
from sim.emulator.requests import encode
from sim.emulator.times import ms

Row = dict[str, Any]
PUBLIC, MARKET = "public", "market"
_ALL_LEVELS: Final = 10**6
_KIND: Final = {"st": 1}  # 1: USD-M


class Stream:
    """One stream, and the sockets that hear it; a combined socket has its name around the payload."""

    route = PUBLIC

    def __init__(self, name: str) -> None:
        self.name = name
        self.hearers: dict[Outbox, bool] = {}

    @property
    def due(self) -> Nanos:
        return NEVER

    def begin(self, now: Nanos) -> None:
        """The first hearer came."""

    def on_due(self, now: Nanos) -> None:
        """Send what waited for its turn."""

    def send(self, message: Row, now: Nanos) -> None:
        """Send a message to all hearers."""
        payload = encode(message)
        frame, wrapped = text_frame(payload), b""
        for outbox, is_combined in tuple(self.hearers.items()):
            if not is_combined:
                outbox.publish(self.name, payload, now, frame)
                continue
            wrapped = wrapped or text_frame(wrap(self.name, payload))
            outbox.publish(self.name, payload, now, wrapped)


class ViewStream(Stream):
    def __init__(self, name: str, view: PublicView) -> None:
        super().__init__(f"{view.instrument.symbol.lower()}@{name}")
        self.view = view

    def on_book(self, now: Nanos) -> None:
        """The book has changed."""

    def on_trade(self, printed: Print, now: Nanos) -> None:
        """There was a trade."""


class Diffs(ViewStream):
    """`depth`: levels that changed, by absolute size; `pu` is the last id of the message before on this stream."""

    def __init__(self, name: str, view: PublicView, pace: Nanos, depth: int = _ALL_LEVELS) -> None:
        super().__init__(name, view)
        self._book = PacedBook(view, depth, pace)
        self._last = view.update_id

    @property
    def due(self) -> Nanos:
        return self._book.due if self.hearers else NEVER

    def begin(self, now: Nanos) -> None:
        self._book.take(now)
        self._last = self.view.update_id

    def on_book(self, now: Nanos) -> None:
        if self._book.changed(now):
            self.on_due(now)

    def on_due(self, now: Nanos) -> None:
        bids, asks = self._levels(now)
        view, previous = self.view, self._last
        self._last = view.update_id
        message = {
            "e": "depthUpdate",
            "E": ms(now),
            "T": ms(view.ts),
            "s": view.instrument.symbol,
            "U": previous + 1,
            "u": self._last,
            "pu": previous,
            "b": _texts(view, bids),
            "a": _texts(view, asks),
            "ps": view.instrument.symbol,
            **_KIND,
        }
        self.send(message, now)

    def _levels(self, now: Nanos) -> tuple[list[Level], list[Level]]:
        return self._book.take(now)


class Tops(Diffs):
    """`depth5`, `depth10`, `depth20`: the best levels, whole each time."""

    def _levels(self, now: Nanos) -> tuple[list[Level], list[Level]]:
        self._book.take(now)
        return self._book.bids, self._book.asks


class Touch(ViewStream):
    """`bookTicker`: at once, when price or size of the touch has changed."""

    def __init__(self, view: PublicView, every: Stream) -> None:
        super().__init__("bookTicker", view)
        self._every = every
        self._touch: tuple[Level, Level] | None = None

    def on_book(self, now: Nanos) -> None:
        view = self.view
        if not (view.bids and view.asks):
            return
        touch = view.bids[0], view.asks[0]
        if touch == self._touch:
            return
        self._touch = touch
        (bid, bid_size), (ask, ask_size) = touch
        message = {
            "e": "bookTicker",
            "u": view.update_id,
            "s": view.instrument.symbol,
            "b": view.price.text(bid),
            "B": view.size.text(bid_size),
            "a": view.price.text(ask),
            "A": view.size.text(ask_size),
            "T": ms(view.ts),
            "E": ms(now),
            "ps": view.instrument.symbol,
            **_KIND,
        }
        for stream in (self, self._every):
            if stream.hearers:
                stream.send(message, now)


class Aggregates(ViewStream):
    """`aggTrade`."""

    route = MARKET

    def on_trade(self, printed: Print, now: Nanos) -> None:
        row = aggregate_row(self.view, printed)
        head = {"e": "aggTrade", "E": ms(now), "a": row.pop("a"), "s": self.view.instrument.symbol}
        self.send(head | row | _KIND, now)


class Trades(ViewStream):
    """`trade`, which Binance does not document and yet sends."""

    def on_trade(self, printed: Print, now: Nanos) -> None:
        view = self.view
        message = {
            "e": "trade",
            "E": ms(now),
            "T": ms(printed.ts),
            "s": view.instrument.symbol,
            "t": printed.number,
            "p": view.price.text(printed.price),
            "q": view.size.text(printed.size),
            "X": "MARKET",
            "m": printed.taker < 0,
        }
        self.send(message, now)


class Timed(Stream):
    """Sent again and again."""

    route = MARKET

    def __init__(self, name: str, pace: Nanos, message: Callable[[Nanos], Any]) -> None:
        super().__init__(name)
        self._pace = pace
        self._message = message
        self._due: Nanos = 0

    @property
    def due(self) -> Nanos:
        return self._due if self.hearers else NEVER

    def on_due(self, now: Nanos) -> None:
        self._due = now - now % self._pace + self._pace
        self.send(self._message(now), now)


def wrap(name: str, payload: bytes) -> bytes:
    """Return a payload as a combined socket has it."""
    return b'{"stream":' + encode(name) + b',"data":' + payload + b"}"


def mark_message(view: PublicView, now: Nanos) -> Row:
    """Return a markPriceUpdate."""
    due, rate = view.funding(now)
    mark = money(view.mark)
    return {
        "e": "markPriceUpdate",
        "E": ms(now),
        "s": view.instrument.symbol,
        "p": mark,
        "ap": mark,
        "P": mark,
        "i": mark,
        "r": money(rate),
        "T": ms(due),
        **_KIND,
    }


def mark_of(view: PublicView) -> Callable[[Nanos], Row]:
    return lambda now: mark_message(view, now)


def ticker_of(view: PublicView) -> Callable[[Nanos], Row]:
    names = {
        "symbol": "s",
        "priceChange": "p",
        "priceChangePercent": "P",
        "weightedAvgPrice": "w",
        "lastPrice": "c",
        "lastQty": "Q",
        "openPrice": "o",
        "highPrice": "h",
        "lowPrice": "l",
        "volume": "v",
        "quoteVolume": "q",
        "openTime": "O",
        "closeTime": "C",
        "firstId": "F",
        "lastId": "L",
        "count": "n",
    }

    def message(now: Nanos) -> Row:
        row = day_row(view, now)
        return {"e": "24hrTicker", "E": ms(now), **{short: row[name] for name, short in names.items()}, **_KIND}

    return message


def _texts(view: PublicView, levels: list[Level]) -> list[list[str]]:
    price, size = view.price.text, view.size.text
    return [[price(p), size(q)] for p, q in levels]
