"""Answers to order commands: what they say of the order, or why it was refused, or that nobody knows.

Fills are not taken from answers: the private stream has each with its trade id.  An answer that names no error and one
that never comes tell nothing, and nothing is made of them: the account will tell.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from market.instrument import Instrument
from market.messages import (
    AmendOrder,
    AmendRejected,
    CancelOrder,
    CancelRejected,
    OrderAmended,
    OrderRejected,
    OrderState,
    OrderStatus,
    PlaceOrder,
    QueryOrder,
    Reason,
)
from market.units import MS, Nanos
from venues.binance.account_structs import OrderAnswer, SocketAnswer
from venues.binance.client_ids import client_id_of
from venues.binance.errors import NO_MODIFICATION, Fate, Refusal, refusal_of
from venues.binance.fills import StateFact, Symbols, side_of, state_fact
from venues.binance.order_index import OrderIndex
from venues.binance.requests import OrderCommand
from venues.binance.structs import RateLimit, VenueError
from venues.wire import RemoteProtocolError, decode

AnswerFact = StateFact | OrderAmended | AmendRejected | CancelRejected

_SOCKET: Final = msgspec.json.Decoder(SocketAnswer)
_ORDER: Final = msgspec.json.Decoder(OrderAnswer)
_BATCH: Final = msgspec.json.Decoder(list[msgspec.Raw])
_ERROR: Final = msgspec.json.Decoder(VenueError)
PROBE: Final = "alive"  # the id of a frame that is no command, sent to see whether the connection lives
_MAX_IN_FLIGHT: Final = 10_000
_REJECTIONS: Final[dict[type, type[OrderRejected | AmendRejected | CancelRejected]]] = {
    PlaceOrder: OrderRejected,
    AmendOrder: AmendRejected,
    CancelOrder: CancelRejected,
}
_STATES: Final = {
    "NEW": OrderState.OPEN,
    "PARTIALLY_FILLED": OrderState.OPEN,
    "NEW_INSURANCE": OrderState.OPEN,
    "NEW_ADL": OrderState.OPEN,
    "FILLED": OrderState.FILLED,
    "CANCELED": OrderState.CANCELLED,
    "REJECTED": OrderState.REJECTED,
    "EXPIRED": OrderState.EXPIRED,
    "EXPIRED_IN_MATCH": OrderState.EXPIRED,
}


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What an answer says.

    Attributes:
        command: what it answers; None if that is not known (any more).
        facts: for the order manager; none where the fate is unknown.
        refusal: why it was not granted; None if it was.
        counts: of the limits, where the answer has them.
        ts_sent: when what it answers left; 0 if that is not known.
    """

    command: OrderCommand | None
    facts: tuple[AnswerFact, ...]
    refusal: Refusal | None
    counts: tuple[RateLimit, ...] = ()
    ts_sent: Nanos = 0


class Answers:
    """Reads answers to the commands of one account.

    `venue_time` is the venue's clock as we estimate it: refusals carry no time of their own.
    """

    def __init__(self, instruments: Iterable[Instrument], orders: OrderIndex) -> None:
        self.symbols = Symbols(instruments)
        self._orders = orders
        self._in_flight: dict[str, tuple[OrderCommand | None, Nanos]] = {}

    # --- by the WebSocket API ----------------------------------------------------------------------------------------

    def sent(self, request_id: int | str, command: OrderCommand | None, now: Nanos) -> None:
        """A frame with this id is on its way; None: it is no command."""
        self._in_flight[str(request_id)] = command, now
        if len(self._in_flight) > _MAX_IN_FLIGHT:  # what is never answered: whoever sent it has asked since
            del self._in_flight[next(iter(self._in_flight))]

    def lost(self) -> list[OrderCommand]:
        """The connection is gone: return the commands whose fate is unknown, in the order in which they were sent."""
        commands = [command for command, _ in self._in_flight.values() if command is not None]
        self._in_flight.clear()
        return commands

    def on_frame(self, frame: bytes, ts_recv: Nanos, venue_time: Nanos) -> Outcome:
        """Return what a frame of the WebSocket API says.

        Raises:
            RemoteProtocolError: it is no answer.
        """
        answer = decode(_SOCKET, frame, "the WebSocket API of Binance")
        counts = tuple(answer.rate_limits)
        command, ts_sent = self._in_flight.pop(str(answer.id), (None, 0))
        refusal = None
        if answer.error is not None or answer.status != 200:
            error = answer.error or VenueError(0)
            refusal = refusal_of(answer.status, error.code, error.message)
        if command is None:
            self.symbols.seen[_uncalled_for(answer.id, refusal)] += 1
            return Outcome(None, (), refusal, counts, ts_sent)
        facts = (
            self._granted(command, bytes(answer.result), ts_recv)
            if refusal is None
            else _refused(command, refusal, ts_recv, venue_time)
        )
        return Outcome(command, facts, refusal, counts, ts_sent)

    # --- by REST -----------------------------------------------------------------------------------------------------

    def on_response(
        self, command: OrderCommand, status: int, body: bytes, ts_recv: Nanos, venue_time: Nanos
    ) -> Outcome:
        """Return what an HTTP response to a command says.

        Raises:
            RemoteProtocolError: it is a success that tells of no order, or of another one.
        """
        if 200 <= status < 300:
            return Outcome(command, self._granted(command, body, ts_recv), None)
        refusal = refusal_of_body(status, body)
        return Outcome(command, _refused(command, refusal, ts_recv, venue_time), refusal)

    def on_batch(
        self, commands: Sequence[OrderCommand], status: int, body: bytes, ts_recv: Nanos, venue_time: Nanos
    ) -> list[Outcome]:
        """Return what the response to a batch says of each command, in their order.

        Raises:
            RemoteProtocolError: it is a success, but not with one answer for each command.
        """
        if not 200 <= status < 300:
            refusal = refusal_of_body(status, body)
            return [Outcome(each, _refused(each, refusal, ts_recv, venue_time), refusal) for each in commands]
        items = decode(_BATCH, body, "a batch of Binance")
        if len(items) != len(commands):
            raise RemoteProtocolError(f"a batch of Binance: {len(items)} answers to {len(commands)} commands")
        outcomes = []
        for command, raw in zip(commands, items, strict=True):
            try:
                error = _ERROR.decode(raw)
            except msgspec.ValidationError:  # no code, so an order
                outcomes.append(Outcome(command, self._granted(command, bytes(raw), ts_recv), None))
                continue
            refusal = refusal_of(400, error.code, error.message)
            outcomes.append(Outcome(command, _refused(command, refusal, ts_recv, venue_time), refusal))
        return outcomes

    def on_query(self, command: OrderCommand, status: int, body: bytes, ts_recv: Nanos) -> Outcome:
        """Return what the answer to `OrderRequests.query` says of the order of a command whose fate was unknown.

        That there is no such order is told as a refusal and not as a fact: it may still be on its way.

        Raises:
            RemoteProtocolError: as `on_response`.
        """
        if not 200 <= status < 300:
            return Outcome(command, (), refusal_of_body(status, body))
        order = self._order(command, body)
        fact = self._state(command, order, ts_recv)
        return Outcome(command, () if fact is None else (fact,), None)

    def on_status(
        self, query: QueryOrder, body: bytes, ts_request: Nanos, ts_venue: Nanos, ts_recv: Nanos
    ) -> OrderStatus | None:
        """Return what a success says of an order that was asked for; None for a state that we do not know.

        Raises:
            RemoteProtocolError: as `on_response`.
        """
        order = self._order(query, body)
        state = _STATES.get(order.status)
        if state is None:
            self.symbols.seen["status not known"] += 1
            return None
        grid = self.symbols.by_id[query.instrument]
        # a market order has no price
        price = grid.ticks[order.price] if order.price.strip("0.") else 0
        size, filled = grid.lots[order.quantity], grid.lots[order.filled]
        stamps = (query.client_id, query.instrument, ts_request, ts_venue, ts_recv)
        return OrderStatus(*stamps, int(state), price, size, filled)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _granted(self, command: OrderCommand, body: bytes, ts_recv: Nanos) -> tuple[AnswerFact, ...]:
        order = self._order(command, body)
        if isinstance(command, AmendOrder) and order.status in {"NEW", "PARTIALLY_FILLED", "FILLED"}:
            grid = self.symbols.by_id[command.instrument]
            price, size = grid.ticks[order.price], grid.lots[order.quantity]
            stamps = (command.client_id, command.instrument, order.ts_update * MS, ts_recv)
            return (OrderAmended(*stamps, price, size),)
        fact = self._state(command, order, ts_recv)
        return () if fact is None else (fact,)

    def _state(self, command: OrderCommand, order: OrderAnswer, ts_recv: Nanos) -> StateFact | None:
        stamps = (command.client_id, command.instrument, order.ts_update * MS, ts_recv)
        filled = self.symbols.by_id[command.instrument].lots[order.filled]
        return state_fact(order.status, order.time_in_force, "0", *stamps, filled)

    def _order(self, command: OrderCommand | QueryOrder, body: bytes) -> OrderAnswer:
        instrument = self.symbols.by_id[command.instrument].instrument
        where = f"the answer about order {command.client_id} of {instrument.name}"
        order = decode(_ORDER, body, where)
        client_id = client_id_of(order.client_id, order.order_id)
        if (order.symbol, client_id) != (instrument.symbol, command.client_id):
            raise RemoteProtocolError(f"{where} is about order {order.client_id!r} of {order.symbol!r}")
        self._orders.note_id(instrument.id, order.order_id, client_id)
        self._orders.note_side(client_id, side_of(order.side, where))
        return order


def _uncalled_for(request_id: object, refusal: Refusal | None) -> str:
    if request_id != PROBE:
        return "answer to nothing"
    how = "granted" if refusal is None else f"refused: {refusal.code}"
    return f"probe of the trade socket {how}"


def refusal_of_body(status: int, body: bytes) -> Refusal:
    """Return what a response that is no success means; one without a code is judged by its status and text."""
    try:
        error = _ERROR.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return refusal_of(status, 0, body[:200].decode(errors="replace"))
    return refusal_of(status, error.code, error.message)


def _refused(command: OrderCommand, refusal: Refusal, ts_recv: Nanos, venue_time: Nanos) -> tuple[AnswerFact, ...]:
    if refusal.fate is Fate.UNKNOWN:
        return ()
    stamps = (command.client_id, command.instrument, venue_time, ts_recv)
    if isinstance(command, AmendOrder) and refusal.code == NO_MODIFICATION:
        return (OrderAmended(*stamps, command.price, command.size),)  # it is so already
    reason = refusal.reason
    if reason is Reason.UNKNOWN_ORDER and isinstance(command, PlaceOrder):
        reason = Reason.VENUE_OTHER
    return (_REJECTIONS[type(command)](*stamps, int(reason)),)
