"""Accounts whose positions run ahead of their lists of fills: whatever comes when, our position becomes the truth."""

from collections import deque
from itertools import permutations
from typing import Any

import attrs
import hypothesis.strategies as st
import pytest
from hypothesis import given

from actors.order_config import OrderManagerConfig, QuoterSpec
from actors.order_manager import OrderManager
from actors.position_tracker import PositionTracker
from market.messages import (
    AccountSnapshot,
    ActorUp,
    Adjustment,
    Fill,
    LogReplayed,
    RequestAccount,
    Started,
)
from market.order_log import PACK, unpack
from tests.actors.model_venue import START, instruments


@attrs.define
class Truth:
    """What happened at the venue, each at an instant of its own."""

    at: int
    lots: int
    fill: Fill | None  # None: something that no fill tells of


class Desk:
    """The position tracker and the order manager of one account, and a venue whose list of fills may lag."""

    def __init__(self) -> None:
        self.now = START
        self.happened: list[Truth] = []
        self.requests: deque[tuple[int, RequestAccount]] = deque()
        self.on_the_way: deque[AccountSnapshot] = deque()
        self.log: list[Any] = []
        self.build(0)

    def build(self, generation: int) -> None:
        """Start both; after a crash, from the log."""
        self.tracker = PositionTracker("tracker", instruments(), (0,))
        self.manager = OrderManager("manager", instruments(), OrderManagerConfig(), [QuoterSpec(0, "q", (0,))])
        logged = [unpack(row) for row in self.log]
        for message in (Started(generation), *logged, *([LogReplayed(0)] if generation else [])):
            self.give(message)

    def give(self, message: Any) -> None:
        """Deliver to the tracker and to the manager, then what the tracker says of it."""
        self.now += 1
        heard = [message] if type(message) in self.manager.on else []
        if type(message) in self.tracker.on:
            self.tracker.now = self.now
            self.tracker.handle(message)
            for port, out in self.tracker.out:
                if port == "adjustments":
                    self.log.append(PACK[Adjustment](out, self.now))
                if port in ("adjustments", "doubts"):
                    heard.append(out)
            self.tracker.out.clear()
        for each in heard:
            self.manager.now = self.now
            self.manager.on[type(each)](each)
            self.requests += [(self.now, out) for _, out in self.manager.out if isinstance(out, RequestAccount)]
            self.manager.out.clear()

    def happen(self, lots: int, *, is_told: bool = True) -> Truth:
        """Change the account by a fill, or by something that is not told."""
        self.now += 1
        n, side = len(self.happened), 1 if lots > 0 else -1
        fill = Fill(0, 0, self.now, self.now, n, side, 9_990 + n, abs(lots), True, 0) if is_told else None
        self.happened.append(Truth(self.now, lots, fill))
        return self.happened[-1]

    def tell(self, fill: Fill) -> None:
        """A fill reaches us by itself."""
        if (0, fill.fill_id) not in {(row[3], row[8]) for row in self.log if row[0] in (11, 12)}:
            self.log.append(PACK[Fill](fill, self.now))
        self.give(fill)

    def serve(self, n_hidden: int) -> None:
        """The venue answers a request: its positions are true, its list lacks the newest `n_hidden` fills."""
        self.now += 1
        asked, request = self.requests.popleft()
        fills = [each.fill for each in self.happened if each.fill is not None]
        fills = fills[: len(fills) - min(n_hidden, len(fills))]
        lots = sum(each.lots for each in self.happened)
        self.on_the_way.append(
            AccountSnapshot(0, asked, self.now, self.now, request.fills_since, (), tuple(fills), ((0, lots),))
        )

    def hear(self) -> None:
        """A snapshot reaches us."""
        snapshot = self.on_the_way.popleft()
        for fill in snapshot.fills:
            if (0, fill.fill_id) not in {(row[3], row[8]) for row in self.log if row[0] in (11, 12)}:
                self.log.append(PACK[Fill](fill, self.now))
        self.give(snapshot)

    def ask(self) -> None:
        """Let the manager ask, if nothing is asked."""
        self.manager.now = self.now
        self.manager._reconciliation.ask(0)
        self.requests += [(self.now, out) for _, out in self.manager.out if isinstance(out, RequestAccount)]
        self.manager.out.clear()

    def settle(self) -> None:
        """Let everything that is under way come, with nothing hidden."""
        while self.requests or self.on_the_way:
            while self.on_the_way:
                self.hear()
            if self.requests:
                self.serve(0)

    @property
    def truth(self) -> int:
        return sum(each.lots for each in self.happened)

    @property
    def believed(self) -> tuple[int, int]:
        """What the tracker and the manager think that we hold."""
        return self.tracker.holding(0).lots, self.manager.ledger.guards[0].position

    @property
    def in_doubt(self) -> tuple[int, int]:
        """What the limits count besides, long and short; there are no orders."""
        guard = self.manager.ledger.guards[0]
        return guard.open_buy, guard.open_sell


@pytest.mark.parametrize("order", sorted(set(permutations(["fill", "snapshot", "snapshot"]))))
@pytest.mark.parametrize("lots", [5, -5])
def test_a_fill_among_two_snapshots_that_know_of_it_and_do_not_list_it(order: tuple[str, ...], lots: int) -> None:
    desk = Desk()
    happened = desk.happen(lots)
    assert happened.fill is not None
    for what in order:
        if what == "fill":
            desk.tell(happened.fill)
        else:
            desk.ask()
            desk.serve(1)
            desk.hear()
            long, short = desk.in_doubt
            assert desk.believed[1] - short <= desk.truth <= desk.believed[1] + long, "it counts, believed or not"
    assert desk.believed == (lots, lots)
    desk.settle()
    assert desk.believed == (lots, lots)
    assert desk.in_doubt == (0, 0)
    holding = desk.tracker.holding(0)
    assert holding.average_entry == holding.instrument.price(9_990), "at the price of the fill, whatever came first"


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("happen"), st.integers(-9, 9).filter(bool)),
        st.tuples(st.just("adjust"), st.integers(-9, 9).filter(bool)),
        st.tuples(st.just("tell"), st.integers(0, 9)),
        st.tuples(st.just("ask"), st.just(0)),
        st.tuples(st.just("serve"), st.integers(0, 3)),
        st.tuples(st.just("hear"), st.just(0)),
        st.tuples(st.just("crash"), st.just(0)),
    ),
    max_size=40,
)


@given(steps=STEPS)
def test_any_interleaving_ends_with_the_truth(steps: list[tuple[str, int]]) -> None:
    desk = Desk()
    untold: list[Fill] = []
    for what, n in steps:
        if what == "happen":
            fill = desk.happen(n).fill
            assert fill is not None
            untold.append(fill)
        elif what == "adjust":
            desk.happen(n, is_told=False)
        elif what == "tell" and untold:
            desk.tell(untold.pop(n % len(untold)))
        elif what == "ask":
            desk.ask()
        elif what == "serve" and desk.requests:
            desk.serve(n)
        elif what == "hear" and desk.on_the_way:
            desk.hear()
        elif what == "crash":
            desk.requests.clear()
            desk.on_the_way.clear()
            desk.build(1)
        assert desk.believed[0] == desk.believed[1]
    for fill in untold:
        desk.tell(fill)
    desk.settle()
    for _ in range(2):
        desk.ask()
        desk.settle()
    assert desk.believed == (desk.truth, desk.truth)
    assert desk.in_doubt == (0, 0)


@given(steps=STEPS.filter(lambda steps: all(what not in ("adjust", "crash") for what, _ in steps)))
def test_fills_alone_leave_no_trace_of_a_doubt(steps: list[tuple[str, int]]) -> None:
    """With every fill told in the end, the position is theirs without one more look at the account."""
    desk = Desk()
    untold: list[Fill] = []
    for what, n in steps:
        if what == "happen":
            fill = desk.happen(n).fill
            assert fill is not None
            untold.append(fill)
        elif what == "tell" and untold:
            desk.tell(untold.pop(n % len(untold)))
        elif what == "ask":
            desk.ask()
        elif what == "serve" and desk.requests:
            desk.serve(n)
        elif what == "hear" and desk.on_the_way:
            desk.hear()
    for fill in untold:
        desk.tell(fill)
    assert desk.believed == (desk.truth, desk.truth)


def test_who_begins_anew_learns_of_a_doubt_or_of_its_end() -> None:
    desk = Desk()
    desk.happen(5, is_told=False)
    desk.ask()
    desk.serve(0)
    desk.hear()
    assert desk.in_doubt == (5, 0)
    desk.manager = OrderManager("manager", instruments(), OrderManagerConfig(), [QuoterSpec(0, "q", (0,))])
    desk.manager.handle(Started(1))
    assert desk.in_doubt == (0, 0)
    desk.give(ActorUp("manager", 0))
    assert desk.in_doubt == (5, 0)
    desk.happen(-5, is_told=False)
    desk.tracker = PositionTracker("tracker", instruments(), (0,))
    desk.tracker.handle(Started(1))
    desk.tracker.handle(LogReplayed(0))
    desk.settle()
    assert desk.in_doubt == (0, 0), "the new tracker knows of no doubt, and the account shows none"
