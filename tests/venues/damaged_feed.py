"""A venue's market data on a bad way: frames that are cut, merged, lost, told twice, swapped, replaced by others.

None of the damages makes one good frame into another, so that the truth is known: what is told as sound must be it.
The venue is driven as its shell drives it, and the project's own book keeper keeps the book.
"""

import random
from collections import deque
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from actors.book_keeper import BookKeeper
from market.instrument import Instrument
from market.messages import (
    BookDelta,
    BookGap,
    BookSnapshot,
    ConnectionLost,
    ConnectionUp,
    RequestSnapshot,
    SetTimer,
    Stale,
    TimerFired,
    Trade,
)
from market.units import MS, SECOND, Nanos
from tests.venues.choices import Choices
from tests.venues.reference_feed import (
    T0_MS,
    BinanceMarket,
    BybitMarket,
    ParadexBinaryMarket,
    ParadexMarket,
    WooxMarket,
)
from venues.connection import VenueConnection
from venues.registry import venue_kind
from venues.venue import Connect, HttpAnswer, Output, Reconnect, SendFrame, SendRequest, Tell, Venue, VenueSetup
from venues.wire import RemoteProtocolError

CONNECTION: Final = VenueConnection("custom", rest="http://127.0.0.1:1", sockets={"default": "ws://127.0.0.1:1"})
_HEARD: Final = (BookSnapshot, BookDelta, BookGap, ConnectionUp, ConnectionLost)
AnyMarket = BybitMarket | BinanceMarket | WooxMarket | ParadexMarket
_MARKETS: Final[dict[str, type[AnyMarket]]] = {
    "bybit": BybitMarket,
    "binance-futures": BinanceMarket,
    "woox": WooxMarket,
    "paradex": ParadexMarket,
    "paradex in binary": ParadexBinaryMarket,
}
_WAYS: Final = ("whole", "whole", "whole", "whole", "cut", "merged", "lost", "twice", "swapped", "noise", "changed")
_PAUSES_S: Final = (0.001, 0.001, 0.001, 0.001, 0.1, 1.5, 12.0, 40.0)
_MAX_MOVES: Final = 60
_HEALS_WITHIN_S: Final = 120
_BINARY: Final = b"\x01\x00"  # the schema of Paradex, in the header of its binary frames
_HEADER: Final = 8


class DamagedFeed:
    """One venue without a key, one market, one book keeper.

    Attributes:
        n_errors: frames and answers that were refused.
        n_stale: how often the book was no more to be trusted.
    """

    def __init__(self, venue: str, truth: AnyMarket, choices: Choices) -> None:
        self.now: Nanos = T0_MS * MS
        self.n_errors = 0
        self.n_stale = 0
        self._truth = truth
        self._choices = choices
        self._is_damaging = True
        self._instrument = Instrument(
            0, venue, "BTCUSDT", "BTC", "USDT", "USDT", tick=Decimal("0.1"), lot=Decimal("0.001")
        )
        self._venue: Venue = venue_kind(venue).make(VenueSetup(0, (self._instrument,), CONNECTION))
        self._keeper = BookKeeper("keeper", 0, [self._instrument])
        self._timers: list[tuple[Nanos, int]] = []
        self._open: set[str] = set()
        self._to_open: dict[str, None] = {}
        self._under_way: dict[str, deque[bytes]] = {each: deque() for each in truth.SOCKETS}
        self._asked: deque[tuple[int, bytes | None]] = deque()
        self._told_trades: set[int] = set()
        self._do(self._venue.begin(self.now))

    def run(self) -> None:
        """Let damages happen for as long as there are choices, then none, in which time the book must heal."""
        choices = self._choices
        for _ in range(_MAX_MOVES):
            if choices.are_over:
                break
            self._move(_PAUSES_S[choices.below(len(_PAUSES_S))])
        self._is_damaging = False
        self._choices = Choices(random.Random(0).randbytes(1 << 15))  # the market goes on
        end = self.now + _HEALS_WITHIN_S * SECOND
        n_trades = 0
        while self.now < end:
            if self.now < end - 20 * SECOND:
                n_trades = len(self._truth.market.trades)
            self._move(0.5)
        book = self._keeper.books[0]
        assert not self._keeper.is_stale(0), f"the book has not healed within {_HEALS_WITHIN_S} s"
        newest = self._update_of(book.seq)
        assert newest == self._truth.market.update, (
            f"the book is at {newest}, the market at {self._truth.market.update}"
        )
        missed = [each for each in self._truth.market.trades if each > n_trades and each not in self._told_trades]
        assert not missed, f"trades {missed} were not told, with the feed long whole again"

    def _move(self, pause_s: float) -> None:
        self._open_sockets()
        for socket, frame in self._truth.moves(self._choices):
            self._under_way[socket].append(frame)
        for _ in range(8):
            self._answer_one()
            for socket in self._truth.SOCKETS:
                self._deliver(socket)
        self._pass_time(round(pause_s * SECOND))
        self._look()

    def _look(self) -> None:
        """What is told as sound is the truth at the update that it says."""
        book = self._keeper.books[0]
        if self._keeper.is_stale(0) or book.version == 0:
            return
        assert "public" in self._open, "the book is told as sound over a lost connection"
        bids, asks = self._truth.market.history[self._update_of(book.seq)]
        assert dict(book.bid_levels.tolist()) == bids, f"bids at update {book.seq}"
        assert dict(book.ask_levels.tolist()) == asks, f"asks at update {book.seq}"

    def _update_of(self, seq: int) -> int:
        return self._truth.update_of(seq)

    # --- the way ---------------------------------------------------------------------------------------------------

    def _deliver(self, socket: str) -> None:
        waiting = self._under_way[socket]
        if not waiting or socket not in self._open:
            return
        frame = waiting.popleft()
        way = _WAYS[self._choices.below(len(_WAYS))] if self._is_damaging else "whole"
        for each in self._damaged(frame, way, waiting):
            if socket in self._open:
                self._receive(socket, each)

    def _damaged(self, frame: bytes, way: str, waiting: deque[bytes]) -> list[bytes]:
        choices = self._choices
        at = choices.below(len(frame))
        match way:
            case "cut":
                return [frame[:at]]
            case "merged":
                return [frame + (waiting.popleft() if waiting else frame)]
            case "lost":
                return []
            case "twice":
                return [frame, frame]
            case "swapped" if waiting:
                return [waiting.popleft(), frame]
            case "noise":
                return [choices.piece(24), frame]
            case "changed":
                byte = choices.below(256)
                if frame[4:6] == _BINARY:
                    at %= _HEADER  # any byte behind it makes another good frame, and nobody could tell
                elif chr(frame[at]).isdigit() or chr(byte).isdigit():
                    return [frame]  # so does a digit for a digit
                return [frame[:at] + bytes([byte]) + frame[at + 1 :]]
        return [frame]

    def _receive(self, socket: str, frame: bytes) -> None:
        try:
            outputs = self._venue.receive(socket, frame, self.now)
        except RemoteProtocolError as error:
            self.n_errors += 1
            self._drop(socket, str(error))
            return
        self._do(outputs)

    def _drop(self, socket: str, reason: str) -> None:
        self._to_open[socket] = None
        if socket in self._open:
            self._open.discard(socket)
            self._under_way[socket].clear()
            self._do(self._venue.closed(socket, reason, self.now))

    def _open_sockets(self) -> None:
        for socket in list(self._to_open):
            del self._to_open[socket]
            self._open.add(socket)
            self._truth.reopened(socket)
            self._do(self._venue.opened(socket, self.now))

    def _answer_one(self) -> None:
        if not self._asked:
            return
        token, body = self._asked.popleft()
        if self._is_damaging and body is not None and self._choices.below(4) == 3:
            body = None if self._choices.below(2) else body[: self._choices.below(len(body))]
        answer = None if body is None else HttpAnswer(200, {}, body, self.now, self.now)
        try:
            outputs = self._venue.answered(token, answer, self.now)
        except RemoteProtocolError:
            self.n_errors += 1
            return
        self._do(outputs)

    # --- what the shell, the nursery and the keeper do -------------------------------------------------------------

    def _do(self, outputs: Sequence[Output]) -> None:
        for each in outputs:
            if isinstance(each, Tell):
                self._hear(each)
            elif isinstance(each, SendFrame):
                assert each.socket in self._open, f"a frame to {each.socket}, which is not open"
                self._under_way[each.socket].extend(self._truth.hears(each.socket, each.data))
            elif isinstance(each, SendRequest):
                self._asked.append((each.token, self._truth.answers(each.request.path)))
            elif isinstance(each, Connect):
                self._to_open[each.socket] = None
            elif isinstance(each, Reconnect):
                self._drop(each.socket, each.reason)

    def _hear(self, told: Tell) -> None:
        message = told.message
        if isinstance(message, Trade):
            number = self._truth.trade_of(message.trade_id)
            is_new = number not in self._told_trades
            assert is_new or not self._truth.NUMBERS_TRADES, f"trade {number} is told twice"
            self._told_trades.add(number)
            assert (message.price, message.size, message.taker) == self._truth.market.trades[number]
        elif isinstance(message, _HEARD):
            self._give(message)

    def _give(self, message: object) -> None:
        keeper = self._keeper
        keeper.now = self.now
        keeper.handle(message)
        said, keeper.out[:] = list(keeper.out), []
        for _, output in said:
            if isinstance(output, Stale):
                self.n_stale += 1
            elif isinstance(output, SetTimer):
                self._timers.append((output.at, output.token))
            elif isinstance(output, RequestSnapshot):
                self._do(self._venue.command(output, self.now))

    def _pass_time(self, pause: Nanos) -> None:
        end = self.now + pause
        for _ in range(10_000):
            venue_due = self._venue.next_deadline()
            keeper_due = min((at for at, _ in self._timers), default=None)
            due = min((each for each in (venue_due, keeper_due) if each is not None), default=None)
            if due is None or due > end:
                self.now = end
                return
            self.now = max(self.now, due)
            for at, token in [each for each in self._timers if each[0] <= self.now]:
                self._timers.remove((at, token))
                self._give(TimerFired(token))
            if venue_due is not None and venue_due <= self.now:
                self._do(self._venue.on_deadline(self.now))
        raise AssertionError("deadlines are due for ever")


def damaged_feed(venue: str, data: bytes) -> DamagedFeed:
    """Return a feed that will be damaged as `data` says."""
    return DamagedFeed(venue.partition(" ")[0], _MARKETS[venue](), Choices(data))
