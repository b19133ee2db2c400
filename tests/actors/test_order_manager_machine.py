"""The order manager against a venue that refuses, reorders, loses and forgets, step by random step."""

from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from actors.lanes import ENDED, ENDING, PHASE, STANDING
from actors.order_config import OrderManagerConfig, QuoterSpec
from actors.risk import Limits
from market.messages import (
    ActorDown,
    ActorUp,
    AmendWish,
    CancelAllWish,
    CancelWish,
    Drain,
    Drained,
    Fresh,
    PlaceOrder,
    Stale,
    SubmitOrder,
    WantedQuotes,
)
from market.units import SECOND
from tests.actors.model_venue import World

MAX_LOTS = 15
LIMITS = Limits(max_position=MAX_LOTS / 10, max_open_orders=8, max_order_rate=1000.0)

PRICES = st.integers(9_985, 10_015)
LEVELS = st.lists(st.tuples(PRICES, st.integers(1, 12)), max_size=2, unique_by=lambda level: level[0]).map(tuple)
ONE_LEVEL = st.lists(st.tuples(PRICES, st.integers(1, 12)), max_size=1).map(tuple)
QUOTERS = st.integers(0, 1)
TAGS = st.integers(1, 3)


class OrderManagerMachine(RuleBasedStateMachine):
    """Quoter 0 quotes two levels on two instruments at once, quoter 1 one level a side, one after the other."""

    world: World

    @initialize(
        cancel_pending=st.sampled_from(["at_once", "on_accept", "next_quotes"]),
        resize=st.sampled_from(["never", "larger", "always"]),
        unknown=st.sampled_from(["cancel", "adopt"]),
    )
    def begin(self, cancel_pending: Any, resize: Any, unknown: Any) -> None:
        quoters = (
            QuoterSpec(0, "overlap", (0, 1), cancel_pending=cancel_pending, resize=resize),
            QuoterSpec(1, "sequential", (0,), policy="sequential", cancel_pending=cancel_pending, resize=resize),
        )
        config = OrderManagerConfig(limits=LIMITS, account_every_s=20.0, unknown_orders=unknown)
        self.world = World(config, quoters)
        self.tag = [10, 10]
        self.n_seen = 0

    # --- quoters -----------------------------------------------------------------------------------------------------

    @rule(instrument=st.integers(0, 1), bids=LEVELS, asks=LEVELS)
    def quote(self, instrument: int, bids: Any, asks: Any) -> None:
        self.world.give(WantedQuotes(0, instrument, bids, asks))

    @rule(bids=ONE_LEVEL, asks=ONE_LEVEL)
    def quote_sequentially(self, bids: Any, asks: Any) -> None:
        self.world.give(WantedQuotes(1, 0, bids, asks))

    @rule(tag=TAGS, side=st.sampled_from([1, -1]), price=PRICES, size=st.integers(0, 12))
    def submit(self, tag: int, side: int, price: int, size: int) -> None:
        self.world.give(SubmitOrder(0, 0, tag, side, price, size, 0))

    @rule(tag=TAGS, price=PRICES, size=st.integers(1, 15))
    def amend(self, tag: int, price: int, size: int) -> None:
        self.world.give(AmendWish(0, 0, tag, price, size))

    @rule(tag=TAGS)
    def cancel(self, tag: int) -> None:
        self.world.give(CancelWish(0, 0, tag))

    @rule(quoter=QUOTERS)
    def cancel_all(self, quoter: int) -> None:
        self.world.give(CancelAllWish(quoter, 0))

    @rule(quoter=QUOTERS)
    def quoter_falls_and_returns(self, quoter: int) -> None:
        self.world.give(ActorDown("quoter", quoter, "test"))
        self.world.give(ActorUp("quoter", quoter))

    @rule(instrument=st.integers(0, 1))
    def book_is_stale_for_a_while(self, instrument: int) -> None:
        world = self.world
        world.give(Stale(instrument, world.now, "test"))
        n_before = sum(isinstance(c, PlaceOrder) for c in world.commands)
        world.give(WantedQuotes(0, instrument, ((9_990, 3),), ((10_010, 3),)))
        world.give(SubmitOrder(0, 0, 9, 1, 9_990, 3, 0))
        assert sum(isinstance(c, PlaceOrder) for c in world.commands) == n_before, "an order on a stale book"
        world.give(Fresh(instrument, world.now))

    # --- the venue and the way there ---------------------------------------------------------------------------------

    @precondition(lambda self: self.world.requests)
    @rule(answer=st.sampled_from(["yes", "yes", "yes", "yes", "no", "lost"]))
    def serve(self, answer: str) -> None:
        self.world.serve(answer)

    @precondition(lambda self: self.world.open_orders())
    @rule(pick=st.integers(0, 100), size=st.integers(1, 12))
    def fill(self, pick: int, size: int) -> None:
        opened = self.world.open_orders()
        self.world.fill(opened[pick % len(opened)], size)

    @precondition(lambda self: self.world.open_orders())
    @rule(pick=st.integers(0, 100), size=st.integers(1, 12), price=PRICES, wanted=st.integers(1, 15))
    def cancels_are_told_before_the_fills_that_went_before_them(
        self, pick: int, size: int, price: int, wanted: int
    ) -> None:
        world = self.world
        opened = world.open_orders()
        world.fill(opened[pick % len(opened)], size)
        for instrument in (0, 1):
            world.give(CancelAllWish(0, instrument))
        while world.requests:
            world.serve()
        while world.facts:
            world.emit(world.facts)
        while world.mailbox:
            world.handle()
        for instrument in (0, 1):
            world.give(WantedQuotes(0, instrument, ((price - 5, wanted),), ((price + 5, wanted),)))

    @precondition(lambda self: self.world.facts)
    @rule(is_lost=st.sampled_from([False] * 9 + [True]))
    def emit_fact(self, is_lost: bool) -> None:
        if is_lost:
            self.world.facts.popleft()
        else:
            self.world.emit(self.world.facts)

    @precondition(lambda self: self.world.fills)
    @rule(is_lost=st.sampled_from([False] * 9 + [True]))
    def emit_fill(self, is_lost: bool) -> None:
        if is_lost:
            self.world.fills.popleft()
        else:
            self.world.emit(self.world.fills)

    @precondition(lambda self: self.world.mailbox)
    @rule()
    def handle(self) -> None:
        self.world.handle()

    @precondition(lambda self: self.world.mailbox)
    @rule()
    def handle_twice(self) -> None:
        self.world.mailbox.insert(0, self.world.mailbox[0])
        self.world.handle()
        self.world.handle()

    @rule()
    def all_is_well(self) -> None:
        self.world.settle()

    @rule(seconds=st.sampled_from([1, 3, 6, 30, 130]))
    def wait(self, seconds: int) -> None:
        self.world.advance(seconds * SECOND)

    @rule()
    def reconnect(self) -> None:
        self.world.reconnect()

    @rule()
    def restart(self) -> None:
        self.world.restart()

    # --- what must hold ----------------------------------------------------------------------------------------------

    @invariant()
    def sums_are_exact(self) -> None:
        ledger = self.world.manager.ledger
        for i, guard in enumerate(ledger.guards):
            orders = [o for o in ledger.live.values() if o.instrument == i]
            assert guard.n_live == len(orders)
            assert guard.open_buy == sum(o.worst for o in orders if o.side > 0)
            assert guard.open_sell == sum(o.worst for o in orders if o.side < 0)
        # a restarted manager takes up orders again that the log has no end of, and may be over the limit by them
        for command in self.world.commands[self.n_seen :]:
            if isinstance(command, PlaceOrder):
                guard = ledger.guards[command.instrument]
                assert guard.stake(command.side) <= MAX_LOTS, "an order beyond the limit at the worst"
        self.n_seen = len(self.world.commands)

    @invariant()
    def the_venue_can_never_take_us_beyond_the_limit(self) -> None:
        """Whatever we know of it: what was filled, and all that is open there or on its way, keeps within."""
        world = self.world
        for i in range(2):
            held = sum(fill.side * fill.size for fill in world.all_fills if fill.instrument == i)
            for side in (1, -1):
                opened = [
                    each.size - each.filled
                    for each in world.at_venue.values()
                    if each.is_open and (each.place.instrument, each.place.side) == (i, side)
                ]
                under_way = [
                    each.size
                    for each in world.requests
                    if isinstance(each, PlaceOrder) and (each.instrument, each.side) == (i, side)
                ]
                assert side * held + sum(opened) + sum(under_way) <= MAX_LOTS, "the account may go over the limit"

    @invariant()
    def lanes_hold_the_live_quotes(self) -> None:
        ledger = self.world.manager.ledger
        for lanes in ledger.lanes.values():
            for lane in lanes:
                for side in lane.sides:
                    quotes = [
                        o
                        for o in ledger.live.values()
                        if (o.quoter, o.instrument, o.side) == (lane.quoter, lane.instrument, side.side) and o.tag == 0
                    ]
                    standing = [*side.present.values(), *side.surplus]
                    assert {o.client_id for o in standing} == {
                        o.client_id for o in quotes if PHASE[o.state] == STANDING
                    }
                    assert len(standing) == len({o.client_id for o in standing})
                    assert all(price == o.price for price, o in side.present.items())
                    assert side.n_ending == sum(PHASE[o.state] == ENDING for o in quotes)

    @invariant()
    def owners_know_their_orders(self) -> None:
        for client_id, order in self.world.manager.ledger.live.items():
            if client_id in self.world.told:
                told = self.world.told[client_id]
                assert (told.state, told.price, told.size, told.filled) == (
                    order.state,
                    order.price,
                    order.size,
                    order.filled,
                )

    @invariant()
    def sequential_has_one_quote_a_side(self) -> None:
        ids = [i for i in self.world.open_orders() if self.world.at_venue[i].place.client_id >> 27 & 127 == 1]
        for side in (1, -1):
            assert sum(self.world.at_venue[i].place.side == side for i in ids) <= 1

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        world = self.world
        for _ in range(6):
            world.settle()
            world.advance(25 * SECOND)
        ledger = world.manager.ledger
        position = [sum(f.side * f.size for f in world.all_fills if f.instrument == i) for i in range(2)]
        assert [guard.position for guard in ledger.guards] == position
        assert sorted(ledger.live) == sorted(world.open_orders()), "the venue has other orders than we think"
        for client_id, order in ledger.live.items():
            there = world.at_venue[client_id]
            assert (order.price, order.size, order.filled) == (there.price, there.size, there.filled)
            assert PHASE[order.state] == STANDING
            assert order.amend_size == 0
            assert order.is_accepted
        for client_id, told in world.told.items():
            if client_id not in ledger.live:
                assert PHASE[told.state] == ENDED
        assert len({f.fill_id for f in world.told_fills}) <= len(world.all_fills)
        world.give(Drain(world.now + 10 * SECOND))
        world.settle()
        assert world.open_orders() == []
        assert Drained(0) in world.control


TestOrderManager = pytest.mark.slow(OrderManagerMachine.TestCase)
TestOrderManager.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
