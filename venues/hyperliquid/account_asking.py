"""`RequestAccount` answered by one whole `AccountSnapshot`, however often it takes; never by half of one."""

from collections.abc import Iterable
from functools import partial
from typing import Final

from market.instrument import Instrument
from market.messages import RequestAccount
from market.units import SECOND, Nanos
from venues.hyperliquid.account import AccountReader, Question
from venues.hyperliquid.gate import Gate
from venues.hyperliquid.orders import Orders
from venues.hyperliquid.private import PrivateData
from venues.venue import HttpAnswer, Output, Tell
from venues.wire import RemoteProtocolError

_FIRST_PAUSE: Final = SECOND // 2  # after a failure; it doubles
_LONGEST_PAUSE: Final = 16 * SECOND
_PAYMENTS_EVERY: Final = 30 * SECOND  # funding is paid once an hour, and a question for it weighs as much as others
_NEVER: Final[Nanos] = 1 << 62


class AccountAsking:
    """One reading at a time; what is asked meanwhile is answered by the next, which covers all of it.

    Attributes:
        due: when to begin, or to send what the limits held back.
    """

    def __init__(
        self, account: str, instruments: Iterable[Instrument], orders: Orders, private: PrivateData, gate: Gate
    ) -> None:
        self._account, self._instruments = account, tuple(instruments)
        self._orders, self._private, self._gate = orders, private, gate
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
            past = self._gate.surely_past(now)
            self._reader = AccountReader(
                self._account,
                self._served,
                self._instruments,
                self._orders,
                self._private,
                now,
                past,
                has_payments=self._wants_payments(self._served, now),
            )
            self._held = self._reader.start()
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
            free_at = self._gate.free_at(question.request, now)
            if free_at > now:
                self.due = min(self.due, free_at)
                waiting.append(question)
            else:
                outputs.append(self._gate.send(question.request, partial(self._take, reader, question), now))
        self._held = waiting
        return outputs

    def _take(self, reader: AccountReader, question: Question, answer: HttpAnswer | None, now: Nanos) -> list[Output]:
        if reader is not self._reader:
            return []  # of one that was given up
        if answer is None or answer.status != 200:
            self._fail(now)
            return []
        try:
            self._held += reader.take(question, answer.body, now)
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
