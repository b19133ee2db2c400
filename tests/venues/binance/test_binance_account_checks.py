import json
from decimal import Decimal
from pathlib import Path

import pytest

from market.messages import Margin
from venues.binance.account_checks import Balance, balances, conditional_orders, margin, unfit
from venues.wire import RemoteProtocolError


@pytest.mark.parametrize(
    ("is_hedged", "can_trade", "reasons"),
    [(False, True, []), (True, True, ["hedge mode"]), (True, False, ["hedge mode", "cannot trade"])],
)
def test_an_account_that_is_not_for_us(is_hedged: bool, can_trade: bool, reasons: list[str]) -> None:
    body = json.dumps({"dualSidePosition": is_hedged, "canTrade": can_trade, "multiAssetsMargin": False}).encode()
    found = unfit(body)
    assert len(found) == len(reasons)
    assert all(reason in text for reason, text in zip(reasons, found, strict=True))


def test_money_that_is_none_is_named() -> None:
    body = b'[{"asset":"USDT","balance":"NaN","availableBalance":"1"}]'
    with pytest.raises(RemoteProtocolError, match=r"^balance 'NaN' of USDT is not a number$"):
        balances(body)


def at_hand(shared: Path, name: str) -> bytes:
    line = (shared / "data/wire/binance_usdm" / f"{name}.nautilus.jsonl").read_text()
    return json.dumps(json.loads(line)["msg"]).encode()


def test_answers_at_hand(shared: Path) -> None:
    assert balances(at_hand(shared, "rest_balance")) == {
        "USDT": Balance(Decimal("122.12345678"), Decimal("122.12345678"))
    }
    assert margin(at_hand(shared, "rest_account_info_v2")) == Margin(23_724_692, 23_724_692, 0)
    (order,) = conditional_orders(at_hand(shared, "rest_open_algo_orders"))
    assert (order.algo_id, order.symbol, order.side, order.status) == (123456789, "BTCUSDT", "BUY", "NEW")
