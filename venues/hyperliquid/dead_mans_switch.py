"""The venue's scheduled cancel: at a set time all orders of the account are cancelled, unless it is put off.

It is for accounts that have traded a million; for others it is refused, which is noted once, and trading goes on with
the watchdog alone.  It is armed before the first order, put off while all is well, ended when the account shows that no
order is left, and left to come while the trading path is down.  Each word to it is an action of the account's budget,
and the venue carries it out ten times a day at the most.
"""

from collections import Counter
from typing import Final

import attrs

from market.messages import AccountSnapshot
from market.units import MS, SECOND, Nanos
from venues.hyperliquid.errors import is_switch_refused
from venues.hyperliquid.exchange import Exchange, Result
from venues.hyperliquid.gate import HyperliquidGate
from venues.venue import NEVER, Output

_RETRY: Final = 5 * SECOND
_LANE: Final = "countdown"  # of one lane, so that what ends one countdown cannot end the next


@attrs.frozen
class SwitchConfig:
    """How long orders may outlive us, and how often that is put off."""

    countdown_s: float = attrs.field(default=60.0, validator=[attrs.validators.ge(10), attrs.validators.le(3600)])
    renew_every_s: float = attrs.field(default=20.0, validator=attrs.validators.gt(0))

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

    def __init__(self, exchange: Exchange, gate: HyperliquidGate, config: SwitchConfig | None = None) -> None:
        self._config = config or SwitchConfig()
        self._exchange, self._gate = exchange, gate
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
        if self._exchange.free_at(now) > now:
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
        free_at = self._exchange.free_at(now)
        if is_on:
            self._renew_at = now + self._every if free_at <= now else free_at
        if free_at > now:
            return []
        action: dict[str, object] = {"type": "scheduleCancel"}
        if is_on:
            action["time"] = self._gate.at(now) // MS + round(self._config.countdown_s * SECOND / MS)

        def answered(result: Result | None, at: Nanos) -> list[Output]:
            return self._answered(result, at, is_on=is_on)

        return self._exchange.send(action, 1, answered, now, lane=_LANE)

    def _answered(self, result: Result | None, now: Nanos, *, is_on: bool) -> list[Output]:
        if not is_on or not self.is_armed:
            return []  # one that runs out on an empty book does no harm
        if result is not None and not result.refusal:
            self.is_had = True
            self._renew_at = now + self._every
        elif result is not None and is_switch_refused(result.refusal):
            self.seen["no dead man's switch: the account has not traded enough"] += 1
            self.is_had, self.is_armed, self._renew_at = False, False, NEVER
        else:
            self._renew_at = min(self._renew_at, now + _RETRY)
        return []
