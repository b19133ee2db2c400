"""`RequestAccount` answered by one whole `AccountSnapshot`, however often it takes; never by half of one."""

from collections.abc import Iterable, Sequence
from typing import Final

from market.instrument import Instrument
from market.messages import RequestAccount
from market.units import SECOND, Nanos
from venues.binance.account import AccountReader, Question
from venues.binance.order_index import OrderIndex
from venues.binance.queries import AccountQueries
from venues.binance.request_gate import RequestGate
from venues.binance.subscriptions import NEVER
from venues.venue import HttpAnswer, Output, Tell
from venues.wire import RemoteProtocolError

_BACKOFF: Final = SECOND // 2  # before the second attempt; it doubles
_LONGEST: Final = 20 * SECOND
_CLOCK_PAUSE: Final = SECOND // 5
_WEIGHT: Final = 40  # of positions, funding and balances
_WEIGHT_EACH: Final = 6  # of open orders and fills of an instrument


class AccountAsking:
    """Reads the account, one reading at a time; what is asked meanwhile is read after it.

    Attributes:
        ask_at: when to begin (again); NEVER while nothing is wanted, or a reading is under way.
    """

    def __init__(
        self, instruments: Iterable[Instrument], queries: AccountQueries, orders: OrderIndex, gate: RequestGate
    ) -> None:
        self.ask_at: Nanos = NEVER
        self._instruments = tuple(instruments)
        self._queries, self._orders, self._gate = queries, orders, gate
        self._weight = _WEIGHT + _WEIGHT_EACH * len(self._instruments)
        self._wanted: RequestAccount | None = None
        self._last: RequestAccount | None = None
        self._reader: AccountReader | None = None
        self._n_failed = 0

    def request(self, ask: RequestAccount, now: Nanos) -> list[Output]:
        """Take a request for the account."""
        self._last = self._wanted = ask
        if self._reader is not None:
            return []  # after that which is being read
        self.ask_at = min(self.ask_at, now)
        return self.on_deadline(now)

    def again(self, now: Nanos) -> list[Output]:
        """Something was told that no message of ours can say: read what was asked for last once more."""
        return [] if self._last is None else self.request(self._last, now)

    def on_deadline(self, now: Nanos) -> list[Output]:
        """Begin a reading if one is due and the limits have room for the whole of it."""
        ask = self._wanted
        if ask is None or self._reader is not None or now < self.ask_at:
            return []
        free_at = self._gate.free_at(now, self._weight)
        if free_at > now:
            self.ask_at = free_at
            return []
        if self._gate.clock.is_doubted:
            self.ask_at = now + _CLOCK_PAUSE  # facts are put before or after a snapshot by its stamp
            return []
        # of the venue's time that which has surely come: what happens later must not be taken to be in the answers
        venue_time = self._gate.clock.surely_past(now)
        reader = AccountReader(ask, self._instruments, self._queries, self._orders, now, venue_time)
        self._reader, self._wanted, self.ask_at = reader, None, NEVER
        return self._send(reader, ask, reader.start(), now)

    def _send(
        self, reader: AccountReader, ask: RequestAccount, questions: Sequence[Question], now: Nanos
    ) -> list[Output]:
        def asked(question: Question) -> Output:
            return self._gate.send(
                question.request, lambda answer, at: self._take(reader, ask, question, answer, at), now
            )

        return [asked(question) for question in questions]

    def _take(
        self, reader: AccountReader, ask: RequestAccount, question: Question, answer: HttpAnswer | None, now: Nanos
    ) -> list[Output]:
        if reader is not self._reader:
            return []  # of a reading that has failed
        status, body = (0, b"") if answer is None else (answer.status, answer.body)
        try:
            more = reader.take(question, status, body, now, self._gate.clock.at(now))
        except RemoteProtocolError:
            self._fail(ask, now)
            raise
        if reader.failed is not None:
            self._fail(ask, now)
            return []
        free_at = self._gate.free_at(now, sum(each.request.weight for each in more))
        if more and free_at > now:
            self._fail(ask, now)
            self.ask_at = max(self.ask_at, free_at)
            return []
        if reader.snapshot is None:
            return self._send(reader, ask, more, now)
        self._reader, self._n_failed = None, 0
        if self._wanted is not None:
            self.ask_at = now
        return [Tell("fills", reader.snapshot), *self.on_deadline(now)]

    def _fail(self, ask: RequestAccount, now: Nanos) -> None:
        self._reader = None
        self._wanted = self._wanted or ask
        self.ask_at = now + min(_BACKOFF << min(self._n_failed, 10), _LONGEST)
        self._n_failed += 1
