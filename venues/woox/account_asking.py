"""The account, asked for by REST, each question within its own limit."""

from collections.abc import Iterable
from typing import Final

from market.instrument import Instrument
from market.messages import RequestAccount
from market.units import SECOND, Nanos
from venues.account_asking import AccountAsking
from venues.venue import Answered, HttpAnswer, Output
from venues.woox.account import AccountReader, Question
from venues.woox.gate import WooxGate
from venues.woox.limits import INFO
from venues.woox.order_index import OrderIndex
from venues.woox.private import PrivateData
from venues.woox.requests import OrderRequests

_PAYMENTS_EVERY: Final = 15 * SECOND  # funding is paid every few hours, and the venue bears few questions for it


class WooxAsking(AccountAsking[AccountReader, Question]):
    """Reads the account of a key."""

    def __init__(
        self,
        instruments: Iterable[Instrument],
        requests: OrderRequests,
        orders: OrderIndex,
        private: PrivateData,
        gate: WooxGate,
    ) -> None:
        super().__init__(_PAYMENTS_EVERY)
        self._instruments = tuple(instruments)
        self._requests, self._orders, self._private, self._gate = requests, orders, private, gate

    def _begin(self, command: RequestAccount, now: Nanos) -> tuple[AccountReader, list[Question]]:
        reader = AccountReader(
            command,
            self._instruments,
            self._requests,
            self._orders,
            self._private,
            now,
            self._gate.surely_past(now),
            has_payments=self._wants_payments(command, now),
            has_margin=self._gate.free_at((INFO, ""), now) <= now,
        )
        return reader, reader.start(self._gate.at(now))

    def _free_at(self, question: Question, now: Nanos) -> Nanos:
        return self._gate.free_at(question.bucket, now)

    def _ask(self, question: Question, answered: Answered, now: Nanos) -> Output:
        return self._gate.send(question.request, answered, question.bucket, now)

    def _read(self, reader: AccountReader, question: Question, answer: HttpAnswer, now: Nanos) -> list[Question]:
        if answer.status == 429:
            self._gate.limits.refused(question.bucket, now)
        return reader.take(question, answer.status, answer.body, now, self._gate.at(now))
