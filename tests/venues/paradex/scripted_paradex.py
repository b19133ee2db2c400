"""A Paradex that answers what a test says, without sockets or a clock, and the venue before it."""

import json
from collections.abc import Callable
from typing import Any

from market.messages import OrderFlag, PlaceOrder
from market.units import MS, SECOND, Nanos
from tests.venues.paradex.paradex_wire import BTC
from tests.venues.paradex.test_paradex_signing import ADDRESS, KEY
from venues.connection import Credentials, VenueConnection
from venues.paradex.venue import ParadexVenue
from venues.venue import HttpAnswer, MakeFrame, Output, Reconnect, SendFrame, SendRequest, Tell, VenueSetup
from venues.wire import RemoteProtocolError

CONNECTION = VenueConnection("custom", "http://127.0.0.1:1", {"default": "ws://127.0.0.1:1"})
T0: Nanos = 1_700_000_000 * SECOND
SYMBOL = BTC.symbol
MARKETS = {
    "results": [
        {
            "symbol": SYMBOL,
            "base_currency": "BTC",
            "quote_currency": "USD",
            "settlement_currency": "USDC",
            "order_size_increment": "0.0001",
            "price_tick_size": "0.01",
            "min_notional": "10",
            "asset_kind": "PERP",
        }
    ]
}
QUOTE = PlaceOrder(77, BTC.id, 1, 2_000_000, 50, int(OrderFlag.POST_ONLY))  # 20,000.00, 0.0050
Answer = tuple[int, Any] | None  # status and body, or none at all


class Paradex:
    """One account's venue; requests are answered by `on` (path begins with -> answer), frames by `grants`.

    Attributes:
        told: messages, by when they left.
        calls: (method, params, id) of every call on the private socket.
        requests: (method, path?query) of every request.
        errors: answers that made no sense.
        is_granting: calls on the private socket are answered by a result at once.
    """

    def __init__(self, state: Answer = (200, {"status": "ok"})) -> None:
        self.now = T0
        self.told: list[tuple[str, Any]] = []
        self.calls: list[tuple[str, dict[str, Any], int]] = []
        self.requests: list[tuple[str, str]] = []
        self.reconnects: list[tuple[str, str]] = []
        self.errors: list[str] = []
        self.is_granting = True
        self.on: dict[str, Callable[[], Answer]] = {
            "/v1/system/time": lambda: (200, {"server_time": self.now // MS}),
            "/v1/system/state": lambda: state,
            "/v1/markets": lambda: (200, MARKETS),
            "/v1/auth": lambda: (200, {"jwt_token": f"token-{self.n_logins}"}),
        }
        self.venue = ParadexVenue(VenueSetup(0, (BTC,), CONNECTION, Credentials(ADDRESS, KEY)))
        self._frames: list[tuple[str, bytes]] = []
        self._do(self.venue.begin(self.now))

    def up(self) -> "Paradex":
        """Open both sockets; forget what was said on the way."""
        self._do(self.venue.opened("public", self.now))
        self._do(self.venue.opened("private", self.now))
        assert self.has_told("ConnectionUp"), self.told
        self.told.clear()
        return self

    @property
    def n_logins(self) -> int:
        return sum(path.startswith("/v1/auth") for _, path in self.requests)

    def kinds(self) -> list[str]:
        return [type(message).__name__ for _, message in self.told]

    def has_told(self, kind: str) -> bool:
        return kind in self.kinds()

    def only(self, kind: str) -> Any:
        (found,) = [message for _, message in self.told if type(message).__name__ == kind]
        return found

    def methods(self) -> list[str]:
        return [method for method, _, _ in self.calls]

    # --- what a test does --------------------------------------------------------------------------------------------

    def send(self, message: Any) -> None:
        self._do(self.venue.command(message, self.now))

    def open(self, socket: str) -> None:
        self._do(self.venue.opened(socket, self.now))

    def close(self, socket: str, reason: str = "cut") -> None:
        self._do(self.venue.closed(socket, reason, self.now))

    def hear(self, content: dict[str, Any], socket: str = "private") -> None:
        self._do(self.venue.receive(socket, json.dumps({"jsonrpc": "2.0", **content}), self.now))

    def refuse(self, code: int, message: str = "", data: Any = None) -> None:
        """Refuse the last call."""
        error = {"code": code, "message": message, **({} if data is None else {"data": data})}
        self.hear({"error": error, "id": self.calls[-1][2]})

    def news(self, channel: str, data: dict[str, Any]) -> None:
        self.hear({"method": "subscription", "params": {"channel": channel, "data": data}})

    def order(self, status: str, order: PlaceOrder = QUOTE, **changes: Any) -> None:
        self.news("orders.ALL", row_of(order, status, self.now) | changes)

    def fill(self, order: PlaceOrder = QUOTE, **changes: Any) -> None:
        size, price = f"{order.size / 10_000:.4f}", f"{order.price / 100:.2f}"
        row: dict[str, Any] = {
            "id": "f-1",
            "order_id": f"9{order.client_id}",
            "client_id": str(order.client_id),
            "market": SYMBOL,
        }
        row |= {"side": side_of(order.side), "price": price, "size": size, "liquidity": "MAKER", "fee": "0.01"}
        row |= {"fee_currency": "USDC", "fill_type": "FILL", "created_at": self.now // MS, "remaining_size": "0"}
        self.news("fills.ALL", row | changes)

    def sleep(self, seconds: float) -> None:
        """Let time pass, and what is due be done."""
        end = self.now + round(seconds * SECOND)
        for _ in range(1000):
            due = self.venue.next_deadline()
            if due is None or due > end:
                self.now = end
                return
            self.now = max(self.now, due)
            self._do(self.venue.on_deadline(self.now))
        raise AssertionError(f"{due} is due for ever")

    # --- the shell ---------------------------------------------------------------------------------------------------

    def _do(self, outputs: Any) -> None:
        queue: list[Output] = list(outputs)
        for each in queue:
            if isinstance(each, Tell):
                self.told.append((each.port, each.message))
            elif isinstance(each, SendRequest):
                self._answer(each)
            elif isinstance(each, SendFrame | MakeFrame):
                self._frame(each.socket, each.data if isinstance(each, SendFrame) else each.make())
            elif isinstance(each, Reconnect):
                self.reconnects.append((each.socket, each.reason))

    def _answer(self, asked: SendRequest) -> None:
        request = asked.request
        self.requests.append((request.method, f"{request.path}?{request.query}"))
        found = next((answer for path, answer in self.on.items() if request.path.startswith(path)), lambda: None)()
        answer = None
        if found is not None:
            answer = HttpAnswer(found[0], {}, json.dumps(found[1]).encode(), self.now, self.now)
        try:
            self._do(self.venue.answered(asked.token, answer, self.now))
        except RemoteProtocolError as error:  # the shell says so and goes on
            self.errors.append(str(error))

    def _frame(self, socket: str, frame: bytes) -> None:
        call = json.loads(frame)
        if socket == "private":
            self.calls.append((call["method"], call["params"], call["id"]))
            if not self.is_granting:
                return
        self.hear({"result": call["params"], "id": call["id"]}, socket)


def side_of(side: int) -> str:
    return "BUY" if side > 0 else "SELL"


def row_of(order: PlaceOrder, status: str, now: Nanos) -> dict[str, Any]:
    """Return an order as the venue tells of it."""
    size = f"{order.size / 10_000:.4f}"
    return {
        "id": f"9{order.client_id}",
        "client_id": str(order.client_id),
        "market": SYMBOL,
        "side": side_of(order.side),
        "type": "LIMIT",
        "instruction": "POST_ONLY",
        "size": size,
        "remaining_size": size if status != "CLOSED" else "0",
        "price": f"{order.price / 100:.2f}",
        "status": status,
        "cancel_reason": "",
        "flags": [],
        "created_at": now // MS,
        "last_updated_at": now // MS,
    }
