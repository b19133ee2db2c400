"""Random supervision trees in a naive world, which obeys the decisions and remembers who really lives."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from actors.runtime.restart_budget import RestartBudget
from actors.runtime.supervision import (
    Backoff,
    ChildSpec,
    ChildState,
    Decision,
    Escalate,
    GiveUp,
    Restart,
    StartAt,
    Stop,
    Strategy,
    SupervisionTree,
    SupervisorSpec,
)
from market.units import SECOND

NODES = st.recursive(
    st.sampled_from(list(Restart)),
    lambda inner: st.tuples(
        st.sampled_from(list(Strategy)), st.integers(0, 3), st.lists(inner, min_size=1, max_size=3)
    ),
    max_leaves=8,
)
TREES = st.tuples(st.sampled_from(list(Strategy)), st.integers(0, 3), st.lists(NODES, min_size=1, max_size=3))
PERIOD_S = 10


def plant(shape: object, names: list[str]) -> ChildSpec | SupervisorSpec:
    name = f"n{len(names)}"
    names.append(name)
    if isinstance(shape, Restart):
        return ChildSpec(name, object, shape)
    assert isinstance(shape, tuple)
    strategy, intensity, below = shape
    children = tuple(plant(each, names) for each in below)
    return SupervisorSpec(name, strategy, children, intensity, PERIOD_S, Backoff(base_s=1.0, cap_s=8.0))


class World(RuleBasedStateMachine):
    """A nursery that obeys the decisions, and remembers who really lives."""

    @initialize(shape=TREES, seed=st.integers(0, 9))
    def begin(self, shape: object, seed: int) -> None:
        spec = plant(shape, [])
        assert isinstance(spec, SupervisorSpec)
        self.specs: dict[str, SupervisorSpec] = {}
        self.parents: dict[str, str] = {}
        self.remember(spec)
        self.tree = SupervisionTree(spec, seed)
        self.order = self.tree.start_order()
        self.now = 0
        self.alive: dict[str, int] = {}
        self.last: dict[str, int] = {}
        self.due: list[tuple[int, str, int]] = []
        self.spent: dict[str, list[int]] = {name: [] for name in self.specs}
        for name in self.order:
            self.start(name, 0)

    def remember(self, spec: SupervisorSpec) -> None:
        self.specs[spec.id] = spec
        for below in spec.children:
            self.parents[below.id] = spec.id
            if isinstance(below, SupervisorSpec):
                self.remember(below)

    def start(self, name: str, generation: int) -> None:
        assert name not in self.alive, "two generations of one child would live"
        assert generation > self.last.get(name, -1)
        self.alive[name] = self.last[name] = generation
        self.tree.on_started(name, generation)

    def forget(self, spec: SupervisorSpec) -> None:
        self.spent[spec.id] = []
        for below in spec.children:
            if isinstance(below, SupervisorSpec):
                self.forget(below)

    def obey(self, crashed: str, decisions: list[Decision]) -> None:
        stops: list[int] = []
        starts: list[StartAt] = []
        at_fault = self.parents[crashed] if decisions else ""
        for decision in decisions:
            match decision:
                case Stop(name, generation):
                    assert self.alive.pop(name) == generation
                    stops.append(self.order.index(name))
                case StartAt():
                    starts.append(decision)
                case Escalate(name) | GiveUp(name):
                    assert name == at_fault
                    assert stops == sorted(stops, reverse=True)
                    assert not set(self.tree.children_of(name)) & set(self.alive), "a subtree outlived its supervisor"
                    self.count(name, is_over=True)
                    stops = []
                    at_fault = self.parents.get(name, "")
        assert stops == sorted(stops, reverse=True)
        assert [self.order.index(s.child) for s in starts] == sorted({self.order.index(s.child) for s in starts})
        assert [s.at_ns for s in starts] == sorted(s.at_ns for s in starts)
        for start in starts:
            assert start.supervisor == at_fault
            self.due.append((start.at_ns, start.child, start.generation))
        if starts:
            self.count(at_fault, is_over=False)
            affected = {self.step_below(at_fault, start.child) for start in starts}
            for name in affected & set(self.specs):
                self.forget(self.specs[name])

    def step_below(self, supervisor_id: str, name: str) -> str:
        while self.parents[name] != supervisor_id:
            name = self.parents[name]
        return name

    def count(self, name: str, is_over: bool) -> None:
        self.spent[name].append(self.now)
        recent = [at for at in self.spent[name] if at >= self.now - PERIOD_S * SECOND]
        assert (len(recent) > self.specs[name].intensity) == is_over

    def one_alive(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(sorted(self.alive)))

    @precondition(lambda self: self.alive)
    @rule(data=st.data())
    def crash(self, data: st.DataObject) -> None:
        name = self.one_alive(data)
        self.obey(name, self.tree.on_crash(name, self.alive.pop(name), self.now, "boom"))

    @precondition(lambda self: self.alive)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        name = self.one_alive(data)
        self.obey(name, self.tree.on_exit(name, self.alive.pop(name), self.now))

    @precondition(lambda self: any(self.last.values()))
    @rule(data=st.data())
    def late_report(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(name for name, generation in self.last.items() if generation)))
        old = data.draw(st.integers(0, self.last[name] - 1))
        assert self.tree.on_crash(name, old, self.now, "late") == []
        assert self.tree.on_exit(name, old, self.now) == []

    @rule(seconds=st.integers(0, 12))
    def pass_time(self, seconds: int) -> None:
        self.now += seconds * SECOND
        for at, name, generation in [due for due in self.due if due[0] <= self.now]:
            self.due.remove((at, name, generation))
            if self.tree.may_start(name, generation):
                self.start(name, generation)

    @precondition(lambda self: self.due)
    @rule()
    def start_fails(self) -> None:
        _, name, generation = self.due.pop(0)
        if self.tree.may_start(name, generation):
            self.last[name] = generation
            self.obey(name, self.tree.on_crash(name, generation, self.now, "factory raised"))

    @invariant()
    def tree_knows_who_lives(self) -> None:
        for name in self.order:
            assert (self.tree.state(name) is ChildState.RUNNING) == (name in self.alive)
            if name in self.alive:
                assert self.tree.generation(name) == self.alive[name]
            if self.tree.state(name) is ChildState.BACKING_OFF:
                assert [d[2] for d in self.due if d[1] == name and self.tree.may_start(name, d[2])] != []

    @invariant()
    def nobody_permanent_is_forgotten(self) -> None:
        if not self.tree.has_given_up:
            for name in self.order:
                if self.tree.spec(name).restart is Restart.PERMANENT:
                    assert self.tree.state(name) is not ChildState.STOPPED


World.TestCase.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
TestWorld = World.TestCase


class Budget(RuleBasedStateMachine):
    """A budget against the list of all that was ever spent."""

    @initialize(intensity=st.integers(0, 4), period=st.integers(1, 20))
    def begin(self, intensity: int, period: int) -> None:
        self.budget = RestartBudget(intensity, period)
        self.spent: list[int] = []
        self.now = 0

    @rule(later=st.integers(0, 15))
    def spend(self, later: int) -> None:
        self.now += later
        self.spent.append(self.now)
        expected = sum(self.now - self.budget.period_ns <= at <= self.now for at in self.spent)
        assert self.budget.spend(self.now) == expected

    @rule()
    def clear(self) -> None:
        self.budget.clear()
        self.spent = []


Budget.TestCase.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)
TestBudget = Budget.TestCase
