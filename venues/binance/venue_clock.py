"""Binance's clock against ours, from what it answers to `GET /fapi/v1/time`."""

from typing import Final

import msgspec

from market.units import MINUTE, MS, SECOND, Nanos
from venues.binance.account_structs import ServerTime
from venues.wire import decode

_TIME: Final = msgspec.json.Decoder(ServerTime)
_EVERY: Final = 5 * MINUTE


class VenueClock:
    """Estimates the venue's time: half way between question and answer, it was what the answer says.

    Attributes:
        offset: venue time less ours; 0 until the first answer.
        error: the most that the estimate can be wrong by; -1: it is none yet.
        ask_at: when to ask (again).
    """

    def __init__(self) -> None:
        self.offset: Nanos = 0
        self.error: Nanos = -1
        self.ask_at: Nanos = 0

    def at(self, now: Nanos) -> Nanos:
        """Return the venue's time at a time of ours."""
        return now + self.offset

    def asked(self, now: Nanos) -> None:
        """The question has left; without an answer it is asked again."""
        self.ask_at = now + 5 * SECOND

    def doubt(self, now: Nanos) -> None:
        """The venue refused a request for its time."""
        self.error = -1
        self.ask_at = now

    def on_answer(self, body: bytes, sent: Nanos, received: Nanos) -> None:
        """Take an answer; of two within a while the one that was quicker counts.

        Raises:
            RemoteProtocolError: it is not one.
        """
        told = decode(_TIME, body, "the time of Binance").ts * MS + MS // 2  # it is cut to whole ms
        error = (received - sent) // 2 + MS // 2
        is_due = received >= self.ask_at - 4 * SECOND
        if self.error < 0 or error <= self.error or is_due:
            self.offset, self.error = told - (sent + received) // 2, error
        self.ask_at = received + _EVERY
