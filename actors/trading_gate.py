"""The trading state obeyed: what stands against it is cancelled, and a halt is proven before anything follows."""

from typing import Final

from actors.flattening import Flattening
from actors.lanes import PHASE, STANDING
from actors.order_ledger import OrderLedger
from actors.quote_ownership import QuoteOwnership
from actors.reconciliation import Reconciliation
from actors.runtime.actor import Actor
from market.messages import AccountSnapshot, NothingOpen, TradingState, TradingStateChanged
from market.units import MS, SECOND, Nanos, VenueId

LOOK: Final = 3  # timer token

_FIRST_LOOK: Final = 100 * MS  # cancels have reached the venue by then, mostly
_PERIOD: Final = SECOND
_ACTIVE, _REDUCING, _HALTED = (int(state) for state in TradingState)


class TradingGate:
    """Carries out what the guard decides; the ledger itself lets nothing through that the state forbids.

    A venue is proven empty by an account snapshot that was asked for after the last cancel had left, has nothing open,
    and leaves no order of ours without an end.  Until then it is asked again and again, and what stands is cancelled
    again; so it goes on for as long as the halt lasts, should anything come to light.
    """

    def __init__(
        self,
        actor: Actor,
        ledger: OrderLedger,
        ownership: QuoteOwnership,
        reconciliation: Reconciliation,
        flattening: Flattening | None,
    ) -> None:
        self._actor = actor
        self._ledger = ledger
        self._ownership = ownership
        self._reconciliation = reconciliation
        self._flattening = flattening
        self._venues = [venue for venue, has_account in enumerate(ledger.has_account) if has_account]
        self._is_proven = [False] * len(ledger.is_up)
        self._is_armed = False

    def on_changed(self, news: TradingStateChanged) -> None:
        """Obey the guard."""
        ledger = self._ledger
        old, ledger.trading_state = ledger.trading_state, news.state
        if news.state == _HALTED:
            self._halt()
            return
        self._ownership.resume()
        if self._flattening is not None:
            self._flattening.end()
        if news.state == _REDUCING and old != _REDUCING:
            for order in list(ledger.live.values()):
                ledger.cancel(order)
        for lanes in ledger.lanes.values():
            for lane in lanes:
                lane.is_settled = False  # what was refused may be placed now, or the other way round

    def enforce(self) -> None:
        """Something has changed: cancel what no longer reduces."""
        ledger = self._ledger
        if ledger.trading_state != _REDUCING:
            return
        for order in list(ledger.live.values()):
            if PHASE[order.state] == STANDING and ledger.guards[order.instrument].stake(order.side) > 0:
                ledger.cancel(order)

    def on_account(self, snapshot: AccountSnapshot) -> None:
        """A snapshot has been worked in: see whether it is the proof."""
        ledger, venue = self._ledger, snapshot.venue
        if (
            ledger.trading_state != _HALTED
            or self._is_proven[venue]
            or not ledger.is_up[venue]
            or snapshot.open_orders
            or snapshot.ts_request <= ledger.cancelled_at[venue]
            or self._has_live(venue)
        ):
            return
        self._is_proven[venue] = True
        self._actor.out.append(("control", NothingOpen(self._actor.now, venue)))

    def look(self) -> None:
        """The timer of a halt: ask again where the proof is missing; where it is there, go on from it."""
        self._is_armed = False
        if self._ledger.trading_state != _HALTED:
            return
        for venue in self._venues:
            is_up = self._ledger.is_up[venue]
            if self._is_proven[venue] and self._has_live(venue):
                self._is_proven[venue] = False
            if not is_up:
                self._is_proven[venue] = False
            elif not self._is_proven[venue]:
                self._cancel(venue, is_first=False)
                self._reconciliation.ask(venue)
            elif self._flattening is not None and self._flattening.step(venue):
                self._is_proven[venue] = False  # until its order has ended and the account is as we think
        self._arm(_PERIOD)

    def _halt(self) -> None:
        for venue in self._venues:
            self._is_proven[venue] = False
            self._cancel(venue, is_first=True)
        self._ownership.halt()
        self._arm(_FIRST_LOOK)

    def _cancel(self, venue: VenueId, *, is_first: bool) -> None:
        """Cancel everything on a venue; later, where something of ours stands again."""
        ledger = self._ledger
        for instrument, its_venue in enumerate(ledger.venue_of):
            if its_venue != venue:
                continue
            if is_first or any(o.instrument == instrument and PHASE[o.state] == STANDING for o in ledger.live.values()):
                ledger.cancel_all(instrument)

    def _has_live(self, venue: VenueId) -> bool:
        ledger = self._ledger
        return any(ledger.venue_of[order.instrument] == venue for order in ledger.live.values())

    def _arm(self, wait: Nanos) -> None:
        if not self._is_armed:
            self._is_armed = True
            self._actor.set_timer(self._actor.now + wait, LOOK)
