"""Which books are too thin to quote from: a spread that is too wide, a side with too little on it."""

import attrs

from market.book import Book
from market.units import Side

_BPS = 1e4


def _amount(default: float) -> float:
    return attrs.field(default=default, converter=float, validator=attrs.validators.ge(0))


@attrs.frozen
class ThinBooks:
    """What a book must show; 0: nothing is asked of it.

    Attributes:
        max_spread_bps: the widest spread, hundredths of a percent of the mid.
        min_side_notional: the least that the shown levels of each side are worth together, quote currency.
        settle_s: one that was too thin is quoted from again when it has not been for so long.
    """

    max_spread_bps: float = _amount(0.0)
    min_side_notional: float = _amount(0.0)
    settle_s: float = _amount(1.0)

    @property
    def binds(self) -> bool:
        """Anything is asked at all."""
        return self.max_spread_bps > 0 or self.min_side_notional > 0

    def fault(self, book: Book) -> str:
        """Return why a book is too thin; empty if it is not."""
        if not book.is_two_sided:
            return "too thin: a side is empty"
        spread_bps = book.spread / book.mid * _BPS
        if self.max_spread_bps and spread_bps > self.max_spread_bps:
            return f"too thin: the spread is {spread_bps:.1f} bps, limit {self.max_spread_bps:g}"
        if self.min_side_notional:
            for side, levels in ((Side.BUY, book.bid_levels), (Side.SELL, book.ask_levels)):
                worth = sum(book.instrument.notional(price, lots) for price, lots in levels.tolist())
                if worth < self.min_side_notional:
                    name = "bids" if side > 0 else "asks"
                    return f"too thin: the {name} shown are worth {worth:.0f}, limit {self.min_side_notional:g}"
        return ""
