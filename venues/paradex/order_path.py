"""Order commands on their way, and the answers to them.

An answer that grants says only that a command has come: what became of it comes by the channel.  Orders and amends go
by the private socket alone, signed in a thread; cancels by REST where it is down.  What the limits have no room for is
refused here, as surely not sent, but for cancels, which wait.  A cancel of unknown fate is sent again.
"""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from market.messages import (
    AmendOrder,
    AmendRejected,
    CancelAll,
    CancelOrder,
    CancelRejected,
    OrderFlag,
    OrderRejected,
    PlaceOrder,
    Reason,
    TradingState,
)
from market.units import SECOND, Nanos
from venues.held_cancels import AGAIN, Cancel, HeldCancels
from venues.paradex.calls import Answered, Calls, frame_of
from venues.paradex.errors import INTERNAL_ERROR, verdict_on, verdict_on_call
from venues.paradex.gate import OK, ORDERS, ParadexGate
from venues.paradex.login import Login
from venues.paradex.private import ON_ITS_WAY, At, PrivateData
from venues.paradex.requests import OrderCalls, Signed
from venues.paradex.structs import NAME, Frame, RpcError, read_refusal
from venues.ports import ask_for_person, told
from venues.venue import URGENT, HttpAnswer, MakeFrame, Output, SendFrame
from venues.verdicts import UNKNOWN, Advice, Fate, Verdict, person_for

SOCKET: Final = "private"
_SOON: Final = SECOND // 10  # a cancel of an order that may not have come yet
_NO_ANSWER: Final = RpcError(INTERNAL_ERROR, "no answer")


class OrderPath:
    """Sends the commands of one account and reads the answers.

    Attributes:
        is_up: orders may be sent, as what becomes of them is heard.
        seen: what is worth knowing, by what it was.
        wants_instruments: a refusal says that a rule may have changed.
    """

    def __init__(
        self, requests: OrderCalls, private: PrivateData, calls: Calls, login: Login, gate: ParadexGate
    ) -> None:
        self.is_up = False
        self.seen: Counter[str] = Counter()
        self.wants_instruments = False
        self._requests, self._private, self._calls, self._login, self._gate = requests, private, calls, login, gate
        self._held = HeldCancels()
        self.on: dict[type, Callable[[Any, Nanos], list[Output]]] = {
            PlaceOrder: self._place,
            AmendOrder: self._amend,
            CancelOrder: self._cancel,
            CancelAll: self._cancel,
        }

    # --- orders and amends -------------------------------------------------------------------------------------------

    def _place(self, order: PlaceOrder, now: Nanos) -> list[Output]:
        obstacle = self._obstacle(now)
        if not obstacle and self._gate.state != OK:
            is_quote = self._gate.state == "post_only" and order.flags & OrderFlag.POST_ONLY
            obstacle = Reason.NONE if is_quote else Reason.VENUE_OTHER
        if not obstacle:
            try:
                signed = self._requests.place(order, self._gate.at(now))
            except ValueError:
                self.seen["order of a kind that is not to be had"] += 1
                obstacle = Reason.INVALID_TERMS
        if obstacle:
            return told([OrderRejected(*self._at(order, now), int(obstacle))])
        self._private.placed(order, now)
        return [self._signed("order.create", signed, partial(self._placed, order), now)]

    def _amend(self, amend: AmendOrder, now: Nanos) -> list[Output]:
        live = self._private.live.get(amend.client_id)
        obstacle = self._obstacle(now)
        if not obstacle and live is not None:
            try:
                signed = self._requests.amend(amend, live.order, self._gate.at(now))
            except ValueError:
                obstacle = Reason.UNKNOWN_ORDER
            else:
                return [self._signed("order.modify", signed, partial(self._amended, amend), now)]
        return told([AmendRejected(*self._at(amend, now), int(obstacle or Reason.UNKNOWN_ORDER))])

    def _obstacle(self, now: Nanos) -> Reason:
        if not self.is_up:
            return Reason.NOT_CONNECTED
        return Reason.NONE if self._gate.free_at(ORDERS, now) <= now else Reason.LIMIT_ORDER_RATE

    def _signed(self, method: str, signed: Signed, answered: Answered, now: Nanos) -> Output:
        self._gate.spend(ORDERS, now)
        number = self._calls.new(answered, now)
        return MakeFrame(SOCKET, lambda: frame_of(number, method, signed()))

    def _placed(self, order: PlaceOrder, frame: Frame | None, now: Nanos) -> list[Output]:
        if frame is None or frame.error is None:
            if frame is None:
                self.seen["order without an answer"] += 1
            return []
        verdict = _verdict(frame.error)
        outputs = self._see_to(verdict, frame.error, now)
        if verdict.fate is Fate.UNKNOWN:
            self.seen["order of unknown fate"] += 1
            return outputs
        at = self._at(order, now)
        if self._private.live.pop(order.client_id, None) is None:
            return outputs  # the channel has told of its end
        return [*told([OrderRejected(*at, int(verdict.reason))]), *outputs]

    def _amended(self, amend: AmendOrder, frame: Frame | None, now: Nanos) -> list[Output]:
        error = frame.error if frame is not None else _NO_ANSWER
        if error is None:
            return []  # the channel tells what came of it
        verdict = _verdict(error)
        outputs = self._see_to(verdict, error, now)
        if verdict.fate is Fate.UNKNOWN:
            self.seen["amend of unknown fate"] += 1
            # the venue takes an amend however late it comes: the order must not move to a price of long ago
            return [*outputs, *self._cancel(CancelOrder(amend.client_id, amend.instrument), now)]
        return [*told([AmendRejected(*self._at(amend, now), int(verdict.reason))]), *outputs]

    # --- cancels -----------------------------------------------------------------------------------------------------

    def _cancel(self, command: Cancel, now: Nanos, n_tries: int = 0) -> list[Output]:
        free_at = self._gate.free_at(ORDERS, now)
        by_socket = self.is_up and isinstance(command, CancelOrder)
        if not by_socket and not self._login.token:
            self._login.doubt(now)
            free_at = max(free_at, now + AGAIN)
        if free_at > now:
            self._held.hold(command, free_at, n_tries)
            return [] if self._login.token else self._login.on_deadline(now)
        self._held.release(command)
        self._mark(command)
        try:
            if by_socket and isinstance(command, CancelOrder):
                params = self._requests.cancel(command)
                self._gate.spend(ORDERS, now)
                answered = partial(self._cancelled, command, n_tries)
                return [SendFrame(SOCKET, self._calls.call("order.cancel", params, answered, now))]
            request = self._requests.cancel_request(command, self._login.token)
        except ValueError:
            self.seen["cancel of an order without an id"] += 1
            if isinstance(command, CancelAll):
                return []
            return told([CancelRejected(*self._at(command, now), int(Reason.UNKNOWN_ORDER))])
        return [self._gate.send(request, partial(self._answered, command, n_tries), ORDERS, now, URGENT)]

    def _mark(self, command: Cancel) -> None:
        for client_id, live in self._private.live.items():
            if live.order.instrument == command.instrument:
                live.is_cancelled |= isinstance(command, CancelAll) or client_id == command.client_id

    def _cancelled(self, command: CancelOrder, n_tries: int, frame: Frame | None, now: Nanos) -> list[Output]:
        verdict = UNKNOWN if frame is None else None if frame.error is None else _verdict(frame.error)
        if verdict is None:
            return []
        seen = self._see_to(verdict, frame.error, now) if frame is not None and frame.error is not None else []
        return [*self._not_cancelled(command, n_tries, verdict, now), *seen]

    def _answered(self, command: Cancel, n_tries: int, answer: HttpAnswer | None, now: Nanos) -> list[Output]:
        if answer is not None and answer.status in (200, 204):
            return []
        refusal = read_refusal(answer.body) if answer is not None else None
        verdict = UNKNOWN
        if answer is not None and refusal is not None:
            verdict = verdict_on(answer.status, refusal.error)
            if answer.status == 404 and verdict is UNKNOWN:
                verdict = verdict_on(400, "ORDER_ID_NOT_FOUND")
        seen = self._see_to(verdict, RpcError(0, refusal.error if refusal else ""), now)
        return [*self._not_cancelled(command, n_tries, verdict, now), *seen]

    def _not_cancelled(self, command: Cancel, n_tries: int, verdict: Verdict, now: Nanos) -> list[Output]:
        live = self._private.live.get(command.client_id) if isinstance(command, CancelOrder) else None
        is_unheard = live is not None and not live.is_told and now < live.sent + ON_ITS_WAY
        may_come = is_unheard and verdict.reason is Reason.UNKNOWN_ORDER
        may_pass = verdict.advice in (Advice.LOG_IN, Advice.SLOW_DOWN)
        if verdict.fate is Fate.UNKNOWN or may_pass or may_come:
            self.seen[f"{type(command).__name__} that is sent again"] += 1
            if may_come:
                self._held.hold(command, now + min(_SOON << min(n_tries, 4), AGAIN), n_tries + 1)
            else:
                self._held.try_again(command, n_tries, now)
            return []
        if isinstance(command, CancelAll):
            if verdict.advice is Advice.HALT or verdict.reason is Reason.UNKNOWN_ORDER:
                return []  # a person is asked for, or there was nothing to cancel
            words = f"the cancel of all of {self._requests.symbol(command)} was refused: {verdict.reason.name}"
            return ask_for_person(NAME, TradingState.HALTED, words, now)
        if live is not None:
            live.is_cancelled = False
        return told([CancelRejected(*self._at(command, now), int(verdict.reason or Reason.VENUE_OTHER))])

    # --- the rest ----------------------------------------------------------------------------------------------------

    def _at(self, command: PlaceOrder | AmendOrder | CancelOrder, now: Nanos) -> At:
        live = self._private.live.get(command.client_id)
        told_at = live.ts if live is not None else 0
        return command.client_id, command.instrument, max(told_at, self._gate.surely_past(now)), now

    def _see_to(self, verdict: Verdict, error: RpcError, now: Nanos) -> list[Output]:
        advice = verdict.advice
        if advice is Advice.SLOW_DOWN:
            self._gate.refused(ORDERS, now)
        elif advice is Advice.LOG_IN:
            self._login.doubt(now)
        elif advice is Advice.RESYNC_CLOCK:
            self._gate.doubt_clock(now)
        elif advice is Advice.LOOK_AT_SYSTEM:
            self._gate.doubt_state(now)
        elif advice is Advice.RELOAD_INSTRUMENTS:
            self.wants_instruments = True
        return person_for(NAME, advice, f"{error.code} {error.message:.200}", now)

    def next_deadline(self) -> Nanos:
        return self._held.next_deadline()

    def on_deadline(self, now: Nanos) -> list[Output]:
        return [output for command, n_tries in self._held.due(now) for output in self._cancel(command, now, n_tries)]


def _verdict(error: RpcError) -> Verdict:
    texts = error.message + bytes(error.data).decode(errors="replace")
    return verdict_on_call(error.code, texts)
