"""The generator's columns: what every consumer relies on."""

import itertools
import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import attrs
import numpy as np
import pytest

from market import book_kernels
from market.columns import BookColumns, TradeColumns
from market.units import MINUTE, MS, SECOND
from sim.generator import (
    GeneratorConfig,
    MarketConfig,
    calm_market,
    crash_market,
    default_market,
    deltas_market,
    describe,
    generate,
    pair_market,
)
from sim.generator_presets import Preset
from tests.sim.generated import IntArray, digest, mids, read

ROOT = Path(__file__).resolve().parent.parent.parent
DEPTH = 20
PRESETS = (default_market, calm_market, pair_market)


def changed(config: GeneratorConfig, change: Callable[[MarketConfig], MarketConfig]) -> GeneratorConfig:
    return attrs.evolve(config, markets=tuple(change(market) for market in config.markets))


def snapshots(book: BookColumns) -> IntArray:
    """(R, 2, DEPTH, 2): the sides of every snapshot."""
    assert book.is_snapshot.all()
    assert (book.n_bids == DEPTH).all()
    assert (book.n_asks == DEPTH).all()
    return book.levels.reshape(-1, 2, DEPTH, 2)


def rebuilt(book: BookColumns, first: int = 0) -> IntArray:
    """(R - first, 2, DEPTH, 2): the top of the book after every message from `first` on, by the system's own ladder."""
    ladder, span = np.zeros((2, 256, 2), np.int64), np.zeros((2, 2), np.int64)
    book_kernels.clear(ladder, span)
    out = np.zeros((2, len(book) - first, DEPTH, 2), np.int64)
    end, unknown = book_kernels.play(
        ladder,
        span,
        book.is_snapshot,
        book.start,
        book.n_bids,
        book.n_asks,
        book.levels,
        first,
        len(book),
        out[0],
        out[1],
    )
    assert (end, unknown) == (len(book), 0)
    return out.swapaxes(0, 1)


# --- the same bytes ------------------------------------------------------------------------------------------------

SHOW = """
import market.jit, json, sys
from numba.core.registry import cpu_target
from sim.generator import pair_market
from tests.sim.generated import digest
cpu = cpu_target.target_context.codegen().magic_tuple()[1]
print(json.dumps([digest(pair_market(seconds=30)[1]), cpu, sys.flags.hash_randomization, hash("a")]))
"""


@pytest.mark.slow
def test_other_processes_and_processors_make_the_same_bytes() -> None:
    hashes, cpus = set(), []
    for hash_seed, cpu in (("1", ""), ("2", "generic")):
        environment = os.environ | {"PYTHONHASHSEED": hash_seed} | ({"NUMBA_CPU_NAME": cpu} if cpu else {})
        run = subprocess.run(
            [sys.executable, "-c", SHOW], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        )
        found, used_cpu, _, text_hash = json.loads(run.stdout)
        assert found == digest(pair_market(seconds=30)[1])
        hashes.add(text_hash)
        cpus.append(used_cpu)
    assert len(hashes) == 2
    assert cpus[1] == "generic" != cpus[0]


@pytest.mark.slow
@pytest.mark.parametrize("slice_s", [0.01, 0.37, 1, 7, 60])
def test_length_of_chunks_changes_nothing(slice_s: float) -> None:
    _, config = pair_market(seconds=20 if slice_s < 1 else 75)
    config = changed(config, lambda market: attrs.evolve(market, funding_interval=7 * SECOND))
    assert digest(attrs.evolve(config, slice_s=slice_s)) == digest(config)


def test_seed_changes_everything_and_other_markets_nothing() -> None:
    _, config = pair_market(seconds=20)
    feeds = read(config)
    alone = read(attrs.evolve(config, markets=config.markets[:1]))
    other = read(attrs.evolve(config, seed=8))
    assert np.array_equal(alone.trades[0].ticks, feeds.trades[0].ticks)
    assert np.array_equal(alone.books[0].levels, feeds.books[0].levels)
    for instrument in feeds.trades:
        assert not np.array_equal(other.trades[instrument].ts_venue, feeds.trades[instrument].ts_venue)


def test_longer_market_begins_with_the_shorter() -> None:
    short, long = (read(default_market(seconds=s)[1]) for s in (20, 30))
    for instrument in (0, 1):
        book = long.books[instrument].rows(0, len(short.books[instrument]))
        assert np.array_equal(book.levels, short.books[instrument].levels)
        assert np.array_equal(book.ts_recv, short.books[instrument].ts_recv)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_length() -> None:
    peaks = []
    for seconds in (200, 800):
        _, config = default_market(seconds=seconds)
        streams = generate(attrs.evolve(config, slice_s=10))
        tracemalloc.start()
        for _ in itertools.zip_longest(*(stream.chunks for stream in streams)):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]


# --- books and trades ----------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("preset", PRESETS)
def test_books_are_books(preset: Callable[..., Preset]) -> None:
    for book in read(preset(seconds=120)[1]).books.values():
        sides = snapshots(book)
        assert (sides[..., 1] > 0).all()
        assert (np.diff(sides[:, 0, :, 0], axis=1) < 0).all()
        assert (np.diff(sides[:, 1, :, 0], axis=1) > 0).all()
        assert (sides[:, 0, 0, 0] < sides[:, 1, 0, 0]).all()
        assert (np.diff(book.ts_venue) > 0).all()
        assert np.array_equal(book.seq, np.arange(1, len(book) + 1))
        assert (book.prev_seq == -1).all()


@pytest.mark.slow
def test_stamps_are_late_by_a_latency_that_keeps_the_order() -> None:
    feeds = read(default_market(seconds=300)[1])
    both: list[BookColumns | TradeColumns] = [*feeds.books.values(), *feeds.trades.values()]
    for columns in both:
        latency = columns.ts_recv - columns.ts_venue
        assert latency.min() > MS
        assert 4 * MS < np.median(latency) < 7 * MS
        assert latency.std() > 0.5 * MS
        assert (np.diff(columns.ts_recv) >= 0).all()
        assert (np.diff(columns.ts_venue) >= 0).all()
    for instrument, trades in feeds.trades.items():  # no book overtakes the trades before it
        book = feeds.books[instrument]
        before = np.searchsorted(book.ts_venue, trades.ts_venue) - 1
        assert (trades.ts_recv >= book.ts_recv[before]).all()


@pytest.mark.slow
@pytest.mark.parametrize("preset", [default_market, calm_market])
def test_trades_walk_the_book_that_they_follow_and_the_next_shows_it(preset: Callable[..., Preset]) -> None:
    feeds = read(preset(seconds=180)[1])
    for instrument, trades in feeds.trades.items():
        book = feeds.books[instrument]
        sides = snapshots(book)
        last = np.searchsorted(book.ts_venue, trades.ts_venue) - 1
        assert last.min() >= 0
        n_walks = 0
        for number, prints in itertools.groupby(range(len(trades)), key=lambda i: int(last[i])):
            left = [dict(sides[number, side].tolist()) for side in (0, 1)]
            touched: set[tuple[int, int]] = set()
            for i in prints:
                side = 1 if trades.taker[i] > 0 else 0
                price, lots = int(trades.ticks[i]), int(trades.lots[i])
                best = min(left[1]) if side else max(left[0])
                assert price == best
                assert 0 < lots <= left[side][price]
                left[side][price] -= lots
                touched.add((side, price))
                if not left[side][price]:
                    del left[side][price]
                    n_walks += 1
            if number + 1 < len(book):
                for side, price in touched:
                    shown = dict(sides[number + 1, side].tolist())
                    assert shown.get(price, 0) in (0, left[side].get(price, 0))
        assert n_walks > 50
        assert (np.diff(trades.trade_id) == 1).all()


# --- deltas --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_deltas_rebuild_the_snapshots() -> None:
    deltas, whole = read(deltas_market(seconds=300)[1]), read(default_market(seconds=300)[1])
    for instrument, book in deltas.books.items():
        assert np.array_equal(rebuilt(book), snapshots(whole.books[instrument]))
        assert np.array_equal(book.ts_recv, whole.books[instrument].ts_recv)
        assert np.array_equal(deltas.trades[instrument].ticks, whole.trades[instrument].ticks)
        assert np.flatnonzero(book.is_snapshot).tolist() == [0]
        assert np.array_equal(book.prev_seq[1:], book.seq[:-1])
        assert len(book.levels) < len(whole.books[instrument].levels) / 3


def test_lost_delta_breaks_the_chain_until_a_snapshot_repairs_it() -> None:
    _, config = deltas_market(seconds=20)
    lost = (30, 33, 80)
    broken = changed(
        config, lambda market: attrs.evolve(market, display=attrs.evolve(market.display, lost=lost, resync=5))
    )
    feeds = read(broken)
    for instrument, whole in read(default_market(seconds=20)[1]).books.items():
        book = feeds.books[instrument]
        number = book.seq - 1
        assert set(range(len(whole))) - set(number.tolist()) == set(lost)
        assert number[np.flatnonzero(book.is_snapshot)].tolist() == [0, 38, 85]  # the second loss moves the repair on
        is_broken = (book.prev_seq[1:] != book.seq[:-1]) & (book.is_snapshot[1:] == 0)
        assert number[1:][is_broken].tolist() == [31, 34, 81]
        repaired = int(np.flatnonzero(number == 85)[0])
        assert np.array_equal(rebuilt(book, repaired), snapshots(whole)[85:])


# --- funding and description ---------------------------------------------------------------------------------------


def test_funding_falls_on_its_times_at_the_price_of_the_moment() -> None:
    _, config = default_market(seconds=200)
    config = attrs.evolve(config, start=config.start + 10 * SECOND)
    feeds = read(changed(config, lambda market: attrs.evolve(market, funding_interval=MINUTE)))
    for instrument in (0, 1):
        funding, book = feeds.funding[instrument], feeds.books[instrument]
        first = config.start + 50 * SECOND
        assert funding.ts_venue.tolist() == [first, first + MINUTE, first + 2 * MINUTE]
        assert (funding.ts_recv > funding.ts_venue).all()
        assert len(set(funding.rate_e12.tolist())) == 3
        assert (np.abs(funding.rate_e12) < 5e8).all()
        at = np.searchsorted(book.ts_venue, funding.ts_venue)
        assert (np.abs(funding.mark - mids(book)[at]) < 5).all()


@pytest.mark.slow
def test_default_hour_pays_funding_once() -> None:
    for stream in generate(default_market()[1]):
        if stream.kind == "funding":
            payments = list(stream.chunks)
            assert [chunk.ts_venue.tolist() for chunk in payments] == [[1_736_496_000 * SECOND]]  # 2025-01-10 08:00


def test_description_is_plain_and_says_what_decides() -> None:
    _, config = pair_market(seconds=20)
    text = json.dumps(describe(config))
    assert text == json.dumps(describe(attrs.evolve(config, slice_s=1)))
    assert text != json.dumps(describe(attrs.evolve(config, seed=8)))
    louder = changed(config, lambda market: attrs.evolve(market, moves=market.moves.scaled(2)))
    assert text != json.dumps(describe(louder))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: attrs.evolve(c, markets=c.markets[::-1]), r"^leader 0 of bybit:SOLUSDT does not stand before it$"),
        (lambda c: attrs.evolve(c, markets=c.markets[:1] * 2), r"^instrument 0 \(.*\) has two markets$"),
        (lambda c: attrs.evolve(c, seconds=0.015), r"^seconds = 0\.015 is not a multiple of 0\.01 s$"),
        (
            lambda c: attrs.evolve(c.markets[1], lead=1),
            r"^lead 1 ns of bybit:SOLUSDT is not a multiple of 10000000 ns$",
        ),
        (lambda c: attrs.evolve(c.markets[0].display, lost=(3,)), r"^lost messages \(3,\): only deltas "),
        (
            lambda c: attrs.evolve(c.markets[0].moves, jump_branching=1.0),
            r"^jump_branching = 1\.0 is not within \[0, 1\)$",
        ),
    ],
)
def test_wrong_configs_are_named(change: Callable[[GeneratorConfig], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        change(crash_market()[1])
