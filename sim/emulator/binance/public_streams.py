"""Binance's public and market streams, and the sockets that hear them."""

from typing import Final

from market.units import MS, SECOND, Nanos
from sim.emulator.binance.streams import (
    Aggregates,
    Diffs,
    Stream,
    Timed,
    Tops,
    Touch,
    Trades,
    ViewStream,
    mark_message,
    mark_of,
    ticker_of,
)
from sim.emulator.outbox import NEVER, Outbox
from sim.emulator.public_view import Print, PublicView

_PACES: Final = {"": 250 * MS, "@500ms": 500 * MS, "@100ms": 100 * MS, "@0ms": 0}


class PublicStreams:
    """All streams of the routes `/public` and `/market`."""

    def __init__(self, views: dict[str, PublicView], *, throttled: bool) -> None:
        self._streams: dict[str, Stream] = {}
        self._of: dict[str, list[ViewStream]] = {}
        self._touches: dict[str, Touch] = {}
        every_touch = Stream("!bookTicker")
        for symbol, view in views.items():
            paces = {name: pace if throttled else 0 for name, pace in _PACES.items()}
            mine: list[ViewStream] = [Diffs(f"depth{name}", view, pace) for name, pace in paces.items()]
            mine += [Tops(f"depth{n}{name}", view, p, n) for n in (5, 10, 20) for name, p in paces.items()]
            mine += [Diffs("rpiDepth@500ms", view, 500 * MS), Aggregates("aggTrade", view), Trades("trade", view)]
            self._of[symbol] = mine
            self._touches[symbol] = Touch(view, every_touch)
            timed = [
                Timed(f"{symbol.lower()}@markPrice", 3 * SECOND, mark_of(view)),
                Timed(f"{symbol.lower()}@markPrice@1s", SECOND, mark_of(view)),
                Timed(f"{symbol.lower()}@ticker", 2 * SECOND, ticker_of(view)),
            ]
            for stream in (*mine, self._touches[symbol], *timed):
                self._streams[stream.name] = stream
        every = list(views.values())
        for name, pace in (("!markPrice@arr", 3 * SECOND), ("!markPrice@arr@1s", SECOND)):
            self._streams[name] = Timed(name, pace, lambda now: [mark_message(view, now) for view in every])
        self._streams[every_touch.name] = every_touch
        self._every_touch = every_touch

    def subscribe(self, name: str, route: str, outbox: Outbox, *, is_combined: bool, now: Nanos) -> None:
        """Let a socket hear a stream; one of another route, or none at all, is confirmed and never comes."""
        stream = self._streams.get(name)
        if stream is not None and stream.route == route:
            stream.hearers[outbox] = is_combined
            if len(stream.hearers) == 1:
                stream.begin(now)

    def unsubscribe(self, name: str, outbox: Outbox) -> None:
        stream = self._streams.get(name)
        if stream is not None:
            stream.hearers.pop(outbox, None)

    def forget(self, outbox: Outbox) -> None:
        """Drop a socket that is gone."""
        for stream in self._streams.values():
            stream.hearers.pop(outbox, None)

    def on_book(self, view: PublicView, now: Nanos) -> None:
        symbol = view.instrument.symbol
        touch = self._touches[symbol]
        if touch.hearers or self._every_touch.hearers:
            touch.on_book(now)
        for stream in self._of[symbol]:
            if stream.hearers:
                stream.on_book(now)

    def on_trade(self, view: PublicView, printed: Print, now: Nanos) -> None:
        for stream in self._of[view.instrument.symbol]:
            if stream.hearers:
                stream.on_trade(printed, now)

    def next_due(self) -> Nanos:
        return min((stream.due for stream in self._streams.values()), default=NEVER)

    def on_due(self, now: Nanos) -> None:
        for stream in self._streams.values():
            if stream.due <= now:
                stream.on_due(now)
