"""Stoikov's micro-price: worked by hand, against sums written out, as a martingale, and while the replay runs."""

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research.estimators import FittedMicroprice
from research.estimators.fitted_microprice import limit_of_mids
from research.market_arrays import BookArrays
from tests.research.estimators.random_feeds import INVERSE, LINEAR, book_arrays, books_of

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

LOTS = np.array([10, 50, 90])


def touches(bid: list[int], bid_lots: list[int], ask: list[int], ask_lots: list[int]) -> BookArrays:
    sides = [np.array(side, dtype=np.int64).T[:, None, :] for side in ((bid, bid_lots), (ask, ask_lots))]
    stamps = np.arange(len(bid))
    return BookArrays(LINEAR, stamps, stamps, sides[0], sides[1])


def test_by_hand() -> None:
    # two states, few bids (0) and many (1); of 10 steps from many bids 5 stay, 1 turns, 3 go up a tick and stay many,
    # 1 goes up a tick and turns.  g1 = (r + q10 * -g1) / (1 - q11): g1 = 0.4 / (0.5 + 0.1) = 2/3;
    # the next change starts from many bids with B = (0.3 - 0.1) / (0.5 + 0.1) = 1/3 more often: 2/3 / (1 - 1/3) = 1
    quiet, moved = np.array([[5, 1], [1, 5]]), np.array([[3, 1], [1, 3]])
    found = limit_of_mids(quiet, moved, np.array([-4.0, 4.0]), np.array([1, 0]))
    np.testing.assert_allclose(found, [-1.0, 1.0], rtol=1e-14)


def test_a_book_that_always_turns_has_no_limit() -> None:
    never, always = np.zeros((2, 2), dtype=np.int64), np.array([[0, 1], [1, 0]])
    with pytest.raises(ValueError, match=r"^the expected mids do not converge \(ratio 1 of successive terms\): "):
        limit_of_mids(never, always, np.array([-1.0, 1.0]), np.array([1, 0]))


def naive_states(books: BookArrays, n_imbalances: int, n_spreads: int, spread_ticks: int) -> list[int | None]:
    found: list[int | None] = []
    for (bid, q), (ask, s) in zip(books.bids[:, 0].tolist(), books.asks[:, 0].tolist(), strict=True):
        if not bid or not ask or bid >= ask:
            found.append(None)
            continue
        spread = min(math.ceil((ask - bid) / spread_ticks), n_spreads) - 1
        imbalance = next(k for k in range(n_imbalances) if q * n_imbalances < (k + 1) * (q + s))
        found.append(spread * n_imbalances + imbalance)
    return found


def naive_limit(books: BookArrays, n_imbalances: int, n_spreads: int, spread_ticks: int) -> FloatArray:
    """Return the adjustments as the paper's sum of B^i g1, in ticks, over all states and without using symmetry."""
    n = n_imbalances * n_spreads
    states = naive_states(books, n_imbalances, n_spreads, spread_ticks)
    steps: list[tuple[int, int, float]] = []
    for r in range(1, len(states)):
        before, after = states[r - 1], states[r]
        if before is None or after is None:
            continue
        move = float(books.bids[r, 0, 0] + books.asks[r, 0, 0] - books.bids[r - 1, 0, 0] - books.asks[r - 1, 0, 0]) / 2
        steps.append((before, after, move))
        mirrored = [k // n_imbalances * n_imbalances + n_imbalances - 1 - k % n_imbalances for k in (before, after)]
        steps.append((mirrored[0], mirrored[1], -move))
    q, t, r1, count = np.zeros((n, n)), np.zeros((n, n)), np.zeros(n), np.zeros(n)
    for before, after, move in steps:
        count[before] += 1
        (t if move else q)[before, after] += 1
        r1[before] += move
    count[count == 0] = 1
    q, t, r1 = q / count[:, None], t / count[:, None], r1 / count
    # where quiet steps never end, nothing is expected: such a state is NaN in the model, and ends the walk of others
    leads = t.any(axis=1)
    for _ in range(n):
        leads = leads | (q @ leads > 0)
    q[~leads] = 0.0
    first, again = np.linalg.solve(np.eye(n) - q, r1), np.linalg.solve(np.eye(n) - q, t)
    total, term = np.zeros(n), first
    while np.abs(term).max() > 1e-10:
        total, term = total + term, again @ term
    return total


@settings(deadline=None)  # the first example may compile a kernel
@given(book_arrays(200), st.integers(1, 5), st.integers(1, 3), st.integers(1, 2))
def test_against_the_papers_sum(books: BookArrays, n_imbalances: int, n_spreads: int, spread_ticks: int) -> None:
    try:
        model = FittedMicroprice.fit(books, n_imbalances, n_spreads, spread_ticks)
    except ValueError as error:
        assert "never changes" in str(error) or "do not converge" in str(error)  # noqa: PT017
        return
    found = model.adjustment.reshape(-1)
    known = ~np.isnan(found)
    np.testing.assert_allclose(
        found[known], naive_limit(books, n_imbalances, n_spreads, spread_ticks)[known], atol=1e-6
    )
    np.testing.assert_array_equal(model.adjustment, -model.adjustment[:, ::-1])
    assert model.n_steps.sum() % 2 == 0

    tick = float(books.instrument.tick)
    states = naive_states(books, n_imbalances, n_spreads, spread_ticks)
    wanted = [math.nan if s is None else books.mid[r] + found[s] * tick for r, s in enumerate(states)]
    got = model.prices(books)
    np.testing.assert_allclose(got, wanted, rtol=1e-12)
    np.testing.assert_array_equal([model.price(book) for book in books_of(books)], got)


def simulated(rng: np.random.Generator, heavy: IntArray, n_steps: int) -> tuple[IntArray, IntArray]:
    """Return (n_steps, P) bids in ticks and queues (0 few bids, 1 even, 2 many) of P touches a tick wide.

    A step in twenty moves the price, mostly away from the lighter side, and the new queue remembers which way.
    """
    bids, queues = np.zeros((2, n_steps, len(heavy)), dtype=np.int64)
    bids[0], queues[0] = 100_000, heavy
    for k in range(1, n_steps):
        what, which = rng.random((2, len(heavy)))
        tilt = 0.3 * (queues[k - 1] - 1)
        is_move = what < 0.05
        bids[k] = bids[k - 1] + is_move * np.where(which < 0.5 + tilt, 1, -1)
        moved = np.clip(queues[k - 1] + np.where(which < 0.5 + tilt / 2, 1, -1), 0, 2)
        queues[k] = np.where(is_move, moved, np.where(what < 0.9, queues[k - 1], (which * 3).astype(np.int64)))
    return bids, queues


def test_it_is_the_expected_later_mid() -> None:
    rng = np.random.default_rng(11)
    bids, queues = simulated(rng, rng.integers(0, 3, 100), 600)
    # the paths one after the other, a one-sided book between them: no step leads from one to the next
    bid = np.vstack([bids, np.zeros((1, 100), dtype=np.int64)]).T.reshape(-1)
    lots = np.vstack([LOTS[queues], np.ones((1, 100), dtype=np.int64)]).T.reshape(-1)
    model = FittedMicroprice.fit(touches(bid.tolist(), lots.tolist(), (bid + 1).tolist(), (100 - lots).tolist()), 5)

    n_paths = 40_000
    later, _ = simulated(rng, np.full(n_paths, 2), 200)
    expected = model.prices(touches([100_000], [90], [100_001], [10]))[0]
    error = 0.01 * later[-1].std() / math.sqrt(n_paths)
    assert (later[-1].mean() + 0.5) * 0.01 == pytest.approx(expected, abs=4 * error + 0.0002)
    assert expected - 1000.005 > 10 * error
    assert model.prices(touches([100_000], [50], [100_001], [50]))[0] == 1000.005


def test_what_cannot_be_fitted_or_applied() -> None:
    still = touches([100] * 3, [1, 2, 3], [101] * 3, [1] * 3)
    with pytest.raises(ValueError, match=r"^the mid of binance-futures:SOLUSDT never changes in these 3 books$"):
        FittedMicroprice.fit(still)
    with pytest.raises(ValueError, match=r"^n_spreads must be at least 1, got 0$"):
        FittedMicroprice.fit(still, n_spreads=0)
    moving = touches([100, 101, 101, 100], [9, 9, 1, 9], [102] * 4, [1, 1, 9, 1])
    model = FittedMicroprice.fit(moving)
    other = BookArrays(INVERSE, moving.ts_venue, moving.ts_recv, moving.bids, moving.asks)
    with pytest.raises(
        ValueError, match=r"^fitted to binance-futures:SOLUSDT with a tick of 0.01, so not to be applied"
    ):
        model.prices(other)
    assert np.isnan(model.prices(touches([102, 0], [1, 0], [102, 103], [1, 1]))).all()
    assert np.isnan(model.adjustment).any()
