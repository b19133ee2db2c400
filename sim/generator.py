"""A seeded market: the built-in data of the system, and a source of tests.

The columns are a function of the config alone.  Every draw is an integer hash of (seed, place) and everything after it
is + - * / and sqrt, so they are the same bytes on every machine and for every length of chunk.  See
`generator_path_kernels` for the hidden price and `generator_kernels` for books and trades.
"""

import hashlib
from collections import deque
from collections.abc import Iterator
from math import sqrt

import numpy as np

from market.arithmetic_kernels import exp_, norm_ppf, uniform
from market.columns import BookColumns, Columns, FundingColumns, TradeColumns
from market.stream import Stream
from market.units import SECOND, Nanos
from sim import generator_book_kernels as books
from sim import generator_kernels as kernels
from sim import generator_path_kernels as paths
from sim.generator_config import (
    STEP,
    VERSION,
    Display,
    Flow,
    GeneratorConfig,
    MarketConfig,
    Moves,
    describe,
)
from sim.generator_presets import (
    calm_market,
    crash_market,
    default_market,
    deltas_market,
    pair_market,
    venues_market,
)

__all__ = [
    "STEP",
    "VERSION",
    "Display",
    "Flow",
    "GeneratorConfig",
    "MarketConfig",
    "Moves",
    "calm_market",
    "crash_market",
    "default_market",
    "deltas_market",
    "describe",
    "generate",
    "pair_market",
    "venues_market",
]

_BPS = 1e-4
_STEPS_PER_S = SECOND // STEP


def generate(config: GeneratorConfig) -> list[Stream]:
    """Return the streams of all markets: per market its books, its trades and, if it pays any, its funding.

    Chunks are made as they are asked for.  Books and trades of one market come from one pass: what is made for one and
    not yet asked of the other waits, so memory stays small as long as the two are read in step.
    """
    streams: list[Stream] = []
    for market in config.markets:
        source = _MarketSource(config, market)
        streams.append(Stream(market.instrument.id, "book", source.chunks("book")))
        streams.append(Stream(market.instrument.id, "trades", source.chunks("trades")))
        if market.funding_interval:
            streams.append(Stream(market.instrument.id, "funding", _funding(config, market)))
    return streams


def _seed(config: GeneratorConfig, market: MarketConfig, purpose: str) -> int:
    name = f"{config.seed}/{market.instrument.id}/{purpose}"
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little") >> 1


def _seeds(config: GeneratorConfig, market: MarketConfig, purpose: str, count: int) -> paths.IntArray:
    return np.array([_seed(config, market, f"{purpose}/{k}") for k in range(count)], dtype=np.int64)


def _slices(config: GeneratorConfig) -> Iterator[tuple[int, int]]:
    """Yield (first step, number of steps) of each chunk."""
    length = round(config.slice_s * _STEPS_PER_S)
    for first in range(0, config.n_steps, length):
        yield first, min(length, config.n_steps - first)


class _Path:
    """The hidden price of one market, walked once from the start."""

    def __init__(self, config: GeneratorConfig, market: MarketConfig) -> None:
        self._leader = None if market.leader is None else _Path(config, config.market(market.leader))
        self._waiting = np.zeros((paths.N_ROWS, market.lead // STEP))  # of the leader, not yet due here
        self._state = np.zeros(paths.N_STATE)
        self._first = 0
        self._seeds = _seeds(config, market, "path", paths.N_SEEDS)
        moves = market.moves
        jump_cooling = 1.0 / (moves.jump_decay_s * _STEPS_PER_S)
        self._spec = paths.PathSpec(
            sigma=moves.vol_bps * _BPS / sqrt(_STEPS_PER_S),
            reversion=1.0 / (moves.reversion_s * _STEPS_PER_S),
            reveal=1.0 / (moves.reveal_s * _STEPS_PER_S),
            shown_diffusion=moves.shown_diffusion,
            shown_jump=moves.shown_jump,
            jump_base=moves.jumps_per_s * (1.0 - moves.jump_branching) / _STEPS_PER_S,
            jump_kick=moves.jump_branching * jump_cooling,
            jump_cooling=jump_cooling,
            jump_size=moves.jump_bps * _BPS,
            beta=market.beta,
        )

    def advance(self, n_steps: int) -> paths.FloatArray:
        """Return the next `n_steps` of the path, (3, n)."""
        if self._leader is None:
            leader = np.zeros((paths.N_ROWS, n_steps))
        else:
            seen = np.concatenate([self._waiting, self._leader.advance(n_steps)], axis=1)
            leader = np.ascontiguousarray(seen[:, :n_steps])
            self._waiting = seen[:, n_steps:].copy()
        path = np.empty((paths.N_ROWS, n_steps))
        paths.advance_path(self._first, self._spec, self._seeds, self._state, leader, path)
        self._first += n_steps
        return path


class _MarketSource:
    """Books and trades of one market, made slice by slice for two streams."""

    def __init__(self, config: GeneratorConfig, market: MarketConfig) -> None:
        self._start = config.start
        self._slices = _slices(config)
        self._path = _Path(config, market)
        self._made: dict[str, deque[Columns]] = {"book": deque(), "trades": deque()}
        self._seeds = _seeds(config, market, "market", books.N_MARKET_SEEDS)
        self._lost = np.array(market.display.lost, dtype=np.int64)
        self._step = _step(market)
        self._spec = _market_spec(market, self._step)
        marks = np.zeros(books.N_MARKS, np.int64)
        marks[books.NEXT_BOOK] = config.start
        self._state = books.MarketState(
            sizes=np.zeros((2, books.RING), np.int64),
            hit=np.full((2, books.RING), -1, np.int64),
            shown=np.zeros((2, books.DEPTH, 2), np.int64),
            marks=marks,
            heat=np.zeros(1),
        )
        self._room = _room(market.display, min(round(config.slice_s * _STEPS_PER_S), config.n_steps))

    def chunks(self, kind: str) -> Iterator[Columns]:
        """Yield one stream's chunks, none of them empty."""
        waiting = self._made[kind]
        while waiting or self._make():
            if waiting:
                yield waiting.popleft()

    def _make(self) -> bool:
        """Make the next slice; return False where there is none."""
        first, n_steps = next(self._slices, (0, 0))
        if not n_steps:
            return False
        kernels.advance_market(
            self._start,
            first,
            self._spec,
            self._seeds,
            self._lost,
            self._path.advance(n_steps),
            self._state,
            self._room,
        )
        n_books, n_levels, n_trades = (int(end) for end in self._room.ends)
        if n_books:
            levels = self._room.levels[:n_levels].copy()
            levels[:, 0] *= self._step
            columns = [*self._room.books[:, :n_books].copy(), levels]
            self._made["book"].append(BookColumns(*columns))
        if n_trades:
            trades = TradeColumns(*self._room.trades[:, :n_trades].copy())
            trades.ticks[:] *= self._step
            self._made["trades"].append(trades)
        return True


def _step(market: MarketConfig) -> int:
    """Return the ticks between prices that are drawn: those between valid ones near the first price."""
    instrument = market.instrument
    return instrument.price_rule.step(instrument.ticks(market.price))


def _market_spec(market: MarketConfig, step: int) -> books.MarketSpec:
    instrument, flow, display = market.instrument, market.flow, market.display
    cooling = 1.0 / (flow.decay_s * _STEPS_PER_S)
    return books.MarketSpec(
        price=market.price * instrument.tick_den / (instrument.tick_num * step),
        slack=float(display.slack_ticks),
        level_lots=display.level_size * instrument.lot_den / instrument.lot_num,
        order_lots=flow.median_size * instrument.lot_den / instrument.lot_num,
        order_base=flow.orders_per_s * (1.0 - flow.branching) / _STEPS_PER_S,
        order_kick=flow.branching * cooling,
        jump_kick=flow.per_jump * (1.0 - flow.branching) * cooling,
        cooling=cooling,
        informed=float(flow.informed),
        gap_scale=flow.gap_bps * _BPS,
        interval=display.interval,
        jitter=float(display.jitter),
        latency=float(market.latency),
        is_delta=int(display.feed == "deltas"),
        resync=display.resync,
    )


def _room(display: Display, n_steps: int) -> books.Buffers:
    """Return buffers that no slice can overflow; pages that are never written cost nothing."""
    n_books = int(n_steps * STEP / (display.interval * (1.0 - display.jitter))) + 2
    return books.Buffers(
        books=np.empty((books.N_BOOK_ROWS, n_books), np.int64),
        levels=np.empty((n_books * 4 * books.DEPTH, 2), np.int64),
        trades=np.empty((books.N_TRADE_ROWS, n_steps * 2 * books.DEPTH), np.int64),
        ends=np.zeros(3, np.int64),
    )


def _funding(config: GeneratorConfig, market: MarketConfig) -> Iterator[Columns]:
    """Yield one payment at a time; walks a path of its own, so that looking ahead makes no books."""
    path = _Path(config, market)
    seed = _seed(config, market, "funding")
    interval, walked, shown, received = market.funding_interval, 0, 0.0, 0
    price = market.price * market.instrument.tick_den / market.instrument.tick_num
    due: Nanos = -(-config.start // interval) * interval
    while due < config.end:
        steps = (due - config.start) // STEP + 1
        while walked < steps:
            part = path.advance(min(60 * _STEPS_PER_S, steps - walked))
            walked += part.shape[1]
            shown = float(part[paths.SHOWN, -1])
        number = due // interval
        latency = int(market.latency * exp_(books.LATENCY_SIGMA * norm_ppf(uniform(seed, 2 * number)))) + 1
        rate = round(market.funding_rate * (1.0 + 0.5 * norm_ppf(uniform(seed, 2 * number + 1))) * 1e12)
        mark = round(price * exp_(shown))
        received = max(received, due + latency)
        yield FundingColumns([due], [received], [rate], [mark])
        due += interval
