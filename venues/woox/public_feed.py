"""The public socket: books kept in sync, trades, marks."""

from collections import Counter
from collections.abc import Iterable
from functools import partial
from typing import Final

from market.instrument import Instrument
from market.messages import BookGap
from market.units import InstrumentId, Nanos
from venues.one_account_venue import PUBLIC
from venues.ports import told
from venues.venue import NEVER, Connect, HttpAnswer, Output, Reconnect, SendFrame, Tell
from venues.wire import HttpRequest, RemoteProtocolError
from venues.woox.gate import WooxGate
from venues.woox.limits import PUBLIC as PUBLIC_LIMIT
from venues.woox.market_data import MarketData
from venues.woox.session import Session
from venues.woox.structs import read_frame

_PATH: Final = "/v3/public"
_DEPTH: Final = 500  # levels a side that are asked for
_BOOK: Final = (PUBLIC_LIMIT, "orderbook")


class PublicFeed:
    """One connection after another.

    Attributes:
        is_ready: every topic is granted.
    """

    def __init__(self, instruments: Iterable[Instrument], gate: WooxGate, *, is_rpi: bool = False) -> None:
        listed = tuple(instruments)
        self._symbols = {each.id: each.symbol for each in listed}
        self.data = MarketData(listed, is_rpi=is_rpi)
        self._gate = gate
        self._session = Session(self.data.topics())
        self._is_open = False
        self._ask_at: Nanos = NEVER  # the first book that is to be asked for

    @property
    def is_ready(self) -> bool:
        return self._session.is_ready

    @property
    def seen(self) -> Counter[str]:
        n_misfits = sum(sync.n_misfits for sync in self.data.syncs.values())
        return self.data.skipped + Counter({"book by REST that does not fit the socket's": n_misfits})

    def begin(self) -> list[Output]:
        return [Connect(PUBLIC, _PATH)]

    def opened(self, now: Nanos) -> list[Output]:
        self._is_open = True
        return [SendFrame(PUBLIC, frame) for frame in self._session.opened(now)]

    def closed(self, reason: str, now: Nanos) -> list[Output]:
        """Whatever is sent while it is closed is lost: no book is to be trusted."""
        self._is_open = False
        self._session.closed()
        self._ask_at = NEVER
        for sync in self.data.syncs.values():
            sync.closed()
        lost = f"the public connection was lost: {reason}"
        return [Tell("books", BookGap(each, now, lost)) for each in self._symbols]

    def receive(self, frame: str | bytes, now: Nanos) -> list[Output]:
        """Take a frame.

        Raises:
            RemoteProtocolError: it breaks the protocol; the books are not to be trusted until the next connection.
        """
        envelope = read_frame(frame)
        if envelope.topic:
            messages = self.data.receive(envelope, now)
            if messages and type(messages[0]) is BookGap:
                self._look()
            return told(messages)
        was_ready, pong = self._session.is_ready, self._session.pong
        self._session.receive(envelope, now)
        if self._session.is_ready and not was_ready:
            for sync in self.data.syncs.values():
                sync.begin(now)
            self._look()
            return self._ask(now)
        if self._session.pong != pong:
            stands = [each for sync in self.data.syncs.values() for each in sync.still(self._session.pong, now)]
            return told(stands)
        return []

    def restart_book(self, instrument: InstrumentId, now: Nanos) -> list[Output]:
        """Whoever keeps the book wants it anew."""
        if not self._session.is_ready:
            return []
        self.data.syncs[instrument].restart(now)
        self._look()
        return self._ask(now)

    def next_deadline(self) -> Nanos:
        return min(self._session.next_deadline(), self._ask_at)

    def on_deadline(self, now: Nanos) -> list[Output]:
        if not self._is_open:
            return []
        outputs: list[Output] = [SendFrame(PUBLIC, frame) for frame in self._session.on_deadline(now)]
        if self._session.failure:
            outputs = [Reconnect(PUBLIC, self._session.failure)]
            self._session.closed()
            self._ask_at = NEVER
            return outputs
        return outputs + self._ask(now)

    # --- books by REST -----------------------------------------------------------------------------------------------

    def _look(self) -> None:
        self._ask_at = min((at for s in self.data.syncs.values() if (at := s.ask_at) is not None), default=NEVER)

    def _ask(self, now: Nanos) -> list[Output]:
        outputs: list[Output] = []
        if now < self._ask_at:
            return outputs
        for instrument, sync in self.data.syncs.items():
            if sync.ask_at is None or now < sync.ask_at:
                continue
            free_at = self._gate.free_at(_BOOK, now)
            if free_at > now:
                sync.ask_at = free_at
                continue
            sync.asked()
            query = f"symbol={self._symbols[instrument]}&maxLevel={_DEPTH}" + "&rpi=true" * self.data.is_rpi
            request = HttpRequest("GET", "/v3/public/orderbook", query)
            outputs.append(self._gate.send(request, partial(self._take, instrument), _BOOK, now))
        self._look()
        return outputs

    def _take(self, instrument: InstrumentId, answer: HttpAnswer | None, now: Nanos) -> list[Output]:
        sync = self.data.syncs[instrument]
        if not self._session.is_ready:
            return []  # of a connection that is gone
        try:
            if answer is None or answer.status == 429:
                sync.failed(now)
                return []
            try:
                return told(self.data.whole_book(instrument, answer.body, now))
            except RemoteProtocolError:
                sync.failed(now)
                raise
        finally:
            self._look()
