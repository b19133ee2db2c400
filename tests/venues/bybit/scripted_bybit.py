"""A Bybit that answers what a test says, to the venue that is driven here without sockets or a clock."""

import json
from contextlib import suppress
from typing import Any

from market.messages import ConnectionUp, PlaceOrder
from market.units import MS, Nanos
from tests.venues.bybit.bybit_wire import BTC, ETH
from tests.venues.scripted_venue import AHEAD, CONNECTION, KEY, NOW, ScriptedVenue
from venues.bybit.venue import BybitVenue
from venues.connection import Credentials, VenueConnection
from venues.venue import Connect, Output, SendRequest, VenueSetup
from venues.wire import RemoteProtocolError

ORDER = PlaceOrder(77, BTC.id, 1, 650_000, 10, 4)
EMPTY = {"list": [], "nextPageCursor": ""}


def reply(result: Any, code: int = 0, message: str = "OK", now: Nanos = NOW) -> bytes:
    return json.dumps({"retCode": code, "retMsg": message, "result": result, "time": (now + AHEAD) // MS}).encode()


class Bybit(ScriptedVenue[BybitVenue]):
    def __init__(self, connection: VenueConnection = CONNECTION, credentials: Credentials | None = KEY) -> None:
        super().__init__(BybitVenue(VenueSetup(2, (BTC, ETH), connection, credentials)))
        self._answered: set[int] = set()

    def answer(self, asked: SendRequest, body: bytes | None, status: int = 200, **headers: str) -> list[Output]:
        self._answered.add(asked.token)
        return super().answer(asked, body, status, **headers)

    def answer_each(self, body: bytes, status: int) -> None:
        """Answer all that has been asked of the account and has no answer."""
        for asked in self.of(SendRequest):
            if asked.token not in self._answered and asked.request.path != "/v5/market/time":
                with suppress(RemoteProtocolError):  # it is logged by the shell
                    self.answer(asked, body, status)

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


def follow_public(bybit: Bybit) -> None:
    bybit.take(bybit.venue.opened("public", bybit.now))
    grant_public(bybit)


def grant_public(bybit: Bybit) -> None:
    for frame in bybit.frames("public"):
        bybit.hear("public", {"op": "subscribe", "success": True, "req_id": frame["req_id"]})
