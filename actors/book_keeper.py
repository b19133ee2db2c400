"""Keeps the books of one venue: sound ones are published after every change, others are healed by a snapshot.

Of changes that came together only the last is published: what the book was in between nobody could have acted on.

A book is stale from a break in its chain, a gap, a lost connection or a restart until the next snapshot, asked for or
not; feeds that are snapshots only so heal themselves.  A book that nothing was heard of for too long is stale, too,
until something newer: a snapshot that is as old as the book proves no more than the silence.  Before its first
snapshot a book is just empty: nobody has trusted it yet, and nobody is told.

A sound book that is too thin to quote from is stale as well, and goes on to be published.
"""

from collections import deque
from collections.abc import Sequence
from typing import ClassVar, Final

import attrs

from actors.runtime.actor import Actor
from actors.thin_books import ThinBooks
from market.book import Book
from market.instrument import Instrument
from market.messages import (
    ActorUp,
    BookDelta,
    BookGap,
    BookSnapshot,
    ConnectionLost,
    ConnectionUp,
    Fresh,
    RequestSnapshot,
    Stale,
    Started,
    Stop,
    TimerFired,
)
from market.units import SECOND, InstrumentId, Nanos, VenueId

_ASK_AGAIN: Final = 1  # timer tokens
_SILENCE: Final = 2
_SETTLED: Final = 3


@attrs.frozen
class BookKeeperConfig:
    """How books are kept.

    Attributes:
        ask_again_s: a snapshot that does not come is asked for at this period.
        stale_after_s: a book that nothing was heard of for so long is stale, as when a recorded feed ends before the
            others; 0: never, for markets that are that quiet.
        max_waiting: deltas kept for after the snapshot; beyond, the oldest go and the next snapshot has to serve.
        distrust_crossed: a book whose best bid reaches its best ask after a delta has lost something without a gap: it
            is stale, and asked for anew.  For real venues; a simulated market does not cross.
        thin: what a book must show to be quoted from.  thin_of: of those for which it is another, by `venue:symbol`.
    """

    ask_again_s: float = attrs.field(default=1.0, validator=attrs.validators.gt(0))
    stale_after_s: float = attrs.field(default=60.0, validator=attrs.validators.ge(0))
    max_waiting: int = attrs.field(default=4096, validator=attrs.validators.ge(1))
    distrust_crossed: bool = False
    thin: ThinBooks = attrs.field(factory=ThinBooks)
    thin_of: dict[str, ThinBooks] = attrs.field(factory=dict)

    @property
    def weighs(self) -> bool:
        """Something is asked of some book's depth."""
        return self.thin.binds or any(each.binds for each in self.thin_of.values())


class BookKeeper(Actor):
    """In: snapshots, deltas, gaps, news of the connection.  Out: `BookUpdate`, `Stale`, `Fresh`, `RequestSnapshot`.

    Attributes:
        books: by instrument; the simulation may put mirrors of its own there, and lets go of them before it sends the
            first message: the keeper then goes on from what they showed.
    """

    ports: ClassVar[tuple[str, ...]] = ("books", "status", "resync")

    def __init__(
        self,
        name: str,
        venue: VenueId,
        instruments: Sequence[Instrument],
        depth: int = 20,
        config: BookKeeperConfig | None = None,
    ) -> None:
        super().__init__(name)
        self.venue = venue
        self.config = config or BookKeeperConfig()
        self.books: dict[InstrumentId, Book] = {each.id: Book(each, depth) for each in instruments}
        self._waiting: dict[InstrumentId, deque[BookDelta]] = {}  # of the stale ones, what came meanwhile
        self._is_healed = dict.fromkeys(self.books, False)  # and no delta since
        self._silent: set[InstrumentId] = set()  # of the stale ones, those that are so for their silence
        rules = {each.id: self.config.thin_of.get(each.name, self.config.thin) for each in instruments}
        self._rules = {instrument: rule for instrument, rule in rules.items() if rule.binds}
        self._thin: dict[InstrumentId, str] = {}  # why
        self._thick_since: dict[InstrumentId, Nanos] = {}  # of the thin ones, those that are thin no more
        self._is_connected = True
        self._is_asking = False
        self.on = {
            BookDelta: self._on_delta,
            BookSnapshot: self._on_snapshot,
            BookGap: lambda m: self._distrust(m.instrument, m.reason),
            ConnectionLost: self._on_connection_lost,
            ConnectionUp: self._on_connection_up,
            TimerFired: self._on_timer,
            ActorUp: self._on_actor_up,
            Started: self._on_started,
            Stop: lambda m: None,
        }

    def is_stale(self, instrument: InstrumentId) -> bool:
        """Tell whether the book waits for a snapshot."""
        return instrument in self._waiting

    # --- the feed ----------------------------------------------------------------------------------------------------

    def _on_delta(self, delta: BookDelta) -> None:
        instrument = delta.instrument
        waiting = self._waiting.get(instrument)
        if waiting is not None:
            waiting.append(delta)
            return
        book = self.books[instrument]
        if book.version == 0:
            return  # there is nothing yet that it could change
        if self._apply(book, delta):
            if self.config.distrust_crossed and book.is_crossed:
                best = f"best bid {book.best_bid}, best ask {book.best_ask}"
                self._distrust(instrument, f"the book is crossed: {best}, in ticks")
            elif not delta.is_followed:
                self._publish(instrument)
        else:
            reason = f"a delta that follows {delta.prev_seq} came after {book.seq}"
            self._distrust(instrument, reason)
            self._waiting[instrument].append(delta)

    def _on_snapshot(self, snapshot: BookSnapshot) -> None:
        instrument = snapshot.instrument
        book = self.books[instrument]
        if instrument in self._silent:
            if snapshot.ts_venue <= book.ts_venue and snapshot.seq <= book.seq:
                return
            self._silent.discard(instrument)
        book.load(snapshot.bids, snapshot.asks, snapshot.ts_venue, snapshot.ts_recv, snapshot.seq)
        waiting = self._waiting.get(instrument)
        if waiting is not None:
            self._is_healed[instrument] = True
            while waiting:
                if not self._apply(book, waiting[0]):
                    self._ask(instrument)  # what lies between the snapshot and this delta was lost: a later one
                    return
                waiting.popleft()
            del self._waiting[instrument]
            self._tell_healed(instrument)
        self._publish(instrument)

    def _apply(self, book: Book, delta: BookDelta) -> bool:
        """Put a delta on a book; False if the chain is broken.

        The first after a snapshot that healed a book may be older than it, which is passed over, or reach back before
        it: levels are absolute, so that such a one does no harm.  A sound feed must chain, as it does in the
        simulation's kernels.
        """
        prev_seq = delta.prev_seq
        instrument = delta.instrument
        if self._is_healed[instrument]:
            if delta.seq < book.seq or (delta.seq == book.seq and delta.ts_venue <= book.ts_venue):
                return True
            if prev_seq < book.seq:
                prev_seq = -1
        if not book.apply(delta.bids, delta.asks, delta.ts_venue, delta.ts_recv, prev_seq, delta.seq):
            return False
        self._is_healed[instrument] = False
        return True

    def _publish(self, instrument: InstrumentId) -> None:
        if instrument in self._rules:
            self._weigh(instrument)
        self.out.append(("books", self.books[instrument].update()))

    # --- depth -------------------------------------------------------------------------------------------------------

    def _weigh(self, instrument: InstrumentId) -> None:
        """Say so before a book is published that is too thin, or that is no more."""
        fault = self._rules[instrument].fault(self.books[instrument])
        if fault:
            self._thick_since.pop(instrument, None)
            if instrument not in self._thin:
                self._thin[instrument] = fault
                self.out.append(("status", Stale(instrument, self.now, fault, is_thin=True)))
        elif instrument in self._thin and instrument not in self._thick_since:
            self._thick_since[instrument] = self.now
            settle = round(self._rules[instrument].settle_s * SECOND)
            self.set_timer(self.now + settle, _SETTLED)

    def _settle(self) -> None:
        """Trust the books again that have been thick enough for long enough."""
        for instrument, since in list(self._thick_since.items()):
            if self.now >= since + round(self._rules[instrument].settle_s * SECOND):
                del self._thick_since[instrument], self._thin[instrument]
                self.out.append(("status", Fresh(instrument, self.now)))

    def _tell_healed(self, instrument: InstrumentId) -> None:
        """A book is whole again; one that is too thin is told to be stale for that alone."""
        fault = self._rules[instrument].fault(self.books[instrument]) if instrument in self._rules else ""
        if fault or instrument in self._thin:
            fault = self._thin[instrument] = fault or self._thin[instrument]
            self.out.append(("status", Stale(instrument, self.now, fault, is_thin=True)))
        else:
            self.out.append(("status", Fresh(instrument, self.now)))

    # --- trust -------------------------------------------------------------------------------------------------------

    def _distrust(self, instrument: InstrumentId, reason: str) -> None:
        """A book is stale from here on; one that never was there is not."""
        if instrument in self._waiting or self.books[instrument].version == 0:
            return
        self._begin_waiting(instrument, reason)
        self._ask(instrument)

    def _begin_waiting(self, instrument: InstrumentId, reason: str) -> None:
        self._waiting[instrument] = deque(maxlen=self.config.max_waiting)
        self._thick_since.pop(instrument, None)
        self.out.append(("status", Stale(instrument, self.now, reason)))

    def _on_actor_up(self, message: ActorUp) -> None:
        # who begins anew was not there when a book became stale, and must not trade on it
        if message.kind in ("manager", "quoter"):
            for instrument in self._waiting:
                self.out.append(("status", Stale(instrument, self.now, "still waits for a snapshot")))
            for instrument, fault in self._thin.items():
                if instrument not in self._waiting:
                    self.out.append(("status", Stale(instrument, self.now, fault, is_thin=True)))

    def _ask(self, instrument: InstrumentId) -> None:
        if not self._is_connected:
            return
        self.out.append(("resync", RequestSnapshot(instrument)))
        if not self._is_asking:
            self._is_asking = True
            self.set_timer(self.now + round(self.config.ask_again_s * SECOND), _ASK_AGAIN)

    def _on_connection_lost(self, message: ConnectionLost) -> None:
        self._is_connected = False
        for instrument in self.books:
            self._distrust(instrument, f"the connection was lost: {message.reason}")
            if instrument in self._waiting:
                self._waiting[instrument].clear()  # they belong to the connection that is gone

    def _on_connection_up(self, message: ConnectionUp) -> None:
        self._is_connected = True
        for instrument in self._waiting:
            self._ask(instrument)

    # --- life --------------------------------------------------------------------------------------------------------

    def _on_started(self, message: Started) -> None:
        if message.generation > 0:
            for instrument in self.books:
                self._begin_waiting(instrument, "the book keeper was restarted")
                self._ask(instrument)
        if self.config.stale_after_s > 0:
            self._listen()

    def _on_timer(self, message: TimerFired) -> None:
        if message.token == _ASK_AGAIN:
            self._is_asking = False
            for instrument in self._waiting:
                self._ask(instrument)
        elif message.token == _SETTLED:
            self._settle()
        else:
            self._listen()

    def _listen(self) -> None:
        """Distrust what was silent for too long; be woken when the next may be.  Nothing is done as messages come."""
        period = round(self.config.stale_after_s * SECOND)
        next_at = self.now + period
        for instrument, book in self.books.items():
            if book.version == 0 or instrument in self._waiting:
                continue
            until = book.ts_recv + period
            if until > self.now:
                next_at = min(next_at, until)
            else:
                self._silent.add(instrument)
                self._distrust(instrument, f"nothing was heard of it for {self.config.stale_after_s:g} s")
        self.set_timer(next_at, _SILENCE)
