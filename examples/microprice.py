"""A smaller market maker to copy: quote around the own book's microprice, and lean against inventory.

Run it: `python -m scripts.run --mode sim --config examples/microprice.toml`
"""

import attrs

from actors.quoter import Quoter
from market.book import Book
from market.messages import Fill
from market.units import Side


@attrs.frozen
class MicropriceParams:
    """What `[quoter.params]` may set."""

    notional: float = 200.0  # of each quote, quote currency
    half_spread_bps: float = 3.0
    lean_bps: float = 1.0  # both quotes move by this for each `notional` held
    max_notional: float = 1000.0  # no more on the side that would exceed it


class MicropriceQuoter(Quoter):
    """One bid and one ask, at each update of the own book."""

    params_class = MicropriceParams
    reads_orders = False  # it only says what it wants, and never asks for its orders

    def on_book(self, book: Book) -> None:
        fair = book.microprice
        if not fair > 0.0:  # NaN: one side is empty
            return
        p: MicropriceParams = self.params
        instrument = self.instrument
        held = instrument.exposure(fair, self.position(instrument))
        fair *= 1.0 - p.lean_bps * 1e-4 * held / p.notional
        # never take: at the touch at best, and rounded away from the other side
        bid = min(instrument.round_price(fair * (1.0 - p.half_spread_bps * 1e-4), Side.BUY), book.best_bid)
        ask = max(instrument.round_price(fair * (1.0 + p.half_spread_bps * 1e-4), Side.SELL), book.best_ask)
        size = instrument.lots_of(p.notional, fair)
        self.quote(
            instrument,
            bids=[(bid, size)] if held < p.max_notional else [],
            asks=[(ask, size)] if held > -p.max_notional else [],
        )

    def on_fill(self, fill: Fill) -> None:
        self.declare("held", self.instrument.size(self.position(self.instrument)), self.instrument, group="inventory")
