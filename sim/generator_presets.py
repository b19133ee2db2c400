"""Ready markets: the built-in default, and those that tests and goldens run on.

Specifications are close to the venues' own (BTCUSDT's tick is coarser, so that twenty levels reach somewhere); fees are
zero, as in the tutorial.  `binance-futures` leads and `bybit` follows: the leader carries diffusion, jumps and news,
the follower the leader's path some time ago and a small premium that comes and goes.
"""

from decimal import Decimal
from typing import Final

import attrs

from market.instrument import Instrument, SignificantFigures
from market.units import MS, SECOND, InstrumentId, Nanos
from sim.generator_config import Display, Flow, GeneratorConfig, MarketConfig, Moves

START: Final[Nanos] = 1_736_494_200 * SECOND  # 2025-01-10 07:30 UTC: a funding payment falls into the first hour
LEAD: Final[Nanos] = 60 * MS  # of one venue before the other
SYMBOL_LEAD: Final[Nanos] = 200 * MS  # of BTCUSDT before SOLUSDT

_NEWS: Final = Moves(vol_bps=1.1, jumps_per_s=0.35, jump_bps=6.5)
_PREMIUM: Final = Moves(vol_bps=0.3, reversion_s=3.0)

Preset = tuple[tuple[Instrument, ...], GeneratorConfig]


def default_market(seed: int = 7, seconds: float = 3600) -> Preset:
    """Return SOLUSDT on `binance-futures` (leads) and on `bybit` (follows 60 ms later), books as depth-20 snapshots."""
    return _preset(seed, seconds, (_sol_leader(0, _NEWS), _sol_follower(1, 0)))


def deltas_market(seed: int = 7, seconds: float = 3600) -> Preset:
    """Return the default market with its books as deltas: rebuilt, they are the default's books."""
    instruments, config = default_market(seed, seconds)
    markets = [attrs.evolve(m, display=attrs.evolve(m.display, feed="deltas")) for m in config.markets]
    return instruments, attrs.evolve(config, markets=tuple(markets))


def calm_market(seed: int = 7, seconds: float = 1800) -> Preset:
    """Return the default market with moves a tenth as large: the touch is sticky, so the queue decides the fills."""
    instruments, config = default_market(seed, seconds)
    markets = [attrs.evolve(m, moves=m.moves.scaled(0.1)) for m in config.markets]
    return instruments, attrs.evolve(config, markets=tuple(markets))


def pair_market(seed: int = 7, seconds: float = 3600) -> Preset:
    """Return BTCUSDT and SOLUSDT on both venues; BTCUSDT also leads SOLUSDT, by 200 ms."""
    btc = _instrument(0, "binance-futures", "BTCUSDT", tick="5", lot="0.001", min_notional="100")
    btc_bybit = _instrument(1, "bybit", "BTCUSDT", tick="5", lot="0.001", min_notional="5")
    markets = (
        MarketConfig(btc, 95_000.0, _NEWS, *_sizes(0.03, 0.5)),
        MarketConfig(btc_bybit, 95_000.0, _PREMIUM, *_sizes(0.02, 0.25), leader=0, lead=LEAD),
        attrs.evolve(_sol_leader(2, attrs.evolve(_NEWS, jumps_per_s=0.15)), leader=0, lead=SYMBOL_LEAD, beta=0.7),
        _sol_follower(3, 2),
    )
    return _preset(seed, seconds, markets)


def venues_market(seed: int = 7, seconds: float = 3600) -> Preset:
    """Return SOL on every venue that orders can be sent to, each by its own symbol and rules, around one leader."""
    woox = _instrument(2, "woox", "PERP_SOL_USDT", tick="0.01", lot="0.1", min_notional="1")
    markets = (
        _sol_leader(0, _NEWS),
        _sol_follower(1, 0),
        MarketConfig(woox, 190.0, _PREMIUM, *_sizes(2.0, 30.0), leader=0, lead=LEAD),
        MarketConfig(_hyperliquid_sol(3), 190.0, _PREMIUM, *_sizes(2.0, 30.0), leader=0, lead=LEAD),
        MarketConfig(_paradex_sol(4), 190.0, _PREMIUM, *_sizes(2.0, 30.0), leader=0, lead=LEAD),
    )
    return _preset(seed, seconds, markets)


def crash_market(seed: int = 7, seconds: float = 20) -> Preset:
    """Return 20 s of the default market, with jumps five times as often: short, and still with fills on both sides."""
    return _preset(seed, seconds, (_sol_leader(0, attrs.evolve(_NEWS, jumps_per_s=1.0)), _sol_follower(1, 0)))


def _preset(seed: int, seconds: float, markets: tuple[MarketConfig, ...]) -> Preset:
    return tuple(m.instrument for m in markets), GeneratorConfig(seed, START, seconds, markets)


def _sizes(order: float, level: float) -> tuple[Flow, Display]:
    return Flow(median_size=order), Display(level_size=level)


def _sol_leader(place: InstrumentId, moves: Moves) -> MarketConfig:
    instrument = _instrument(place, "binance-futures", "SOLUSDT", tick="0.01", lot="0.1", min_notional="5")
    return MarketConfig(instrument, 190.0, moves, *_sizes(2.5, 60.0))


def _sol_follower(place: InstrumentId, leader: InstrumentId) -> MarketConfig:
    instrument = _instrument(place, "bybit", "SOLUSDT", tick="0.01", lot="0.1", min_notional="5")
    return MarketConfig(instrument, 190.0, _PREMIUM, *_sizes(2.0, 30.0), leader=leader, lead=LEAD)


def _paradex_sol(place: InstrumentId) -> Instrument:
    sol = _instrument(place, "paradex", "SOL-USD-PERP", tick="0.01", lot="0.01", min_notional="100")
    return attrs.evolve(sol, base="SOL", quote="USD", settle="USDC")


def _hyperliquid_sol(place: InstrumentId) -> Instrument:
    sol = _instrument(place, "hyperliquid", "SOL", tick="0.0001", lot="0.01", min_notional="10")
    return attrs.evolve(sol, quote="USDC", settle="USDC", price_rule=SignificantFigures(5, 10_000))


def _instrument(place: InstrumentId, venue: str, symbol: str, tick: str, lot: str, min_notional: str) -> Instrument:
    return Instrument(
        id=place,
        venue=venue,
        symbol=symbol,
        base=symbol.removeprefix("PERP_").removesuffix("USDT").removesuffix("_"),
        quote="USDT",
        settle="USDT",
        tick=Decimal(tick),
        lot=Decimal(lot),
        min_notional=Decimal(min_notional),
    )
