"""A strategy that hears everything, and seldom looks at a mirror, quotes or raises."""

import random
from typing import ClassVar

import attrs

from actors.quoter import Quoter, QuoterContext
from market.book import Book
from market.messages import Trade


@attrs.frozen
class RareParams:
    """`read_chance`, `quote_chance`, `crash_chance`: how often it does which, an event."""

    seed: int = 0
    read_chance: float = 0.01
    quote_chance: float = 0.0
    crash_chance: float = 0.0


class RareReader(Quoter):
    """Declares what it sees where it looks: of every used instrument, so that what lags behind would be told."""

    params_class: ClassVar[type | None] = RareParams
    hears_reference: ClassVar[bool] = True
    reads_orders: ClassVar[bool] = False

    def __init__(self, context: QuoterContext, params: RareParams) -> None:
        super().__init__(context, params)
        self._random = random.Random(params.seed)
        self._rare: RareParams = params

    def on_book(self, book: Book) -> None:
        self._act()

    def on_trade(self, trade: Trade) -> None:
        self._act()

    def _act(self) -> None:
        chance, rare = self._random.random, self._rare
        seen = []
        if chance() < rare.read_chance:
            for instrument in (self.instrument, self.reference):
                book, tape = self.book(instrument), self.tape(instrument)
                seen.append((instrument, "mid", book.mid))
                seen.append((instrument, "version", float(book.version)))
                seen.append((instrument, "last", float(tape.rows(1).sum()) if len(tape) else 0.0))
                seen.append((instrument, "deep", book.cumulative(1, 1e9)[0]))
        if chance() < rare.crash_chance:
            raise RuntimeError("at random")
        for instrument, key, value in seen if chance() < 0.5 else ():  # what is looked at need not be said
            self.declare(key, value, instrument)
        if chance() < rare.quote_chance:
            bid = self.book(self.instrument).best_bid
            self.quote(self.instrument, [(bid - 3, 10)] if bid and chance() < 0.5 else ())
