"""Decimal texts become exact counts, and what does not fit is named."""

from decimal import ROUND_HALF_EVEN, Decimal, localcontext

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market import Instrument
from market.archive.csv_kernels import TRADE_ID, parse_rows
from venues.actions import SendRequest
from venues.wire import Grid, HttpRequest, InstrumentGrid, RemoteProtocolError, decode, money_e12, number_of

BTC = Instrument(0, "bybit", "BTCUSDT", "BTC", "USDT", "USDT", Decimal("0.10"), Decimal("0.001"))
UNITS = ["0.10", "0.001", "5", "1E+1", "0.25", "0.0005", "1"]


@given(st.sampled_from(UNITS), st.integers(0, 1 << 50))
def test_a_count_survives_its_text(unit: str, count: int) -> None:
    grid = Grid(Decimal(unit), "price", "x")
    text = grid.text(count)
    assert Decimal(text) == count * Decimal(unit)
    assert grid[text] == grid[text] == count
    assert grid[text + ("00" if "." in text else ".0")] == count


@given(st.sampled_from(UNITS), st.decimals(0, 10**9, places=4))
def test_a_text_is_exact_or_refused(unit: str, amount: Decimal) -> None:
    grid = Grid(Decimal(unit), "price", "x")
    if amount % Decimal(unit):
        with pytest.raises(RemoteProtocolError, match=r"^price .* of x is not a multiple of "):
            grid[f"{amount:f}"]
    else:
        assert grid[f"{amount:f}"] == amount / Decimal(unit)


@pytest.mark.parametrize("text", ["", ".", ".5", "-1", "+1", "1e3", "1_000", " 1", "1.2.3", "NaN", "٣", "²", "9" * 41])
def test_only_digits_are_a_number(text: str) -> None:
    with pytest.raises(RemoteProtocolError, match=r"^price .* of w is not a decimal number of digits$"):
        Grid(Decimal("0.1"), "price", "w")[text]


def test_bounds_are_named() -> None:
    grid = InstrumentGrid(BTC)
    with pytest.raises(RemoteProtocolError, match=r"^price 0\.00 of bybit:BTCUSDT is not in \[1, \d+\) x 0\.10$"):
        grid.ticks["0.00"]
    with pytest.raises(RemoteProtocolError, match=r"^size 9{30} of bybit:BTCUSDT is not in \[0, "):
        grid.lots["9" * 30]
    assert grid.lots["0"] == 0
    assert grid.lots.signed("-0.002") == -2
    with pytest.raises(RemoteProtocolError):
        grid.lots.signed("--0.002")
    with pytest.raises(ValueError, match="negative"):
        grid.size_text(-1)


def test_what_is_remembered_is_bounded() -> None:
    grid = Grid(Decimal("1"), "size", "x")
    for count in range(70_000):
        assert grid[str(count)] == count
    assert len(grid) <= 1 << 16


def test_levels_are_read_only_rows() -> None:
    grid = InstrumentGrid(BTC)
    levels = grid.levels([("65000.10", "0.500"), ("65000", "0")])
    assert levels.tolist() == [[650001, 500], [650000, 0]]
    assert levels.dtype == np.int64
    assert not levels.flags.writeable
    assert grid.levels([]).shape == (0, 2)
    assert (grid.price_text(650001), grid.size_text(5)) == ("65000.1", "0.005")


@given(st.decimals(-(10**6), 10**6, places=14))
def test_money_is_rounded_to_1e_12(amount: Decimal) -> None:
    with localcontext() as context:
        context.prec = 60
        nearest = (amount * 10**12).to_integral_value(ROUND_HALF_EVEN)
    assert money_e12(f"{amount:f}", "fee", "x") == nearest


@pytest.mark.parametrize("text", ["", "x", "NaN", "Infinity", "1e999999999", "1e18"])
def test_unusable_money_is_named(text: str) -> None:
    with pytest.raises(RemoteProtocolError, match=r"^fee .* of x is not a usable amount$"):
        money_e12(text, "fee", "x")
    assert money_e12("1e-999999", "fee", "x") == 0
    with pytest.raises(RemoteProtocolError, match=r"^fee 5000000 of x is beyond \d+ / 1000000000000$"):
        money_e12("5000000", "fee", "x")


@settings(deadline=None)  # the first call may compile the kernel
@given(st.one_of(st.uuids().map(str), st.integers(0, 10**18 - 1).map(str), st.text("abc-XYZ09", min_size=1)))
def test_ids_are_those_of_imported_archives(text: str) -> None:
    line = np.frombuffer(f"{text}\n".encode(), np.uint8).copy()
    out = np.zeros((1, 1), np.int64)
    roles, units = np.array([TRADE_ID]), np.array([1, 0, 1, 0])
    parse_rows(line, 0, len(line), roles, units, np.zeros(1, np.uint8), out, np.zeros(4, np.int64))
    assert number_of(text) == out[0, 0] >= 0


def test_a_bad_frame_says_where_and_how_it_begins() -> None:
    decoder = msgspec.json.Decoder(dict[str, int])
    assert decode(decoder, b'{"a":1}', "feed") == {"a": 1}
    for frame in (b'{"a":', b'{"a":"x"}', b'{"a":"\xff"}', b"[" * 100_000):
        with pytest.raises(RemoteProtocolError, match=rf"^feed: .*; the frame of {len(frame)} begins b'"):
            decode(decoder, frame, "feed")


def test_a_request_knows_its_target() -> None:
    assert HttpRequest("GET", "/v5/x", "a=1&b=2").target == "/v5/x?a=1&b=2"
    assert HttpRequest("POST", "/v5/x").target == "/v5/x"


def test_a_request_shows_neither_keys_nor_signatures() -> None:
    request = HttpRequest("POST", "/v5/order", "signature=QUERYSECRET", (("X-KEY", "HEADERSECRET"),), b"BODYSECRET", 3)
    assert repr(request) == "HttpRequest(POST /v5/order, weight=3)"
    assert "SECRET" not in f"{request} {request!r} {SendRequest(request, 1)!r}"
