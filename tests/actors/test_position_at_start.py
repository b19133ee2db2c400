"""An account that holds something at the start: no quote before that is known, whoever hears of it first."""

from collections import deque
from collections.abc import Iterator
from typing import Any

import pytest

from actors.order_config import OrderManagerConfig, QuoterSpec
from actors.order_manager import OrderManager
from actors.position_tracker import PositionTracker
from market.messages import (
    AccountSnapshot,
    ConnectionLost,
    ConnectionUp,
    PlaceOrder,
    RequestAccount,
    Started,
    WantedQuotes,
)
from tests.actors.model_venue import START, instruments, load_book

HELD = 10
WANTED = WantedQuotes(0, 0, ((9_990, 5),), ((10_010, 5),))


class Desk:
    """A tracker and a manager with a mailbox each, a venue and a quoter: who goes next is decided outside."""

    def __init__(self) -> None:
        self.now = START
        self.n_steps = 0
        config = OrderManagerConfig(reconcile_at_start=True)
        self.manager = OrderManager("manager", instruments(), config, [QuoterSpec(0, "q", (0,))])
        load_book(self.manager, 0, 9_990, 10_010)
        self.tracker = PositionTracker("tracker", instruments(), (0,))
        self.manager_line: deque[Any] = deque([Started(0)])
        self.tracker_line: deque[Any] = deque([Started(0)])
        self.asked: deque[int] = deque()
        self.n_wanted = 3
        self.placed_at_position: list[int] = []

    def moves(self) -> list[str]:
        lines = (("manager", self.manager_line), ("tracker", self.tracker_line), ("venue", self.asked))
        return [name for name, line in lines if line] + (["quoter"] if self.n_wanted else [])

    def move(self, who: str) -> None:
        self.now += 1
        if who == "manager":
            self.run_manager()
        elif who == "tracker":
            self.run_tracker()
        elif who == "quoter":
            self.n_wanted -= 1
            self.manager_line.append(WANTED)
        else:
            asked = self.asked.popleft()
            answer = AccountSnapshot(0, asked, self.now, self.now, 0, (), (), ((0, HELD), (1, 0)))
            self.tracker_line.append(answer)
            self.manager_line.append(answer)

    def run_manager(self) -> None:
        manager = self.manager
        manager.now = self.now
        manager.handle(self.manager_line.popleft())
        for _, out in manager.out:
            if isinstance(out, RequestAccount):
                self.asked.append(self.now)
            elif isinstance(out, PlaceOrder):
                self.placed_at_position.append(manager.ledger.guards[0].position)
        manager.out.clear()

    def run_tracker(self) -> None:
        self.tracker.now = self.now
        self.tracker.handle(self.tracker_line.popleft())
        self.manager_line += [out for port, out in self.tracker.out if port in ("doubts", "adjustments")]
        self.tracker.out.clear()


def every_order(n_choices: int) -> Iterator[Desk]:
    """Yield a desk for every way in which the first moves can follow each other; it goes on in turns after that."""
    paths: list[tuple[str, ...]] = [()]
    while paths:
        path = paths.pop()
        desk = Desk()
        for who in path:
            desk.move(who)
        if len(path) < n_choices and (moves := desk.moves()):
            paths += [(*path, who) for who in moves]
            continue
        while moves := desk.moves():
            desk.move(moves[0])
        yield desk


@pytest.mark.slow
def test_no_quote_before_the_position_is_known() -> None:
    n_orders = n_quoted = 0
    for desk in every_order(8):
        n_orders += 1
        n_quoted += bool(desk.placed_at_position)
        assert set(desk.placed_at_position) <= {HELD}, "it believed the account to be flat"
        assert desk.manager.ledger.guards[0].position == HELD
    assert n_orders > 500
    assert n_quoted > 0, "and when it is known there are quotes"


def test_nor_after_a_connection_that_was_lost() -> None:
    desk = Desk()
    while moves := desk.moves():
        desk.move(moves[0])
    desk.manager_line += [ConnectionLost(0, desk.now, 1, "test"), ConnectionUp(0, desk.now, 2)]
    desk.run_manager()
    desk.run_manager()
    desk.placed_at_position.clear()
    desk.move("venue")
    desk.run_manager()  # the snapshot; the tracker has not come to it
    desk.manager_line.append(WANTED)
    desk.run_manager()
    assert not desk.placed_at_position
    desk.run_tracker()
    desk.run_manager()
    desk.manager_line.append(WANTED)
    desk.run_manager()
    assert desk.placed_at_position == [HELD, HELD]
