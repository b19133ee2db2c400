"""`RequestAccount` answered by one whole `AccountSnapshot`, however often it takes; never by half of one."""

from collections.abc import Iterable
from functools import partial
from typing import Final

from market.instrument import Instrument
from market.messages import RequestAccount
from market.units import SECOND, Nanos
from venues.venue import HttpAnswer, Output, Tell
from venues.wire import RemoteProtocolError
from venues.woox.account import AccountReader, Question
from venues.woox.gate import Gate
from venues.woox.order_index import OrderIndex
from venues.woox.private import PrivateData
from venues.woox.requests import OrderRequests

_FIRST_PAUSE: Final = SECOND // 2  # after a failure; it doubles
_LONGEST_PAUSE: Final = 16 * SECOND
_PAYMENTS_EVERY: Final = 15 * SECOND  # funding is paid every few hours, and the venue bears few questions for it
_NEVER: Final[Nanos] = 1 << 62


class AccountAsking:
    """One reading at a time; what is asked meanwhile is answered by the next, which covers all of it.

    Attributes:
        due: when to begin, or to send what the limits held back.
    """

    def __init__(
        self,
        instruments: Iterable[Instrument],
        requests: OrderRequests,
        orders: OrderIndex,
        private: PrivateData,
        gate: Gate,
    ) -> None:
        self._instruments = tuple(instruments)
        self._requests, self._orders, self._private, self._gate = requests, orders, private, gate
        self._wanted: RequestAccount | None = None
        self._served: RequestAccount | None = None
        self._reader: AccountReader | None = None
        self._held: list[Question] = []
        self._n_failed = 0
        self._paid: tuple[Nanos, Nanos] = (-_PAYMENTS_EVERY, _NEVER)  # when funding was asked for, and since when
        self.due: Nanos = _NEVER

    def request(self, command: RequestAccount, now: Nanos) -> list[Output]:
        """Take a request."""
        self._want(command)
        if self._reader is None:
            self.due = min(self.due, now)
        return self.on_deadline(now)

    def again(self, now: Nanos) -> list[Output]:
        """Something was told that no message can say: read what was asked for last once more."""
        return [] if self._served is None else self.request(self._served, now)

    def on_deadline(self, now: Nanos) -> list[Output]:
        """Begin the reading that is due, or go on with it."""
        if now < self.due:
            return []
        self.due = _NEVER
        if self._reader is None:
            if self._wanted is None:
                return []
            self._served, self._wanted = self._wanted, None
            # of the venue's time that which has surely come: what happens later must not be taken to be in the answers
            self._reader = AccountReader(
                self._served,
                self._instruments,
                self._requests,
                self._orders,
                self._private,
                now,
                self._gate.surely_past(now),
                has_payments=self._wants_payments(self._served, now),
            )
            self._held = self._reader.start(self._gate.at(now))
        return self._send(self._reader, now)

    def _wants_payments(self, command: RequestAccount, now: Nanos) -> bool:
        asked_at, since = self._paid
        if now < asked_at + _PAYMENTS_EVERY and command.fills_since >= since:
            return False
        self._paid = now, command.fills_since
        return True

    def _send(self, reader: AccountReader, now: Nanos) -> list[Output]:
        outputs: list[Output] = []
        waiting: list[Question] = []
        for question in self._held:
            free_at = self._gate.free_at(question.bucket, now)
            if free_at > now:
                self.due = min(self.due, free_at)
                waiting.append(question)
            else:
                taker = partial(self._take, reader, question)
                outputs.append(self._gate.send(question.request, taker, question.bucket, now))
        self._held = waiting
        return outputs

    def _take(self, reader: AccountReader, question: Question, answer: HttpAnswer | None, now: Nanos) -> list[Output]:
        if reader is not self._reader:
            return []  # of one that was given up
        if answer is None:
            self._fail(now)
            return []
        if answer.status == 429:
            self._gate.limits.refused(question.bucket, now)
        try:
            self._held += reader.take(question, answer.status, answer.body, now, self._gate.at(now))
        except RemoteProtocolError:
            self._fail(now)
            raise
        if reader.snapshot is None:
            return self._send(reader, now)
        self._reader, self._n_failed = None, 0
        self.due = _NEVER if self._wanted is None else now
        return [Tell("fills", reader.snapshot), *self.on_deadline(now)]

    def _fail(self, now: Nanos) -> None:
        assert self._served is not None, "a reading that nobody wanted has failed"
        self._paid = -_PAYMENTS_EVERY, _NEVER
        self._want(self._served)
        self._reader, self._held = None, []
        pause = min(_FIRST_PAUSE << min(self._n_failed, 10), _LONGEST_PAUSE)
        self._n_failed += 1
        self.due = now + pause

    def _want(self, command: RequestAccount) -> None:
        wanted = self._wanted
        since = command.fills_since if wanted is None else min(command.fills_since, wanted.fills_since)
        self._wanted = RequestAccount(command.venue, since)
