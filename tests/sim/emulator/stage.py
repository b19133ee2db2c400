"""An emulated venue without sockets and clocks: the test says what time it is, and reads what would be sent."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import eth_account
from hyperliquid.utils.signing import sign_l1_action

from market.units import MS, Nanos
from sim.emulator import AccountSection, EmulatorConfig, VenueSection
from sim.emulator.account import Account
from sim.emulator.binance.venue import BinanceVenue
from sim.emulator.bybit.venue import BybitVenue
from sim.emulator.desk import Desk
from sim.emulator.engine import Engine
from sim.emulator.faults import Faults
from sim.emulator.hyperliquid.signing import keys_of
from sim.emulator.hyperliquid.venue import HyperliquidVenue
from sim.emulator.outbox import Outbox, Tally
from sim.emulator.paradex.venue import ParadexVenue
from sim.emulator.public_view import PublicView
from sim.emulator.requests import HttpAnswer, HttpRequest, Session
from sim.emulator.woox.venue import WooxVenue
from tests.sim.emulator.raw_client import digest

START: Nanos = 1_764_000_000_000_000_000
SYMBOL = "SOLUSDT"
ACCOUNTS = (AccountSection("one", "keyOfOne", "secretOfOne"), AccountSection("two", "keyOfTwo", "secretOfTwo"))

Message = dict[str, Any]
_PROTOCOLS: dict[str, Callable[[Desk], BybitVenue | BinanceVenue | WooxVenue | HyperliquidVenue | ParadexVenue]] = {
    "bybit": BybitVenue,
    "binance-futures": BinanceVenue,
    "woox": WooxVenue,
    "hyperliquid": HyperliquidVenue,
    "paradex": ParadexVenue,
}


class Wire:
    """One client's socket: what it says, and what has been sent to it."""

    def __init__(self, stage: "Stage", session: Session, outbox: Outbox) -> None:
        self.session = session
        self.outbox = outbox
        self._stage = stage

    def say(self, message: Message | str) -> None:
        text = message if isinstance(message, str) else json.dumps(message)
        self.session.receive(text, self._stage.now)

    def heard(self) -> list[Any]:
        """Return what has been sent since the last call, and is due."""
        return [json.loads(payload) for payload in frames(self.outbox.take(self._stage.now))]

    def ask(self, message: Message | str) -> Any:
        """Return the answer to a message; nothing else may come."""
        self.say(message)
        (answer,) = self.heard()
        return answer


class Stage:
    """One venue, its desk and engine."""

    def __init__(self, section: VenueSection, accounts: tuple[AccountSection, ...] = ACCOUNTS, **more: Any) -> None:
        config = EmulatorConfig(venue=(section,), account=accounts, **more)
        self.now = START
        self.faults = Faults()
        self.tally = Tally()
        self.engine = Engine(config, START)
        self.desk = Desk(self.engine, config, section, self.faults, self.tally)
        self.venue = _PROTOCOLS[section.name](self.desk)
        self.engine.listen(section.name, self.venue)
        self.run(1.0)

    @property
    def view(self) -> PublicView:
        return next(iter(self.desk.views.values()))

    def account(self, place: int = 0) -> Account:
        return self.desk.accounts[ACCOUNTS[place].key]

    def run(self, seconds: float, step: Nanos = 5 * MS) -> None:
        """Let time pass, in steps, as the emulator's task does."""
        end = self.now + round(seconds * 1e9)
        while self.now < end:
            self.now = min(end, self.now + step)
            while not self.engine.play(self.engine.times[self.venue.name].market(self.now)):
                pass
            self.venue.on_due(self.now)

    def touch(self) -> tuple[Decimal, Decimal]:
        """Return best bid and best ask."""
        view = self.view
        return view.instrument.tick * view.bids[0][0], view.instrument.tick * view.asks[0][0]

    def connect(self, target: str) -> Wire:
        where = self.venue.place_of(target.partition("?")[0])
        assert where, f"no socket at {target}"
        outbox = Outbox(self.venue.name, where, self.faults, self.tally, lambda: None)
        return Wire(self, self.venue.connect(target, "10.0.0.1", outbox, self.now), outbox)

    def http(
        self, method: str, path: str, query: str = "", body: str = "", headers: dict[str, str] | None = None
    ) -> HttpAnswer:
        request = HttpRequest(method, path, query, headers or {}, body.encode(), "10.0.0.1")
        return self.venue.request(request, self.now)


class BybitStage(Stage):
    """Bybit, with its way of signing."""

    def __init__(self, **more: Any) -> None:
        accounts = more.pop("accounts", ACCOUNTS)
        super().__init__(VenueSection("bybit", **more), accounts)

    def answer(
        self, method: str, path: str, fields: Message | None = None, place: int = 0, **wrong: Any
    ) -> tuple[Message, dict[str, str]]:
        """Send a signed request; return reply and headers.  `wrong`: key, secret, ahead_ms."""
        query = urlencode(fields or {}) if method == "GET" else ""
        body = json.dumps(fields or {}) if method == "POST" else ""
        section = ACCOUNTS[place]
        key, secret = wrong.get("key", section.key), wrong.get("secret", section.secret)
        stamp = str(self.now // MS + wrong.get("ahead_ms", 0))
        headers = {
            "x-bapi-api-key": key,
            "x-bapi-timestamp": stamp,
            "x-bapi-recv-window": "5000",
            "x-bapi-sign": digest(secret, f"{stamp}{key}5000{query or body}"),
        }
        answer = self.http(method, path, query, body, headers)
        return json.loads(answer.body), dict(answer.headers)

    def get(self, path: str, place: int = 0, **fields: Any) -> Message:
        return self.answer("GET", path, {"category": "linear", **fields}, place)[0]

    def post(self, path: str, place: int = 0, **fields: Any) -> Message:
        return self.answer("POST", path, {"category": "linear", "symbol": SYMBOL, **fields}, place)[0]

    def signed_on(self, what: str, place: int = 0, topics: tuple[str, ...] = ()) -> Wire:
        """Return a private or trade socket that is signed on."""
        wire = self.connect(f"/v5/{what}")
        section, expires = ACCOUNTS[place], self.now // MS + 5000
        args = [section.key, expires, digest(section.secret, f"GET/realtime{expires}")]
        wire.ask({"op": "auth", "args": args})
        if topics:
            wire.ask({"op": "subscribe", "args": list(topics)})
        return wire

    def limit(self, side: str, price: Decimal, qty: str = "1.0", tif: str = "GTC", **more: Any) -> Message:
        """Return the terms of a limit order."""
        terms = {"side": side, "orderType": "Limit", "qty": qty, "price": str(price), "timeInForce": tif}
        return {"category": "linear", "symbol": SYMBOL, **terms, **more}

    def request(self, request_id: str, op: str, **fields: Any) -> Message:
        """Return a request of the trade socket."""
        header = {"X-BAPI-TIMESTAMP": str(self.now // MS)}
        return {"reqId": request_id, "header": header, "op": op, "args": [{"category": "linear", **fields}]}


class BinanceStage(Stage):
    """Binance, with its way of signing."""

    def __init__(self, **more: Any) -> None:
        super().__init__(VenueSection("binance-futures", **more))

    def answer(
        self, method: str, path: str, params: Message | None = None, place: int = 0, **wrong: Any
    ) -> tuple[int, Any, dict[str, str]]:
        """Send a signed request; return status, reply and headers.  `wrong`: key, secret, ahead_ms."""
        section = ACCOUNTS[place]
        stamp = self.now // MS + wrong.get("ahead_ms", 0)
        query = urlencode({**(params or {}), "timestamp": stamp})
        signature = digest(wrong.get("secret", section.secret), query)
        headers = {"x-mbx-apikey": wrong.get("key", section.key)}
        answer = self.http(method, path, f"{query}&signature={signature}", "", headers)
        return answer.status, {} if answer.is_never else json.loads(answer.body), dict(answer.headers)

    def call(self, method: str, path: str, place: int = 0, **params: Any) -> Any:
        return self.answer(method, path, params, place)[1]

    def public(self, path: str, query: str = "") -> Any:
        return json.loads(self.http("GET", path, query).body)

    def order(self, place: int = 0, **terms: Any) -> Any:
        return self.call("POST", "/fapi/v1/order", place, symbol=SYMBOL, **terms)

    def limit(self, side: str, price: Decimal, quantity: str = "1.0", tif: str = "GTC", **more: Any) -> Any:
        return self.order(side=side, type="LIMIT", timeInForce=tif, quantity=quantity, price=str(price), **more)

    def listening(self, place: int = 0) -> Wire:
        """Return a private socket of an account."""
        answer = self.http("POST", "/fapi/v1/listenKey", headers={"x-mbx-apikey": ACCOUNTS[place].key})
        return self.connect(f"/private/ws?listenKey={json.loads(answer.body)['listenKey']}")


class WooxStage(Stage):
    """WOO X, with its way of signing."""

    symbol = "PERP_SOL_USDT"

    def __init__(self, **more: Any) -> None:
        accounts = more.pop("accounts", ACCOUNTS)
        super().__init__(VenueSection("woox", **more), accounts)

    def answer(
        self, method: str, path: str, fields: Message | None = None, place: int = 0, **wrong: Any
    ) -> tuple[int, Message]:
        """Send a signed request; return status and reply.  `wrong`: key, secret, ahead_ms."""
        is_body = method in ("POST", "PUT")
        query = "" if is_body else urlencode(fields or {})
        body = json.dumps(fields or {}) if is_body else ""
        section = ACCOUNTS[place]
        stamp = str(self.now // MS + wrong.get("ahead_ms", 0))
        target = f"{path}?{query}" if query else path
        headers = {
            "x-api-key": wrong.get("key", section.key),
            "x-api-timestamp": stamp,
            "x-api-signature": digest(wrong.get("secret", section.secret), f"{stamp}{method}{target}{body}"),
        }
        answer = self.http(method, path, query, body, headers)
        return answer.status, {} if answer.is_never else json.loads(answer.body)

    def call(self, method: str, path: str, place: int = 0, **fields: Any) -> Any:
        """Return what a success says."""
        status, reply = self.answer(method, path, fields, place)
        assert (status, reply["success"]) == (200, True), reply
        return reply["data"]

    def limit(self, side: str, price: Decimal, quantity: str = "1.0", kind: str = "LIMIT", **more: Any) -> Message:
        """Return the terms of an order with a price."""
        return {"symbol": self.symbol, "side": side, "type": kind, "quantity": quantity, "price": str(price), **more}

    def listening(self, *topics: str, place: int = 0) -> Wire:
        """Return a private socket of an account that is subscribed."""
        key = self.call("POST", "/v3/account/listenKey", place, type="WEBSOCKET")["authKey"]
        wire = self.connect(f"/v3/private?key={key}")
        wire.ask({"id": "1", "cmd": "SUBSCRIBE", "params": list(topics)})
        return wire


class HyperliquidStage(Stage):
    """Hyperliquid, whose actions the SDK's own code signs."""

    symbol = "SOL"

    def __init__(self, **more: Any) -> None:
        accounts = more.pop("accounts", ACCOUNTS)
        super().__init__(VenueSection("hyperliquid", **more), accounts)
        self._n_actions = 0

    def address(self, place: int = 0) -> str:
        return keys_of(ACCOUNTS[place])[0]

    def info(self, kind: str, **fields: Any) -> Any:
        """Return the answer to a question."""
        return json.loads(self.http("POST", "/info", body=json.dumps({"type": kind, **fields})).body)

    def signed(self, action: Message, place: int = 0, **wrong: Any) -> Message:
        """Return the body of an action.  `wrong`: secret, nonce, expires, is_mainnet, vault."""
        self._n_actions += 1
        wallet = eth_account.Account.from_key(wrong.get("secret", keys_of(ACCOUNTS[place])[1]))
        nonce, vault = wrong.get("nonce", self.now // MS + self._n_actions), wrong.get("vault")
        expires = wrong.get("expires")
        signature = sign_l1_action(wallet, action, vault, nonce, expires, wrong.get("is_mainnet", False))
        body = {"action": action, "nonce": nonce, "signature": signature}
        return {**body, "vaultAddress": vault, "expiresAfter": expires}

    def act(self, action: Message, place: int = 0, **wrong: Any) -> Any:
        """Return the answer to an action."""
        return json.loads(self.http("POST", "/exchange", body=json.dumps(self.signed(action, place, **wrong))).body)

    def order(self, price: Decimal, size: str = "1", tif: str = "Gtc", **more: Any) -> Message:
        """Return the action of a buy; `more` are fields of the order."""
        terms = {"a": 0, "b": True, "p": f"{price:f}", "s": size, "r": False, "t": {"limit": {"tif": tif}}}
        return {"type": "order", "orders": [{**terms, **more}], "grouping": "na"}

    def low(self, share: str = "0.98") -> Decimal:
        """Return a valid price below the market."""
        return Decimal(f"{self.touch()[0] * Decimal(share):.4g}")


def frames(data: bytes, opcode: int = 0x81) -> list[bytes]:
    """Return the payloads of the frames of one kind, of text if nothing is said, in what a server sent."""
    found, at = [], 0
    while at < len(data):
        kind, size = data[at], data[at + 1]
        at += 2
        if size == 126:
            size, at = int.from_bytes(data[at : at + 2], "big"), at + 2
        elif size == 127:
            size, at = int.from_bytes(data[at : at + 8], "big"), at + 8
        if kind == opcode:
            found.append(data[at : at + size])
        at += size
    return found
