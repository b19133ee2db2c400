"""A cancel that nobody has answered is sent again for as long as that is so."""

from market.messages import CancelAll, CancelOrder
from market.units import SECOND
from venues.held_cancels import HeldCancels
from venues.venue import NEVER

ONE, ANOTHER, ALL = CancelOrder(1, 0), CancelOrder(2, 0), CancelAll(0)


def test_one_of_unknown_fate_is_sent_again_soon_and_then_slowly_without_end() -> None:
    held, now, times = HeldCancels(), 0, []
    held.try_again(ONE, 0, now)
    for _ in range(9):
        now = held.next_deadline()
        ((command, n_tries),) = held.due(now)
        times.append(now // SECOND)
        held.release(command)
        held.try_again(command, n_tries, now)
    assert times == [1, 2, 3, 4, 5, 15, 25, 35, 45]


def test_each_order_waits_once_and_all_of_them_besides() -> None:
    held = HeldCancels()
    for command in (ONE, ANOTHER, ALL, ONE):
        held.hold(command, 5, 0)
    assert held.due(4) == []
    assert [command for command, _ in held.due(5)] == [ONE, ANOTHER, ALL]
    for command in (ONE, ALL, ANOTHER):
        held.release(command)
    assert held.next_deadline() == NEVER
