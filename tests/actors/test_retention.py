"""What actors keep does not grow with the orders and fills that are over."""

import pytest

from actors.position_tracker import PositionTracker
from market.messages import WantedQuotes
from market.units import HOUR, SECOND
from tests.actors.model_venue import World, world
from tests.retained import n_retained

pytestmark = pytest.mark.slow
N_KEPT = 16_400  # more than ids of fills are remembered
N_MORE = 4_000


class Desk:
    """One manager and one tracker, of whose world nothing is kept but the fills, which number themselves."""

    def __init__(self) -> None:
        self.world: World = world()
        self.tracker = PositionTracker("tracker", self.world.table, (0,))

    def trade(self, n: int) -> None:
        """Set quotes, have one of them taken and the other cancelled, n times."""
        w = self.world
        for number in range(n):
            w.advance(SECOND // 4)
            w.give(WantedQuotes(0, 0, ((9_990 - number % 3, 2),), ((10_010 + number % 3, 2),)))
            w.settle()
            w.fill(w.open_orders()[number % 2], 2)
            self.tracker.now = w.now
            self.tracker.on[type(w.fills[-1])](w.fills[-1])
            self.tracker.out.clear()
            w.settle()
            w.give(WantedQuotes(0, 0, (), ()))
            w.settle()
            assert not w.manager.ledger.live
            for kept in (w.log, w.commands, w.updates, w.at_venue, w.told, w.told_fills):
                kept.clear()

    def retained(self) -> int:
        """Count when orders of long ago have made room, which they do when others end."""
        for _ in range(3):
            self.world.advance(HOUR)
            self.trade(1)
        return n_retained(self.world.manager, self.tracker)


def test_orders_and_fills_that_are_over_are_forgotten() -> None:
    desk = Desk()
    desk.trade(N_KEPT)
    before = desk.retained()
    desk.trade(N_MORE)
    assert abs(desk.retained() - before) < 200
    assert desk.tracker.holding(0).n_fills == N_KEPT + N_MORE + 6
