"""One connection by HTTP/1.1, the client's side, without IO.

Requests are written here, as they are and in a few us; h11 knows the rules of answers, and is told of a request when
its answer comes: it takes longer to check one than an order may wait.
"""

import zlib
from typing import Final

import h11
import msgspec

from venues.wire import HttpRequest

_ZLIB_OR_GZIP: Final = 47  # what zlib calls it
_WITH_LENGTH: Final = frozenset(("POST", "PUT", "PATCH"))  # also of an empty body
_COMMON: Final = "User-Agent: lockstep\r\nAccept: */*\r\nAccept-Encoding: gzip\r\n"


class HttpError(Exception):
    """The peer broke the protocol or hung up: what was asked may have taken effect.  Or it cannot be asked."""


class HttpReply(msgspec.Struct, frozen=True, gc=False):
    """An answer.

    Attributes:
        headers: by name in lower case; what is told several times stands in one, after commas.
        body: unpacked; cut off after the most that is taken.
        n_bytes: of the whole body.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    n_bytes: int


class HttpConnection:
    """Requests and their answers, in turn.

    Args:
        host: as it stands in the header.
        most: bytes of a body that are kept.
    """

    def __init__(self, host: str, most: int) -> None:
        self._host = host
        self._most = most
        self._machine = h11.Connection(h11.CLIENT)
        self._method = ""  # of a request that the machine has not been told of
        self._status = 0
        self._headers: dict[str, str] = {}
        self._parts: list[bytes] = []
        self._n_bytes = 0
        self._unpacker: zlib._Decompress | None = None

    @property
    def is_free(self) -> bool:
        """The next request may follow: nothing came after the last answer that would be taken for the next."""
        states = {self._machine.our_state, self._machine.their_state}
        is_over = states == {h11.IDLE} or (states == {h11.DONE} and self._machine.trailing_data == (b"", False))
        return is_over and not self._method

    def request(self, request: HttpRequest) -> bytes:
        """Return the bytes of a request.

        Raises:
            HttpError: it holds what would break it up; the text names the place, and holds no secret.
        """
        assert self.is_free, f"{request!r} comes before the last answer"
        if " " in request.target or not _is_plain(request.target):
            raise HttpError("it cannot be sent: its target has a space, or what is not printable ASCII")
        lines = [f"{request.method} {request.target} HTTP/1.1\r\nHost: {self._host}\r\n{_COMMON}"]
        for name, text in request.headers:
            if not (_is_plain(name) and _is_plain(text)):
                raise HttpError(f"it cannot be sent: its header {name!r} has what is not printable ASCII")
            lines.append(f"{name}: {text}\r\n")
        if request.body or request.method in _WITH_LENGTH:
            lines.append(f"Content-Length: {len(request.body)}\r\n")
        lines.append("\r\n")
        self._method = request.method
        return "".join(lines).encode("ascii") + request.body

    def receive(self, data: bytes) -> HttpReply | None:
        """Return the answer that the bytes complete; empty bytes: the peer has hung up.

        Raises:
            HttpError: there will be none.
        """
        try:
            self._tell_machine()
            if not data and self._machine.their_state is h11.SEND_RESPONSE:
                raise HttpError("the peer has hung up without an answer")
            self._machine.receive_data(data)
            while True:
                event = self._machine.next_event()
                if event is h11.NEED_DATA:
                    return None
                if isinstance(event, h11.Data):
                    self._take(bytes(event.data))
                elif isinstance(event, h11.Response):
                    self._begin(event)
                elif isinstance(event, h11.EndOfMessage):
                    return self._end()
                elif not isinstance(event, h11.InformationalResponse):
                    raise HttpError(f"the peer has sent what is no answer: {type(event).__name__}")
        except h11.ProtocolError as error:
            raise HttpError(str(error)) from None
        except zlib.error as error:
            raise HttpError(f"the answer cannot be unpacked: {error}") from None

    def _tell_machine(self) -> None:
        if not self._method:
            return
        if self._machine.our_state is h11.DONE:
            self._machine.start_next_cycle()
        # all that an answer's meaning depends on is the method
        self._machine.send(h11.Request(method=self._method, target="/", headers=[("Host", "host")]))
        self._machine.send(h11.EndOfMessage())
        self._method = ""

    def _begin(self, response: h11.Response) -> None:
        self._status, self._headers, self._parts, self._n_bytes = response.status_code, {}, [], 0
        for raw_name, raw_text in response.headers:
            name, text = raw_name.decode("ascii"), raw_text.decode("latin-1")
            self._headers[name] = f"{self._headers[name]}, {text}" if name in self._headers else text
        packing = self._headers.get("content-encoding", "identity").strip().lower()
        if packing not in ("identity", "gzip", "x-gzip"):
            raise HttpError(f"the answer is packed by {packing!r}, which was not asked for")
        self._unpacker = None if packing == "identity" else zlib.decompressobj(_ZLIB_OR_GZIP)

    def _take(self, data: bytes) -> None:
        """Keep what there is room for; the rest is counted, so far as it need not be unpacked for that."""
        if self._unpacker is not None:
            room = self._most + 1 - self._n_bytes
            data = self._unpacker.decompress(data, room) if room > 0 else b""
        if self._n_bytes < self._most:
            self._parts.append(data[: self._most - self._n_bytes])
        self._n_bytes += len(data)

    def _end(self) -> HttpReply:
        unpacker, self._unpacker = self._unpacker, None
        if unpacker is not None and not unpacker.eof and self._n_bytes <= self._most:
            raise HttpError("the answer ends before what is packed in it")
        return HttpReply(self._status, self._headers, b"".join(self._parts), self._n_bytes)


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()
