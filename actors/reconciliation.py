"""What we believe of a venue's account against what the venue says: asked for whenever there is doubt."""

from collections.abc import Iterable
from typing import Final

import attrs

from actors.lanes import PHASE, STANDING
from actors.order_facts import OrderFacts
from actors.order_ledger import OrderLedger
from actors.request_deadlines import is_waiting
from actors.runtime.actor import Actor
from market.messages import (
    NO_QUOTER,
    AccountSnapshot,
    OpenOrder,
    OrderStatus,
    PositionInDoubt,
    PositionsCompared,
    QueryOrder,
    RequestAccount,
    quoter_of,
)
from market.orders import OPEN, UNKNOWN, Order
from market.units import SECOND, ClientOrderId, InstrumentId, Lots, Nanos, Ticks, VenueId

ACCOUNT: Final = 2_000_000  # timer token of venue 0: is the answer overdue?
PERIOD: Final = 3_000_000  # timer token of venue 0: ask again

_MARGIN: Final = 60 * SECOND  # a venue's clock and its list of fills may lag behind this much


@attrs.define
class Account:
    """What we know of a venue's account.

    Attributes:
        asked_at: when the request in flight left, -1 if there is none.
        is_again: doubt arose since; ask once more after the answer.
        is_known: a snapshot asked for at `known_from` or later has been worked in.
        compared: when the latest snapshot was asked for whose positions the tracker has held against ours.
        fills_since: all fills before this venue time are known.
    """

    asked_at: Nanos = -1
    is_again: bool = False
    is_known: bool = True
    known_from: Nanos = 0
    compared: Nanos = 0
    fills_since: Nanos = 0


class Reconciliation:
    """Asks for account snapshots, one at a time for each venue, and makes the ledger agree with them.

    Facts of a later venue time win over a snapshot; what it does not settle is asked again.  That an order is not in a
    snapshot is no proof of its end: the venue is asked about that order alone.  Where nobody trades there is no
    account: nothing is asked, and nothing is unknown.
    """

    def __init__(self, actor: Actor, ledger: OrderLedger, facts: OrderFacts) -> None:
        self._actor = actor
        self._ledger = ledger
        self._facts = facts
        config = ledger.config
        self._timeout = round(config.request_timeout_s * SECOND)
        self._period = round(config.account_every_s * SECOND)
        self._adopts = config.unknown_orders == "adopt"
        self._in_doubt: dict[InstrumentId, Lots] = {}
        self._queried: dict[ClientOrderId, Nanos] = {}  # when, of those whose answer is awaited
        self.accounts = [Account() for _ in ledger.is_up]

    def start(self) -> None:
        """Begin, with no fill of ours before now."""
        self.reach_back(self._actor.now)
        if self._period:
            for venue, has_account in enumerate(self._ledger.has_account):
                if has_account:
                    self._actor.set_timer(self._actor.now + self._period, PERIOD + venue)

    def reach_back(self, ts: Nanos) -> None:
        """No fill of ours can be older than `ts`."""
        for account in self.accounts:
            account.fills_since = max(0, ts - _MARGIN)

    def lose(self, venue: VenueId) -> None:
        """The connection is gone: what was asked and not answered is UNKNOWN."""
        for order in self._orders(venue):
            old = order.state
            if is_waiting(order) and order.timed_out():
                self._ledger.changed(order, old)

    def recover(self, venue: VenueId) -> None:
        """Trust nothing about this account that was heard before now."""
        if not self._ledger.has_account[venue]:
            return
        account = self.accounts[venue]
        account.is_known = False
        account.known_from = self._actor.now
        account.asked_at = -1  # what was asked before may be lost
        self._queried.clear()
        self.ask(venue)

    def ask(self, venue: VenueId) -> None:
        """Ask for the account, now or after the answer that is awaited."""
        account = self.accounts[venue]
        if not (self._ledger.is_up[venue] and self._ledger.has_account[venue]):
            return
        if account.asked_at >= 0:
            account.is_again = True
            return
        now = self._actor.now
        account.asked_at = now
        self._actor.out.append((f"commands:{venue}", RequestAccount(venue, account.fills_since)))
        self._actor.set_timer(now + self._timeout, ACCOUNT + venue)

    def check(self, venue: VenueId) -> None:
        """The timer that every request sets: ask again if the answer is overdue, or has left orders UNKNOWN."""
        account = self.accounts[venue]
        if account.asked_at >= 0:
            if account.asked_at + self._timeout <= self._actor.now:
                account.asked_at = -1
                self.ask(venue)
        elif self._has_unknown(venue):
            self.ask(venue)

    def ask_periodically(self, venue: VenueId) -> None:
        """The other timer."""
        self.ask(venue)
        self._actor.set_timer(self._actor.now + self._period, PERIOD + venue)

    def doubt(self, message: PositionInDoubt) -> None:
        """Count what the account may hold beyond our position at its worst, either way, and look again at once."""
        guard = self._ledger.guards[message.instrument]
        before, now = self._in_doubt.get(message.instrument, 0), message.lots
        guard.open_buy += max(now, 0) - max(before, 0)
        guard.open_sell += max(-now, 0) - max(-before, 0)
        self._in_doubt[message.instrument] = now
        if self._ledger.trading_state:
            self._ledger.has_news = True
            self._ledger.wake()
        if now:
            self.ask(self._ledger.venue_of[message.instrument])

    def is_certain(self, instrument: InstrumentId) -> bool:
        """Tell whether our position is what the account holds, as far as anybody knows."""
        return self.is_settled(self._ledger.venue_of[instrument]) and not self._in_doubt.get(instrument, 0)

    def compared(self, message: PositionsCompared) -> None:
        """The tracker has seen the positions of a snapshot, and said before this what of them is in doubt."""
        account = self.accounts[message.venue]
        account.compared = max(account.compared, message.ts_request)

    def is_settled(self, venue: VenueId) -> bool:
        """Tell whether orders and positions are known since there was reason to ask, so that quotes may stand.

        Two actors take a snapshot, each when it comes to it: until both have, a position may be missed.
        """
        account = self.accounts[venue]
        in_doubt = any(lots and self._ledger.venue_of[i] == venue for i, lots in self._in_doubt.items())
        return account.is_known and account.compared >= account.known_from and not in_doubt

    def take(self, snapshot: AccountSnapshot) -> bool:
        """Make the ledger agree with a snapshot; True if the account has become known by it."""
        venue = snapshot.venue
        account = self.accounts[venue]
        self._facts.take_fills(snapshot.fills)
        self._take_open(snapshot)
        self._take_missing(snapshot)
        for order in self._orders(venue):
            # what came to light again while its owner may not quote
            if PHASE[order.state] == STANDING and self._ledger.lanes[order.quoter][order.instrument].refusal:
                self._ledger.cancel(order)
        account.fills_since = max(account.fills_since, snapshot.ts_venue - _MARGIN)
        if snapshot.ts_request >= account.asked_at:
            account.asked_at = -1
        if account.is_again and account.asked_at < 0:
            account.is_again = False
            self.ask(venue)
        if account.is_known or snapshot.ts_request < account.known_from:
            return False
        account.is_known = True
        return True

    def _take_open(self, snapshot: AccountSnapshot) -> None:
        ledger = self._ledger
        for seen in snapshot.open_orders:
            order = ledger.find(seen.client_id)
            if order is None:
                self._take_unknown(seen, snapshot.ts_venue)
                continue
            self._take_seen(order, seen.price, seen.size, snapshot.ts_request, snapshot.ts_venue)

    def _take_seen(self, order: Order, price: Ticks, size: Lots, ts_request: Nanos, ts_venue: Nanos) -> None:
        """An order is open, by the venue's own word."""
        ledger = self._ledger
        old = order.state
        was_ended, was_cancelling = order.is_final, order.is_cancelling
        if order.seen_open(price, size, ts_request, ts_venue):
            ledger.changed(order, old)
            if was_ended:
                ledger.cancel(order)  # its owner was told that it had ended
            elif was_cancelling and not order.is_cancelling:
                self._cancel_again(order)
            else:
                ledger.amend_next(order)

    def _cancel_again(self, order: Order) -> None:
        """The cancel was lost, and nobody else thinks of it; a quote may be wanted again by now."""
        if order.tag:
            self._ledger.cancel(order)
        else:
            self._ledger.woken.append(self._ledger.lanes[order.quoter][order.instrument])
            self._ledger.has_news = True

    def _take_unknown(self, seen: OpenOrder, ts_venue: Nanos) -> None:
        owner = quoter_of(seen.client_id)
        if owner not in self._ledger.lanes:
            owner = NO_QUOTER
        order = Order(seen.client_id, seen.instrument, owner, 0, seen.side, seen.price, seen.size, seen.flags, 0, OPEN)
        order.filled = seen.filled
        order.is_accepted = True
        order.ts_fact = ts_venue
        self._ledger.enter(order)
        if owner == NO_QUOTER or not self._adopts:
            self._ledger.cancel(order)

    def _take_missing(self, snapshot: AccountSnapshot) -> None:
        seen = {each.client_id for each in snapshot.open_orders}
        live = self._ledger.live
        self._queried = {client_id: at for client_id, at in self._queried.items() if client_id in live}
        for order in self._orders(snapshot.venue):
            if order.client_id in seen or not order.is_missed(snapshot.ts_request, snapshot.ts_venue):
                continue
            old = order.state
            if order.missing():
                self._ledger.changed(order, old)
            self._query(order, snapshot.venue)

    def _query(self, order: Order, venue: VenueId) -> None:
        """Ask what became of an order, unless the answer to that is awaited."""
        now = self._actor.now
        asked_at = self._queried.get(order.client_id)
        if asked_at is None or asked_at + self._timeout <= now:
            self._queried[order.client_id] = now
            self._actor.out.append((f"commands:{venue}", QueryOrder(order.client_id, order.instrument)))

    def on_status(self, status: OrderStatus) -> None:
        """The venue says what became of an order."""
        ledger = self._ledger
        order = ledger.find(status.client_id)
        if order is None:
            return
        if status.state == OPEN:
            self._take_seen(order, status.price, status.size, status.ts_request, status.ts_venue)
        else:
            old = order.state
            if order.reported(status.state, status.filled, status.ts_request, status.ts_venue):
                ledger.changed(order, old)
            if order.state == UNKNOWN:
                ledger.doubt(ledger.venue_of[order.instrument])  # for the fills that are missing
        if order.state != UNKNOWN:
            self._queried.pop(status.client_id, None)  # else it is asked again when the usual time is over

    def _orders(self, venue: VenueId) -> Iterable[Order]:
        venue_of = self._ledger.venue_of
        return [order for order in self._ledger.live.values() if venue_of[order.instrument] == venue]

    def _has_unknown(self, venue: VenueId) -> bool:
        return any(order.state == UNKNOWN for order in self._orders(venue))
