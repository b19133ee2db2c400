"""The live nursery: the same actors and the same rules under Trio, in whatever order its tasks run."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from actors.runtime.child_spec import ChildSpec, OnRestart, Strategy, SupervisorSpec
from actors.runtime.journal import JournalFile
from actors.runtime.live import LiveNursery
from actors.runtime.live_clock import LiveClock
from actors.runtime.log import open_log
from actors.runtime.mailbox import Policy
from actors.runtime.nursery import ActorSpec, Emit, Outcome, Shell
from actors.runtime.planned_crash import PlannedCrash
from actors.runtime.run_log import RunLog
from market.messages import (
    ActorDown,
    ActorUp,
    ConnectionLost,
    ConnectionUp,
    LogReplayed,
    OrderAccepted,
    PlaceOrder,
    Position,
    Started,
    Stop,
    TimerFired,
)
from market.order_log import unpack
from market.units import MS, SECOND
from sim.journal_replay import JournalReplay
from sim.virtual import VirtualNursery
from tests.actors.runtime.seeded_trio import seeded
from tests.actors.runtime.toys import (
    SHORT,
    Line,
    MuteManager,
    Script,
    ScriptedSource,
    Toy,
    ToyManager,
    ToyVenue,
    child,
    position,
)
from tests.market.archive.full_disk import full_disk

SEEDS = range(8)
FILES = ("journal", "orders.log")


async def run_line(line: Line, seconds: float = 1.0, log: RunLog | None = None, **options: Any) -> Outcome:
    clock = LiveClock(start=0)
    nursery = LiveNursery(RunLog() if log is None else log, 7, clock, **options)
    line.wire(nursery, clock)
    return await stop_after(nursery, seconds)


async def stop_after(nursery: LiveNursery, seconds: float) -> Outcome:
    async with trio.open_nursery() as tasks:
        tasks.start_soon(_request_stop, nursery, seconds)
        outcome = await nursery.run()
        tasks.cancel_scope.cancel()
    return outcome


async def _request_stop(nursery: LiveNursery, seconds: float) -> None:
    await trio.sleep(seconds)
    nursery.request_stop()


def books(*at_lots: tuple[int, int]) -> Script:
    return [(at, "venue", "books", position(lots)) for at, lots in at_lots]


def seen(line: Line, name: str) -> list[int]:
    return [m.lots for n, _, m in line.diary if n == name and isinstance(m, Position)]


@pytest.mark.parametrize("seed", SEEDS)
def test_every_interleaving_delivers_all_in_order_through_full_block_edges(seed: int) -> None:
    script = books(*[(10 * MS + i // 10, i) for i in range(100)])
    line = Line(("a", "b", "c"), policy=Policy.BLOCK, capacity=2, script=script)
    assert seeded(seed, partial(run_line, line)) == Outcome("done")
    assert seen(line, "c") == [i + 2 for i in range(100)]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_block_edge_exceeds_its_capacity_by_no_more_than_one_delivery(seed: int) -> None:
    nurseries: list[LiveNursery] = []

    def thrice(toy: Toy, message: Any) -> None:
        if isinstance(message, Position):
            for _ in range(3):
                toy.send(message)

    async def main() -> None:
        clock = LiveClock(start=0)
        nurseries.append(LiveNursery(RunLog(), 7, clock))
        line.wire(nurseries[0], clock)
        await stop_after(nurseries[0], 1.0)

    line = Line(("a", "b"), policy=Policy.BLOCK, capacity=2, reactions={"a": thrice}, script=books(*[(1, 1)] * 30))
    seeded(seed, main)
    assert len(seen(line, "b")) == 90
    (into_b,) = [edge for edge in nurseries[0].statistics()["b"] if edge.source == "a"]
    assert into_b.peak <= 2 - 1 + 3


@pytest.mark.parametrize("seed", SEEDS)
def test_conflation_ends_with_the_newest_and_stays_in_order(seed: int) -> None:
    line = Line(("a", "b"), policy=Policy.CONFLATE, script=books(*[(5 * MS, i) for i in range(50)]))
    seeded(seed, partial(run_line, line))
    got = seen(line, "b")
    assert got == sorted(got)
    assert got[-1] == 50


def test_timers_fire_at_their_time_and_an_earlier_one_wakes() -> None:
    fired: list[tuple[int, int]] = []

    def ask(toy: Toy, message: Any) -> None:
        if isinstance(message, Started):
            toy.set_timer(500 * MS, 1)
        elif isinstance(message, Position):
            toy.set_timer(200 * MS, 2)
        elif isinstance(message, TimerFired):
            fired.append((toy.now // MS, message.token))

    line = Line(("a",), reactions={"a": ask}, script=books((100 * MS, 1)))
    seeded(1, partial(run_line, line))
    assert fired == [(200, 2), (500, 1)]


# --- the same supervision as in virtual time -----------------------------------------------------------------------


def lives(line: Line) -> list[tuple[str, int, str]]:
    return [(n, g, type(m).__name__) for n, g, m in line.diary if isinstance(m, Started | Stop)]


def line_that_crashes(strategy: Strategy, mailbox: OnRestart, script: Script) -> Line:
    return Line(("a", "b", "c"), strategy=strategy, mailbox=mailbox, intensity=3, script=script)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("mailbox", list(OnRestart))
@pytest.mark.parametrize("strategy", list(Strategy))
def test_both_nurseries_decide_alike(strategy: Strategy, mailbox: OnRestart, seed: int) -> None:
    script = books(*[(50 * i * MS, i) for i in range(1, 15)])
    crashes = [PlannedCrash("b", at_message=3), PlannedCrash("a", at_message=6), PlannedCrash("c", at_ns=425 * MS)]
    live = line_that_crashes(strategy, mailbox, script)
    outcome = seeded(seed, partial(run_line, live, crashes=crashes))
    virtual = line_that_crashes(strategy, mailbox, script)
    nursery = VirtualNursery(RunLog(), 7, crashes=crashes)
    virtual.wire(nursery)
    assert nursery.run(ScriptedSource(nursery, script, SECOND)) == outcome == Outcome("done")
    assert lives(live) == lives(virtual)
    for name in live.names:
        told = [(g, m) for n, g, m in live.diary if n == name and not isinstance(m, ActorDown)]
        assert told == [(g, m) for n, g, m in virtual.diary if n == name and not isinstance(m, ActorDown)]


def test_over_the_limit_the_run_gives_up_without_being_asked() -> None:
    line = Line(("a", "b"), intensity=0, script=books((10 * MS, 1), (20 * MS, 2)))
    crashes = [PlannedCrash("a", at_message=3)]
    outcome = seeded(1, partial(run_line, line, seconds=1e6, crashes=crashes))
    assert outcome == Outcome("gave up", 0, "PlannedCrashError: a, before its message 3")
    assert lives(line)[-1] == ("b", 0, "Stop")


def test_a_restarted_actor_is_given_the_log_before_what_waited() -> None:
    def place(toy: Toy, message: Any) -> None:
        if isinstance(message, Position) and message.lots < 9:
            toy.send(PlaceOrder(message.lots, 0, 1, 100, 5, 0))

    script = books((10 * MS, 1), (20 * MS, 2), (30 * MS + 1, 9))
    line = Line(("om",), reactions={"om": place}, replays_log=("om",), script=script)
    log = RunLog()
    seeded(1, partial(run_line, line, log=log, crashes=[PlannedCrash("om", at_ns=30 * MS)]))
    rows = [unpack(row) for row in log.rows()]
    assert [type(row) for row in rows] == [PlaceOrder, OrderAccepted] * 2
    second = [message for _, generation, message in line.diary if generation == 1]
    assert second[:7] == [Started(1), *rows, LogReplayed(next(log.rows())[1]), position(9)]


# --- shells --------------------------------------------------------------------------------------------------------


class Breaking(Shell):
    """A venue whose connection breaks once, and which takes its time to close."""

    ports = ("books",)

    def __init__(self, name: str, lives: list[str]) -> None:
        super().__init__(name)
        self._lives = lives

    async def run(self, emit: Emit) -> None:
        n = len(self._lives)
        self._lives.append("open")
        try:
            await trio.sleep(0.1)
            emit("books", position(n))
            if n == 0:
                raise OSError("broken pipe")
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(0.05)
            self._lives.append("closed")


def shell_and_toy(nursery: LiveNursery, shell: Callable[[], Shell], toy: ChildSpec) -> None:
    nursery.spawn(ActorSpec("venue", "connector", is_shell=True))
    nursery.spawn(ActorSpec("a", "manager"))
    nursery.connect("venue", "books", "a", Policy.FAIL, 64, "a toy")
    venue = ChildSpec("venue", shell, shutdown_s=2.0)
    nursery.supervise(SupervisorSpec("top", Strategy.ONE_FOR_ONE, (venue, toy), intensity=1))


def test_a_shell_that_raises_is_restarted_once_it_has_closed() -> None:
    opened: list[str] = []
    line = Line(("a",))

    async def main() -> Outcome:
        nursery = LiveNursery(RunLog(), 7, LiveClock(start=0))
        shell_and_toy(nursery, lambda: Breaking("venue", opened), child("a", line.diary, kind=ToyManager))
        return await stop_after(nursery, 5.0)

    assert seeded(1, main) == Outcome("done", 0)
    assert opened == ["open", "closed", "open", "closed"]
    assert seen(line, "a") == [0, 2]
    news = [type(m) for _, _, m in line.diary if isinstance(m, ActorDown | ActorUp)]
    assert news == [ActorDown, ActorUp]


class Losing(Shell):
    """A venue whose connection is lost after a second, for two seconds."""

    ports = ("connection",)

    async def run(self, emit: Emit) -> None:
        for message in (ConnectionUp(0, 0, 1), ConnectionLost(0, 0, 1, "reset"), ConnectionUp(0, 0, 2)):
            emit("connection", message)
            await trio.sleep(2.0 if isinstance(message, ConnectionLost) else 1.0)
        await trio.sleep_forever()


@pytest.mark.parametrize(("at_s", "n_told"), [(0.5, 1), (2.0, 1), (3.5, 0)])
def test_who_begins_anew_is_told_of_a_connection_that_is_down(at_s: float, n_told: int) -> None:
    """Before it is lost the news is still to come; while it is, the nursery repeats it; after it there is none."""
    line = Line(("a",))

    async def main() -> Outcome:
        crash = PlannedCrash("a", at_ns=round(at_s * SECOND))
        nursery = LiveNursery(RunLog(), 7, LiveClock(start=0), crashes=[crash])
        nursery.spawn(ActorSpec("venue", "connector", is_shell=True))
        nursery.spawn(ActorSpec("a", "manager"))
        nursery.connect("venue", "connection", "a", Policy.FAIL, 64, "a toy")
        made = [ChildSpec("venue", lambda: Losing("venue")), child("a", line.diary, kind=ToyManager)]
        nursery.supervise(SupervisorSpec("top", Strategy.ONE_FOR_ONE, tuple(made), backoff=SHORT))
        return await stop_after(nursery, 5.0)

    assert seeded(1, main) == Outcome("done", 0)
    second = [m for name, generation, m in line.diary if name == "a" and generation == 1]
    assert [m for m in second if isinstance(m, ConnectionLost)] == [ConnectionLost(0, 0, 1, "reset")] * n_told


class Stubborn(Shell):
    """A venue that does not let itself be closed within its grace."""

    async def run(self, emit: Emit) -> None:
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(7)


def test_a_stop_is_bounded() -> None:
    async def main() -> float:
        nursery = LiveNursery(RunLog(), 7, LiveClock(start=0))
        shell_and_toy(nursery, lambda: Stubborn("venue"), child("a", [], kind=ToyManager))
        begun = trio.current_time()
        await stop_after(nursery, 1.0)
        return trio.current_time() - begun

    # a second of running, then seven that the shell insists on: the nursery has gone on after two
    assert seeded(1, main) == pytest.approx(8.0)


class Proving(Shell):
    """A venue whose cancels are proven after a while."""

    ports = ("facts",)

    def __init__(self, name: str, proof_after_s: float) -> None:
        super().__init__(name)
        self._n = 0
        self._proof_after_s = proof_after_s
        self._abandoned = trio.Event()

    @property
    def n_unproven(self) -> int:
        return self._n

    def abandon(self) -> None:
        self._n = 1
        self._abandoned.set()

    async def run(self, emit: Emit) -> None:
        await self._abandoned.wait()
        await trio.sleep(self._proof_after_s)
        self._n = 0
        emit("facts", OrderAccepted(1, 0, 0, 0))


@pytest.mark.parametrize(("proof_after_s", "unproven", "ends_at"), [(0.5, 0, 1.5), (60.0, 1, 3.0)])
def test_who_gives_up_waits_for_the_proof_of_the_shells_cancels(
    proof_after_s: float, unproven: int, ends_at: float
) -> None:
    async def main() -> tuple[Outcome, float]:
        crashes = [PlannedCrash("a", at_ns=SECOND)]
        nursery = LiveNursery(RunLog(), 7, LiveClock(start=0), crashes=crashes, drain_ns=2 * SECOND)
        nursery.spawn(ActorSpec("venue", "connector", is_shell=True))
        nursery.spawn(ActorSpec("a", "quoter"))
        venue = ChildSpec("venue", lambda: Proving("venue", proof_after_s))
        nursery.supervise(SupervisorSpec("top", Strategy.ONE_FOR_ONE, (venue, child("a", [])), intensity=0))
        return await nursery.run(), trio.current_time()

    outcome, ended = seeded(1, main)
    assert outcome == Outcome("gave up", unproven, f"PlannedCrashError: a, at {SECOND}")
    assert ended == pytest.approx(ends_at, abs=1e-3)


def test_without_an_answer_the_drain_ends_at_its_deadline() -> None:
    async def main() -> tuple[Outcome, float]:
        clock = LiveClock(start=0)
        nursery = LiveNursery(RunLog(), 7, clock, drain_ns=2 * SECOND)
        shell_and_toy(nursery, lambda: ToyVenue("venue", books((MS, 1)), clock), child("a", [], kind=MuteManager))
        return await stop_after(nursery, 1.0), trio.current_time()

    outcome, ended = seeded(1, main)
    assert outcome == Outcome("done", 0), "the shell was asked instead: it has no order"
    assert ended == pytest.approx(3.0, abs=1e-3)


@pytest.mark.parametrize("seed", SEEDS)
def test_who_sends_to_one_that_has_stopped_is_not_held_by_it(seed: int) -> None:
    def many(toy: Toy, message: Any) -> None:
        if isinstance(message, Position):
            for _ in range(5):
                toy.send(message)

    async def main() -> float:
        await run_line(line)
        return trio.current_time()

    # the books come at the instant of the stop, and b is stopped first
    script = books(*[(SECOND, i) for i in range(20)])
    line = Line(("a", "b"), policy=Policy.BLOCK, capacity=1, reactions={"a": many}, script=script)
    assert seeded(seed, main) == pytest.approx(1.0, abs=0.1)


@pytest.mark.realtime
def test_a_scaled_clock_runs_a_line_at_its_own_pace() -> None:
    times: list[int] = []

    def note(toy: Toy, message: Any) -> None:
        if isinstance(message, Position):
            times.append(toy.now)

    async def main() -> None:
        clock = LiveClock(start=1_000 * SECOND, scale=20.0)
        line = Line(("a",), reactions={"a": note}, script=script)
        nursery = LiveNursery(RunLog(), 7, clock)
        line.wire(nursery, clock)
        await stop_after(nursery, 0.3)

    script = [(1_000 * SECOND + i * SECOND, "venue", "books", position(i)) for i in range(1, 5)]
    trio.run(main)
    assert [(at - 1_000 * SECOND) // SECOND for at in times] == [1, 2, 3, 4]


# --- files and ears ------------------------------------------------------------------------------------------------


def place_each(toy: Toy, message: Any) -> None:
    if isinstance(message, Position):
        toy.send(PlaceOrder(message.lots + 1, 0, 1, 100, 5, 0))


def test_a_full_disk_stops_nobody_and_is_told_once(tmp_path: Path) -> None:
    """The log and the journal wait in memory until there is room, and lack nothing then."""
    script = books(*[(i * 20 * MS, i) for i in range(500)])
    line = Line(("om",), reactions={"om": place_each}, script=script)
    log = RunLog(tmp_path / "orders.log", patient=True)
    journal = JournalFile(tmp_path / "journal", patient=True)

    told: list[tuple[str, str]] = []
    is_behind, is_well = trio.Event(), trio.Event()  # a thread does not know of this clock: it may take it any time

    def hear(record: dict[str, Any]) -> None:
        if "file" in record:
            told.append((record["message"], record["file"]))
        for n, event in ((2, is_behind), (4, is_well)):
            if len(told) == n:
                event.set()

    async def main() -> Outcome:
        with open_log(tmp_path / "log.jsonl", lambda: 0, "r", heard=hear) as logger:
            clock = LiveClock(start=0)
            nursery = LiveNursery(log, 7, clock, journal=journal, logger=logger)
            line.wire(nursery, clock)
            async with trio.open_nursery() as tasks:
                tasks.start_soon(fill_disk, nursery)
                outcome = await nursery.run()
                tasks.cancel_scope.cancel()
        return outcome

    async def fill_disk(nursery: LiveNursery) -> None:
        await trio.sleep(2.5)
        with full_disk(2_000):
            await is_behind.wait()
        await trio.sleep(9)
        await is_well.wait()
        nursery.request_stop()

    assert seeded(1, main) == Outcome("done")
    log.close()
    rows = [unpack(row) for row in RunLog(tmp_path / "orders.log", resume=True).rows()]
    assert [row.client_id for row in rows if isinstance(row, PlaceOrder)] == list(range(1, 501))
    follower = JournalReplay(RunLog())
    Line(("om",), reactions={"om": place_each}).wire(follower)
    assert follower.follow(tmp_path / "journal") == log.digest()
    assert sorted(told) == [(text, file) for text in ("file is not written", "file is written again") for file in FILES]


def test_an_ear_hears_what_leaves_a_port_and_changes_nothing(tmp_path: Path) -> None:
    heard: list[Any] = []

    async def main() -> None:
        clock = LiveClock(start=0)
        nursery = LiveNursery(RunLog(), 7, clock, journal=JournalFile(tmp_path / "journal"))
        line.wire(nursery, clock)
        nursery.listen("venue", "books", heard.append)
        nursery.listen("a", "next", heard.append)
        await stop_after(nursery, 1.0)

    line = Line(("a", "b"), policy=Policy.CONFLATE, script=books((10 * MS, 1), (20 * MS, 5)))
    seeded(1, main)
    assert [message.lots for message in heard] == [1, 2, 5, 6]
    follower = JournalReplay(RunLog())
    again = Line(("a", "b"), policy=Policy.CONFLATE)
    again.wire(follower)
    follower.follow(tmp_path / "journal")
    assert again.diary == line.diary
