"""The venue's time: `GET /v5/market/time`, exact to the nanosecond."""

from typing import Final

import msgspec

from market.units import MS, Nanos
from venues.bybit.structs import read_result
from venues.wire import HttpRequest, RemoteProtocolError

TIME: Final = HttpRequest("GET", "/v5/market/time")


class _Time(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    time_nano: str


_DECODER: Final = msgspec.json.Decoder(_Time)


def read_time(body: bytes) -> Nanos:
    """Return the venue's time.

    Raises:
        RemoteProtocolError: it is not told.
    """
    text = read_result(body, _DECODER, "time")[0].time_nano
    if not (text.isascii() and text.isdigit() and len(text) == len(str(1_700_000_000_000 * MS))):
        raise RemoteProtocolError(f"bybit time {text!r} is not a time in nanoseconds")
    return int(text)
