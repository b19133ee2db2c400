"""What became of orders: counts, ends, and how long quotes stood."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from research.order_life import order_lives, quoted_share
from research.run_data import Columns

NEVER = np.iinfo(np.int64).max


def log(*rows: tuple[Any, ...]) -> Columns:
    """Rows of (kind, ts_venue, client_id, side, size)."""
    kind, ts, client_id, side, size = ([row[i] for row in rows] for i in range(5))
    columns: dict[str, Any] = {
        "kind": np.array(kind, dtype=object),
        "ts_venue": np.array(ts, dtype=np.int64),
        "client_id": np.array(client_id, dtype=np.int64),
        "side": np.array(side, dtype=np.int64),
        "size": np.array(size, dtype=np.int64),
    }
    return {**columns, "instrument": columns["ts_venue"] * 0, "quoter": columns["ts_venue"] * 0}


def fills(*rows: tuple[int, int, int]) -> Columns:
    """Rows of (client_id, ts_venue, size)."""
    return {
        name: np.array([row[i] for row in rows], dtype=np.int64)
        for i, name in enumerate(("client_id", "ts_venue", "size"))
    }


def test_each_way_to_end() -> None:
    lives = order_lives(
        log(
            ("PLACE", 0, 7, 1, 5),
            ("ACCEPTED", 10, 7, 0, 0),
            ("PLACE", 0, 8, -1, 5),
            ("REJECTED", 12, 8, 0, 0),
            ("PLACE", 0, 9, -1, 5),
            ("ACCEPTED", 13, 9, 0, 0),
            ("CANCELLED", 40, 9, 0, 0),
            ("PLACE", 0, 10, 1, 2),
            ("ACCEPTED", 20, 10, 0, 0),
            ("AMENDED", 25, 10, 0, 6),
            ("CANCELLED", 99, 4, 0, 0),  # placed before this run
        ),
        fills((7, 30, 3), (7, 35, 2), (9, 38, 1), (10, 26, 2), (4, 1, 1)),
    )
    assert lives.client_id.tolist() == [7, 8, 9, 10]
    assert lives.side.tolist() == [1, -1, -1, 1]
    assert lives.accepted.tolist() == [10, NEVER, 13, 20]
    assert lives.ended.tolist() == [35, 12, 40, NEVER]  # filled; rejected; cancelled; amended to 6, 2 filled: it stands
    assert lives.filled.tolist() == [5, 0, 1, 2]
    assert lives.size.tolist() == [5, 5, 5, 6]


def test_shares_of_time() -> None:
    lives = order_lives(
        log(
            ("PLACE", 0, 1, 1, 1),
            ("ACCEPTED", 100, 1, 0, 0),
            ("CANCELLED", 160, 1, 0, 0),
            ("PLACE", 0, 2, -1, 1),
            ("ACCEPTED", 150, 2, 0, 0),
        ),
        fills(),
    )
    # a bid over [100, 160), an ask from 150 to the end at 200
    assert quoted_share(lives, (100, 200), [0]) == (1.0, 0.1)
    assert quoted_share(lives, (0, 200), [0]) == (0.5, 0.05)
    assert quoted_share(lives, (0, 200), [0, 1]) == (0.25, 0.025)
    assert quoted_share(lives, (0, 0), [0]) == (0.0, 0.0)


@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.integers(0, 40), st.sampled_from([1, -1])).filter(lambda o: o[0] <= o[1]),
        max_size=8,
    )
)
def test_shares_against_every_instant(orders: list[tuple[int, int, int]]) -> None:
    rows: list[tuple[Any, ...]] = []
    for client_id, (begin, end, side) in enumerate(orders, start=1):
        rows += [("PLACE", 0, client_id, side, 1), ("ACCEPTED", begin, client_id, 0, 0)]
        rows.append(("EXPIRED", end, client_id, 0, 0))
    found = quoted_share(order_lives(log(*rows), fills()), (5, 35), [0])
    standing = [{side for begin, end, side in orders if begin <= t < end} for t in range(5, 35)]
    assert found == pytest.approx((sum(bool(s) for s in standing) / 30, sum(len(s) == 2 for s in standing) / 30))
