"""Specifications: written by people, kept by the archive, and refused where they are wrong."""

import re
from decimal import Decimal
from pathlib import Path

import attrs
import pytest

from market.archive.instrument_record import FIELDS
from market.archive.instruments import (
    as_archived,
    load_instruments,
    read_instrument,
    read_instruments,
    valid_at,
    write_instruments,
)
from market.instrument import ConstantStep, SignificantFigures
from market.units import SECOND
from tests.market.archive.samples import BTC

SHIPPED = Path(__file__).resolve().parents[3] / "configs" / "instruments.toml"

WHOLE = """
[[instrument]]
venue = "hyperliquid"
symbol = "SOL"
base = "SOL"
quote = "USDC"
settle = "USDC"
tick = 0.0001
lot = 0.01
maker_fee = -0.00001
taker_fee = 0.00045
min_size = 0.05
max_size = 1000
min_notional = 10
significant_figures = 5
valid_from = 2024-08-08

[[instrument]]
venue = "binance-delivery"
symbol = "BTCUSD_PERP"
base = "BTC"
quote = "USD"
settle = "BTC"
tick = 0.1
lot = 1
multiplier = 100
inverse = true
price_step = 0.5
"""


def test_a_file_is_read_exactly(tmp_path: Path) -> None:
    path = tmp_path / "instruments.toml"
    path.write_text(WHOLE)
    sol, btc = load_instruments(path)
    assert (sol.id, sol.name, sol.tick, sol.lot) == (0, "hyperliquid:SOL", Decimal("0.0001"), Decimal("0.01"))
    assert (sol.maker_fee, sol.min_size, sol.max_size, sol.min_notional) == (
        Decimal("-0.00001"),
        5,
        100_000,
        Decimal(10),
    )
    assert sol.price_rule == SignificantFigures(5, 10_000)
    assert sol.valid_from == 1_723_075_200 * SECOND
    assert (btc.id, btc.multiplier, btc.inverse, btc.settle) == (1, Decimal(100), True, "BTC")
    assert btc.price_rule == ConstantStep(5)
    assert (btc.min_size, btc.max_size, btc.valid_from) == (1, None, 0)


def test_the_archive_keeps_all_of_it(tmp_path: Path) -> None:
    path = tmp_path / "instruments.toml"
    path.write_text(WHOLE)
    for instrument in load_instruments(path):
        write_instruments(tmp_path, [instrument])
        kept = read_instrument(tmp_path, instrument.venue, instrument.symbol, instrument=instrument.id)
        assert kept == instrument


def test_rules_hold_from_their_time_on(tmp_path: Path) -> None:
    path = tmp_path / "instruments.toml"
    old = WHOLE.split("[[instrument]]")[1]
    new = old.replace("0.0001", "0.001").replace("2024-08-08", "2024-08-09")
    path.write_text(f"[[instrument]]{new}[[instrument]]{old}")
    both = load_instruments(path)
    write_instruments(tmp_path, both)
    at = both[0].valid_from
    assert valid_at(both, at).tick == valid_at(both, None).tick == Decimal("0.001")
    assert valid_at(both, at - 1).tick == valid_at(both, 0).tick == Decimal("0.0001")
    assert read_instrument(tmp_path, "hyperliquid", "SOL").tick == Decimal("0.001")
    assert read_instrument(tmp_path, "hyperliquid", "SOL", at=at - 1).tick == Decimal("0.0001")


def test_an_instrument_that_is_not_there(tmp_path: Path) -> None:
    assert read_instruments(tmp_path, "bybit", "BTCUSDT") == []
    with pytest.raises(FileNotFoundError, match=f"^no instrument bybit:BTCUSDT in the archive {tmp_path}$"):
        read_instrument(tmp_path, "bybit", "BTCUSDT")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("tick = 0", "tick = 0 must be a number above 0"),
        ('tick = "a tenth"', 'tick = "a tenth" must be a number above 0'),
        ("tick = nan", "tick = NaN must be a number above 0"),
        ("lot = true", "lot = true must be a number above 0"),
        ('inverse = "no"', 'inverse = "no" must be true or false'),
        ("maker_fee = 2", "maker_fee = 2 must be a number between -1 and 1"),
        ("min_size = 0.0015", "min_size = 0.0015 must be a positive multiple of lot"),
        ("min_notional = -1", "min_notional = -1 must be a number of at least 0"),
        ("significant_figures = 0", "significant_figures = 0 must be a whole number from 1 to 18"),
        ('valid_from = "soon"', 'valid_from = "soon" must be a date or time in UTC, such as 2024-08-08'),
        ('symbol = ""', 'symbol = "" must be a text that is not empty'),
        ("tik = 0.1", f"unknown key 'tik'; allowed: {', '.join(FIELDS)}"),
    ],
)
def test_a_wrong_value_is_named(tmp_path: Path, line: str, says: str) -> None:
    path = tmp_path / "wrong.toml"
    lines = ['venue = "v"', 'symbol = "S"', 'base = "B"', 'quote = "Q"', 'settle = "Q"', "tick = 0.1", "lot = 0.001"]
    kept = [each for each in lines if each.split(" = ")[0] != line.split(" = ")[0]]
    path.write_text("\n".join(["[[instrument]]", *kept, line]))
    with pytest.raises(ValueError, match=f"^{re.escape(f'{path}: instrument 1: {says}')}$"):
        load_instruments(path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "needs [[instrument]] tables, has None"),
        ("[instruments]", "unknown key 'instruments'; allowed: instrument"),
        ('[[instrument]]\nvenue = "v"', "instrument 1: key 'symbol' is missing; it must be a text that is not empty"),
        (f"{WHOLE}{WHOLE}", "instrument 3: hyperliquid:SOL is listed twice with the same valid_from"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"^{re.escape(f'{path}: {says}')}$"):
        load_instruments(path)


def test_what_ships_obeys_the_venues_rules() -> None:
    shipped = {instrument.name: instrument for instrument in load_instruments(SHIPPED)}
    assert len(shipped) == 13
    # Hyperliquid's documentation: a price has at most 6 - szDecimals decimals and five significant figures
    for symbol, decimals in (("BTC", 5), ("ETH", 4), ("SOL", 2)):
        instrument = shipped[f"hyperliquid:{symbol}"]
        assert instrument.lot == Decimal(1).scaleb(-decimals)
        assert instrument.tick == Decimal(1).scaleb(decimals - 6)
    sol = shipped["hyperliquid:SOL"]
    assert sol.is_valid_price(sol.exact_ticks(Decimal("202.23")))
    assert not sol.is_valid_price(sol.exact_ticks(Decimal("202.235")))
    # 10 contracts of 100 USD bought at 50,000 and marked at 62,500 made 1000 / 50000 - 1000 / 62500 BTC
    perp = shipped["binance-delivery:BTCUSD_PERP"]
    assert perp.value(625_000, 10) - perp.value(500_000, 10) == Decimal("0.004")


def test_an_instrument_that_a_venue_tells_of_keeps_what_is_known(tmp_path: Path) -> None:
    told = attrs.evolve(BTC, valid_from=12_345_678_901)
    first = as_archived(tmp_path, told, 12_345_678_901)
    assert first.valid_from == 0
    charged = attrs.evolve(first, maker_fee=Decimal("0.0002"), taker_fee=Decimal("0.0005"))
    write_instruments(tmp_path, [charged])
    later = as_archived(tmp_path, attrs.evolve(told, id=3, valid_from=99), 20 * SECOND + 5)
    assert later == attrs.evolve(charged, id=3), "it was asked without a key, and no fees were told"
    finer = attrs.evolve(told, tick=Decimal("0.01"))
    assert as_archived(tmp_path, finer, 20 * SECOND + 5).valid_from == 20 * SECOND
    cheaper = attrs.evolve(told, maker_fee=Decimal("0.0001"))
    assert as_archived(tmp_path, cheaper, 20 * SECOND + 5) == attrs.evolve(cheaper, valid_from=0)
