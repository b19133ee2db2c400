"""A feed played into arrays shows the books that a replay shows, gaps and all."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.columns import BookColumns
from research.book_player import BookPlayer
from tests.sim.small_feeds import Shown, SmallMarket, small_markets

DEPTH = 7


@settings(max_examples=200, deadline=None)
@given(small_markets(1), st.integers(1, 30), st.sampled_from([2, 64]))
def test_books_are_those_of_the_replay_wherever_it_is_cut(market: SmallMarket, rows: int, capacity: int) -> None:
    data = market.data()
    whole = data.feeds[0][2]
    assert isinstance(whole, BookColumns)
    player = BookPlayer(data.instruments[0], DEPTH, capacity)
    found: list[Shown] = []
    for begin in range(0, len(whole), rows):
        books = player.play(whole.rows(begin, begin + rows))
        for r, ts in enumerate(books.ts_recv.tolist()):
            bids, asks = (tuple((t, n) for t, n in side[r].tolist() if n) for side in (books.bids, books.asks))
            found.append(Shown(ts, 0, bids, asks))
            assert books.ts_venue[r] == ts - 7
    expected = [shown for shown in market.shown() if shown.stream == 0]
    assert found == [shown._replace(bids=shown.bids[:DEPTH], asks=shown.asks[:DEPTH]) for shown in expected]
    times = {shown.ts for shown in expected}
    for after, before in player.holes:
        assert {after, before} <= times
        assert not any(after < ts < before for ts in times)


def test_a_hole_reaches_from_the_last_book_to_the_next_snapshot() -> None:
    def feed(*rows: tuple[int, int, int, int]) -> BookColumns:
        ts, seq, prev_seq, is_snapshot = np.array(rows).T
        ones = np.ones(len(rows), np.int64)
        levels = np.array([[5, 1], [6, 1]] * len(rows))
        return BookColumns(ts, ts, seq, prev_seq, is_snapshot, 2 * np.arange(len(rows)), ones, ones, levels)

    player = BookPlayer(SmallMarket(((), ())).data().instruments[0], 2)
    assert player.play(feed((1, 1, -1, 0), (2, 2, -1, 1), (3, 3, 2, 0))).ts_recv.tolist() == [2, 3]
    assert player.play(feed((5, 5, 4, 0), (6, 6, 5, 0))).ts_recv.tolist() == []
    assert player.holes == []  # it is open yet
    assert player.play(feed((7, 7, 6, 0), (8, 8, -1, 1), (9, 9, 8, 0))).ts_recv.tolist() == [8, 9]
    assert player.holes == [(3, 8)]


def test_what_is_no_book_is_named() -> None:
    ones = np.ones(1, np.int64)
    bad = BookColumns(ones, ones, ones, ones, ones, 0 * ones, 2 * ones, 0 * ones, np.array([[5, 1], [6, 1]]))
    player = BookPlayer(SmallMarket(((), ())).data().instruments[0], 2)
    with pytest.raises(ValueError, match=r"^a book message of v:S0 at 1 ns is not a book: levels must be sorted"):
        player.play(bad)
