"""Who reads Hyperliquid's bytes, and well-formed inputs for each."""

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

from market.messages import AmendOrder, CancelAll, QueryOrder, RequestAccount
from market.units import MS
from tests.fuzz.answers import answer_all
from tests.venues.hyperliquid.hyperliquid_wire import BTC
from tests.venues.hyperliquid.test_hyperliquid_venue import ACCOUNT, LEVELS, META, NOW, ORDER, TRADE, Hyperliquid
from venues.hyperliquid.instruments import instrument_of, read_meta
from venues.wire import HttpRequest

_TIME: Final = NOW // MS
_TERMS: Final = {
    "coin": "BTC",
    "side": "B",
    "limitPx": "65000",
    "sz": "0.001",
    "origSz": "0.001",
    "oid": 9001,
    "timestamp": _TIME,
    "cloid": f"0x{ORDER.client_id:032x}",
}
_NEWS: Final = {"order": _TERMS, "status": "canceled", "statusTimestamp": _TIME}
_FILL: Final = {
    "coin": "BTC",
    "px": "65000",
    "sz": "0.001",
    "side": "B",
    "time": _TIME,
    "oid": 9001,
    "crossed": False,
    "fee": "0",
    "tid": 5,
}
_MARK: Final = {"coin": "BTC", "ctx": {"markPx": "65000", "funding": "0.00001", "oraclePx": "65000"}}
_PLACED: Final = {"type": "order", "data": {"statuses": [{"resting": {"oid": 9002}}]}}
_STATE: Final = {
    "assetPositions": [{"position": {"coin": "BTC", "szi": "0.5"}}],
    "marginSummary": {"accountValue": "10", "totalMarginUsed": "1"},
    "withdrawable": "9",
    "time": _TIME,
}
# what each question for the account is answered by
_ACCOUNT: Final[dict[str, Any]] = {
    "frontendOpenOrders": [_TERMS],
    "clearinghouseState": _STATE,
    "userFillsByTime": [_FILL],
    "userFunding": [{"time": _TIME, "hash": "0x0", "delta": {"type": "funding", "coin": "BTC", "usdc": "-0.1"}}],
    "orderStatus": {"status": "order", "order": _NEWS},
}

SEEDS: Final[Sequence[tuple[int, Any]]] = (
    (0, {"channel": "l2Book", "data": {"coin": "BTC", "time": _TIME, "levels": LEVELS}}),
    (0, {"channel": "trades", "data": [TRADE]}),
    (0, {"channel": "activeAssetCtx", "data": _MARK}),
    (1, {"channel": "orderUpdates", "data": [_NEWS]}),
    (1, {"channel": "userFills", "data": {"user": ACCOUNT, "fills": [_FILL]}}),
    (1, {"channel": "user", "data": {"nonUserCancel": [{"coin": "BTC", "oid": 9001}]}}),
    (
        1,
        {
            "channel": "post",
            "data": {"id": 2, "response": {"type": "action", "payload": {"status": "ok", "response": _PLACED}}},
        },
    ),
    *((2 + place, answer) for place, answer in enumerate(_ACCOUNT.values())),
    (7, {"status": "order", "order": _NEWS}),
    (8, [_TERMS]),
    (9, META),
)


def readers() -> Sequence[Callable[[bytes], Any]]:
    """Return who reads; each input meets a fresh state."""

    def stand() -> Hyperliquid:
        venue = Hyperliquid().up()
        venue.take(venue.venue.command(ORDER, venue.now))
        return venue

    def socket(name: str) -> Callable[[bytes], Any]:
        def read(data: bytes) -> None:
            venue = stand()
            venue.take(venue.venue.command(AmendOrder(ORDER.client_id, BTC.id, ORDER.price - 10, 200), venue.now))
            venue.venue.receive(name, data, venue.now)
            venue.venue.next_deadline()

        return read

    def answers(command: Any) -> Callable[[bytes], Any]:
        def read(data: bytes) -> None:
            venue = stand()
            answer_all(venue.venue, command, lambda request: data, venue.now)

        return read

    def account(kind: str) -> Callable[[bytes], Any]:
        """One question for the account is answered by the input, the others as they should be."""

        def read(data: bytes) -> None:
            def reply(request: HttpRequest) -> bytes:
                asked = json.loads(request.body)["type"]
                return data if asked == kind else json.dumps(_ACCOUNT[asked]).encode()

            venue = stand()
            answer_all(venue.venue, RequestAccount(2, NOW), reply, venue.now)

        return read

    def instruments(data: bytes) -> None:
        for place, row in read_meta(data).values():
            instrument_of(row, place, NOW)

    return (
        socket("public"),
        socket("private"),
        *(account(kind) for kind in _ACCOUNT),
        answers(QueryOrder(ORDER.client_id, BTC.id)),
        answers(CancelAll(BTC.id)),
        instruments,
    )
