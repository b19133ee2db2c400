"""The virtual nursery: order of the drain, time, back-pressure, service, loops and crashes."""

from typing import Any

import pytest

from actors.runtime.child_spec import Backoff, ChildSpec, OnRestart, Strategy, SupervisorSpec
from actors.runtime.mailbox import Policy
from actors.runtime.nursery import ActorSpec, Outcome, Shell
from actors.runtime.planned_crash import PlannedCrash
from actors.runtime.run_log import RunLog
from market.messages import (
    ActorDown,
    ActorUp,
    CancelAll,
    Fill,
    LogReplayed,
    OrderAccepted,
    PlaceOrder,
    Position,
    Started,
    Stop,
    TimerFired,
)
from market.order_log import PACK, unpack
from sim.virtual import EndlessLoopError, VirtualNursery
from tests.actors.runtime.toys import (
    Line,
    ScriptedSource,
    Toy,
    ToyVenue,
    child,
    keep,
    position,
)
from tests.sim.virtual_runs import END, books, positions, run


def test_a_fill_told_after_an_outage_is_logged_however_many_others_filled_meanwhile() -> None:
    log = RunLog()
    for n in range(70_000):
        log.append(PACK[Fill](Fill(7, 1, n, n, n, 1, 100, 1, is_maker=True, fee_e12=0), n))
    late = Fill(8, 0, 5, 80_000, 1, 1, 100, 1, is_maker=True, fee_e12=0)
    run(Line(("a",)), [(80_000, "venue", "fills", late)] * 2, log)
    assert [unpack(row) for row in log.rows(70_000)] == [late]


def test_messages_are_handled_in_the_order_of_their_putting_over_all_mailboxes() -> None:
    # a gives two messages to b, and b two to c for each: all of b's come before any of c's
    def twice(toy: Toy, message: Any) -> None:
        if isinstance(message, Position):
            toy.send(position(message.lots * 10 + 1))
            toy.send(position(message.lots * 10 + 2))

    line = Line(("a", "b", "c"), reactions={"a": twice, "b": twice, "c": keep})
    nursery, outcome = run(line, books((5, 1)))
    assert positions(line) == [("a", 1), ("b", 11), ("b", 12), *[("c", n) for n in (111, 112, 121, 122)]]
    assert outcome == Outcome("done")
    assert nursery.now == END


def test_at_one_instant_the_market_comes_before_timers_and_timers_by_token() -> None:
    def ask(toy: Toy, message: Any) -> None:
        if isinstance(message, Started):
            toy.set_timer(20, 2)
            toy.set_timer(20, 1)
            toy.set_timer(10, 3)

    line = Line(("a",), reactions={"a": ask})
    run(line, books((10, 1), (20, 2), (20, 3)))
    told = [m.token if isinstance(m, TimerFired) else f"book {m.lots}" for _, _, m in line.diary[1:-1]]
    assert told == ["book 1", 3, "book 2", "book 3", 1, 2]


def test_timers_of_one_instant_come_by_actor_however_late_they_were_set() -> None:
    def early(toy: Toy, message: Any) -> None:
        if isinstance(message, Started):
            toy.set_timer(20, 1)

    def late(toy: Toy, message: Any) -> None:
        if isinstance(message, Position):
            toy.set_timer(20, 2)

    line = Line(("a", "b"), reactions={"a": late, "b": early})
    run(line, books((10, 1)))
    assert [(name, m.token) for name, _, m in line.diary if isinstance(m, TimerFired)] == [("a", 2), ("b", 1)]


def test_a_timer_of_the_past_fires_now_and_time_never_goes_back() -> None:
    seen: list[tuple[int, Any]] = []

    def ask(toy: Toy, message: Any) -> None:
        seen.append((toy.now, message))
        if isinstance(message, Position):
            toy.set_timer(3, message.lots)

    line = Line(("a",), reactions={"a": ask})
    run(line, books((10, 1), (10, 2), (30, 4)))
    times = [at for at, _ in seen]
    assert times == sorted(times)
    assert [(at, m.token) for at, m in seen if isinstance(m, TimerFired)] == [(10, 1), (10, 2), (30, 4)]


def test_the_source_may_not_go_back() -> None:
    nursery = VirtualNursery(RunLog(), 1, start=10)
    with pytest.raises(ValueError, match=r"^time must not go back: at 10 ns, asked for 9 ns$"):
        nursery.at(9)


def test_recurring_timers_end_with_the_data() -> None:
    def every_300_ms(toy: Toy, message: Any) -> None:
        if isinstance(message, Started | TimerFired):
            toy.set_timer(toy.now + 300_000_000, 1)

    line = Line(("a",), reactions={"a": every_300_ms})
    run(line, books((10, 1)))
    assert sum(isinstance(m, TimerFired) for _, _, m in line.diary) == 3


def test_outputs_leave_after_the_service_time_and_books_conflate_meanwhile() -> None:
    seen: list[tuple[int, int]] = []

    def note(toy: Toy, message: Any) -> None:
        if isinstance(message, Position):
            seen.append((toy.now, message.lots))

    line = Line(("a", "b"), policy=Policy.CONFLATE, services={"a": 100}, reactions={"b": note})
    nursery, _ = run(line, books((10, 1), (20, 2), (30, 3), (150, 4)))
    # taken at 10 and given at 110; of 20 and 30 the newer, taken at 110; that of 150 waits until 210
    assert seen == [(110, 2), (210, 4), (310, 5)]
    (conflated,) = [edge for edge in nursery.statistics()["a"] if edge.port == "books"]
    assert (conflated.conflated, conflated.put, conflated.used) == (1, 3, 0)


def test_a_full_block_edge_holds_its_sender_and_loses_nothing() -> None:
    line = Line(("a", "b"), policy=Policy.BLOCK, capacity=2, services={"b": 100})
    nursery, _ = run(line, books(*[(10 + i, i) for i in range(8)]))
    assert [lots for _, lots in positions(line, "b")] == list(range(1, 9))
    (into_b,) = [edge for edge in nursery.statistics()["b"] if edge.source == "a"]
    assert into_b.peak == 2
    (into_a,) = [edge for edge in nursery.statistics()["a"] if edge.port == "books"]
    assert into_a.peak == 5  # one is in service at b, two wait for it; the rest waits for a
    at_of = {m.lots: i for i, (name, _, m) in enumerate(line.diary) if name == "a" and isinstance(m, Position)}
    assert at_of[3] < next(i for i, (n, _, m) in enumerate(line.diary) if n == "b" and m == position(2)) < at_of[5]


def test_drop_oldest_keeps_the_newest() -> None:
    line = Line(("a", "b"), policy=Policy.DROP_OLDEST, capacity=2, services={"b": 100})
    nursery, _ = run(line, books(*[(10 + i, i) for i in range(6)]))
    assert [lots for _, lots in positions(line, "b")] == [1, 5, 6]
    (into_b,) = [edge for edge in nursery.statistics()["b"] if edge.source == "a"]
    assert into_b.dropped == 3


def test_an_overflow_is_a_crash_of_the_sender() -> None:
    line = Line(("a", "b"), policy=Policy.FAIL, capacity=1, services={"b": 1_000})
    run(line, books((10, 1), (20, 2), (30, 3)))
    starts = [(name, m.generation) for name, _, m in line.diary if isinstance(m, Started)]
    assert starts == [("a", 0), ("b", 0), ("a", 1)]


def test_a_loop_at_one_instant_is_named() -> None:
    def echo(toy: Toy, message: Any) -> None:
        if isinstance(message, Position):
            toy.send(message)

    nursery = VirtualNursery(RunLog(), 1)
    diary: list[Any] = []
    for i, name in enumerate(("ping", "pong")):
        nursery.spawn(ActorSpec(name, "quoter", i))
    nursery.spawn(ActorSpec("venue", "connector", is_shell=True))
    nursery.connect("venue", "books", "ping", Policy.FAIL, 9, "begins it")
    nursery.connect("ping", "next", "pong", Policy.FAIL, 9, "there")
    nursery.connect("pong", "next", "ping", Policy.FAIL, 9, "and back")
    toys = [child("ping", diary, echo), child("pong", diary, echo), ChildSpec("venue", lambda: ToyVenue("venue"))]
    nursery.supervise(SupervisorSpec("top", Strategy.ONE_FOR_ONE, tuple(toys)))
    told = (
        r"^more than 10000 deliveries at 5 ns: "
        r"pong\.next -> ping \(500 of 1000\), ping\.next -> pong \(500 of 1000\)$"
    )
    with pytest.raises(EndlessLoopError, match=told):
        nursery.run(ScriptedSource(nursery, books((5, 1)), END))


def test_ten_thousand_deliveries_are_fine_when_time_goes_on() -> None:
    line = Line(("a",), capacity=20_000)
    _, outcome = run(line, books(*[(10 + i, 1) for i in range(12_000)]))
    assert outcome.kind == "done"
    assert len(positions(line)) == 12_000


# --- the run's own log ---------------------------------------------------------------------------------------------


def order(client_id: int) -> PlaceOrder:
    return PlaceOrder(client_id, 0, 1, 100, 5, 0)


def place_for_each_book(toy: Toy, message: Any) -> None:
    if isinstance(message, Position):
        toy.send(order(message.lots))


def test_commands_are_logged_when_delivered_and_facts_when_emitted() -> None:
    line = Line(("om",), reactions={"om": place_for_each_book})
    log = RunLog()
    run(line, books((10, 1), (20, 2)), log=log)
    rows = [(row[1], unpack(row)) for row in log.rows()]
    facts = [OrderAccepted(1, 0, 10, 10), OrderAccepted(2, 0, 20, 20)]
    assert rows == [(10, order(1)), (10, facts[0]), (20, order(2)), (20, facts[1])]


def test_a_restarted_actor_is_given_the_log_before_what_waited() -> None:
    line = Line(("om",), reactions={"om": place_for_each_book}, replays_log=("om",))
    script = books((10, 1), (20, 2), (30, 3), (40, 4))
    run(line, script, crashes=[PlannedCrash("om", at_ns=35)])  # the backoff ends after the fourth
    second = [message for _, generation, message in line.diary if generation == 1]
    placed = [x for i, at in ((1, 10), (2, 20), (3, 30)) for x in (order(i), OrderAccepted(i, 0, at, at))]
    assert second[:9] == [Started(1), *placed, LogReplayed(10), position(4)]


def test_the_replay_of_the_log_ends_with_when_it_began() -> None:
    def fill(fill_id: int, ts_venue: int) -> Fill:
        return Fill(1, 0, ts_venue, 15, fill_id, 1, 100, 5, is_maker=True, fee_e12=0)

    line = Line(("om",), replays_log=("om",))
    script = [(15, "venue", "fills", fill(1, 13)), (15, "venue", "fills", fill(2, 11))]
    run(line, script, crashes=[PlannedCrash("om", at_ns=20)])
    assert [m for _, g, m in line.diary if g == 1][:4] == [Started(1), fill(1, 13), fill(2, 11), LogReplayed(15)]


def test_a_log_of_an_earlier_process_is_replayed_at_the_first_start() -> None:
    log = RunLog()
    log.append((3, 5, 0, 2, 0, 0, 0, 0, 0, 0))  # a CANCEL_ALL
    line = Line(("om",), replays_log=("om",))
    run(line, (), log=log)
    assert [m for _, _, m in line.diary] == [Started(0), CancelAll(2), LogReplayed(5), Stop()]


# --- crashes and restarts ------------------------------------------------------------------------------------------


def lives(line: Line) -> list[tuple[str, int, str]]:
    return [(n, g, type(m).__name__) for n, g, m in line.diary if isinstance(m, Started | Stop)]


@pytest.mark.parametrize(
    ("strategy", "stopped", "started"),
    [
        (Strategy.ONE_FOR_ONE, [], ["b"]),
        (Strategy.REST_FOR_ONE, ["c"], ["b", "c"]),
        (Strategy.ONE_FOR_ALL, ["c", "a"], ["a", "b", "c"]),
    ],
)
def test_who_is_stopped_and_started(strategy: Strategy, stopped: list[str], started: list[str]) -> None:
    line = Line(("a", "b", "c"), strategy=strategy)
    run(line, books((10, 1), (20, 2), (5_000_000, 3)), crashes=[PlannedCrash("b", at_message=3)])
    first = [(name, 0, "Started") for name in "abc"]
    middle = [*[(name, 0, "Stop") for name in stopped], *[(name, 1, "Started") for name in started]]
    last = [(name, int(name in started), "Stop") for name in "cba"]
    assert lives(line) == [*first, *middle, *last]
    # b's first message is Started, so it crashed with the second book, which is lost; the third goes all the way
    assert positions(line, "b") == [("b", 2), ("b", 4)]
    assert positions(line, "c") == [("c", 3), ("c", 5)]


def test_what_the_handler_gave_before_it_raised_is_not_sent() -> None:
    line = Line(("a", "b"))
    crash = PlannedCrash("a", at_message=2, after_handler=True)
    run(line, books((10, 1)), crashes=[crash])
    assert positions(line) == [("a", 1)]


@pytest.mark.parametrize(("mailbox", "seen"), [(OnRestart.KEEP, [2, 3, 9]), (OnRestart.CLEAR, [9])])
def test_the_mailbox_at_a_restart(mailbox: OnRestart, seen: list[int]) -> None:
    line = Line(("a",), mailbox=mailbox)
    run(line, books((10, 1), (20, 2), (30, 3), (END - 1, 9)), crashes=[PlannedCrash("a", at_message=2)])
    assert [lots for _, lots in positions(line)] == seen


def test_timers_of_a_dead_generation_do_not_fire() -> None:
    def ask(toy: Toy, message: Any) -> None:
        if isinstance(message, Started):
            toy.set_timer(50_000_000, message.generation)

    line = Line(("a",), reactions={"a": ask})
    run(line, books((10, 1)), crashes=[PlannedCrash("a", at_message=2)])
    assert [(g, m.token) for _, g, m in line.diary if isinstance(m, TimerFired)] == [(1, 1)]


def test_the_others_hear_of_a_fall_and_a_return() -> None:
    line = Line(("a", "b"))
    run(line, books((10, 1)), crashes=[PlannedCrash("b", at_ns=10)])
    news = [(name, m) for name, _, m in line.diary if isinstance(m, ActorDown | ActorUp)]
    reason = "PlannedCrashError: b, at 10"
    assert news == [("a", ActorDown("quoter", 1, reason)), ("a", ActorUp("quoter", 1))]


def test_backoffs_are_virtual_and_seeded() -> None:
    def returns(seed: int) -> int:
        seen: list[int] = []

        def note(toy: Toy, message: Any) -> None:
            if isinstance(message, Started):
                seen.append(toy.now)

        line = Line(("a",), reactions={"a": note}, backoff=Backoff(base_s=0.2, cap_s=1.0, jitter=0.5))
        nursery = VirtualNursery(RunLog(), seed, crashes=[PlannedCrash("a", at_ns=10)])
        line.wire(nursery)
        nursery.run(ScriptedSource(nursery, books((10, 1)), END))
        return seen[1]

    assert returns(1) == returns(1) != returns(2)
    assert 100_000_000 <= returns(1) - 10 <= 200_000_000


def test_over_the_limit_the_run_gives_up_and_says_why() -> None:
    line = Line(("a", "b"), intensity=1)
    crashes = [PlannedCrash("a", at_message=2), PlannedCrash("a", at_message=4)]
    _, outcome = run(line, books((10, 1), (2_000_000, 2), (4_000_000, 3)), crashes=crashes)
    assert outcome == Outcome("gave up", 0, "PlannedCrashError: a, before its message 4")
    assert positions(line, "b") == []
    assert lives(line)[-1] == ("b", 0, "Stop")


def test_a_factory_that_raises_is_a_crash() -> None:
    n_starts = 0

    def start() -> Toy:
        nonlocal n_starts
        n_starts += 1
        if n_starts == 1:
            raise OSError("not yet")
        return Toy("a", diary, keep)

    diary: list[Any] = []
    nursery = VirtualNursery(RunLog(), 1)
    nursery.spawn(ActorSpec("a", "quoter"))
    nursery.spawn(ActorSpec("venue", "connector", is_shell=True))
    children = (ChildSpec("a", start), ChildSpec("venue", lambda: ToyVenue("venue")))
    nursery.supervise(SupervisorSpec("top", Strategy.ONE_FOR_ONE, children))
    assert nursery.run(ScriptedSource(nursery, (), END)).kind == "done"
    assert diary[0] == ("a", 1, Started(1))


def test_a_shell_that_is_down_sends_nothing() -> None:
    line = Line(("a",))
    nursery = VirtualNursery(RunLog(), 1, crashes=[PlannedCrash("venue", at_ns=15)])
    line.wire(nursery)
    outcome = nursery.run(ScriptedSource(nursery, books((10, 1), (20, 2)), END))
    assert [lots for _, lots in positions(line)] == [1]
    assert outcome.kind == "gave up"  # the top's intensity is 0


class Abandoned(Shell):
    """A venue with two orders, whose ends are proven by two facts."""

    ports = ("facts",)

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.left = 2
        self.is_abandoned = False

    @property
    def n_unproven(self) -> int:
        return self.left if self.is_abandoned else 0

    def abandon(self) -> None:
        self.is_abandoned = True


@pytest.mark.parametrize(("n_facts", "unproven"), [(2, 0), (1, 1)])
def test_who_gives_up_waits_for_the_proof_of_the_shells_cancels(n_facts: int, unproven: int) -> None:
    venue = Abandoned("venue")
    nursery = VirtualNursery(RunLog(), 1, crashes=[PlannedCrash("a", at_ns=5)], drain_ns=1_000)
    nursery.spawn(ActorSpec("venue", "connector", is_shell=True))
    nursery.spawn(ActorSpec("a", "quoter"))
    children = (ChildSpec("venue", lambda: venue), child("a", []))
    nursery.supervise(SupervisorSpec("top", Strategy.ONE_FOR_ONE, children, intensity=0))

    class Facts(ScriptedSource):
        def advance(self, until: int) -> int | None:
            at = super().advance(until)
            venue.left -= at is not None
            return at

    script = [(10 + i, "venue", "facts", OrderAccepted(i, 0, 0, 0)) for i in range(n_facts)]
    outcome = nursery.run(Facts(nursery, script, END))
    assert (outcome.kind, outcome.unproven) == ("gave up", unproven)
    assert nursery.now == 11 if unproven == 0 else 5 + 1_000
