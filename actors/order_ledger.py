"""Every order of ours and what it puts at stake: the one place where orders are made, asked for changes and changed."""

from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Final

from actors.book_mirror import BookReader
from actors.ended_orders import EndedOrders
from actors.lanes import ENDED, ENDING, PHASE, STANDING, ClientIds, Lane
from actors.order_config import OrderManagerConfig, QuoterSpec
from actors.request_deadlines import AMEND, CANCEL, NEW, RETRY, RequestDeadlines
from actors.risk import Guard, guards
from market.instrument import InstrumentTable
from market.messages import (
    NO_QUOTER,
    AmendOrder,
    CancelAll,
    CancelOrder,
    OrderFlag,
    OrderRefused,
    OrderState,
    OrderUpdate,
    PlaceOrder,
    Reason,
    TradingState,
    VenueRefused,
    first_client_id,
)
from market.orders import EXPIRED, FILLED, UNKNOWN, Order
from market.units import ClientOrderId, InstrumentId, Lots, Nanos, Ticks, VenueId

_REJECTED: Final = int(OrderState.REJECTED)
_COLLAR: Final = int(Reason.PRICE_COLLAR)
_INVALID_PRICE, _INVALID_SIZE = int(Reason.INVALID_PRICE), int(Reason.INVALID_SIZE)
_REDUCE_ONLY: Final = int(OrderFlag.REDUCE_ONLY)
_TRADING_HALTED: Final = int(Reason.TRADING_HALTED)
_ONLY_REDUCING: Final = int(Reason.ONLY_REDUCING)
_ACTIVE, _HALTED = int(TradingState.ACTIVE), int(TradingState.HALTED)
_NOBODY: Final = QuoterSpec(NO_QUOTER, "nobody", ())


class OrderLedger:
    """Orders by client id, their sums by instrument (`guards`) and their places in the lanes, always in step.

    Whatever changes an order goes through `changed`.  Commands and updates are appended to the actor's output.

    Attributes:
        live, ended: orders whose end is not known; those that ended lately, for facts that come late.
        lanes: of each quoter (by index; NO_QUOTER has those that nobody owns), by instrument.
        is_up: venues that can be sent to; where one is not, nothing leaves but what `withdraw` sends.
        has_account: venues that a quoter trades on; of the others books are read, and there need be no key for them.
        woken: lanes that may go on, now that something has ended.  doubtful: venues whose account is to be asked for.
        has_news: one of these is not empty, or the last live order has ended.  Who handles a message looks at it.
        trading_state: what may be placed, a `TradingState`; it stands before every limit.
        cancelled_at: by venue, when the last cancel was sent while trading is halted.
    """

    def __init__(
        self,
        actor: BookReader,
        instruments: InstrumentTable,
        config: OrderManagerConfig,
        quoters: Sequence[QuoterSpec],
    ) -> None:
        self._actor = actor
        self.config = config
        self.guards = guards(instruments, config.limits, config.limits_of)
        self.venue_of: list[VenueId] = [instruments.venues.index(each.venue) for each in instruments]
        self.lanes: dict[int, list[Lane]] = {
            spec.index: [Lane(spec, i, v, f"updates:{spec.index}", self.guards[i]) for i, v in enumerate(self.venue_of)]
            for spec in quoters
        }
        self.lanes[NO_QUOTER] = [Lane(_NOBODY, i, v, "", self.guards[i]) for i, v in enumerate(self.venue_of)]
        for lane in self.lanes[NO_QUOTER]:
            lane.refusal = int(Reason.QUOTER_DOWN)  # what stands there is cancelled, again if a cancel was refused
        self.live: dict[ClientOrderId, Order] = {}
        self.ended = EndedOrders(config.keep_ended_s)
        self.tags: dict[tuple[int, int], Order] = {}
        self.is_up = [True] * len(instruments.venues)
        traded = {self.venue_of[i] for quoter in quoters for i in quoter.instruments}
        self.has_account = [venue in traded for venue in range(len(instruments.venues))]
        self.woken: list[Lane] = []
        self.doubtful: list[VenueId] = []
        self.has_news = False
        self.trading_state = _HALTED if config.guard is not None else _ACTIVE  # until the guard has spoken
        self.cancelled_at: list[Nanos] = [0] * len(instruments.venues)
        self.wake: Callable[[], None] = lambda: None
        self.deadlines = RequestDeadlines(actor, config.request_timeout_s)

    def start(self, generation: int) -> None:
        """Begin to number orders; those of an earlier life are never repeated."""
        for quoter in self.lanes:
            self.number_from(quoter, 1 + first_client_id(self.config.session, generation, quoter))

    def number_from(self, quoter: int, client_id: ClientOrderId) -> None:
        """Give a quoter's next order this id, and so on."""
        ids = ClientIds(client_id)
        for lane in self.lanes[quoter]:
            lane.ids = ids

    def lane_of(self, quoter: int, instrument: InstrumentId) -> Lane:
        """Return the lane of an order, nobody's if its quoter is not of this run."""
        return self.lanes.get(quoter, self.lanes[NO_QUOTER])[instrument]

    # --- what we ask for ---------------------------------------------------------------------------------------------

    def place(
        self, lane: Lane, side: int, price: Ticks, size: Lots, flags: int, tag: int, *, is_closing: bool = False
    ) -> int:
        """Send a new order, or return the `Reason` why our own limits forbid it.

        Args:
            is_closing: it closes a position, while nothing else may be placed.
        """
        actor = self._actor
        now = actor.now
        guard = lane.guard
        instrument = lane.instrument
        if type(price) is not int or type(size) is not int:
            # a NaN is below and above no limit
            if not _is_whole(price):
                return _INVALID_PRICE
            if not _is_whole(size):
                return _INVALID_SIZE
            price, size = int(price), int(size)
        if self.trading_state:
            forbidden = self._forbidden(guard, side, size, is_closing=is_closing)
            if forbidden:
                return forbidden
            flags |= _REDUCE_ONLY
        if now >= guard.look_at:
            guard.look(actor.books.get(instrument), now)
        refusal = guard.refusal(side, price, size, flags, now)
        if refusal and (refusal != _COLLAR or self._is_refused_now(lane, side, price, size, flags)):
            return refusal
        if price == 0:  # a market order, or it had been refused
            price = guard.worst_price(side)
        quoter = lane.quoter
        client_id = lane.ids.take()
        order = Order(client_id, instrument, quoter, tag, side, price, size, flags, now)
        order.exposed = size
        guard.n_live += 1
        if side > 0:
            guard.open_buy += size
        else:
            guard.open_sell += size
        self.live[client_id] = order
        if tag:
            self.tags[quoter, tag] = order
        else:
            (lane.bids if side > 0 else lane.asks).present[price] = order
        self.deadlines.expect(client_id, NEW, now)
        out = actor.out
        out.append((lane.commands, PlaceOrder(client_id, instrument, side, price, size, flags)))
        if lane.is_told:
            out.append((lane.updates, OrderUpdate(client_id, instrument, quoter, tag, 0, side, price, size, 0, 0)))
        return 0

    def cancel(self, order: Order, *, is_covered: bool = False) -> None:
        """Send a cancel, unless one is in flight or the venue cannot be reached.

        Args:
            is_covered: what was sent for its whole instrument cancels it, and is waited for.
        """
        lane = self.lanes[order.quoter][order.instrument]
        if order.is_cancelling or not self.is_up[lane.venue]:
            return
        actor = self._actor
        now = actor.now
        is_standing = PHASE[order.state] == STANDING
        is_changed = order.cancel_sent(now)
        if is_standing and order.tag == 0:
            side = lane.bids if order.side > 0 else lane.asks
            side.take_out(order)
            side.n_ending += 1
            lane.is_settled = False
        self.deadlines.expect(order.client_id, CANCEL, now)
        if self.trading_state:
            self.cancelled_at[lane.venue] = now
        if not is_covered:
            actor.out.append((lane.commands, CancelOrder(order.client_id, order.instrument)))
        if is_changed and lane.is_told:
            self.tell(lane, order, order.reason)

    def cancel_all(self, instrument: InstrumentId) -> None:
        """Have a venue cancel all that is open on an instrument, also what we know nothing of."""
        venue = self.venue_of[instrument]
        if not (self.is_up[venue] and self.has_account[venue]):
            return
        self._actor.out.append((f"commands:{venue}", CancelAll(instrument)))
        self.cancelled_at[venue] = self._actor.now
        for order in [each for each in self.live.values() if each.instrument == instrument]:
            # one that is not accepted may reach the venue after this, where commands go several ways
            self.cancel(order, is_covered=order.is_accepted)

    def withdraw(self, instrument: InstrumentId) -> None:
        """Have a venue whose connection is down cancel all that is open on an instrument; nobody may hear of it."""
        self._actor.out.append((f"commands:{self.venue_of[instrument]}", CancelAll(instrument)))
        self.cancelled_at[self.venue_of[instrument]] = self._actor.now

    def await_fills(self, order: Order) -> None:
        """An order has ended, and fills of it are under way: without them in time the account is asked for."""
        if not order.is_final:
            order.ts_cancel = self._actor.now
            self.deadlines.expect(order.client_id, CANCEL, self._actor.now)

    def amend(self, order: Order, price: Ticks, size: Lots) -> int:
        """Send an amend of an order that has none in flight, or return why our own limits forbid it."""
        lane = self.lanes[order.quoter][order.instrument]
        now = self._actor.now
        if not _is_whole(price):
            return _INVALID_PRICE
        if not _is_whole(size) or size <= order.filled:
            return _INVALID_SIZE
        price, size = int(price), int(size)
        more = max(0, max(size, order.size) - order.filled - order.exposed)
        if self.trading_state:
            forbidden = self._forbidden(lane.guard, order.side, more)
            if forbidden:
                return forbidden
        lane.guard.look(self._actor.books.get(order.instrument), now)
        refusal = lane.guard.refusal(order.side, price, size, order.flags, now, more)
        if refusal:
            return refusal
        old = order.state
        order.amend_sent(price, size, now)
        self.deadlines.expect(order.client_id, AMEND, now)
        self._actor.out.append((lane.commands, AmendOrder(order.client_id, order.instrument, price, size)))
        self.changed(order, old)
        return 0

    def amend_next(self, order: Order) -> None:
        """Send the amend that waited for the answer to another, if the order still stands."""
        price, size = order.next_price, order.next_size
        if size == 0 or order.amend_size:
            return
        order.next_size = 0
        if PHASE[order.state] == STANDING and (price, size) != (order.price, order.size):
            lane = self.lanes[order.quoter][order.instrument]
            refusal = lane.refusal or self.amend(order, price, size)
            if refusal:
                self.refuse_amend(lane, order, price, size, refusal)

    def cancel_quoter(self, quoter: int) -> None:
        """Cancel everything that a quoter has, and forget what it wants."""
        for lane in self.lanes[quoter]:
            lane.forget_wanted()
        for order in [each for each in self.live.values() if each.quoter == quoter]:
            self.cancel(order)

    def forget_tags(self, quoter: int) -> None:
        """A quoter has fallen: the tags of its next life are new ones, and the orders of this one have none."""
        for order in self.live.values():
            if order.quoter == quoter and order.tag > 0:
                del self.tags[quoter, order.tag]
                order.tag = -1

    # --- what has changed --------------------------------------------------------------------------------------------

    def changed(self, order: Order, old: int) -> None:
        """Follow an order that was in state `old`: the sums, its place in its lane, its owner."""
        lane = self.lanes[order.quoter][order.instrument]
        state = order.state
        if state == old or state < FILLED or state > EXPIRED:
            self._stays(order, lane, old)
        elif PHASE[old] != ENDED:  # the last fill of an order may come after its end: nothing of it is counted any more
            self._ends(order, lane, old)
        if lane.is_told:
            self.tell(lane, order, order.reason)

    def tell(self, lane: Lane, order: Order, reason: int) -> None:
        """Tell the owner how its order stands."""
        o = order
        update = OrderUpdate(
            o.client_id, o.instrument, o.quoter, o.tag, o.state, o.side, o.price, o.size, o.filled, reason
        )
        self._actor.out.append((lane.updates, update))

    def refuse(self, lane: Lane, tag: int, side: int, price: Ticks, size: Lots, reason: int) -> None:
        """Tell the owner of an order that was never sent why not; it has no client id."""
        out = self._actor.out
        # tables have whole numbers
        price, size = (int(n) if _is_whole(n) else 0 for n in (price, size))
        update = OrderUpdate(0, lane.instrument, lane.quoter, tag, _REJECTED, side, price, size, 0, reason)
        out.append((lane.updates, update))
        refused = OrderRefused(self._actor.now, lane.instrument, lane.quoter, tag, 0, side, price, size, reason)
        out.append(("refusals", refused))

    def refuse_amend(self, lane: Lane, order: Order, price: Ticks, size: Lots, reason: int) -> None:
        """Tell the owner of an order that it was not asked to change why not, and how it stands."""
        self.tell(lane, order, reason)
        price, size = (int(n) if _is_whole(n) else 0 for n in (price, size))
        refused = OrderRefused(
            self._actor.now, lane.instrument, lane.quoter, order.tag, order.client_id, order.side, price, size, reason
        )
        self._actor.out.append(("refusals", refused))

    def enter(self, order: Order) -> None:
        """Take up an order that was not placed in this life."""
        self.live[order.client_id] = order
        self.guards[order.instrument].n_live += 1
        lane = self.lanes[order.quoter][order.instrument]
        side = lane.side(order.side)
        if PHASE[order.state] == ENDING:
            side.n_ending += 1
        else:
            side.put_in(order)
        lane.is_settled = False
        self.changed(order, order.state)

    def report(self, instrument: InstrumentId, reason: int) -> None:
        """Tell the guard, if there is one, that a venue does not do what it should."""
        if self.config.guard is not None:
            self._actor.out.append(("refused", VenueRefused(self._actor.now, instrument, reason)))

    def doubt(self, venue: VenueId) -> None:
        """Have the account of a venue asked for."""
        if venue not in self.doubtful:
            self.doubtful.append(venue)
        self.has_news = True

    def _stays(self, order: Order, lane: Lane, old: int) -> None:
        worst = order.worst
        if worst != order.exposed:
            if order.side > 0:
                lane.guard.open_buy += worst - order.exposed
            else:
                lane.guard.open_sell += worst - order.exposed
            order.exposed = worst
        state = order.state
        before, after = PHASE[old], PHASE[state]
        if before == after:
            return
        if before == ENDED:
            lane.guard.n_live += 1
            self.ended.take_out(order.client_id)
            self.live[order.client_id] = order
            if order.tag > 0:
                self.tags.setdefault((order.quoter, order.tag), order)
        lane.moved(order, before, after)
        if state == UNKNOWN:
            self.doubt(lane.venue)
        elif after == STANDING and lane.refusal:
            self.deadlines.expect(order.client_id, RETRY, self._actor.now)

    def _ends(self, order: Order, lane: Lane, old: int) -> None:
        guard = lane.guard
        guard.n_live -= 1
        if order.side > 0:
            guard.open_buy -= order.exposed
            side = lane.bids
        else:
            guard.open_sell -= order.exposed
            side = lane.asks
        order.exposed = 0
        live = self.live
        del live[order.client_id]
        self.ended.add(order, self._actor.now)
        if not live:
            self.has_news = True
        if order.tag:
            if self.tags.get((order.quoter, order.tag)) is order:
                del self.tags[order.quoter, order.tag]
        elif PHASE[old] == STANDING:
            side.take_out(order)
            lane.is_settled = False
        else:
            side.n_ending -= 1
            if lane.is_sequential and side.n_ending == 0:
                self.woken.append(lane)
                self.has_news = True

    def find(self, client_id: ClientOrderId) -> Order | None:
        """Return an order, live or ended lately."""
        return self.live.get(client_id) or self.ended.get(client_id)

    def _forbidden(self, guard: Guard, side: int, more: Lots, *, is_closing: bool = False) -> int:
        """Return why the trading state forbids `more` lots on a side, 0 if it does not.

        What reduces does so if all else of its side is filled first, pending and unknown orders and doubts included.
        """
        if self.trading_state == _HALTED and not is_closing:
            return _TRADING_HALTED
        if guard.stake(side) + more > 0:
            return _ONLY_REDUCING
        return 0

    def _is_refused_now(self, lane: Lane, side: int, price: Ticks, size: Lots, flags: int) -> bool:
        """The collar, held against the touch of this moment."""
        guard = lane.guard
        guard.look(self._actor.books.get(lane.instrument), self._actor.now)
        return guard.refusal(side, price, size, flags, self._actor.now) != 0

    # --- requests without an answer ----------------------------------------------------------------------------------

    def time_out(self) -> None:
        """The timer: what was due and has no answer is UNKNOWN; a refused cancel is tried again."""
        for order, kind in self.deadlines.due(self.live):
            if kind == RETRY:
                if PHASE[order.state] == STANDING and self.lanes[order.quoter][order.instrument].refusal:
                    self.cancel(order)
                continue
            old = order.state
            if order.timed_out():
                self.changed(order, old)
                self.report(order.instrument, int(Reason.NO_ANSWER))
                self.doubt(self.venue_of[order.instrument])  # also of one whose end was under way anyhow


def _is_whole(number: object) -> bool:
    return isinstance(number, Integral)
