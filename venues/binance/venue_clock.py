"""Binance's clock against ours, from what it answers to `GET /fapi/v1/time`."""

from typing import Final

import msgspec

from market.units import MINUTE, MS, SECOND, Nanos
from venues.binance.account_structs import ServerTime
from venues.clock_offset import VenueClock
from venues.wire import decode

_TIME: Final = msgspec.json.Decoder(ServerTime)
_EVERY: Final = MINUTE
_AT_FIRST: Final = 3  # so many are asked for one after another
_KEPT: Final = 5  # a clock that drifts is followed within minutes
_PATIENCE: Final = 5 * SECOND


class BinanceClock(VenueClock):
    """Says when to ask for the time, and whether the venue has refused a stamp.

    Attributes:
        ask_at: when to ask (again).
        is_doubted: the venue has refused a stamp, and its time is not known anew yet.
    """

    def __init__(self) -> None:
        super().__init__(kept=_KEPT)
        self.ask_at: Nanos = 0
        self.is_doubted = False

    @property
    def error(self) -> Nanos:
        """Return the most that the estimate can be wrong by; -1: it is none yet, or doubted."""
        return super().error if self.is_known and not self.is_doubted else -1

    def surely_past(self, now: Nanos) -> Nanos:
        """Return a time of the venue's clock that has come by now, whatever the estimate is wrong by."""
        return self.at(now) - max(self.error, 0)

    def asked(self, now: Nanos) -> None:
        """The question has left; without an answer it is asked again."""
        self.ask_at = now + _PATIENCE

    def doubt(self, now: Nanos) -> None:
        """The venue refused a request for its time: the next answer counts, however slow it was."""
        self.is_doubted = True
        self.ask_at = now

    def on_answer(self, body: bytes, sent: Nanos, received: Nanos) -> None:
        """Take an answer.

        Raises:
            RemoteProtocolError: it is not one.
        """
        told = decode(_TIME, body, "the time of Binance").ts * MS
        if self.is_doubted:
            self.forget()
            self.is_doubted = False
        self.measured(told, sent, received)
        self.ask_at = received + (SECOND if self.n_measured < _AT_FIRST else _EVERY)
