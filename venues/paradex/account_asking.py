"""`RequestAccount` answered by one whole `AccountSnapshot`, however often it takes; never by half of one."""

from collections.abc import Iterable
from functools import partial
from typing import Final

from market.instrument import Instrument
from market.messages import RequestAccount
from market.units import SECOND, Nanos
from venues.paradex.account import AccountReader, Question
from venues.paradex.gate import PRIVATE, Gate
from venues.paradex.login import Login
from venues.paradex.order_ids import OrderIds
from venues.paradex.private import PrivateData
from venues.paradex.requests import with_token
from venues.venue import HttpAnswer, Output, Tell
from venues.wire import RemoteProtocolError

_FIRST_PAUSE: Final = SECOND // 2  # after a failure; it doubles
_LONGEST_PAUSE: Final = 16 * SECOND
_RETRY: Final = SECOND // 4  # while there is no token
_NEVER: Final[Nanos] = 1 << 62


class AccountAsking:
    """One reading at a time; what is asked meanwhile is answered by the next, which covers all of it.

    Attributes:
        due: when to begin, or to send what the limits held back.
    """

    def __init__(
        self, instruments: Iterable[Instrument], ids: OrderIds, private: PrivateData, login: Login, gate: Gate
    ) -> None:
        self._instruments = tuple(instruments)
        self._ids, self._private, self._login, self._gate = ids, private, login, gate
        self._wanted: RequestAccount | None = None
        self._served: RequestAccount | None = None
        self._reader: AccountReader | None = None
        self._held: list[Question] = []
        self._n_failed = 0
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
            self._reader = AccountReader(self._served, self._instruments, self._ids, self._private, now, past)
            self._held = self._reader.start()
        return self._send(self._reader, now)

    def _send(self, reader: AccountReader, now: Nanos) -> list[Output]:
        outputs: list[Output] = []
        waiting: list[Question] = []
        for question in self._held:
            free_at = self._gate.free_at(PRIVATE, now) if self._login.token else now + _RETRY
            if free_at > now:
                self.due = min(self.due, free_at)
                waiting.append(question)
            else:
                request = with_token("GET", question.path, question.query, self._login.token)
                outputs.append(self._gate.send(request, partial(self._take, reader, question), PRIVATE, now))
        self._held = waiting
        return outputs

    def _take(self, reader: AccountReader, question: Question, answer: HttpAnswer | None, now: Nanos) -> list[Output]:
        if reader is not self._reader:
            return []  # of one that was given up
        if answer is None or answer.status != 200:
            if answer is not None and answer.status == 401:
                self._login.doubt(now)
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
        self._want(self._served)
        self._reader, self._held = None, []
        pause = min(_FIRST_PAUSE << min(self._n_failed, 10), _LONGEST_PAUSE)
        self._n_failed += 1
        self.due = now + pause

    def _want(self, command: RequestAccount) -> None:
        wanted = self._wanted
        since = command.fills_since if wanted is None else min(command.fills_since, wanted.fills_since)
        self._wanted = RequestAccount(command.venue, since)
