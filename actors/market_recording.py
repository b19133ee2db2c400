"""What a run's connectors tell, and its own log, on their way into the archive.  Nothing here waits for the disk."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from actors.record_config import RecordConfig
from actors.runtime.wiring import connector_name
from market.archive.gaps import Gap
from market.archive.instruments import as_archived
from market.archive.layout import Kind
from market.archive.message_columns import own_columns
from market.archive.paid_funding import PaidFunding
from market.archive.record_buffer import RawFrame
from market.archive.recorder import FeedStatus, Recorder, RecorderStatus
from market.archive.rolling import RollReport
from market.archive.socket_name import socket_instrument
from market.columns import IntArray
from market.instrument import Instrument, InstrumentTable
from market.messages import (
    BookDelta,
    BookGap,
    BookSnapshot,
    ClockOffset,
    ConnectionLost,
    ConnectionUp,
    Mark,
    Trade,
    TradesCaughtUp,
)
from market.units import MS, InstrumentId, Nanos

PORTS: Final = ("books", "trades", "marks", "connection", "clock")
_HEARD: Final[tuple[Kind, ...]] = ("delta", "trades", "marks", "funding")
_BY_TRADES: Final[tuple[Kind, ...]] = ("trades", "marks", "funding")
_OWN: Final[tuple[Kind, ...]] = ("orders", "fills")
_OFFSET_STEP: Final = 1 * MS  # a clock's offset is noted when it has moved so far
# sockets of market data, whose frames may be kept: those of an account hold keys.  Trades and marks come by the first
# of them that a venue has; whether books are whole it says itself
MARKET_SOCKETS: Final = ("market", "public")
_LOST: Final = "reconnect"
_MOST_KEPT: Final = 1024  # messages


class Ears(Protocol):
    """Who lets us hear: a live nursery."""

    def listen(self, source: str, port: str, ear: Callable[[Any], None]) -> None: ...

    def put_off(self, who: "MarketRecording") -> None: ...


class MarketRecording:
    """The recording of a run; it outlives restarts of the shell that brings it to the disk.

    What it hears is kept, and a moment later put into the recorder's bounded buffer, in 2 to 3 us a message that no
    order waits for; no mailbox stands before it that could lose anything.  A fault in here must not fall on who trades:
    it is kept in `failure`, nothing more is taken, and the shell raises it in its own name.

    Args:
        recorder: of these instruments and sockets; `open_recording` opens it.
        instruments: those that are recorded.
        venues: of the run, in the order of their numbers.
        now: the clock.
        sockets: by venue, whose frames are kept as they came.
        own: `RunLog.rows_from` of the run's own log; None: nobody trades.
        late: venues that tell the trades of an outage after it, and `TradesCaughtUp`.

    Attributes:
        failure: what went wrong in here; None while nothing has.
        at_work: what is being done on the disk at present, in threads.
    """

    def __init__(
        self,
        recorder: Recorder,
        instruments: Sequence[Instrument],
        venues: Sequence[str],
        now: Nanos,
        *,
        sockets: Mapping[str, Sequence[str]] | None = None,
        own: Callable[[int], IntArray] | None = None,
        late: Collection[str] = (),
    ) -> None:
        self.failure: Exception | None = None
        self._failed_at: Nanos = 0
        self.at_work: dict[str, object] = {}
        self.venues = tuple(venues)
        self._recorder = recorder
        self._of_venue = {v: [i.id for i in instruments if i.venue == name] for v, name in enumerate(venues)}
        self._venue_of = {i: v for v, all_of in self._of_venue.items() for i in all_of}
        self._sockets = {(venue, socket): instrument.id for instrument, venue, socket in _socket_feeds(sockets or {})}
        self._own = own
        self._n_own = 0
        self._funding = {i: PaidFunding() for i in self._venue_of}
        self._offsets: dict[int, Nanos] = {}
        self._kept: list[Any] = []
        self._seen_sockets: dict[str, dict[str, bool]] = {}
        self._late = frozenset(late)
        self._unheard: dict[InstrumentId, Nanos] = {}  # since when trades are to be told late
        self._takers: dict[type, Callable[[Any], None]] = {
            BookSnapshot: self._take_book,
            BookDelta: self._take_book,
            Trade: self._take_trade,
            Mark: self._take_mark,
            TradesCaughtUp: self._take_caught_up,
            BookGap: self._take_gap,
            ConnectionLost: self._take_lost,
            ConnectionUp: self._take_up,
            ClockOffset: self._take_offset,
        }
        if own is not None:
            for i in self._venue_of:
                for kind in _OWN:
                    recorder.mark_up(i, kind, now)

    # --- what is heard ----------------------------------------------------------------------------------------------

    def listen(self, nursery: Ears) -> None:
        """Hear what the connectors of a live nursery tell; once all is wired."""
        for venue in self.venues:
            for port in PORTS:
                nursery.listen(connector_name(venue), port, self.keep)
        nursery.put_off(self)

    def keep(self, message: Any) -> None:
        """Keep what a connector tells, to be taken by `catch_up` or with the next flush."""
        self._kept.append(message)
        if len(self._kept) >= _MOST_KEPT:
            self.catch_up()

    @property
    def n_put_off(self) -> int:
        """How many messages are kept."""
        return len(self._kept)

    def catch_up(self) -> None:
        """Take what was kept."""
        kept, self._kept = self._kept, []
        for message in kept:
            self.hear(message)

    def hear(self, message: Any) -> None:
        """Take what a connector tells; what is none of market data, or of no recorded instrument, is passed over."""
        taker = self._takers.get(type(message))
        if taker is None or self.failure is not None:
            return
        try:
            taker(message)
        except Exception as error:
            self._fail(error, getattr(message, "ts_recv", 0))

    def on_frame(self, venue: str, socket: str, frame: bytes | str, ts_recv: Nanos) -> None:
        """Take a frame as it came from a socket; those of sockets that were not named at the start are passed over."""
        instrument = self._sockets.get((venue, socket))
        if instrument is None or self.failure is not None:
            return
        try:
            data = frame.encode() if isinstance(frame, str) else frame
            self._recorder.put(instrument, "raw", RawFrame(ts_recv, data))
        except Exception as error:
            self._fail(error, ts_recv)

    def on_socket(self, venue: str, socket: str, is_open: bool, at: Nanos) -> None:
        """Note that a socket has opened, or is gone; what a connection is for trading says nothing from then on."""
        if self.failure is not None or venue not in self.venues:
            return
        self.catch_up()
        try:
            self._take_socket(venue, socket, is_open, at)
        except Exception as error:
            self._fail(error, at)

    def lost(self, venue: int, ts: Nanos, reason: str) -> None:
        """Note that a venue is not heard from `ts` on."""
        self.catch_up()
        self._give_up_late(self._of_venue.get(venue, ()), ts)
        for i in self._of_venue.get(venue, ()):
            for kind in _HEARD:
                self._recorder.mark_down(i, kind, ts, reason)
        name = self.venues[venue]
        for (other, _), socket in self._sockets.items():
            if other == name:
                self._recorder.mark_down(socket, "raw", ts, reason)

    def _fail(self, error: Exception, ts: Nanos) -> None:
        self.failure, self._failed_at = error, ts

    def _take_book(self, message: BookSnapshot | BookDelta) -> None:
        if message.instrument in self._venue_of:
            self._recorder.put(message.instrument, "delta", message)

    def _take_trade(self, trade: Trade) -> None:
        if trade.instrument in self._venue_of:
            self._recorder.put(trade.instrument, "trades", trade)

    def _take_mark(self, mark: Mark) -> None:
        if mark.instrument in self._venue_of:
            self._recorder.put(mark.instrument, "marks", mark)
            paid = self._funding[mark.instrument].add(mark)
            if paid is not None:
                self._recorder.put(mark.instrument, "funding", paid)

    def _take_socket(self, venue: str, socket: str, is_open: bool, at: Nanos) -> None:
        seen = self._seen_sockets.setdefault(venue, {})
        seen[socket] = is_open
        raw = self._sockets.get((venue, socket))
        if raw is not None and not is_open:
            self._recorder.mark_down(raw, "raw", at, _LOST)
        if socket != next((each for each in MARKET_SOCKETS if each in seen), None):
            return
        for i in self._of_venue[self.venues.index(venue)]:
            if is_open:
                self._recorder.mark_up(i, "trades", at)  # they may be silent, and are listened to all the same
            else:
                is_told_late = venue in self._late
                if is_told_late:
                    self._unheard.setdefault(i, at)
                for kind in _BY_TRADES[is_told_late:]:
                    self._recorder.mark_down(i, kind, at, _LOST)

    def _take_caught_up(self, told: TradesCaughtUp) -> None:
        """The trades of an outage are there, later than they should be; or some are missing, and it is a hole."""
        if (since := self._unheard.pop(told.instrument, None)) is not None:
            reason = "told after the connection was lost" if told.is_whole else _LOST
            self._recorder.note(told.instrument, Gap(since, told.ts_recv, "trades", reason, is_hole=not told.is_whole))

    def _give_up_late(self, instruments: Iterable[InstrumentId], now: Nanos) -> None:
        """Nobody will tell of them any more."""
        for i in instruments:
            self._take_caught_up(TradesCaughtUp(i, now, False))

    def _take_lost(self, lost: ConnectionLost) -> None:
        if self.venues[lost.venue] not in self._seen_sockets:
            self.lost(lost.venue, lost.ts_recv, _LOST)

    def _take_gap(self, gap: BookGap) -> None:
        if gap.instrument in self._venue_of:
            self._recorder.mark_down(gap.instrument, "delta", gap.ts_recv, gap.reason)

    def _take_up(self, up: ConnectionUp) -> None:
        if self.venues[up.venue] not in self._seen_sockets:
            for i in self._of_venue.get(up.venue, ()):
                self._recorder.mark_up(i, "trades", up.ts_recv)

    def _take_offset(self, offset: ClockOffset) -> None:
        last = self._offsets.get(offset.venue)
        if last is not None and abs(offset.offset_ns - last) < _OFFSET_STEP:
            return
        self._offsets[offset.venue] = offset.offset_ns
        text = f"clock offset {offset.offset_ns / 1e6:+.3f} ms, +-{offset.uncertainty_ns / 1e6:.3f}"
        for i in self._of_venue.get(offset.venue, ()):
            self._recorder.note(i, Gap(offset.ts, offset.ts + 1, "delta", text, is_hole=False))

    # --- on the way to the disk -------------------------------------------------------------------------------------

    def take_own(self) -> None:
        """Take what was kept, and what the run's own log has since the last time; in the thread that trades."""
        self.catch_up()
        if self._own is None:
            return
        rows = self._own(self._n_own)
        self._n_own += len(rows)
        for instrument, kind, columns in own_columns(rows):
            if instrument in self._venue_of:
                self._recorder.put(instrument, kind, columns)

    def resume(self) -> None:
        """Go on after a failure: what was not taken since is a hole."""
        if self.failure is not None:
            for v in self._of_venue:
                self.lost(v, self._failed_at, "recorder failed")
            self.failure = None

    def flush(self, now: Nanos) -> RecorderStatus:
        """Bring to the disk what came; in a thread, one at a time."""
        return self._recorder.flush(now)

    def roll(self) -> RollReport:
        """Make hours of what is complete; in a thread, one at a time, beside `flush`."""
        return self._recorder.roll()

    def close(self, now: Nanos) -> RecorderStatus:
        """End the recording, after the last `take_own`; nobody else is at work on the disk.

        Hours are made by `roll`, now or at any later start.
        """
        self._give_up_late(tuple(self._unheard), now)
        for i, funding in self._funding.items():
            paid = funding.rest()
            if paid is not None:
                self._recorder.put(i, "funding", paid)
        return self._recorder.close(now)

    def status(self) -> RecorderStatus:
        """Return how the recording stands."""
        return self._recorder.status()

    def feeds(self) -> list[FeedStatus]:
        """Return how each feed stands."""
        return self._recorder.feeds()

    def is_heard(self, venue: int) -> bool:
        """Tell whether the sockets of a venue's market data are open, as far as it tells of them."""
        name = self.venues[venue]
        seen = self._seen_sockets.get(name, {})
        return bool(seen) and all(is_open for socket, is_open in seen.items() if socket in MARKET_SOCKETS)

    def venue_of(self, instrument: InstrumentId) -> int:
        """Return the number of a recorded instrument's venue."""
        return self._venue_of[instrument]


def open_recording(
    config: RecordConfig,
    folder: Path,
    instruments: InstrumentTable,
    now: Nanos,
    *,
    sockets: Mapping[str, Sequence[str]] | None = None,
    own: Callable[[int], IntArray] | None = None,
    late: Collection[str] = (),
) -> MarketRecording:
    """Open the archive of a config for recording; what a crash has left there is finished first, which takes time.

    Args:
        folder: that the archive is relative to.
        instruments: of the run.
        now: the clock that the messages are stamped with.
        sockets, own, late: as in `MarketRecording`; the sockets are used if the config wants raw frames, and only those
            of market data.

    Raises:
        ValueError: the run has no such instrument, or the archive has one with another tick, lot or multiplier, or
            hours later than `now`.
        BlockingIOError: another recorder is at work there.
        OSError: the disk is full or fails.
    """
    root = folder / config.root
    chosen = [as_archived(root, each, now) for each in _chosen(instruments, config.instruments)]
    given = sockets if config.raw and sockets is not None else {}
    raw = {venue: [each for each in names if each in MARKET_SOCKETS] for venue, names in given.items()}
    kinds = (*_HEARD, *(_OWN if own is not None else ()))
    feeds: list[tuple[Instrument, Kind]] = [(instrument, kind) for instrument in chosen for kind in kinds]
    feeds += [(instrument, "raw") for instrument, _, _ in _socket_feeds(raw)]
    recorder = Recorder(root, feeds, now, round(config.most_mb * 1_000_000))
    return MarketRecording(recorder, chosen, instruments.venues, now, sockets=raw, own=own, late=late)


def _chosen(instruments: InstrumentTable, names: Sequence[str]) -> list[Instrument]:
    known = {instrument.name: instrument for instrument in instruments}
    for name in names:
        if name not in known:
            raise ValueError(f"[record] instruments: {name!r} is not used by this run; used are: {', '.join(known)}")
    return [known[name] for name in dict.fromkeys(names)] if names else list(known.values())


def _socket_feeds(sockets: Mapping[str, Sequence[str]]) -> list[tuple[Instrument, str, str]]:
    """Give sockets numbers that no instrument has."""
    pairs = [(venue, socket) for venue, all_of in sockets.items() for socket in all_of]
    return [(socket_instrument(venue, socket, -1 - n), venue, socket) for n, (venue, socket) in enumerate(pairs)]
