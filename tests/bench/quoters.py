"""Strategies that only benchmarks use."""

from typing import Any, ClassVar

from actors.quoter import Quoter, QuoterContext
from market.book import Book
from market.messages import Trade


class NoopQuoter(Quoter):
    """Hears every book and every trade of all its instruments, and counts them."""

    hears_reference: ClassVar[bool] = True
    reads_orders: ClassVar[bool] = False

    def __init__(self, context: QuoterContext, params: Any = None) -> None:
        super().__init__(context, params)
        self.n_heard = 0  # not of the class: each change of a class empties the interpreter's caches of all its methods

    def on_book(self, book: Book) -> None:
        self.n_heard += 1

    def on_trade(self, trade: Trade) -> None:
        self.n_heard += 1
