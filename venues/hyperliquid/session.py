"""What is said on a socket besides its messages: subscriptions, pings, and when it counts as dead."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from market.units import SECOND, Nanos
from venues.hyperliquid.structs import Frame
from venues.rate_window import RateWindow
from venues.venue import NEVER
from venues.wire import RemoteProtocolError, decode

PING_EVERY: Final = 20 * SECOND  # a socket on which the venue has sent nothing for 60 s is cut off
PATIENCE: Final = 10 * SECOND
_PING: Final = b'{"method":"ping"}'
_encode: Final = msgspec.json.Encoder().encode
_TELLING: Final = ("type", "coin", "user")

Subscription = Mapping[str, str]


class _Acknowledged(msgspec.Struct, frozen=True, gc=False):
    method: str
    subscription: dict[str, Any]


_ACKNOWLEDGED: Final = msgspec.json.Decoder(_Acknowledged)


class Session:
    """One kind of socket, one connection after another; holds no socket and no clock.

    Args:
        messages: the limit that all frames of all sockets count in.

    Attributes:
        is_ready: every subscription is granted.
        failure: why the connection is of no use; empty: it is.
    """

    def __init__(self, subscriptions: Iterable[Subscription], messages: RateWindow) -> None:
        self._subscriptions = tuple(subscriptions)
        self._messages = messages
        self._awaited: dict[tuple[str, ...], Nanos] = {}
        self._clear()

    def opened(self, now: Nanos) -> list[bytes]:
        """Begin a connection; return the frames to send."""
        self._clear()
        self._awaited = {_key(each): now + PATIENCE for each in self._subscriptions}
        self._ping_at = now + PING_EVERY
        self._messages.spend(len(self._subscriptions), now)
        self.is_ready = not self._awaited
        return [_encode({"method": "subscribe", "subscription": each}) for each in self._subscriptions]

    def closed(self) -> None:
        """End the connection: nothing is awaited any more."""
        self._clear()

    def receive(self, frame: Frame) -> bool:
        """Take a frame if it is none of a subscription's messages; return whether it was one of ours.

        Raises:
            RemoteProtocolError: something that we sent was refused; the venue does not say what.
        """
        if frame.channel == "pong":
            self._pong_by = NEVER
        elif frame.channel == "subscriptionResponse":
            granted = decode(_ACKNOWLEDGED, frame.data, "hyperliquid subscription").subscription
            self._awaited.pop(_key(granted), None)
            self.is_ready = not self._awaited
        elif frame.channel == "error":
            text = bytes(frame.data)[:300].decode(errors="replace")
            raise RemoteProtocolError(f"hyperliquid refused what was sent on the socket: {text}")
        else:
            return False
        return True

    def next_deadline(self) -> Nanos:
        return min(self._ping_at, self._pong_by, *self._awaited.values(), NEVER)

    def on_deadline(self, now: Nanos) -> list[bytes]:
        """Return the ping that is due; set `failure` when the connection is to be given up."""
        overdue = [key for key, due in self._awaited.items() if due <= now]
        if overdue:
            self.failure = f"no answer to the subscription of {overdue[0][0]} within {PATIENCE // SECOND} s"
        elif now >= self._pong_by:
            self.failure = f"a ping was not answered within {PATIENCE // SECOND} s"
        if self.failure:
            self._clear(self.failure)
            return []
        if now < self._ping_at:
            return []
        self._ping_at = now + PING_EVERY
        self._pong_by = min(self._pong_by, now + PATIENCE)
        self._messages.spend(1, now)
        return [_PING]

    def _clear(self, failure: str = "") -> None:
        self.is_ready = False
        self.failure = failure
        self._ping_at = self._pong_by = NEVER
        self._awaited = {}


def _key(subscription: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(subscription.get(each, "")).lower() for each in _TELLING)
