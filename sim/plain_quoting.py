"""The order manager's plain work done by kernels: who takes its state over, and gives it back.

A simulated run spends most of its time on quotes that are placed, accepted, cancelled.  While that is all that happens,
`sim.quoting_kernels` holds the manager's state in the exchange's, and acts upon wanted quotes and facts without a
message.  The nursery gives the state back before the manager handles anything; so the manager, its rules and its tests
stay what they are, and a run gives the same log either way.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from actors.lanes import PHASE, STANDING, Lane, QuoteSide
from actors.order_manager import OrderManager
from actors.request_deadlines import CANCEL, NEW, TIMEOUTS
from actors.runtime.wiring import MANAGER, QuoterPlan
from market.instrument import ConstantStep
from market.messages import OrderState, TimerFired, WantedQuotes
from market.orders import OPEN, PENDING_CANCEL, PENDING_NEW, Order
from market.units import ClientOrderId, InstrumentId, Nanos
from sim import quoting_kernels as q
from sim import state_kernels as k
from sim.exchange import Exchange
from sim.virtual import VirtualNursery

_PLAIN_STATES: Final = (PENDING_NEW, OPEN, PENDING_CANCEL)
_CANCELLED: Final = int(OrderState.CANCELLED)
_WAIT: Final = 8  # looks that are let pass after something was not plain: it is often the same again
_NONE: Final = (0, 0)


class PlainQuoting:
    """A shortcut of the virtual nursery from wanted quotes to the run's log, and from plain facts to the orders.

    Args:
        plans: of all quoters; `serves` them.
    """

    def __init__(self, exchange: Exchange, nursery: VirtualNursery, plans: Sequence[QuoterPlan]) -> None:
        self._exchange = exchange
        self._nursery = nursery
        self._cell = nursery.cell(MANAGER)
        self._manager: OrderManager | None = None  # whose state is held here
        pairs = [(plan.index, instrument.id) for plan in plans for instrument in plan.quoted]
        self._lane_at: dict[tuple[int, InstrumentId], int] = {pair: n for n, pair in enumerate(pairs)}
        self._lanes: list[Lane] = []
        self._instruments = sorted({i for _, i in pairs})
        self._orders: dict[ClientOrderId, Order] = {}
        self._wait = 0

    @staticmethod
    def serves(plans: Sequence[QuoterPlan]) -> bool:
        """Tell whether quoters work in a way that has a plain path."""
        specs = [plan.spec() for plan in plans]
        return (
            sum(len(plan.quoted) for plan in plans) <= k.LANES_CAP
            and max(spec.index for spec in specs) < k.LANES_CAP
            and all(spec.policy == "overlap" and spec.cancel_pending == "at_once" for spec in specs)
            and all(spec.resize == "never" and not spec.is_told_orders for spec in specs)
            and all(isinstance(i.price_rule, ConstantStep) for plan in plans for i in plan.quoted)
        )

    # --- the shortcut ------------------------------------------------------------------------------------------------

    def take(self, message: Any, now: Nanos) -> bool:
        """Act upon wanted quotes, or a timer for requests that all have their answers; False: it is to be delivered."""
        if self._manager is None:
            return False
        if type(message) is not WantedQuotes:
            return type(message) is TimerFired and message.token == TIMEOUTS and self._nothing_is_due(now)
        bids, asks = message.bids, message.asks
        if len(bids) > 1 or len(asks) > 1:
            return False
        bid, bid_size = bids[0] if bids else _NONE
        ask, ask_size = asks[0] if asks else _NONE
        # what is no order at all is for the manager to refuse
        if not (_is_level(bids, bid, bid_size) and _is_level(asks, ask, ask_size)):
            return False
        lane = self._lane_at[message.quoter, message.instrument]
        answer = q.quote(self._exchange.state, lane, now, bid, bid_size, ask, ask_size)
        if answer == q.NO_ROOM:
            self._exchange.flush_log()
            answer = q.quote(self._exchange.state, lane, now, bid, bid_size, ask, ask_size)
        return bool(answer == q.DONE)

    def look(self, now: Nanos) -> None:
        """Take the manager's state over if all is plain."""
        if self._manager is not None:
            return
        if self._wait:
            self._wait -= 1
            return
        manager = self._cell.actor
        assert isinstance(manager, OrderManager)
        if self._cell.is_slow or not self._is_plain(manager):
            self._wait = _WAIT
            return
        self._take_over(manager)
        manager.ledger.deadlines.watch(now)
        self._nursery.lend(self._cell, self.give_back)

    def end(self) -> None:
        """Give back what is held."""
        if self._manager is not None:
            self.give_back()

    def _nothing_is_due(self, now: Nanos) -> bool:
        assert self._manager is not None
        self._exchange.state[k.N_TAKEN] += 1
        oldest = q.oldest_request(self._exchange.state)
        return self._manager.ledger.deadlines.go_on(now, None if oldest == k.NEVER else oldest)

    # --- taking over -------------------------------------------------------------------------------------------------

    def _is_plain(self, manager: OrderManager) -> bool:
        ledger = manager.ledger
        if not manager.is_at_ease or len(ledger.live) > k.OURS_CAP // 2 or ledger.deadlines.has_retry(ledger.live):
            return False
        for order in ledger.live.values():
            is_ours = (order.quoter, order.instrument) in self._lane_at
            if order.tag or order.state not in _PLAIN_STATES or order.amend_size or order.next_size or not is_ours:
                return False
        place_of = {client_id: place for place, client_id in enumerate(ledger.live)}
        for quoter, instrument in self._lane_at:
            lane = ledger.lanes[quoter][instrument]
            if lane.refusal or not all(_is_plain_side(side, place_of) for side in lane.sides):
                return False
        return True

    def _take_over(self, manager: OrderManager) -> None:
        exchange, ledger = self._exchange, manager.ledger
        self._lanes = [ledger.lanes[quoter][instrument] for quoter, instrument in self._lane_at]
        guards = exchange.view(k.AT_GUARD).reshape(-1, q.GUARD_SIZE)
        limits = exchange.view(k.AT_GUARD_LIMIT).view(np.float64).reshape(-1, q.GUARD_LIMIT_SIZE)
        for i in self._instruments:
            guard = ledger.guards[i]
            whole, real = guard.limits()
            guards[i, : q.G_STEP] = guard.state
            guards[i, q.G_STEP : q.G_STEP + len(whole)] = whole
            limits[i, : len(real)] = real
        quoters = exchange.view(k.AT_QUOTER).reshape(-1, q.QUOTER_SIZE)
        rows = exchange.view(k.AT_LANE).reshape(-1, q.LANE_SIZE)
        for row, lane in zip(rows, self._lanes, strict=False):
            bids, asks = lane.sides
            quoters[lane.quoter] = lane.ids.next, manager.spoke[lane.quoter]
            row[:] = (
                lane.quoter,
                lane.instrument,
                lane.flags,
                lane.is_settled,
                *(bids.wanted[0] if bids.wanted else _NONE),
                *(asks.wanted[0] if asks.wanted else _NONE),
                bids.n_ending,
                asks.n_ending,
            )
        ours = exchange.view(k.AT_OURS).reshape(-1, q.OUR_SIZE)
        for row, order in zip(ours, ledger.live.values(), strict=False):
            row[:] = (
                order.client_id,
                self._lane_at[order.quoter, order.instrument],
                order.side,
                order.price,
                order.size,
                order.filled,
                order.state,
                order.flags,
                order.ts_sent,
                order.ts_cancel,
                order.ts_fact,
                order.reason,
                order.is_accepted,
                order.is_cancelling,
                0,
                0,
            )
        self._orders = dict(ledger.live)
        self._manager = manager
        state = exchange.state
        state[[k.N_OURS, k.N_OUR_ENDED, k.IS_QUOTING]] = len(ledger.live), 0, 1

    # --- giving back -------------------------------------------------------------------------------------------------

    def give_back(self) -> None:
        """Let the manager be as if it had handled every message itself."""
        manager, exchange = self._manager, self._exchange
        assert manager is not None
        self._manager = None
        self._wait = 0
        ledger, state = manager.ledger, exchange.state
        n_ours, n_ended = int(state[k.N_OURS]), int(state[k.N_OUR_ENDED])
        state[k.IS_QUOTING] = 0
        guards = exchange.view(k.AT_GUARD).reshape(-1, q.GUARD_SIZE)
        for i in self._instruments:
            ledger.guards[i].state = tuple(guards[i, : q.G_STEP].tolist())
        quoters = exchange.view(k.AT_QUOTER).reshape(-1, q.QUOTER_SIZE).tolist()
        rows = exchange.view(k.AT_LANE).reshape(-1, q.LANE_SIZE)[: len(self._lanes)].tolist()
        for lane, row in zip(self._lanes, rows, strict=True):
            bids, asks = lane.sides
            lane.is_settled = bool(row[q.N_IS_SETTLED])
            bids.wanted = ((row[q.N_BID], row[q.N_BID_SIZE]),) if row[q.N_BID] else ()
            asks.wanted = ((row[q.N_ASK], row[q.N_ASK_SIZE]),) if row[q.N_ASK] else ()
            bids.n_ending, asks.n_ending = row[q.N_ENDING_BIDS], row[q.N_ENDING_ASKS]
            bids.present.clear()
            asks.present.clear()
            lane.ids.next, manager.spoke[lane.quoter] = quoters[lane.quoter]
        ledger.live.clear()
        asked: list[tuple[Nanos, ClientOrderId, int]] = []
        for row in exchange.view(k.AT_OURS).reshape(-1, q.OUR_SIZE)[:n_ours].tolist():
            order = self._order(row)
            order.exposed = order.size - order.filled
            ledger.live[order.client_id] = order
            if PHASE[order.state] == STANDING:
                self._lanes[row[q.Q_LANE]].side(order.side).present[order.price] = order
            if row[q.Q_ASKED] & q.ASKED_NEW and not order.is_accepted:
                asked.append((order.ts_sent, order.client_id, NEW))
            if row[q.Q_ASKED] & q.ASKED_CANCEL:
                asked.append((order.ts_cancel, order.client_id, CANCEL))
        for row in exchange.view(k.AT_OUR_ENDED).reshape(-1, q.OUR_SIZE)[:n_ended].tolist():
            order = self._order(row)
            order.state, order.exposed = _CANCELLED, 0
            ledger.ended.add(order, row[q.Q_TS_ENDED])
        ledger.deadlines.resume(sorted(asked))
        self._orders = {}
        self._nursery.returned(self._cell)

    def _order(self, row: list[int]) -> Order:
        client_id = row[q.Q_CLIENT_ID]
        order = self._orders.get(client_id)
        if order is None:
            lane = self._lanes[row[q.Q_LANE]]
            order = Order(
                client_id,
                lane.instrument,
                lane.quoter,
                0,
                row[q.Q_SIDE],
                row[q.Q_PRICE],
                row[q.Q_SIZE],
                row[q.Q_FLAGS],
                row[q.Q_TS_SENT],
            )
        order.state, order.reason = row[q.Q_STATE], row[q.Q_REASON]
        order.ts_cancel, order.ts_fact = row[q.Q_TS_CANCEL], row[q.Q_TS_FACT]
        order.is_accepted, order.is_cancelling = bool(row[q.Q_IS_ACCEPTED]), bool(row[q.Q_IS_CANCELLING])
        return order


def _is_plain_side(side: QuoteSide, place_of: Mapping[ClientOrderId, int]) -> bool:
    if side.surplus or side.refused or len(side.wanted) > 1:
        return False
    # the kernels know one order of all orders: one that stands again after doubt is behind those placed meanwhile
    places = [place_of[order.client_id] for order in side.present.values()]
    return places == sorted(places)


def _is_level(levels: Sequence[tuple[int, int]], price: int, size: int) -> bool:
    return not levels or (type(price) is int and type(size) is int and 0 < price < k.NEVER and 0 < size < k.NEVER)
