"""The connection of order commands, the WebSocket API: each command signed by itself, each answer matched to it."""

from collections.abc import Iterable
from typing import Final

import msgspec

from market.instrument import Instrument
from market.units import SECOND, Nanos
from venues.actions import Action, Connect, Reconnect, SendFrame
from venues.binance.answers import PROBE, Answers, Outcome
from venues.binance.connection_age import ConnectionAge
from venues.binance.order_index import OrderIndex
from venues.binance.requests import OrderCommand, OrderRequests
from venues.binance.signing import Credentials
from venues.binance.subscriptions import NEVER

TARGET: Final = "/ws-fapi/v1"
HANDSHAKE_WEIGHT: Final = 5
_ANSWER: Final = 10 * SECOND
_OVERLAP_S: Final = 10.0  # by then what was asked on the old connection is answered
_PROBE_EVERY: Final = 20 * SECOND


class TradeSession:
    """Orders of one account, over one connection after another.

    Attributes:
        requests: makes the same by REST, and what the WebSocket API has not.
        answers: reads those of REST, too.
    """

    def __init__(
        self,
        instruments: Iterable[Instrument],
        credentials: Credentials,
        orders: OrderIndex,
        recv_window_ms: int = 5000,
    ) -> None:
        known = tuple(instruments)
        self.requests = OrderRequests(known, credentials, orders, recv_window_ms)
        self.answers = Answers(known, orders)
        self._n_sent = 0
        self._age = ConnectionAge(_OVERLAP_S)
        self._is_open = False
        self._waits_since: Nanos = NEVER  # nothing was heard since this was sent
        self._probe_at: Nanos = NEVER

    def begin(self) -> Connect:
        """Return where to connect."""
        return Connect(TARGET)

    def opened(self, now: Nanos) -> None:
        self._is_open = True
        self._age.opened(now)
        self._waits_since = NEVER
        self._probe_at = now + _PROBE_EVERY

    def send(self, command: OrderCommand, now: Nanos, venue_time: Nanos) -> SendFrame:
        """Return the frame of a command.

        Raises:
            ValueError: the venue has no such order.
        """
        self._n_sent += 1  # ids go on over connections, so that a late answer is never taken for another's
        frame = self.requests.frame(command, self._n_sent, venue_time)
        self.answers.sent(self._n_sent, command, now)
        self._waits_since = min(self._waits_since, now)
        return SendFrame(frame)

    def receive(self, frame: bytes, now: Nanos, venue_time: Nanos) -> Outcome:
        """Return what a text frame says.

        Raises:
            RemoteProtocolError: it is no answer; drop the connection.
        """
        self._waits_since = NEVER
        self._probe_at = now + _PROBE_EVERY
        return self.answers.on_frame(frame, now, venue_time)

    def put_off(self, now: Nanos) -> None:
        """The probe that is due was not sent: nothing may be at present."""
        self._waits_since = NEVER
        self._probe_at = now + _PROBE_EVERY

    def closed(self) -> list[OrderCommand]:
        """The WebSocket is gone: return the commands whose fate is unknown."""
        self._end()
        return self.answers.lost()

    def next_deadline(self) -> Nanos:
        if not self._is_open:
            return NEVER
        return min(self._age.next_deadline(), self._waits_since + _ANSWER, self._probe_at)

    def on_deadline(self, now: Nanos) -> list[Action]:
        """Return what is to be done by now."""
        if now < self.next_deadline():
            return []
        actions: list[Action] = list(self._age.on_deadline(now))
        if actions:
            if isinstance(actions[0], Reconnect):
                self._end()
            return actions
        if now >= self._waits_since + _ANSWER:
            self._end()
            return [Reconnect(f"nothing was heard in {_ANSWER // SECOND} s after a request")]
        # any answer shows that the connection lives, a refusal as well
        self._probe_at = now + _PROBE_EVERY
        self._waits_since = min(self._waits_since, now)
        self.answers.sent(PROBE, None, now)
        return [SendFrame(msgspec.json.encode({"id": PROBE, "method": "session.status"}))]

    def _end(self) -> None:
        self._is_open = False
        self._age.closed()
