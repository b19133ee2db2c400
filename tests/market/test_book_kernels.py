"""The ladder against a dict, in ladders so small that every move, recentring and refusal happens."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from market.book_kernels import (
    ASK,
    BID,
    INVALID,
    NEEDS_ROOM,
    apply,
    best,
    clear,
    is_crossed,
    load,
    nth,
    place_of,
    play,
    regrow,
    size_at,
    top,
)

Rows = list[tuple[int, int]]

prices = st.integers(1, 30)
snapshot_side = st.dictionaries(prices, st.integers(1, 99), max_size=10)
delta_side = st.lists(st.tuples(prices, st.integers(0, 3)), max_size=8)


def levels_of(*sides: Rows) -> npt.NDArray[np.int64]:
    """Return the rows of a message, behind two rows that belong to another."""
    return np.array([(777, 777), (777, 0), *(row for side in sides for row in side)], dtype=np.int64)


def best_first(side: dict[int, int], which: int) -> Rows:
    return sorted(side.items(), reverse=which == BID)


class LadderMachine(RuleBasedStateMachine):
    """Random snapshots and deltas; the model is a dict from price to lots for each side."""

    def __init__(self) -> None:
        super().__init__()
        self.model: list[dict[int, int]] = [{}, {}]

    @initialize(capacity=st.integers(1, 14))
    def start(self, capacity: int) -> None:
        self.capacity = capacity
        self.ladder = np.zeros((2, capacity, 2), dtype=np.int64)
        self.span = np.zeros((2, 2), dtype=np.int64)
        clear(self.ladder, self.span)

    @rule(bids=snapshot_side, asks=snapshot_side)
    def snapshot(self, bids: dict[int, int], asks: dict[int, int]) -> None:
        rows = levels_of(best_first(bids, BID), best_first(asks, ASK))
        answer = load(self.ladder, self.span, rows, 2, len(bids), len(asks))
        if max(len(bids), len(asks)) > self.capacity:
            assert answer == NEEDS_ROOM
        else:
            assert answer == 0
            self.model = [dict(bids), dict(asks)]

    @rule(bids=delta_side, asks=delta_side)
    def delta(self, bids: Rows, asks: Rows) -> None:
        answer = apply(self.ladder, self.span, levels_of(bids, asks), 2, len(bids), len(asks))
        n_unknown = 0
        after = [dict(side) for side in self.model]
        worst = [len(side) for side in self.model]
        for which, rows in ((BID, bids), (ASK, asks)):
            worst[which] += sum(lots > 0 and ticks not in self.model[which] for ticks, lots in rows)
            for ticks, lots in rows:
                if lots:
                    after[which][ticks] = lots
                elif after[which].pop(ticks, None) is None:
                    n_unknown += 1
        if max(worst) > self.capacity:
            assert answer == NEEDS_ROOM
        else:
            assert answer == n_unknown
            self.model = after

    @rule(ticks=prices, lots=st.integers(1, 99), is_bid=st.booleans())
    def one_more_level(self, ticks: int, lots: int, is_bid: bool) -> None:
        """Fill the ladder one by one, up to its last place."""
        self.delta([(ticks, lots)] if is_bid else [], [] if is_bid else [(ticks, lots)])

    @rule(bids=delta_side, asks=delta_side, bad=st.sampled_from([(0, 1), (-3, 1), (5, -1)]), where=st.integers(0, 20))
    def bad_delta(self, bids: Rows, asks: Rows, bad: tuple[int, int], where: int) -> None:
        side = bids if where % 2 else asks
        side.insert(where % (len(side) + 1), bad)
        # which refusal comes first depends on the order of the sides; that nothing changes does not
        assert apply(self.ladder, self.span, levels_of(bids, asks), 2, len(bids), len(asks)) in (INVALID, NEEDS_ROOM)

    @rule(extra=st.integers(0, 5))
    def move_to_other_room(self, extra: int) -> None:
        needed = max(map(len, self.model))
        ladder, span = np.full((2, needed + extra, 2), 999), np.zeros((2, 2), dtype=np.int64)
        if needed + extra == 0:
            return
        assert regrow(self.ladder, self.span, ladder, span) == 0
        self.ladder, self.span, self.capacity = ladder, span, needed + extra
        if needed > 1:
            small = np.zeros((2, needed - 1, 2), dtype=np.int64)
            assert regrow(self.ladder, self.span, small, np.zeros((2, 2), dtype=np.int64)) == NEEDS_ROOM

    @rule()
    def empty(self) -> None:
        clear(self.ladder, self.span)
        self.model = [{}, {}]

    @invariant()
    def shows_the_model(self) -> None:
        if not hasattr(self, "ladder"):
            return
        for side in (BID, ASK):
            rows = best_first(self.model[side], side)
            begin, end = self.span[side]
            assert 0 <= begin <= end <= self.capacity
            assert [tuple(row) for row in self.ladder[side, begin:end].tolist()] == rows
            assert best(self.ladder, self.span, side) == (rows[0][0] if rows else 0)
            for n in range(len(rows) + 2):
                assert nth(self.ladder, self.span, side, n) == (rows[n] if n < len(rows) else (0, 0))
            for ticks in range(32):
                assert size_at(self.ladder, self.span, side, ticks) == self.model[side].get(ticks, 0)
                n_better = sum(t > ticks if side == BID else t < ticks for t, _ in rows)
                assert place_of(self.ladder, self.span, side, ticks) - begin == n_better
        bids, asks = self.model
        assert is_crossed(self.ladder, self.span) == bool(bids and asks and max(bids) >= min(asks))


LadderMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestLadder = LadderMachine.TestCase


@pytest.mark.parametrize(
    ("bids", "asks"),
    [
        ([(10, 1), (10, 2)], []),  # twice the same
        ([(10, 1), (11, 1)], []),  # worst first
        ([], [(11, 1), (10, 1)]),
        ([(10, 0)], []),  # a level of nothing
        ([], [(12, -1)]),
        ([(0, 1)], []),
    ],
)
def test_a_snapshot_out_of_order_changes_nothing(bids: Rows, asks: Rows) -> None:
    ladder, span = np.zeros((2, 8, 2), dtype=np.int64), np.zeros((2, 2), dtype=np.int64)
    assert load(ladder, span, levels_of([(9, 5)], [(10, 6)]), 2, 1, 1) == 0
    assert load(ladder, span, levels_of(bids, asks), 2, len(bids), len(asks)) == INVALID
    assert [nth(ladder, span, side, n) for side in (BID, ASK) for n in (0, 1)] == [(9, 5), (0, 0), (10, 6), (0, 0)]


def test_top_fills_what_is_missing_with_zeros() -> None:
    ladder, span = np.zeros((2, 8, 2), dtype=np.int64), np.zeros((2, 2), dtype=np.int64)
    load(ladder, span, levels_of([(9, 5), (8, 4), (7, 3)], [(10, 6)]), 2, 3, 1)
    bids, asks = np.full((2, 2), 99), np.full((2, 2), 99)
    top(ladder, span, bids, asks)
    assert bids.tolist() == [[9, 5], [8, 4]]
    assert asks.tolist() == [[10, 6], [0, 0]]


def test_play_stops_at_the_message_that_needs_room_and_goes_on_after_growth() -> None:
    levels = np.array([(9, 5), (10, 6), (8, 4), (7, 0), (7, 3), (9, 0)], dtype=np.int64)
    is_snapshot, start = np.array([1, 0, 0, 0]), np.array([0, 2, 4, 5])
    n_bids, n_asks = np.array([1, 2, 1, 1]), np.array([1, 0, 0, 0])
    ladder, span = np.zeros((2, 2, 2), dtype=np.int64), np.zeros((2, 2), dtype=np.int64)
    bids, asks = np.zeros((4, 1, 2), dtype=np.int64), np.zeros((4, 1, 2), dtype=np.int64)
    columns = (is_snapshot, start, n_bids, n_asks, levels)
    assert play(ladder, span, *columns, 0, 4, bids, asks) == (2, NEEDS_ROOM)
    grown, grown_span = np.zeros((2, 4, 2), dtype=np.int64), np.zeros((2, 2), dtype=np.int64)
    regrow(ladder, span, grown, grown_span)
    assert play(grown, grown_span, *columns, 2, 4, bids[2:], asks[2:]) == (4, 0)
    assert bids[:, 0].tolist() == [[9, 5], [9, 5], [9, 5], [8, 4]]
    assert asks[:, 0].tolist() == [[10, 6]] * 4
