"""One account's connection: login, cancel on disconnect, tokens that lapse, states of the venue, limits."""

import pytest

from market.messages import CancelOrder, Margin, PlaceOrder, Reason, RequestAccount, TradingState
from market.units import SECOND
from tests.venues.paradex.paradex_wire import BTC
from tests.venues.paradex.scripted_paradex import QUOTE, Answer, Paradex, row_of
from venues.wire import RemoteProtocolError


def test_cancel_on_disconnect_is_armed_before_anything_may_be_sent() -> None:
    paradex = Paradex()
    paradex.is_granting = False
    paradex.open("private")
    assert paradex.methods() == ["auth"]
    for method in ("auth", "order.cancel_on_disconnect"):
        assert paradex.methods()[-1] == method
        paradex.send(QUOTE)
        assert paradex.only("OrderRejected").reason == Reason.NOT_CONNECTED
        paradex.told = [each for each in paradex.told if type(each[1]).__name__ != "OrderRejected"]
        paradex.hear({"result": {}, "id": paradex.calls[-1][2]})
    assert set(paradex.methods()[2:]) == {"subscribe"}
    assert not paradex.has_told("ConnectionUp")
    for _, _, number in paradex.calls[2:]:
        paradex.hear({"result": {}, "id": number})
    assert paradex.has_told("ConnectionUp")
    paradex.send(QUOTE)
    assert paradex.methods()[-1] == "order.create"


@pytest.mark.parametrize("refused", ["auth", "order.cancel_on_disconnect", "subscribe"])
def test_a_connection_that_is_not_granted_all_is_given_up(refused: str) -> None:
    paradex = Paradex()
    paradex.is_granting = False
    paradex.open("private")
    while paradex.methods()[-1] != refused:
        paradex.hear({"result": {}, "id": paradex.calls[-1][2]})
    with pytest.raises(RemoteProtocolError, match="was refused: 40110"):
        paradex.refuse(40110, "no")
    assert not paradex.has_told("ConnectionUp")


def test_a_token_is_renewed_before_it_lapses() -> None:
    paradex = Paradex().up()
    assert paradex.n_logins == 1
    paradex.sleep(179)
    assert paradex.n_logins == 1
    paradex.sleep(2)
    assert paradex.n_logins == 2
    assert not paradex.told or paradex.kinds() == ["ClockOffset"] * len(paradex.told)
    assert paradex.methods().count("auth") == 1  # a connection stays logged in


def test_a_token_that_lapsed_is_not_used_and_a_cancel_waits_for_the_next() -> None:
    paradex = Paradex().up()
    paradex.send(QUOTE)
    paradex.order("OPEN")
    paradex.close("private")
    paradex.on["/v1/auth"] = lambda: None
    paradex.sleep(301)
    before = len(paradex.requests)
    paradex.send(CancelOrder(QUOTE.client_id, BTC.id))
    paradex.sleep(3)
    assert not [each for each in paradex.requests[before:] if each[0] == "DELETE"]
    paradex.on["/v1/auth"] = lambda: (200, {"jwt_token": "fresh"})
    paradex.on["/v1/orders/"] = lambda: (204, "")
    paradex.sleep(40)
    assert paradex.requests.count(("DELETE", f"/v1/orders/9{QUOTE.client_id}?")) == 1


@pytest.mark.parametrize("answer", [None, (401, {"error": "INVALID_SUBKEY", "message": "?"})])
def test_logins_that_fail_are_far_apart(answer: tuple[int, dict[str, str]] | None) -> None:
    """The venue counts them, and shuts out who sends too many; a socket that waits for one changes nothing."""
    paradex = Paradex()
    paradex.on["/v1/auth"] = lambda: answer
    paradex.sleep(301)  # the one token has lapsed
    paradex.open("private")
    before = paradex.n_logins
    paradex.sleep(60)
    assert 1 <= paradex.n_logins - before <= 4
    assert [message.state for _, message in paradex.told if type(message).__name__ == "HaltRequested"] == (
        [] if answer is None else [int(TradingState.HALTED)]
    )


@pytest.mark.parametrize("state", ["maintenance", "cancel_only"])
def test_while_nothing_may_be_quoted_the_connection_counts_as_lost(state: str) -> None:
    paradex = Paradex().up()
    paradex.send(QUOTE)
    paradex.order("OPEN")
    paradex.on["/v1/system/state"] = lambda: (200, {"status": state})
    paradex.sleep(11)
    assert state in paradex.only("ConnectionLost").reason
    paradex.send(PlaceOrder(78, BTC.id, 1, 2_000_000, 50, QUOTE.flags))
    assert paradex.only("OrderRejected").reason == Reason.NOT_CONNECTED
    paradex.on["/v1/orders/"] = lambda: (204, "")
    paradex.send(CancelOrder(QUOTE.client_id, BTC.id))
    assert paradex.requests[-1] == ("DELETE", f"/v1/orders/9{QUOTE.client_id}?")
    paradex.on["/v1/system/state"] = lambda: (200, {"status": "ok"})
    paradex.sleep(3)
    assert paradex.has_told("ConnectionUp")
    assert paradex.methods().count("auth") == 1


@pytest.mark.parametrize("answer", [None, (503, {"error": "", "message": "down"}), (200, {"status": 7})])
def test_a_venue_that_does_not_tell_its_state_is_not_fit_to_quote_after_a_while(answer: Answer) -> None:
    paradex = Paradex().up()
    paradex.on["/v1/system/state"] = lambda: answer
    paradex.sleep(25)
    assert not paradex.has_told("ConnectionLost"), "one answer that fails is none yet"
    paradex.sleep(20)
    assert "untold" in paradex.only("ConnectionLost").reason
    paradex.on["/v1/system/state"] = lambda: (200, {"status": "ok"})
    paradex.sleep(3)
    assert paradex.has_told("ConnectionUp")


def test_nothing_is_quoted_before_the_venue_has_told_its_state() -> None:
    paradex = Paradex(state=None)
    paradex.open("public")
    paradex.open("private")
    assert not paradex.has_told("ConnectionUp")
    paradex.on["/v1/system/state"] = lambda: (200, {"status": "ok"})
    paradex.sleep(3)
    assert paradex.has_told("ConnectionUp")


def test_while_only_makers_may_quote_what_would_take_is_refused() -> None:
    paradex = Paradex().up()
    paradex.on["/v1/system/state"] = lambda: (200, {"status": "post_only"})
    paradex.sleep(11)
    assert not paradex.has_told("ConnectionLost")
    paradex.send(QUOTE)
    assert paradex.methods()[-1] == "order.create"
    paradex.send(PlaceOrder(78, BTC.id, 1, 2_000_000, 50, 0))
    assert paradex.only("OrderRejected").client_id == 78


def test_a_refusal_for_the_state_has_the_state_asked_for_at_once() -> None:
    paradex = Paradex().up()
    paradex.is_granting = False
    paradex.on["/v1/system/state"] = lambda: (200, {"status": "cancel_only"})
    paradex.send(QUOTE)
    paradex.refuse(100, "order", "SYSTEM_STATUS_CANCEL_ONLY")
    paradex.sleep(0.01)
    assert paradex.has_told("OrderRejected")
    assert paradex.has_told("ConnectionLost")


def test_who_is_throttled_sends_no_order_for_a_while() -> None:
    paradex = Paradex().up()
    paradex.is_granting = False
    paradex.send(QUOTE)
    paradex.refuse(42901, "too many")
    assert paradex.only("OrderRejected").reason == Reason.LIMIT_ORDER_RATE
    n_calls = len(paradex.calls)
    paradex.send(PlaceOrder(78, BTC.id, 1, 2_000_000, 50, QUOTE.flags))
    assert len(paradex.calls) == n_calls
    paradex.sleep(3)
    paradex.send(PlaceOrder(79, BTC.id, 1, 2_000_000, 50, QUOTE.flags))
    assert paradex.calls[-1][1]["client_id"] == "79"


def test_after_a_reconnect_all_is_armed_anew() -> None:
    paradex = Paradex().up()
    first = len(paradex.calls)
    paradex.close("private")
    assert paradex.has_told("ConnectionLost")
    paradex.open("private")
    assert paradex.has_told("ConnectionUp")
    assert paradex.methods()[first:][:2] == ["auth", "order.cancel_on_disconnect"]
    up = paradex.only("ConnectionUp")
    assert up.epoch == 1


def test_orders_of_the_account_are_read_in_pages() -> None:
    """A page that overlaps the one before adds nothing twice."""
    paradex = Paradex().up()
    rows = [row_of(PlaceOrder(each, BTC.id, 1, 2_000_000, 50, QUOTE.flags), "OPEN", paradex.now) for each in (1, 2, 3)]
    fills = [
        {
            "id": f"f{each}",
            "order_id": "91",
            "client_id": "1",
            "market": "BTC-USD-PERP",
            "side": "BUY",
            "price": "20000",
            "size": "0.0001",
            "liquidity": "MAKER",
            "fee": "0",
            "fee_currency": "USDC",
            "fill_type": "FILL",
            "created_at": paradex.now // 10**6 + each,
        }
        for each in range(5)
    ]
    pages = iter([{"results": fills[:3], "next": "more"}, {"results": fills[2:], "next": "end"}, {"results": []}])
    paradex.on["/v1/orders"] = lambda: (200, {"results": rows})
    paradex.on["/v1/positions"] = lambda: (200, {"results": []})
    paradex.on["/v1/fills"] = lambda: (200, next(pages))
    paradex.on["/v1/funding/payments"] = lambda: (200, {"results": []})
    money = {"account_value": "12.5", "free_collateral": "10", "initial_margin_requirement": "2.5"}
    paradex.on["/v1/account"] = lambda: (200, money)
    paradex.send(RequestAccount(0, paradex.now - 10 * SECOND))
    snapshot = paradex.only("AccountSnapshot")
    assert [each.client_id for each in snapshot.open_orders] == [1, 2, 3]
    assert snapshot.margin == Margin(12_500_000, 10_000_000, 2_500_000)
    assert len(snapshot.fills) == len({each.fill_id for each in snapshot.fills}) == 5
    assert [each.ts_venue for each in snapshot.fills] == sorted(each.ts_venue for each in snapshot.fills)
