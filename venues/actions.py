"""What a session asks of the shell that drives it, as data."""

import msgspec

from venues.wire import HttpRequest


class Connect(msgspec.Struct, frozen=True, gc=False):
    """Open the session's WebSocket at this path and query, in place of one that is open.

    The target may hold a credential, so that it is not shown.
    """

    target: str

    def __repr__(self) -> str:
        return "Connect(...)"


class SendFrame(msgspec.Struct, frozen=True, gc=False):
    """Write a text frame to the session's WebSocket."""

    data: bytes


class SendRequest(msgspec.Struct, frozen=True, gc=False):
    """Send a request by HTTP; its answer goes to the session under the same `token`."""

    request: HttpRequest
    token: int


class Reconnect(msgspec.Struct, frozen=True, gc=False):
    """Close the session's WebSocket and open it anew, after the usual pause."""

    reason: str


class Replace(msgspec.Struct, frozen=True, gc=False):
    """Open another connection beside the session's, which goes on where that fails, and then takes its place.

    `opened` is called again when it has; what the old one says is heard for `overlap_s` more.
    """

    overlap_s: float


Action = Connect | SendFrame | SendRequest | Reconnect | Replace
