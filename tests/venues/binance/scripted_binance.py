"""A Binance that answers what a test says, to the venue that is driven here without sockets or a clock."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

import attrs

from market.instrument import Instrument
from market.messages import ConnectionUp, PlaceOrder
from market.units import MS, SECOND, Nanos
from venues.binance.venue import BinanceConfig, BinanceVenue
from venues.connection import Credentials, VenueConnection
from venues.venue import Connect, HttpAnswer, Output, Reconnect, SendFrame, SendRequest, Tell, VenueSetup

BTC = Instrument(0, "binance-futures", "BTCUSDT", "BTC", "USDT", "USDT", tick=Decimal("0.1"), lot=Decimal("0.001"))
ETH = attrs.evolve(BTC, id=1, symbol="ETHUSDT", base="ETH")
T = 1_760_000_000_000 * MS
KEY, SECRET, LISTEN_KEY = "keyOfATest", "secretOfATest", "listenKeyOfATest"
CONNECTION = VenueConnection("custom", rest="http://127.0.0.1:1", sockets={"default": "ws://127.0.0.1:1"})
LIMITS = (("REQUEST_WEIGHT", "MINUTE", 1, 2400), ("ORDERS", "SECOND", 10, 300), ("ORDERS", "MINUTE", 1, 1200))
TIME, INFO, KEYS = "GET /fapi/v1/time", "GET /fapi/v1/exchangeInfo", "POST /fapi/v1/listenKey"
COUNTDOWN, CANCEL, ALL = "POST /fapi/v1/countdownCancelAll", "DELETE /fapi/v1/order", "DELETE /fapi/v1/allOpenOrders"
BATCH, QUERY, DEPTH = "DELETE /fapi/v1/batchOrders", "GET /fapi/v1/order", "GET /fapi/v1/depth"
OPEN, POSITIONS = "GET /fapi/v1/openOrders", "GET /fapi/v3/positionRisk"
FILLS, INCOME = "GET /fapi/v1/userTrades", "GET /fapi/v1/income"
BALANCES, MONEY = "GET /fapi/v3/balance", "GET /fapi/v3/account"
NOTHING = {"asset": "BNB", "balance": "0.00000000", "availableBalance": "0.00000000"}
PLACE = PlaceOrder(7, 0, 1, 1000, 5, 0)


def setup(*instruments: Instrument, has_key: bool = True) -> VenueSetup:
    return VenueSetup(3, instruments or (BTC,), CONNECTION, Credentials(KEY, SECRET) if has_key else None)


def rules(tick: str = "0.10", status: str = "TRADING", limits: Sequence[tuple[str, str, int, int]] = LIMITS) -> bytes:
    """Return an exchange info in which BTC and ETH stand as they do above."""
    filters = [
        {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000", "tickSize": tick},
        {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
    ]
    symbols = [
        {
            "symbol": f"{base}USDT",
            "status": status,
            "contractType": "PERPETUAL",
            "baseAsset": base,
            "quoteAsset": "USDT",
            "marginAsset": "USDT",
            "filters": filters,
        }
        for base in ("BTC", "ETH")
    ]
    told = [
        {"rateLimitType": kind, "interval": interval, "intervalNum": n, "limit": limit}
        for kind, interval, n, limit in limits
    ]
    return json.dumps({"rateLimits": told, "symbols": symbols}).encode()


def order(client_id: str, order_id: int, status: str = "NEW", **more: Any) -> dict[str, Any]:
    """Return an order as an answer tells of it."""
    return {
        "orderId": order_id,
        "symbol": "BTCUSDT",
        "status": status,
        "clientOrderId": client_id,
        "side": "BUY",
        "price": "100.0",
        "origQty": "0.005",
        "executedQty": "0",
        "updateTime": T // MS,
        **more,
    }


def report(client_id: str, order_id: int, execution: str, status: str, **more: Any) -> bytes:
    """Return an order's event of the private stream."""
    told = {
        "s": "BTCUSDT",
        "c": client_id,
        "S": "BUY",
        "f": "GTC",
        "q": "0.005",
        "p": "100.0",
        "x": execution,
        "X": status,
        "i": order_id,
        "l": "0",
        "L": "0",
        "z": "0",
        "T": T // MS,
        "t": 0,
        "m": False,
        **more,
    }
    return json.dumps({"e": "ORDER_TRADE_UPDATE", "E": T // MS, "T": T // MS, "o": told}).encode()


@attrs.define
class Drive:
    """Drives a venue by hand: what it wants done is kept until the test does it.

    Attributes:
        told: messages, by the port they left through.
        frames: what was sent to each socket, decoded.
        asked: requests without an answer so far, by method and path, oldest first.
        targets: where each socket was last wanted.
    """

    venue: BinanceVenue
    now: Nanos = T
    offset_ms: int = 0
    told: dict[str, list[Any]] = attrs.field(factory=dict)
    frames: dict[str, list[Any]] = attrs.field(factory=dict)
    asked: dict[str, list[SendRequest]] = attrs.field(factory=dict)
    targets: dict[str, str] = attrs.field(factory=dict)
    dropped: list[Reconnect] = attrs.field(factory=list)
    outputs: list[Output] = attrs.field(factory=list)

    def do(self, outputs: Sequence[Output]) -> "Drive":
        self.outputs = list(outputs)
        for each in outputs:
            if isinstance(each, Tell):
                self.told.setdefault(each.port, []).append(each.message)
            elif isinstance(each, SendFrame):
                self.frames.setdefault(each.socket, []).append(json.loads(each.data))
            elif isinstance(each, SendRequest):
                self.asked.setdefault(f"{each.request.method} {each.request.path}", []).append(each)
            elif isinstance(each, Connect):
                self.targets[each.socket] = each.target
            elif isinstance(each, Reconnect):
                self.dropped.append(each)
        return self

    def begin(self, epoch: int = 0) -> "Drive":
        return self.do(self.venue.begin(self.now, epoch))

    def answer(
        self, name: str, body: Any = None, status: int = 200, *, headers: Mapping[str, str] | None = None
    ) -> dict[str, list[str]]:
        """Answer the oldest request of this method and path; return its query."""
        asked = self.asked[name].pop(0)
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = HttpAnswer(status, headers or {}, raw, self.now, self.now)
        self.do(self.venue.answered(asked.token, answer, self.now))
        return parse_qs(asked.request.query)

    def fail(self, name: str) -> None:
        """Leave the oldest request of this method and path without an answer."""
        self.do(self.venue.answered(self.asked[name].pop(0).token, None, self.now))

    def n_asked(self, name: str) -> int:
        return len(self.asked.get(name, []))

    def tell_time(self) -> None:
        self.answer(TIME, {"serverTime": self.now // MS + self.offset_ms})

    def open(self, *sockets: str) -> "Drive":
        for socket in sockets:
            self.do(self.venue.opened(socket, self.now))
        return self

    def close(self, socket: str, reason: str = "it broke") -> "Drive":
        return self.do(self.venue.closed(socket, reason, self.now))

    def hear(self, socket: str, frame: bytes | dict[str, Any]) -> "Drive":
        data = frame if isinstance(frame, bytes) else json.dumps(frame).encode()
        return self.do(self.venue.receive(socket, data, self.now))

    def command(self, message: Any) -> "Drive":
        return self.do(self.venue.command(message, self.now))

    def later(self, seconds: float) -> "Drive":
        """Let time pass, with every deadline met on the way."""
        end = self.now + round(seconds * SECOND)
        found: list[Output] = []
        while (due := self.venue.next_deadline()) is not None and due <= end:
            self.now = max(due, self.now)
            self.do(self.venue.on_deadline(self.now))
            found += self.outputs
            following = self.venue.next_deadline()
            assert following is None or following > self.now, "a deadline is due for ever"
        self.now = end
        self.outputs = found
        return self

    def alive(self, seconds: float) -> "Drive":
        """Let time pass in steps of at most ten seconds, after each of which every socket says something."""
        while seconds > 0:
            self.later(min(seconds, 10.0))
            seconds -= 10.0
            self.speak()
        return self

    def speak(self) -> "Drive":
        """Let every socket say something of no importance."""
        ticker = {"u": 5, "b": "1", "B": "1", "a": "2", "A": "1", "T": 4, "E": 5}
        self.hear("public", {"e": "bookTicker", "s": "BTCUSDT", **ticker})
        self.hear("market", {"e": "markPriceUpdate", "E": 5, "s": "BTCUSDT", "p": "5"})
        return self.hear("trade", {"id": "alive", "status": 200})

    def forget(self) -> "Drive":
        """Look only at what comes from here on."""
        self.told.clear()
        self.frames.clear()
        self.dropped.clear()
        return self

    def up(self, *, info: bytes | None = None) -> "Drive":
        """Bring the trading path up, and forget how."""
        self.begin()
        self.tell_time()
        self.answer(INFO, rules() if info is None else info)
        self.answer(KEYS, {"listenKey": LISTEN_KEY})
        self.open("public", "market", "private", "trade")
        for socket in ("public", "market"):
            self.hear(socket, b'{"result":null,"id":1}')
        assert self.told["connection"] == [ConnectionUp(3, self.now, 0)]
        return self.forget()


def drive(*instruments: Instrument, has_key: bool = True, config: BinanceConfig | None = None) -> Drive:
    return Drive(BinanceVenue(setup(*instruments, has_key=has_key), config))


def answer_account(venue: Drive, *, orders: list[dict[str, object]] | None = None) -> None:
    """Answer all that an account is read by: it is short of BTC, has paid funding once, and holds USDT."""
    venue.answer(OPEN, orders or [])
    venue.answer(POSITIONS, [{"symbol": "BTCUSDT", "positionAmt": "-0.005"}])
    venue.answer(FILLS, [])
    venue.answer(INCOME, [{"symbol": "BTCUSDT", "income": "-0.5", "asset": "USDT", "time": T // MS, "tranId": 4}])
    venue.answer(BALANCES, [{"asset": "USDT", "balance": "250.5", "availableBalance": "0"}, NOTHING])
    venue.answer(MONEY, {"totalMarginBalance": "251.25", "availableBalance": "150.1", "totalInitialMargin": "101.15"})
