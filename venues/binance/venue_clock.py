"""Binance's clock against ours, from what it answers to `GET /fapi/v1/time`."""

from collections import deque
from typing import Final

import msgspec

from market.units import MINUTE, MS, SECOND, Nanos
from venues.binance.account_structs import ServerTime
from venues.wire import decode

_TIME: Final = msgspec.json.Decoder(ServerTime)
_EVERY: Final = MINUTE
_AT_FIRST: Final = 3  # so many are asked for one after another
_KEPT: Final = 5  # a clock that drifts is followed within minutes
_PATIENCE: Final = 5 * SECOND


class VenueClock:
    """Estimates the venue's time: half way between question and answer, it was what the answer says.

    Of the latest answers the quickest counts.

    Attributes:
        ask_at: when to ask (again).
        is_doubted: the venue has refused a stamp, and its time is not known anew yet.
    """

    def __init__(self) -> None:
        self.ask_at: Nanos = 0
        self._measured: deque[tuple[Nanos, Nanos]] = deque(maxlen=_KEPT)
        self.is_doubted = False

    @property
    def is_known(self) -> bool:
        """There has been an answer."""
        return bool(self._measured)

    @property
    def offset(self) -> Nanos:
        """Venue time less ours; 0 until the first answer."""
        return min(self._measured)[1] if self._measured else 0

    @property
    def error(self) -> Nanos:
        """Return the most that the estimate can be wrong by; -1: it is none yet, or doubted."""
        return min(self._measured)[0] if self._measured and not self.is_doubted else -1

    def at(self, now: Nanos) -> Nanos:
        """Return the venue's time at a time of ours."""
        return now + self.offset

    def surely_past(self, now: Nanos) -> Nanos:
        """Return a time of the venue's clock that has come by now, whatever the estimate is wrong by."""
        return now + self.offset - max(self.error, 0)

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
        told = decode(_TIME, body, "the time of Binance").ts * MS + MS // 2  # it is cut to whole ms
        if self.is_doubted:
            self._measured.clear()
            self.is_doubted = False
        self._measured.append(((received - sent) // 2 + MS // 2, told - (sent + received) // 2))
        self.ask_at = received + (SECOND if len(self._measured) < _AT_FIRST else _EVERY)
