"""The strategy of the live benchmark: one bid, far from the best, and a new one whenever the best bid moves."""

from typing import Any

from actors.quoter import Quoter, QuoterContext
from market.book import Book

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
