"""The key that opens the private socket: asked for by REST, good for a day; a new one ends the one before."""

from typing import Final
from urllib.parse import quote

from market.units import HOUR, SECOND, Nanos
from venues.venue import NEVER, Connect, HttpAnswer, Output
from venues.wire import RemoteProtocolError
from venues.woox.gate import WooxGate
from venues.woox.limits import LISTEN_KEY
from venues.woox.requests import OrderRequests
from venues.woox.structs import ListenKey, decoder, read_data

_PATH: Final = "/v3/account/listenKey"
_BUCKET: Final = (LISTEN_KEY, "")
_KEY: Final = decoder(ListenKey)
_LIFE: Final = 23 * HOUR
_PATIENCE: Final = 5 * SECOND  # for the socket to open again with the key that it has
_FIRST_PAUSE: Final = 2 * SECOND
_LONGEST_PAUSE: Final = 30 * SECOND


class ListenKeys:
    """Has the private socket opened, with a fresh key whenever the one it has may be of no use.

    Attributes:
        due: when to ask for a key.
    """

    def __init__(self, socket: str, requests: OrderRequests, gate: WooxGate) -> None:
        self._socket, self._requests, self._gate = socket, requests, gate
        self._n_failed = 0
        self._ends_at: Nanos = 0  # of the key in use
        self.due: Nanos = NEVER

    def begin(self, now: Nanos) -> list[Output]:
        """Ask for the first."""
        self.due = now
        return self.on_deadline(now)

    def opened(self) -> None:
        """The socket is open: the key is good until its end."""
        self.due = self._ends_at

    def closed(self, now: Nanos, *, was_good: bool) -> None:
        """The socket is gone, and will be opened again with the same key; one that was of no use is not trusted."""
        if self.due == self._ends_at or self.due > now + _PATIENCE:
            self.due = now + _PATIENCE if was_good else now

    def on_deadline(self, now: Nanos) -> list[Output]:
        """Ask for a key if that is due."""
        if now < self.due:
            return []
        free_at = self._gate.free_at(_BUCKET, now)
        if free_at > now:
            self.due = free_at
            return []
        self.due = NEVER
        request = self._requests.send("POST", _PATH, {"type": "WEBSOCKET"}, self._gate.at(now))
        return [self._gate.send(request, self._take, _BUCKET, now)]

    def _take(self, answer: HttpAnswer | None, now: Nanos) -> list[Output]:
        pause = min(_FIRST_PAUSE << min(self._n_failed, 8), _LONGEST_PAUSE)
        self._n_failed += 1
        self.due = now + pause
        if answer is None:
            return []
        key, _ = read_data(answer.body, _KEY, "listen key")
        text = key.auth_key or key.listen_key
        if not text:
            raise RemoteProtocolError("woox granted a listen key and did not tell it")
        self._n_failed = 0
        self._ends_at = now + _LIFE
        self.due = now + 2 * _PATIENCE  # should it not open with it
        return [Connect(self._socket, f"/v3/private?key={quote(text, safe='')}")]
