"""The whole of Bybit as one venue: what it asks for, and what it tells, whatever comes."""

import hashlib
import hmac
import json
from typing import Any

import pytest

from market.messages import (
    AccountSnapshot,
    AmendOrder,
    AmendRejected,
    BookGap,
    BookSnapshot,
    CancelAll,
    CancelOrder,
    ClockOffset,
    ConnectionLost,
    ConnectionUp,
    HaltRequested,
    OrderRejected,
    OrderState,
    OrderStatus,
    QueryOrder,
    Reason,
    RequestAccount,
    RequestSnapshot,
    TradingState,
)
from market.units import MS, SECOND
from tests.venues.bybit.bybit_wire import BTC, ETH
from tests.venues.bybit.scripted_bybit import EMPTY, ORDER, Bybit, follow_public, reply
from tests.venues.bybit.test_bybit_private import ORDER as ORDER_ROW
from tests.venues.scripted_venue import AHEAD, KEY, NOW
from venues.connection import VenueConnection
from venues.venue import URGENT, Connect, Output, Reconnect, SendFrame, SendRequest, Tell
from venues.wire import RemoteProtocolError

DEMO = VenueConnection("demo")
BOOK = {"s": "BTCUSDT", "b": [["65000.0", "1"]], "a": [["65000.1", "2"]], "u": 100, "seq": 7}


def depth(kind: str, **changes: Any) -> dict[str, Any]:
    return {"topic": "orderbook.50.BTCUSDT", "type": kind, "ts": NOW // MS, "data": BOOK | changes}


# --- the connection ---------------------------------------------------------------------------------------------------


def test_the_account_is_signed_on_with_the_venues_time() -> None:
    bybit = Bybit()
    assert [each.socket for each in bybit.of(Connect)] == ["public"]
    bybit.tell_time()
    assert [each.socket for each in bybit.of(Connect)] == ["public", "private", "trade"]
    (offset,) = bybit.told(ClockOffset)
    assert (offset.venue, offset.offset_ns) == (2, AHEAD)
    bybit.take(bybit.venue.opened("private", bybit.now))
    key, expires, signature = bybit.frames("private")[0]["args"]
    assert (key, expires) == (KEY.key, (NOW + AHEAD) // MS + 5000)
    assert signature == hmac.new(KEY.secret.encode(), f"GET/realtime{expires}".encode(), hashlib.sha256).hexdigest()


def test_it_is_up_while_both_sockets_of_the_account_are() -> None:
    bybit = Bybit()
    bybit.tell_time()
    bybit.sign_on("trade")
    assert not bybit.told(ConnectionUp)
    bybit.sign_on("private")
    assert [up.epoch for up in bybit.told(ConnectionUp)] == [5]
    bybit.take(bybit.venue.closed("trade", "gone", bybit.now))
    bybit.take(bybit.venue.closed("private", "gone too", bybit.now))
    (lost,) = bybit.told(ConnectionLost)
    assert (lost.epoch, lost.reason) == (5, "trade: gone")
    bybit.sign_on("private")
    bybit.sign_on("trade")
    assert [up.epoch for up in bybit.told(ConnectionUp)] == [5, 6]


def test_a_sign_on_that_is_refused_again_and_again_needs_a_person() -> None:
    bybit = Bybit()
    bybit.tell_time()
    for _ in range(3):
        bybit.take(bybit.venue.opened("private", bybit.now))
        bybit.hear("private", {"op": "auth", "success": False, "ret_msg": "API key is invalid."})
        bybit.take(bybit.venue.closed("private", "refused", bybit.now))
    assert len(bybit.of(Reconnect)) == 3
    (halt,) = bybit.told(HaltRequested)
    assert halt.state == TradingState.HALTED
    assert "API key is invalid" in halt.text


def test_the_market_data_alone_has_a_connection_too() -> None:
    bybit = Bybit(credentials=None)
    follow_public(bybit)
    assert bybit.told(ConnectionUp)
    assert [each.socket for each in bybit.of(Connect)] == ["public"]
    with pytest.raises(ValueError, match="bybit has no key in this run"):
        bybit.command(ORDER)
    bybit.take(bybit.venue.closed("public", "gone", bybit.now))
    assert bybit.told(ConnectionLost)


# --- books ------------------------------------------------------------------------------------------------------------


def test_a_lost_public_socket_breaks_the_books_and_not_the_account() -> None:
    bybit = Bybit().come_up()
    follow_public(bybit)
    bybit.hear("public", depth("snapshot"))
    bybit.take(bybit.venue.closed("public", "gone", bybit.now))
    assert [gap.instrument for gap in bybit.told(BookGap)] == [BTC.id, ETH.id]
    assert not bybit.told(ConnectionLost)
    follow_public(bybit)
    bybit.hear("public", depth("snapshot", u=900))
    assert [book.seq for book in bybit.told(BookSnapshot)] == [100, 900]


def test_a_gap_asks_for_a_snapshot_and_does_not_wait_for_ever() -> None:
    bybit = Bybit()
    follow_public(bybit)
    for topic in ("BTCUSDT", "ETHUSDT"):
        bybit.hear(
            "public",
            depth("snapshot", s=topic) | {"topic": f"orderbook.50.{topic}"}
            if topic != "ETHUSDT"
            else depth("snapshot", s=topic, b=[], a=[]) | {"topic": "orderbook.50.ETHUSDT"},
        )
    outputs = bybit.hear("public", depth("delta", u=103))
    assert [type(each.message) for each in outputs if isinstance(each, Tell)] == [BookGap]
    ops = [json.loads(each.data) for each in outputs if isinstance(each, SendFrame)]
    assert [(each["op"], each["args"]) for each in ops] == [
        ("unsubscribe", ["orderbook.50.BTCUSDT"]),
        ("subscribe", ["orderbook.50.BTCUSDT"]),
    ]
    for op in ops:
        bybit.hear("public", {"op": op["op"], "success": True, "req_id": op["req_id"]})
    assert bybit.command(RequestSnapshot(BTC.id)) == []  # one is under way
    done = bybit.pass_by(10)
    assert any(isinstance(each, Reconnect) and each.socket == "public" for each in done)


def test_a_book_that_is_asked_for_comes_anew() -> None:
    bybit = Bybit()
    assert bybit.command(RequestSnapshot(BTC.id)) == []  # not open: a snapshot comes anyway
    follow_public(bybit)
    bybit.hear("public", depth("snapshot"))
    assert len([each for each in bybit.command(RequestSnapshot(BTC.id)) if isinstance(each, SendFrame)]) == 2
    assert bybit.hear("public", depth("delta", u=101)) == []  # of the book that is not trusted
    bybit.hear("public", depth("snapshot", u=300))
    assert bybit.told(BookSnapshot)[-1].seq == 300


# --- orders -----------------------------------------------------------------------------------------------------------


def test_what_cannot_be_sent_is_refused_at_once() -> None:
    bybit = Bybit()
    bybit.command(ORDER)
    bybit.command(AmendOrder(77, BTC.id, 650_001, 10))
    (rejected,), (amend,) = bybit.told(OrderRejected), bybit.told(AmendRejected)
    assert (rejected.client_id, rejected.reason) == (77, Reason.NOT_CONNECTED)
    assert amend.reason == Reason.NOT_CONNECTED
    assert not bybit.frames("trade")


def test_orders_beyond_the_rate_are_refused_and_cancels_wait() -> None:
    bybit = Bybit().come_up()
    for number in range(12):
        bybit.command(numbered(number))
        bybit.command(CancelOrder(number, BTC.id))
    sent = [frame["op"] for frame in bybit.frames("trade")]
    assert sent.count("order.create") == 10
    assert sent.count("order.cancel") == 10
    assert [each.reason for each in bybit.told(OrderRejected)] == [Reason.LIMIT_ORDER_RATE] * 2
    done = bybit.pass_by(1.05)
    held = [json.loads(each.data) for each in done if isinstance(each, SendFrame) and each.socket == "trade"]
    assert [each["args"][0]["orderLinkId"] for each in held if each["op"] == "order.cancel"] == ["ls-a", "ls-b"]


def numbered(number: int) -> Any:
    return type(ORDER)(number, ORDER.instrument, ORDER.side, ORDER.price, ORDER.size, ORDER.flags)


def test_a_cancel_goes_by_http_when_the_socket_for_orders_is_down() -> None:
    bybit = Bybit().come_up()
    bybit.command(CancelOrder(77, BTC.id))
    assert [frame["op"] for frame in bybit.frames("trade")][-1] == "order.cancel"
    bybit.take(bybit.venue.closed("trade", "gone", bybit.now))
    (sent,) = bybit.command(CancelOrder(78, BTC.id))
    assert isinstance(sent, SendRequest)
    assert (sent.request.path, sent.lane) == ("/v5/order/cancel", URGENT)
    (all_of_it,) = bybit.command(CancelAll(BTC.id))
    assert isinstance(all_of_it, SendRequest)
    assert (all_of_it.request.path, all_of_it.lane) == ("/v5/order/cancel-all", URGENT)


def test_demo_has_no_socket_for_orders() -> None:
    bybit = Bybit(connection=DEMO).come_up()
    assert [each.socket for each in bybit.of(Connect)] == ["public", "private"]
    (sent,) = bybit.command(ORDER)
    assert isinstance(sent, SendRequest)
    assert sent.request.path == "/v5/order/create"
    outputs = bybit.answer(sent, reply({}, 110004, "no money"))
    assert [each.message.reason for each in outputs if isinstance(each, Tell) and each.port == "facts"]
    (halt,) = bybit.told(HaltRequested)
    assert halt.state == TradingState.REDUCING


def test_a_cancel_does_not_wait_for_an_order_that_hangs_but_follows_it_too() -> None:
    """The first may be too early, and the venue know of no such order yet."""
    bybit = Bybit(connection=DEMO).come_up()
    (placing,) = bybit.command(ORDER)
    assert isinstance(placing, SendRequest)
    cancels = bybit.command(CancelOrder(ORDER.client_id, BTC.id))
    assert [each.lane for each in cancels if isinstance(each, SendRequest)] == [URGENT, placing.lane]
    bybit.answer(placing, reply({"orderId": "x-1", "orderLinkId": "ls-25"}))
    assert len(bybit.command(CancelOrder(ORDER.client_id, BTC.id))) == 1
    (another,) = bybit.command(numbered(78))
    assert isinstance(another, SendRequest)
    assert another.lane != placing.lane, "nor does another order"


def test_a_banned_address_sends_nothing_by_http_and_says_so() -> None:
    bybit = Bybit().come_up()
    (sent,) = bybit.command(CancelAll(BTC.id))
    assert isinstance(sent, SendRequest)
    bybit.answer(sent, b"access too frequent", 403)
    assert {halt.state for halt in bybit.told(HaltRequested)} == {TradingState.HALTED}
    assert bybit.command(CancelAll(BTC.id)) == []
    assert not any(isinstance(each, SendRequest) for each in bybit.pass_by(599))
    done = bybit.pass_by(2)
    assert "/v5/order/cancel-all" in [each.request.path for each in done if isinstance(each, SendRequest)]


def test_a_ban_that_a_question_for_the_account_meets_is_told_as_well() -> None:
    bybit = Bybit().come_up()
    sent = bybit.command(RequestAccount(0, bybit.now))[0]
    assert isinstance(sent, SendRequest)
    bybit.answer(sent, b"access too frequent", 403)
    assert {halt.state for halt in bybit.told(HaltRequested)} == {TradingState.HALTED}


def test_a_banned_address_still_cancels_by_the_socket() -> None:
    """The ban itself asks for a halt, and what cancels all goes by HTTP."""
    bybit = Bybit().come_up()
    for number in range(3):
        bybit.command(numbered(number))
    bybit.command(type(ORDER)(9, ETH.id, 1, 300_000, 10, 4))
    (sent,) = bybit.command(CancelAll(BTC.id))
    assert isinstance(sent, SendRequest)
    bybit.answer(sent, b"access too frequent", 403)
    bybit.command(CancelAll(BTC.id))
    cancels = [frame for frame in bybit.frames("trade") if frame["op"] == "order.cancel"]
    assert [each["args"][0]["orderLinkId"] for each in cancels] == ["ls-0", "ls-1", "ls-2"]


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [(reply({}, 33004, "Your api key has expired."), 200, "33004 Your api key"), (b"", 401, "HTTP status 401")],
)
def test_a_key_that_dies_is_noticed_by_what_is_read(body: bytes, status: int, words: str) -> None:
    """No order is sent, and the sockets stand: nothing else would tell."""
    bybit = Bybit().come_up()
    bybit.command(RequestAccount(2, NOW - SECOND))
    for n in range(3):
        assert not bybit.told(HaltRequested), n
        bybit.answer_each(body, status)
        bybit.pass_by(3)
    halts = bybit.told(HaltRequested)
    assert {halt.state for halt in halts} == {TradingState.HALTED}
    assert f"bybit: {words}" in halts[0].text


def test_a_read_that_is_refused_once_or_for_another_reason_halts_nothing() -> None:
    bybit = Bybit().come_up()
    bybit.command(RequestAccount(2, NOW - SECOND))
    for code in (10003, 10006, 10016, 10002, 10016):
        bybit.answer_each(reply({}, code, "no"), 200)
        bybit.pass_by(17)
    assert not bybit.told(HaltRequested)


def test_an_answer_that_does_not_come_tells_nothing() -> None:
    bybit = Bybit(connection=DEMO).come_up()
    (sent,) = bybit.command(ORDER)
    assert isinstance(sent, SendRequest)
    assert bybit.answer(sent, None) == []


# --- questions --------------------------------------------------------------------------------------------------------


def test_that_there_is_no_such_order_is_told_when_none_can_arrive() -> None:
    bybit = Bybit().come_up()
    bybit.pass_by(20)
    bybit.command(ORDER)
    bybit.command(QueryOrder(77, BTC.id))

    def answer_both() -> None:
        bybit.answer(bybit.asked("/v5/order/realtime")[-1], reply(EMPTY, now=bybit.now))
        bybit.answer(bybit.asked("/v5/order/history")[-1], reply(EMPTY, now=bybit.now))

    answer_both()
    assert not bybit.told(OrderStatus)
    n_asked = len(bybit.asked("/v5/order/realtime"))
    bybit.pass_by(6.9)
    assert len(bybit.asked("/v5/order/realtime")) == n_asked
    bybit.pass_by(0.2)
    answer_both()
    (status,) = bybit.told(OrderStatus)
    assert (status.client_id, status.state) == (77, OrderState.UNKNOWN)


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"orderStatus": "New"}, OrderState.OPEN),
        ({"orderStatus": "Filled", "cumExecQty": "0.010"}, OrderState.FILLED),
        ({"orderStatus": "Cancelled", "cancelType": "CancelByUser"}, OrderState.CANCELLED),
        (
            {"orderStatus": "Cancelled", "rejectReason": "EC_PostOnlyWillTakeLiquidity", "cumExecQty": "0"},
            OrderState.REJECTED,
        ),
        ({"orderStatus": "Cancelled", "timeInForce": "IOC"}, OrderState.EXPIRED),
    ],
)
def test_what_became_of_an_order(changes: dict[str, str], state: OrderState) -> None:
    bybit = Bybit().come_up()
    bybit.command(QueryOrder(77, BTC.id))
    row = ORDER_ROW | {"cumExecQty": "0"} | changes
    bybit.answer(bybit.asked("/v5/order/realtime")[0], reply({"list": [row], "nextPageCursor": ""}))
    (status,) = bybit.told(OrderStatus)
    assert status.state == state
    assert status.ts_venue == NOW + AHEAD


def answer_account(bybit: Bybit, asked: list[SendRequest]) -> None:
    for each in asked:
        bybit.answer(each, reply(EMPTY, now=bybit.now))


def account_requests(outputs: list[Output]) -> list[SendRequest]:
    paths = ("/v5/order/realtime", "/v5/position/list", "/v5/execution/list", "/v5/account/wallet-balance")
    return [each for each in outputs if isinstance(each, SendRequest) and each.request.path in paths]


def test_an_account_is_asked_for_until_it_is_whole() -> None:
    bybit = Bybit().come_up()
    asked = account_requests(bybit.command(RequestAccount(2, NOW - SECOND)))
    assert len(asked) == 4
    answer_account(bybit, asked[:2])
    with pytest.raises(RemoteProtocolError, match="10016"):
        bybit.answer(asked[3], reply(None, 10016, "server error"))
    assert not bybit.told(AccountSnapshot)
    for pause in (0.5, 1.0, 2.0):
        assert not account_requests(bybit.pass_by(pause - 0.01))
        asked = account_requests(bybit.pass_by(0.02))
        assert len(asked) == 4
        if pause < 2.0:
            bybit.answer(asked[0], None)
            answer_account(bybit, asked[1:])  # of a query that was given up
    answer_account(bybit, asked)
    (snapshot,) = bybit.told(AccountSnapshot)
    assert (snapshot.venue, snapshot.fills_since) == (2, NOW - SECOND)
    assert snapshot.ts_request > NOW + 3 * SECOND


def test_what_is_asked_meanwhile_is_answered_by_one_later_query() -> None:
    bybit = Bybit().come_up()
    first = account_requests(bybit.command(RequestAccount(2, NOW)))
    assert bybit.command(RequestAccount(2, NOW - 5 * SECOND)) == []
    bybit.pass_by(0.1)
    assert bybit.command(RequestAccount(2, NOW - 2 * SECOND)) == []
    place = len(bybit.outputs)
    answer_account(bybit, first)
    second = account_requests(bybit.outputs[place:])
    answer_account(bybit, second)
    assert [each.fills_since for each in bybit.told(AccountSnapshot)] == [NOW, NOW - 5 * SECOND]
    assert bybit.told(AccountSnapshot)[1].ts_request >= NOW + SECOND // 10
