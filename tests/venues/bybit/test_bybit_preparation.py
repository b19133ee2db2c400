"""What is asked of Bybit before a run, and what keeps a run from beginning."""

from typing import Any

import pytest

from market.messages import (
    CancelAll,
)
from tests.venues.bybit.bybit_wire import BTC
from tests.venues.bybit.scripted_bybit import EMPTY, Bybit, reply
from tests.venues.scripted_venue import AHEAD, CONNECTION, KEY, NOW, hold
from venues.bybit.preparation import instruments_of, preparation
from venues.connection import Credentials
from venues.venue import VenueSetup

GOOD_KEY = {"readOnly": 0, "permissions": {"ContractTrade": ["Order", "Position"], "Wallet": []}}
ANSWERS: dict[str, bytes] = {
    "/v5/market/time": reply({"timeSecond": "1", "timeNano": str(NOW + AHEAD)}),
    "/v5/user/query-api": reply(GOOD_KEY),
    "/v5/account/set-limit-px-action": reply({}),
    "/v5/position/switch-mode": reply({}, 110025, "Position mode is not modified"),
    "/v5/account/fee-rate": reply(
        {"list": [{"symbol": "BTCUSDT", "takerFeeRate": "0.00055", "makerFeeRate": "-0.0001"}]}
    ),
}


def prepared(answers: dict[str, bytes]) -> Any:
    return hold(preparation(VenueSetup(0, (BTC,), CONNECTION, KEY), NOW), ANSWERS | answers)


def test_a_fit_account_is_prepared_and_tells_its_fees() -> None:
    (found,) = prepared({})
    assert (str(found.maker_fee), str(found.taker_fee)) == ("-0.0001", "0.00055")


@pytest.mark.parametrize(
    ("path", "body", "complaint"),
    [
        (
            "/v5/user/query-api",
            reply({"readOnly": 0, "permissions": {"ContractTrade": ["Order", "Position"], "Wallet": ["Withdraw"]}}),
            "may withdraw",
        ),
        ("/v5/user/query-api", reply(GOOD_KEY | {"readOnly": 1}), "may not trade"),
        ("/v5/user/query-api", reply(GOOD_KEY | {"permissions": {"Spot": ["SpotTrade"]}}), "may not trade"),
        ("/v5/position/switch-mode", reply({}, 110024, "has a position"), "one-way mode: 110024 has a position"),
    ],
)
def test_an_account_that_is_not_fit_is_refused_with_the_remedy(path: str, body: bytes, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        prepared({path: body})


def test_a_symbol_that_does_not_trade_is_named() -> None:
    with pytest.raises(ValueError, match="bybit:NOPE is not listed"):
        hold(instruments_of(["NOPE"], 0, NOW), {"/v5/market/instruments-info": reply(EMPTY)})


def test_no_secret_is_in_what_the_venue_wants() -> None:
    bybit = Bybit().come_up()
    bybit.command(CancelAll(BTC.id))
    shown = repr(bybit.outputs) + repr(bybit.venue) + repr(Credentials("keyOfATest", "secretOfATest"))
    assert KEY.key not in shown
    assert KEY.secret not in shown
