"""Order commands on their way, by HTTP, within the limits; and the answers to them.

An answer that grants says nothing of an order: what became of it comes by the private stream.  What the limits have no
room for is refused here, as surely not sent, but for cancels, which wait.  A cancel of unknown fate is sent again; any
other command that is not answered, or of which nobody knows, stays so: whoever sent it asks.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

from market.instrument import Instrument
from market.messages import (
    AmendOrder,
    AmendRejected,
    CancelAll,
    CancelOrder,
    CancelRejected,
    OrderAmended,
    OrderRejected,
    PlaceOrder,
    Reason,
)
from market.units import ClientOrderId, Nanos
from venues.dead_mans_switch import DeadMansSwitch
from venues.held_cancels import Cancel, HeldCancels
from venues.ports import told
from venues.venue import URGENT, HttpAnswer, Output
from venues.verdicts import Advice, Fate, Verdict, person_for
from venues.wire import RemoteProtocolError, decode
from venues.woox.errors import verdict_on
from venues.woox.gate import WooxGate
from venues.woox.order_index import OrderIndex
from venues.woox.order_status import WooxQueries
from venues.woox.private import PrivateData
from venues.woox.requests import OrderCommand, OrderRequests
from venues.woox.rules import Rules
from venues.woox.structs import NAME, Reply, Sent, decoder, read_reply, reply_time

_SENT: Final = decoder(Sent)
_NO_ANSWER: Final = Verdict(Fate.UNKNOWN)


class OrderPath:
    """Sends the commands of one account and reads the answers.

    Attributes:
        is_up: orders may be sent, as what becomes of them is heard.
        seen: what is worth knowing, by what it was.
    """

    def __init__(
        self,
        instruments: Iterable[Instrument],
        requests: OrderRequests,
        orders: OrderIndex,
        private: PrivateData,
        queries: WooxQueries,
        switch: DeadMansSwitch,
        rules: Rules,
        gate: WooxGate,
    ) -> None:
        self.is_up = False
        self.seen: Counter[str] = Counter()
        self._requests, self._orders, self._private = requests, orders, private
        self._queries, self._switch, self._rules, self._gate = queries, switch, rules, gate
        self._placing: set[ClientOrderId] = set()  # without an answer so far
        self._held = HeldCancels()
        self.on: dict[type, Callable[[Any, Nanos], list[Output]]] = {
            PlaceOrder: self._place,
            AmendOrder: self._amend,
            CancelOrder: self._cancel,
            CancelAll: self._cancel,
        }

    # --- commands ----------------------------------------------------------------------------------------------------

    def _place(self, order: PlaceOrder, now: Nanos) -> list[Output]:
        obstacle = self._obstacle(order, now) or self._rules.obstacle(order)
        if not obstacle:
            try:
                outputs = self._send(order, now, lane=_lane_of(order.client_id))
            except ValueError:  # flags that contradict each other, or an id that is none
                self.seen["order of a kind that is not to be had"] += 1
                obstacle = Reason.INVALID_TERMS
        if obstacle:
            return told([OrderRejected(order.client_id, order.instrument, self._gate.at(now), now, int(obstacle))])
        self._placing.add(order.client_id)
        self._private.placed(order)
        self._queries.sent(order.client_id, now)
        return [*self._switch.placing(now), *outputs]

    def _amend(self, amend: AmendOrder, now: Nanos) -> list[Output]:
        at = (amend.client_id, amend.instrument, self._gate.at(now), now)
        obstacle = self._obstacle(amend, now)
        if obstacle:
            return told([AmendRejected(*at, int(obstacle))])
        try:
            return self._send(amend, now, lane=_lane_of(amend.client_id))
        except ValueError:
            return told([AmendRejected(*at, int(Reason.INVALID_TERMS))])

    def _obstacle(self, command: PlaceOrder | AmendOrder, now: Nanos) -> Reason:
        if not self.is_up:
            return Reason.NOT_CONNECTED
        free_at = self._gate.free_at(self._requests.bucket_of(command), now)
        return Reason.NONE if free_at <= now else Reason.LIMIT_ORDER_RATE

    def _cancel(self, command: Cancel, now: Nanos, n_tries: int = 0) -> list[Output]:
        free_at = self._gate.free_at(self._requests.bucket_of(command), now)
        if free_at > now:
            self._held.hold(command, free_at, n_tries)
            return []
        self._held.release(command)
        try:
            outputs = self._send(command, now, n_tries)
            if isinstance(command, CancelOrder) and command.client_id in self._placing:
                # it may be too early: once more, behind the order
                outputs += self._send(command, now, n_tries, lane=_lane_of(command.client_id))
        except ValueError:
            self.seen["cancel of an order without an id"] += 1
            return []
        if isinstance(command, CancelAll):
            self._private.cancelling_all(command)
        else:
            self._private.cancelling(command.client_id)
        return outputs

    def _send(self, command: OrderCommand, now: Nanos, n_tries: int = 0, lane: str = URGENT) -> list[Output]:
        request = self._requests.of(command, self._gate.at(now))
        answered = partial(self._answered, command, n_tries)
        return [self._gate.send(request, answered, self._requests.bucket_of(command), now, lane)]

    # --- answers -----------------------------------------------------------------------------------------------------

    def _answered(self, command: OrderCommand, n_tries: int, answer: HttpAnswer | None, now: Nanos) -> list[Output]:
        if isinstance(command, PlaceOrder):
            self._placing.discard(command.client_id)
        reply, verdict = Reply(), _NO_ANSWER
        if answer is not None:
            try:
                reply = read_reply(answer.body)
                verdict = Verdict(Fate.DONE) if reply.success else verdict_on(answer.status, reply.code)
            except RemoteProtocolError:
                self.seen[f"answer to {type(command).__name__} that makes no sense"] += 1
        if verdict.fate is Fate.UNKNOWN:
            self.seen[f"{type(command).__name__} of unknown fate: {reply.code or 'no answer'}"] += 1
        is_undone = verdict.fate is Fate.UNKNOWN or verdict.advice is Advice.SLOW_DOWN
        if is_undone and isinstance(command, CancelOrder | CancelAll):
            self._held.try_again(command, n_tries, now)
            return self._see_to(command, verdict, reply, now)
        ts_venue = reply_time(reply) or self._gate.at(now)
        return [*told(self._facts(command, reply, verdict, ts_venue, now)), *self._see_to(command, verdict, reply, now)]

    def _facts(self, command: OrderCommand, reply: Reply, verdict: Verdict, ts_venue: Nanos, now: Nanos) -> list[Any]:
        if verdict.fate is Fate.UNKNOWN or isinstance(command, CancelAll):
            return []
        at = (command.client_id, command.instrument, ts_venue, now)
        if verdict.fate is Fate.REFUSED:
            if isinstance(command, CancelOrder) and command.client_id in self._placing:
                return []  # it has overtaken its order; the other one comes behind it
            if isinstance(command, PlaceOrder):
                self._queries.heard_of(command.client_id)
                return [OrderRejected(*at, int(verdict.reason))]
            refuse = AmendRejected if isinstance(command, AmendOrder) else CancelRejected
            return [refuse(*at, int(verdict.reason))]
        if isinstance(command, PlaceOrder):
            sent = decode(_SENT, bytes(reply.data), "woox answer to an order")
            if sent.order_id:
                self._orders.note(sent.order_id, command.client_id)
        if reply.code and isinstance(command, AmendOrder):  # it was so already: no news will come
            return [OrderAmended(*at, command.price, command.size)]
        return []

    def _see_to(self, command: OrderCommand, verdict: Verdict, reply: Reply, now: Nanos) -> list[Output]:
        advice = verdict.advice
        if advice is Advice.SLOW_DOWN:
            self._gate.limits.refused(self._requests.bucket_of(command), now)
        elif advice is Advice.RESYNC_CLOCK:
            self._gate.doubt_clock(now)
        elif advice is Advice.LOOK_AT_SYSTEM:
            self._gate.look(now)
        elif advice in (Advice.RELOAD_INSTRUMENTS, Advice.HALT_SYMBOL):
            self._rules.doubt(now)
        return person_for(NAME, advice, f"{reply.code} {reply.message:.200}", now)

    # --- the clock ---------------------------------------------------------------------------------------------------

    def next_deadline(self) -> Nanos:
        return self._held.next_deadline()

    def on_deadline(self, now: Nanos) -> list[Output]:
        return [output for command, n_tries in self._held.due(now) for output in self._cancel(command, now, n_tries)]


def _lane_of(client_id: ClientOrderId) -> str:
    # what is asked of one order arrives in its order; other orders do not wait for it
    return f"order {client_id}"
