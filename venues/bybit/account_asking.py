"""The account, asked for by REST, one question after another as the limits allow."""

from collections.abc import Iterable
from typing import Final

from market.instrument import Instrument
from market.messages import RequestAccount
from market.units import Nanos
from venues.account_asking import AccountAsking
from venues.actions import SendRequest as Question
from venues.bybit.account import AccountQuery
from venues.bybit.gate import BybitGate
from venues.bybit.limits import HTTP
from venues.bybit.order_ids import OrderIds
from venues.bybit.requests import OrderRequests
from venues.venue import Answered, HttpAnswer, Output

_READ: Final = "read"


class BybitAsking(AccountAsking[AccountQuery, Question]):
    """Reads the account of a key."""

    def __init__(
        self, instruments: Iterable[Instrument], requests: OrderRequests, ids: OrderIds, gate: BybitGate
    ) -> None:
        super().__init__()
        self._instruments = tuple(instruments)
        self._requests, self._ids, self._gate = requests, ids, gate

    def _begin(self, command: RequestAccount, now: Nanos) -> tuple[AccountQuery, list[Question]]:
        query = AccountQuery(command, self._instruments, self._requests, self._ids)
        return query, query.start(now, self._gate.clock.offset)

    def _free_at(self, question: Question, now: Nanos) -> Nanos:
        return self._gate.free_at(_READ, now)

    def _ask(self, question: Question, answered: Answered, now: Nanos) -> Output:
        return self._gate.send(question.request, answered, _READ, now)

    def _read(self, reader: AccountQuery, question: Question, answer: HttpAnswer, now: Nanos) -> list[Question]:
        return reader.receive(question.token, answer.status, answer.body, now, self._gate.clock.offset)

    def _closed_until(self, now: Nanos) -> Nanos:
        return self._gate.limits.free_at(HTTP, 1, now)
