"""Strategies that only benchmarks use."""

from typing import ClassVar

from actors.quoter import Quoter
from market.book import Book
from market.messages import Trade


class NoopQuoter(Quoter):
    """Hears every book and every trade of all its instruments, and counts them."""

    hears_reference: ClassVar[bool] = True
    reads_orders: ClassVar[bool] = False
    n_heard: ClassVar[int] = 0

    def on_book(self, book: Book) -> None:
        NoopQuoter.n_heard += 1

    def on_trade(self, trade: Trade) -> None:
        NoopQuoter.n_heard += 1
