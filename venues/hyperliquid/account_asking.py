"""The account, asked for by REST within the weight that is free."""

from collections.abc import Iterable
from typing import Final

from market.instrument import Instrument
from market.messages import RequestAccount
from market.units import SECOND, Nanos
from venues.account_asking import AccountAsking
from venues.hyperliquid.account import AccountReader, Question
from venues.hyperliquid.gate import HyperliquidGate
from venues.hyperliquid.orders import Orders
from venues.hyperliquid.private import PrivateData
from venues.venue import Answered, HttpAnswer, Output

_PAYMENTS_EVERY: Final = 30 * SECOND  # funding is paid once an hour, and a question for it weighs as much as others


class HyperliquidAsking(AccountAsking[AccountReader, Question]):
    """Reads the account of an address."""

    def __init__(
        self,
        account: str,
        instruments: Iterable[Instrument],
        orders: Orders,
        private: PrivateData,
        gate: HyperliquidGate,
    ) -> None:
        super().__init__(_PAYMENTS_EVERY)
        self._account, self._instruments = account, tuple(instruments)
        self._orders, self._private, self._gate = orders, private, gate

    def _begin(self, command: RequestAccount, now: Nanos) -> tuple[AccountReader, list[Question]]:
        reader = AccountReader(
            self._account,
            command,
            self._instruments,
            self._orders,
            self._private,
            now,
            self._gate.surely_past(now),
            has_payments=self._wants_payments(command, now),
        )
        return reader, reader.start()

    def _free_at(self, question: Question, now: Nanos) -> Nanos:
        return self._gate.free_at(question.request, now)

    def _ask(self, question: Question, answered: Answered, now: Nanos) -> Output:
        return self._gate.send(question.request, answered, now)

    def _read(self, reader: AccountReader, question: Question, answer: HttpAnswer, now: Nanos) -> list[Question] | None:
        return reader.take(question, answer.body, now) if answer.status == 200 else None
