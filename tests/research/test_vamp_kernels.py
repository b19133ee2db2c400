"""VAMP of many books: the figures of market.kernels, which is tested against exact fractions, to the bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market import kernels
from research.market_arrays import BookArrays
from research.vamp_kernels import vamps
from tests.research.estimators.random_feeds import LINEAR, book_arrays


@settings(deadline=None)  # the first example may compile a kernel
@given(
    book_arrays(),
    st.lists(st.floats(0.0, 3000.0) | st.just(float("nan")), min_size=1, max_size=5).map(
        lambda values: sorted(value for value in values if value == value)
    ),
    st.booleans(),
)
def test_the_same_bits_as_one_by_one(books: BookArrays, notionals: list[float], has_negative: bool) -> None:
    at = np.array([-1.0] * has_negative + notionals)
    scale = books.instrument.scale()
    np.testing.assert_array_equal(
        vamps(books.bids, books.asks, scale, at), kernels.vamps(books.bids, books.asks, scale, at)
    )


def test_notionals_must_ascend() -> None:
    side = np.zeros((1, 1, 2), dtype=np.int64)
    for wrong in ([2.0, 1.0], [1.0, float("nan")]):
        with pytest.raises(ValueError, match=r"^notionals must ascend$"):
            vamps(side, side, LINEAR.scale(), np.array(wrong))
