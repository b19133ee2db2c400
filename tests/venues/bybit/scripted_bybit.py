"""A Bybit that answers what a test says, to the venue that is driven here without sockets or a clock."""

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, TypeVar

from market.messages import ConnectionUp, PlaceOrder
from market.units import MS, SECOND, Nanos
from tests.venues.bybit.bybit_wire import BTC, ETH
from venues.bybit.venue import BybitVenue
from venues.connection import Credentials, VenueConnection
from venues.venue import Connect, HttpAnswer, Output, Reconnect, SendFrame, SendRequest, Tell, VenueSetup
from venues.wire import RemoteProtocolError

T = TypeVar("T")
NOW: Nanos = 1_760_000_000_000 * MS
AHEAD: Nanos = 300 * MS  # of the venue's clock
CONNECTION = VenueConnection("custom", "http://127.0.0.1:1", {"default": "ws://127.0.0.1:1"})
KEY = Credentials("keyOfATest", "secretOfATest")
ORDER = PlaceOrder(77, BTC.id, 1, 650_000, 10, 4)


def reply(result: Any, code: int = 0, message: str = "OK", now: Nanos = NOW) -> bytes:
    return json.dumps({"retCode": code, "retMsg": message, "result": result, "time": (now + AHEAD) // MS}).encode()


class Bybit:
    """Drives one venue, and keeps what it wants."""

    def __init__(self, connection: VenueConnection = CONNECTION, credentials: Credentials | None = KEY) -> None:
        self.venue = BybitVenue(VenueSetup(2, (BTC, ETH), connection, credentials))
        self.now = NOW
        self.outputs: list[Output] = []
        self._answered: set[int] = set()
        self.take(self.venue.begin(NOW, 5))

    def take(self, outputs: Sequence[Output]) -> list[Output]:
        self.outputs += outputs
        return list(outputs)

    def of(self, kind: type[T]) -> list[T]:
        return [each for each in self.outputs if isinstance(each, kind)]

    def told(self, kind: type[T]) -> list[T]:
        return [each.message for each in self.of(Tell) if isinstance(each.message, kind)]

    def asked(self, path: str) -> list[SendRequest]:
        return [each for each in self.of(SendRequest) if each.request.path == path]

    def frames(self, socket: str) -> list[dict[str, Any]]:
        return [json.loads(each.data) for each in self.of(SendFrame) if each.socket == socket]

    def answer(self, asked: SendRequest, body: bytes | None, status: int = 200, **headers: str) -> list[Output]:
        answer = None if body is None else HttpAnswer(status, headers, body, self.now, self.now)
        self._answered.add(asked.token)
        return self.take(self.venue.answered(asked.token, answer, self.now))

    def answer_each(self, body: bytes, status: int) -> None:
        """Answer all that has been asked of the account and has no answer."""
        for asked in self.of(SendRequest):
            if asked.token not in self._answered and asked.request.path != "/v5/market/time":
                with suppress(RemoteProtocolError):  # it is logged by the shell
                    self.answer(asked, body, status)

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

    def tell_time(self) -> list[Output]:
        asked = self.asked("/v5/market/time")[-1]
        return self.answer(asked, reply({"timeSecond": "1", "timeNano": str(self.now + AHEAD)}))

    def sign_on(self, socket: str) -> list[Output]:
        """Open a socket of the account, and let its sign-on and subscriptions be granted."""
        place = len(self.outputs)
        self.take(self.venue.opened(socket, self.now))
        if socket == "trade":
            return [*self.hear(socket, {"op": "auth", "retCode": 0, "retMsg": "OK"})]
        self.hear(socket, {"op": "auth", "success": True})
        for frame in self.frames(socket):
            if frame["op"] == "subscribe":
                self.hear(socket, {"op": "subscribe", "success": True, "req_id": frame["req_id"]})
        return self.outputs[place:]

    def come_up(self) -> "Bybit":
        self.tell_time()
        for connect in self.of(Connect):
            if connect.socket != "public":
                self.sign_on(connect.socket)
        assert self.told(ConnectionUp)
        return self
