"""The rules that explain where two simulations part."""

import numpy as np
import pytest

from market.columns import BookColumns, TradeColumns
from tests.bench.peer_divergence import OrderEnd, Workload, divergences

LATENCY = 5
BIDS = (100, 100, 101, 101)  # the second and the fourth book bring nothing new
TIMES = (1000, 2000, 3000, 4000, 5000)


@pytest.fixture
def workload() -> Workload:
    """Books at 1000, 2000, ... 5000; a seller's print at 99 at 2500 and a buyer's at 98 at 3500."""
    levels = [row for bid in (*BIDS, 102) for row in ((bid, 5), (bid + 1, 5))]
    ts, n, ones = np.array(TIMES), np.arange(5), np.ones(5)
    book = BookColumns(ts - 1, ts, n, -ones, ones, 2 * n, ones, ones, np.array(levels))
    at = np.array([2500, 3500])
    trades = TradeColumns(at, at + 1, np.array([99, 98]), np.array([9, 9]), np.array([-1, 1]), at)
    return Workload(book, trades)


@pytest.mark.parametrize(
    ("ours", "peer", "rule"),
    [
        ({(2000, 1): OrderEnd(100, 1)}, {}, "unchanged book"),
        ({(1000, 1): OrderEnd(100, 1, "cancelled", 2005)}, {(1000, 1): OrderEnd(100, 1)}, "unchanged book"),
        ({(1000, 1): OrderEnd(100, 1, "filled", 3500)}, {(1000, 1): OrderEnd(100, 1)}, "own side's print"),
        ({(1000, 1): OrderEnd(100, 1, "filled", 2500)}, {(1000, 1): OrderEnd(100, 1)}, "?"),
        ({(5000, -1): OrderEnd(103, 1)}, {}, "end of run"),
        ({(1000, 1): OrderEnd(100, 1, "cancelled", 5005)}, {(1000, 1): OrderEnd(100, 1)}, "end of run"),
        ({}, {(3000, 1): OrderEnd(101, 1)}, "?"),
    ],
)
def test_a_divergence_has_the_rule_that_makes_it(
    workload: Workload, ours: dict[tuple[int, int], OrderEnd], peer: dict[tuple[int, int], OrderEnd], rule: str
) -> None:
    assert [each.rule for each in divergences(ours, peer, workload, LATENCY)] == [rule]


def test_what_follows_from_a_divergence_is_told_from_a_new_one(workload: Workload) -> None:
    same = {(3000, -1): OrderEnd(103, 1, "cancelled", 4500)}
    ours = {(2000, 1): OrderEnd(100, 1, "filled", 2500), **same}
    peer = {(3000, 1): OrderEnd(101, 1), (4500, 1): OrderEnd(100, 1), (4500, -1): OrderEnd(100, 1), **same}
    found = [(each.ts, each.side, each.rule) for each in divergences(ours, peer, workload, LATENCY)]
    # our bid alone was filled: from then on the positions differ
    assert found == [
        (2000, 1, "unchanged book"),
        (3000, 1, "earlier divergence"),
        (4500, -1, "earlier divergence"),
        (4500, 1, "earlier divergence"),
    ]


def test_equal_runs_do_not_part(workload: Workload) -> None:
    orders = {(1000, 1): OrderEnd(100, 1, "filled", 2500)}
    assert list(divergences(orders, dict(orders), workload, LATENCY)) == []
