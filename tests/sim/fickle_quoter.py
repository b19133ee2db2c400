"""A strategy that quotes at random and reads no orders: mostly a level a side, at times what is out of the ordinary."""

import random
from typing import ClassVar

import attrs

from actors.quoter import Quoter, QuoterContext
from market.book import Book
from market.units import Side


@attrs.frozen
class FickleParams:
    """`seed` of its whims; `oddity`: how often it does what is not plain quoting; `book_chance`: how often a book
    moves it at all; `every_s`: it also quotes at this period.
    """

    seed: int = 0
    oddity: float = 0.1
    book_chance: float = 1.0
    every_s: float = 0.0


class FickleQuoter(Quoter):
    """On each book: the same quotes again, or others near the touch, none, several, too large, across; or an order."""

    params_class: ClassVar[type | None] = FickleParams
    reads_orders = False

    def __init__(self, context: QuoterContext, params: FickleParams) -> None:
        super().__init__(context, params)
        self._random = random.Random(params.seed)
        self._oddity = params.oddity
        self._book_chance, self._every_s = params.book_chance, params.every_s

    def on_start(self, generation: int) -> None:
        if self._every_s:
            self.every(self._every_s)

    def on_timer(self, token: int) -> None:
        self._act(self.book(self.instrument))

    def on_book(self, book: Book) -> None:
        if self._book_chance == 1.0 or self._random.random() < self._book_chance:
            self._act(book)

    def _act(self, book: Book) -> None:
        chance, instrument = self._random, self.instrument
        bid, ask = book.best_bid, book.best_ask
        if not (bid and ask):
            return
        size = chance.randint(1, 40)
        if chance.random() > self._oddity:
            bids = [(bid - chance.randint(0, 2), size)] if chance.random() < 0.9 else []
            asks = [(ask + chance.randint(0, 2), size)] if chance.random() < 0.9 else []
            self.quote(instrument, bids, asks)
            return
        match chance.randint(0, 7):
            case 0:
                self.quote(instrument, [(bid, size), (bid - 1, size)], [(ask, size)])
            case 1:
                self.quote(instrument, [(bid, 10**9)], [(ask, size)])
            case 2:
                self.quote(instrument, [(ask + 2, size)], [(ask + 3, size)])
            case 3:
                self.quote(instrument, [(bid // 2, size)], [(ask, 0)])
            case 4:
                self.limit(instrument, chance.choice((Side.BUY, Side.SELL)), bid, size, time_in_force="IOC")
            case 5:
                self.limit(instrument, Side.SELL, ask + 1, size)
            case 6:
                self.cancel_all(instrument)
            case 7:
                self.quote(instrument, [(0, 0)], [(ask, size)])
