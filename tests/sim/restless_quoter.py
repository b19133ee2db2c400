"""A strategy that does everything that can be done with orders, at random: for checks of whole runs."""

import random
from typing import ClassVar

import attrs

from actors.quoter import Quoter, QuoterContext
from market.book import Book
from market.units import Side


@attrs.frozen
class RestlessParams:
    """`seed` of its whims."""

    seed: int = 0


class RestlessQuoter(Quoter):
    """On each book: places, takes, amends or cancels, near the touch and across it."""

    params_class: ClassVar[type | None] = RestlessParams

    def __init__(self, context: QuoterContext, params: RestlessParams) -> None:
        super().__init__(context, params)
        self._random = random.Random(params.seed)

    def on_book(self, book: Book) -> None:
        chance, instrument = self._random, self.instrument
        side = chance.choice((Side.BUY, Side.SELL))
        touch = book.best_bid if side is Side.BUY else book.best_ask
        if not touch:
            return
        price, size = touch + side * chance.randint(-3, 4), chance.randint(1, 400)
        single = [order for order in self.orders(instrument) if order.tag]
        match chance.randint(0, 9):
            case 0 | 1:
                self.limit(instrument, side, price, size)
            case 2:
                self.limit(instrument, side, price, size, post_only=True)
            case 3:
                self.limit(instrument, side, price, size, time_in_force=chance.choice(("IOC", "FOK")))
            case 4:
                self.limit(instrument, side, price, size, reduce_only=True)
            case 5:
                self.market(instrument, side, chance.randint(1, 30), reduce_only=chance.random() < 0.5)
            case 6 if single:
                order = chance.choice(single)
                self.amend(instrument, order.tag, order.price + chance.randint(-2, 2), order.filled + size)
            case 7 | 8 if single:
                self.cancel(instrument, chance.choice(single).tag)
            case 9:
                if chance.random() < 0.05:
                    self.cancel_all(instrument)
                else:
                    self.quote(instrument, [(book.best_bid, size)], [(book.best_ask, size)])
