"""A request over HTTP and its answer, without the bytes of HTTP; and what the server needs of an emulated venue."""

from typing import Any, Protocol
from urllib.parse import parse_qsl

import attrs
import msgspec

from market.units import Nanos
from sim.emulator.outbox import Outbox
from sim.emulator.public_view import Print, PublicView

JSON = ("Content-Type", "application/json")


@attrs.frozen
class HttpRequest:
    """One request.

    Attributes:
        query: as it came, percent-encoded, without the question mark.
        headers: by lower-case name.
        address: of the client.
    """

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    address: str

    def parameters(self) -> dict[str, str]:
        """Return the query's parameters, decoded; of two of one name the first."""
        found: dict[str, str] = {}
        for name, value in parse_qsl(self.query, keep_blank_values=True):
            found.setdefault(name, value)
        return found


@attrs.frozen
class HttpAnswer:
    """One answer.

    Attributes:
        delay: it leaves so much later, ns.
        is_never: the client waits in vain.
    """

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = (JSON,)
    delay: Nanos = 0
    is_never: bool = False


class Session(Protocol):
    """One client's WebSocket at a venue."""

    def receive(self, text: str, now: Nanos) -> None:
        """Take a text message of the client."""
        ...

    def ponged(self, now: Nanos) -> None:
        """Take note of a pong, or a ping, of the WebSocket protocol."""
        ...

    def next_due(self) -> Nanos:
        """Return when `on_due` is to be called."""
        ...

    def on_due(self, now: Nanos) -> None:
        """Do what is due by time: pings, cuts."""
        ...

    def closed(self) -> None:
        """The socket is gone."""
        ...


class EmulatedVenue(Protocol):
    """One venue's protocol; without sockets and clocks."""

    name: str

    def request(self, request: HttpRequest, now: Nanos) -> HttpAnswer:
        """Answer a request over HTTP."""
        ...

    def place_of(self, path: str) -> str:
        """Return what a WebSocket at a path is: `public`, `private`, `trade`; empty: there is none."""
        ...

    def connect(self, target: str, address: str, outbox: Outbox, now: Nanos) -> Session:
        """Take a new WebSocket, whose path is known by `place_of`."""
        ...

    def next_due(self) -> Nanos:
        """Return when `on_due` is to be called."""
        ...

    def on_due(self, now: Nanos) -> None:
        """Do what is due by time: books that wait for their turn, switches."""
        ...

    def on_book(self, view: PublicView, now: Nanos) -> None: ...

    def on_trade(self, view: PublicView, printed: Print, now: Nanos) -> None: ...

    def on_facts(self, account: int, facts: Any, now: Nanos) -> None: ...


def encode(value: Any) -> bytes:
    """Return compact JSON."""
    return msgspec.json.encode(value)
