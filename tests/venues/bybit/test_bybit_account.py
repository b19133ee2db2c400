"""A snapshot of the account out of many pages: nothing lost, nothing twice."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.messages import AccountSnapshot, Margin, OpenOrder, OrderFlag, RequestAccount
from market.units import DAY, MS, Nanos
from tests.venues.bybit.bybit_wire import BTC, ETH, messages
from tests.venues.bybit.test_bybit_private import EXECUTION, ID, ORDER
from venues.bybit.account import AccountQuery
from venues.bybit.order_ids import OrderIds
from venues.bybit.requests import OrderRequests
from venues.bybit.signing import Signer
from venues.wire import RemoteProtocolError, number_of

NOW = 1_760_000_000_200 * MS
TIMES = {"/v5/order/realtime": 1_760_000_000_300, "/v5/position/list": 1_760_000_000_250}
Venue = Callable[[str, dict[str, str]], tuple[list[dict[str, Any]], str]]


def query(fills_since: Nanos) -> AccountQuery:
    ids = OrderIds()
    requests = OrderRequests([BTC, ETH], ids, Signer("k", "s"))
    return AccountQuery(RequestAccount(4, fills_since), [BTC, ETH], requests, ids)


def run(ask: AccountQuery, venue: Venue) -> AccountSnapshot:
    waiting = ask.start(NOW, 0)
    while waiting:
        sent = waiting.pop(0)
        fields = {key: values[0] for key, values in parse_qs(sent.request.query).items()}
        rows, cursor = venue(sent.request.path, fields)
        time = TIMES.get(sent.request.path, 1_760_000_000_400)
        reply = {"retCode": 0, "result": {"list": rows, "nextPageCursor": cursor}, "time": time}
        waiting += ask.receive(sent.token, 200, json.dumps(reply).encode(), NOW + MS, 0)
    assert ask.snapshot is not None
    return ask.snapshot


def executed(place: int, time_ms: int) -> dict[str, Any]:
    return EXECUTION | {"execId": f"e-{place}", "execTime": str(time_ms), "seq": place}


def test_an_account_of_one_page_each() -> None:
    position = {"symbol": "BTCUSDT", "side": "Sell", "size": "0.250", "positionIdx": 0, "seq": 1}
    partly = ORDER | {"orderStatus": "PartiallyFilled", "cumExecQty": "0.004", "reduceOnly": True}
    foreign = ORDER | {"orderLinkId": "", "orderId": "o-2", "side": "Sell", "timeInForce": "GTC", "price": "65000.9"}
    funding = executed(3, 1_760_000_000_010) | {"execType": "Funding", "execFee": "-2"}
    rows = {
        "/v5/order/realtime": [partly, foreign, ORDER | {"orderId": "o-3", "orderStatus": "Untriggered", "price": ""}],
        "/v5/position/list": [position, position | {"symbol": "XUSDT"}],
        "/v5/account/wallet-balance": [
            {
                "coin": [coin("USDT", "1000.5"), coin("BTC", "0"), coin("USDC", "")],
                "totalEquity": "1010.25",
                "totalAvailableBalance": "-3.5",
                "totalInitialMargin": "",
            }
        ],
        "/v5/execution/list": [executed(2, 1_760_000_000_100), executed(1, 1_760_000_000_100), funding],
    }
    got = run(query(NOW - DAY), lambda path, _: (rows[path], ""))
    assert (got.venue, got.ts_request, got.ts_venue, got.ts_recv) == (4, NOW, 1_760_000_000_250 * MS, NOW + MS)
    flags = int(OrderFlag.POST_ONLY | OrderFlag.REDUCE_ONLY)
    assert got.open_orders == (
        OpenOrder(ID, 0, 1, 650001, 10, 4, flags),
        OpenOrder(-1 - number_of("o-2"), 0, -1, 650009, 10, 0, 0),
    )
    assert got.positions == ((0, -250), (1, 0))
    assert got.balances == (("USDT", 10005 * 10**7),)
    assert got.margin == Margin(1_010_250_000, -3_500_000, None)
    assert [fill.fill_id for fill in got.fills] == [number_of("e-1"), number_of("e-2")]  # by the engine's number
    assert [(each.payment_id, each.amount_e12) for each in got.payments] == [(number_of("e-3"), 2 * 10**12)]


def coin(name: str, wallet: str) -> dict[str, str]:
    return {"coin": name, "equity": "7", "walletBalance": wallet}


@pytest.mark.parametrize(("status", "body"), [(500, b""), (200, b'{"retCode": 10001, "retMsg": "UNIFIED only"}')])
def test_an_account_whose_balances_are_not_told_is_whole(status: int, body: bytes) -> None:
    ask = query(NOW - DAY)
    for sent in ask.start(NOW, 0):
        time = TIMES.get(sent.request.path, 1_760_000_000_400)
        empty = json.dumps({"retCode": 0, "result": {"list": []}, "time": time}).encode()
        is_wallet = sent.request.path == "/v5/account/wallet-balance"
        ask.receive(sent.token, status if is_wallet else 200, body if is_wallet else empty, NOW, 0)
    assert ask.snapshot is not None
    assert ask.snapshot.balances == ()
    assert ask.snapshot.margin is None


@given(st.integers(0, 230), st.integers(0, 5), st.integers(1, 40))
def test_pages_that_shift_lose_and_double_nothing(n_fills: int, n_new: int, days: int) -> None:
    """Newest first, while new fills push the older ones on to the next page."""
    begin = NOW // MS - days * DAY // MS
    times = [begin + (NOW // MS - begin) * each // (n_fills + 1) for each in range(n_fills)]
    rows = [executed(place, time) for place, time in enumerate(times)]
    late = [executed(1000 + each, NOW // MS + each) for each in range(n_new)]

    def venue(path: str, fields: dict[str, str]) -> tuple[list[dict[str, Any]], str]:
        if path != "/v5/execution/list":
            return [], ""
        if late:
            rows.append(late.pop())
        first, last = int(fields["startTime"]), int(fields.get("endTime", "9" * 13))
        assert last - first <= 7 * DAY // MS or "endTime" not in fields
        inside = sorted((r for r in rows if first <= int(r["execTime"]) <= last), key=lambda r: -int(r["execTime"]))
        at = int(fields.get("cursor", "0"))
        return inside[at : at + 100], str(at + 100) if len(inside) > at + 100 else ""

    got = run(query(begin * MS), venue)
    ids = [fill.fill_id for fill in got.fills]
    assert len(ids) == len(set(ids))
    assert {number_of(f"e-{place}") for place in range(n_fills)} <= set(ids)
    assert [fill.ts_venue for fill in got.fills] == sorted(fill.ts_venue for fill in got.fills)


def test_a_cursor_is_sent_as_it_came() -> None:
    ask = query(NOW)
    orders = ask.start(NOW, 0)[0]
    result = {"list": [ORDER], "nextPageCursor": "page_args%3Do-1%26"}
    (more,) = ask.receive(orders.token, 200, json.dumps({"retCode": 0, "result": result, "time": 5}).encode(), NOW, 0)
    assert more.request.query.endswith("&cursor=page_args%3Do-1%26")


@pytest.mark.parametrize(
    ("status", "body", "complaint"),
    [
        (503, b"", r"^bybit answered /v5/order/realtime by HTTP status 503: ask what became of the order$"),
        (200, b'{"retCode":10016,"retMsg":"busy"}', r"^bybit open orders: error 10016, busy$"),
        (200, b'{"retCode":0,"result":{"list":[]}}', r"^bybit answered about the account without saying when$"),
        (200, b'{"retCode":0', r"^bybit reply: "),
    ],
)
def test_an_answer_that_fails_is_no_empty_account(status: int, body: bytes, complaint: str) -> None:
    ask = query(NOW)
    sent = ask.start(NOW, 0)
    with pytest.raises(RemoteProtocolError, match=complaint):
        ask.receive(sent[0].token, status, body, NOW, 0)
    assert ask.snapshot is None


def test_both_legs_of_a_hedge_count() -> None:
    legs = [
        {"symbol": "BTCUSDT", "side": "Buy", "size": "0.3", "positionIdx": 1},
        {"symbol": "BTCUSDT", "side": "Sell", "size": "0.1", "positionIdx": 2},
    ]
    got = run(query(NOW), lambda path, _: (legs if "position" in path else [], ""))
    assert got.positions == ((0, 200), (1, 0))


def test_recorded_answers(shared: Path) -> None:
    names = {"/v5/order/realtime": "rest_orders", "/v5/position/list": "rest_positions"}
    files = {path: messages(shared, f"{name}.nautilus") for path, name in names.items()}
    ids = OrderIds()
    ask = AccountQuery(
        RequestAccount(0, 0),
        [BTC, attrs.evolve(ETH, symbol="ETHUSDT")],
        OrderRequests([BTC, ETH], ids, Signer("k", "s")),
        ids,
    )
    bodies = {path: bodies[3 if "order" in path else 0] for path, bodies in files.items()}
    # of the two executions one has an id that is no UUID, which is no matter
    executions = messages(shared, "rest_executions.nautilus")[0].replace(b"132766%3A2%2C132766%3A2", b"")
    for sent in ask.start(NOW, 0):
        assert ask.receive(sent.token, 200, bodies.get(sent.request.path, executions), NOW, 0) == []
    got = ask.snapshot
    assert got is not None
    assert [(each.side, each.price, each.size) for each in got.open_orders] == [(1, 393041, 1), (-1, 394042, 1)]
    assert got.positions == ((0, 500), (1, -500))
    assert [(each.instrument, each.side, each.price, each.size, each.is_maker, each.fee_e12) for each in got.fills] == [
        (0, 1, 500000, 100, True, 15 * 10**9),
        (1, -1, 300000, 50, False, 9 * 10**11),
    ]
