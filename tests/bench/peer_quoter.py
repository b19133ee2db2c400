"""The strategy of the peers, decision by decision, for the comparison of fill models."""

import math
from typing import Any, ClassVar

import attrs
import numpy as np

from actors.quoter import Quoter, QuoterContext
from market.book import Book

TICK, LOT, NOTIONAL = 0.01, 0.1, 200.0


@attrs.frozen
class PeerParams:
    """`quote_touch`: join the best prices instead, so that the queue model decides."""

    quote_touch: bool = False


class PeerQuoter(Quoter):
    """Where this differs from `VampQuoter`: sizes from the quote's own price, a book too thin for the notional counts
    for what it has, and prices and sizes are rounded as the peers round them."""

    params_class: ClassVar[type | None] = PeerParams
    reads_orders: ClassVar[bool] = False

    def __init__(self, context: QuoterContext, params: Any) -> None:
        super().__init__(context, params)
        self._quote_touch = bool(params.quote_touch)

    def on_book(self, book: Book) -> None:
        lead, own = self.books[self.reference.id], self.instrument
        if not lead.is_two_sided:
            return
        if self._quote_touch:
            bid, ask = book.best_bid, book.best_ask
        else:
            traded = self.tapes[self.reference.id].notional(15) or 20_000.0
            v = (_mean_price(lead.bid_levels, traded) + _mean_price(lead.ask_levels, traded)) / 2
            best_bid, best_ask = book.best_bid * TICK, book.best_ask * TICK
            q = self.position(own) * LOT * ((best_bid + best_ask) / 2) / NOTIONAL
            bid = min(round(v * (1 - (6 + 4 * math.tanh(q)) * 1e-4) / TICK), book.level(1, 1)[0])
            ask = max(round(v * (1 + (6 + 4 * math.tanh(-q)) * 1e-4) / TICK), book.level(-1, 1)[0])
        self.quote(own, [(bid, _lots(bid))], [(ask, _lots(ask))])


def _lots(price: int) -> int:
    return round(NOTIONAL / (price * TICK) / LOT)


def _mean_price(levels: "np.typing.NDArray[np.int64]", notional: float) -> float:
    """Return the mean price at which `notional`, or what there is, could be traded."""
    rest, size = notional, 0.0
    for ticks, lots in levels.tolist():
        price = ticks * TICK
        taken = min(rest, price * lots * LOT)
        size += taken / price
        rest -= taken
        if rest <= 1e-9:
            break
    return (notional - rest) / size
