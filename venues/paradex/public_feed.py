"""The public socket: books, trades, marks."""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final

from market.instrument import Instrument
from market.messages import BookGap, BookSnapshot
from market.units import SECOND, InstrumentId, Nanos
from venues.one_account_venue import PUBLIC
from venues.paradex.binary import QUERY, is_binary
from venues.paradex.calls import Calls
from venues.paradex.market_data import MarketData, MarketMessage
from venues.paradex.structs import Frame, read_frame
from venues.ports import told
from venues.venue import NEVER, Connect, Output, Reconnect, SendFrame
from venues.wire import RemoteProtocolError

PATH: Final = "/v1"
# the bare name is what is granted live; the other is what the documents say
_WHOLE_WITHIN: Final = 15 * SECOND  # of a subscription: its answer has 10
_BOOKS: Final = ("order_book.{}.deltas", "order_book.{}.deltas@15@50ms")


class PublicFeed:
    """One connection after another.

    Attributes:
        is_ready: every channel is granted.
    """

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        listed = tuple(instruments)
        self.data = MarketData(listed)
        self._symbols = {each.id: each.symbol for each in listed}
        self._calls = Calls()
        self._books = dict.fromkeys(self.data.symbols, _BOOKS[0])
        self._awaited: dict[str, None] = {}
        self._due: dict[InstrumentId, Nanos] = {}  # when books that wait for their whole are given up
        self._failure = ""
        self.is_ready = False

    @property
    def seen(self) -> Counter[str]:
        return self.data.skipped

    def begin(self) -> list[Output]:
        return [Connect(PUBLIC, f"{PATH}?{QUERY}")]

    def opened(self, now: Nanos) -> list[Output]:
        self._awaited = {}
        self._due = dict.fromkeys(self._symbols, now + _WHOLE_WITHIN)
        channels = [self._books[symbol].format(symbol) for symbol in self.data.symbols]
        channels += [f"{name}.{symbol}" for name in ("trades", "markets_summary") for symbol in self.data.symbols]
        self.is_ready = not channels
        return [self._subscribe(channel, now) for channel in channels]

    def closed(self, reason: str, now: Nanos) -> list[Output]:
        """Whatever is sent while it is closed is lost: no book is to be trusted."""
        self._clear()
        self._calls = Calls()
        return told(self.data.lost(now, f"the public connection was lost: {reason}"))

    def receive(self, raw: str | bytes, now: Nanos) -> list[Output]:
        """Take a frame.

        Raises:
            RemoteProtocolError: it breaks the protocol; the books are not to be trusted until the next connection.
        """
        if isinstance(raw, bytes) and is_binary(raw):
            return self._heard(self.data.receive_binary(raw, now), now)
        frame = read_frame(raw)
        if frame.params is None:
            return self._calls.receive(frame, now)
        return self._heard(self.data.receive(frame.params, now), now)

    def _heard(self, messages: Sequence[MarketMessage], now: Nanos) -> list[Output]:
        outputs = told(messages)
        for message in messages:
            if type(message) is BookSnapshot:
                self._due.pop(message.instrument, None)
            elif type(message) is BookGap:
                outputs += self.restart_book(message.instrument, now)
        return outputs

    def restart_book(self, instrument: InstrumentId, now: Nanos) -> list[Output]:
        """Have a book sent anew: a channel begins with all of it; one that waits for it is not asked for again."""
        if not self.is_ready or instrument in self._due:
            return []
        symbol = self._symbols[instrument]
        self.data.forget(symbol)
        self._due[instrument] = now + _WHOLE_WITHIN
        channel = self._books[symbol].format(symbol)
        left = self._calls.call("unsubscribe", {"channel": channel}, _passed_over, now)
        return [SendFrame(PUBLIC, left), self._subscribe(channel, now)]

    def _subscribe(self, channel: str, now: Nanos) -> Output:
        self._awaited[channel] = None
        answered = partial(self._granted, channel)
        return SendFrame(PUBLIC, self._calls.call("subscribe", {"channel": channel}, answered, now))

    def _granted(self, channel: str, frame: Frame | None, now: Nanos) -> list[Output]:
        if frame is None:
            self._failure = f"no answer to the subscription of {channel}"
            return []
        self._awaited.pop(channel, None)
        if frame.error is not None:
            symbol = channel.split(".")[1]
            if channel == _BOOKS[0].format(symbol):
                self._books[symbol] = _BOOKS[1]
                self.data.skipped["books by the bare name are refused"] += 1
                return [self._subscribe(_BOOKS[1].format(symbol), now)]
            raise RemoteProtocolError(f"paradex refused {channel}: {frame.error.code} {frame.error.message:.200}")
        self.is_ready = self.is_ready or not self._awaited
        return []

    def next_deadline(self) -> Nanos:
        return min(self._calls.next_deadline(), min(self._due.values(), default=NEVER))

    def on_deadline(self, now: Nanos) -> list[Output]:
        outputs: list[Output] = self._calls.on_deadline(now)
        late = [self._symbols[each] for each, due in self._due.items() if due <= now]
        if late and not self._failure:
            self._failure = f"no whole book of {late[0]} has come"
        if self._failure:
            outputs.append(Reconnect(PUBLIC, self._failure))
            self._clear()
        return outputs

    def _clear(self) -> None:
        self.is_ready, self._awaited, self._due, self._failure = False, {}, {}, ""


def _passed_over(frame: Frame | None, now: Nanos) -> list[Output]:
    return []
