"""The venue's scheduled cancel: at a set time all orders of the account are cancelled, unless it is put off.

It is for accounts that have traded a million; for others it is refused.  Each word to it is an action of the account's
budget, and the venue carries it out ten times a day at the most.
"""

from typing import ClassVar, Final

import attrs

from market.units import MS, SECOND, Nanos
from venues import dead_mans_switch
from venues.dead_mans_switch import GRANTED, LANE, UNSURE, DeadMansSwitch, Hear, Heard
from venues.hyperliquid.errors import is_switch_refused
from venues.hyperliquid.exchange import Exchange, Result
from venues.hyperliquid.gate import HyperliquidGate
from venues.venue import Output

_RETRY: Final = 5 * SECOND
_REFUSED: Final = Heard(refusal="the account has not traded enough")


@attrs.frozen
class SwitchConfig(dead_mans_switch.SwitchConfig):
    """How long orders may outlive us, and how often that is put off."""

    LEAST_S: ClassVar[float] = 10

    countdown_s: float = 60.0
    renew_every_s: float = 20.0


class ScheduledCancel(DeadMansSwitch):
    """The countdown of one account."""

    def __init__(self, exchange: Exchange, gate: HyperliquidGate, config: SwitchConfig | None = None) -> None:
        super().__init__(config or SwitchConfig(), _RETRY)
        self._exchange, self._gate = exchange, gate

    def _free_at(self, now: Nanos) -> Nanos:
        return self._exchange.free_at(now)

    def _send(self, lasts: Nanos, hear: Hear, now: Nanos) -> list[Output]:
        def answered(result: Result | None, at: Nanos) -> list[Output]:
            if result is None:
                return hear(UNSURE, at)
            if not result.refusal:
                return hear(GRANTED, at)
            return hear(_REFUSED if is_switch_refused(result.refusal) else UNSURE, at)

        action: dict[str, object] = {"type": "scheduleCancel"}
        if lasts:
            action["time"] = (self._gate.at(now) + lasts) // MS
        return self._exchange.send(action, 1, answered, now, lane=LANE)
