"""SOL on the five venues, each by its own symbol, tick rule, lot, minimum and quote currency, around one leader.

The price lies near 100, where Hyperliquid's five significant figures change from thousandths to hundredths.  The
generator draws whole hundredths; a finer tick has the same prices in its own units.
"""

from decimal import Decimal
from functools import cache
from typing import Any

import attrs

from market.columns import BookColumns, Columns, TradeColumns
from market.instrument import ConstantStep, Instrument, SignificantFigures
from market.units import InstrumentId
from sim.generator import Display, Flow, GeneratorConfig, MarketConfig, Moves, generate
from sim.generator_presets import LEAD, START
from sim.market_data import ColumnData
from tests.sim.generated import joined

GRID = Decimal("0.01")  # that the generator draws on


def _instrument(
    place: int, venue: str, symbol: str, quote: str, settle: str, tick: str, lot: str, **more: Any
) -> Instrument:
    fees: dict[str, Any] = {"maker_fee": Decimal("0.0002"), "taker_fee": Decimal("0.0005")}
    return Instrument(place, venue, symbol, "SOL", quote, settle, Decimal(tick), Decimal(lot), **fees, **more)


INSTRUMENTS = (
    _instrument(0, "binance-futures", "SOLUSDT", "USDT", "USDT", "0.01", "0.01", min_notional=Decimal(5)),
    _instrument(1, "bybit", "SOLUSDT", "USDT", "USDT", "0.01", "0.1", min_notional=Decimal(5)),
    _instrument(
        2,
        "hyperliquid",
        "SOL",
        "USDC",
        "USDC",
        "0.0001",
        "0.01",
        price_rule=SignificantFigures(5, 10_000),
        min_notional=Decimal(10),
    ),
    _instrument(3, "paradex", "SOL-USD-PERP", "USD", "USDC", "0.001", "0.001", min_notional=Decimal(100)),
    _instrument(4, "woox", "PERP_SOL_USDT", "USDT", "USDT", "0.01", "0.1", min_notional=Decimal(10)),
)
NAMES = tuple(each.name for each in INSTRUMENTS)
PRICES = (100.0, 100.0, 100.08, 100.05, 99.96)  # in another currency, SOL has another price


@cache
def five_venues(seed: int = 7, seconds: float = 20.0) -> ColumnData:
    """Return the feeds of all five."""
    news, premium = Moves(vol_bps=1.1, jumps_per_s=1.0, jump_bps=6.5), Moves(vol_bps=0.3, reversion_s=3.0)
    parts: dict[str, Any] = {"flow": Flow(median_size=3.0), "display": Display(level_size=40.0)}
    markets = []
    for instrument, price in zip(INSTRUMENTS, PRICES, strict=True):
        drawn = attrs.evolve(instrument, tick=GRID, price_rule=ConstantStep())
        led: dict[str, Any] = {"leader": 0, "lead": LEAD} if instrument.id else {}
        markets.append(MarketConfig(drawn, price, premium if led else news, **parts, **led))
    feeds: list[tuple[InstrumentId, str, Columns]] = []
    for stream in generate(GeneratorConfig(seed, START, seconds, tuple(markets))):
        chunks = list(stream.chunks)
        if chunks:
            finer = round(GRID / INSTRUMENTS[stream.instrument].tick)
            feeds.append((stream.instrument, stream.kind, _in_ticks(joined(chunks), finer)))
    return ColumnData(INSTRUMENTS, feeds)


def _in_ticks(columns: Columns, finer: int) -> Columns:
    """Return columns with prices in a tick that is so many times as fine."""
    if isinstance(columns, BookColumns):
        levels = columns.levels.copy()
        levels[:, 0] *= finer
        return attrs.evolve(columns, levels=levels)
    if isinstance(columns, TradeColumns):
        return attrs.evolve(columns, ticks=columns.ticks * finer)
    return columns
