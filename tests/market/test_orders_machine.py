"""One order at a random venue whose news comes in any order."""

from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from market.messages import OrderState, Reason
from market.orders import Order, OrderEvent

E = OrderEvent
S = OrderState
GONE = int(Reason.UNKNOWN_ORDER)
BUSY = int(Reason.VENUE_OTHER)


class OneOrder(RuleBasedStateMachine):
    """One order at a venue that is asked for all sorts of things; its news arrives in any order, some of it twice."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 10
        self.order = Order(7, 0, 0, 0, 1, 100, 10, 0, 10)
        self.is_new_at_venue = False  # the venue has decided on the new order
        self.truth = S.PENDING_NEW
        self.price, self.size, self.filled = 100, 10, 0
        self.to_venue: list[tuple[Any, ...]] = [("new",)]
        self.news: list[tuple[Any, ...]] = []
        self.told_fills: set[int] = set()
        self.fills: list[tuple[int, int]] = []

    def tick(self) -> int:
        self.now += 1
        return self.now

    # --- we ----------------------------------------------------------------------------------------------------------

    @precondition(lambda self: not self.order.is_final and not self.order.is_cancelling)
    @rule()
    def cancel(self) -> None:
        self.order.cancel_sent(self.tick())
        self.to_venue.append(("cancel",))

    @precondition(lambda self: self.order.state in (S.PENDING_NEW, S.OPEN))
    @rule(price=st.integers(98, 102), size=st.integers(1, 20))
    def amend(self, price: int, size: int) -> None:
        o = self.order
        if size > o.filled and (price, size) != (o.price, o.size):
            o.amend_sent(price, size, self.tick())
            self.to_venue.append(("amend", price, size))

    @precondition(lambda self: not self.order.is_final)
    @rule()
    def lose_patience(self) -> None:
        o = self.order
        if not o.is_accepted or o.is_cancelling or o.amend_size:
            o.timed_out()

    # --- the venue ---------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.to_venue)
    @rule(is_refused=st.booleans())
    def take_request(self, is_refused: bool) -> None:
        request, *what = self.to_venue.pop(0)
        now = self.tick()
        is_open = self.truth == S.OPEN
        if request == "new":
            self.is_new_at_venue = True
            self.truth = S.REJECTED if is_refused else S.OPEN
            self.news.append(("rejected" if is_refused else "accepted", now))
        elif not is_open:
            self.news.append((f"{request} rejected", now, GONE))
        elif is_refused or (request == "amend" and what[1] <= self.filled):
            self.news.append((f"{request} rejected", now, BUSY))
        elif request == "amend":
            self.price, self.size = what
            self.news.append(("amended", now, self.price, self.size))
        else:
            self.truth = S.CANCELLED
            self.news.append(("cancelled", now))

    @precondition(lambda self: self.truth == S.OPEN)
    @rule(size=st.integers(1, 9))
    def trade(self, size: int) -> None:
        size = min(size, self.size - self.filled)
        self.filled += size
        self.fills.append((len(self.fills), size))
        self.news.append(("fill", self.tick(), len(self.fills) - 1, size))
        if self.filled == self.size:
            self.truth = S.FILLED

    @precondition(lambda self: self.truth == S.OPEN)
    @rule()
    def expire(self) -> None:
        self.truth = S.EXPIRED
        self.news.append(("expired", self.tick()))

    @precondition(lambda self: self.is_new_at_venue and not self.to_venue)  # requests arrive in order
    @rule()
    def snapshot(self) -> None:
        asked = self.tick()
        now = self.tick()
        self.news.append(("account", now, asked, self.truth == S.OPEN, self.price, self.size, list(self.fills)))

    @precondition(lambda self: self.is_new_at_venue and not self.to_venue)
    @rule(n_fills=st.integers(0, 9))
    def snapshot_with_a_page_missing(self, n_fills: int) -> None:
        asked = self.tick()
        self.news.append(("account", self.tick(), asked, False, self.price, self.size, self.fills[:n_fills]))

    @precondition(lambda self: self.is_new_at_venue and not self.to_venue)
    @rule()
    def status(self) -> None:
        asked = self.tick()
        self.news.append(("status", self.tick(), asked, self.truth, self.price, self.size, self.filled))

    # --- the news ----------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.news)
    @rule(pick=st.integers(0, 100), is_repeated=st.booleans())
    def hear(self, pick: int, is_repeated: bool) -> None:
        item = self.news.pop(pick % len(self.news))
        self.tell(item)
        if is_repeated:
            state = self.order.state
            self.tell(item)
            assert self.order.state == state

    def tell(self, item: tuple[Any, ...]) -> None:
        o, (what, ts, *more) = self.order, item
        match what:
            case "accepted":
                o.accepted(ts)
            case "rejected":
                o.ended(E.REJECTED, ts, 1)
            case "cancelled":
                o.ended(E.CANCELLED, ts, 0)
            case "expired":
                o.ended(E.EXPIRED, ts, 0)
            case "amended":
                o.amended(more[0], more[1], ts)
            case "amend rejected":
                o.amend_rejected(ts, self.now, more[0])
            case "cancel rejected":
                o.cancel_rejected(ts, self.now, more[0])
            case "fill":
                self.count(more[0], more[1], ts)
            case "account":
                asked, is_open, price, size, fills = more
                for number, lots in fills:
                    self.count(number, lots, ts)
                if is_open:
                    o.seen_open(price, size, asked, ts)
                elif o.is_missed(asked, ts):
                    o.missing()
            case "status":
                asked, truth, price, size, filled = more
                if truth == S.OPEN:
                    o.seen_open(price, size, asked, ts)
                elif o.reported(truth, filled, asked, ts) and o.is_final:
                    assert o.filled >= filled, "it ended with fills that are in no position"

    def count(self, number: int, size: int, ts: int) -> None:
        if number not in self.told_fills:
            self.told_fills.add(number)
            self.order.fill(size, ts)

    @invariant()
    def counts_what_it_was_told(self) -> None:
        o = self.order
        assert o.filled == sum(size for number, size in self.fills if number in self.told_fills)
        assert 0 <= o.filled <= max(o.size, o.amend_size)

    @invariant()
    def worst_case_covers_the_venue(self) -> None:
        """Whatever we have heard: we count at least what may still be filled, and what was and is not told."""
        o = self.order
        if self.is_new_at_venue and not o.is_final:
            untold = sum(size for number, size in self.fills if number not in self.told_fills)
            at_stake = self.size - self.filled if self.truth == S.OPEN else 0
            assert o.worst >= at_stake + untold

    def teardown(self) -> None:
        while self.to_venue:
            self.take_request(False)
        while self.news:
            self.tell(self.news.pop(0))
        o = self.order
        if o.is_final and self.truth != S.OPEN:
            assert o.filled == self.filled
            return
        # what is left open is settled by patience and an account snapshot
        if not o.is_accepted or o.is_cancelling or o.amend_size:
            o.timed_out()
        asked, now = self.tick(), self.tick()
        self.tell(("account", now, asked, self.truth == S.OPEN, self.price, self.size, list(self.fills)))
        assert o.filled == self.filled
        asked, now = self.tick(), self.tick()
        self.tell(("status", now, asked, self.truth, self.price, self.size, self.filled))
        if self.truth == S.OPEN:
            assert (o.state, o.price, o.size) == (S.OPEN, self.price, self.size)
        else:
            assert o.is_final


TestOneOrder = pytest.mark.slow(OneOrder.TestCase)
TestOneOrder.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
