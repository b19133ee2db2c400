"""`RequestAccount` answered by one whole `AccountSnapshot`, however often it takes; never by half of one."""

from collections.abc import Iterable
from functools import partial
from typing import Final

from market.instrument import Instrument
from market.messages import RequestAccount
from market.units import SECOND, Nanos
from venues.actions import SendRequest as Question
from venues.bybit.account import AccountQuery
from venues.bybit.gate import Gate
from venues.bybit.limits import HTTP
from venues.bybit.order_ids import OrderIds
from venues.bybit.requests import OrderRequests
from venues.venue import HttpAnswer, Output, Tell
from venues.wire import RemoteProtocolError

_FIRST_PAUSE: Final = SECOND // 2  # after a failure; it doubles
_LONGEST_PAUSE: Final = 16 * SECOND


class AccountAsking:
    """One query at a time; what is asked meanwhile is answered by the next, which covers all of it.

    Attributes:
        due: when to begin, or to send what the limits held back; None: nothing waits.
    """

    def __init__(self, instruments: Iterable[Instrument], requests: OrderRequests, ids: OrderIds, gate: Gate) -> None:
        self._instruments = tuple(instruments)
        self._requests, self._ids, self._gate = requests, ids, gate
        self._wanted: RequestAccount | None = None
        self._served: RequestAccount | None = None
        self._query: AccountQuery | None = None
        self._held: list[Question] = []
        self._n_failed = 0
        self.due: Nanos | None = None

    def request(self, command: RequestAccount, now: Nanos) -> list[Output]:
        """Take a request."""
        self._want(command)
        if self._query is None and self.due is None:
            self.due = now
        return self.on_deadline(now)

    def on_deadline(self, now: Nanos) -> list[Output]:
        """Begin the query that is due, or go on with it."""
        if self.due is None or now < self.due:
            return []
        self.due = None
        if self._query is None:
            assert self._wanted is not None, "an account query is due that nobody wants"
            self._served, self._wanted = self._wanted, None
            self._query = AccountQuery(self._served, self._instruments, self._requests, self._ids)
            self._held = self._query.start(now, self._gate.offset)
        return self._send(self._query, now)

    def _send(self, query: AccountQuery, now: Nanos) -> list[Output]:
        outputs: list[Output] = []
        while self._held:
            free_at = self._gate.free_at("read", now)
            if free_at > now:
                self.due = free_at
                break
            question = self._held.pop(0)
            taker = partial(self._take, query, question.token)
            outputs.append(self._gate.send(question.request, taker, "read", now))
        return outputs

    def _take(self, query: AccountQuery, token: int, answer: HttpAnswer | None, now: Nanos) -> list[Output]:
        if query is not self._query:
            return []  # of one that was given up
        if answer is None:
            return self._fail(now)
        try:
            self._held += query.receive(token, answer.status, answer.body, now, self._gate.offset)
        except RemoteProtocolError:
            self._fail(now)
            raise
        if query.snapshot is None:
            return self._send(query, now)
        self._query, self._n_failed = None, 0
        if self._wanted is not None:
            self.due = now
        return [Tell("fills", query.snapshot), *self.on_deadline(now)]

    def _fail(self, now: Nanos) -> list[Output]:
        assert self._served is not None
        self._want(self._served)
        self._query, self._held = None, []
        pause = min(_FIRST_PAUSE << min(self._n_failed, 10), _LONGEST_PAUSE)
        self._n_failed += 1
        self.due = max(now + pause, self._gate.limits.free_at(HTTP, 1, now))
        return []

    def _want(self, command: RequestAccount) -> None:
        wanted = self._wanted
        since = command.fills_since if wanted is None else min(command.fills_since, wanted.fills_since)
        self._wanted = RequestAccount(command.venue, since)
