"""A WebSocket's bytes, the client's side, without IO (RFC 6455): wsproto knows its rules, plain frames go by it.

Nearly every frame of a venue is a whole text message.  Those are cut out of the bytes here, in 1 us each, and so are
ours made; wsproto, which takes 10 us, sees the upgrade and all other frames.  No extensions are asked for, so that a
frame means what it says.
"""

from collections.abc import Callable
from typing import Final

import h11
import msgspec
import wsproto
import wsproto.utilities
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Ping,
    Pong,
    RejectConnection,
    Request,
    TextMessage,
)

_WHOLE_TEXT: Final = 0x81  # last frame of a message, text
_LONG, _LONGER = 126, 127  # the length stands in the next 2 or 8 bytes
_MASKED: Final = 0x80
_MAX_HEAD: Final = 1 << 16
_HEAD_ENDS: Final = b"\r\n\r\n"


class WebSocketError(Exception):
    """The peer broke the protocol, refused the upgrade or ended the connection: it is of no use any more."""


class Answered(msgspec.Struct, frozen=True, gc=False):
    """A ping of ours came back."""


class Reply(msgspec.Struct, frozen=True, gc=False):
    """Bytes that the protocol asks for: to be sent as they are."""

    data: bytes


Received = str | bytes | Answered | Reply


class WebSocketClient:
    """One connection, from its upgrade to its end.

    Args:
        max_message: bytes; a longer one breaks the connection.
        random_bytes: where masks come from, by their number of bytes.

    Attributes:
        is_open: the upgrade is accepted.
    """

    def __init__(self, host: str, target: str, max_message: int, random_bytes: Callable[[int], bytes]) -> None:
        self.is_open = False
        self._upgrade = Request(host=host, target=target)
        self._max_message = max_message
        self._random_bytes = random_bytes
        self._rules = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
        self._pending = b""  # of what came, what is not yet a whole frame
        self._parts: list[str | bytes] = []  # of a message in several frames
        self._n_in_parts = 0

    # --- what we send ----------------------------------------------------------------------------------------------

    def upgrade(self) -> bytes:
        """Return the request that asks for the connection."""
        return self._rules.send(self._upgrade)

    def text(self, data: bytes) -> bytes:
        """Return the frame of a text message in UTF-8."""
        length = len(data)
        if length < _LONG:
            head = bytes((_WHOLE_TEXT, _MASKED | length))
        elif length < 1 << 16:
            head = bytes((_WHOLE_TEXT, _MASKED | _LONG)) + length.to_bytes(2, "big")
        else:
            head = bytes((_WHOLE_TEXT, _MASKED | _LONGER)) + length.to_bytes(8, "big")
        mask = self._random_bytes(4)
        # as one number: a hundred times faster than byte by byte
        key = int.from_bytes((mask * (length // 4 + 1))[:length], "little")
        return head + mask + (int.from_bytes(data, "little") ^ key).to_bytes(length, "little")

    def ping(self) -> bytes:
        """Return a ping; `Answered` comes for it."""
        return self._rules.send(Ping())

    # --- what comes ------------------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> list[Received]:
        """Return what the bytes complete, in order; empty bytes: the peer has hung up.

        Raises:
            WebSocketError: the connection is refused, broken or ended; its text says how.
        """
        if not data:
            raise WebSocketError("the venue hung up without a farewell")
        self._pending = self._pending + data if self._pending else data
        found: list[Received] = []
        if not self.is_open:
            self._take_head()
        if self.is_open:
            self._take_frames(found)
        return found

    def _take_head(self) -> None:
        end = self._pending.find(_HEAD_ENDS)
        if end < 0:
            if len(self._pending) > _MAX_HEAD:
                raise WebSocketError(f"the answer to the upgrade has no end within {_MAX_HEAD} bytes")
            return
        end += len(_HEAD_ENDS)
        head, self._pending = self._pending[:end], self._pending[end:]
        try:
            self._rules.receive_data(head)
            events = list(self._rules.events())
        except (wsproto.utilities.ProtocolError, h11.ProtocolError) as error:
            raise WebSocketError(f"the answer to the upgrade is none: {error}") from None
        for event in events:
            if isinstance(event, RejectConnection):
                raise WebSocketError(f"the upgrade was refused by HTTP status {event.status_code}")
            if isinstance(event, AcceptConnection):
                self.is_open = True

    def _take_frames(self, found: list[Received]) -> None:
        data, at, end = self._pending, 0, len(self._pending)
        while end - at >= 2:
            first, length = data[at], data[at + 1]
            if length & _MASKED:
                raise WebSocketError("the venue sent a masked frame, which only we may")
            body = at + 2
            if length == _LONG:
                body += 2
            elif length == _LONGER:
                body += 8
            if end < body:
                break
            if length >= _LONG:
                length = int.from_bytes(data[at + 2 : body], "big")
            if length + self._n_in_parts > self._max_message:
                raise WebSocketError(f"a message of {length + self._n_in_parts} bytes; the most is {self._max_message}")
            if end < body + length:
                break
            if first == _WHOLE_TEXT and not self._parts:
                try:
                    found.append(data[body : body + length].decode())
                except UnicodeDecodeError as error:
                    raise WebSocketError(f"a text message is not UTF-8: {error.reason}") from None
            else:
                self._by_the_rules(data[at : body + length], found)
            at = body + length
        self._pending = data[at:] if at else data

    def _by_the_rules(self, frame: bytes, found: list[Received]) -> None:
        try:
            self._rules.receive_data(frame)
            events = list(self._rules.events())
        except wsproto.utilities.ProtocolError as error:
            raise WebSocketError(f"the venue broke the protocol of WebSockets: {error}") from None
        for event in events:
            if isinstance(event, TextMessage | BytesMessage):
                self._take_part(event, found)
            elif isinstance(event, Ping):
                found.append(Reply(self._rules.send(event.response())))
            elif isinstance(event, Pong):
                found.append(Answered())
            elif isinstance(event, CloseConnection):
                raise WebSocketError(f"the venue ended it: {event.code} {event.reason or 'without a reason'}")

    def _take_part(self, part: TextMessage | BytesMessage, found: list[Received]) -> None:
        self._parts.append(part.data if isinstance(part, TextMessage) else bytes(part.data))
        self._n_in_parts += len(part.data)
        if part.message_finished:
            parts, self._parts, self._n_in_parts = self._parts, [], 0
            texts = [each for each in parts if isinstance(each, str)]
            found.append("".join(texts) if texts else b"".join(each for each in parts if isinstance(each, bytes)))
