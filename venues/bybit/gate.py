"""Requests by HTTP on their way: counted against the limits, answered to whoever asked, with the venue's time."""

from collections.abc import Mapping
from typing import ClassVar, Final

from market.messages import TradingState
from market.units import Nanos, VenueId
from venues.bybit.errors import verdict_on, verdict_on_status
from venues.bybit.limits import HTTP, RateLimits
from venues.bybit.server_clock import TIME, read_time
from venues.bybit.structs import NAME, read_reply
from venues.gate import Gate
from venues.ports import ask_for_person
from venues.venue import Answered, HttpAnswer, Output
from venues.verdicts import Advice
from venues.wire import HttpRequest, RemoteProtocolError

# kept of the HTTP limit for cancels and the account, when orders go by HTTP
RESERVE: Final = 120
_BANNED: Final = 403
_LONGEST_REFUSAL: Final = 2000  # bytes; what is longer brings what was asked for


class BybitGate(Gate):
    """Counts requests in their buckets, and all of them together as the address's; knows when that is banned."""

    name: ClassVar[str] = NAME

    def __init__(self, venue: VenueId) -> None:
        super().__init__(venue, resolution=0)
        self.limits = RateLimits()

    def used(self, now: Nanos) -> Mapping[str, tuple[int, int]]:
        return self.limits.used(now)

    def free_at(self, bucket: str, now: Nanos, weight: int = 1, reserve: int = 0) -> Nanos:
        """Return from when on a request by HTTP may be sent which counts in a bucket besides."""
        return max(self.limits.free_at(bucket, weight, now), self.limits.free_at(HTTP, 1 + reserve, now))

    def send(self, request: HttpRequest, answered: Answered, bucket: str, now: Nanos, lane: str = "") -> Output:
        """Count a request, and return what sends it; `answered` is called with its answer."""
        self.limits.spend(HTTP, 1, now)
        if bucket != HTTP:
            self.limits.spend(bucket, 1, now)
        return self._send(request, answered, lane)

    def answered(self, token: int, answer: HttpAnswer | None, now: Nanos) -> list[Output]:
        """Give an answer to whoever asked; a ban closes HTTP first."""
        if answer is None or answer.status != _BANNED:
            return super().answered(token, answer, now)
        self.limits.banned(now)
        words = "HTTP status 403: this address sent too much, or comes from where the venue does not serve"
        halt = ask_for_person(NAME, TradingState.HALTED, words, now)
        try:
            return [*super().answered(token, answer, now), *halt]
        except RemoteProtocolError:
            return halt

    def _refusal(self, answer: HttpAnswer) -> str:
        verdict = verdict_on_status(answer.status)
        if verdict is not None:
            return f"HTTP status {answer.status}: {verdict.advice.value}" if verdict.advice is Advice.HALT else ""
        if len(answer.body) > _LONGEST_REFUSAL:
            return ""
        try:
            reply = read_reply(answer.body)
        except RemoteProtocolError:
            return ""
        advice = verdict_on(reply.ret_code, reply.ret_msg).advice
        return f"{reply.ret_code} {reply.ret_msg:.200}" if advice is Advice.HALT else ""

    def _time_free_at(self, now: Nanos) -> Nanos:
        return self.limits.free_at(HTTP, 1, now)

    def _ask_time(self, answered: Answered, now: Nanos) -> Output:
        return self.send(TIME, answered, HTTP, now)

    def _read_time(self, answer: HttpAnswer) -> Nanos:
        if answer.status != 200:
            raise RemoteProtocolError(f"bybit answers its time with status {answer.status}")
        return read_time(answer.body)
