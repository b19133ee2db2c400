"""Binance's countdown: it cancels all orders of an instrument unless it is told in time that we are well.

It is armed before the first order of an instrument, renewed while all is well, and disarmed when the account shows
that no order is left, and none can arrive any more.  While the trading path is down it is left to run out: nobody looks
after the orders then.  Where it may have run out otherwise no order is placed.
"""

from typing import Final

import attrs

from market.messages import AccountSnapshot, TradingState
from market.units import MS, SECOND, InstrumentId, Nanos
from venues.binance.answers import refusal_of_body
from venues.binance.errors import Fate, Remedy
from venues.binance.request_gate import RequestGate
from venues.binance.requests import OrderRequests
from venues.binance.structs import VENUE
from venues.binance.subscriptions import NEVER
from venues.ports import ask_for_person
from venues.venue import HttpAnswer, Output

_RETRY: Final = 2 * SECOND
_WEIGHT: Final = 10
_BRIEF: Final = frozenset({Remedy.WAIT_FOR_LIMIT, Remedy.SYNC_CLOCK, Remedy.BACK_OFF})


@attrs.frozen
class SwitchConfig:
    """How long orders may outlive us, and how often that is put off; each time costs a weight of 10."""

    countdown_s: float = attrs.field(default=30.0, validator=attrs.validators.ge(5))
    renew_every_s: float = attrs.field(default=10.0, validator=attrs.validators.gt(0))

    def __attrs_post_init__(self) -> None:
        if self.renew_every_s * 2 > self.countdown_s:
            raise ValueError(
                f"renew_every_s {self.renew_every_s:g} must be at most half of countdown_s {self.countdown_s:g}"
            )


@attrs.define
class _Armed:
    renew_at: Nanos
    placed_at: Nanos
    runs_until: Nanos  # from then on it may have run out


class DeadMansSwitch:
    """The countdowns of one account; each instrument has its own.

    Args:
        under_way: for so long after an order left the account may not show it yet.
    """

    def __init__(
        self, requests: OrderRequests, gate: RequestGate, under_way: Nanos, config: SwitchConfig | None = None
    ) -> None:
        self.config = config or SwitchConfig()
        self._requests, self._gate, self._under_way = requests, gate, under_way
        self._lasts = round(self.config.countdown_s * SECOND)
        self._every = round(self.config.renew_every_s * SECOND)
        self._armed: dict[InstrumentId, _Armed] = {}
        self._is_well = True

    @property
    def armed(self) -> tuple[InstrumentId, ...]:
        """The instruments whose countdown runs."""
        return tuple(self._armed)

    def may_place(self, instrument: InstrumentId, now: Nanos) -> bool:
        """Tell whether an order would be ended if we fell silent: its countdown runs, or can be set before it."""
        armed = self._armed.get(instrument)
        return self._free_at(now) <= now if armed is None else now < armed.runs_until

    def placing(self, instrument: InstrumentId, now: Nanos) -> list[Output]:
        """An order is about to leave: what is returned goes first."""
        armed = self._armed.get(instrument)
        if armed is not None:
            armed.placed_at = now
            return self.on_deadline(now)  # it may have run out during an outage
        self._armed[instrument] = _Armed(now + self._every, now, now + self._lasts)
        return [self._set(instrument, now, is_on=True)]

    def seen(self, snapshot: AccountSnapshot, now: Nanos) -> list[Output]:
        """Disarm where the account shows no order, and all that were sent must be in what it shows."""
        if self._free_at(now) > now:
            return []  # the next snapshot does it
        open_on = {order.instrument for order in snapshot.open_orders}
        empty = [
            instrument
            for instrument, armed in self._armed.items()
            if instrument not in open_on and armed.placed_at + self._under_way < snapshot.ts_request
        ]
        for instrument in empty:
            del self._armed[instrument]
        return [self._set(instrument, now, is_on=False) for instrument in empty]

    def healthy(self, now: Nanos, *, is_well: bool) -> None:
        """The trading path is up, or it is down."""
        if is_well and not self._is_well:
            for armed in self._armed.values():
                armed.renew_at, armed.runs_until = now, now + self._lasts  # it goes before the next order
        self._is_well = is_well

    def next_deadline(self) -> Nanos:
        return min((armed.renew_at for armed in self._armed.values()), default=NEVER) if self._is_well else NEVER

    def on_deadline(self, now: Nanos) -> list[Output]:
        """Renew what is due."""
        outputs: list[Output] = []
        for instrument, armed in self._armed.items():
            if not self._is_well or now < armed.renew_at:
                continue
            free_at = self._free_at(now)
            armed.renew_at = now + self._every if free_at <= now else free_at
            if free_at <= now:
                outputs.append(self._set(instrument, now, is_on=True))
        return outputs

    def _free_at(self, now: Nanos) -> Nanos:
        # it may use what is kept for cancels
        return self._gate.free_at(now, _WEIGHT, is_urgent=True)

    def _set(self, instrument: InstrumentId, now: Nanos, *, is_on: bool) -> Output:
        countdown_ms = round(self.config.countdown_s * SECOND / MS) if is_on else 0
        request = self._requests.countdown(instrument, countdown_ms, self._gate.clock.at(now))

        def answered(answer: HttpAnswer | None, at: Nanos) -> list[Output]:
            return self._answered(instrument, answer, at, is_on=is_on)

        # of one lane, so that what ends one countdown cannot end the next
        return self._gate.send(request, answered, now, lane=f"countdown {instrument}")

    def _answered(
        self, instrument: InstrumentId, answer: HttpAnswer | None, now: Nanos, *, is_on: bool
    ) -> list[Output]:
        armed = self._armed.get(instrument)
        if answer is not None and 200 <= answer.status < 300:
            if is_on and armed is not None:
                armed.runs_until = max(armed.runs_until, answer.ts_sent + self._lasts)
            return []
        if not is_on or armed is None:
            return []  # one that runs out on an empty book does no harm
        armed.renew_at = min(armed.renew_at, now + _RETRY)
        if answer is None:
            return []
        refusal = refusal_of_body(answer.status, answer.body)
        if refusal.fate is Fate.UNKNOWN or refusal.remedy in _BRIEF:
            return []
        text = f"the dead man's switch was refused: {refusal.code} {refusal.message}"
        return ask_for_person(VENUE, TradingState.HALTED, text, now)
