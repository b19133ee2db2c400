"""The market as the virtual nursery sees it: run the kernels to the next event an actor hears of, and tell it."""

from collections.abc import Callable, Iterator, Sequence
from struct import Struct
from typing import Any, Final

import numpy as np

from actors.runtime.actor import Actor
from actors.runtime.mailbox import Edge
from actors.runtime.wiring import connector_name
from market.instrument import InstrumentTable
from market.messages import (
    AmendRejected,
    BookDelta,
    BookSnapshot,
    BookUpdate,
    CancelAll,
    CancelRejected,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderExpired,
    OrderRejected,
    Trade,
)
from market.units import Nanos, VenueId
from sim.engine_kernels import advance as run_market
from sim.exchange import Exchange, StreamSpec
from sim.matching_kernels import (
    ACCEPTED,
    AMEND_REJECTED,
    AMENDED,
    CANCEL_REJECTED,
    CANCELLED,
    EXPIRED,
    FUNDING_PAID,
    PAYLOAD,
    REJECTED,
)
from sim.run_ahead_kernels import catch_up, look_ahead
from sim.simulated_margin import SimulatedMargin
from sim.source_partners import NoStamps, Stamps, Teller, TouchSink
from sim.state_kernels import (
    BOOK,
    FACTS,
    FLUSH,
    GAP,
    GROW,
    GROW_ORDERS,
    HEARD_BOOK,
    HEARD_TRADE,
    LOG_FULL,
    N_EVENTS,
    N_TOUCH,
    N_TRADE,
    NEED_WINDOW,
    NEVER,
    NEXT_EVENT,
    NEXT_FACT,
    NEXT_REQUEST,
    NOW,
    OVER,
    PAYLOAD_REQUEST,
    QUIET,
    R_CLIENT_ID,
    R_DETAIL,
    R_INSTRUMENT,
    R_KIND,
    R_PRICE,
    R_SIZE,
    R_TS,
    R_VENUE,
    SPOKEN,
    SPOKEN_ROW,
)
from sim.straight_lines import Line
from sim.venue import FillHistory, SimVenue
from sim.window_kernels import HEADER_SIZE
from sim.windows import Window

_HEADER_BYTES: Final = 8 * HEADER_SIZE
_TRADE: Final = Struct("=6q")

_MOST_AHEAD: Final = 1024
_FIRST_AHEAD: Final = 64
_LEAST_AHEAD: Final = 4
_LOOK_AGAIN: Final = 64  # events after which it is tried again to run ahead
_MOST_PATIENCE: Final = 65_536


class MarketSource:
    """Events of the simulated market, one that an actor hears of at a time.

    In fast mode a book or trade is told straight to those who act on it (`heard[stream]`), and mirrors show the rest.
    `speak` goes over to whole messages through the shells' ports, for good.  `capital` is what every account began
    with, 0 if nobody knows.
    """

    def __init__(
        self,
        exchange: Exchange,
        instruments: InstrumentTable,
        streams: Sequence[StreamSpec],
        windows: Iterator[Window],
        sink: TouchSink,
        *,
        is_spoken: bool = False,
        capital: float = 0.0,
    ) -> None:
        self.end: Nanos = 0
        self.finished = False
        self.is_spoken = is_spoken
        self.history = FillHistory(instruments, len(exchange.venues))
        self.margin = SimulatedMargin(exchange, instruments, self.history, capital)
        self.venues: list[SimVenue | None] = [None] * len(exchange.venues)
        self.heard: list[Sequence[Edge]] = [()] * len(streams)
        self.on_speak: Callable[[], None] = _nothing
        self.stamps: Stamps = NoStamps()
        self._exchange = exchange
        self._instruments = instruments
        self._streams = tuple(streams)
        # what is news is in the mirror, so that one message serves for all updates of a book
        self._shown = [BookUpdate(spec.instrument, 0, 0, 0, None, None) for spec in streams]
        self._news: list[BookUpdate | Trade] = [
            shown if spec.kind == BOOK else Trade(spec.instrument, 0, 0, 0, 0, 0, 0)
            for spec, shown in zip(streams, self._shown, strict=True)
        ]
        self._straight: list[Line | None] = []
        self._lines_at = -1
        # running ahead: see `_run_ahead`
        self._may_run_ahead = self._is_ahead = False
        self._reach = _FIRST_AHEAD  # events: more is not listed than is likely to be told
        self._ahead = np.zeros((4, _MOST_AHEAD), np.int64)
        self._ahead_trades = np.zeros((7, _MOST_AHEAD), np.int64)
        self._marks = np.zeros((_MOST_AHEAD, len(instruments)), np.int64)
        self._told_event = 0
        self._look_in = 0  # events
        self._patience = _LOOK_AGAIN
        self._shells = [connector_name(name) for name in instruments.venues]
        self._windows = windows
        self._instrument_of = [spec.instrument for spec in streams]
        self._window = Window.empty()
        self._words, self._header_at = self._window.flat.data, 0
        self._sink = sink

    def bind(self, teller: Teller) -> None:
        """Say whom to tell; before the first `advance`."""
        self._teller = teller

    def venue_factory(self, venue: VenueId, name: str) -> Callable[[], Actor]:
        """Return what starts a connection to a venue."""

        def start() -> Actor:
            def command(message: CancelAll) -> bool:
                return self._teller.emit(name, "commands", message)

            shell = SimVenue(name, venue, self._exchange, self.history, self.speak, command, self.margin.of)
            self.venues[venue] = shell
            return shell

        return start

    @property
    def n_events(self) -> int:
        """Market events delivered so far, heard or not."""
        return int(self._exchange.state[N_EVENTS])

    @property
    def now(self) -> Nanos:
        """The time of the newest event."""
        return int(self._exchange.state[NOW])

    @property
    def next_at(self) -> Nanos:
        """When to look again: the time of what is known to come next, 0 if that is not loaded."""
        self._exchange.take_commands()
        state, events = self._exchange.state, self._window.events
        place = int(state[NEXT_EVENT])
        if place < len(events):
            event = int(events[place, 0])
        else:
            event = NEVER if self._window.is_last else 0
        return min(event, int(state[NEXT_REQUEST]), int(state[NEXT_FACT]))

    def advance(self, until: Nanos) -> Nanos | None:
        """Run on to `until`, or to where the nursery must have its say: the time of the event that brought it there.

        Returns None when nothing is left up to `until`, which is moved on as the actors' timers are.
        """
        exchange, teller, heard = self._exchange, self._teller, self.heard
        shown = self._shown
        state, window = exchange.state, self._window.flat
        lines = self._lines()
        n = told_at = 0  # told by straight lines and not counted yet; the time of the newest
        while True:
            if self._look_in > 0:
                self._look_in -= 1
            elif self._may_run_ahead:
                if n:
                    teller.told(n, told_at)
                    n = 0
                if self._run_ahead(until, lines):
                    until = teller.settle()
                    if until < 0:
                        return int(exchange.state[NOW])
                    lines = self._lines()
                state = exchange.state
            what, now, a, b, c = run_market(state, window, until)
            if what <= HEARD_TRADE and (line := lines[a]) is not None:
                call, argument, actor, edge = line
                actor.now = told_at = now
                n += 1
                try:
                    call(argument if argument is not None else self._trade(a, b))
                    if not actor.out:
                        continue
                    teller.told(n, now)
                    n = 0
                    if teller.answered(edge, actor):
                        state = exchange.state  # a command, or a log that was full, may have made it grow
                        continue
                except Exception as error:
                    teller.told(n, now)
                    teller.fell(edge, error)
                n = 0
            else:
                if n:
                    teller.told(n, told_at)
                    n = 0
                if what == QUIET:
                    return None
                if what == OVER:
                    self.finished = True
                    self.end = now
                    return None
                if what > SPOKEN_ROW:
                    self._see_to(what, now, a, b, c)
                    state, window = exchange.state, self._window.flat
                    continue
                teller.at(now)
                if what == SPOKEN_ROW:
                    self._speak_row(a, b)
                    return now
                if what == FACTS:
                    for row in exchange.facts[:a].tolist():
                        self._tell_fact(row, now, is_logged=b == 1)
                else:
                    message = shown[a] if what == HEARD_BOOK else self._trade(a, b)
                    for edge in heard[a]:
                        teller.post(edge, message)
            until = teller.settle()
            if until < 0:
                return now
            state = exchange.state
            if self._lines_at != teller.n_changes:
                lines = self._lines()

    def _lines(self) -> list[Line | None]:
        """Return the straight line of each stream that has one."""
        teller = self._teller
        if self._lines_at != teller.n_changes:
            self._lines_at = teller.n_changes
            self._straight = [
                teller.line(edges[0], news) if len(edges) == 1 else None
                for edges, news in zip(self.heard, self._news, strict=True)
            ]
            self._may_run_ahead = all(
                line is not None or not edges for line, edges in zip(self._straight, self.heard, strict=True)
            )
        return self._straight

    def _run_ahead(self, until: Nanos, lines: Sequence[Line | None]) -> bool:
        """Tell what comes next as far as nothing can touch an order; True: `settle` is due.

        The kernels follow at the end, or as soon as somebody acts or looks at a mirror; who looks at mirrors is left
        alone for a while.
        """
        teller, ahead, trade_rows = self._teller, self._ahead, self._ahead_trades
        beat, step = self.stamps.look(until)
        state, window, until = self._exchange.state, self._window.flat, self.stamps.until
        n, n_trades = look_ahead(state, window, until, self._reach, beat, step, ahead, trade_rows, self._marks)
        if n < _LEAST_AHEAD:
            self._look_in = _LOOK_AGAIN
            return False
        self._is_ahead = True
        self._exchange.make_late(self._catch_up)
        times, streams, events, n_marks = ahead[:, :n].tolist()
        trades = map(Trade, *trade_rows[:, :n_trades].tolist())
        try:
            for now, stream, self._told_event in zip(times, streams, events, strict=True):
                line = lines[stream]
                assert line is not None, "a feed without a straight line was looked ahead in"
                call, argument, actor, edge = line
                actor.now = now
                call(next(trades) if argument is None else argument)
                if actor.out or not self._is_ahead:
                    break
        except Exception as error:
            self._catch_up()
            self._count(events, n_marks, beat, step, now)
            teller.fell(edge, error)
            return True
        self._reach = min(2 * self._reach, _MOST_AHEAD) if self._told_event == events[-1] else _FIRST_AHEAD
        if self._is_ahead:
            self._catch_up()
            self._patience = _LOOK_AGAIN
        else:
            self._look_in = self._patience = min(2 * self._patience, _MOST_PATIENCE)
        has_stamped = self._count(events, n_marks, beat, step, now)
        try:
            return (bool(actor.out) and not teller.answered(edge, actor)) or has_stamped
        except Exception as error:
            teller.fell(edge, error)
            return True

    def _count(self, events: Sequence[int], n_marks: Sequence[int], beat: Nanos, step: Nanos, now: Nanos) -> bool:
        """Count what was told ahead, the newest at `now`; True: timers have fired before it."""
        place = events.index(self._told_event)
        n = n_marks[place]
        if n:
            self.stamps.make(range(beat, beat + n * step, step), self._marks[:n].tolist())
        self._teller.told(place + 1, now)
        return n > 0

    def _catch_up(self) -> None:
        """Let the kernels do what has been told."""
        if self._is_ahead:
            self._is_ahead = False
            self._exchange.make_late(None)
            catch_up(self._exchange.state, self._window.flat, self._told_event)

    def _see_to(self, what: int, now: Nanos, a: int, b: int, c: int) -> None:
        """Do what the kernels cannot, after which they go on."""
        if what == NEED_WINDOW:
            self._window = window = next(self._windows)
            self._words, self._header_at = window.flat.data, window.events.nbytes
            self._exchange.next_window(window)
        elif what == PAYLOAD_REQUEST:
            shell = self.venues[b]
            assert shell is not None
            shell.arrive(a, c, now)
        elif what == FLUSH:
            self.flush()
        elif what == GROW:
            self._exchange.grow()
        elif what == GROW_ORDERS:
            self._exchange.grow_orders()
        elif what == LOG_FULL:
            self._exchange.flush_log()
        elif what == GAP:
            self.speak()
        else:
            instrument = self._instruments[self._streams[a].instrument]
            raise ValueError(
                f"a book message of {instrument.name} at {now} ns is not a book: levels must be sorted and above 0"
            )

    def speak(self) -> None:
        """Deliver everything as whole messages from here on: something happened that a mirror cannot show."""
        if not self.is_spoken:
            self.is_spoken = True
            self._exchange.log_facts(is_on=False)
            for v in range(len(self._exchange.venues)):
                self._exchange.set_mode(v, SPOKEN)
            self.on_speak()

    def disconnect(self, venue: VenueId) -> None:
        """Lose what is under way to and from a venue; its orders stay."""
        self.history.keep_in_flight(self._exchange, venue)
        self._exchange.drop_in_flight(venue)

    def flush(self) -> None:
        """Hand the buffered touch and trade rows to the sink."""
        state = self._exchange.state
        n_touch, n_trade = int(state[N_TOUCH]), int(state[N_TRADE])
        self._sink.take(self._exchange.touch[:n_touch], self._exchange.trades[:n_trade])
        state[N_TOUCH] = state[N_TRADE] = 0

    def _trade(self, stream: int, row: int) -> Trade:
        # ts_venue, ts_recv, price, size, taker, id: as a header begins
        return Trade(
            self._instrument_of[stream], *_TRADE.unpack_from(self._words, self._header_at + row * _HEADER_BYTES)
        )

    def _speak_row(self, stream: int, row: int) -> None:
        i = self._streams[stream].instrument
        shell = self._shells[self._exchange.venue_of(i)]
        if self._streams[stream].kind != BOOK:
            self._teller.emit(shell, "trades", self._trade(stream, row))
            return
        ts_venue, ts_recv, seq, prev_seq, is_snapshot, start, n_bids, n_asks = self._window.headers[row].tolist()
        levels = self._window.levels[start : start + n_bids + n_asks].copy()
        levels.flags.writeable = False
        bids, asks = levels[:n_bids], levels[n_bids:]
        message: Any
        if is_snapshot:
            message = BookSnapshot(i, ts_venue, ts_recv, seq, bids, asks)
        else:
            message = BookDelta(i, ts_venue, ts_recv, prev_seq, seq, bids, asks)
        self._teller.emit(shell, "books", message)

    def _tell_fact(self, row: list[int], now: Nanos, *, is_logged: bool) -> None:
        kind = row[R_KIND]
        shell = self._shells[row[R_VENUE]]
        fact: Any
        if kind == ACCEPTED:
            fact = OrderAccepted(row[R_CLIENT_ID], row[R_INSTRUMENT], row[R_TS], now)
            self._teller.emit(shell, "facts", fact, is_logged=is_logged)
        elif kind == AMENDED:
            fact = OrderAmended(row[R_CLIENT_ID], row[R_INSTRUMENT], row[R_TS], now, row[R_PRICE], row[R_SIZE])
            self._teller.emit(shell, "facts", fact, is_logged=is_logged)
        elif kind in _ENDS:
            fact = _ENDS[kind](row[R_CLIENT_ID], row[R_INSTRUMENT], row[R_TS], now, row[R_DETAIL])
            self._teller.emit(shell, "facts", fact, is_logged=is_logged)
        elif kind == PAYLOAD:
            venue = self.venues[row[R_VENUE]]
            answer = None if venue is None else venue.answer(row[R_DETAIL], now)
            if answer is not None:
                self._teller.emit(shell, "books" if isinstance(answer, BookSnapshot) else "fills", answer)
        elif kind == FUNDING_PAID:
            self._teller.emit(shell, "fills", self.history.funding.payment(row[R_VENUE], row, now))
        else:
            self._teller.emit(shell, "fills", self.history.fill(row[R_VENUE], row, now))


# an end, or a refusal, with its reason
_ENDS: Final[dict[int, Callable[..., Any]]] = {
    REJECTED: OrderRejected,
    AMEND_REJECTED: AmendRejected,
    CANCELLED: OrderCancelled,
    CANCEL_REJECTED: CancelRejected,
    EXPIRED: OrderExpired,
}


def _nothing() -> None:
    pass
