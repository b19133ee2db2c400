"""A connection of market data: subscriptions, books in sync, trades and marks, and what to do when by the clock.

Books come by the route `public`, trades and marks by the route `market`; one session serves one of them.  It holds no
socket and reads no clock: the shell gives it frames, answers and the time, and does what it returns.
"""

from collections.abc import Iterable
from typing import Final, Literal

import attrs

from market.instrument import Instrument
from market.messages import BookDelta, BookGap, BookSnapshot, Mark, Trade
from market.units import MINUTE, SECOND, InstrumentId, Nanos
from venues.actions import Action, Connect, Reconnect, SendFrame, SendRequest
from venues.binance.book_sync import BookSync, BookSyncConfig
from venues.binance.connection_age import ConnectionAge
from venues.binance.market_data import Answer, DepthDiff, MarketData, Touch
from venues.binance.queries import depth
from venues.binance.subscriptions import NEVER, Subscriptions
from venues.wire import RemoteProtocolError

Route = Literal["public", "market"]
MarketMessage = BookSnapshot | BookDelta | BookGap | Trade | Mark

_AGAIN: Final = 2 * MINUTE  # a book that is stale again so soon after its streams were asked for anew
_OVERLAP_S: Final = 10.0  # the streams of a new connection are asked for meanwhile


@attrs.frozen
class MarketSessionConfig:
    """What is subscribed, and how long silence may last.

    Attributes:
        depth_speed: how often books change: "100ms", "500ms" or, unthrottled and not documented, "0ms".
        trades: "aggTrade", or "trade", which is not documented.
        n_levels: of a snapshot.
        dead_s: a connection that says nothing for so long is dead.
    """

    depth_speed: str = attrs.field(default="100ms", validator=attrs.validators.in_(("0ms", "100ms", "500ms")))
    trades: Literal["aggTrade", "trade"] = attrs.field(
        default="aggTrade", validator=attrs.validators.in_(("aggTrade", "trade"))
    )
    n_levels: int = attrs.field(default=1000, validator=attrs.validators.in_((5, 10, 20, 50, 100, 500, 1000)))
    dead_s: float = attrs.field(default=30.0, validator=attrs.validators.gt(0))
    books: BookSyncConfig = attrs.field(factory=BookSyncConfig)


class MarketSession:
    """One route of one venue, over one connection after another.

    Attributes:
        data: the decoder, with its counts.
        books: by instrument; empty on the route `market`.
    """

    def __init__(
        self, route: Route, instruments: Iterable[Instrument], config: MarketSessionConfig | None = None
    ) -> None:
        self.config = config or MarketSessionConfig()
        self.route = route
        self._instruments = {each.id: each for each in instruments}
        self.data = MarketData(self._instruments.values(), self.config.trades)
        is_public = route == "public"
        self.books = {each: BookSync(each, self.config.books) for each in self._instruments} if is_public else {}
        streams: dict[str, tuple[type, InstrumentId] | None] = {}
        for each in self._instruments.values():
            name = each.symbol.lower()
            if is_public:
                streams[f"{name}@depth@{self.config.depth_speed}"] = (DepthDiff, each.id)
                streams[f"{name}@bookTicker"] = (Touch, each.id)
            else:
                streams[f"{name}@{self.config.trades}"] = None  # nobody need trade
                streams[f"{name}@markPrice@1s"] = (Mark, each.id)
        self._subscriptions = Subscriptions(streams)
        self._heard_at: Nanos = NEVER
        self._age = ConnectionAge(_OVERLAP_S)
        self._is_open = False
        self._dead_after = round(self.config.dead_s * SECOND)
        self._renewed: dict[InstrumentId, Nanos] = {}
        self._asking: InstrumentId | None = None  # one snapshot at a time: each is dear

    def begin(self) -> Connect:
        """Return where to connect."""
        return Connect(f"/{self.route}/stream")

    def opened(self, now: Nanos) -> list[Action]:
        """The WebSocket is open; or another stands beside it, and books go on: what both tell is known by its id."""
        is_first, self._is_open = not self._is_open, True
        self._heard_at = now
        self._age.opened(now)
        self._renewed.clear()
        self._subscriptions.opened(now)
        if is_first:
            self._asking = None
            for book in self.books.values():
                book.connected(now)
        return self._due(now)

    def closed(self, now: Nanos) -> list[MarketMessage]:
        """The WebSocket is gone."""
        self._is_open, self._heard_at = False, NEVER
        self._age.closed()
        self._asking = None
        self._subscriptions.closed()
        return [message for book in self.books.values() for message in book.disconnected(now)]

    def receive(self, frame: bytes, now: Nanos) -> list[MarketMessage | Action]:
        """Return what a text frame says and asks for.

        Raises:
            RemoteProtocolError: it is none of what the venue documents; drop the connection.
        """
        self._heard_at = now
        event = self.data.decode(frame, now)
        if event is None:
            return []
        if isinstance(event, Answer):
            self._subscriptions.on_answer(event, now)
            failure = self._subscriptions.failure
            return [Reconnect(failure)] if failure else []
        if isinstance(event, DepthDiff):
            instrument = event.delta.instrument
            self._subscriptions.heard((DepthDiff, instrument))
            book = self.books.get(instrument)
            if book is None:
                return []
            messages: list[MarketMessage | Action] = list(book.on_diff(event))
            if not book.is_live:
                messages += self._due(now)
            return messages
        if isinstance(event, Touch):
            self._subscriptions.heard((Touch, event.instrument))
            if event.instrument in self.books:
                self.books[event.instrument].on_touch(event)
            return []
        self._subscriptions.heard((type(event), event.instrument))
        return [event]

    def restart_book(self, instrument: InstrumentId, now: Nanos) -> list[Action]:
        """Whoever keeps the book asks for it from the beginning."""
        self.books[instrument].restart(now)
        return self._due(now)

    def on_response(self, token: int, status: int, body: bytes, now: Nanos) -> list[MarketMessage | Action]:
        """Take the answer to a `SendRequest`; status 0: there was none.

        Raises:
            RemoteProtocolError: it is a success and no book; the snapshot will be asked for again.
        """
        if token != self._asking:
            return []  # asked for on a connection that is gone
        self._asking = None
        book = self.books[token]
        messages: list[MarketMessage | Action] = []
        if status != 200:
            book.refused(now)
        else:
            try:
                messages += book.on_snapshot(self.data.snapshot(token, body, now))
            except RemoteProtocolError:
                book.refused(now)
                raise
        return messages + self._due(now)

    def put_off(self, token: int, at: Nanos, now: Nanos) -> list[Action]:
        """A `SendRequest` was not carried out: the limits have no room before `at`."""
        if token == self._asking:
            self._asking = None
            self.books[token].put_off(at)
        return self._due(now)

    def next_deadline(self) -> Nanos:
        """Return when to call `on_deadline`, NEVER for not at all."""
        if not self._is_open:
            return NEVER
        found = min(self._age.next_deadline(), self._dead_at(), self._subscriptions.next_deadline())
        for book in self.books.values():
            found = min(found, book.next_deadline(), book.ask_at if self._asking is None else NEVER)
        return found

    def on_deadline(self, now: Nanos) -> list[MarketMessage | Action]:
        """Return what is to be done by now."""
        if not self._is_open:
            return []
        messages: list[MarketMessage | Action] = []
        for book in self.books.values():
            gaps = book.on_deadline(now)
            messages += gaps
            if gaps:
                messages += self._renew(book.instrument, now)
            elif self._asking == book.instrument and book.ask_at != NEVER:
                self._asking = None  # given up
        self._subscriptions.check(now)
        if self._subscriptions.failure:
            messages.append(Reconnect(self._subscriptions.failure))
        if now >= self._dead_at():
            messages.append(Reconnect(f"nothing was heard for {self.config.dead_s:g} s"))
        messages += self._age.on_deadline(now)
        return messages + self._due(now)

    def _renew(self, instrument: InstrumentId, now: Nanos) -> list[Action]:
        """A book is stale: ask for its own streams anew, and open everything anew only where that was of no use."""
        if now < self._renewed.get(instrument, -_AGAIN) + _AGAIN:
            return [Reconnect(f"the book of {self._instruments[instrument].name} is stale again")]
        self._renewed[instrument] = now
        self._subscriptions.renew({(DepthDiff, instrument), (Touch, instrument)}, now)
        return []

    def _dead_at(self) -> Nanos:
        return self._heard_at + self._dead_after

    def _due(self, now: Nanos) -> list[Action]:
        actions: list[Action] = [SendFrame(frame) for frame in self._subscriptions.frames(now)]
        if self._asking is None:
            due = [book for book in self.books.values() if book.ask_at <= now]
            if due:
                book = min(due, key=lambda each: (each.ask_at, each.instrument))
                book.asked(now)
                self._asking = book.instrument
                request = depth(self._instruments[book.instrument], self.config.n_levels)
                actions.append(SendRequest(request, book.instrument))
        return actions
