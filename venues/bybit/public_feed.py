"""The public socket: books kept in sync, trades, marks."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from market.instrument import Instrument
from market.messages import BookGap
from market.units import SECOND, InstrumentId, Nanos
from venues.bybit.gate import BybitGate
from venues.bybit.market_data import MarketData
from venues.bybit.missed_trades import MissedTrades
from venues.bybit.session import Channel, Session
from venues.bybit.structs import read_book_frame, read_frame
from venues.one_account_venue import PUBLIC
from venues.ports import on_socket, told
from venues.venue import NEVER, Connect, Output, Reconnect, Tell

_SNAPSHOT_WITHIN: Final = 10 * SECOND


class PublicFeed:
    """One connection after another.

    Attributes:
        is_ready: every topic is confirmed.
    """

    def __init__(self, instruments: Iterable[Instrument], gate: BybitGate, depth: int = 50) -> None:
        known = tuple(instruments)
        self._symbols = {each.id: each.symbol for each in known}
        self.data = MarketData(known, depth)
        self._missed = MissedTrades(known, self.data, gate)
        self._session = Session(Channel.PUBLIC, self.data.topics())
        self._is_open = False
        self._due: dict[str, Nanos] = {}  # books that wait for a snapshot -> when the connection is given up for it

    @property
    def is_ready(self) -> bool:
        return self._session.is_ready

    @property
    def seen(self) -> Counter[str]:
        return self.data.n_skipped

    def begin(self) -> list[Output]:
        return [Connect(PUBLIC, Channel.PUBLIC.value)]

    def opened(self, now: Nanos) -> list[Output]:
        self._is_open = True
        self.data.reset(now)
        self._due = dict.fromkeys(self.data.syncs, now + 2 * _SNAPSHOT_WITHIN)  # the subscription takes its time too
        return on_socket(PUBLIC, self._session.opened(now))

    def closed(self, reason: str, now: Nanos) -> list[Output]:
        """Whatever is sent while it is closed is lost: no book is to be trusted."""
        self._is_open = False
        self._missed.lost()
        self._session.closed()
        self._due.clear()
        self.data.reset(now)
        return [
            Tell("books", BookGap(each, now, f"the public connection was lost: {reason}")) for each in self._symbols
        ]

    def receive(self, frame: str | bytes, now: Nanos) -> list[Output]:
        """Take a frame.

        Raises:
            RemoteProtocolError: it breaks the protocol; the books are not to be trusted until the next connection.
        """
        book = read_book_frame(frame)
        if book is not None:
            topic, messages = book.topic, self.data.book(book, now)
        else:
            envelope = read_frame(frame)
            topic = envelope.topic
            if not topic:
                outputs = on_socket(PUBLIC, self._session.receive(envelope, now))
                return [*outputs, *self._missed.listening(now)] if self._session.is_ready else outputs
            messages = self.data.receive(envelope, now)
            self._missed.heard(messages)
        outputs = told(messages)
        if self._due and topic in self._due and not self.data.syncs[topic].is_waiting:
            del self._due[topic]
        for message in messages:
            if type(message) is BookGap:
                outputs += self._resubscribe(message.instrument, now)
        return outputs

    def restart_book(self, instrument: InstrumentId, now: Nanos) -> list[Output]:
        """Whoever keeps the book wants it anew; one that waits for its snapshot anyway is not asked for again."""
        topic = self.data.book_topic(self._symbols[instrument])
        if not self._is_open or self.data.syncs[topic].is_waiting:
            return []
        self.data.distrust(self._symbols[instrument])
        return self._resubscribe(instrument, now)

    def next_deadline(self) -> Nanos:
        due = self._session.deadline
        return NEVER if due is None else min((due, *self._due.values()))

    def on_deadline(self, now: Nanos) -> list[Output]:
        if not self._is_open:
            return []
        late = [topic for topic, due in self._due.items() if due <= now]
        if late:
            self._due.clear()
            return [Reconnect(PUBLIC, f"no snapshot of {late[0]} has come")]
        return on_socket(PUBLIC, self._session.on_deadline(now))

    def _resubscribe(self, instrument: InstrumentId, now: Nanos) -> list[Output]:
        topic = self.data.book_topic(self._symbols[instrument])
        self._due[topic] = now + _SNAPSHOT_WITHIN
        return on_socket(PUBLIC, self._session.resubscribe([topic], now))
