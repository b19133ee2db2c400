"""The venue's list becomes instruments; its clock and our fees are read."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from market.instrument import ConstantStep
from market.units import MS
from tests.venues.bybit.bybit_wire import messages
from venues.bybit.instruments import (
    Fees,
    instrument_of,
    instruments_request,
    read_fees,
    read_instruments,
    tradable,
)
from venues.bybit.server_clock import read_time
from venues.clock_offset import VenueClock
from venues.wire import RemoteProtocolError

ROW: dict[str, Any] = {
    "symbol": "BTCUSDT", "contractType": "LinearPerpetual", "status": "Trading", "baseCoin": "BTC",
    "quoteCoin": "USDT", "settleCoin": "USDT", "launchTime": "1585526400000",
    "priceFilter": {"minPrice": "0.10", "maxPrice": "1999999.80", "tickSize": "0.10"},
    "lotSizeFilter": {
        "minOrderQty": "0.0015", "qtyStep": "0.001", "maxOrderQty": "1190.000", "minNotionalValue": "5", "new": [1],
    },
}  # fmt: skip


def page(*rows: dict[str, Any], cursor: str | None = "") -> bytes:
    result = {"category": "linear", "list": rows, "nextPageCursor": cursor}
    return json.dumps({"retCode": 0, "retMsg": "OK", "result": result, "time": 1}).encode()


def test_a_row_as_an_instrument() -> None:
    rows, cursor = read_instruments(page(ROW, ROW | {"symbol": "NEWUSDT", "status": "PreLaunch"}, cursor="a%3D1"))
    assert tradable(rows) == ["BTCUSDT"]
    assert instruments_request(cursor).target.endswith("?category=linear&limit=1000&cursor=a%3D1")
    btc = instrument_of(rows["BTCUSDT"], 3, 7, Fees(Decimal("-0.0001"), Decimal("0.0006")))
    assert (btc.id, btc.name, btc.base, btc.settle, btc.valid_from) == (3, "bybit:BTCUSDT", "BTC", "USDT", 7)
    assert (btc.tick, btc.lot, btc.min_size, btc.max_size) == (Decimal("0.10"), Decimal("0.001"), 2, 1_190_000)
    assert (btc.min_notional, btc.maker_fee, btc.taker_fee) == (Decimal(5), Decimal("-0.0001"), Decimal("0.0006"))
    assert (btc.multiplier, btc.inverse) == (Decimal(1), False)
    assert btc.price_rule == ConstantStep(1)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"priceFilter": {"tickSize": "x"}}, r"^tick size 'x' of bybit:BTCUSDT is not a usable number$"),
        ({"priceFilter": {"tickSize": "0"}}, r"^tick size 0 and lot size 0.001 of bybit:BTCUSDT must be above 0$"),
        ({"priceFilter": {}}, r"^bybit instruments: Object missing required field `tickSize`"),
    ],
)
def test_a_bad_row_is_named(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(RemoteProtocolError, match=complaint):
        instrument_of(read_instruments(page(ROW | change))[0]["BTCUSDT"], 0, 0)


def test_only_perpetuals() -> None:
    rows, _ = read_instruments(page(ROW | {"contractType": "LinearFutures"}, cursor=None))
    assert tradable(rows) == []
    with pytest.raises(ValueError, match=r"^bybit:BTCUSDT is a LinearFutures; only perpetuals"):
        instrument_of(rows["BTCUSDT"], 0, 0)


def test_a_failed_read_says_why() -> None:
    with pytest.raises(RemoteProtocolError, match=r"^bybit instruments: error 10016, Server error$"):
        read_instruments(b'{"retCode":10016,"retMsg":"Server error","result":{}}')


def test_recorded_lists(shared: Path) -> None:
    (body,) = messages(shared, "rest_instruments_info_linear.trimmed")
    rows, _ = read_instruments(body)
    assert len(rows) == 33  # one is listed twice
    perpetuals = tradable(rows)
    made = {symbol: instrument_of(rows[symbol], place, 0) for place, symbol in enumerate(perpetuals)}
    pepe = made["1000PEPEUSDT"]
    assert (pepe.tick, pepe.lot, pepe.min_size, pepe.max_size) == (Decimal("0.0000010"), Decimal(100), 1, 1_100_000)
    assert all(each.min_notional == 5 and each.settle in ("USDT", "USDC") for each in made.values())
    for body, symbol, tick in zip(
        messages(shared, "rest_instruments_linear.nautilus"), ("ETHUSDT", "TSLAUSDT"), ("0.05", "0.01"), strict=True
    ):
        assert instrument_of(read_instruments(body)[0][symbol], 0, 0).tick == Decimal(tick)


def test_recorded_fees(shared: Path) -> None:
    bodies = [*messages(shared, "rest_fee_rate.nautilus"), messages(shared, "docs_account_position")[1]]
    fees = [read_fees(body)["ETHUSDT"] for body in bodies]
    assert fees == [Fees(Decimal("0.0001"), Decimal("0.0006"))] * 2


def test_the_quickest_answer_tells_the_clock(shared: Path) -> None:
    clock = VenueClock(resolution=0)
    assert (clock.offset, clock.is_known) == (0, False)
    body = messages(shared, "docs_market")[-1]
    at = 1688639403423213947
    clock.measured(read_time(body), at - 500 * MS, at + 300 * MS)
    assert (clock.offset, clock.error) == (100 * MS, 400 * MS)
    clock.measured(read_time(body), at - 30 * MS, at - 10 * MS)
    clock.measured(read_time(body), at - 500 * MS, at + 300 * MS)
    assert (clock.offset, clock.error) == (20 * MS, 10 * MS)
    with pytest.raises(RemoteProtocolError, match=r"^bybit time '5' is not a time in nanoseconds$"):
        read_time(b'{"retCode":0,"result":{"timeNano":"5"}}')
