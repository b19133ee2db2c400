"""The venue's countdown, which cancels all orders of the account unless it is told in time that we are well.

Not every account has it.  It is tried before the first order; where it is refused, that is noted once, and trading goes
on with the watchdog alone.  It is renewed while all is well, ended when the account shows that no order is left, and
left to run out while the trading path is down: nobody looks after the orders then.
"""

from collections import Counter
from typing import Final

import attrs

from market.messages import AccountSnapshot
from market.units import MS, SECOND, Nanos
from venues.venue import NEVER, HttpAnswer, Output
from venues.woox.errors import may_pass
from venues.woox.gate import WooxGate
from venues.woox.limits import SWITCH
from venues.woox.requests import OrderRequests
from venues.woox.structs import read_reply

_PATH: Final = "/v3/trade/cancelAllAfter"
_BUCKET: Final = (SWITCH, "")
_RETRY: Final = 2 * SECOND
_MOST_S: Final = 900.0


@attrs.frozen
class SwitchConfig:
    """How long orders may outlive us, and how often that is put off."""

    countdown_s: float = attrs.field(default=30.0, validator=[attrs.validators.ge(5), attrs.validators.le(_MOST_S)])
    renew_every_s: float = attrs.field(default=10.0, validator=attrs.validators.gt(0))

    def __attrs_post_init__(self) -> None:
        if self.renew_every_s * 2 > self.countdown_s:
            raise ValueError(
                f"renew_every_s {self.renew_every_s:g} must be at most half of countdown_s {self.countdown_s:g}"
            )


class DeadMansSwitch:
    """The countdown of one account.

    Attributes:
        is_had: the account has it: True, False, or None: it is not known yet.
        is_armed: it runs.
        seen: what came of trying, by what it was.
    """

    def __init__(self, requests: OrderRequests, gate: WooxGate, config: SwitchConfig | None = None) -> None:
        self._config = config or SwitchConfig()
        self._requests, self._gate = requests, gate
        self._every = round(self._config.renew_every_s * SECOND)
        self.is_had: bool | None = None
        self.is_armed = False
        self.seen: Counter[str] = Counter()
        self._renew_at: Nanos = NEVER
        self._placed_at: Nanos = 0
        self._is_well = True

    def placing(self, now: Nanos) -> list[Output]:
        """An order is about to leave: what is returned goes first."""
        self._placed_at = now
        if self.is_had is False:
            return []
        if self.is_armed:
            return self.on_deadline(now)  # it may have run out during an outage
        self.is_armed = True
        return self._set(now, is_on=True)

    def seen_account(self, snapshot: AccountSnapshot, now: Nanos) -> list[Output]:
        """End it where the account shows no order, and none was sent since it was asked for."""
        if not self.is_armed or snapshot.open_orders or self._placed_at >= snapshot.ts_request:
            return []
        if self._gate.free_at(_BUCKET, now) > now:
            return []  # the next snapshot does it
        self.is_armed, self._renew_at = False, NEVER
        return self._set(now, is_on=False)

    def healthy(self, now: Nanos, *, is_well: bool) -> None:
        """The trading path is up, or it is down."""
        if is_well and not self._is_well and self.is_armed:
            self._renew_at = now
        self._is_well = is_well

    def next_deadline(self) -> Nanos:
        return self._renew_at if self._is_well and self.is_armed else NEVER

    def on_deadline(self, now: Nanos) -> list[Output]:
        """Renew it if that is due."""
        return self._set(now, is_on=True) if now >= self.next_deadline() else []

    def _set(self, now: Nanos, *, is_on: bool) -> list[Output]:
        free_at = self._gate.free_at(_BUCKET, now)
        if is_on:
            self._renew_at = now + self._every if free_at <= now else free_at
        if free_at > now:
            return []
        after_ms = round(self._config.countdown_s * SECOND / MS) if is_on else 0
        request = self._requests.send("POST", _PATH, {"triggerAfter": after_ms}, self._gate.at(now))

        def answered(answer: HttpAnswer | None, at: Nanos) -> list[Output]:
            return self._answered(answer, at, is_on=is_on)

        # of one lane, so that what ends one countdown cannot end the next
        return [self._gate.send(request, answered, _BUCKET, now, lane="countdown")]

    def _answered(self, answer: HttpAnswer | None, now: Nanos, *, is_on: bool) -> list[Output]:
        if not is_on or not self.is_armed:
            return []  # one that runs out on an empty book does no harm
        self._renew_at = min(self._renew_at, now + _RETRY)  # unless it was granted
        if answer is None:
            return []
        reply = read_reply(answer.body)
        if reply.success:
            self.is_had = True
            self._renew_at = now + self._every
            return []
        if may_pass(answer.status, reply.code):
            return []  # it may be had: tried again
        self.seen[f"no dead man's switch: {reply.code or 'no code'} {reply.message:.80}"] += 1
        if self.is_had is None:
            self.is_had, self.is_armed, self._renew_at = False, False, NEVER
        return []
