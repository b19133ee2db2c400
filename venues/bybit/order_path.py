"""Order commands on their way: over the trade socket, or by HTTP where there is none, within the limits.

What the limits have no room for is refused here, as surely not sent.  Cancels have limits of their own at this venue;
where even these are used up they wait, and where the socket is down they go by HTTP, past whatever hangs there.  A
command that is not answered stays so: whoever sent it asks.

On the socket what is commanded at one instant shares a frame, as batches have limits of their own beside those of
single commands; what these leave no room for goes by itself.
"""

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from market.messages import (
    AmendOrder,
    AmendRejected,
    CancelAll,
    CancelOrder,
    OrderRejected,
    PlaceOrder,
    Reason,
)
from market.units import SECOND, ClientOrderId, InstrumentId, Nanos
from venues.bybit.gate import RESERVE, BybitGate
from venues.bybit.order_status import BybitQueries
from venues.bybit.private import PrivateData
from venues.bybit.remedies import see_to
from venues.bybit.replies import Answer, OrderReplies
from venues.bybit.requests import OrderCommand, OrderRequests, bucket_of
from venues.bybit.structs import Envelope
from venues.ports import on_socket
from venues.venue import URGENT, HttpAnswer, Output, SendFrame, Tell

SOCKET: Final = "trade"
_FORGOTTEN: Final = 60 * SECOND  # by then whoever sent a command has long asked what became of it
_REFUSE: Final[Mapping[type, Callable[[int, int, Nanos, Nanos, int], Any]]] = {
    PlaceOrder: OrderRejected,
    AmendOrder: AmendRejected,
}


class OrderPath:
    """Sends the commands of one account and reads the answers.

    Args:
        by_socket: there is a trade socket; else orders go by HTTP.

    Attributes:
        is_up: orders may be sent, as what becomes of them is heard.
        is_open: the trade socket is signed on.
        seen: what is worth knowing, by what it was.
    """

    def __init__(
        self,
        requests: OrderRequests,
        private: PrivateData,
        queries: BybitQueries,
        gate: BybitGate,
        *,
        by_socket: bool,
    ) -> None:
        self.is_up = self.is_open = False
        self.seen: Counter[str] = Counter()
        self.replies = OrderReplies()
        self._requests, self._private, self._queries, self._gate = requests, private, queries, gate
        self._by_socket = by_socket
        self._n_sent = 0
        self._placing: set[ClientOrderId] = set()  # by HTTP, without an answer so far
        self._unanswered: deque[tuple[Nanos, str]] = deque()
        self._held: dict[tuple[InstrumentId, ClientOrderId | None], CancelOrder | CancelAll] = {}
        self.on: dict[type, Callable[[Any, Nanos], list[Output]]] = {
            PlaceOrder: self._open,
            AmendOrder: self._open,
            CancelOrder: self._cancel,
            CancelAll: self._cancel,
        }

    # --- answers -----------------------------------------------------------------------------------------------------

    def receive(self, frame: Envelope, now: Nanos) -> list[Output]:
        """Take an answer of the trade socket.

        Raises:
            RemoteProtocolError: it has no code.
        """
        answer = self.replies.receive(frame, now)
        if answer is None:
            self.seen["answer to nothing in flight"] += 1
            return []
        return self._taken(answer, now)

    def closed(self) -> None:
        """The socket is gone: whatever is without an answer may have got in."""
        self.is_open = False
        self.replies.lost()
        self._unanswered.clear()

    def _taken(self, answer: Answer, now: Nanos) -> list[Output]:
        for fact in answer.facts:
            self._queries.heard_of(fact.client_id)
        return [*on_socket(SOCKET, answer.facts), *see_to(answer, self._gate, now)]

    def _answered(self, request_id: str, command: OrderCommand, answer: HttpAnswer | None, now: Nanos) -> list[Output]:
        if isinstance(command, PlaceOrder):
            self._placing.discard(command.client_id)
        if answer is None:
            self.replies.lost((request_id,))
            return []
        taken = self.replies.receive_http(request_id, answer.status, answer.headers, answer.body, now)
        return [] if taken is None else self._taken(taken, now)

    # --- commands ----------------------------------------------------------------------------------------------------

    def together(self, commands: Sequence[Any], now: Nanos) -> list[Output]:
        """Send commands of one kind that are about different orders."""
        outputs: list[Output] = []
        n = self._n_that_fit(commands, now)
        if n > 1:
            outputs = self._send_batch(commands[:n], now)
        rest = commands[n:] if outputs else commands
        return outputs + [output for command in rest for output in self.on[type(command)](command, now)]

    def _n_that_fit(self, commands: Sequence[OrderCommand], now: Nanos) -> int:
        """Return how many of the first may share a frame now."""
        is_there = self._by_socket and self.is_open and (self.is_up or isinstance(commands[0], CancelOrder))
        if not is_there or len(commands) < 2:
            return 0
        limits, bucket = self._gate.limits, bucket_of(commands)
        n = min(len(commands), limits.limit(bucket))
        while n > 1 and limits.free_at(bucket, n, now) > now:
            n -= 1
        return n

    def _send_batch(self, commands: Sequence[OrderCommand], now: Nanos) -> list[Output]:
        try:
            outputs = self._send(commands, now, by_socket=True)
        except ValueError:  # one of them is not to be had: each by itself says which
            return []
        for command in commands:
            if not isinstance(command, CancelAll):
                self._held.pop((command.instrument, command.client_id), None)
            if isinstance(command, PlaceOrder):
                self._sent(command, now)
        return outputs

    def _sent(self, order: PlaceOrder, now: Nanos) -> None:
        self._private.placed(order)
        self._queries.sent(order.client_id, now)

    def _open(self, command: PlaceOrder | AmendOrder, now: Nanos) -> list[Output]:
        obstacle = self._obstacle(command, now)
        if obstacle is Reason.NONE:
            try:
                outputs = self._send((command,), now, by_socket=self._by_socket, lane=_lane_of(command.client_id))
            except ValueError:  # flags that contradict each other, or an order that the venue has not told of
                self.seen["order of a kind that is not to be had"] += 1
                obstacle = Reason.VENUE_OTHER
        if obstacle is not Reason.NONE:
            refuse = _REFUSE[type(command)]
            return [
                Tell("facts", refuse(command.client_id, command.instrument, self._gate.at(now), now, int(obstacle)))
            ]
        if isinstance(command, PlaceOrder):
            self._sent(command, now)
        return outputs

    def _obstacle(self, command: PlaceOrder | AmendOrder, now: Nanos) -> Reason:
        if not self.is_up:
            return Reason.NOT_CONNECTED
        bucket = bucket_of((command,))
        if self._by_socket:
            free_at = self._gate.limits.free_at(bucket, 1, now)
        else:
            free_at = self._gate.free_at(bucket, now, reserve=RESERVE)
        return Reason.NONE if free_at <= now else Reason.LIMIT_ORDER_RATE

    def _cancel(self, command: CancelOrder | CancelAll, now: Nanos) -> list[Output]:
        client_id = command.client_id if isinstance(command, CancelOrder) else None
        free_at = self._cancel_free_at(command, now)
        if free_at > now:
            self._held[command.instrument, client_id] = command
            return self._one_by_one(command.instrument, now) if client_id is None and free_at > now + SECOND else []
        by_socket = self.is_open and client_id is not None
        try:
            outputs = self._send((command,), now, by_socket=by_socket)
            if not by_socket and client_id in self._placing:  # it may be too early: once more, behind the order
                outputs += self._send((command,), now, by_socket=False, lane=_lane_of(client_id))
            return outputs
        except ValueError:  # somebody else's order that this life has not been told of
            self.seen["cancel of an order that is not known"] += 1
            return []

    def _one_by_one(self, instrument: InstrumentId, now: Nanos) -> list[Output]:
        """HTTP is closed to us for long, and what cancels all goes by nothing else: name each order on the socket."""
        ids = self._private.known_of(instrument) if self.is_open else []
        return [output for client_id in ids for output in self._cancel(CancelOrder(client_id, instrument), now)]

    def _cancel_free_at(self, command: CancelOrder | CancelAll, now: Nanos) -> Nanos:
        bucket = bucket_of((command,))
        if self.is_open and isinstance(command, CancelOrder):
            return self._gate.limits.free_at(bucket, 1, now)
        return self._gate.free_at(bucket, now)

    def _send(
        self, commands: Sequence[OrderCommand], now: Nanos, *, by_socket: bool, lane: str = URGENT
    ) -> list[Output]:
        """Send commands in one frame, or the only one by HTTP.

        Raises:
            ValueError: one of them is not to be had; none is sent.
        """
        bucket = bucket_of(commands)
        self._n_sent += 1
        request_id = f"o{self._n_sent}"
        if by_socket:
            frame = self._requests.frame(commands, request_id, self._gate.at(now))
            self._gate.limits.spend(bucket, len(commands), now)
            self.replies.sent(request_id, commands)
            self._unanswered.append((now, request_id))
            return [SendFrame(SOCKET, frame)]
        (command,) = commands
        request = self._requests.http(commands, self._gate.at(now))
        self.replies.sent(request_id, commands)
        if isinstance(command, PlaceOrder):
            self._placing.add(command.client_id)
        answered = partial(self._answered, request_id, command)
        return [self._gate.send(request, answered, bucket, now, lane)]

    # --- the clock ---------------------------------------------------------------------------------------------------

    def next_deadline(self) -> Nanos | None:
        if not self._held:
            return self._unanswered[0][0] + _FORGOTTEN if self._unanswered else None
        return min(self._cancel_free_at(each, 0) for each in self._held.values())

    def on_deadline(self, now: Nanos) -> list[Output]:
        while self._unanswered and self._unanswered[0][0] + _FORGOTTEN <= now:
            self.replies.lost((self._unanswered.popleft()[1],))
        outputs: list[Output] = []
        for key, command in list(self._held.items()):
            if self._cancel_free_at(command, now) <= now:
                del self._held[key]
                outputs += self._cancel(command, now)
        return outputs


def _lane_of(client_id: ClientOrderId) -> str:
    return f"order {client_id}"
