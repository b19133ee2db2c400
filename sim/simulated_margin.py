"""The margin of a simulated account: what an account snapshot tells of it, and nothing that matching heeds.

Assumptions: cross margin, all of it in quote currency.  What is used is the notional of the positions at the mid and of
all open orders at their prices, over the venue's leverage; cash that an inverse contract has made is worth the mid.
"""

from market.instrument import Instrument, InstrumentTable
from market.messages import Margin
from market.units import InstrumentId, VenueId
from sim.exchange import Exchange
from sim.venue import FillHistory, KeptFill

_E12 = 1e-12


class SimulatedMargin:
    """Works out margins from what was filled and paid, told or not.

    Args:
        capital: what each account began with; 0: it is not known, and no margin is told.
    """

    def __init__(
        self, exchange: Exchange, instruments: InstrumentTable, history: FillHistory, capital: float = 0.0
    ) -> None:
        self._exchange = exchange
        self._instruments = instruments
        self._history = history
        self._capital = capital
        self._cash = [0.0 for _ in instruments]  # of the fills and payments that were counted
        self._n_counted = [(0, 0) for _ in exchange.venues]  # fills and payments, by venue

    def of(self, venue: VenueId) -> Margin | None:
        """Return the margin of an account as it is now; None: it is not known, or what it holds has no price."""
        if not self._capital:
            return None
        self._count(venue)
        cash = dict(enumerate(self._cash))
        for fill in self._history.in_flight(venue, self._exchange):
            cash[fill[1]] += self._cash_of(fill)
        for payment in self._history.funding.in_flight(self._exchange, venue):
            cash[payment.instrument] += payment.amount_e12 * _E12
        equity, bound = self._capital, 0.0
        for i, lots in self._exchange.positions(venue):
            instrument = self._instruments[i]
            mid = self._mid(i) if lots or cash[i] else 0.0
            if (lots or (cash[i] and instrument.inverse)) and not mid:
                return None
            equity += _worth(instrument, cash[i], lots, mid)
            bound += abs(instrument.exposure(mid, lots))
        for order in self._exchange.open_orders(venue):
            instrument = self._instruments[order.instrument]
            bound += instrument.notional(order.price, order.size - order.filled)
        used = bound / self._exchange.venues[venue].leverage
        return Margin(round(equity * 1e6), round(max(0.0, equity - used) * 1e6), round(used * 1e6))

    def _count(self, venue: VenueId) -> None:
        """Count what was told since the last time."""
        n_fills, n_payments = self._n_counted[venue]
        fills, payments = self._history.told(venue, n_fills), self._history.funding.told(venue, n_payments)
        for fill in fills:
            self._cash[fill[1]] += self._cash_of(fill)
        for payment in payments:
            self._cash[payment.instrument] += payment.amount_e12 * _E12
        self._n_counted[venue] = n_fills + len(fills), n_payments + len(payments)

    def _cash_of(self, row: KeptFill) -> float:
        fill = self._history.fill_of(row, 0)
        return -float(self._instruments[fill.instrument].value(fill.price, fill.side * fill.size)) - fill.fee_e12 * _E12

    def _mid(self, i: InstrumentId) -> float:
        """Return the mid of the venue's own book; 0 without one."""
        levels = self._exchange.venue_levels(i)
        if levels is None or not (len(levels[0]) and len(levels[1])):
            return 0.0
        price = self._instruments[i].price
        return (price(int(levels[0][0, 0])) + price(int(levels[1][0, 0]))) / 2


def _worth(instrument: Instrument, cash: float, lots: int, mid: float) -> float:
    """Return cash and position in quote currency."""
    if instrument.inverse:
        return cash * mid - instrument.exposure(mid, lots) if mid else 0.0
    return cash + instrument.exposure(mid, lots)
