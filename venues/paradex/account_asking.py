"""The account, asked for by REST with a token."""

from collections.abc import Iterable
from typing import Final

from market.instrument import Instrument
from market.messages import RequestAccount
from market.units import SECOND, Nanos
from venues.account_asking import AccountAsking
from venues.paradex.account import AccountReader, Question
from venues.paradex.gate import PRIVATE, ParadexGate
from venues.paradex.login import Login
from venues.paradex.order_ids import OrderIds
from venues.paradex.private import PrivateData
from venues.paradex.requests import with_token
from venues.venue import Answered, HttpAnswer, Output

_RETRY: Final = SECOND // 4  # while there is no token


class ParadexAsking(AccountAsking[AccountReader, Question]):
    """Reads the account that has logged in."""

    def __init__(
        self, instruments: Iterable[Instrument], ids: OrderIds, private: PrivateData, login: Login, gate: ParadexGate
    ) -> None:
        super().__init__()
        self._instruments = tuple(instruments)
        self._ids, self._private, self._login, self._gate = ids, private, login, gate

    def _begin(self, command: RequestAccount, now: Nanos) -> tuple[AccountReader, list[Question]]:
        past = self._gate.surely_past(now)
        reader = AccountReader(command, self._instruments, self._ids, self._private, now, past)
        return reader, reader.start()

    def _free_at(self, question: Question, now: Nanos) -> Nanos:
        return self._gate.free_at(PRIVATE, now) if self._login.token else now + _RETRY

    def _ask(self, question: Question, answered: Answered, now: Nanos) -> Output:
        request = with_token("GET", question.path, question.query, self._login.token)
        return self._gate.send(request, answered, PRIVATE, now)

    def _read(self, reader: AccountReader, question: Question, answer: HttpAnswer, now: Nanos) -> list[Question] | None:
        if answer.status == 200 or (question.kind == "margin" and answer.status != 401):
            return reader.take(question, answer.body, now)
        if answer.status == 401:
            self._login.doubt(now)
        return None
