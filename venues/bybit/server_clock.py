"""What the venue's clock is ahead of ours: `GET /v5/market/time`, of the quickest of the latest answers."""

from collections import deque
from typing import Final

import msgspec

from market.units import MS, Nanos
from venues.bybit.structs import read_result
from venues.wire import HttpRequest, RemoteProtocolError

TIME: Final = HttpRequest("GET", "/v5/market/time")
_KEPT: Final = 8


class _Time(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    time_nano: str


_DECODER: Final = msgspec.json.Decoder(_Time)


class ServerClock:
    """Estimates the offset as if the venue read its clock halfway; so it is off by half the round trip at most."""

    def __init__(self) -> None:
        self._measured: deque[tuple[Nanos, Nanos]] = deque(maxlen=_KEPT)

    @property
    def offset(self) -> Nanos:
        """The venue's clock less ours; 0 until it is measured."""
        return min(self._measured)[1] if self._measured else 0

    @property
    def error(self) -> Nanos | None:
        """How far off `offset` may be; None until it is measured."""
        return min(self._measured)[0] // 2 if self._measured else None

    def measured(self, body: bytes, ts_sent: Nanos, ts_recv: Nanos) -> None:
        """Take an answer that was asked for and received at these times of ours.

        Raises:
            RemoteProtocolError: it failed or is malformed.
        """
        text = read_result(body, _DECODER, "time")[0].time_nano
        if not (text.isascii() and text.isdigit() and len(text) == len(str(1_700_000_000_000 * MS))):
            raise RemoteProtocolError(f"bybit time {text!r} is not a time in nanoseconds")
        self._measured.append((ts_recv - ts_sent, int(text) - (ts_sent + ts_recv) // 2))
