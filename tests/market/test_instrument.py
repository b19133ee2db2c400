"""Known answers for money and rounding, and the properties that must hold at any price."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from market.instrument import ConstantStep, Instrument, InstrumentTable, PriceRule, SignificantFigures
from market.units import Side

D = Decimal


def instrument(**changes: Any) -> Instrument:
    facts: dict[str, Any] = {
        "id": 0,
        "venue": "binance-futures",
        "symbol": "BTCUSDT",
        "base": "BTC",
        "quote": "USDT",
        "settle": "USDT",
        "tick": D("0.1"),
        "lot": D("0.001"),
    }
    return Instrument(**(facts | changes))


LINEAR = instrument(maker_fee=D("-0.0001"), taker_fee=D("0.0004"))
# Binance COIN-M: a contract is 100 USD, sizes are whole contracts, settled in BTC
INVERSE = instrument(
    venue="binance-delivery",
    symbol="BTCUSD_PERP",
    quote="USD",
    settle="BTC",
    lot=D(1),
    multiplier=D(100),
    inverse=True,
    maker_fee=D("0.0002"),
    taker_fee=D("0.0005"),
)
# Hyperliquid's BTC (szDecimals 5): one decimal at most, five significant figures, whole dollars always
FIVE_FIGURES = instrument(venue="hyperliquid", price_rule=SignificantFigures(5, unit=10))
# and one of its small coins (szDecimals 0): six decimals
SMALL = instrument(venue="hyperliquid", tick=D("0.000001"), price_rule=SignificantFigures(5, unit=1_000_000))

instruments = st.sampled_from([LINEAR, INVERSE, FIVE_FIGURES, SMALL, instrument(tick=D("0.05"), lot=D("0.25"))])
rules: st.SearchStrategy[PriceRule] = st.one_of(
    st.builds(ConstantStep, st.integers(1, 1000)),
    st.builds(SignificantFigures, st.integers(1, 6), st.sampled_from([1, 10, 1000, 10**6])),
)


# --- prices ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("price", "is_valid"),
    [
        ("12345.6", False),  # six figures
        ("1234.5", True),
        ("99999", True),
        ("100000", True),
        ("100001", True),  # whole prices are always allowed
        ("123456", True),
        ("1234567", True),
        ("123456.5", False),
        ("0.1", True),
    ],
)
def test_five_significant_figures_of_bitcoin(price: str, is_valid: bool) -> None:
    assert FIVE_FIGURES.is_valid_price(FIVE_FIGURES.exact_ticks(D(price))) is is_valid


@pytest.mark.parametrize(
    ("price", "is_valid"),
    [
        ("0.012345", True),
        ("0.12345", True),
        ("0.123456", False),
        ("0.001234", True),
        ("1.2345", True),
        ("1.23456", False),
    ],
)
def test_five_significant_figures_of_a_small_coin(price: str, is_valid: bool) -> None:
    assert SMALL.is_valid_price(SMALL.exact_ticks(D(price))) is is_valid


def test_no_price_below_one_tick_is_valid() -> None:
    assert not LINEAR.is_valid_price(0)
    assert not LINEAR.is_valid_price(-5)


# four figures, no whole-price rule within reach: the step grows tenfold at 1000, 10000, 100000
FOUR = instrument(tick=D(1), price_rule=SignificantFigures(4, unit=10**9))


@pytest.mark.parametrize(
    ("price", "nearest", "buy", "sell"),
    [
        (9999, 9999, 9999, 9999),
        (9999.4, 9999, 9999, 10000),
        (9999.6, 10000, 9999, 10000),
        (10000, 10000, 10000, 10000),
        (10004, 10000, 10000, 10010),
        (10006, 10010, 10000, 10010),
        (99990, 99990, 99990, 99990),
        (99994, 99990, 99990, 100000),
        (99999, 100000, 99990, 100000),
        (100000, 100000, 100000, 100000),
        (100010, 100000, 100000, 100100),
        (100060, 100100, 100000, 100100),
    ],
)
def test_rounding_across_powers_of_ten(price: float, nearest: int, buy: int, sell: int) -> None:
    assert FOUR.ticks(price) == nearest
    assert FOUR.round_price(price, Side.BUY) == buy
    assert FOUR.round_price(price, Side.SELL) == sell


def test_rounding_of_five_figures_at_a_hundred_thousand() -> None:
    assert [FIVE_FIGURES.price(FIVE_FIGURES.ticks(p)) for p in (9999.96, 99999.4, 99999.6, 100000.6, 100010.3)] == [
        10000.0,
        99999.0,
        100000.0,
        100001.0,
        100010.0,
    ]


@given(instruments, st.integers(1, 10**12))
def test_a_price_in_ticks_is_the_nearest_float(instrument: Instrument, ticks: int) -> None:
    assert instrument.price(ticks) == float(D(ticks) * instrument.tick)
    assert instrument.exact_ticks(D(ticks) * instrument.tick) == ticks


@given(rules, st.integers(1, 10**12))
def test_a_valid_price_rounds_to_itself(rule: PriceRule, ticks: int) -> None:
    market = instrument(price_rule=rule)
    assume(market.is_valid_price(ticks))
    price = market.price(ticks)
    assert market.ticks(price) == market.round_price(price, Side.BUY) == market.round_price(price, Side.SELL) == ticks


@given(rules, st.floats(1e-3, 1e9), st.sampled_from(Side))
def test_round_price_is_valid_near_and_never_more_aggressive(rule: PriceRule, price: float, side: Side) -> None:
    market = instrument(price_rule=rule)
    try:
        ticks = market.round_price(price, side)
    except ValueError:
        # only a buy below the first valid price has nowhere to go
        assert side is Side.BUY
        assert price < market.price(rule.step(1))
        return
    assert market.is_valid_price(ticks)
    distance = side * (Fraction(price) - ticks * Fraction(market.tick))  # what it gives up
    assert distance >= -Fraction(price) / 10**14  # but for a price that is on the grid to its last bits
    assert distance < rule.step(max(ticks, round(price * 10))) * Fraction(market.tick)


@given(rules, st.floats(1e-3, 1e9))
def test_ticks_is_one_of_the_two_neighbours(rule: PriceRule, price: float) -> None:
    market = instrument(price_rule=rule)
    try:
        below, nearest = market.round_price(price, Side.BUY), market.ticks(price)
    except ValueError:
        return
    above = market.round_price(price, Side.SELL)
    assert market.is_valid_price(nearest)
    exact = Fraction(price) / Fraction(market.tick)
    slack = exact / 10**14
    assert abs(nearest - exact) <= min(abs(below - exact), abs(above - exact)) + slack


@pytest.mark.parametrize("price", [float("nan"), float("inf"), -1.0, 0.0, 0.01, 1e300])
def test_a_price_that_cannot_be_is_refused_by_name(price: float) -> None:
    with pytest.raises(ValueError, match=r"^price .* of binance-futures:BTCUSDT "):
        LINEAR.ticks(price)
    with pytest.raises(ValueError, match=r"^price .* of binance-futures:BTCUSDT "):
        LINEAR.round_price(price, Side.BUY)


# --- sizes -----------------------------------------------------------------------------------------------------------


@given(instruments, st.integers(0, 10**12))
def test_sizes_go_to_lots_and_back(instrument: Instrument, lots: int) -> None:
    assert instrument.size(lots) == float(D(lots) * instrument.lot)
    assert instrument.lots(instrument.size(lots)) == lots
    assert instrument.exact_lots(D(lots) * instrument.lot) == lots


def test_a_recorded_amount_off_the_grid_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^price 100\.05 is not a multiple of tick size 0\.1 \(binance-futures:BTC"):
        LINEAR.exact_ticks(D("100.05"))
    with pytest.raises(ValueError, match=r"^size 0\.0015 is not a multiple of lot size 0\.001 "):
        LINEAR.exact_lots(D("0.0015"))
    with pytest.raises(ValueError, match=r"^size nan of binance-futures:BTCUSDT is not a number$"):
        LINEAR.lots(float("nan"))


@pytest.mark.parametrize("unit", ["0", "-1", "NaN", "Infinity"])
def test_units_must_be_positive(unit: str) -> None:
    with pytest.raises(ValueError, match=r"^tick must be a positive number"):
        instrument(tick=D(unit))


# --- money -----------------------------------------------------------------------------------------------------------


def profit(market: Instrument, entry: str, exit_: str, lots: int) -> D:
    """Cash after buying `lots` and selling them: a fill does `cash -= value(fill)`."""
    return -market.value(market.exact_ticks(D(entry)), lots) - market.value(market.exact_ticks(D(exit_)), -lots)


def test_linear_profit_is_the_move_times_the_size() -> None:
    assert profit(LINEAR, "61590.0", "61840.5", 2000) == D("501.0")  # 2 BTC, 250.5 USDT each


def test_inverse_profit_of_one_contract() -> None:
    # Binance's formula for COIN-M: contracts * multiplier * (1 / entry - 1 / exit), in BTC
    assert profit(INVERSE, "50000", "62500", 1) == D("0.0004")
    assert profit(INVERSE, "62500", "50000", 1) == D("-0.0004")
    assert profit(INVERSE, "50000", "62500", -3) == D("-0.0012")
    assert profit(INVERSE, "61590.0", "61840.0", 1) == pytest.approx(D("6.5639E-6"), rel=D("1E-4"))


def test_an_inverse_position_gains_when_the_price_rises() -> None:
    bought = INVERSE.value(500_000, 10)
    assert bought == D("-0.02")  # 1000 USD of contracts at 50 000: value grows towards 0 as the price rises
    assert INVERSE.value(600_000, 10) > bought


def test_notional_is_in_quote_currency() -> None:
    assert LINEAR.notional(500_000, -2000) == 100_000.0
    assert INVERSE.notional(500_000, -10) == INVERSE.notional(600_000, 10) == 1000.0


def test_fees_and_rebates() -> None:
    assert LINEAR.fee(500_000, -2000, is_maker=False) == D("40")
    assert LINEAR.fee(500_000, 2000, is_maker=True) == D("-10")  # a rebate
    assert INVERSE.fee(500_000, 10, is_maker=False) == D("0.00001")  # of 0.02 BTC, in BTC
    assert INVERSE.fee(500_000, -10, is_maker=True) == D("0.000004")


prices = st.integers(1, 10**9)
lots = st.integers(-(10**9), 10**9)


@given(instruments, prices, lots, lots)
def test_value_is_linear_in_size(instrument: Instrument, price: int, first: int, second: int) -> None:
    both = instrument.value(price, first) + instrument.value(price, second)
    assert instrument.value(price, first + second) == pytest.approx(both, rel=D("1E-24"), abs=D("1E-20"))
    assert instrument.value(price, -first) == -instrument.value(price, first)


@given(instruments, prices, prices, st.integers(1, 10**9))
def test_a_long_gains_exactly_when_the_price_rises(instrument: Instrument, entry: int, exit_: int, size: int) -> None:
    gain = instrument.value(exit_, size) - instrument.value(entry, size)
    assert (gain > 0) == (exit_ > entry)
    assert (gain == 0) == (exit_ == entry)


@given(instruments, prices, lots, st.booleans())
def test_value_fee_and_notional_agree(instrument: Instrument, price: int, size: int, is_maker: bool) -> None:
    rate = instrument.maker_fee if is_maker else instrument.taker_fee
    value = instrument.value(price, size)
    assert instrument.fee(price, size, is_maker) == abs(value) * rate
    quote = abs(value) * (D(price) * instrument.tick if instrument.inverse else 1)
    assert instrument.notional(price, size) == pytest.approx(float(quote), rel=1e-12)


# --- the table -------------------------------------------------------------------------------------------------------


def test_the_table_finds_by_id_and_by_name() -> None:
    table = InstrumentTable([LINEAR, instrument(id=1, venue="bybit"), instrument(id=2, symbol="ETHUSDT")])
    assert table.find("bybit", "BTCUSDT") is table[1]
    assert table.venues == ("binance-futures", "bybit")
    assert [i.id for i in table] == [0, 1, 2]
    with pytest.raises(KeyError, match="no instrument bybit:DOGE; known: binance-futures:BTCUSDT, bybit:BTCUSDT"):
        table.find("bybit", "DOGE")


def test_the_table_refuses_a_wrong_id_and_a_second_of_a_name() -> None:
    with pytest.raises(ValueError, match=r"^instrument bybit:BTCUSDT has id 3, but stands at place 1$"):
        InstrumentTable([LINEAR, instrument(id=3, venue="bybit")])
    with pytest.raises(ValueError, match=r"^instrument binance-futures:BTCUSDT is listed twice$"):
        InstrumentTable([LINEAR, instrument(id=1)])


def test_the_scale_gives_the_same_floats() -> None:
    num, den, lot_num, lot_den, multiplier, is_inverse = INVERSE.scale().tolist()
    assert (123 * num / den, 7 * lot_num / lot_den) == (INVERSE.price(123), INVERSE.size(7))
    assert (multiplier, is_inverse) == (100.0, 1.0)
