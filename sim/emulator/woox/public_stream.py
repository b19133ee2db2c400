"""WOO X's public topics: books, trades, marks, and those of the older API that clients still use."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from market.units import MS, SECOND, Nanos
from sim.emulator.amounts import money, plain
from sim.emulator.books import PacedBook
from sim.emulator.outbox import NEVER, Outbox, text_frame
from sim.emulator.public_view import Level, Print, PublicView
from sim.emulator.requests import encode
from sim.emulator.times import ms
from sim.emulator.woox.rows import SIDES

PACES: Final = {50: 50 * MS, 200: 200 * MS, 500: 500 * MS}
_BOOKS: Final = ("orderbookupdate", "orderbookupdaterpi")  # no order here is for the venue's own customers alone
_ROW_PACE: Final = SECOND
_OLD_BOOK_PACE: Final = SECOND
_OLD_DEPTH: Final = 100

Row = dict[str, Any]


class Topic:
    """One topic and who subscribed it."""

    def __init__(self, name: str, view: PublicView) -> None:
        self.name = name
        self.view = view
        self.hearers: dict[Outbox, None] = {}

    @property
    def due(self) -> Nanos:
        return NEVER

    def begin(self, now: Nanos) -> None:
        """Get ready for the first who subscribes."""

    def on_due(self, now: Nanos) -> None: ...

    def send(self, data: Row, now: Nanos) -> None:
        payload = encode({"topic": self.name, "ts": ms(now), "data": data})
        frame = text_frame(payload)
        for outbox in tuple(self.hearers):
            outbox.publish(self.name, payload, now, frame)


class MasterBook:
    """An instrument's book as all topics and REST show it, in steps; each has a time of its own, ms."""

    def __init__(self, view: PublicView, depth: int, pace: Nanos) -> None:
        self.view = view
        self.ts = ms(view.ts)
        self._book = PacedBook(view, depth, pace)

    @property
    def levels(self) -> tuple[list[Level], list[Level]]:
        return self._book.bids, self._book.asks

    @property
    def due(self) -> Nanos:
        return self._book.due

    def changed(self, now: Nanos) -> bool:
        """Take note that the book has changed; True: a step may be made now."""
        return self._book.changed(now)

    def step(self, now: Nanos) -> None:
        """Show what has changed."""
        if self._book.is_behind:
            bids, asks = self._book.take(now)
            if bids or asks:
                self.ts = max(ms(now), self.ts + 1)


class BookTopic(Topic):
    """Changed levels since the last message, whose time is said as well."""

    def __init__(self, name: str, master: MasterBook, pace: Nanos, levels: Callable[[list[Level]], Any]) -> None:
        super().__init__(name, master.view)
        self._master = master
        self._pace = pace
        self._levels = levels
        self._bids: dict[int, int] = {}
        self._asks: dict[int, int] = {}
        self._ts = master.ts
        self._sent_at: Nanos = 0

    @property
    def due(self) -> Nanos:
        return self._sent_at + self._pace if self.hearers and self._ts != self._master.ts else NEVER

    def begin(self, now: Nanos) -> None:
        self._take()

    def on_due(self, now: Nanos) -> None:
        previous, before = self._ts, (self._bids, self._asks)
        self._take()
        self._sent_at = now
        bids, asks = (_changes(old, new) for old, new in zip(before, (self._bids, self._asks), strict=True))
        self.send(self._message(previous, bids, asks), now)

    def _message(self, previous: int, bids: list[Level], asks: list[Level]) -> Row:
        data = {"bids": self._levels(bids), "asks": self._levels(asks), "prevTs": previous, "ts": self._ts}
        return {"s": self.view.instrument.symbol, **data}

    def _take(self) -> None:
        bids, asks = self._master.levels
        self._ts = self._master.ts
        self._bids, self._asks = dict(map(tuple, bids)), dict(map(tuple, asks))  # type: ignore[arg-type]  # pairs


class OldUpdates(BookTopic):
    """`orderbookupdate` of the older API: its time is that of the envelope."""

    def _message(self, previous: int, bids: list[Level], asks: list[Level]) -> Row:
        data = {"prevTs": previous, "asks": self._levels(asks), "bids": self._levels(bids)}
        return {"symbol": self.view.instrument.symbol, **data}

    def send(self, data: Row, now: Nanos) -> None:
        super().send(data, self._ts * MS)


class RowTopic(Topic):
    """A row that goes out at its pace while it changes."""

    def __init__(self, name: str, view: PublicView, pace: Nanos, row: Callable[[PublicView, Nanos], Row]) -> None:
        super().__init__(name, view)
        self._pace = pace
        self._row = row
        self._version = -1
        self._sent_at: Nanos = 0

    @property
    def due(self) -> Nanos:
        return self._sent_at + self._pace if self.hearers and self._version != self.view.seq else NEVER

    def on_due(self, now: Nanos) -> None:
        self._sent_at, self._version = now, self.view.seq
        self.send(self._row(self.view, now), now)


class PublicStreams:
    """All topics of all symbols, by name.

    Args:
        throttled: books go out at their own pace; else at every change.
        depth: levels a side at most.
    """

    def __init__(self, views: Mapping[str, PublicView], *, throttled: bool, depth: int) -> None:
        self._topics: dict[str, Topic] = {}
        self._masters: dict[str, MasterBook] = {}
        self._of: dict[str, list[Topic]] = {}
        self._trades: dict[str, tuple[Topic, Topic]] = {}
        for symbol, view in views.items():
            master = self._masters[symbol] = MasterBook(view, depth, PACES[50] if throttled else 0)
            texts, numbers = _texts(view), _numbers(view)
            made: list[Topic] = [
                BookTopic(f"{name}@{symbol}@{millis}", master, pace if throttled or millis > 50 else 0, texts)
                for name in _BOOKS
                for millis, pace in PACES.items()
            ]
            made += [RowTopic(f"{name}@{symbol}", view, 10 * MS, _touch) for name in ("bbo", "bborpi")]
            made += [
                RowTopic(f"orderbook10@{symbol}", view, 200 * MS, _top),
                RowTopic(f"markprice@{symbol}", view, _ROW_PACE, _mark),
                RowTopic(f"indexprice@{symbol}", view, _ROW_PACE, _mark),
                RowTopic(f"estfundingrate@{symbol}", view, _ROW_PACE, _funding),
                RowTopic(f"openinterest@{symbol}", view, _ROW_PACE, _interest),
                OldUpdates(f"{symbol}@orderbookupdate", master, PACES[200], numbers),
                RowTopic(f"{symbol}@orderbook", view, _OLD_BOOK_PACE, _old_book),
                RowTopic(f"{symbol}@ticker", view, _ROW_PACE, _old_ticker),
            ]
            self._trades[symbol] = Topic(f"trade@{symbol}", view), Topic(f"{symbol}@trade", view)
            self._of[symbol] = made
            for topic in (*made, *self._trades[symbol]):
                self._topics[topic.name] = topic

    def knows(self, topic: str) -> bool:
        return topic in self._topics

    def subscribe(self, topic: str, outbox: Outbox, now: Nanos) -> None:
        """Let a client hear a topic that is known; it begins with the next change."""
        one = self._topics[topic]
        if not one.hearers:
            one.begin(now)
        one.hearers[outbox] = None

    def unsubscribe(self, topic: str, outbox: Outbox) -> None:
        self._topics[topic].hearers.pop(outbox, None)

    def forget(self, outbox: Outbox) -> None:
        """Drop a client that is gone."""
        for topic in self._topics.values():
            topic.hearers.pop(outbox, None)

    def whole(self, view: PublicView, now: Nanos) -> tuple[list[Level], list[Level], int]:
        """Return an instrument's book as it is shown, and the time of its last step, ms."""
        master = self._masters[view.instrument.symbol]
        if not any(master.levels):
            master.step(now)
        return *master.levels, master.ts

    def on_book(self, view: PublicView, now: Nanos) -> None:
        symbol = view.instrument.symbol
        if self._masters[symbol].changed(now):
            self._step(symbol, now)

    def on_trade(self, view: PublicView, printed: Print, now: Nanos) -> None:
        symbol = view.instrument.symbol
        new, old = self._trades[symbol]
        if new.hearers:
            new.send(_trade(view, printed), now)
        if old.hearers:
            old.send(_old_trade(view, printed), now)

    def next_due(self) -> Nanos:
        return min(
            (min(master.due, *(topic.due for topic in self._of[symbol])) for symbol, master in self._masters.items()),
            default=NEVER,
        )

    def on_due(self, now: Nanos) -> None:
        for symbol, master in self._masters.items():
            if master.due <= now:
                self._step(symbol, now)
            for topic in self._of[symbol]:
                if topic.due <= now:
                    topic.on_due(now)

    def _step(self, symbol: str, now: Nanos) -> None:
        self._masters[symbol].step(now)
        for topic in self._of[symbol]:
            if topic.due <= now:
                topic.on_due(now)


def _changes(before: dict[int, int], after: dict[int, int]) -> list[Level]:
    changed = [[price, size] for price, size in after.items() if before.get(price) != size]
    return changed + [[price, 0] for price in before if price not in after]


def _texts(view: PublicView) -> Callable[[list[Level]], Any]:
    price, size = view.price.text, view.size.text
    return lambda levels: [[price(p), size(q) if q else "0"] for p, q in levels]


def _numbers(view: PublicView) -> Callable[[list[Level]], Any]:
    price, size = view.price.text, view.size.text
    return lambda levels: [[float(price(p)), float(size(q)) if q else 0] for p, q in levels]


def _stamped(view: PublicView, now: Nanos, **row: Any) -> Row:
    return {"s": view.instrument.symbol, "ts": ms(now), **row}


def _touch(view: PublicView, now: Nanos) -> Row:
    bid, ask = (side[0] if side else [0, 0] for side in (view.bids, view.asks))
    price, size = view.price.text, view.size.text
    return _stamped(view, now, bp=price(bid[0]), bq=size(bid[1]), ap=price(ask[0]), aq=size(ask[1]))


def _top(view: PublicView, now: Nanos) -> Row:
    levels = _texts(view)
    return _stamped(view, now, bids=levels(view.bids[:10]), asks=levels(view.asks[:10]))


def _mark(view: PublicView, now: Nanos) -> Row:
    return _stamped(view, now, px=money(view.mark, view.price.places + 1))


def _funding(view: PublicView, now: Nanos) -> Row:
    due, rate = view.funding(now)
    return _stamped(view, now, r=plain(rate), ft=ms(due))


def _interest(view: PublicView, now: Nanos) -> Row:
    return _stamped(view, now, oi=view.size.text(10**6))


def _trade(view: PublicView, printed: Print) -> Row:
    return {
        "s": view.instrument.symbol,
        "px": view.price.text(printed.price),
        "sx": view.size.text(printed.size),
        "sd": SIDES[printed.taker],
        "src": 1,
        "rpi": False,
        "ts": ms(printed.ts),
    }


def _old_trade(view: PublicView, printed: Print) -> Row:
    return {
        "symbol": view.instrument.symbol,
        "price": float(view.price.text(printed.price)),
        "size": float(view.size.text(printed.size)),
        "side": SIDES[printed.taker],
        "source": 1,
    }


def _old_book(view: PublicView, now: Nanos) -> Row:
    levels = _numbers(view)
    asks, bids = levels(view.asks[:_OLD_DEPTH]), levels(view.bids[:_OLD_DEPTH])
    return {"symbol": view.instrument.symbol, "asks": asks, "bids": bids}


def _old_ticker(view: PublicView, now: Nanos) -> Row:
    def price(ticks: int) -> float:
        return float(view.price.text(ticks))

    return {
        "symbol": view.instrument.symbol,
        "open": price(view.first_price or view.last_price),
        "close": price(view.last_price),
        "high": price(view.high or view.last_price),
        "low": price(view.low or view.last_price),
        "volume": float(view.size.text(view.volume)),
        "amount": float(view.instrument.value(1, view.turnover)),
        "count": view.n_trades,
    }
