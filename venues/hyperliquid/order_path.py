"""Order commands on their way, and the answers to them.

An answer tells what has become of an order by then, so that facts come from it or from the streams, whichever is first.
It does not say when: its facts have a time that has surely come, so that what the streams tell later is later.
Orders and amends go by the private socket alone, cancels by HTTP where it is down.  What the limits have no room for
is refused here, as surely not sent, but for cancels, which wait.  A cancel of unknown fate is sent again.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from market.messages import (
    AmendOrder,
    AmendRejected,
    CancelAll,
    CancelOrder,
    CancelRejected,
    OrderAmended,
    OrderExpired,
    OrderRejected,
    PlaceOrder,
    Reason,
)
from market.units import Nanos
from venues.held_cancels import Cancel, HeldCancels
from venues.hyperliquid.errors import verdict_on
from venues.hyperliquid.exchange import Answered, Exchange, Result
from venues.hyperliquid.gate import HyperliquidGate, info
from venues.hyperliquid.order_ids import cloid_of
from venues.hyperliquid.order_status import HyperliquidQueries
from venues.hyperliquid.orders import Amending, Live, Orders
from venues.hyperliquid.private import EXPIRING, At, PrivateData
from venues.hyperliquid.requests import MAX_BATCH, OrderActions
from venues.hyperliquid.structs import NAME, Filled, ItemStatus, OrderTerms
from venues.ports import told
from venues.venue import URGENT, HttpAnswer, Output
from venues.verdicts import Advice, Fate, Verdict, person_for
from venues.wire import RemoteProtocolError, decode

_OPEN: Final = msgspec.json.Decoder(list[OrderTerms])
_LATER: Final = (Advice.NO_BUDGET, Advice.SLOW_DOWN)


class OrderPath:
    """Sends the commands of one account and reads the answers.

    Attributes:
        is_up: orders may be sent, as what becomes of them is heard.
        seen: what is worth knowing, by what it was.
        wants_instruments: a refusal says that a rule may have changed.
    """

    def __init__(
        self,
        account: str,
        actions: OrderActions,
        orders: Orders,
        private: PrivateData,
        queries: HyperliquidQueries,
        exchange: Exchange,
        gate: HyperliquidGate,
    ) -> None:
        self.is_up = False
        self.seen: Counter[str] = Counter()
        self.wants_instruments = False
        self._account, self._actions, self._orders, self._private = account, actions, orders, private
        self._queries, self._exchange, self._gate = queries, exchange, gate
        self._held = HeldCancels()
        self.on: dict[type, Callable[[Any, Nanos], list[Output]]] = {
            PlaceOrder: self._place,
            AmendOrder: self._amend,
            CancelOrder: self._cancel,
            CancelAll: self._cancel,
        }

    # --- several at one instant --------------------------------------------------------------------------------------

    def together(self, commands: Sequence[Any], now: Nanos) -> list[Output]:
        """Send commands of one kind that are about different orders: one signature, one nonce, one frame.

        What the budget has no room for goes by itself, as does each where one is not to be had.
        """
        n = self._n_that_fit(commands, now)
        outputs: list[Output] = []
        if n > 1:
            send = self._send_cancels if isinstance(commands[0], CancelOrder) else self._place_together
            outputs = send(commands[:n], now)
        rest: Sequence[Any] = commands[n:] if outputs else commands
        return outputs + [output for command in rest for output in self.on[type(command)](command, now)]

    def _n_that_fit(self, commands: Sequence[Any], now: Nanos) -> int:
        """Return how many of the first may share an action now."""
        is_cancel = isinstance(commands[0], CancelOrder)
        is_free = self._exchange.free_at(now, is_cancel=is_cancel) <= now and (is_cancel or self.is_up)
        return min(len(commands), self._exchange.budget.left(is_cancel=is_cancel)) if is_free else 0

    def _place_together(self, orders: Sequence[PlaceOrder], now: Nanos) -> list[Output]:
        try:
            action = self._actions.place(orders)
        except ValueError:
            return []  # each by itself says which it is
        for order in orders:
            self._orders.placed(order, now)
        cloids = [cloid_of(order.client_id) for order in orders]
        answered = _each([partial(self._placed, order) for order in orders], cloids)
        return self._exchange.send(action, len(orders), answered, now, expires=True)

    # --- orders ------------------------------------------------------------------------------------------------------

    def _place(self, order: PlaceOrder, now: Nanos) -> list[Output]:
        obstacle = self._obstacle(now)
        if not obstacle:
            try:
                action = self._actions.place([order])
            except ValueError:
                self.seen["order of a kind that is not to be had"] += 1
                obstacle = Reason.INVALID_TERMS
        if obstacle:
            return told([OrderRejected(*self._at(order, now), int(obstacle))])
        self._orders.placed(order, now)
        return self._exchange.send(action, 1, partial(self._placed, order), now, expires=True)

    def _placed(self, order: PlaceOrder, result: Result | None, now: Nanos) -> list[Output]:
        if result is None:
            self.seen["order of unknown fate"] += 1
            return []
        at = self._at(order, now)
        error = result.error_of(0)
        if error:
            return self._refused(order, at, error, now)
        status = result.statuses[0] if result.statuses else None
        if not isinstance(status, ItemStatus) or (status.resting is None and status.filled is None):
            self.seen["answer to an order that says nothing"] += 1
            return []
        stands = status.resting or status.filled
        assert stands is not None
        self._orders.note(stands.oid, order.client_id)
        facts: list[Any] = self._private.accepted(at)
        live = self._orders.live.get(order.client_id)
        if status.filled is not None and live is not None and order.flags & EXPIRING:
            facts += self._rest_expired(live, status.filled, at)
        return told(facts)

    def _rest_expired(self, live: Live, filled: Filled, at: At) -> list[Any]:
        """An order that takes or goes has ended: what was not filled is gone, whether the stream says so or not."""
        lots = self._actions.grids[at[1]].lots[filled.total_sz or "0"]
        self._orders.ended(at[0], filled.oid)
        return [OrderExpired(*at, int(Reason.REMAINDER_EXPIRED), lots)] if lots < live.size else []

    def _refused(self, order: PlaceOrder, at: At, error: str, now: Nanos) -> list[Output]:
        verdict = verdict_on(error)
        outputs = self._see_to(verdict, error, now)
        if verdict.fate is Fate.UNKNOWN:
            self.seen["order of unknown fate"] += 1
            return outputs
        live = self._orders.ended(at[0], 0)
        if live is None:
            return outputs  # the stream has told of its end
        if order.flags & EXPIRING and verdict.reason is Reason.NO_LIQUIDITY:
            return [*told([OrderExpired(*at, int(Reason.NO_LIQUIDITY), 0)]), *outputs]
        return [*told([OrderRejected(*at, int(verdict.reason))]), *outputs]

    # --- amends ------------------------------------------------------------------------------------------------------

    def _amend(self, amend: AmendOrder, now: Nanos) -> list[Output]:
        at = self._at(amend, now)
        live = self._orders.live.get(amend.client_id)
        obstacle = self._obstacle(now)
        if live is None:
            obstacle = obstacle or Reason.UNKNOWN_ORDER
        elif not obstacle and (live.amending is not None or live.doubt is not None or not live.oid):
            obstacle = Reason.INVALID_TERMS  # which of its orders ends could not be told
        elif not obstacle and amend.size <= live.filled:
            obstacle = Reason.INVALID_SIZE
        if obstacle or live is None:
            return told([AmendRejected(*at, int(obstacle))])
        remaining = amend.size - live.filled
        action = self._actions.amend(amend, live.order, remaining)
        live.amending = Amending(amend.price, remaining, live.oid)
        return self._exchange.send(action, 1, partial(self._amended, live, live.filled), now, expires=True)

    def _amended(self, live: Live, filled: int, result: Result | None, now: Nanos) -> list[Output]:
        amending, live.amending = live.amending, None
        assert amending is not None, "the answer to an amend that nobody sent"
        at = self._at(live.order, now)
        status = result.statuses[0] if result is not None and result.statuses else None
        stands = (status.resting or status.filled) if isinstance(status, ItemStatus) else None
        error = result.error_of(0) if result is not None else ""
        if stands is not None:
            self._orders.replaced(live, stands.oid)
            live.price, live.base, live.size = amending.price, filled, filled + amending.remaining
            live.ts = at[2]
            facts: list[Any] = [OrderAmended(*at, live.price, live.size)]
            for news in amending.ended:
                facts += self._private.news(news, now)
            return told(facts)
        outputs: list[Output] = []
        if error and verdict_on(error).fate is not Fate.UNKNOWN:
            outputs += told([AmendRejected(*at, int(verdict_on(error).reason))])
            outputs += self._see_to(verdict_on(error), error, now)
        else:
            self.seen["amend of unknown fate"] += 1
            self._private.is_doubted = True
            live.doubt = filled
        for news in amending.ended:  # of one that was refused it was the end of the order
            outputs += told(self._private.news(news, now))
        return outputs

    def _obstacle(self, now: Nanos) -> Reason:
        if not self.is_up:
            return Reason.NOT_CONNECTED
        return Reason.NONE if self._exchange.free_at(now) <= now else Reason.LIMIT_ORDER_RATE

    # --- cancels -----------------------------------------------------------------------------------------------------

    def _cancel(self, command: Cancel, now: Nanos, n_tries: int = 0) -> list[Output]:
        free_at = self._exchange.free_at(now, is_cancel=True)
        if free_at > now:
            self._held.hold(command, free_at, n_tries)
            return []
        if isinstance(command, CancelOrder):
            return self._send_cancels((command,), now, n_tries)
        self._held.release(command)
        return self._list_all(command, n_tries, now)

    def _send_cancels(self, commands: Sequence[CancelOrder], now: Nanos, n_tries: int = 0) -> list[Output]:
        action = self._actions.cancel(commands)
        for command in commands:
            self._held.release(command)
            live = self._orders.live.get(command.client_id)
            if live is not None:
                live.is_cancelled = True
        takers = [partial(self._cancelled, command, n_tries) for command in commands]
        lane = "" if self._exchange.has_room(now) else URGENT
        return self._exchange.send(action, len(commands), _each(takers), now, lane=lane)

    def _cancelled(self, command: CancelOrder, n_tries: int, result: Result | None, now: Nanos) -> list[Output]:
        error = result.error_of(0) if result is not None else ""
        verdict = verdict_on(error)
        if result is None or (error and (verdict.fate is Fate.UNKNOWN or verdict.advice in _LATER)):
            self.seen["cancel of unknown fate"] += 1
            self._held.try_again(command, n_tries, now)
            return []
        if not error:
            return []  # the stream tells of the end, and of what was filled until then
        live = self._orders.live.get(command.client_id)
        if live is not None:
            live.is_cancelled = False
        at = self._at(command, now)
        return [*told([CancelRejected(*at, int(verdict.reason))]), *self._see_to(verdict, error, now)]

    def _list_all(self, command: CancelAll, n_tries: int, now: Nanos) -> list[Output]:
        """There is no cancel of all: what is known here is cancelled at once, and what the venue lists after it."""
        ours = [each for each in self._orders.live.values() if each.order.instrument == command.instrument]
        outputs: list[Output] = []
        for begin in range(0, len(ours), MAX_BATCH):
            if self._exchange.free_at(now, is_cancel=True) > now:
                break  # those are in the venue's list
            part = ours[begin : begin + MAX_BATCH]
            for live in part:
                live.is_cancelled = True
            action = self._actions.cancel([CancelOrder(live.order.client_id, command.instrument) for live in part])
            outputs += self._exchange.send(action, len(part), _nobody_asked, now, lane=URGENT)
        question = info("frontendOpenOrders", user=self._account)
        return [*outputs, self._gate.send(question, partial(self._listed, command, n_tries), now, URGENT)]

    def _listed(self, command: CancelAll, n_tries: int, answer: HttpAnswer | None, now: Nanos) -> list[Output]:
        symbol = self._actions.grids[command.instrument].instrument.symbol
        try:
            if answer is None or answer.status != 200:
                raise RemoteProtocolError("no answer")
            rows = decode(_OPEN, answer.body, "hyperliquid open orders")
        except RemoteProtocolError:
            self.seen["open orders that were not told"] += 1
            self._held.try_again(command, n_tries, now)
            return []
        ours = [(command.instrument, row.oid) for row in rows if row.coin == symbol]
        if not ours:
            return []
        if self._exchange.free_at(now, is_cancel=True) > now:
            self._held.try_again(command, n_tries, now)
            return []
        answered = partial(self._all_cancelled, command, n_tries)
        return self._exchange.send(self._actions.cancel_ids(ours), len(ours), answered, now, lane=URGENT)

    def _all_cancelled(self, command: CancelAll, n_tries: int, result: Result | None, now: Nanos) -> list[Output]:
        if result is None or result.refusal:
            self.seen["cancel of all of unknown fate"] += 1
            self._held.try_again(command, n_tries, now)
            return [] if result is None else self._see_to(verdict_on(result.refusal), result.refusal, now)
        return []

    def _at(self, command: PlaceOrder | AmendOrder | CancelOrder, now: Nanos) -> At:
        live = self._orders.live.get(command.client_id)
        told_at = live.ts if live is not None else 0
        return command.client_id, command.instrument, max(told_at, self._gate.surely_past(now)), now

    # --- the rest ----------------------------------------------------------------------------------------------------

    def _see_to(self, verdict: Verdict, error: str, now: Nanos) -> list[Output]:
        if verdict.advice is Advice.RELOAD_INSTRUMENTS:
            self.wants_instruments = True
        if verdict.advice is Advice.NO_BUDGET:
            self.seen["action refused for want of budget"] += 1
        return person_for(NAME, verdict.advice, f"{error:.200}", now)

    def next_deadline(self) -> Nanos:
        return self._held.next_deadline()

    def on_deadline(self, now: Nanos) -> list[Output]:
        return [output for command, n_tries in self._held.due(now) for output in self._cancel(command, now, n_tries)]


def _each(takers: Sequence[Answered], cloids: Sequence[str] = ()) -> Answered:
    """Return who takes the answer to a batch, and gives each its own."""
    if len(takers) == 1:
        return takers[0]

    def take(result: Result | None, now: Nanos) -> list[Output]:
        results = [None] * len(takers) if result is None else result.of_each(len(takers), cloids)
        outputs: list[Output] = []
        for taker, each in zip(takers, results, strict=True):
            try:
                outputs += taker(each, now)
            except RemoteProtocolError:  # what makes no sense of one leaves that one open, and tells of the others
                outputs += taker(None, now)
        return outputs

    return take


def _nobody_asked(result: Result | None, now: Nanos) -> list[Output]:
    """Take the answer to what nobody hears of: the streams, and the account, tell what came of it."""
    return []
