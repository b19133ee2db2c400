"""Paradex's public channels: books by deltas or as snapshots, touches, trades, summaries."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from market.units import MS, SECOND, Nanos
from sim.emulator.books import PacedBook
from sim.emulator.outbox import NEVER, Outbox, binary_frame
from sim.emulator.paradex import rows
from sim.emulator.paradex.binary import frame_of
from sim.emulator.public_view import Print, PublicView
from sim.emulator.requests import encode
from sim.emulator.times import ms

_PACE: Final = 50 * MS
_DEPTH: Final = 200
_TOP: Final = 15

Row = dict[str, Any]


def message(channel: str, data: Any) -> bytes:
    """Return a message of a channel."""
    return encode({"jsonrpc": "2.0", "method": "subscription", "params": {"channel": channel, "data": data}})


class Channel:
    """One channel that somebody hears; each who subscribes has a book of his own in it."""

    def __init__(self, name: str, kind: str, view: PublicView, pace: Nanos) -> None:
        self.name, self.kind, self.view = name, kind, view
        self.pace = pace
        self._hearers: dict[Outbox, PacedBook] = {}
        self._seq: dict[Outbox, int] = {}
        self._version_of: dict[Outbox, int] = {}  # of those that are told in binary
        self._version = -1
        self._sent_at: Nanos = 0

    @property
    def is_heard(self) -> bool:
        return bool(self._hearers)

    @property
    def due(self) -> Nanos:
        if not self._hearers or self.kind == "trades":
            return NEVER
        return self._sent_at + self.pace if self._version != self.view.seq else NEVER

    def subscribe(self, outbox: Outbox, now: Nanos, version: int) -> None:
        """Let a client hear it; a book begins with all of it."""
        self._hearers[outbox] = PacedBook(self.view, _DEPTH, self.pace)
        if version:
            self._version_of[outbox] = version
        if self.kind != "trades":
            self._tell(outbox, now)

    def unsubscribe(self, outbox: Outbox) -> None:
        self._hearers.pop(outbox, None)
        self._seq.pop(outbox, None)
        self._version_of.pop(outbox, None)

    def on_due(self, now: Nanos) -> None:
        self._version, self._sent_at = self.view.seq, now
        for outbox in tuple(self._hearers):
            self._tell(outbox, now)

    def on_trade(self, printed: Print, now: Nanos) -> None:
        for outbox in tuple(self._hearers):
            self._send(outbox, rows.trade_row(self.view, printed), now)

    def _tell(self, outbox: Outbox, now: Nanos) -> None:
        if not self.view.is_sound:
            return
        if self.kind == "markets_summary":
            self._send(outbox, rows.summary_row(self.view, now), now)
        elif self.kind == "bbo":
            bid, ask = self.view.bids[0], self.view.asks[0]
            text, size = self.view.price.text, self.view.size.text
            touch = {"bid": text(bid[0]), "bid_size": size(bid[1]), "ask": text(ask[0]), "ask_size": size(ask[1])}
            row = {"market": self.view.instrument.symbol, "seq_no": self.view.version, "last_updated_at": ms(now)}
            self._send(outbox, row | touch, now)
        elif self.kind == "snapshot":
            sides = ((1, self.view.bids[:_TOP]), (-1, self.view.asks[:_TOP]))
            inserts = [rows.level_row(self.view, side, p, q) for side, levels in sides for p, q in levels]
            self._send(outbox, self._book("s", self.view.version, now, inserts=inserts), now)
        else:
            self._changes(outbox, now)

    def _changes(self, outbox: Outbox, now: Nanos) -> None:
        book = self._hearers[outbox]
        before = {(side, p) for side, levels in ((1, book.bids), (-1, book.asks)) for p, _ in levels}
        seq = self._seq.get(outbox)
        bids, asks = book.take(now)
        levels: dict[str, list[Row]] = {"inserts": [], "updates": [], "deletes": []}
        for side, changed in ((1, bids), (-1, asks)):
            for price, size in changed:
                kind = "deletes" if not size else "updates" if (side, price) in before else "inserts"
                levels[kind].append(rows.level_row(self.view, side, price, size))
        if seq is not None and not any(levels.values()):
            return
        self._seq[outbox] = self.view.version if seq is None else seq + 1
        self._send(outbox, self._book("s" if seq is None else "d", self._seq[outbox], now, **levels), now)

    def _book(self, kind: str, seq: int, now: Nanos, **levels: list[Row]) -> Row:
        row = {"market": self.view.instrument.symbol, "seq_no": seq, "last_updated_at": ms(now), "update_type": kind}
        return {**row, **rows.best_rows(self.view), "inserts": [], "updates": [], "deletes": [], **levels}

    def _send(self, outbox: Outbox, data: Row, now: Nanos) -> None:
        version = self._version_of.get(outbox, 0)
        frame = binary_frame(frame_of(self.kind, data, version)) if version else b""
        outbox.publish(self.name, message(self.name, data), now, frame)


class PublicStreams:
    """All channels of a desk; one of all markets is one of each by the same name."""

    def __init__(self, views: Mapping[str, PublicView], *, throttled: bool) -> None:
        pace = _PACE if throttled else 0
        self._named: dict[str, list[Channel]] = {}
        self._of: dict[str, list[Channel]] = {symbol: [] for symbol in views}
        for symbol, view in views.items():
            for name, kind, each in (
                (f"order_book.{symbol}.deltas", "deltas", pace),
                (f"order_book.{symbol}.snapshot@15@100ms", "snapshot", 2 * pace),
                (f"order_book.{symbol}.snapshot@15@50ms", "snapshot", pace),
                (f"bbo.{symbol}", "bbo", 0),
                ("bbo.ALL", "bbo", 0),
                (f"trades.{symbol}", "trades", 0),
                ("trades.ALL", "trades", 0),
                (f"markets_summary.{symbol}", "markets_summary", SECOND),
                ("markets_summary.ALL", "markets_summary", SECOND),
                ("markets_summary", "markets_summary", SECOND),
            ):
                channel = Channel(name, kind, view, each)
                self._named.setdefault(name, []).append(channel)
                self._of[symbol].append(channel)

    def knows(self, name: str) -> bool:
        return name in self._named

    def subscribe(self, name: str, outbox: Outbox, now: Nanos, version: int) -> None:
        """Let a client hear a channel; `version`: of binary, 0: in JSON."""
        for channel in self._named.get(name, []):
            channel.subscribe(outbox, now, version)

    def unsubscribe(self, name: str, outbox: Outbox) -> None:
        for channel in self._named.get(name, []):
            channel.unsubscribe(outbox)

    @property
    def _channels(self) -> Iterator[Channel]:
        return (channel for channels in self._of.values() for channel in channels)

    def forget(self, outbox: Outbox) -> None:
        """Drop a client that is gone."""
        for channel in self._channels:
            channel.unsubscribe(outbox)

    def on_book(self, view: PublicView, now: Nanos) -> None:
        for channel in self._of[view.instrument.symbol]:
            if channel.due <= now:
                channel.on_due(now)

    def on_trade(self, view: PublicView, printed: Print, now: Nanos) -> None:
        for channel in self._of[view.instrument.symbol]:
            if channel.kind == "trades" and channel.is_heard:
                channel.on_trade(printed, now)

    def next_due(self) -> Nanos:
        return min((channel.due for channel in self._channels), default=NEVER)

    def on_due(self, now: Nanos) -> None:
        for channel in self._channels:
            if channel.due <= now:
                channel.on_due(now)
