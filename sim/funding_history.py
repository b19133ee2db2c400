"""Every payment of funding that the venues made, told or not: what an account snapshot draws on."""

from market.instrument import InstrumentTable
from market.messages import FundingPayment
from market.units import Nanos, VenueId
from sim.exchange import Exchange
from sim.matching_kernels import FUNDING_PAID
from sim.state_kernels import R_CLIENT_ID, R_DETAIL, R_INSTRUMENT, R_KIND, R_PRICE, R_SIZE, R_TS


class FundingHistory:
    """Payments by venue; they are few."""

    def __init__(self, instruments: InstrumentTable, n_venues: int) -> None:
        self._instruments = instruments
        self._kept: list[list[FundingPayment]] = [[] for _ in range(n_venues)]

    def payment(self, venue: VenueId, row: list[int], now: Nanos) -> FundingPayment:
        """Keep a payment that is delivered now, heard or not, and return it."""
        payment = self._payment(row, now)
        self._kept[venue].append(payment)
        return payment

    def keep_in_flight(self, exchange: Exchange, venue: VenueId) -> None:
        """Keep the payments whose news is about to be lost."""
        self._kept[venue] += self.in_flight(exchange, venue)

    def since(self, ts: Nanos, venue: VenueId, exchange: Exchange) -> tuple[FundingPayment, ...]:
        """Return the payments with a venue time >= `ts`, those under way included."""
        found = (*self._kept[venue], *self.in_flight(exchange, venue))
        return tuple(payment for payment in found if payment.ts_venue >= ts)

    def told(self, venue: VenueId, after: int = 0) -> list[FundingPayment]:
        """Return the payments that were told, from the `after`-th on."""
        return self._kept[venue][after:]

    def in_flight(self, exchange: Exchange, venue: VenueId) -> list[FundingPayment]:
        """Return the payments whose news is under way."""
        rows = exchange.facts_in_flight(venue)
        return [self._payment(row, row[R_TS]) for row in rows if row[R_KIND] == FUNDING_PAID]

    def _payment(self, row: list[int], ts_recv: Nanos) -> FundingPayment:
        # rate in 1e-12 stands in the id's place, the position in the size's; longs pay at a positive rate
        i, position = row[R_INSTRUMENT], row[R_SIZE]
        value = abs(self._instruments[i].value(row[R_PRICE], position))
        amount = round(-value * row[R_CLIENT_ID] * (1 if position > 0 else -1))
        return FundingPayment(i, row[R_TS], ts_recv, row[R_DETAIL], amount)
