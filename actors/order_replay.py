"""How a restarted order manager takes up what it had begun: the run's own log, delivered as messages."""

from collections.abc import Callable
from typing import Any

from actors.book_mirror import BookReader
from actors.order_facts import OrderFacts
from actors.order_ledger import OrderLedger
from actors.request_deadlines import AMEND, CANCEL, NEW
from market.messages import (
    AmendOrder,
    CancelAll,
    CancelOrder,
    FundingPayment,
    PlaceOrder,
    quoter_of,
)
from market.orders import Order
from market.units import ClientOrderId


class OrderReplay:
    """Handlers of the commands in the log; the facts between them go the usual way.

    A command was logged when the connector took it, so that facts of the order may stand before it.  Its time is not
    in the message: what is still without an answer at the end is given the usual time from then on.
    """

    def __init__(self, actor: BookReader, ledger: OrderLedger, facts: OrderFacts) -> None:
        self._actor = actor
        self._ledger = ledger
        self._facts = facts
        self._next_id: dict[int, ClientOrderId] = {}
        self.on: dict[type, Callable[[Any], None]] = {
            PlaceOrder: self.on_place,
            AmendOrder: self.on_amend,
            CancelOrder: self.on_cancel,
            CancelAll: self.on_cancel_all,
            FundingPayment: self.on_funding,
        }

    def begin(self) -> None:
        """From here on nobody is told anything."""
        self._facts.is_replaying = True
        for lanes in self._ledger.lanes.values():
            for lane in lanes:
                lane.is_told = False

    def end(self) -> None:
        """The log is through: from here on everybody is told, and what has no answer is waited for."""
        ledger = self._ledger
        self._facts.is_replaying = False
        for quoter, lanes in ledger.lanes.items():
            first = lanes[0].ids.take()
            ledger.number_from(quoter, max(first, self._next_id.get(quoter, 0)))
        for lanes in ledger.lanes.values():
            for lane in lanes:
                lane.is_told = lane.wants_updates
        ledger.woken.clear()
        ledger.doubtful.clear()
        ledger.has_news = False
        for order in ledger.live.values():
            self._wait_for(order)

    def on_place(self, command: PlaceOrder) -> None:
        if not self._facts.is_replaying:
            self.begin()  # a first start that goes on with the log of an earlier process
        ledger = self._ledger
        client_id = command.client_id
        owner = quoter_of(client_id)
        # a life that goes on with the ids of an earlier process must not repeat them
        if client_id >= self._next_id.get(owner, 0):
            self._next_id[owner] = client_id + 1
        lane = ledger.lane_of(owner, command.instrument)
        ledger.enter(
            Order(
                client_id,
                command.instrument,
                lane.quoter,
                0,
                command.side,
                command.price,
                command.size,
                command.flags,
                0,
            )
        )

    def on_amend(self, command: AmendOrder) -> None:
        order = self._ledger.live.get(command.client_id)
        if order is not None:
            old = order.state
            order.amend_sent(command.price, command.size, 0)
            self._ledger.changed(order, old)

    def on_cancel(self, command: CancelOrder) -> None:
        order = self._ledger.live.get(command.client_id)
        if order is not None:
            old = order.state
            order.cancel_sent(0)
            self._ledger.changed(order, old)

    def on_cancel_all(self, command: CancelAll) -> None:
        for order in list(self._ledger.live.values()):
            if order.instrument == command.instrument:
                old = order.state
                order.cancel_sent(0)
                self._ledger.changed(order, old)

    def on_funding(self, payment: FundingPayment) -> None:
        """Cash is the position tracker's."""

    def _wait_for(self, order: Order) -> None:
        now = self._actor.now
        deadlines = self._ledger.deadlines
        if not order.is_accepted:
            deadlines.expect(order.client_id, NEW, now)
        if order.amend_size:
            order.ts_amend = now
            deadlines.expect(order.client_id, AMEND, now)
        if order.is_cancelling:
            order.ts_cancel = now
            deadlines.expect(order.client_id, CANCEL, now)
