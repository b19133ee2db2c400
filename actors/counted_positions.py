"""Positions as the order manager counts them, and margin, for quoters that must see them in line with their orders."""

from actors.order_ledger import OrderLedger
from actors.quote_ownership import QuoteOwnership
from actors.reconciliation import Reconciliation
from actors.runtime.actor import Actor
from market.messages import AccountSnapshot, CountedPosition, CountsWish, PositionInDoubt, VenueMargin
from market.units import InstrumentId, Lots, VenueId


class CountedPositions:
    """Tells whoever has asked, at once and after every change; of a new life of a quoter it waits to be asked again."""

    def __init__(
        self, actor: Actor, ledger: OrderLedger, ownership: QuoteOwnership, reconciliation: Reconciliation
    ) -> None:
        self._actor = actor
        self._ledger = ledger
        self._ownership = ownership
        self._reconciliation = reconciliation
        self._is_known = [not has_account for has_account in ledger.has_account]  # by venue, from then on
        self._asked: list[str] = []  # ports, in the order of asking
        self._doubts: dict[InstrumentId, Lots] = {}
        self._margins: dict[VenueId, VenueMargin] = {}

    def on_ask(self, wish: CountsWish) -> None:
        """Tell a quoter its live orders, what is counted of every instrument, and every margin that is known."""
        self._ownership.hear(wish.quoter)
        ledger = self._ledger
        for order in ledger.live.values():
            lane = ledger.lanes[order.quoter][order.instrument]
            if order.quoter == wish.quoter and lane.is_told:
                ledger.tell(lane, order, order.reason)
        port = f"updates:{wish.quoter}"
        if port not in self._asked:
            self._asked.append(port)
        for venue in range(len(self._is_known)):
            self._is_known[venue] |= self._reconciliation.is_settled(venue)
        for instrument in range(len(ledger.guards)):
            self._tell(port, instrument)
        self._actor.out += [(port, margin) for margin in self._margins.values()]

    def account_told(self, snapshot: AccountSnapshot) -> None:
        """Keep the margin that an account shows; where it shows none, what it showed before grows old."""
        known = self._margins.get(snapshot.venue)
        if snapshot.margin is None or (known is not None and known.ts_request > snapshot.ts_request):
            return
        told = VenueMargin(snapshot.venue, snapshot.ts_request, snapshot.margin)
        self._margins[snapshot.venue] = told
        self._actor.out += [(port, told) for port in self._asked]

    def settled(self, venue: VenueId) -> None:
        """An account has been compared; the first time that is told."""
        if not self._is_known[venue]:
            self._is_known[venue] = True
            for instrument, its_venue in enumerate(self._ledger.venue_of):
                if its_venue == venue:
                    self.changed(instrument)

    def doubt(self, message: PositionInDoubt) -> None:
        """Keep what the account may hold besides, and tell of it."""
        self._doubts[message.instrument] = message.lots
        self.changed(message.instrument)

    def changed(self, instrument: InstrumentId) -> None:
        """A position has changed."""
        for port in self._asked:
            self._tell(port, instrument)

    def _tell(self, port: str, instrument: InstrumentId) -> None:
        lots, doubt = self._ledger.guards[instrument].position, self._doubts.get(instrument, 0)
        is_known = self._is_known[self._ledger.venue_of[instrument]]
        self._actor.out.append((port, CountedPosition(instrument, self._actor.now, lots, doubt, is_known)))
