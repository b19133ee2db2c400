"""The connection of the private stream: its key, which is made, kept alive and replaced, and its frames.

The venue documents three ways to connect; which one works is to be seen, so it is a setting.
"""

from collections.abc import Iterable
from typing import Final, Literal

import attrs
import msgspec

from market.instrument import Instrument
from market.units import MINUTE, SECOND, Nanos
from venues.actions import Action, Connect, SendFrame, SendRequest
from venues.binance.account_structs import ListenKey
from venues.binance.answers import refusal_of_body
from venues.binance.connection_age import ConnectionAge
from venues.binance.errors import Remedy
from venues.binance.order_index import OrderIndex
from venues.binance.private import KeyExpired, PrivateMessage, PrivateStream
from venues.binance.queries import AccountQueries
from venues.binance.subscriptions import NEVER
from venues.wire import RemoteProtocolError

_KEY: Final = msgspec.json.Decoder(ListenKey)
_MAKE: Final = 1  # tokens
_KEEP: Final = 2
_KEEP_EVERY: Final = 30 * MINUTE  # a key lives for an hour
_KEY_LIVES: Final = 59 * MINUTE
_RETRY: Final = 10 * SECOND
_OVERLAP_S: Final = 2.0  # what is on its way on the old connection has come by then
_PATIENCE: Final = MINUTE  # for a connection: longer than the pause before the next attempt
_SHORT: Final = 5 * SECOND
_MAX_SHORT: Final = 3  # connections in a row that end so soon


Form = Literal["query", "path", "subscribe"]
_FORMS: Final[tuple[Form, ...]] = ("query", "path", "subscribe")


@attrs.frozen
class PrivateSessionConfig:
    """How to connect: the key in the query, in the path, or subscribed to like any stream.

    It is what is tried first: where no connection is to be had, or it ends at once, or is silent, it is another's turn.
    """

    form: Form = attrs.field(default="query", validator=attrs.validators.in_(_FORMS))


class PrivateSession:
    """The private stream of one account, over one connection after another.

    Attributes:
        stream: the decoder, with positions, balances and counts.
        form: in which the key is given at present.
    """

    def __init__(
        self,
        instruments: Iterable[Instrument],
        queries: AccountQueries,
        orders: OrderIndex,
        config: PrivateSessionConfig | None = None,
    ) -> None:
        self.config = config or PrivateSessionConfig()
        self.stream = PrivateStream(instruments, orders)
        self._queries = queries
        self._key = ""
        self._key_until: Nanos = NEVER
        self._keep_at: Nanos = NEVER
        self._make_at: Nanos = NEVER
        self._opened_at: Nanos = NEVER
        self._age = ConnectionAge(_OVERLAP_S)
        self.form = self.config.form
        self._open_by: Nanos = NEVER
        self._n_short = 0

    def begin(self, now: Nanos) -> list[Action]:
        """Ask for a key, at the start and after each loss: the answer gives the same one while it lives."""
        self._make_at = now + _RETRY  # unless it is answered
        return [SendRequest(self._queries.listen_key("POST"), _MAKE)]

    def opened(self, now: Nanos) -> list[Action]:
        """The WebSocket is open: the account is to be asked for now, as nothing that was missed is told again."""
        self._opened_at, self._open_by = now, NEVER
        self._age.opened(now)
        self.stream.symbols.seen[f"private stream opened by {self.form}"] += 1
        if self.form != "subscribe" or not self._key:
            return []
        return [SendFrame(msgspec.json.encode({"method": "SUBSCRIBE", "params": [self._key], "id": 1}))]

    def closed(self, now: Nanos) -> list[Action]:
        """The WebSocket is gone."""
        is_short = self._opened_at != NEVER and now < self._opened_at + _SHORT
        self._n_short = self._n_short + 1 if is_short else 0
        if self._n_short >= _MAX_SHORT:
            self.try_another_form()
        self._opened_at = NEVER
        self._age.closed()
        return self.begin(now)

    def try_another_form(self) -> None:
        """The way in which the key is given does not seem to work: give it otherwise from the next connection on."""
        self._n_short, self._key = 0, ""
        self.form = _FORMS[(_FORMS.index(self.form) + 1) % len(_FORMS)]

    def receive(self, frame: bytes, now: Nanos) -> list[PrivateMessage | Action]:
        """Return the facts in a text frame; an ended key is replaced.

        Raises:
            RemoteProtocolError: it is none of what the venue documents; drop the connection.
        """
        messages: list[PrivateMessage | Action] = []
        for message in self.stream.decode(frame, now):
            messages.append(message)
            if isinstance(message, KeyExpired):
                messages += self._replace_key(now)
        return messages

    def on_response(self, token: int, status: int, body: bytes, now: Nanos) -> list[Action]:
        """Take the answer to a `SendRequest`; status 0: there was none.

        Raises:
            RemoteProtocolError: it is a success and no key.  The body is not shown: it may hold the key.
        """
        if not 200 <= status < 300:
            if token == _KEEP and status and refusal_of_body(status, body).remedy is Remedy.NEW_LISTEN_KEY:
                return self._replace_key(now)
            if token == _KEEP:
                self._keep_at = now + _RETRY
            return []
        self._key_until, self._keep_at = now + _KEY_LIVES, now + _KEEP_EVERY
        if token == _KEEP:
            return []
        self._make_at = NEVER
        try:
            key = _KEY.decode(body).key
        except (msgspec.DecodeError, UnicodeDecodeError):
            key = ""
        if not (key.isascii() and key.isalnum()):
            self._make_at = now + _RETRY
            raise RemoteProtocolError("the answer to POST /fapi/v1/listenKey of Binance has no key")
        is_open_with_it = self._opened_at != NEVER and key == self._key
        self._key = key
        return [] if is_open_with_it else [self._connect(now)]

    def next_deadline(self) -> Nanos:
        """Return when to call `on_deadline`, NEVER for not at all."""
        return min(self._keep_at, self._key_until, self._make_at, self._open_by, self._age.next_deadline())

    def on_deadline(self, now: Nanos) -> list[Action]:
        """Return what is to be done by now."""
        actions: list[Action] = []
        if now >= self._key_until:
            return self._replace_key(now)
        if now >= self._make_at:
            actions += self.begin(now)
        if now >= self._open_by:
            self.try_another_form()
            actions += self._replace_key(now)
        if now >= self._keep_at:
            self._keep_at = now + _RETRY  # unless it is answered
            actions.append(SendRequest(self._queries.listen_key("PUT"), _KEEP))
        actions += self._age.on_deadline(now)
        return actions

    def _replace_key(self, now: Nanos) -> list[Action]:
        self._key, self._key_until, self._keep_at, self._open_by = "", NEVER, NEVER, NEVER
        return self.begin(now)

    def _connect(self, now: Nanos) -> Connect:
        self._open_by = now + _PATIENCE
        key = self._key
        target = {
            # without `events`, which could leave out the news that the key has ended
            "query": f"/private/ws?listenKey={key}",
            "path": f"/private/ws/{key}",
            "subscribe": "/private/stream",
        }[self.form]
        return Connect(target)
