"""The whole venue, driven by scripted bytes and times: what it asks, tells and sends, and when."""

import pytest

from market.messages import (
    AccountSnapshot,
    AmendOrder,
    AmendRejected,
    BookGap,
    BookSnapshot,
    CancelAll,
    CancelOrder,
    CancelRejected,
    ClockOffset,
    ConnectionLost,
    ConnectionUp,
    Fill,
    FundingPayment,
    HaltCause,
    HaltRequested,
    Mark,
    OpenOrder,
    OrderAccepted,
    OrderCancelled,
    OrderRejected,
    OrderState,
    OrderStatus,
    PlaceOrder,
    QueryOrder,
    Reason,
    RequestAccount,
    RequestSnapshot,
    Trade,
    TradingState,
)
from market.units import HOUR, MINUTE, MS, SECOND
from tests.venues.binance.scripted_binance import (
    BTC,
    ETH,
    KEY,
    LIMITS,
    LISTEN_KEY,
    SECRET,
    Drive,
    T,
    drive,
    order,
    report,
    rules,
)
from venues.binance.private_session import PrivateSessionConfig
from venues.binance.trading_account import AccountConfig
from venues.binance.venue import BinanceConfig
from venues.venue import Connect, Reconnect, SendFrame, SendRequest
from venues.wire import RemoteProtocolError

TIME, INFO, KEYS = "GET /fapi/v1/time", "GET /fapi/v1/exchangeInfo", "POST /fapi/v1/listenKey"
COUNTDOWN, CANCEL, ALL = "POST /fapi/v1/countdownCancelAll", "DELETE /fapi/v1/order", "DELETE /fapi/v1/allOpenOrders"
BATCH, QUERY, DEPTH = "DELETE /fapi/v1/batchOrders", "GET /fapi/v1/order", "GET /fapi/v1/depth"
OPEN, POSITIONS = "GET /fapi/v1/openOrders", "GET /fapi/v3/positionRisk"
FILLS, INCOME = "GET /fapi/v1/userTrades", "GET /fapi/v1/income"
BALANCES = "GET /fapi/v3/balance"
NOTHING = {"asset": "BNB", "balance": "0.00000000", "availableBalance": "0.00000000"}
PLACE = PlaceOrder(7, 0, 1, 1000, 5, 0)


# --- the start ---------------------------------------------------------------------------------------------------


def test_a_start_asks_for_the_time_the_rules_and_a_key_and_opens_every_socket() -> None:
    venue = drive().begin()
    assert venue.targets == {
        "public": "/public/stream",
        "market": "/market/stream",
        "trade": "/ws-fapi/v1",
    }
    assert [name for name, asked in venue.asked.items() if asked] == [TIME, INFO, KEYS]
    venue.answer(KEYS, {"listenKey": LISTEN_KEY})
    assert venue.targets["private"] == f"/private/ws?listenKey={LISTEN_KEY}"


def test_the_trading_path_is_up_when_sockets_are_open_and_the_time_is_known() -> None:
    venue = drive().begin(epoch=4)
    venue.answer(KEYS, {"listenKey": LISTEN_KEY})
    venue.open("public", "market", "trade", "private")
    assert "connection" not in venue.told
    venue.tell_time()
    assert venue.told["connection"] == [ConnectionUp(3, T, 4)]


def test_without_a_key_there_are_books_and_nothing_is_asked_of_an_account() -> None:
    venue = drive(has_key=False).begin()
    assert sorted(venue.targets) == ["market", "public"]
    assert [name for name, asked in venue.asked.items() if asked] == [TIME, INFO]
    venue.tell_time()
    assert venue.open("public").told["connection"] == [ConnectionUp(3, T, 0)]
    assert venue.close("public").told["connection"][1:] == [ConnectionLost(3, T, 0, "public: it broke")]
    with pytest.raises(ValueError, match=r"^PlaceOrder to binance without credentials: "):
        venue.command(PLACE)


def test_the_clock_is_measured_again_and_again_and_told_with_its_error() -> None:
    venue = drive()
    venue.offset_ms = 250
    venue.begin().tell_time()
    assert venue.told["clock"] == [ClockOffset(3, T, 250 * MS + MS // 2, MS // 2)]
    for _ in range(2):  # some at first, one after another
        venue.later(1).tell_time()
    venue.later(59)
    assert venue.n_asked(TIME) == 0
    venue.later(1)
    venue.offset_ms = 400  # it drifts, and is followed
    for _ in range(5):
        venue.tell_time()
        venue.later(60)
    assert venue.told["clock"][-1].offset_ns == 400 * MS + MS // 2


def test_the_time_is_asked_again_without_an_answer_and_after_a_refusal_of_ours() -> None:
    venue = drive().begin()
    venue.fail(TIME)
    assert venue.later(5).n_asked(TIME) == 1
    venue = drive().up().later(10)
    venue.asked[TIME].clear()
    venue.command(CancelAll(0)).answer(ALL, {"code": -1021, "msg": "outside of the recvWindow"}, 400)
    assert venue.later(0).n_asked(TIME) == 1


def test_signatures_are_of_the_venues_time() -> None:
    venue = drive()
    venue.offset_ms = 90_000
    venue.up().command(CancelAll(0))
    (query,) = [venue.answer(ALL, {"code": 200, "msg": "done"})]
    assert query["timestamp"] == [str(T // MS + 90_000)]


# --- market data -------------------------------------------------------------------------------------------------


def _diff(first: int, last: int, previous: int) -> dict[str, object]:
    data = {"e": "depthUpdate", "E": 5, "T": 4, "s": "BTCUSDT", "U": first, "u": last, "pu": previous, "b": [], "a": []}
    return {"stream": "x", "data": data}


_DEPTH = {"lastUpdateId": 5, "E": 5, "T": 4, "bids": [["1", "1"]], "asks": [["2", "1"]]}


def test_books_trades_and_marks_leave_by_their_ports() -> None:
    venue = drive().up()
    venue.hear("public", _diff(1, 5, 0))
    assert venue.answer(DEPTH, _DEPTH) == {"symbol": ["BTCUSDT"], "limit": ["1000"]}
    venue.hear("public", _diff(6, 9, 5))
    assert [type(each).__name__ for each in venue.told["books"]] == ["BookSnapshot", "BookDelta"]
    venue.hear("market", b'{"e":"aggTrade","E":5,"s":"BTCUSDT","a":7,"p":"5","q":"1","f":1,"l":1,"T":4,"m":true}')
    venue.hear("market", b'{"e":"markPriceUpdate","E":5,"s":"BTCUSDT","p":"5"}')
    assert venue.told["trades"] == [Trade(0, 4 * MS, T, 50, 1000, -1, 7)]
    (mark,) = venue.told["marks"]
    assert isinstance(mark, Mark)


def test_a_lost_public_socket_is_a_gap_in_every_book_and_no_matter_of_the_trading_path() -> None:
    venue = drive().up()
    venue.hear("public", _diff(1, 5, 0)).answer(DEPTH, _DEPTH)
    venue.forget().close("public")
    assert venue.told == {"books": [BookGap(0, T, "the connection was lost")]}


def test_a_book_is_begun_anew_when_its_keeper_asks() -> None:
    venue = drive().up()
    venue.hear("public", _diff(1, 5, 0)).answer(DEPTH, _DEPTH)
    venue.command(RequestSnapshot(0)).later(1)
    assert venue.n_asked(DEPTH) == 1
    venue.forget().answer(DEPTH, {**_DEPTH, "lastUpdateId": 8})
    assert isinstance(venue.told["books"][0], BookSnapshot)


def test_a_depth_that_the_limits_have_no_room_for_is_asked_for_later() -> None:
    venue = drive().up(info=rules(limits=(("REQUEST_WEIGHT", "MINUTE", 1, 30),)))
    venue.hear("public", _diff(1, 5, 0))
    assert venue.n_asked(DEPTH) == 0
    venue.alive(65)
    assert venue.n_asked(DEPTH) == 1


def test_a_silent_socket_is_given_up_once_and_its_last_words_are_not_heard() -> None:
    venue = drive().up().speak()
    venue.later(30)
    assert [each for each in venue.dropped if each.socket == "market"] == [
        Reconnect("market", "nothing was heard for 30 s")
    ]
    before = list(venue.dropped)
    venue.hear("market", b'{"e":"markPriceUpdate","E":5,"s":"BTCUSDT","p":"5"}')
    assert len(venue.told["marks"]) == 1
    venue.close("market", "nothing was heard for 30 s").later(1)
    assert [each for each in venue.dropped if each.socket == "market"] == [
        each for each in before if each.socket == "market"
    ]


# --- orders ------------------------------------------------------------------------------------------------------


def test_an_order_goes_by_the_socket_behind_the_countdown_that_guards_it() -> None:
    venue = drive().up().command(PLACE)
    first, second = venue.outputs
    assert isinstance(first, SendRequest)
    assert isinstance(second, SendFrame)
    (frame,) = venue.frames["trade"]
    assert (frame["method"], frame["params"]["newClientOrderId"]) == ("order.place", "ls-7")
    venue.answer(COUNTDOWN, {"symbol": "BTCUSDT", "countdownTime": "30000"})
    venue.hear("trade", {"id": frame["id"], "status": 200, "result": order("ls-7", 9)})
    assert venue.told["facts"] == [OrderAccepted(7, 0, T, T)]
    fill = report("ls-7", 9, "TRADE", "FILLED", l="0.005", L="100.0", z="0.005", t=77, m=True, n="0.01", N="USDT")
    venue.hear("private", fill)
    assert venue.told["fills"] == [Fill(7, 0, T, T, 77, 1, 1000, 5, True, 10**10)]


def test_amends_and_cancels_go_by_the_socket_too() -> None:
    venue = drive().up().command(PLACE).command(AmendOrder(7, 0, 1001, 6)).command(CancelOrder(7, 0))
    assert [frame["method"] for frame in venue.frames["trade"]] == ["order.place", "order.modify", "order.cancel"]
    venue.hear("trade", {"id": "3", "status": 400, "error": {"code": -2011, "msg": "Unknown order sent."}})
    assert venue.told["facts"] == [CancelRejected(7, 0, T + MS // 2, T, int(Reason.UNKNOWN_ORDER))]


def test_an_amend_of_an_order_that_nothing_is_known_of_is_refused_here() -> None:
    venue = drive().up().command(AmendOrder(8, 0, 1001, 6))
    assert venue.told["facts"] == [AmendRejected(8, 0, T + MS // 2, T, int(Reason.VENUE_OTHER))]


def test_a_command_without_an_answer_is_told_nothing_of() -> None:
    venue = drive().up().command(PLACE)
    venue.hear("trade", {"id": "1", "status": 503, "error": {"code": -1007, "msg": "Timeout waiting for response"}})
    venue.command(CancelAll(0)).fail(ALL)
    venue.later(3)
    assert not {"facts", "halts"} & set(venue.told)


def test_what_the_venue_refuses_is_told() -> None:
    venue = drive().up().command(PLACE)
    venue.hear("trade", {"id": "1", "status": 400, "error": {"code": -5022, "msg": "Post Only order will be rejected"}})
    assert venue.told["facts"] == [OrderRejected(7, 0, T + MS // 2, T, int(Reason.POST_ONLY_WOULD_TAKE))]
    assert "halts" not in venue.told


@pytest.mark.parametrize(
    ("code", "state"),
    [(-2015, TradingState.HALTED), (-1022, TradingState.HALTED), (-2019, TradingState.REDUCING)],
)
def test_a_person_is_asked_for_where_one_must_look(code: int, state: TradingState) -> None:
    venue = drive().up().command(PLACE)
    venue.hear("trade", {"id": "1", "status": 400, "error": {"code": code, "msg": "no"}})
    (halt,) = venue.told["halts"]
    assert halt == HaltRequested(T, int(state), int(HaltCause.VENUE), f"binance-futures: {code} no")


def test_a_reduce_only_that_is_refused_makes_us_look_at_the_account() -> None:
    venue = drive().up().command(RequestAccount(3, T - HOUR))
    _answer_account(venue)
    venue.command(PLACE)
    venue.hear("trade", {"id": "1", "status": 400, "error": {"code": -2022, "msg": "ReduceOnly Order is rejected."}})
    venue.later(1)
    assert venue.n_asked(OPEN) == 1


# --- limits ------------------------------------------------------------------------------------------------------


def test_orders_beyond_the_limit_are_refused_here_and_cancels_go() -> None:
    venue = drive().up(info=rules(limits=(*LIMITS[:1], ("ORDERS", "SECOND", 10, 10))))
    for n in range(10):
        venue.command(PlaceOrder(n, 0, 1, 1000, 5, 0))
    assert len(venue.frames["trade"]) == 9  # a tenth is kept
    assert venue.told["facts"] == [OrderRejected(9, 0, T + MS // 2, T, int(Reason.LIMIT_ORDER_RATE))]
    venue.command(CancelOrder(0, 0))
    assert venue.frames["trade"][-1]["method"] == "order.cancel"
    venue.forget().speak().alive(10).command(PlaceOrder(11, 0, 1, 1000, 5, 0))
    assert "facts" not in venue.told


def test_the_venues_own_counts_are_believed() -> None:
    venue = drive().up().command(PLACE)
    counts = [{"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 300, "count": 299}]
    venue.hear("trade", {"id": "1", "status": 200, "result": order("ls-7", 9), "rateLimits": counts})
    venue.forget().command(PlaceOrder(8, 0, 1, 1000, 5, 0))
    assert venue.told["facts"][0].reason == Reason.LIMIT_ORDER_RATE


def test_after_a_429_nothing_is_sent_and_then_cancels_first_of_all_in_one() -> None:
    venue = drive().up()
    for n in range(3):
        venue.command(PlaceOrder(n, 0, 1, 1000, 5, 0))
    venue.command(CancelAll(0)).answer(ALL, {"code": -1003, "msg": "Too many"}, 429, headers={"retry-after": "7"})
    venue.forget()
    for n in range(3):
        venue.command(CancelOrder(n, 0))
    venue.command(PlaceOrder(9, 0, 1, 1000, 5, 0))
    assert venue.told["facts"][0].reason == Reason.LIMIT_ORDER_RATE
    venue.later(6.9)
    assert not venue.frames
    assert not venue.asked.get(BATCH)
    venue.later(0.2)
    query = venue.answer(BATCH, [order(f"ls-{n}", n + 1, "CANCELED") for n in range(3)])
    assert query["origClientOrderIdList"] == ['["ls-0","ls-1","ls-2"]']
    assert [type(fact) for fact in venue.told["facts"][1:]] == [OrderCancelled] * 3


def test_a_cancel_all_that_is_held_stands_for_the_cancels_beside_it() -> None:
    venue = drive().up()
    venue.command(CancelAll(0)).answer(ALL, {"code": -1003, "msg": "Too many"}, 429, headers={"retry-after": "7"})
    venue.command(CancelOrder(1, 0)).command(CancelAll(0)).later(7.1)
    assert (venue.n_asked(ALL), venue.n_asked(BATCH)) == (1, 0)


def test_a_ban_asks_for_a_person() -> None:
    venue = drive().up()
    venue.command(CancelAll(0)).answer(ALL, {"code": -1003, "msg": "banned"}, 418, headers={"retry-after": "120"})
    assert venue.told["halts"][0].state == TradingState.HALTED


def test_too_many_orders_stop_orders_alone() -> None:
    venue = drive().up().command(PLACE)
    venue.hear("trade", {"id": "1", "status": 429, "error": {"code": -1015, "msg": "Too many new orders"}})
    venue.forget().command(PlaceOrder(8, 0, 1, 1000, 5, 0)).command(CancelOrder(7, 0))
    assert venue.told["facts"][0].reason == Reason.LIMIT_ORDER_RATE
    assert [frame["method"] for frame in venue.frames["trade"]] == ["order.cancel"]


def test_a_ban_that_is_told_by_the_socket_stops_all_that_is_sent() -> None:
    venue = drive().up()
    venue.hear("trade", {"id": None, "status": 429, "error": {"code": -1003, "msg": "Too many requests"}})
    venue.command(CancelOrder(1, 0)).command(CancelAll(0)).command(PLACE)
    assert venue.told["facts"][0].reason == Reason.LIMIT_ORDER_RATE
    assert not venue.frames
    assert venue.n_asked(ALL) == 0


def test_an_overloaded_venue_is_left_alone_for_longer_each_time() -> None:
    venue = drive().up()
    overload = {"status": 503, "error": {"code": -1008, "msg": "Server is currently overloaded"}}
    for n, pause_ms in enumerate((200, 400, 800)):
        venue.command(PlaceOrder(2 * n, 0, 1, 1000, 5, 0))
        venue.hear("trade", {"id": venue.frames["trade"][-1]["id"], **overload})
        venue.forget().later(pause_ms / 1000 - 0.01).command(PlaceOrder(2 * n + 1, 0, 1, 1000, 5, 0))
        assert venue.told["facts"][0].reason == Reason.LIMIT_ORDER_RATE
        venue.command(CancelOrder(99, 0))
        assert [frame["method"] for frame in venue.frames.pop("trade")] == ["order.cancel"]
        venue.later(0.01)
    venue.command(PlaceOrder(50, 0, 1, 1000, 5, 0))
    assert [frame["method"] for frame in venue.frames["trade"]] == ["order.place"]


# --- outages -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("socket", ["private", "trade"])
def test_a_lost_socket_takes_the_trading_path_down_until_it_is_back(socket: str) -> None:
    venue = drive().up().close(socket)
    assert venue.told["connection"] == [ConnectionLost(3, T, 0, f"{socket}: it broke")]
    venue.command(PLACE)
    assert venue.told["facts"] == [OrderRejected(7, 0, T + MS // 2, T, int(Reason.NOT_CONNECTED))]
    venue.open(socket)
    assert venue.told["connection"][1:] == [ConnectionUp(3, T, 1)]


def test_cancels_go_by_rest_while_the_socket_is_gone() -> None:
    venue = drive().up().command(PLACE).close("trade").command(CancelOrder(7, 0))
    query = venue.answer(CANCEL, order("ls-7", 9, "CANCELED"))
    assert query["origClientOrderId"] == ["ls-7"]
    assert venue.told["facts"] == [OrderCancelled(7, 0, T, T, 0)]


def test_a_trade_socket_that_does_not_answer_is_given_up() -> None:
    venue = drive().up().command(PLACE).later(9.9)
    assert not venue.dropped
    venue.later(0.1)
    assert venue.dropped == [Reconnect("trade", "nothing was heard in 10 s after a request")]
    assert isinstance(venue.told["connection"][0], ConnectionLost)


def test_an_idle_trade_socket_is_asked_whether_it_lives_and_any_answer_will_do() -> None:
    venue = drive().up().later(20)
    (probe,) = venue.frames["trade"]
    assert probe == {"id": "alive", "method": "session.status"}
    venue.hear("trade", {"id": "alive", "status": 400, "error": {"code": -1102, "msg": "no such method"}})
    assert "halts" not in venue.told
    venue.later(19.9)
    assert not [each for each in venue.dropped if each.socket == "trade"]


def test_a_private_stream_that_does_not_tell_of_an_accepted_order_is_opened_otherwise() -> None:
    venue = drive().up().command(PLACE)
    venue.hear("trade", {"id": "1", "status": 200, "result": order("ls-7", 9)}).later(5)
    assert [each.socket for each in venue.dropped] == ["private"]
    assert isinstance(venue.told["connection"][0], ConnectionLost)
    venue.answer(KEYS, {"listenKey": LISTEN_KEY})
    assert venue.targets["private"] == f"/private/ws/{LISTEN_KEY}"


def test_a_private_stream_that_was_quicker_than_the_answer_is_trusted() -> None:
    venue = drive().up().command(PLACE).hear("private", report("ls-7", 9, "NEW", "NEW"))
    venue.hear("trade", {"id": "1", "status": 200, "result": order("ls-7", 9)}).later(9)
    assert not venue.dropped


def test_forms_of_the_private_stream_are_tried_in_turn_where_none_opens() -> None:
    venue = drive().begin()
    venue.answer(KEYS, {"listenKey": LISTEN_KEY})
    venue.later(60).answer(KEYS, {"listenKey": LISTEN_KEY})
    assert venue.targets["private"] == f"/private/ws/{LISTEN_KEY}"
    venue.later(60).answer(KEYS, {"listenKey": LISTEN_KEY})
    assert venue.targets["private"] == "/private/stream"
    venue.open("private")
    assert venue.frames["private"][0]["params"] == [LISTEN_KEY]
    assert venue.venue.seen["private stream opened by subscribe"] == 1


def test_an_ended_listen_key_is_a_lost_connection_and_a_new_key() -> None:
    venue = drive().up().hear("private", {"e": "listenKeyExpired", "E": 5, "listenKey": LISTEN_KEY})
    assert venue.dropped == [Reconnect("private", "the listen key has ended")]
    assert venue.told["connection"] == [ConnectionLost(3, T, 0, "private: the listen key has ended")]
    assert venue.n_asked(KEYS) == 1
    venue.answer(KEYS, {"listenKey": "anotherKey"})
    assert venue.targets["private"] == "/private/ws?listenKey=anotherKey"
    assert venue.open("private").told["connection"][1:] == [ConnectionUp(3, T, 1)]


def test_the_listen_key_is_kept_alive() -> None:
    venue = drive().up()
    for _ in range(4):
        venue.alive(30 * 60)
        venue.answer("PUT /fapi/v1/listenKey", {})
    assert not [each for each in venue.dropped if each.socket == "private"]


def test_the_venues_silence_over_http_breaks_nothing() -> None:
    venue = drive().up()
    for _ in range(30):
        venue.later(10)
        for name, asked in venue.asked.items():
            while asked:
                venue.fail(name)
    assert venue.n_asked(TIME) <= 1


# --- the account -------------------------------------------------------------------------------------------------


def _answer_account(venue: Drive, *, orders: list[dict[str, object]] | None = None) -> None:
    venue.answer(OPEN, orders or [])
    venue.answer(POSITIONS, [{"symbol": "BTCUSDT", "positionAmt": "-0.005"}])
    venue.answer(FILLS, [])
    venue.answer(INCOME, [{"symbol": "BTCUSDT", "income": "-0.5", "asset": "USDT", "time": T // MS, "tranId": 4}])
    venue.answer(BALANCES, [{"asset": "USDT", "balance": "250.5", "availableBalance": "0"}, NOTHING])


def test_the_account_is_told_whole() -> None:
    venue = drive().up().command(RequestAccount(3, T - HOUR))
    _answer_account(venue, orders=[order("ls-7", 9, type="LIMIT", timeInForce="GTX")])
    (snapshot,) = venue.told["fills"]
    payment = FundingPayment(0, T, T, (T + HOUR // 2) // HOUR, -5 * 10**11)
    assert snapshot == AccountSnapshot(
        3,
        T,
        T,
        T,
        T - HOUR,
        (OpenOrder(7, 0, 1, 1000, 5, 0, 4),),
        (),
        ((0, -5),),
        (payment,),
        (("USDT", 2505 * 10**11),),
    )


@pytest.mark.parametrize(
    ("body", "status"), [({"code": -1000}, 500), ([{"asset": "USDT"}], 200), ([{**NOTHING, "balance": "NaN"}], 200)]
)
def test_an_account_whose_balances_are_not_told_is_whole(body: object, status: int) -> None:
    venue = drive().up().command(RequestAccount(3, T - HOUR))
    venue.answer(OPEN, [])
    venue.answer(POSITIONS, [])
    venue.answer(FILLS, [])
    venue.answer(INCOME, [])
    venue.answer(BALANCES, body, status)
    (snapshot,) = venue.told["fills"]
    assert snapshot.balances == ()


def test_half_an_account_is_never_told_and_it_is_read_again_from_the_beginning() -> None:
    venue = drive().up().command(RequestAccount(3, T - HOUR))
    venue.answer(OPEN, [])
    venue.answer(POSITIONS, {"code": -1001, "msg": "Internal error"}, 503)
    assert "fills" not in venue.told
    venue.later(0.4)
    assert venue.n_asked(OPEN) == 0
    venue.later(0.1)
    venue.fail(OPEN)
    venue.later(0.9)
    assert venue.n_asked(OPEN) == 0
    venue.later(0.1)  # each pause is twice the one before
    venue.asked[POSITIONS].pop(0)  # of the reading that has failed
    _answer_account(venue)
    (snapshot,) = venue.told["fills"]
    assert snapshot.ts_request == T + 1500 * MS


def test_an_answer_that_makes_no_sense_is_said_and_the_account_read_again() -> None:
    venue = drive().up().command(RequestAccount(3, T - HOUR))
    with pytest.raises(RemoteProtocolError):
        venue.answer(OPEN, b"<html>")
    venue.answer(POSITIONS, [])
    assert venue.later(0.5).n_asked(OPEN) == 1


def test_a_reading_that_is_asked_for_again_is_read_after_the_one_under_way() -> None:
    venue = drive().up().command(RequestAccount(3, T - HOUR))
    venue.later(0.2).command(RequestAccount(3, T - MINUTE))
    assert venue.n_asked(OPEN) == 1
    _answer_account(venue)
    _answer_account(venue)
    first, second = venue.told["fills"]
    assert (first.ts_request, first.fills_since) == (T, T - HOUR)
    assert (second.ts_request, second.fills_since) == (T + 200 * MS, T - MINUTE)


def test_the_account_waits_for_room_in_the_limits() -> None:
    venue = drive().up(info=rules(limits=(("REQUEST_WEIGHT", "MINUTE", 1, 55),)))
    venue.command(RequestAccount(3, T - HOUR))
    assert venue.n_asked(OPEN) == 0
    left = MINUTE - T % MINUTE
    venue.later(left / SECOND + 1)
    assert venue.n_asked(OPEN) == 1


def test_funding_that_is_not_named_makes_us_look_at_the_account() -> None:
    venue = drive(BTC, ETH).up().command(RequestAccount(3, T - HOUR))
    for _ in range(2):
        venue.answer(OPEN, [])
    venue.answer(POSITIONS, [])
    for _ in range(2):
        venue.answer(FILLS, [])
    venue.answer(INCOME, [])
    venue.answer(BALANCES, [])
    update = {"m": "FUNDING_FEE", "B": [{"a": "USDT", "wb": "1", "cw": "1", "bc": "-0.5"}], "P": []}
    venue.hear("private", {"e": "ACCOUNT_UPDATE", "E": 5, "T": 4, "a": update}).later(1)
    assert venue.n_asked(OPEN) == 2


# --- one order ---------------------------------------------------------------------------------------------------


def test_an_order_is_asked_for_by_name() -> None:
    venue = drive().up().later(30).forget().command(QueryOrder(7, 0))
    answer = order("ls-7", 9, "PARTIALLY_FILLED", executedQty="0.002")
    assert venue.answer(QUERY, answer)["origClientOrderId"] == ["ls-7"]
    (status,) = venue.told["fills"]
    now = venue.now
    assert status == OrderStatus(7, 0, now, now, now, int(OrderState.OPEN), 1000, 5, 2)


def test_an_order_that_may_be_on_its_way_is_not_said_to_be_unknown() -> None:
    venue = drive().up().command(PLACE).later(1).command(QueryOrder(7, 0))
    venue.answer(QUERY, {"code": -2013, "msg": "Order does not exist."}, 400)
    assert "fills" not in venue.told
    venue.later(5.9)
    assert venue.n_asked(QUERY) == 0
    venue.later(0.1)  # 5 s are the receive window, 2 s a margin
    venue.answer(QUERY, {"code": -2013, "msg": "Order does not exist."}, 400)
    (status,) = venue.told["fills"]
    assert status.state == OrderState.UNKNOWN
    assert (status.price, status.size, status.filled) == (0, 0, 0)


@pytest.mark.parametrize("status", [0, 503])
def test_a_question_without_a_good_answer_has_none(status: int) -> None:
    venue = drive().up().command(QueryOrder(7, 0))
    if status:
        venue.answer(QUERY, {"code": -1001, "msg": "Internal error"}, status)
    else:
        venue.fail(QUERY)
    assert "fills" not in venue.told


# --- the dead man's switch ---------------------------------------------------------------------------------------


def _countdowns(venue: Drive, seconds: float) -> list[str]:
    """Return the countdowns that are set in a while; each is answered."""
    found = []
    for _ in range(round(seconds)):
        venue.alive(1)
        while venue.n_asked(COUNTDOWN):
            found += venue.answer(COUNTDOWN, {})["countdownTime"]
    return found


def test_the_switch_is_renewed_while_all_is_well() -> None:
    venue = drive().up()
    assert _countdowns(venue, 30) == []  # nobody trades
    venue.command(PLACE).hear("private", report("ls-7", 9, "NEW", "NEW"))
    assert _countdowns(venue, 35) == ["30000"] * 4
    venue.close("private")
    assert _countdowns(venue, 60) == []  # nobody looks after the order: it is let run out
    venue.open("private")
    assert _countdowns(venue, 5) == ["30000"]


def test_a_switch_that_ran_out_in_an_outage_is_set_before_the_next_order() -> None:
    venue = drive().up().command(PLACE).hear("private", report("ls-7", 9, "NEW", "NEW"))
    venue.answer(COUNTDOWN, {})
    venue.speak().close("private").alive(60).open("private").forget()
    venue.command(PlaceOrder(8, 0, 1, 1000, 5, 0))
    first, second = venue.outputs
    assert isinstance(first, SendRequest)
    assert first.request.path == "/fapi/v1/countdownCancelAll"
    assert isinstance(second, SendFrame)


def test_the_switch_is_disarmed_when_the_account_shows_no_order() -> None:
    venue = drive().up().command(PLACE)
    venue.answer(COUNTDOWN, {})
    venue.later(1).command(RequestAccount(3, T - HOUR))
    _answer_account(venue, orders=[order("ls-7", 9)])
    assert venue.n_asked(COUNTDOWN) == 0
    venue.command(RequestAccount(3, T - HOUR))
    venue.later(0.1).command(PlaceOrder(8, 0, 1, 1000, 5, 0))
    _answer_account(venue)  # does not know of the newest order
    assert venue.n_asked(COUNTDOWN) == 0
    venue.later(7.1).command(RequestAccount(3, T - HOUR))  # nothing that was under way can arrive any more
    _answer_account(venue)
    assert venue.answer(COUNTDOWN, {})["countdownTime"] == ["0"]
    assert venue.venue.account is not None
    assert venue.venue.account.switch.armed == ()


def test_the_switch_is_set_again_soon_where_it_was_not_answered_and_asks_for_a_person_where_it_was_refused() -> None:
    venue = drive().up().command(PLACE).hear("private", report("ls-7", 9, "NEW", "NEW"))
    venue.fail(COUNTDOWN)
    venue.later(2)
    assert "halts" not in venue.told
    venue.answer(COUNTDOWN, {"code": -1121, "msg": "Invalid symbol."}, 400)
    (halt,) = venue.told["halts"]
    assert halt.state == TradingState.HALTED
    assert "dead man's switch was refused: -1121" in halt.text


# --- rules -------------------------------------------------------------------------------------------------------


def test_rules_that_change_while_we_trade_ask_for_a_person() -> None:
    venue = drive().up()
    venue.command(PLACE).hear("trade", {"id": "1", "status": 400, "error": {"code": -4014, "msg": "Price not ..."}})
    venue.later(0).answer(INFO, rules(tick="0.50"))
    (halt,) = venue.told["halts"]
    assert "tick of binance-futures:BTCUSDT is 0.5, was 0.1" in halt.text
    assert halt.state == TradingState.HALTED


def test_rules_are_read_every_hour_and_may_stay_as_they_are() -> None:
    venue = drive().up()
    venue.alive(3600)
    venue.answer(INFO, rules())
    assert "halts" not in venue.told


# --- secrets -----------------------------------------------------------------------------------------------------


def test_no_repr_shows_a_secret() -> None:
    venue = drive()
    shown = ""
    venue.begin()
    shown += repr(venue.outputs)
    venue.tell_time()
    venue.answer(KEYS, {"listenKey": LISTEN_KEY})
    shown += repr(venue.outputs)
    assert any(isinstance(each, Connect) for each in venue.outputs)
    venue.open("public", "market", "private", "trade").command(PLACE)
    shown += repr(venue.outputs)
    venue.command(RequestAccount(3, T))
    shown += repr(venue.outputs) + repr(venue.venue.setup)
    assert not [secret for secret in (KEY, SECRET, LISTEN_KEY) if secret in shown]


def test_the_form_of_the_private_stream_is_a_setting() -> None:
    venue = drive(config=BinanceConfig(account=AccountConfig(private=PrivateSessionConfig("subscribe")))).begin()
    venue.answer(KEYS, {"listenKey": LISTEN_KEY})
    assert venue.targets["private"] == "/private/stream"
