"""What is asked before a run, and what makes an account or a key unfit for it."""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import attrs
import pytest

from market.units import MS
from tests.venues.binance.scripted_binance import BTC, ETH, KEY, SECRET, T, rules, setup
from venues.binance.start import instruments, preparation
from venues.connection import VenueConnection
from venues.venue import Conversation, HttpAnswer, VenueSetup
from venues.wire import HttpRequest, RemoteProtocolError

FIT = {"dualSidePosition": False, "canTrade": True, "multiAssetsMargin": True}
TIME = {"serverTime": T // MS + 500}
FEES = {"makerCommissionRate": "-0.0001", "takerCommissionRate": "0.0004"}


def talk(conversation: Conversation[Any], *bodies: Any) -> tuple[list[HttpRequest], Any]:
    """Answer in turn, a tuple being (status, body); return what was asked, and what came of it."""
    asked = [next(conversation)]
    for body in bodies:
        status, found = body if isinstance(body, tuple) else (200, body)
        raw = found if isinstance(found, bytes) else json.dumps(found).encode()
        try:
            asked.append(conversation.send(HttpAnswer(status, {}, raw, T, T)))
        except StopIteration as end:
            return asked, end.value
    raise AssertionError(f"{asked[-1]!r} is not answered")


def on(network: str, *listed: Any) -> VenueSetup:
    return attrs.evolve(setup(*listed), connection=VenueConnection(network))  # type: ignore[arg-type]


def test_instruments_are_read_and_counted_from_the_first_id() -> None:
    _, found = talk(instruments(["ETHUSDT", "BTCUSDT"], 5, T), rules())
    assert [(each.id, each.symbol, each.tick) for each in found] == [
        (5, "ETHUSDT", Decimal("0.1")),
        (6, "BTCUSDT", Decimal("0.1")),
    ]


@pytest.mark.parametrize(
    ("symbols", "info", "text"),
    [
        (["BTCUSD"], rules(), r"^binance-futures has no symbol 'BTCUSD'; did you mean BTCUSDT"),
        (["BTCUSDT"], rules(status="CLOSE"), r"^BTCUSDT of binance-futures is PERPETUAL, CLOSE: it must be"),
    ],
)
def test_what_does_not_trade_is_named(symbols: Sequence[str], info: bytes, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        talk(instruments(symbols, 0, T), info)


def test_a_fit_account_is_told_its_fees() -> None:
    asked, found = talk(
        preparation(on("demo", BTC, ETH), T), TIME, FIT, {"symbol": "BTCUSDT", **FEES}, {"symbol": "ETHUSDT", **FEES}
    )
    assert [request.path for request in asked] == [
        "/fapi/v1/time",
        "/fapi/v1/accountConfig",
        "/fapi/v1/commissionRate",
        "/fapi/v1/commissionRate",
    ]
    assert f"timestamp={T // MS + 500}" in asked[1].query
    assert [(each.symbol, each.maker_fee, each.taker_fee) for each in found] == [
        ("BTCUSDT", Decimal("-0.0001"), Decimal("0.0004")),
        ("ETHUSDT", Decimal("-0.0001"), Decimal("0.0004")),
    ]


def test_on_the_real_network_the_key_is_looked_at_where_that_is_told() -> None:
    may = {"enableWithdrawals": False, "enableFutures": True}
    asked, found = talk(preparation(on("mainnet"), T), TIME, FIT, may, {"symbol": "BTCUSDT", **FEES})
    assert (asked[2].address, asked[2].path) == ("https://api.binance.com", "/sapi/v1/account/apiRestrictions")
    assert len(found) == 1


@pytest.mark.parametrize(
    ("config", "may", "text"),
    [
        (FIT, {"enableWithdrawals": True}, r"^binance-futures: the key may withdraw; make one that may not"),
        (FIT, {"enableWithdrawals": False, "enableFutures": False}, r"^binance-futures: the key may not trade futures"),
        (
            {**FIT, "dualSidePosition": True},
            {"enableWithdrawals": False},
            r"^binance-futures: the account is in hedge mode; set it to one-way",
        ),
        ({**FIT, "canTrade": False}, {"enableWithdrawals": False}, r"^binance-futures: the account cannot trade"),
    ],
)
def test_an_unfit_account_or_key_is_refused(config: Any, may: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        talk(preparation(on("mainnet"), T), TIME, config, may)


def test_a_network_that_does_not_tell_of_keys_is_taken_as_it_is() -> None:
    _, found = talk(preparation(setup(BTC), T), TIME, FIT, (404, b"<html>"), {"symbol": "BTCUSDT", **FEES})
    assert len(found) == 1


def test_a_wrong_key_is_a_persons_matter_and_an_outage_is_not() -> None:
    with pytest.raises(ValueError, match=r"-2015 Invalid API-key.*; look at the key") as caught:
        talk(preparation(on("demo"), T), TIME, (401, {"code": -2015, "msg": "Invalid API-key, IP, or permissions"}))
    assert KEY not in str(caught.value)
    assert SECRET not in str(caught.value)
    with pytest.raises(RemoteProtocolError, match=r"refused GET /fapi/v1/accountConfig: .*\(HTTP 503\)$"):
        talk(preparation(on("demo"), T), TIME, (503, b"Service Unavailable"))
