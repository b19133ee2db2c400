"""Volatility of the last mids and trade prices, against the event form and against numpy."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from market import MidSamples
from research.estimators import volatility
from research.market_arrays import BookArrays, TradeArrays
from tests.research.estimators.random_feeds import book_arrays, books_of, tapes_of, trade_arrays


@settings(deadline=None)  # the first example may compile a kernel
@given(book_arrays(), st.none() | st.integers(1, 12), st.integers(1, 25), st.booleans(), st.booleans())
def test_the_same_while_the_replay_runs(
    books: BookArrays, n: int | None, window: int, relative: bool, weighted: bool
) -> None:
    samples = MidSamples()
    wanted = []
    for book in books_of(books):
        samples.append(book.ts_recv, book.mid)
        wanted.append(samples.volatility(n, book.ts_recv - window, relative, weighted))
    np.testing.assert_array_equal(volatility(books, n, window, relative, weighted), wanted)


@settings(deadline=None)  # the first example may compile a kernel
@given(trade_arrays(), st.integers(1, 12), st.booleans(), st.booleans())
def test_of_trades_it_is_the_tapes(trades: TradeArrays, n: int, relative: bool, weighted: bool) -> None:
    wanted = [tape.volatility(n, relative=relative, weighted=weighted) for tape in tapes_of(trades)]
    np.testing.assert_array_equal(volatility(trades, n, relative=relative, weighted=weighted), wanted)


@settings(deadline=None)  # the first example may compile a kernel
@given(book_arrays(), st.integers(1, 12), st.integers(1, 25))
def test_against_numpy(books: BookArrays, n: int, window: int) -> None:
    got = volatility(books, n, window)
    for r in range(len(books)):
        known = [k for k in range(r + 1) if not math.isnan(books.mid[k])][-n:]
        mids = [books.mid[k] for k in known if books.ts_recv[k] > books.ts_recv[r] - window]
        moves = np.diff(mids)
        moves = moves[moves != 0.0]
        wanted = math.nan if len(mids) < 2 else float(moves.std()) if len(moves) else 0.0
        np.testing.assert_allclose(got[r], wanted, rtol=1e-9, atol=1e-12)
