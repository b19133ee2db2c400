"""The shift of a venue's clock."""

from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from market.archive.clock import KEPT, LEAST, LeastLatencies, estimate_clock_shift
from market.archive.window import Window
from market.archive.writer import ArchiveWriter
from market.columns import TradeColumns
from market.units import HOUR, MS, SECOND
from tests.market.archive.samples import BTC, T0


def record(root: Path, latencies: "np.typing.NDArray[np.int64]", at: int = T0) -> None:
    recv = at + np.arange(len(latencies)) * MS
    ones = np.ones(len(latencies), np.int64)
    with ArchiveWriter(root, BTC, "trades") as writer:
        writer.append(TradeColumns(recv - latencies, recv, ones, ones, ones, np.arange(len(latencies))))


def test_a_collector_that_is_behind_is_put_right(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    record(tmp_path, -1270 * MS + rng.integers(0, 30 * MS, 5000))
    clock = estimate_clock_shift(tmp_path, BTC.venue)
    assert clock.n_messages == 5000
    assert -1270 * MS <= clock.least_latency < -1269 * MS
    assert clock.least_latency - clock.shift == LEAST == 1 * MS


def test_a_long_way_is_believed(tmp_path: Path) -> None:
    record(tmp_path, np.full(100, 180 * MS))
    assert estimate_clock_shift(tmp_path, BTC.venue).shift == 0


def test_one_wrong_stamp_moves_nothing(tmp_path: Path) -> None:
    latencies = np.full(30_000, 5 * MS)
    latencies[[5, 20_000]] = -3600 * SECOND
    record(tmp_path, latencies)
    clock = estimate_clock_shift(tmp_path, BTC.venue)
    assert (clock.shift, clock.least_latency, clock.n_passed_over) == (0, 5 * MS, 3)


def test_only_the_window_counts(tmp_path: Path) -> None:
    record(tmp_path, np.full(10, -50 * MS))
    record(tmp_path, np.full(10, -90 * MS), at=T0 + HOUR)
    assert estimate_clock_shift(tmp_path, BTC.venue, Window(T0, T0 + HOUR)).shift == -51 * MS
    assert estimate_clock_shift(tmp_path, BTC.venue).shift == -91 * MS
    assert estimate_clock_shift(tmp_path, "bybit").n_messages == 0


@settings(max_examples=30)
@given(st.lists(st.lists(st.integers(-1000, 1000), max_size=100), max_size=5))
def test_the_least_are_kept(parts: list[list[int]]) -> None:
    least = LeastLatencies()
    for part in parts:
        least.add(np.array(part, np.int64))
    whole = sorted(value for part in parts for value in part)
    assert (least.n, list(least.values())) == (len(whole), whole[:KEPT])
