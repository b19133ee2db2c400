"""The public socket: books, trades, marks."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

import msgspec

from market.instrument import Instrument
from market.units import InstrumentId, Nanos
from venues.hyperliquid.gate import HyperliquidGate, info
from venues.hyperliquid.market_data import MarketData
from venues.hyperliquid.session import Session
from venues.hyperliquid.structs import Frame, read_frame
from venues.one_account_venue import PUBLIC
from venues.ports import told
from venues.rate_window import RateWindow
from venues.venue import Connect, HttpAnswer, Output, Reconnect, SendFrame

PATH: Final = "/ws"


class PublicFeed:
    """One connection after another.

    Attributes:
        is_ready: every subscription is granted.
    """

    def __init__(self, instruments: Iterable[Instrument], gate: HyperliquidGate, messages: RateWindow) -> None:
        listed = tuple(instruments)
        self.data = MarketData(listed)
        self._symbols = {each.id: each.symbol for each in listed}
        self._gate = gate
        self._session = Session(self.data.subscriptions(), messages)

    @property
    def is_ready(self) -> bool:
        return self._session.is_ready

    @property
    def seen(self) -> Counter[str]:
        return self.data.skipped

    def begin(self) -> list[Output]:
        return [Connect(PUBLIC, PATH)]

    def opened(self, now: Nanos) -> list[Output]:
        return [SendFrame(PUBLIC, frame) for frame in self._session.opened(now)]

    def closed(self, reason: str, now: Nanos) -> list[Output]:
        """Whatever is sent while it is closed is lost: no book is to be trusted."""
        self._session.closed()
        return told(self.data.lost(now, f"the public connection was lost: {reason}"))

    def receive(self, frame: str | bytes, now: Nanos) -> list[Output]:
        """Take a frame.

        Raises:
            RemoteProtocolError: it breaks the protocol; the books are not to be trusted until the next connection.
        """
        read = read_frame(frame)
        if read is None or self._session.receive(read):
            return []
        return told(self.data.receive(read, now))

    def restart_book(self, instrument: InstrumentId, now: Nanos) -> list[Output]:
        """Ask for a whole book; each frame of it is one, but of a quiet coin none may come for long."""
        self.data.forget(instrument)
        request = info("l2Book", coin=self._symbols[instrument])
        if self._gate.free_at(request, now) > now:
            return []  # the next frame of it does
        return [self._gate.send(request, self._take_book, now)]

    def _take_book(self, answer: HttpAnswer | None, now: Nanos) -> list[Output]:
        if answer is None or answer.status != 200 or not self.is_ready:
            return []
        return told(self.data.receive(Frame("l2Book", msgspec.Raw(answer.body)), now))

    def next_deadline(self) -> Nanos:
        return self._session.next_deadline()

    def on_deadline(self, now: Nanos) -> list[Output]:
        outputs: list[Output] = [SendFrame(PUBLIC, frame) for frame in self._session.on_deadline(now)]
        if self._session.failure:
            outputs = [Reconnect(PUBLIC, self._session.failure)]
            self._session.closed()
        return outputs
