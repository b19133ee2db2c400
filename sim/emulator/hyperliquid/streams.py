"""Hyperliquid's public channels: whole books, touches, trades, contexts."""

from collections.abc import Mapping
from typing import Any, Final

from market.units import MS, SECOND, Nanos
from sim.emulator.hyperliquid import rows
from sim.emulator.outbox import NEVER, Outbox, text_frame
from sim.emulator.public_view import Print, PublicView
from sim.emulator.requests import encode
from sim.emulator.times import ms

_DEPTH: Final = 20
_RECENT: Final = 10
PACES: Final = {"l2Book": 500 * MS, "bbo": 0, "activeAssetCtx": SECOND}
CHANNELS: Final = (*PACES, "trades")


class Channel:
    """One channel of one coin, and who hears it."""

    def __init__(self, kind: str, view: PublicView, pace: Nanos) -> None:
        self.kind = kind
        self.view = view
        self.hearers: dict[Outbox, None] = {}
        self._pace = pace
        self._sent_at: Nanos = 0
        self._seq = -1

    @property
    def due(self) -> Nanos:
        return self._sent_at + self._pace if self.hearers and self._seq != self.view.seq else NEVER

    def on_due(self, now: Nanos) -> None:
        """Tell how it is now."""
        self._sent_at, self._seq = now, self.view.seq
        if self.view.is_sound:
            self.send(self.row(now), now)

    def row(self, now: Nanos) -> Any:
        view = self.view
        if self.kind == "l2Book":
            return rows.book(view, _DEPTH, ms(max(view.ts, now - self._pace)))
        if self.kind == "bbo":
            touch = [rows.levels(view, side, 1) for side in (view.bids, view.asks)]
            pair = [side[0] if side else None for side in touch]
            return {"coin": view.instrument.symbol, "time": ms(now), "bbo": pair}
        return {"coin": view.instrument.symbol, "ctx": rows.context(view, now)}

    def send(self, data: Any, now: Nanos) -> None:
        payload = encode({"channel": self.kind, "data": data})
        frame = text_frame(payload)
        for outbox in tuple(self.hearers):
            outbox.publish(f"{self.kind}.{self.view.instrument.symbol}", payload, now, frame)


class PublicStreams:
    """All channels of a desk."""

    def __init__(self, views: Mapping[str, PublicView], *, throttled: bool) -> None:
        self._channels: dict[tuple[str, str], Channel] = {
            (kind, symbol): Channel(kind, view, pace if throttled else 0)
            for symbol, view in views.items()
            for kind, pace in (*PACES.items(), ("trades", 0))
        }

    def knows(self, kind: str, coin: str) -> bool:
        return (kind, coin) in self._channels

    def subscribe(self, kind: str, coin: str, outbox: Outbox, now: Nanos) -> None:
        """Let a client hear a channel; it is told at once how it is, of trades those of late."""
        channel = self._channels[kind, coin]
        channel.hearers[outbox] = None
        if kind == "trades":
            data: Any = [rows.trade(channel.view, each) for each in reversed(list(channel.view.trades)[-_RECENT:])]
            if not data:
                return
        elif channel.view.is_sound:
            data = channel.row(now)
        else:
            return
        outbox.publish(f"{kind}.{coin}", encode({"channel": kind, "data": data}), now)

    def unsubscribe(self, kind: str, coin: str, outbox: Outbox) -> None:
        self._channels[kind, coin].hearers.pop(outbox, None)

    def forget(self, outbox: Outbox) -> None:
        """Drop a client that is gone."""
        for channel in self._channels.values():
            channel.hearers.pop(outbox, None)

    def on_book(self, view: PublicView, now: Nanos) -> None:
        for kind in PACES:
            channel = self._channels[kind, view.instrument.symbol]
            if channel.due <= now:
                channel.on_due(now)

    def on_trade(self, view: PublicView, printed: Print, now: Nanos) -> None:
        channel = self._channels["trades", view.instrument.symbol]
        if channel.hearers:
            channel.send([rows.trade(view, printed)], now)

    def next_due(self) -> Nanos:
        return min((c.due for (kind, _), c in self._channels.items() if kind in PACES), default=NEVER)

    def on_due(self, now: Nanos) -> None:
        for (kind, _), channel in self._channels.items():
            if kind in PACES and channel.due <= now:
                channel.on_due(now)
