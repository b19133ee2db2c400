"""The supervision rules give OTP's documented answers."""

from collections.abc import Sequence

import attrs
import pytest

from actors.runtime.supervision import (
    Backoff,
    ChildSpec,
    ChildState,
    Decision,
    Escalate,
    GiveUp,
    LeaveDown,
    Restart,
    StartAt,
    Stop,
    Strategy,
    SupervisionTree,
    SupervisorSpec,
)
from market.units import SECOND

AT_ONCE = Backoff(base_s=0.0)


def child(name: str, restart: Restart = Restart.PERMANENT) -> ChildSpec:
    return ChildSpec(name, object, restart)


def supervisor(
    name: str,
    strategy: Strategy,
    *children: ChildSpec | SupervisorSpec,
    intensity: int = 3,
    period_s: float = 30.0,
    backoff: Backoff = AT_ONCE,
) -> SupervisorSpec:
    return SupervisorSpec(name, strategy, children, intensity, period_s, backoff)


def started(spec: SupervisorSpec, seed: int = 1) -> SupervisionTree:
    tree = SupervisionTree(spec, seed)
    for name in tree.start_order():
        tree.on_started(name, 0)
    return tree


def start_all(tree: SupervisionTree, decisions: Sequence[Decision]) -> None:
    for decision in decisions:
        if isinstance(decision, StartAt):
            tree.on_started(decision.child, decision.generation)


def words(decisions: Sequence[Decision]) -> str:
    """Write decisions as one line: `-a0` stop, `+a1` start, `^s` escalate, `!s` give up, `~s` left down."""
    signs = []
    for decision in decisions:
        match decision:
            case Stop(name, generation):
                signs.append(f"-{name}{generation}")
            case StartAt(name, generation):
                signs.append(f"+{name}{generation}")
            case Escalate(name):
                signs.append(f"^{name}")
            case GiveUp(name):
                signs.append(f"!{name}")
            case LeaveDown(name):
                signs.append(f"~{name}")
    return " ".join(signs)


def trading_tree(intensity: int = 1) -> SupervisorSpec:
    """The tree of docs/architecture.md with two venues and two quoters."""
    one, rest = Strategy.ONE_FOR_ONE, Strategy.REST_FOR_ONE
    venues = [supervisor(f"v{n}", rest, child(f"c{n}"), child(f"k{n}"), intensity=intensity) for n in (1, 2)]
    trading = supervisor(
        "trading",
        rest,
        supervisor("venues", one, *venues, intensity=intensity),
        child("tracker"),
        child("orders"),
        supervisor("quoters", one, child("q1"), child("q2"), intensity=intensity),
        intensity=intensity,
    )
    return supervisor("top", one, trading, child("recorder"), intensity=intensity)


def test_an_expendable_supervisor_over_its_limit_stays_down_alone() -> None:
    expendable = attrs.evolve(
        supervisor("recording", Strategy.ONE_FOR_ONE, child("r"), intensity=1), is_expendable=True
    )
    tree = started(supervisor("top", Strategy.ONE_FOR_ALL, expendable, child("a"), intensity=0))
    assert words(tree.on_crash("r", 0, 0, "boom")) == "+r1"
    tree.on_started("r", 1)
    assert words(tree.on_crash("r", 1, 1, "boom")) == "~recording"
    assert (tree.state("r"), tree.state("a")) == (ChildState.STOPPED, ChildState.RUNNING)
    assert words(tree.on_crash("r", 1, 2, "late news")) == ""
    assert words(tree.shut_down()) == "-a0"


# --- one supervisor --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("strategy", "crashed", "expected"),
    [
        (Strategy.ONE_FOR_ONE, "a", "+a1"),
        (Strategy.ONE_FOR_ONE, "b", "+b1"),
        (Strategy.REST_FOR_ONE, "a", "-c0 -b0 +a1 +b1 +c1"),
        (Strategy.REST_FOR_ONE, "b", "-c0 +b1 +c1"),
        (Strategy.REST_FOR_ONE, "c", "+c1"),
        (Strategy.ONE_FOR_ALL, "a", "-c0 -b0 +a1 +b1 +c1"),
        (Strategy.ONE_FOR_ALL, "b", "-c0 -a0 +a1 +b1 +c1"),
    ],
)
def test_strategy_restarts_whom_otp_says(strategy: Strategy, crashed: str, expected: str) -> None:
    tree = started(supervisor("s", strategy, child("a"), child("b"), child("c")))
    assert words(tree.on_crash(crashed, 0, 0, "boom")) == expected


@pytest.mark.parametrize(
    ("restart", "after_crash", "after_exit"),
    [
        (Restart.PERMANENT, "-c0 +b1 +c1", "-c0 +b1 +c1"),
        (Restart.TRANSIENT, "-c0 +b1 +c1", ""),
        (Restart.TEMPORARY, "", ""),
    ],
)
def test_restart_type_decides_which_ends_are_restarted(restart: Restart, after_crash: str, after_exit: str) -> None:
    spec = supervisor("s", Strategy.REST_FOR_ONE, child("a"), child("b", restart), child("c"))
    assert words(started(spec).on_crash("b", 0, 0, "boom")) == after_crash
    assert words(started(spec).on_exit("b", 0, 0)) == after_exit


def test_temporary_child_is_stopped_with_its_siblings_but_not_restarted() -> None:
    tree = started(supervisor("s", Strategy.ONE_FOR_ALL, child("a"), child("t", Restart.TEMPORARY), child("c")))
    assert words(tree.on_crash("a", 0, 0, "boom")) == "-c0 -t0 +a1 +c1"
    assert tree.state("t") is ChildState.STOPPED


def test_transient_child_that_ended_is_started_again_with_its_siblings() -> None:
    tree = started(supervisor("s", Strategy.REST_FOR_ONE, child("a"), child("t", Restart.TRANSIENT)))
    tree.on_exit("t", 0, 0)
    assert words(tree.on_crash("a", 0, 0, "boom")) == "+a1 +t1"


def test_more_than_intensity_restarts_in_the_period_stop_all_and_give_up() -> None:
    tree = started(supervisor("s", Strategy.ONE_FOR_ONE, child("a"), child("b"), child("c"), intensity=2, period_s=5))
    for generation, second in enumerate((0, 2)):
        start_all(tree, tree.on_crash("b", generation, second * SECOND, "boom"))
    decisions = tree.on_crash("b", 2, 5 * SECOND, "boom")  # exactly a period after the first: still counts
    assert words(decisions) == "-c0 -a0 !s"
    assert decisions[-1] == GiveUp("s", 3, "boom")
    assert tree.has_given_up
    assert words(tree.on_crash("a", 0, 5 * SECOND, "boom")) == ""


def test_restarts_older_than_the_period_are_forgotten() -> None:
    tree = started(supervisor("s", Strategy.ONE_FOR_ONE, child("a"), intensity=1, period_s=5))
    for generation in range(20):
        decisions = tree.on_crash("a", generation, generation * (5 * SECOND + 1), "boom")
        assert words(decisions) == f"+a{generation + 1}"
        start_all(tree, decisions)


def test_one_crash_costs_one_restart_however_many_siblings_follow() -> None:
    tree = started(supervisor("s", Strategy.ONE_FOR_ALL, child("a"), child("b"), child("c"), intensity=1))
    assert words(tree.on_crash("a", 0, 0, "boom")).endswith("+c1")


# --- trees -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("crashed", "expected"),
    [
        ("c1", "-k10 +c11 +k11"),
        ("k1", "+k11"),
        ("tracker", "-q20 -q10 -orders0 +tracker1 +orders1 +q11 +q21"),
        ("orders", "-q20 -q10 +orders1 +q11 +q21"),
        ("q1", "+q11"),
        ("recorder", "+recorder1"),
    ],
)
def test_trading_tree_restarts_what_rests_on_the_crashed(crashed: str, expected: str) -> None:
    assert words(started(trading_tree()).on_crash(crashed, 0, 0, "boom")) == expected


def test_start_and_stop_order_of_the_trading_tree() -> None:
    tree = SupervisionTree(trading_tree(), 1)
    assert tree.start_order() == ("c1", "k1", "c2", "k2", "tracker", "orders", "q1", "q2", "recorder")
    assert tree.stop_order() == tree.start_order()[::-1]
    assert tree.children_of("venues") == ("c1", "k1", "c2", "k2")
    assert (tree.supervisor_of("k2"), tree.supervisor_of("v2"), tree.supervisor_of("top")) == ("v2", "venues", None)


def test_escalation_climbs_until_a_supervisor_can_bear_it() -> None:
    tree = started(trading_tree())
    start_all(tree, tree.on_crash("k1", 0, 0, "boom"))
    # v1 is over its limit: its children are stopped, and `venues` restarts it whole, alone
    decisions = tree.on_crash("k1", 1, 0, "boom")
    assert words(decisions) == "-c10 ^v1 +c11 +k12"
    start_all(tree, decisions)
    # its new life has a new budget
    decisions = tree.on_crash("k1", 2, 0, "boom")
    assert words(decisions) == "+k13"
    start_all(tree, decisions)
    # `venues` has spent its one restart: `trading` restarts it, and all that rests on it
    decisions = tree.on_crash("k1", 3, 0, "boom")
    expected = "-c11 ^v1 -k20 -c20 ^venues -q20 -q10 -orders0 -tracker0 "
    assert words(decisions) == expected + "+c12 +k14 +c21 +k21 +tracker1 +orders1 +q11 +q21"


def test_levels_multiply() -> None:
    inner = supervisor("inner", Strategy.ONE_FOR_ONE, child("a"), intensity=10)
    tree = started(supervisor("outer", Strategy.ONE_FOR_ONE, inner, intensity=10))
    n_starts = 0
    while not tree.has_given_up:
        decisions = tree.on_crash("a", tree.generation("a"), 0, "boom")
        n_starts += sum(isinstance(decision, StartAt) for decision in decisions)
        start_all(tree, decisions)
    # ten lives after the first, each of ten restarts, and the restarts of the lives themselves
    assert n_starts == 11 * 11 - 1


def test_whole_subtree_of_a_restarted_supervisor_starts_anew_temporary_children_too() -> None:
    inner = supervisor("inner", Strategy.ONE_FOR_ONE, child("b"), child("t", Restart.TEMPORARY))
    tree = started(supervisor("outer", Strategy.REST_FOR_ONE, child("a"), inner))
    tree.on_crash("t", 0, 0, "boom")
    assert words(tree.on_crash("a", 0, 0, "boom")) == "-b0 +a1 +b1 +t1"


def test_shut_down_stops_what_runs_in_reverse_and_is_final() -> None:
    tree = started(trading_tree())
    tree.on_crash("q2", 0, 0, "boom")
    assert words(tree.shut_down()) == "-recorder0 -q10 -orders0 -tracker0 -k20 -c20 -k10 -c10"
    assert not tree.may_start("q2", 1)
    assert words(tree.on_crash("orders", 0, 0, "boom")) == ""


# --- backoff and generations -----------------------------------------------------------------------------------------


def test_wait_doubles_up_to_the_cap_and_is_reset_by_a_quiet_time() -> None:
    backoff = Backoff(base_s=0.5, cap_s=3.0, jitter=0.0, reset_after_s=60.0)
    tree = started(supervisor("s", Strategy.ONE_FOR_ONE, child("a"), intensity=99, backoff=backoff))
    now, waits = 0, []
    for gap_s in (1, 1, 1, 1, 59, 60, 1):
        decisions = tree.on_crash("a", tree.generation("a"), now, "boom")
        assert isinstance(decisions[0], StartAt)
        waits.append((decisions[0].at_ns - now) / SECOND)
        start_all(tree, decisions)
        now = decisions[0].at_ns + gap_s * SECOND
    assert waits == [0.5, 1.0, 2.0, 3.0, 3.0, 3.0, 0.5]


def test_wait_stays_finite_after_thousands_of_restarts() -> None:
    backoff = Backoff(base_s=0.5, cap_s=3.0, jitter=0.0)
    tree = started(supervisor("s", Strategy.ONE_FOR_ONE, child("a"), intensity=9999, backoff=backoff))
    for generation in range(2000):
        decisions = tree.on_crash("a", generation, 0, "boom")
        start_all(tree, decisions)
    assert words(decisions) == "+a2000"


def test_jitter_depends_on_seed_and_supervisor_and_keeps_within_its_share() -> None:
    def waits(seed: int, name: str) -> list[int]:
        spec = supervisor(name, Strategy.ONE_FOR_ONE, child("a"), intensity=99, backoff=Backoff(1.0, 1.0, 0.25))
        tree, found = started(spec, seed), []
        for generation in range(50):
            decisions = tree.on_crash("a", generation, 0, "boom")
            start_all(tree, decisions)
            found += [decision.at_ns for decision in decisions if isinstance(decision, StartAt)]
        return found

    assert waits(7, "s") == waits(7, "s")
    assert waits(7, "s") != waits(8, "s")
    assert waits(7, "s") != waits(7, "r")
    assert all(0.75 * SECOND <= wait <= SECOND for wait in waits(7, "s"))


def test_reports_of_a_replaced_generation_are_ignored() -> None:
    tree = started(supervisor("s", Strategy.REST_FOR_ONE, child("a"), child("b")))
    start_all(tree, tree.on_crash("a", 0, 0, "boom"))
    assert tree.on_crash("a", 0, 0, "late") == []
    assert tree.on_crash("b", 0, 0, "died while it was being stopped") == []
    assert tree.on_exit("b", 0, 0) == []


def test_crash_during_a_backoff_starts_nobody_twice_and_keeps_the_longer_wait() -> None:
    slow = Backoff(base_s=4.0, cap_s=60.0, jitter=0.0)
    tree = started(supervisor("s", Strategy.REST_FOR_ONE, child("a"), child("b"), child("c"), backoff=slow))
    start_all(tree, tree.on_crash("b", 0, 0, "boom"))
    first = tree.on_crash("b", 1, 4 * SECOND, "boom")
    assert [d.at_ns for d in first if isinstance(d, StartAt)] == [12 * SECOND, 12 * SECOND]
    second = tree.on_crash("a", 0, 5 * SECOND, "boom")
    assert words(second) == "+a1 +b3 +c3"
    assert [d.at_ns for d in second if isinstance(d, StartAt)] == [9 * SECOND, 12 * SECOND, 12 * SECOND]
    assert not tree.may_start("b", 2)
    assert tree.may_start("b", 3)


def test_child_that_cannot_be_started_crashes_in_that_generation() -> None:
    tree = SupervisionTree(supervisor("s", Strategy.REST_FOR_ONE, child("a"), child("b"), child("c")), 1)
    tree.on_started("a", 0)
    assert words(tree.on_crash("b", 0, 0, "factory raised")) == "+b1 +c1"
    assert not tree.may_start("c", 0)


def test_start_without_asking_is_a_bug_that_is_told() -> None:
    tree = started(supervisor("s", Strategy.ONE_FOR_ONE, child("a")))
    with pytest.raises(
        AssertionError, match=r"^a generation 0 was started, but is running at generation 0: ask may_start"
    ):
        tree.on_started("a", 0)


def test_an_id_that_stands_twice_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^id 's' stands twice in the supervision tree; "):
        SupervisionTree(supervisor("s", Strategy.ONE_FOR_ONE, child("s")), 1)


@pytest.mark.parametrize(("key", "value"), [("base_s", -1.0), ("cap_s", -1.0), ("jitter", 1.5), ("reset_after_s", 0.0)])
def test_a_backoff_out_of_range_is_refused_by_name(key: str, value: float) -> None:
    with pytest.raises(ValueError, match=key):
        Backoff(**{key: value})
