"""Instruments, limits and refusals."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from market.messages import Reason
from market.units import MINUTE, SECOND
from venues.binance.errors import NO_ANSWER, Fate, Remedy, refusal_of
from venues.binance.instruments import VenueRules, changed, with_fees
from venues.binance.limits import RateLimits
from venues.binance.structs import RateLimit
from venues.wire import RemoteProtocolError

INFO = {
    "serverTime": 1,
    "rateLimits": [{"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 300}],
    "symbols": [
        {
            "symbol": "BTCUSDT",
            "contractType": "PERPETUAL",
            "status": "TRADING",
            "baseAsset": "BTC",
            "quoteAsset": "USDT",
            "marginAsset": "USDT",
            "pricePrecision": 2,
            "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": "556.80", "maxPrice": "4529764", "tickSize": "0.10"},
                {"filterType": "LOT_SIZE", "minQty": "0.002", "maxQty": "1000", "stepSize": "0.001"},
                {"filterType": "MARKET_LOT_SIZE", "minQty": "0.001", "maxQty": "120", "stepSize": "0.001"},
                {"filterType": "MIN_NOTIONAL", "notional": "50"},
                {"filterType": "SOMETHING_NEW", "x": {"y": 1}},
            ],
        }
    ],
}


def rules(old: str = "", new: str = "") -> VenueRules:
    return VenueRules.of(json.dumps(INFO).replace(old, new).encode())


def test_an_instrument_has_the_filters_grid_and_not_the_precision() -> None:
    found = rules().instrument("BTCUSDT", 3, 7)
    assert (found.id, found.name, found.valid_from) == (3, "binance-futures:BTCUSDT", 7)
    assert (found.tick, found.lot) == (Decimal("0.1"), Decimal("0.001"))
    assert (found.min_size, found.max_size, found.min_notional) == (2, 1_000_000, Decimal(50))
    assert (found.base, found.quote, found.settle) == ("BTC", "USDT", "USDT")
    assert (found.multiplier, found.inverse) == (Decimal(1), False)


def test_fees_are_those_of_the_account() -> None:
    found = rules().instrument("BTCUSDT", 0, 0)
    body = b'{"symbol":"BTCUSDT","makerCommissionRate":"-0.0001","takerCommissionRate":"0.0004"}'
    assert (with_fees(found, body).maker_fee, with_fees(found, body).taker_fee) == (
        Decimal("-0.0001"),
        Decimal("0.0004"),
    )
    with pytest.raises(RemoteProtocolError, match="is that of 'ETHUSDT'"):
        with_fees(found, body.replace(b"BTC", b"ETH"))
    with pytest.raises(RemoteProtocolError, match="not between -1 and 1"):
        with_fees(found, body.replace(b"0.0004", b"4"))


def test_changes_of_the_rules_are_told() -> None:
    known = [rules().instrument("BTCUSDT", 0, 0)]
    assert changed(known, rules()) == []
    assert changed(known, rules('"0.10"', '"0.05"')) == ["tick of binance-futures:BTCUSDT is 0.05, was 0.1"]
    assert changed(known, rules("TRADING", "SETTLING")) == ["binance-futures:BTCUSDT does not trade"]


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("PRICE_FILTER", "OTHER", "binance-futures:BTCUSDT has no PRICE_FILTER; it has"),
        ('"0.10"', '"0"', "tickSize 0 of binance-futures:BTCUSDT must be above 0"),
        ('"0.10"', '"x"', "tickSize 'x' of binance-futures:BTCUSDT is not a usable number"),
        ("556.80", "556.85", "minPrice 556.85 of binance-futures:BTCUSDT is not a multiple of tickSize 0.10"),
        ('"0.002"', '"0.0021"', "minQty 0.0021 of binance-futures:BTCUSDT is not a multiple of stepSize 0.001"),
    ],
)
def test_rules_that_make_no_instrument_are_named(old: str, new: str, text: str) -> None:
    with pytest.raises(RemoteProtocolError, match=text):
        rules(old, new).instrument("BTCUSDT", 0, 0)


def test_recorded_exchange_info(shared: Path) -> None:
    line = (shared / "data/wire/binance_usdm/rest_exchangeInfo.2021.jsonl").read_text()
    found = VenueRules.of(json.dumps(json.loads(line)["msg"]).encode())
    assert (len(found.symbols), len(found.perpetuals)) == (122, 119)
    assert not found.is_trading("BTCUSDT_210924")
    assert [(each.kind, each.n, each.limit) for each in found.rate_limits] == [
        ("REQUEST_WEIGHT", 1, 2400),
        ("ORDERS", 1, 1200),
        ("ORDERS", 10, 300),
    ]
    instruments = [found.instrument(symbol, place, 0) for place, symbol in enumerate(found.perpetuals)]
    btc = instruments[0]
    assert (btc.symbol, btc.tick, btc.lot, btc.min_size) == ("BTCUSDT", Decimal("0.01"), Decimal("0.001"), 1)
    assert (btc.max_size, btc.min_notional) == (1_000_000, Decimal(5))
    assert {each.settle for each in instruments} == {"USDT", "BUSD"}


# --- limits ------------------------------------------------------------------------------------------------------

MINUTE_2 = 2 * MINUTE


def test_a_full_window_ends_at_a_whole_interval() -> None:
    limits = RateLimits([RateLimit("REQUEST_WEIGHT", "MINUTE", 1, 100)])
    now = MINUTE_2 + 20 * SECOND
    limits.spend(now, 85)
    assert limits.free_at(now, 5) == now
    assert limits.free_at(now, 6) == 3 * MINUTE  # a tenth is kept
    assert limits.free_at(now, 15, is_urgent=True) == now
    assert limits.free_at(now, 16, is_urgent=True) == 3 * MINUTE
    assert limits.free_at(now, 0, 50) == now
    assert limits.free_at(3 * MINUTE, 90) == 3 * MINUTE


def test_orders_have_windows_of_their_own() -> None:
    limits = RateLimits(reserve=0)
    now = MINUTE_2 + 1
    limits.spend(now, 0, 300)
    assert limits.free_at(now, 0, 1) == MINUTE_2 + 10 * SECOND
    assert limits.free_at(now, 1) == now
    for turn in range(1, 4):
        limits.spend(MINUTE_2 + turn * 10 * SECOND, 0, 300)
    later = MINUTE_2 + 40 * SECOND
    assert limits.free_at(later, 0, 1) == 3 * MINUTE


def test_what_the_venue_counts_is_believed() -> None:
    limits = RateLimits(reserve=0)
    limits.spend(MINUTE_2, 5)
    limits.on_headers({"X-MBX-USED-WEIGHT-1M": "2399", "x-mbx-order-count-10s": "junk"}, MINUTE_2, MINUTE_2)
    assert limits.used(MINUTE_2)["x-mbx-used-weight-1m"] == (2399, 2400)
    assert limits.free_at(MINUTE_2, 1) == MINUTE_2
    assert limits.free_at(MINUTE_2, 2) == 3 * MINUTE
    limits.on_counts([RateLimit("ORDERS", "SECOND", 10, 300, 300)], MINUTE_2, MINUTE_2)
    assert limits.free_at(MINUTE_2, 0, 1) == MINUTE_2 + 10 * SECOND


def test_a_count_that_may_be_of_the_window_before_is_not_believed() -> None:
    limits = RateLimits(reserve=0)
    asked, now = 3 * MINUTE - SECOND, 3 * MINUTE + SECOND
    limits.on_headers({"x-mbx-used-weight-1m": "2400", "x-mbx-order-count-1m": "1200"}, asked, now)
    limits.on_counts([RateLimit("ORDERS", "SECOND", 10, 300, 300)], asked, now)
    assert limits.free_at(now, 1, 1) == now
    limits.on_headers({"x-mbx-used-weight-1m": "2400"}, now, now)
    assert limits.free_at(now, 1) == 4 * MINUTE


def test_a_429_bars_everything() -> None:
    limits = RateLimits()
    limits.on_limited(5, "7")
    assert limits.free_at(6, 1, is_urgent=True) == 5 + 7 * SECOND
    limits.on_limited(5, None)
    assert limits.free_at(6, 1) == 5 + MINUTE


def test_new_limits_keep_what_is_used() -> None:
    limits = RateLimits(reserve=0)
    limits.spend(MINUTE_2, 10)
    limits.use([RateLimit("REQUEST_WEIGHT", "MINUTE", 1, 6000), RateLimit("RAW_REQUESTS", "MINUTE", 5, 1)])
    assert limits.used(MINUTE_2) == {"x-mbx-used-weight-1m": (10, 6000)}


# --- refusals ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "message", "fate", "reason", "remedy"),
    [
        (400, -5022, "", Fate.REFUSED, Reason.POST_ONLY_WOULD_TAKE, Remedy.NONE),
        (400, -2011, "Unknown order sent.", Fate.REFUSED, Reason.UNKNOWN_ORDER, Remedy.RECONCILE),
        (400, -4116, "", Fate.UNKNOWN, Reason.DUPLICATE_ID, Remedy.RECONCILE),
        (400, -4164, "", Fate.REFUSED, Reason.BELOW_MIN_NOTIONAL, Remedy.NONE),
        (400, -1021, "", Fate.REFUSED, Reason.VENUE_OTHER, Remedy.SYNC_CLOCK),
        (401, -2015, "", Fate.REFUSED, Reason.VENUE_OTHER, Remedy.HALT),
        (429, -1003, "", Fate.REFUSED, Reason.VENUE_OTHER, Remedy.WAIT_FOR_LIMIT),
        (418, -1003, "", Fate.REFUSED, Reason.VENUE_OTHER, Remedy.HALT),
        (503, -1008, "", Fate.REFUSED, Reason.VENUE_OTHER, Remedy.BACK_OFF),
        (503, 0, "Service Unavailable.", Fate.REFUSED, Reason.VENUE_OTHER, Remedy.BACK_OFF),
        (503, 0, "Unknown error, please check your request", Fate.UNKNOWN, Reason.NO_ANSWER, Remedy.RECONCILE),
        (408, 0, "", Fate.UNKNOWN, Reason.NO_ANSWER, Remedy.RECONCILE),
        (504, 0, "", Fate.UNKNOWN, Reason.NO_ANSWER, Remedy.RECONCILE),
        (400, -1007, "", Fate.UNKNOWN, Reason.NO_ANSWER, Remedy.RECONCILE),
        (400, -98765, "never heard of", Fate.UNKNOWN, Reason.NO_ANSWER, Remedy.RECONCILE),
    ],
)
def test_what_a_refusal_means(status: int, code: int, message: str, fate: Fate, reason: Reason, remedy: Remedy) -> None:
    found = refusal_of(status, code, message)
    assert (found.fate, found.reason, found.remedy) == (fate, reason, remedy)
    assert (found.code, found.message) == (code, message)


def test_no_answer_is_no_refusal() -> None:
    assert NO_ANSWER.fate == Fate.UNKNOWN
