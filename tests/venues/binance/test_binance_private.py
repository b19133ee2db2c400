"""The private stream, the answers to commands and the account, in the documented shapes and in those at hand."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import msgspec
import pytest

from market.instrument import Instrument
from market.messages import (
    AccountSnapshot,
    AmendOrder,
    AmendRejected,
    CancelOrder,
    CancelRejected,
    Fill,
    FundingPayment,
    Margin,
    OpenOrder,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderExpired,
    OrderFlag,
    OrderRejected,
    PlaceOrder,
    Reason,
    RequestAccount,
)
from market.units import DAY, HOUR, MS
from venues.binance.account import AccountReader, Question
from venues.binance.answers import Answers
from venues.binance.errors import Fate
from venues.binance.order_index import OrderIndex
from venues.binance.private import AccountInDoubt, KeyExpired, PrivateStream
from venues.binance.queries import AccountQueries
from venues.binance.requests import OrderCommand
from venues.binance.signing import Credentials
from venues.wire import RemoteProtocolError

BTC = Instrument(
    0,
    "binance-futures",
    "BTCUSDT",
    "BTC",
    "USDT",
    "USDT",
    tick=Decimal("0.1"),
    lot=Decimal("0.001"),
    maker_fee=Decimal("0.0002"),
    taker_fee=Decimal("0.0005"),
)
ETH = attrs.evolve(BTC, id=1, symbol="ETHUSDT", base="ETH", tick=Decimal("0.01"))
T_MS = 1_760_000_000_000
T = T_MS * MS
NOW = T + 7 * MS


def report(**changes: Any) -> bytes:
    order = {
        "s": "BTCUSDT", "c": "ls-77", "S": "BUY", "o": "LIMIT", "f": "GTX", "q": "0.010", "p": "65000.1", "ap": "0",
        "x": "NEW", "X": "NEW", "i": 991, "l": "0", "z": "0", "L": "0", "T": T_MS, "t": 0, "m": False, "R": False,
        "ps": "BOTH", "er": "0", **changes,
    }  # fmt: skip
    return json.dumps({"e": "ORDER_TRADE_UPDATE", "T": T_MS, "E": T_MS + 1, "o": order}).encode()


def stream() -> PrivateStream:
    return PrivateStream([BTC, ETH], OrderIndex())


OF_77 = (77, 0, T, NOW)


@pytest.mark.parametrize(
    ("changes", "fact"),
    [
        ({}, OrderAccepted(*OF_77)),
        ({"c": "web_abc"}, OrderAccepted(-991, 0, T, NOW)),
        ({"x": "CANCELED", "X": "CANCELED", "z": "0.003"}, OrderCancelled(*OF_77, Reason.NONE, 3)),
        ({"x": "AMENDMENT", "q": "0.02", "p": "1.5"}, OrderAmended(*OF_77, 15, 20)),
        ({"x": "EXPIRED", "X": "EXPIRED", "f": "IOC", "er": "2"}, OrderExpired(*OF_77, Reason.REMAINDER_EXPIRED)),
        ({"x": "EXPIRED", "X": "EXPIRED", "f": "FOK"}, OrderExpired(*OF_77, Reason.FOK_NOT_FILLABLE)),
        ({"x": "EXPIRED", "X": "EXPIRED"}, OrderExpired(*OF_77, Reason.POST_ONLY_WOULD_TAKE)),
        ({"x": "EXPIRED", "X": "EXPIRED", "er": 4}, OrderExpired(*OF_77, Reason.REDUCE_ONLY)),
        ({"x": "EXPIRED", "X": "EXPIRED_IN_MATCH", "er": "1"}, OrderExpired(*OF_77, Reason.VENUE_OTHER)),
        ({"x": "REJECTED", "X": "REJECTED"}, OrderRejected(*OF_77, Reason.VENUE_OTHER)),
        (
            {"x": "TRADE", "X": "FILLED", "l": "0.004", "L": "65000", "t": 5, "m": True, "n": "0.052", "N": "USDT"},
            Fill(77, 0, T, NOW, 5, 1, 650000, 4, True, 52_000_000_000),
        ),
        (
            {"x": "TRADE", "X": "FILLED", "S": "SELL", "l": "0.004", "L": "65000", "t": 5, "n": "-0.01", "N": "USDT"},
            Fill(77, 0, T, NOW, 5, -1, 650000, 4, False, -10_000_000_000),
        ),
    ],
)
def test_what_happens_to_an_order(changes: dict[str, Any], fact: object) -> None:
    assert stream().decode(report(**changes), NOW) == [fact]
    wrapped = b'{"stream":"the-key","data":' + report(**changes) + b"}"
    assert stream().decode(wrapped, NOW) == [fact]


def test_a_fee_in_another_asset_is_what_the_schedule_says_and_counted() -> None:
    feed = stream()
    changes = {"x": "TRADE", "X": "FILLED", "l": "0.004", "L": "65000", "t": 5, "m": True}
    (fill,) = feed.decode(report(**changes, n="0.0001", N="BNB"), NOW)
    assert isinstance(fill, Fill)
    assert fill.fee_e12 == 52_000_000_000  # 0.0002 of 260
    (fill,) = feed.decode(report(**{**changes, "m": False}), NOW)
    assert isinstance(fill, Fill)
    assert fill.fee_e12 == 130_000_000_000
    assert feed.symbols.seen == {"fee in BNB": 1, "fee not told": 1}


def test_what_no_message_can_say_asks_for_the_account() -> None:
    (doubt,) = stream().decode(report(x="TELEPORTED", X="ELSEWHERE"), NOW)
    assert doubt == AccountInDoubt(NOW, "order 77 has execution 'TELEPORTED', 'ELSEWHERE'")


def test_funding_is_named_by_its_hour() -> None:
    feed = stream()
    told = {"m": "FUNDING_FEE", "B": [{"a": "USDT", "wb": "100.5", "cw": "1", "bc": "-0.25"}], "P": [], "S": "ETHUSDT"}
    frame = {"e": "ACCOUNT_UPDATE", "E": T_MS, "T": T_MS, "a": told}
    (payment,) = feed.decode(json.dumps(frame).encode(), NOW)
    hour = (T + HOUR // 2) // HOUR
    assert payment == FundingPayment(1, T, NOW, hour, -250_000_000_000)
    assert feed.wallet == {"USDT": Decimal("100.5")}
    del told["S"]
    (doubt,) = feed.decode(json.dumps(frame).encode(), NOW)
    assert isinstance(doubt, AccountInDoubt)


def test_positions_are_net() -> None:
    feed = stream()
    rows = [{"s": "BTCUSDT", "pa": "0.5", "ps": "LONG"}, {"s": "BTCUSDT", "pa": "-0.2", "ps": "SHORT"}]
    frame = {"e": "ACCOUNT_UPDATE", "E": T_MS, "T": T_MS, "a": {"m": "ORDER", "B": [], "P": rows}}
    assert feed.decode(json.dumps(frame).encode(), NOW) == []
    assert feed.positions == {0: 300}


def test_the_end_of_the_key_and_other_news() -> None:
    feed = stream()
    assert feed.decode(b'{"e":"listenKeyExpired","E":1,"listenKey":"k"}', NOW) == [KeyExpired(NOW)]
    assert feed.decode(b'{"e":"TRADE_LITE","s":"BTCUSDT","t":5}', NOW) == []
    assert feed.decode(b'{"result":null,"id":1}', NOW) == []
    assert feed.decode(report(s="XRPUSDT"), NOW) == []
    assert feed.symbols.seen == {"event TRADE_LITE": 1, "answer": 1, "other symbol": 1}


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        (b'{"stream":"the-secret-key","data":{"e":"ORDER_TRADE_UPDATE"}}', "the private stream of Binance: .*`o`"),
        (b'{"stream":"the-secret-key","data":', "the private stream of Binance: "),
        (b'{"error":{"code":3,"msg":"bad stream"},"id":1}', "was refused: 3 bad stream"),
        (b"{}", "neither event nor answer"),
        (report(S="UP"), "side 'UP' of order 991 of binance-futures:BTCUSDT is neither BUY nor SELL"),
        (report(x="TRADE", l="0.001", L="1", t=0), "fill of order 991 of binance-futures:BTCUSDT has no trade id"),
        (report(x="TRADE", l="0.0001", L="1", t=1), "size 0.0001 of binance-futures:BTCUSDT is not a multiple"),
        (report(x="TRADE", l="0.001", L="1.05", t=1), "price 1.05 of binance-futures:BTCUSDT is not a multiple"),
    ],
)
def test_what_is_forbidden_is_named_and_no_key_is_shown(frame: bytes, text: str) -> None:
    with pytest.raises(RemoteProtocolError, match=text) as caught:
        stream().decode(frame, NOW)
    assert "secret" not in str(caught.value)


# --- answers -----------------------------------------------------------------------------------------------------

PLACE = PlaceOrder(77, 0, 1, 650001, 10, OrderFlag.POST_ONLY)
AMEND = AmendOrder(77, 0, 650002, 12)
CANCEL = CancelOrder(77, 0)


def answer(**changes: Any) -> dict[str, Any]:
    return {
        "orderId": 991, "symbol": "BTCUSDT", "status": "NEW", "clientOrderId": "ls-77", "side": "BUY",
        "price": "65000.20", "origQty": "0.012", "executedQty": "0", "timeInForce": "GTX", "updateTime": T_MS,
        **changes,
    }  # fmt: skip


def answers() -> Answers:
    return Answers([BTC, ETH], OrderIndex())


@pytest.mark.parametrize(
    ("command", "changes", "fact"),
    [
        (PLACE, {}, OrderAccepted(*OF_77)),
        (PLACE, {"status": "EXPIRED", "timeInForce": "IOC"}, OrderExpired(*OF_77, Reason.REMAINDER_EXPIRED)),
        (AMEND, {}, OrderAmended(*OF_77, 650002, 12)),
        (AMEND, {"status": "CANCELED"}, OrderCancelled(*OF_77, Reason.NONE)),
        (CANCEL, {"status": "CANCELED"}, OrderCancelled(*OF_77, Reason.NONE)),
        (CancelOrder(-991, 0), {"status": "CANCELED", "clientOrderId": "x"}, OrderCancelled(-991, 0, T, NOW, 0)),
    ],
)
def test_what_is_granted_by_either_way(command: Any, changes: dict[str, Any], fact: object) -> None:
    body = json.dumps(answer(**changes)).encode()
    assert answers().on_response(command, 200, body, NOW, NOW).facts == (fact,)
    reader = answers()
    reader.sent(5, command, T)
    limits = '[{"rateLimitType":"ORDERS","interval":"SECOND","intervalNum":10,"limit":300,"count":1}]'
    frame = b'{"id":"5","status":200,"result":' + body + b',"rateLimits":' + limits.encode() + b"}"
    outcome = reader.on_frame(frame, NOW, NOW)
    assert (outcome.command, outcome.facts, outcome.refusal) == (command, (fact,), None)
    assert [(each.kind, each.count) for each in outcome.counts] == [("ORDERS", 1)]
    assert outcome.ts_sent == T
    assert reader.on_frame(frame, NOW, NOW).command is None  # told again


@pytest.mark.parametrize(
    ("command", "status", "code", "facts"),
    [
        (PLACE, 400, -5022, (OrderRejected(77, 0, T, NOW, Reason.POST_ONLY_WOULD_TAKE),)),
        (PLACE, 400, -4116, ()),
        (PLACE, 503, -1007, ()),
        (PLACE, 400, -31337, ()),
        (AMEND, 400, -5027, (OrderAmended(77, 0, T, NOW, 650002, 12),)),
        (AMEND, 400, -2013, (AmendRejected(77, 0, T, NOW, Reason.UNKNOWN_ORDER),)),
        (AMEND, 504, 0, ()),
        (CANCEL, 400, -2011, (CancelRejected(77, 0, T, NOW, Reason.UNKNOWN_ORDER),)),
        (CANCEL, 429, -1003, (CancelRejected(77, 0, T, NOW, Reason.VENUE_OTHER),)),
        (CANCEL, 408, 0, ()),
    ],
)
def test_what_is_refused_and_what_nobody_knows(command: Any, status: int, code: int, facts: Any) -> None:
    body = json.dumps({"code": code, "msg": "m"}).encode()
    outcome = answers().on_response(command, status, body, NOW, T)
    assert outcome.facts == facts
    assert outcome.refusal is not None
    assert (outcome.refusal.fate is Fate.UNKNOWN) == (not facts)
    reader = answers()
    reader.sent(5, command, T)
    frame = b'{"id":"5","status":%d,"error":' % status + body + b"}"
    assert reader.on_frame(frame, NOW, T).facts == facts


def test_a_page_of_html_tells_nothing() -> None:
    outcome = answers().on_response(PLACE, 502, b"<html>\xff", NOW, T)
    assert outcome.facts == ()
    assert outcome.refusal is not None
    assert outcome.refusal.fate is Fate.UNKNOWN


def test_an_answer_about_another_order_is_no_answer() -> None:
    with pytest.raises(RemoteProtocolError, match=r"about order 77 of .* is about order 'ls-78' of 'BTCUSDT'"):
        answers().on_response(PLACE, 200, json.dumps(answer(clientOrderId="ls-78")).encode(), NOW, T)


def test_commands_in_flight_are_lost_with_the_connection() -> None:
    reader = answers()
    commands: tuple[OrderCommand, ...] = (PLACE, AMEND, CANCEL)
    for number, command in enumerate(commands):
        reader.sent(number, command, T)
    reader.on_frame(b'{"id":"1","status":400,"error":{"code":-5027,"msg":""}}', NOW, T)
    assert reader.lost() == [PLACE, CANCEL]
    assert reader.lost() == []


def test_a_batch_has_an_answer_for_each() -> None:
    commands = [PLACE, PlaceOrder(78, 0, 1, 650001, 10, OrderFlag.POST_ONLY)]
    body = json.dumps([answer(), {"code": -5022, "msg": "would take"}]).encode()
    first, second = answers().on_batch(commands, 200, body, NOW, T)
    assert first.facts == (OrderAccepted(*OF_77),)
    assert second.facts == (OrderRejected(78, 0, T, NOW, Reason.POST_ONLY_WOULD_TAKE),)
    with pytest.raises(RemoteProtocolError, match="1 answers to 2 commands"):
        answers().on_batch(commands, 200, b"[{}]", NOW, T)
    assert [each.facts for each in answers().on_batch(commands, 503, b"", NOW, T)] == [(), ()]


def test_a_question_for_an_order_that_nobody_knows_makes_no_fact() -> None:
    body = b'{"code":-2013,"msg":"Order does not exist."}'
    assert answers().on_query(PLACE, 400, body, NOW).facts == ()
    found = answers().on_query(PLACE, 200, json.dumps(answer(status="CANCELED")).encode(), NOW)
    assert found.facts == (OrderCancelled(*OF_77, Reason.NONE),)


# --- the account -------------------------------------------------------------------------------------------------


class Account:
    """A venue's account that answers the questions, with pages of at most 1,000."""

    def __init__(self) -> None:
        self.trades = [
            {
                "symbol": "BTCUSDT", "id": 100 + n, "orderId": 991 + n % 3, "side": "BUY", "price": "65000",
                "qty": "0.001", "commission": "0.013", "commissionAsset": "USDT", "maker": True, "time": T_MS + n,
            }
            for n in range(2500)
        ]  # fmt: skip
        self.asked: list[str] = []

    def answer(self, question: Question) -> tuple[int, bytes]:
        params = dict(each.split("=") for each in question.request.query.split("&"))
        self.asked.append(question.request.path)
        found: Any
        match question.request.path:
            case "/fapi/v1/openOrders":
                is_btc = params["symbol"] == "BTCUSDT"
                found = [answer(executedQty="0.002"), answer(clientOrderId="x", orderId=5, side="SELL")] * is_btc
            case "/fapi/v3/positionRisk":
                found = [{"symbol": "BTCUSDT", "positionAmt": "-0.5", "positionSide": "BOTH"}]
            case "/fapi/v1/userTrades" if params["symbol"] == "BTCUSDT":
                first, start = int(params.get("fromId", 0)), int(params.get("startTime", 0))
                found = [each for each in self.trades if each["id"] >= first and each["time"] >= start]  # type: ignore[operator]
                found = found[:1000]
            case "/fapi/v1/userTrades":
                found = []
            case "/fapi/v1/order":
                if params["orderId"] == "993":
                    return 400, b'{"code":-2013,"msg":""}'
                found = answer(orderId=int(params["orderId"]), clientOrderId="ls-78")
            case "/fapi/v1/income":
                row = {"symbol": "ETHUSDT", "asset": "USDT", "time": T_MS}
                found = [{**row, "income": "-0.25", "tranId": 1}, {**row, "income": "0.05", "tranId": "2"}]
            case "/fapi/v3/balance":
                found = [{"asset": "USDT", "balance": "-1.25", "availableBalance": "0"}]
            case "/fapi/v3/account":
                found = {"totalMarginBalance": "-1.5", "availableBalance": "0", "totalInitialMargin": "7.0000001"}
        return 200, json.dumps(found).encode()


def read(account: Account, since: int) -> AccountReader:
    queries = AccountQueries(Credentials("k", "s"))
    now = T + 3 * DAY
    reader = AccountReader(RequestAccount(2, since), [BTC, ETH], queries, OrderIndex(), now - 5, now)
    waiting = reader.start()
    while waiting:
        question = waiting.pop(0)
        waiting += reader.take(question, *account.answer(question), NOW, now)
    return reader


def test_the_account_is_read_page_by_page() -> None:
    account = Account()
    snapshot = read(account, T).snapshot
    assert isinstance(snapshot, AccountSnapshot)
    assert (snapshot.venue, snapshot.ts_request, snapshot.ts_venue) == (2, T + 3 * DAY - 5, T + 3 * DAY)
    assert snapshot.open_orders == (
        OpenOrder(77, 0, 1, 650002, 12, 2, OrderFlag.POST_ONLY),
        OpenOrder(-5, 0, -1, 650002, 12, 0, OrderFlag.POST_ONLY),
    )
    assert snapshot.positions == ((0, -500), (1, 0))
    assert [fill.fill_id for fill in snapshot.fills] == list(range(100, 2600))
    # 991 stands among the open orders, 992 had to be asked for, and 993 nobody knows any more
    assert [fill.client_id for fill in snapshot.fills[:3]] == [77, 78, -993]
    assert snapshot.fills[0] == Fill(77, 0, T, NOW, 100, 1, 650000, 1, True, 13_000_000_000)
    assert snapshot.payments == (FundingPayment(1, T, NOW, (T + HOUR // 2) // HOUR, -200_000_000_000),)
    assert snapshot.balances == (("USDT", -125 * 10**6),)
    assert snapshot.margin == Margin(-1_500_000, 0, 7_000_000)
    # fills are asked for after positions
    first_fills = account.asked.index("/fapi/v1/userTrades")
    assert set(account.asked[:first_fills]) == {"/fapi/v1/openOrders", "/fapi/v3/positionRisk"}
    assert account.asked.count("/fapi/v1/order") == 2


def test_a_long_time_is_asked_for_in_weeks() -> None:
    account = Account()
    snapshot = read(account, T - 30 * DAY).snapshot
    assert isinstance(snapshot, AccountSnapshot)
    assert len(snapshot.fills) == 2500


def test_a_refusal_ends_the_reading() -> None:
    queries = AccountQueries(Credentials("k", "s"))
    reader = AccountReader(RequestAccount(2, T), [BTC], queries, OrderIndex(), T, T)
    orders, positions = reader.start()
    assert reader.take(orders, 429, b'{"code":-1003,"msg":"slow"}', NOW, T) == []
    assert reader.failed is not None
    assert reader.take(positions, 200, b"[]", NOW, T) == []
    assert reader.snapshot is None


# --- what is at hand ---------------------------------------------------------------------------------------------


def at_hand(shared: Path, name: str) -> dict[str, bytes]:
    path = shared / "data/wire/binance_usdm" / f"{name}.nautilus.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return {row["case"]: msgspec.json.encode(row["msg"]) for row in rows}


def test_order_events_at_hand(shared: Path) -> None:
    ts = 1568879465651 * MS
    found = {}
    feed = PrivateStream([attrs.evolve(BTC, tick=Decimal("0.01"))], OrderIndex())
    for case, frame in at_hand(shared, "user_order_update").items():
        found[case.removeprefix("order_update_")] = feed.decode(frame, NOW)
    assert found == {
        "adl": [Fill(-8887001, 0, ts, NOW, 12346001, 1, 4200000, 5, False, 105_000_000_000)],
        "calculated": [Fill(-8886999, 0, ts, NOW, 12345999, -1, 991012, 14, False, 69_370_840_000)],
        "calculated_pending": [OrderAccepted(-8887004, 0, ts, NOW)],
        "delivery": [],  # COIN-M
        "insurance": [Fill(-8887003, 0, ts, NOW, 12346003, -1, 4500000, 20, False, 450_000_000_000)],
        "new": [OrderAccepted(-8886774, 0, ts, NOW)],
        "settlement": [Fill(-8887002, 0, ts, NOW, 12346002, -1, 5000000, 10, False, 250_000_000_000)],
        "trade": [Fill(-8886774, 0, ts, NOW, 12345678, 1, 710050, 1, True, 10_000_000_000)],
        "trade_partial": [Fill(-8886774, 0, ts, NOW, 12345678, 1, 710050, 1, True, 10_000_000_000)],
    }


def test_account_events_at_hand(shared: Path) -> None:
    feed = stream()
    for frame in at_hand(shared, "user_account_update").values():
        assert feed.decode(frame, NOW) == []
    assert feed.positions == {0: 10_000}  # long 20, short 10
    assert feed.wallet == {"USDT": Decimal("122624.12345678"), "BNFCR": Decimal("5001.28983031")}
    for name in ("user_algo_update", "user_trade_lite"):
        for frame in at_hand(shared, name).values():
            assert feed.decode(frame, NOW) == []
    assert feed.symbols.seen == {"event ALGO_UPDATE": 2, "event TRADE_LITE": 1}


def test_answers_at_hand(shared: Path) -> None:
    (order,) = at_hand(shared, "rest_order").values()
    ts = 1625474304765 * MS
    assert answers().on_query(CancelOrder(-12345678, 0), 200, order, NOW).facts == (
        OrderAccepted(-12345678, 0, ts, NOW),
    )
    (positions,) = at_hand(shared, "rest_position_risk").values()
    queries = AccountQueries(Credentials("k", "s"))
    reader = AccountReader(RequestAccount(0, T), [BTC], queries, OrderIndex(), T, T)
    bodies = {"/fapi/v3/positionRisk": positions, "/fapi/v1/openOrders": b"[" + order + b"]"}
    waiting = reader.start()
    while waiting:
        question = waiting.pop(0)
        waiting += reader.take(question, 200, bodies.get(question.request.path, b"[]"), NOW, T)
    assert reader.snapshot is not None
    assert reader.snapshot.positions == ((0, 1),)
    assert reader.snapshot.open_orders == (OpenOrder(-12345678, 0, 1, 500000, 1, 0, 0),)
