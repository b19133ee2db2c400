"""What is read of an account whose pages are cut, mutated, reordered or doubled, of every venue that is traded on.

An answer that is damaged is refused, so that the account is asked for again; or it tells the truth none the less.
"""

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.messages import AccountSnapshot, PlaceOrder, RequestAccount
from market.units import DAY, MS, Nanos
from tests.venues.binance.test_binance_private import BTC as BINANCE_BTC
from tests.venues.bybit.bybit_wire import BTC as BYBIT_BTC
from tests.venues.hyperliquid.hyperliquid_wire import BTC as HYPERLIQUID_BTC
from tests.venues.paradex.paradex_wire import BTC as PARADEX_BTC
from tests.venues.paradex.scripted_paradex import row_of
from tests.venues.woox.woox_wire import BTC as WOOX_BTC
from venues.binance.account import AccountReader as BinanceReader
from venues.binance.order_index import OrderIndex as BinanceOrders
from venues.binance.queries import AccountQueries
from venues.binance.signing import Credentials
from venues.bybit.account import AccountQuery
from venues.bybit.order_ids import OrderIds as BybitIds
from venues.bybit.order_ids import link_of
from venues.bybit.requests import OrderRequests as BybitRequests
from venues.bybit.signing import Signer as BybitSigner
from venues.hyperliquid.account import AccountReader as HyperliquidReader
from venues.hyperliquid.orders import Orders
from venues.hyperliquid.private import PrivateData as HyperliquidData
from venues.paradex.account import AccountReader as ParadexReader
from venues.paradex.order_ids import OrderIds as ParadexIds
from venues.paradex.private import PrivateData as ParadexData
from venues.wire import InstrumentGrid, RemoteProtocolError
from venues.woox.account import AccountReader as WooxReader
from venues.woox.order_index import OrderIndex as WooxOrders
from venues.woox.private import PrivateData as WooxData
from venues.woox.requests import OrderRequests as WooxRequests
from venues.woox.signing import Signer as WooxSigner

NOW: Nanos = 1_760_000_000_000 * MS
MS_NOW = NOW // MS
ASK = RequestAccount(0, NOW - DAY)
WHO = "0x" + "1" * 40
Damage = Callable[[str, Any], bytes]  # of the answer to a question: what is asked about, and the answer


def whole(what: str, answer: Any) -> bytes:
    return json.dumps(answer).encode()


def page_of(pages: list[list[Any]], fields: dict[str, list[str]]) -> tuple[list[Any], str]:
    """Return the rows of the page that a cursor names, none if it names no page, and the cursor of the next."""
    cursor = fields.get("cursor", ["0"])[0]
    number = int(cursor) if cursor in ("0", "1") else len(pages)
    return (pages[number] if number < len(pages) else []), str(number + 1) if number + 1 < len(pages) else ""


# --- the venues; the account is short, and has three fills, two orders and one payment --------------------------------


def binance(damage: Damage) -> AccountSnapshot | None:
    order = {
        "orderId": 1,
        "symbol": "BTCUSDT",
        "status": "NEW",
        "clientOrderId": "ls-7",
        "side": "BUY",
        "type": "LIMIT",
    }
    order |= {"price": "65000", "origQty": "0.012", "executedQty": "0", "updateTime": MS_NOW, "timeInForce": "GTX"}
    fill = {"symbol": "BTCUSDT", "side": "BUY", "price": "65000", "qty": "0.001", "commission": "0.01", "maker": True}
    fill |= {"commissionAsset": "USDT", "orderId": 1, "time": MS_NOW - 9}
    answers: dict[str, Any] = {
        "/fapi/v1/openOrders": [order, order | {"orderId": 2, "clientOrderId": "ls-8", "side": "SELL"}],
        "/fapi/v3/positionRisk": [{"symbol": "BTCUSDT", "positionAmt": "-0.5", "positionSide": "BOTH"}],
        "/fapi/v1/userTrades": [fill | {"id": 100 + n} for n in range(3)],
        "/fapi/v1/order": order,
        "/fapi/v1/income": [{"symbol": "BTCUSDT", "asset": "USDT", "time": MS_NOW, "income": "-0.25", "tranId": 1}],
        "/fapi/v3/balance": [{"asset": "USDT", "balance": "5", "availableBalance": "5"}],
        "/fapi/v3/account": {"totalMarginBalance": "5", "availableBalance": "4", "totalInitialMargin": "1"},
    }
    queries = AccountQueries(Credentials("k", "s"))
    reader = BinanceReader(ASK, [BINANCE_BTC], queries, BinanceOrders(), NOW, NOW)
    waiting = reader.start()
    while waiting:
        question = waiting.pop(0)
        path = question.request.path
        waiting += reader.take(question, 200, damage(path, answers[path]), NOW, NOW)
    return reader.snapshot


def bybit(damage: Damage) -> AccountSnapshot | None:
    order: dict[str, Any] = {
        "symbol": "BTCUSDT",
        "orderId": "o-1",
        "orderLinkId": link_of(7),
        "side": "Buy",
        "orderType": "Limit",
    }
    order |= {"price": "65000.1", "qty": "0.010", "orderStatus": "New", "timeInForce": "PostOnly", "updatedTime": "1"}
    fill: dict[str, Any] = {
        "symbol": "BTCUSDT",
        "orderId": "o-1",
        "orderLinkId": link_of(7),
        "side": "Buy",
        "execPrice": "65000.1",
    }
    fill |= {"execQty": "0.004", "execType": "Trade", "execTime": str(MS_NOW - 9), "execFee": "0.01", "isMaker": True}
    funding = fill | {"execId": "f-1", "execType": "Funding", "execFee": "2", "orderId": "", "orderLinkId": ""}
    position = {"symbol": "BTCUSDT", "side": "Sell", "size": "0.500", "positionIdx": 0, "seq": 1}
    coin = {"coin": "USDT", "equity": "5", "walletBalance": "5"}
    pages: dict[str, list[list[Any]]] = {
        "/v5/order/realtime": [[order], [order | {"orderId": "o-2", "orderLinkId": link_of(8)}]],
        "/v5/position/list": [[position]],
        "/v5/account/wallet-balance": [[{"coin": [coin], "totalEquity": "5"}]],
        "/v5/execution/list": [
            [fill | {"execId": "e-1"}, fill | {"execId": "e-2"}],
            [fill | {"execId": "e-3"}, funding],
        ],
    }
    ids = BybitIds()
    reader = AccountQuery(ASK, [BYBIT_BTC], BybitRequests([BYBIT_BTC], ids, BybitSigner("k", "s")), ids)
    waiting = reader.start(NOW, 0)
    while waiting:
        sent = waiting.pop(0)
        path, fields = sent.request.path, parse_qs(sent.request.query)
        rows, cursor = page_of(pages[path], fields)
        answer = {"retCode": 0, "result": {"list": rows, "nextPageCursor": cursor}, "time": MS_NOW}
        waiting += reader.receive(sent.token, 200, damage(path, answer), NOW, 0)
    return reader.snapshot


def hyperliquid(damage: Damage) -> AccountSnapshot | None:
    order = {"coin": "BTC", "side": "B", "limitPx": "60000", "sz": "0.01", "origSz": "0.01", "timestamp": 1}
    fill = {"coin": "BTC", "px": "65000", "sz": "0.001", "side": "B", "time": MS_NOW - 9, "crossed": False, "fee": "0"}
    fill |= {"oid": 9001, "feeToken": "USDC"}
    held = {"position": {"coin": "BTC", "szi": "-0.5"}, "type": "oneWay"}
    known = {"order": {"order": order | {"oid": 9001}, "status": "open", "statusTimestamp": 1}, "status": "order"}
    paid = {"time": MS_NOW - 9, "hash": "0x", "delta": {"type": "funding", "coin": "BTC", "usdc": "-1"}}
    answers: dict[str, Any] = {
        "frontendOpenOrders": [order | {"oid": n, "cloid": f"0x{n - 8994:032x}"} for n in (9001, 9002)],
        "clearinghouseState": {"assetPositions": [held], "time": MS_NOW, "withdrawable": "5"},
        "userFillsByTime": [fill | {"tid": n} for n in (1, 2, 3)],
        "userFunding": [paid],
        "orderStatus": known,
    }
    orders = Orders()
    private = HyperliquidData(WHO, {"BTC": InstrumentGrid(HYPERLIQUID_BTC)}, orders)
    reader = HyperliquidReader(WHO, ASK, [HYPERLIQUID_BTC], orders, private, NOW, NOW)
    waiting = reader.start()
    while waiting:
        question = waiting.pop(0)
        what = json.loads(question.request.body)["type"]
        waiting += reader.take(question, damage(what, answers[what]), NOW)
    return reader.snapshot


def paradex(damage: Damage) -> AccountSnapshot | None:
    symbol = PARADEX_BTC.symbol
    rows = [row_of(PlaceOrder(n, PARADEX_BTC.id, 1, 2_000_000, 50, 4), "OPEN", NOW) for n in (7, 8)]
    fill = {"order_id": rows[0]["id"], "client_id": "7", "market": symbol, "side": "BUY", "size": "0.001", "fee": "0"}
    fill |= {"price": "20000", "liquidity": "MAKER", "fee_currency": "USDC", "fill_type": "FILL"}
    fill |= {"created_at": MS_NOW - 9}
    pages: dict[str, list[list[Any]]] = {
        "/v1/orders": [[rows[0]], [rows[1]]],
        "/v1/positions": [[{"market": symbol, "size": "-0.5", "status": "OPEN", "side": "SHORT"}]],
        "/v1/fills": [[fill | {"id": "1"}, fill | {"id": "2"}], [fill | {"id": "3"}]],
        "/v1/funding/payments": [[{"id": "9", "market": symbol, "payment": "-1", "created_at": MS_NOW - 9}]],
    }
    ids = ParadexIds()
    reader = ParadexReader(ASK, [PARADEX_BTC], ids, ParadexData([PARADEX_BTC], ids), NOW, NOW)
    waiting = reader.start()
    while waiting:
        question = waiting.pop(0)
        path = question.path
        answer: Any = {"account_value": "5", "free_collateral": "4", "initial_margin_requirement": "1"}
        if path in pages:
            rows, cursor = page_of(pages[path], parse_qs(question.query))
            answer = {"results": rows, "next": cursor or None}
        waiting += reader.take(question, damage(path, answer), NOW)
    return reader.snapshot


def woox(damage: Damage) -> AccountSnapshot | None:
    symbol = WOOX_BTC.symbol
    order = {"orderId": 9001, "clientOrderId": 7, "symbol": symbol, "side": "BUY", "status": "NEW", "type": "POST_ONLY"}
    order |= {"price": "65000", "quantity": "0.01", "executed": "0", "reduceOnly": False}
    fill = {"symbol": symbol, "orderId": 9001, "executedPrice": "65000", "executedQuantity": "0.001", "side": "BUY"}
    fill |= {"executedTimestamp": f"{MS_NOW // 1000 - 9}.5", "isMaker": 1, "fee": "0.01", "feeAsset": "USDT"}
    paid = {"id": 3, "symbol": symbol, "fundingFee": "1", "paymentType": "Pay", "createdTime": MS_NOW - 9}
    answers: dict[str, Any] = {
        "/v3/trade/orders": {"rows": [order, order | {"orderId": 9002, "clientOrderId": 8}], "meta": {"total": 2}},
        "/v3/futures/positions": {"positions": [{"symbol": symbol, "holding": "-0.5", "positionSide": "BOTH"}]},
        "/v3/trade/transactionHistory": {"rows": [fill | {"id": n} for n in (1, 2, 3)]},
        "/v3/futures/fundingFee/history": {"rows": [paid], "meta": {"total": 1}},
        "/v3/trade/order": order,
        "/v3/asset/balances": {"holding": [{"token": "USDT", "holding": "5"}]},
        "/v3/account/info": {"totalAccountValue": "5", "freeCollateral": "4", "totalCollateral": "5"},
    }
    orders = WooxOrders()
    requests = WooxRequests([WOOX_BTC], WooxSigner("k", "s"))
    reader = WooxReader(ASK, [WOOX_BTC], requests, orders, WooxData([WOOX_BTC], orders), NOW, NOW)
    waiting = reader.start(NOW)
    while waiting:
        question = waiting.pop(0)
        path = question.request.path
        answer = {"success": True, "data": answers[path], "timestamp": MS_NOW}
        waiting += reader.take(question, 200, damage(path, answer), NOW, NOW)
    return reader.snapshot


VENUES = {each.__name__: each for each in (binance, bybit, hyperliquid, paradex, woox)}


# --- what holds whatever comes ---------------------------------------------------------------------------------------

ROWS = ("list", "rows", "results", "positions", "holding", "assetPositions")
SYMBOLS = ("symbol", "coin", "market")
STRANGE: list[Any] = [None, True, [], {}, "", "NaN", "-", "x" * 40, "²", "1e400", -1, 0.5, 1 << 70]


@attrs.frozen
class Seen:
    """What matters of a snapshot."""

    positions: dict[int, int]
    fills: list[tuple[int, int]]
    orders: list[int]
    payments: list[tuple[int, int]]


def seen(snapshot: AccountSnapshot | None) -> Seen:
    assert snapshot is not None, "it ended, and tells nothing"
    return Seen(
        dict(snapshot.positions),
        sorted((each.instrument, each.fill_id) for each in snapshot.fills),
        sorted(each.client_id for each in snapshot.open_orders),
        sorted((each.instrument, each.payment_id) for each in snapshot.payments),
    )


TRUTH = {name: seen(read(whole)) for name, read in VENUES.items()}


def lists_of(answer: Any) -> Iterator[list[Any]]:
    """Yield the lists of rows in an answer."""
    if isinstance(answer, list):
        yield answer
    elif isinstance(answer, dict):
        for key, value in answer.items():
            if isinstance(value, list) and key in ROWS:
                yield value
            elif isinstance(value, dict):
                yield from lists_of(value)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of each value within an answer, but for the whole."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for step, inner in steps for found in ((*path, step), *places(inner, (*path, step)))]


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


@pytest.mark.parametrize("name", VENUES)
def test_what_is_true_is_read(name: str) -> None:
    truth = TRUTH[name]
    assert list(truth.positions.values()) in ([-500], [-50_000], [-5_000])
    assert (len(set(truth.fills)), truth.orders, len(truth.payments)) == (3, [7, 8], 1)


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(name=st.sampled_from(sorted(VENUES)), data=st.data())
def test_rows_that_are_told_in_another_order_or_twice_count_once(name: str, data: st.DataObject) -> None:
    def shuffled(what: str, answer: Any) -> bytes:
        answer = copy.deepcopy(answer)
        for rows in lists_of(answer):
            twice = [each for each in rows if data.draw(st.booleans())]
            rows[:] = data.draw(st.permutations(rows + copy.deepcopy(twice)))
        return json.dumps(answer).encode()

    assert seen(VENUES[name](shuffled)) == TRUTH[name]


@pytest.mark.slow
@settings(deadline=None, max_examples=400)
@given(name=st.sampled_from(sorted(VENUES)), which=st.integers(0, 12), data=st.data())
def test_what_is_damaged_is_refused_or_tells_the_truth(name: str, which: int, data: st.DataObject) -> None:
    n_asked = 0

    def damaged(what: str, answer: Any) -> bytes:
        nonlocal n_asked
        n_asked += 1
        if n_asked - 1 != which:
            return json.dumps(answer).encode()
        answer = copy.deepcopy(answer)
        if data.draw(st.booleans()):
            text = json.dumps(answer).encode()
            return text[: data.draw(st.integers(0, len(text) - 1))]
        path = data.draw(st.sampled_from(places(answer)))
        inner, old = at(answer, path[:-1]), at(answer, path)
        if isinstance(inner, dict) and data.draw(st.booleans()):
            del inner[path[-1]]
        else:
            new = data.draw(st.sampled_from(STRANGE))
            is_another = path[-1] in SYMBOLS and isinstance(new, str)  # of which nothing is known here
            # well said: an empty list, and at WOO X a number in place of its text
            is_sound = (isinstance(old, list) and new == []) or (name == "woox" and type(new) in (int, float))
            inner[path[-1]] = old if is_another or is_sound else new
        return json.dumps(answer).encode()

    try:
        told = seen(VENUES[name](damaged))
    except RemoteProtocolError:
        return
    truth = TRUTH[name]
    assert told.positions == truth.positions
    assert len(told.fills) == len(set(told.fills)) <= len(truth.fills)
    assert len(told.orders) == len(set(told.orders)) <= len(truth.orders)
    assert len(told.payments) <= len(truth.payments)
