"""Orders, cancels and fills: what is told of each answer, and that nothing is guessed where it leaves things open."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.messages import AmendOrder, CancelAll, CancelOrder, OrderFlag, OrderState, PlaceOrder, QueryOrder, Reason
from tests.venues.paradex.paradex_wire import BTC
from tests.venues.paradex.scripted_paradex import QUOTE, SYMBOL, Answer, Paradex, row_of
from venues.paradex.errors import verdict_on_call
from venues.paradex.order_ids import OrderIds
from venues.paradex.requests import OrderCalls
from venues.verdicts import Advice, Fate

CANCEL = CancelOrder(QUOTE.client_id, BTC.id)
AMEND = AmendOrder(QUOTE.client_id, BTC.id, QUOTE.price - 100, QUOTE.size)
IOC = PlaceOrder(78, BTC.id, 1, 2_000_000, 50, int(OrderFlag.IOC))


def test_an_answer_that_an_order_came_says_nothing_of_its_fate() -> None:
    paradex = Paradex().up()
    paradex.send(QUOTE)
    paradex.order("NEW")
    assert paradex.told == []
    paradex.order("OPEN")
    paradex.order("OPEN")
    assert paradex.kinds() == ["OrderAccepted"]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (QUOTE, {"type": "LIMIT", "instruction": "POST_ONLY", "side": "BUY", "price": "20000.00", "size": "0.0050"}),
        (IOC, {"type": "LIMIT", "instruction": "IOC"}),
        (PlaceOrder(9, BTC.id, -1, 0, 50, int(OrderFlag.MARKET)), {"type": "MARKET", "side": "SELL", "price": "0"}),
        (PlaceOrder(9, BTC.id, -1, 0, 50, int(OrderFlag.MARKET | OrderFlag.REDUCE_ONLY)), {"flags": ["REDUCE_ONLY"]}),
    ],
)
def test_an_order_in_the_words_of_the_venue(order: PlaceOrder, expected: dict[str, object]) -> None:
    paradex = Paradex().up()
    paradex.send(order)
    params = paradex.calls[-1][1]
    for field in ("price", "size"):
        if field in expected:
            assert Decimal(params[field]) == Decimal(str(expected[field]))
    assert {name: params[name] for name in expected if name not in ("price", "size")} == {
        name: value for name, value in expected.items() if name not in ("price", "size")
    }
    assert (params["stp"], params["recv_window"], params["client_id"]) == ("EXPIRE_TAKER", 5000, str(order.client_id))


def test_fill_or_kill_is_not_to_be_had() -> None:
    paradex = Paradex().up()
    n_calls = len(paradex.calls)
    paradex.send(PlaceOrder(9, BTC.id, 1, 2_000_000, 50, int(OrderFlag.FOK)))
    assert paradex.only("OrderRejected").reason == Reason.INVALID_TERMS
    assert len(paradex.calls) == n_calls


@pytest.mark.parametrize(
    ("code", "data", "reason"),
    [
        (100, "INVALID_ORDER_SIZE", Reason.INVALID_SIZE),
        (100, "NOT_ENOUGH_MARGIN", Reason.VENUE_OTHER),
        (-32602, None, Reason.VENUE_OTHER),
        (42901, None, Reason.LIMIT_ORDER_RATE),
    ],
)
def test_a_refusal_is_told(code: int, data: str | None, reason: Reason) -> None:
    paradex = Paradex().up()
    paradex.is_granting = False
    paradex.send(QUOTE)
    paradex.refuse(code, "refused", data)
    assert paradex.only("OrderRejected").reason == reason


@pytest.mark.parametrize(
    ("code", "texts", "fate", "advice"),
    [
        (100, "ORDER_ID_NOT_FOUND after VALIDATION_ERROR", Fate.REFUSED, Advice.RELOAD_INSTRUMENTS),
        (100, "VALIDATION_ERROR: INVALID_ORDER_SIGNATURE", Fate.REFUSED, Advice.HALT),
        (100, "INVALID_TOKEN, as NOT_ONBOARDED", Fate.REFUSED, Advice.HALT),
        (100, "INVALID_ORDER_SIZE of an order, DUPLICATED_CLIENT_ID", Fate.UNKNOWN, Advice.NONE),
        (100, "MY_INVALID_TOKEN", Fate.REFUSED, Advice.NONE),  # another word
        (-32603, "INVALID_ORDER_SIZE", Fate.UNKNOWN, Advice.NONE),  # something broke in between
        (42901, "VALIDATION_ERROR", Fate.REFUSED, Advice.SLOW_DOWN),
        (40112, "INVALID_TOKEN", Fate.REFUSED, Advice.HALT),
        (12345, "NOT_ENOUGH_MARGIN", Fate.REFUSED, Advice.STOP_OPENING),
        (12345, "SOMETHING_ELSE", Fate.UNKNOWN, Advice.NONE),
    ],
)
def test_of_several_codes_the_one_counts_that_asks_for_most(code: int, texts: str, fate: Fate, advice: Advice) -> None:
    verdict = verdict_on_call(code, texts)
    assert (verdict.fate, verdict.advice) == (fate, advice)


def test_the_order_of_the_words_does_not_matter() -> None:
    for texts in ("INVALID_TOKEN INVALID_SUBKEY", "INVALID_SUBKEY INVALID_TOKEN"):
        assert verdict_on_call(100, texts).advice is Advice.HALT


@pytest.mark.parametrize(("code", "data"), [(-32603, None), (50000, "INTERNAL_ERROR"), (100, "DUPLICATED_CLIENT_ID")])
def test_where_the_answer_leaves_it_open_nothing_is_told(code: int, data: str | None) -> None:
    paradex = Paradex().up()
    paradex.is_granting = False
    paradex.send(QUOTE)
    paradex.refuse(code, "?", data)
    assert not paradex.has_told("OrderRejected")
    paradex.order("OPEN")
    assert paradex.has_told("OrderAccepted")


def test_an_order_that_nobody_answers_is_not_told_of() -> None:
    paradex = Paradex().up()
    paradex.is_granting = False
    paradex.send(QUOTE)
    paradex.sleep(60)
    paradex.close("private")
    assert not {"OrderRejected", "OrderCancelled", "OrderAccepted"} & set(paradex.kinds())


def test_a_wrong_signature_stops_all() -> None:
    paradex = Paradex().up()
    paradex.is_granting = False
    paradex.send(QUOTE)
    paradex.refuse(100, "INVALID_ORDER_SIGNATURE")
    assert paradex.has_told("OrderRejected")
    assert paradex.has_told("HaltRequested")


@pytest.mark.parametrize(
    ("reason", "left", "kind"),
    [
        ("POST_ONLY_WOULD_CROSS", "0.0050", "OrderRejected"),
        ("NOT_ENOUGH_MARGIN", "0.0050", "OrderRejected"),
        ("NOT_ENOUGH_MARGIN", "0.0020", "OrderCancelled"),
        ("USER_CANCELED", "0.0050", "OrderCancelled"),
        ("A_REASON_OF_TOMORROW", "0.0050", "OrderCancelled"),
    ],
)
def test_an_end_by_its_reason(reason: str, left: str, kind: str) -> None:
    paradex = Paradex().up()
    paradex.send(QUOTE)
    paradex.order("CLOSED", cancel_reason=reason, remaining_size=left)
    assert paradex.kinds() == [kind]
    paradex.order("CLOSED", cancel_reason=reason, remaining_size=left)
    assert paradex.kinds() == [kind]


def test_what_an_ioc_leaves_has_expired() -> None:
    paradex = Paradex().up()
    paradex.send(IOC)
    paradex.order("CLOSED", IOC, cancel_reason="IMMEDIATE", remaining_size="0.0020")
    assert paradex.only("OrderExpired").filled == 30


def test_an_unheard_of_state_has_the_account_asked() -> None:
    paradex = Paradex().up()
    paradex.send(QUOTE)
    paradex.order("HALF_OPEN")
    assert paradex.told == []
    assert any("HALF_OPEN" in name for name in paradex.venue.seen)


def test_a_cancel_of_unknown_fate_is_sent_again_until_the_venue_answers() -> None:
    paradex = Paradex().up()
    paradex.send(QUOTE)
    paradex.order("OPEN")
    paradex.is_granting = False
    paradex.send(CANCEL)
    paradex.sleep(200)
    early = paradex.methods().count("order.cancel")
    assert 8 <= early <= 20
    paradex.sleep(200)
    assert 8 <= paradex.methods().count("order.cancel") - early <= 20, "it goes on, slowly"
    assert not paradex.has_told("CancelRejected")
    paradex.is_granting = True
    paradex.sleep(25)
    answered = paradex.methods().count("order.cancel")
    paradex.sleep(100)
    assert paradex.methods().count("order.cancel") == answered


@pytest.mark.parametrize(
    "answer", [None, (503, {"error": "", "message": "down"}), (429, {"error": "", "message": "?"})]
)
def test_a_cancel_of_all_is_not_given_up(answer: Answer) -> None:
    paradex = Paradex().up()
    paradex.on["/v1/orders"] = lambda: answer
    paradex.send(CancelAll(BTC.id))
    paradex.sleep(120)
    cancel = ("DELETE", f"/v1/orders?market={SYMBOL}")
    assert 10 <= paradex.requests.count(cancel) <= 20
    paradex.on["/v1/orders"] = lambda: (204, "")
    paradex.sleep(15)
    n_sent = paradex.requests.count(cancel)
    paradex.sleep(60)
    assert paradex.requests.count(cancel) == n_sent
    assert not paradex.has_told("HaltRequested")


def test_a_cancel_of_all_that_is_refused_needs_a_person() -> None:
    paradex = Paradex().up()
    paradex.on["/v1/orders"] = lambda: (400, {"error": "VALIDATION_ERROR", "message": "?"})
    paradex.send(CancelAll(BTC.id))
    assert "the cancel of all" in paradex.only("HaltRequested").text
    paradex.sleep(60)
    assert len([each for each in paradex.requests if each[0] == "DELETE"]) == 1


def test_a_cancel_before_the_order_has_come_is_tried_again_soon() -> None:
    paradex = Paradex().up()
    paradex.is_granting = False
    paradex.send(QUOTE)
    paradex.send(CANCEL)
    paradex.refuse(100, "CLIENT_ORDER_ID_NOT_FOUND")
    assert paradex.told == []
    paradex.sleep(0.5)
    assert paradex.methods()[-2:] == ["order.cancel", "order.cancel"]


def test_such_a_cancel_goes_on_while_the_order_can_still_arrive() -> None:
    paradex = Paradex().up()
    paradex.is_granting = False
    paradex.send(QUOTE)
    paradex.send(CANCEL)
    for _ in range(9):
        paradex.refuse(100, "CLIENT_ORDER_ID_NOT_FOUND")
        paradex.sleep(1.2)
    assert not paradex.has_told("CancelRejected")
    paradex.sleep(6)
    paradex.refuse(100, "CLIENT_ORDER_ID_NOT_FOUND")
    assert paradex.has_told("CancelRejected")


def test_an_order_is_ours_once_our_id_was_told_with_it() -> None:
    ids = OrderIds()
    assert ids.note("1700", "5") == 5
    assert ids.note("1700", "") == 5  # a fill may come without it
    assert ids.note("1800", "") < 0
    assert ids.note("1800", "6") == 6
    assert (ids.venue_id(5), ids.venue_id(6), ids.find("1800")) == ("1700", "1800", 6)


def test_a_cancel_of_an_order_that_has_ended_is_refused() -> None:
    paradex = Paradex().up()
    paradex.send(QUOTE)
    paradex.order("OPEN")
    paradex.is_granting = False
    paradex.send(CANCEL)
    paradex.refuse(100, "ORDER_IS_CLOSED")
    assert paradex.only("CancelRejected").reason == Reason.UNKNOWN_ORDER


def test_an_amend_is_told_by_the_orders_event() -> None:
    paradex = Paradex().up()
    paradex.send(QUOTE)
    paradex.order("OPEN")
    paradex.send(AMEND)
    method, params, _ = paradex.calls[-1]
    assert (method, params["id"], params["price"]) == ("order.modify", "977", "19999.00")
    paradex.told.clear()
    paradex.order("OPEN", price="19999")
    amended = paradex.only("OrderAmended")
    assert (amended.price, amended.size) == (AMEND.price, AMEND.size)
    info = {"request_type": "MODIFY_ORDER", "id": "r-1", "status": "REJECTED", "message": "no"}
    for _ in range(2):
        paradex.order("OPEN", price="19999", request_info=info)
    assert paradex.kinds() == ["OrderAmended", "AmendRejected"]


def test_an_order_does_not_outlive_an_amend_that_nobody_answers() -> None:
    """The venue takes an amend however late it comes; no word limits that."""
    paradex = Paradex().up()
    paradex.send(QUOTE)
    paradex.order("OPEN")
    paradex.is_granting = False
    paradex.send(AMEND)
    paradex.sleep(11)
    assert paradex.methods()[-2:] == ["order.modify", "order.cancel"]
    assert not paradex.has_told("AmendRejected")


@pytest.mark.parametrize(("code", "follows"), [(-32603, True), (-32602, False)])
def test_an_amend_of_unknown_fate_is_followed_by_a_cancel(code: int, follows: bool) -> None:
    paradex = Paradex().up()
    paradex.send(QUOTE)
    paradex.order("OPEN")
    paradex.is_granting = False
    paradex.send(AMEND)
    paradex.refuse(code, "?")
    assert (paradex.methods()[-1] == "order.cancel") == follows
    assert paradex.has_told("AmendRejected") != follows


# --- fills -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("told_as", ["BUY", "SELL"])
@pytest.mark.parametrize("comes", ["before the end", "after the end"])
def test_a_fill_has_the_side_of_its_order(told_as: str, comes: str) -> None:
    """The documents call it the taker's; other programs read it as the account's."""
    paradex = Paradex().up()
    paradex.send(QUOTE)
    paradex.order("OPEN")
    paradex.told.clear()
    if comes == "after the end":
        paradex.order("CLOSED")
    paradex.fill(side=told_as)
    fill = paradex.only("Fill")
    assert (fill.side, fill.is_maker, fill.size, fill.price) == (QUOTE.side, True, QUOTE.size, QUOTE.price)


def test_what_side_means_is_learnt_from_orders_that_are_known() -> None:
    paradex = Paradex().up()
    unknown = PlaceOrder(5, BTC.id, 1, 2_000_000, 50, 0)  # of an earlier life
    paradex.fill(unknown, id="f-0", side="BUY")
    assert paradex.only("Fill").side == 1
    paradex.send(QUOTE)
    paradex.fill(id="f-1", side="SELL")
    paradex.told.clear()
    paradex.fill(unknown, id="f-2", side="SELL")
    assert paradex.only("Fill").side == 1
    paradex.told.clear()
    paradex.fill(unknown, id="f-3", side="SELL", liquidity="TAKER")
    assert paradex.only("Fill").side == -1


def test_a_fill_is_told_once() -> None:
    paradex = Paradex().up()
    paradex.send(QUOTE)
    for _ in range(3):
        paradex.fill()
    assert paradex.kinds() == ["Fill"]
    paradex.fill(fill_type="LIQUIDATION")
    assert paradex.kinds() == ["Fill", "Fill"]  # ids are unique for each type


# --- what became of an order -----------------------------------------------------------------------------------------


def test_that_there_is_no_order_is_told_only_when_none_can_come() -> None:
    paradex = Paradex().up()
    paradex.is_granting = False
    paradex.on["/v1/orders/"] = lambda: (404, {"error": "CLIENT_ORDER_ID_NOT_FOUND", "message": ""})
    paradex.on["/v1/orders-history"] = lambda: (200, {"results": []})
    paradex.send(QUOTE)
    paradex.send(QueryOrder(QUOTE.client_id, BTC.id))
    assert paradex.told == []
    paradex.sleep(20)
    assert paradex.only("OrderStatus").state == OrderState.UNKNOWN


@pytest.mark.parametrize("status", [500, 503, 429, 401])
def test_an_answer_that_is_none_tells_nothing_of_an_order(status: int) -> None:
    paradex = Paradex().up()
    paradex.send(QUOTE)
    paradex.on["/v1/orders"] = lambda: (status, {"error": "", "message": "?"})
    paradex.send(QueryOrder(QUOTE.client_id, BTC.id))
    assert not paradex.has_told("OrderStatus")


def test_an_order_of_the_past_is_found() -> None:
    paradex = Paradex().up()
    paradex.send(QUOTE)
    closed = row_of(QUOTE, "CLOSED", paradex.now) | {"cancel_reason": "USER_CANCELED", "remaining_size": "0.0020"}
    paradex.on["/v1/orders/"] = lambda: (404, {"error": "CLIENT_ORDER_ID_NOT_FOUND", "message": ""})
    paradex.on["/v1/orders-history"] = lambda: (200, {"results": [closed]})
    paradex.send(QueryOrder(QUOTE.client_id, BTC.id))
    status = paradex.only("OrderStatus")
    assert (status.state, status.size, status.filled) == (OrderState.CANCELLED, 50, 30)


# --- amounts ---------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.integers(1, 10**9), st.integers(1, 10**8))
def test_what_is_signed_is_what_is_sent_to_1e_8(ticks: int, lots: int) -> None:
    """Against decimals: the venue compares the two."""
    signed: list[tuple[int, int]] = []

    class Pen:
        def order(self, ts: int, market: str, side: int, kind: str, size_e8: int, price_e8: int) -> str:
            signed.append((size_e8, price_e8))
            return "[]"

    calls = OrderCalls([BTC], Pen(), OrderIds())  # type: ignore[arg-type]
    params = calls.place(PlaceOrder(1, BTC.id, 1, ticks, lots, 0), 0)()
    assert signed == [(int(Decimal(params["size"]) * 10**8), int(Decimal(params["price"]) * 10**8))]
    assert Decimal(params["price"]) == ticks * BTC.tick
    assert Decimal(params["size"]) == lots * BTC.lot
