"""Order commands on their way: by the WebSocket API within the limits, cancels by REST where that is down.

What the limits have no room for is refused here, as surely not sent, but for cancels: they may use what is kept for
them, and wait where even that is used up.  A command that is not answered stays so, and whoever sent it asks.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from market.messages import (
    AmendOrder,
    AmendRejected,
    CancelAll,
    CancelOrder,
    OrderRejected,
    OrderState,
    OrderStatus,
    PlaceOrder,
    QueryOrder,
    Reason,
)
from market.units import ClientOrderId, InstrumentId, Nanos
from venues.actions import Reconnect as SessionReconnect
from venues.actions import Replace as SessionReplace
from venues.actions import SendFrame as SessionFrame
from venues.binance.answers import Outcome, refusal_of_body
from venues.binance.dead_mans_switch import DeadMansSwitch
from venues.binance.order_index import OrderIndex
from venues.binance.remedies import Remedies
from venues.binance.request_gate import RequestGate
from venues.binance.requests import MAX_BATCH_CANCELS
from venues.binance.subscriptions import NEVER
from venues.binance.trade_session import HANDSHAKE_WEIGHT, TradeSession
from venues.venue import URGENT, HttpAnswer, Output, Reconnect, Replace, SendFrame, Tell
from venues.wire import HttpRequest

SOCKET: Final = "trade"
_CANCEL: Final = 1  # the weight of it, however many orders it names
_PROBE: Final = 1
_NO_SUCH_ORDER: Final = -2013
_MAX_AWAITED: Final = 10_000

_Held = CancelOrder | CancelAll


class OrderPath:
    """Sends the commands of one account and reads their answers.

    Attributes:
        is_up: orders may be sent: both the socket for them and the stream of what becomes of them are there.
        is_open: the socket for them is.
        seen: what is worth knowing, by what it was.
    """

    def __init__(
        self,
        trade: TradeSession,
        orders: OrderIndex,
        gate: RequestGate,
        remedies: Remedies,
        switch: DeadMansSwitch,
        under_way: Nanos,
    ) -> None:
        self.is_up = self.is_open = False
        self.seen: Counter[str] = Counter()
        self._trade, self._orders, self._gate = trade, orders, gate
        self._remedies, self._switch = remedies, switch
        self._under_way = under_way
        self._placed: dict[ClientOrderId, Nanos] = {}  # without an answer so far: when it left
        self._held: dict[tuple[InstrumentId, ClientOrderId | None], _Held] = {}
        self._release_at: Nanos = NEVER
        self._asked_later: dict[ClientOrderId, tuple[Nanos, QueryOrder]] = {}
        self.on: Mapping[type, Callable[[Any, Nanos], list[Output]]] = {
            PlaceOrder: self._place,
            AmendOrder: self._amend,
            CancelOrder: self._cancel,
            CancelAll: self._cancel_all,
            QueryOrder: self._query,
        }

    # --- the socket --------------------------------------------------------------------------------------------------

    def opened(self, now: Nanos) -> None:
        self.is_open = True
        self._gate.spend(now, HANDSHAKE_WEIGHT)
        self._trade.opened(now)

    def closed(self) -> None:
        """Whatever is without an answer may have got in; the news of the lost connection tells so."""
        self.is_open = False
        self._trade.closed()

    def receive(self, frame: bytes, now: Nanos) -> list[Output]:
        """Take an answer.

        Raises:
            RemoteProtocolError: it is none.
        """
        gate = self._gate
        outcome = self._trade.receive(frame, now, gate.clock.at(now))
        if outcome.counts:
            gate.limits.on_counts(outcome.counts, gate.clock.at(outcome.ts_sent), gate.clock.at(now))
        told = self._answered(outcome)
        refusal = outcome.refusal
        if refusal is None:
            self._remedies.granted()
        elif outcome.command is not None or refusal.is_of_limits:
            told += self._remedies.take(refusal, None, now)  # what a probe is refused for means nothing else
        return told

    def heard_of(self, client_id: ClientOrderId) -> None:
        """The private stream tells of an order: it has reached the venue."""
        self._placed.pop(client_id, None)

    # --- commands ----------------------------------------------------------------------------------------------------

    def _place(self, command: PlaceOrder, now: Nanos) -> list[Output]:
        obstacle = self._obstacle(now)
        if obstacle is Reason.NONE and not self._switch.may_place(command.instrument, now):
            self.seen["order without a dead man's switch"] += 1
            obstacle = Reason.NOT_CONNECTED
        if obstacle is Reason.NONE:
            try:
                frame = self._trade.send(command, now, self._gate.clock.at(now))
            except ValueError:  # there is no such order here
                self.seen["order of a kind that is not to be had"] += 1
                obstacle = Reason.VENUE_OTHER
        if obstacle is not Reason.NONE:
            return [Tell("facts", OrderRejected(*self._stamps(command, now), int(obstacle)))]
        outputs = self._switch.placing(command.instrument, now)
        self._gate.spend(now, 0, 1)
        self._placed[command.client_id] = now
        if len(self._placed) > _MAX_AWAITED:
            del self._placed[next(iter(self._placed))]
        outputs.append(SendFrame(SOCKET, frame.data))
        return outputs

    def _amend(self, command: AmendOrder, now: Nanos) -> list[Output]:
        obstacle = self._obstacle(now)
        if obstacle is Reason.NONE and self._orders.side_of(command.client_id) is None:
            self.seen["amend of an order whose side is not known yet"] += 1
            obstacle = Reason.VENUE_OTHER
        if obstacle is not Reason.NONE:
            return [Tell("facts", AmendRejected(*self._stamps(command, now), int(obstacle)))]
        self._gate.spend(now, 0, 1)
        return [SendFrame(SOCKET, self._trade.send(command, now, self._gate.clock.at(now)).data)]

    def _cancel(self, command: CancelOrder, now: Nanos) -> list[Output]:
        if self._is_held_up(now):
            self._held[command.instrument, command.client_id] = command
            return []
        if self.is_open:
            self._gate.spend(now, _CANCEL)
            return [SendFrame(SOCKET, self._trade.send(command, now, self._gate.clock.at(now)).data)]
        request = self._trade.requests.request(command, self._gate.clock.at(now))

        def answered(answer: HttpAnswer, at: Nanos) -> list[Output]:
            outcome = self._trade.answers.on_response(command, answer.status, answer.body, at, self._gate.clock.at(at))
            return self._answered(outcome)

        return [self._ask(request, answered, now, URGENT)]

    def _cancel_all(self, command: CancelAll, now: Nanos) -> list[Output]:
        if self._is_held_up(now):
            self._held[command.instrument, None] = command
            return []
        request = self._trade.requests.cancel_all(command, self._gate.clock.at(now))
        # it names no order: each cancel is told by the stream
        return [self._ask(request, lambda answer, at: [], now, URGENT)]

    def _query(self, query: QueryOrder, now: Nanos) -> list[Output]:
        if self._gate.free_at(now, 1) > now or self._gate.clock.is_doubted:
            return []
        ts_venue = self._gate.clock.surely_past(now)
        request = self._trade.requests.query(query, self._gate.clock.at(now))

        def answered(answer: HttpAnswer, at: Nanos) -> list[Output]:
            if 200 <= answer.status < 300:
                status = self._trade.answers.on_status(query, answer.body, now, ts_venue, at)
                return [] if status is None else [Tell("fills", status)]
            if refusal_of_body(answer.status, answer.body).code != _NO_SUCH_ORDER:
                return []
            left = self._placed.get(query.client_id, -self._under_way)
            if now < left + self._under_way:
                self._asked_later[query.client_id] = (left + self._under_way, query)  # it may be on its way still
                return []
            stamps = (query.client_id, query.instrument, now, ts_venue, at)
            return [Tell("fills", OrderStatus(*stamps, int(OrderState.UNKNOWN), 0, 0, 0))]

        return [self._ask(request, answered, now)]

    # --- time --------------------------------------------------------------------------------------------------------

    def next_deadline(self) -> Nanos:
        ask_at = min((at for at, _ in self._asked_later.values()), default=NEVER)
        return min(self._trade.next_deadline(), ask_at, self._release_at)

    def on_deadline(self, now: Nanos) -> list[Output]:
        """Send what has been held, and ask again what was asked too early."""
        outputs: list[Output] = []
        for each in self._trade.on_deadline(now):
            if isinstance(each, SessionFrame) and self._gate.free_at(now, _PROBE, is_urgent=True) > now:
                self._trade.put_off(now)
            elif isinstance(each, SessionFrame):
                self._gate.spend(now, _PROBE)
                outputs.append(SendFrame(SOCKET, each.data))
            elif isinstance(each, SessionReplace):
                outputs.append(Replace(SOCKET, each.overlap_s))
            else:
                assert isinstance(each, SessionReconnect), each
                outputs.append(Reconnect(SOCKET, each.reason))
        for client_id, (at, query) in list(self._asked_later.items()):
            if now >= at:
                del self._asked_later[client_id]
                outputs += self._query(query, now)
        if now >= self._release_at and not self._is_held_up(now):
            outputs += self._release(now)
        return outputs

    def _release(self, now: Nanos) -> list[Output]:
        held, self._held, self._release_at = list(self._held.values()), {}, NEVER
        outputs: list[Output] = []
        singles: dict[InstrumentId, list[CancelOrder]] = {}
        all_of = {each.instrument for each in held if isinstance(each, CancelAll)}
        for each in held:
            if isinstance(each, CancelAll):
                outputs += self._cancel_all(each, now)
            elif each.client_id < 0:
                outputs += self._cancel(each, now)  # batches are of orders of ours
            elif each.instrument not in all_of:
                singles.setdefault(each.instrument, []).append(each)
        for cancels in singles.values():
            for begin in range(0, len(cancels), MAX_BATCH_CANCELS):
                outputs += self._cancel_batch(cancels[begin : begin + MAX_BATCH_CANCELS], now)
        return outputs

    def _cancel_batch(self, cancels: Sequence[CancelOrder], now: Nanos) -> list[Output]:
        if self._is_held_up(now):
            self._held.update({(each.instrument, each.client_id): each for each in cancels})
            return []
        request = self._trade.requests.cancel_batch(cancels, self._gate.clock.at(now))

        def answered(answer: HttpAnswer, at: Nanos) -> list[Output]:
            venue_time = self._gate.clock.at(at)
            outcomes = self._trade.answers.on_batch(cancels, answer.status, answer.body, at, venue_time)
            return [told for outcome in outcomes for told in self._answered(outcome)]

        return [self._ask(request, answered, now, URGENT)]

    # --- inside ------------------------------------------------------------------------------------------------------

    def _obstacle(self, now: Nanos) -> Reason:
        if not self.is_up:
            return Reason.NOT_CONNECTED
        is_held = now < self._remedies.pause_until or self._gate.free_at(now, 0, 1) > now
        return Reason.LIMIT_ORDER_RATE if is_held else Reason.NONE

    def _is_held_up(self, now: Nanos) -> bool:
        """Tell whether a cancel has to wait, and note until when."""
        free_at = self._gate.free_at(now, _CANCEL, is_urgent=True)
        if free_at > now:
            self._release_at = free_at
        return free_at > now

    def _stamps(self, command: PlaceOrder | AmendOrder, now: Nanos) -> tuple[ClientOrderId, InstrumentId, Nanos, Nanos]:
        return command.client_id, command.instrument, self._gate.clock.at(now), now

    def _answered(self, outcome: Outcome) -> list[Output]:
        if outcome.command is not None and outcome.facts:
            self._placed.pop(outcome.command.client_id, None)
        return [Tell("facts", fact) for fact in outcome.facts]

    def _ask(
        self, request: HttpRequest, answered: Callable[[HttpAnswer, Nanos], list[Output]], now: Nanos, lane: str = ""
    ) -> Output:
        """Send a request whose lack of an answer says nothing."""

        def handler(answer: HttpAnswer | None, at: Nanos) -> list[Output]:
            return [] if answer is None else answered(answer, at)

        return self._gate.send(request, handler, now, lane)
