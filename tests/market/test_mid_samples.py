import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.mid_samples import MidSamples

mids = st.lists(st.tuples(st.integers(0, 3), st.integers(9990, 10010).map(lambda t: t / 100)), max_size=40)


@given(mids, st.integers(1, 12), st.none() | st.integers(0, 20), st.none() | st.integers(0, 70))
def test_a_sample_is_the_last_n_after_a_time(
    steps: list[tuple[int, float]], capacity: int, n: int | None, since: int | None
) -> None:
    samples = MidSamples(capacity)
    ts, everything = 0, []
    for step, mid in steps:
        ts += step
        samples.append(ts, mid)
        everything.append((ts, mid))
    kept = everything[-capacity:]
    assert len(samples) == len(kept)
    wanted = kept if n is None else kept[len(kept) - min(n, len(kept)) :]
    if since is not None:
        wanted = [sample for sample in wanted if sample[0] > since]
    assert samples.sample(n, since).tolist() == [mid for _, mid in wanted]
    assert samples.times(n, since).tolist() == [ts for ts, _ in wanted]
    moves = np.diff([mid for _, mid in wanted])
    moves = moves[moves != 0]
    got = samples.volatility(n, since)
    if len(wanted) < 2:
        assert math.isnan(got)
    else:
        assert got == pytest.approx(np.std(moves) if len(moves) else 0.0, abs=1e-12)


def test_a_book_with_an_empty_side_leaves_no_sample() -> None:
    samples = MidSamples(4)
    for ts, mid in enumerate([100.0, math.nan, 102.0, 101.0]):
        samples.append(ts, mid)
    assert samples.times().tolist() == [0, 2, 3]
    assert samples.volatility(relative=True) == pytest.approx(np.std([2.0, -1.0]) / 101.0)
    # weights 1 and 1/3, newest first
    mean = (-1.0 + 2.0 / 3) / (4 / 3)
    variance = ((-1.0 - mean) ** 2 + (2.0 - mean) ** 2 / 3) / (4 / 3)
    assert samples.volatility(weighted=True) == pytest.approx(math.sqrt(variance))
