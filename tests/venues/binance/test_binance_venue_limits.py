"""The venue's limits and rules while we trade: what is held back and refused here, and when a person is asked for."""

from market.messages import CancelAll, CancelOrder, OrderCancelled, OrderRejected, PlaceOrder, Reason, TradingState
from market.units import MS
from tests.venues.binance.scripted_binance import ALL, BATCH, DEPTH, INFO, LIMITS, PLACE, T, drive, order, rules

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


def test_a_book_is_asked_for_as_soon_as_a_429_is_over() -> None:
    venue = drive().up()
    venue.command(CancelAll(0)).answer(ALL, {"code": -1003, "msg": "Too many"}, 429, headers={"retry-after": "59"})
    n_asked = venue.n_asked(DEPTH)
    change = {"e": "depthUpdate", "E": 5, "T": 4, "s": "BTCUSDT", "U": 1, "u": 2, "pu": 0, "b": [], "a": []}
    for _ in range(58):
        venue.speak().hear("public", change).later(1.0)
    assert venue.n_asked(DEPTH) == n_asked
    venue.later(1.1)
    assert venue.n_asked(DEPTH) == n_asked + 1


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
