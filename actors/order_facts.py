"""What the venues say of our orders.  Every fact may come late, twice, or about an order that we do not know."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from actors.lanes import PHASE, STANDING
from actors.order_ledger import OrderLedger
from actors.runtime.actor import Actor
from market.messages import (
    Adjustment,
    AmendRejected,
    CancelRejected,
    Fill,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderExpired,
    OrderRejected,
    Reason,
    quoter_of,
)
from market.orders import Order, OrderEvent
from market.told_once import ToldOnce
from market.units import ClientOrderId, InstrumentId

_REJECTED: Final = int(OrderEvent.REJECTED)
_CANCELLED: Final = int(OrderEvent.CANCELLED)
_EXPIRED: Final = int(OrderEvent.EXPIRED)
# refusals that come with the trade: the market, or the end of the order, was quicker than we
_USUAL: Final = frozenset(
    (Reason.POST_ONLY_WOULD_TAKE, Reason.UNKNOWN_ORDER, Reason.NO_LIQUIDITY, Reason.FOK_NOT_FILLABLE)
)


class OrderFacts:
    """Handlers of facts.

    Attributes:
        on: handler by message type.
        is_replaying: the facts come from the run's own log: nobody is told.
        on_counted: called when the position of an instrument has changed, before its order does.
    """

    def __init__(self, actor: Actor, ledger: OrderLedger) -> None:
        self._actor = actor
        self._ledger = ledger
        self._live = ledger.live
        self._fills = [ToldOnce() for _ in ledger.guards]
        self._seen_adjustments: set[tuple[InstrumentId, int]] = set()
        self._cancels_on_accept = any(
            lane.cancel_pending == "on_accept" for lanes in ledger.lanes.values() for lane in lanes
        )
        self.is_replaying = False
        self.on_counted: Callable[[InstrumentId], None] = lambda instrument: None
        self.on: dict[type, Callable[[Any], None]] = {
            OrderAccepted: self.on_accepted,
            OrderRejected: self.on_rejected,
            OrderAmended: self.on_amended,
            AmendRejected: self.on_amend_rejected,
            OrderCancelled: self.on_cancelled,
            CancelRejected: self.on_cancel_rejected,
            OrderExpired: self.on_expired,
            Fill: self.on_fill,
            Adjustment: self.on_adjustment,
        }

    def on_accepted(self, fact: OrderAccepted) -> None:
        ledger = self._ledger
        order = self._live.get(fact.client_id) or self._not_live(fact.client_id, fact.instrument, is_alive=True)
        if order is not None:
            old = order.state
            if order.accepted(fact.ts_venue):
                ledger.changed(order, old)
                if self._cancels_on_accept:
                    self._cancel_unwanted(order)
        if ledger.has_news:
            ledger.wake()

    def on_rejected(self, fact: OrderRejected) -> None:
        ledger = self._ledger
        order = self._live.get(fact.client_id)
        if order is not None:
            old = order.state
            if order.ended(_REJECTED, fact.ts_venue, fact.reason):
                ledger.changed(order, old)
                self._report(fact)
        if ledger.has_news:
            ledger.wake()

    def on_cancelled(self, fact: OrderCancelled) -> None:
        ledger = self._ledger
        order = self._live.get(fact.client_id)
        if order is not None:
            old = order.state
            if order.ended(_CANCELLED, fact.ts_venue, fact.reason, fact.filled):
                ledger.changed(order, old)
                if order.end_event >= 0:
                    ledger.await_fills(order)
        if ledger.has_news:
            ledger.wake()

    def on_expired(self, fact: OrderExpired) -> None:
        ledger = self._ledger
        order = self._live.get(fact.client_id)
        if order is not None:
            old = order.state
            if order.ended(_EXPIRED, fact.ts_venue, fact.reason, fact.filled):
                ledger.changed(order, old)
                if order.end_event >= 0:
                    ledger.await_fills(order)
        if ledger.has_news:
            ledger.wake()

    def on_cancel_rejected(self, fact: CancelRejected) -> None:
        ledger = self._ledger
        order = self._live.get(fact.client_id)
        if order is not None:
            old = order.state
            if order.cancel_rejected(fact.ts_venue, fact.ts_recv, fact.reason):
                ledger.changed(order, old)
                self._report(fact)
        if ledger.has_news:
            ledger.wake()

    def on_amended(self, fact: OrderAmended) -> None:
        ledger = self._ledger
        order = self._live.get(fact.client_id) or self._not_live(fact.client_id, fact.instrument, is_alive=True)
        if order is not None:
            old = order.state
            # a quote is found by its price: take it out before that changes
            side = None
            if order.tag == 0 and PHASE[old] == STANDING:
                side = ledger.lanes[order.quoter][order.instrument].side(order.side)
                side.take_out(order)
            is_changed = order.amended(fact.price, fact.size, fact.ts_venue)
            if side is not None:
                side.put_in(order)
            if is_changed:
                ledger.changed(order, old)
                ledger.amend_next(order)
        if ledger.has_news:
            ledger.wake()

    def on_amend_rejected(self, fact: AmendRejected) -> None:
        ledger = self._ledger
        order = self._live.get(fact.client_id)
        if order is not None:
            old = order.state
            if order.amend_rejected(fact.ts_venue, fact.ts_recv, fact.reason):
                ledger.changed(order, old)
                self._report(fact)
                ledger.amend_next(order)
        if ledger.has_news:
            ledger.wake()

    def on_fill(self, fill: Fill) -> None:
        ledger = self._ledger
        self.take_fills((fill,))
        if ledger.has_news:
            ledger.wake()

    def take_fills(self, fills: Iterable[Fill]) -> None:
        """Count fills once, whichever way they came; their owner hears of the order first, then of the fill.

        Those that come together change the position together: nobody is told of what it was between them.
        """
        new = [fill for fill in fills if self._count(fill)]
        for instrument in dict.fromkeys(fill.instrument for fill in new):
            self.on_counted(instrument)
        for fill in new:
            self._apply(fill)

    def _count(self, fill: Fill) -> bool:
        """Count a fill into the position; False if it was counted before."""
        if not self._fills[fill.instrument].is_new(fill.fill_id, fill.ts_venue):
            return False
        self._ledger.guards[fill.instrument].position += fill.side * fill.size
        if self._ledger.trading_state:
            self._ledger.has_news = True
        return True

    def _apply(self, fill: Fill) -> None:
        ledger = self._ledger
        order = self._live.get(fill.client_id) or self._not_live(fill.client_id, fill.instrument, is_alive=True)
        if order is not None:
            old = order.state
            order.fill(fill.size, fill.ts_venue)
            ledger.changed(order, old)
        lane = ledger.lane_of(quoter_of(fill.client_id), fill.instrument)
        if lane.updates and not self.is_replaying:
            self._actor.out.append((lane.updates, fill))

    def on_adjustment(self, adjustment: Adjustment) -> None:
        """Count a correction of our position once: it stands in the log, and may wait in the mailbox as well."""
        key = (adjustment.instrument, adjustment.adjustment_id)
        if key not in self._seen_adjustments:
            self._seen_adjustments.add(key)
            ledger = self._ledger
            ledger.guards[adjustment.instrument].position += adjustment.lots
            self.on_counted(adjustment.instrument)
            if ledger.trading_state:
                ledger.has_news = True  # what reduced a position may enlarge it now
                ledger.wake()

    def _report(self, fact: OrderRejected | AmendRejected | CancelRejected) -> None:
        """Let the guard know of a refusal that trading does not bring with it."""
        if fact.reason not in _USUAL and not self.is_replaying:
            self._ledger.report(fact.instrument, fact.reason)

    def _not_live(self, client_id: ClientOrderId, instrument: InstrumentId, *, is_alive: bool) -> Order | None:
        """Return an order that ended, or None for one that we do not know: the account will tell what it is."""
        order = self._ledger.find(client_id)
        if order is None and is_alive and not self.is_replaying:
            self._ledger.doubt(self._ledger.venue_of[instrument])
        return order

    def _cancel_unwanted(self, order: Order) -> None:
        ledger = self._ledger
        lane = ledger.lanes[order.quoter][order.instrument]
        is_quote = order.tag == 0 and PHASE[order.state] == STANDING
        if is_quote and lane.cancel_pending == "on_accept" and not lane.side(order.side).is_wanted(order.price):
            ledger.woken.append(lane)
            ledger.has_news = True
