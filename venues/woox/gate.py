"""Requests by HTTP on their way: counted against the limits, answered to whoever asked, with the venue's time.

The venue's clock is read from the time in its answers about itself; they also tell of maintenance, in which nothing is
traded and nobody need be called.
"""

from collections.abc import Mapping
from typing import ClassVar, Final

from market.units import SECOND, Nanos, VenueId
from venues.gate import Gate
from venues.venue import Answered, HttpAnswer, Output
from venues.verdicts import Advice
from venues.wire import HttpRequest, RemoteProtocolError
from venues.woox.errors import verdict_on
from venues.woox.limits import PUBLIC, Bucket, RateLimits
from venues.woox.structs import NAME, SystemInfo, decoder, read_data, read_reply

SYSTEM: Final = HttpRequest("GET", "/v3/public/systemInfo")
_SYSTEM: Final[Bucket] = (PUBLIC, "systemInfo")
_INFO: Final = decoder(SystemInfo)
_IN_MAINTENANCE: Final = 5 * SECOND
_LONGEST_REFUSAL: Final = 2000  # bytes; what is longer brings what was asked for


class WooxGate(Gate):
    """Counts requests in their buckets, and hears of maintenance.

    Attributes:
        maintenance: what the venue says while it does not trade; empty: it does.
    """

    name: ClassVar[str] = NAME

    def __init__(self, venue: VenueId, limits: RateLimits) -> None:
        super().__init__(venue)
        self.limits = limits
        self.maintenance = ""

    @property
    def obstacle(self) -> str:
        return self.maintenance

    def used(self, now: Nanos) -> Mapping[str, tuple[int, int]]:
        return self.limits.used(now)

    def free_at(self, bucket: Bucket, now: Nanos) -> Nanos:
        """Return from when on a request may be sent."""
        return self.limits.free_at(bucket, now)

    def send(self, request: HttpRequest, answered: Answered, bucket: Bucket, now: Nanos, lane: str = "") -> Output:
        """Count a request, and return what sends it; `answered` is called with its answer."""
        self.limits.spend(bucket, now)
        return self._send(request, answered, lane)

    def _refusal(self, answer: HttpAnswer) -> str:
        if len(answer.body) > _LONGEST_REFUSAL:
            return ""
        try:
            reply = read_reply(answer.body)
        except RemoteProtocolError:
            return ""
        if reply.success or verdict_on(answer.status, reply.code).advice is not Advice.HALT:
            return ""
        return f"{reply.code or answer.status} {reply.message:.200}"

    def _time_free_at(self, now: Nanos) -> Nanos:
        return self.free_at(_SYSTEM, now)

    def _ask_time(self, answered: Answered, now: Nanos) -> Output:
        return self.send(SYSTEM, answered, _SYSTEM, now)

    def _read_time(self, answer: HttpAnswer) -> Nanos:
        info, ts_venue = read_data(answer.body, _INFO, "system info")
        self.maintenance = f"maintenance: {info.message:.200}" if info.status else ""
        if not ts_venue:
            raise RemoteProtocolError("woox told of itself without saying when")
        return ts_venue

    def _pause(self) -> Nanos:
        return _IN_MAINTENANCE if self.maintenance else super()._pause()
