"""What is asked about an account of WOO X, and what is seen to before a run and after it."""

from typing import Any

import pytest

from market.messages import (
    AccountSnapshot,
    CancelAll,
    HaltRequested,
    Margin,
    OrderState,
    OrderStatus,
    QueryOrder,
    RequestAccount,
    TradingState,
)
from market.units import MS, SECOND
from tests.venues.scripted_venue import AHEAD, CONNECTION, KEY, NOW, hold
from tests.venues.woox.scripted_woox import EMPTY, ORDER, ORDER_PATH, SYSTEM, Woox, refusal, reply, row
from tests.venues.woox.woox_wire import BTC, LTC
from venues.venue import SendRequest, VenueSetup
from venues.wire import RemoteProtocolError
from venues.woox.preparation import instruments_of, preparation
from venues.woox.sweep import sweep

COUNTDOWN = "/v3/trade/cancelAllAfter"
INSTRUMENTS = "/v3/public/instruments"


# --- questions -------------------------------------------------------------------------------------------------------


def test_that_there_is_no_such_order_is_told_when_none_can_arrive() -> None:
    woox = Woox().come_up()
    woox.pass_by(20)
    woox.command(ORDER)
    woox.command(QueryOrder(77, BTC.id))
    woox.answer(woox.asked(ORDER_PATH, "GET")[0], refusal(-1006), 400)
    assert not woox.told(OrderStatus)
    woox.pass_by(14.9)
    assert len(woox.asked(ORDER_PATH, "GET")) == 1
    woox.pass_by(0.2)
    woox.answer(woox.asked(ORDER_PATH, "GET")[1], refusal(-1006), 400)
    (status,) = woox.told(OrderStatus)
    assert (status.client_id, status.state) == (77, OrderState.UNKNOWN)


@pytest.mark.parametrize("body", [refusal(-1000), None, b'{"code":503,"message":"[GW] no upstream server"}'])
def test_a_question_without_an_answer_tells_nothing(body: bytes | None) -> None:
    woox = Woox().come_up()
    woox.pass_by(60)
    woox.command(QueryOrder(77, BTC.id))
    assert woox.answer(woox.asked(ORDER_PATH, "GET")[0], body, 500) == []


@pytest.mark.parametrize(
    ("balances", "money", "told", "margin"),
    [
        (
            reply({"holding": [{"token": "USDT", "holding": "10.25"}, {"token": "WOO", "holding": 0}]}),
            reply({"totalCollateral": "10.5", "freeCollateral": 4.25, "totalAccountValue": "12"}),
            (("USDT", 1_025_000_000),),
            Margin(12_000_000, 4_250_000, 6_250_000),
        ),
        (refusal(-1000), refusal(-1003), (), None),
        (refusal(-1000), reply({"totalCollateral": "10.5"}), (), None),
        (refusal(-1000), reply({"freeCollateral": "4.25"}), (), Margin(None, 4_250_000, None)),
    ],
)
def test_an_account_is_read_orders_and_positions_first(
    balances: bytes, money: bytes, told: tuple[tuple[str, int], ...], margin: Margin | None
) -> None:
    woox = Woox().come_up()
    woox.command(RequestAccount(2, NOW - SECOND))
    first = [each for each in woox.of(SendRequest) if each.request.path in EMPTY]
    assert [each.request.path for each in first] == ["/v3/trade/orders", "/v3/futures/positions"]
    woox.answer(first[0], reply(EMPTY["/v3/trade/orders"]))
    assert not woox.asked("/v3/trade/transactionHistory")
    woox.answer(first[1], reply({"positions": [{"symbol": "PERP_BTC_USDT", "holding": "-0.5"}]}))
    woox.answer(woox.asked("/v3/trade/transactionHistory")[0], reply({"rows": []}))
    payment = {"id": 7, "symbol": "PERP_BTC_USDT", "fundingFee": "9.56", "paymentType": "Pay", "createdTime": NOW // MS}
    woox.answer(woox.asked("/v3/futures/fundingFee/history")[0], reply({"rows": [payment]}))
    assert not woox.told(AccountSnapshot)
    woox.answer(woox.asked("/v3/asset/balances")[0], balances)
    woox.answer(woox.asked("/v3/account/info")[0], money)
    (snapshot,) = woox.told(AccountSnapshot)
    assert (snapshot.balances, snapshot.margin) == (told, margin)
    assert dict(snapshot.positions) == {BTC.id: -50_000, LTC.id: 0}
    assert [(each.payment_id, each.amount_e12) for each in snapshot.payments] == [(7, -9_560_000_000_000)]
    assert snapshot.ts_venue <= NOW + AHEAD


def test_a_fill_of_an_order_that_was_not_heard_of_has_it_asked_for() -> None:
    woox = Woox().come_up()
    woox.command(RequestAccount(2, NOW - SECOND))
    woox.answer(woox.asked("/v3/trade/orders", "GET")[0], reply(EMPTY["/v3/trade/orders"]))
    woox.answer(woox.asked("/v3/futures/positions")[0], reply(EMPTY["/v3/futures/positions"]))
    seconds = f"{NOW // MS // 1000}.123"
    fill = {"id": 5, "symbol": "PERP_BTC_USDT", "orderId": 9001, "executedPrice": "65000", "executedQuantity": "0.001"}
    fill |= {"executedTimestamp": seconds, "side": "SELL", "isMaker": 1, "fee": "0.02", "feeAsset": "USDT"}
    woox.answer(woox.asked("/v3/trade/transactionHistory")[0], reply({"rows": [fill]}))
    woox.answer(woox.asked("/v3/futures/fundingFee/history")[0], reply({"rows": []}))
    woox.answer(woox.asked("/v3/asset/balances")[0], reply({"holding": []}))
    woox.answer(woox.asked("/v3/account/info")[0], reply({}))
    assert not woox.told(AccountSnapshot)
    (asked,) = woox.asked(ORDER_PATH, "GET")
    assert asked.request.query == "orderId=9001"
    found = {
        "orderId": 9001,
        "clientOrderId": 4711,
        "symbol": "PERP_BTC_USDT",
        "side": "SELL",
        "status": "FILLED",
        "type": "LIMIT",
    }
    woox.answer(asked, reply(found))
    ((told,),) = [each.fills for each in woox.told(AccountSnapshot)]
    assert (told.client_id, told.ts_venue, told.is_maker, told.side) == (4711, NOW + 123 * MS, True, -1)


def test_an_account_is_asked_for_until_it_is_whole() -> None:
    woox = Woox().come_up()
    woox.command(RequestAccount(2, NOW - SECOND))
    with pytest.raises(RemoteProtocolError, match="-1000"):
        woox.answer(woox.asked("/v3/trade/orders", "GET")[0], refusal(-1000), 500)
    assert not woox.told(AccountSnapshot)
    for pause in (0.5, 1.0):
        n_asked = len(woox.asked("/v3/trade/orders", "GET"))
        woox.pass_by(pause - 0.01)
        assert len(woox.asked("/v3/trade/orders", "GET")) == n_asked
        woox.pass_by(0.02)
        assert len(woox.asked("/v3/trade/orders", "GET")) == n_asked + 1
        woox.answer(woox.asked("/v3/trade/orders", "GET")[-1], None)
    woox.pass_by(2.1)
    for path, data in EMPTY.items():
        woox.answer(woox.asked(path, "GET")[-1], reply(data))
    assert woox.told(AccountSnapshot)


def test_a_key_that_has_died_is_noticed_by_what_is_read() -> None:
    woox = Woox().come_up()
    woox.command(RequestAccount(2, NOW - SECOND))
    for _ in range(2):
        with pytest.raises(RemoteProtocolError):
            woox.answer(woox.asked("/v3/trade/orders", "GET")[-1], refusal(-1002, "revoked"), 401)
        assert not woox.told(HaltRequested)
        woox.pass_by(2.1)
    woox.answer(woox.asked("/v3/trade/orders", "GET")[-1], refusal(-1002, "revoked"), 401)
    (halt,) = woox.told(HaltRequested)
    assert (halt.state, halt.text) == (TradingState.HALTED, "woox: -1002 revoked")


def test_no_secret_is_in_what_the_venue_wants() -> None:
    woox = Woox().come_up()
    woox.command(CancelAll(BTC.id))
    woox.command(ORDER)
    shown = repr(woox.outputs) + repr(woox.venue)
    assert KEY.key not in shown
    assert KEY.secret not in shown
    assert "k%2F1" not in shown  # the listen key opens the account's stream


# --- before the run --------------------------------------------------------------------------------------------------

ANSWERS: dict[str, bytes] = {
    SYSTEM: reply({"status": 0, "msg": "fine"}),
    "/v3/account/info": reply({"accountMode": "FUTURES", "positionMode": "ONE_WAY"}),
    "/v3/account/credentials": reply({"rows": [{"apiKey": KEY.key, "permissions": ["READ", "TRADE"]}]}),
    "/v3/trade/tradingFee": reply({"symbol": "PERP_BTC_USDT", "takerFee": "3", "makerFee": "0"}),
    "/v3/trade/allOrders": reply({"status": "CANCEL_ALL_SENT"}),
    "/v3/trade/orders": reply(EMPTY["/v3/trade/orders"]),
}


def prepared(answers: dict[str, bytes]) -> Any:
    return hold(preparation(VenueSetup(0, (BTC,), CONNECTION, KEY), NOW), ANSWERS | answers)


def test_a_fit_account_tells_its_fees() -> None:
    (found,) = prepared({})
    assert (float(found.maker_fee), float(found.taker_fee)) == (0.0, 0.0003)


@pytest.mark.parametrize(
    ("path", "body", "complaint"),
    [
        (SYSTEM, reply({"status": 2, "msg": "we upgrade"}), "under maintenance: we upgrade"),
        ("/v3/account/info", reply({"accountMode": "MARGIN", "positionMode": "ONE_WAY"}), "switch it to futures"),
        ("/v3/account/info", reply({"accountMode": "FUTURES", "positionMode": "HEDGE_MODE"}), "switch it to one-way"),
        ("/v3/account/info", refusal(-1002, "bad key"), "-1002 bad key; look at the key"),
        (
            "/v3/account/credentials",
            reply({"rows": [{"apiKey": KEY.key, "permissions": ["READ", "TRADE", "WITHDRAWAL"]}]}),
            "the key may withdraw",
        ),
        ("/v3/account/credentials", reply({"rows": [{"apiKey": KEY.key, "permissions": ["READ"]}]}), "may not trade"),
    ],
)
def test_an_account_that_is_not_fit_is_refused_with_the_remedy(path: str, body: bytes, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as refused:
        prepared({path: body})
    assert KEY.key not in str(refused.value)


def test_a_key_of_whose_rights_nothing_is_told_is_taken() -> None:
    for body in (refusal(-1002), reply({"rows": [{"apiKey": "another", "permissions": ["WITHDRAWAL"]}]})):
        assert prepared({"/v3/account/credentials": body})


def test_a_symbol_that_does_not_trade_is_named() -> None:
    listed = reply({"rows": [row(), row(symbol="PERP_OLD_USDT", status="SUSPENDED")]})
    with pytest.raises(ValueError, match=r"woox:BTCUSDT is not listed.*did you mean PERP_BTC_USDT"):
        hold(instruments_of("woox", ["BTCUSDT"], 0, NOW), {INSTRUMENTS: listed})
    with pytest.raises(ValueError, match="woox:PERP_OLD_USDT is SUSPENDED"):
        hold(instruments_of("woox", ["PERP_OLD_USDT"], 0, NOW), {INSTRUMENTS: listed})
    (found,) = hold(instruments_of("woox-rpi", ["PERP_BTC_USDT"], 4, NOW), {INSTRUMENTS: listed})
    assert (found.id, found.name) == (4, "woox-rpi:PERP_BTC_USDT")


def test_a_shifted_grid_is_not_spoken() -> None:
    listed = reply({"rows": [row(quoteMin="0.05")]})
    with pytest.raises(ValueError, match=r"prices of woox:PERP_BTC_USDT are 0\.05 and multiples of 0.1 above"):
        hold(instruments_of("woox", ["PERP_BTC_USDT"], 0, NOW), {INSTRUMENTS: listed})


SWEPT = VenueSetup(0, (), CONNECTION, KEY)


def test_a_sweep_cancels_all_and_counts_what_is_left() -> None:
    order = {"orderId": 1, "symbol": "PERP_BTC_USDT", "side": "BUY", "status": "NEW", "type": "LIMIT"}
    left = reply({"rows": [order, order | {"symbol": "SPOT_BTC_USDT"}], "meta": {"total": 2}})
    swept = hold(sweep(SWEPT, True), ANSWERS | {"/v3/trade/orders": left})
    assert (swept.n_open, swept.refused) == (1, ())
    swept = hold(sweep(SWEPT, True), ANSWERS | {"/v3/trade/allOrders": refusal(-1003, "slow down")})
    assert (swept.n_open, swept.refused) == (0, ("cancel of all: -1003 slow down",))
    with pytest.raises(RemoteProtocolError):
        hold(sweep(SWEPT, False), ANSWERS | {"/v3/trade/orders": refusal(-1002)})
