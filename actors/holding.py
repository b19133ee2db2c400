"""What we hold of one instrument, and what it has cost."""

import math
from decimal import Decimal

from market.book_view import BookView
from market.instrument import Instrument
from market.messages import Adjustment, EquityStamp, Fill, FundingPayment
from market.told_once import ToldOnce
from market.units import Lots, Nanos, Ticks

_E12 = Decimal(10) ** 12


class Holding:
    """Position, average entry and cash of one instrument.

    Cash is exact: a fill takes `value(fill)` and its fee, a payment of funding adds to it.  An adjustment of the
    position (a fill that nobody told us of) is booked like a fill without a fee, at the price that it names or else at
    the first mid that is known, so that it makes neither profit nor loss there.

    Attributes:
        lots: signed.
        average_entry: quote currency, NaN when flat.  What is added moves it (for an inverse instrument by the
            harmonic mean, so that the profit of the average is that of the parts), what is closed does not.
        n_changes: fills, adjustments and payments counted.
        adjusted_to: the account was made ours as of this venue time; -1: never.
        adjustment_price: of the last one, 0 while it waits for a mid.
        next_adjustment: id of the next one.
    """

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.lots: Lots = 0
        self.average_entry = math.nan
        self.n_changes = 0
        self.adjusted_to: Nanos = -1
        self.adjustment_price: Ticks = 0
        self.next_adjustment = 1
        self._traded = Decimal(0)
        self._fees_e12 = 0
        self._funding_e12 = 0
        self._last_price: Ticks = 0
        self._unpriced: Lots = 0
        self._fills = ToldOnce()
        self._payments = ToldOnce()

    @property
    def fees(self) -> Decimal:
        """In the settle asset; negative is a rebate."""
        return self._fees_e12 / _E12

    @property
    def funding(self) -> Decimal:
        """In the settle asset; positive was paid to us."""
        return self._funding_e12 / _E12

    @property
    def cash(self) -> Decimal:
        """In the settle asset, since the start."""
        return self._traded + (self._funding_e12 - self._fees_e12) / _E12

    def fill(self, fill: Fill) -> bool:
        """Count a fill; False if it was counted before."""
        if not self._fills.is_new(fill.fill_id, fill.ts_venue):
            return False
        self._last_price = fill.price
        self._trade(fill.price, fill.side * fill.size)
        self._fees_e12 += fill.fee_e12
        return True

    def fund(self, payment: FundingPayment) -> bool:
        """Count a payment of funding; False if it was counted before."""
        if not self._payments.is_new(payment.payment_id, payment.ts_venue):
            return False
        self.n_changes += 1
        self._funding_e12 += payment.amount_e12
        return True

    @property
    def n_fills(self) -> int:
        """Return how many fills are counted."""
        return self._fills.n_told

    def price_at(self, book: BookView | None) -> Ticks:
        """Return at which price an adjustment makes no profit: that of the last fill, or the mid; 0: none yet."""
        return self._last_price or round(twice_mid(book) / 2)

    def adjust(self, adjustment: Adjustment) -> None:
        """Change the position by what no fill explains."""
        self.adjusted_to = max(self.adjusted_to, adjustment.ts_venue)
        self.adjustment_price = adjustment.price
        self.next_adjustment = max(self.next_adjustment, adjustment.adjustment_id + 1)
        if adjustment.price:
            self._trade(adjustment.price, adjustment.lots)
        else:
            self.lots += adjustment.lots
            self.n_changes += 1
            self._unpriced += adjustment.lots

    def stamp(self, now: Nanos, mid2: Ticks) -> EquityStamp:
        """Return how it stands, marked to half of `mid2`; the mark is NaN where that is 0."""
        if self._unpriced and mid2:
            lots, self._unpriced = self._unpriced, 0
            self.lots -= lots
            self.n_changes -= 1
            self.adjustment_price = round(mid2 / 2)
            self._trade(self.adjustment_price, lots)
        cash = self.cash
        if self.lots == 0:
            pnl = float(cash)
        elif mid2:
            # the mid may lie between two ticks: take twice its value, or half of that of twice the price
            value = self.instrument.value(mid2, self.lots)
            pnl = float(cash + (value * 2 if self.instrument.inverse else value / 2))
        else:
            pnl = math.nan
        mid = self.instrument.price(mid2) / 2 if mid2 else math.nan
        return EquityStamp(
            now,
            self.instrument.id,
            self.lots,
            self.average_entry,
            float(cash),
            float(self.fees),
            float(self.funding),
            mid,
            pnl,
        )

    def _trade(self, price: Ticks, lots: Lots) -> None:
        self._traded -= self.instrument.value(price, lots)
        held = self.lots
        self.lots = held + lots
        self.n_changes += 1
        entry = self.instrument.price(price)
        if self.lots == 0:
            self.average_entry = math.nan
        elif held * self.lots <= 0 or math.isnan(self.average_entry):
            self.average_entry = entry  # opened, or turned over
        elif held * lots > 0:
            old, new, total = abs(held), abs(lots), abs(self.lots)
            if self.instrument.inverse:
                self.average_entry = total / (old / self.average_entry + new / entry)
            else:
                self.average_entry = (old * self.average_entry + new * entry) / total


def twice_mid(book: BookView | None) -> Ticks:
    """Return best bid + best ask, which is whole; 0 where a side lacks."""
    if book is None or not book.is_two_sided:
        return 0
    return book.best_bid + book.best_ask
