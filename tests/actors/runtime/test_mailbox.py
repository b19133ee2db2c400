"""The mailbox against a naive list, and what each policy promises."""

from dataclasses import dataclass

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from actors.runtime.mailbox import Edge, EdgeOverflowError, Mailbox, Policy
from market.messages import Fresh, Stale

POLICIES = list(Policy)
CAPACITY = 3


def edge_of(policy: Policy, capacity: int = CAPACITY) -> Edge:
    return Edge(f"from {policy.value}", "out", "here", policy, capacity, "a test")


@dataclass
class Waiting:
    edge: int
    message: Stale | Fresh


class AgainstAList(RuleBasedStateMachine):
    """One edge of each policy; what waits is a plain list, searched and rebuilt at every step."""

    def __init__(self) -> None:
        super().__init__()
        self.mailbox = Mailbox("here")
        self.edges = [edge_of(policy) for policy in POLICIES]
        for edge in self.edges:
            self.mailbox.join(edge)
        self.model: list[Waiting] = []
        self.n_sent = 0
        self.dropped = [0] * len(POLICIES)
        self.conflated = [0] * len(POLICIES)
        self.peak = [0] * len(POLICIES)

    def used(self, i: int) -> int:
        return sum(waiting.edge == i for waiting in self.model)

    @rule(i=st.integers(0, len(POLICIES) - 1), instrument=st.integers(0, 4), is_fresh=st.booleans())
    def put(self, i: int, instrument: int, is_fresh: bool) -> None:
        self.n_sent += 1
        message = Fresh(instrument, self.n_sent) if is_fresh else Stale(instrument, self.n_sent, "")
        n_before = len(self.model)
        is_overflow = self.put_in_model(i, message)
        if is_overflow:
            with pytest.raises(EdgeOverflowError, match=POLICIES[i].value):
                self.mailbox.put(self.edges[i], message)
        else:
            assert self.mailbox.put(self.edges[i], message) is (len(self.model) > n_before)
        self.peak[i] = max(self.peak[i], self.used(i))

    def put_in_model(self, i: int, message: Stale | Fresh) -> bool:
        policy = POLICIES[i]
        if policy is Policy.CONFLATE:
            for waiting in self.model:
                same_key = (type(waiting.message), waiting.message.instrument) == (type(message), message.instrument)
                if waiting.edge == i and same_key:
                    waiting.message = message
                    self.conflated[i] += 1
                    return False
        if policy is not Policy.BLOCK and self.used(i) == CAPACITY:
            if policy in (Policy.FAIL, Policy.CONFLATE):
                return True
            self.dropped[i] += 1
            if policy is Policy.DROP_NEWEST:
                return False
            self.model.remove(next(waiting for waiting in self.model if waiting.edge == i))
        self.model.append(Waiting(i, message))
        return False

    @precondition(lambda self: self.model)
    @rule()
    def get(self) -> None:
        expected = self.model.pop(0)
        edge, message = self.mailbox.get()
        assert edge is self.edges[expected.edge]
        assert message is expected.message

    @precondition(lambda self: len(self.model) > 4)
    @rule()
    def clear(self) -> None:
        assert self.mailbox.clear() == len(self.model)
        self.model.clear()

    @invariant()
    def counts_agree(self) -> None:
        assert len(self.mailbox) == len(self.model)
        for i, (edge, counted) in enumerate(zip(self.edges, self.mailbox.statistics(), strict=True)):
            assert (counted.used, counted.peak) == (self.used(i), self.peak[i])
            assert (counted.dropped, counted.conflated) == (self.dropped[i], self.conflated[i])
            assert edge.is_full is (self.used(i) >= CAPACITY)


TestAgainstAList = AgainstAList.TestCase
TestAgainstAList.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_a_rewritten_key_keeps_its_place() -> None:
    mailbox, conflated, plain = Mailbox("here"), edge_of(Policy.CONFLATE), edge_of(Policy.FAIL)
    mailbox.join(conflated)
    mailbox.join(plain)
    mailbox.put(conflated, Fresh(7, 1))
    mailbox.put(plain, Fresh(7, 2))
    mailbox.put(conflated, Fresh(7, 3))
    assert [mailbox.get()[1] for _ in range(2)] == [Fresh(7, 3), Fresh(7, 2)]


def test_a_key_that_was_taken_begins_a_new_place() -> None:
    mailbox, edge = Mailbox("here"), edge_of(Policy.CONFLATE)
    mailbox.join(edge)
    mailbox.put(edge, Fresh(7, 1))
    mailbox.get()
    assert mailbox.put(edge, Fresh(7, 2))
    assert mailbox.get()[1] == Fresh(7, 2)


def test_overflow_names_the_edge_and_its_reason() -> None:
    mailbox = Mailbox("keeper")
    edge = Edge("binance", "books", "keeper", Policy.FAIL, 1, "a lost delta is a wrong book")
    mailbox.join(edge)
    mailbox.put(edge, Fresh(0, 1))
    told = r"^edge binance\.books -> keeper is full: 1 messages wait \(a lost delta is a wrong book\)$"
    with pytest.raises(EdgeOverflowError, match=told):
        mailbox.put(edge, Fresh(0, 2))


def test_a_capacity_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^capacity of edge from fail\.out -> here must be at least 1, got 0$"):
        edge_of(Policy.FAIL, capacity=0)
