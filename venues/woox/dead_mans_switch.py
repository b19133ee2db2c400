"""The venue's countdown, which cancels all orders of the account unless it is told in time that we are well."""

from typing import ClassVar, Final

import attrs

from market.units import MS, SECOND, Nanos
from venues import dead_mans_switch
from venues.dead_mans_switch import GRANTED, LANE, UNSURE, DeadMansSwitch, Hear, Heard
from venues.venue import HttpAnswer, Output
from venues.wire import RemoteProtocolError
from venues.woox.errors import may_pass
from venues.woox.gate import WooxGate
from venues.woox.limits import SWITCH
from venues.woox.requests import OrderRequests
from venues.woox.structs import read_reply

_PATH: Final = "/v3/trade/cancelAllAfter"
_BUCKET: Final = (SWITCH, "")
_RETRY: Final = 2 * SECOND


@attrs.frozen
class SwitchConfig(dead_mans_switch.SwitchConfig):
    """How long orders may outlive us, and how often that is put off."""

    LEAST_S: ClassVar[float] = 5
    MOST_S: ClassVar[float] = 900

    countdown_s: float = 30.0
    renew_every_s: float = 10.0


class CancelAllAfter(DeadMansSwitch):
    """The countdown of one account."""

    def __init__(self, requests: OrderRequests, gate: WooxGate, config: SwitchConfig | None = None) -> None:
        super().__init__(config or SwitchConfig(), _RETRY)
        self._requests, self._gate = requests, gate

    def _free_at(self, now: Nanos) -> Nanos:
        return self._gate.free_at(_BUCKET, now)

    def _send(self, lasts: Nanos, hear: Hear, now: Nanos) -> list[Output]:
        def answered(answer: HttpAnswer | None, at: Nanos) -> list[Output]:
            if answer is None:
                return hear(UNSURE, at)
            try:
                heard = _heard(answer)
            except RemoteProtocolError:
                hear(UNSURE, at)
                raise
            return hear(heard, at)

        request = self._requests.send("POST", _PATH, {"triggerAfter": lasts // MS}, self._gate.at(now))
        return [self._gate.send(request, answered, _BUCKET, now, LANE)]


def _heard(answer: HttpAnswer) -> Heard:
    reply = read_reply(answer.body)
    if reply.success:
        return GRANTED
    if may_pass(answer.status, reply.code):
        return UNSURE
    return Heard(refusal=f"{reply.code or 'no code'} {reply.message:.80}")
