"""Private frames become facts, each once in substance, and nothing is called refused that was filled."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.messages import (
    Fill,
    FundingPayment,
    Margin,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderExpired,
    OrderFlag,
    OrderRejected,
    PlaceOrder,
    Reason,
)
from market.units import MS
from tests.venues.bybit.bybit_wire import BTC, ETH, messages
from venues.bybit.holdings import BalanceReport, PositionReport, wallet_balances
from venues.bybit.order_ids import OrderIds, link_of
from venues.bybit.private import PrivateData, PrivateMessage
from venues.bybit.structs import read_frame
from venues.wire import RemoteProtocolError, number_of

NOW = 1_760_000_000_200 * MS
AT = (1_760_000_000_100 * MS, NOW)
ID = 77
ORDER: dict[str, Any] = {
    "category": "linear", "symbol": "BTCUSDT", "orderId": "o-1", "orderLinkId": link_of(ID), "side": "Buy",
    "orderType": "Limit", "price": "65000.1", "qty": "0.010", "orderStatus": "New", "timeInForce": "PostOnly",
    "updatedTime": "1760000000100", "cumExecQty": "0", "cancelType": "UNKNOWN", "rejectReason": "EC_NoError",
    "avgPrice": "", "leavesQty": "0.010", "reduceOnly": False,
}  # fmt: skip
EXECUTION: dict[str, Any] = {
    "category": "linear", "symbol": "BTCUSDT", "execId": "e-1", "orderId": "o-1", "orderLinkId": link_of(ID),
    "side": "Buy", "execPrice": "65000.10", "execQty": "0.004", "execType": "Trade", "execTime": "1760000000100",
    "execFee": "-0.0260004", "isMaker": True, "feeCurrency": "USDT", "feeRate": "-0.0001", "execValue": "260.0004",
    "seq": 9, "extraFees": "",
}  # fmt: skip


def frame(topic: str, *rows: dict[str, Any]) -> bytes:
    return json.dumps({"id": "x", "topic": topic, "creationTime": 1_760_000_000_150, "data": rows}).encode()


def private() -> PrivateData:
    data = PrivateData([BTC, ETH], OrderIds())
    data.placed(PlaceOrder(ID, 0, 1, 650001, 10, int(OrderFlag.POST_ONLY)))
    return data


def events(data: PrivateData, *changes: dict[str, Any]) -> list[PrivateMessage]:
    return [m for each in changes for m in data.receive(read_frame(frame("order", ORDER | each)), NOW)]


# --- orders ----------------------------------------------------------------------------------------------------------


def test_an_order_is_accepted_once_and_amended_when_it_says_so() -> None:
    data = private()
    partly = {"orderStatus": "PartiallyFilled", "cumExecQty": "0.004"}
    assert events(data, {}, {}, partly) == [OrderAccepted(ID, 0, *AT)]
    assert events(data, {"price": "65000.2", "qty": "0.02"}) == [OrderAmended(ID, 0, *AT, 650002, 20)]
    assert (
        events(data, {"price": "65000.2", "qty": "0.02"}, {"orderStatus": "Filled", "price": "65000.2", "qty": "0.02"})
        == []
    )


def test_a_price_that_the_venue_moved_is_an_amend() -> None:
    moved = events(private(), {"price": "64990.0"})
    assert moved == [OrderAccepted(ID, 0, *AT), OrderAmended(ID, 0, *AT, 649900, 10)]


def test_an_order_met_for_the_first_time_tells_its_terms() -> None:
    met = events(PrivateData([BTC], OrderIds()), {})
    assert met == [OrderAccepted(ID, 0, *AT), OrderAmended(ID, 0, *AT, 650001, 10)]


def test_an_amend_that_fills_at_once_is_told() -> None:
    data = private()
    events(data, {})
    filled = {"orderStatus": "Filled", "price": "65010.0", "cumExecQty": "0.010"}
    assert events(data, filled) == [OrderAmended(ID, 0, *AT, 650100, 10)]


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        (
            {"orderStatus": "Cancelled", "rejectReason": "EC_PostOnlyWillTakeLiquidity"},
            OrderRejected(ID, 0, *AT, int(Reason.POST_ONLY_WOULD_TAKE)),
        ),
        (
            {"orderStatus": "Rejected", "rejectReason": "EC_PostOnlyWillTakeLiquidity"},
            OrderRejected(ID, 0, *AT, int(Reason.POST_ONLY_WOULD_TAKE)),
        ),
        ({"orderStatus": "Rejected", "rejectReason": "EC_New"}, OrderRejected(ID, 0, *AT, int(Reason.VENUE_OTHER))),
        (
            {"orderStatus": "Rejected", "rejectReason": "EC_New", "cumExecQty": "0.005"},
            OrderCancelled(ID, 0, *AT, int(Reason.VENUE_OTHER), 5),
        ),
        ({"orderStatus": "Cancelled", "cancelType": "CancelByUser"}, OrderCancelled(ID, 0, *AT, int(Reason.NONE))),
        (
            {"orderStatus": "Cancelled", "cancelType": "CancelByPrepareLiq"},
            OrderCancelled(ID, 0, *AT, int(Reason.VENUE_OTHER)),
        ),
        ({"orderStatus": "Deactivated"}, OrderCancelled(ID, 0, *AT, int(Reason.VENUE_OTHER))),
        (
            {"orderStatus": "Cancelled", "cancelType": "CancelByReduceOnly"},
            OrderExpired(ID, 0, *AT, int(Reason.REDUCE_ONLY)),
        ),
        (
            {"orderStatus": "Cancelled", "timeInForce": "IOC", "rejectReason": "EC_NoImmediateQtyToFill"},
            OrderExpired(ID, 0, *AT, int(Reason.NO_LIQUIDITY)),
        ),
        (
            {"orderStatus": "PartiallyFilledCanceled", "timeInForce": "IOC", "cumExecQty": "0.001"},
            OrderExpired(ID, 0, *AT, int(Reason.REMAINDER_EXPIRED), 1),
        ),
        (
            {"orderStatus": "Cancelled", "timeInForce": "FOK", "rejectReason": "EC_CancelForNoFullFill"},
            OrderExpired(ID, 0, *AT, int(Reason.FOK_NOT_FILLABLE)),
        ),
    ],
)
def test_how_orders_end(change: dict[str, Any], fact: PrivateMessage) -> None:
    assert events(private(), change) == [fact]


def test_what_says_nothing_of_an_order() -> None:
    data = private()
    quiet: list[dict[str, Any]] = [
        {"orderStatus": each} for each in ("Created", "Untriggered", "Triggered", "SomethingNew")
    ]
    quiet += [{"orderStatus": "Filled", "rejectReason": "EC_OrigClOrdIDDoesNotExist", "price": "1"}]
    quiet += [{"category": "spot"}, {"symbol": "XUSDT"}]
    assert events(data, *quiet) == []
    assert data.n_skipped == {"order status SomethingNew": 1, "symbol that is not ours": 2}


def test_a_market_order_is_shown_at_a_bound_that_is_not_its_price() -> None:
    data = PrivateData([BTC], OrderIds())
    data.placed(PlaceOrder(ID, 0, 1, 0, 10, int(OrderFlag.MARKET)))
    market = {"orderType": "Market", "price": "66000.123", "timeInForce": "IOC", "orderStatus": "PartiallyFilled"}
    assert events(data, market) == [OrderAccepted(ID, 0, *AT)]


def test_an_order_of_somebody_else_has_a_negative_id() -> None:
    (accepted, _) = events(private(), {"orderLinkId": "", "orderId": "o-9"})
    assert accepted == OrderAccepted(-1 - number_of("o-9"), 0, *AT)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"price": "65000.15"}, r"^price 65000.15 of bybit:BTCUSDT is not a multiple of 0.10$"),
        ({"updatedTime": ""}, r"^updatedTime '' of bybit:BTCUSDT is not a time in milliseconds$"),
        ({"qty": None}, r"^order: Expected `str`, got `null`"),
    ],
)
def test_a_bad_order_is_named(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(RemoteProtocolError, match=complaint):
        events(private(), change)


# --- executions ------------------------------------------------------------------------------------------------------


def executions(*changes: dict[str, Any]) -> tuple[list[PrivateMessage], PrivateData]:
    data = private()
    return list(data.receive(read_frame(frame("execution.linear", *(EXECUTION | c for c in changes))), NOW)), data


def test_a_fill() -> None:
    got, _ = executions(
        {}, {"orderLinkId": "", "execType": "AdlTrade", "execFee": "0", "isMaker": False, "side": "Sell"}
    )
    number = number_of("e-1")
    assert got == [
        Fill(ID, 0, *AT, number, 1, 650001, 4, is_maker=True, fee_e12=-26_000_400_000),
        Fill(-1 - number_of("o-1"), 0, *AT, number, -1, 650001, 4, is_maker=False, fee_e12=0),
    ]


def test_funding_is_a_payment_and_not_a_fill() -> None:
    got, data = executions({"execType": "Funding", "execFee": "1.25"}, {"execType": "Delivery"})
    assert got == [FundingPayment(0, *AT, number_of("e-1"), -1_250_000_000_000)]
    assert data.n_skipped == {"execution of type Delivery": 1}


def test_a_fee_in_another_asset_and_a_tax() -> None:
    got, data = executions(
        {"feeCurrency": "MNT", "execFee": "0.01"},
        {"feeCurrency": "", "extraFees": [{"feeCoin": "USDT", "fee": "0.5"}, {"feeCoin": "BTC", "fee": "9"}]},
    )
    fees = [each.fee_e12 for each in got if isinstance(each, Fill)]
    assert fees == [-26_000_040_000, 473_999_600_000]
    assert data.n_skipped == {"fee in MNT": 1}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"side": ""}, r"^execution e-1 of bybit:BTCUSDT: '' 0.004 is no deal$"),
        ({"execQty": "0"}, r"^execution e-1 of bybit:BTCUSDT: 'Buy' 0 is no deal$"),
        ({"execFee": "x"}, r"^fee 'x' of bybit:BTCUSDT is not a usable amount$"),
        ({"feeCurrency": "MNT", "feeRate": ""}, r"^the fee of execution e-1 of bybit:BTCUSDT: rate ''"),
    ],
)
def test_a_bad_execution_is_named(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(RemoteProtocolError, match=complaint):
        executions(change)


# --- recorded --------------------------------------------------------------------------------------------------------


def read(shared: Path, name: str, data: PrivateData) -> list[PrivateMessage]:
    frames = (read_frame(each) for each in messages(shared, name))
    return [m for each in frames if each.topic for m in data.receive(each, NOW)]


def test_recorded_executions(shared: Path) -> None:
    data = PrivateData([BTC], OrderIds())
    first, second = "0ab1bdf7-4219-438b-b30a-32ec863018f7", "0ab1bdf7-4219-438b-b30a-32ec863018f8"
    order, liquidation = "9aac161b-8ed6-450d-9cab-c5cc67c21784", "9aac161b-8ed6-450d-9cab-c5cc67c21785"
    at, later = 1746270400353 * MS, 1746270400398 * MS
    fee = 26_372_527_500_000
    assert read(shared, "ws_account_execution.nautilus", data) == [
        Fill(-1 - number_of(order), 0, at, NOW, number_of(first), -1, 959001, 500, is_maker=False, fee_e12=fee),
        Fill(-1 - number_of(liquidation), 0, later, NOW, number_of(second), -1, 958500, 500, is_maker=False, fee_e12=0),
    ]
    assert data.n_skipped == {"unknown topic": 2}  # execution.fast


def test_examples_of_the_documentation(shared: Path) -> None:
    data = PrivateData([BTC], OrderIds())
    fill, position, balance = read(shared, "docs_ws_private", data)
    assert isinstance(fill, Fill)
    assert fill.fee_e12 == 26_372_527_500_000 + 6_403_779_000  # with a local tax
    assert position == PositionReport(0, 1697682317038 * MS, NOW, 0, 8327597863, 2)
    amount = Decimal("0.00102964")
    assert balance == BalanceReport("BTC", 1700034722104 * MS, NOW, amount, amount)


def test_recorded_orders(shared: Path) -> None:
    data = PrivateData([BTC, ETH], OrderIds())
    got = read(shared, "ws_account_order.nautilus", data)
    by_user = OrderCancelled(-1 - number_of("abcdef123456"), 0, 1700000005000 * MS, NOW, int(Reason.NONE))
    assert by_user in got
    assert all(not isinstance(each, OrderRejected) for each in got)
    assert all(each.client_id < 0 for each in got if isinstance(each, OrderAccepted | OrderCancelled))
    facts = [data.order_rows(each, NOW) for each in messages(shared, "rest_orders.nautilus")]
    at = 1761355905606 * MS
    first, second = (-1 - number_of(f"open-order-{each}") for each in (1, 2))
    rejected = -1 - number_of("5cf98598-39a7-459e-97bf-76ca765ee021")
    assert facts == [
        [OrderCancelled(rejected, 0, 1672364262457 * MS, NOW, int(Reason.VENUE_OTHER), 5)],  # it had fills
        [by_user],
        [
            OrderAccepted(first, 1, at, NOW), OrderAmended(first, 1, at, NOW, 393041, 1),
            OrderCancelled(-1 - number_of("closed-order-1"), 0, facts[2][2].ts_venue, NOW, int(Reason.NONE)),
        ],
        [
            OrderAccepted(second, 1, at + 3 * MS, NOW), OrderAmended(second, 1, at + 3 * MS, NOW, 394042, 1),
        ],
        [],
    ]  # fmt: skip


def test_recorded_positions_and_balances(shared: Path) -> None:
    data = PrivateData([BTC, ETH], OrderIds())
    reports = read(shared, "ws_account_position.nautilus", data)
    at = 1762199125472 * MS
    assert reports == [PositionReport(1, at, NOW, -1, 325852190774, 0)] * 2
    wallets = read(shared, "ws_account_wallet.nautilus", data)
    usdt = [each for each in wallets if isinstance(each, BalanceReport) and each.asset == "USDT"]
    assert [each.equity for each in usdt] == [Decimal(each) for each in ("10226.20575506", "100.0", "51333.82543837")]

    for body, equity in zip(
        (messages(shared, "docs_account_position")[2], messages(shared, "rest_wallet_balance.nautilus")[0]),
        ({"BTC": "0"}, {"BTC": "0", "USDT": "1000.50", "ETH": "0"}),
        strict=True,
    ):
        told, margin = wallet_balances(body, NOW)
        assert {each.asset: str(each.equity) for each in told} == equity
        assert margin == Margin(3_312_166, 3_003_261, 0)


# --- fuzz ------------------------------------------------------------------------------------------------------------

FRAMES = [frame("order", ORDER), frame("execution", EXECUTION)]


@given(st.sampled_from(FRAMES), st.data())
def test_a_mutated_frame_is_one_clear_error_or_is_read(whole: bytes, draw: st.DataObject) -> None:
    bad = bytearray(whole)
    at = draw.draw(st.integers(0, len(bad) - 1))
    match draw.draw(st.sampled_from(["cut", "merge", "flip"])):
        case "cut":
            del bad[at:]
        case "merge":
            bad += whole
        case _:
            bad[at] = draw.draw(st.integers(0, 255))
    data = private()
    try:
        got = data.receive(read_frame(bytes(bad)), NOW)
    except RemoteProtocolError:
        return
    for message in got:
        if isinstance(message, Fill):
            assert message.size > 0
            assert message.price > 0


def test_instruments_of_another_tick() -> None:
    coarse = PrivateData([attrs.evolve(BTC, tick=Decimal("1"))], OrderIds())
    with pytest.raises(RemoteProtocolError, match=r"is not a multiple of 1$"):
        coarse.receive(read_frame(frame("order", ORDER)), NOW)
