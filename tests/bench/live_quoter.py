"""The strategies of the live benchmark: one bid, far from the best, and a new one whenever the best bid moves."""

from typing import Any

from actors.quoter import Quoter, QuoterContext
from market.book import Book
from market.messages import OrderState, OrderUpdate
from market.units import Side

BELOW = 1500  # ticks: it never fills


class Answering(Quoter):
    """Answers each move of the best bid by an order."""

    reads_orders = False

    def __init__(self, context: QuoterContext, params: Any = None) -> None:
        super().__init__(context, params)
        self._best = 0

    def on_start(self, generation: int) -> None:
        self.every(0.2, 1)

    def on_timer(self, token: int) -> None:
        self._quote()  # the first ones came before the account was known

    def on_book(self, book: Book) -> None:
        if book.best_bid != self._best:
            self._best = book.best_bid
            self._quote()

    def _quote(self) -> None:
        if self._best:
            self.quote(self.instrument, [(self._best - BELOW, 10)], [])


class Placing(Answering):
    """Answers by an order that does not rest, and so need not be cancelled: all that the peer's loop does."""

    reads_orders = True

    def __init__(self, context: QuoterContext, params: Any = None) -> None:
        super().__init__(context, params)
        self._may_trade = False

    def on_order(self, order: OrderUpdate) -> None:
        self._may_trade = self._may_trade or order.state != OrderState.REJECTED  # as before the account is known

    def on_timer(self, token: int) -> None:
        if not self._may_trade:
            self._quote()

    def _quote(self) -> None:
        if self._best:
            self.limit(self.instrument, Side.BUY, self._best - BELOW, 10, time_in_force="IOC")
