"""Order-flow imbalance by the paper's formula, by hand, and while the replay runs."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research.estimators import OrderFlow, order_flow_imbalance, order_flow_imbalances
from research.market_arrays import BookArrays
from tests.research.estimators.random_feeds import DEPTH, LINEAR, book_arrays, books_of


def naive_flow(books: BookArrays, r: int, level: int) -> float:
    """Return the e_n of the paper, in lots; a side without the level is infinitely far away."""
    (b, q), (b0, q0) = books.bids[r, level].tolist(), books.bids[r - 1, level].tolist()
    (a, s), (a0, s0) = books.asks[r, level].tolist(), books.asks[r - 1, level].tolist()
    a, a0 = (price if size else math.inf for price, size in ((a, s), (a0, s0)))
    return float(q * (b >= b0) - q0 * (b <= b0) - s * (a <= a0) + s0 * (a >= a0))


@settings(deadline=None)  # the first example may compile a kernel
@given(book_arrays(), st.integers(1, DEPTH), st.none() | st.integers(1, 9), st.integers(1, 20))
def test_against_the_formula(books: BookArrays, levels: int, n: int | None, window: int) -> None:
    got = order_flow_imbalances(books, levels, n, window)
    for r in range(len(books)):
        inside = [
            k for k in range(1, r + 1) if books.ts_recv[k] > books.ts_recv[r] - window and (n is None or k > r - n)
        ]
        wanted = [sum(naive_flow(books, k, level) for k in inside) * 0.1 for level in range(levels)]
        if books.instrument.inverse:
            wanted = [value * 10 for value in wanted]
        np.testing.assert_allclose(got[r], wanted, rtol=1e-12, atol=1e-12)


@settings(deadline=None)  # the first example may compile a kernel
@given(book_arrays(), st.integers(1, DEPTH), st.integers(1, 9), st.integers(1, 20), st.sampled_from([2, 5, 64]))
def test_the_same_while_the_replay_runs(books: BookArrays, levels: int, n: int, window: int, capacity: int) -> None:
    flow = OrderFlow(levels, capacity)
    by_count, by_time, by_both = [], [], []
    for book in books_of(books):
        flow.update(book)
        by_count.append(flow.imbalances(book, n=n))
        by_time.append(flow.imbalances(book, since=book.ts_recv - window))
        by_both.append(flow.imbalance(book, n, book.ts_recv - window))
    n_kept = min(n, capacity)
    np.testing.assert_array_equal(by_count, order_flow_imbalances(books, levels, n_kept))
    np.testing.assert_array_equal(by_time, order_flow_imbalances(books, levels, capacity, window))
    np.testing.assert_array_equal(by_both, order_flow_imbalance(books, n_kept, window))


def test_by_hand() -> None:
    # touches (bid x lots, ask x lots): each of the paper's cases once
    touches = [
        ((100, 5), (102, 7)),
        ((100, 8), (102, 7)),  # 3 came to the bid: +3
        ((101, 2), (102, 4)),  # a better bid of 2; 3 left the ask: 2 + 3
        ((99, 6), (101, 9)),  # the bid of 2 went; a better ask of 9: -2 - 9
        ((99, 6), (103, 1)),  # the ask of 9 went: +9
    ]
    stamps = np.arange(5)
    bids, asks = ([[touch[side]] for touch in touches] for side in (0, 1))
    books = BookArrays(LINEAR, stamps, stamps, np.array(bids), np.array(asks))
    np.testing.assert_allclose(order_flow_imbalance(books, n=1), [0, 0.3, 0.5, -1.1, 0.9], atol=1e-15)
    np.testing.assert_allclose(order_flow_imbalance(books, n=5), [0, 0.3, 0.8, -0.3, 0.6], atol=1e-15)
    np.testing.assert_allclose(order_flow_imbalance(books, window=2), [0, 0.3, 0.8, -0.6, -0.2], atol=1e-15)
    with pytest.raises(ValueError, match=r"^levels must be within 1 and the books' depth of 1, got 2$"):
        order_flow_imbalances(books, 2, n=1)
    with pytest.raises(ValueError, match=r"^levels and capacity must be at least 1, got 0 and 8$"):
        OrderFlow(0, 8)


def test_a_sample_without_updates_is_flat() -> None:
    assert OrderFlow(2).imbalances(next(books_of(_one_book())), n=3).tolist() == [0.0, 0.0]


def _one_book() -> BookArrays:
    return BookArrays(LINEAR, [1], [1], np.array([[[100, 1]]]), np.array([[[101, 1]]]))
