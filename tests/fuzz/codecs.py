"""Fuzzes what reads a venue's bytes: whatever comes, it is read or refused by `RemoteProtocolError`, and never else.

    python -m tests.fuzz.codecs CORPUS -max_total_time=600

The first byte of an input chooses who reads the rest; `CORPUS` is a folder that grows, begun by `seeds`.
"""

import json
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import atheris

with atheris.instrument_imports(include=["venues"]):
    from tests.fuzz import hyperliquid_inputs, paradex_inputs
    from tests.venues.bybit.bybit_wire import BTC, ETH
    from tests.venues.bybit.scripted_bybit import Bybit
    from tests.venues.scripted_venue import NOW
    from tests.venues.woox.scripted_woox import ORDER as WOOX_ORDER
    from tests.venues.woox.scripted_woox import Woox, report, row
    from tests.venues.woox.woox_wire import BTC as WOOX_BTC
    from venues.binance.market_session import MarketSession
    from venues.bybit.account import AccountQuery
    from venues.bybit.instruments import read_fees, read_instruments
    from venues.bybit.order_ids import OrderIds
    from venues.bybit.requests import OrderRequests
    from venues.bybit.server_clock import read_time
    from venues.bybit.signing import Signer
    from venues.wire import RemoteProtocolError
    from venues.woox.instruments import read_instruments as read_woox_instruments

import attrs

from market.messages import QueryOrder, RequestAccount
from venues.venue import HttpAnswer, SendRequest

Reader = Callable[[bytes], Any]
_BOOK: Final = {"s": "BTCUSDT", "b": [["65000.0", "1"]], "a": [["65000.1", "2"]], "u": 100, "seq": 7}
_ORDER: Final = {
    "symbol": "BTCUSDT",
    "orderId": "o-1",
    "orderLinkId": "ls-4d",
    "side": "Buy",
    "orderType": "Limit",
    "price": "65000.0",
    "qty": "0.010",
    "orderStatus": "New",
    "timeInForce": "PostOnly",
    "updatedTime": "1760000000100",
    "category": "linear",
}
# an order, a position and an execution at once, as one answer goes to the three questions about an account
_ROW: Final = _ORDER | {
    "size": "0.5",
    "execId": "e-1",
    "execPrice": "65000.1",
    "execQty": "0.010",
    "execType": "Trade",
    "execTime": "1760000000100",
    "execFee": "0.01",
    "isMaker": True,
}
# of WOO X an open order, a fill and a payment at once
_WOOX_ROW: Final = {"orderId": 9001, "clientOrderId": 77, "symbol": "PERP_BTC_USDT", "side": "BUY", "status": "NEW"}
_WOOX_FILL: Final = {
    "id": 5,
    "executedPrice": "65000",
    "executedQuantity": "0.001",
    "executedTimestamp": "1760000000.1",
}
_WOOX_PAYMENT: Final = {"fundingFee": "1", "paymentType": "Pay", "createdTime": 1760000000000}
_DEPTH: Final = {"e": "depthUpdate", "E": 1, "T": 1, "s": "BTCUSDT", "U": 1, "u": 2, "pu": 0, "b": [], "a": []}


def seeds() -> list[bytes]:
    """Return well-formed inputs, of each reader at least one."""
    public = {"topic": "orderbook.50.BTCUSDT", "type": "snapshot", "ts": 1760000000000, "data": _BOOK}
    trade = {"T": 1760000000000, "s": "BTCUSDT", "S": "Buy", "v": "0.001", "p": "65000.1", "i": "7"}
    ticker = {"symbol": "BTCUSDT", "markPrice": "65000.05", "fundingRate": "-0.0001"}
    answer = {"reqId": "o1", "retCode": 0, "op": "order.create", "header": {"Timenow": "1760000000000"}}
    change = {"s": "PERP_BTC_USDT", "ts": 20, "prevTs": 10, "bids": [["65000", "1"]], "asks": []}
    print_ = {"s": "PERP_BTC_USDT", "px": "65000", "sx": "0.001", "sd": "BUY", "src": 1, "ts": 1760000000000}
    account = _WOOX_ROW | {"type": "LIMIT", "quantity": "0.001", "price": "65000"} | _WOOX_FILL | _WOOX_PAYMENT
    position = {"symbol": "PERP_BTC_USDT", "holding": "-0.5"}
    level = {"price": "65000", "quantity": "1"}
    found: list[tuple[int, Any]] = [
        (0, public),
        (0, public | {"topic": "publicTrade.BTCUSDT", "data": [trade]}),
        (0, public | {"topic": "tickers.BTCUSDT", "data": ticker}),
        (1, {"topic": "order", "creationTime": 1760000000000, "data": [_ORDER]}),
        (2, answer),
        (3, {"retCode": 0, "result": {"list": [_ROW], "nextPageCursor": ""}, "time": 1760000000000}),
        (4, {"retCode": 0, "result": {"list": [], "nextPageCursor": "x"}, "time": 1}),
        (5, {"retCode": 0, "result": {"timeNano": "1760000000000000000"}, "time": 1}),
        (6, {"stream": "btcusdt@depth@100ms", "data": _DEPTH}),
        (7, {"topic": "orderbookupdate@PERP_BTC_USDT@50", "ts": 20, "data": change}),
        (7, {"topic": "trade@PERP_BTC_USDT", "ts": 20, "data": print_}),
        (7, {"cmd": "PONG", "success": True, "time": 1760000000000}),
        (8, {"topic": "executionreport", "ts": 1, "data": report(ss="FILLED", tid=5, esx="0.001", epx="65000")}),
        (9, {"success": True, "data": {"rows": [account], "positions": [position]}, "timestamp": 1}),
        (10, {"success": True, "data": {"rows": [row()]}, "timestamp": 1}),
        (11, {"success": False, "code": -1000, "message": "no"}),
        (12, {"success": True, "data": {"bids": [level], "asks": []}, "timestamp": 1760000000000}),
    ]
    n_readers = len(_OWN)
    for inputs in _OTHERS:
        found += [(n_readers + place, message) for place, message in inputs.SEEDS]
        n_readers += len(inputs.readers())
    return [
        bytes([place]) + (message if isinstance(message, bytes) else json.dumps(message).encode())
        for place, message in found
    ]


def readers() -> Sequence[Reader]:
    """Return who reads of Binance, Bybit and WOO X; each input meets a fresh state, so that it can be repeated."""
    binance = attrs.evolve(BTC, venue="binance-futures")

    def socket(name: str) -> Reader:
        def read(data: bytes) -> None:
            bybit = Bybit().come_up()
            bybit.take(bybit.venue.opened("public", NOW))
            bybit.take(bybit.venue.receive(name, data, NOW))
            bybit.venue.next_deadline()

        return read

    def account(data: bytes) -> None:
        ids = OrderIds()
        query = AccountQuery(RequestAccount(0, NOW), (BTC, ETH), OrderRequests((BTC, ETH), ids, Signer("k", "s")), ids)
        for asked in query.start(NOW, 0):
            query.receive(asked.token, 200, data, NOW, 0)

    def lists(data: bytes) -> None:
        read_instruments(data)
        read_fees(data)

    def time(data: bytes) -> None:
        read_time(data)

    def depth(data: bytes) -> None:
        session = MarketSession("public", (binance,))
        session.opened(NOW)
        session.receive(data, NOW)

    def woox(socket: str) -> Reader:
        def read(data: bytes) -> None:
            venue = Woox().come_up()
            venue.grant("public")
            venue.take(venue.venue.receive(socket, data, NOW))
            venue.venue.next_deadline()

        return read

    def woox_answers(*commands: Any) -> Reader:
        """Answer every question that commands lead to in the same way."""

        def read(data: bytes) -> None:
            venue = Woox().come_up()
            venue.grant("public")
            place = 0 if not commands else len(venue.outputs)
            for command in commands:
                venue.command(command)
            for asked in venue.outputs[place:]:
                if isinstance(asked, SendRequest) and (commands or "orderbook" in asked.request.path):
                    venue.take(venue.venue.answered(asked.token, HttpAnswer(200, {}, data, NOW, NOW), NOW))

        return read

    woox_account = woox_answers(RequestAccount(2, NOW))
    woox_orders = woox_answers(WOOX_ORDER, QueryOrder(77, WOOX_BTC.id))
    return (
        *(socket("public"), socket("private"), socket("trade"), account, lists, time, depth),
        *(woox("public"), woox("private"), woox_account, read_woox_instruments, woox_orders, woox_answers()),
    )


_OTHERS: Final = (paradex_inputs, hyperliquid_inputs)
_OWN: Final = readers()
READERS: Final = (*_OWN, *(reader for inputs in _OTHERS for reader in inputs.readers()))


def read(data: bytes) -> None:
    """Let one input be read."""
    if not data:
        return
    with suppress(RemoteProtocolError):  # refused, as it should be
        READERS[data[0] % len(READERS)](data[1:])


def main(arguments: Sequence[str]) -> None:
    """Fuzz, by libFuzzer's own options."""
    for place, seed in enumerate(seeds()):
        for argument in arguments[1:]:
            if not argument.startswith("-") and Path(argument).is_dir():
                (Path(argument) / f"seed-{place}").write_bytes(seed)
    atheris.Setup(list(arguments), read)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv)
