"""A WOO X that answers what a test says, to the venue that is driven here without sockets or a clock."""

import json
from typing import Any

from market.messages import AccountSnapshot, ConnectionUp, PlaceOrder, RequestAccount
from market.units import MS, SECOND, Nanos
from tests.venues.scripted_venue import AHEAD, CONNECTION, KEY, NOW, ScriptedVenue
from tests.venues.woox.woox_wire import BTC, LTC
from venues.connection import Credentials
from venues.venue import Connect, Output, SendRequest, Tell, VenueSetup
from venues.woox.venue import WooxConfig, WooxVenue

ORDER = PlaceOrder(77, BTC.id, 1, 650_000, 100, 4)
SYSTEM = "/v3/public/systemInfo"
ORDER_PATH = "/v3/trade/order"
EMPTY: dict[str, Any] = {
    "/v3/trade/orders": {"rows": [], "meta": {"total": 0, "recordsPerPage": 500, "currentPage": 1}},
    "/v3/futures/positions": {"positions": []},
    "/v3/trade/transactionHistory": {"rows": []},
    "/v3/futures/fundingFee/history": {"rows": [], "meta": {"total": 0}},
    "/v3/asset/balances": {"holding": []},
    "/v3/account/info": {},
}


def reply(data: Any, now: Nanos = NOW) -> bytes:
    return json.dumps({"success": True, "data": data, "timestamp": (now + AHEAD) // MS}).encode()


def refusal(code: int | str, message: str = "no") -> bytes:
    return json.dumps({"success": False, "code": code, "message": message}).encode()


def row(**changes: Any) -> dict[str, Any]:
    """Return the rules of BTC."""
    usual = {
        "symbol": "PERP_BTC_USDT",
        "status": "TRADING",
        "baseAsset": "BTC",
        "baseAssetMultiplier": 1,
        "quoteAsset": "USDT",
        "quoteMin": "0",
        "quoteMax": "1000000",
        "quoteTick": "0.1",
        "baseMin": "0.00001",
        "baseMax": "100",
        "baseTick": "0.00001",
        "minNotional": "1",
        "bidCapRatio": "1.1",
        "askFloorRatio": "0.9",
        "orderMode": "NORMAL",
    }
    return usual | changes


def report(**changes: Any) -> dict[str, Any]:
    """Return a report of ORDER that stands."""
    usual = {"mt": 0, "s": "PERP_BTC_USDT", "cid": 77, "oid": 9001, "t": "POST_ONLY", "sd": "BUY", "px": "65000"}
    usual |= {"sx": "0.001", "tid": 0, "epx": "0", "esx": "0", "tesx": "0", "f": "0", "fa": "USDT", "ss": "NEW"}
    return usual | {"rs": "", "mk": False, "ro": False, "ts": (NOW + AHEAD) // MS} | changes


class Woox(ScriptedVenue[WooxVenue]):
    def __init__(self, credentials: Credentials | None = KEY, config: WooxConfig | None = None) -> None:
        super().__init__(WooxVenue(VenueSetup(2, (BTC, LTC), CONNECTION, credentials), config))

    def hear_report(self, **changes: Any) -> list[Any]:
        frame = {"topic": "executionreport", "ts": 1, "data": report(**changes)}
        return [each.message for each in self.hear("private", frame) if isinstance(each, Tell)]

    def send(self, message: Any) -> SendRequest:
        """Give a command that is sent as one request, and return it."""
        (asked,) = [
            each for each in self.command(message) if isinstance(each, SendRequest) and each.lane != "countdown"
        ]
        return asked

    def tell_system(self, status: int = 0) -> list[Output]:
        data = {"status": status, "msg": "as it is", "estimatedEndTime": 1}
        return self.answer(self.asked(SYSTEM)[-1], reply(data, self.now))

    def grant(self, socket: str) -> None:
        """Open a socket, and let its subscriptions be granted."""
        place = len(self.frames(socket))
        self.take(self.venue.opened(socket, self.now))
        for frame in self.frames(socket)[place:]:
            self.hear(socket, {"id": frame["id"], "cmd": "SUBSCRIBE", "success": True, "data": frame["params"]})

    def give_key(self, key: str = "k/1") -> list[Output]:
        return self.answer(self.asked("/v3/account/listenKey")[-1], reply({"authKey": key, "expiredTime": 1}))

    def come_up(self) -> "Woox":
        self.tell_system()
        self.give_key()
        self.grant("private")
        assert self.told(ConnectionUp)
        return self

    @property
    def key_targets(self) -> list[str]:
        return [each.target for each in self.of(Connect) if each.socket == "private"]


def answer_account(woox: Woox, data: dict[str, Any] | None = None) -> AccountSnapshot:
    """Ask for the account and answer every question of it by its path."""
    place = len(woox.outputs)
    n_told = len(woox.told(AccountSnapshot))
    woox.command(RequestAccount(2, woox.now - SECOND))
    while len(woox.told(AccountSnapshot)) == n_told:
        asked = [each for each in woox.outputs[place:] if isinstance(each, SendRequest) and each.request.path in EMPTY]
        place = len(woox.outputs)
        assert asked, "the account is asked for no more, and is not told"
        for each in asked:
            woox.answer(each, reply((EMPTY | (data or {}))[each.request.path], woox.now))
    return woox.told(AccountSnapshot)[-1]
