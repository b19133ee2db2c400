"""Requests by HTTP on their way: counted by weight, answered to whoever asked; and the venue's clock.

The venue tells its time nowhere but in the state of an account, which anybody may read: that of the zero address where
there is no key.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import msgspec

from market.units import MS, SECOND, Nanos, VenueId
from venues.gate import Gate
from venues.hyperliquid.limits import RESERVED, WEIGHT
from venues.hyperliquid.structs import NAME, AccountState
from venues.rate_window import RateWindow
from venues.venue import Answered, HttpAnswer, Output
from venues.wire import HttpRequest, RemoteProtocolError, decode

NOBODY: Final = "0x" + 40 * "0"
_JSON: Final = (("Content-Type", "application/json"),)
_STATE: Final = msgspec.json.Decoder(AccountState)
_encode: Final = msgspec.json.Encoder().encode
_WEIGHTS: Final[Mapping[str, int]] = {
    **dict.fromkeys(("l2Book", "allMids", "clearinghouseState", "orderStatus", "exchangeStatus"), 2),
    "userRole": 60,
}
_OTHER_WEIGHT: Final = 20
_PAUSE: Final = 10 * SECOND  # after a 429, which does not say for how long


def info(kind: str, **fields: Any) -> HttpRequest:
    """Return a question to `/info`."""
    return HttpRequest("POST", "/info", "", _JSON, _encode({"type": kind, **fields}), _WEIGHTS.get(kind, _OTHER_WEIGHT))


def exchange(body: bytes, n_items: int = 1) -> HttpRequest:
    """Return an action, signed, as a request."""
    return HttpRequest("POST", "/exchange", "", _JSON, body, 1 + n_items // 40)


def time_of_state(answer: HttpAnswer) -> Nanos:
    """Return the venue's time by the state of an account.

    Raises:
        RemoteProtocolError: it is not told.
    """
    if answer.status != 200:
        raise RemoteProtocolError(f"hyperliquid answers the state of an account with status {answer.status}")
    time = decode(_STATE, answer.body, "hyperliquid account state").time
    if time <= 0:
        raise RemoteProtocolError("hyperliquid told the state of an account without saying when")
    return time * MS


class HyperliquidGate(Gate):
    """Counts the weight of REST.

    Args:
        account: whose state tells the time.
        weight: of REST that may be spent a minute.
    """

    name: ClassVar[str] = NAME

    def __init__(self, venue: VenueId, account: str = NOBODY, weight: int = WEIGHT) -> None:
        super().__init__(venue)
        self.weight = RateWindow(weight)
        self._account = account

    def used(self, now: Nanos) -> Mapping[str, tuple[int, int]]:
        return {"weight": (self.weight.used(now), self.weight.limit)}

    def free_at(self, request: HttpRequest, now: Nanos, *, is_urgent: bool = False) -> Nanos:
        """Return from when on a request may be sent; some weight is kept for what is urgent."""
        return self.weight.free_at(request.weight, now, 0 if is_urgent else RESERVED)

    def send(self, request: HttpRequest, answered: Answered, now: Nanos, lane: str = "") -> Output:
        """Count a request, and return what sends it; `answered` is called with its answer."""
        self.weight.spend(request.weight, now)
        return self._send(request, answered, lane, lambda at: self.weight.refused(at, _PAUSE))

    def _time_free_at(self, now: Nanos) -> Nanos:
        return self.free_at(self._time_request, now)

    def _ask_time(self, answered: Answered, now: Nanos) -> Output:
        return self.send(self._time_request, answered, now)

    @property
    def _time_request(self) -> HttpRequest:
        return info("clearinghouseState", user=self._account)

    def _read_time(self, answer: HttpAnswer) -> Nanos:
        return time_of_state(answer)
