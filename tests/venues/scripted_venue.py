"""A venue driven without sockets or a clock: what it wants is kept, and a test answers it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

from market.units import MS, SECOND, Nanos
from venues.connection import Credentials, VenueConnection
from venues.venue import Conversation, HttpAnswer, Output, Reconnect, SendFrame, SendRequest, Tell, Venue

T = TypeVar("T")
V = TypeVar("V", bound=Venue)
NOW: Nanos = 1_760_000_000_000 * MS
AHEAD: Nanos = 300 * MS  # of the venue's clock
CONNECTION = VenueConnection("custom", "http://127.0.0.1:1", {"default": "ws://127.0.0.1:1"})
KEY = Credentials("keyOfATest", "secretOfATest")


class ScriptedVenue(Generic[V]):
    """Drives one venue, and keeps what it wants."""

    def __init__(self, venue: V) -> None:
        self.venue = venue
        self.now = NOW
        self.outputs: list[Output] = []
        self.take(venue.begin(NOW, 5))

    def take(self, outputs: Sequence[Output]) -> list[Output]:
        self.outputs += outputs
        return list(outputs)

    def of(self, kind: type[T]) -> list[T]:
        return [each for each in self.outputs if isinstance(each, kind)]

    def told(self, kind: type[T]) -> list[T]:
        return [each.message for each in self.of(Tell) if isinstance(each.message, kind)]

    def asked(self, path: str, method: str = "") -> list[SendRequest]:
        found = [each for each in self.of(SendRequest) if each.request.path == path]
        return [each for each in found if method in ("", each.request.method)]

    def frames(self, socket: str) -> list[dict[str, Any]]:
        return [json.loads(each.data) for each in self.of(SendFrame) if each.socket == socket]

    def answer(self, asked: SendRequest, body: bytes | None, status: int = 200, **headers: str) -> list[Output]:
        answer = None if body is None else HttpAnswer(status, headers, body, self.now, self.now)
        return self.take(self.venue.answered(asked.token, answer, self.now))

    def hear(self, socket: str, frame: dict[str, Any]) -> list[Output]:
        return self.take(self.venue.receive(socket, json.dumps(frame), self.now))

    def command(self, message: Any) -> list[Output]:
        return self.take(self.venue.command(message, self.now))

    def pass_by(self, seconds: float) -> list[Output]:
        """Let time pass, and everything be done that is due meanwhile."""
        until = self.now + round(seconds * SECOND)
        done: list[Output] = []
        while (due := self.venue.next_deadline()) is not None and due <= until:
            self.now = max(self.now, due)
            outputs = self.take(self.venue.on_deadline(self.now))
            for each in outputs:
                if isinstance(each, Reconnect):  # as the shell does
                    self.take(self.venue.closed(each.socket, each.reason, self.now))
            done += outputs
        self.now = until
        return done


def hold(conversation: Conversation[Any], answers: Mapping[str, bytes]) -> Any:
    """Answer every request by its path; return what comes of it."""
    request = next(conversation)
    while True:
        try:
            request = conversation.send(HttpAnswer(200, {}, answers[request.path], NOW, NOW))
        except StopIteration as end:
            return end.value
